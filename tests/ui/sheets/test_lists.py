"""Outliers and near-duplicates as lists in the real window, by keys."""

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.search.conditions import fact_is
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.widgets.slices import Slices
from tests.ui.sheets.on_sheets import labels, remap

Key, Modifier = Qt.Key, Qt.KeyboardModifier


def test_outliers_are_listed_with_their_scores_and_labelled_one_by_one(qtbot, window: MainWindow) -> None:
    scores = np.zeros(10)
    scores[[3, 8]] = 0.4, 0.9
    remap(window, scores, None)
    qtbot.keyClick(window, Key.Key_K, Modifier.ShiftModifier)
    grid = window.sheets.page.grid
    ids = grid.page_ids().tolist()
    assert len(ids) == 2
    assert [grid._mark(image_id).note for image_id in ids] == ["0.90", "0.40"]
    assert window.sheets.page.heading.text() == "Outliers  ·  2 images  ·  most alone of 10 first  ·  page 1 of 1"
    assert window.session.selection.ids.tolist() == sorted(ids)
    assert window.session.target().ids.tolist() == ids[:1]
    qtbot.keyClick(grid, Key.Key_Return)
    assert labels(window) == {ids[0]: 1}
    assert grid.current_id == ids[1]
    qtbot.keyClick(grid, Key.Key_Space)
    project = window.session.project
    assert project is not None
    assert project.excluded_ids().tolist() == ids[1:]
    qtbot.keyClick(window, Key.Key_K, Modifier.ShiftModifier)
    assert grid.page_ids().tolist() == ids[:1]
    assert "without 1 excluded" in window.sheets.page.heading.text()


def test_a_list_opened_over_a_sheet_while_images_are_picked_takes_the_pick_away(qtbot, window: MainWindow) -> None:
    scores = np.zeros(10)
    scores[[3, 8]] = 0.4, 0.9
    remap(window, scores, None)
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_K)
    gallery = window.gallery_panel.gallery
    gallery.set_picked(window.session.selection.ids[:2])
    assert window.session.picked.size == 2
    qtbot.keyClick(window, Key.Key_K, Modifier.ShiftModifier)
    assert window.session.picked.size == 0
    assert window.sheets.page.heading.text().startswith("Outliers  ·  2 images")


def test_without_outliers_the_list_says_so_and_labels_nothing(qtbot, window: MainWindow) -> None:
    remap(window, np.zeros(10), None)
    qtbot.keyClick(window, Key.Key_K, Modifier.ShiftModifier)
    page = window.sheets.page
    assert page.isVisible()
    assert "No outliers" in page.grid._empty_text
    qtbot.keyClick(page.grid, Key.Key_Return)
    assert labels(window) == {}
    qtbot.keyClick(page.grid, Key.Key_Escape)
    assert window.map_page.isVisible()


def test_near_duplicates_are_listed_group_by_group(qtbot, window: MainWindow) -> None:
    project, found = window.session.project, window.session.map
    assert project is not None and found is not None
    project.db.execute("UPDATE images SET digest = 'd' || id")
    project.db.execute("UPDATE images SET digest = 'same' WHERE id IN (?, ?)", found.image_ids[[1, 4]].tolist())
    indices = np.stack([np.arange(10), (np.arange(10) + 5) % 10], axis=1).astype(np.int32)
    distances = np.tile(np.array([0, 1], np.float32), (10, 1))
    for row, other, distance in ((1, 4, 0.0), (4, 1, 0.0), (2, 7, 0.2)):
        indices[row, 1], distances[row, 1] = other, distance
    remap(window, np.zeros(10), Neighbours(indices, distances))
    qtbot.keyClick(window, Key.Key_K, Modifier.AltModifier)
    grid = window.sheets.page.grid
    qtbot.waitUntil(lambda: grid.page_ids().size > 0)  # they are compared between events
    assert grid.page_ids().tolist() == found.image_ids[[1, 4, 2, 7]].tolist()
    notes = [grid._mark(image_id).note for image_id in grid.page_ids().tolist()]
    assert notes == ["1 · same file", "1 · same file", "2 · 16 %", "2 · 16 %"]
    assert "4 images  ·  2 groups, 1 with equal files" in window.sheets.page.heading.text()


@pytest.fixture
def comparing(qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    """The images are being compared, a step in each turn of the event loop; all of them are one file."""
    monkeypatch.setattr(Slices._go_on, "__defaults__", (0.0,))
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_K, Modifier.AltModifier)
    assert window._said.text() == "Comparing the images…" and window.session.page == "map"
    return window


def test_many_images_are_compared_between_events(qtbot, comparing: MainWindow) -> None:
    qtbot.waitUntil(lambda: comparing.session.page == "sheet")
    assert comparing.sheets.page.heading.text().startswith("Near-duplicates  ·  10 images  ·  1 group")
    assert comparing._said.text() == "The images are compared: 1 group, 1 with equal files."


@pytest.mark.parametrize(
    "go_on",
    [
        lambda window: window.session.select_cluster(1),
        lambda window: window.actions_by_name["sheet"].trigger(),
        lambda window: (window.session.set_current(1), window.session.view_image(True)),
        lambda window: remap(window, np.zeros(10), None),
        lambda window: window.close_project(),
    ],
    ids=["another selection", "a sheet", "an image", "another map", "no project"],
)
def test_who_goes_on_while_images_are_compared_is_not_interrupted(
    qtbot, comparing: MainWindow, go_on: Callable[[MainWindow], object]
) -> None:
    go_on(comparing)
    page, selection = comparing.session.page, comparing.session.selection
    assert not comparing.sheets._comparing.active
    assert comparing._said.text() != "Comparing the images…"
    qtbot.wait(50)
    assert (comparing.session.page, comparing.session.selection) == (page, selection)


def test_the_list_keeps_to_a_filter_that_came_while_images_were_compared(qtbot, comparing: MainWindow) -> None:
    comparing.session.filtering.set((fact_is("view", "PA"),))
    qtbot.keyClick(comparing, Key.Key_K, Modifier.AltModifier)
    qtbot.waitUntil(lambda: comparing.session.page == "sheet")
    assert comparing.sheets.page.heading.text().startswith("Near-duplicates, only PA  ·  5 images")


def test_without_near_duplicates_the_list_says_what_was_compared(qtbot, window: MainWindow) -> None:
    window.session.project.db.execute("UPDATE images SET digest = 'd' || id")  # type: ignore[union-attr]
    qtbot.keyClick(window, Key.Key_K, Modifier.AltModifier)
    told = "no two files are equal. Only files were compared"
    qtbot.waitUntil(lambda: told in window.sheets.page.grid._empty_text)  # they are compared between events


def test_lists_and_sheets_stay_within_the_filter(qtbot, window: MainWindow) -> None:
    session = window.session
    remap(window, (np.arange(10) + 1) / 10, None)
    session.filtering.set((fact_is("view", "PA"),))
    assert session.filter is not None
    passing = session.filter.ids.tolist()
    qtbot.keyClick(window, Key.Key_K, Modifier.ShiftModifier)
    assert sorted(window.sheets.page.grid.page_ids().tolist()) == passing
    assert "Outliers, only PA" in window.sheets.page.heading.text()
    session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_K)
    assert set(window.sheets.page.grid.page_ids().tolist()) <= set(passing)
    qtbot.keyClick(window.sheets.page.grid, Key.Key_Space)
    assert session.target().text == "cluster 1, only PA without 1 exception"
