"""Panes around the map, hardly any around a film; all of them as they were left."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt

from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window, press

Key = Qt.Key


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def seen(window: MainWindow) -> set[str]:
    return {name for name, pane in window.workspaces.panes.items() if pane.isVisible()}


def open_image(qtbot, window: MainWindow) -> None:
    window.session.set_current(1)
    window.open_image()
    qtbot.waitUntil(lambda: not window.session.why_unseen())


def film(window: MainWindow) -> QRect:
    picture = window.image_page.view.picture
    return QRect(picture.mapTo(window, QPoint(0, 0)), picture.size())


def test_while_nothing_is_open_there_are_no_panes(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path)
    assert seen(window) == set()
    qtbot.keyClick(window, Key.Key_F9)
    assert seen(window) == set()


def test_an_open_image_has_the_findings_beside_it_and_nothing_else(qtbot, window: MainWindow) -> None:
    assert seen(window) == {"clusters", "gallery", "findings"}
    open_image(qtbot, window)
    assert seen(window) == {"findings"}
    room = film(window)
    assert room.width() * room.height() >= 0.65 * window.width() * window.height()
    press(qtbot, window, Key.Key_Escape)
    assert seen(window) == {"clusters", "gallery", "findings"}


def test_the_film_stays_where_it_is_when_an_answer_is_given(qtbot, window: MainWindow) -> None:
    open_image(qtbot, window)
    before = film(window)
    press(qtbot, window, Key.Key_1, Key.Key_2, Key.Key_0)
    assert film(window) == before
    press(qtbot, window, Key.Key_Right)
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    assert film(window) == before
    window.reading.start("Read", window.session.map.image_ids, "Mass")  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    assert film(window) == before
    press(qtbot, window, Key.Key_A)
    assert film(window) == before


def test_one_key_puts_all_panes_away_for_this_kind_of_work_alone(qtbot, window: MainWindow) -> None:
    open_image(qtbot, window)
    qtbot.keyClick(window, Key.Key_F9)
    assert seen(window) == set()
    qtbot.waitUntil(lambda: film(window).width() >= window.width() - 6)  # the edge of the picture
    press(qtbot, window, Key.Key_Escape)
    assert seen(window) == {"clusters", "gallery", "findings"}
    open_image(qtbot, window)
    assert seen(window) == set()
    qtbot.keyClick(window, Key.Key_F9)
    assert seen(window) == {"findings"}


def test_a_pane_is_put_away_by_name_and_stays_away(qtbot, window: MainWindow) -> None:
    window.actions_by_name["pane_gallery"].trigger()
    assert seen(window) == {"clusters", "findings"}
    open_image(qtbot, window)
    window.actions_by_name["pane_gallery"].trigger()
    assert seen(window) == {"gallery", "findings"}
    press(qtbot, window, Key.Key_Escape)
    assert seen(window) == {"clusters", "findings"}
    window.actions_by_name["panes_reset"].trigger()
    assert seen(window) == {"clusters", "gallery", "findings"}


def test_the_next_start_has_the_panes_as_they_were_left(qtbot, tmp_path: Path, window: MainWindow) -> None:
    window.actions_by_name["pane_clusters"].trigger()
    open_image(qtbot, window)
    qtbot.keyClick(window, Key.Key_F9)
    window.close()
    again = open_window(qtbot, tmp_path, tmp_path / "test.cxr")
    assert seen(again) == {"gallery", "findings"}
    open_image(qtbot, again)
    assert seen(again) == set()


def test_panes_can_leave_the_window_and_come_back(qtbot, window: MainWindow) -> None:
    pane = window.workspaces.panes["findings"]
    pane.setFloating(True)
    window.session.select_cluster(0)
    press(qtbot, window, Key.Key_2)
    assert pane.isVisible()
    open_image(qtbot, window)
    press(qtbot, window, Key.Key_Escape)
    assert pane.isFloating() and pane.isVisible()
    window.actions_by_name["panes_reset"].trigger()
    assert not pane.isFloating()


def test_what_was_kept_and_cannot_be_read_does_no_harm(qtbot, tmp_path: Path) -> None:
    path = make_project(tmp_path)
    first = open_window(qtbot, tmp_path)
    for work in ("explore", "read", "sheet"):
        first.settings.setValue(f"panes/{work}", "not an arrangement")
    first.settings.setValue("panes/bare", 7)
    first.settings.sync()
    again = open_window(qtbot, tmp_path, path)
    assert seen(again) == {"clusters", "gallery", "findings"}


def test_f11_fills_the_screen_and_gives_it_back(qtbot, window: MainWindow) -> None:
    qtbot.keyClick(window, Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Key.Key_F11)
    assert not window.isFullScreen()
