"""A table of any columns becomes facts of images: view, sex, age, maker, whatever else it holds. Never who they are.

Nothing of the table is taken but what the reader maps, and what looks like a date or names single images is not taken
even then: a project file must be fit to hand on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.images.age import age_in_years
from cxr_explorer.tables.cells import is_blank, plain
from cxr_explorer.tables.csv_file import CsvFile, Problems, Record

GROUPS = ("patient", "study")
"""Facts of which only a number is kept that says which images belong together, never the table's text."""

KNOWN_FACTS = ("view", "sex", "age", "maker", "model", *GROUPS)
"""Facts the program knows by name; any other name is free."""

DATES = "dates are not taken"
"""Why a column of dates is left out."""

MOST_VALUES = 200
"""A free column with more different values describes single images, and may name them."""

MOST_COUNTED = 20_000
"""Different values of a column that are counted; of a table of millions no more is kept."""

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
_BOOKKEEPING = {
    *("id", "index", "idx", "row", "no", "nr", "number", "uid", "series", "seriesid", "frame", "followup"),
    *("fold", "kfold", "split", "set", "subset", "dataset", "partition", "train", "test", "val", "valid", "validation"),
    *(
        "source",
        "site",
        "hospital",
        "institution",
        "orientation",
        "laterality",
        "side",
        "frontal",
        "lateral",
        "pa",
        "ap",
    ),
    *("width", "height", "rows", "columns", "bitsstored", "pixelspacing", "race", "ethnicity", "date"),
    *("time", "year", "reader", "annotator", "rater", "report", "portable", "male", "female", "ismale", "isfemale"),
}
"""What else columns of label tables hold that is no finding, though it may be written as 1 and 0."""

_DATE = re.compile(
    r"(?<!\d)(?:(?:18|19|20)\d\d([-/.])[01]?\d\1[0-3]?\d|[0-3]?\d([-/.])[0-3]?\d\2(?:18|19|20)?\d\d)(?!\d)"
    r"|(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6})?(?!\d)"
    r"|\b\d{1,2}[ -]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ -]?\d{2,4}\b",
    re.IGNORECASE,
)


class FileRows(Collection[tuple[str, ...]]):
    """The rows of a file below its header, each as long as the header; read anew each time they are gone through."""

    def __init__(self, file: CsvFile, delimiter: str, width: int, header_line: int) -> None:
        """Counts the rows; `problems` says what is wrong with them."""
        self._file, self._delimiter, self._width, self._header_line = file, delimiter, width, header_line
        self.problems = Problems(file.warnings)
        self._count = sum(1 for _ in self._records(self.problems))

    def _records(self, problems: Problems) -> Iterator[list[str]]:
        return (cells for line, cells in self._file.records(self._delimiter, problems) if line > self._header_line)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        missing, width = [""] * self._width, self._width
        for cells in self._records(Problems()):
            yield tuple(map(plain, cells if len(cells) == width else [*cells, *missing][:width]))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, row: object) -> bool:
        return any(row == one for one in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Collection) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        header: Names of its columns, made different where two are the same.
        rows: Its cells, each row as long as the header.
        problems: What to tell the reader about the reading, one sentence each.
    """

    header: tuple[str, ...]
    rows: Collection[tuple[str, ...]]
    problems: tuple[str, ...] = ()

    def place(self, name: str) -> int:
        """Where a column stands. Raises UserError for one that is not there."""
        if name not in self.header:
            raise UserError(f"The table has no column {name!r}. Its columns are: {', '.join(self.header)}.")
        return self.header.index(name)

    def column(self, name: str) -> Iterator[str]:
        """The cells of a column. Raises UserError for one that is not there."""
        place = self.place(name)
        return (row[place] for row in self.rows)


@dataclass(frozen=True)
class Column:
    """A column of a table as the reader is asked about it.

    Attributes:
        name: Its header.
        examples: Its most frequent values, at most three; none of a column that names patients or dates.
        distinct: How many different values it holds; MOST_COUNTED stands for at least so many.
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
    file = CsvFile(path)
    headers = {delimiter: _header(file, delimiter) for delimiter in ",;\t"}
    delimiter, (line, cells) = max(headers.items(), key=lambda one: len(one[1][1]))
    if len(cells) < 2:
        raise UserError(
            f"Cannot read {path}: its first line does not name two columns or more. It must be a CSV file whose first "
            "line names the columns, one of them the image files."
        )
    header: list[str] = []
    for position, cell in enumerate(cells):
        name = plain(cell).strip() or f"column {position + 1}"
        while name in header:
            name += "'"
        header.append(name)
    rows = FileRows(file, delimiter, len(header), line)
    return Table(tuple(header), rows, rows.problems.texts())


def _header(file: CsvFile, delimiter: str) -> Record:
    records = file.records(delimiter, Problems())
    line, cells = next(records, (0, []))
    if cells and cells[0].casefold().startswith("sep="):  # Excel's hint to itself
        line, cells = next(records, (0, []))
    return line, cells


def propose_file_column(table: Table) -> str:
    """The column that names the image files, by its header; "" where no header says so."""
    return next((name for name in table.header if _squeezed(name) in _FILE_HEADERS), "")


def is_fact_header(header: str) -> bool:
    """Whether a column is known to hold something else than a finding: a fact, a file, a fold, a row's number."""
    name = _squeezed(header)
    known = name in _FILE_HEADERS or name in _BOOKKEEPING or any(name in headers for headers in _HEADERS.values())
    return known or name.startswith("unnamed")  # pandas' own name for a column of row numbers


def describe_columns(table: Table) -> list[Column]:
    """Every column with what it seems to be. Only headers decide: what nobody named is left out."""
    every: list[dict[str, int]] = [{} for _ in table.header]
    for row in table.rows:
        for counts, cell in zip(every, row, strict=True):
            if (text := cell.strip()) in counts:
                counts[text] += 1
            elif len(counts) < MOST_COUNTED and not is_blank(text):
                counts[text] = 1
    described = []
    for name, counts in zip(table.header, every, strict=True):
        filled = sum(counts.values())
        squeezed = _squeezed(name)
        proposal = next((fact for fact, headers in _HEADERS.items() if squeezed in headers), "")
        dated = sum(count for cell, count in counts.items() if looks_like_date(cell))
        reason = ""
        if proposal not in GROUPS:
            if dated * 2 > filled > 0 or re.search(r"date|birth|dob$", squeezed):
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
    files = table.place(file_column)
    taking = []
    for fact, column in mapping.items():
        if (objection := objection_to_fact(fact)) is not None:
            raise UserError(f"The column {column!r} cannot become a fact: {objection}. Choose another name.")
        taking.append((table.place(column), _Taking(fact, column)))
    for row in table.rows:
        if (file := matched.get(row[files])) is not None:
            for place, one in taking:
                one.add(file, row[place].strip())
    return [one.finish() for _, one in taking]


class _Taking:
    """Gathers one fact from a column."""

    def __init__(self, fact: str, column: str) -> None:
        self._fact, self._column = fact, column
        self._clean = _CLEANERS.get(fact, _as_it_stands)
        self._numbers: dict[str, str] = {}
        self._meaning: dict[str, str | None] = {}
        self._values: dict[str, str] = {}
        self._conflicting: set[str] = set()
        self._dates = self._odd = 0

    def add(self, file: str, cell: str) -> None:
        """A cell of an image's row."""
        if is_blank(cell):
            return
        if self._fact in GROUPS:
            value: str | None = self._numbers.setdefault(cell, str(len(self._numbers) + 1))
        else:
            if cell not in self._meaning:
                self._meaning[cell] = None if looks_like_date(cell) else self._clean(cell)
            value = self._meaning[cell]
            if value is None:
                dated = looks_like_date(cell)
                self._dates += dated
                self._odd += not dated
                return
        if self._values.setdefault(file, str(value)) != value:
            self._conflicting.add(file)

    def finish(self) -> FactValues:
        """The fact. Raises UserError where it describes single images."""
        for file in self._conflicting:
            del self._values[file]
        distinct = len(set(self._values.values()))
        if self._fact not in KNOWN_FACTS and distinct > MOST_VALUES:
            raise UserError(
                f"The column {self._column!r} holds {distinct:,} different values: it describes single images, and may "
                "say who they are. Map it to patient or study, of which only a number is kept, or leave it out."
            )
        conflicting = len(self._conflicting)
        return FactValues(self._fact, self._column, self._values, self._dates, self._odd, conflicting)


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
