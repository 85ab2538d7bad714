"""What is no frontal chest film, in the real window: told, looked at, excluded, kept."""

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.project.project import Project
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window, press

Key, CTRL = Qt.Key, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    """Image 2 is a CT by its header, image 4 looks like no chest film."""
    path = make_project(tmp_path)
    with Project.open(path) as project:
        ids, vectors = project.embeddings(project.latest_map().encoder_key)  # type: ignore[union-attr]
        far = (vectors[0] + 100).astype("<f4").tobytes()
        first, second = ids[[1, 3]].tolist()
        project.db.execute("UPDATE embeddings SET vector = ? WHERE image_id = ?", [far, second])
        project.db.execute("UPDATE images SET facts = ? WHERE id = ?", [json.dumps({"modality": "CT"}), first])
        project.db.conn.commit()
    window = open_window(qtbot, tmp_path, path)
    qtbot.waitUntil(lambda: not window.strangers.reading)
    return window


def excluded(window: MainWindow) -> list[int]:
    assert window.session.project is not None
    return window.session.project.excluded_ids().tolist()


def both(window: MainWindow) -> list[int]:
    assert window.session.map is not None
    return window.session.map.image_ids[[1, 3]].tolist()


def test_the_line_says_how_many_there_are_and_excludes_nothing(window: MainWindow) -> None:
    strip = window.strangers.strip
    assert strip.isVisible()
    assert strip.text == (
        "⚠ 2 images look like something else than a frontal chest film: 1 by their header (CT), 1 by their look."
    )
    assert excluded(window) == []


def test_they_are_looked_at_as_a_list_whose_tiles_say_why(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_K, modifier=CTRL)
    page = window.sheets.page
    assert page.isVisible()
    assert page.grid.page_ids().tolist() == both(window)
    notes = [page.grid._mark(image_id).note for image_id in both(window)]
    assert notes[0] == "CT"
    assert notes[1].startswith("look ")
    assert "1 by their header, 1 by their look" in page.heading.text()
    qtbot.keyClick(page.grid, Key.Key_Space)
    assert excluded(window) == both(window)[:1]
    assert window.strangers.strip.text.startswith("⚠ 1 image looks")


def test_excluding_them_is_one_act_that_can_be_taken_back(qtbot, window: MainWindow) -> None:
    strip = window.strangers.strip
    qtbot.mouseClick(strip.exclude, Qt.MouseButton.LeftButton)
    assert excluded(window) == both(window)
    assert strip.isHidden()
    assert not window.actions_by_name["exclude_strangers"].isEnabled()
    window.session.acts.undo()
    assert excluded(window) == []
    assert strip.isVisible()


def test_kept_ones_are_asked_about_no_more_but_listed(qtbot, window: MainWindow, tmp_path: Path) -> None:
    qtbot.mouseClick(window.strangers.strip.keep, Qt.MouseButton.LeftButton)
    assert window.strangers.strip.isHidden()
    assert excluded(window) == []
    press(qtbot, window, Key.Key_K, modifier=CTRL)
    assert window.sheets.page.grid.page_ids().tolist() == both(window)
    assert "2 excluded or kept before" in window.sheets.page.heading.text()


def test_facts_of_a_table_bring_the_line_up_to_date(window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    image_id = int(window.session.map.image_ids[5])  # type: ignore[union-attr]
    project.db.execute("INSERT INTO metadata VALUES (?, 'view', 'LATERAL')", [image_id])
    project.db.conn.commit()
    window.session.reload_facts()
    assert "2 by their header or table (CT, lateral view)" in window.strangers.strip.text


def test_without_any_the_list_says_so(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    qtbot.waitUntil(lambda: not window.strangers.reading)
    assert window.strangers.strip.isHidden()
    press(qtbot, window, Key.Key_K, modifier=CTRL)
    assert "none by its look" in window.sheets.page.grid._empty_text
    assert np.size(window.sheets.page.grid.page_ids()) == 0
