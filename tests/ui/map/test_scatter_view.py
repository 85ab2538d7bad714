from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QAction, QColor, QImage, QKeySequence, QMouseEvent, QPixmap, QWheelEvent
from PySide6.QtWidgets import QApplication, QMainWindow

from cxr_explorer.colours import BACKGROUND
from cxr_explorer.ui.map.scatter_card import place_beside
from cxr_explorer.ui.map.scatter_names import Name
from cxr_explorer.ui.map.scatter_view import ScatterView, mode_of

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
GRID = np.stack(np.meshgrid(np.arange(10.0), np.arange(8.0)), axis=-1).reshape(-1, 2).astype(np.float32)


def shown(qtbot, xy=GRID) -> ScatterView:
    view = ScatterView()
    qtbot.addWidget(view)
    view.resize(600, 500)
    with qtbot.waitExposed(view):
        view.show()
    give_points(qtbot, view, xy)
    return view


def give_points(qtbot, view: ScatterView, xy) -> None:
    view.set_points(np.asarray(xy, np.float32).reshape(-1, 2))
    qtbot.waitUntil(lambda: view.is_ready, timeout=120_000)
    paint(view)


def paint(view: ScatterView) -> QImage:
    return view.grab().toImage()


@pytest.fixture
def view(qtbot) -> ScatterView:
    return shown(qtbot)


def at(view: ScatterView, x: float, y: float) -> QPointF:
    return view.canvas.to_position(x, y)


def mouse(view, kind, position: QPointF, button=LEFT, buttons=None, modifiers=NONE) -> None:
    target = view.canvas
    position = QPointF(position)
    where = QPointF(target.mapToGlobal(position.toPoint()))
    if buttons is None:
        buttons = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    QApplication.sendEvent(target, QMouseEvent(kind, position, where, button, buttons, modifiers))


def move(view, position: QPointF, buttons=Qt.MouseButton.NoButton, modifiers=NONE) -> None:
    mouse(view, QEvent.Type.MouseMove, position, Qt.MouseButton.NoButton, buttons, modifiers)


def press(view, position, button=LEFT, modifiers=NONE) -> None:
    mouse(view, QEvent.Type.MouseButtonPress, position, button, modifiers=modifiers)


def release(view, position, button=LEFT, modifiers=NONE) -> None:
    mouse(view, QEvent.Type.MouseButtonRelease, position, button, modifiers=modifiers)


def drag(view, path: list[QPointF], button=LEFT, modifiers=NONE) -> None:
    press(view, path[0], button, modifiers)
    for position in path[1:]:
        move(view, position, button, modifiers)
    release(view, path[-1], button, modifiers)


class Chosen(list):
    """What the view said, as (indices, how, mode)."""

    def __init__(self, view: ScatterView) -> None:
        super().__init__()
        view.pointsChosen.connect(lambda indices, how, mode: self.append((indices, how, mode)))


def test_points_given_before_the_kernels_are_loaded_appear_once_they_are(qtbot):
    view = ScatterView()
    qtbot.addWidget(view)
    view.resize(600, 500)
    with qtbot.waitSignal(view.ready, timeout=120_000):
        view.set_points(GRID)
        view.set_colours(np.full(80, 0xFFFF0000, np.uint32))
        view.set_selected(np.arange(80) == 3)
    assert QColor(paint(view).pixel(at(view, 4, 4).toPoint())) == QColor(255, 0, 0)


def test_closing_the_window_while_the_kernels_load_is_no_crash():
    code = """
import os; os.environ["QT_QPA_PLATFORM"] = "offscreen"
import numpy as np
from PySide6.QtWidgets import QApplication
from cxr_explorer.ui.map.scatter_view import ScatterView
app = QApplication([])
view = ScatterView()
view.set_points(np.zeros((5, 2), np.float32))
view.show()
app.processEvents()
view.close()
del view
app.processEvents()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("index", [0, 37, 79])
def test_a_click_chooses_the_point_below_it(qtbot, view, index):
    chosen = Chosen(view)
    qtbot.mouseClick(view.canvas, LEFT, pos=at(view, *GRID[index]).toPoint() + QPoint(2, 1))
    [(indices, how, mode)] = chosen
    assert (indices.tolist(), how, mode) == ([index], "click", "replace")
    assert indices.dtype == np.int64


@pytest.mark.parametrize(
    ("modifiers", "mode"), [(NONE, "replace"), (SHIFT, "add"), (CTRL, "subtract"), (SHIFT | CTRL, "intersect")]
)
def test_modifiers_say_what_a_choice_does(qtbot, view, modifiers, mode):
    assert mode_of(modifiers) == mode
    chosen = Chosen(view)
    qtbot.mouseClick(view.canvas, LEFT, modifiers, at(view, 5, 5).toPoint())
    for tool in ("lasso", "rectangle"):
        view.set_tool(tool)
        drag(view, [at(view, 2.5, 2.5), at(view, 4.5, 2.5), at(view, 4.5, 4.5)], modifiers=modifiers)
    assert [(how, said) for _, how, said in chosen] == [("click", mode), ("lasso", mode), ("rectangle", mode)]


def test_a_click_beside_all_points_is_a_click_on_the_background_unless_it_adds(qtbot, view):
    chosen = Chosen(view)
    with qtbot.waitSignal(view.backgroundClicked):
        qtbot.mouseClick(view.canvas, LEFT, pos=at(view, 4.5, 4.5).toPoint())
    with qtbot.assertNotEmitted(view.backgroundClicked):
        qtbot.mouseClick(view.canvas, LEFT, SHIFT, at(view, 4.5, 4.5).toPoint())
    assert chosen == []


def test_a_double_click_opens_the_point_and_chooses_it_once(qtbot, view):
    chosen = Chosen(view)
    position = at(view, 3, 2)
    with qtbot.waitSignal(view.pointActivated) as opened:
        press(view, position)
        release(view, position)
        mouse(view, QEvent.Type.MouseButtonDblClick, position)
        release(view, position)
    assert opened.args == [23]
    assert len(chosen) == 1
    qtbot.mouseClick(view.canvas, LEFT, pos=position.toPoint())
    assert len(chosen) == 2


def test_a_rectangle_chooses_the_points_in_it_from_any_corner(view):
    view.set_tool("rectangle")
    chosen = Chosen(view)
    expected = np.flatnonzero((GRID[:, 0] >= 2) & (GRID[:, 0] <= 4) & (GRID[:, 1] >= 3) & (GRID[:, 1] <= 6)).tolist()
    corners = [(1.5, 2.5), (4.5, 6.5)], [(4.5, 2.5), (1.5, 6.5)], [(4.5, 6.5), (1.5, 2.5)]
    for start, end in corners:
        drag(view, [at(view, *start), at(view, 3, 3), at(view, *end)])
    assert [indices.tolist() for indices, *_ in chosen] == [expected] * 3


def test_a_lasso_chooses_exactly_the_points_inside_by_their_own_indices(qtbot, view):
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 10, (4000, 2)).astype(np.float32)
    xy[::7] = np.nan
    give_points(qtbot, view, xy)
    view.set_tool("lasso")
    view.canvas.zoom(1.7, at(view, 3, 6))
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    star = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (1.2 + 0.6 * np.cos(5 * turn))[:, None] + (4.5, 5.5)
    path = [QPointF(at(view, *corner).toPoint()) for corner in star]
    chosen = Chosen(view)
    drag(view, path)
    [(indices, how, mode)] = chosen
    assert (how, mode) == ("lasso", "replace")

    corners = np.array([(p.x(), p.y()) for p in map(view.canvas.to_data, path)])
    expected = []
    for index, (x, y) in enumerate(xy.astype(float)):  # even-odd, one point and one edge at a time
        odd = False
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
                odd = not odd
        if odd:
            expected.append(index)
    assert indices.tolist() == expected
    assert len(expected) > 50


def test_an_outline_around_nothing_chooses_nothing(view):
    view.set_tool("rectangle")
    chosen = Chosen(view)
    drag(view, [at(view, 4.3, 4.3), at(view, 4.4, 4.4), at(view, 4.7, 4.7)])
    assert [(indices.tolist(), mode) for indices, _, mode in chosen] == [([], "replace")]


@pytest.mark.parametrize("tool", ["lasso", "rectangle"])
def test_escape_gives_up_an_outline(qtbot, view, tool):
    view.set_tool(tool)
    chosen = Chosen(view)
    before = paint(view)
    press(view, at(view, 1, 1))
    for place in ((5, 1), (5, 5), (1, 5)):
        move(view, at(view, *place), LEFT)
    assert paint(view) != before
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    assert paint(view) == before
    release(view, at(view, 1, 5))
    assert chosen == []
    drag(view, [at(view, 1.5, 1.5), at(view, 3.5, 1.5), at(view, 3.5, 3.5)])
    assert len(chosen) == 1


def test_escape_ends_a_drag_before_it_means_something_to_the_window(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    pressed = []
    action = QAction("Select nothing", window)
    action.setShortcut(QKeySequence(Qt.Key.Key_Escape))
    action.triggered.connect(lambda: pressed.append(True))
    window.addAction(action)
    view = ScatterView()
    window.setCentralWidget(view)
    window.resize(600, 500)
    with qtbot.waitActive(window):
        window.show()
    give_points(qtbot, view, GRID)
    view.canvas.setFocus()
    view.set_tool("lasso")
    press(view, at(view, 1, 1))
    move(view, at(view, 4, 4), LEFT)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    assert pressed == []
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    assert pressed == [True]


@pytest.mark.parametrize(("tool", "button"), [("pan", LEFT), ("pan", RIGHT), ("lasso", RIGHT), ("rectangle", MIDDLE)])
def test_dragging_pans_so_that_the_data_stay_under_the_cursor(view, tool, button):
    view.set_tool(tool)
    chosen = Chosen(view)
    start = at(view, 4, 4)
    drag(view, [start, start + QPointF(20, 10), start + QPointF(60, -35)], button)
    moved = at(view, 4, 4) - start
    assert (moved.x(), moved.y()) == pytest.approx((60, -35), abs=0.01)
    assert chosen == []


def test_with_the_pan_tool_a_modifier_draws_a_rectangle(view):
    chosen = Chosen(view)
    drag(view, [at(view, 0.5, 0.5), at(view, 2, 2), at(view, 2.5, 2.5)], modifiers=SHIFT)
    [(indices, how, mode)] = chosen
    assert (how, mode, len(indices)) == ("rectangle", "add", 4)


def test_a_hand_that_shakes_still_clicks(view):
    view.set_tool("lasso")
    chosen = Chosen(view)
    position = at(view, 6, 6)
    drag(view, [position, position + QPointF(2, 1)])
    assert [(indices.tolist(), how) for indices, how, _ in chosen] == [([66], "click")]


def wheel(view, position: QPointF, steps: int) -> None:
    target = view.canvas
    where = QPointF(target.mapToGlobal(position.toPoint()))
    angle = QPoint(0, 120 * steps)
    held, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    QApplication.sendEvent(target, QWheelEvent(position, where, QPoint(), angle, held, NONE, phase, False))


def test_the_wheel_zooms_about_the_cursor(view):
    position = at(view, 2, 6)
    far = at(view, 8, 1) - position
    wheel(view, position, 2)
    assert at(view, 2, 6).x() == pytest.approx(position.x(), abs=0.01)
    assert at(view, 2, 6).y() == pytest.approx(position.y(), abs=0.01)
    assert (at(view, 8, 1) - position).x() == pytest.approx(far.x() * 1.0016**240)


def test_zooming_ends_where_coordinates_do(view):
    for _ in range(200):
        wheel(view, at(view, 5, 5), 5)
    paint(view)
    assert 0 < view.canvas.seen.width() < 0.01
    for _ in range(200):
        wheel(view, at(view, 5, 5), -5)
    paint(view)
    assert view.canvas.seen.width() < 100


def test_keys_zoom_pan_and_reset(qtbot, view):
    def gap() -> float:
        return at(view, 1, 0).x() - at(view, 0, 0).x()

    start, whole = gap(), at(view, 5, 4)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Plus)
    assert gap() == pytest.approx(1.25 * start)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Minus)
    assert gap() == pytest.approx(start)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert at(view, 5, 4).x() < whole.x()
    qtbot.keyClick(view.canvas, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert at(view, 5, 4).y() > whole.y()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_0):
        view.canvas.zoom(3)
        qtbot.keyClick(view.canvas, key)
        assert (at(view, 5, 4) - whole).manhattanLength() < 0.01


def test_all_points_are_in_view_with_equal_scales_at_any_size(qtbot, view):
    for size in (QSize(600, 500), QSize(300, 700), QSize(900, 200)):
        view.resize(size)
        view.reset_view()
        corners = [at(view, 0, 0), at(view, 9, 7)]
        for corner in corners:
            assert view.canvas.room.contains(corner)
        across = corners[1] - corners[0]
        assert across.x() / 9 == pytest.approx(-across.y() / 7)


def test_centre_on_moves_without_magnifying_and_shows_all(view):
    view.canvas.zoom(8)
    before = view.canvas.seen.width()
    view.centre_on(np.array([79]))
    assert view.canvas.seen.center() == QPointF(9, 7)
    assert view.canvas.seen.width() == pytest.approx(before)
    view.centre_on(np.array([0, 79]))
    assert view.canvas.seen.contains(QPointF(0, 0))
    assert view.canvas.seen.contains(QPointF(9, 7))
    view.centre_on(np.array([], np.int64))


def test_resting_on_a_point_shows_its_thumbnail_and_caption_beside_it(qtbot, view):
    picture = QPixmap(64, 64)
    picture.fill(QColor("red"))
    asked = []
    view.set_thumbnail_source(lambda index: asked.append(index) or picture)
    view.set_caption_source(lambda index: f"image {index}, PA")
    for index in (0, 9, 44, 70, 79):
        position = at(view, *GRID[index])
        with qtbot.waitSignal(view.pointHovered, check_params_cb=lambda seen, index=index: seen == index):
            move(view, position)
        card = view._card
        assert card.isVisible()
        assert card.caption.text() == f"image {index}, PA"
        assert card.thumbnail.pixmap().toImage() == picture.toImage()
        assert view.rect().contains(card.geometry())
        reach = view.canvas.radius_of_points()
        point = QRect(0, 0, round(2 * reach), round(2 * reach))
        point.moveCenter(position.toPoint())
        assert not card.geometry().intersects(point)
    assert asked == [0, 9, 44, 70, 79]
    marked = paint(view)
    with qtbot.waitSignal(view.pointHovered) as seen:
        move(view, at(view, 4.5, 4.5))
    assert seen.args == [-1]
    assert not view._card.isVisible()
    assert paint(view) != marked


def test_leaving_dragging_and_zooming_end_the_hovering(qtbot, view):
    def rest() -> None:
        with qtbot.waitSignal(view.pointHovered):
            move(view, at(view, 3, 3))

    rest()
    with qtbot.waitSignal(view.pointHovered) as seen:
        QApplication.sendEvent(view.canvas, QEvent(QEvent.Type.Leave))
    assert seen.args == [-1]
    rest()
    with qtbot.waitSignal(view.pointHovered) as seen:
        wheel(view, at(view, 3, 3), 1)
    assert seen.args == [-1] and not view._card.isVisible()


def test_a_card_finds_a_side_with_room_or_stays_away():
    room, card = QRect(0, 0, 400, 300), QSize(100, 120)
    for x in range(0, 401, 20):
        for y in range(0, 301, 20):
            corner = place_beside(QPointF(x, y), 10, card, room)
            assert corner is not None
            box = QRect(corner, card)
            assert room.contains(box)
            assert not box.intersects(QRect(x - 8, y - 8, 16, 16))
    assert place_beside(QPointF(50, 50), 10, card, QRect(0, 0, 100, 100)) is None


def test_new_points_forget_what_belonged_to_the_old_ones(qtbot, view):
    fresh = paint(view)
    view.set_colours(np.full(80, 0xFF00FF00, np.uint32))
    view.set_selected(np.ones(80, bool))
    view.set_emphasis(np.zeros(80, bool))
    view.set_current(40)
    view.set_cluster_names([Name(4, 4, "a name")])
    assert paint(view) != fresh
    give_points(qtbot, view, GRID)
    assert paint(view) == fresh


@pytest.mark.parametrize("change", ["colours", "selected", "emphasis", "current", "names", "dark"])
def test_each_property_changes_the_picture(view, change):
    before = paint(view)
    match change:
        case "colours":
            view.set_colours(np.full(80, 0xFF00FF00, np.uint32))
        case "selected":
            view.set_selected(np.arange(80) == 5)
        case "emphasis":
            view.set_emphasis(np.arange(80) == 5)
        case "current":
            view.set_current(5)
        case "names":
            view.set_cluster_names([Name(4.5, 4.5, "Lateral")])
        case "dark":
            view.set_dark(False)
    assert paint(view) != before


def test_names_can_be_hidden_and_do_not_cover_each_other(view):
    bare = paint(view)
    view.set_cluster_names([Name(4.5, 4.5, "Lateral")])
    one = paint(view)
    view.set_cluster_names([Name(4.5, 4.5, "Lateral"), Name(4.51, 4.5, "Supine")])
    assert paint(view) == one
    view.set_names_visible(False)
    assert paint(view) == bare


def test_a_name_has_its_clusters_mark_before_it_only_where_points_are_too_small_for_shapes(qtbot, view):
    def plates() -> list[bool]:
        images = []
        for look in (-1, 1, 2):
            view.set_cluster_names([Name(4.5, 4.5, "Lateral", look)])
            images.append(paint(view))
        return [images[0] != images[1], images[1] != images[2]]

    assert plates() == [False, False]
    give_points(qtbot, view, np.random.default_rng(0).normal(4.5, 1, (150_000, 2)))
    assert plates() == [True, True]


def test_the_ring_around_the_current_image_does_not_cover_it(view):
    view.set_colours(np.full(80, 0xFF00FF00, np.uint32))
    view.set_current(44)
    assert QColor(paint(view).pixel(at(view, *GRID[44]).toPoint())) == QColor(0, 255, 0)


@pytest.mark.parametrize("points", [[], [[np.nan, np.nan]], [[3, 4]], [[5, 5]] * 50])
def test_few_or_equal_points_can_be_looked_at(qtbot, view, points):
    give_points(qtbot, view, points)
    view.set_colours(np.full(len(points), 0xFFFF0000, np.uint32))
    view.set_current(0 if points else -1)
    view.set_current(-1)
    view.reset_view()
    picture = paint(view)
    finite = bool(points) and bool(np.isfinite(points).all())
    middle = QColor(picture.pixel(view.canvas.rect().center()))
    assert (middle.red() > 200) == finite
    view.canvas.zoom(2)
    view.centre_on(np.arange(len(points)))
    chosen = Chosen(view)
    view.set_tool("lasso")
    drag(view, [QPointF(0, 0), QPointF(599, 0), QPointF(599, 499), QPointF(0, 499)])
    assert len(chosen[0][0]) == (len(points) if finite else 0)


def test_a_message_fills_the_map_while_there_are_no_points(qtbot, view):
    give_points(qtbot, view, [])
    blank = paint(view)
    assert QColor(blank.pixel(300, 250)) == QColor.fromRgb(BACKGROUND.argb(True))
    view.set_message("Open a folder of radiographs to begin")
    assert paint(view) != blank
    give_points(qtbot, view, GRID)
    with_points = paint(view)
    view.set_message("")
    assert paint(view) == with_points


def test_values_of_another_length_are_refused(view):
    for give in (view.set_colours, view.set_selected, view.set_emphasis):
        with pytest.raises(ValueError, match="80 values"):
            give(np.zeros(79, np.uint32))
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        view.set_points(np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match="no such tool"):
        view.set_tool("magic wand")


def test_an_unused_mouse_button_is_nobodys_business(view):
    chosen = Chosen(view)
    drag(view, [at(view, 1, 1), at(view, 5, 5)], Qt.MouseButton.BackButton)
    assert chosen == []
