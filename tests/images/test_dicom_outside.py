"""What is no picture (padding, beyond a shutter) is black, and counts for nothing."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pydicom
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess, thumbnail
from cxr_explorer.images.radiograph import Window
from cxr_explorer.images.read import decode
from tests.images.dicom_files import chest, dataset_of, dicom, file_of, ramp

SIDE = 128
FILM = (chest(SIDE) * 4000).astype(np.uint16)
FRAME = np.ones((SIDE, SIDE), np.bool_)
FRAME[20:-20, 20:-20] = False  # True on the 20 outer rows and columns
INSIDE = ~FRAME
WIDE_OPEN = {"WindowCenter": 2048, "WindowWidth": 4096}
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterLeftVerticalEdge": 21,
    "ShutterRightVerticalEdge": SIDE - 20,
    "ShutterUpperHorizontalEdge": 21,
    "ShutterLowerHorizontalEdge": SIDE - 20,
}
COLLIMATOR = {name.replace("Shutter", "Collimator"): value for name, value in RECTANGLE.items()}


def framed(value: int, film: np.ndarray = FILM) -> np.ndarray:
    return np.where(FRAME, film.dtype.type(value), film)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE"])
@pytest.mark.parametrize("padding", [0, 4095])
@pytest.mark.parametrize("window", [{}, WIDE_OPEN])
def test_padding_is_black_whatever_the_polarity(
    photometric: str, shape: str, padding: int, window: dict[str, int]
) -> None:
    film = np.clip(framed(padding, FILM + 40), 0, 4095)
    radiograph = decode(
        dicom(
            film,
            PhotometricInterpretation=photometric,
            PresentationLUTShape=shape,
            PixelPaddingValue=padding,
            **window,
        )
    )
    assert (radiograph.pixels[FRAME] == 0).all()
    assert radiograph.pixels[INSIDE].std() > 0.15
    assert any("padding" in note and "black" in note for note in radiograph.notes)


@pytest.mark.parametrize(
    "bits, stored, vr, written",
    [
        (16, -32768, "SS", -32768),
        (16, -32768, "US", 32768),
        (16, -2000, "US", 63536),
        (12, -2048, "SS", -2048),
        (12, -2048, "US", 2048),
        (12, -2048, "US", 63488),
    ],
)
def test_padding_of_signed_pixels_is_known_in_either_sign(bits: int, stored: int, vr: str, written: int) -> None:
    film = framed(stored, (chest(SIDE) * 3000 - 1000).astype(np.int16))
    dataset = dataset_of(film, BitsStored=bits, HighBit=bits - 1)
    dataset.add_new(0x00280120, vr, written)
    radiograph = decode(file_of(dataset))
    assert isinstance(radiograph.voi, Window)
    assert radiograph.voi.centre - radiograph.voi.width / 2 >= -1000
    assert radiograph.voi.centre + radiograph.voi.width / 2 <= 2000
    assert radiograph.pixels[INSIDE].std() > 0.15
    assert (radiograph.pixels[FRAME] == 0).all()
    assert radiograph.values.min() >= -1000  # the padding's own number is gone


@pytest.mark.parametrize("written", [-1, 65535])
def test_padding_of_unsigned_pixels_may_fill_the_unused_bits_and_carry_a_sign(written: int) -> None:
    dataset = dataset_of(framed(65535))
    dataset.add_new(0x00280120, "SS" if written < 0 else "US", written)
    radiograph = decode(file_of(dataset))
    assert (radiograph.pixels[FRAME] == 0).all()
    assert radiograph.pixels[INSIDE].std() > 0.15


def test_a_padding_value_that_no_pixel_can_have_hides_nothing() -> None:
    assert decode(dicom(FILM, PixelPaddingValue=4096, PhotometricInterpretation="MONOCHROME1")).outside is None


@pytest.mark.parametrize("limits", [(10, 30), (30, 10)])
def test_a_range_of_padding_is_padding_in_either_order(limits: tuple[int, int]) -> None:
    film = framed(0, FILM + 40)
    film[FRAME] = np.random.default_rng(0).integers(10, 31, FRAME.sum())
    radiograph = decode(
        dicom(
            film,
            PixelPaddingValue=limits[0],
            PixelPaddingRangeLimit=limits[1],
            PhotometricInterpretation="MONOCHROME1",
            **WIDE_OPEN,
        )
    )
    assert (radiograph.pixels[FRAME] == 0).all()
    assert (radiograph.pixels[INSIDE] > 0).all()


def test_padding_of_floating_point_pixels_is_known() -> None:
    film = np.where(FRAME, np.float32(-1e30), chest(SIDE).astype(np.float32))
    dataset = dataset_of(FILM)
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[keyword]
    dataset.BitsAllocated = 32
    dataset.FloatPixelData = film.tobytes()
    dataset.FloatPixelPaddingValue = -1e30
    radiograph = decode(file_of(dataset))
    assert (radiograph.pixels[FRAME] == 0).all()
    assert radiograph.pixels[INSIDE].std() > 0.15


def test_padding_passes_no_modality_table_and_no_slope() -> None:
    radiograph = decode(dicom(framed(0, FILM + 40), PixelPaddingValue=0, RescaleSlope=-1, RescaleIntercept=4095))
    assert (radiograph.pixels[FRAME] == 0).all()
    assert radiograph.values.max() < 4095 - 40


def test_what_would_hide_the_whole_picture_is_ignored() -> None:
    film = np.full((32, 32), 7, np.uint16)
    radiograph = decode(dicom(film, PixelPaddingValue=7))
    assert radiograph.outside is None
    assert any("whole picture" in note for note in radiograph.notes)


def test_without_padding_in_the_picture_nothing_is_said() -> None:
    plain, named = decode(dicom(FILM, **WIDE_OPEN)), decode(dicom(FILM, PixelPaddingValue=4095, **WIDE_OPEN))
    np.testing.assert_array_equal(named.pixels, plain.pixels)
    assert named.notes == plain.notes
    assert named.outside is None


@pytest.mark.parametrize("window", [{}, WIDE_OPEN])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("wish", [0, 65535])
def test_beyond_a_rectangular_shutter_is_black_and_counts_for_nothing(
    window: dict[str, int], photometric: str, wish: int
) -> None:
    elements = {**RECTANGLE, **window, "PhotometricInterpretation": photometric}
    radiograph = decode(dicom(framed(4095), ShutterPresentationValue=wish, **elements))
    assert (radiograph.pixels[FRAME] == 0).all()
    plain = decode(dicom(FILM[20:-20, 20:-20], PhotometricInterpretation=photometric, **window))
    np.testing.assert_allclose(radiograph.pixels[20:-20, 20:-20], plain.pixels, atol=0.01)
    assert any("shutter" in note for note in radiograph.notes)


def test_beyond_a_circular_shutter_is_black() -> None:
    radiograph = decode(
        dicom(
            FILM,
            ShutterShape="CIRCULAR",
            CenterOfCircularShutter=[60, 65],  # row, column, from 1
            RadiusOfCircularShutter=40,
            **WIDE_OPEN,
        )
    )
    rows, columns = np.mgrid[1 : SIDE + 1, 1 : SIDE + 1]
    beyond = (rows - 60) ** 2 + (columns - 65) ** 2 > 40**2
    assert (radiograph.pixels[beyond] == 0).all()
    np.testing.assert_array_equal(radiograph.pixels[~beyond], decode(dicom(FILM, **WIDE_OPEN)).pixels[~beyond])


def test_a_circular_shutter_is_round_on_the_patient() -> None:
    radiograph = decode(
        dicom(
            FILM[: SIDE // 2],  # pixels twice as high as wide
            PixelSpacing=[0.2, 0.1],
            ShutterShape="CIRCULAR",
            CenterOfCircularShutter=[32, 64],
            RadiusOfCircularShutter=40,
            **WIDE_OPEN,
        )
    )
    assert radiograph.outside is not None
    open_rows, open_columns = (np.flatnonzero((~radiograph.outside).any(axis=axis)) for axis in (1, 0))
    assert abs(np.ptp(open_rows) - np.ptp(open_columns)) <= 3


def test_beyond_a_polygonal_shutter_is_black() -> None:
    corners = [21, 21, 21, SIDE - 20, SIDE - 20, SIDE - 20, SIDE - 20, 21]
    radiograph = decode(dicom(framed(4095), ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=corners))
    assert (radiograph.pixels[FRAME] == 0).all()
    assert radiograph.outside is not None and not radiograph.outside[INSIDE].any()


def test_of_two_shutters_both_hide() -> None:
    radiograph = decode(
        dicom(
            FILM,
            **{**RECTANGLE, "ShutterShape": ["RECTANGULAR", "CIRCULAR"]},
            CenterOfCircularShutter=[64, 64],
            RadiusOfCircularShutter=50,
        )
    )
    outside = radiograph.outside
    assert outside is not None and outside[FRAME].all()
    assert outside[24, 24] and not outside[64, 64]


@pytest.mark.parametrize(
    "wrong",
    [
        {**RECTANGLE, "ShutterLeftVerticalEdge": 110, "ShutterRightVerticalEdge": 20},
        {**RECTANGLE, "ShutterLeftVerticalEdge": 1000, "ShutterRightVerticalEdge": 2000},
        {**RECTANGLE, "ShutterLeftVerticalEdge": None},
        {**RECTANGLE, "ShutterLeftVerticalEdge": 0, "ShutterRightVerticalEdge": 0},
        {"ShutterShape": "RECTANGULAR"},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [60, 60], "RadiusOfCircularShutter": 0},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": 60, "RadiusOfCircularShutter": 30},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [900, 900], "RadiusOfCircularShutter": 3},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [2**31 - 1, 1], "RadiusOfCircularShutter": 2**31 - 1},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [-(2**31), 10, 2**31 - 1, 10, 50, 2**31 - 1]},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [10, 10]},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [10, 10, 90, 90]},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [10, 10, 50, 50, 90, 90]},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [10, 10, 90, 10, 90, 90, 7]},
    ],
)
def test_a_shutter_that_makes_no_sense_is_ignored_and_said(wrong: dict[str, Any]) -> None:
    elements = {name: value for name, value in wrong.items() if value is not None}
    radiograph = decode(dicom(FILM, **elements, **WIDE_OPEN))
    np.testing.assert_array_equal(radiograph.pixels, decode(dicom(FILM, **WIDE_OPEN)).pixels)
    assert any("shutter" in note and "ignored" in note for note in radiograph.notes)


def test_an_unknown_shape_of_shutter_hides_nothing() -> None:
    with pydicom.config.disable_value_validation():
        data = dicom(FILM, **{**RECTANGLE, "ShutterShape": "HEART"})
    assert decode(data).outside is None


def test_an_empty_margin_beyond_the_collimator_is_black() -> None:
    noise = np.random.default_rng(0).integers(-20, 20, FILM.shape)
    radiograph = decode(dicom((framed(4000) + noise).astype(np.uint16), **COLLIMATOR, **WIDE_OPEN))
    assert (radiograph.pixels[FRAME] == 0).all()
    assert radiograph.outside is not None and not radiograph.outside[INSIDE].any()
    assert any("collimator" in note and "black" in note for note in radiograph.notes)


@pytest.mark.parametrize(
    "wrong",
    [
        {},  # anatomy where the file says there is none
        {"CollimatorLeftVerticalEdge": -184, "CollimatorRightVerticalEdge": 184},  # as in a real CR
        {"CollimatorLowerHorizontalEdge": 3000},
        {"CollimatorLeftVerticalEdge": 100, "CollimatorRightVerticalEdge": 90},
        {"CollimatorShape": "POLYGONAL", "VerticesOfThePolygonalCollimator": [-90, 9, 90, 90, 90, 9]},
    ],
)
def test_a_collimator_that_does_not_fit_the_picture_hides_nothing(wrong: dict[str, Any]) -> None:
    radiograph = decode(dicom(FILM, **{**COLLIMATOR, **wrong}, **WIDE_OPEN))
    assert radiograph.outside is None
    assert any("collimator" in note and "ignored" in note for note in radiograph.notes)


def test_resampling_keeps_padding_and_picture_apart() -> None:
    film = np.full((SIDE, SIDE), 1000, np.int16)
    film[:, :40] = -2000  # padding
    film[:, 40:80] = 1010
    radiograph = decode(dicom(film, PixelPaddingValue=-2000, BitsStored=16, HighBit=15, PixelSpacing=[0.1, 0.15]))
    outside = radiograph.outside
    assert outside is not None and outside.shape == radiograph.values.shape == (SIDE, 192)
    assert outside[:, :60].all() and not outside[:, 60:].any()
    assert radiograph.values[:, 60:].min() == 1000
    assert radiograph.values[:, 60:119].min() == pytest.approx(1010)
    assert (radiograph.pixels[:, :60] == 0).all()


def test_encoder_and_thumbnail_see_black_too() -> None:
    radiograph = decode(
        dicom(framed(0, FILM + 40), PixelPaddingValue=0, PhotometricInterpretation="MONOCHROME1", **WIDE_OPEN)
    )
    made = preprocess(radiograph, InputSpec(64, mean=0.0, std=1.0))[0]
    assert made[:9].max() == made[:, :9].max() == 0
    assert thumbnail(radiograph)[:19].max() == 0


def test_a_shutter_hides_parts_of_a_colour_picture_too() -> None:
    rgb = np.repeat(ramp(0, 255, SIDE, "uint8")[..., None], 3, axis=2)
    assert (decode(dicom(255 - rgb, **RECTANGLE)).pixels[FRAME] == 0).all()


SHUTTERS = {
    **RECTANGLE,
    "ShutterShape": ["RECTANGULAR", "CIRCULAR", "POLYGONAL"],
    "CenterOfCircularShutter": [64, 64],
    "RadiusOfCircularShutter": 60,
    "VerticesOfThePolygonalShutter": [10, 10, 10, 120, 120, 120, 120, 10],
}


@pytest.mark.parametrize("seed", range(20))
def test_damage_in_what_says_where_the_picture_is_gives_a_picture_or_a_reason(seed: int) -> None:
    damage = random.Random(seed)
    for elements in ({**SHUTTERS, "PixelPaddingValue": 0}, {**COLLIMATOR, "PixelPaddingRangeLimit": 9}):
        hurt = bytearray(dicom(FILM[:32, :32], **elements))
        for _ in range(damage.choice([1, 5, 20])):
            hurt[damage.randrange(300, len(hurt) - 32 * 32 * 2)] = damage.choice([45, 48 + damage.randrange(10), 255])
        try:
            radiograph = decode(bytes(hurt))
        except UserError:
            continue
        assert np.isfinite(radiograph.pixels).all()
