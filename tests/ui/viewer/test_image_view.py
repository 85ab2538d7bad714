"""The image view: the picture is the file's, and every way to look at it leads back to that."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cxr_explorer.images.radiograph import LookupTable, Radiograph, Voi, Window, render
from cxr_explorer.ui.viewer.image_view import ImageView
from cxr_explorer.ui.viewer.levels import Levels, linear_window
from cxr_explorer.ui.viewer.picture import Picture

# A remark of the offscreen platform about every window with a smallest size.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier

RISING = LookupTable(100, np.linspace(0, 1, 3000, dtype=np.float32) ** 2)
FALLING = LookupTable(100, np.linspace(1, 0, 3000, dtype=np.float32))
VOIS = [
    Window(2048, 4096, "LINEAR"),
    Window(1500.5, 300, "LINEAR_EXACT"),
    Window(2000, 900, "SIGMOID"),
    Window(2000, 2, "LINEAR"),
    RISING,
    FALLING,
]


def chest(height: int = 300, width: int = 240) -> NDArray[np.float32]:
    """12-bit values: a slope with noise, so that every place differs."""
    noise = np.random.default_rng(7).normal(0, 60, (height, width))
    slope = np.linspace(0, 4095, height)[:, None] * np.linspace(0.3, 1, width)[None, :]
    return np.clip(np.rint(slope + noise), 0, 4095).astype(np.float32)


def show(view: ImageView, voi: Voi = VOIS[0], inverted: bool = False, **values: int) -> Radiograph:
    radiograph = Radiograph(chest(**values), voi, inverted)
    view.show_radiograph(radiograph, "a.dcm", ["View PA", "no window in the file: robust percentiles"])
    return radiograph


def meant(radiograph: Radiograph) -> NDArray[np.int64]:
    return np.rint(radiograph.pixels * 255).astype(np.int64)


def on_screen(picture: Picture) -> NDArray[np.int64]:
    image = picture.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.array(image.constBits()).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width()].astype(np.int64)


def drag(picture: Picture, by: QPoint, button: Qt.MouseButton = LEFT, modifiers: Qt.KeyboardModifier = NONE) -> None:
    start = picture.rect().center()
    QTest.mousePress(picture, button, modifiers, start)
    for part in range(1, 5):
        place = QPointF(start) + QPointF(by) * part / 4
        moved = QMouseEvent(
            QMouseEvent.Type.MouseMove, place, picture.mapToGlobal(place), Qt.MouseButton.NoButton, button, modifiers
        )
        QApplication.sendEvent(picture, moved)
    QTest.mouseRelease(picture, button, modifiers, start + by)


def wheel(picture: Picture, turned: int, place: QPointF) -> None:
    event = QWheelEvent(
        place,
        picture.mapToGlobal(place),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(picture, event)


def image_point(picture: Picture, place: QPointF) -> QPointF:
    return (place - picture._origin()) / picture._scale


# The picture is the file's


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("voi", VOIS)
def test_the_display_equals_the_radiographs_pixels(view: ImageView, voi: Voi, inverted: bool) -> None:
    radiograph = show(view, voi, inverted)
    assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1


@pytest.mark.parametrize("inverted", [False, True])
def test_at_1_to_1_the_screen_shows_exactly_these_pixels(view: ImageView, inverted: bool) -> None:
    view.toggle_overlay()
    radiograph = show(view, inverted=inverted)
    view.zoom_actual()
    origin = view.picture._origin().toPoint()
    rows, columns = radiograph.values.shape
    shown = on_screen(view.picture)[origin.y() : origin.y() + rows, origin.x() : origin.x() + columns]
    assert np.abs(shown - meant(radiograph)).max() <= 1


@pytest.mark.parametrize(("height", "width"), [(301, 241), (1203, 1001), (2405, 1999), (37, 3001), (1, 1)])
def test_a_large_image_keeps_its_place_and_tone_when_made_small(view: ImageView, height: int, width: int) -> None:
    view.toggle_overlay()
    values = np.full((height, width), 1000, np.float32)
    values[: height // 2, : width // 2] = 3000
    view.show_radiograph(Radiograph(values, Window(2000, 4000, "LINEAR_EXACT")), "a", [])
    shown = on_screen(view.picture)
    picture = view.picture
    for x, y in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
        place = picture._origin() + QPointF(x * width, y * height) * picture._scale
        value = values[int(y * height), int(x * width)]
        assert abs(shown[int(place.y()), int(place.x())] - 255 * value / 4000) <= 2
    beside = shown[:, : max(0, int(picture._origin().x()) - 1)]
    assert not beside.any(), "the ground is black"


def test_sixteen_bit_values_are_kept_exactly(view: ImageView) -> None:
    values = np.random.default_rng(1).permutation(65536).astype(np.float32).reshape(256, 256) * np.float32(0.24) - 1024
    for voi in (Window(400, 40, "LINEAR_EXACT"), Window(7000, 16000), Window(14000, 8)):
        radiograph = Radiograph(values, voi)
        view.show_radiograph(radiograph, "a", [])
        assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1


def test_a_far_outlier_does_not_cost_the_window_its_levels(view: ImageView) -> None:
    values = np.random.default_rng(2).normal(0, 1, (400, 400)).astype(np.float32)
    values[0, 0] = 1e6
    radiograph = Radiograph(values, Window(0, 4, "LINEAR_EXACT"))
    view.show_radiograph(radiograph, "a", [])
    assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1
    assert np.unique(view.picture.gray_levels()).size == 256


@pytest.mark.parametrize("value", [0.0, 1234.5])
def test_an_image_of_one_value_is_shown(view: ImageView, value: float) -> None:
    radiograph = Radiograph(np.full((20, 30), value, np.float32), Window(1000, 4000))
    view.show_radiograph(radiograph, "a", [])
    assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1
    drag(view.picture, QPoint(50, 50))


# What is no picture, and what is drawn over it


def covered(inverted: bool, height: int = 300, width: int = 240) -> Radiograph:
    """A chest with black margins, and two drawn blocks: one over the picture, one over the margin."""
    outside, drawn = np.zeros((2, height, width), np.bool_)
    outside[:40] = outside[:, :31] = True
    drawn[100:110, 50:60] = drawn[10:20, 50:60] = True
    return Radiograph(chest(height, width), VOIS[0], inverted, outside=outside, drawn=drawn)


@pytest.mark.parametrize("inverted", [False, True])
def test_what_is_no_picture_stays_black_and_what_is_drawn_stays_visible(view: ImageView, inverted: bool) -> None:
    radiograph = covered(inverted)
    outside, drawn = radiograph.outside, radiograph.drawn
    assert outside is not None and drawn is not None
    view.show_radiograph(radiograph, "a", [])
    assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1
    picture = ~outside & ~drawn
    for _ in range(2):
        drag(view.picture, QPoint(40, 90))
        view.invert()
        shown = view.picture.gray_levels()
        assert not shown[outside & ~drawn].any()
        assert (shown[drawn & outside] == 255).all()
        assert (shown[drawn & ~outside] == (0 if view.picture.inverted_by_reader else 255)).all()
        assert shown[picture].std() > 20
    view.reset_window()
    assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1


@pytest.mark.parametrize("inverted_by_reader", [False, True])
@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_made_small_no_padding_runs_into_the_picture(inverted_by_reader: bool, halvings: int) -> None:
    values = np.full((203, 301), 2000, np.float32)
    outside, drawn = np.zeros((2, *values.shape), np.bool_)
    outside[:, :101] = True
    drawn[50, 150:250] = True  # a line of one pixel
    values[outside] = 0
    levels = Levels(Radiograph(values, Window(2000, 4000, "LINEAR_EXACT"), outside=outside, drawn=drawn))
    shown = levels.table(Window(2000, 4000, "LINEAR_EXACT"), False, inverted_by_reader)[levels.codes(halvings)]
    line = 0 if inverted_by_reader else 255
    assert set(np.unique(shown).tolist()) <= {0, 127, 128, line}
    assert (shown[50 >> halvings, (150 >> halvings) + 1 : (250 >> halvings) - 1] == line).all()


def test_values_of_a_picture_with_margins_are_kept_as_well(view: ImageView) -> None:
    values = np.random.default_rng(1).permutation(65280).astype(np.float32).reshape(255, 256)
    outside = np.zeros(values.shape, np.bool_)
    outside[:3] = True
    for voi in (Window(30000, 40, "LINEAR_EXACT"), Window(7000, 16000), Window(14000, 8)):
        radiograph = Radiograph(values, voi, outside=outside)
        view.show_radiograph(radiograph, "a", [])
        assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1


# Window and polarity


def test_dragging_right_widens_and_left_narrows(view: ImageView) -> None:
    show(view)
    drag(view.picture, QPoint(60, 0))
    wide = view.picture.voi
    assert isinstance(wide, Window)
    assert wide.width > 4096
    assert wide.centre == 2048
    drag(view.picture, QPoint(-120, 0))
    narrow = view.picture.voi
    assert isinstance(narrow, Window)
    assert narrow.width < 4096


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("inverted_by_reader", [False, True])
def test_dragging_down_darkens_whatever_the_polarity(view: ImageView, inverted: bool, inverted_by_reader: bool) -> None:
    show(view, inverted=inverted)
    if inverted_by_reader:
        view.invert()
    before = view.picture.gray_levels().mean()
    drag(view.picture, QPoint(0, 60))
    assert view.picture.gray_levels().mean() < before - 5


def test_a_drag_changes_the_picture_alike_whatever_the_unit_of_the_values(view: ImageView) -> None:
    seen = []
    for scale in (1e-3, 1.0, 1e4):
        values = chest() * np.float32(scale)
        view.show_radiograph(Radiograph(values, Window(2048 * scale, 4096 * scale, "LINEAR_EXACT")), "a", [])
        drag(view.picture, QPoint(30, -80))
        seen.append(view.picture.gray_levels().astype(int))
    assert np.abs(seen[0] - seen[1]).max() <= 1
    assert np.abs(seen[2] - seen[1]).max() <= 1


def test_a_drag_over_many_pixels_ends_sharp(view: ImageView) -> None:
    view.toggle_overlay()
    values = np.zeros((2400, 2400), np.float32)
    values[::2] = 4000  # stripes that halving blurs away
    view.resize(2000, 2000)
    view.show_radiograph(Radiograph(values, Window(2000, 4000, "LINEAR_EXACT")), "a", [])
    view.zoom_actual()
    start = view.picture.rect().center()
    QTest.mousePress(view.picture, LEFT, NONE, start)
    QTest.mouseMove(view.picture, start + QPoint(20, 0))
    assert np.ptp(on_screen(view.picture)[900:1000, 900]) < 30
    QTest.mouseRelease(view.picture, LEFT, NONE, start)
    assert np.ptp(on_screen(view.picture)[900:1000, 900]) > 200


def test_the_width_stays_above_zero(view: ImageView) -> None:
    for voi in VOIS:
        show(view, voi)
        for _ in range(20):
            drag(view.picture, QPoint(-300, 0))
        narrow = view.picture.voi
        assert isinstance(narrow, Window)
        assert narrow.width > 0


def test_a_click_that_trembles_changes_nothing(view: ImageView) -> None:
    radiograph = show(view)
    drag(view.picture, QPoint(1, 1))
    assert view.picture.voi is radiograph.voi


@pytest.mark.parametrize("table", [RISING, FALLING])
@pytest.mark.parametrize("inverted", [False, True])
def test_the_first_drag_from_a_table_goes_on_from_its_look(view: ImageView, table: LookupTable, inverted: bool) -> None:
    radiograph = show(view, table, inverted)
    drag(view.picture, QPoint(4, 0))
    assert isinstance(view.picture.voi, Window)
    apart = view.picture.gray_levels() - meant(radiograph)
    assert np.abs(apart).mean() < 25
    assert np.corrcoef(view.picture.gray_levels().ravel(), meant(radiograph).ravel())[0, 1] > 0.95


def test_the_line_through_a_table_meets_it_at_5_and_95_percent() -> None:
    for table in (RISING, FALLING):
        window, falls = linear_window(table)
        values = np.arange(100, 3100, dtype=np.float32)[None, :]
        line, curve = render(values, window, falls)[0], render(values, table, False)[0]
        for share in (0.05, 0.95):
            where = int(np.argmin(np.abs(curve - share)))
            assert line[where] == pytest.approx(share, abs=0.01)


def test_a_constant_table_still_leads_to_a_window() -> None:
    window, _ = linear_window(LookupTable(0, np.ones(256, np.float32)))
    assert window.width > 0


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("voi", VOIS)
def test_reset_returns_to_the_files_window_and_polarity(view: ImageView, voi: Voi, inverted: bool) -> None:
    radiograph = show(view, voi, inverted)
    for _ in range(2):
        view.reset_window()
        assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1
        drag(view.picture, QPoint(40, 70))
        view.invert()
        drag(view.picture, QPoint(-90, 10))
    view.reset_window()
    assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1
    assert not view.picture.inverted_by_reader


def test_invert_turns_the_display_and_back_and_says_so(view: ImageView) -> None:
    radiograph = show(view, inverted=True)
    upright = on_screen(view.picture)
    view.invert()
    assert np.abs(255 - view.picture.gray_levels() - meant(radiograph)).max() <= 1
    assert view.buttons["invert"].isChecked()
    view.toggle_overlay()
    said = view.picture.grab(view.picture.rect().adjusted(450, 0, 0, -500)).toImage()
    view.invert()
    assert view.picture.grab(view.picture.rect().adjusted(450, 0, 0, -500)).toImage() != said
    view.toggle_overlay()
    assert not view.buttons["invert"].isChecked()
    assert np.array_equal(on_screen(view.picture), upright)


def test_the_next_image_starts_at_its_own_window(view: ImageView) -> None:
    show(view)
    view.invert()
    drag(view.picture, QPoint(50, 50))
    view.zoom_actual()
    radiograph = show(view, RISING, inverted=True)
    assert np.abs(view.picture.gray_levels() - meant(radiograph)).max() <= 1
    assert view.picture.fits


def test_the_window_is_told_in_words(view: ImageView) -> None:
    show(view, Window(2048, 4096, "SIGMOID", "NORMAL"))
    assert view.picture.window_text() == "W 4096  L 2048 · sigmoid · NORMAL"
    drag(view.picture, QPoint(100, 0))
    assert view.picture.window_text().endswith("set by you")
    show(view, LookupTable(0, RISING.entries, "HARDER"))
    assert view.picture.window_text() == "table of the file · HARDER"


# Zoom and pan


def test_an_image_fits_at_first_and_when_the_size_changes(view: ImageView) -> None:
    show(view)
    for size in ((700, 600), (400, 800)):
        view.resize(*size)
        picture = view.picture
        columns, rows = 240 * picture._scale, 300 * picture._scale
        assert columns <= picture.width() + 1
        assert rows <= picture.height() + 1
        assert columns == pytest.approx(picture.width()) or rows == pytest.approx(picture.height())


def test_the_wheel_zooms_about_the_cursor(view: ImageView) -> None:
    show(view, height=1200, width=1200)
    view.zoom_actual()
    place = QPointF(200, 150)
    before, zoom = image_point(view.picture, place), view.picture.zoom
    wheel(view.picture, 120, place)
    assert view.picture.zoom > zoom
    after = image_point(view.picture, place)
    assert abs(after.x() - before.x()) < 1
    assert abs(after.y() - before.y()) < 1


def test_zoom_has_bounds(view: ImageView) -> None:
    show(view)
    for _ in range(60):
        view.zoom_in()
    assert view.picture.zoom <= 16
    for _ in range(60):
        view.zoom_out()
    assert view.picture.zoom >= 0.2
    on_screen(view.picture)


@pytest.mark.parametrize(
    ("button", "modifiers"),
    [
        (Qt.MouseButton.MiddleButton, NONE),
        (LEFT, Qt.KeyboardModifier.ControlModifier),
        (LEFT, Qt.KeyboardModifier.ShiftModifier),
    ],
)
def test_dragging_with_another_button_or_a_key_pans(
    view: ImageView, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier
) -> None:
    radiograph = show(view, height=2000, width=2000)
    view.zoom_actual()
    before = view.picture._origin()
    drag(view.picture, QPoint(40, -24), button, modifiers)
    assert view.picture._origin() - before == QPointF(40, -24)
    assert view.picture.voi is radiograph.voi


def test_the_image_cannot_be_lost(view: ImageView) -> None:
    show(view, height=2000, width=2000)
    view.zoom_actual()
    for _ in range(40):
        drag(view.picture, QPoint(250, 250), Qt.MouseButton.MiddleButton)
    assert on_screen(view.picture)[-50:, -50:].any()


def test_a_double_click_goes_between_fit_and_1_to_1(view: ImageView) -> None:
    radiograph = show(view, height=2000, width=2000)
    QTest.mouseDClick(view.picture, LEFT, NONE, QPoint(100, 100))
    assert view.picture.zoom == 1
    assert not view.buttons["fit"].isChecked()
    QTest.mouseDClick(view.picture, LEFT, NONE, QPoint(100, 100))
    assert view.picture.fits
    assert view.buttons["fit"].isChecked()
    assert view.picture.voi is radiograph.voi


# What is shown beside the picture


def test_nothing_of_the_last_image_stays_while_the_next_one_loads(view: ImageView) -> None:
    show(view)
    view.show_loading("b.dcm")
    assert view.picture.gray_levels().size == 0
    assert on_screen(view.picture)[:200].max() == 0
    assert "b.dcm" in view.accessibleName()


def test_an_error_takes_the_picture_away_and_the_keys_do_no_harm(view: ImageView) -> None:
    show(view)
    view.show_error("Cannot read a.dcm: the file ends early. Copy it again.")
    assert view.accessibleDescription().startswith("Cannot read")
    assert not view.buttons["invert"].isEnabled()
    for act in (view.invert, view.reset_window, view.zoom_fit, view.zoom_actual, view.zoom_in, view.zoom_out):
        act()
    drag(view.picture, QPoint(50, 50))
    wheel(view.picture, 120, QPointF(100, 100))
    assert not view.picture.has_picture
    show(view)
    assert view.buttons["invert"].isEnabled()
    view.clear()
    assert on_screen(view.picture).max() == 0


def test_a_window_that_cannot_be_is_an_error_shown(view: ImageView) -> None:
    show(view)
    view.show_radiograph(Radiograph(chest(), Window(100, 0)), "a.dcm", [])
    assert not view.picture.has_picture
    assert view.accessibleDescription()


def test_t_shows_and_hides_the_text(view: ImageView) -> None:
    show(view)
    written = on_screen(view.picture)
    QTest.keyClick(view, Qt.Key.Key_T)
    assert not np.array_equal(on_screen(view.picture), written)
    assert not view.buttons["overlay"].isChecked()
    QTest.keyClick(view, Qt.Key.Key_T)
    assert np.array_equal(on_screen(view.picture), written)


def test_the_buttons_do_what_they_say(view: ImageView, qtbot: QtBot) -> None:
    show(view, height=2000, width=2000)
    for name in ("back", "previous", "next"):
        signal = view.backRequested if name == "back" else view.stepRequested
        with qtbot.waitSignal(signal) as blocker:
            QTest.mouseClick(view.buttons[name], LEFT)
        assert blocker.args == {"back": [], "previous": [-1], "next": [1]}[name]
    QTest.mouseClick(view.buttons["actual"], LEFT)
    assert view.picture.zoom == 1
    QTest.mouseClick(view.buttons["zoom_in"], LEFT)
    assert view.picture.zoom == 1.25
    QTest.mouseClick(view.buttons["fit"], LEFT)
    QTest.mouseClick(view.buttons["fit"], LEFT)
    assert view.picture.fits
    assert view.buttons["fit"].isChecked()
    QTest.mouseClick(view.buttons["invert"], LEFT)
    assert view.picture.inverted_by_reader
    QTest.mouseClick(view.buttons["reset"], LEFT)
    assert not view.picture.inverted_by_reader
    assert view.hasFocus() or not any(button.hasFocus() for button in view.buttons.values())


def test_shortcuts_are_told_in_the_tooltips(view: ImageView) -> None:
    view.set_shortcut_hints({"invert": "I", "back": "Esc"})
    assert view.buttons["invert"].toolTip().endswith("(I)")
    assert view.buttons["back"].toolTip() == "Back to the map (Esc)"
    assert "(" not in view.buttons["fit"].toolTip()


def test_a_long_title_is_cut_in_the_middle_and_told_whole(view: ImageView) -> None:
    title = "folder/" * 40 + "end.dcm"
    view.show_radiograph(Radiograph(chest(), VOIS[0]), title, [])
    view.grab()
    assert view._title.toolTip() == title
    view.show_loading("short.dcm")
    view.grab()
    assert view._title.toolTip() == ""


def test_a_loaded_image_is_halved_only_as_far_as_needed() -> None:
    levels = Levels(Radiograph(chest(301, 201), VOIS[0]))
    assert levels.codes(0).shape == (301, 201)
    assert levels.codes(2).shape == (76, 51)
    assert abs(float(levels.codes(2).mean()) - float(levels.codes(0).mean())) < 0.01 * 65535
