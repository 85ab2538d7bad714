"""Two encoders side by side in the real window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.comparing import lacking
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.project.project import Project
from cxr_explorer.ui.encoders.second_encoder import PAGE
from cxr_explorer.ui.main_window import MainWindow
from tests.project.two_encoders import FINDING, make_two_encoders, other_encoder
from tests.ui.windows import make_project, open_window, press


def opened(qtbot, home: Path, **more) -> MainWindow:  # type: ignore[no-untyped-def]
    window = open_window(qtbot, home, make_two_encoders(home, **more))
    window.actions_by_name["compare_encoders"].trigger()
    assert window.session.page == PAGE
    return window


def wait_for_map(qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
    qtbot.waitUntil(lambda: len(window.second_encoder.page.second.image_ids) > 0)


def wait_for_findings(qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
    qtbot.waitUntil(lambda: window.second_encoder.page.findings.table.rowCount() > 0)


def test_both_maps_and_the_findings_are_shown(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True)
    page = window.second_encoder.page
    wait_for_map(qtbot, window)
    assert page.first.image_ids.tolist() == page.second.image_ids.tolist()
    wait_for_findings(qtbot, window)
    assert page.findings.chosen == FINDING
    assert page.findings.said.text().startswith(f"{default_encoder().name} puts {FINDING} together better")
    assert "are the same with both encoders" in page.note.text()
    assert window.centre.currentWidget() is page
    assert not any(pane.isVisible() for pane in window.workspaces.panes.values())
    press(qtbot, window, Qt.Key.Key_Escape)
    assert window.session.page == "map"
    with qtbot.assertNotEmitted(window.session.failed):
        window.actions_by_name["compare_encoders"].trigger()
    assert len(page.second.image_ids)  # it is still there


def test_what_is_selected_in_one_map_lights_up_in_the_other(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True)
    page, session = window.second_encoder.page, window.session
    wait_for_map(qtbot, window)
    page.second.scatter.pointsChosen.emit(np.array([1, 4, 7], np.int64), "lasso", "replace")
    chosen = page.second.image_ids[[1, 4, 7]]
    assert session.selection.ids.tolist() == chosen.tolist()
    assert session.selection.how == "selection"  # no outline on the map that labels name
    assert np.flatnonzero(page.first.scatter.selected).tolist() == [1, 4, 7]
    assert page.chosen.text() == "3 images selected"
    page.first.scatter.pointsChosen.emit(np.array([0], np.int64), "lasso", "add")
    assert np.flatnonzero(page.second.scatter.selected).tolist() == [0, 1, 4, 7]
    session.show_page("map")
    assert window.gallery_panel.gallery.image_ids().size == 4


def test_a_film_is_opened_and_closed_again_onto_both_maps(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True)
    page, session = window.second_encoder.page, window.session
    wait_for_map(qtbot, window)
    page.second.scatter.pointsChosen.emit(np.array([2], np.int64), "click", "replace")
    page.second.scatter.pointActivated.emit(2)
    assert session.viewing_image and session.current_id == int(page.second.image_ids[2])
    press(qtbot, window, Qt.Key.Key_Escape)
    assert session.page == PAGE


def test_nothing_is_labelled_where_no_film_is_seen(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True, how=None)
    wait_for_map(qtbot, window)
    window.second_encoder.page.first.scatter.pointsChosen.emit(np.arange(5), "lasso", "replace")
    assert not window.session.target().ids.size
    press(qtbot, window, Qt.Key.Key_1)
    assert window.session.acts.undo_text() is None


def test_without_a_film_read_the_maps_are_shown_with_a_sentence(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True, how="cluster")
    page = window.second_encoder.page
    wait_for_map(qtbot, window)
    qtbot.waitUntil(lambda: page.findings.summary.text().startswith("No film was read one by one yet"))
    assert not page.findings.table.isVisible()


def test_films_are_analysed_when_asked_and_not_before(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, count=12)
    page, session, other = window.second_encoder.page, window.session, other_encoder()
    project = session.project
    assert project is not None and page.start.isVisible()
    assert f"Still to be analysed by {other.name}: 12 images." in page.about.text()
    page.start.click()
    assert page.cancel.isVisible() and not page.start.isVisible()
    wait_for_map(qtbot, window)
    assert not lacking(project, other.key)
    assert session.map is not None and session.map.encoder_key == default_encoder().key
    assert session.preferences.encoder().key == default_encoder().key


def test_an_analysis_that_is_left_alone_says_that_it_goes_on_and_when_it_is_done(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, count=12)
    said: list[str] = []
    window.session.said.connect(said.append)
    window.second_encoder.page.start.click()
    press(qtbot, window, Qt.Key.Key_Escape)
    name = other_encoder().name
    assert said == [f"The analysis with {name} goes on. Compare two encoders, under Map, shows how far it is."]
    wait_for_map(qtbot, window)
    assert window.session.page == "map"
    assert said[1:] == [f"The map of {name} is made. Compare two encoders, under Map, shows it."]


def test_an_analysis_is_cancelled_and_goes_on_where_it_was(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, count=40)
    page, project, other = window.second_encoder.page, window.session.project, other_encoder()
    assert project is not None
    page.start.click()
    qtbot.waitUntil(lambda: len(project.embedded_ids(other.key)) > 0)
    page.cancel.click()
    assert not window.second_encoder._making.active
    assert len(project.embedded_ids(other.key))
    page.start.click()
    wait_for_map(qtbot, window)
    assert len(page.second.image_ids) == 40


def test_the_window_closes_while_films_are_analysed(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, count=20)
    window.second_encoder.page.start.click()
    window.close()
    assert not window.second_encoder._making.active


def test_the_project_closes_while_findings_are_compared(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True)
    wait_for_map(qtbot, window)
    assert window.second_encoder._comparing.active
    window.close_project()
    assert not window.second_encoder._comparing.active
    assert not window.actions_by_name["compare_encoders"].isEnabled()
    assert not len(window.second_encoder.page.second.image_ids)


def test_the_other_encoder_is_taken_over_with_its_map_and_labels_stay(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True)
    session, other = window.session, other_encoder()
    wait_for_map(qtbot, window)
    with qtbot.waitSignal(window.runs.indexingEnded):
        window.second_encoder.page.use.click()
    assert session.page == "map" and session.map is not None and session.map.encoder_key == other.key
    assert session.preferences.encoder().key == other.key
    assert session.labels.held is not None and int(session.labels.held.labelled.sum()) == 40
    window.actions_by_name["compare_encoders"].trigger()  # the other way round now, and nothing to analyse
    assert window.second_encoder.page.other.currentText() == default_encoder().name
    wait_for_map(qtbot, window)


def test_labels_given_meanwhile_are_compared_when_the_page_comes_back(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True, how=None)
    page, session = window.second_encoder.page, window.session
    wait_for_map(qtbot, window)
    qtbot.waitUntil(lambda: page.findings.summary.text().startswith("No film was read"))
    session.show_page("map")
    session.select(session.map.image_ids[:1], "single")
    press(qtbot, window, Qt.Key.Key_4)
    assert not window.second_encoder._comparing.active
    window.actions_by_name["compare_encoders"].trigger()
    wait_for_findings(qtbot, window)
    assert "too few to compare encoders" in page.findings.said.text()


def test_colours_stand_for_the_chosen_finding_on_both_maps(qtbot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, second=True)
    page = window.second_encoder.page
    wait_for_findings(qtbot, window)
    assert np.bincount(page.second._codes).tolist() == [20, 20]
    assert page.first._codes.tolist() == page.second._codes.tolist()
    page.colour.setCurrentIndex(page.colour.findData("cluster"))
    page.colour.activated.emit(page.colour.currentIndex())
    assert len(np.unique(page.second._codes)) == 3


def test_a_disk_without_room_is_said_and_ends_the_analysis(
    qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxr_explorer.errors import UserError

    def full(*_: object) -> int:
        raise UserError("The disk is full.")

    monkeypatch.setattr("cxr_explorer.ui.encoders.second_encoder.store_beside", full)
    window = opened(qtbot, tmp_path, count=8)
    with qtbot.waitSignal(window.session.failed) as told:
        window.second_encoder.page.start.click()
    assert told.args == ["The disk is full."]
    assert not window.second_encoder._making.active
    assert window.second_encoder.page.start.isVisible()


def test_it_says_what_it_waits_for(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path)
    action = window.actions_by_name["compare_encoders"]
    assert not action.isEnabled() and "it takes a map, and a second encoder" in action.statusTip()
    project = make_project(tmp_path)
    with Project.open(project):
        pass
    window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    window.files.open_path(project)
    assert action.isEnabled()
