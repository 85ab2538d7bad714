"""The robust window: what is isolated at either end (a burnt-in marker) does not count, what is picture does."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cxr_explorer.images.radiograph import Window, robust_window
from cxr_explorer.images.read import decode
from cxr_explorer.phantom.body import Grid, Patient
from cxr_explorer.phantom.exposure import Scanner, expose
from cxr_explorer.phantom.frontal import frontal
from cxr_explorer.phantom.lateral import lateral
from tests.images.dicom_files import chest, dicom

PATIENTS = (
    Patient("PA"),
    Patient("PA", "F", findings=("Pneumothorax",), severity=1.0),
    Patient("AP", age=80, findings=("Effusion",), devices=("ecg", "tube", "line", "pacemaker")),
    Patient("Lateral", "F", wall_cm=5.0),
)


@cache
def drawn(number: int, border: str | None = None) -> np.ndarray:
    """(240, 200) float32 in [0, 1], a simulated film; the border covers 6 % of it."""
    patient = PATIENTS[number]
    rng = np.random.default_rng(number)
    anatomy = (lateral if patient.view == "Lateral" else frontal)(patient, Grid.of(240, 200, 0.17, -5.6), rng)
    film = expose(anatomy.attenuation(), Scanner(), rng)
    if border is not None:
        film[:7] = film[-7:] = float(border == "white")
    return film


def plain(values: np.ndarray) -> Window:
    """Without a thought for what is isolated."""
    low, high = np.percentile(values, (0.5, 99.5))
    return Window((low + high) / 2, high - low, explanation="robust percentiles 0.5 to 99.5")


def ends(window: Window) -> tuple[float, float]:
    return window.centre - window.width / 2, window.centre + window.width / 2


@pytest.mark.parametrize("border", [None, "black", "white"])
@pytest.mark.parametrize("scale, offset", [(4095, 0), (3000, -1000), (-4095, 4095), (60000, 0), (1.0, 0)])
@pytest.mark.parametrize("number", range(len(PATIENTS)))
def test_nothing_changes_where_nothing_is_isolated(number: int, scale: float, offset: float, border: str) -> None:
    values = (drawn(number, border) * scale + offset).astype(np.float32)
    assert robust_window(values) == plain(values)


@pytest.mark.parametrize("low, high", [(None, 65535), (0, None), (0, 65535), (-32768, 32767)])
@pytest.mark.parametrize("share", [0.006, 0.02, 0.045])
@pytest.mark.parametrize("number", range(len(PATIENTS)))
def test_isolated_extremes_at_either_end_do_not_count(
    number: int, share: float, low: int | None, high: int | None
) -> None:
    film = np.rint(drawn(number) * 3000 + 10000)
    marked = film.astype(np.float32).copy()
    side = round((share * film.size) ** 0.5)
    if high is not None:
        marked[:side, :side] = high
    if low is not None:
        marked[-side:, :side] = low
    (made_low, made_high), (meant_low, meant_high) = ends(robust_window(marked)), ends(plain(film))
    tolerance = 0.1 * (meant_high - meant_low)
    assert made_low == pytest.approx(meant_low, abs=tolerance)
    assert made_high == pytest.approx(meant_high, abs=tolerance)
    assert "isolated" in robust_window(marked).explanation


@pytest.mark.parametrize("number", range(len(PATIENTS)))
def test_letters_with_soft_rims_are_isolated_too(number: int) -> None:
    letters = Image.new("L", (200, 240))
    font = ImageFont.load_default(size=26)
    ImageDraw.Draw(letters).text((4, 4), "R AP SUPINE", fill=255, font=font)
    ink = np.asarray(letters, np.float32) / 255
    film = drawn(number) * 4000
    marked = np.maximum(film, ink * 65535)
    assert ends(robust_window(marked))[1] == pytest.approx(ends(plain(film))[1], rel=0.1)


@pytest.mark.parametrize("share", [0.06, 0.3, 0.6])
@pytest.mark.parametrize("value", [0, 65535])
def test_a_border_is_no_marker(value: int, share: float) -> None:
    film = (drawn(0) * 4000 + 20000).astype(np.float32)
    film[: round(share * len(film))] = value
    assert robust_window(film) == plain(film)


def test_a_picture_that_is_nearly_all_air_is_left_alone() -> None:
    film = np.zeros((200, 200), np.float32)
    film[:10, :120] = np.linspace(500, 4000, 120)  # 3 % of it
    assert robust_window(film) == plain(film)


def test_the_largest_numbers_are_no_trouble() -> None:
    film = (drawn(0) * 1000).astype(np.float32)
    film[:20, :40] = np.finfo(np.float32).max
    film[-20:, :40] = np.finfo(np.float32).min
    assert ends(robust_window(film))[1] <= 1000


def marked_film(value: int) -> np.ndarray:
    film = (chest(256) * 4000 + 30).astype(np.uint16)
    film[10:30, 10:30] = value  # 0.6 %
    return film


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_marker_does_not_blacken_a_dicom_film_and_is_said(photometric: str) -> None:
    film = marked_film(65535)
    radiograph = decode(dicom(film, BitsStored=16, HighBit=15, PhotometricInterpretation=photometric))
    body = radiograph.pixels[chest(256) > 0.5]
    assert body.mean() > 0.3 if photometric == "MONOCHROME2" else body.mean() < 0.7
    assert radiograph.pixels[chest(256) > 0.2].std() > 0.2
    assert radiograph.pixels[20, 20] == (1 if photometric == "MONOCHROME2" else 0)
    assert any("without isolated extremes (0.61 %)" in note for note in radiograph.notes)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize("value", [0, 65535])
def test_a_marker_does_not_blacken_a_16_bit_raster_film_and_is_said(file_format: str, value: int) -> None:
    film = marked_film(value)
    if value == 0:
        film[film > 0] += 30000
    file = io.BytesIO()
    Image.fromarray(film).save(file, file_format)
    radiograph = decode(file.getvalue())
    assert radiograph.pixels[chest(256) > 0.5].mean() > 0.3
    assert radiograph.pixels[chest(256) > 0.2].std() > 0.2
    assert any("without isolated extremes (0.61 %)" in note for note in radiograph.notes)
