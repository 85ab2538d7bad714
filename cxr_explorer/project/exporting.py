"""The labels of a project leave as CSV.

A label of a large collection is one of millions, and they lie by finding, reader and image: what can be is done column
by column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.consensus import Consensus, Rule, agree_on
from cxr_explorer.labels.label import LabelBound, LabelRow, NoteRow, Value
from cxr_explorer.labels.reader_names import REREAD
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.project.audits.bounds import label_bounds
from cxr_explorer.project.image_rows import LABELLED_PAIRS, labelled_by
from cxr_explorer.project.label_columns import label_column
from cxr_explorer.project.notes import note_rows
from cxr_explorer.project.project import Project
from cxr_explorer.tables.cells import as_cell, as_csv
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.formats import format_named
from cxr_explorer.tables.judged import NOT_JUDGED, Judged, judged_of, latest, row_of
from cxr_explorer.tables.long import HEADER, NOTE_HEADER, bound_cells, note_cells
from cxr_explorer.tables.write import write_judged, write_labels, write_lines

_END = "\r\n"


def label_rows(project: Project) -> Iterator[LabelRow]:
    """Every label with its provenance and what the random audits say of it, by file, finding and reader."""
    bounds = label_bounds(project)
    rows = project.db.execute(
        """SELECT image_id, path, finding, value, reader, at, how, cluster, map_id FROM labels
           JOIN images ON images.id = image_id ORDER BY path, finding, reader"""
    )
    for image_id, file, finding, value, reader, at, how, cluster, map_id in rows:
        bound = bounds.get((finding, reader), {}).get(image_id)
        yield LabelRow(file, finding, Value(value), reader, at, how, cluster, map_id, bound)


def export_labels(
    project: Project, out: Path, format: str, reader: str | None = None, rule: Rule | None = None, notes: bool = True
) -> WriteReport:
    """Writes the labels as CSV, see `write_labels`; the long form also holds findings outside the vocabulary.

    Args:
        project: Whose labels.
        out: The file.
        format: Its form.
        reader: Only this reader's labels; None for everybody's.
        rule: One answer out of all readers' instead, see `agree_on`. No notes go with it: it is nobody's.
        notes: Whether the long form also holds what the readers noted.

    Everybody's labels hold, in the long form, all there are; in the other two, which have room for one answer, re-reads
    are passed over: a second reading does not replace the first.

    Raises:
        UserError: The place cannot be written.
    """
    with project.db.atomic():  # all that is read is of one moment
        if rule is not None:
            return _export_agreed(project, out, format, reader, rule)
        if format_named(format).one_judgement:
            return write_judged(out, _judged(project, reader), format)
        return _export_long(project, out, reader, list(note_rows(project, reader)) if notes else None)


def chosen_rows(project: Project, reader: str | None, rule: Rule | None) -> tuple[Iterable[LabelRow], Consensus | None]:
    """Every label of a reader, None for everybody; or the one answer out of these, with what it rests on."""
    rows = (row for row in label_rows(project) if reader in (None, row.reader))
    if rule is None:
        return rows, None
    agreed = agree_on(rows, rule)
    return agreed.rows, agreed


def chosen_judgements(project: Project, reader: str | None, rule: Rule | None) -> tuple[Judged, Consensus | None]:
    """The one judgement of every finding of the vocabulary on every image that stands, as `chosen_rows`.

    Of everybody's labels the latest stands; re-reads are passed over.
    """
    if rule is None:
        return _judged(project, reader), None
    rows, agreed = chosen_rows(project, reader, rule)
    findings = project.vocabulary.findings
    return latest(rows, findings, project.vocabulary.excludes_among(findings)), agreed


def with_consensus(report: WriteReport, agreed: Consensus | None) -> WriteReport:
    """The report, with what is to be said of answers out of several readers'."""
    if agreed is None:
        return report
    return replace(report, unresolved=len(agreed.unresolved), one_reader=agreed.one_reader)


def _export_agreed(project: Project, out: Path, format: str, reader: str | None, rule: Rule) -> WriteReport:
    if format_named(format).one_judgement:
        judged, agreed = chosen_judgements(project, reader, rule)
        return with_consensus(write_judged(out, judged, format), agreed)
    rows, agreed = chosen_rows(project, reader, rule)
    kept = list(rows)
    return with_consensus(write_labels(out, kept, format, sorted({row.finding for row in kept})), agreed)


def _judged(project: Project, reader: str | None) -> Judged:
    """The judgement of every finding of the vocabulary on every image that stands, by file."""
    findings = project.vocabulary.findings
    counts = project.db.execute("SELECT finding, reader, count(*) FROM labels GROUP BY finding, reader").fetchall()
    counts = [row for row in counts if row[1] == reader or (reader is None and not row[1].endswith(REREAD))]
    others = sorted({finding for finding, _, _ in counts} - set(findings))
    excludes = project.vocabulary.excludes_among(findings)
    other_findings = sum(count for name, _, count in counts if name in others)
    readers = sorted({name for _, name, _ in counts})
    if len(readers) == 1:
        files, values = _columns(project, findings, readers[0])
        return Judged(files, findings, excludes, values, superseded=0, other_findings=other_findings)
    made = cache(lambda text: row_of(json.loads(text), findings))
    rows = project.db.execute(
        f"""WITH {LABELLED_PAIRS}
            SELECT path, json_group_array(json_array(finding, value, at))
            FROM images CROSS JOIN pair CROSS JOIN labels USING (finding, reader) WHERE image_id = images.id
            GROUP BY path ORDER BY path""",
        {"pairs": json.dumps([(finding, name) for finding, name, _ in counts if finding not in others])},
    ).fetchall()
    return judged_of(
        (path for path, _ in rows),
        (made(text) for _, text in rows),
        findings,
        excludes,
        other_findings=other_findings,
    )


def _columns(project: Project, findings: Sequence[str], reader: str) -> tuple[tuple[str, ...], NDArray[np.int8]]:
    """What one reader has judged: files in the order of their names, and (N, F) values of `Judged`.

    Of one reader's labels none replaces another, and labels lie by finding: column by column takes a third of the time
    of image by image.
    """
    images = project.db.execute("SELECT id, path FROM images ORDER BY path").fetchall()
    place_of = _places([image_id for image_id, _ in images])
    values = np.full((len(images), len(findings)), NOT_JUDGED, np.int8)
    for number, finding in enumerate(findings):
        column = label_column(project, finding, reader)
        values[place_of(column.image_ids), number] = column.values
    judged = (values != NOT_JUDGED).any(axis=1)
    return tuple(images[row][1] for row in np.flatnonzero(judged)), values[judged]


def _places(image_ids: Sequence[int]) -> Callable[[Sequence[int] | NDArray[np.int64]], NDArray[np.int64]]:
    """What says at which places of `image_ids`, where each stands once, ids stand."""
    ids = np.array(image_ids, np.int64)
    by_id = np.argsort(ids)
    return lambda wanted: by_id[np.searchsorted(ids, wanted, sorter=by_id)]


# -- the long form -----------------------------------------------------------------------------------------------------


def _export_long(project: Project, out: Path, reader: str | None, noted: Sequence[NoteRow] | None) -> WriteReport:
    """Column by column, as labels lie; then line by line, of each image what all readers said."""
    images = project.db.execute("SELECT id, path FROM images ORDER BY path").fetchall()
    place_of = _places([image_id for image_id, _ in images])
    no_note = "" if noted is None else "," * len(NOTE_HEADER)
    notes = {(row.file, row.reader): "," + as_csv(*note_cells(row.note)) for row in noted or ()}
    alone = dict(notes)
    bounds = label_bounds(project)
    columns = []
    for finding, names in labelled_by(project.db).items():
        for name in names if reader is None else [reader] if reader in names else []:
            ids, labels = _labels_as_rows(project, finding, name)
            places = place_of(ids)
            bound = bounds.get((finding, name))
            audited = map(bound.get, ids) if bound else repeat(None)
            said: Iterable[str] = repeat(no_note)
            if notes:
                keys = [(images[place][1], name) for place in places]
                said = [notes.get(key, no_note) for key in keys]
                for key in keys:
                    alone.pop(key, None)
            ends = _Ends(finding, name)
            column = np.full(len(images), "", object)
            column[places] = [ends[row] for row in zip(labels, audited, said, strict=False)]
            columns.append(column.tolist())
    files = {file for file, _ in notes}
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        yield as_csv(*HEADER, *(NOTE_HEADER if noted is not None else ())) + _END
        for (_, path), *ends in zip(images, *columns, strict=True):
            if found := [end for end in ends if end]:
                files.add(path)
                count += len(found)
                yield (start := as_cell(path)) + start.join(found)
        for (path, name), note in alone.items():
            yield f"{as_cell(path)},,,{as_cell(name)}{',' * (len(HEADER) - 4)}{note}{_END}"

    write_lines(out, lines())
    return WriteReport(len(files), count, notes=len(notes))


_Row = tuple[int, str, str, int | None, int | None]
"""Value, time, how, cluster and map of a label."""


def _labels_as_rows(project: Project, finding: str, reader: str) -> tuple[list[int], Iterator[_Row]]:
    """Ids of the images that a reader has labelled with a finding, and their labels."""
    # A text of each column: a row each takes twice as long, and so does putting lines together in SQL.
    names = ("image_id", "value", "at", "how", "cluster", "map_id")
    texts = project.db.execute(
        f"""SELECT {", ".join(f"json_group_array({name})" for name in names)}
            FROM labels WHERE finding = ? AND reader = ?""",
        [finding, reader],
    ).fetchone()
    ids, *columns = map(json.loads, texts)
    return ids, zip(*columns, strict=True)


class _Ends(dict[tuple[_Row, LabelBound | None, str], str]):
    """What stands after the path in the line of a label with this bound and these cells of a note, its comma included:
    made once, for nearly every label shares it with others."""

    def __init__(self, finding: str, reader: str) -> None:
        self._finding, self._reader = as_cell(finding), as_cell(reader)

    def __missing__(self, key: tuple[_Row, LabelBound | None, str]) -> str:
        (value, at, how, cluster, map_id), bound, note = key
        numbers = ("" if number is None else str(number) for number in (cluster, map_id))
        cells = (self._finding, VALUE_WORDS[Value(value)], self._reader, as_cell(at), as_cell(how), *numbers)
        self[key] = end = f",{','.join(cells)},{as_csv(*bound_cells(bound))}{note}{_END}"
        return end
