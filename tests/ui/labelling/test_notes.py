"""Notes and what to come back to, in the real window, by keys."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from cxr_explorer.labels.label import Note
from cxr_explorer.labels.reader_names import reread_name
from cxr_explorer.project import notes
from cxr_explorer.project.project import Project
from cxr_explorer.project.storage import StorageError
from cxr_explorer.ui.guide.context_menus import ON_FILM, ON_TILE
from cxr_explorer.ui.labelling import notes as notes_part
from cxr_explorer.ui.labelling.export_dialog import ExportDialog, Whose
from cxr_explorer.ui.labelling.import_dialog import ImportDialog
from cxr_explorer.ui.labelling.note_dialog import NoteDialog
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.readers.merge import MergeDialog
from tests.soak_model import Model, foretell
from tests.ui.windows import in_next_dialog, make_project, open_window, press

Key = Qt.Key
CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
CTRL_SHIFT = CTRL | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    made = open_window(qtbot, tmp_path, make_project(tmp_path))
    made.session.select_cluster(0)
    return made


def project_of(window: MainWindow) -> Project:
    assert window.session.project is not None
    return window.session.project


def noted(window: MainWindow, image_id: int) -> Note:
    return notes.note_of(project_of(window), image_id, window.session.reader)


def test_the_key_flags_an_open_film_which_does_not_move(qtbot, window: MainWindow) -> None:
    window.session.set_current(2)
    window.open_image()
    press(qtbot, window, Key.Key_F)
    picture = window.image_page.view.picture
    before = picture.geometry(), picture.view
    press(qtbot, window, Key.Key_M, modifier=CTRL)
    assert noted(window, 2).flagged
    assert window.image_page.note_plate.text == "Come back later" and window.image_page.note_plate.isVisible()
    assert (picture.geometry(), picture.view) == before
    assert picture.rect().contains(window.image_page.note_plate.geometry())
    press(qtbot, window, Key.Key_M, modifier=CTRL)
    assert not noted(window, 2) and not window.image_page.note_plate.isVisible()
    press(qtbot, window, Key.Key_Z, modifier=CTRL)
    assert noted(window, 2).flagged and window.image_page.note_plate.isVisible()
    press(qtbot, window, Key.Key_Right)
    assert not window.image_page.note_plate.isVisible()


def test_the_key_flags_the_current_image_of_gallery_and_sheet(qtbot, window: MainWindow) -> None:
    gallery = window.gallery_panel.gallery
    window.session.set_current(3)
    qtbot.keyClick(gallery, Key.Key_M, CTRL)
    assert window.gallery_panel.mark(3).flagged and not window.gallery_panel.mark(3).noted
    press(qtbot, window, Key.Key_K)
    grid = window.sheets.page.grid
    qtbot.keyClick(grid, Key.Key_Right)
    framed = grid.current_id
    qtbot.keyClick(grid, Key.Key_M, CTRL)
    assert noted(window, framed).flagged and window.session.page == "sheet" and grid.current_id == framed
    assert grid._mark(framed).flagged
    assert "Come back later" in grid.accessibleDescription()


def test_read_next_stays_on_the_image_that_is_flagged(qtbot, window: MainWindow) -> None:
    window.reading.start("Random images", np.array([4, 5]), "Pneumonia")
    press(qtbot, window, Key.Key_M, modifier=CTRL)
    assert noted(window, 4).flagged and window.session.current_id == 4 and window.reading.active
    press(qtbot, window, Key.Key_A)
    assert window.session.current_id == 5


def test_a_note_is_written_by_keys_and_shown_on_film_tile_and_map(qtbot, window: MainWindow) -> None:
    window.session.set_current(1)
    window.open_image()
    press(qtbot, window, Key.Key_F)

    def write(dialog: NoteDialog) -> None:
        assert dialog.text.hasFocus() or dialog.focusWidget() is dialog.text
        qtbot.keyClicks(dialog.text, "old rib")
        qtbot.keyClick(dialog.text, Key.Key_Return)
        qtbot.keyClicks(dialog.text, "<b>fracture")
        qtbot.keyClick(dialog.text, Key.Key_Return, CTRL)
        assert not dialog.isVisible()

    in_next_dialog(window, NoteDialog, write)
    press(qtbot, window, Key.Key_N, modifier=CTRL_SHIFT)
    assert noted(window, 1).text == "old rib\n<b>fracture"
    assert window.image_page.note_plate.text == "Note: old rib <b>fracture"
    mark = window.gallery_panel.mark(1)
    assert mark.noted and not mark.flagged and "old rib<br>&lt;b&gt;fracture" in mark.tooltip
    assert window.session.caption(1).endswith("Note: old rib\n<b>fracture")
    assert window.session.acts.undo_text() == "Note on 1 image"
    met = in_next_dialog(window, NoteDialog, lambda dialog: None)
    window.actions_by_name["note"].trigger()
    assert met[0].text.toPlainText() == "old rib\n<b>fracture"


def test_typed_words_are_not_lost_by_one_press_of_esc(qtbot, window: MainWindow) -> None:
    window.session.set_current(1)

    def leave(dialog: NoteDialog) -> None:
        qtbot.keyClicks(dialog.text, "x")
        qtbot.keyClick(dialog.text, Key.Key_Escape)
        assert dialog.isVisible() and "not stored yet" in dialog._said.text()
        qtbot.keyClick(dialog.text, Key.Key_Escape)
        assert not dialog.isVisible()

    assert in_next_dialog(window, NoteDialog, leave) == []
    window.actions_by_name["note"].trigger()
    assert not noted(window, 1)


def test_what_cannot_be_stored_stays_in_the_dialog(qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object) -> None:
        raise StorageError("This step was not stored: the disk is full.", "full")

    window.session.set_current(1)
    monkeypatch.setattr(notes_part, "write_note", fails)

    def store(dialog: NoteDialog) -> None:
        qtbot.keyClicks(dialog.text, "x")
        qtbot.keyClick(dialog.text, Key.Key_Return, CTRL)
        assert dialog.isVisible() and dialog.text.toPlainText() == "x" and "disk is full" in dialog._said.text()

    assert in_next_dialog(window, NoteDialog, store) == []
    window.actions_by_name["note"].trigger()


def test_a_note_that_is_too_long_cannot_be_stored(qtbot, window: MainWindow) -> None:
    def store(dialog: NoteDialog) -> None:
        dialog.text.setPlainText("x" * 2001)
        assert not dialog.buttons.button(dialog.buttons.StandardButton.Save).isEnabled()
        assert dialog._said.text() == "2,001 of 2,000 characters"
        qtbot.keyClick(dialog.text, Key.Key_Return, CTRL)
        assert dialog.isVisible() and "2,000 characters at most" in dialog._said.text()

    window.session.set_current(1)
    in_next_dialog(window, NoteDialog, store)
    window.actions_by_name["note"].trigger()


def test_what_to_come_back_to_is_listed_in_the_order_it_was_flagged(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_J, modifier=ALT)
    assert "No images to come back to: Ctrl+M" in window.sheets.page.grid._empty_text
    window.session.show_page("map")
    project = project_of(window)
    for image_id in (7, 2):
        notes.set_flag(project, image_id, True, window.session.reader)
    notes.set_flag(project, 3, True, "bob")
    notes.set_flag(project, 11, True, window.session.reader)  # the unreadable file
    project.db.execute("UPDATE reader_notes SET at = '2020-01-01T00:00:00Z' WHERE image_id = 7")
    press(qtbot, window, Key.Key_J, modifier=ALT)
    assert window.sheets.page.grid.page_ids().tolist() == [7, 2]
    heading = window.sheets.page.heading.text()
    assert "To come back to" in heading and "1 more is not on the map" in heading
    assert window.session.target().ids.tolist() == [7]
    qtbot.keyClick(window.sheets.page.grid, Key.Key_M, CTRL)
    assert not noted(window, 7) and window.sheets.page.grid.page_ids().tolist() == [7, 2]


def test_a_second_reading_shows_and_takes_no_notes(qtbot, window: MainWindow) -> None:
    project, said = project_of(window), []
    notes.write_note(project, 1, "effusion, I think", window.session.reader)
    name = reread_name(window.session.reader)
    window.reading.start("Second reading", np.array([1, 2]), "Pneumonia", how="reread", reader=name)
    press(qtbot, window, Key.Key_F)
    window.session.said.connect(said.append)
    press(qtbot, window, Key.Key_M, modifier=CTRL)
    window.actions_by_name["note"].trigger()
    assert "effusion" not in window.session.caption(1) and window.image_page.note_plate.text == ""
    assert len(said) == 2 and "out of sight" in said[0]
    assert notes.note_readers(project) == ["reader 1"]
    window.reading.stop()
    assert "effusion" in window.session.caption(1)


def test_the_words_are_out_of_sight_where_nothing_may_lead_the_answer(qtbot, window: MainWindow) -> None:
    notes.write_note(project_of(window), 1, "effusion, I think", window.session.reader)
    window.reading.start("Audit", np.array([1]), "Pneumonia", how="audit", hide_suggestions=True)
    press(qtbot, window, Key.Key_F)
    assert window.image_page.note_plate.text == "Note"


def test_without_the_text_on_the_image_the_signs_are_left(qtbot, window: MainWindow) -> None:
    notes.write_note(project_of(window), 1, "a rather long note, longer than its sign", window.session.reader)
    window.session.set_current(1)
    window.open_image()
    press(qtbot, window, Key.Key_F)
    wide = window.image_page.note_plate.width()
    press(qtbot, window, Key.Key_T)
    assert window.image_page.note_plate.isVisible() and window.image_page.note_plate.width() < wide / 3


def test_the_menus_of_film_and_tile_hold_both(window: MainWindow) -> None:
    window.session.set_current(1)
    for names in (ON_FILM, ON_TILE):
        window.menus.show_menu(names, window.pos())
        menu = window.findChildren(QMenu)[-1]
        assert {window.actions_by_name["note"], window.actions_by_name["come_back"]} <= set(menu.actions())
        menu.close()


def test_the_search_finds_a_note_as_soon_as_it_is_written(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_F, modifier=CTRL)
    bar = window.finder.bar
    qtbot.keyClicks(bar.line, "note:rotated")
    qtbot.waitUntil(lambda: bar.count.text().startswith("No image"))
    window.session.acts.tell(notes.write_note(project_of(window), 3, "Rotated film", window.session.reader), "")
    qtbot.waitUntil(lambda: bar.count.text().startswith("1 image"))


def test_the_export_offers_notes_where_there_is_room_for_them(qtbot, window: MainWindow) -> None:
    dialog = ExportDialog(window, 3, [Whose("ann", "ann"), Whose("Majority", rule="majority")], 0)
    assert dialog.notes
    dialog._whose.setCurrentIndex(1)
    assert not dialog.with_notes.isEnabled() and not dialog.notes
    dialog._whose.setCurrentIndex(0)
    dialog.with_notes.setChecked(False)
    assert not dialog.notes
    dialog.with_notes.setChecked(True)
    dialog.choose("nih")
    assert not dialog.notes


def test_a_flag_does_not_hide_that_labels_contradict(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_1, Key.Key_2)
    assert window.contradicting.strip.isVisible()
    window.session.set_current(1)
    press(qtbot, window, Key.Key_M, modifier=CTRL)
    assert noted(window, 1).flagged and window.contradicting.strip.isVisible()


def test_notes_alone_can_be_merged(qtbot, window: MainWindow, tmp_path: Path) -> None:
    table = tmp_path / "bob.csv"
    table.write_text("file,finding,value,reader,note,come_back\n00.png,,,bob,look,yes\n", encoding="utf-8")
    dialog = MergeDialog(window, project_of(window).path, table, window.session.reader)
    dialog._errand.finish()
    assert "1</b> notes or flags are new" in dialog.head.text()
    assert dialog._buttons.button(dialog._buttons.StandardButton.Ok).text() == "Merge 1 note"
    assert dialog._buttons.button(dialog._buttons.StandardButton.Ok).isEnabled()
    dialog.done(0)


def test_notes_alone_can_be_imported_after_a_preview(qtbot, window: MainWindow, tmp_path: Path) -> None:
    table = tmp_path / "notes.csv"
    table.write_text("file,finding,value,note\n00.png,,,look\n", encoding="utf-8")
    dialog = ImportDialog(window, project_of(window), table, "bob", window.session.reader)
    dialog.errand.finish()
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    assert ok.text() == "Import 1 note" and ok.isEnabled() and not notes.note_readers(project_of(window))
    dialog.accept()
    qtbot.waitUntil(lambda: dialog.change is not None)
    assert dialog.change is not None and dialog.change.notes
    assert notes.note_of(project_of(window), 1, "bob").text == "look"


def test_the_soak_foretells_a_flag_and_its_undoing(qtbot, window: MainWindow) -> None:
    window.session.set_current(1)
    window.session.acts.tell(notes.write_note(project_of(window), 1, "kept", window.session.reader), "")
    window.session.set_current(2)
    model = Model.of(project_of(window).path)
    for wanted in (("", True), None):
        foretold = foretell(window, "come_back", model.stored.state)
        window.actions_by_name["come_back"].trigger()
        assert model.check(foretold) == ""
        assert model.stored.state.notes.get((2, "reader 1")) == wanted
        assert model.stored.state.notes[1, "reader 1"] == ("kept", False)
    window.session.acts.undo()
    assert model.check() == "" and model.stored.state.notes[2, "reader 1"] == ("", True)
