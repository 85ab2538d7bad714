"""A CSV file as text and as records, whatever its encoding."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from cxr_explorer.errors import UserError

Record = tuple[int, list[str]]
"""The line it begins on, from 1, and its cells."""


def read_text(path: Path) -> tuple[str, list[str]]:
    """The text of a file, plain or gzipped, in UTF-8, UTF-16 with a byte order mark, or else Latin-1.

    Returns:
        The text; and a sentence to show where it may have been misread.

    Raises:
        UserError: The file cannot be read, or is a spreadsheet.
    """
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"Cannot read {path}: the compressed file is damaged; get it again.") from error
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}; choose another file.") from error
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UserError(f"Cannot read {path}: it is a spreadsheet or an archive; save it as CSV (UTF-8) first.")
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16"), []
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("latin-1"), ["The table is not UTF-8; it was read as Latin-1: check accented letters."]


def read_records(text: str, delimiter: str) -> Iterator[Record]:
    """The records that are not blank, the header among them. Raises csv.Error where the text is no sound CSV."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        cells = next(reader, None)
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells
