from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cxr_explorer.images.preprocess import THUMBNAIL_PX, InputSpec, preprocess, thumbnail, thumbnail_jpeg
from cxr_explorer.images.radiograph import Radiograph, full_range


def radiograph_of(pixels: np.ndarray, inverted: bool = False) -> Radiograph:
    return Radiograph(pixels.astype(np.float32), full_range(1.0), inverted)


def film(height: int, width: int) -> np.ndarray:
    return np.add.outer(np.linspace(0, 0.5, height), np.linspace(0, 0.5, width))


@pytest.mark.parametrize("fit", ["squash", "pad"])
@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (50, 40), (112, 112), (2000, 20)])
def test_encoder_input_has_its_size_whatever_the_film(fit, shape: tuple[int, int]) -> None:
    made = preprocess(radiograph_of(film(*shape)), InputSpec(112, fit))
    assert made.shape == (1, 112, 112)
    assert made.dtype == np.float32
    assert made.min() >= -2.0 and made.max() <= 2.0


def test_mean_and_std_are_applied_to_the_picture() -> None:
    made = preprocess(radiograph_of(np.full((64, 64), 0.75)), InputSpec(32, mean=0.5, std=0.25))
    np.testing.assert_allclose(made, 1.0, atol=1e-5)


def test_squash_keeps_a_ramp_a_ramp() -> None:
    made = preprocess(radiograph_of(film(600, 300)), InputSpec(30, mean=0.0, std=1.0))[0]
    np.testing.assert_allclose(made[3:-3, 3:-3], film(30, 30)[3:-3, 3:-3], atol=0.02)


def test_pad_keeps_proportions_on_black() -> None:
    made = preprocess(radiograph_of(np.ones((200, 100))), InputSpec(40, "pad", mean=0.0, std=1.0))[0]
    assert (made[:, 10:30] == 1).all()
    assert (made[:, :10] == 0).all() and (made[:, 30:] == 0).all()


def test_fine_stripes_average_instead_of_aliasing() -> None:
    stripes = np.tile([0.0, 1.0], (512, 256))
    made = preprocess(radiograph_of(stripes), InputSpec(64, mean=0.0, std=1.0))
    np.testing.assert_allclose(made, 0.5, atol=0.02)


def test_the_picture_is_preprocessed_not_the_values() -> None:
    pixels = film(100, 100)
    plain = preprocess(radiograph_of(pixels), InputSpec(50, mean=0.0, std=1.0))
    inverted = preprocess(radiograph_of(pixels, inverted=True), InputSpec(50, mean=0.0, std=1.0))
    np.testing.assert_allclose(inverted, 1 - plain, atol=1e-5)


def test_preprocessing_does_not_change_the_radiograph() -> None:
    radiograph = radiograph_of(film(64, 64))
    before = radiograph.pixels.copy()
    preprocess(radiograph, InputSpec(64))
    thumbnail(radiograph)
    np.testing.assert_array_equal(radiograph.pixels, before)


@pytest.mark.parametrize(
    "shape, expected",
    [
        ((2000, 1000), (THUMBNAIL_PX, THUMBNAIL_PX // 2)),
        ((500, 1000), (THUMBNAIL_PX // 2, THUMBNAIL_PX)),
        ((64, 40), (64, 40)),
        ((5000, 16), (THUMBNAIL_PX, 1)),
    ],
)
def test_thumbnail_keeps_proportions_and_never_grows(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    made = thumbnail(radiograph_of(film(*shape)))
    assert made.shape == expected
    assert made.dtype == np.uint8


def test_thumbnail_jpeg_shows_the_thumbnail() -> None:
    radiograph = radiograph_of(film(400, 300))
    image = Image.open(io.BytesIO(thumbnail_jpeg(radiograph)))
    assert image.mode == "L"
    assert np.abs(np.asarray(image).astype(int) - thumbnail(radiograph)).max() <= 8
