"""What the audits allow to be said: in words, of each label, of each cluster."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import ONE_BY_ONE, AuditState, LabelBound
from cxr_explorer.project.acts import states
from cxr_explorer.project.audits.records import Audit, are_in, audit_records
from cxr_explorer.project.project import Ids, Project

ClusterState = Literal["valid", "stale", "failed", "open"]

ACCEPTED = "accepted"
"""Kind of state: the number of an act that accepted suggestions in bulk -> JSON of `suggestions.AcceptedWith`."""

SIGNS = {"passed": "✓", "valid": "✓", "failed": "✗", "stale": "↻", "open": "…", "abandoned": "–"}
"""A sign for each state; the word stands beside it, or the bound."""


def percent(share: float) -> str:
    """ "4.9 %": a bound in words, rounded up."""
    return f"{math.ceil(share * 1000 - 1e-9) / 10:g} %"


def level(confidence: float) -> str:
    """ "95 %": a confidence in words, rounded down."""
    return f"{math.floor(confidence * 1000 + 1e-9) / 10:g} %"


def state_word(audit: Audit) -> str:
    """The audit's state in one word: open, abandoned, failed, stale or passed."""
    return "stale" if audit.state == "passed" and audit.stale else audit.state


def outcome_text(audit: Audit) -> str:
    """What became of the audit, in a sentence."""
    made = audit.plan
    if audit.state == "open":
        return f"{audit.answered:,} of {made.sample:,} read"
    if audit.state == "abandoned":
        return f"abandoned after {audit.answered:,} of {made.sample:,}"
    if audit.state == "failed":
        found = f"failed: {audit.errors:,} of {audit.answered:,} wrong, {made.tolerated:,} tolerated"
        return f"{found}; error may be up to {percent(audit.bound)}" if audit.bound is not None else found
    assert audit.bound is not None
    if audit.in_full:
        return f"passed: every label was read, {audit.errors:,} corrected"
    return f"passed: error ≤ {percent(audit.bound)} ({_how_sure(audit)})"


def _how_sure(audit: Audit) -> str:
    if not audit.earlier:
        return level(audit.confidence)
    return f"{level(audit.confidence)} over {len(audit.earlier) + 1} audits of these images"


def covers_text(audit: Audit) -> str:
    """What the bound speaks of, in a sentence."""
    images = f"{len(audit.image_ids):,} label{'' if len(audit.image_ids) == 1 else 's'}"
    if audit.plan.unit == "patient":
        return (
            f"The mean over {audit.plan.units:,} patients of the share of wrong labels, each patient counting once "
            f"({images}); one image a patient was read."
        )
    where = "taken together, not each cluster" if audit.whole else "taken together"
    return f"The share of wrong labels among these {images}, {where}."


def stale_text(audit: Audit) -> str:
    """Why the bound no longer holds; empty where it does."""
    parts = [
        f"{count:,} {words}"
        for count, words in (
            (audit.changed, "of its labels changed"),
            (audit.left, "of its images set aside, gone or replaced"),
            (audit.entered, "labels came in"),
        )
        if count
    ]
    return ", ".join(parts) + " since" if parts else ""


def label_bounds(project: Project) -> dict[tuple[str, str], dict[int, LabelBound]]:
    """For each finding and reader: what audits, and looks before accepting, say of the labels, by image id.

    An audit goes before what a suggestion was accepted with. Of several audits that cover a label the one that still
    holds is named, of those the one of the smallest lot, of those the last. A label that was changed after an audit is
    not covered by it any more.
    """
    found = _accepted_bounds(project)
    by_lot: dict[tuple[str, str], list[Audit]] = {}
    for audit in audit_records(project):
        by_lot.setdefault((audit.finding, audit.reader), []).append(audit)
    for lot, audits in by_lot.items():
        answers: dict[int, set[int]] = {}
        for audit in audits:
            for image_id, value in audit.answers.items():
                answers.setdefault(image_id, set()).add(int(value))
        present = dict(
            project.db.execute(
                "SELECT image_id, value FROM labels WHERE finding = ? AND reader = ?", list(lot)
            ).fetchall()
        )
        bounds = found.setdefault(lot, {})
        for audit in sorted(_standing(audits), key=_weight):
            bound = LabelBound(
                audit.audit_id,
                audit.bound,
                audit.confidence,
                "failed" if audit.state == "failed" else "stale" if audit.stale else "valid",
            )
            for image_id, value in zip(audit.image_ids.tolist(), audit.left_with.tolist(), strict=True):
                now = present.get(image_id)
                if now is not None and (now == value or now in answers.get(image_id, ())):
                    bounds[image_id] = bound
    return found


def _accepted_bounds(project: Project) -> dict[tuple[str, str], dict[int, LabelBound]]:
    """What suggestions were accepted with, for labels that are still as they were accepted.

    The bound is stale once others of them have changed without having been read one by one: those that are left may be
    the wrong ones.
    """
    found: dict[tuple[str, str], dict[int, LabelBound]] = {}
    for act, stored in states(project, ACCEPTED).items():
        rows = project.db.execute(
            """SELECT change.finding, change.reader, change.image_id, how, value IS after_value
               FROM label_changes AS change LEFT JOIN labels USING (image_id, finding, reader)
               WHERE act_id = ? AND after_how = 'suggestion'""",
            [int(act)],
        ).fetchall()
        kept = [(row[0], row[1], row[2]) for row in rows if row[3] == "suggestion" and row[4]]
        read = sum(row[3] in ONE_BY_ONE for row in rows)
        said = json.loads(stored)
        state: AuditState = "valid" if len(kept) + read == len(rows) else "stale"
        bound = LabelBound(None, said["error_bound"], said["confidence"], state)
        for finding, reader, image_id in kept:
            found.setdefault((finding, reader), {})[image_id] = bound
    return found


def _standing(audits: Iterable[Audit]) -> list[Audit]:
    """Audits that came to an end, without those that were done again."""
    finished = [audit for audit in audits if audit.state in ("passed", "failed")]
    repeated = {number for audit in finished for number in audit.earlier}
    return [audit for audit in finished if audit.audit_id not in repeated]


def _weight(audit: Audit) -> tuple[bool, int, int]:
    """Audits that count more come later."""
    return not audit.stale, -len(audit.image_ids), audit.audit_id


@dataclass(frozen=True)
class ClusterBound:
    """What the last audit of a cluster says of it.

    Attributes:
        audit_id: The audit.
        state: "valid" only where the bound holds and covers every label of the finding in the cluster.
        text: For a badge: "≤ 3.1 %", "stale", "failed", "12/59".
        tip: In a sentence.
    """

    audit_id: int
    state: ClusterState
    text: str
    tip: str

    @property
    def badge(self) -> str:
        """The text with a sign for its state."""
        return f"{SIGNS[self.state]} {self.text}"


def bounds_by_cluster(
    project: Project, image_ids: Ids, clusters: NDArray[np.int32], finding: str, reader: str
) -> dict[int, ClusterBound]:
    """The last audit of each cluster's labels of a finding; clusters never audited are left out.

    An audit belongs to a cluster when most of its lot lies there and is most of what is labelled there. The audit of
    all labels of a finding says nothing of a single cluster.

    Args:
        project: Whose audits.
        image_ids: (N,) ascending.
        clusters: (N,) the cluster of each image.
        finding: The finding.
        reader: Whose labels.
    """
    audits = [
        audit for audit in audit_records(project, finding, reader) if not audit.whole and audit.state != "abandoned"
    ]
    if not audits:
        return {}
    rows = project.db.execute(
        "SELECT image_id FROM labels WHERE finding = ? AND reader = ? ORDER BY image_id", [finding, reader]
    ).fetchall()
    labelled = are_in(np.fromiter((row[0] for row in rows), np.int64, len(rows)), image_ids)
    in_cluster = np.bincount(clusters[labelled] + 1, minlength=int(clusters.max(initial=-1)) + 2)
    found: dict[int, ClusterBound] = {}
    for audit in audits:
        place = np.searchsorted(image_ids, audit.image_ids[are_in(image_ids, audit.image_ids)])
        if not len(place):
            continue
        numbers, counts = np.unique(clusters[place], return_counts=True)
        cluster, inside = int(numbers[counts.argmax()]), int(counts.max())
        there = int(in_cluster[cluster + 1])
        if 2 * inside <= len(audit.image_ids) or 2 * inside <= there:
            continue
        found[cluster] = _cluster_bound(audit, there - inside)
    return found


def _cluster_bound(audit: Audit, uncovered: int) -> ClusterBound:
    tip = f"Audit {audit.audit_id}: {outcome_text(audit)}"
    if audit.state == "open":
        return ClusterBound(audit.audit_id, "open", f"{audit.answered:,}/{audit.plan.sample:,}", tip)
    if audit.state == "failed":
        return ClusterBound(audit.audit_id, "failed", "failed", tip)
    assert audit.bound is not None
    if audit.stale or uncovered > 0:
        why = stale_text(audit) or f"{uncovered:,} labels of the cluster are not covered"
        return ClusterBound(audit.audit_id, "stale", "stale", f"{tip}. Stale: {why}.")
    return ClusterBound(audit.audit_id, "valid", f"≤ {percent(audit.bound)}", f"{tip}. {covers_text(audit)}")
