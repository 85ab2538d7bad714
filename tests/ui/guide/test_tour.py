"""The tour: bubbles beside the real controls, by Enter or by doing what they say."""

from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QApplication

from cxr_explorer.ui.guide import guide as guide_module
from cxr_explorer.ui.guide.tour import beside
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.activateWindow()
    return window


def title(window: MainWindow) -> str:
    step = window.guide.tour.step
    return step.title if step is not None else ""


def test_enter_goes_through_all_of_it_and_changes_no_label(qtbot, window: MainWindow) -> None:
    tour = window.guide.tour
    qtbot.keyClick(window, Key.Key_F1, Modifier.ShiftModifier)
    assert QApplication.focusWidget() is tour.bubble
    seen = []
    while tour.active:
        seen.append(title(window))
        assert window.rect().contains(tour.bubble.geometry())
        qtbot.keyClick(tour.bubble, Key.Key_Return)
    assert len(seen) == 8  # without the one about an open image
    assert not tour.bubble.isVisible()
    assert not window.actions_by_name["undo"].isEnabled()


def test_doing_what_a_bubble_says_goes_on_too(qtbot, window: MainWindow) -> None:
    window.guide.show_tour()
    qtbot.keyClick(window.guide.tour.bubble, Key.Key_Return)
    for key, modifier, comes in (
        (Key.Key_N, Modifier.NoModifier, "Its images"),
        (Key.Key_O, Modifier.NoModifier, "Full size"),
        (Key.Key_Escape, Modifier.NoModifier, "Label them all at once"),
        (Key.Key_1, Modifier.NoModifier, "Take it back"),
        (Key.Key_Z, Modifier.ControlModifier, "And so on"),
    ):
        qtbot.keyClick(QApplication.focusWidget(), key, modifier)
        qtbot.waitUntil(lambda comes=comes: title(window) == comes)
    qtbot.keyClick(window.guide.tour.bubble, Key.Key_Escape)
    assert not window.guide.tour.active
    assert window.session.selection.cluster is not None  # Esc was the bubble's


def test_the_demo_starts_it_once_and_never_again_unless_asked(
    qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_project(tmp_path)
    path.rename(tmp_path / "demo.cxr")
    monkeypatch.setattr(guide_module, "demo_home", lambda: tmp_path)
    window = open_window(qtbot, tmp_path, tmp_path / "demo.cxr")
    assert window.guide.tour.active
    window.close()
    again = open_window(qtbot, tmp_path, tmp_path / "demo.cxr")
    assert not again.guide.tour.active
    again.guide.show_tour()
    assert again.guide.tour.active


def test_a_project_of_ones_own_starts_no_tour(window: MainWindow) -> None:
    assert not window.guide.tour.active


def test_asked_for_before_anything_is_open_it_opens_the_demo(
    qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(qtbot, tmp_path)
    opened: list[int] = []
    monkeypatch.setattr(window.runs, "open_demo", lambda: opened.append(1))
    window.files.welcome.tourWanted.emit()
    assert opened == [1]
    assert not window.guide.tour.active


@pytest.mark.parametrize(
    "target",
    [
        QRect(0, 24, 230, 560),
        QRect(230, 64, 800, 520),
        QRect(1035, 24, 331, 560),
        QRect(0, 586, 1366, 150),
        QRect(0, 0, 1366, 24),
    ],
)
def test_a_bubble_lies_in_the_window_and_beside_what_leaves_room(target: QRect) -> None:
    room, size = QRect(0, 0, 1366, 768), QSize(360, 170)
    found = QRect(beside(target, size, room), size)
    assert room.contains(found)
    assert not found.intersects(target) or target.width() > 700
