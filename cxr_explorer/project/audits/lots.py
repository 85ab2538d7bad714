"""What an audit can cover: labels of one reader and finding on images that can be looked at, and its sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.audits.records import Audit, are_in, are_same, audit_records
from cxr_explorer.project.label_columns import label_column
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.sampling.plan import Plan, plan


@dataclass(frozen=True, eq=False)
class Lot:
    """Labels that can be audited together: one reader's, of one finding, on images that can be looked at.

    Attributes:
        finding: The finding.
        reader: Whose labels they are, and who audits them.
        title: What the images are, in words ("cluster 4").
        image_ids: (N,) ascending.
        values: (N,) int8, the labels as they stand.
        patients: (N,) equal numbers are one patient's images; unknown patients have a number of their own each.
        whole: Whether the lot is meant to hold every label of the finding, later ones too.
        value: The value all of them are meant to have, or None for any.
    """

    finding: str
    reader: str
    title: str
    image_ids: Ids
    values: NDArray[np.int8]
    patients: Ids
    whole: bool
    value: Value | None


def lot_of(
    project: Project,
    finding: str,
    reader: str,
    image_ids: Ids | None = None,
    value: Value | None = None,
    title: str = "",
) -> Lot:
    """The labels among some images that an audit can cover; excluded and missing images are left out.

    Args:
        project: Whose labels.
        finding: The finding.
        reader: Whose labels.
        image_ids: Where to look; None for every label of the finding.
        value: Only labels of this value.
        title: What the images are, in words; made up where empty.
    """
    column = label_column(project, finding, reader)
    chosen = np.ones(len(column.image_ids), bool)
    if image_ids is not None:
        chosen &= np.isin(column.image_ids, image_ids)
    if value is not None:
        chosen &= column.values == value
    unseen = project.db.execute("SELECT id FROM images WHERE excluded OR missing")
    chosen &= ~np.isin(column.image_ids, np.fromiter((row[0] for row in unseen), np.int64))
    ids = column.image_ids[chosen]
    if not title:
        title = images_text(len(ids)) if image_ids is not None else "all labels"
    groups = project.patient_groups(ids)
    groups = np.where(groups < 0, -1 - np.arange(len(ids)), groups)
    return Lot(finding, reader, title, ids, column.values[chosen], groups, image_ids is None, value)


def plan_lot(chosen: Lot, error_limit: float, confidence: float, tolerated: int = 0) -> Plan:
    """The smallest sample for a lot; patients are drawn where they are known and some have several images.

    Raises:
        UserError: As `sampling.plan.plan`.
    """
    patients = len(np.unique(chosen.patients))
    some_have_several = patients < len(chosen.image_ids)
    return plan(len(chosen.image_ids), error_limit, confidence, tolerated, patients if some_have_several else None)


def tolerable(chosen: Lot, error_limit: float, tolerated: int) -> int:
    """So many errors, or as many as the limit allows in a lot so small."""
    return min(tolerated, int(error_limit * len(chosen.image_ids) + 1e-9))


def earlier_audits(project: Project, chosen: Lot) -> list[Audit]:
    """Audits of the same images for the same finding and reader, whatever became of them, oldest first."""
    return earlier_among(audit_records(project, chosen.finding, chosen.reader), [chosen])[0]


def earlier_among(known: Sequence[Audit], lots: Sequence[Lot]) -> list[list[Audit]]:
    """For each lot the audits of the same images, as `earlier_audits`; lots of many clusters in one go.

    Args:
        known: The audits of the lots' finding and reader.
        lots: Lots that share no image.
    """
    found: list[list[Audit]] = [[] for _ in lots]
    ids = np.concatenate([lot.image_ids for lot in lots]) if lots else np.zeros(0, np.int64)
    order = np.argsort(ids)
    ids, owner = ids[order], np.repeat(np.arange(len(lots)), [len(lot.image_ids) for lot in lots])[order]
    sizes = np.bincount(owner, minlength=len(lots))
    for audit in known:
        inside = audit.image_ids[are_in(ids, audit.image_ids)]
        both = np.bincount(owner[np.searchsorted(ids, inside)], minlength=len(lots))
        for place in np.flatnonzero(are_same(both, sizes, len(audit.image_ids))).tolist():
            found[place].append(audit)
    return found


def part_of(whole: Lot, title: str, image_ids: Ids) -> Lot:
    """The labels of a lot on some images, as a lot of its own. Ids ascending."""
    rows = np.searchsorted(whole.image_ids, image_ids[are_in(whole.image_ids, image_ids)])
    return Lot(
        whole.finding,
        whole.reader,
        title,
        whole.image_ids[rows],
        whole.values[rows],
        whole.patients[rows],
        False,
        None,
    )


def draw(chosen: Lot, made: Plan, seed: int) -> Ids:
    """The sample in the order it is read."""
    random = np.random.default_rng(seed)
    if made.unit == "image":
        return random.permutation(chosen.image_ids)[: made.sample]
    # One image of every patient, at random: the first of a shuffled lot; then patients at random.
    shuffled = random.permutation(len(chosen.image_ids))
    _, first = np.unique(chosen.patients[shuffled], return_index=True)
    return random.permutation(chosen.image_ids[shuffled[first]])[: made.sample]
