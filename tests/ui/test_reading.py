"""Reading images one after another in the real window."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.labels.label import Value
from cxr_explorer.project import acts, labelling
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window

Key = Qt.Key


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def labels(window: MainWindow) -> dict[int, int]:
    project = window.session.project
    assert project is not None
    column = labelling.label_column(project, "Pneumonia", window.session.reader)
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


def start(window: MainWindow, *image_ids: int, **more) -> None:  # type: ignore[no-untyped-def]
    window.reading.start("Random images", np.array(image_ids, np.int64), "Pneumonia", **more)


def test_a_key_answers_and_goes_on_until_the_end(qtbot, window: MainWindow) -> None:
    ended: list[bool] = []
    start(window, 3, 1, 7, on_end=ended.append)
    assert window.reading.strip.isVisible()
    assert "1 of 3" in window.reading.text()
    assert window.session.current_id == 3
    qtbot.keyClick(window, Key.Key_P)
    assert window.session.current_id == 1
    qtbot.keyClick(window, Key.Key_A)
    qtbot.keyClick(window, Key.Key_U)
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
    qtbot.keyClick(window, Key(Key.Key_0 + number))
    assert labels(window) == {3: 1}
    assert window.session.current_id == 1


def test_undo_goes_back_to_the_image_whose_answer_it_took(qtbot, window: MainWindow) -> None:
    start(window, 3, 1, 7)
    qtbot.keyClick(window, Key.Key_P)
    qtbot.keyClick(window, Key.Key_A)
    window.session.undo()
    assert window.session.current_id == 1
    assert labels(window) == {3: 1}
    qtbot.keyClick(window, Key.Key_P)
    assert labels(window) == {3: 1, 1: 1}


def test_an_answer_and_the_state_that_belongs_to_it_are_one_act(qtbot, window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    start(window, 3, 1, how="audit", on_answer=lambda image_id, value: {("audit", f"1:{image_id}"): str(int(value))})
    qtbot.keyClick(window, Key.Key_P)
    assert acts.states(project, "audit") == {"1:3": "1"}
    window.session.undo()
    assert acts.states(project, "audit") == {}
    assert labels(window) == {}


def test_escape_stops_and_keeps_the_answers(qtbot, window: MainWindow) -> None:
    ended: list[bool] = []
    start(window, 3, 1, 7, on_end=ended.append)
    qtbot.keyClick(window, Key.Key_P)
    qtbot.keyClick(window, Key.Key_Escape)
    assert ended == [False]
    assert labels(window) == {3: 1}
    assert window.map_page.isVisible()
    assert not window.reading.strip.isVisible()


def test_more_images_come_from_the_source_until_it_has_none(qtbot, window: MainWindow) -> None:
    batches = [np.array([5]), np.array([2, 4]), np.zeros(0, np.int64)]
    window.reading.start("Read next", lambda: batches.pop(0), "Pneumonia")
    for _ in range(3):
        qtbot.keyClick(window, Key.Key_A)
    assert labels(window) == {5: 0, 2: 0, 4: 0}
    assert not window.reading.active


def test_skipping_and_stepping_back(qtbot, window: MainWindow) -> None:
    start(window, 3, 1, 7)
    qtbot.keyClick(window, Key.Key_C)
    assert window.session.current_id == 1
    qtbot.keyClick(window, Key.Key_Left)
    assert window.session.current_id == 3
    qtbot.keyClick(window, Key.Key_P)
    assert labels(window) == {3: 1}


def test_answers_can_be_kept_under_another_name(qtbot, window: MainWindow) -> None:
    start(window, 3, reader="adjudicated", how="adjudication")
    qtbot.keyClick(window, Key.Key_P)
    assert labels(window) == {}
    project = window.session.project
    assert project is not None
    assert labelling.label_column(project, "Pneumonia", "adjudicated").values.tolist() == [Value.PRESENT]


def test_going_elsewhere_ends_the_reading(window: MainWindow) -> None:
    start(window, 3, 1)
    window.session.select_cluster(1)
    assert not window.reading.active
    assert not window.reading.strip.isVisible()
