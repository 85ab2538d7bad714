"""The wait for the map in the real window: small folders, the provisional map, stopping."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from cxr_explorer import indexing as indexing_module
from cxr_explorer.atlas import provisional as provisional_module
from cxr_explorer.encoder import embed as embed_module
from cxr_explorer.labels.label import Value
from cxr_explorer.project import label_columns
from cxr_explorer.project.project import Project
from cxr_explorer.ui.commands.need import MAP
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.widgets.slices import Slices
from tests.ui.windows import make_project, open_window, press
from tests.work_here import JobsHere

LONG_MS = 120_000


def draw(folder: Path, count: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(1)
    for number in range(count):
        pixels = random.integers(0, 255, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC).save(folder / f"{number:03}.png")
    return folder


def open_folder(qtbot, home: Path, count: int) -> MainWindow:
    window = open_window(qtbot, home)
    window.files.open_path(draw(home / "films", count), home / "made.cxr")
    return window


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_folder_of_few_films_ends_with_films_that_can_be_seen_and_labelled(qtbot, tmp_path: Path, count: int) -> None:
    window = open_folder(qtbot, tmp_path, count)
    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)
    session = window.session
    assert session.map is not None and len(session.map.image_ids) == count
    assert np.isfinite(session.map.xy).all()
    assert not window.map_page.provisional.isVisible()
    session.select_cluster(0)
    assert window.gallery_panel.gallery.image_ids().size == count
    window.open_image()
    press(qtbot, window, Qt.Key.Key_1)
    project = session.project
    assert project is not None
    column = label_columns.label_column(project, session.finding, session.reader)
    assert column.values.tolist() == [Value.PRESENT]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provisional maps from 8 images on, whatever they cost; all in this process, a batch each time."""
    monkeypatch.setattr(indexing_module, "Jobs", JobsHere)
    monkeypatch.setattr(provisional_module, "FIRST", 8)
    monkeypatch.setattr(provisional_module, "EXPECTED_S", 0.0)
    monkeypatch.setattr(provisional_module, "SHARE", 1e6)
    monkeypatch.setattr(embed_module, "FIRST_BATCH", 8)
    monkeypatch.setitem(embed_module.BATCH_SIZE, "cpu", 8)


def wait_for_provisional(qtbot, window: MainWindow) -> None:
    window.session.preferences.choose("reader 1", window.session.preferences.encoder().directory, "cpu")
    qtbot.waitUntil(lambda: window.runs.provisional is not None, timeout=LONG_MS)


@pytest.mark.usefixtures("eager")
def test_a_provisional_map_is_looked_at_and_gives_way_to_the_final_one(qtbot, tmp_path: Path) -> None:
    window = open_folder(qtbot, tmp_path, 40)
    wait_for_provisional(qtbot, window)
    session, page = window.session, window.map_page
    first = window.runs.provisional
    assert first is not None and session.map is None
    assert 8 <= len(first.image_ids) < 40 and first.total == 40
    assert page.provisional.isVisible()
    assert f"first {len(first.image_ids)} of 40 images" in page.provisional.text()
    assert page.scatter.xy.shape == first.xy.shape
    assert session.project is not None and session.project.latest_map() is None, "it is never stored"

    # A click on it selects the image, which can be opened and labelled; clusters cannot
    page.scatter.pointsChosen.emit(np.array([3]), "click", "replace")
    chosen = int(first.image_ids[3])
    assert session.selection.ids.tolist() == [chosen]
    assert window.gallery_panel.gallery.image_ids().tolist() == [chosen]
    assert not window.states()[MAP]
    assert not window.actions_by_name["cluster_here"].isEnabled()
    window.open_image()
    press(qtbot, window, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)

    assert session.map is not None and len(session.map.image_ids) == 40
    assert window.runs.provisional is None and not page.provisional.isVisible()
    assert page.scatter.xy.shape == (40, 2)
    assert session.viewing_image and session.current_id == chosen, "the film being read stays open"
    column = label_columns.label_column(session.project, session.finding, session.reader)
    assert column.image_ids.tolist() == [chosen]


@pytest.mark.usefixtures("eager")
def test_stopping_at_a_provisional_map_keeps_what_was_analysed_and_says_so(qtbot, tmp_path: Path) -> None:
    said: list[str] = []
    window = open_folder(qtbot, tmp_path, 40)
    window.session.said.connect(said.append)
    wait_for_provisional(qtbot, window)
    window.runs.stop()
    assert window.runs.indexing is None and not window.progress_strip.isVisible()
    assert window.map_page.provisional.isVisible(), "what there is can still be looked at"
    assert "goes on to the final map" in window.map_page.provisional.text()
    project = window.session.project
    assert project is not None
    kept = 40 - len(project.pending(window.session.preferences.encoder().key))
    assert said[-1].startswith(f"Stopped. {kept} of 40 images are analysed and kept.")
    window.files.rescan()
    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)
    assert window.session.map is not None and len(window.session.map.image_ids) == 40


def test_a_child_gets_ready_while_the_folder_is_chosen(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window = open_window(qtbot, tmp_path)
    folder = draw(tmp_path / "films", 1)
    monkeypatch.setattr("cxr_explorer.ui.session.runs.default_project_path", lambda _: tmp_path / "made.cxr")
    ready = []

    def choose(answer: str) -> str:
        ready.append(window.runs._warm)
        return answer

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: choose(""))
    window.files.open_folder()
    assert ready[0] is not None and not ready[0]._process.is_alive(), "no folder, no child"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: choose(str(folder)))
    window.files.open_folder()
    assert window.runs.indexing is not None and window.runs.indexing._jobs is ready[1]
    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)
    assert window.session.map is not None


def test_stopping_before_anything_was_analysed_says_that_nothing_was(qtbot, tmp_path: Path) -> None:
    said: list[str] = []
    window = open_folder(qtbot, tmp_path, 3)
    window.session.said.connect(said.append)
    window.runs.stop()
    assert said[-1].startswith("Stopped. Nothing was analysed yet")


class StepByStep(Slices):
    """Goes on by a step when it is told to."""

    def run(self, *arguments: Any, **named: Any) -> None:
        super().run(*arguments, **named)
        self._timer.stop()

    def _go_on(self, budget_s: float = 0.0) -> None:
        super()._go_on(budget_s)

    def step(self) -> None:
        self._go_on()

    def step_until(self, is_there: Callable[[], bool]) -> None:
        """Takes steps, until something is there; not more than are left."""
        while self.active and not is_there():
            self.step()


@pytest.fixture
def opening(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[MainWindow, StepByStep]:
    """A window that opens projects step by step: opened, the window, the map."""
    window = open_window(qtbot, tmp_path)
    steps = StepByStep(window)
    monkeypatch.setattr(window.runs, "opening", steps)
    monkeypatch.setattr(window.runs, "start_indexing", lambda *_, **__: None)
    return window, steps


def test_the_window_shows_a_project_before_its_map_is_read(
    opening: tuple[MainWindow, StepByStep], tmp_path: Path
) -> None:
    window, steps = opening
    window.files.open_path(make_project(tmp_path))
    steps.step_until(lambda: window.session.project is not None)
    assert window.session.map is None and window.map_page.isVisible()
    assert not window.map_page.scatter.canvas._message  # it does not say that there is no map
    assert window.gallery_panel.gallery.image_ids().size == 0
    steps.step()
    assert window.session.map is not None and len(window.map_page.scatter.xy) == 10
    assert not steps.active


def test_a_project_closed_before_its_map_is_read_stays_closed(
    opening: tuple[MainWindow, StepByStep], tmp_path: Path
) -> None:
    window, steps = opening
    path = make_project(tmp_path)
    window.files.open_path(path)
    steps.step_until(lambda: window.session.project is not None)
    window.close_project()
    steps.step()
    assert not steps.active
    assert window.session.project is None and window.session.map is None
    Project.open(path).close()  # nobody holds it


def test_a_project_given_up_while_its_labels_are_checked_is_nobodys(
    opening: tuple[MainWindow, StepByStep], tmp_path: Path
) -> None:
    window, steps = opening
    path = make_project(tmp_path)
    window.files.open_path(path)
    steps.step()
    assert steps.active and window.session.project is None
    steps.cancel()
    Project.open(path).close()


def test_a_project_opened_while_another_one_is_being_opened_takes_its_place(
    opening: tuple[MainWindow, StepByStep], tmp_path: Path
) -> None:
    window, steps = opening
    paths = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        paths.append(make_project(tmp_path / name))
    window.files.open_path(paths[0])
    window.files.open_path(paths[1])
    steps.finish()
    assert window.session.project is not None and window.session.project.path == paths[1]
    assert window.session.map is not None
    Project.open(paths[0]).close()
