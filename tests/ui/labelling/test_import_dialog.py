"""A label table is read beside the window, told before anything is stored, and stored whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTableView, QWidget
from pytestqt.qtbot import QtBot

from cxr_explorer.labels.label import Judgement
from cxr_explorer.project import exporting, importing, label_columns, labelling
from cxr_explorer.project.project import Project
from cxr_explorer.ui.labelling.import_dialog import ImportDialog
from tests.project.projects import new_project

Opens = Callable[[str], ImportDialog]
OK = QDialogButtonBox.StandardButton.Ok


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with new_project(tmp_path) as opened:
        yield opened


@pytest.fixture
def dialog_on(qtbot: QtBot, project: Project) -> Iterator[Opens]:
    """Opens the dialog on a table of this content."""
    parent = QWidget()
    qtbot.addWidget(parent)

    def open_dialog(content: str) -> ImportDialog:
        table = project.path.parent / "table.csv"
        table.write_text(content, encoding="utf-8")
        dialog = ImportDialog(parent, project, table, "ann", "ann")
        dialog.show()
        return dialog

    yield open_dialog


def stored(project: Project) -> set[tuple[str, str, int, str]]:
    return {(row.file, row.finding, int(row.value), row.reader) for row in exporting.label_rows(project)}


def test_what_is_odd_is_named_before_anything_is_stored(qtbot: QtBot, project: Project, dialog_on: Opens) -> None:
    dialog = dialog_on("Path,Effusion,smoker,Sex\n00.png,1,1,0\n00.png,0,,1\n01.png,nan,0,1\nx.png,1,1,1\n")
    assert not dialog.buttons.button(OK).isEnabled()
    dialog.errand.finish()
    assert "1 image has rows that contradict" in dialog._warning.text() and "smoker" in dialog._warning.text()
    lines = dialog.findChild(QTableView)
    assert lines is not None
    shown = [lines.model().index(row, 2).data() for row in range(lines.model().rowCount())]
    assert any("'Sex' is left out" in line for line in shown) and any("Effusion of 00.png" in line for line in shown)
    assert stored(project) == set()
    assert dialog.buttons.button(OK).text() == "Import 2 labels"
    dialog.accept()
    qtbot.waitUntil(lambda: dialog.result() == QDialog.DialogCode.Accepted)
    assert stored(project) == {("00.png", "smoker", 1, "ann"), ("01.png", "smoker", 0, "ann")}
    assert dialog.change is not None and dialog.change.text == "Imported 2 labels on 2 images"


def test_closing_while_labels_are_stored_takes_all_back(
    project: Project, dialog_on: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "STEP", 1)
    dialog = dialog_on("Image Index,Finding Labels\n00.png,Effusion\n01.png,Nodule\n02.png,Effusion\n")
    dialog.errand.finish()
    dialog.accept()
    dialog._step()
    assert "Storing" in dialog.head.text()
    dialog.reject()
    assert stored(project) == set()
    labelling.label(
        project, label_columns.labelled_ids(project, "ann"), Judgement("Effusion", None, "ann", "single")
    )  # nothing is open


def test_a_table_that_cannot_be_read_is_said_in_the_dialog(qtbot: QtBot, project: Project, dialog_on: Opens) -> None:
    dialog = dialog_on("what,ever\n1,2\n")
    dialog.errand.finish()
    assert "has none of the headers" in dialog._warning.text()
    assert not dialog.buttons.button(OK).isEnabled()
    dialog.reject()


def test_a_name_that_nobody_can_have_is_refused(qtbot: QtBot, project: Project, dialog_on: Opens) -> None:
    dialog = dialog_on("Image Index,Finding Labels\n00.png,Effusion\n")
    dialog.errand.finish()
    dialog._name.setText("majority")
    dialog.accept()
    assert dialog._warning.isVisible() and stored(project) == set()
    dialog.reject()
