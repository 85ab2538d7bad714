"""Files made to do harm, each in one way: too much to allocate, to inflate, to loop over, to nest, to follow.

`CRAFTED` maps a name to the function that makes the file's bytes. All are under 20 MB and made in moments.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from PIL import Image
from pydicom.uid import UID

from tests.images.dicom_files import compressed, dicom, ramp

FILM = ramp(0, 255, 64, "uint8")
CRAFTED: dict[str, Callable[[], bytes]] = {}

DEFLATED, RLE, JPEG, J2K, JPEG_LS, JPEG_LOSSLESS, HTJ2K = (
    UID(f"1.2.840.10008.1.2.{end}") for end in ("1.99", "5", "4.50", "4.90", "4.80", "4.70", "4.201")
)


def craft(name: str, make: Callable[..., bytes], *arguments: Any, **options: Any) -> None:
    assert name not in CRAFTED, name
    CRAFTED[name] = partial(make, *arguments, **options)


# ---------------------------------------------------------------------------------------------- zlib


def deflated_zeros(megabytes: int, wrap: bool) -> bytes:
    """A zlib (or raw deflate) stream of so many MB of zeros, made of one block said again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    raw = block * megabytes + last
    return b"\x78\xda" + raw + b"\0\0\0\0" if wrap else raw


# ---------------------------------------------------------------------------------------------- DICOM


def element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    size = len(value) if length is None else length
    if vr in ("OB", "OW", "SQ", "UN", "UT", "UC", "OL", "OF"):
        return head + struct.pack("<HI", 0, size) + value
    return head + struct.pack("<H", size & 0xFFFF) + value


def with_elements(*elements: bytes, array: np.ndarray = FILM, **options: Any) -> bytes:
    """A small film with these raw elements before its pixels, whatever their order."""
    data = dicom(array, **options)
    place = data.index(b"\xe0\x7f\x10\x00")
    return data[:place] + b"".join(elements) + data[place:]


def windows(count: int, step: float) -> bytes:
    def listed(start: float) -> bytes:
        text = "\\".join(f"{start + i * step:.6g}" for i in range(count))[:65000].rpartition("\\")[0]
        return (text + " " * (len(text) % 2)).encode()

    return with_elements(element(0x00281050, "DS", listed(100)), element(0x00281051, "DS", listed(50)))


def items(tag: int, count: int, undefined: bool, content: bytes = b"") -> bytes:
    one = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content)) + content
    if not undefined:
        return with_elements(element(tag, "SQ", one * count))
    return with_elements(element(tag, "SQ", one * count + b"\xfe\xff\xdd\xe0\0\0\0\0", 0xFFFFFFFF))


def nested(depth: int) -> bytes:
    start = element(0x00081140, "SQ", b"", 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return with_elements(start * depth)


def deflated(megabytes: int, tag: int, vr: str) -> bytes:
    """Deflated transfer syntax: an element of so many MB of zeros, and a picture."""
    meta = dicom(FILM)
    start = meta.index(b"\x08\x00\x16\x00")
    body = meta[start:]
    old = element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
    header = bytearray(meta[:start].replace(old, element(0x00020010, "UI", b"1.2.840.10008.1.2.1.99")))
    struct.pack_into("<I", header, 140, len(header) - 144)  # the group's length
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode() + struct.pack("<HI", 0, megabytes << 20)
    first = packer.compress(body[: body.index(b"\xe0\x7f\x10\x00")] + head) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    last = packer.compress(body[body.index(b"\xe0\x7f\x10\x00") :]) + packer.flush()
    return bytes(header) + first + block * megabytes + last


def fragments(count: int, syntax: UID, ended: bool = True) -> bytes:
    data = compressed(FILM, b"\xff\xd8", syntax)
    place = data.index(b"\xfe\xff\x00\xe0")
    end = b"\xfe\xff\xdd\xe0\0\0\0\0" if ended else b""
    return data[:place] + b"\xfe\xff\x00\xe0\0\0\0\0" * count + end


def rle_bomb(side_px: int) -> bytes:
    """A segment that says every byte 128 times."""
    repeated = b"\x81\0" * (side_px * side_px // 128 + 1)
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + repeated
    return compressed(np.broadcast_to(np.uint8(0), (side_px, side_px)), frame, RLE, Rows=side_px, Columns=side_px)


def declared(rows: int, columns: int, syntax: UID | None = None, **options: Any) -> bytes:
    """A file that says it is so large, with the pixels of a small one."""
    if syntax is None:
        return dicom(FILM, Rows=rows, Columns=columns, **options)
    return compressed(
        FILM, encoded(FILM, "JPEG") if syntax == JPEG else b"\0" * 500, syntax, Rows=rows, Columns=columns
    )


def many_elements(count: int) -> bytes:
    """Private elements without end."""
    numbers = np.arange(count, dtype="<u4")
    rows = np.zeros((count, 10), np.uint8)
    rows[:, 0:2] = (0x0029 + 2 * (numbers >> 16)).astype("<u2").view(np.uint8).reshape(-1, 2)
    rows[:, 2:4] = (numbers & 0xFFFF).astype("<u2").view(np.uint8).reshape(-1, 2)
    rows[:, 4:6] = np.frombuffer(b"US", np.uint8)
    rows[:, 6] = 2
    return with_elements(rows.tobytes())


def tables(count: int, entries: int) -> bytes:
    one = element(0x00283002, "US", struct.pack("<3H", entries % 65536, 0, 16)) + element(
        0x00283006, "OW", bytes(2 * entries)
    )
    return items(0x00283010, count, False, one)


def overlays(rows: int, columns: int, count: int = 16) -> bytes:
    made = []
    for number in range(count):
        group = 0x60000000 + (number << 17)
        made += [
            element(group | 0x10, "US", struct.pack("<H", rows)),
            element(group | 0x11, "US", struct.pack("<H", columns)),
            element(group | 0x40, "CS", b"G "),
            element(group | 0x50, "SS", struct.pack("<2h", 1, 1)),
            element(group | 0x100, "US", struct.pack("<H", 1)),
            element(group | 0x102, "US", struct.pack("<H", 0)),
            element(group | 0x3000, "OW", bytes(1024)),
        ]
    return with_elements(*made)


def shutter(vertices: int) -> bytes:
    numbers = "\\".join(str(1 + i % 60) for i in range(2 * vertices))[:65000].rpartition("\\")[0]
    text = (numbers + " " * (len(numbers) % 2)).encode()
    return with_elements(element(0x00181600, "CS", b"POLYGONAL "), element(0x00181620, "IS", text))


def text_element(tag: int, vr: str, text: str) -> bytes:
    return with_elements(element(tag, vr, text.encode() + b" " * (len(text) % 2)))


for count, step in ((8000, 1.0), (8000, 0.0), (16000, 0.001)):
    craft(f"dicom-{count}-windows-step-{step:g}", windows, count, step)
for tag, what in ((0x00283010, "voi"), (0x00101002, "patient"), (0x00283000, "modality"), (0x00291010, "private")):
    for undefined in (False, True):
        craft(f"dicom-million-items-{what}-{'un' if undefined else ''}defined", items, tag, 1_000_000, undefined)
craft("dicom-100000-full-items", items, 0x00081140, 100_000, False, element(0x00081155, "UI", b"1.2.3.4\0"))
for depth in (500, 5_000, 100_000):
    craft(f"dicom-{depth}-nested-sequences", nested, depth)
for megabytes, tag, vr, what in (
    (4000, 0x00291010, "OB", "private"),
    (3000, 0x00420011, "OB", "document"),
    (1500, 0x00291010, "UN", "unknown"),
    (100, 0x00291010, "OB", "small"),
):
    craft(f"dicom-deflated-{megabytes}-mb-{what}", deflated, megabytes, tag, vr)
craft("dicom-deflated-garbage", lambda: deflated(1, 0x00291010, "OB")[:-2000] + bytes(2000))
for rows, columns in ((65535, 65535), (65535, 1), (11000, 11000), (30000, 4000), (0, 64)):
    craft(f"dicom-says-{rows}x{columns}", declared, rows, columns)
for syntax, what in (
    (RLE, "rle"),
    (JPEG, "jpeg"),
    (J2K, "j2k"),
    (JPEG_LS, "jls"),
    (JPEG_LOSSLESS, "ljpeg"),
    (HTJ2K, "ht"),
):
    craft(f"dicom-{what}-says-65535x65535", declared, 65535, 65535, syntax)
    craft(f"dicom-{what}-says-11000x11000", declared, 11000, 11000, syntax)
    craft(f"dicom-{what}-million-fragments", fragments, 1_000_000, syntax)
craft("dicom-fragments-without-end", fragments, 100_000, JPEG, False)
for side_px in (4000, 11000):
    craft(f"dicom-rle-bomb-{side_px}", rle_bomb, side_px)
for count in (100_000, 1_000_000):
    craft(f"dicom-{count}-private-elements", many_elements, count)
craft("dicom-8000-tables", tables, 8000, 256)
craft("dicom-100-tables-of-65536", tables, 100, 65536)
craft("dicom-overlays-65535", overlays, 65535, 65535)
craft("dicom-overlays-small", overlays, 64, 64)
for vertices in (4000, 16000):
    craft(f"dicom-shutter-of-{vertices}-corners", shutter, vertices)
craft("dicom-shutter-of-9e9", lambda: text_element(0x00181602, "IS", "9" * 60_000))
craft("dicom-number-of-60000-digits", lambda: text_element(0x00280008, "IS", "9" * 60_000))
craft("dicom-centre-of-60000-digits", lambda: text_element(0x00281050, "DS", "1" * 60_000))
craft("dicom-30000-backslashes", lambda: text_element(0x00281050, "DS", "\\" * 60_000))
craft("dicom-name-of-60000", lambda: text_element(0x00100010, "PN", "^=" * 30_000))
craft("dicom-charset-of-8000", lambda: text_element(0x00080005, "CS", "\\".join(["ISO 2022 IR 87"] * 4000)))
craft("dicom-spacing-1e-300", lambda: dicom(FILM, PixelSpacing=["1e-300", "1"]))
craft("dicom-spacing-1e300", lambda: dicom(FILM, ImagerPixelSpacing=["1e300", "1e-300"]))
craft("dicom-stretch-4-of-a-large-film", lambda: dicom(np.zeros((200, 60_000), np.uint8), PixelSpacing=["4", "1"]))
craft("dicom-slope-1e308", lambda: dicom(FILM, RescaleSlope="1e308", RescaleIntercept="-1e308"))
craft("dicom-slope-nan", lambda: text_element(0x00281053, "DS", "nan"))
for bits in (0, 1, 7, 24, 32, 64, 65535):
    craft(f"dicom-{bits}-bits-allocated", dicom, FILM, BitsAllocated=bits)
craft("dicom-65535-samples", dicom, FILM, SamplesPerPixel=65535)
craft("dicom-frames-2-billion", dicom, FILM, NumberOfFrames="2147483647")
craft("dicom-length-beyond-the-end", lambda: with_elements(element(0x00291010, "OB", b"", 0xFFFFFFF0)))
craft("dicom-text-of-undefined-length", lambda: with_elements(element(0x00291010, "UT", b"", 0xFFFFFFFF)))
craft("dicom-preamble-alone", lambda: bytes(128) + b"DICM")
craft(
    "dicom-meta-without-end", lambda: bytes(128) + b"DICM" + element(0x00020000, "UL", b"\xff\xff\xff\x7f") + bytes(500)
)
craft("dicom-zeros-after-the-preamble", lambda: bytes(128) + b"DICM" + bytes(5_000_000))
craft("dicom-ones-after-the-preamble", lambda: bytes(128) + b"DICM" + b"\xff" * 5_000_000)
craft("dicom-without-preamble-zeros", lambda: b"\x08\0\x05\0\0\0\0\0" + bytes(5_000_000))

# ---------------------------------------------------------------------------------------------- PNG


def encoded(picture: np.ndarray | Image.Image, file_format: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, format=file_format, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*extra: bytes, width: int = 64, height: int = 64, depth: int = 8, colour: int = 0, data: bytes = b"") -> bytes:
    """A PNG file with extra chunks before its pixels."""
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0))
    pixels = data or zlib.compress(b"".join(b"\0" + row.tobytes() for row in FILM))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_text_bomb(kind: bytes, megabytes: int, count: int = 1) -> bytes:
    start = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind]
    return png(*[chunk(kind, start + deflated_zeros(megabytes, True))] * count)


for width, height in ((2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (100_000, 100_000), (11_300, 11_300), (120_000_000, 16)):
    craft(f"png-says-{width}x{height}", png, width=width, height=height)
craft("png-says-11300x11300-of-zeros", lambda: png(width=11_300, height=11_300, data=deflated_zeros(122, True)))
craft(
    "png-11300-rgba-16-of-zeros",
    lambda: png(width=11_300, height=11_300, depth=16, colour=6, data=deflated_zeros(980, True)),
)
craft("png-of-no-pixels", png, width=0, height=0)
for kind in (b"zTXt", b"iTXt", b"iCCP"):
    craft(f"png-{kind.decode()}-bomb", png_text_bomb, kind, 3000)
    craft(f"png-{kind.decode()}-bombs", png_text_bomb, kind, 30, 100)
craft("png-pixels-with-a-bomb-behind", lambda: png(data=deflated_zeros(6000, True)))
craft("png-million-empty-chunks", lambda: png(*[chunk(b"IDAT", b"")] * 1_000_000))
craft("png-300000-texts", lambda: png(*[chunk(b"tEXt", b"a\0b")] * 300_000))
craft("png-million-frames", lambda: png(chunk(b"acTL", struct.pack(">2I", 1_000_000, 0))))
craft("png-chunk-beyond-the-end", lambda: png()[:33] + struct.pack(">I", 2**31 - 1) + b"tEXt")
craft(
    "png-exif-bomb",
    lambda: png(chunk(b"eXIf", b"II*\0\x08\0\0\0" + b"\xff\xff" + b"\x12\x01\x03\0\xff\xff\xff\x7f\0\0\0\0" * 60_000)),
)

# ---------------------------------------------------------------------------------------------- TIFF


def tag_entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def tiff_page(entries: list[bytes], following: int) -> bytes:
    return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)


def tiff(
    width: int, height: int, data: bytes = b"\0" * 4096, compression: int = 1, bits: int = 8, **more: int
) -> bytes:
    """One page, one strip."""
    start = 8 + len(data)
    tags = {256: width, 257: height, 258: bits, 259: compression, 262: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    tags |= {int(name[1:]): value for name, value in more.items()}
    page = tiff_page([tag_entry(tag, 4, 1, value) for tag, value in sorted(tags.items())], 0)
    return struct.pack("<2sHI", b"II", 42, start) + data + page


def tiff_chain(pages: int, circle: bool = False) -> bytes:
    size = 2 + 9 * 12 + 4
    first = 8 + 4096
    tags = ((256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 64), (279, 4096))
    entries = [tag_entry(tag, 4, 1, value) for tag, value in tags]
    made = [tiff_page(entries, first + (i + 1) * size) for i in range(pages - 1)]
    made.append(tiff_page(entries, first if circle else 0))
    return struct.pack("<2sHI", b"II", 42, first) + FILM.tobytes() + b"".join(made)


def tiff_values(tag: int, kind: int, count: int) -> bytes:
    """A page whose tag says it has so many values, which lie at the file's beginning."""
    data = bytes(5_000_000)
    page = tiff_page([tag_entry(256, 4, 1, 64), tag_entry(257, 4, 1, 64), tag_entry(tag, kind, count, 8)], 0)
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + page


for width, height in ((2**31 - 1, 2**31 - 1), (100_000, 100_000), (11_300, 11_300), (4_000_000, 30)):
    craft(f"tiff-says-{width}x{height}", tiff, width, height)
craft("tiff-chain-of-100000", tiff_chain, 100_000)
craft("tiff-chain-in-a-circle", tiff_chain, 1000, True)
craft("tiff-deflate-bomb", lambda: tiff(11_300, 11_300, deflated_zeros(6000, True), 8))
craft("tiff-deflate-11300", lambda: tiff(11_300, 11_300, deflated_zeros(122, True), 8))
craft("tiff-deflate-11300-float", lambda: tiff(11_300, 11_300, deflated_zeros(488, True), 8, 32, t339=3))
craft("tiff-packbits-bomb", lambda: tiff(11_300, 11_300, b"\x81\0" * 1_000_000, 32773))
craft("tiff-lzw-bomb", lambda: tiff(11_300, 11_300, b"\x80" + bytes(5_000_000), 5))
craft("tiff-jpeg-of-nothing", lambda: tiff(64, 64, b"\xff\xd8\xff\xd9", 7))
craft("tiff-fax-of-nothing", lambda: tiff(60_000, 2_000, bytes(1000), 4, 1))
for number in (2, 3, 32773, 32809, 34676, 34712, 34925, 50000, 50001, 65000):
    craft(f"tiff-compression-{number}", tiff, 64, 64, bytes(1000), number)
for tag in (258, 273, 279, 320, 330, 700, 34665, 34675):
    craft(f"tiff-tag-{tag}-of-a-million-values", tiff_values, tag, 3, 2_400_000)
    craft(f"tiff-tag-{tag}-of-billions", tiff_values, tag, 4, 2**32 - 1)
craft("tiff-tiles-of-one-pixel", lambda: tiff(4000, 4000, t322=16, t323=16, t324=8, t325=256))
craft("tiff-strips-of-one-row", lambda: tiff(16, 7_000_000, t278=1))
craft("bigtiff-beyond-the-end", lambda: struct.pack("<2sHHHQ", b"II", 43, 8, 0, 2**62))
craft(
    "bigtiff-2-to-the-63-entries",
    lambda: struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) + struct.pack("<Q", 2**63 - 1) + bytes(99),
)

# ---------------------------------------------------------------------------------------------- JPEG


def jpeg_of_scans(side_px: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan is said again and again."""
    data = encoded(np.zeros((side_px, side_px), np.uint8), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + b"\xff\xd9"


def jpeg_says(width: int, height: int) -> bytes:
    data = bytearray(encoded(FILM, "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_with(*segments: bytes) -> bytes:
    data = encoded(FILM, "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


for side_px, scans in ((64, 50_000), (2000, 500), (8000, 500)):
    craft(f"jpeg-{side_px}-of-{scans}-scans", jpeg_of_scans, side_px, scans)
    craft(
        f"dicom-jpeg-{side_px}-of-{scans}-scans",
        lambda side_px=side_px, scans=scans: compressed(
            np.broadcast_to(np.uint8(0), (side_px, side_px)), jpeg_of_scans(side_px, scans), JPEG
        ),
    )
for width, height in ((65535, 65535), (11_300, 11_300), (65500, 1900)):
    craft(f"jpeg-says-{width}x{height}", jpeg_says, width, height)
    craft(
        f"dicom-jpeg-of-{width}x{height}-inside",
        lambda width=width, height=height: compressed(FILM, jpeg_says(width, height), JPEG),
    )
craft("jpeg-300-full-segments", lambda: jpeg_with(*[segment(0xE2, b"ICC_PROFILE\0" + bytes(65000))] * 250))
craft("jpeg-300000-comments", lambda: jpeg_with(*[segment(0xFE, b"a")] * 300_000))
craft("jpeg-5-mb-of-fill", lambda: jpeg_with(b"\xff" * 5_000_000))
craft("jpeg-50000-tables", lambda: jpeg_with(*[segment(0xDB, b"\0" + b"\1" * 64)] * 50_000))
craft(
    "jpeg-mpo-of-many",
    lambda: jpeg_with(
        segment(
            0xE2,
            b"MPF\0II*\0\x08\0\0\0\x02\0"
            + tag_entry(0xB001, 4, 1, 2**31)
            + tag_entry(0xB002, 7, 16 * 4000, 64)
            + bytes(60_000),
        )
    ),
)
craft(
    "jpeg-exif-in-a-circle",
    lambda: jpeg_with(segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0" + tag_entry(34665, 4, 1, 8) + bytes(4))),
)
craft(
    "jpeg-xmp-of-many", lambda: jpeg_with(*[segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<a>" * 20_000)] * 100)
)

# ---------------------------------------------------------------------------------------------- WebP, BMP, JPEG 2000


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp_frames(count: int, side_px: int) -> bytes:
    picture = encoded(Image.new("L", (16, 16)).convert("RGB"), "WEBP", lossless=True)[12:]
    side = struct.pack("<I", side_px - 1)[:3]
    small = struct.pack("<I", 15)[:3]
    frame = webp_chunk(b"ANMF", bytes(6) + small + small + bytes(3) + b"\0" + picture)
    return riff(webp_chunk(b"VP8X", b"\x02\0\0\0" + side + side), webp_chunk(b"ANIM", bytes(6)), *[frame] * count)


def bmp(
    width: int, height: int, bits: int = 8, compression: int = 0, offset: int = 54, data: bytes = bytes(4096)
) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + len(data), 0, 0, offset) + header + data


def j2k(width: int, height: int, tile_px: int = 64, components: int = 1) -> bytes:
    """A codestream whose header says so much, with the data of a small picture."""
    data = bytearray(encoded(FILM, "JPEG2000", no_jp2=True))
    place = data.index(b"\xff\x51")
    struct.pack_into(">8I", data, place + 6, width, height, 0, 0, tile_px, tile_px, 0, 0)
    if components == 1:
        return bytes(data)
    size = struct.unpack_from(">H", data, place + 2)[0]
    siz = bytearray(data[place : place + 2 + size])[:40] + b"\x07\x01\x01" * components
    struct.pack_into(">H", siz, 2, 38 + 3 * components)
    struct.pack_into(">H", siz, 38, components)
    return bytes(data[:place] + siz + data[place + 2 + size :])


def jp2_boxes(*boxes: bytes) -> bytes:
    data = encoded(FILM, "JPEG2000")
    place = data.index(b"jp2h") - 4
    return data[:place] + b"".join(boxes) + data[place:]


craft("webp-canvas-16384", lambda: riff(webp_chunk(b"VP8X", bytes(4) + b"\xff\x3f\0\xff\x3f\0")))
craft("webp-canvas-16-million", lambda: riff(webp_chunk(b"VP8X", bytes(4) + b"\xff\xff\xff\xff\xff\xff")))
for count, side_px in ((50_000, 64), (1000, 11_000)):
    craft(f"webp-{count}-frames-of-{side_px}", webp_frames, count, side_px)
craft("webp-of-16383", lambda: encoded(Image.new("L", (16_383, 3_000)).convert("RGB"), "WEBP", quality=0, method=0))
for width, height in ((2**31 - 1, 2**31 - 1), (11_300, 11_300), (64, -64), (100_000, -100_000)):
    craft(f"bmp-says-{width}x{height}", bmp, width, height)
craft("bmp-rle-bomb", lambda: bmp(11_300, 11_300, 8, 1, 1078, bytes(1024) + b"\xff\0" * 600_000))
craft("bmp-rle-jumps", lambda: bmp(11_300, 11_300, 8, 1, 1078, bytes(1024) + b"\0\x02\xff\xff" * 600_000))
craft("bmp-begins-beyond-the-end", bmp, 64, 64, 8, 0, 2**31)
craft("bmp-of-99-bits", bmp, 64, 64, 99)
for width, height, tile_px in (
    (2**31 - 1, 2**31 - 1, 64),
    (11_300, 11_300, 11_300),
    (11_300, 11_300, 1),
    (60_000, 2_000, 8),
    (64, 64, 2**31 - 1),
):
    craft(f"j2k-says-{width}x{height}-in-tiles-of-{tile_px}", j2k, width, height, tile_px)
    craft(
        f"dicom-j2k-of-{width}x{height}-in-tiles-of-{tile_px}",
        lambda w=width, h=height, t=tile_px: compressed(FILM, j2k(w, h, t), J2K),
    )
craft("j2k-16384-components", lambda: j2k(64, 64, 64, 16_384))
craft("j2k-of-5000", lambda: encoded(Image.new("L", (5_000, 5_000)), "JPEG2000", num_resolutions=1))
craft("jp2-million-boxes", lambda: jp2_boxes(*[struct.pack(">I4s", 8, b"free")] * 1_000_000))
craft("jp2-box-without-length", lambda: jp2_boxes(struct.pack(">I4s", 1, b"free") + bytes(8)))
craft("jp2-box-beyond-the-end", lambda: jp2_boxes(struct.pack(">I4sQ", 1, b"free", 2**63)))

LONG = frozenset(
    {
        "dicom-deflated-4000-mb-private",
        "dicom-deflated-3000-mb-document",
        "dicom-deflated-1500-mb-unknown",
        "dicom-deflated-100-mb-small",
        "dicom-rle-bomb-11000",
        "dicom-1000000-private-elements",
        "dicom-stretch-4-of-a-large-film",
        "dicom-zeros-after-the-preamble",
        "png-says-11300x11300-of-zeros",
        "png-11300-rgba-16-of-zeros",
        "png-million-empty-chunks",
        "tiff-deflate-bomb",
        "tiff-deflate-11300",
        "tiff-deflate-11300-float",
        "tiff-packbits-bomb",
        "tiff-strips-of-one-row",
        "jpeg-says-11300x11300",
        "jpeg-says-65500x1900",
        "jpeg-5-mb-of-fill",
        "webp-1000-frames-of-11000",
        "webp-of-16383",
        "bmp-rle-jumps",
        "j2k-of-5000",
    }
)
"""Names of those that take seconds of processor time or hundreds of MB: for the long form alone."""
