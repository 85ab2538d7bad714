"""A table of any columns becomes facts of images: view, sex, age, maker, whatever else it holds. Never who they are.

Nothing of the table is taken but what the reader maps, and what looks like a date or names single images is not taken
even then: a project file must be fit to hand on.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.images.age import age_in_years
from cxr_explorer.labels.csv_file import read_records, read_text
from cxr_explorer.labels.table_cells import plain

GROUPS = ("patient", "study")
"""Facts of which only a number is kept that says which images belong together, never the table's text."""

KNOWN_FACTS = ("view", "sex", "age", "maker", "model", *GROUPS)
"""Facts the program knows by name; any other name is free."""

DATES = "dates are not taken"
"""Why a column of dates is left out."""

MOST_VALUES = 200
"""A free column with more different values describes single images, and may name them."""

MOST_CHARACTERS = 64

# Names that mean something else where the map is coloured, or that the program gives itself.
_TAKEN = {"folder", "cluster", "label", "labelled", "unlabelled", "suggestion", "file"}

# What headers call a fact, squeezed to letters and digits. Others are left out until the reader says what they are.
_HEADERS = {
    "view": {"view", "viewposition", "viewpos", "position", "projection", "appa", "frontallateral"},
    "sex": {"sex", "gender", "patientsex", "patientgender"},
    "age": {"age", "patientage", "ageyears", "ageinyears"},
    "maker": {"maker", "manufacturer", "vendor"},
    "model": {"model", "manufacturermodelname", "device", "scanner"},
    "patient": {"patient", "patientid", "subject", "subjectid", "pid"},
    "study": {"study", "studyid", "studyinstanceuid", "exam", "examid", "accessionnumber"},
}
_FILE_HEADERS = {"file", "filename", "path", "image", "imageindex", "imageid", "imagepath", "imagefile", "dicomid"}

_DATE = re.compile(
    r"(?<!\d)(?:(?:18|19|20)\d\d([-/.])[01]?\d\1[0-3]?\d|[0-3]?\d([-/.])[0-3]?\d\2(?:18|19|20)?\d\d)(?!\d)"
    r"|(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6})?(?!\d)"
    r"|\b\d{1,2}[ -]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ -]?\d{2,4}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        header: Names of its columns, made different where two are the same.
        rows: Its cells, each row as long as the header.
        problems: What to tell the reader about the reading, one sentence each.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    problems: tuple[str, ...] = ()

    def column(self, name: str) -> list[str]:
        """The cells of a column. Raises UserError for one that is not there."""
        if name not in self.header:
            raise UserError(f"The table has no column {name!r}. Its columns are: {', '.join(self.header)}.")
        position = self.header.index(name)
        return [row[position] for row in self.rows]


@dataclass(frozen=True)
class Column:
    """A column of a table as the reader is asked about it.

    Attributes:
        name: Its header.
        examples: Its most frequent values, at most three; none of a column that names patients or dates.
        distinct: How many different values it holds.
        proposal: The fact it seems to be; "" to leave it out.
        reason: Why it is left out, where that is not for want of a known header.
    """

    name: str
    examples: tuple[str, ...]
    distinct: int
    proposal: str
    reason: str = ""


@dataclass(frozen=True)
class FactValues:
    """One fact of the images of a table, ready to store.

    Attributes:
        fact: Its name.
        column: The column it was taken from.
        values: Image file of the project -> value.
        dates: Cells left out because they look like dates.
        odd: Cells left out because they are no such fact, or too long.
        conflicting: Images left out because rows of the table contradict each other.
    """

    fact: str
    column: str
    values: dict[str, str]
    dates: int = 0
    odd: int = 0
    conflicting: int = 0


def read_table(path: Path) -> Table:
    """Reads a CSV with commas, semicolons or tabs, plain or gzipped, in any usual encoding.

    Raises:
        UserError: It cannot be read, or has no two columns.
    """
    text, problems = read_text(path)
    try:
        first = {delimiter: next(read_records(text, delimiter), (0, [])) for delimiter in ",;\t"}
        delimiter = max(first, key=lambda one: len(first[one][1]))
        records = [cells for _, cells in read_records(text, delimiter)]
    except csv.Error as error:
        raise UserError(f"Cannot read {path}: it is not a sound CSV file ({error}); save it as CSV again.") from error
    if records and records[0][0].casefold().startswith("sep="):  # Excel's hint to itself
        records = records[1:]
    if not records or len(records[0]) < 2:
        raise UserError(
            f"Cannot read {path}: its first line does not name two columns or more. It must be a CSV file whose first "
            "line names the columns, one of them the image files."
        )
    header: list[str] = []
    for position, cell in enumerate(records[0]):
        name = plain(cell).strip() or f"column {position + 1}"
        while name in header:
            name += "'"
        header.append(name)
    width = len(header)
    rows = tuple(tuple(plain(cell) for cell in (*cells, *[""] * width)[:width]) for cells in records[1:])
    return Table(tuple(header), rows, tuple(problems))


def propose_file_column(table: Table) -> str:
    """The column that names the image files, by its header; "" where no header says so."""
    return next((name for name in table.header if _squeezed(name) in _FILE_HEADERS), "")


def describe_columns(table: Table) -> list[Column]:
    """Every column with what it seems to be. Only headers decide: what nobody named is left out."""
    described = []
    for name in table.header:
        cells = [cell.strip() for cell in table.column(name) if cell.strip()]
        counts: dict[str, int] = {}
        for cell in cells:
            counts[cell] = counts.get(cell, 0) + 1
        squeezed = _squeezed(name)
        proposal = next((fact for fact, headers in _HEADERS.items() if squeezed in headers), "")
        dated = sum(count for cell, count in counts.items() if looks_like_date(cell))
        reason = ""
        if proposal not in GROUPS:
            if dated * 2 > len(cells) > 0 or re.search(r"date|birth|dob$", squeezed):
                reason = DATES
            elif proposal == "" and len(counts) > MOST_VALUES:
                reason = f"{len(counts):,} different values: it describes single images"
        if reason:
            proposal = ""
        hidden = bool(reason) or proposal in GROUPS or "name" in squeezed
        most = sorted(counts, key=lambda cell: (-counts[cell], cell))[:3]
        described.append(Column(name, () if hidden else tuple(most), len(counts), proposal, reason))
    return described


def objection_to_fact(fact: str) -> str | None:
    """Why a name cannot be a fact's, or None."""
    if fact in _TAKEN:
        return f"{fact!r} already means something else"
    if not re.fullmatch(r"[^\W_][\w .()/%+-]{0,39}", fact):
        return f"{fact[:40]!r} is no short name of letters, digits and blanks"
    return None


def take_facts(
    table: Table, mapping: Mapping[str, str], file_column: str, matched: Mapping[str, str]
) -> list[FactValues]:
    """The facts of a table that belong to images of the project.

    Args:
        table: As read.
        mapping: Fact -> column; facts beyond `KNOWN_FACTS` are free.
        file_column: The column that names the image files.
        matched: File of the table -> file of the project, see `match_files`.

    Returns:
        One entry a fact. Patients and studies are numbers from 1 in the table's order. Ages are whole years, "90+"
        above 89. Cells that look like dates are never taken.

    Raises:
        UserError: A column is not there, a name cannot be used, or a free column describes single images.
    """
    files = [matched.get(file) for file in table.column(file_column)]
    taken = []
    for fact, column in mapping.items():
        if (objection := objection_to_fact(fact)) is not None:
            raise UserError(f"The column {column!r} cannot become a fact: {objection}. Choose another name.")
        taken.append(_take(fact, column, table.column(column), files))
    return taken


def _take(fact: str, column: str, cells: Iterable[str], files: Iterable[str | None]) -> FactValues:
    clean = _CLEANERS.get(fact, _as_it_stands)
    numbers: dict[str, str] = {}
    values: dict[str, str] = {}
    conflicting: set[str] = set()
    dates = odd = 0
    meaning: dict[str, str | None] = {}
    for cell, file in zip(cells, files, strict=True):
        text = cell.strip()
        if file is None or not text:
            continue
        if fact in GROUPS:
            value: str | None = numbers.setdefault(text, str(len(numbers) + 1))
        else:
            if text not in meaning:
                meaning[text] = None if looks_like_date(text) else clean(text)
            value = meaning[text]
            if value is None:
                dates += looks_like_date(text)
                odd += not looks_like_date(text)
                continue
        if values.setdefault(file, str(value)) != value:
            conflicting.add(file)
    for file in conflicting:
        del values[file]
    if fact not in KNOWN_FACTS and len(set(values.values())) > MOST_VALUES:
        raise UserError(
            f"The column {column!r} holds {len(set(values.values())):,} different values: it describes single images, "
            "and may say who they are. Map it to patient or study, of which only a number is kept, or leave it out."
        )
    return FactValues(fact, column, values, dates, odd, len(conflicting))


def looks_like_date(text: str) -> bool:
    """Whether a cell holds a date of any usual form, also inside other text."""
    return _DATE.search(text) is not None


def _view(text: str) -> str | None:
    view = text.upper()
    return {"POSTEROANTERIOR": "PA", "ANTEROPOSTERIOR": "AP", "L": "LATERAL", "LAT": "LATERAL"}.get(
        view, _as_it_stands(view)
    )


def _sex(text: str) -> str | None:
    word = text.casefold()
    for sex, words in (("M", {"m", "male", "man"}), ("F", {"f", "female", "woman", "w"}), ("O", {"o", "other"})):
        if word in words:
            return sex
    return None


def _as_it_stands(text: str) -> str | None:
    return text if len(text) <= MOST_CHARACTERS and text.isprintable() else None


_CLEANERS: Mapping[str, Callable[[str], str | None]] = {
    "view": _view,
    "sex": _sex,
    "age": lambda text: age_in_years(text) or None,
}


def _squeezed(header: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", header.casefold())
