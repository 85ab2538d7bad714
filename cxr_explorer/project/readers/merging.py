"""Another reader's labels and notes come in: from their project file, or from a CSV. Counted first, then one act."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Note, NoteRow, Value
from cxr_explorer.labels.reader_names import ADJUDICATED, REREAD, check_reader, is_reserved
from cxr_explorer.labels.vocabulary import spelled, spellings
from cxr_explorer.project.acts import Change, recorded
from cxr_explorer.project.file import SUFFIX
from cxr_explorer.project.label_columns import label_column
from cxr_explorer.project.notes import fitting, joined, labels_and_notes, note_of, note_rows, record_notes
from cxr_explorer.project.project import Ids, Project, now
from cxr_explorer.project.readers.agreement import known_findings
from cxr_explorer.tables.matching import ImageMatching, match_files, match_images
from cxr_explorer.tables.read import read_labels

_Theirs = TypeVar("_Theirs")

LISTED = 200
"""Conflicts a plan lists by name; it counts all of them."""


@dataclass(frozen=True)
class IncomingReader:
    """A name in the other file.

    Attributes:
        name: As it stands there; empty where a table names no reader.
        comes_as: The name their labels would be kept under here.
        labels: Number of their labels on images of this project.
    """

    name: str
    comes_as: str
    labels: int


@dataclass(frozen=True)
class Conflict:
    """One reader, one finding, one image, two answers."""

    file: str
    finding: str
    reader: str
    here: Value
    there: Value


@dataclass(frozen=True, eq=False)
class Column:
    """Incoming labels of one reader and finding: parallel arrays.

    Attributes:
        reader: The name they are kept under.
        finding: The finding, as this project spells it.
        image_ids: (N,) of this project.
        values: (N,) int8.
        times: When each was given, ISO 8601 in UTC.
        here: (N,) bool: the same reader has another answer on that image already.
    """

    reader: str
    finding: str
    image_ids: Ids
    values: NDArray[np.int8]
    times: tuple[str, ...]
    here: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MergePlan:
    """What a merge would do.

    Attributes:
        source: The other file.
        matching: Which image each labelled file of theirs is.
        readers: The names in it.
        new: Labels that are not here yet.
        same: Labels that are here already, with the same answer.
        conflicts: Labels for which the same reader has another answer here.
        listed: The first of the conflicts.
        by_name: Whether files of the same name and other content count as the same image.
        columns: The labels to take, the conflicts among them.
        problems: What could not be used, a sentence each.
        notes: Notes and flags that would change something here: image id, reader here, note there.
        note_conflicts: Those of them that the same reader has another text for here; without `take_theirs` it stays.
        new_notes: Those that change something also without `take_theirs`.
    """

    source: Path
    matching: ImageMatching
    readers: tuple[IncomingReader, ...]
    new: int
    same: int
    conflicts: int
    listed: tuple[Conflict, ...]
    by_name: bool
    columns: tuple[Column, ...]
    problems: tuple[str, ...]
    notes: tuple[tuple[int, str, Note], ...] = ()
    note_conflicts: int = 0
    new_notes: int = 0

    def taken(self, take_theirs: bool) -> tuple[int, int]:
        """How many labels and notes here a merge changes."""
        return (
            self.new + (self.conflicts if take_theirs else 0),
            len(self.notes) if take_theirs else self.new_notes,
        )


@dataclass
class _Labels:
    """Labels of one reader and finding as the other file has them: parallel lists."""

    files: list[str] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    times: list[str] = field(default_factory=list)


@dataclass
class _Source:
    digests: dict[str, str | None]
    labels: dict[tuple[str, str], _Labels]
    problems: list[str]
    notes: list[NoteRow] = field(default_factory=list)
    foreign: Sequence[str] = ()  # files that are no image of ours whatever the other files are


def plan_merge(
    project: Project, source: Path, names: Mapping[str, str] | None = None, by_name: bool = False
) -> MergePlan:
    """What taking in the labels of another file would do; nothing is changed.

    Images are the same when their bytes are; else, where the bytes of one are not known (a CSV, a file not read yet),
    when `match_files` finds one and only one file they can be. Nothing is guessed.

    Args:
        project: Ours.
        source: Another project's file (.cxr), or a label table as `read_labels` takes it.
        names: Reader in the source -> name to keep their labels under here; those left out keep their own. A reader's
            re-reads follow them. The name of labels without a reader is "".
        by_name: Whether a file of the same name, but other content, is the same image: a converted copy, say.

    Raises:
        UserError: The source cannot be read, is this very project, has no labels, a name is refused, or two readers
            would come in under one name.
    """
    if source.resolve() == project.path.resolve():
        raise UserError(f"{source} is the open project itself. Choose another reader's file.")
    known = known_findings(project)
    read = _of_project(source, known) if source.suffix == SUFFIX else _of_table(source, known, project)
    if not read.labels and not read.notes and not read.foreign:
        raise UserError(f"{source} holds no labels. Choose another file.")
    ids_of = {path: image_id for image_id, path in project.paths().items()}
    labelled = {file for column in read.labels.values() for file in column.files} | {row.file for row in read.notes}
    matching = _only(labelled, match_images(read.digests, _digests(project)))
    matching = replace(matching, unmatched=(*matching.unmatched, *read.foreign) if matching.unmatched else read.foreign)
    same_image = {**matching.by_content, **matching.by_name, **(matching.other_content if by_name else {})}
    targets = {theirs: ids_of[ours] for theirs, ours in same_image.items()}
    comes_as = _names(sorted({reader for reader, _ in read.labels} | {row.reader for row in read.notes}), names or {})
    columns, same, problems = [], 0, list(read.problems)
    counts = dict.fromkeys(comes_as, 0)
    for (reader, finding), labels in read.labels.items():
        column, repeated = _column(labels, targets, comes_as[reader], finding)
        if repeated:
            problems.append(
                f"{finding}: {repeated:,} image{' has' if repeated == 1 else 's have'} several answers of one reader; "
                "the latest counts, and where none is later all are left out."
            )
        counts[reader] += len(column.image_ids)
        taken, equal = _compared(project, column)
        columns.append(taken)
        same += equal
    conflicts = sum(int(column.here.sum()) for column in columns)
    notes, note_conflicts, new_notes = _compared_notes(project, read.notes, targets, comes_as)
    readers = tuple(IncomingReader(name, comes_as[name], counts[name]) for name in comes_as)
    return MergePlan(
        source,
        matching,
        readers,
        sum(len(column.here) for column in columns) - conflicts,
        same,
        conflicts,
        tuple(_listed(project, columns)),
        by_name,
        tuple(columns),
        tuple(problems),
        notes,
        note_conflicts,
        new_notes,
    )


def planned_merge(path: Path, source: Path, names: Mapping[str, str], by_name: bool) -> Iterator[MergePlan]:
    """For a child process: opens the project, and yields the plan."""
    with Project.open_read_only(path) as project:
        yield plan_merge(project, source, names, by_name)


def merge(project: Project, plan: MergePlan, reader: str, take_theirs: bool = False) -> Change | None:
    """Takes in the labels and notes of a plan as one act.

    Args:
        project: The project the plan was made for.
        plan: What to take.
        reader: Who merges.
        take_theirs: Whether their answer replaces ours where one reader has two; else ours stays.
    """
    with recorded(project, reader) as act:
        execute = project.db.conn.execute
        execute("CREATE TEMP TABLE IF NOT EXISTS incoming (id INTEGER PRIMARY KEY, value INTEGER, at TEXT)")
        for column in plan.columns:
            wanted = np.ones_like(column.here) if take_theirs else ~column.here
            rows = zip(column.image_ids.tolist(), column.values.tolist(), column.times, wanted.tolist(), strict=True)
            execute("DELETE FROM temp.incoming")
            project.db.conn.executemany(
                "INSERT INTO temp.incoming VALUES (?, ?, ?)", ((*row[:3],) for row in rows if row[3])
            )
            execute(
                """INSERT OR REPLACE INTO label_changes
                   SELECT :act, incoming.id, :finding, :reader,
                          labels.value, labels.at, labels.how, labels.cluster, labels.map_id,
                          incoming.value, incoming.at, 'merge', NULL, NULL
                   FROM temp.incoming
                   LEFT JOIN labels ON image_id = incoming.id AND finding = :finding AND reader = :reader
                   WHERE labels.value IS NOT incoming.value""",
                {"act": act.number, "finding": column.finding, "reader": column.reader},
            )
        (changed, images) = project.db.execute(
            "SELECT count(*), count(DISTINCT image_id) FROM label_changes WHERE act_id = ?", [act.number]
        ).fetchone()
        noted = record_notes(project, act, plan.notes, take_theirs)
        act.text = f"Merged {labels_and_notes(changed, noted, images)}"
    return act.change


def _of_project(path: Path, known: Sequence[str]) -> _Source:
    with Project.open_read_only(path) as other:
        # Files without labels too: they tell whether a name is the only one of its kind.
        source = _Source(_digests(other), {}, [])
        rows = other.db.execute(
            "SELECT path, finding, reader, value, at FROM labels JOIN images ON images.id = image_id"
        )
        _gather(rows, source, known)
        source.notes += (row for row in note_rows(other) if not _is_nobodys(row.reader))
    return source


def _of_table(path: Path, known: Sequence[str], project: Project) -> _Source:
    table = read_labels(path, known, project.vocabulary)
    moment = now()
    found = match_files(table.files, project.paths().values())
    ours = {*found.matched, *found.ambiguous}  # of a table of millions no more is kept
    is_ours = np.array([file in ours for file in table.files], np.bool_)
    noted = {row.file for row in table.notes}
    labelled = np.array([file in noted for file in table.files], np.bool_)
    labelled[table.rows.file] = True
    foreign = table.files.take(np.flatnonzero(labelled & ~is_ours))
    notes = [replace(row, note=replace(row.note, text=fitting(row.note.text))) for row in table.notes]
    notes = [row for row in notes if row.file in ours and not _is_nobodys(row.reader)]
    source = _Source(dict.fromkeys(ours), {}, list(table.problems), notes, foreign)
    labels = table.rows.take(is_ours[table.rows.file])
    rows = ((row.file, row.finding, row.reader or "", int(row.value), row.at or moment) for row in labels)
    _gather(rows, source, known)
    return source


def _gather(rows: Iterable[tuple[str, str, str, int, str]], source: _Source, known: Sequence[str]) -> None:
    """Sorts labels by reader and finding, the findings spelled as ours are."""
    left_out = 0
    ours = spellings(known)
    names: dict[str, str] = {}
    for file, finding, reader, value, at in rows:
        if _is_nobodys(reader):
            left_out += 1
            continue
        if finding not in names:
            names[finding] = spelled(finding, ours) or finding
        column = source.labels.setdefault((reader, names[finding]), _Labels())
        column.files.append(file)
        column.values.append(value)
        column.times.append(at)
    if left_out:
        source.problems.append(f"{left_out:,} majority or unanimous answers are left out: they are no reader's own.")


def _is_nobodys(reader: str) -> bool:
    """A majority is nobody's answer."""
    return is_reserved(reader) and reader != ADJUDICATED and not reader.endswith(REREAD)


def _only(files: Container[str], found: ImageMatching) -> ImageMatching:
    """The matching of these files alone."""

    def of(matched: Mapping[str, _Theirs]) -> dict[str, _Theirs]:
        return {file: ours for file, ours in matched.items() if file in files}

    return ImageMatching(
        of(found.by_content),
        of(found.by_name),
        of(found.other_content),
        tuple(file for file in found.unmatched if file in files),
        of(found.ambiguous),
    )


def _digests(project: Project) -> dict[str, str | None]:
    return dict(project.db.execute("SELECT path, digest FROM images").fetchall())


def _names(readers: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """Name there -> name here. Raises UserError for one that is refused, or given twice."""
    comes_as: dict[str, str] = {}
    for name in readers:
        if name == ADJUDICATED:
            comes_as[name] = name
        elif name.endswith(REREAD):
            owner = name.removesuffix(REREAD)
            comes_as[name] = check_reader(names.get(owner, owner)) + REREAD
        else:
            comes_as[name] = check_reader(names.get(name, name))
    if len(set(comes_as.values())) < len(comes_as):
        raise UserError("Two readers of the file would come in under one name: give each a name of their own.")
    return comes_as


def _column(labels: _Labels, targets: Mapping[str, int], reader: str, finding: str) -> tuple[Column, int]:
    """The labels on images of ours, one an image: of several the latest, of equally late ones none that differ.

    Also the number of images that had several answers.
    """
    latest: dict[int, tuple[str, int | None]] = {}
    repeated: set[int] = set()
    for file, value, at in zip(labels.files, labels.values, labels.times, strict=True):
        image_id = targets.get(file)
        if image_id is None:
            continue
        before = latest.get(image_id)
        if before is not None and before[1] != value:
            repeated.add(image_id)
        if before is None or at > before[0]:
            latest[image_id] = (at, value)
        elif at == before[0] and value != before[1]:
            latest[image_id] = (at, None)
    stands = {image_id: (at, value) for image_id, (at, value) in latest.items() if value is not None}
    ids = np.array(sorted(stands), np.int64)
    values = np.array([stands[image_id][1] for image_id in ids.tolist()], np.int8)
    times = tuple(stands[image_id][0] for image_id in ids.tolist())
    return Column(reader, finding, ids, values, times, np.zeros(len(ids), np.bool_)), len(repeated)


def _compared(project: Project, column: Column) -> tuple[Column, int]:
    """The column without what is here already, with its conflicts marked; and the number of labels that are here."""
    ours = label_column(project, column.finding, column.reader)
    _, theirs_at, ours_at = np.intersect1d(column.image_ids, ours.image_ids, assume_unique=True, return_indices=True)
    equal = column.values[theirs_at] == ours.values[ours_at]
    here = np.zeros(len(column.image_ids), np.bool_)
    here[theirs_at[~equal]] = True
    kept = np.ones(len(column.image_ids), np.bool_)
    kept[theirs_at[equal]] = False
    times = tuple(time for time, keep in zip(column.times, kept.tolist(), strict=True) if keep)
    taken = Column(column.reader, column.finding, column.image_ids[kept], column.values[kept], times, here[kept])
    return taken, int(equal.sum())


def _compared_notes(
    project: Project, rows: Iterable[NoteRow], targets: Mapping[str, int], comes_as: Mapping[str, str]
) -> tuple[tuple[tuple[int, str, Note], ...], int, int]:
    """The notes that change something here; how many of them differ in their text; how many bring anything new."""
    taken, differing, new = [], 0, 0
    for row in rows:
        if row.file not in targets or not row.note:
            continue
        image_id, reader = targets[row.file], comes_as[row.reader]
        here = note_of(project, image_id, reader)
        if joined(here, row.note, take_theirs=True) == here:
            continue
        taken.append((image_id, reader, row.note))
        differing += bool(here.text and row.note.text and here.text != row.note.text)
        new += joined(here, row.note) != here
    return tuple(taken), differing, new


def _listed(project: Project, columns: Sequence[Column]) -> Iterator[Conflict]:
    paths = project.paths()
    left = LISTED
    for column in columns:
        ours = label_column(project, column.finding, column.reader) if column.here.any() else None
        for row in np.flatnonzero(column.here)[:left].tolist():
            assert ours is not None
            image_id = int(column.image_ids[row])
            here = ours.values[np.searchsorted(ours.image_ids, image_id)]
            there = Value(int(column.values[row]))
            yield Conflict(paths[image_id], column.finding, column.reader, Value(int(here)), there)
            left -= 1
