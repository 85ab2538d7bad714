"""Cluster work in the window, by keyboard: finer, coarser, split, merge, rename, move, recluster; order and filter."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, label_columns, labelling
from cxr_explorer.project.audits.bounds import ClusterBound
from cxr_explorer.project.project import AtlasMap
from cxr_explorer.ui.clusters.cluster_delegate import state_text
from cxr_explorer.ui.clusters.cluster_rows import Row, arrange
from cxr_explorer.ui.main_window import MainWindow
from tests.project.projects import embed_all, new_project
from tests.project.test_partitions import COUNT, places, store
from tests.ui.windows import open_window

Key, Modifier = Qt.Key, Qt.KeyboardModifier
ALT, CONTROL, SHIFT = Modifier.AltModifier, Modifier.ControlModifier, Modifier.ShiftModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    with new_project(tmp_path, COUNT) as project:
        embed_all(project)
        store(project, places())
        jpeg = io.BytesIO()
        Image.new("L", (40, 40), 128).save(jpeg, "JPEG")
        with project.db.atomic():
            project.db.execute("UPDATE thumbnails SET jpeg = ?", [jpeg.getvalue()])
        path = project.path
    shown = open_window(qtbot, tmp_path, path)
    shown.clusters.setFocus()
    return shown


def press(qtbot, window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = Modifier.NoModifier) -> None:
    qtbot.keyClick(QApplication.focusWidget() or window, key, modifier)


def found(window: MainWindow) -> AtlasMap:
    assert window.session.map is not None
    return window.session.map


def names(window: MainWindow) -> list[str]:
    return [row.name for row in window.clusters.rows]


def label_all_but(window: MainWindow, *clusters: int) -> None:
    atlas_map = found(window)
    ids = atlas_map.image_ids[~np.isin(atlas_map.clusters, clusters)]
    labelling.label(
        window.session.project, ids, Judgement("Effusion", Value.PRESENT, window.session.reader, "selection")
    )
    window.session.show_labels_anew()


def test_finer_and_coarser_by_key_keep_place_selection_and_labels(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    window.judging.label_target()
    before, count = found(window), len(found(window).groups)
    press(qtbot, window, Key.Key_Right, CONTROL)
    assert len(found(window).groups) > count
    assert f"{len(found(window).groups)} clusters" == window.cluster_panel._heading.text()
    np.testing.assert_array_equal(found(window).xy, before.xy)
    assert session.selection.cluster is not None
    assert found(window).identity(session.selection.cluster) == 0
    assert window.clusters.selected() == [session.selection.cluster]
    press(qtbot, window, Key.Key_Left, CONTROL)
    press(qtbot, window, Key.Key_Left, CONTROL)
    assert len(found(window).groups) < count
    assert len(label_columns.label_column(session.project, "Effusion", session.reader).image_ids) == int(  # type: ignore[arg-type]
        (before.clusters == 0).sum()
    )
    for _ in range(3):
        press(qtbot, window, Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(found(window).clusters, before.clusters)


def test_at_the_end_of_the_ladder_the_window_says_so(qtbot, window: MainWindow) -> None:
    for _ in range(30):
        press(qtbot, window, Key.Key_Left, CONTROL)
    assert window._said.text() == "These are the coarsest clusters of this map."
    assert window.cluster_panel.slider.value() == 0


def test_the_slider_shows_at_once_and_counts_as_one_act_when_it_rests(qtbot, window: MainWindow) -> None:
    slider, before = window.cluster_panel.slider, found(window)
    slider.setSliderDown(True)
    for value in (1, 0, slider.maximum()):
        slider.setSliderPosition(value)
    count = int(window.cluster_panel._heading.text().split()[0])
    assert count > len(before.groups)
    assert found(window) is before
    with qtbot.waitSignal(window.session.clustersChanged):
        slider.setSliderDown(False)
    assert len(found(window).groups) == count
    slider.setFocus()
    with qtbot.waitSignal(window.session.clustersChanged):
        for _ in range(3):
            press(qtbot, window, Key.Key_Home)
            press(qtbot, window, Key.Key_Up)
    window.session.acts.undo()
    window.session.acts.undo()
    np.testing.assert_array_equal(found(window).clusters, before.clusters)
    assert not window.actions_by_name["undo"].isEnabled()


def test_a_slider_moved_back_changes_nothing(qtbot, window: MainWindow) -> None:
    slider = window.cluster_panel.slider
    at = slider.value()
    slider.setSliderDown(True)
    slider.setSliderPosition(0)
    slider.setSliderPosition(at)
    slider.setSliderDown(False)
    assert window.cluster_panel._heading.text() == f"{len(found(window).groups)} clusters"
    assert not window.actions_by_name["undo"].isEnabled()


def test_split_and_merge_by_key_and_where_they_come_from_is_told(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_N)
    first = window.session.selection.ids
    press(qtbot, window, Key.Key_S, SHIFT)
    assert window._said.text().startswith("Split Cluster 1 into 2")
    assert window.session.selection.ids.size < first.size
    part = next(row for row in window.clusters.rows if row.lineage == "split from Cluster 1")
    assert part.lineage_mark == "from 1"
    window.session.select_clusters([0, part.cluster])
    assert window.session.target().text == "2 clusters"
    assert np.array_equal(window.session.selection.ids, first)
    assert window.gallery_panel._heading.text().startswith("2 clusters")
    press(qtbot, window, Key.Key_M, SHIFT)
    assert np.array_equal(window.session.selection.ids, first)
    assert window.session.selection.cluster == 0
    assert window.clusters.rows[0].lineage == f"merged with {part.name}"


def test_clusters_are_marked_with_shift_and_control(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_N)
    press(qtbot, window, Key.Key_Down, SHIFT)
    assert window.clusters.selected() == [0, 1]
    assert window.session.selection.clusters == (0, 1)
    assert window.actions_by_name["merge"].isEnabled()
    assert not window.actions_by_name["split"].isEnabled()
    press(qtbot, window, Key.Key_Down, CONTROL)
    press(qtbot, window, Key.Key_Down, CONTROL)
    press(qtbot, window, Key.Key_Space, CONTROL)
    assert window.clusters.selected() == [0, 1, 3]
    assert window.session.selection.clusters == (0, 1, 3)
    rectangle = window.clusters.visualRect(window.clusters.model().index(1))
    qtbot.mouseClick(window.clusters.viewport(), Qt.MouseButton.LeftButton, CONTROL, rectangle.center())
    assert window.session.selection.clusters == (0, 3)
    window.session.clear_selection()
    assert window.clusters.selected() == []


def test_a_name_still_being_typed_when_the_project_closes_is_let_go(qtbot, window: MainWindow) -> None:
    window.session.close()
    window.cluster_work._take_name(0, "Too late")


def test_a_name_is_typed_in_place_and_stands_everywhere(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_N)
    press(qtbot, window, Key.Key_F2)
    editor = window.clusters.findChild(QLineEdit, "rename")
    assert editor is not None
    assert editor.text() == "Cluster 1"
    for letter in "Pneumonia 1?":  # keys that are shortcuts otherwise
        qtbot.keyClicks(editor, letter)
    with qtbot.waitSignal(window.session.clustersChanged):
        qtbot.keyClick(editor, Key.Key_Return)
    assert found(window).groups[0].name == "Pneumonia 1?"
    assert window.clusters.rows[0].name == "Pneumonia 1?"
    assert window.gallery_panel._heading.text().startswith("Pneumonia 1?")
    assert window.session.target().text == "Pneumonia 1?"
    assert "Pneumonia 1?" in window.session.caption(int(window.session.selection.ids[0]))
    assert "Pneumonia 1?" in window.session.categories()[1]
    assert acts.undo_text(window.session.project) == "Renamed Cluster 1 to Pneumonia 1?"  # type: ignore[arg-type]
    window.clusters.setFocus()
    press(qtbot, window, Key.Key_F2)
    editor = window.clusters.findChildren(QLineEdit, "rename")[-1]
    qtbot.keyClicks(editor, "Cluster 2")
    qtbot.keyClick(editor, Key.Key_Return)
    qtbot.waitUntil(lambda: "already" in window._said.text())
    assert found(window).groups[0].name == "Pneumonia 1?"


def test_escape_ends_renaming_and_nothing_else(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_N)
    press(qtbot, window, Key.Key_F2)
    editor = window.clusters.findChild(QLineEdit, "rename")
    assert editor is not None
    qtbot.keyClicks(editor, "Wrong")
    qtbot.keyClick(editor, Key.Key_Escape)
    assert found(window).groups[0].name == ""
    assert window.session.selection.cluster == 0


def test_clusters_are_moved_and_the_order_is_the_readers(qtbot, window: MainWindow) -> None:
    window.cluster_panel.set_sort("size")
    before = names(window)
    press(qtbot, window, Key.Key_N)
    press(qtbot, window, Key.Key_Down, ALT)
    expected = [before[1], before[0], *before[2:]]
    assert window.cluster_panel.sort.currentData() == "own"
    assert names(window) == expected
    assert window.clusters.selected() == [1]
    press(qtbot, window, Key.Key_Down, ALT)
    press(qtbot, window, Key.Key_Up, ALT)
    assert names(window) == expected
    press(qtbot, window, Key.Key_Z, CONTROL)
    press(qtbot, window, Key.Key_Z, CONTROL)
    press(qtbot, window, Key.Key_Z, CONTROL)
    assert names(window) == before


def test_e_goes_to_the_next_cluster_with_images_to_label(qtbot, window: MainWindow) -> None:
    label_all_but(window, 2, -1)
    press(qtbot, window, Key.Key_E)
    assert window.session.selection.cluster == 2
    window.judging.label_target()
    atlas_map = found(window)
    noise = atlas_map.image_ids[atlas_map.clusters < 0]
    window.session.acts.tell(labelling.exclude(window.session.project, noise, True, "ann"), "")  # type: ignore[arg-type]
    press(qtbot, window, Key.Key_E)
    assert window._said.text() == "Every cluster is labelled."


def test_filters_and_orders_of_the_list(qtbot, window: MainWindow) -> None:
    panel, session = window.cluster_panel, window.session
    label_all_but(window, 1, 2)
    session.select_cluster(1)
    panel.set_filter("waiting")
    shown = {row.cluster for row in window.clusters.rows}
    assert shown == {1, 2}
    window.judging.label_target()
    assert {row.cluster for row in window.clusters.rows} == shown  # nothing moves under the hand
    press(qtbot, window, Key.Key_E)
    assert session.selection.cluster == 2
    assert [row.cluster for row in window.clusters.rows] == [2]
    panel.set_filter("labelled")
    assert 1 in {row.cluster for row in window.clusters.rows}
    panel.set_filter("mixed")
    session.clear_selection()
    assert names(window) == []
    assert "none is “mixed”" in panel._nothing.text()
    half = found(window).image_ids[found(window).clusters == 3][:3]
    session.acts.tell(
        labelling.label(session.project, half, Judgement("Effusion", Value.ABSENT, session.reader, "single")), ""
    )
    panel.set_filter("mixed")
    assert [row.cluster for row in window.clusters.rows] == [3]
    panel.set_filter("unaudited")
    assert {row.cluster for row in window.clusters.rows} == {row.cluster for row in panel.arranged() if row.of_finding}
    panel.set_filter("all")
    for sort in ("mixed", "waiting", "size", "audit", "own"):
        panel.set_sort(sort)
        assert len(names(window)) == len(found(window).groups) + bool((found(window).clusters < 0).any())
    panel.set_sort("mixed")
    assert window.clusters.rows[0].cluster == 3
    panel.set_sort("waiting")
    assert window.clusters.rows[0].cluster == 2
    assert (
        "mixed" in window.clusters.model().data(window.clusters.model().index(0), Qt.ItemDataRole.UserRole).name or True
    )


def test_the_list_says_how_mixed_and_how_audited_a_cluster_is_and_sorts_by_it() -> None:
    def row(cluster: int, state: str | None, labels: int = 10, mixed: float = 0.0) -> Row:
        bound = ClusterBound(1, state, f"text {state}", "tip") if state is not None else None  # type: ignore[arg-type]
        return Row(cluster, f"Cluster {cluster + 1}", "", "", 20, labels, 0, labels, mixed, bound, QColor(), ())

    rows = [row(0, "valid"), row(1, None), row(2, "failed"), row(3, "stale"), row(4, "open"), row(5, None, labels=0)]
    rows.append(row(-1, "failed"))
    assert [one.cluster for one in arrange(rows, "audit", "all")] == [2, 3, 4, 1, 5, 0, -1]
    assert [one.cluster for one in arrange(rows, "own", "unaudited")] == [1, 2, 3, 4, -1]
    assert [one.cluster for one in arrange(rows, "own", "unaudited", frozenset({0}))] == [0, 1, 2, 3, 4, -1]
    assert state_text(row(0, "valid", mixed=0.004)) == "✓ text valid · mixed <1 % · 50 %"
    unseen = replace(row(0, "valid"), seen=1_000, size=25_000, barely_seen=True)
    assert state_text(unseen).startswith("⚠ only 1,000 of 25,000 seen · ✓ text valid")
    assert state_text(replace(row(0, "valid"), seen=9)) == "✓ text valid · 50 % · 9 seen"
    assert arrange([row(0, None), unseen], "own", "unseen") == [unseen]
    assert state_text(row(0, None)) == "50 % labelled"
    assert state_text(row(0, None, labels=0)) == "not labelled"


def test_the_rest_is_reclustered_in_the_background_and_labelled_images_stay(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    window.judging.label_target()
    kept = session.selection.ids
    with qtbot.waitSignal(session.clustersChanged, timeout=60_000):
        press(qtbot, window, Key.Key_R, SHIFT)
        assert window.cluster_panel._running.isVisible()
        assert not window.actions_by_name["recluster"].isEnabled()
    qtbot.waitUntil(lambda: not window.cluster_panel._running.isVisible(), timeout=10_000)
    atlas_map = found(window)
    assert set(atlas_map.identities()[np.isin(atlas_map.image_ids, kept)].tolist()) == {0}
    session.acts.undo()
    assert acts.undo_text(session.project).startswith("Effusion = present")  # type: ignore[arg-type, union-attr]


def test_a_map_made_anew_keeps_the_chosen_cluster_its_name_and_colour(window: MainWindow) -> None:
    session, project = window.session, window.session.project
    assert project is not None
    session.select_cluster(2)
    window.cluster_work._take_name(2, "Lines")
    colour = next(row.colour for row in window.clusters.rows if row.name == "Lines")
    chosen = session.selection.ids
    store(project, places()[:, ::-1] + 3)
    window.runs._end_indexing(None)
    assert session.selection.cluster is not None
    assert session.cluster_name(session.selection.cluster) == "Lines"
    assert np.isin(session.selection.ids, chosen).mean() > 0.9
    assert next(row.colour for row in window.clusters.rows if row.name == "Lines") == colour
    assert window.clusters.selected() == [session.selection.cluster]


def test_a_map_of_an_older_version_says_how_to_get_finer_clusters(window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    with project.db.atomic():
        project.db.execute("DELETE FROM trees")
    window.session.mapChanged.emit()
    window.session.targetChanged.emit()
    assert not window.cluster_panel.slider.isEnabled()
    assert "F5" in window.cluster_panel.slider.toolTip()
    assert not window.actions_by_name["finer"].isEnabled()
    window.session.select_cluster(0)
    window.cluster_work.split()
    assert window._said.text() == "Split Cluster 1 into 2"


def test_reclustering_can_be_stopped(qtbot, window: MainWindow) -> None:
    before = found(window)
    window.cluster_work.recluster()
    window.cluster_work.cancel()
    assert not window.cluster_panel._running.isVisible()
    assert window.actions_by_name["recluster"].isEnabled()
    assert found(window) is before


def test_colours_go_with_the_identity(window: MainWindow) -> None:
    before = {row.name: row.colour.rgba() for row in window.clusters.rows}
    window.session.select_clusters([0, 1])
    window.cluster_work.merge()
    after = {row.name: row.colour.rgba() for row in window.clusters.rows}
    assert set(after) < set(before)
    assert all(before[name] == colour for name, colour in after.items())


def test_the_menu_is_at_the_button_and_under_a_right_click(qtbot, window: MainWindow) -> None:
    window.cluster_work._fill_menu()
    texts = [action.text() for action in window.cluster_work._menu.actions() if not action.isSeparator()]
    assert texts == [action.text() for action in _menu_of(window, "&Clusters") if not action.isSeparator()]
    assert window.clusters.contextMenuPolicy() == Qt.ContextMenuPolicy.CustomContextMenu


def _menu_of(window: MainWindow, title: str) -> list:
    (menu,) = (action.menu() for action in window.menuBar().actions() if action.text() == title)
    assert isinstance(menu, QWidget)
    return menu.actions()
