"""Contact sheets in the real window, by keys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from cxr_explorer.labels.label import Value
from cxr_explorer.project import acts, exporting, partitions
from cxr_explorer.project.looks import looked_ids
from cxr_explorer.search.conditions import fact_is
from cxr_explorer.ui.gallery.grid import GAP_PX, Grid, page_tile_px
from cxr_explorer.ui.gallery.tile import foot_px
from cxr_explorer.ui.guide.window_commands import commands
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.sheets.sheet_grid import SheetGrid
from tests.ui.sheets.on_sheets import labels, remap
from tests.ui.windows import CLUSTER_SIZES, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier
NONE = Modifier.NoModifier


@pytest.fixture
def grid(qtbot, window: MainWindow) -> SheetGrid:
    """The contact sheet of the first cluster."""
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_K)
    assert window.sheets.page.isVisible()
    return window.sheets.page.grid


def narrow(grid: SheetGrid, columns: int) -> None:
    """Room for so many tiles in one row."""
    grid.set_tile_size(100)
    pitch = 100 + GAP_PX
    grid.resize(columns * pitch + GAP_PX, pitch + foot_px(grid.font()) + GAP_PX)
    assert grid.capacity == columns


def test_the_key_shows_the_cluster_typical_images_first_and_says_what_it_is(
    window: MainWindow, grid: SheetGrid
) -> None:
    found = window.session.map
    assert found is not None
    members = found.clusters == 0
    expected = found.image_ids[members][np.argsort(-found.typicality[members])]
    assert grid.page_ids().tolist() == expected.tolist()
    assert grid.hasFocus()
    assert not window.gallery_panel.isVisible()
    heading = window.sheets.page.heading.text()
    assert heading == "Cluster 1  ·  5 images  ·  typical, page 1 of 1  ·  Pneumonia: 0 exceptions"


def test_tab_goes_from_typical_to_edge_to_random_pages_and_back(qtbot, window: MainWindow, grid: SheetGrid) -> None:
    typical = grid.page_ids().tolist()
    qtbot.keyClick(grid, Key.Key_Tab)
    assert grid.page_ids().tolist() == typical[::-1]
    assert "edge, page 1 of 1" in window.sheets.page.heading.text()
    qtbot.keyClick(grid, Key.Key_Tab)
    drawn = grid.page_ids().tolist()
    assert sorted(drawn) == sorted(typical)
    assert "random, page" in window.sheets.page.heading.text()
    qtbot.keyClick(grid, Key.Key_Tab)
    assert grid.page_ids().tolist() == typical
    qtbot.keyClick(grid, Key.Key_Backtab, Modifier.ShiftModifier)
    assert grid.page_ids().tolist() == drawn


def test_arrows_and_page_keys_move_through_all_pages(qtbot, window: MainWindow, grid: SheetGrid) -> None:
    ids = grid.page_ids().tolist()
    narrow(grid, 2)
    assert (grid.page, grid.pages) == (0, 3)
    for image_id in ids[1:]:
        qtbot.keyClick(grid, Key.Key_Right)
        assert grid.current_id == image_id == window.session.current_id
    assert grid.page == 2
    qtbot.keyClick(grid, Key.Key_Right)
    assert grid.current_id == ids[-1]
    qtbot.keyClick(grid, Key.Key_PageUp)
    assert (grid.page, grid.current_id) == (1, ids[2])
    qtbot.keyClick(grid, Key.Key_Home)
    qtbot.keyClick(grid, Key.Key_Down)
    assert grid.current_id == ids[2]
    qtbot.keyClick(grid, Key.Key_Up)
    qtbot.keyClick(grid, Key.Key_Up)
    assert grid.current_id == ids[0]
    qtbot.keyClick(grid, Key.Key_PageDown)
    assert "page 2 of 3" in window.sheets.page.heading.text()


def test_space_marks_odd_ones_which_enter_leaves_as_they_are(qtbot, window: MainWindow, grid: SheetGrid) -> None:
    ids = grid.page_ids().tolist()
    qtbot.keyClick(grid, Key.Key_Right)
    qtbot.keyClick(grid, Key.Key_Space)
    assert window.sheets._mark(ids[1]).odd
    assert window.session.project.excluded_ids().size == 0  # type: ignore[union-attr]
    page = window.sheets.page
    assert page.heading.text().endswith("Pneumonia: 1 exception")
    qtbot.waitUntil(lambda: "(4 of 4 seen)" in page.rest.text())
    said = page.rest.text().replace("\n", " ")
    assert said == "Enter    Pneumonia = present on 4 images (4 of 4 seen); leaves 1 exception unlabelled"
    assert window.label_panel.apply.text().replace("\n", " ") == "Pneumonia = present on 4 images (4 of 4 seen)"
    qtbot.keyClick(grid, Key.Key_Return)
    assert labels(window) == {image_id: 1 for image_id in ids if image_id != ids[1]}
    rows = list(exporting.label_rows(window.session.project))  # type: ignore[arg-type]
    assert {(row.how, row.cluster) for row in rows} == {("cluster", 0)}
    qtbot.keyClick(window, Key.Key_Z, Modifier.ControlModifier)
    assert labels(window) == {}
    assert window.sheets.page.isVisible()


def test_number_keys_on_a_sheet_leave_the_odd_ones_out_too(qtbot, window: MainWindow, grid: SheetGrid) -> None:
    qtbot.keyClick(grid, Key.Key_Space)
    qtbot.keyClick(grid, Key.Key_4)
    assert len(labels(window, "Effusion")) == CLUSTER_SIZES[0] - 1
    assert grid.page_ids()[0] not in labels(window, "Effusion")


@pytest.mark.parametrize("value", [Value.PRESENT, Value.ABSENT])
def test_shift_enter_gives_the_odd_ones_the_opposite_in_the_same_act(
    qtbot, window: MainWindow, grid: SheetGrid, value: Value
) -> None:
    ids = grid.page_ids().tolist()
    window.session.set_judgement("Pneumonia", value)
    qtbot.keyClick(grid, Key.Key_Space)
    other = "absent" if value else "present"
    said = window.sheets.page.turned.text().replace("\n", " ")
    assert f"Pneumonia = {other} on 1 image, as read individually" in said
    qtbot.keyClick(grid, Key.Key_Return, Modifier.ShiftModifier)
    assert labels(window) == {image_id: int(value) for image_id in ids[1:]} | {ids[0]: 1 - int(value)}
    project = window.session.project
    assert project is not None
    paths = project.paths()
    how = {row.file: row.how for row in exporting.label_rows(project)}
    assert how == {paths[image_id]: "cluster" for image_id in ids[1:]} | {paths[ids[0]]: "single"}
    assert "on 1 exception" in (acts.undo_text(project) or "")
    window.session.acts.undo()
    assert labels(window) == {}


def test_what_has_no_opposite_or_no_odd_ones_does_nothing_and_says_why(
    qtbot, window: MainWindow, grid: SheetGrid
) -> None:
    button = window.sheets.page.turned
    assert not button.isEnabled()
    qtbot.keyClick(grid, Key.Key_Return, Modifier.ShiftModifier)
    qtbot.keyClick(grid, Key.Key_Space)
    assert button.isEnabled()
    qtbot.keyClick(grid, Key.Key_U)
    assert not button.isEnabled()
    assert "only present and absent have an opposite" in button.text().replace("\n", " ")
    qtbot.keyClick(grid, Key.Key_Return, Modifier.ShiftModifier)
    assert labels(window) == {}


def test_odd_marks_are_kept_until_they_are_taken_back_and_belong_to_the_sheet(
    qtbot, window: MainWindow, grid: SheetGrid
) -> None:
    odd = grid.current_id
    qtbot.keyClick(grid, Key.Key_Space)
    qtbot.keyClick(grid, Key.Key_Escape)
    assert window.map_page.isVisible()
    assert window.gallery_panel.isVisible()
    assert window.session.target().ids.size == CLUSTER_SIZES[0]
    qtbot.keyClick(window, Key.Key_N)
    qtbot.keyClick(window, Key.Key_K)
    assert window.session.target().ids.size == CLUSTER_SIZES[1]
    qtbot.keyClick(window, Key.Key_N, Modifier.ShiftModifier)
    assert "Cluster 1" in window.sheets.page.heading.text()
    assert window.sheets._mark(odd).odd
    window.session.set_current(odd)
    qtbot.keyClick(grid, Key.Key_Space)
    assert not window.sheets._mark(odd).odd


def test_the_odd_ones_are_excluded_for_good_only_when_asked(qtbot, window: MainWindow, grid: SheetGrid) -> None:
    odd = grid.current_id
    qtbot.keyClick(grid, Key.Key_Space)
    qtbot.keyClick(grid, Key.Key_Space, Modifier.ShiftModifier)
    project = window.session.project
    assert project is not None
    assert project.excluded_ids().tolist() == [odd]
    assert "0 exceptions" in window.sheets.page.heading.text()
    assert "skips 1 excluded" in window.sheets.page.rest.text().replace("\n", " ")
    window.session.acts.undo()
    assert project.excluded_ids().size == 0


def test_an_image_opened_from_the_sheet_is_labelled_alone_and_closes_to_the_sheet(
    qtbot, window: MainWindow, grid: SheetGrid
) -> None:
    qtbot.keyClick(grid, Key.Key_Tab)
    ids = grid.page_ids().tolist()
    qtbot.keyClick(grid, Key.Key_O)
    view = window.image_page.view
    assert view.isVisible()
    qtbot.keyClick(view, Key.Key_Right)
    assert window.session.current_id == ids[1]
    press(qtbot, window, Key.Key_1)
    assert labels(window, "No Finding") == {ids[1]: 1}
    qtbot.keyClick(view, Key.Key_Escape)
    assert window.sheets.page.isVisible()
    assert grid.current_id == ids[1]
    assert grid.hasFocus()


def test_images_that_were_on_the_screen_count_as_looked_at(qtbot, window: MainWindow, grid: SheetGrid) -> None:
    project = window.session.project
    assert project is not None
    ids = grid.page_ids().tolist()
    told: list[Change] = []
    window.session.changed.connect(told.append)
    qtbot.waitUntil(lambda: looked_ids(project, window.session.reader).tolist() == sorted(ids))
    found = window.session.map
    assert found is not None
    assert set(acts.states(project, "looked")) == {f"sheet:{found.identity(0)}:{found.map_id}:reader 1"}
    assert told == [Change(states=frozenset({"looked"}))]
    assert acts.undo_text(project) is None


def test_with_nothing_selected_the_key_says_what_to_do(qtbot, window: MainWindow) -> None:
    said: list[str] = []
    window.session.said.connect(said.append)
    qtbot.keyClick(window, Key.Key_K)
    assert window.map_page.isVisible()
    assert "Nothing is selected" in said[-1]


def test_a_selection_has_a_sheet_too(qtbot, window: MainWindow) -> None:
    window.session.select(np.array([2, 7, 9]), "lasso")
    qtbot.keyClick(window, Key.Key_K)
    assert window.sheets.page.heading.text().startswith("Selection  ·  3 images")
    qtbot.keyClick(window.sheets.page.grid, Key.Key_Return)
    assert set(labels(window)) == {2, 7, 9}


def test_a_new_name_of_the_cluster_leaves_the_reader_where_they_were(
    qtbot, window: MainWindow, grid: SheetGrid
) -> None:
    qtbot.keyClick(grid, Key.Key_Tab)
    qtbot.keyClick(grid, Key.Key_Right)
    current = grid.current_id
    project = window.session.project
    assert project is not None
    window.session.acts.tell(partitions.rename(project, 0, "Portable", window.session.reader), "")
    assert window.sheets.page.heading.text().startswith("Portable  ·  5 images  ·  edge, page 1 of 1")
    assert grid.current_id == current


def on_the_sheet(qtbot, window: MainWindow) -> SheetGrid:
    qtbot.keyClick(window, Key.Key_K)
    return window.sheets.page.grid


def with_an_odd_one(qtbot, window: MainWindow) -> SheetGrid:
    grid = on_the_sheet(qtbot, window)
    qtbot.keyClick(grid, Key.Key_Space)
    return grid


def within_a_filter(qtbot, window: MainWindow) -> None:
    window.session.filtering.set((fact_is("view", "AP"),))
    window.actions_by_name["apply"].trigger()


def by_the_palette(qtbot, window: MainWindow) -> None:
    command = next(
        one for one in commands(window, window.session, window.clusters) if one.text == "Label Pneumonia present"
    )
    command.run()


WAYS_TO_LABEL_A_CLUSTER: dict[str, Callable[[Any, MainWindow], object]] = {
    "Ctrl+Enter": lambda qtbot, window: qtbot.keyClick(window, Key.Key_Return, Modifier.ControlModifier),
    "the label button": lambda qtbot, window: window.label_panel.apply.click(),
    "a finding's key": lambda qtbot, window: qtbot.keyClick(window, Key.Key_1),
    "a finding's key for absent": lambda qtbot, window: window.actions_by_name["label_absent_1"].trigger(),
    "the command palette": by_the_palette,
    "Ctrl+Enter within a filter": within_a_filter,
    "Enter on the sheet": lambda qtbot, window: qtbot.keyClick(on_the_sheet(qtbot, window), Key.Key_Return),
    "a finding's key on the sheet": lambda qtbot, window: qtbot.keyClick(on_the_sheet(qtbot, window), Key.Key_1),
    "the sheet's button": lambda qtbot, window: (on_the_sheet(qtbot, window), window.sheets.page.rest.click()),
    "Enter, odd ones left": lambda qtbot, window: qtbot.keyClick(with_an_odd_one(qtbot, window), Key.Key_Return),
    "Shift+Enter, odd ones turned": lambda qtbot, window: qtbot.keyClick(
        with_an_odd_one(qtbot, window), Key.Key_Return, Modifier.ShiftModifier
    ),
    "the button that turns odd ones": lambda qtbot, window: (
        with_an_odd_one(qtbot, window),
        window.sheets.page.turned.click(),
    ),
}


@pytest.mark.parametrize("way", WAYS_TO_LABEL_A_CLUSTER.values(), ids=WAYS_TO_LABEL_A_CLUSTER.keys())
def test_every_way_of_labelling_a_cluster_stores_who_the_cluster_is_and_not_its_place(
    qtbot, window: MainWindow, way: Callable[[Any, MainWindow], object]
) -> None:
    session = window.session
    assert session.project is not None
    session.acts.tell(partitions.reorder(session.project, [1, 0], session.reader), "")
    session.select_cluster(0)
    assert session.map is not None
    assert session.map.identity(0) == 1
    way(qtbot, window)
    stored = session.project.db.execute("SELECT DISTINCT cluster, map_id FROM labels WHERE how = 'cluster'").fetchall()
    assert stored == [(1, session.map.map_id)]


def test_several_clusters_have_one_sheet(qtbot, window: MainWindow) -> None:
    window.session.select_clusters([0, 1])
    qtbot.keyClick(window, Key.Key_K)
    assert window.sheets.page.heading.text().startswith("2 clusters  ·  8 images")


def test_the_middle_button_marks_an_exception_and_a_right_click_says_what_can_be_done(
    qtbot, window: MainWindow, grid: SheetGrid
) -> None:
    second = grid._grid().rect(1, 0).center()
    qtbot.mouseClick(grid, Qt.MouseButton.MiddleButton, pos=second)
    assert grid._mark(grid.current_id).odd
    assert grid.current_id == int(grid.page_ids()[1])
    qtbot.mouseClick(grid, Qt.MouseButton.RightButton, pos=grid._grid().rect(2, 0).center())
    (menu,) = (one for one in window.findChildren(QMenu) if one.isVisible())
    assert grid.current_id == int(grid.page_ids()[2])
    assert not grid._mark(grid.current_id).odd
    menu.actions()[0].trigger()
    menu.close()
    assert grid._mark(grid.current_id).odd


def test_a_new_map_closes_the_sheet_and_keeps_the_odd_marks_of_the_same_images(
    qtbot, window: MainWindow, grid: SheetGrid
) -> None:
    odd = grid.current_id
    qtbot.keyClick(grid, Key.Key_Space)
    remap(window, np.zeros(10), None)
    assert window.map_page.isVisible()
    assert grid.page_ids().size == 0
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_K)
    assert window.sheets._mark(odd).odd


def test_the_gallery_is_back_after_a_window_was_closed_on_a_sheet(
    qtbot, window: MainWindow, grid: SheetGrid, tmp_path: Path
) -> None:
    path = window.session.project.path  # type: ignore[union-attr]
    window.close()
    again = open_window(qtbot, tmp_path, path)
    assert again.gallery_panel.isVisible()
    assert again.gallery_panel.width() >= 260


@pytest.mark.parametrize("size", [(1136, 455), (1675, 780), (500, 200), (300, 120), (60, 30)])
@pytest.mark.parametrize("wanted", [96, 165, 336])
def test_tiles_of_a_page_fit_it(size: tuple[int, int], wanted: int) -> None:
    px = page_tile_px(wanted, *size, 19)
    grid = Grid(1, px, *size, 19)
    assert px == 48 or (grid.columns * grid.pitch + GAP_PX <= size[0] and grid.row_pitch + GAP_PX <= size[1])


def test_an_image_that_the_project_does_not_know_has_no_caption(window: MainWindow) -> None:
    assert window.session.caption(10**6) == ""
