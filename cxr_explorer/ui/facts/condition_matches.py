"""Which conditions a few typed words may mean. No Qt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cxr_explorer.search.conditions import (
    FILE,
    Between,
    Column,
    Condition,
    Contains,
    Images,
    OneOf,
    has_numbers,
    value_text,
)
from cxr_explorer.search.words import folded

LISTED = 50

_RANGE = re.compile(r"(?P<words>.*?)(?P<low>\d+(?:\.\d+)?)?\s*(?P<to>[-–]|\+)?\s*(?P<high>\d+(?:\.\d+)?)?\s*(?:years)?")


def matching_conditions(images: Images, columns: Sequence[Column], typed: str) -> list[Condition]:
    """The conditions that the typed text may mean, the likeliest first, at most `LISTED`.

    Every word must begin a word of the column's name or of the value: "pa", "female", "eff not", "folder icu". A number
    or two ("40-60", "age 40-", "47") fit the columns of numbers. Anything may be a part of a file's name.
    """
    words = folded(typed).split()
    if not words:
        return []
    found: list[tuple[int, Condition]] = []
    for column in columns:
        if column == FILE:
            continue
        if column.kind == "fact" and has_numbers(images.values(column)):
            found += [(0, condition) for condition in _ranges(column, typed)]
        found += list(_values(images, column, words))
    found.sort(key=lambda one: one[0])
    return [condition for _, condition in found[: LISTED - 1]] + [Contains(typed.strip())]


def _values(images: Images, column: Column, words: Sequence[str]) -> Iterator[tuple[int, Condition]]:
    """Values that fit, each with a rank: the value itself, its beginning, a word of it, with the column's name."""
    numbers, unknown = False, False
    if column.kind == "fact":
        known = images.values(column)
        numbers, unknown = has_numbers(known), bool((known.codes < 0).any())
    title = folded(column.title).split()
    values: list[str | None] = [] if numbers else list(images.value_names(column))
    if unknown:
        values.append(None)
    typed = " ".join(words)
    for value in values:
        shown = folded(value_text(column, value) if value is not None else "not known")
        names = [shown, folded(value)] if value is not None else [shown]
        if value is not None and column.kind == "fact" and typed in names:
            rank = 0
        elif value is not None and column.kind == "fact" and any(name.startswith(typed) for name in names):
            rank = 1
        elif all(any(part.startswith(word) for part in (*title, *_parts(names))) for word in words):
            rank = 2
        else:
            continue
        yield rank, Between(column, None, None, unknown=True) if numbers else OneOf(column, (value,))


def _parts(names: Sequence[str]) -> list[str]:
    return [part for name in names for part in re.split(r"[\s_/\\-]+", name)]


def _ranges(column: Column, typed: str) -> list[Condition]:
    match = _RANGE.fullmatch(folded(typed))
    if match is None or not (match["low"] or match["high"]):
        return []
    if not all(folded(column.title).startswith(word) for word in match["words"].split()):
        return []
    low = float(match["low"]) if match["low"] else None
    high = float(match["high"]) if match["high"] else None
    if match["to"] is None:
        low, high = (low, low) if high is None else (low, high)
    return [Between(column, low, high)]
