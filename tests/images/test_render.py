from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.errors import UserError
from cxr_explorer.images.radiograph import LookupTable, Radiograph, Window, full_range, render, robust_window

VALUES = np.arange(-50, 200, dtype=np.float32).reshape(10, 25)


def by_the_standard(x: float, c: float, w: float, function: str) -> float:
    """DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3, letter by letter, with an output range of 0 to 1."""
    if function == "SIGMOID":
        return 1 / (1 + math.exp(min(700.0, -4 * (x - c) / w)))
    if function == "LINEAR":
        if x <= c - 0.5 - (w - 1) / 2:
            return 0.0
        if x > c - 0.5 + (w - 1) / 2:
            return 1.0
        return (x - (c - 0.5)) / (w - 1) + 0.5
    if x <= c - w / 2:
        return 0.0
    if x > c + w / 2:
        return 1.0
    return (x - c) / w + 0.5


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("centre, width", [(50, 100), (50.5, 1), (40, 0.5), (0, 4096), (-20, 3)])
def test_windows_follow_the_standard(function, centre: float, width: float) -> None:
    shown = render(VALUES, Window(centre, width, function), False)
    expected = [by_the_standard(float(x), centre, width, function) for x in VALUES.ravel()]
    np.testing.assert_allclose(shown.ravel(), expected, atol=1e-6)
    assert shown.dtype == np.float32


@given(
    centre=st.floats(-1e4, 7e4),
    width=st.floats(0.01, 7e4),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_any_window_is_monotone_within_0_and_1_and_inverts_to_its_negative(centre, width, function) -> None:
    values = np.linspace(-70000, 70000, 300, dtype=np.float32)[None]
    shown = render(values, Window(centre, width, function), False)
    assert shown.min() >= 0 and shown.max() <= 1
    assert (np.diff(shown[0]) >= 0).all()
    np.testing.assert_array_equal(render(values, Window(centre, width, function), True), 1 - shown)


@pytest.mark.parametrize("width", [0.0, -1.0, math.nan, math.inf])
def test_a_window_without_width_is_refused(width: float) -> None:
    with pytest.raises(UserError):
        render(VALUES, Window(0, width), False)


def test_values_beyond_a_table_take_its_ends() -> None:
    table = LookupTable(first=10, entries=np.array([0.2, 0.9, 0.4], np.float32))
    shown = render(np.array([[-5, 9, 10, 11, 12, 13, 1e6]], np.float32), table, False)
    np.testing.assert_allclose(shown, [[0.2, 0.2, 0.2, 0.9, 0.4, 0.4, 0.4]])


def test_rendering_leaves_values_and_table_untouched() -> None:
    values, entries = VALUES.copy(), np.linspace(0, 1, 9, dtype=np.float32)
    render(values, LookupTable(0, entries), True)
    render(values, Window(5, 10), True)
    np.testing.assert_array_equal(values, VALUES)
    np.testing.assert_array_equal(entries, np.linspace(0, 1, 9, dtype=np.float32))


def test_full_range_shows_8_bit_values_as_they_are() -> None:
    values = np.arange(256, dtype=np.float32)[None]
    np.testing.assert_array_equal(np.rint(render(values, full_range(255), False) * 255), values)


def test_robust_window_ignores_a_few_extremes() -> None:
    values = np.random.default_rng(0).normal(1000, 100, (300, 300)).astype(np.float32)
    values[0, :5] = 60000
    window = robust_window(values)
    assert 600 < window.centre - window.width / 2 < window.centre + window.width / 2 < 1400


@pytest.mark.parametrize("value", [0, 7, 4095])
def test_a_blank_picture_still_renders(value: float) -> None:
    values = np.full((20, 20), value, np.float32)
    assert np.isfinite(Radiograph(values, robust_window(values)).pixels).all()
