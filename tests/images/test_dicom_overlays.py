"""Overlays: graphics are drawn over the picture, whatever else lies there is said."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRBigEndian

from cxr_explorer.images.preprocess import InputSpec, preprocess, thumbnail
from cxr_explorer.images.read import decode
from tests.images.dicom_files import chest, dataset_of, dicom, file_of

SIDE = 128
FILM = (chest(SIDE) * 3000).astype(np.uint16)
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
MARKER = np.zeros((SIDE, SIDE), np.bool_)
MARKER[10:40, 6:9] = MARKER[10:13, 6:16] = True
SHOWN, NOT_SHOWN = "drawn in white", "not shown"


def with_overlay(
    bits: np.ndarray,
    origin: tuple[int, int] = (1, 1),
    kind: str = "G",
    group: int = 0x6000,
    dataset: FileDataset | None = None,
) -> FileDataset:
    dataset = dataset_of(FILM, **WINDOW) if dataset is None else dataset
    packed = np.packbits(bits, bitorder="little").tobytes()
    for element, vr, value in (
        (0x10, "US", bits.shape[0]),
        (0x11, "US", bits.shape[1]),
        (0x40, "CS", kind),
        (0x50, "SS", list(origin)),
        (0x100, "US", 1),
        (0x102, "US", 0),
        (0x3000, "OW", packed + b"\0" * (len(packed) % 2)),
    ):
        dataset.add_new(group << 16 | element, vr, value)
    return dataset


def noted(data: bytes, said: str) -> bool:
    return any("overlay" in note and said in note for note in decode(data).notes)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("group", [0x6000, 0x601E])
def test_a_side_marker_in_an_overlay_is_drawn_white_and_said(photometric: str, group: int) -> None:
    elements = {"PhotometricInterpretation": photometric, **WINDOW}
    data = file_of(with_overlay(MARKER, group=group, dataset=dataset_of(FILM, **elements)))
    shown, plain = decode(data).pixels, decode(dicom(FILM, **elements)).pixels
    assert (shown[MARKER] == 1).all()
    np.testing.assert_array_equal(shown[~MARKER], plain[~MARKER])
    assert noted(data, SHOWN)


def test_encoder_and_thumbnail_see_what_the_reader_sees() -> None:
    radiograph = decode(file_of(with_overlay(MARKER)))
    assert preprocess(radiograph, InputSpec(SIDE, mean=0.0, std=1.0))[0][MARKER].min() == 1
    assert thumbnail(radiograph)[MARKER].min() == 255


def test_an_overlay_moves_no_window() -> None:
    dataset = dataset_of(FILM)
    assert decode(file_of(with_overlay(MARKER, dataset=dataset))).voi == decode(dicom(FILM)).voi


@pytest.mark.parametrize("origin", [(1, 1), (31, 51), (-9, -4), (120, 120), (0, 1), (500, 1), (-500, 1), (1, -500)])
def test_an_overlay_lies_where_its_origin_says(origin: tuple[int, int]) -> None:
    bits = np.random.default_rng(0).random((20, 33)) < 0.3
    expected = np.zeros((SIDE, SIDE), np.bool_)
    for row, column in np.argwhere(bits):
        y, x = row + origin[0] - 1, column + origin[1] - 1
        if 0 <= y < SIDE and 0 <= x < SIDE:
            expected[y, x] = True
    drawn = decode(file_of(with_overlay(bits, origin))).drawn
    np.testing.assert_array_equal(np.zeros_like(expected) if drawn is None else drawn, expected)


def test_an_overlay_larger_than_the_picture_is_cut() -> None:
    bits = np.zeros((300, 200), np.bool_)
    bits[5:10, 5:100] = bits[250:] = True
    drawn = decode(file_of(with_overlay(bits))).drawn
    assert drawn is not None
    np.testing.assert_array_equal(drawn, bits[:SIDE, :SIDE])


def test_two_overlays_are_both_drawn() -> None:
    other = np.roll(MARKER, 60, axis=1)
    drawn = decode(file_of(with_overlay(other, group=0x6002, dataset=with_overlay(MARKER)))).drawn
    assert drawn is not None
    np.testing.assert_array_equal(drawn, MARKER | other)


@pytest.mark.parametrize("position", [12, 15])
def test_an_overlay_in_the_unused_bits_of_the_pixels_is_drawn(position: int) -> None:
    stored = FILM | MARKER.astype(np.uint16) << position
    dataset = with_overlay(MARKER, dataset=dataset_of(stored, **WINDOW))
    del dataset[0x60003000]
    dataset[0x60000100].value, dataset[0x60000102].value = 16, position
    radiograph = decode(file_of(dataset))
    np.testing.assert_array_equal(radiograph.values, FILM)
    np.testing.assert_array_equal(radiograph.drawn, MARKER)


def test_an_overlay_below_values_that_are_left_justified_is_drawn() -> None:
    dataset = with_overlay(MARKER, dataset=dataset_of(FILM << 4 | MARKER, HighBit=15, **WINDOW))
    del dataset[0x60003000]
    radiograph = decode(file_of(dataset))
    np.testing.assert_array_equal(radiograph.values, FILM)
    np.testing.assert_array_equal(radiograph.drawn, MARKER)


def test_an_overlay_of_a_big_endian_file_is_drawn_right() -> None:
    dataset = with_overlay(MARKER, dataset=dataset_of(FILM.byteswap(), **WINDOW))
    dataset[0x60003000].value = np.frombuffer(dataset[0x60003000].value, "<u2").byteswap().tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    np.testing.assert_array_equal(decode(file.getvalue()).drawn, MARKER)


def test_drawn_lines_stay_when_pixels_become_square() -> None:
    data = file_of(with_overlay(MARKER, dataset=dataset_of(FILM, PixelSpacing=[0.2, 0.1], **WINDOW)))
    drawn = decode(data).drawn
    assert drawn is not None
    np.testing.assert_array_equal(drawn, MARKER.repeat(2, axis=0))


def test_a_region_of_interest_is_said_and_not_shown() -> None:
    data = file_of(with_overlay(MARKER, kind="R"))
    assert decode(data).drawn is None
    assert noted(data, NOT_SHOWN)


def test_an_overlay_that_would_hide_the_picture_is_said_and_not_shown() -> None:
    data = file_of(with_overlay(np.ones((SIDE, SIDE), np.bool_)))
    np.testing.assert_array_equal(decode(data).pixels, decode(dicom(FILM, **WINDOW)).pixels)
    assert noted(data, NOT_SHOWN)


def test_an_empty_overlay_says_nothing() -> None:
    radiograph = decode(file_of(with_overlay(np.zeros((SIDE, SIDE), np.bool_))))
    assert radiograph.notes == () and radiograph.drawn is None


@pytest.mark.parametrize("element, value", [(0x3000, b"\1\2"), (0x10, 0), (0x11, 60000)])
def test_a_damaged_overlay_is_said_and_leaves_the_picture(element: int, value: object) -> None:
    dataset = with_overlay(MARKER)
    dataset[0x6000 << 16 | element].value = value
    assert decode(file_of(dataset)).drawn is None
    assert noted(file_of(dataset), NOT_SHOWN)


@pytest.mark.parametrize("position", [3, 16, 99])
def test_an_overlay_among_bits_of_the_value_is_said_and_not_shown(position: int) -> None:
    dataset = with_overlay(MARKER)
    del dataset[0x60003000]
    dataset[0x60000102].value = position
    assert decode(file_of(dataset)).drawn is None
    assert noted(file_of(dataset), NOT_SHOWN)


def test_a_shutter_given_as_an_overlay_is_a_shutter_and_no_drawing() -> None:
    closed = np.ones((SIDE, SIDE), np.bool_)
    closed[30:-30, 10:-10] = False
    dataset = with_overlay(closed, dataset=with_overlay(MARKER, group=0x6002))
    dataset.ShutterShape, dataset.ShutterOverlayGroup = "BITMAP", 0x6000
    radiograph = decode(file_of(dataset))
    np.testing.assert_array_equal(radiograph.outside, closed)
    np.testing.assert_array_equal(radiograph.drawn, MARKER)
    assert (radiograph.pixels[MARKER] == 1).all()  # drawn over the shutter too


def test_a_shutter_whose_overlay_is_missing_is_ignored() -> None:
    dataset = dataset_of(FILM, **WINDOW)
    dataset.ShutterShape, dataset.ShutterOverlayGroup = "BITMAP", 0x6000
    radiograph = decode(file_of(dataset))
    assert radiograph.outside is None
    assert any("shutter" in note and "ignored" in note for note in radiograph.notes)
