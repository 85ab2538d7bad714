"""Conditions on images, all of which must hold: facts, labels, file names, what was seen or excluded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.labels.fact_table import FactColumn
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text
from cxr_explorer.project import label_columns, looks
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.search.held_labels import HeldLabels
from cxr_explorer.search.words import folded

Kind = Literal["fact", "finding", "seen", "excluded", "file"]
Mask = NDArray[np.bool_]

NOT_LABELLED, LABELLED = "not labelled", "labelled"
_LABEL_VALUES = (Value.PRESENT, Value.ABSENT, Value.UNCERTAIN)
_STATES = (NOT_LABELLED, *(VALUE_WORDS[value] for value in _LABEL_VALUES))

FEWEST_NUMBERS = 6
"""A fact whose values are fewer different numbers is chosen by value: 0 and 1 are no range."""

_NAMED = 3
"""Values of a condition that its text names."""

_SEXES = {"M": "male", "F": "female"}


@dataclass(frozen=True)
class Column:
    """What can be asked of an image.

    Attributes:
        kind: A fact, the label of a finding, whether the image was seen or is excluded, or the path of its file.
        name: Of the fact or finding; "" for all else, and for the labels of all findings together.
    """

    kind: Kind
    name: str = ""

    @property
    def title(self) -> str:
        """ "view", "Pleural Thickening", "any finding"."""
        if self.kind == "finding":
            return finding_text(self.name) or "any finding"
        return self.name or {"file": "file name"}.get(self.kind, self.kind)


ANY_FINDING, SEEN, EXCLUDED, FILE = Column("finding"), Column("seen"), Column("excluded"), Column("file")

_SAID_BY_VALUE = (Column("fact", "view"), Column("fact", "sex"))
"""Columns whose values say what they are."""


@dataclass(frozen=True)
class OneOf:
    """One of some values; None among them: not known."""

    column: Column
    values: tuple[str | None, ...]

    @property
    def text(self) -> str:
        """ "PA or AP", "folder icu", "Effusion not labelled", "view not known"."""
        column, known = self.column, [value for value in self.values if value is not None]
        if column.kind == "finding" and set(known) == set(_STATES[1:]):
            known = [LABELLED]
        if column == ANY_FINDING:
            known = [{NOT_LABELLED: "no label"}.get(value, value) for value in known]
        words = [value_text(column, value) for value in known[:_NAMED]]
        words += [f"{len(known) - _NAMED:,} more"] if len(known) > _NAMED else []
        named = column.name and column not in _SAID_BY_VALUE
        text = (f"{column.title} " if named and words else "") + " or ".join(words)
        return " or ".join(part for part in (text, _unknown_text(column, None in self.values)) if part)


@dataclass(frozen=True)
class Between:
    """A number from `low` to `high`, both included; None: no bound. With `unknown` also where it is not known.

    Without any bound no number passes: what is left is "not known".
    """

    column: Column
    low: float | None
    high: float | None
    unknown: bool = False

    @property
    def text(self) -> str:
        """ "40–60 years", "year from 2013", "dose up to 0.5 or dose not known"."""
        text = ""
        if self.low is not None and self.high is not None:
            same = self.low == self.high
            text = number_text(self.low) if same else f"{number_text(self.low)}–{number_text(self.high)}"
        elif self.low is not None:
            text = f"from {number_text(self.low)}"
        elif self.high is not None:
            text = f"up to {number_text(self.high)}"
        if text:
            text = f"{text} years" if self.column.name == "age" else f"{self.column.title} {text}"
        return " or ".join(part for part in (text, _unknown_text(self.column, self.unknown)) if part)


@dataclass(frozen=True)
class Contains:
    """A part of the file's path below the image folder; upper and lower case count as the same."""

    part: str
    column: Column = field(default=FILE, init=False)

    @property
    def text(self) -> str:
        """'file name has "icu"'."""
        return f"file name has “{self.part}”"


Condition = OneOf | Between | Contains
Conditions = tuple[Condition, ...]


def value_text(column: Column, value: str) -> str:
    """A value as it is shown: "female" of F."""
    return _SEXES.get(value, value) if column == Column("fact", "sex") else value


def _unknown_text(column: Column, wanted: bool) -> str:
    return f"{column.title} not known" if wanted else ""


def number_text(number: float) -> str:
    """ "40", "0.5"."""
    return str(int(number)) if number == int(number) else str(number)


def conditions_text(conditions: Iterable[Condition]) -> str:
    """ "PA, female, 40–60 years, Effusion not labelled"."""
    return ", ".join(condition.text for condition in conditions)


def changes_by_work(conditions: Iterable[Condition]) -> bool:
    """Whether other images pass once some were labelled, seen or excluded."""
    return any(condition.column.kind not in ("fact", "file") for condition in conditions)


def is_of_reader(conditions: Iterable[Condition]) -> bool:
    """Whether they ask for what one reader has labelled or seen."""
    return any(condition.column.kind in ("finding", "seen") for condition in conditions)


def facts_of(conditions: Iterable[Condition]) -> frozenset[str]:
    """Names of the facts they ask for."""
    return frozenset(condition.column.name for condition in conditions if condition.column.kind == "fact")


def fact_is(fact: str, value: str | None) -> Condition:
    """The condition that a value of `code_facts` stands for, which has ages in decades; None: not known."""
    column = Column("fact", fact)
    if fact != "age":
        return OneOf(column, (value,))
    if value is None:
        return Between(column, None, None, unknown=True)
    start = int(value[:2])
    return Between(column, start, start + 9 if start < 90 else None)


def number_of(value: str) -> float:
    """The number a fact's text stands for, NaN where it is none; "90+", which hides an age, counts as 90."""
    try:
        number = float(value.removesuffix("+").replace(",", "."))
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def has_numbers(values: FactColumn) -> bool:
    """Whether a fact is asked for from one number to another: ages, and whatever has many numbers and nothing else."""
    enough = values.name == "age" or len(values.values) >= FEWEST_NUMBERS
    return enough and not any(math.isnan(number_of(value)) for value in values.values)


class Images:
    """The images of a map with all that conditions can ask of them, as it stood when it was first asked for.

    Args:
        project: For labels, exclusions, looks and file names.
        image_ids: (N,) int64, ascending.
        fact: Gives a fact of these images as it is written, coded; without values where it is known of none of them.
        reader: Whose labels.
        person: Who has seen images: the reader's own name, also while images are read under another one.
        held: That reader's labels on these images, where they are held; they are read else.
    """

    def __init__(
        self,
        project: Project,
        image_ids: Ids,
        fact: Callable[[str], FactColumn],
        reader: str,
        person: str,
        held: HeldLabels | None = None,
    ) -> None:
        self.ids = image_ids
        self.reader = reader
        self._project = project
        self._held = held
        self._fact = fact
        self.person = person
        self._columns: dict[Column, FactColumn] = {}
        self._paths: list[str] = []
        self._masks: dict[Condition, Mask] = {}

    def values(self, column: Column) -> FactColumn:
        """What the column says of each image, coded; -1 where it is not known. Not for the file's name."""
        if column.kind == "fact":
            return self._fact(column.name)
        if column not in self._columns:
            self._columns[column] = FactColumn(column.title, *self._coded(column))
        return self._columns[column]

    def value_names(self, column: Column) -> tuple[str, ...]:
        """The values of a column; those of a finding without reading its labels."""
        return _STATES if column.kind == "finding" and column.name else self.values(column).values

    def _coded(self, column: Column) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        project = self._project
        if column == SEEN:
            return ("not seen", "seen"), self._among(looks.seen_ids(project, self.person))
        held = self._held
        if held is not None and column == EXCLUDED:
            return ("not excluded", "excluded"), held.excluded.astype(np.int32)
        if held is not None and column == ANY_FINDING:
            return (NOT_LABELLED, LABELLED), held.labelled.astype(np.int32)
        if held is not None:
            values, codes = held.column(column.name).values, np.zeros(len(self.ids), np.int32)
            for code, value in enumerate(_LABEL_VALUES, 1):
                codes[values == value] = code
            return _STATES, codes
        if column == EXCLUDED:
            return ("not excluded", "excluded"), self._among(project.excluded_ids())
        if column == ANY_FINDING:
            return (NOT_LABELLED, LABELLED), self._among(label_columns.labelled_ids(project, self.reader))
        labels = label_columns.label_column(project, column.name, self.reader)
        codes = np.zeros(len(self.ids), np.int32)
        for code, value in enumerate(_LABEL_VALUES, 1):
            codes[np.isin(self.ids, labels.image_ids[labels.values == value])] = code
        return _STATES, codes

    def _among(self, ids: Ids) -> NDArray[np.int32]:
        return np.isin(self.ids, ids).astype(np.int32)

    def mask(self, condition: Condition) -> Mask:
        """(N,) which images pass one condition."""
        if condition not in self._masks:
            self._masks[condition] = self._compare(condition)
        return self._masks[condition]

    def _compare(self, condition: Condition) -> Mask:
        if isinstance(condition, Contains):
            return self._in_path(folded(condition.part))
        values = self.values(condition.column)
        if isinstance(condition, OneOf):  # code -1, not known, is the last of them
            return np.array([value in condition.values for value in (*values.values, None)], bool)[values.codes]
        numbers = np.array([*map(number_of, values.values), math.nan])[values.codes]
        passing = np.zeros(len(numbers), bool)
        if condition.low is not None or condition.high is not None:
            low = -math.inf if condition.low is None else condition.low
            high = math.inf if condition.high is None else condition.high
            passing = (numbers >= low) & (numbers <= high)
        return passing | np.isnan(numbers) if condition.unknown else passing

    def _in_path(self, part: str) -> Mask:
        if not self._paths:
            paths = self._project.paths()
            self._paths = [folded(paths.get(image_id, "")) for image_id in self.ids.tolist()]
        return np.array([part in path for path in self._paths], bool)

    def passing(self, conditions: Iterable[Condition]) -> Mask:
        """(N,) which images pass all of the conditions."""
        passing = np.ones(len(self.ids), bool)
        for condition in conditions:
            passing &= self.mask(condition)
        return passing

    def counts(self, column: Column, within: Mask) -> tuple[NDArray[np.int64], int]:
        """How many images of a mask have each value of a column, and of how many it is not known."""
        values = self.values(column)
        counts = np.bincount(values.codes[within] + 1, minlength=len(values.values) + 1)
        return counts[1:].astype(np.int64), int(counts[0])

    def not_known(self, conditions: Iterable[Condition]) -> list[str]:
        """Facts that the conditions ask for and that are known of no image (any more)."""
        return [fact for fact in sorted(facts_of(conditions)) if not self._fact(fact).values]

    def ids_passing(self, conditions: Sequence[Condition]) -> Ids:
        """Ids of the images that pass, ascending. Raises UserError where there are none, or a fact is not known."""
        gone = self.not_known(conditions)
        if gone:
            raise UserError(
                f"The filter “{conditions_text(conditions)}” asks for {' and '.join(gone)}, which is not known of "
                "these images. Import the facts again, or change the filter."
            )
        ids: Ids = self.ids[self.passing(conditions)]
        if not ids.size:
            raise UserError(f"No image passes the filter “{conditions_text(conditions)}” now.")
        return ids


# -- as text, for the project file


def to_json(condition: Condition) -> dict[str, object]:
    """A condition as it is stored, see `from_json`."""
    where: dict[str, object] = {"kind": condition.column.kind, "name": condition.column.name}
    match condition:
        case OneOf():
            return {**where, "values": list(condition.values)}
        case Between():
            return {**where, "from": condition.low, "to": condition.high, "unknown": condition.unknown}
        case Contains():
            return {**where, "part": condition.part}


def from_json(stored: object) -> Condition:
    """The condition that was stored. Raises ValueError for what is none that this version knows."""
    if not isinstance(stored, dict) or stored.get("kind") not in get_args(Kind):
        raise ValueError(f"no condition: {stored!r}")
    column = Column(stored["kind"], str(stored.get("name", "")))
    if column == FILE and isinstance(part := stored.get("part"), str) and part:
        return Contains(part)
    values = stored.get("values")
    if isinstance(values, list) and values and all(value is None or isinstance(value, str) for value in values):
        return OneOf(column, tuple(values))
    low, high = stored.get("from"), stored.get("to")
    if column.kind == "fact" and {"from", "to"} <= stored.keys() and _is_bound(low) and _is_bound(high):
        return Between(column, low, high, bool(stored.get("unknown")))
    raise ValueError(f"no condition: {stored!r}")


def _is_bound(number: object) -> bool:
    return number is None or (isinstance(number, int | float) and math.isfinite(number))
