"""Images side by side in the real window."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu

from cxr_explorer.images.radiograph import Window
from cxr_explorer.labels.label import Value
from cxr_explorer.project import label_columns
from cxr_explorer.ui.compare.compare_page import ComparePage
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.session.selection import Ranking
from tests.ui.find.test_find import make_alike, start_at
from tests.ui.windows import open_window

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_alike(tmp_path))


def page_of(qtbot, window: MainWindow, *picked: int) -> ComparePage:  # type: ignore[no-untyped-def]
    """The picked images side by side, all of them read."""
    window.session.select_all()
    window.gallery_panel.gallery.set_picked(np.array(picked))
    qtbot.keyClick(window, Key.Key_H)
    page = window.compare.page
    qtbot.waitUntil(lambda: bool(page.keys))  # embeddings are read between events
    qtbot.waitUntil(lambda: all(pane.picture.has_picture for pane in page.panes), timeout=10_000)
    return page


def effusions(window: MainWindow) -> dict[int, int]:
    project = window.session.project
    assert project is not None
    column = label_columns.label_column(project, "Effusion", window.session.reader)
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


def test_picked_images_lie_side_by_side_in_the_order_of_the_gallery(qtbot, window: MainWindow) -> None:
    window.session.set_order("file")
    page = page_of(qtbot, window, 7, 2, 4)
    assert page.keys == [2, 4, 7]
    assert window.centre.currentWidget() is page
    assert page.hasFocus()
    title, about, labels = page.panes[0].caption
    assert title == "01.png"
    assert "Cluster 1" in about
    assert "AP" in about
    assert labels == "No labels"


def test_of_more_than_four_picked_the_first_are_shown_and_it_is_said(qtbot, window: MainWindow) -> None:
    window.session.set_order("file")
    page = page_of(qtbot, window, 1, 2, 3, 4, 5, 6)
    assert page.keys == [1, 2, 3, 4]
    assert "first 4 of 6" in window._said.text()


def test_the_current_image_lies_beside_those_most_like_it(qtbot, window: MainWindow) -> None:
    start_at(window, 5)
    qtbot.keyClick(window, Key.Key_H)
    page = window.compare.page
    qtbot.waitUntil(lambda: bool(page.keys))  # embeddings are read between events
    assert page.keys[0] == 5
    assert set(page.keys[1:]) == {4, 6, 3}
    assert window.session.current_id == 5
    assert page.panes[0].focused


def test_without_an_image_it_says_what_to_do(qtbot, window: MainWindow) -> None:
    qtbot.keyClick(window, Key.Key_H)
    assert "Pick two to four images" in window._said.text()
    assert window.session.page == "map"


def test_arrows_move_the_focus_and_number_keys_label_that_image_alone(qtbot, window: MainWindow) -> None:
    window.session.set_order("file")
    page = page_of(qtbot, window, 2, 4)
    page.resize(900, 500)
    qtbot.keyClick(page, Key.Key_Right)
    assert window.session.current_id == 4
    assert [pane.focused for pane in page.panes] == [False, True]
    assert window.session.target().ids.tolist() == [4]
    qtbot.keyClick(page, Key.Key_4)
    assert effusions(window) == {4: 1}
    assert page.panes[1].caption[2] == "Effusion +"
    qtbot.keyClick(page, Key.Key_Left)
    qtbot.keyClick(page, Key.Key_4, Modifier.ControlModifier)
    assert effusions(window) == {4: 1, 2: 0}
    qtbot.keyClick(page, Key.Key_Z, Modifier.ControlModifier)
    assert effusions(window) == {4: 1}
    assert page.panes[0].caption[2] == "No labels"


def test_space_excludes_the_image_in_focus(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4)
    focused = window.session.current_id
    qtbot.keyClick(page, Key.Key_Space)
    project = window.session.project
    assert project is not None
    assert project.excluded_ids().tolist() == [focused]
    assert page.focused is not None
    assert "excluded" in page.focused.caption[2]


def test_a_click_puts_an_image_in_focus(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4)
    qtbot.mouseClick(page.panes[1].picture, Qt.MouseButton.LeftButton)
    assert page.panes[1].focused
    assert window.session.current_id == page.keys[1]


def test_a_right_click_puts_an_image_in_focus_and_says_what_can_be_done_with_it(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 1, 5)
    qtbot.mouseClick(page.panes[1].picture, Qt.MouseButton.RightButton)
    (menu,) = (one for one in window.findChildren(QMenu) if one.isVisible())
    assert page.panes[1].focused
    assert window.session.current_id == page.panes[1].key
    texts = {action.text().replace("&", "") for action in menu.actions()}
    assert {"Normal", "Similar images", "Copy path"} <= texts
    menu.close()


def drag(qtbot, page: ComparePage, pane: int, by: QPoint) -> None:  # type: ignore[no-untyped-def]
    picture = page.panes[pane].picture
    qtbot.mousePress(picture, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    qtbot.mouseMove(picture, QPoint(50, 50) + by / 2)
    qtbot.mouseMove(picture, QPoint(50, 50) + by)
    qtbot.mouseRelease(picture, Qt.MouseButton.LeftButton, pos=QPoint(50, 50) + by)


def turn_wheel(page: ComparePage, pane: int) -> None:
    picture = page.panes[pane].picture
    middle = QPointF(picture.rect().center())
    event = QWheelEvent(
        middle,
        picture.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Modifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(picture, event)


def windows(page: ComparePage) -> list[tuple[float, float]]:
    found = []
    for pane in page.panes:
        assert isinstance(pane.picture.voi, Window)
        found.append((pane.picture.voi.centre, pane.picture.voi.width))
    return found


def test_zoom_and_window_go_together(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4, 6)
    turn_wheel(page, 1)
    zooms = [pane.picture.view[0] for pane in page.panes]
    assert zooms == pytest.approx([1.25**2] * 3)
    before = windows(page)
    drag(qtbot, page, 0, QPoint(40, 20))
    assert all(now != was for now, was in zip(windows(page), before, strict=True))


def test_unlinked_images_each_have_their_own(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4)
    qtbot.keyClick(page, Key.Key_H, Modifier.ShiftModifier)
    assert page.buttons["compare_linked"].text() == "Not linked"
    turn_wheel(page, 0)
    assert [pane.picture.fits for pane in page.panes] == [False, True]
    qtbot.keyClick(page, Key.Key_I)
    assert [pane.picture.inverted_by_reader for pane in page.panes] == [pane.focused for pane in page.panes]
    qtbot.keyClick(page, Key.Key_H, Modifier.ShiftModifier)
    assert page.focused is not None
    assert {pane.picture.fits for pane in page.panes} == {page.focused.picture.fits}
    assert {pane.picture.inverted_by_reader for pane in page.panes} == {True}


def test_the_viewers_keys_act_on_all_images(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4)
    qtbot.keyClick(page, Key.Key_Z)
    assert [pane.picture.zoom for pane in page.panes] == pytest.approx([1, 1])
    qtbot.keyClick(page, Key.Key_I)
    assert all(pane.picture.inverted_by_reader for pane in page.panes)
    qtbot.keyClick(page, Key.Key_W)
    assert not any(pane.picture.inverted_by_reader for pane in page.panes)
    qtbot.keyClick(page, Key.Key_F)
    assert all(pane.picture.fits for pane in page.panes)
    qtbot.keyClick(page, Key.Key_Plus)
    assert all(not pane.picture.fits for pane in page.panes)
    qtbot.keyClick(page, Key.Key_T)
    assert all(pane.picture.overlay for pane in page.panes)


def test_a_change_of_size_is_no_zoom_of_the_readers(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4)
    turn_wheel(page, 0)
    before = [pane.picture.zoom for pane in page.panes]
    page.panes[0].picture.resize(page.panes[0].picture.width() - 20, page.panes[0].picture.height())
    assert [pane.picture.zoom for pane in page.panes] == before


def test_an_image_chosen_in_the_gallery_takes_the_place_of_the_one_in_focus(qtbot, window: MainWindow) -> None:
    window.session.set_order("file")
    page = page_of(qtbot, window, 2, 4)
    qtbot.keyClick(page, Key.Key_Right)
    window.gallery_panel.gallery.set_current(9)
    assert page.keys == [2, 9]
    assert window.session.target().ids.tolist() == [9]
    assert page.panes[1].caption[0] == "08.png"
    qtbot.waitUntil(lambda: page.panes[1].picture.has_picture, timeout=10_000)


def test_images_that_are_not_selected_can_be_compared_and_labelled(qtbot, window: MainWindow) -> None:
    start_at(window, 5)
    window.gallery_panel.gallery.set_current(5)
    qtbot.keyClick(window, Key.Key_H)
    page = window.compare.page
    qtbot.waitUntil(lambda: bool(page.keys))  # embeddings are read between events
    page.step_focus(1)
    other = page.keys[1]
    assert window.session.current_id == other
    qtbot.keyClick(page, Key.Key_4)
    assert effusions(window) == {other: Value.PRESENT}
    assert window.session.page == "compare"


def test_h_and_esc_lead_back_to_the_map(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4)
    qtbot.keyClick(page, Key.Key_H)
    assert window.map_page.isVisible()
    assert page.panes == []
    page_of(qtbot, window, 2, 4)
    qtbot.keyClick(page, Key.Key_Escape)
    assert window.map_page.isVisible()
    assert window.session.picked.tolist() == [2, 4]


def test_o_opens_the_image_in_focus_full_size(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4)
    focused = window.session.current_id
    qtbot.keyClick(page, Key.Key_O)
    assert window.image_page.isVisible()
    assert window.session.current_id == focused
    qtbot.keyClick(window.image_page.view, Key.Key_Escape)
    assert page.isVisible()
    assert page.keys == [2, 4] or page.keys == [4, 2]
    qtbot.keyClick(page, Key.Key_Escape)
    assert window.map_page.isVisible()


def test_another_selection_ends_the_comparison(qtbot, window: MainWindow) -> None:
    page_of(qtbot, window, 2, 4)
    window.session.select_cluster(1)
    assert window.session.page == "map"


def test_a_file_from_elsewhere_lies_beside_what_is_like_it_and_takes_no_label(
    qtbot, window: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "images" / "00.png"
    ranking = Ranking(np.array([3, 1, 2]), "Most alike first", "Like x", {3: "0.90"})
    window.session.select_ranked(ranking)
    thumbnail = window.session.project.thumbnails([1])[1]  # type: ignore[union-attr]
    window.finder.strip.show_found(path, thumbnail, np.array([0.9, 0.5], np.float32), ranking)
    window.finder.strip.compare.click()
    page = window.compare.page
    assert page.keys == [-2, 3, 1, 2]
    assert window.session.current_id == 3
    assert page.panes[1].caption[1].startswith("0.90 · ")
    page.step_focus(-1)
    assert page.panes[0].focused
    assert window.session.target().ids.size == 0
    qtbot.keyClick(page, Key.Key_4)
    assert effusions(window) == {}
    assert window.session.page == "compare"


def test_a_file_that_cannot_be_read_says_so_in_its_place(qtbot, window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "images" / "01.png").write_bytes(b"gone")
    window.session.select_all()
    window.gallery_panel.gallery.set_picked(np.array([2, 4]))
    qtbot.keyClick(window, Key.Key_H)
    page = window.compare.page
    qtbot.waitUntil(lambda: bool(page.keys))  # embeddings are read between events
    broken = page.panes[page.keys.index(2)]
    qtbot.waitUntil(lambda: broken.picture._failed, timeout=10_000)
    assert not broken.picture.has_picture


@pytest.mark.parametrize(("count", "size", "columns"), [(2, (900, 500), 2), (2, (400, 900), 1), (4, (900, 700), 2)])
def test_the_grid_makes_the_pictures_as_large_as_the_room_allows(
    qtbot, window: MainWindow, count: int, size: tuple[int, int], columns: int
) -> None:
    page = page_of(qtbot, window, *range(1, count + 1))
    page.resize(*size)
    assert page._columns() == columns


def test_a_file_lies_beside_the_picked_ones_of_those_found(qtbot, window: MainWindow, tmp_path: Path) -> None:
    ranking = Ranking(np.array([3, 1, 2, 5]), "Likeness", "Like x")
    window.session.select_ranked(ranking)
    thumbnail = window.session.project.thumbnails([1])[1]  # type: ignore[union-attr]
    window.finder.strip.show_found(tmp_path / "images" / "00.png", thumbnail, np.array([0.9], np.float32), ranking)
    window.gallery_panel.gallery.set_picked(np.array([2, 5]))
    qtbot.keyClick(window, Key.Key_H)
    assert window.compare.page.keys == [-2, 2, 5]


def test_another_project_takes_the_comparison_away(qtbot, window: MainWindow) -> None:
    page = page_of(qtbot, window, 2, 4)
    window.session.close()
    assert page.keys == []
    window.session.show_labels_anew()
