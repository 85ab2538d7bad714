"""Embeddings that another program made: a file name and a row of numbers for every image, as .npz, .csv or .parquet.

Rows are read in pieces and laid into a temporary file on the disk, so that the memory needed does not grow with them.
"""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from array import array
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.tables.csv_file import CsvFile, Problems
from cxr_explorer.tables.embedding_columns import FILE_NAMES, HOW, VECTOR_NAMES, CsvColumns, named, parquet_columns
from cxr_explorer.tables.texts import Texts

SUFFIXES: Final = (".npz", ".csv.gz", ".csv", ".tsv", ".parquet")

PIECE: Final = 4096
"""Rows that are in memory at a time."""


@dataclass(frozen=True, eq=False)
class GivenEmbeddings:
    """The sound rows of such a file; the first three are parallel.

    Attributes:
        files: (N,) what each row names.
        lines: (N,) int64 where it stands: line of a CSV, else row, both from 1.
        vectors: (N, D) float32, finite and not all zero, read from the disk as it is used.
        path: The file.
        refused: How many rows are left out because of their numbers.
        problems: Why, a sentence each, of the first few hundred; and what else there is to say of the file.
    """

    files: Texts
    lines: NDArray[np.int64]
    vectors: NDArray[np.float32]
    path: Path
    refused: int
    problems: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Piece:
    """Rows as a format gives them; `share` of the file is read with them."""

    files: Sequence[str]
    lines: Sequence[int]
    values: NDArray[Any]  # (n, D) of numbers
    share: float


def is_embeddings_file(place: str) -> bool:
    """Whether this is to be read as one file of embeddings, and not as a folder of shards."""
    return place.lower().endswith(SUFFIXES) and not Path(place).is_dir()


def stem_of(path: Path) -> str:
    """The file's name without what says its form."""
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)]


def reading_embeddings(path: Path) -> Generator[float, None, GivenEmbeddings]:
    """Reads a file piece by piece: yields the share that is read, 0..1, and returns what is in it.

    Numbers of any kind become float32. A row is left out, and said to be, where it names no file, has another number
    of numbers than the first, or holds one that is none, infinite in float32, or nothing but zeros.

    Raises:
        UserError: The file cannot be read, is of another form, or has no sound row. Nothing in it is ever unpickled.
    """
    with _opened(path) as stream:
        stream.read(1)
    with tempfile.TemporaryFile() as held:  # its place on the disk is free again once nobody holds the map of it
        rows = _Rows(held)
        try:
            for piece in _pieces_of(path)(path, rows):
                rows.add(piece)
                yield min(piece.share, 1.0)
        except MemoryError as error:
            raise UserError(f"Cannot read {path}: the memory does not hold it. Save it in C order.") from error
        return rows.given(path)


def _pieces_of(path: Path) -> Any:
    name = path.name.lower()
    return _npz_pieces if name.endswith(".npz") else _parquet_pieces if name.endswith(".parquet") else _csv_pieces


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}. Check the path.") from error


class _Rows:
    """Takes rows, and keeps the sound ones in a file."""

    def __init__(self, held: IO[bytes]) -> None:
        self._held = held
        self._files: list[str] = []
        self._lines = array("q")
        self._problems = Problems()
        self.refused = 0
        self.dimension = 0
        self._ragged = 0
        self.word = "Row"

    def remark(self, text: str) -> None:
        """Notes what else there is to say of the file."""
        self._problems.add(text)

    def refuse(self, line: int, file: str, why: str) -> None:
        """Counts a row that is left out."""
        self.refused += 1
        self._problems.add(f"{self.word} {line:,}{f' ({file})' if file else ''}: {why}")

    def refuse_width(self, line: int, file: str, count: int, width: int) -> None:
        """Counts a row of a table that has not as many cells as its first."""
        self._ragged += 1
        self.refuse(line, file, f"it has {count:,} cells, the first row has {width:,}.")

    def fits(self, line: int, file: str, count: int) -> bool:
        """Whether a row has as many numbers as the first; else it is refused."""
        if count == 0:
            self.refuse(line, file, "it has no numbers.")
            return False
        self.dimension = self.dimension or count
        if count == self.dimension:
            return True
        self._ragged += 1
        self.refuse(line, file, f"it has {count:,} numbers, the first row has {self.dimension:,}.")
        return False

    def add(self, piece: _Piece) -> None:
        """Keeps the sound rows of a piece."""
        if not len(piece.files):
            return
        self.dimension = piece.values.shape[1]
        with np.errstate(over="ignore", invalid="ignore"):
            values = piece.values.astype("<f4")
        finite = np.isfinite(values).all(axis=1)
        some = (values != 0).any(axis=1)
        named = np.array([bool(file.strip()) for file in piece.files], np.bool_)
        sound = finite & some & named
        for row in np.flatnonzero(~sound).tolist():
            why = (
                "it names no file."
                if not named[row]
                else "all its numbers are zero."
                if finite[row]
                else "it holds a number that is none, or infinite."
            )
            self.refuse(piece.lines[row], piece.files[row], why)
        try:
            self._held.write(values[sound].tobytes())
        except OSError as error:
            raise UserError(f"Cannot lay the embeddings aside: {error.strerror or error}. Free disk space.") from error
        kept = np.flatnonzero(sound).tolist()
        self._files += [piece.files[row] for row in kept]
        self._lines.extend(piece.lines[row] for row in kept)

    def given(self, path: Path) -> GivenEmbeddings:
        """What was kept. Raises UserError where that is nothing."""
        problems = self._problems.texts()
        if self._ragged > len(self._files):
            raise UserError(f"Cannot use {path}: most rows are longer or shorter than the first. {problems[0]}")
        if not self._files:
            first = f" {problems[0]}" if problems else ""
            raise UserError(f"Cannot use {path}: it has no row of embeddings.{first}")
        if self.dimension < 2:
            raise UserError(f"Cannot use {path}: an embedding in it is one number. {HOW}")
        self._held.flush()
        vectors = np.memmap(self._held, "<f4", "r", shape=(len(self._files), self.dimension))
        lines = np.array(self._lines, np.int64)
        return GivenEmbeddings(Texts(self._files), lines, vectors, path, self.refused, problems)


# ---------------------------------------------------------------------------------------------- NumPy


def _npz_pieces(path: Path, rows: _Rows) -> Iterator[_Piece]:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            names, vectors = named(arrays, FILE_NAMES), named(arrays, VECTOR_NAMES)
            if names is None or vectors is None:
                there = ", ".join(sorted(arrays)) or "no arrays"
                missing = "file names (files)" if names is None else "embeddings (embeddings)"
                raise UserError(f"Cannot use {path}: it has no array of {missing}; there are: {there}. {HOW}")
            with archive.open(arrays[names]) as stream:
                files = _texts(_whole(stream, arrays[names], path, names), path, names)
            shape, kind, by_columns = _header(archive, arrays[vectors], path, vectors)
            if kind.kind not in "fiu":
                raise UserError(f"Cannot use {path}: the array {vectors} is of {_kind(kind)}, not of numbers. {HOW}")
            if len(shape) != 2 or shape[0] != len(files):
                raise UserError(
                    f"Cannot use {path}: {names} has {len(files):,} entries, {vectors} has the shape {shape}; it must "
                    "have one row for each of them."
                )
            if shape[1] * kind.itemsize == 0:
                raise UserError(f"Cannot use {path}: the rows of {vectors} hold no numbers. {HOW}")
            with archive.open(arrays[vectors]) as stream:
                whole = _whole(stream, arrays[vectors], path, vectors) if by_columns else None
                if whole is None:
                    _skip_header(stream)
                for start in range(0, shape[0], PIECE):
                    stop = min(start + PIECE, shape[0])
                    values = whole[start:stop] if whole is not None else _next_rows(stream, stop - start, shape, kind)
                    yield _Piece(files[start:stop], range(start + 1, stop + 1), values, stop / shape[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise UserError(f"Cannot read {path}: it is no sound .npz file. Save it again with numpy.savez.") from error


def _header(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, name: str
) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Shape, kind, and whether the numbers lie column by column. Raises UserError."""
    with archive.open(info) as stream:
        try:
            shape, by_columns, kind = _read_header(stream)
        except ValueError as error:
            raise _damaged_array(path, name) from error
    return shape, kind, by_columns and len(shape) > 1


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, kind = read(stream)
    return tuple(int(side) for side in shape), bool(by_columns), kind


def _skip_header(stream: IO[bytes]) -> None:
    _read_header(stream)


def _next_rows(stream: IO[bytes], count: int, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    wanted = count * shape[1] * kind.itemsize
    data = stream.read(wanted)
    if len(data) != wanted:
        raise EOFError
    return np.frombuffer(data, kind).reshape(count, shape[1])


def _whole(stream: IO[bytes], info: zipfile.ZipInfo, path: Path, name: str) -> NDArray[Any]:
    try:
        found: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        return found
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise UserError(
                f"Cannot use {path}: the array {name} holds Python objects, which are never opened. Save it as plain "
                f"text or numbers, as in numpy.savez(…, files=numpy.array(files, dtype=str))."
            ) from error
        raise _damaged_array(path, name) from error
    except MemoryError as error:
        if info.file_size < 1 << 31:
            raise _damaged_array(path, name) from error
        raise


def _texts(found: NDArray[Any], path: Path, name: str) -> list[str]:
    if found.ndim != 1 or found.dtype.kind not in "US":
        raise UserError(
            f"Cannot use {path}: the array {name} is of {_kind(found.dtype)} and has the shape {found.shape}; it must "
            "be one file name after the other."
        )
    if found.dtype.kind == "S":
        return [bytes(text).decode("utf-8", "replace") for text in found.tolist()]
    return [str(text) for text in found.tolist()]


def _kind(kind: np.dtype[Any]) -> str:
    words = {"U": "texts", "S": "texts", "O": "Python objects", "c": "complex numbers", "b": "yes and no"}
    return words.get(kind.kind, "numbers" if kind.kind in "fiu" else str(kind))


def _damaged_array(path: Path, name: str) -> UserError:
    return UserError(f"Cannot read {path}: the array {name} is damaged. Save it again with numpy.savez.")


# ---------------------------------------------------------------------------------------------- CSV


def _csv_pieces(path: Path, rows: _Rows) -> Iterator[_Piece]:
    table, ignored = CsvFile(path), Problems()
    rows.word = "Line"
    for text in table.warnings:
        rows.remark(text)
    firsts = {delimiter: next(table.records(delimiter, ignored), (1, [""]))[1] for delimiter in ",;\t"}
    delimiter, first = max(firsts.items(), key=lambda one: len(one[1]))
    columns = CsvColumns.of_cells(first, path, rows.remark)
    files: list[str] = []
    lines: list[int] = []
    values: list[NDArray[np.float64]] = []
    problems = Problems()
    for number, (line, cells) in enumerate(table.records(delimiter, problems)):
        if number == 0 and columns.header:
            continue
        if len(cells) != len(first):
            rows.refuse_width(line, cells[columns.file] if len(cells) > columns.file else "", len(cells), len(first))
            continue
        try:
            found = np.array(columns.numbers(cells), np.float64)
        except ValueError:
            rows.refuse(line, cells[columns.file], "a cell in it is no number.")
            continue
        if rows.fits(line, cells[columns.file], len(found)):
            files.append(cells[columns.file])
            lines.append(line)
            values.append(found)
        if len(files) == PIECE:
            yield _Piece(files, lines, np.stack(values), table.share)
            files, lines, values = [], [], []
    if files:
        yield _Piece(files, lines, np.stack(values), 1.0)
    for text in problems.texts():
        rows.remark(text)


# ---------------------------------------------------------------------------------------------- Parquet


def _parquet_pieces(path: Path, rows: _Rows) -> Iterator[_Piece]:
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UserError(
            f"Cannot read {path}: Parquet needs the package pyarrow, which is not installed; save it as .npz."
        ) from None
    try:
        with ParquetFile(path) as table:
            schema = table.schema_arrow
            file, vector = parquet_columns(schema, path, rows.remark)
            total, line = max(table.metadata.num_rows, 1), 1
            for batch in table.iter_batches(PIECE, columns=[file, *vector]):
                yield _parquet_piece(batch, file, vector, line, total, rows)
                line += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"Cannot read {path}: it is no sound Parquet file; write it anew.") from error


def _parquet_piece(batch: Any, file: str, vector: Sequence[str], line: int, total: int, rows: _Rows) -> _Piece:
    files = [str(name or "") for name in batch.column(file).to_pylist()]
    lines = range(line, line + len(files))
    share = (line - 1 + len(files)) / total
    if len(vector) > 1:  # null becomes NaN, which is refused
        columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in vector]
        return _Piece(files, lines, np.stack(columns, axis=1).astype(np.float64), share)
    cells = batch.column(vector[0])
    lengths = cells.value_lengths().to_numpy(zero_copy_only=False)  # NaN where there is no list
    lengths = np.nan_to_num(np.asarray(lengths, np.float64)).astype(np.int64)
    kept = [row for row, count in enumerate(lengths.tolist()) if rows.fits(lines[row], files[row], count)]
    if not kept:
        return _Piece([], [], np.zeros((0, 0)), share)
    flat = cells.take(kept).flatten().to_numpy(zero_copy_only=False)
    return _Piece(
        [files[row] for row in kept],
        [lines[row] for row in kept],
        np.asarray(flat).reshape(len(kept), rows.dimension),
        share,
    )
