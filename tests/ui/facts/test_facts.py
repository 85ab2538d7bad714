"""Facts in the window: taken from a table, filtered by, and shown where they could mislead a bulk label."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QInputDialog

from cxr_explorer.labels import confounders
from cxr_explorer.labels.label import Value
from cxr_explorer.project import label_columns
from cxr_explorer.project.facts import stored_facts
from cxr_explorer.search.conditions import fact_is
from cxr_explorer.ui.facts import facts as metadata_part
from cxr_explorer.ui.facts.facts_dialogs import ConfoundersDialog, chance_text
from cxr_explorer.ui.facts.take_in_dialog import MetadataDialog
from cxr_explorer.ui.find.filter_strip import FilterStrip
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    """Ten images; those with an even id are AP."""
    return open_window(qtbot, tmp_path, make_project(tmp_path))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    rows = [f"{number:02}.png,P{number // 2},{'icu' if number < 5 else 'ward'},2013-04-05" for number in range(10)]
    path.write_text("\n".join(["Image Index,Patient ID,Place,StudyDate", *rows]))
    return path


def views(window: MainWindow, ids: np.ndarray) -> set[str]:
    return {window.session.facts[image_id]["view"] for image_id in ids.tolist()}


def give_makers(window: MainWindow) -> None:
    """The first cluster is all of one maker, the rest of another."""
    session = window.session
    assert session.map is not None
    facts = {
        image_id: {**session.facts[image_id], "maker": "Acme" if image_id in session.map.image_ids[:5] else "Bolt"}
        for image_id in session.map.image_ids.tolist()
    }
    session.known_facts.use(facts, session.map)


# -- the filter


def test_a_filter_limits_the_selection_and_with_it_the_label(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    assert views(window, session.selection.ids) == {"AP", "PA"}
    session.filtering.set((fact_is("view", "AP"),))
    assert views(window, session.selection.ids) == {"AP"}
    assert session.selection.cluster == 0
    target = session.target()
    assert target.text == "cluster 1, only AP"
    qtbot.keyClick(window, Key.Key_1)
    assert session.project is not None
    labelled = label_columns.labelled_ids(session.project, session.reader)
    assert labelled.tolist() == target.ids.tolist()


def test_nothing_outside_the_filter_can_be_chosen_in_any_way(window: MainWindow) -> None:
    session = window.session
    session.filtering.set((fact_is("view", "AP"),))
    assert session.map is not None
    outside = session.map.image_ids[session.map.image_ids % 2 == 1]
    said: list[str] = []
    session.said.connect(said.append)
    session.select(outside[:1], "single")
    assert not session.selection.ids.size and said[-1] == "That image is outside the filter AP."
    session.select_all()
    assert views(window, session.selection.ids) == {"AP"}
    session.select(outside, "lasso", None, "add")
    assert views(window, session.selection.ids) == {"AP"}
    session.set_picked(outside)
    assert not session.picked.size
    session.set_current(int(outside[0]))
    session.view_image(True)
    assert not session.target().ids.size


def test_the_filter_is_seen_above_everything_and_one_click_takes_it_away(qtbot, window: MainWindow) -> None:
    strip = window.findChild(FilterStrip)
    session = window.session
    assert not strip.isVisible()
    session.select_cluster(0)
    whole = session.selection.ids.tolist()
    session.filtering.set((fact_is("view", "AP"),))
    assert strip.isVisible() and strip.chip.text() == "filter: AP  ×"
    session.set_current(int(session.selection.ids[0]))
    window.open_image()
    assert strip.isVisible()
    session.view_image(False)
    qtbot.mouseClick(strip.chip, Qt.MouseButton.LeftButton)
    assert session.filter is None and not strip.isVisible()
    assert session.selection.ids.tolist() == whole


def test_ages_are_filtered_by_decade_and_the_unknown_can_be_asked_for(window: MainWindow) -> None:
    session = window.session
    assert session.map is not None
    facts = {image_id: dict(known) for image_id, known in session.facts.items()}
    facts[int(session.map.image_ids[0])].pop("age")
    session.known_facts.use(facts, session.map)
    session.filtering.set((fact_is("age", "30–39 years"),))
    assert session.filter is not None
    assert {session.facts[image_id]["age"][0] for image_id in session.filter.ids.tolist()} == {"3"}
    session.filtering.set((fact_is("age", None),))
    assert session.filter.ids.tolist() == [int(session.map.image_ids[0])]
    assert session.filter.text == "age not known"


def test_another_project_has_no_filter(window: MainWindow, tmp_path: Path) -> None:
    window.session.filtering.set((fact_is("view", "AP"),))
    window.session.close()
    assert window.session.filter is None


# -- what images have in common


def test_before_a_bulk_label_the_panel_says_what_the_images_have_in_common(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confounders, "ALPHA", 0.05)  # ten images cannot be surer
    session = window.session
    said = window.label_panel._said
    session.select_cluster(0)
    assert said.objectName() != "warning"
    give_makers(window)
    session.select_cluster(1)
    assert said.objectName() != "warning"
    session.select_cluster(0)
    assert said.objectName() == "warning"
    assert "⚠ 100 % of cluster 1 comes from Acme devices (collection: 50 %)" in said.full
    session.filtering.set((fact_is("maker", "Acme"),))
    assert said.objectName() != "warning"
    window.judging.label_target()
    assert session.project is not None
    assert label_columns.labelled_ids(session.project, session.reader).size == 5


def test_the_comparison_is_shown_on_a_key_and_can_become_a_filter(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[list[str]] = []

    def look(dialog: ConfoundersDialog) -> int:
        shown.append([dialog.table.item(0, place).text() for place in range(1, 5)])
        dialog._filter.click()
        return dialog.result()

    monkeypatch.setattr(ConfoundersDialog, "exec", look)
    give_makers(window)
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_C, Modifier.ShiftModifier)
    assert shown == [["maker", "Acme", "100 %   5 of 5", "50 %   5 of 10"]]
    assert window.session.filter is not None and window.session.filter.text == "maker Acme"


def test_a_handful_of_images_is_not_compared(qtbot, window: MainWindow) -> None:
    said: list[str] = []
    window.session.said.connect(said.append)
    window.session.select_cluster(1)
    qtbot.keyClick(window, Key.Key_C, Modifier.ShiftModifier)
    assert said[-1] == "Select 5 images or more to see what they have in common."


def test_a_chance_is_said_in_words_a_reader_knows() -> None:
    assert [chance_text(p) for p in (0.5, 0.01, 1 / 23456, 1e-30)] == [
        "50 %",
        "1 in 100",
        "1 in 23,000",
        "less than 1 in 1,000,000,000",
    ]


# -- the table


def ready(dialog: MetadataDialog) -> bool:
    return dialog._buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()


def test_a_table_is_taken_in_after_a_preview_and_coloured_and_filtered_by(
    qtbot, window: MainWindow, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(dialog: MetadataDialog) -> int:
        dialog.show()
        qtbot.waitUntil(lambda: ready(dialog), timeout=30_000)
        by_name = {choice.column.name: choice for choice in dialog.choices}
        assert by_name["Patient ID"].fact == "patient" and by_name["Place"].fact == ""
        assert not by_name["StudyDate"].isEnabled()
        by_name["Place"].setCurrentText("Place")
        assert not ready(dialog)
        qtbot.waitUntil(lambda: ready(dialog), timeout=30_000)
        assert "place, from Place: 10 images, 2 values" in dialog.preview.toPlainText()
        assert "10 files matched, 0 not in this project" in dialog.preview.toPlainText()
        with qtbot.waitSignal(dialog.accepted):
            dialog._buttons.button(QDialogButtonBox.StandardButton.Ok).click()
        return dialog.result()

    monkeypatch.setattr(MetadataDialog, "exec", fill)
    session = window.session
    assert not window.actions_by_name["clear_facts"].isEnabled()
    window.facts.import_from(table)
    assert session.project is not None
    assert stored_facts(session.project) == {"patient": 10, "place": 10}
    assert window.actions_by_name["clear_facts"].isEnabled()
    assert window.map_page._colour.findData("place") >= 0
    assert window.map_page._colour.findData("patient") < 0
    session.set_colour_by("place")
    session.filtering.set((fact_is("place", "icu"),))
    assert session.filter is not None and session.filter.ids.size == 5


def test_giving_up_while_facts_are_stored_takes_all_of_them_back(qtbot, window: MainWindow, table: Path) -> None:
    assert window.session.project is not None
    dialog = MetadataDialog(window, window.session.project, table)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: ready(dialog), timeout=30_000)
    dialog.accept()
    dialog._storing._go_on(0.0)  # one step
    dialog.reject()
    assert stored_facts(window.session.project) == {}
    assert not window.session.project.db.conn.in_transaction


def test_a_table_that_cannot_be_read_is_told_in_the_dialog(qtbot, window: MainWindow, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("hello")
    assert window.session.project is not None
    dialog = MetadataDialog(window, window.session.project, wrong)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: "two columns" in dialog.preview.toPlainText(), timeout=30_000)
    assert not ready(dialog)


def test_two_columns_for_one_fact_are_refused(qtbot, window: MainWindow, table: Path) -> None:
    assert window.session.project is not None
    dialog = MetadataDialog(window, window.session.project, table)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: ready(dialog), timeout=30_000)
    by_name = {choice.column.name: choice for choice in dialog.choices}
    by_name["Place"].setCurrentIndex(by_name["Place"].findData("patient"))
    qtbot.waitUntil(lambda: "two columns" in dialog.preview.toPlainText(), timeout=5000)
    assert not ready(dialog)
    dialog.reject()


def test_imported_facts_can_be_forgotten_and_the_map_is_coloured_by_cluster_again(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = window.session
    assert session.project is not None
    with session.project.db.atomic():
        session.project.db.conn.executemany(
            "INSERT INTO metadata VALUES (?, ?, ?)", [(1, "place", "icu"), (2, "place", "ward")]
        )
    window.facts._on_stored()
    session.set_colour_by("place")
    session.filtering.set((fact_is("place", "icu"),))
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: (metadata_part.ALL_FACTS, True))
    window.actions_by_name["clear_facts"].trigger()
    assert stored_facts(session.project) == {}
    assert session.colour_by == "cluster" and session.filter is None
    assert Value.PRESENT not in label_columns.finding_counts(session.project, np.array([1]), session.reader)


def test_facts_are_read_between_events_and_who_asks_earlier_waits(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path)
    session, told = window.session, []
    session.factsChanged.connect(lambda: told.append(session.known_facts.reading))
    with qtbot.waitSignal(session.mapChanged):
        window.files.open_path(make_project(tmp_path))
    assert session.known_facts.reading
    assert window.map_page._colour.findData("view") < 0  # it is offered when it is known
    assert session.facts[1]["view"] == "PA"  # who asks gets them at once
    qtbot.waitUntil(lambda: bool(told))
    assert told == [False]
    assert window.map_page._colour.findData("view") >= 0


def test_a_map_coloured_by_a_fact_is_so_again_when_the_project_is_opened_anew(qtbot, tmp_path: Path) -> None:
    path = make_project(tmp_path)
    window = open_window(qtbot, tmp_path, path)
    qtbot.waitUntil(lambda: not window.session.known_facts.reading)
    window.session.set_colour_by("view")
    window.close()
    again = open_window(qtbot, tmp_path, path)
    qtbot.waitUntil(lambda: not again.session.known_facts.reading)
    assert again.session.colour_by == "view"
    assert again.map_page._colour.currentData() == "view"
    assert len(again.map_page._code_names) > 2
