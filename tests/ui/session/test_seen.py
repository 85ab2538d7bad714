"""What was seen, and where the window says so."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.ui.clusters.cluster_delegate import state_text
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def button(window: MainWindow) -> str:
    return window.label_panel.apply.text().replace("\n", " ")


def row_of(window: MainWindow, cluster: int) -> str:
    return next(state_text(row) for row in window.clusters.rows if row.cluster == cluster)


def tip_of(window: MainWindow, row: int) -> str:
    model = window.clusters.model()
    return str(model.data(model.index(row, 0), Qt.ItemDataRole.ToolTipRole))


def test_an_image_counts_as_seen_once_its_picture_was_shown_and_stays_so(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    first = int(session.selection.ids[0])
    assert "(0 of 5 seen)" in button(window)
    session.set_current(first)
    window.open_image()
    assert window.seen.ids.size == 0  # still loading
    qtbot.waitUntil(lambda: window.seen.ids.tolist() == [first])
    assert "seen" not in button(window)  # one image, which is in sight
    press(qtbot, window, Key.Key_Escape)
    assert "(1 of 5 seen)" in button(window)
    assert row_of(window, 0) == "not labelled · 1 seen"
    assert session.project is not None
    path = session.project.path
    session.close()
    window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    window.runs.open_project(path)
    assert window.seen.ids.tolist() == [first]


def test_what_cannot_be_shown_or_is_left_at_once_was_not_seen(qtbot, window: MainWindow) -> None:
    session = window.session
    window.image_page.least_look_ms = 60_000
    session.select_cluster(0)
    first, second = session.selection.ids[:2].tolist()
    session.set_current(first)
    window.open_image()
    qtbot.waitUntil(lambda: window.image_page.view.picture.has_picture)
    assert session.project is not None
    (session.project.folder / session.project.image(second).path).unlink()
    window.image_page.least_look_ms = 0
    session.set_current(second)
    qtbot.waitUntil(lambda: "cannot be shown" in window.image_page.why_unseen())
    qtbot.wait(20)
    assert window.seen.ids.size == 0


def test_the_gallery_shows_what_is_selected_and_is_no_look(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    gallery = window.gallery_panel.gallery
    qtbot.waitUntil(lambda: all(window.session.thumbnails.get(i) is not None for i in gallery.visible_ids()))
    assert window.seen.ids.size == 0


def test_pictures_side_by_side_count_as_seen(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    window.gallery_panel.gallery.set_picked(session.selection.ids[:2])
    press(qtbot, window, Key.Key_H)
    qtbot.waitUntil(lambda: window.seen.ids.tolist() == session.selection.ids[:2].tolist())


def test_a_cluster_labelled_unseen_is_marked_until_it_was_looked_at(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    assert "(0 of 5 seen)" in button(window)
    assert "shows them on a contact sheet" in window.label_panel.apply.toolTip()
    window.judging.label_target()
    assert row_of(window, 0) == "⚠ only 0 of 5 seen"
    assert "Select it and press K" in tip_of(window, 0)
    window.cluster_panel.set_filter("unseen")
    assert [row.cluster for row in window.clusters.rows] == [0]
    press(qtbot, window, Key.Key_K)
    qtbot.waitUntil(lambda: window.seen.ids.size == 5)
    assert row_of(window, 0) == "100 % labelled · 5 seen"
    assert "⚠" not in tip_of(window, 0)
    assert "contact sheet" not in window.label_panel.apply.toolTip()


def test_the_sheet_says_how_many_were_seen_and_a_page_turned_at_once_is_not(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    window.sheets.page.grid._seeing.setInterval(60_000)
    press(qtbot, window, Key.Key_K)
    page = window.sheets.page
    assert "(0 of 5 seen)" in page.rest.text().replace("\n", " ")
    qtbot.waitUntil(page.grid._seeing.isActive)
    press(qtbot, window, Key.Key_Escape)
    assert window.seen.ids.size == 0
    page.grid._seeing.setInterval(0)
    press(qtbot, window, Key.Key_K)
    qtbot.waitUntil(lambda: "(5 of 5 seen)" in page.rest.text().replace("\n", " "))


def test_what_another_reader_saw_is_not_seen(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    window.seen.note_sheet("0", session.selection.ids)
    assert window.seen.count_in(session.selection.ids) == 5
    session.set_reader("somebody else")
    assert window.seen.count_in(session.selection.ids) == 0
    assert "(0 of 5 seen)" in button(window)


def test_reading_one_by_one_counts_and_undo_of_the_label_does_not_make_unseen(qtbot, window: MainWindow) -> None:
    session = window.session
    window.reading.start("Read next", np.array([1, 2]), "Mass")
    press(qtbot, window, Key.Key_P)
    assert 1 in window.seen.ids.tolist()
    session.acts.undo()
    assert 1 in window.seen.ids.tolist()
