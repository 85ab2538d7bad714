"""Random audits of labels: planned, drawn and stored before anybody looks, then answered image by image.

An audit, once started, stays on record: its lot, its sample and what it had been decided to tolerate cannot be changed,
and starting is not undoable. Only its answers are acts of the reader, each of which also labels the image; what became
of the audit follows from them, see `audit_records`.
"""

from __future__ import annotations

import json
import secrets

import numpy as np

from cxr_explorer.errors import UserError
from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.labels.label import ONE_BY_ONE, Judgement, Value
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.project.acts import Change, recorded
from cxr_explorer.project.audits.lots import Lot, draw, earlier_audits, plan_lot
from cxr_explorer.project.audits.records import KIND, Audit
from cxr_explorer.project.labelling import record_label
from cxr_explorer.project.project import Ids, Project, now


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
    sample = draw(chosen, made, seed)
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
    rows, on_map = look_up(latest.image_ids, ids)
    return ids[np.argsort(np.where(on_map, latest.typicality[rows], -1.0), kind="stable")]
