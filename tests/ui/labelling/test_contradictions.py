"""Contradicting labels are told in the window at once, and a key settles them."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.labels.label import Value
from cxr_explorer.project import label_columns
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import CLUSTER_SIZES, make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def present(window: MainWindow, finding: str) -> set[int]:
    assert window.session.project is not None
    column = label_columns.label_column(window.session.project, finding, window.session.reader)
    return set(column.image_ids[column.values == Value.PRESENT].tolist())


def test_a_cluster_label_against_single_ones_is_told_and_settled_by_one_key(qtbot, window: MainWindow) -> None:
    session, strip = window.session, window.contradicting.strip
    session.select_cluster(0)
    first = int(session.ordered_ids()[0])
    session.set_picked(np.array([first]))
    press(qtbot, window, Key.Key_1)
    assert not strip.isVisible()
    session.set_picked(np.zeros(0, np.int64))
    press(qtbot, window, Key.Key_2)
    assert strip.isVisible()
    assert strip.text == "⚠ 1 image carries Atelectasis and No Finding as present, which exclude each other."
    assert strip.settle.text().replace("\n", " ") == "Set Atelectasis to absent on 1 image Backspace"
    assert "Undo" in strip.undo.text()
    press(qtbot, window, Key.Key_Backspace)
    assert not strip.isVisible()
    assert present(window, "No Finding") == {first}
    assert len(present(window, "Atelectasis")) == CLUSTER_SIZES[0] - 1
    session.acts.undo()
    assert strip.isVisible()
    session.acts.undo()
    assert not strip.isVisible()
    assert present(window, "Atelectasis") == set()


def test_an_answer_in_a_reading_is_told_and_the_key_settles_it(qtbot, window: MainWindow) -> None:
    session, strip = window.session, window.contradicting.strip
    session.select_cluster(0)
    press(qtbot, window, Key.Key_1)
    window.reading.start("Read next", session.selection.ids[:2], "Mass")
    read = session.current_id
    press(qtbot, window, Key.Key_P)
    assert strip.text == "⚠ 1 image carries Mass and No Finding as present, which exclude each other."
    press(qtbot, window, Key.Key_Backspace)
    assert read not in present(window, "No Finding")
    assert present(window, "Mass") == {read}
    assert window.reading.active


def test_the_strip_goes_with_its_project_and_with_the_next_act(qtbot, window: MainWindow) -> None:
    strip = window.contradicting.strip
    window.session.select_cluster(0)
    press(qtbot, window, Key.Key_1, Key.Key_2)
    assert strip.isVisible()
    assert window.actions_by_name["settle_contradiction"].isEnabled()
    window.session.select_cluster(1)
    press(qtbot, window, Key.Key_2)
    assert not strip.isVisible()
    assert not window.actions_by_name["settle_contradiction"].isEnabled()
