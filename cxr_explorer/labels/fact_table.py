"""What is known of images beside their pictures, kept as a coded column a fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.image_ids import look_up

Facts = Mapping[int, Mapping[str, str]]
"""What is known by image id: facts by name."""


@dataclass(frozen=True, eq=False)
class FactColumn:
    """One fact of every image, coded.

    Attributes:
        name: The fact ("view").
        values: What it may be, sorted.
        codes: (N,) int32 positions in `values`; -1 where the fact is not known.
        counts: (V,) int64 images of each value.
    """

    name: str
    values: tuple[str, ...]
    codes: NDArray[np.int32]
    counts: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))
        object.__setattr__(self, "counts", counts.astype(np.int64))

    def present(self) -> FactColumn:
        """The same with those values alone that an image has."""
        there = self.counts > 0
        if there.all():
            return self
        code_of = np.append(np.cumsum(there) - 1, -1)
        code_of[:-1][~there] = -1
        values = tuple(value for value, kept in zip(self.values, there.tolist(), strict=True) if kept)
        return FactColumn(self.name, values, code_of[self.codes].astype(np.int32))


@dataclass(frozen=True, eq=False)
class FactTable(Mapping[int, Mapping[str, str]]):
    """Facts by image id, kept as columns. What is known of one image is put together when it is asked for.

    Attributes:
        image_ids: (N,) int64, ascending.
        columns: A column a fact by name, parallel to `image_ids`; no value is empty, and each is that of an image.
    """

    image_ids: NDArray[np.int64]
    columns: Mapping[str, FactColumn]

    def __getitem__(self, image_id: int) -> dict[str, str]:
        row = int(np.searchsorted(self.image_ids, image_id))
        if row == len(self.image_ids) or self.image_ids[row] != image_id:
            raise KeyError(image_id)
        codes = ((name, column.values, int(column.codes[row])) for name, column in self.columns.items())
        return {name: values[code] for name, values, code in codes if code >= 0}

    def __iter__(self) -> Iterator[int]:
        return iter(self.image_ids.tolist())

    def __len__(self) -> int:
        return len(self.image_ids)

    def column(self, name: str, image_ids: NDArray[np.int64]) -> FactColumn:
        """One fact of some images (M,), as it is written; without values where it is known of none of them."""
        if name not in self.columns:
            return FactColumn(name, (), np.full(len(image_ids), -1, np.int32))
        column = self.columns[name]
        if np.array_equal(image_ids, self.image_ids):
            return column
        rows, there = look_up(self.image_ids, image_ids)
        codes = np.where(there, column.codes[rows], -1).astype(np.int32)
        return FactColumn(name, column.values, codes).present()

    def without(self, name: str) -> FactTable:
        """The same but for one fact."""
        return FactTable(self.image_ids, {key: column for key, column in self.columns.items() if key != name})

    def differing(self) -> list[str]:
        """Names of the facts that tell images apart: more than one value, or not known of all."""
        return [name for name, one in self.columns.items() if len(one.values) > 1 or one.counts.sum() < len(self)]


def as_table(facts: Facts) -> FactTable:
    """Facts by image id as columns; themselves where they are."""
    if isinstance(facts, FactTable):
        return facts
    image_ids = np.array(sorted(facts), np.int64)
    rows = [facts[image_id] for image_id in image_ids.tolist()]
    columns = {}
    for name in sorted({name for row in rows for name in row}):
        code_of: dict[str, int] = {}
        codes = [code_of.setdefault(row.get(name, ""), len(code_of)) for row in rows]
        columns[name] = column_of(name, list(code_of), np.array(codes, np.int32))
    return FactTable(image_ids, {name: column for name, column in columns.items() if column.values})


def column_of(name: str, values: list[str], codes: NDArray[np.int32]) -> FactColumn:
    """A column of values in any order, each once; an empty one says that the fact is not known, and so does -1."""
    order = sorted((value, code) for code, value in enumerate(values) if value)
    code_of = np.full(len(values) + 1, -1, np.int32)
    code_of[[code for _, code in order]] = np.arange(len(order), dtype=np.int32)
    return FactColumn(name, tuple(value for value, _ in order), code_of[codes]).present()
