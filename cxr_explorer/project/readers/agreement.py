"""Several readers of one project: who they are, how far they agree, and where they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_explorer.labels.agreement import ANSWERS, Agreement, compare, fleiss_kappa
from cxr_explorer.labels.label import IN_BULK, Value
from cxr_explorer.labels.reader_names import ADJUDICATED, is_reserved, ordinary
from cxr_explorer.project.image_rows import labelled_by
from cxr_explorer.project.project import Ids, Project

_IN_BULK = f"({', '.join(repr(how) for how in IN_BULK)})"


@dataclass(frozen=True)
class ReaderCount:
    """What is kept under one name: labels, and the images they are on."""

    name: str
    images: int
    labels: int


@dataclass(frozen=True)
class FindingAgreement:
    """How two readers agree on a finding.

    Attributes:
        finding: The finding.
        first: The reader of the table's rows.
        second: The reader of its columns.
        agreement: The numbers.
        in_bulk: Images of the table that at least one of the two is known to have labelled together with others. They
            say little about reading: a cluster labelled twice agrees on a thousand images at once.
    """

    finding: str
    first: str
    second: str
    agreement: Agreement
    in_bulk: int


@dataclass(frozen=True)
class GroupAgreement:
    """How three or more readers agree on a finding: Fleiss' kappa on the images all of them judged."""

    finding: str
    readers: tuple[str, ...]
    images: int
    kappa: float | None


def reader_names(project: Project) -> list[str]:
    """Every name that labels are kept under, in the order of their text; also those that are no readers."""
    return sorted({name for names in labelled_by(project.db).values() for name in names})


def reader_counts(project: Project) -> list[ReaderCount]:
    """Every name that labels are kept under, by name; also those that are no readers, see `reader_names`."""
    rows = project.db.execute("SELECT reader, count(DISTINCT image_id), count(*) FROM labels GROUP BY reader")
    return [ReaderCount(*row) for row in rows]


def known_findings(project: Project) -> list[str]:
    """The vocabulary's findings, then others that have labels."""
    findings = list(project.vocabulary.findings)
    return findings + [finding for finding in labelled_by(project.db) if finding not in findings]


def findings_by_reader(project: Project) -> dict[str, list[str]]:
    """By reader, in the order of their names, the findings that they have labels of; who has none is left out."""
    names = labelled_by(project.db)
    found: dict[str, list[str]] = {}
    for finding in known_findings(project):
        for name in ordinary(names.get(finding, ())):
            found.setdefault(name, []).append(finding)
    return dict(sorted(found.items()))


def compare_pair(project: Project, first: str, second: str) -> list[FindingAgreement]:
    """How two readers agree on each finding both judged on some image, in the order of `known_findings`.

    Excluded images are left out.
    """
    tables: dict[str, np.ndarray[tuple[int, int], np.dtype[np.int64]]] = {}
    in_bulk: dict[str, int] = {}
    rows = project.db.execute(
        f"""SELECT one.finding, one.value, other.value, count(*),
                   sum(one.how IN {_IN_BULK} OR other.how IN {_IN_BULK})
            FROM labels AS one
            JOIN labels AS other
                ON other.image_id = one.image_id AND other.finding = one.finding AND other.reader = ?
            JOIN images ON images.id = one.image_id
            WHERE one.reader = ? AND NOT excluded GROUP BY 1, 2, 3""",
        [second, first],
    )
    for finding, one, other, count, bulk in rows:
        table = tables.setdefault(finding, np.zeros((len(ANSWERS), len(ANSWERS)), np.int64))
        table[ANSWERS.index(Value(one)), ANSWERS.index(Value(other))] = count
        in_bulk[finding] = in_bulk.get(finding, 0) + bulk
    return [
        FindingAgreement(finding, first, second, compare(tables[finding]), in_bulk[finding])
        for finding in known_findings(project)
        if finding in tables
    ]


def compare_group(project: Project, readers: Sequence[str]) -> list[GroupAgreement]:
    """How three or more readers agree on each finding all of them judged on some image. Excluded images are left out.

    An image that not all of them judged does not count: Fleiss' kappa needs as many answers on each.
    """
    names = labelled_by(project.db)
    marks = ", ".join("?" * len(readers))
    found = []
    for finding in known_findings(project):
        if not {*readers} <= {*names.get(finding, ())}:
            continue
        rows = project.db.execute(
            f"""SELECT present, uncertain, absent, count(*) FROM (
                    SELECT sum(value = 1) AS present, sum(value = -1) AS uncertain, sum(value = 0) AS absent
                    FROM labels JOIN images ON images.id = image_id
                    WHERE finding = ? AND reader IN ({marks}) AND NOT excluded
                    GROUP BY image_id HAVING count(*) = ?)
                GROUP BY 1, 2, 3""",
            [finding, *readers, len(readers)],
        ).fetchall()
        if rows:
            table = np.array(rows, np.int64)
            every = np.repeat(table[:, :3], table[:, 3], axis=0)
            found.append(GroupAgreement(finding, tuple(readers), len(every), fleiss_kappa(every)))
    return found


def compared(
    path: Path, first: str, second: str, group: Sequence[str]
) -> Iterator[tuple[list[FindingAgreement], list[GroupAgreement]]]:
    """For a child process: opens the project and yields `compare_pair`, and `compare_group` of three or more."""
    with Project.open_read_only(path) as project:
        pair = compare_pair(project, first, second)
        every = compare_group(project, group) if len(group) > 2 else []
    yield pair, every


def disagreements(project: Project, finding: str, readers: Sequence[str] | None = None, settled: bool = False) -> Ids:
    """Ids (M,) of the images on which readers differ about a finding, ascending.

    Args:
        project: The project.
        finding: The finding.
        readers: Between whom; None for all who are readers (re-reads and the like are not).
        settled: Whether to give those too that were adjudicated.

    Excluded images, and those no longer in the folder, are left out: they cannot be judged.
    """
    names = list(readers) if readers is not None else ordinary(labelled_by(project.db).get(finding, ()))
    marks = ", ".join("?" * len(names))
    rows = project.db.execute(
        f"""SELECT image_id FROM labels JOIN images ON images.id = image_id
            WHERE finding = ? AND reader IN ({marks}) AND NOT excluded AND NOT missing
            GROUP BY image_id HAVING min(value) != max(value)""",
        [finding, *names],
    )
    ids = np.fromiter((row[0] for row in rows), np.int64)
    if not settled:
        rows = project.db.execute(
            "SELECT image_id FROM labels WHERE finding = ? AND reader = ?", [finding, ADJUDICATED]
        )
        ids = ids[~np.isin(ids, np.fromiter((row[0] for row in rows), np.int64))]
    return np.sort(ids)


def pair_disagreements(path: Path, finding: str, first: str, second: str, settled: bool) -> Iterator[Ids]:
    """For a child process: opens the project and yields `disagreements` of two."""
    with Project.open_read_only(path) as project:
        ids = disagreements(project, finding, (first, second), settled)
    yield ids


def next_disagreements(path: Path, finding: str) -> Iterator[tuple[str, Ids]]:
    """For a child process: the finding asked for and its open disagreements; without any, the next finding with some.

    Yields one pair, or nothing where readers differ on no finding.
    """
    with Project.open_read_only(path) as project:
        others = [other for other in known_findings(project) if other != finding]
        for candidate in (finding, *others):
            ids = disagreements(project, candidate)
            if ids.size:
                yield candidate, ids
                return


def who_said(project: Project, image_id: int, finding: str) -> dict[str, Value]:
    """Every reader's answer on one image, by name; re-reads, exported majorities and the adjudicated are left out."""
    rows = project.db.execute(
        """SELECT reader, value FROM labels
           WHERE finding = ? AND reader IN (SELECT value FROM json_each(?)) AND image_id = ? ORDER BY reader""",
        [finding, json.dumps(labelled_by(project.db).get(finding, [])), image_id],
    )
    return {reader: Value(value) for reader, value in rows if not is_reserved(reader)}
