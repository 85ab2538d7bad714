"""What is refused before any decoder inflates it, follows it or loops over it: counts no radiograph comes near."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from cxr_explorer.errors import UserError

MAX_ITEMS = 20_000
"""Sequence items and fragments of a DICOM file: each costs pydicom about 20 µs. Enhanced single pictures have a few
hundred."""

MAX_INFLATED_BYTES = 512 << 20
"""Of a deflated DICOM file: 128 million pixels of 16 bits are half of it."""

MAX_SCANS = 100
"""Of a JPEG picture: encoders write about 10; every one costs a pass over the whole picture."""

MAX_PAGES = 100
"""Pages of a TIFF file that are counted: to know of more, a chain would have to be followed."""

MAX_WINDOWS = 32
"""Windows of a DICOM file that are offered."""

_PART_BYTES = 16 << 20
_DEFLATED = b"1.2.840.10008.1.2.1.99"


def check_dicom(data: bytes) -> None:
    """Refuses a DICOM file that costs too much to parse.

    Raises:
        UserError: It inflates to over MAX_INFLATED_BYTES, or has over MAX_ITEMS items or fragments.
    """
    end = _end_of_file_meta(data)
    if end and _DEFLATED in data[132:end]:
        items = sum(_count_items(part) for part in _inflate(data[end:]))
    else:
        items = _count_items(_without_plain_pixels(data))  # to search them takes a tenth of a second
    if items > MAX_ITEMS:
        raise UserError(f"{items:,} sequence items inside: no radiograph has so many. Export the picture alone.")


def check_jpeg(data: bytes) -> None:
    """Refuses a JPEG picture of over MAX_SCANS scans. Raises UserError."""
    # In compressed data 0xFF is always followed by 0 or a restart marker; what stands before the frame's header is not.
    scans = data.count(b"\xff\xda", max(data.find(b"\xff\xc2"), 0))
    if scans > MAX_SCANS:
        raise UserError(f"{scans:,} scans in one JPEG picture: made to do harm. Export it again from its source.")


def _end_of_file_meta(data: bytes) -> int:
    """Where the file meta ends; 0 where it does not say."""
    if data[128:138] != b"DICM\x02\x00\x00\x00UL":
        return 0
    return 144 + int.from_bytes(data[140:144], "little")


def _count_items(data: bytes) -> int:
    """Beginnings of items, little- or big-endian. Pixels hold these four bytes by chance once in 4 GB."""
    return data.count(b"\xfe\xff\x00\xe0") + data.count(b"\xff\xfe\xe0\x00")


def _without_plain_pixels(data: bytes) -> bytes:
    """The file but for pixels that are stored as they are, where it is little-endian and names their VR."""
    place = data.find(b"\xe0\x7f\x10\x00O")
    length = int.from_bytes(data[place + 8 : place + 12], "little")
    return data if place < 0 or length == 0xFFFFFFFF else data[:place] + data[place + 12 + length :]


def _inflate(data: bytes) -> Iterator[bytes]:
    """The contents part by part, up to the limit. Raises UserError."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for _ in range(MAX_INFLATED_BYTES // _PART_BYTES):
        try:
            part = inflater.decompress(data, _PART_BYTES)
        except zlib.error as error:
            raise UserError("Damaged: its deflated part cannot be inflated. Copy it again from its source.") from error
        yield part
        data = inflater.unconsumed_tail
        if not data:
            return
    raise UserError(
        f"It inflates to over {MAX_INFLATED_BYTES >> 20} MB: no radiograph is so large. Export it uncompressed."
    )
