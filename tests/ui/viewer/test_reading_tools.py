"""Windows to choose from, mirror and turn, loupe, the wheel, the right button: for the view alone, and marked on it."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from cxr_explorer.images.radiograph import Radiograph, Window
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.viewer.image_view import ImageView
from cxr_explorer.ui.viewer.levels import presets
from cxr_explorer.ui.viewer.picture import LOUPE_PX
from tests.ui.viewer.test_image_view import VOIS, chest, drag, on_screen, show, wheel
from tests.ui.windows import make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier
RIGHT = Qt.MouseButton.RightButton


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def seen_at_1_to_1(view: ImageView, rows: int, columns: int) -> np.ndarray:
    """The image's own pixels as they are on the screen, without what is written over them."""
    view.picture.set_overlay(False)
    view.zoom_actual()
    screen, origin = on_screen(view.picture), view.picture._origin()
    left, top = round(origin.x()), round(origin.y())
    return screen[top : top + rows, left : left + columns]


# -- mirror and turn


def test_mirrored_and_turned_the_screen_shows_the_same_pixels_elsewhere(view: ImageView) -> None:
    show(view, height=300, width=240)
    whole = view.picture.gray_levels().astype(np.int64)
    view.mirror()
    shown = seen_at_1_to_1(view, 300, 240)[60:, :200]  # the marks lie in the corner
    assert np.abs(shown - whole[:, ::-1][60:, :200]).max() <= 1
    view.turn()
    turned = np.rot90(whole[:, ::-1], -1)
    shown = seen_at_1_to_1(view, 240, 300)[80:, :250]
    assert np.abs(shown - turned[80:, :250]).max() <= 1
    assert view.picture.gray_levels().tolist() == whole.tolist()  # the file is what it was


def test_what_the_reader_did_is_marked_whatever_the_overlay(view: ImageView) -> None:
    show(view)
    view.picture.set_overlay(False)
    assert view.picture.done_by_reader() == []
    plain = on_screen(view.picture)
    view.mirror()
    assert view.picture.done_by_reader() == ["MIRRORED by you"]
    corner = slice(0, 40), slice(-180, None)
    assert (on_screen(view.picture)[corner] != plain[:, ::-1][corner]).any()
    view.invert()
    view.turn()
    view.turn()
    assert view.picture.done_by_reader() == ["INVERTED by you", "MIRRORED by you", "TURNED 180° by you"]


def test_mirroring_changes_left_and_right_of_what_is_on_the_screen(view: ImageView) -> None:
    show(view)
    view.turn()
    before = seen_at_1_to_1(view, 240, 300)
    view.mirror()
    after = seen_at_1_to_1(view, 240, 300)
    inside = slice(110, None), slice(0, None)
    assert np.abs(after[:, ::-1][110:, 100:200] - before[110:, 100:200]).max() <= 1
    assert after[inside].shape == before[inside].shape


def test_the_next_image_is_neither_mirrored_nor_turned(view: ImageView) -> None:
    show(view)
    view.mirror()
    view.turn()
    show(view)
    assert view.picture.done_by_reader() == []


def test_turned_it_fits_the_other_way(view: ImageView) -> None:
    show(view, height=600, width=200)
    before = view.picture.zoom
    view.turn()
    assert view.picture.fits and view.picture.zoom > before
    view.zoom_width()
    assert view.picture.zoom == pytest.approx(view.picture.width() / 600)


# -- windows


def test_windows_are_gone_through_and_come_round(view: ImageView) -> None:
    other = Window(900.0, 300.0, "LINEAR", "second")
    view.show_radiograph(Radiograph(chest(), VOIS[1], False, alternatives=(other,)), "a.dcm", [])
    names = list(presets(view.picture.radiograph))  # type: ignore[arg-type]
    assert names == ["The file's window", "second", "More contrast", "Less contrast"]
    view.next_preset()
    assert view.picture.voi == other
    view.next_preset()
    assert view.picture.voi.width == pytest.approx(0.6 * VOIS[1].width)  # type: ignore[union-attr]
    assert "more contrast" in view.picture.window_text()
    view.next_preset()
    view.next_preset()
    assert view.picture.voi == VOIS[1]


def test_a_file_with_a_table_has_windows_to_choose_from(view: ImageView) -> None:
    for voi in VOIS:
        show(view, voi)
        for name in presets(view.picture.radiograph):  # type: ignore[arg-type]
            view.picture.set_preset(name)
            assert view.picture.has_picture


def test_the_window_is_kept_from_image_to_image_until_the_map(qtbot, window: MainWindow) -> None:
    window.session.select_all()
    window.open_image()
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    picture = window.image_page.view.picture
    qtbot.keyClick(window, Key.Key_W, Modifier.ShiftModifier)
    qtbot.keyClick(window, Key.Key_I)
    own = picture.radiograph.voi.width  # type: ignore[union-attr]
    assert picture.voi.width == pytest.approx(0.6 * own)  # type: ignore[union-attr]
    press(qtbot, window, Key.Key_Right)
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    own = picture.radiograph.voi.width  # type: ignore[union-attr]
    assert picture.voi.width == pytest.approx(0.6 * own)  # type: ignore[union-attr]
    assert picture.inverted_by_reader and "set by you" in picture.window_text()
    qtbot.keyClick(window, Key.Key_W)
    press(qtbot, window, Key.Key_Left)
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    assert picture.voi == picture.radiograph.voi  # type: ignore[union-attr]
    qtbot.keyClick(window, Key.Key_I)
    press(qtbot, window, Key.Key_Escape)
    window.open_image()
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    assert not picture.inverted_by_reader


# -- mouse


def test_the_right_button_zooms_about_where_the_drag_began(view: ImageView) -> None:
    show(view, height=1200, width=1200)
    picture = view.picture
    before, middle = picture.zoom, QPointF(picture.rect().center())
    point = (middle - picture._origin()) / picture._scale
    drag(picture, QPoint(0, -120), RIGHT)
    assert picture.zoom == pytest.approx(2 * before, rel=0.01)
    there = (middle - picture._origin()) / picture._scale
    assert (there - point).manhattanLength() < 3


def test_the_wheel_goes_through_images_where_that_is_wanted(qtbot, view: ImageView) -> None:
    show(view)
    stepped: list[int] = []
    view.stepRequested.connect(stepped.append)
    zoom = view.picture.zoom
    view.picture.wheel_steps = True
    for turned in (-120, -60, -60, 240):
        wheel(view.picture, turned, QPointF(100, 100))
    assert stepped == [1, 1, -1, -1]
    assert view.picture.zoom == zoom
    view.picture.wheel_steps = False
    wheel(view.picture, 120, QPointF(100, 100))
    assert view.picture.zoom > zoom


def test_the_choice_of_the_wheel_outlives_the_window(qtbot, tmp_path: Path, window: MainWindow) -> None:
    window.actions_by_name["wheel_steps"].trigger()
    window.close()
    again = open_window(qtbot, tmp_path, tmp_path / "test.cxr")
    assert again.image_page.view.picture.wheel_steps
    assert again.actions_by_name["wheel_steps"].isChecked()


def test_the_loupe_enlarges_below_the_pointer_and_nowhere_else(view: ImageView) -> None:
    show(view, height=1200, width=1200)
    view.picture.set_overlay(False)
    before = on_screen(view.picture)
    view.picture.set_loupe(True)
    at = view.picture.rect().center()
    view.picture._point_at(QPointF(at))
    after = on_screen(view.picture)
    rows, columns = np.mgrid[: before.shape[0], : before.shape[1]]
    away = (rows - at.y()) ** 2 + (columns - at.x()) ** 2 > (LOUPE_PX + 4) ** 2
    assert (before[away] == after[away]).all()
    assert (before[~away] != after[~away]).mean() > 0.5
    view.picture._point_at(None)
    assert (on_screen(view.picture) == before).all()


# -- menus


def test_a_right_click_on_a_film_opens_what_can_be_done_with_it(qtbot, window: MainWindow) -> None:
    window.session.set_current(1)
    window.open_image()
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    QTest.mouseClick(window.image_page.view.picture, RIGHT, Modifier.NoModifier, QPoint(40, 40))
    (menu,) = (one for one in window.findChildren(QMenu) if one.isVisible())
    texts = {action.text().replace("&", "") for action in menu.actions()}
    assert {"Normal", "Mirror", "Similar images", "Copy file name", "Show in folder"} <= texts
    menu.close()


def test_a_right_click_on_a_tile_makes_it_the_one_that_is_meant(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    gallery = window.gallery_panel.gallery
    second = int(gallery.image_ids()[1])
    QTest.mouseClick(gallery.viewport(), RIGHT, Modifier.NoModifier, gallery._tile_rect(1).center())
    (menu,) = (one for one in window.findChildren(QMenu) if one.isVisible())
    assert window.session.current_id == second and window.session.picked.tolist() == [second]
    menu.close()
    window.actions_by_name["copy_name"].trigger()
    assert QGuiApplication.clipboard().text() == window.session.project.image(second).path  # type: ignore[union-attr]
    window.actions_by_name["copy_path"].trigger()
    assert Path(QGuiApplication.clipboard().text()).is_file()


def test_a_right_click_on_the_map_keeps_the_selection_it_lies_in(qtbot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.map_page.scatter.is_ready)
    window.session.select_cluster(0)
    chosen = window.session.selection.ids.tolist()
    window.map_page._on_menu(1, QPoint(50, 50))
    (menu,) = (one for one in window.findChildren(QMenu) if one.isVisible())
    menu.close()
    assert window.session.selection.ids.tolist() == chosen
    other = int(np.flatnonzero(~np.isin(window.session.map.image_ids, chosen))[0])  # type: ignore[union-attr]
    window.map_page._on_menu(other, QPoint(50, 50))
    (menu,) = (one for one in window.findChildren(QMenu) if one.isVisible())
    menu.close()
    assert window.session.selection.ids.tolist() == [window.session.current_id]
