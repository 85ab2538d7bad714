"""What a project file must hold while somebody works at the window: for `tests.soak`."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_explorer.project.whole_readings import normal_answers
from cxr_explorer.ui.commands.specs.label import FINDING_ACTIONS
from cxr_explorer.ui.main_window import MainWindow

Notes = dict[tuple[int, str], tuple[str, bool]]
"""Words, and whether it is flagged, by image id and reader."""

Labels = dict[tuple[int, str, str], int]
"""Value by image id, finding and reader."""


@dataclass(frozen=True)
class State:
    """The labels, the excluded images and the notes of a project at one time."""

    labels: Labels
    excluded: frozenset[int]
    notes: Notes = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """What the file holds: its state, and its acts as (number, undone)."""

    state: State
    acts: tuple[tuple[int, int], ...]

    @property
    def last(self) -> int:
        """The last act that is in force, or 0."""
        return max((act for act, undone in self.acts if not undone), default=0)


def read_stored(path: Path) -> Stored:
    """Reads the file by a connection of its own, in one transaction."""
    with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as db:
        db.execute("BEGIN")
        labels = {
            (image_id, finding, reader): value
            for image_id, finding, reader, value in db.execute("SELECT image_id, finding, reader, value FROM labels")
        }
        excluded = frozenset(row[0] for row in db.execute("SELECT id FROM images WHERE excluded"))
        notes = {
            (image_id, reader): (text, bool(flagged))
            for image_id, reader, text, flagged in db.execute(
                "SELECT image_id, reader, text, flagged FROM reader_notes"
            )
        }
        acts = tuple(db.execute("SELECT id, undone FROM acts ORDER BY id").fetchall())
        db.execute("COMMIT")
    db.close()
    return Stored(State(labels, excluded, notes), acts)


@dataclass
class Model:
    """What the file must hold: the state after each act, so undo and redo have to bring back exactly that.

    What labelling and flagging do is foretold (`foretell`); the outcome of other acts is taken over once, and held.
    """

    path: Path
    stored: Stored
    after: dict[int, State] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> Model:
        """A model of the file as it is now."""
        stored = read_stored(path)
        return cls(path, stored, {stored.last: stored.state})

    def check(self, foretold: State | None = None) -> str:
        """Reads the file and compares. Returns what is wrong, in words, or "".

        Args:
            foretold: What the one thing done since the last check had to lead to; None where that is not known.
        """
        before, now = self.stored, read_stored(self.path)
        self.stored = now
        numbers = {act for act, _ in before.acts}
        added = [act for act, _ in now.acts if act not in numbers]
        if foretold is not None and now.state != foretold:
            return f"not what was foretold: {_difference(foretold, now.state)}"
        if not added and now.last == before.last and now.state != before.state:
            return f"changed without an act: {_difference(before.state, now.state)}"
        known = self.after.get(now.last)
        if known is None:
            self.after[now.last] = now.state
        elif known != now.state:
            return f"not as it was after act {now.last}: {_difference(known, now.state)}"
        return ""


def foretell(window: MainWindow, name: str, before: State) -> State | None:
    """What an action has to lead to, from what the window shows; None where that is not foretold."""
    session, project = window.session, window.session.project
    if project is not None and name == "come_back":
        mine = session.reading_as is None and session.current_id >= 0
        return _turned(before, session.current_id, session.reader) if mine else before
    if (
        project is None
        or window.reading.active
        or session.page == "sheet"
        or session.reader != session.preferences.own_reader
    ):
        return None
    answers: dict[str, int | None] = {session.finding: None if session.value is None else int(session.value)}
    if name in FINDING_ACTIONS:
        place, label_value = FINDING_ACTIONS[name]
        findings = project.vocabulary.findings
        if place >= len(findings):
            return before
        answers = {findings[place]: int(label_value)}
    elif name == "label_normal":
        answers = {finding: int(value) for finding, value in normal_answers(project.vocabulary).items()}
    elif name != "apply":
        return None
    if session.viewing_image and (reason := session.why_unseen()):
        return None if "too soon" in reason else before  # too soon now may be soon enough when the act is done
    ids = [image_id for image_id in session.target().ids.tolist() if image_id not in before.excluded]
    changed: dict[Any, int | None] = {
        (image_id, finding, session.reader): value for finding, value in answers.items() for image_id in ids
    }
    labels = {key: kept for key, kept in (before.labels | changed).items() if kept is not None}
    return State(labels, before.excluded, before.notes)


def _turned(before: State, image_id: int, reader: str) -> State:
    """The flag of an image turned; of what is neither flagged nor noted nothing is kept."""
    text, flagged = before.notes.get((image_id, reader), ("", False))
    others = {key: kept for key, kept in before.notes.items() if key != (image_id, reader)}
    turned = {} if flagged and not text else {(image_id, reader): (text, not flagged)}
    return State(before.labels, before.excluded, others | turned)


def _difference(wanted: State, found: State) -> str:
    rows = set(wanted.labels.items()) ^ set(found.labels.items())
    notes = set(wanted.notes.items()) ^ set(found.notes.items())
    others = f"{len(wanted.excluded ^ found.excluded)} exclusions, {len(notes)} notes"
    return f"{len(rows)} labels, {others}; {sorted(rows)[:3]}"
