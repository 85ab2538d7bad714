"""A CSV file as records, row by row, whatever its encoding, and whatever is wrong with its quotes."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cxr_explorer.errors import UserError

Record = tuple[int, list[str]]
"""The line it begins on, from 1, and its cells."""

MOST_PROBLEMS = 500
"""Problems kept as text; of a table with a slip in every row the rest is counted."""

LONGEST_LINE = 1 << 22
"""Characters. A file with longer lines is no table."""

_PIECE = 1 << 20
_ZEROS = "\0" * 16  # what a crash leaves of a file that was being written
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


class Problems:
    """What could not be used of a table, one sentence each, in memory that stays small."""

    def __init__(self, texts: tuple[str, ...] = ()) -> None:
        self._texts = list(texts)
        self._more = 0

    def add(self, text: str) -> None:
        """Notes a sentence."""
        if len(self._texts) < MOST_PROBLEMS:
            self._texts.append(text)
        else:
            self._more += 1

    def texts(self) -> tuple[str, ...]:
        """The sentences, and how many more there were."""
        more = (f"{self._more:,} more problems of the table are not listed.",) if self._more else ()
        return (*self._texts, *more)


class CsvFile:
    """A file that is read as often as one likes, of which no more than a row is in memory.

    Plain or gzipped, in UTF-8, UTF-16 or else Latin-1.

    Attributes:
        path: The file.
        warnings: Sentences to show where it may be misread.
        share: How much of the last reading is done, 0..1.
    """

    def __init__(self, path: Path) -> None:
        """Finds out the encoding, for which the file is read once.

        Raises:
            UserError: The file cannot be read, or is a spreadsheet.
        """
        self.path = path
        self.warnings: tuple[str, ...] = ()
        self.share = 0.0
        with self._bytes() as stream:
            head = stream.read(4096)
            if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
                raise UserError(f"Cannot read {path}: it is a spreadsheet or an archive; save it as CSV (UTF-8) first.")
            self._encoding = _encoding_of(head)
            try:
                decoder = codecs.getincrementaldecoder(self._encoding)()
                decoder.decode(head)
                while piece := stream.read(_PIECE):
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self._encoding = "latin-1"
                self.warnings = ("The table is not UTF-8; it was read as Latin-1: check accented letters.",)

    def records(self, delimiter: str, problems: Problems) -> Iterator[Record]:
        """The records that are not blank, the header among them.

        A quote that is opened and not closed would swallow the rows below: its row is then read up to the end of its
        line, the rows below on their own, and the problem names the line.

        Args:
            delimiter: Between cells.
            problems: Gets what is wrong with quotes and lines.

        Raises:
            UserError: The file cannot be read, or has no lines.
        """
        with self._bytes() as stream, io.TextIOWrapper(stream, self._encoding, newline="") as text:
            lines = _Lines(text, self.path)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            width = 0
            while True:
                start = lines.begin_record()
                try:
                    cells: list[str] | None = next(reader, None)
                    if cells is None:
                        return
                except csv.Error:
                    cells = _alone(lines, delimiter, problems)
                    reader = csv.reader(lines, delimiter=delimiter, strict=True)
                if cells is None or not any(cells) or not any(map(str.strip, cells)):
                    continue
                taken = lines.taken
                if _ZEROS in (taken[0] if len(taken) == 1 else "".join(taken)):
                    problems.add(f"Line {start}: it holds zero bytes, the file is damaged there; the row is left out.")
                    continue
                if len(taken) > 1 and width > 1 and (rows := _rows_inside(cells, delimiter, width)):
                    problems.add(
                        f"Line {start}: a quote is opened, and its cell runs on over {rows:,} "
                        f"line{'' if rows == 1 else 's'} like rows of the table; check the quote."
                    )
                width = width or len(cells)
                yield start, cells

    @contextmanager
    def _bytes(self) -> Iterator[IO[bytes]]:
        """The file's bytes, decompressed where need be; `share` follows. Raises UserError."""
        try:
            with self.path.open("rb") as raw:
                size = max(self.path.stat().st_size, 1)
                counted = _Counted(raw, self, size)
                if raw.read(2) == b"\x1f\x8b":
                    raw.seek(0)
                    with gzip.open(counted) as unpacked:
                        yield io.BufferedReader(unpacked, _PIECE)
                else:
                    raw.seek(0)
                    yield io.BufferedReader(counted, _PIECE)
        except _DAMAGED as error:
            raise UserError(f"Cannot read {self.path}: the compressed file is damaged; get it again.") from error
        except OSError as error:
            raise UserError(f"Cannot read {self.path}: {error.strerror or error}; choose another file.") from error


class _Counted(io.RawIOBase):
    """Reads a file and tells how far it is."""

    def __init__(self, raw: IO[bytes], teller: CsvFile, size: int) -> None:
        self._raw, self._teller, self._size = raw, teller, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count: int = self._raw.readinto(buffer)  # type: ignore[attr-defined]
        self._teller.share = min(self._raw.tell() / self._size, 1.0)
        return count


class _Lines:
    """Lines for `csv.reader`, which remembers those of the record at hand and can give them again.

    Attributes:
        number: The line the record begins on, from 1.
        taken: Its lines.
    """

    def __init__(self, text: IO[str], path: Path) -> None:
        self._text, self._path = text, path
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 1

    def begin_record(self) -> int:
        """Forgets the record before; returns the line this one begins on, from 1."""
        self.number += len(self.taken)
        self.taken = []
        return self.number

    def give_again(self) -> str:
        """All lines of the record but the first come again; returns the first."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.taken = self.taken[:1]
        return self.taken[0]

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._text.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE:
            raise UserError(
                f"Cannot read {self._path}: line {self.number + len(self.taken)} is longer than "
                f"{LONGEST_LINE:,} characters: it is no table of rows; save it as CSV again."
            )
        self.taken.append(line)
        return line


def _encoding_of(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding, zeros in (("utf-16-le", head[1:400:2]), ("utf-16-be", head[0:400:2])):  # without byte order mark
        if len(zeros) > 4 and zeros.count(0) > 0.9 * len(zeros) and head[:400].count(0) < 0.6 * len(head[:400]):
            return encoding
    return "utf-8-sig"


def _alone(lines: _Lines, delimiter: str, problems: Problems) -> list[str] | None:
    """The first line of a record that is no sound one, read on its own; None where even that cannot be done."""
    start = lines.number
    ran_on = len(lines.taken) > 1
    first = lines.give_again().rstrip("\r\n")
    try:
        cells = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        problems.add(f"Line {start}: a cell is longer than {csv.field_size_limit():,} characters; the row is left out.")
        return None
    if ran_on or first.count('"') % 2:
        problems.add(f"Line {start}: a quote is opened and not closed; the row was read up to the end of its line.")
    else:
        problems.add(f"Line {start}: a quote stands in the middle of a cell in quotes; check what was read.")
    return cells


def _rows_inside(cells: list[str], delimiter: str, width: int) -> int:
    """The number of lines that a cell in quotes runs on over, where each of them has the commas and a cell of a row."""
    for cell in cells:
        below = cell.splitlines()[1:]
        if below and all(line.count(delimiter) == width - 1 and line.strip(f"{delimiter} ") for line in below):
            return len(below)
    return 0
