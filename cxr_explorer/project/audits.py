"""Random audits of labels: planned, drawn and stored before anybody looks, then answered image by image.

An audit, once started, stays on record: its lot, its sample and what it had been decided to tolerate cannot be changed,
and starting is not undoable. Only its answers are acts of the reader, each of which also labels the image; what became
of the audit follows from them, see `audit_records`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import ONE_BY_ONE, Judgement, Value
from cxr_explorer.project.acts import Change, recorded
from cxr_explorer.project.audit_records import KIND, Audit, are_in, are_same, audit_records
from cxr_explorer.project.labelling import VALUE_WORDS, images_text, label_column, record_label
from cxr_explorer.project.project import Ids, Project, now
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


def lot(
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


def start(
    project: Project,
    chosen: Lot,
    error_limit: float,
    confidence: float,
    tolerated: int = 0,
    seed: int | None = None,
) -> int:
    """Draws the sample and puts the audit on record; returns its number.

    Args:
        project: Open for writing.
        chosen: The labels to cover.
        error_limit: See `plan`.
        confidence: See `plan`.
        tolerated: See `plan`.
        seed: Of the sample; None draws one. It is stored.

    Raises:
        UserError: There is no such plan, or these images are under audit already.
    """
    made = plan_lot(chosen, error_limit, confidence, tolerated)
    before = earlier_audits(project, chosen)
    for audit in before:
        if audit.state == "open":
            raise UserError(
                f"Audit {audit.audit_id} of these images is open: {audit.answered:,} of {made.sample:,} read. "
                "Go on with it, or abandon it; either way it stays on record."
            )
    seed = secrets.randbits(32) if seed is None else seed
    sample = _draw(chosen, made, seed)
    replaced = project.db.execute("SELECT id FROM images WHERE replaced")
    decided = {
        "unit": made.unit,
        "units": made.units,
        "sample": made.sample,
        "tolerated": tolerated,
        "error_limit": error_limit,
        "confidence": confidence,
        "seed": seed,
        "whole": chosen.whole,
        "value": None if chosen.value is None else int(chosen.value),
        "earlier": [audit.audit_id for audit in before],
        # Their file's content had changed already when the audit began.
        "replaced": np.intersect1d(chosen.image_ids, [row[0] for row in replaced]).tolist(),
    }
    with project.db.atomic():
        cursor = project.db.execute(
            """INSERT INTO audits (at, reader, finding, title, plan, population, covered, sample)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                now(),
                chosen.reader,
                chosen.finding,
                chosen.title,
                json.dumps(decided, sort_keys=True),
                chosen.image_ids.astype("<i8").tobytes(),
                chosen.values.astype("i1").tobytes(),
                sample.astype("<i8").tobytes(),
            ],
        )
        return int(cursor.lastrowid or 0)


def _draw(chosen: Lot, made: Plan, seed: int) -> Ids:
    """The sample in the order it is read."""
    random = np.random.default_rng(seed)
    if made.unit == "image":
        return random.permutation(chosen.image_ids)[: made.sample]
    # One image of every patient, at random: the first of a shuffled lot; then patients at random.
    shuffled = random.permutation(len(chosen.image_ids))
    _, first = np.unique(chosen.patients[shuffled], return_index=True)
    return random.permutation(chosen.image_ids[shuffled[first]])[: made.sample]


def answer_state(audit_id: int, image_id: int, value: Value | None) -> dict[tuple[str, str], str | None]:
    """The state that records an answer; it belongs to the act that labels the image with how "audit"."""
    return {(KIND, f"{audit_id}/{image_id}"): None if value is None else str(int(value))}


def answer(project: Project, audit: Audit, image_id: int, value: Value) -> Change | None:
    """Stores what the reader sees on an image of the sample, and labels the image so: one act.

    Returns:
        What changed, or None where this was the answer already.

    Raises:
        ValueError: The image is not in the sample.
    """
    if image_id not in audit.sample:
        raise ValueError(f"image {image_id} is not in the sample of audit {audit.audit_id}")
    with recorded(project, audit.reader) as act:
        judgement = Judgement(audit.finding, value, audit.reader, "audit")
        record_label(project, act, np.array([image_id]), judgement)
        for (kind, key), stored in answer_state(audit.audit_id, image_id, value).items():
            act.put(kind, key, stored)
        act.text = f"Audit {audit.audit_id}: {audit.finding} = {VALUE_WORDS[value]} on 1 image"
    return act.change


def abandon(project: Project, audit: Audit) -> Change | None:
    """Gives an open audit up. It stays on record, and counts among the audits of its images."""
    with recorded(project, audit.reader) as act:
        act.put(KIND, str(audit.audit_id), "abandoned")
        act.text = f"Abandoned audit {audit.audit_id}"
    return act.change


def resume(project: Project, audit: Audit) -> Change | None:
    """Takes an abandoned audit up again, with the sample it had."""
    with recorded(project, audit.reader) as act:
        act.put(KIND, str(audit.audit_id), None)
        act.text = f"Took up audit {audit.audit_id} again"
    return act.change


def repair_queue(project: Project, audit: Audit) -> Ids:
    """What to read to mend a lot that failed: the images nobody read one by one, those at the clusters' edges first.

    Chosen where errors are likely, not at random: reading them mends labels and is no evidence of the rest.
    """
    read = project.db.execute(
        f"SELECT image_id FROM labels WHERE finding = ? AND reader = ? AND how IN ({', '.join('?' * len(ONE_BY_ONE))})",
        [audit.finding, audit.reader, *ONE_BY_ONE],
    )
    ids = np.setdiff1d(audit.image_ids, np.fromiter((row[0] for row in read), np.int64))
    latest = project.latest_map()
    if latest is None or not ids.size:
        return ids
    rows = np.searchsorted(latest.image_ids, ids).clip(max=len(latest.image_ids) - 1)
    on_map = latest.image_ids[rows] == ids
    return ids[np.argsort(np.where(on_map, latest.typicality[rows], -1.0), kind="stable")]
