"""Millions of texts in the memory of their letters."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

_PIECE = 4096  # texts that are decoded at a time


class Texts(Sequence[str]):
    """A list of texts that does not change, UTF-8 in one piece. Equal to any sequence of the same texts."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Keeps copies of the texts."""
        letters, ends = bytearray(), array("q")
        for text in texts:
            letters += text.encode("utf-8", "surrogatepass")
            ends.append(len(letters))
        self._letters = letters
        self._starts = np.array([0, *ends[:-1]] if ends else [], np.int64)
        self._ends = np.array(ends, np.int64)

    def take(self, rows: NDArray[np.integer]) -> Texts:
        """The texts of these rows, in their order, without copying a letter."""
        taken = Texts()
        taken._letters, taken._starts, taken._ends = self._letters, self._starts[rows], self._ends[rows]
        return taken

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> Texts: ...

    def __getitem__(self, row: int | slice) -> str | Texts:
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        return self._letters[self._starts[row] : self._ends[row]].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _PIECE):
            piece = slice(first, first + _PIECE)
            for start, end in zip(self._starts[piece].tolist(), self._ends[piece].tolist(), strict=True):
                yield self._letters[start:end].decode("utf-8", "surrogatepass")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Texts({list(self[:9])}{'…' if len(self) > 9 else ''})"


class Uniques:
    """Numbers texts from 0 as they are told, and tells afterwards which were the same.

    A dictionary of five million file names takes most of a gigabyte; this takes what they are long.
    """

    def __init__(self) -> None:
        self._letters, self._ends, self._hashes = bytearray(), array("q"), array("q")
        self._last = ""

    def number(self, text: str) -> int:
        """The number of a text; the same twice in a row is one."""
        if text != self._last or not self._ends:
            self._letters += text.encode("utf-8", "surrogatepass")
            self._ends.append(len(self._letters))
            self._hashes.append(hash(text))
            self._last = text
        return len(self._ends) - 1

    def finish(self) -> tuple[Texts, NDArray[np.int32]]:
        """The texts, each once, by first occurrence; and for each number (n,) its row among them.

        Texts are the same where their 64-bit hashes are: of five million, two different ones share one with a
        probability of 7e-7.
        """
        ends = np.frombuffer(self._ends, np.int64) if self._ends else np.empty(0, np.int64)
        texts = Texts()
        texts._letters, texts._ends = self._letters, ends.copy()
        texts._starts = np.concatenate([np.zeros(1, np.int64), ends])[:-1] if len(ends) else ends
        if not len(ends):
            return texts, np.empty(0, np.int32)
        hashes = np.frombuffer(self._hashes, np.int64)
        ordered = np.sort(hashes)
        if (ordered[1:] != ordered[:-1]).all():  # as a rule, and in a third of the memory
            return texts, np.arange(len(ends), dtype=np.int32)
        del ordered
        _, first, row = np.unique(hashes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty(len(first), np.int32)
        place[order] = np.arange(len(first), dtype=np.int32)
        return texts.take(first[order]), place[row]
