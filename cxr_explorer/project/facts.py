"""Facts of a table in a project: taken in, counted, cleared. They are no labels, so no act: a table replaces them."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.tables.facts import (
    GROUPS,
    KNOWN_FACTS,
    Column,
    FactValues,
    Table,
    describe_columns,
    propose_file_column,
    read_table,
    take_facts,
)
from cxr_explorer.tables.matching import Matching, match_files
from cxr_explorer.tables.texts import Uniques

STEP = 4_000
"""Rows written at a time, some hundredths of a second."""

IMAGES = 5_000
"""Images whose patient and study numbers are taken away at a time."""


@dataclass(frozen=True)
class FactPlan:
    """What storing one fact would do, in images.

    Attributes:
        fact: Its name.
        column: The column it comes from.
        images: Images that get a value.
        distinct: How many different values.
        replaces: Images whose value from an earlier table changes or goes.
        dates: Cells left out because they look like dates.
        odd: Cells left out because they are no such fact.
        conflicting: Images left out because rows of the table contradict each other.
    """

    fact: str
    column: str
    images: int
    distinct: int
    replaces: int
    dates: int
    odd: int
    conflicting: int


@dataclass(frozen=True)
class Examined:
    """A table before its columns have a meaning.

    Attributes:
        columns: What each seems to be.
        file_column: The one that names the image files; "" where no header says so.
        rows: Number of its rows.
        problems: Of the reading, one sentence each.
    """

    columns: tuple[Column, ...]
    file_column: str
    rows: int
    problems: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FactRows:
    """Facts as they are stored, parallel columns by image and fact: little on the way from a child to the window.

    Attributes:
        names: The facts.
        values: What is said of images, each text once.
        image: (N,) int64 ids.
        name: (N,) int64 rows of `names`.
        value: (N,) int64 rows of `values`.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]
    image: Ids
    name: Ids
    value: Ids


@dataclass(frozen=True)
class Prepared:
    """A table's facts, ready to store, with what that would do; files are counted as in `Matching`."""

    matched: int
    unmatched: int
    ambiguous: int
    plans: tuple[FactPlan, ...]
    rows: FactRows


def read_facts_of(
    project: Project, table: Table, file_column: str, mapping: Mapping[str, str]
) -> tuple[Matching, list[FactValues]]:
    """Finds the image of each row, as label tables do, and takes the mapped columns. Raises UserError."""
    files = Uniques()
    for file in table.column(file_column):
        files.number(file)
    matching = match_files(files.finish()[0], project.paths().values())
    return matching, take_facts(table, mapping, file_column, matching.matched)


def examine_table(path: Path) -> Iterator[Examined]:
    """Reads a table and yields what there is to ask about it; for a child process. Raises UserError."""
    table = read_table(path)
    yield Examined(tuple(describe_columns(table)), propose_file_column(table), len(table.rows), table.problems)


def prepare_facts(path: Path, project_path: Path, file_column: str, mapping: Mapping[str, str]) -> Iterator[Prepared]:
    """Reads a table and yields what `store_facts` needs; for a child process. Raises UserError."""
    with Project.open_read_only(project_path) as project:
        matching, facts = read_facts_of(project, read_table(path), file_column, mapping)
        plans, rows = plan_facts(project, facts), fact_rows(project, facts)
    yield Prepared(len(matching.matched), len(matching.unmatched), len(matching.ambiguous), tuple(plans), rows)


def plan_facts(project: Project, facts: Iterable[FactValues]) -> list[FactPlan]:
    """What `store_facts` would do with the same facts; nothing is changed."""
    paths = project.paths()
    plans = []
    for one in facts:
        before = project.db.execute("SELECT image_id, value FROM metadata WHERE name = ?", [one.fact]).fetchall()
        if one.fact in GROUPS:
            replaces = len(before)
        else:
            replaces = sum(one.values.get(paths[image_id], value) != value for image_id, value in before)
        plans.append(
            FactPlan(
                one.fact, one.column, len(one.values), len(set(one.values.values())), replaces, one.dates, one.odd,
                one.conflicting,
            )
        )  # fmt: skip
    return plans


def describe_plan(plan: FactPlan) -> str:
    """ "view, from View Position: 1,204 images, 2 values; 3 dates left out" in one line."""
    kind = f"{plan.distinct:,} {'number' if plan.fact in GROUPS else 'value'}{'' if plan.distinct == 1 else 's'}"
    text = f"{plan.fact}, from {plan.column}: {images_text(plan.images)}, {kind}"
    for count, what in (
        (plan.replaces, "from an earlier table replaced"),
        (plan.dates, "left out: dates"),
        (plan.odd, f"left out: no {plan.fact}" if plan.fact in KNOWN_FACTS else "left out: too long"),
        (plan.conflicting, "left out: rows of the table contradict each other"),
    ):
        if count:
            text += f"; {count:,} {what}"
    return text


NO_ROWS = FactRows((), (), *np.empty((3, 0), np.int64))


def fact_rows(project: Project, facts: Iterable[FactValues]) -> FactRows:
    """Facts of files that the project knows, ready to store; a second for half a million."""
    ids = {path: image_id for image_id, path in project.paths().items()}
    taken = sorted(facts, key=lambda one: one.fact)
    codes: dict[str, int] = {}
    rows = [
        (ids[file], number, codes.setdefault(value, len(codes)))
        for number, one in enumerate(taken)
        for file, value in one.values.items()
        if file in ids
    ]
    rows.sort()  # in the order of the file's own table: each row is then written behind the last one
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return FactRows(tuple(one.fact for one in taken), tuple(codes), *columns.T.copy())


def store_facts(project: Project, rows: FactRows) -> None:
    """Takes facts in, replacing what an earlier table said of the same images.

    Patient and study numbers replace all earlier ones: numbers of two tables cannot be told to mean the same patient.
    """
    for _ in storing_facts(project, rows):
        pass


def storing_facts(project: Project, rows: FactRows) -> Generator[float]:
    """`store_facts` in short steps: yields the share that is done; closed before its end, it takes all of it back."""
    count = len(rows.image)
    project.finish_steps()
    with project.db.atomic():
        going = [name for name in GROUPS if name in rows.names]
        (last,) = project.db.execute("SELECT ifnull(max(image_id), 0) FROM metadata").fetchone()
        for first in range(0, last + 1 if going else 0, IMAGES):
            yield 0.0
            project.db.conn.executemany(
                "DELETE FROM metadata WHERE name = ? AND image_id BETWEEN ? AND ?",
                ((name, first, first + IMAGES - 1) for name in going),
            )
        for start in range(0, count, STEP):
            yield start / count
            part = slice(start, start + STEP)
            names = [rows.names[number] for number in rows.name[part].tolist()]
            values = [rows.values[number] for number in rows.value[part].tolist()]
            project.db.conn.executemany(
                "INSERT OR REPLACE INTO metadata VALUES (?, ?, ?)",
                zip(rows.image[part].tolist(), names, values, strict=True),
            )


def stored_facts(project: Project) -> dict[str, int]:
    """Facts that tables have brought, with the number of images each is known of."""
    rows = project.db.execute("SELECT name, count(*) FROM metadata GROUP BY name ORDER BY name")
    return {str(name): int(count) for name, count in rows}


def brings_facts(project: Project, names: Iterable[str] | None = None) -> bool:
    """Whether a table has brought any facts, or any of these."""
    if names is None:
        row = project.db.execute("SELECT EXISTS (SELECT 1 FROM metadata)").fetchone()
    else:
        wanted = json.dumps(list(names))
        among = "SELECT 1 FROM metadata WHERE name IN (SELECT value FROM json_each(?))"
        row = project.db.execute(f"SELECT EXISTS ({among})", [wanted]).fetchone()
    return bool(row[0])


def clear_facts(project: Project, names: Iterable[str]) -> None:
    """Forgets facts that tables have brought; what the image files say themselves shows again."""
    with project.db.atomic():
        project.db.conn.executemany("DELETE FROM metadata WHERE name = ?", ((name,) for name in names))
