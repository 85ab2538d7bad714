"""Films of several frames in the viewer: any of them can be looked at, and nothing that is stored changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.images.dicom_frames import Frame
from cxr_explorer.project.project import Project
from cxr_explorer.project.redrawn import show_frame
from cxr_explorer.ui.main_window import MainWindow
from tests.images.test_dicom_frames import frames, several
from tests.ui.windows import make_project, open_window, press

Key = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier
FILMS = frames(7)


def window_on(qtbot, home: Path, frame: Frame = "middle") -> MainWindow:  # type: ignore[no-untyped-def]
    """The film that the gallery shows last has seven frames, all others one."""
    path = make_project(home)
    (home / "images" / "00.png").write_bytes(several(FILMS))
    with Project.open(path) as project:
        show_frame(project, frame)
    window = open_window(qtbot, home, path)
    window.session.select_all()
    window.session.set_current(1)
    window.open_image()
    qtbot.waitUntil(lambda: not window.session.why_unseen(), timeout=30_000)
    return window


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:  # type: ignore[no-untyped-def]
    return window_on(qtbot, tmp_path)


def on_screen(window: MainWindow) -> int:
    """The number of the frame whose picture is shown."""
    film = window.image_page.view.picture.radiograph
    assert film is not None
    (number,) = (n for n, values in enumerate(FILMS, 1) if np.array_equal(film.values, values))
    assert window.image_page.view.frame_text.text() == f"Frame {number} of 7"
    return number


def marks(window: MainWindow) -> list[str]:
    return window.image_page.view.picture.done_by_reader()


def test_keys_go_from_frame_to_frame_and_end_at_the_last(qtbot, window: MainWindow) -> None:
    view = window.image_page.view
    assert on_screen(window) == 4 and not marks(window)
    assert view.frame_text.isVisible()
    qtbot.keyClick(view, Key.Key_Period, ALT)
    qtbot.waitUntil(lambda: on_screen(window) == 5, timeout=30_000)
    assert marks(window) == ["FRAME 5 of 7 by you"]
    assert "analysed is frame 4" in view.picture.corners().what
    for _ in range(9):  # faster than files are read: those in between may be left out
        qtbot.keyClick(view, Key.Key_PageDown, ALT)
    qtbot.waitUntil(lambda: on_screen(window) == 7, timeout=30_000)
    assert not view.buttons["frame_next"].isEnabled()
    for _ in range(3):
        view.buttons["frame_previous"].click()
    qtbot.waitUntil(lambda: on_screen(window) == 4, timeout=30_000)
    assert not marks(window)
    qtbot.keyClick(view, Key.Key_Comma, ALT)
    qtbot.waitUntil(lambda: on_screen(window) == 3, timeout=30_000)


def test_another_frame_is_looked_at_as_this_one_was(qtbot, window: MainWindow) -> None:
    picture = window.image_page.view.picture
    picture.mirror()
    picture.turn()
    picture.invert()
    picture.zoom_actual()
    picture.zoom_in()
    before = picture.view
    window.image_page.step_frame(1)
    qtbot.waitUntil(lambda: on_screen(window) == 5, timeout=30_000)
    assert marks(window) == ["FRAME 5 of 7 by you", "INVERTED by you", "MIRRORED by you", "TURNED 90° by you"]
    assert picture.view == pytest.approx(before)


def test_nothing_stored_changes_and_the_film_begins_with_its_own_frame_again(qtbot, window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    before = list(project.db.conn.iterdump())
    window.image_page.step_frame(2)
    qtbot.waitUntil(lambda: on_screen(window) == 6, timeout=30_000)
    assert list(project.db.conn.iterdump()) == before
    assert not window.session.why_unseen()
    press(qtbot, window, Key.Key_Left)
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    assert not marks(window)
    press(qtbot, window, Key.Key_Right)
    qtbot.waitUntil(lambda: not window.session.why_unseen(), timeout=30_000)
    assert on_screen(window) == 4 and not marks(window)


def test_of_a_film_of_one_frame_the_actions_are_off_and_say_why(qtbot, window: MainWindow) -> None:
    action = window.actions_by_name["next_frame"]
    assert action.isEnabled()
    press(qtbot, window, Key.Key_Left)
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    assert not action.isEnabled()
    assert "one frame" in action.statusTip()
    assert not window.image_page.view.frame_text.isVisible()
    window.image_page.step_frame(1)
    press(qtbot, window, Key.Key_Right)
    qtbot.waitUntil(action.isEnabled, timeout=30_000)
    window.session.view_image(False)
    assert not action.isEnabled()


def test_a_damaged_frame_is_told_and_the_one_before_stays(qtbot, tmp_path: Path, window: MainWindow) -> None:
    said: list[str] = []
    window.session.said.connect(said.append)
    (tmp_path / "images" / "00.png").write_bytes(several(FILMS)[:-20_000])  # the end of it is gone
    window.image_page.step_frame(3)
    qtbot.waitUntil(lambda: bool(said), timeout=30_000)
    assert said[0].startswith("Frame 7 cannot be shown. Damaged")
    assert on_screen(window) == 4


def test_the_viewer_begins_with_the_projects_frame(qtbot, tmp_path: Path) -> None:
    window = window_on(qtbot, tmp_path, "last")
    assert on_screen(window) == 7 and not marks(window)
