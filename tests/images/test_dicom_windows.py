"""Windows and values that do not fit each other: the picture is readable, and the note says what was done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cxr_explorer.images.radiograph import Window
from cxr_explorer.images.read import decode
from tests.images.dicom_files import chest, dicom, ramp, table

CHEST = chest(128)
LUNG, BODY = CHEST == 0.25, CHEST > 0.5
FILM = (CHEST * 4000).astype(np.uint16)


def readable(data: bytes) -> bool:
    pixels = decode(data).pixels
    return abs(pixels[LUNG].mean() - pixels[BODY].mean()) > 0.2


def noted(data: bytes, *said: str) -> bool:
    return any(all(word in note for word in said) for note in decode(data).notes)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("window", [(127, 255), (128, 256), (50, 100), (20000, 255), (4095, 255)])
def test_a_window_that_saturates_nearly_all_is_replaced_and_kept_as_a_choice(
    photometric: str, function: str, window: tuple[int, int]
) -> None:
    data = dicom(
        FILM,
        PhotometricInterpretation=photometric,
        WindowCenter=window[0],
        WindowWidth=window[1],
        VOILUTFunction=function,
    )
    assert readable(data)
    assert noted(data, "window in the file", "percentiles")
    assert Window(*window, function) in decode(data).alternatives  # type: ignore[arg-type]


def test_a_table_that_saturates_nearly_all_is_replaced() -> None:
    data = dicom(FILM, VOILUTSequence=[table(0, list(range(0, 65536, 257)))])
    assert readable(data)
    assert noted(data, "leaves most of the picture black or white")


def test_of_several_windows_the_first_that_fits_is_shown() -> None:
    data = dicom(FILM, WindowCenter=[127, 2000], WindowWidth=[255, 4000], WindowCenterWidthExplanation=["LUNG", "BONE"])
    assert decode(data).voi == Window(2000, 4000, "LINEAR", "BONE")
    assert noted(data, "leaves most of the picture black or white", "skipped")


@pytest.mark.parametrize("window", [(2000, 4000), (1900, 1900), (2500, 2000), (10000, 30000), (2000, 30000)])
def test_any_other_window_of_the_file_stays(window: tuple[int, int]) -> None:
    radiograph = decode(dicom(FILM, WindowCenter=window[0], WindowWidth=window[1]))
    assert radiograph.voi == Window(*window, "LINEAR")


def test_a_narrow_window_stays_and_is_said() -> None:
    data = dicom(ramp(), WindowCenter=1000, WindowWidth=700)
    assert decode(data).voi == Window(1000, 700, "LINEAR")
    assert noted(data, "middle grays black or white")


def test_a_soft_tissue_window_over_much_air_stays() -> None:
    slice_of_ct = np.full((128, 128), -1000, np.int16)
    y, x = np.mgrid[:128, :128]
    slice_of_ct[(x - 64) ** 2 + (y - 64) ** 2 < 40**2] = 40
    slice_of_ct += np.random.default_rng(0).integers(-20, 20, slice_of_ct.shape).astype(np.int16)
    radiograph = decode(dicom(slice_of_ct, WindowCenter=40, WindowWidth=400))
    assert radiograph.voi == Window(40, 400, "LINEAR")
    assert radiograph.notes == ()


def test_a_window_of_12_bits_on_8_bit_values_is_replaced() -> None:
    data = dicom((CHEST * 255).astype(np.uint16), WindowCenter=2048, WindowWidth=4096)
    assert readable(data)
    assert noted(data, "without contrast", "percentiles")


def test_an_empty_film_is_left_dark() -> None:
    film = np.random.default_rng(0).integers(0, 20, (64, 64)).astype(np.uint16)
    assert decode(dicom(film, WindowCenter=2048, WindowWidth=4096)).pixels.max() < 0.01


def test_padding_does_not_count_for_what_a_window_saturates() -> None:
    film = FILM + 50
    film[:, :100] = 0  # four fifths, and inside the window
    data = dicom(film, PixelPaddingValue=0, WindowCenter=127, WindowWidth=255)
    assert noted(data, "leaves most of the picture black or white")


# Bits and values


def monotone(data: bytes, film: np.ndarray) -> bool:
    order = np.argsort(film, axis=None, kind="stable")
    return bool((np.diff(decode(data).pixels.ravel()[order]) >= 0).all())


@pytest.mark.parametrize("elements", [{}, {"WindowCenter": 2048, "WindowWidth": 4096}])
@pytest.mark.parametrize("noise_share", [0, 0.01])
@pytest.mark.parametrize("dtype, scale, offset", [("uint16", 16000, 0), ("uint16", 65000, 0), ("int16", 24000, -12000)])
def test_values_above_bits_stored_are_no_contours(
    dtype: str, scale: int, offset: int, noise_share: float, elements: dict[str, Any]
) -> None:
    noise = np.random.default_rng(0).normal(0, noise_share, CHEST.shape)
    film = (np.clip(CHEST + noise, 0, 1) * scale + offset).astype(dtype)
    data = dicom(film, **elements)  # the header says 12
    np.testing.assert_array_equal(decode(data).values, film)
    assert monotone(data, film)
    assert noted(data, "above BitsStored (12)", "kept")
    assert readable(data) or noted(data, "middle grays black or white")


@pytest.mark.parametrize("rubbish", ["constant", "noise", "letters"])
def test_rubbish_above_bits_stored_is_ignored_and_said(rubbish: str) -> None:
    above = {
        "constant": np.full(FILM.shape, 0xA000),
        "noise": np.random.default_rng(0).integers(0, 16, FILM.shape) << 12,
        "letters": np.where((np.indices(FILM.shape) // 7 % 3 == 0).all(axis=0), 0x1000, 0),
    }[rubbish]
    data = dicom((FILM | above.astype(np.uint16)), WindowCenter=2048, WindowWidth=4096)
    np.testing.assert_array_equal(decode(data).values, FILM)
    assert noted(data, "above BitsStored (12)", "ignored")


@pytest.mark.parametrize("extended", [True, False])
def test_signs_may_be_extended_or_not(extended: bool) -> None:
    film = (CHEST * 4000 - 2000).astype(np.int16)
    stored = film if extended else film & np.int16(0x0FFF)
    radiograph = decode(dicom(stored, WindowCenter=0, WindowWidth=4096))
    np.testing.assert_array_equal(radiograph.values, film)
    assert radiograph.notes == ()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits, high", [(8, 7), (10, 9), (10, 13), (12, 15), (16, 15)])
def test_values_lie_where_bits_stored_and_high_bit_say(bits: int, high: int, signed: bool) -> None:
    film = (CHEST * (2**bits - 1)).astype(np.int64) - (2 ** (bits - 1) if signed else 0)
    stored = (film << (high - bits + 1)).astype(np.int16 if signed else np.uint16)
    data = dicom(stored, BitsStored=bits, HighBit=high)
    np.testing.assert_array_equal(decode(data).values, film)
    assert readable(data)


@pytest.mark.parametrize("slope, intercept", [(-1, 0), (-2.5, 1000), (-1, 4095)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_negative_slope_turns_gray_around_with_and_without_a_window(
    slope: float, intercept: float, photometric: str
) -> None:
    for window in ({}, {"WindowCenter": 2000 * slope + intercept, "WindowWidth": 4000 * abs(slope) + 1}):
        data = dicom(
            FILM, RescaleSlope=slope, RescaleIntercept=intercept, PhotometricInterpretation=photometric, **window
        )
        pixels = decode(data).pixels
        assert (pixels[LUNG].mean() > pixels[BODY].mean()) == (photometric == "MONOCHROME2")
        assert readable(data)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_each_function_is_kept_for_every_window(function: str) -> None:
    radiograph = decode(
        dicom(FILM, WindowCenter=[2000, 1500, 1800], WindowWidth=[4000, 3000, 2500], VOILUTFunction=function)
    )
    assert isinstance(radiograph.voi, Window)
    assert [voi.function for voi in (radiograph.voi, *radiograph.alternatives) if isinstance(voi, Window)] == [
        function
    ] * 3


@pytest.mark.parametrize("first", [-2000, -1])
def test_a_modality_table_may_begin_below_zero(first: int) -> None:
    film = (CHEST * 3000 - 1500).astype(np.int16)
    entries = [5 * i for i in range(4000)]
    radiograph = decode(dicom(film, ModalityLUTSequence=[table(first, entries)], WindowCenter=9000, WindowWidth=18000))
    expected = 5 * np.clip(film.astype(int) - first, 0, 3999)
    np.testing.assert_array_equal(radiograph.values, expected)


def test_a_window_is_in_the_units_after_the_modality_table() -> None:
    entries = [60000 - 10 * i for i in range(4096)]
    data = dicom(FILM, ModalityLUTSequence=[table(0, entries)], WindowCenter=40000, WindowWidth=40001)
    pixels = decode(data).pixels
    np.testing.assert_allclose(pixels, (60000 - 10.0 * FILM - 20000 + 0.5) / 40000, atol=1e-4)
