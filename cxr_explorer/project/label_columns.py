"""What labels a project holds: read by finding, by reader, by image. Nothing is changed here."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import ONE_BY_ONE, Value
from cxr_explorer.labels.vocabulary import spelled, spellings
from cxr_explorer.project.image_rows import labelled_by
from cxr_explorer.project.project import Ids, Project


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """One reader's labels of one finding: parallel arrays, ids ascending."""

    image_ids: Ids
    values: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class LooksAt:
    """What a reader said of a finding, looking at one image at a time; uncertain answers and excluded images are left
    out.

    Attributes:
        image_ids: (n,) int64, ascending.
        present: (n,) bool.
        drawn: (n,) bool: Read next had drawn the image at random.
    """

    image_ids: Ids
    present: NDArray[np.bool_]
    drawn: NDArray[np.bool_]


def looks_by_finding(project: Project, reader: str) -> dict[str, LooksAt]:
    """By finding, those of the vocabulary first, what a reader said of images read one by one.

    Labels given in bulk and accepted suggestions follow the map of one encoder, and say nothing of another.
    """
    excluded = project.excluded_ids()
    known = findings_of(project, reader)
    ordered = [finding for finding in project.vocabulary.findings if finding in known]
    found = {}
    for finding in [*ordered, *(finding for finding in known if finding not in ordered)]:
        rows = project.db.execute(
            """SELECT image_id, value, how = 'random' FROM labels WHERE finding = ? AND reader = ? AND value != ?
               AND how IN (SELECT value FROM json_each(?)) ORDER BY image_id""",
            [finding, reader, int(Value.UNCERTAIN), json.dumps(ONE_BY_ONE)],
        ).fetchall()
        said = np.array(rows, np.int64).reshape(-1, 3)
        said = said[~np.isin(said[:, 0], excluded)]
        if len(said):
            found[finding] = LooksAt(said[:, 0], said[:, 1] == Value.PRESENT, said[:, 2] == 1)
    return found


def finding_of(project: Project, name: str, known: Sequence[str] | None = None) -> str:
    """The finding as the project spells it, of `known` or of its vocabulary. Raises UserError where it is not there."""
    known = project.vocabulary.findings if known is None else known
    if (finding := spelled(name, spellings(known))) is not None:
        return finding
    raise UserError(f"{name} is not among the project's findings. They are: {', '.join(known)}.")


def label_column(project: Project, finding: str, reader: str) -> LabelColumn:
    """All labels of one finding by one reader."""
    # As one text of ids and one of values, in the order of the key: a row each takes three times as long.
    ids, values = project.db.execute(
        """SELECT group_concat(image_id), group_concat(value)
           FROM (SELECT image_id, value FROM labels WHERE finding = ? AND reader = ? ORDER BY image_id)""",
        [finding, reader],
    ).fetchone()
    return LabelColumn(np.fromstring(ids or "", np.int64, sep=","), np.fromstring(values or "", np.int8, sep=","))


def labelled_ids(project: Project, reader: str, ways: Container[str] | None = None) -> Ids:
    """Ids of the images that carry any label of this reader, ascending; or any that was given in one of these ways."""
    found: list[Ids] = [np.zeros(0, np.int64)]
    for finding in findings_of(project, reader):
        # As one text of each way: a row each takes ten times as long.
        rows = project.db.execute(
            "SELECT how, group_concat(image_id) FROM labels WHERE finding = ? AND reader = ? GROUP BY how",
            [finding, reader],
        ).fetchall()
        found += [np.fromstring(text, np.int64, sep=",") for how, text in rows if ways is None or how in ways]
    return np.unique(np.concatenate(found))


def findings_of(project: Project, reader: str) -> list[str]:
    """Findings with labels of a reader, in the order of their text."""
    return [finding for finding, names in labelled_by(project.db).items() if reader in names]


def label_of(project: Project, image_id: int, finding: str, reader: str) -> Value | None:
    """What a reader says of a finding on an image; None where nothing."""
    row = project.db.execute(
        "SELECT value FROM labels WHERE finding = ? AND reader = ? AND image_id = ?", [finding, reader, image_id]
    ).fetchone()
    return Value(row[0]) if row else None


def labels_of_images(project: Project, image_ids: Sequence[int], reader: str) -> dict[int, list[tuple[str, Value]]]:
    """Findings and values by image id, of a handful of images (what is on screen); in the order they were given."""
    rows = project.db.execute(
        """SELECT image_id, finding, value FROM labels
           WHERE finding IN (SELECT value FROM json_each(?)) AND reader = ?
               AND image_id IN (SELECT value FROM json_each(?))
           ORDER BY at, finding""",
        [json.dumps(findings_of(project, reader)), reader, json.dumps([int(image_id) for image_id in image_ids])],
    )
    labels: dict[int, list[tuple[str, Value]]] = {}
    for image_id, finding, value in rows:
        labels.setdefault(image_id, []).append((finding, Value(value)))
    return labels


def finding_counts(project: Project, image_ids: Ids, reader: str) -> dict[str, dict[Value, int]]:
    """For each finding that has labels among these images: number of images by value."""
    counts: dict[str, dict[Value, int]] = {}
    with chosen_images(project, image_ids):
        for finding in findings_of(project, reader):
            # CROSS JOIN goes through the images chosen, not through all labels: a hundred of 100,000 cost next to
            # nothing.
            rows = project.db.execute(
                """SELECT value, count(*) FROM temp.chosen CROSS JOIN labels ON image_id = chosen.id
                   WHERE finding = ? AND reader = ? GROUP BY value""",
                [finding, reader],
            ).fetchall()
            if rows:
                counts[finding] = {Value(value): count for value, count in rows}
    return counts


def ways(project: Project, image_ids: Ids, finding: str, reader: str) -> list[tuple[str, int | None, int, str]]:
    """How a reader's labels of a finding came to these images.

    Returns:
        (how, identity of the cluster or None, number of images, date of the newest), the most frequent first.
    """
    with chosen_images(project, image_ids):
        rows = project.db.execute(
            """SELECT how, cluster, count(*), max(at) FROM temp.chosen CROSS JOIN labels ON image_id = chosen.id
               WHERE finding = ? AND reader = ? GROUP BY how, cluster ORDER BY count(*) DESC, how, cluster""",
            [finding, reader],
        ).fetchall()
    return [(str(how), cluster, int(count), str(at)[:10]) for how, cluster, count, at in rows]


def label_count(project: Project) -> int:
    """How many labels there are, of every reader."""
    return int(project.db.execute("SELECT count(*) FROM labels").fetchone()[0])


def has_labels(project: Project, reader: str | None = None, least: int = 1) -> bool:
    """Whether there are so many labels of a reader, or of anybody; counts no further."""
    left = least
    for finding, names in labelled_by(project.db).items():
        for name in names if reader is None else [reader] if reader in names else []:
            query = "SELECT 1 FROM labels WHERE finding = ? AND reader = ? LIMIT ?"
            left -= len(project.db.execute(query, [finding, name, left]).fetchall())
            if left <= 0:
                return True
    return left <= 0


def labelled_findings(project: Project, reader: str) -> list[str]:
    """Findings with labels of a reader, those with the most first."""
    rows = project.db.execute(
        "SELECT finding FROM labels WHERE reader = ? GROUP BY finding ORDER BY count(*) DESC", [reader]
    )
    return [str(row[0]) for row in rows]


def answers_by_finding(project: Project, reader: str) -> dict[str, tuple[int, int]]:
    """Of each finding a reader has labelled, present and absent labels that were no accepted suggestions."""
    rows = project.db.execute(
        """SELECT finding, sum(value = 1), sum(value = 0) FROM labels WHERE reader = ? AND how != 'suggestion'
           GROUP BY finding""",
        [reader],
    )
    return {finding: (int(present), int(absent)) for finding, present, absent in rows}


@contextmanager
def chosen_images(project: Project, image_ids: Ids) -> Iterator[None]:
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
