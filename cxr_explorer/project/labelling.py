"""What a reader does to a project: label, clear, exclude, import. Each verb is one act, see `acts`."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.labels.consensus import Rule, agree_on
from cxr_explorer.labels.label import ONE_BY_ONE, Judgement, LabelRow, Value
from cxr_explorer.labels.reader_names import REREAD, is_reserved
from cxr_explorer.labels.vocabulary import Vocabulary, excludes_in
from cxr_explorer.project.acts import Act, Change, recorded
from cxr_explorer.project.audits.bounds import label_bounds
from cxr_explorer.project.project import Ids, Project, now
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.imported import ImportedTable, Labels, settle
from cxr_explorer.tables.matching import Matching
from cxr_explorer.tables.write import write_labels

VALUE_WORDS = {Value.PRESENT: "present", Value.ABSENT: "absent", Value.UNCERTAIN: "uncertain"}

STEP = 10_000
"""Labels of a table that are written at a time, some hundredths of a second."""

OPPOSITE = {Value.PRESENT: Value.ABSENT, Value.ABSENT: Value.PRESENT}


@dataclass(frozen=True)
class LabelPlan:
    """What labelling would do, counted in images.

    Attributes:
        images: Images that would carry the value afterwards because of this act (overwritten ones included).
        overwrites: Of these, images whose own label has another value now.
        overwrites_single: Of the overwritten, those that were read one by one, see ONE_BY_ONE.
        excluded: Chosen images that are skipped because they are excluded.
        already: Chosen images that carry this very value; they keep their provenance.
    """

    images: int
    overwrites: int
    overwrites_single: int
    excluded: int
    already: int


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """One reader's labels of one finding: parallel arrays, ids ascending."""

    image_ids: Ids
    values: NDArray[np.int8]


def images_text(count: int) -> str:
    """ "1 image", "1,204 images"."""
    return f"{count:,} image{'' if count == 1 else 's'}"


def plan_label(project: Project, image_ids: Ids, finding: str, value: Value | None, reader: str) -> LabelPlan:
    """What `label` (or `clear`, for value None) would do with the same arguments; nothing is changed."""
    with _chosen(project, image_ids):
        row = project.db.execute(
            """SELECT count(*) FILTER (WHERE NOT excluded AND label.value IS NOT :value),
                      count(*) FILTER (WHERE NOT excluded AND label.value IS NOT NULL AND label.value IS NOT :value),
                      count(*) FILTER (WHERE NOT excluded AND label.value IS NOT :value
                                        AND how IN (SELECT value FROM json_each(:one_by_one))),
                      count(*) FILTER (WHERE excluded),
                      count(*) FILTER (WHERE NOT excluded AND label.value IS :value)
               FROM temp.chosen JOIN images ON images.id = chosen.id
               LEFT JOIN labels AS label ON label.image_id = chosen.id AND finding = :finding AND reader = :reader""",
            {"value": value, "finding": finding, "reader": reader, "one_by_one": json.dumps(ONE_BY_ONE)},
        ).fetchone()
    return LabelPlan(*(int(count) for count in row))


def label(
    project: Project,
    image_ids: Ids,
    judgement: Judgement,
    puts: Mapping[tuple[str, str], str | None] | None = None,
) -> Change | None:
    """Gives images a reader's judgement of one finding. Excluded images are skipped.

    Args:
        project: Open for writing.
        image_ids: The images.
        judgement: What they get.
        puts: State by (kind, key) that belongs to the same act, see `Act.put`.

    Returns:
        What changed, or None where nothing had to (then no act is recorded and nothing needs undoing).
    """
    with recorded(project, judgement.reader) as act:
        changed = record_label(project, act, image_ids, judgement)
        for (kind, key), state in (puts or {}).items():
            act.put(kind, key, state)
        act.text = f"{judgement_text(judgement)} on {images_text(changed)}"
    return act.change


def label_except(project: Project, image_ids: Ids, odd: Ids, judgement: Judgement, turn: bool = False) -> Change | None:
    """Labels images except the odd ones among them, as one act; see `label`.

    Args:
        project: Open for writing.
        image_ids: The images, the odd ones included.
        odd: What the reader found not to belong with the others.
        judgement: Of the others.
        turn: Whether the odd ones get the opposite of present or absent, as read individually; else they stay as they
            are.

    Raises:
        ValueError: `turn` with a value that has no opposite.
    """
    opposite = OPPOSITE.get(judgement.value) if judgement.value is not None else None
    if turn and opposite is None:
        raise ValueError(f"{judgement.value} has no opposite")
    with recorded(project, judgement.reader) as act:
        changed = record_label(project, act, np.setdiff1d(image_ids, odd), judgement)
        act.text = f"{judgement_text(judgement)} on {images_text(changed)}"
        if turn and opposite is not None:
            of_odd = replace(judgement, value=opposite, how="single", cluster_identity=None)
            turned = record_label(project, act, np.intersect1d(image_ids, odd), of_odd)
            act.text += f", {VALUE_WORDS[opposite]} on {turned:,} odd" if turned else ""
    return act.change


def judgement_text(judgement: Judgement) -> str:
    """ "Effusion = present", "Effusion = not read"."""
    word = VALUE_WORDS[judgement.value] if judgement.value is not None else "not read"
    return f"{judgement.finding} = {word}"


def record_label(project: Project, act: Act, image_ids: Ids, judgement: Judgement) -> int:
    """Records a label as part of an act, see `label`; returns the number of images whose label changes.

    A label that an audit finds right counts as changed too: from now on it rests on a look at the image alone. An
    answer to an image drawn at random stays one when the reader thinks better of it.

    Raises:
        UserError: The reader's name is nobody's, and this is no way in which labels get there.
    """
    if is_reserved(judgement.reader) and judgement.how not in ("reread", "adjudication"):
        raise UserError(f"Nothing was labelled: “{judgement.reader}” is not a reader. End the reading first.")
    with _chosen(project, image_ids):
        return int(
            project.db.execute(
                """INSERT OR REPLACE INTO label_changes
                   SELECT :act, chosen.id, :finding, :reader, value, at, label.how, label.cluster, label.map_id,
                          :value, iif(:value IS NULL, NULL, :at),
                          CASE WHEN :value IS NULL THEN NULL
                               WHEN :how = 'single' AND label.how = 'random' THEN 'random' ELSE :how END,
                          :cluster_identity, :map_id
                   FROM temp.chosen JOIN images ON images.id = chosen.id
                   LEFT JOIN labels AS label
                       ON label.image_id = chosen.id AND finding = :finding AND reader = :reader
                   WHERE NOT excluded
                       AND (value IS NOT :value OR (:how = 'audit' AND label.how IS NOT 'audit'))""",
                {**asdict(judgement), "act": act.number, "at": now()},
            ).rowcount
        )


def exclude(project: Project, image_ids: Ids, excluded: bool, reader: str) -> Change | None:
    """Sets images aside (or takes them back in). Labels they have are kept; bulk labels skip them from now on."""
    with recorded(project, reader) as act, _chosen(project, image_ids):
        changed = project.db.execute(
            """INSERT INTO exclusion_changes SELECT ?, chosen.id, excluded, ? FROM temp.chosen
               JOIN images ON images.id = chosen.id WHERE excluded != ?""",
            [act.number, int(excluded), int(excluded)],
        ).rowcount
        act.text = f"{'Excluded' if excluded else 'Took back'} {images_text(changed)}"
    return act.change


def import_labels(project: Project, rows: Iterable[LabelRow], reader: str) -> Change | None:
    """Takes labels from a table into the project as one act; the rows keep their own provenance.

    Args:
        project: The project.
        rows: Labels whose `file` is a path the project knows; rows of unknown files are skipped.
        reader: Who imports (the act's reader; each row names its own).
    """
    importing = importing_labels(project, rows, reader)
    while True:
        try:
            next(importing)
        except StopIteration as end:
            change: Change | None = end.value
            return change


def importing_labels(project: Project, rows: Iterable[LabelRow], reader: str) -> Generator[int, None, Change | None]:
    """`import_labels` in short steps: yields how many labels are written; closed before its end, it takes all back."""
    with recorded(project, reader) as act:
        ids = {path: image_id for image_id, path in project.paths().items()}
        written = 0
        known = (row for row in rows if row.file in ids)
        while batch := list(islice(known, STEP)):
            project.db.conn.executemany(
                """INSERT OR REPLACE INTO label_changes
                   SELECT :act, :id, :finding, :reader, value, at, labels.how, labels.cluster, labels.map_id,
                          :value, :at, :how, :cluster, :map_id
                   FROM (SELECT 1) LEFT JOIN labels ON image_id = :id AND finding = :finding AND reader = :reader
                   WHERE value IS NOT :value""",
                (
                    {
                        "act": act.number,
                        "id": ids[row.file],
                        "finding": row.finding,
                        "reader": row.reader,
                        "value": int(row.value),
                        "at": row.at,
                        "how": row.how,
                        "cluster": row.cluster,
                        "map_id": row.map_id,
                    }
                    for row in batch
                ),
            )
            written += len(batch)
            yield written
        (changed, images) = project.db.execute(
            "SELECT count(*), count(DISTINCT image_id) FROM label_changes WHERE act_id = ?", [act.number]
        ).fetchone()
        act.text = f"Imported {changed:,} label{'' if changed == 1 else 's'} on {images_text(images)}"
    return act.change


@dataclass(frozen=True, eq=False)
class Incoming(Sequence[LabelRow]):
    """Labels of a table that belong to images of a project, put together as they are asked for.

    Attributes:
        labels: As the table has them.
        paths: Files of the project.
        image: (N,) row in `paths` of each label.
        reader: Who a label is by where the table does not say.
        at: When it was given where the table does not say.
        contradicting: Images of which the table says things that cannot both be, as different spellings of one file.
        problems: These, a sentence each.
    """

    labels: Labels
    paths: tuple[str, ...]
    image: NDArray[np.int32]
    reader: str
    at: str
    contradicting: int
    problems: tuple[str, ...]

    def by(self, reader: str) -> Incoming:
        """The same, under another name where the table does not say."""
        return replace(self, reader=reader)

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
            self.paths[self.image[row]],
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
    paths = tuple(dict.fromkeys(matching.matched.values()))
    place = {path: row for row, path in enumerate(paths)}
    image = np.full(len(table.files), -1, np.int32)
    for row, file in enumerate(table.files):
        if (path := matching.matched.get(file)) is not None:
            image[row] = place[path]
    labels = table.rows.take(image[table.rows.file] >= 0)
    excludes = excludes_in(vocabulary, labels.findings)
    settled = settle(labels, image[labels.file], excludes, one_judgement=table.format != "long")
    labels = settled.labels
    return Incoming(labels, paths, image[labels.file], reader, now(), settled.images, settled.problems)


def label_column(project: Project, finding: str, reader: str) -> LabelColumn:
    """All labels of one finding by one reader."""
    rows = project.db.execute(
        "SELECT image_id, value FROM labels WHERE finding = ? AND reader = ? ORDER BY image_id", [finding, reader]
    ).fetchall()
    table = np.array(rows, np.int64).reshape(-1, 2)
    return LabelColumn(table[:, 0], table[:, 1].astype(np.int8))


def labelled_ids(project: Project, reader: str) -> Ids:
    """Ids of the images that carry any label of this reader, ascending."""
    rows = project.db.execute("SELECT DISTINCT image_id FROM labels WHERE reader = ? ORDER BY image_id", [reader])
    return np.fromiter((row[0] for row in rows), np.int64)


def labels_of_images(project: Project, image_ids: Sequence[int], reader: str) -> dict[int, list[tuple[str, Value]]]:
    """Findings and values by image id, of a handful of images (what is on screen); in the order they were given."""
    rows = project.db.execute(
        """SELECT image_id, finding, value FROM labels
           WHERE reader = ? AND image_id IN (SELECT value FROM json_each(?)) ORDER BY at, finding""",
        [reader, json.dumps([int(image_id) for image_id in image_ids])],
    )
    labels: dict[int, list[tuple[str, Value]]] = {}
    for image_id, finding, value in rows:
        labels.setdefault(image_id, []).append((finding, Value(value)))
    return labels


def finding_counts(project: Project, image_ids: Ids, reader: str) -> dict[str, dict[Value, int]]:
    """For each finding that has labels among these images: number of images by value."""
    counts: dict[str, dict[Value, int]] = {}
    with _chosen(project, image_ids):
        # CROSS JOIN goes through the images chosen, not through all labels: a hundred of 100,000 cost next to nothing.
        rows = project.db.execute(
            """SELECT finding, value, count(*) FROM temp.chosen CROSS JOIN labels ON image_id = chosen.id
               WHERE reader = ? GROUP BY finding, value""",
            [reader],
        )
        for finding, value, count in rows:
            counts.setdefault(finding, {})[Value(value)] = count
    return counts


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
    project: Project, out: Path, format: str, reader: str | None = None, rule: Rule | None = None
) -> WriteReport:
    """Writes the labels as CSV, see `write_labels`; the long form also holds findings outside the vocabulary.

    Args:
        project: Whose labels.
        out: The file.
        format: Its form.
        reader: Only this reader's labels; None for everybody's.
        rule: One answer out of all readers' instead, see `agree_on`.

    Everybody's labels hold, in the long form, all there are; in the other two, which have room for one answer, re-reads
    are passed over: a second reading does not replace the first.

    Raises:
        UserError: The place cannot be written.
    """
    rows = [row for row in label_rows(project) if reader in (None, row.reader)]
    agreed = agree_on(rows, rule) if rule is not None else None
    if agreed is not None:
        rows = agreed.rows
    elif reader is None and format != "long":
        rows = [row for row in rows if not row.reader.endswith(REREAD)]
    findings = list(project.vocabulary.findings)
    if format == "long":
        findings += sorted({row.finding for row in rows} - set(findings))
    excludes = project.vocabulary.excludes_among(findings)
    report = write_labels(out, rows, format, findings, excludes)
    if agreed is None:
        return report
    return replace(report, unresolved=len(agreed.unresolved), one_reader=agreed.one_reader)


def exported_labels(path: Path, out: Path, format: str, reader: str | None, rule: Rule | None) -> Iterator[WriteReport]:
    """For a child process: opens the project, writes its labels as `export_labels` does, and yields the report."""
    with Project.open_read_only(path) as project:
        report = export_labels(project, out, format, reader, rule)
    yield report


@contextmanager
def _chosen(project: Project, image_ids: Ids) -> Iterator[None]:
    """The ids as temp.chosen(id) while the block runs, in a transaction: sqlite3 would leave one open otherwise."""
    with project.db.atomic():
        execute = project.db.conn.execute
        execute("CREATE TEMP TABLE IF NOT EXISTS chosen (id INTEGER PRIMARY KEY)")
        execute("DELETE FROM temp.chosen")
        execute(
            "INSERT OR IGNORE INTO temp.chosen SELECT value FROM json_each(?)",
            [json.dumps(np.asarray(image_ids).tolist())],
        )
        yield
