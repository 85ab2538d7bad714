"""The gallery and its thumbnails: what is shown, what is picked, which keys are left alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QColor, QHelpEvent, QImage, QPixmap, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QToolTip
from pytestqt.qtbot import QtBot

from cxr_explorer.images.preprocess import THUMBNAIL_PX
from cxr_explorer.ui.gallery.gallery import Gallery, Mark
from cxr_explorer.ui.gallery.grid import Grid
from cxr_explorer.ui.gallery.tile import readable_on
from cxr_explorer.ui.session.thumbnails import MOST_BYTES, Thumbnails

# Remarks of the offscreen platform: about windows with a smallest size, and about tooltips.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints", "does not support raise")

Key = Qt.Key
NONE = Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


def jpeg(gray: int, width: int = 32, height: int = 32, form: QImage.Format = QImage.Format.Format_Grayscale8) -> bytes:
    image = QImage(width, height, form)
    image.fill(QColor(gray, gray, gray))
    held = QByteArray()
    buffer = QBuffer(held)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "JPG", 100)
    return bytes(held.data())


def gray_of(image_id: int) -> int:
    """Neighbouring ids are easily told apart."""
    return 20 + image_id * 37 % 230


class Store:
    """Stands for the project file: a thumbnail in each image's own gray, and a record of what was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.absent: set[int] = set()

    def __call__(self, ids: Sequence[int]) -> dict[int, bytes]:
        self.asked.extend(ids)
        return {i: jpeg(gray_of(i)) for i in ids if i not in self.absent}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def gallery(qtbot: QtBot, store: Store) -> Iterator[Gallery]:
    gallery = Gallery(Thumbnails(store))
    qtbot.addWidget(gallery)
    gallery.set_tile_size(100)
    gallery.resize(600, 400)  # five columns
    gallery.show()
    qtbot.waitExposed(gallery)
    yield gallery


def centre(gallery: Gallery, image_id: int) -> QPoint:
    position = int(np.flatnonzero(gallery.image_ids() == image_id)[0])
    return gallery._tile_rect(position).center()


def click(gallery: Gallery, image_id: int, modifiers: Qt.KeyboardModifier = NONE) -> None:
    QTest.mouseClick(gallery.viewport(), LEFT, modifiers, centre(gallery, image_id))


def press(gallery: Gallery, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
    QTest.keyClick(gallery, key, modifiers)


def picked(gallery: Gallery) -> list[int]:
    return gallery.picked_ids().tolist()


def shown_gray(gallery: Gallery, image_id: int) -> int:
    return gallery.viewport().grab().toImage().pixelColor(centre(gallery, image_id)).red()


# Thumbnails


def test_get_never_fetches(qapp: QApplication, store: Store) -> None:
    assert Thumbnails(store).get(1) is None
    assert store.asked == []


def test_load_fetches_each_image_once_and_keeps_it(qapp: QApplication, store: Store) -> None:
    thumbnails = Thumbnails(store)
    assert thumbnails.load([3, 1, 2], 10.0)
    assert thumbnails.load([1, 2, 3], 10.0)
    assert store.asked == [3, 1, 2]
    assert isinstance(thumbnails.get(2), QPixmap)


def test_a_used_up_budget_still_makes_progress_and_says_it_is_not_done(qapp: QApplication, store: Store) -> None:
    thumbnails = Thumbnails(store)
    calls = 1
    while not thumbnails.load([1, 2, 3], 0.0):
        calls += 1
    assert calls == 3
    assert store.asked == [1, 2, 3], "what was fetched but not decoded in time is not fetched again"


def test_the_least_recently_used_is_dropped_first(qapp: QApplication, store: Store) -> None:
    thumbnails = Thumbnails(store, capacity_bytes=3 * MOST_BYTES)
    thumbnails.load([1, 2, 3], 10.0)
    thumbnails.get(1)
    thumbnails.load([4], 10.0)
    assert [i for i in (1, 2, 3, 4) if thumbnails.get(i)] == [1, 3, 4]
    assert len(thumbnails) == 3


def test_loading_more_than_fits_keeps_the_first_and_ends(qapp: QApplication, store: Store) -> None:
    thumbnails = Thumbnails(store, capacity_bytes=3 * MOST_BYTES)
    assert thumbnails.load(range(10), 10.0)
    assert [i for i in range(10) if thumbnails.get(i)] == [0, 1, 2]


@pytest.mark.parametrize("size", [(3, 2), (THUMBNAIL_PX, 120), (120, THUMBNAIL_PX), (1200, 900), (5000, 3)])
@pytest.mark.parametrize("form", [QImage.Format.Format_Grayscale8, QImage.Format.Format_RGB32])
def test_whatever_pictures_a_project_holds_they_take_no_more_memory_than_set(
    qapp: QApplication, size: tuple[int, int], form: QImage.Format
) -> None:
    thumbnails = Thumbnails(lambda ids: {i: jpeg(gray_of(i), *size, form) for i in ids}, capacity_bytes=5 * MOST_BYTES)
    thumbnails.load(range(4), 10.0)
    thumbnails.load(range(4, 8), 10.0)
    held = [pixmap for i in range(8) if (pixmap := thumbnails.get(i))]
    assert held and thumbnails.get(7) is not None
    assert sum(pixmap.toImage().sizeInBytes() for pixmap in held) <= 5 * MOST_BYTES
    shown = held[-1].toImage()
    assert abs(shown.pixelColor(shown.rect().center()).red() - gray_of(7)) < 3
    assert abs(shown.width() / size[0] - shown.height() / size[1]) < 1


def test_an_image_without_thumbnail_is_asked_for_once_until_forgotten(qapp: QApplication, store: Store) -> None:
    thumbnails = Thumbnails(store)
    store.absent = {1}
    thumbnails.load([1], 10.0)
    thumbnails.load([1], 10.0)
    assert store.asked == [1]
    assert thumbnails.settled(1)
    assert thumbnails.get(1) is None
    store.absent = set()
    thumbnails.forget([1])
    thumbnails.load([1], 10.0)
    assert thumbnails.get(1) is not None


@pytest.mark.parametrize("broken", [b"", b"not a picture"])
def test_bytes_that_are_no_picture_count_as_none(qapp: QApplication, broken: bytes) -> None:
    thumbnails = Thumbnails(lambda ids: dict.fromkeys(ids, broken))
    assert thumbnails.load([1], 10.0)
    assert thumbnails.get(1) is None


def test_clear_forgets_everything(qapp: QApplication, store: Store) -> None:
    thumbnails = Thumbnails(store)
    thumbnails.load([1], 10.0)
    thumbnails.clear()
    assert thumbnails.get(1) is None
    assert not thumbnails.settled(1)


def test_a_store_that_answers_with_other_images_cannot_put_them_in_place(qapp: QApplication) -> None:
    thumbnails = Thumbnails(lambda ids: {i + 1: jpeg(gray_of(i + 1)) for i in ids})
    thumbnails.load([1, 5], 10.0)
    assert thumbnails.get(1) is None
    assert thumbnails.get(2) is None


# What is shown


def test_every_tile_shows_its_own_image_after_filtering_and_sorting(gallery: Gallery, qtbot: QtBot) -> None:
    everything = np.arange(100, 160)
    filtered = everything[everything % 3 == 0]
    for order in (everything, filtered, filtered[::-1], everything[::-1], np.roll(everything, 7)):
        gallery.set_images(order)
        visible = gallery.visible_ids()
        assert visible == order[: len(visible)].tolist()
        qtbot.waitUntil(lambda ids=visible: all(gallery._thumbnails.get(i) for i in ids))
        for image_id in visible[:15]:
            assert abs(shown_gray(gallery, image_id) - gray_of(image_id)) <= 2


def test_of_100000_images_only_those_near_the_view_are_fetched(gallery: Gallery, store: Store, qtbot: QtBot) -> None:
    gallery.set_images(np.arange(100_000))
    qtbot.waitUntil(lambda: not gallery._timer.isActive() and bool(store.asked))
    assert set(gallery.visible_ids()) <= set(store.asked)
    assert len(store.asked) <= 3 * len(gallery.visible_ids())


def test_after_a_jump_the_images_in_view_are_fetched_first(gallery: Gallery, store: Store, qtbot: QtBot) -> None:
    gallery.set_images(np.arange(100_000))
    qtbot.waitUntil(lambda: not gallery._timer.isActive() and bool(store.asked))
    store.asked.clear()
    gallery.verticalScrollBar().setValue(gallery.verticalScrollBar().maximum() // 2)
    visible = gallery.visible_ids()
    assert 49_000 < visible[0] < 51_000
    qtbot.waitUntil(lambda: not gallery._timer.isActive() and bool(store.asked))
    assert store.asked[: len(visible)] == visible


def test_a_memory_smaller_than_the_view_comes_to_rest(qtbot: QtBot, store: Store) -> None:
    gallery = Gallery(Thumbnails(store, capacity_bytes=4 * MOST_BYTES))
    qtbot.addWidget(gallery)
    gallery.resize(600, 400)
    gallery.set_images(np.arange(50))
    gallery.show()
    qtbot.waitExposed(gallery)
    qtbot.waitUntil(lambda: not gallery._timer.isActive() and bool(store.asked))
    gallery.grab()
    qtbot.waitUntil(lambda: not gallery._timer.isActive())
    assert store.asked == [0, 1, 2, 3]


def test_thumbnails_written_later_appear_after_a_refresh(gallery: Gallery, store: Store, qtbot: QtBot) -> None:
    store.absent = {0}
    gallery.set_images(np.arange(3))
    qtbot.waitUntil(lambda: gallery._thumbnails.settled(0) and not gallery._timer.isActive())
    store.absent = set()
    gallery._thumbnails.forget([0])
    gallery.refresh_thumbnails()
    qtbot.waitUntil(lambda: gallery._thumbnails.get(0) is not None)
    assert abs(shown_gray(gallery, 0) - gray_of(0)) <= 2


def test_marks_are_asked_for_visible_tiles_only_and_again_after_a_refresh(gallery: Gallery) -> None:
    asked: list[int] = []

    def source(image_id: int) -> Mark:
        asked.append(image_id)
        return Mark(badge="Effusion +")

    gallery.set_images(np.arange(1000))
    gallery.set_mark_source(source)
    gallery.grab()
    gallery.grab()
    assert sorted(asked) == gallery.visible_ids()
    gallery.refresh_marks()
    gallery.grab()
    assert sorted(asked) == sorted(2 * gallery.visible_ids())


def test_exclusion_badge_pick_and_current_each_change_the_tile(gallery: Gallery, qtbot: QtBot) -> None:
    gallery.set_images(np.arange(3))
    qtbot.waitUntil(lambda: all(gallery._thumbnails.get(i) for i in range(3)))
    pictures = [gallery.grab().toImage()]
    for mark in (Mark(excluded=True), Mark(badge="3 labels"), Mark(badge="3 labels", colour=QColor("orange"))):
        gallery.set_mark_source(lambda _id, mark=mark: mark)
        pictures.append(gallery.grab().toImage())
    gallery.set_picked(np.array([0]))
    pictures.append(gallery.grab().toImage())
    gallery.set_current(0)
    pictures.append(gallery.grab().toImage())
    for before, after in itertools.pairwise(pictures):
        assert before != after


def test_the_empty_text_is_drawn_when_nothing_is_listed(gallery: Gallery) -> None:
    blank = gallery.grab().toImage()
    gallery.set_empty_text("No images in this cluster.")
    assert gallery.grab().toImage() != blank


@pytest.mark.parametrize(("ground", "ink"), [("#e3a008", "black"), ("#1a3c6e", "white"), ("white", "black")])
def test_text_on_a_badge_contrasts(ground: str, ink: str) -> None:
    assert readable_on(QColor(ground)) == QColor(ink)


# Current and picked


def test_a_click_makes_current_and_picks_that_one(gallery: Gallery) -> None:
    gallery.set_images(np.array([7, 3, 9]))
    heard: list[object] = []
    gallery.currentChanged.connect(heard.append)
    gallery.pickedChanged.connect(lambda ids: heard.append(ids.tolist()))
    click(gallery, 3)
    assert heard == [3, [3]]
    assert gallery.current_id == 3
    assert picked(gallery) == [3]
    click(gallery, 9)
    assert picked(gallery) == [9]


def test_ctrl_click_adds_and_takes_away(gallery: Gallery) -> None:
    gallery.set_images(np.array([7, 3, 9]))
    click(gallery, 9)
    click(gallery, 7, CONTROL)
    assert picked(gallery) == [7, 9], "in the order shown"
    click(gallery, 9, CONTROL)
    assert picked(gallery) == [7]
    assert gallery.current_id == 9


def test_shift_click_picks_the_range_in_the_order_shown(gallery: Gallery) -> None:
    gallery.set_images(np.array([7, 3, 9, 1, 5]))
    click(gallery, 3)
    click(gallery, 1, SHIFT)
    assert picked(gallery) == [3, 9, 1]
    click(gallery, 7, SHIFT)
    assert picked(gallery) == [7, 3], "the range turns about where it began"
    click(gallery, 5, CONTROL)
    click(gallery, 1, CONTROL | SHIFT)
    assert picked(gallery) == [7, 3, 1, 5]


def test_a_click_beside_the_tiles_clears_the_picks_and_keeps_the_current(gallery: Gallery) -> None:
    gallery.set_images(np.arange(3))
    click(gallery, 1)
    QTest.mouseClick(gallery.viewport(), LEFT, NONE, QPoint(300, 380))
    assert picked(gallery) == []
    assert gallery.current_id == 1


def test_a_right_click_keeps_picks_it_falls_on_and_replaces_others(gallery: Gallery) -> None:
    gallery.set_images(np.arange(5))
    gallery.set_picked(np.array([1, 2]))
    QTest.mouseClick(gallery.viewport(), Qt.MouseButton.RightButton, NONE, centre(gallery, 2))
    assert picked(gallery) == [1, 2]
    QTest.mouseClick(gallery.viewport(), Qt.MouseButton.RightButton, NONE, centre(gallery, 4))
    assert picked(gallery) == [4]


def test_escape_clears_the_picks_and_is_then_left_to_the_window(gallery: Gallery, qtbot: QtBot) -> None:
    gallery.set_images(np.arange(5))
    click(gallery, 1)
    with qtbot.waitSignal(gallery.pickedChanged) as blocker:
        press(gallery, Key.Key_Escape)
    assert blocker.args[0].size == 0
    with qtbot.assertNotEmitted(gallery.pickedChanged):
        press(gallery, Key.Key_Escape)


def test_alt_moves_without_picking_and_insert_picks_one_by_one(qtbot: QtBot, gallery: Gallery) -> None:
    gallery.set_images(np.array([7, 3, 9, 1, 5]))
    click(gallery, 7)
    alt = Qt.KeyboardModifier.AltModifier
    for _ in range(2):
        qtbot.keyClick(gallery, Qt.Key.Key_Right, alt)
    assert picked(gallery) == [7]
    qtbot.keyClick(gallery, Qt.Key.Key_Insert)
    qtbot.keyClick(gallery, Qt.Key.Key_Right, alt)
    qtbot.keyClick(gallery, Qt.Key.Key_Return, alt)
    assert picked(gallery) == [7, 9, 1]
    qtbot.keyClick(gallery, Qt.Key.Key_Insert)
    assert picked(gallery) == [7, 9]


def test_ctrl_a_picks_all(gallery: Gallery) -> None:
    gallery.set_images(np.arange(1000))
    press(gallery, Key.Key_A, CONTROL)
    assert gallery.picked_ids().size == 1000
    assert gallery.picked_ids().dtype == np.int64


def test_arrows_move_the_current_and_pick_it_alone(gallery: Gallery) -> None:
    gallery.set_images(np.arange(12))  # rows of five, the last one short
    click(gallery, 0)
    for key, lands in [
        (Key.Key_Right, 1),
        (Key.Key_Down, 6),
        (Key.Key_Down, 11),
        (Key.Key_Down, 11),
        (Key.Key_Right, 11),
        (Key.Key_Home, 0),
        (Key.Key_Up, 0),
        (Key.Key_End, 11),
        (Key.Key_Left, 10),
        (Key.Key_Up, 5),
    ]:
        press(gallery, key)
        assert gallery.current_id == lands
        assert picked(gallery) == [lands]


def test_shift_with_arrows_extends_and_shrinks_the_picks(gallery: Gallery) -> None:
    gallery.set_images(np.arange(12))
    click(gallery, 1)
    press(gallery, Key.Key_Right, SHIFT)
    press(gallery, Key.Key_Down, SHIFT)
    assert picked(gallery) == list(range(1, 8))
    press(gallery, Key.Key_Up, SHIFT)
    assert picked(gallery) == [1, 2]


def test_the_current_tile_is_scrolled_into_view(gallery: Gallery) -> None:
    gallery.set_images(np.arange(100_000))
    click(gallery, 0)
    grid = gallery._grid()
    rows = grid.height // grid.row_pitch
    assert rows > 1
    seen = [0]
    for _ in range(4):
        press(gallery, Key.Key_PageDown)
        seen.append(gallery.current_id)
        assert gallery.viewport().rect().contains(gallery._tile_rect(gallery.current_id))
    assert np.unique(np.diff(seen)).tolist() == [rows * grid.columns], "a page is the full rows in view"
    press(gallery, Key.Key_End)
    assert gallery.viewport().rect().contains(gallery._tile_rect(99_999))


def test_the_first_arrow_without_a_current_starts_where_the_reader_looks(gallery: Gallery) -> None:
    gallery.set_images(np.arange(100_000))
    gallery.verticalScrollBar().setValue(gallery._grid().row_pitch * 1000)
    press(gallery, Key.Key_Right)
    assert gallery.current_id == 5000


def test_enter_and_double_click_activate(gallery: Gallery, qtbot: QtBot) -> None:
    gallery.set_images(np.array([7, 3, 9]))
    click(gallery, 3)
    with qtbot.waitSignal(gallery.activated) as blocker:
        press(gallery, Key.Key_Return)
    assert blocker.args == [3]
    with qtbot.waitSignal(gallery.activated) as blocker:
        QTest.mouseDClick(gallery.viewport(), LEFT, NONE, centre(gallery, 9))
    assert blocker.args == [9]


def test_what_is_out_of_sight_is_not_picked(gallery: Gallery, qtbot: QtBot) -> None:
    gallery.set_images(np.arange(10))
    click(gallery, 4)
    click(gallery, 6, SHIFT)
    with qtbot.waitSignal(gallery.pickedChanged):
        gallery.set_images(np.array([6, 5, 20]))
    assert picked(gallery) == [6, 5]
    assert gallery.current_id == 6
    with qtbot.waitSignals([gallery.pickedChanged, gallery.currentChanged]):
        gallery.set_images(np.array([20, 21]))
    assert picked(gallery) == []
    assert gallery.current_id == -1


def test_the_same_images_again_change_nothing(gallery: Gallery, qtbot: QtBot) -> None:
    gallery.set_images(np.arange(10))
    click(gallery, 4)
    with qtbot.assertNotEmitted(gallery.pickedChanged), qtbot.assertNotEmitted(gallery.currentChanged):
        gallery.set_images(np.arange(10))
        click(gallery, 4)


def test_the_callers_array_may_change_afterwards(gallery: Gallery) -> None:
    ids = np.arange(10)
    gallery.set_images(ids)
    ids[:] = 0
    assert gallery.image_ids().tolist() == list(range(10))


def test_keys_of_the_window_reach_it(qtbot: QtBot, store: Store) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    gallery = Gallery(Thumbnails(store))
    window.setCentralWidget(gallery)
    gallery.set_images(np.arange(10))
    hit: list[str] = []
    for shortcut in ("1", "Space", "X", "A", "Ctrl+Z", "Right", "Escape"):
        action = QAction(window)
        action.setShortcut(shortcut)
        action.triggered.connect(lambda _checked=False, name=shortcut: hit.append(name))
        window.addAction(action)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    gallery.setFocus()
    qtbot.waitUntil(gallery.hasFocus)
    for key in (Key.Key_1, Key.Key_Space, Key.Key_X, Key.Key_A):
        press(gallery, key)
    press(gallery, Key.Key_Z, CONTROL)
    assert hit == ["1", "Space", "X", "A", "Ctrl+Z"]
    press(gallery, Key.Key_Right)
    press(gallery, Key.Key_Escape)
    assert hit == ["1", "Space", "X", "A", "Ctrl+Z"], "a focused gallery keeps its own keys"
    press(gallery, Key.Key_Escape)
    assert hit[-1] == "Escape", "nothing picked: back"


# Size and place


def wheel(gallery: Gallery, turned: int, modifiers: Qt.KeyboardModifier) -> None:
    place = QPointF(gallery.viewport().rect().center())
    event = QWheelEvent(
        place,
        gallery.viewport().mapToGlobal(place),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(gallery.viewport(), event)


def test_the_wheel_scrolls_and_with_ctrl_sizes_the_tiles(gallery: Gallery) -> None:
    gallery.set_images(np.arange(1000))
    wheel(gallery, -120, NONE)
    assert gallery.verticalScrollBar().value() > 0
    before = gallery.tile_size
    wheel(gallery, 120, CONTROL)
    assert gallery.tile_size > before
    wheel(gallery, -60, CONTROL)
    wheel(gallery, -60, CONTROL)
    assert gallery.tile_size == before, "half turns of a fine wheel add up"


def test_ctrl_plus_and_minus_size_the_tiles_within_bounds(gallery: Gallery, qtbot: QtBot) -> None:
    with qtbot.waitSignal(gallery.tileSizeChanged):
        press(gallery, Key.Key_Plus, CONTROL)
    for _ in range(20):
        press(gallery, Key.Key_Plus, CONTROL)
    assert gallery.tile_size == 240
    for _ in range(20):
        press(gallery, Key.Key_Minus, CONTROL)
    assert gallery.tile_size == 96


def test_the_current_tile_keeps_its_height_when_tiles_are_sized(gallery: Gallery) -> None:
    gallery.set_images(np.arange(100_000))
    gallery.set_current(50_003)
    top = gallery._tile_rect(50_003).top()
    gallery.set_tile_size(180)
    assert gallery._tile_rect(50_003).top() == top


def test_what_is_looked_at_stays_in_view_when_the_width_changes(gallery: Gallery) -> None:
    gallery.set_images(np.arange(100_000))
    gallery.verticalScrollBar().setValue(gallery._grid().row_pitch * 1000 + 30)
    for width in (1000, 300, 600):
        first = gallery.visible_ids()[0]
        gallery.resize(width, 400)
        assert first in gallery.visible_ids()


def test_tooltips_come_from_the_mark(gallery: Gallery) -> None:
    gallery.set_images(np.arange(3))
    gallery.set_mark_source(lambda image_id: Mark(tooltip=f"image {image_id}"))
    place = centre(gallery, 2)
    QApplication.sendEvent(
        gallery.viewport(), QHelpEvent(QHelpEvent.Type.ToolTip, place, gallery.viewport().mapToGlobal(place))
    )
    assert QToolTip.text() == "image 2"
    QToolTip.hideText()


def test_the_current_image_is_told_to_a_screen_reader(gallery: Gallery) -> None:
    gallery.set_mark_source(lambda _id: Mark(excluded=True, badge="Effusion +"))
    gallery.set_images(np.arange(3))
    assert gallery.accessibleName()
    gallery.set_current(1)
    assert gallery.accessibleDescription() == "Image 2 of 3. Effusion +. excluded"


@pytest.mark.parametrize("width", [80, 300, 611])
def test_points_in_a_tile_lead_to_it_and_points_between_lead_nowhere(width: int) -> None:
    grid = Grid(count=23, tile_px=100, width=width, height=400, foot_px=20)
    for position in range(23):
        rect = grid.rect(position, scrolled=150)
        for point in (rect.topLeft(), rect.center(), rect.bottomRight(), rect.bottomLeft() + QPoint(0, 20)):
            assert grid.position_at(point, 150) == position
        assert position in range(*grid.between(rect.top(), rect.top(), 150))
        assert position in range(*grid.between(rect.bottom(), rect.bottom(), 150))
        assert position not in range(*grid.between(rect.bottom() + 20, rect.bottom() + 20, 150))
        assert grid.position_at(rect.topLeft() - QPoint(1, 1), 150) == -1
    assert grid.position_at(grid.rect(23, 150).center(), 150) == -1
