"""What, beside the picture, a set of images has in common: one view, one device, one folder.

A network that learned "AP from the intensive care unit" looks as good as one that learned "effusion", and so does a
reader who labels a cluster at once. Whoever labels in bulk should see such a thing before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.fact_table import FactColumn, Facts, as_table

LEAST_DIFFERENCE = 0.15
"""Shares that differ by less are not worth a warning, however sure the difference is."""

ALPHA = 0.01
"""A difference counts when chance alone would show one as large less often than this, over all values looked at."""

LEAST_SET = 5
"""Of fewer images nothing is said."""

MOST_VALUES = 1000
"""A fact of more values than this tells single images apart, not groups."""


@dataclass(frozen=True)
class Confounder:
    """How far one value of a fact stands out in a set of images. Images of which the fact is unknown do not count.

    Attributes:
        fact: The fact ("view").
        value: The value of it that the set has most beyond the collection ("AP").
        in_set: Images of the set that have it.
        known_in_set: Images of the set of which the fact is known.
        in_collection: Images of the collection that have it.
        known_in_collection: Images of the collection of which the fact is known.
        chance: The probability that a random set of this size holds as many, times the number of values looked at
            (Bonferroni), at most 1; exact (hypergeometric).
        images: Images in the set.
    """

    fact: str
    value: str
    in_set: int
    known_in_set: int
    in_collection: int
    known_in_collection: int
    chance: float
    images: int

    @property
    def share(self) -> float:
        """Share of the set, 0..1."""
        return self.in_set / self.known_in_set if self.known_in_set else 0.0

    @property
    def collection_share(self) -> float:
        """Share of the collection, 0..1."""
        return self.in_collection / self.known_in_collection if self.known_in_collection else 0.0

    @property
    def difference(self) -> float:
        """Share of the set minus share of the collection."""
        return self.share - self.collection_share

    @property
    def stands_out(self) -> bool:
        """Whether to warn: the difference is large, and not to be had by chance."""
        return self.known_in_set >= LEAST_SET and self.difference >= LEAST_DIFFERENCE and self.chance < ALPHA

    def sentence(self, what: str = "these images") -> str:
        """ "91 % of cluster 4 is AP (collection: 34 %)"; says so where the fact is known of a part only."""
        known = ""
        if self.known_in_set < self.images:
            known = f"; known of {self.known_in_set:,} of {self.images:,}"
        are = "are" if what.endswith("images") else "is"
        said = said_of(self.fact, self.value, are)
        return f"{percent(self.share)} of {what} {said} (collection: {percent(self.collection_share)}{known})"


def percent(share: float) -> str:
    """ "34 %"; what is neither nothing nor all is never rounded to it."""
    whole = round(100 * share)
    if whole == 0 and share > 0:
        return "<1 %"
    return ">99 %" if whole == 100 and share < 1 else f"{whole} %"


def said_of(fact: str, value: str, are: str) -> str:
    """The fact as the end of a sentence: "is AP", "come from the folder icu"."""
    come = "come" if are == "are" else "comes"
    match fact:
        case "view":
            return f"{are} {value}"
        case "sex":
            return f"{are} {({'M': 'male', 'F': 'female'}).get(value, f'of sex {value}')}"
        case "age":
            return f"{are} aged {value}"
        case "maker":
            return f"{come} from {value} devices"
        case "model":
            return f"{come} from the device {value}"
        case "folder":
            return f"{come} from the folder {value}"
        case _:
            return f"{'have' if are == 'are' else 'has'} {fact} = {value}"


def decade(age: str | None) -> str | None:
    """ "47" -> "40–49 years"; None for what is no age."""
    if not age or not age.rstrip("+").isdigit():
        return None
    start = int(age.rstrip("+")) // 10 * 10
    return f"{start:02d}–{start + 9:02d} years" if start < 90 else "90 years and over"


def grouped(fact: str, value: str | None) -> str | None:
    """The value as it is counted: ages in decades, all else as it stands."""
    return decade(value) if fact == "age" else value or None


def grouped_column(column: FactColumn) -> FactColumn:
    """The fact as it is counted, see `grouped`."""
    if column.name != "age":
        return column
    meaning = [grouped(column.name, value) for value in column.values]
    values = sorted({value for value in meaning if value is not None})
    position = {value: code for code, value in enumerate(values)}
    code_of = np.array([*(position[value] if value is not None else -1 for value in meaning), -1], np.int32)
    return FactColumn(column.name, tuple(values), code_of[column.codes])


def code_facts(image_ids: NDArray[np.int64], facts: Facts) -> tuple[FactColumn, ...]:
    """Codes every fact that tells images apart, once, so that any set can be looked at in milliseconds.

    Args:
        image_ids: (N,) the collection; its order is that of the codes.
        facts: What is known by image id.

    Returns:
        One column a fact with at least two values (and not more than `MOST_VALUES`), by name.
    """
    table = as_table(facts)
    columns = (grouped_column(table.column(name, image_ids)) for name in table.columns)
    return tuple(column for column in columns if 2 <= len(column.values) <= MOST_VALUES)


def find_confounders(columns: Sequence[FactColumn], rows: NDArray[np.int64]) -> list[Confounder]:
    """Compares a set of images with the collection.

    Args:
        columns: Of the whole collection, see `code_facts`.
        rows: (M,) the set, as positions in the columns, each once.

    Returns:
        For each fact known of any image of the set the value that the set has most beyond the collection; those that
        stand out first, then by difference. Empty for a set that is the collection.
    """
    tests = sum(len(column.values) for column in columns)
    found = []
    for column in columns:
        codes = column.codes[rows]
        in_set = np.bincount(codes[codes >= 0], minlength=len(column.values))
        known_in_set, known = int(in_set.sum()), int(column.counts.sum())
        if known_in_set in (0, known):
            continue
        best = int(np.argmax(in_set / known_in_set - column.counts / known))
        having, of_all = int(in_set[best]), int(column.counts[best])
        chance = min(1.0, tests * chance_of_as_many(having, known_in_set, of_all, known))
        found.append(
            Confounder(column.name, column.values[best], having, known_in_set, of_all, known, chance, len(rows))
        )
    return sorted(found, key=lambda one: (not one.stands_out, -one.difference, one.fact))


def chance_of_as_many(found: int, drawn: int, marked: int, total: int) -> float:
    """P(X >= found) for X marked ones among `drawn` of `total` images drawn at random, of which `marked` are marked.

    The upper tail of the hypergeometric distribution: its first term from log-gammas, the others by the ratio of
    neighbouring terms. Exact but for rounding where `found` is at or above the mean; at or below it, 1 is near enough.
    """
    if found * total <= drawn * marked:
        return 1.0
    most = min(drawn, marked)
    if found > most:
        return 0.0
    log_first = (
        _log_choose(marked, found) + _log_choose(total - marked, drawn - found) - _log_choose(total, drawn)
    )  # fmt: skip
    x = np.arange(found, most, dtype=np.float64)
    ratios = (marked - x) * (drawn - x) / ((x + 1) * (total - marked - drawn + x + 1))
    return min(1.0, math.exp(log_first) * (1.0 + float(np.cumprod(ratios).sum())))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
