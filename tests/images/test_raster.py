from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_explorer.errors import UserError
from cxr_explorer.images.image_formats import DICOM, identify
from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.images.read import decode, read

GRAY = (np.add.outer(np.arange(40), np.arange(60)) * 2).astype(np.uint8)  # 40 x 60, 0..196
RGB = np.repeat(GRAY[..., None], 3, axis=2)


def encoded(picture: np.ndarray | Image.Image, file_format: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, format=file_format, **options)
    return file.getvalue()


def shown(picture: np.ndarray | Image.Image, file_format: str, **options: Any) -> Radiograph:
    return decode(encoded(picture, file_format, **options))


@pytest.mark.parametrize(
    "picture, file_format, options",
    [
        (GRAY, "PNG", {}),
        (GRAY, "TIFF", {}),
        (GRAY, "TIFF", {"compression": "tiff_lzw"}),
        (GRAY, "TIFF", {"compression": "tiff_adobe_deflate"}),
        (RGB, "PNG", {}),
        (RGB, "TIFF", {}),
        (RGB, "WEBP", {"lossless": True}),
        (GRAY, "BMP", {}),
        (RGB, "BMP", {}),
        (GRAY, "JPEG2000", {}),
        (GRAY, "JPEG2000", {"no_jp2": True}),
        (RGB, "JPEG2000", {}),
        (Image.fromarray(RGB).convert("P", palette=Image.Palette.ADAPTIVE, colors=256), "PNG", {}),
        (Image.fromarray(GRAY).convert("LA"), "PNG", {}),
        (Image.fromarray(GRAY).convert("RGBA"), "PNG", {}),
        (GRAY.astype(np.uint16), "PNG", {}),
        (GRAY.astype(np.uint16), "TIFF", {}),
    ],
)
def test_one_film_gives_one_picture_in_every_lossless_kind(picture, file_format: str, options: dict[str, Any]) -> None:
    radiograph = shown(picture, file_format, **options)
    np.testing.assert_allclose(radiograph.pixels, GRAY / 255, atol=1e-6)
    assert not radiograph.inverted


def test_jpeg_is_nearly_the_same() -> None:
    assert np.abs(shown(GRAY, "JPEG", quality=95).pixels - GRAY / 255).max() < 0.03


def test_colour_becomes_rec_601_luminance_and_is_said() -> None:
    picture = np.zeros((20, 20, 3), np.uint8)
    picture[:] = (200, 100, 50)
    radiograph = shown(picture, "PNG")
    assert radiograph.pixels[0, 0] == pytest.approx((0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255, abs=2e-3)
    assert radiograph.notes == ("colour turned to gray",)


def test_varying_alpha_is_laid_on_black() -> None:
    rgba = np.dstack([RGB, np.full(GRAY.shape, 255, np.uint8)])
    rgba[:10, :, 3] = 0
    radiograph = shown(rgba, "PNG")
    assert (radiograph.pixels[:10] == 0).all()
    np.testing.assert_allclose(radiograph.pixels[10:], GRAY[10:] / 255, atol=1e-6)
    assert radiograph.notes == ("transparent parts shown black",)


def test_uniform_alpha_says_nothing_about_the_picture() -> None:
    rgba = np.dstack([RGB, np.zeros(GRAY.shape, np.uint8)])
    np.testing.assert_allclose(shown(rgba, "PNG").pixels, GRAY / 255, atol=1e-6)


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_exif_orientation_is_followed(file_format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: row 0 of the file is the right side
    radiograph = shown(GRAY, file_format, exif=exif)
    assert radiograph.pixels.shape == (60, 40)
    assert np.abs(radiograph.pixels - np.rot90(GRAY, -1) / 255).max() < 0.05
    assert any("EXIF" in note for note in radiograph.notes)


def test_of_a_tiff_with_pages_the_first_is_shown() -> None:
    second = Image.fromarray(255 - GRAY)
    radiograph = shown(GRAY, "TIFF", save_all=True, append_images=[second])
    np.testing.assert_allclose(radiograph.pixels, GRAY / 255, atol=1e-6)
    assert radiograph.notes == ("first of 2 pictures in the file",)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG2000"])
def test_16_bits_used_in_full_are_shown_in_full(file_format: str) -> None:
    film = np.linspace(0, 65535, 2400).reshape(40, 60).astype(np.uint16)
    radiograph = shown(film, file_format)
    np.testing.assert_allclose(radiograph.pixels, film / 65535, atol=1e-5)
    assert radiograph.notes == ()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG2000"])
def test_12_bit_values_in_16_bits_are_not_shown_black(file_format: str) -> None:
    film = np.linspace(0, 4095, 2400).reshape(40, 60).astype(np.uint16)
    film[0, 0] = 65535  # a dead pixel does not make the range full
    radiograph = shown(film, file_format)
    assert 0.4 < radiograph.pixels.mean() < 0.6
    assert any("percentiles" in note for note in radiograph.notes)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_tiff_whose_lowest_value_is_white_comes_out_right(dtype: type, compression: str | None) -> None:
    film = GRAY.astype(dtype) * (1 if dtype is np.uint8 else 257)
    film[0, 0], film[-1, -1] = 0, np.iinfo(dtype).max
    white_is_zero = np.iinfo(dtype).max - film
    plain = shown(film, "TIFF", compression=compression).pixels
    # Pillow inverts the values itself on saving 8 bits as MinIsWhite, but not 16: the tag alone is changed here.
    data = bytearray(encoded(white_is_zero, "TIFF", compression=compression))
    entry = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00")  # tag 262, SHORT, one value: 1
    data[entry + 8] = 0
    np.testing.assert_allclose(decode(bytes(data)).pixels, plain, atol=1e-4)


def test_floating_point_tiff_is_shown_by_percentiles_and_survives_nan() -> None:
    film = np.linspace(-1, 3, 2400, dtype=np.float32).reshape(40, 60)
    film[0, 0] = np.nan
    radiograph = shown(film, "TIFF")
    assert np.isfinite(radiograph.pixels).all()
    assert 0.4 < radiograph.pixels.mean() < 0.6
    assert any("percentiles" in note for note in radiograph.notes)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "JPEG2000"])
@pytest.mark.parametrize("kept", [0.03, 0.3, 0.7, 0.95])
def test_a_file_cut_off_is_refused_in_one_short_line(file_format: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80), dtype=np.uint8)
    data = encoded(noise, file_format)
    with pytest.raises(UserError) as refusal:
        decode(data[: int(len(data) * kept)])
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 130


def test_damage_inside_a_png_is_noticed() -> None:
    data = bytearray(encoded(GRAY, "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UserError):
        decode(bytes(data))


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = encoded(Image.new("1", (20_000, 20_000)), "PNG")
    with pytest.raises(UserError, match=r"Too large|Damaged"):
        decode(bomb)


def test_an_icon_is_refused() -> None:
    with pytest.raises(UserError, match="Too small"):
        shown(GRAY[:15], "PNG")


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "Empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<!DOCTYPE html>", "web page"),
        (b"\n\n <html>", "web page"),
        (b"GIF89a....", "GIF"),
        (b"hello world" * 30, "Not a known image"),
        (b"\0" * 4096, "Not a known image"),
    ],
)
def test_what_is_no_radiograph_is_called_what_it_is(data: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        decode(data)


def test_content_decides_not_the_name(tmp_path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(encoded(GRAY, "PNG"))
    np.testing.assert_allclose(read(path).pixels, GRAY / 255, atol=1e-6)


def test_a_tiff_header_in_a_dicom_preamble_is_dicom() -> None:
    assert identify(b"II*\0".ljust(128, b"\0") + b"DICM") is DICOM


def test_a_missing_file_and_a_folder_are_user_errors(tmp_path) -> None:
    with pytest.raises(UserError, match="gone"):
        read(tmp_path / "none.png")
    with pytest.raises(UserError, match="Not a file"):
        read(tmp_path)
