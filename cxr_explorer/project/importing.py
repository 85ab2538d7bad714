"""Labels of a table come into a project; what they would bring is told before anything is stored."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import get_args, overload

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import How, LabelRow, NoteRow
from cxr_explorer.labels.vocabulary import Vocabulary, excludes_in
from cxr_explorer.pace import run_out
from cxr_explorer.project.acts import Act, Change, in_steps
from cxr_explorer.project.notes import MOST_CHARACTERS, fitting, labels_and_notes, notes_text, record_notes, tidy
from cxr_explorer.project.project import Ids, Project, now
from cxr_explorer.project.readers.agreement import known_findings
from cxr_explorer.tables.formats import format_named
from cxr_explorer.tables.imported import NOTHING, ImportedTable, Labels, settle, time_text
from cxr_explorer.tables.matching import Matching, match_files
from cxr_explorer.tables.read import reading_labels
from cxr_explorer.tables.texts import Texts

LISTED = 5_000
"""Lines of a preview that are shown; all are counted."""

STEP = 2_000
"""Labels of a table that are written at a time, some hundredths of a second."""

Stored = tuple[int, str, str, int, str, str, "int | None", "int | None"]
"""A label as it is stored: image, finding, reader, value, time, how, cluster, map."""


@dataclass(frozen=True, eq=False)
class Incoming(Sequence[LabelRow]):
    """Labels of a table that belong to images of a project, put together as they are asked for.

    Attributes:
        labels: As the table has them, their files as the project calls them.
        paths: Files of the project.
        image: (N,) row in `paths` of each label.
        reader: Who a label is by where the table does not say.
        at: When it was given where the table does not say.
        contradicting: Images of which the table says things that cannot both be, as different spellings of one file.
        problems: These, a sentence each.
        notes: What readers noted; the reader is empty where the table does not say.
        ids: Image of each path, where that was asked already: asking takes a tenth of a second of a large project.
            Empty where it was not.
    """

    labels: Labels
    paths: Sequence[str]
    image: NDArray[np.int32]
    reader: str
    at: str
    contradicting: int
    problems: tuple[str, ...]
    notes: tuple[NoteRow, ...] = ()
    ids: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    def by(self, reader: str) -> Incoming:
        """The same, under another name where the table does not say."""
        return replace(self, reader=reader)

    def noted(self) -> list[NoteRow]:
        """The notes, each with a reader."""
        return [replace(row, reader=row.reader or self.reader) for row in self.notes]

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, row: int) -> LabelRow: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[LabelRow]: ...

    def __getitem__(self, row: int | slice) -> LabelRow | Sequence[LabelRow]:
        if isinstance(row, slice):
            return [self[place] for place in range(len(self))[row]]
        found = self.labels[row]
        return LabelRow(
            self.paths[int(self.image[row])],
            found.finding,
            found.value,
            found.reader or self.reader,
            found.at or self.at,
            found.how or "import",
            found.cluster,
            found.map_id,
        )

    def __iter__(self) -> Iterator[LabelRow]:
        return map(self.__getitem__, range(len(self)))

    def stored(self, ids: Ids) -> Iterator[Stored]:
        """The labels, put together from whole columns, some at a time: one by one takes ten times as long.

        Args:
            ids: Image of each of the paths.
        """
        labels, findings = self.labels, self.labels.findings
        readers = (*labels.readers, self.reader)  # the last where none is named
        hows = (*get_args(How), "import")
        times = cache(lambda seconds: time_text(seconds) or self.at)
        for start in range(0, len(labels), STEP):
            part = slice(start, start + STEP)
            count = len(labels.file[part])

            def column(numbers: NDArray[np.integer], part: slice = part, count: int = count) -> list[int]:
                return numbers[part].tolist() if len(numbers) else [-1] * count

            def numbers(of: NDArray[np.int64], part: slice = part, count: int = count) -> list[int | None]:
                return [None if one == NOTHING else one for one in of[part].tolist()] if len(of) else [None] * count

            yield from zip(
                ids[self.image[part]].tolist(),
                [findings[row] for row in labels.finding[part].tolist()],
                [readers[row] or self.reader for row in column(labels.reader)],
                labels.value[part].tolist(),
                [times(NOTHING if one is None else one) for one in numbers(labels.at)],
                [hows[row] for row in column(labels.how)],
                numbers(labels.cluster),
                numbers(labels.map_id),
                strict=True,
            )


def _known(project: Project, rows: Iterable[LabelRow]) -> tuple[Iterator[Stored], Mapping[str, int]]:
    """The labels of images that the project knows, as they are stored; and the images by path."""
    if isinstance(rows, Incoming) and len(rows.ids):
        return rows.stored(rows.ids), dict(zip(rows.paths, rows.ids.tolist(), strict=True)) if rows.notes else {}
    ids = {path: image_id for image_id, path in project.paths().items()}
    if isinstance(rows, Incoming):
        return rows.stored(np.array([ids[path] for path in rows.paths], np.int64)), ids
    known = (row for row in rows if row.file in ids)
    return (
        (ids[row.file], row.finding, row.reader, int(row.value), row.at, row.how, row.cluster, row.map_id)
        for row in known
    ), ids


def rows_to_import(
    table: ImportedTable, matching: Matching, reader: str, vocabulary: Vocabulary | None = None
) -> Incoming:
    """The labels of a table that belong to images of the project, without those that contradict each other.

    Args:
        table: As read.
        matching: Which image each file of the table means.
        reader: Who a label is by where the table does not say.
        vocabulary: Says which findings exclude each other; None for the usual rule.
    """
    paths = Texts(dict.fromkeys(matching.matched.values()))
    place = {path: row for row, path in enumerate(paths)}
    image = np.full(len(table.files), -1, np.int32)
    for row, file in enumerate(table.files):
        if (path := matching.matched.get(file)) is not None:
            image[row] = place[path]
    labels = table.rows.take(image[table.rows.file] >= 0)
    excludes = excludes_in(vocabulary, labels.findings)
    settled = settle(labels, image[labels.file], excludes, one_judgement=format_named(table.format).one_judgement)
    place_of = image[settled.labels.file]
    # What the table calls the files is done with: as large as all the rest on the way from the child to the window.
    labels = replace(settled.labels, files=paths, file=place_of)
    notes, cut = _notes_to_import(table.notes, matching)
    return Incoming(labels, paths, place_of, reader, now(), settled.images, (*settled.problems, *cut), notes)


def _notes_to_import(rows: Iterable[NoteRow], matching: Matching) -> tuple[tuple[NoteRow, ...], list[str]]:
    """The notes on images of the project, and a sentence on those that are cut."""
    here = [replace(row, file=matching.matched[row.file]) for row in rows if row.file in matching.matched]
    long = sum(len(tidy(row.note.text)) > MOST_CHARACTERS for row in here)
    notes = (replace(row, note=replace(row.note, text=fitting(row.note.text))) for row in here)
    problem = f"{notes_text(long)} longer than {MOST_CHARACTERS:,} characters: cut there."
    return tuple(row for row in notes if row.note), [problem] if long else []


def import_labels(
    project: Project, rows: Iterable[LabelRow], reader: str, notes: Iterable[NoteRow] = ()
) -> Change | None:
    """Takes labels from a table into the project as one act; the rows keep their own provenance.

    Args:
        project: The project.
        rows: Labels whose `file` is a path the project knows; rows of unknown files are skipped.
        reader: Who imports (the act's reader; each row names its own).
        notes: Notes likewise. One replaces another of the same reader on the same image; none takes one away.
    """
    return run_out(importing_labels(project, rows, reader, notes))


def importing_labels(
    project: Project, rows: Iterable[LabelRow], reader: str, notes: Iterable[NoteRow] = ()
) -> Generator[int, None, Change | None]:
    """`import_labels` in short steps: yields how many labels are written; closed before its end, it takes all back."""
    known, ids = _known(project, rows)
    written = 0

    def record(act: Act) -> Iterator[None]:
        nonlocal written
        numbered = ((act.number, *row) for row in known)
        while batch := list(islice(numbered, STEP)):
            project.db.conn.executemany(
                """INSERT OR REPLACE INTO label_changes
                   SELECT ?1, ?2, ?3, ?4, value, at, labels.how, labels.cluster, labels.map_id, ?5, ?6, ?7, ?8, ?9
                   FROM (SELECT 1) LEFT JOIN labels ON image_id = ?2 AND finding = ?3 AND reader = ?4
                   WHERE value IS NOT ?5""",
                batch,
            )
            written += len(batch)
            yield
        incoming = ((ids[row.file], row.reader, row.note) for row in notes if row.file in ids)
        noted = record_notes(project, act, incoming, take_theirs=True)
        # Distinct in the order of the key: nothing is sorted.
        (changed, images) = project.db.execute(
            """SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT image_id FROM label_changes WHERE act_id = :act))
               FROM label_changes WHERE act_id = :act""",
            {"act": act.number},
        ).fetchone()
        act.text = f"Imported {labels_and_notes(changed, noted, images)}"
        yield

    project.finish_steps()
    steps = in_steps(project, reader, record)
    with closing(steps):
        while True:
            try:
                next(steps)
            except StopIteration as end:
                change: Change | None = end.value
                return change
            yield written


@dataclass(frozen=True, eq=False)
class Preview:
    """What a table would bring, before anything is stored.

    Attributes:
        format: The form it is in.
        files: Number of images it lists.
        findings: The findings it speaks of.
        new_findings: Those that are in no known vocabulary, and were not in the project.
        matched: Files that are images of the project.
        unmatched: Files that are not.
        ambiguous: Files that may mean several images, which are left out.
        contradicting: Images of which it says things that cannot both be, which are left out.
        readers: Whom it names.
        rows: The labels to store.
        problems: What could not be used, a sentence each.
        lines: (what, in the table, in the project), the first of them: what needs a look first.
        count: How many lines there are.
    """

    format: str
    files: int
    findings: tuple[str, ...]
    new_findings: tuple[str, ...]
    matched: int
    unmatched: int
    ambiguous: int
    contradicting: int
    readers: tuple[str, ...]
    rows: Incoming
    problems: tuple[str, ...]
    lines: tuple[tuple[str, str, str], ...]
    count: int


def examined_labels(path: Path, project_path: Path, reader: str) -> Iterator[float | Preview]:
    """Reads a table; for a child process. Yields the share that is done, at last the preview.

    Args:
        path: The table.
        project_path: The project.
        reader: Who a label is by where the table does not say.

    Raises:
        UserError: The table or the project cannot be read.
    """
    with Project.open_read_only(project_path) as project:
        known, vocabulary = known_findings(project), project.vocabulary
        ids = {path: image_id for image_id, path in project.paths().items()}
    table = yield from reading_labels(path, known, vocabulary)
    matching = match_files(table.files, ids)
    rows = rows_to_import(table, matching, reader, vocabulary)
    rows = replace(rows, ids=np.array([ids[path] for path in rows.paths], np.int64))
    problems = (*table.problems, *rows.problems)
    lines = chain(
        (("new finding", finding, "in no known vocabulary: is it one?") for finding in table.new_findings),
        (("problem", "", problem) for problem in problems),
        (("left out", file, "could be " + ", ".join(files)) for file, files in matching.ambiguous.items()),
        (("not here", file, "no such image in this project") for file in matching.unmatched),
        (("matched", file, image) for file, image in matching.matched.items()),
    )
    yield Preview(
        format=table.format,
        files=len(table.files),
        findings=table.findings,
        new_findings=table.new_findings,
        matched=len(matching.matched),
        unmatched=len(matching.unmatched),
        ambiguous=len(matching.ambiguous),
        contradicting=table.contradicting + rows.contradicting,
        readers=tuple(sorted(table.rows.readers)),
        rows=rows,
        problems=problems,
        lines=tuple(islice(lines, LISTED)),
        count=len(table.new_findings) + len(problems) + len(table.files),
    )
