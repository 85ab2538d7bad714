"""The history says what going to a point would do, and what others did stays out of sight."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import labelling
from cxr_explorer.project.label_columns import label_column
from cxr_explorer.ui.labelling.history_dialog import HistoryDialog
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import in_next_dialog, make_project, open_window, press

Key = Qt.Key


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    project = window.session.project
    assert project is not None
    labelling.label(project, np.array([9]), Judgement("Hernia", Value.PRESENT, "somebody else", "single"))
    window.session.select_cluster(0)
    press(qtbot, window, Key.Key_2, Key.Key_3, Key.Key_4)
    return window


def count(window: MainWindow, finding: str) -> int:
    return int(label_column(window.session.project, finding, "reader 1").image_ids.size)  # type: ignore[arg-type]


def in_dialog(window: MainWindow, do) -> None:
    in_next_dialog(window, HistoryDialog, do)
    window.actions_by_name["history"].trigger()


def test_it_lists_what_was_done_and_hides_what_others_said(qtbot, window: MainWindow) -> None:
    texts: list[str] = []
    in_dialog(window, lambda dialog: texts.extend(dialog.list.item(row).text() for row in range(dialog.list.count())))
    assert len(texts) == 5
    assert texts[0].endswith("reader 1:  Effusion = present on 5 images")
    assert texts[3].endswith("somebody else:  an act on 1 image") and "Hernia" not in texts[3]
    assert texts[4] == "Before the first act"


def test_going_to_a_point_takes_back_what_came_after(qtbot, window: MainWindow) -> None:
    def go(dialog: HistoryDialog) -> None:
        dialog.list.setCurrentRow(2)
        assert dialog._said.text().startswith("Takes back 2 acts.")
        dialog.go.click()

    in_dialog(window, go)
    assert (count(window, "Atelectasis"), count(window, "Effusion")) == (5, 0)
    assert window._said.text() == "Undid: 2 acts"

    def again(dialog: HistoryDialog) -> None:
        assert dialog.list.item(0).text().endswith("(taken back)")
        dialog.list.setCurrentRow(2)
        assert not dialog.go.isEnabled()
        dialog.list.setCurrentRow(0)
        assert dialog._said.text() == "Does 2 acts again."
        dialog.go.click()

    in_dialog(window, again)
    assert count(window, "Effusion") == 5
