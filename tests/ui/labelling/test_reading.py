"""Reading images one after another in the real window."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.images.dicom_frames import Frame
from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.labels.label import Value
from cxr_explorer.project import acts, label_columns
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.viewer import full_size
from tests.ui.windows import make_project, open_window, press

Key = Qt.Key


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def labels(window: MainWindow) -> dict[int, int]:
    project = window.session.project
    assert project is not None
    column = label_columns.label_column(project, "Pneumonia", window.session.reader)
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


def start(window: MainWindow, *image_ids: int, **more) -> None:  # type: ignore[no-untyped-def]
    window.reading.start("Random images", np.array(image_ids, np.int64), "Pneumonia", **more)


class SlowDisk:
    """Holds back the files read full size until they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.read: list[str] = []
        self._real = full_size.read
        monkeypatch.setattr(full_size, "read", self._read)

    def _read(self, path: Path, *frame: Frame) -> Radiograph:
        self.read.append(path.name)
        self.open.wait(30)
        return self._real(path, *frame)


@pytest.fixture
def disk(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    found = SlowDisk(monkeypatch)
    yield found
    found.open.set()  # or the window could not close


def test_an_answer_before_the_picture_is_there_is_not_taken(qtbot, window: MainWindow, disk: SlowDisk) -> None:
    start(window, 3, 1)
    qtbot.keyClick(window, Key.Key_P)
    assert labels(window) == {}
    assert window.session.current_id == 3
    assert "Still loading" in window._said.text()
    disk.open.set()
    press(qtbot, window, Key.Key_P)
    assert labels(window) == {3: 1}


def test_an_open_image_is_not_labelled_before_it_is_seen(qtbot, window: MainWindow, disk: SlowDisk) -> None:
    window.session.select_cluster(0)
    window.open_image()
    qtbot.keyClick(window.image_page.view, Key.Key_1)
    assert labels(window) == {}
    assert "Still loading" in window._said.text()
    disk.open.set()  # pytest-qt closes the window before the fixture's end, and that waits for the file


def test_a_second_key_at_once_is_not_taken_for_the_next_image(qtbot, window: MainWindow) -> None:
    start(window, 3, 1)
    press(qtbot, window, Key.Key_P)
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    window.image_page.least_look_ms = 60_000
    qtbot.keyClick(window, Key.Key_P)
    assert labels(window) == {3: 1}
    assert "too soon" in window._said.text()


def test_a_key_held_down_labels_once(window: MainWindow) -> None:
    for name in ("value_present", "label_present_1", "apply"):
        assert not window.actions_by_name[name].autoRepeat()
    assert window.actions_by_name["next_image"].autoRepeat()


def test_the_next_images_are_read_ahead_and_there_at_once(qtbot, window: MainWindow, disk: SlowDisk) -> None:
    disk.open.set()
    start(window, 3, 1, 7, 5)
    qtbot.waitUntil(lambda: len(window.image_page._held) == 2)
    press(qtbot, window, Key.Key_P)
    assert window.session.current_id == 1
    assert window.session.why_unseen() == ""
    qtbot.waitUntil(lambda: len(disk.read) == 4)
    assert sorted(disk.read) == ["00.png", "02.png", "04.png", "06.png"]  # each once


def test_an_image_that_cannot_be_shown_is_skipped_but_not_labelled(qtbot, window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    (project.folder / project.image(3).path).unlink()
    start(window, 3, 1)
    qtbot.waitUntil(lambda: "cannot be shown" in window.session.why_unseen())
    qtbot.keyClick(window, Key.Key_P)
    assert labels(window) == {}
    assert "cannot be shown" in window._said.text()
    qtbot.keyClick(window, Key.Key_C)
    assert window.session.current_id == 1


def test_a_picture_of_the_project_before_never_comes_up(
    qtbot, window: MainWindow, disk: SlowDisk, tmp_path: Path
) -> None:
    window.session.set_current(3)
    window.session.view_image(True)
    qtbot.waitUntil(lambda: disk.read == ["02.png"])
    other = tmp_path / "other"
    other.mkdir()
    path = make_project(other)
    window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    window.files.open_path(path)
    shown: list[object] = []
    window.image_page.view.show_radiograph = lambda radiograph, *_: shown.append(radiograph)  # type: ignore[method-assign]
    window.session.set_current(3)
    window.session.view_image(True)
    disk.open.set()
    qtbot.waitUntil(lambda: bool(shown))
    window.image_page._files.close_down()
    qtbot.wait(50)
    assert len(shown) == 1


def test_a_key_answers_and_goes_on_until_the_end(qtbot, window: MainWindow) -> None:
    ended: list[bool] = []
    start(window, 3, 1, 7, on_end=ended.append)
    assert window.reading.strip.isVisible()
    assert "1 of 3" in window.reading.text()
    assert window.session.current_id == 3
    press(qtbot, window, Key.Key_P)
    assert window.session.current_id == 1
    press(qtbot, window, Key.Key_A)
    press(qtbot, window, Key.Key_U)
    assert labels(window) == {3: 1, 1: 0, 7: -1}
    assert ended == [True]
    assert not window.reading.active
    assert window.map_page.isVisible()


def test_the_number_of_the_finding_answers_too(qtbot, window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    number = project.vocabulary.findings.index("Pneumonia") + 1
    if number > 9:
        pytest.skip("the finding has no number")
    start(window, 3, 1)
    press(qtbot, window, Key(Key.Key_0 + number))
    assert labels(window) == {3: 1}
    assert window.session.current_id == 1


def test_undo_goes_back_to_the_image_whose_answer_it_took(qtbot, window: MainWindow) -> None:
    start(window, 3, 1, 7)
    press(qtbot, window, Key.Key_P)
    press(qtbot, window, Key.Key_A)
    window.session.acts.undo()
    assert window.session.current_id == 1
    assert labels(window) == {3: 1}
    press(qtbot, window, Key.Key_P)
    assert labels(window) == {3: 1, 1: 1}


def test_an_answer_and_the_state_that_belongs_to_it_are_one_act(qtbot, window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    start(window, 3, 1, how="audit", on_answer=lambda image_id, value: {("audit", f"1:{image_id}"): str(int(value))})
    press(qtbot, window, Key.Key_P)
    assert acts.states(project, "audit") == {"1:3": "1"}
    window.session.acts.undo()
    assert acts.states(project, "audit") == {}
    assert labels(window) == {}


def test_escape_stops_and_keeps_the_answers(qtbot, window: MainWindow) -> None:
    ended: list[bool] = []
    start(window, 3, 1, 7, on_end=ended.append)
    press(qtbot, window, Key.Key_P)
    press(qtbot, window, Key.Key_Escape)
    assert ended == [False]
    assert labels(window) == {3: 1}
    assert window.map_page.isVisible()
    assert not window.reading.strip.isVisible()


def test_more_images_come_from_the_source_until_it_has_none(qtbot, window: MainWindow) -> None:
    batches = [np.array([5]), np.array([2, 4]), np.zeros(0, np.int64)]
    window.reading.start("Read next", lambda: batches.pop(0), "Pneumonia")
    for _ in range(3):
        press(qtbot, window, Key.Key_A)
    assert labels(window) == {5: 0, 2: 0, 4: 0}
    assert not window.reading.active


def test_skipping_and_stepping_back(qtbot, window: MainWindow) -> None:
    start(window, 3, 1, 7)
    press(qtbot, window, Key.Key_C)
    assert window.session.current_id == 1
    press(qtbot, window, Key.Key_Left)
    assert window.session.current_id == 3
    press(qtbot, window, Key.Key_P)
    assert labels(window) == {3: 1}


def test_answers_can_be_kept_under_another_name(qtbot, window: MainWindow) -> None:
    start(window, 3, reader="adjudicated", how="adjudication")
    press(qtbot, window, Key.Key_P)
    assert labels(window) == {}
    project = window.session.project
    assert project is not None
    assert label_columns.label_column(project, "Pneumonia", "adjudicated").values.tolist() == [Value.PRESENT]


def test_going_elsewhere_ends_the_reading(window: MainWindow) -> None:
    start(window, 3, 1)
    window.session.select_cluster(1)
    assert not window.reading.active
    assert not window.reading.strip.isVisible()
