"""The acts of a project one after the other, and the way back to any of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cxr_explorer.project.acts import GIVEN_UP, Change, redo, undo
from cxr_explorer.project.project import Project

MOST = 1000
"""So many acts are listed, the newest."""


@dataclass(frozen=True)
class Past:
    """An act as the list of acts has it.

    Attributes:
        number: Its row.
        at: When, ISO 8601, UTC.
        reader: Who.
        text: What, in words.
        images: Images whose labels or notes it changed, or that it excluded or took back; 0 where it was not counted.
        undone: Whether it is taken back now.
    """

    number: int
    at: str
    reader: str
    text: str
    images: int
    undone: bool


def history(project: Project, most: int = MOST, uncounted: Sequence[str] = ()) -> list[Past]:
    """The acts, the newest first. Images are not counted, which takes a while, for readers named in `uncounted`."""
    rows = project.db.execute(
        """SELECT id, at, reader, text, undone FROM acts WHERE undone != ? ORDER BY id DESC LIMIT ?""", [GIVEN_UP, most]
    ).fetchall()
    counts = dict(
        project.db.execute(
            """SELECT act_id, count(DISTINCT image_id) FROM (
                   SELECT act_id, image_id FROM label_changes WHERE act_id IN (SELECT value FROM json_each(:acts))
                   UNION ALL
                   SELECT act_id, image_id FROM exclusion_changes WHERE act_id IN (SELECT value FROM json_each(:acts))
                   UNION ALL
                   SELECT act_id, image_id FROM note_changes WHERE act_id IN (SELECT value FROM json_each(:acts)))
               GROUP BY act_id""",
            {"acts": json.dumps([number for number, _, reader, *_ in rows if reader not in uncounted])},
        ).fetchall()
    )
    return [
        Past(number, str(at), str(reader), str(text), int(counts.get(number, 0)), bool(undone))
        for number, at, reader, text, undone in rows
    ]


def go_to(project: Project, number: int) -> tuple[Change | None, int]:
    """Takes acts back, or does them again, until this one is the last that stands; 0: until none does.

    All of it or nothing: it is one transaction.

    Returns:
        What changed in all, or None where the act is the last already; and how many acts were taken back (positive) or
        done again (negative).
    """
    changes: list[Change] = []
    project.finish_steps()
    with project.db.atomic():
        last = _last(project)
        step = undo if last > number else redo
        while (change := step(project) if _last(project) != number else None) is not None:
            changes.append(change)
            if step is redo and _last(project) > number:
                break
    if not changes:
        return None, 0
    count = len(changes) if step is undo else -len(changes)
    text = f"{len(changes):,} act{'' if len(changes) == 1 else 's'}"
    labels = any(change.labels for change in changes)
    exclusions = any(change.exclusions for change in changes)
    notes = any(change.notes for change in changes)
    states = frozenset().union(*(change.states for change in changes))
    return Change(text, labels, exclusions, notes, states), count


def _last(project: Project) -> int:
    """The last act that stands, or 0."""
    return int(project.db.execute("SELECT coalesce(max(id), 0) FROM acts WHERE NOT undone").fetchone()[0])
