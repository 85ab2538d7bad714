"""Which columns or arrays of somebody's embeddings hold the file names, and which the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxr_explorer.errors import UserError

FILE_NAMES: Final = (
    *("file", "files", "filename", "filenames", "path", "paths", "filepath", "image", "images", "imageindex"),
    *("imagepath", "imagepaths", "imagefile", "imageid", "name", "names"),
)
"""What the array or column of file names may be called, in lower case and without blanks, dashes and underscores."""

VECTOR_NAMES: Final = ("embeddings", "embedding", "features", "feature", "vectors", "vector", "x", "emb", "embs")
"""What the array or column of embeddings may be called, likewise."""

_NUMBERED = re.compile(r"(.*?)[ _.-]*(\d+)")
_BLANK = re.compile(r"[\s,;]+")
HOW: Final = (
    "It takes file names and embeddings: .npz with the arrays files and embeddings, or .csv or .parquet with a column "
    "file and either a column embedding or one column a number (e0, e1, …)."
)


Remark = Callable[[str], None]


@dataclass(frozen=True)
class CsvColumns:
    """Where a table's file names and numbers are.

    Attributes:
        file: Column of the file names.
        vector: Columns of the numbers, in their order; a single one holds lists.
        header: Whether the first row names the columns.
    """

    file: int
    vector: tuple[int, ...]
    header: bool

    def numbers(self, cells: Sequence[str]) -> Sequence[str]:
        """The texts of a row's numbers."""
        if len(self.vector) > 1:
            return [cells[column] for column in self.vector]
        return [text for text in _BLANK.split(cells[self.vector[0]].strip().strip("[]()")) if text]

    @classmethod
    def of_cells(cls, first: Sequence[str], path: Path, remark: Remark) -> CsvColumns:
        """Of a CSV whose first row this is. Raises UserError where it is neither a header nor a row of numbers."""
        plain = [squeezed(cell) for cell in first]
        if not any(name in FILE_NAMES for name in plain):
            listed = len(first) == 2 and first[1].strip()[:1] in "[("
            if len(first) > 1 and first[0].strip() and (listed or all(map(_is_number, first[1:]))):
                return cls(0, tuple(range(1, len(first))), header=False)
        file = next((plain.index(name) for name in FILE_NAMES if name in plain), None)
        # a column x is a place on a map, or one of the numbers
        vector = next((plain.index(name) for name in VECTOR_NAMES if name in plain and name != "x"), None)
        if file is not None and vector is None and len(first) == 2:
            vector = 1 - file
        if file is not None and vector is not None:
            return cls(file, (vector,), header=True)
        numbered = _numbered(first)
        if file is None or not numbered:
            raise UserError(f"Cannot use {path}: {_told(first, file is None)} {HOW}")
        _tell_left(first, {file, *numbered}, remark)
        return cls(file, numbered, header=True)


def squeezed(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.lower())


def named(there: Iterable[str], wanted: Sequence[str]) -> str | None:
    by_name = {squeezed(name): name for name in reversed(list(there))}
    return next((by_name[name] for name in wanted if name in by_name), None)


def _numbered(names: Sequence[str]) -> tuple[int, ...]:
    """Columns named alike and numbered without a gap ("e0", "e1", … or "0", "1", …), in the order of their numbers."""
    groups: dict[str, dict[int, int]] = {}
    for column, name in enumerate(names):
        if (match := _NUMBERED.fullmatch(name.strip())) is not None:
            groups.setdefault(match[1].lower(), {}).setdefault(int(match[2]), column)
    largest = max(groups.values(), key=len, default={})
    if len(largest) < 2 or max(largest) - min(largest) != len(largest) - 1:
        return ()
    return tuple(largest[number] for number in sorted(largest))


def _told(names: Sequence[str], without_file: bool) -> str:
    there = ", ".join(name[:40] for name in names[:8]) + (", …" if len(names) > 8 else "")
    return f"no column of {'file names' if without_file else 'embeddings'} is among: {there}."


def _tell_left(names: Sequence[str], taken: set[int], remark: Remark) -> None:
    left = [name or "(no name)" for column, name in enumerate(names) if column not in taken]
    if left:
        remark(f"Columns that are no part of the embeddings: {', '.join(left[:8])}{', …' if left[8:] else ''}.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def parquet_columns(schema: Any, path: Path, remark: Remark) -> tuple[str, tuple[str, ...]]:
    """Names of the column of file names and of the one of lists, or of those of numbers. Raises UserError."""
    from pyarrow import types

    def is_text(kind: Any) -> bool:
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind))

    def is_list(kind: Any) -> bool:
        return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))

    def is_number(kind: Any) -> bool:
        return bool(types.is_floating(kind) or types.is_integer(kind))

    file = named([field.name for field in schema if is_text(field.type)], FILE_NAMES)
    lists = [field.name for field in schema if is_list(field.type) and is_number(field.type.value_type)]
    listed = named(lists, VECTOR_NAMES) or (lists[0] if len(lists) == 1 else None)
    if file is not None and listed is not None:
        return file, (listed,)
    numbers = [field.name for field in schema if is_number(field.type)]
    numbered = tuple(numbers[column] for column in _numbered(numbers))
    if file is None or not numbered:
        raise UserError(f"Cannot use {path}: {_told(schema.names, file is None)} {HOW}")
    _tell_left(schema.names, {column for column, name in enumerate(schema.names) if name in {file, *numbered}}, remark)
    return file, numbered
