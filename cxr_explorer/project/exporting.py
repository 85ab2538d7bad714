"""The labels of a project leave as CSV.

A label of a large collection is one of millions: what can be is done on whole columns, and the lines of the long form
are put together by SQLite itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.consensus import Consensus, Rule, agree_on
from cxr_explorer.labels.label import LabelBound, LabelRow, NoteRow, Value
from cxr_explorer.labels.reader_names import REREAD
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.project.audits.bounds import label_bounds
from cxr_explorer.project.image_rows import LABELLED_PAIRS, labelled_by, labelled_pairs
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
    ids = np.array([image_id for image_id, _ in images], np.int64)
    by_id = np.argsort(ids)
    values = np.full((len(ids), len(findings)), NOT_JUDGED, np.int8)
    for place, finding in enumerate(findings):
        column = label_column(project, finding, reader)
        values[by_id[np.searchsorted(ids, column.image_ids, sorter=by_id)], place] = column.values
    judged = (values != NOT_JUDGED).any(axis=1)
    return tuple(images[row][1] for row in np.flatnonzero(judged)), values[judged]


# -- the long form -----------------------------------------------------------------------------------------------------


def _export_long(project: Project, out: Path, reader: str | None, noted: Sequence[NoteRow] | None) -> WriteReport:
    """SQLite puts the lines together, all of an image's at once; as rows of Python it takes ten times as long."""
    ids = {path: image_id for image_id, path in project.paths().items()}
    notes = {(ids[row.file], row.reader): as_csv(*note_cells(row.note)) for row in noted or ()}
    images = {image_id for image_id, _ in notes}
    labels = 0
    bounds = label_bounds(project)
    _provide_cells(project, notes, bounds)

    def lines() -> Iterator[str]:
        nonlocal labels
        yield as_csv(*HEADER, *(NOTE_HEADER if noted is not None else ())) + _END
        bound = {"reader": reader, "pairs": labelled_pairs(project.db)}
        for image_id, count, text in project.db.conn.execute(
            _lines_by_image(project, ids, noted is not None, bounds), bound
        ):
            images.add(image_id)
            labels += count
            yield text
        for line in project.db.conn.execute(_NOTES_ALONE, bound) if notes else ():
            yield from line

    write_lines(out, lines())
    return WriteReport(len(images), labels, notes=len(notes))


_Bounds = Mapping[tuple[str, str], Mapping[int, LabelBound]]


class _Cells(dict[str, str]):
    """Text -> its cell, made once."""

    def __missing__(self, text: str) -> str:
        self[text] = cell = as_cell(text)
        return cell


def _provide_cells(project: Project, notes: Mapping[tuple[int, str], str], bounds: _Bounds) -> None:
    """Gives SQL the functions cell(text), bound(image id, finding, reader) and note(image id, reader)."""
    cells_of = cache(lambda bound: as_csv(*bound_cells(bound)))
    for name, arguments, function in (
        ("cell", 1, _Cells().__getitem__),
        ("bound", 3, lambda image_id, *lot: cells_of(bounds.get(lot, {}).get(image_id))),
        ("note", 2, lambda *key: notes.get(key, ",,")),
    ):
        project.db.conn.create_function(name, arguments, function, deterministic=True)


def _lines_by_image(project: Project, paths: Iterable[str], noted: bool, bounds: _Bounds) -> str:
    """SQL: of every image with labels of a reader (NULL: of any) its id, their number, and their lines in one text."""

    def of(name: str, texts: Iterable[str]) -> str:
        # Almost always a text is its own cell: asking Python for each of millions takes longer than all the rest.
        return f"cell({name})" if any(as_cell(text) != text for text in texts) else name

    words = " ".join(f"WHEN {value:d} THEN '{word}'" for value, word in VALUE_WORDS.items())
    pairs = labelled_by(project.db)
    given = project.db.execute("SELECT DISTINCT at, how FROM labels").fetchall()
    path, finding = of("path", paths), of("finding", pairs)
    reader = of("reader", {name for names in pairs.values() for name in names})
    at, how = of("at", {row[0] for row in given}), of("how", {row[1] for row in given})
    bound = "bound(image_id, finding, reader)" if any(bounds.values()) else "',,,'"
    cells = [path, finding, f"CASE value {words} END", reader, at, how, "cluster", "map_id", bound]
    if noted:
        has_notes = "image_id IN (SELECT image_id FROM reader_notes)"
        cells.append(f"CASE WHEN {has_notes} THEN note(image_id, reader) ELSE ',,' END")
    line = ",".join(["%s"] * len(cells)) + _END
    # CROSS JOIN: image by image in the order of paths, its labels by finding and reader.
    return f"""WITH {LABELLED_PAIRS}
               SELECT image_id, count(*), group_concat(printf('{line}', {", ".join(cells)}), '')
               FROM images CROSS JOIN pair CROSS JOIN labels USING (finding, reader)
               WHERE image_id = images.id AND (:reader IS NULL OR reader = :reader) GROUP BY path ORDER BY path"""


_NOTES_ALONE = f"""
    WITH {LABELLED_PAIRS}
    SELECT cell(path) || ',,,' || cell(note.reader) || '{"," * (len(HEADER) - 3)}' || note(image_id, note.reader)
        || '{_END}'
    FROM reader_notes AS note JOIN images ON images.id = image_id
    WHERE (:reader IS NULL OR note.reader = :reader)
        AND NOT EXISTS (SELECT 1 FROM pair JOIN labels USING (finding, reader)
            WHERE pair.reader = note.reader AND image_id = note.image_id)
    ORDER BY path, note.reader"""
