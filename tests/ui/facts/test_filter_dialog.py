"""The filter dialog in the window: typed or ticked, counted while choosing, saved by name, and what then holds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QInputDialog, QMessageBox, QPushButton, QWidget

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import label_columns, labelling
from cxr_explorer.search.conditions import EXCLUDED, FILE, SEEN, Between, Column, Contains, OneOf, fact_is
from cxr_explorer.search.saved_filters import save_filter, saved_filters
from cxr_explorer.ui.facts.condition_matches import matching_conditions
from cxr_explorer.ui.facts.filter_dialog import HINT, RULE, FilterDialog
from cxr_explorer.ui.find.filter_strip import FilterStrip
from cxr_explorer.ui.guide.window_commands import commands
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.session.filtering import carry_over
from cxr_explorer.ui.widgets.theme import apply_theme
from tests.ui.windows import make_project, open_window

Key, Modifier = Qt.Key, Qt.KeyboardModifier
NONE, CONTROL = Modifier.NoModifier, Modifier.ControlModifier
VIEW, SEX, AGE, PLACE = (Column("fact", name) for name in ("view", "sex", "age", "place"))
EFFUSION = Column("finding", "Effusion")
NOT_LABELLED = OneOf(EFFUSION, ("not labelled",))


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    """Ten images, 1 to 10; those with an even id are AP, they are 31 to 40 years old; the first three are female, of
    the last the sex is not known."""
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    session = window.session
    facts = {i: {**known, "sex": "F" if i <= 3 else "M"} for i, known in session.facts.items()}
    del facts[10]["sex"]
    session.known_facts.use(facts, session.map)
    return window


@pytest.fixture
def answer(qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable], FilterDialog]:
    """Opens the dialog by its key and does something with it."""
    shown: list[FilterDialog] = []

    def by_key(do: Callable[[FilterDialog], None]) -> FilterDialog:
        def look(dialog: FilterDialog) -> int:
            with qtbot.waitExposed(dialog):
                dialog.show()
            dialog.activateWindow()
            shown.append(dialog)
            do(dialog)
            return dialog.result()

        monkeypatch.setattr(FilterDialog, "exec", look)
        with qtbot.waitActive(window):
            window.activateWindow()
        before = len(shown)
        qtbot.keyClick(window, Key.Key_F, CONTROL | Modifier.ShiftModifier)
        assert len(shown) == before + 1
        return shown[-1]

    return by_key


def open_dialog(qtbot, window: MainWindow) -> FilterDialog:
    session = window.session
    assert session.project is not None
    facts = [column.name for column in session.known_facts.columns]
    dialog = FilterDialog(window, session.project, session.filtering.images(), facts, session.filter, session.colour_by)
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    return dialog


def label(window: MainWindow, ids: list[int], value: Value = Value.PRESENT) -> None:
    session = window.session
    assert session.project is not None
    judgement = Judgement("Effusion", value, session.reader, "single")
    session.acts.tell(labelling.label(session.project, np.array(ids), judgement), "")


def filtered(window: MainWindow) -> list[int]:
    assert window.session.filter is not None
    return window.session.filter.ids.tolist()


def tick(qtbot, dialog: FilterDialog, column: Column, row: int) -> None:
    dialog._go_to(column)
    dialog.editor.values.setCurrentRow(row)
    qtbot.keyClick(dialog.editor.values, Key.Key_Space)


def chips(dialog: FilterDialog) -> list[str]:
    return [chip.text().removesuffix("  ×") for chip in dialog.chips.findChildren(QPushButton) if not chip.isHidden()]


# -- by keyboard


def test_a_value_is_typed_and_enter_filters(qtbot, window: MainWindow, answer) -> None:
    def type_it(dialog: FilterDialog) -> None:
        assert QApplication.focusWidget() is dialog.search
        qtbot.keyClicks(dialog.search, "pa")
        qtbot.keyClick(dialog.search, Key.Key_Return)

    answer(type_it)
    assert window.session.filter is not None and window.session.filter.text == "PA"
    assert filtered(window) == [1, 3, 5, 7, 9]
    assert window.findChild(FilterStrip).chip.text() == "filter: PA  ×"


def test_as_before_a_fact_and_its_value_are_chosen_from_two_lists(qtbot, window: MainWindow, answer) -> None:
    def choose(dialog: FilterDialog) -> None:
        qtbot.keyClick(dialog.search, Key.Key_Down)
        qtbot.keyClick(dialog.columns, Key.Key_V)
        qtbot.keyClick(dialog.columns, Key.Key_Tab)
        assert QApplication.focusWidget() is dialog.editor.values
        qtbot.keyClick(dialog.editor.values, Key.Key_Down)
        qtbot.keyClick(dialog.editor.values, Key.Key_Return)

    assert not window.actions_by_name["clear_filter"].isEnabled()
    answer(choose)
    assert window.session.filter is not None and window.session.filter.text == "PA"
    with qtbot.waitActive(window):
        window.activateWindow()
    qtbot.keyClick(window, Key.Key_X, CONTROL | Modifier.ShiftModifier)
    assert window.session.filter is None


def test_enter_on_a_fact_leads_to_its_values(qtbot, window: MainWindow, answer) -> None:
    def choose(dialog: FilterDialog) -> None:
        qtbot.keyClick(dialog.search, Key.Key_Down)
        qtbot.keyClick(dialog.columns, Key.Key_V)
        qtbot.keyClick(dialog.columns, Key.Key_Return)
        assert dialog.isVisible() and QApplication.focusWidget() is dialog.editor.values
        qtbot.keyClick(dialog.editor.values, Key.Key_Return)

    answer(choose)
    assert window.session.filter is not None and window.session.filter.text == "AP"


def test_typing_reads_no_labels_from_the_file_which_are_held(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = open_dialog(qtbot, window)
    read: list[str] = []
    kept = label_columns.label_column
    monkeypatch.setattr(label_columns, "label_column", lambda *asked: (read.append(asked[1]), kept(*asked))[1])
    qtbot.keyClicks(dialog.search, "pres")
    assert dialog.matches.count() > 10
    assert dialog.matches.item(0).text().endswith("present   0")
    qtbot.keyClick(dialog.search, Key.Key_Down)
    assert read == []


def test_conditions_are_typed_one_after_the_other(qtbot, window: MainWindow, answer) -> None:
    label(window, [1])
    counts = []

    def type_all(dialog: FilterDialog) -> None:
        for typed in ("pa", "female", "31-35", "eff not", "not excl"):
            qtbot.keyClicks(dialog.search, typed)
            qtbot.keyClick(dialog.search, Key.Key_Return, CONTROL)
            counts.append(dialog.count.text())
        qtbot.keyClick(dialog.search, Key.Key_Return)

    answer(type_all)
    assert counts == [f"{count} of 10 images" for count in (5, 2, 2, 1, 1)]
    assert window.session.filter is not None
    assert window.session.filter.text == "31–35 years, female, PA, not excluded, Effusion not labelled"
    assert filtered(window) == [3]


def test_values_are_ticked_and_enter_takes_no_more_than_them(qtbot, window: MainWindow, answer) -> None:
    def choose(dialog: FilterDialog) -> None:
        tick(qtbot, dialog, SEX, 0)
        tick(qtbot, dialog, SEX, 2)
        dialog._go_to(VIEW)
        dialog.editor.values.setFocus()
        qtbot.keyClick(dialog.editor.values, Key.Key_Return)

    answer(choose)
    assert window.session.filter is not None and window.session.filter.text == "male or sex not known"
    assert filtered(window) == [4, 5, 6, 7, 8, 9, 10]


def test_a_range_is_typed_in_its_fields(qtbot, window: MainWindow, answer) -> None:
    def choose(dialog: FilterDialog) -> None:
        dialog._go_to(AGE)
        dialog.editor.setFocus()
        assert QApplication.focusWidget() is dialog.editor.low
        qtbot.keyClicks(dialog.editor.low, "3x")
        assert dialog.count.text() == "“3x” is no number."
        qtbot.keyClick(dialog.editor.low, Key.Key_Return)
        assert dialog.isVisible()
        qtbot.keyClick(dialog.editor.low, Key.Key_Backspace)
        qtbot.keyClicks(dialog.editor.low, "4")
        qtbot.keyClick(dialog.editor.low, Key.Key_Tab)
        qtbot.keyClicks(dialog.editor.high, "36")
        qtbot.keyClick(dialog.editor.high, Key.Key_Return)

    answer(choose)
    assert window.session.filter is not None and window.session.filter.text == "34–36 years"
    assert filtered(window) == [4, 5, 6]


def test_escape_clears_what_is_typed_then_leaves_all_as_it_was(qtbot, window: MainWindow, answer) -> None:
    window.session.filtering.set((fact_is("view", "AP"),))

    def give_up(dialog: FilterDialog) -> None:
        tick(qtbot, dialog, SEX, 0)
        qtbot.keyClicks(dialog.search, "pa")
        qtbot.keyClick(dialog.search, Key.Key_Escape)
        assert dialog.isVisible() and dialog.search.text() == ""
        qtbot.keyClick(dialog.search, Key.Key_Escape)
        assert not dialog.isVisible()

    answer(give_up)
    assert window.session.filter is not None and window.session.filter.text == "AP"


def test_with_all_conditions_removed_enter_takes_the_filter_away(qtbot, window: MainWindow, answer) -> None:
    window.session.filtering.set((fact_is("view", "AP"), fact_is("sex", "M")))

    def remove(dialog: FilterDialog) -> None:
        assert chips(dialog) == ["male", "AP"]
        for _ in range(2):
            chip = next(chip for chip in dialog.chips.findChildren(QPushButton) if not chip.isHidden())
            chip.setFocus()
            qtbot.keyClick(chip, Key.Key_Space)
        assert chips(dialog) == [] and dialog.count.text() == "10 of 10 images"
        qtbot.keyClick(dialog.search, Key.Key_Return)

    answer(remove)
    assert window.session.filter is None


# -- what is shown


def test_each_value_says_how_many_remain_with_it(qtbot, window: MainWindow) -> None:
    dialog = open_dialog(qtbot, window)
    tick(qtbot, dialog, VIEW, 1)
    dialog._go_to(SEX)
    values = dialog.editor.values
    assert [values.item(row).text() for row in range(values.count())] == ["male   3", "female   2", "(not known)   0"]
    assert dialog.columns.item(dialog._columns.index(VIEW)).text() == "view  ✓"


def test_the_dialog_says_by_which_rule_the_filter_holds(qtbot, window: MainWindow) -> None:
    dialog = open_dialog(qtbot, window)
    assert dialog._rule.text() == RULE and "press Update" in RULE
    dialog.search.setText("pa")
    assert dialog._rule.text() == HINT
    dialog.search.clear()
    assert dialog._rule.text() == RULE


def test_what_no_image_passes_cannot_be_applied(qtbot, window: MainWindow) -> None:
    dialog = open_dialog(qtbot, window)
    qtbot.keyClicks(dialog.search, "effusion pres")
    qtbot.keyClick(dialog.search, Key.Key_Return)
    assert dialog.isVisible() and dialog.count.text() == "0 of 10 images. No image passes all of these."
    assert not dialog._buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()


def test_a_file_name_is_a_condition(qtbot, window: MainWindow) -> None:
    dialog = open_dialog(qtbot, window)
    dialog._go_to(FILE)
    dialog.editor.part.setText("03")
    assert dialog.count.text() == "1 of 10 images" and dialog.conditions == (Contains("03"),)
    dialog.editor.part.setText("")
    assert dialog.conditions == ()


def test_labels_say_whose_they_are(qtbot, window: MainWindow) -> None:
    dialog = open_dialog(qtbot, window)
    dialog._go_to(EFFUSION)
    assert dialog.editor.about.text() == f"As {window.session.reader} has labelled it"
    dialog._go_to(VIEW)
    assert dialog.editor.about.isHidden()


def test_what_typed_words_mean(window: MainWindow) -> None:
    images = window.session.filtering.images()
    columns = [AGE, SEX, VIEW, SEEN, EXCLUDED, FILE, EFFUSION, Column("finding", "Pleural_Thickening")]

    def first(typed: str) -> object:
        return matching_conditions(images, columns, typed)[0]

    assert first("PA") == OneOf(VIEW, ("PA",))
    assert first("f") == OneOf(SEX, ("F",))
    assert first("male") == OneOf(SEX, ("M",))
    assert first("sex not") == OneOf(SEX, (None,))
    assert first("40-60") == first("age 40–60 years") == Between(AGE, 40, 60)
    assert first("40-") == first("40+") == Between(AGE, 40, None)
    assert first("-60") == Between(AGE, None, 60)
    assert first("47") == Between(AGE, 47, 47)
    assert first("thick unc") == OneOf(Column("finding", "Pleural_Thickening"), ("uncertain",))
    assert first("not seen") == OneOf(SEEN, ("not seen",))
    assert matching_conditions(images, columns, "Zebra") == [Contains("Zebra")]
    assert matching_conditions(images, columns, "  ") == []


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_nothing_is_cut_with_large_text(qtbot, window: MainWindow, scale: float) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    apply_theme(application, True, scale)
    try:
        window.session.filtering.set((fact_is("view", "AP"), Between(AGE, 10, 80, True), NOT_LABELLED))
        dialog = open_dialog(qtbot, window)
        assert dialog.height() <= 688 and dialog.width() <= 1306
        for widget in (*dialog.chips.findChildren(QPushButton), dialog.saved, *dialog._buttons.buttons()):
            if not widget.isHidden():
                assert widget.width() >= widget.sizeHint().width()
                corner = widget.mapTo(dialog, widget.rect().bottomRight())
                assert dialog.rect().contains(corner)
        strip = window.findChild(FilterStrip)
        assert strip.meaning.width() >= strip.meaning.fontMetrics().horizontalAdvance("10 of 10 images")
        assert strip.update_button.isVisible()
    finally:
        apply_theme(application, True, 1.0)


# -- saved by name


def name_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: (name, True))


def choose_from_menu(dialog: FilterDialog, text: str) -> None:
    dialog._fill_menu()
    action = next(action for action in dialog._menu.actions() if action.text() == text)
    assert action.isEnabled()
    action.trigger()


def test_a_filter_is_saved_and_chosen_again_after_the_project_was_closed(
    qtbot, window: MainWindow, answer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = window.session
    assert session.project is not None
    path = session.project.path
    name_it(monkeypatch, "women")

    def save(dialog: FilterDialog) -> None:
        qtbot.keyClicks(dialog.search, "AP")
        qtbot.keyClick(dialog.search, Key.Key_Return, CONTROL)
        qtbot.keyClicks(dialog.search, "31-36")
        qtbot.keyClick(dialog.search, Key.Key_Return, CONTROL)
        choose_from_menu(dialog, "Save as…")
        assert dialog.count.text() == "3 of 10 images  ·  women"
        qtbot.keyClick(dialog.search, Key.Key_Escape)

    answer(save)
    assert session.filter is None
    session.close()
    window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    window.files.open_path(path)
    answer(lambda dialog: (choose_from_menu(dialog, "women"), dialog.accept()))
    assert session.filter is not None and session.filter.name == "women"
    assert filtered(window) == [2, 4, 6]
    assert window.findChild(FilterStrip).chip.text() == "women: 31–36 years, AP  ×"


def test_saved_filters_stand_in_the_palette(window: MainWindow) -> None:
    session = window.session
    assert session.project is not None
    save_filter(session.project, "women", (fact_is("sex", "F"), fact_is("view", "PA")))
    command = next(one for one in commands(window, session, window.clusters) if one.text == "Filter: women")
    assert command.place == "Saved filter" and command.tip.endswith("female, PA") and not command.missing
    command.run()
    assert filtered(window) == [1, 3] and session.filter is not None and session.filter.name == "women"


def test_a_saved_filter_is_renamed_saved_anew_and_deleted(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = window.session.project
    assert project is not None
    female = (fact_is("sex", "F"),)
    save_filter(project, "women", female)
    save_filter(project, "other", female)
    dialog = open_dialog(qtbot, window)
    choose_from_menu(dialog, "women")
    name_it(monkeypatch, "F")
    choose_from_menu(dialog, "Rename “women”…")
    assert list(saved_filters(project)) == ["F", "other"]
    tick(qtbot, dialog, VIEW, 0)
    assert dialog.name == ""
    choose_from_menu(dialog, "Save “F” as it is now")
    assert dialog.name == "F" and len(saved_filters(project)["F"]) == 2
    told = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: told.append(box.text()))
    name_it(monkeypatch, "Other")
    choose_from_menu(dialog, "Rename “F”…")
    assert "already" in told[0] and list(saved_filters(project)) == ["F", "other"]
    choose_from_menu(dialog, "Delete “F”")
    assert list(saved_filters(project)) == ["other"] and chips(dialog) == ["female", "AP"]


def test_a_saved_filter_on_a_fact_that_is_gone_is_told(qtbot, window: MainWindow) -> None:
    session = window.session
    assert session.project is not None
    save_filter(session.project, "icu", (OneOf(PLACE, ("icu",)), fact_is("view", "AP")))
    said: list[str] = []
    session.said.connect(said.append)
    next(one for one in commands(window, session, window.clusters) if one.text == "Filter: icu").run()
    assert session.filter is None and "asks for place, which is not known of these images" in said[-1]
    dialog = open_dialog(qtbot, window)
    choose_from_menu(dialog, "icu")
    assert dialog.count.text().startswith("⚠ place: not known of these images any more.")
    assert chips(dialog) == ["AP", "⚠ place icu"]
    dialog.accept()
    assert dialog.isVisible()
    dialog.remove(PLACE)
    assert dialog.count.text() == "5 of 10 images"
    dialog.accept()
    assert not dialog.isVisible()


def test_nothing_is_saved_in_a_project_that_is_only_looked_at(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = window.session.project
    assert project is not None
    monkeypatch.setattr(type(project), "viewed", property(lambda _: "it lies on a disk that cannot be written"))
    dialog = open_dialog(qtbot, window)
    tick(qtbot, dialog, VIEW, 0)
    dialog._fill_menu()
    assert not next(one for one in dialog._menu.actions() if one.text().startswith("Save as")).isEnabled()


# -- what holds afterwards


def test_an_image_stays_in_the_filter_when_it_is_labelled_until_it_is_brought_up_to_date(
    qtbot, window: MainWindow
) -> None:
    session = window.session
    session.filtering.set((NOT_LABELLED, fact_is("view", "PA")))
    session.select_all()
    label(window, [1, 3])
    assert filtered(window) == session.selection.ids.tolist() == [1, 3, 5, 7, 9]
    strip = window.findChild(FilterStrip)
    assert "when the filter was set" in strip.meaning.text()
    qtbot.mouseClick(strip.update_button, Qt.MouseButton.LeftButton)
    assert filtered(window) == session.selection.ids.tolist() == [5, 7, 9]
    label(window, [5])
    window.actions_by_name["update_filter"].trigger()
    assert filtered(window) == [7, 9]
    said: list[str] = []
    session.said.connect(said.append)
    label(window, [7, 9])
    session.filtering.update()
    assert filtered(window) == [7, 9] and said[-1].startswith("No image passes the filter")


def test_a_filter_on_facts_alone_needs_no_update(window: MainWindow) -> None:
    window.session.filtering.set((fact_is("view", "PA"),))
    strip = window.findChild(FilterStrip)
    assert strip.update_button.isHidden()
    assert strip.meaning.text() == "5 of 10 images. The others can be neither selected nor labelled."


def test_on_a_new_map_labelled_images_stay_and_new_ones_are_asked(window: MainWindow) -> None:
    session = window.session
    assert session.map is not None
    session.filtering.set((NOT_LABELLED,))
    assert session.filter is not None
    first_five = replace(session.map, image_ids=session.map.image_ids[:5])
    made_on_five = replace(session.filter, ids=first_five.image_ids)
    label(window, [2, 7])
    assert carry_over(made_on_five, session.filtering.images(), first_five).ids.tolist() == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert carry_over(made_on_five, session.filtering.images(), None).ids.tolist() == [1, 3, 4, 5, 6, 8, 9, 10]
    session._load_map()
    assert filtered(window) == list(range(1, 11))
    session.filtering.update()
    assert filtered(window) == [1, 3, 4, 5, 6, 8, 9, 10]


def test_a_filter_whose_fact_is_forgotten_goes_and_says_so(window: MainWindow) -> None:
    session = window.session
    session.filtering.set((fact_is("sex", "F"),))
    said: list[str] = []
    session.said.connect(said.append)
    session.reload_facts()  # the file never said it
    assert session.filter is None and said[-1].endswith("The filter was taken away.")


def test_another_reader_does_not_work_in_a_filter_on_the_labels_of_the_first(window: MainWindow) -> None:
    session = window.session
    session.filtering.set((fact_is("view", "PA"),))
    session.set_reader("CD")
    assert session.filter is not None
    session.filtering.set((NOT_LABELLED,))
    session.set_reader("EF")
    assert session.filter is None


def test_while_images_are_read_under_another_name_no_filter_asks_for_labels(qtbot, window: MainWindow) -> None:
    session = window.session
    said: list[str] = []
    session.said.connect(said.append)
    session.read_as("CD")
    window.facts.choose_filter()
    assert said[-1] == "Only CD is shown now. Esc ends the reading; then choose a filter."
    session.filtering.set((NOT_LABELLED,))
    assert session.filter is None


def test_findings_outside_the_list_can_be_asked_for_by_a_saved_filter(qtbot, window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    save_filter(project, "old", (OneOf(Column("finding", "Old finding"), ("not labelled",)),))
    assert "Old finding" not in bundled_vocabularies()[0].findings
    dialog = open_dialog(qtbot, window)
    choose_from_menu(dialog, "old")
    assert chips(dialog) == ["Old finding not labelled"] and dialog.count.text() == "10 of 10 images  ·  old"


def test_every_control_has_a_name_for_screen_readers(qtbot, window: MainWindow) -> None:
    dialog = open_dialog(qtbot, window)
    editor = dialog.editor
    controls: list[QWidget] = [dialog.search, dialog.columns, dialog.matches, editor.low, editor.high, editor.part]
    dialog._go_to(VIEW)
    assert all(control.accessibleName() for control in (*controls, editor.values))
    QTest.keyClick(editor.values, Key.Key_Space)
    assert editor.values.item(0).checkState() == Qt.CheckState.Checked
