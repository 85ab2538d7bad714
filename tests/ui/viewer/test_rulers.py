"""The ruler over the open image: what it measures, however the picture lies, and what takes it away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cxr_explorer.images.radiograph import Radiograph, Window
from cxr_explorer.images.scale import Plane, Scale
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.viewer.image_view import ImageView
from cxr_explorer.ui.viewer.placing import Placing
from cxr_explorer.ui.viewer.rulers import Ruler, length_text, ratio_text
from tests.ui.viewer.test_image_view import chest, on_screen, wheel
from tests.ui.windows import make_project, open_window, press

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
Key = Qt.Key


def show(view: ImageView, scale: Scale | None = None, height: int = 300, width: int = 240) -> None:
    view.show_radiograph(Radiograph(chest(height, width), Window(2048, 4096, "LINEAR"), scale=scale), "a.dcm", [])


def drag(view: ImageView, start: QPointF, end: QPointF, button: Qt.MouseButton = LEFT, modifier=NONE) -> None:  # type: ignore[no-untyped-def]
    layer = view.rulers if view.rulers.on else view.picture
    QTest.mousePress(layer, button, modifier, start.toPoint())
    for part in (0.3, 0.7, 1.0):
        place = start + (end - start) * part
        moved = QMouseEvent(
            QMouseEvent.Type.MouseMove, place, layer.mapToGlobal(place), Qt.MouseButton.NoButton, button, modifier
        )
        QApplication.sendEvent(layer, moved)
    QTest.mouseRelease(layer, button, modifier, end.toPoint())


def draw(view: ImageView, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A ruler between two points of the file's picture, drawn with the mouse."""
    placing = view.picture.placing
    drag(view, placing.to_screen(start), placing.to_screen(end))


# -- what it says


@pytest.mark.parametrize(
    ("plane", "said"),
    [
        ("patient", "30 mm"),
        ("detector", "30 mm at the detector"),
        ("film", "30 mm on the film"),
        ("unstated", "30 mm (calibration not stated)"),
    ],
)
def test_a_length_says_where_it_holds(plane: Plane, said: str) -> None:
    assert length_text(Ruler((10, 20), (160, 20)), Scale(0.4, 0.2, plane)) == said


def test_without_a_scale_it_counts_pixels_and_says_so() -> None:
    assert length_text(Ruler((0, 0), (30, 40)), None) == "50 px, no calibrated scale"


def test_short_lengths_have_a_tenth_of_a_millimetre_and_no_more() -> None:
    assert length_text(Ruler((0, 0), (0, 30)), Scale(0.143, 0.143, "patient")) == "4.3 mm"


def test_rows_and_columns_count_with_their_own_spacing() -> None:
    assert Ruler((0, 0), (30, 40)).length(Scale(0.2, 0.1, "patient")) == pytest.approx(np.hypot(3, 8))


def test_the_ratio_is_that_of_exactly_two_whatever_their_order() -> None:
    heart, lungs = Ruler((0, 0), (130, 0)), Ruler((0, 9), (250, 9))
    said = "Cardiothoracic ratio 0.52 = shorter / longer of the two rulers"
    assert ratio_text([heart, lungs], None) == ratio_text([lungs, heart], None) == said
    assert ratio_text([heart], None) == ratio_text([heart, lungs, heart], None) == ""
    assert ratio_text([heart, Ruler((3, 3), (3, 3))], None) == ""


# -- where it lies


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_every_point_leads_to_the_screen_and_back(turns: int, mirrored: bool) -> None:
    placing = Placing((240, 300), mirrored, turns, 1.7, QPointF(31, -12))
    for point in ((0.0, 0.0), (240.0, 300.0), (17.5, 211.25)):
        assert placing.to_picture(placing.to_screen(point)) == pytest.approx(point)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_a_point_lies_where_the_picture_shows_its_pixel(view: ImageView, turns: int, mirrored: bool) -> None:
    values = np.zeros((300, 240), np.float32)
    values[201:204, 71:74] = 4095
    view.show_radiograph(Radiograph(values, Window(2048, 4096, "LINEAR")), "a.dcm", [])
    view.picture.set_overlay(False)
    if mirrored:
        view.mirror()
    for _ in range(turns):
        view.turn()
    view.zoom_in()
    place = view.picture.placing.to_screen((72.5, 202.5)).toPoint()
    assert on_screen(view.picture)[place.y(), place.x()] > 200


def test_a_drag_measures_the_same_however_the_picture_lies(view: ImageView) -> None:
    show(view, Scale(0.5, 0.5, "detector"))
    view.rulers.set_on(True)
    for act in (lambda: None, view.mirror, view.turn, view.zoom_in, lambda: view.picture.pan(QPoint(25, -40))):
        act()
        draw(view, (60, 150), (180, 150))
        (ruler,), (said,) = view.rulers.rulers, view.rulers.texts
        assert said in ("59 mm at the detector", "60 mm at the detector", "61 mm at the detector")
        assert np.abs(np.array([*ruler.start, *ruler.end]) - (60, 150, 180, 150)).max() <= 1
        view.rulers.remove_last()


def test_a_ruler_stays_on_its_anatomy_when_the_picture_moves(view: ImageView) -> None:
    show(view)
    view.rulers.set_on(True)
    draw(view, (60, 150), (180, 150))
    before = view.rulers.rulers
    view.mirror()
    view.turn()
    view.zoom_actual()
    wheel(view.picture, 240, QPointF(100, 100))
    view.resize(500, 420)
    assert view.rulers.rulers == before
    assert view.rulers.geometry() == view.picture.rect()


def test_a_ruler_ends_at_the_edge_of_the_picture(view: ImageView) -> None:
    show(view)
    view.rulers.set_on(True)
    drag(view, view.picture.placing.to_screen((100, 150)), QPointF(view.picture.width() - 1, 5))
    assert view.rulers.rulers[0].end[0] == 240


# -- mouse and keys


def test_an_end_is_dragged_and_the_other_one_stays(view: ImageView) -> None:
    show(view)
    view.rulers.set_on(True)
    draw(view, (60, 150), (180, 150))
    draw(view, (180, 152), (200, 100))
    (ruler,) = view.rulers.rulers
    assert ruler.start == pytest.approx((60, 150), abs=1) and ruler.end == pytest.approx((200, 100), abs=1)


def test_a_click_draws_nothing(view: ImageView) -> None:
    show(view)
    view.rulers.set_on(True)
    draw(view, (60, 150), (60, 150))
    assert view.rulers.rulers == ()
    draw(view, (60, 150), (180, 150))
    draw(view, (180, 150), (60, 150))  # one end laid on the other
    assert view.rulers.rulers == ()


def test_what_is_not_the_rulers_goes_on_to_the_picture(view: ImageView) -> None:
    show(view, height=1200, width=1200)
    view.rulers.set_on(True)
    zoom, voi = view.picture.zoom, view.picture.voi
    turned = QWheelEvent(
        QPointF(200, 200), QPointF(), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, NONE,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.rulers, turned)
    assert not turned.isAccepted()  # Qt offers it to the picture then, if a mouse sent it
    view.zoom_actual()
    seen = view.picture.view
    drag(view, QPointF(200, 200), QPointF(150, 190), modifier=CTRL)
    assert view.picture.view != seen
    drag(view, QPointF(200, 200), QPointF(200, 140), RIGHT)
    assert view.picture.zoom > zoom
    assert view.rulers.rulers == () and view.picture.voi == voi
    view.rulers.set_on(False)
    drag(view, QPointF(200, 200), QPointF(260, 200))
    assert view.picture.voi != voi


def test_rulers_go_with_the_image_and_the_tool_with_the_view(view: ImageView) -> None:
    show(view)
    view.rulers.set_on(True)
    draw(view, (60, 150), (180, 150))
    view.show_loading("b.dcm")
    assert view.rulers.rulers == ()
    show(view)
    assert view.rulers.rulers == () and view.rulers.on
    view.clear()
    assert not view.rulers.on


def test_arrows_move_the_end_in_focus_the_way_it_is_seen(view: ImageView) -> None:
    show(view)
    view.turn()
    view.rulers.set_on(True)
    draw(view, (60, 150), (180, 150))
    place = view.picture.placing.to_screen
    end = place(view.rulers.rulers[0].end)
    for _ in range(5):
        QTest.keyClick(view, Key.Key_Right)
    moved = place(view.rulers.rulers[0].end) - end
    assert moved.x() == pytest.approx(5 * max(1, view.picture.placing.scale)) and moved.y() == pytest.approx(0)
    start = place(view.rulers.rulers[0].start)
    QTest.keyClick(view, Key.Key_Tab)
    QTest.keyClick(view, Key.Key_Up)
    assert place(view.rulers.rulers[0].start).y() < start.y()
    QTest.keyClick(view, Key.Key_Delete)
    assert view.rulers.rulers == ()
    QTest.keyClick(view, Key.Key_Insert)
    assert len(view.rulers.rulers) == 1


@pytest.mark.parametrize("value", [0, 4095])
def test_it_is_seen_on_black_and_on_white(view: ImageView, value: int) -> None:
    film = Radiograph(np.full((300, 240), value, np.float32), Window(2048, 4096, "LINEAR"))
    view.show_radiograph(film, "a.dcm", [])
    view.picture.set_overlay(False)
    view.rulers.set_on(True)
    plain = on_screen(view.picture)[270, 200:400]
    draw(view, (60, 150), (180, 150))
    line = view.picture.placing.to_screen((120, 150)).toPoint()
    across = on_screen(view.picture)[line.y() - 4 : line.y() + 5, line.x()]
    assert np.ptp(across) > 120 and np.ptp(plain) < 10
    label = on_screen(view.picture)[line.y() - 45 : line.y() - 12, line.x() - 60 : line.x() + 60]
    assert np.ptp(label) > 120


def test_sharp_screens_change_nothing_about_the_length(view: ImageView) -> None:
    show(view)
    view.rulers.set_on(True)
    draw(view, (60, 150), (180, 150))
    image = QImage(view.size() * 2, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2)
    view.render(image)
    assert view.rulers.texts == ["120 px, no calibrated scale"]


# -- in the window


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> MainWindow:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.session.select_all()
    window.open_image()
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    return window


def test_ctrl_m_takes_the_ruler_up_and_esc_lays_it_down_and_stays_with_the_image(
    qtbot: QtBot, window: MainWindow
) -> None:
    view, action = window.image_page.view, window.actions_by_name["ruler"]
    press(qtbot, window, Key.Key_M, modifier=CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert view.rulers.on and action.isChecked()
    draw(view, (5, 30), (45, 30))
    draw(view, (5, 40), (25, 40))
    assert view.rulers.texts[-1].startswith("Cardiothoracic ratio 0.5")
    assert "ratio 0.5" in view.rulers.accessibleDescription()
    shown = window.session.current_id
    press(qtbot, window, Key.Key_Right)
    assert window.session.current_id == shown  # the arrow moved the ruler's end
    press(qtbot, window, Key.Key_Escape)
    assert not view.rulers.on and not action.isChecked()
    assert window.session.viewing_image and len(view.rulers.rulers) == 2
    press(qtbot, window, Key.Key_Right)
    assert window.session.current_id != shown and view.rulers.rulers == ()


def test_back_on_the_map_the_ruler_is_laid_down(qtbot: QtBot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_M, modifier=CTRL | Qt.KeyboardModifier.ShiftModifier)
    window.session.view_image(False)
    assert not window.image_page.view.rulers.on and not window.actions_by_name["ruler"].isChecked()
