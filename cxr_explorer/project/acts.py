"""A reader's acts: each is one transaction with the record that takes it back, also after a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread

from cxr_explorer.pace import run_out
from cxr_explorer.project.project import Project, now
from cxr_explorer.project.storage import StorageError, open_connection

log = logging.getLogger("cxr_explorer")

STEP = 3000
"""Rows changed at a time, some hundredths of a second: between two steps a window answers its reader."""

GIVEN_UP = 2
"""In `acts.undone`: taken back and not to be done again, only its rows are still there. 1: may be done again."""

PAGES_IN_WAL = 1000
"""SQLite's own figure: with the commit that leaves more, it writes them back into the file."""


@dataclass(frozen=True)
class Change:
    """What an act changed, for the views to decide what to redraw.

    Attributes:
        text: The act in words.
        labels: Whether labels changed.
        exclusions: Whether images were set aside or taken back.
        notes: Whether notes or flags changed.
        states: Kinds of state that changed.
        number: The act's row in `acts`; 0 where it were several acts.
    """

    text: str
    labels: bool = False
    exclusions: bool = False
    notes: bool = False
    states: frozenset[str] = frozenset()
    number: int = field(default=0, compare=False)


Steps = Generator[None, None, Change | None]
"""An act in short steps, all in one transaction: it returns what it changed; closed before its end, nothing stands."""


def done_at_once(project: Project, steps: Steps) -> Change | None:
    """Takes all steps of an act now, after those of another one that is under way."""
    project.finish_steps()
    return run_out(steps)


class Act:
    """An act being recorded, see `recorded`.

    Attributes:
        number: Its row in `acts`, for the rows of `label_changes`, `exclusion_changes` and `note_changes` that belong
            to it.
        text: What it did, in words; to be set before it ends.
        change: What it changed, once it has ended; None where nothing had to change.
    """

    def __init__(self, project: Project, number: int) -> None:
        self._project = project
        self.number = number
        self.text = ""
        self.change: Change | None = None

    def put(self, kind: str, key: str, value: str | None) -> None:
        """Sets a piece of state, or removes it with None; applied when the act ends."""
        self._project.db.execute(
            """INSERT OR REPLACE INTO state_changes
               SELECT :act, :kind, :key, state.value, :value
               FROM (SELECT 1) LEFT JOIN state ON kind = :kind AND key = :key""",
            {"act": self.number, "kind": kind, "key": key, "value": value},
        )


@contextmanager
def recorded(project: Project, reader: str) -> Iterator[Act]:
    """One act, applied and committed when the block ends; an exception takes all of it back.

    In the block, changes are only recorded (`Act.put`, rows of `label_changes`, `exclusion_changes` and
    `note_changes`); they are applied at its end. Where they change nothing the act is dropped, and so is nothing that
    could be done again.

    Args:
        project: Open for writing.
        reader: Who acts.
    """
    project.finish_steps()
    with project.db.atomic():
        act = _begin(project, reader)
        yield act
        for _ in _end(project, act):
            pass


def in_steps(project: Project, reader: str, record: Callable[[Act], Iterable[None]]) -> Steps:
    """One act as `recorded` has it, in short steps.

    Args:
        project: Open for writing.
        reader: Who acts.
        record: Records changes as the block of `recorded` does, and yields where a pause may be.
    """
    with project.db.atomic():
        act = _begin(project, reader)
        yield from record(act)
        yield from _end(project, act)
    return act.change


def _begin(project: Project, reader: str) -> Act:
    cursor = project.db.execute("INSERT INTO acts (at, reader, text) VALUES (?, ?, '')", [now(), reader])
    return Act(project, int(cursor.lastrowid or 0))


def _end(project: Project, act: Act) -> Iterator[None]:
    """Applies what was recorded, in steps."""
    project.db.execute("DELETE FROM state_changes WHERE act_id = ? AND before IS after", [act.number])
    change = _change(project, act.number, act.text)
    if change == Change(act.text):
        project.db.execute("DELETE FROM acts WHERE id = ?", [act.number])
        return
    _give_up_undone(project)
    project.db.execute("UPDATE acts SET text = ? WHERE id = ?", [act.text, act.number])
    yield from _apply(project, act.number, "after")
    act.change = replace(change, number=act.number)


def _give_up_undone(project: Project) -> None:
    """What was taken back cannot be done again after another act. Its rows go now where they are few, else later: the
    reader does not wait for them, see `clearing_away`."""
    project.db.execute("UPDATE acts SET undone = ? WHERE undone", [GIVEN_UP])
    left = STEP
    for (number,) in project.db.execute("SELECT id FROM acts WHERE undone = ?", [GIVEN_UP]).fetchall():
        for table in ("label_changes", "exclusion_changes"):
            query = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE act_id = ? LIMIT ?)"
            left -= int(project.db.execute(query, [number, left + 1]).fetchone()[0])
            if left < 0:
                return
        project.db.execute("DELETE FROM acts WHERE id = ?", [number])


def has_given_up(project: Project) -> bool:
    """Whether there is something to do for `clearing_away`."""
    return bool(project.db.execute("SELECT EXISTS (SELECT 1 FROM acts WHERE undone = ?)", [GIVEN_UP]).fetchone()[0])


def clearing_away(project: Project) -> Iterator[None]:
    """Deletes large acts that were taken back and cannot be done again, in short steps, each a transaction."""
    for (number,) in project.db.execute("SELECT id FROM acts WHERE undone = ?", [GIVEN_UP]).fetchall():
        for table in ("label_changes", "exclusion_changes"):
            for first, last in parts_of_act(project, number, table):
                with project.db.atomic():
                    project.db.execute(
                        f"DELETE FROM {table} WHERE act_id = ? AND image_id BETWEEN ? AND ?", [number, first, last]
                    )
                yield
        with project.db.atomic():
            project.db.execute("DELETE FROM acts WHERE id = ?", [number])
        yield


def state(project: Project, kind: str, key: str) -> str | None:
    """A piece of state, or None."""
    row = project.db.execute("SELECT value FROM state WHERE kind = ? AND key = ?", [kind, key]).fetchone()
    return str(row[0]) if row else None


def states(project: Project, kind: str) -> dict[str, str]:
    """All state of a kind, by key."""
    return dict(project.db.execute("SELECT key, value FROM state WHERE kind = ? ORDER BY key", [kind]).fetchall())


def undo(project: Project) -> Change | None:
    """Takes back the last act with everything it overwrote. Returns None where there is nothing to undo."""
    return done_at_once(project, undoing(project))


def redo(project: Project) -> Change | None:
    """Does the last undone act again. Returns None where there is nothing to redo."""
    return done_at_once(project, redoing(project))


def undoing(project: Project) -> Steps:
    """`undo` in short steps."""
    return _stepping(project, "SELECT id, text FROM acts WHERE NOT undone ORDER BY id DESC LIMIT 1", "before", 1)


def redoing(project: Project) -> Steps:
    """`redo` in short steps."""
    return _stepping(project, "SELECT id, text FROM acts WHERE undone = 1 ORDER BY id LIMIT 1", "after", 0)


def undo_text(project: Project) -> str | None:
    """What `undo` would take back, or None."""
    row = project.db.execute("SELECT text FROM acts WHERE NOT undone ORDER BY id DESC LIMIT 1").fetchone()
    return str(row[0]) if row else None


def undo_reader(project: Project) -> str | None:
    """Whose act `undo` would take back, or None."""
    row = project.db.execute("SELECT reader FROM acts WHERE NOT undone ORDER BY id DESC LIMIT 1").fetchone()
    return str(row[0]) if row else None


def redo_text(project: Project) -> str | None:
    """What `redo` would do again, or None."""
    row = project.db.execute("SELECT text FROM acts WHERE undone = 1 ORDER BY id LIMIT 1").fetchone()
    return str(row[0]) if row else None


def _stepping(project: Project, query: str, side: str, undone: int) -> Steps:
    with project.db.atomic():
        row = project.db.execute(query).fetchone()
        if row is None:
            return None
        act, text = row
        yield from _apply(project, act, side)
        project.db.execute("UPDATE acts SET undone = ? WHERE id = ?", [undone, act])
        return replace(_change(project, act, str(text)), number=act)


def _change(project: Project, act: int, text: str) -> Change:
    labels, exclusions, notes = project.db.execute(
        """SELECT EXISTS (SELECT 1 FROM label_changes WHERE act_id = :act),
                  EXISTS (SELECT 1 FROM exclusion_changes WHERE act_id = :act),
                  EXISTS (SELECT 1 FROM note_changes WHERE act_id = :act)""",
        {"act": act},
    ).fetchone()
    kinds = project.db.execute("SELECT DISTINCT kind FROM state_changes WHERE act_id = ?", [act])
    return Change(text, bool(labels), bool(exclusions), bool(notes), frozenset(row[0] for row in kinds))


def parts_of_act(project: Project, act: int, table: str = "label_changes") -> Iterator[tuple[int, int]]:
    """The first and last image of parts of what an act changed, each of STEP rows or a few more; the first one begins
    at 0. `table` is "label_changes" or "exclusion_changes"."""
    first = 0
    while True:
        (last,) = project.db.execute(
            f"""SELECT max(image_id) FROM (SELECT image_id FROM {table} WHERE act_id = ? AND image_id >= ?
                ORDER BY image_id LIMIT ?)""",
            [act, first, STEP],
        ).fetchone()
        if last is None:
            return
        yield first, last
        first = last + 1


def _apply(project: Project, act: int, side: str) -> Iterator[None]:
    """Brings the rows an act changed to their state before or after it, in steps. `side` is "before" or "after"."""
    for first, last in parts_of_act(project, act):
        if first > 0:  # small acts know no pause
            yield
        project.db.execute(
            f"""DELETE FROM labels WHERE (finding, reader, image_id) IN
                (SELECT finding, reader, image_id FROM label_changes
                 WHERE act_id = ? AND image_id BETWEEN ? AND ? AND {side}_value IS NULL)""",
            [act, first, last],
        )
        project.db.execute(
            f"""INSERT OR REPLACE INTO labels
                SELECT image_id, finding, reader, {side}_value, {side}_at, {side}_how, {side}_cluster, {side}_map_id
                FROM label_changes WHERE act_id = ? AND image_id BETWEEN ? AND ? AND {side}_value IS NOT NULL""",
            [act, first, last],
        )
    for first, last in parts_of_act(project, act, "exclusion_changes"):
        if first > 0:
            yield
        project.db.execute(
            f"""UPDATE images SET excluded = change.{side} FROM exclusion_changes AS change
                WHERE act_id = ? AND images.id = change.image_id AND image_id BETWEEN ? AND ?""",
            [act, first, last],
        )
    project.db.execute(
        f"""DELETE FROM reader_notes WHERE (image_id, reader) IN
            (SELECT image_id, reader FROM note_changes WHERE act_id = ? AND {side}_flagged IS NULL)""",
        [act],
    )
    project.db.execute(
        f"""INSERT OR REPLACE INTO reader_notes
            SELECT image_id, reader, {side}_text, {side}_flagged, {side}_at
            FROM note_changes WHERE act_id = ? AND {side}_flagged IS NOT NULL""",
        [act],
    )
    project.db.execute(
        f"""DELETE FROM state WHERE (kind, key) IN
            (SELECT kind, key FROM state_changes WHERE act_id = ? AND {side} IS NULL)""",
        [act],
    )
    project.db.execute(
        f"""INSERT OR REPLACE INTO state
            SELECT kind, key, {side} FROM state_changes WHERE act_id = ? AND {side} IS NOT NULL""",
        [act],
    )


def put_off_writing_back(project: Project) -> None:
    """What is committed from now on stays in the WAL, as safe as in the file, until `write_back`: of a large act
    writing it back takes longer than the commit."""
    project.db.execute("PRAGMA wal_autocheckpoint = 0")


def write_back(project: Project) -> Thread:
    """Takes what is in the WAL into the file; what cannot be taken in stays there.

    In a thread, which is returned, with a connection of its own: of a large act it takes some tenths of a second, in
    which Python goes on. To be joined before the project is closed.
    """
    try:
        project.db.execute(f"PRAGMA wal_autocheckpoint = {PAGES_IN_WAL}")
    except StorageError as error:
        log.info("not written back: %s", error.trouble)
    thread = Thread(target=_check_point, args=(project.path,), name="write-back")
    thread.start()
    return thread


def _check_point(path: Path) -> None:
    try:
        with closing(open_connection(path, "mode=rw")) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except StorageError as error:
        log.info("not written back: %s", error.trouble)
