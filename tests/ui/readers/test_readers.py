"""Several readers in the real window: switching, agreement, settling disagreements, blind re-reads, merging."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog

from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.project import exporting, label_columns, labelling
from cxr_explorer.project.project import Project
from cxr_explorer.ui.frame import settings_dialog
from cxr_explorer.ui.frame.settings_dialog import SettingsDialog
from cxr_explorer.ui.labelling.export_dialog import ExportDialog
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.readers.agreement import AgreementDialog
from cxr_explorer.ui.readers.merge import MergeDialog
from cxr_explorer.ui.readers.reread import RereadDialog
from cxr_explorer.ui.readers.switch import SwitchDialog
from tests.ui.windows import in_next_dialog, make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier
P, A, U = Value.PRESENT, Value.ABSENT, Value.UNCERTAIN
FINDING = "Effusion"


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.session.set_reader("ann")
    window.session.set_judgement(FINDING, P)
    return window


def project_of(window: MainWindow) -> Project:
    assert window.session.project is not None
    return window.session.project


def say(project: Project, reader: str, answers: str, how: How = "single") -> None:
    """One letter an image from id 1 on: p, a, u, or - for none."""
    for image_id, letter in enumerate(answers, start=1):
        if letter != "-":
            value = {"p": P, "a": A, "u": U}[letter]
            way: How = "reread" if "(re-read)" in reader else "adjudication" if reader == "adjudicated" else how
            labelling.label(project, np.array([image_id]), Judgement(FINDING, value, reader, way))


def column(window: MainWindow, reader: str) -> dict[int, int]:
    found = label_columns.label_column(project_of(window), FINDING, reader)
    return dict(zip(found.image_ids.tolist(), found.values.tolist(), strict=True))


@pytest.fixture
def in_dialog(qtbot, window: MainWindow) -> Iterator[Callable[[type[QDialog], Callable], None]]:  # type: ignore[no-untyped-def, type-arg]
    """Runs a function on the next dialog of a kind, once that stands."""
    ran: list[str] = []
    wanted: list[str] = []

    def arrange(kind: type[QDialog], run: Callable) -> None:  # type: ignore[type-arg]
        wanted.append(kind.__name__)

        def ran_with(dialog: QDialog) -> None:
            ran.append(kind.__name__)
            run(dialog)

        in_next_dialog(window, kind, ran_with)

    yield arrange
    assert ran == wanted


def back(qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
    """After a dialog: the window has the keyboard again."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


# -- switching ---------------------------------------------------------------------------------------------------------


def test_the_reader_is_switched_by_typing_and_all_views_show_the_other_ones_labels(
    qtbot, window: MainWindow, in_dialog
) -> None:
    say(project_of(window), "ann", "ppppp")
    say(project_of(window), "bob", "a")
    window.session.select_cluster(0)
    window.session.show_labels_anew()
    marks = window.gallery_panel
    assert marks.mark(1).badge == "Effusion +"

    def type_bob(dialog: SwitchDialog) -> None:
        assert dialog.reader == "ann"
        qtbot.keyClicks(dialog.typed, "b")
        assert dialog.reader == "bob"
        qtbot.keyClick(dialog.typed, Key.Key_Return)

    in_dialog(SwitchDialog, type_bob)
    qtbot.keyClick(window, Key.Key_R, Modifier.ControlModifier)
    assert window.session.reader == "bob"
    assert window.readers.button.text() == "reader: bob"
    assert (marks.mark(1).badge, marks.mark(2).badge) == ("Effusion –", "")
    assert window.session.labels.counts_of(window.session.selection.ids) == {FINDING: {A: 1}}
    assert window.actions_by_name["undo"].text() == f"&Undo {FINDING} = absent on 1 image"


def test_a_new_name_makes_a_new_reader_and_another_spelling_does_not(qtbot, window: MainWindow, in_dialog) -> None:
    def type_names(dialog: SwitchDialog) -> None:
        qtbot.keyClicks(dialog.typed, "ANN")
        assert dialog.reader == "ann"
        dialog.typed.setText("adjudicated")
        assert not dialog._buttons.button(dialog._buttons.StandardButton.Ok).isEnabled()
        dialog.typed.setText("an")
        qtbot.keyClick(dialog.typed, Key.Key_Down)
        assert dialog.reader == "an"
        qtbot.keyClick(dialog.typed, Key.Key_Return)

    in_dialog(SwitchDialog, type_names)
    window.readers.switch()
    assert window.session.reader == "an"


def test_the_undo_entry_does_not_tell_what_another_reader_said(window: MainWindow) -> None:
    say(project_of(window), "ann", "p")
    window.session.set_reader("bob")
    assert window.actions_by_name["undo"].text() == "&Undo the last act of ann"


def test_the_settings_refuse_a_name_that_is_no_reader(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[str] = []
    monkeypatch.setattr(settings_dialog, "show_error", lambda _parent, text: errors.append(text))
    dialog = SettingsDialog(
        window,
        "ann",
        window.session.preferences.encoders(),
        window.session.preferences.encoder(),
        window.session.preferences.device,
    )
    dialog._reader.setText("Majority")
    dialog._accept()
    assert "not a reader" in errors[0]
    assert dialog.result() != QDialog.DialogCode.Accepted


# -- disagreements -----------------------------------------------------------------------------------------------------


def test_disagreements_are_settled_one_after_another_without_seeing_who_said_what(qtbot, window: MainWindow) -> None:
    project = project_of(window)
    say(project, "ann", "ppa-u")
    say(project, "bob", "paapp")
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_B)
    qtbot.waitUntil(lambda: window.reading.active)
    assert window.session.current_id == 2
    assert "1 of 2" in window.reading.text()
    assert window.reading.note() == ""
    assert window.session.reader == "adjudicated"
    assert window.readers.button.text() == "reader: adjudicated"
    assert window.gallery_panel.mark(2).badge == ""
    assert window.session.labels.counts_of(np.array([2])) == {}
    press(qtbot, window, Key.Key_A)
    assert window.reading.note() == "Last image: ann: present  ·  bob: absent"
    assert window.session.current_id == 5
    qtbot.keyClick(window, Key.Key_B, Modifier.ShiftModifier)
    assert window.reading.note() == "This image: ann: uncertain  ·  bob: present"
    press(qtbot, window, Key.Key_P)
    assert not window.reading.active
    assert column(window, "adjudicated") == {2: 0, 5: 1}
    assert column(window, "ann") == {1: 1, 2: 1, 3: 0, 5: -1}
    assert window.session.reader == "ann"
    assert window.gallery_panel.mark(2).badge == "Effusion +"
    qtbot.keyClick(window, Key.Key_Z, Modifier.ControlModifier)
    assert column(window, "adjudicated") == {2: 0}


def test_the_next_finding_with_disagreements_is_taken_where_this_one_has_none(qtbot, window: MainWindow) -> None:
    say(project_of(window), "ann", "p")
    say(project_of(window), "bob", "a")
    window.session.set_judgement("Nodule", P)
    qtbot.keyClick(window, Key.Key_B)
    qtbot.waitUntil(lambda: window.reading.active)
    assert window.reading.finding == FINDING
    window.reading.stop()
    say(project_of(window), "adjudicated", "p")
    qtbot.keyClick(window, Key.Key_B)
    qtbot.waitUntil(lambda: "nothing" in window._said.text())
    assert not window.reading.active


def test_alone_there_is_nothing_to_settle_and_it_is_said_how_to_get_there(qtbot, window: MainWindow) -> None:
    say(project_of(window), "ann", "p")
    qtbot.keyClick(window, Key.Key_B)
    assert "two readers" in window._said.text()
    qtbot.keyClick(window, Key.Key_B, Modifier.ControlModifier)
    assert "two readers" in window._said.text()


def test_while_settling_other_keys_label_nothing_under_a_wrong_name(qtbot, window: MainWindow) -> None:
    say(project_of(window), "ann", "p")
    say(project_of(window), "bob", "a")
    qtbot.keyClick(window, Key.Key_B)
    qtbot.waitUntil(lambda: window.reading.active)
    qtbot.keyClick(window, Key.Key_1)
    qtbot.keyClick(window, Key.Key_Return, Modifier.ControlModifier)
    assert "adjudicated" not in {row.reader for row in exporting.label_rows(project_of(window))}
    qtbot.keyClick(window, Key.Key_Escape)
    assert window.session.reader == "ann"


def test_leaving_the_image_ends_what_is_read_under_another_name(qtbot, window: MainWindow) -> None:
    say(project_of(window), "ann", "p")
    say(project_of(window), "bob", "a")
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_B)
    qtbot.waitUntil(lambda: window.reading.active)
    window.session.show_page("map")
    assert not window.reading.active
    assert window.session.reader == "ann"


# -- agreement ---------------------------------------------------------------------------------------------------------


def test_agreement_is_shown_by_finding_and_leads_to_the_images(qtbot, window: MainWindow, in_dialog) -> None:
    project = project_of(window)
    say(project, "ann", "ppaa")
    say(project, "bob", "paaa")
    say(project, "cat", "pp")

    def look(dialog: AgreementDialog) -> None:
        assert (dialog.first.currentText(), dialog.second.currentText()) == ("ann", "bob")
        qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
        cells = [dialog.table.item(0, number).text() for number in range(dialog.table.columnCount())]
        assert cells[:2] == [FINDING, "4"]
        assert cells[2] == "75.0 %"
        assert cells[3].startswith("0.50 [")
        assert cells[-1] == "1"
        assert "bob said 1 present, 1 absent" in dialog.detail.text()
        assert "All 3 readers" in dialog.detail.text()
        assert dialog.as_text().splitlines()[1].split("\t")[:3] == [FINDING, "ann", "bob"]
        dialog.second.setCurrentText("cat")
        qtbot.waitUntil(lambda: dialog.table.rowCount() == 1 and dialog.table.item(0, 1).text() == "2")
        assert not dialog.read.isEnabled()
        dialog.second.setCurrentText("ann")
        assert "different" in dialog.detail.text()
        dialog.second.setCurrentText("bob")
        qtbot.waitUntil(dialog.select.isEnabled)
        dialog.select.click()

    in_dialog(AgreementDialog, look)
    qtbot.keyClick(window, Key.Key_B, Modifier.ControlModifier)
    qtbot.waitUntil(lambda: window.session.selection.ids.tolist() == [2])

    def read(dialog: AgreementDialog) -> None:
        qtbot.waitUntil(dialog.read.isEnabled)
        qtbot.keyClick(dialog.table, Key.Key_Return)

    in_dialog(AgreementDialog, read)
    window.readers.show_agreement()
    qtbot.waitUntil(lambda: window.reading.active)
    assert window.session.current_id == 2


# -- re-reads ----------------------------------------------------------------------------------------------------------


def test_a_blind_re_read_hides_the_first_answers_and_keeps_the_second_apart(
    qtbot, window: MainWindow, in_dialog
) -> None:
    project = project_of(window)
    say(project, "ann", "ppppp")
    window.session.select_cluster(0)

    def draw(dialog: RereadDialog) -> None:
        assert dialog.finding == FINDING
        dialog._size.setValue(3)
        dialog._seed.setValue(4)
        assert dialog._buttons.button(dialog._buttons.StandardButton.Ok).text() == "Read 3 images"
        dialog.accept()

    in_dialog(RereadDialog, draw)
    window.readers.reread()
    back(qtbot, window)
    assert window.reading.active
    assert window.reading.hides_suggestions
    assert window.session.reader == "ann (re-read)"
    first = window.session.current_id
    assert window.gallery_panel.mark(first).badge == ""
    assert window.session.labels.counts_of(np.arange(1, 6)) == {}
    window.session.set_colour_by("label")
    assert len(set(window.session.categories()[0].tolist())) == 1
    press(qtbot, window, Key.Key_A)
    qtbot.keyClick(window, Key.Key_Escape)
    assert column(window, "ann") == dict.fromkeys(range(1, 6), 1)
    assert column(window, "ann (re-read)") == {first: 0}

    def go_on(dialog: RereadDialog) -> None:
        assert dialog.wanted == 0
        assert dialog._buttons.button(dialog._buttons.StandardButton.Ok).text() == "Read 2 images"
        dialog.accept()

    in_dialog(RereadDialog, go_on)
    window.readers.reread()
    back(qtbot, window)
    assert "1 of 2" in window.reading.text()
    press(qtbot, window, Key.Key_P)
    press(qtbot, window, Key.Key_P)
    assert "All read again" in window._said.text()

    def compare(dialog: AgreementDialog) -> None:
        assert dialog.second.currentText() == "ann (re-read)"
        qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
        assert dialog.table.item(0, 1).text() == "3"

    in_dialog(AgreementDialog, compare)
    window.readers.show_agreement()


def test_without_single_readings_there_is_nothing_to_read_again(window: MainWindow) -> None:
    labelling.label(project_of(window), np.arange(1, 6), Judgement(FINDING, P, "ann", "cluster", 0))
    window.readers.reread()
    assert "nothing to read again" in window._said.text()


# -- merging -----------------------------------------------------------------------------------------------------------


def test_another_project_is_previewed_renamed_and_merged_then_undone(
    qtbot, window: MainWindow, tmp_path: Path, in_dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(project_of(window), "ann", "pp")
    other_home = tmp_path / "other"
    other_home.mkdir()
    other = make_project(other_home)
    with Project.open(other) as project:
        with project.db.atomic():  # the test project gives all images one digest
            project.db.execute("UPDATE images SET digest = NULL")
        say(project, "ann", "pap")
        say(project, "ann (re-read)", "a", "reread")

    def agree(dialog: MergeDialog) -> None:
        qtbot.waitUntil(lambda: dialog.plan is not None)
        assert "your own name" in dialog.warning.text()
        assert dialog.theirs.isVisible()
        assert dialog.list.item(0, 0).text() == "two answers"
        ok = dialog._buttons.button(dialog._buttons.StandardButton.Ok)
        assert ok.text() == "Merge 2 labels"
        dialog.theirs.setChecked(True)
        assert ok.text() == "Merge 3 labels"
        edit = dialog.edits["ann"]
        edit.setText("majority")
        edit.editingFinished.emit()
        qtbot.waitUntil(lambda: "not a reader" in dialog.warning.text())
        assert not ok.isEnabled()
        edit.setText("bob")
        edit.editingFinished.emit()
        qtbot.waitUntil(lambda: dialog.plan is not None)
        assert not dialog.warning.isVisible()
        assert ok.text() == "Merge 4 labels"
        dialog.accept()

    in_dialog(MergeDialog, agree)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(other), ""))
    window.readers.merge()
    back(qtbot, window)
    assert column(window, "bob") == {1: 1, 2: 0, 3: 1}
    assert column(window, "bob (re-read)") == {1: 0}
    assert column(window, "ann") == {1: 1, 2: 1}
    assert window._said.text() == "Merged 4 labels on 3 images"
    qtbot.keyClick(window, Key.Key_Z, Modifier.ControlModifier)
    assert column(window, "bob") == {}


def test_a_table_without_readers_comes_in_under_its_own_name(
    qtbot, window: MainWindow, tmp_path: Path, in_dialog
) -> None:
    table = tmp_path / "dan.csv"
    table.write_text(f"Path,{FINDING}\n00.png,1\nelsewhere.png,0\n", encoding="utf-8")

    def agree(dialog: MergeDialog) -> None:
        qtbot.waitUntil(lambda: dialog.plan is not None)
        assert dialog.edits[""].text() == "dan"
        assert dialog.list.item(0, 1).text() == "elsewhere.png"
        dialog.accept()

    in_dialog(MergeDialog, agree)
    window.readers.merge_from(table)
    assert len(column(window, "dan")) == 1


def test_a_file_that_cannot_be_merged_says_why_in_the_dialog(
    qtbot, window: MainWindow, tmp_path: Path, in_dialog
) -> None:
    table = tmp_path / "x.csv"
    table.write_text("what,ever\n1,2\n", encoding="utf-8")

    def look(dialog: MergeDialog) -> None:
        qtbot.waitUntil(lambda: "Cannot read" in dialog.warning.text())
        assert not dialog._buttons.button(dialog._buttons.StandardButton.Ok).isEnabled()

    in_dialog(MergeDialog, look)
    window.readers.merge_from(table)


# -- export ------------------------------------------------------------------------------------------------------------


def test_export_offers_every_reader_the_majority_and_what_was_settled(
    qtbot, window: MainWindow, tmp_path: Path, in_dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of(window)
    say(project, "ann", "ppp")
    say(project, "bob", "paa")
    say(project, "ann (re-read)", "a")
    say(project, "adjudicated", "-u")
    out = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(out), ""))

    def choose(dialog: ExportDialog) -> None:
        offered = [dialog._whose.itemText(row) for row in range(dialog._whose.count())]
        assert offered == [
            "ann (now)",
            "bob",
            "ann (re-read)",
            "Majority of the readers",
            "Adjudicated, else unanimous",
            "Everybody's",
        ]
        assert dialog.whose.reader == "ann"
        dialog._whose.setCurrentIndex(offered.index("Adjudicated, else unanimous"))
        dialog.choose("chexpert")
        dialog.accept()

    in_dialog(ExportDialog, choose)
    window.labelling.export_labels()
    qtbot.waitUntil(lambda: "written to" in window._said.text())
    assert "1 left blank" in window._said.text()
    lines = out.read_text(encoding="utf-8").splitlines()
    column_of = lines[0].split(",").index(FINDING)
    assert [line.split(",")[column_of] for line in lines[1:]] == ["1", "-1"]


def test_a_table_being_written_is_finished_before_the_window_closes(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(project_of(window), "ann", "ppp")
    out = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(out), ""))
    monkeypatch.setattr(ExportDialog, "exec", lambda _: ExportDialog.DialogCode.Accepted)
    window.labelling.export_labels()
    window.close()
    assert len(out.read_text(encoding="utf-8").splitlines()) == 4
