"""Labels leave in the form that is chosen; a data set is written while the window goes on, and can be cancelled."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from cxr_explorer.exchange import forms
from cxr_explorer.exchange.form import Wanted
from cxr_explorer.ui.labelling.export_dialog import ExportDialog, Whose
from cxr_explorer.ui.labelling.export_progress import ExportProgress
from cxr_explorer.ui.labelling.import_dialog import ImportDialog
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import CLUSTER_SIZES, make_project, open_window


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


@pytest.fixture
def dialog(window: MainWindow) -> ExportDialog:
    return ExportDialog(window, 5, [Whose("ann", "ann"), Whose("Everybody's")], 0, ["view", "fold"])


def test_every_form_can_be_chosen_and_says_what_it_is_for(dialog: ExportDialog) -> None:
    assert dialog.form is forms.FORMS[0]
    dialog.show()
    for form in forms.FORMS:
        dialog.choose(form.name)
        assert dialog.form is form and dialog._help.text() == form.help
        assert dialog.with_file_names.isVisible() == ("file_names" in form.heeds)
        assert dialog._split.isVisible() == ("split_by" in form.heeds)
        assert dialog.with_patients.isVisible() == ("patients" in form.heeds)
        assert not dialog.wanted.patients and not dialog.wanted.file_names  # nobody is named unless asked for
        assert dialog.notes == ("notes" in form.heeds)
    assert len({form.name for form in forms.FORMS}) == len({form.title for form in forms.FORMS}) == len(forms.FORMS)


def test_what_is_chosen_for_a_data_set_goes_with_nothing_else(dialog: ExportDialog) -> None:
    dialog.choose("imagefolder")
    dialog.with_file_names.setChecked(True)
    dialog.with_patients.setChecked(True)
    dialog._split.setCurrentIndex(2)
    assert dialog.wanted == Wanted("ann", None, False, True, "fold")
    dialog.choose("long")
    assert dialog.wanted == Wanted("ann", None, True)


def test_a_form_whose_package_is_missing_cannot_be_chosen(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_explorer.exchange.form.find_spec", lambda name: None)
    dialog = ExportDialog(window, 5, [Whose("Everybody's")], 0)
    items = [dialog.forms.item(row) for row in range(dialog.forms.count())]
    for item, form in zip(items, forms.FORMS, strict=True):
        assert bool(item.flags() & item.flags().ItemIsEnabled) == (not form.needs)
        assert ("not installed" in item.toolTip()) == bool(form.needs)


def choose(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    def answer(dialog: ExportDialog) -> ExportDialog.DialogCode:
        dialog.choose("imagefolder")
        return ExportDialog.DialogCode.Accepted

    monkeypatch.setattr(ExportDialog, "exec", answer)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(out), ""))


def labelled(window: MainWindow) -> None:
    window.session.select_cluster(0)
    window.judging.label_target()


def under_way(window: MainWindow) -> ExportProgress:
    window.labelling.export_labels()
    (progress,) = window.findChildren(ExportProgress)
    assert progress.isVisible() and not progress.isModal()
    return progress


def test_a_data_set_is_written_while_the_window_goes_on(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled(window)
    out = tmp_path / "set"
    choose(monkeypatch, out)
    under_way(window).errand.finish()
    assert "written to" in window._said.text() and "Split by patient" in window._said.text()
    assert len(list(out.glob("*/*.png"))) == CLUSTER_SIZES[0] and (out / "README.md").is_file()
    window.labelling.export_labels()
    assert "there already" in window.notice._text.text()


def test_a_data_set_that_cannot_be_written_says_why(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled(window)
    choose(monkeypatch, tmp_path / "set")
    assert window.session.project is not None
    for film in window.session.project.folder.iterdir():
        film.unlink()
    window.labelling.export_labels()
    (progress,) = window.findChildren(ExportProgress)
    progress.errand.finish()
    assert "No image could be read" in window.notice._text.text()
    assert not (tmp_path / "set").exists() and not (tmp_path / ".set.part").exists()


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_data_set_that_is_cancelled_leaves_nothing(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    labelled(window)
    out = tmp_path / "set"
    choose(monkeypatch, out)
    progress = under_way(window)
    for key in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Space):
        qtbot.keyClick(progress.focusWidget() or progress, key)
    assert progress.errand.active
    part = tmp_path / ".set.part"
    part.mkdir(exist_ok=True)  # as the child would, wherever it is
    (part / ".unfinished").touch()
    if how == "cancel":
        progress.reject()
    else:
        window.close()
    assert not progress.errand.active and not part.exists() and not out.exists()


def test_what_left_for_label_studio_is_shown_before_it_comes_back(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled(window)
    project, out = window.session.project, tmp_path / "tasks.json"
    assert project is not None
    list(forms.exported(project.path, out, "label-studio", Wanted()))
    offered: list[str] = []

    def answer(_parent: object, _title: str, _folder: str, kinds: str) -> tuple[str, str]:
        offered.append(kinds)
        return str(out), ""

    def look(dialog: ImportDialog) -> int:
        dialog.errand.finish()
        assert "Label Studio form" in dialog.head.text() and f"{CLUSTER_SIZES[0]} labels" in dialog.head.text()
        dialog.reject()
        return 0

    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    monkeypatch.setattr(ImportDialog, "exec", look)
    window.labelling.import_labels()
    assert "*.json" in offered[0] and "*.parquet" in offered[0] and "*.csv.gz" in offered[0]
