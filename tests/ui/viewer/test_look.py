"""Looking at one picture as at another: part, zoom, window, inversion."""

import numpy as np
import pytest

from cxr_explorer.images.radiograph import LookupTable, Radiograph, Voi, Window
from cxr_explorer.ui.viewer.look import Look, look_of, take_look
from cxr_explorer.ui.viewer.picture import Picture


def picture(qtbot, shape: tuple[int, int], voi: Voi, inverted: bool = False) -> Picture:  # type: ignore[no-untyped-def]
    shown = Picture()
    qtbot.addWidget(shown)
    shown.resize(200, 200)
    values = np.linspace(0, 4095, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    shown.show_radiograph(Radiograph(values, voi, inverted=inverted), [])
    return shown


@pytest.fixture
def small(qtbot) -> Picture:
    return picture(qtbot, (100, 100), Window(2000, 1000))


@pytest.fixture
def large(qtbot) -> Picture:
    return picture(qtbot, (400, 800), Window(100, 50))


def test_a_picture_as_the_file_means_it_has_the_plain_look(small: Picture, large: Picture) -> None:
    assert look_of(small) == look_of(large) == Look()


def test_zoom_and_part_carry_over_to_another_size(small: Picture, large: Picture) -> None:
    small.set_view(4, 0.25, 0.75)
    look = look_of(small)
    take_look(large, look)
    assert large.view == pytest.approx((4, 0.25, 0.75))
    assert look_of(large).zoom == pytest.approx(4)
    take_look(large, Look())
    assert large.fits


def test_a_window_carries_over_in_the_files_own_terms(small: Picture, large: Picture) -> None:
    small.set_window(Window(2500, 500), False, True)
    look = look_of(small)
    assert (look.width, look.darker, look.inverted) == (0.5, 0.5, True)
    take_look(large, look)
    voi = large.voi
    assert isinstance(voi, Window)
    assert (voi.centre, voi.width) == (125, 25)
    assert large.inverted_by_reader
    assert look_of(large) == look


def test_darker_is_darker_on_a_file_whose_values_run_the_other_way(qtbot, small: Picture) -> None:
    other = picture(qtbot, (100, 100), Window(2000, 1000), inverted=True)
    before = int(other.gray_levels().sum())
    small.set_window(Window(2500, 1000), False, False)
    take_look(other, look_of(small))
    assert isinstance(other.voi, Window)
    assert other.voi.centre == 1500
    assert int(other.gray_levels().sum()) < before


def test_a_table_of_the_file_stays_until_the_window_is_changed(qtbot, small: Picture) -> None:
    table = LookupTable(0, np.linspace(0, 1, 4096, dtype=np.float32) ** 2)
    other = picture(qtbot, (100, 100), table)
    small.set_view(2, 0.5, 0.5)
    take_look(other, look_of(small))
    assert other.voi is table
    small.set_window(Window(2000, 500), False, False)
    take_look(other, look_of(small))
    assert isinstance(other.voi, Window)
    take_look(other, Look())
    assert other.voi is table


def test_without_a_picture_nothing_happens(qtbot) -> None:
    empty = Picture()
    qtbot.addWidget(empty)
    take_look(empty, Look(zoom=3))
    assert look_of(empty) == Look()
