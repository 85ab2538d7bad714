"""Raster files of more than 8 bits: every kind of one film gives the gray film's picture."""

from __future__ import annotations

import io
import random
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from cxr_explorer.errors import UserError
from cxr_explorer.images.read import decode
from tests.images.dicom_files import chest

FILM = (chest(96)[:64] * 4000).astype(np.uint16)  # (64, 96)
OPAQUE = np.full(FILM.shape, 65535, np.uint16)
CHANNELS = {
    "gray+alpha": np.dstack([FILM, OPAQUE]),
    "rgb": np.dstack([FILM] * 3),
    "rgba": np.dstack([FILM] * 3 + [OPAQUE]),
}


def png(array: np.ndarray) -> bytes:
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(array)))


def tiff(
    array: np.ndarray,
    order: str = "<",
    bits: int | None = None,
    sample_format: int = 1,
    photometric: int | None = None,
    orientation: int = 1,
    packed: bytes | None = None,
) -> bytes:
    """An uncompressed TIFF file of one strip, by the specification (TIFF 6.0): Pillow writes few of the kinds."""
    height, width = array.shape[:2]
    samples = array.shape[2] if array.ndim == 3 else 1
    pixels = packed if packed is not None else array.astype(array.dtype.newbyteorder(order)).tobytes()  # type: ignore[call-overload]
    entries = [
        (256, "H", [width]),
        (257, "H", [height]),
        (258, "H", [bits or array.dtype.itemsize * 8] * samples),
        (259, "H", [1]),
        (262, "H", [photometric if photometric is not None else 2 if samples > 2 else 1]),
        (273, "I", [0]),  # where the pixels begin: set below
        (274, "H", [orientation]),
        (277, "H", [samples]),
        (278, "H", [height]),
        (279, "I", [len(pixels)]),
        *([(338, "H", [2])] if samples in (2, 4) else []),
        (339, "H", [sample_format] * samples),
    ]
    end = 8 + 2 + 12 * len(entries) + 4
    longer = {tag: struct.pack(f"{order}{len(v)}{kind}", *v) for tag, kind, v in entries if len(v) > 2}
    begin = end + sum(map(len, longer.values()))
    directory, places = b"", end
    for tag, kind, value in entries:
        held = struct.pack(f"{order}{len(value)}{kind}", *(value if tag != 273 else [begin]))
        if tag in longer:
            held, places = struct.pack(f"{order}I", places), places + len(longer[tag])
        directory += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[kind], len(value)) + held.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(entries))
    return head + directory + b"\0" * 4 + b"".join(longer.values()) + pixels


def jpeg_2000(array: np.ndarray, bits: int = 16) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(np.ascontiguousarray(array), level=0, reversible=True, bitspersample=bits))


FILES = {
    "png gray": png(FILM),
    "png gray+alpha": png(CHANNELS["gray+alpha"]),
    "png rgb": png(CHANNELS["rgb"]),
    "png rgba": png(CHANNELS["rgba"]),
    "tiff gray": tiff(FILM),
    "tiff gray big-endian": tiff(FILM, ">"),
    "tiff gray white is 0": tiff(4000 - FILM, photometric=0),
    "tiff rgb": tiff(CHANNELS["rgb"]),
    "tiff rgb big-endian": tiff(CHANNELS["rgb"], ">"),
    "tiff rgb lzw": bytes(imagecodecs.tiff_encode(CHANNELS["rgb"], compression="lzw")),
    "tiff rgba": tiff(CHANNELS["rgba"]),
    "tiff 32 bits": tiff(FILM.astype(np.uint32)),
    "tiff 32 bits, the highest too": tiff(FILM.astype(np.uint32) * 1_000_000),
    "tiff 32 bits signed": tiff(FILM.astype(np.int32) - 2000, sample_format=2),
    "tiff 16 bits signed": tiff(FILM.astype(np.int16) - 2000, sample_format=2),
    "tiff float": tiff(FILM.astype(np.float32) / 4000, sample_format=3),
    "jpeg 2000 rgb": jpeg_2000(CHANNELS["rgb"]),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_one_film_is_the_gray_film(name: str) -> None:
    radiograph, gray = decode(FILES[name]), decode(FILES["png gray"])
    np.testing.assert_allclose(radiograph.pixels, gray.pixels, atol=1e-4)
    assert radiograph.pixels.mean() > 0.3
    assert any("percentiles" in note for note in radiograph.notes)


def test_a_tiff_of_12_bits_packed_is_the_gray_film() -> None:
    pairs = FILM.reshape(-1, 2).astype(np.uint16)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1).astype(
        np.uint8
    )
    shown = decode(tiff(FILM, bits=12, packed=packed.tobytes()))
    np.testing.assert_allclose(shown.pixels, decode(FILES["png gray"]).pixels, atol=1e-4)


@pytest.mark.parametrize("make", [png, tiff, jpeg_2000])
def test_colour_of_16_bits_used_in_full_is_shown_in_full(make) -> None:  # type: ignore[no-untyped-def]
    film = np.linspace(0, 65535, 4096).reshape(64, 64).astype(np.uint16)
    radiograph = decode(make(np.dstack([film] * 3)))
    np.testing.assert_allclose(radiograph.pixels, film / 65535, atol=1e-5)
    assert radiograph.notes == ()


@pytest.mark.parametrize("make", [png, tiff])
def test_8_bit_values_in_colour_of_16_bits_are_their_8_bit_twin(make) -> None:  # type: ignore[no-untyped-def]
    film = (chest(64) * 255).astype(np.uint16)
    np.testing.assert_allclose(decode(make(np.dstack([film] * 3))).pixels, film / 255, atol=1e-5)


@pytest.mark.parametrize("make", [png, tiff])
def test_deep_colour_becomes_luminance_and_is_said(make) -> None:  # type: ignore[no-untyped-def]
    picture = np.zeros((40, 40, 3), np.uint16)
    picture[:] = (60000, 30000, 10000)
    picture[0] = 65535
    picture[-1] = 0
    radiograph = decode(make(picture))
    assert radiograph.values[20, 20] == pytest.approx(0.299 * 60000 + 0.587 * 30000 + 0.114 * 10000, abs=1)
    assert "colour turned to gray" in radiograph.notes


@pytest.mark.parametrize("name", ["gray+alpha", "rgba"])
def test_deep_transparency_is_laid_on_black_and_said(name: str) -> None:
    array = CHANNELS[name].copy()
    array[:, :40, -1] = 0
    radiograph = decode(png(array))
    assert (radiograph.pixels[:, :40] == 0).all()
    assert radiograph.pixels[:, 40:].mean() > 0.3
    assert "transparent parts shown black" in radiograph.notes


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_deep_colour_is_turned_as_gray_is(orientation: int, file_format: str) -> None:
    film = FILM.copy()
    film[3:9, 5:20] = 3900  # no symmetry left
    if file_format == "TIFF":
        gray, colour = (tiff(array, orientation=orientation) for array in (film, np.dstack([film] * 3)))
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = io.BytesIO()
        Image.fromarray(film).save(file, "PNG", exif=exif)
        gray = file.getvalue()
        at = gray.index(b"eXIf") - 4
        chunk = gray[at : at + 12 + int.from_bytes(gray[at : at + 4], "big")]
        colour = png(np.dstack([film] * 3))
        colour = colour[:33] + chunk + colour[33:]
    np.testing.assert_array_equal(decode(colour).values, decode(gray).values)


@pytest.mark.parametrize("name", ["png rgb", "png rgba", "tiff rgb", "tiff rgb lzw", "jpeg 2000 rgb"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
def test_deep_colour_cut_off_is_refused(name: str, kept: float) -> None:
    data = FILES[name]
    with pytest.raises(UserError):
        decode(data[: int(len(data) * kept)])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", ["png rgb", "png gray+alpha", "tiff rgb lzw", "tiff rgba"])
def test_damage_in_deep_colour_gives_a_picture_or_a_reason(name: str, seed: int) -> None:
    damage = random.Random(seed)
    for _ in range(5):
        hurt = bytearray(FILES[name])
        for _ in range(damage.choice([1, 3, 20])):
            hurt[damage.randrange(8, len(hurt))] = damage.randrange(256)
        try:
            assert np.isfinite(decode(bytes(hurt)).pixels).all()
        except UserError:
            continue


def test_cmyk_is_not_inverted_whatever_wrote_it() -> None:
    gray = (chest(64) * 255).astype(np.uint8)
    cmyk = Image.fromarray(np.dstack([gray] * 3)).convert("CMYK")
    for file_format in ("JPEG", "TIFF"):  # Pillow writes JPEG as Adobe does: inverted, and says so
        file = io.BytesIO()
        cmyk.save(file, file_format, quality=98)
        assert np.abs(decode(file.getvalue()).pixels - gray / 255).mean() < 0.02


@pytest.mark.parametrize("file_format, options", [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "group4"})])
def test_one_bit_is_black_and_white(file_format: str, options: dict[str, str]) -> None:
    mask = chest(64) > 0.5
    file = io.BytesIO()
    Image.fromarray(mask).save(file, file_format, **options)
    np.testing.assert_array_equal(decode(file.getvalue()).pixels, mask)


@pytest.mark.parametrize("bits", [2, 4])
def test_gray_of_few_bits_fills_the_range(bits: int) -> None:
    levels = np.rint(chest(64) * (2**bits - 1)).astype(np.uint8)
    packed = np.packbits(((levels[..., None] >> np.arange(bits)[::-1]) & 1).reshape(64, -1), axis=1)
    shown = decode(tiff(levels, bits=bits, packed=packed.tobytes())).pixels
    np.testing.assert_allclose(shown, levels / (2**bits - 1), atol=1e-5)


@pytest.mark.parametrize(
    "data",
    [
        tiff(FILM.astype(np.float64), sample_format=3),
        tiff(CHANNELS["gray+alpha"]),
        bytes(imagecodecs.tiff_encode(CHANNELS["rgb"], planarconfig=2)),
        bytes(imagecodecs.jpeg8_encode(FILM, bitspersample=12)),
    ],
    ids=["float64", "gray and alpha in TIFF", "planes apart", "12-bit JPEG"],
)
def test_kinds_that_are_not_read_are_refused_with_a_way_out(data: bytes) -> None:
    with pytest.raises(UserError, match="16-bit gray PNG"):
        decode(data)
