"""Suspect labels in the real window: listed, read by keys, kept, changed, taken back, taken up after a restart."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from cxr_explorer.labels.label import Value
from cxr_explorer.project.label_columns import label_of
from cxr_explorer.project.labelling import OPPOSITE
from cxr_explorer.project.project import Project
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.suggest.suspects import SuspectsDialog
from tests.suspect_project import FINDING, WRONG, give, make_silent_project, make_suspect_project
from tests.ui.suggest_project import make_suggest_project, truth
from tests.ui.windows import in_next_dialog, open_window, press

Key = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier
LONG_MS = 60_000
ANSWER = {Value.PRESENT: Key.Key_P, Value.ABSENT: Key.Key_A}


def begin(qtbot, window: MainWindow, do=None) -> SuspectsDialog:  # type: ignore[no-untyped-def]
    """Shift+Q, waits for the list, and by default Enter."""

    def in_dialog(dialog: SuspectsDialog) -> None:
        qtbot.waitUntil(lambda: not dialog._errand.active, timeout=LONG_MS)
        if do is not None:
            do(dialog)
        else:
            qtbot.keyClick(dialog.entries, Key.Key_Return)

    met = in_next_dialog(window, SuspectsDialog, in_dialog)
    press(qtbot, window, Key.Key_Q, modifier=SHIFT)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return met[0]


def label(window: MainWindow, image_id: int, reader: str = "reader 1") -> Value | None:
    assert window.session.project is not None
    return label_of(window.session.project, image_id, FINDING, reader)


def way(window: MainWindow, image_id: int) -> str:
    assert window.session.project is not None
    query = "SELECT how FROM labels WHERE finding = ? AND image_id = ?"
    return str(window.session.project.db.execute(query, [FINDING, image_id]).fetchone()[0])


def buttons(window: MainWindow) -> list[str]:
    return [button.text() for button, _, _ in window.reading.strip._keyed][:3]


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_suspect_project(tmp_path, "import"))


def test_doubted_labels_are_listed_and_read_by_keys(qtbot, window: MainWindow) -> None:
    def look(dialog: SuspectsDialog) -> None:
        assert "doubts 3 of the 72 labels" in dialog.told.text()
        assert "no evidence" in dialog.more.text()
        assert dialog.entries.count() == 3
        assert dialog.entries.item(0).text().startswith("labelled ")
        assert dialog.read.text() == "&Read 3 images"
        qtbot.keyClick(dialog.entries, Key.Key_Return)

    dialog = begin(qtbot, window, look)
    assert dialog.found is not None
    order = dialog.found.image_ids.tolist()
    assert set(order) == set(WRONG)
    first, second, third = order
    assert window.reading.active and window.session.viewing_image and window.session.current_id == first
    word = "present" if label(window, first) == Value.PRESENT else "absent"
    assert f"1 of 3 doubted  ·  labelled {word}  ·  No Finding?" in window.reading.text()

    wrong = label(window, first)
    assert wrong is not None
    press(qtbot, window, ANSWER[wrong])  # kept
    assert label(window, first) == wrong and way(window, first) == "single"
    assert "Kept No Finding" in window._said.text()
    assert window.session.current_id == second and "2 of 3 doubted" in window.reading.text()

    press(qtbot, window, ANSWER[truth(second)])  # changed
    assert label(window, second) == truth(second) and way(window, second) == "single"
    window.session.acts.undo()
    assert window.session.current_id == second
    assert label(window, second) == OPPOSITE[truth(second)] and way(window, second) == "import"
    press(qtbot, window, ANSWER[truth(second)])
    press(qtbot, window, ANSWER[truth(third)])
    assert not window.reading.active
    assert "Nothing doubted is left" in window._said.text()


def test_the_buttons_say_what_keeps_the_label_and_what_changes_it(qtbot, window: MainWindow) -> None:
    begin(qtbot, window)
    keep, change = ("present", "absent") if label(window, window.session.current_id) else ("absent", "present")
    shown = " ".join(buttons(window))
    assert f"Keep {keep}" in shown and f"Change to {change}" in shown and "Change to uncertain" in shown
    press(qtbot, window, Key.Key_Escape)
    window.reading.start("Random images", [1], FINDING)  # type: ignore[arg-type]
    assert buttons(window) == ["Present  P", "Absent  A", "Uncertain  U"]


def test_leaving_and_coming_back_after_a_restart_goes_on_with_the_rest(qtbot, tmp_path: Path) -> None:
    path = make_suspect_project(tmp_path)
    window = open_window(qtbot, tmp_path, path)
    begin(qtbot, window)
    kept = window.session.current_id
    wrong = label(window, kept)
    assert wrong is not None
    press(qtbot, window, ANSWER[wrong])
    press(qtbot, window, Key.Key_C)  # skipped: it comes again
    press(qtbot, window, Key.Key_Escape)
    assert not window.reading.active and "goes on with what is left" in window._said.text()
    window.close()

    window = open_window(qtbot, tmp_path, path)
    dialog = begin(qtbot, window)
    assert dialog.found is not None
    assert set(dialog.found.image_ids.tolist()) == set(WRONG) - {kept}
    assert "1 more you have judged already" in dialog.found.in_words()
    assert "1 of 2 doubted" in window.reading.text()
    press(qtbot, window, Key.Key_Escape)
    window.session.acts.undo()  # an act of before the restart
    dialog = begin(qtbot, window)
    assert dialog.found is not None
    assert set(dialog.found.image_ids.tolist()) == set(WRONG)


def test_where_nothing_is_doubted_there_is_nothing_to_read(qtbot, tmp_path: Path) -> None:
    path = make_suspect_project(tmp_path)
    with Project.open(path) as project:
        for image_id in WRONG:
            give(project, [image_id], truth(image_id))
    window = open_window(qtbot, tmp_path, path)

    def look(dialog: SuspectsDialog) -> None:
        assert "None of the 72 labels of No Finding by reader 1 is doubted." in dialog.told.text()
        assert not dialog.read.isEnabled() and not dialog.entries.isVisible()
        qtbot.keyClick(dialog, Key.Key_Return)

    begin(qtbot, window, look)
    assert not window.reading.active


def test_too_few_labels_are_told(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path, make_suggest_project(tmp_path, 5))

    def look(dialog: SuspectsDialog) -> None:
        assert "Too few labels to doubt any (1 present, 4 absent): 20 of each are needed" in dialog.told.text()
        assert not dialog.read.isEnabled()

    begin(qtbot, window, look)


def test_without_labels_it_says_what_it_waits_for(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path, make_suggest_project(tmp_path))
    assert not window.actions_by_name["suspects"].isEnabled()
    give(window.session.project, [1], Value.PRESENT)  # type: ignore[arg-type]
    window.session.acts.tell_states("audit")
    assert window.actions_by_name["suspects"].isEnabled()


def test_anothers_labels_are_judged_under_the_readers_own_name(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path, make_suspect_project(tmp_path, "import", "NIH"))
    dialog = begin(qtbot, window)
    assert dialog.found is not None and dialog.found.whose == "NIH"
    first = window.session.current_id
    assert "by NIH" in window.reading.text()
    assert buttons(window) == ["Present  P", "Absent  A", "Uncertain  U"]
    press(qtbot, window, ANSWER[truth(first)])
    assert label(window, first) == truth(first)
    assert label(window, first, "NIH") == OPPOSITE[truth(first)]
    press(qtbot, window, Key.Key_Escape)
    again = begin(qtbot, window)
    assert again.found is not None and first not in again.found.image_ids


def test_reading_begins_at_the_line_the_list_stands_at(qtbot, window: MainWindow) -> None:
    def second(dialog: SuspectsDialog) -> None:
        qtbot.keyClick(dialog.entries, Key.Key_Down)
        qtbot.keyClick(dialog.entries, Key.Key_Return)

    dialog = begin(qtbot, window, second)
    assert dialog.found is not None
    assert window.session.current_id == dialog.found.image_ids[1]
    assert "1 of 2 doubted" in window.reading.text()


def test_a_reading_that_is_under_way_is_not_broken_off(qtbot, window: MainWindow) -> None:
    begin(qtbot, window)
    window.actions_by_name["suspects"].trigger()
    assert window.reading.active and "under way already" in window._said.text()


def test_what_a_table_does_not_name_can_be_kept_absent_or_changed(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path, make_silent_project(tmp_path, "reader 1"))

    def look(dialog: SuspectsDialog) -> None:
        entries = [dialog.entries.item(row).text() for row in range(dialog.entries.count())]
        assert sum(entry.startswith("not named:") for entry in entries) == 1
        assert "where this finding is not named it counts as absent" in dialog.more.text()
        dialog.entries.setCurrentRow([entry.startswith("not named:") for entry in entries].index(True))
        qtbot.keyClick(dialog.entries, Key.Key_Return)

    begin(qtbot, window, look)
    assert window.session.current_id == WRONG[0]
    assert "not named" in window.reading.text()
    assert buttons(window) == ["Change to present  P", "Keep absent  A", "Change to uncertain  U"]
    press(qtbot, window, Key.Key_A)
    assert label(window, WRONG[0]) == Value.ABSENT
    window.session.acts.undo()
    assert label(window, WRONG[0]) is None
