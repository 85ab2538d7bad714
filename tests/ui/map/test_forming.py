"""The real window while the map of a folder is made: the layout as it forms, stopping there, and what is told of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from cxr_explorer import indexing as indexing_module
from cxr_explorer.atlas import build, layout
from cxr_explorer.atlas.layout import LayoutParameters
from cxr_explorer.atlas.neighbours import Neighbours, find_neighbours
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.images.preprocess import thumbnail_jpeg
from cxr_explorer.images.read import read
from cxr_explorer.images.scan import scan
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.earlier_layout import neighbours_recall
from cxr_explorer.project.project import Project
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.session.runs import Runs
from tests.ui.windows import open_window
from tests.work_here import JobsHere

COUNT = 60
LONG_MS = 120_000


@pytest.fixture
def analysed(tmp_path: Path) -> Path:
    """A project of 60 images in three groups, all analysed, without a map."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(COUNT):
        Image.fromarray(np.full((24, 20), 4 * number, np.uint8)).save(folder / f"{number:02}.png")
    encoder = default_encoder()
    random = np.random.default_rng(0)
    vectors = random.normal(size=(3, encoder.dimension)).astype(np.float32)[np.arange(COUNT) % 3]
    vectors += 0.3 * random.standard_normal(vectors.shape, np.float32)
    path = tmp_path / "test.cxr"
    with Project.create(path, folder, bundled_vocabularies()[0]) as project:
        project.update_files(list(scan(folder)), [])
        results = [
            Embedded(source.image_id, vector, thumbnail_jpeg(read(source.path)), f"{number}", 24, 20, {}, ())
            for number, (source, vector) in enumerate(zip(project.pending(encoder.key), vectors, strict=True))
        ]
        project.store_batch(encoder, Batch(tuple(results), ()))
    return path


@pytest.fixture
def window(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    """All work is done in this process, an item a turn; the layout takes 30 epochs, and is told after each."""
    monkeypatch.setattr(indexing_module, "Jobs", JobsHere)
    monkeypatch.setattr(layout, "EPOCHS_OF_FEW", 30)
    monkeypatch.setattr(build, "SHOWN_EVERY_S", -1)
    return open_window(qtbot, tmp_path)


def test_the_map_is_shown_as_it_forms_and_can_be_used_until_it_is_done(
    qtbot, window: MainWindow, analysed: Path
) -> None:
    session, page = window.session, window.map_page
    drawn: list[np.ndarray] = []
    window.runs.provisionalChanged.connect(lambda: drawn.append(page.scatter.xy.copy()))
    window.files.open_path(analysed)
    qtbot.waitUntil(lambda: len(drawn) >= 3, timeout=LONG_MS)

    forming = window.runs.provisional
    assert forming is not None and forming.forming and session.map is None
    assert all(xy.shape == (COUNT, 2) and np.isfinite(xy).all() for xy in drawn)
    assert not np.array_equal(drawn[0], drawn[-1]), "the points move"
    assert page.provisional.isVisible()
    assert page.provisional.text().startswith(f"The map as it forms, {COUNT} of {COUNT} images shown; places change")
    assert window.progress_strip.isVisible()
    assert session.project is not None and session.project.latest_map() is None, "it is never stored"
    page.scatter.pointsChosen.emit(np.array([7]), "click", "replace")
    chosen = int(forming.image_ids[7])
    assert session.selection.ids.tolist() == [chosen]

    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)
    assert session.map is not None and window.runs.provisional is None and not page.provisional.isVisible()
    np.testing.assert_array_equal(drawn[-1], session.map.xy, "the last of it is the map: nothing jumps at the end")
    np.testing.assert_array_equal(page.scatter.xy, session.map.xy)
    assert session.selection.ids.tolist() == [chosen]


def test_cancelling_while_the_map_forms_leaves_it_on_the_screen_and_the_next_run_ends_it(
    qtbot, window: MainWindow, analysed: Path
) -> None:
    said: list[str] = []
    session, page = window.session, window.map_page
    session.said.connect(said.append)
    window.files.open_path(analysed)
    qtbot.waitUntil(lambda: window.runs.provisional is not None, timeout=LONG_MS)
    (cancel,) = (button for button in window.progress_strip.findChildren(QPushButton) if button.text() == "Cancel")
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)

    assert window.runs.indexing is None and not window.progress_strip.isVisible()
    assert said[-1].startswith(f"Stopped. All {COUNT} images are analysed and kept; only the map is missing.")
    assert session.project is not None and session.project.latest_map() is None
    assert page.provisional.isVisible() and page.scatter.xy.shape == (COUNT, 2)
    assert "goes on to the final map" in page.provisional.text()
    before = page.scatter.xy.copy()
    qtbot.wait(50)
    np.testing.assert_array_equal(page.scatter.xy, before, "nothing goes on behind the reader's back")

    window.files.rescan()
    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)
    assert session.map is not None and len(session.map.image_ids) == COUNT
    assert not page.provisional.isVisible()


def test_the_details_tell_how_many_neighbours_were_found_unless_all_images_were_compared(
    qtbot, window: MainWindow, analysed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare_approximately(embeddings: NDArray[np.floating], k: int, seed: int) -> Iterator[Neighbours]:
        yield replace(find_neighbours(embeddings, k), recall=0.987)

    def make_map(runs: Runs, seed: int) -> str:
        runs.start_indexing(replace(runs.parameters(), layout=LayoutParameters(seed=seed)), rescan=False)
        qtbot.waitUntil(lambda: runs.indexing is None, timeout=LONG_MS)
        return window.map_page._made.toolTip()

    monkeypatch.setattr(build, "SHOWN_EVERY_S", 3600)  # how it forms is not what this is about
    monkeypatch.setattr(build, "compare_approximately", compare_approximately)
    monkeypatch.setattr(build, "EXACT_UP_TO", COUNT - 1)
    window.session.preferences.choose("reader 1", default_encoder().directory, "cpu")
    window.files.open_path(analysed)
    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)
    assert "98.7% of the neighbours found" in window.map_page._made.toolTip()
    window.close_project()
    with Project.open_read_only(analysed) as project:
        assert neighbours_recall(project) == 0.987, "it is kept with the map"
    window.files.open_path(analysed)
    qtbot.waitUntil(lambda: window.runs.indexing is None and window.session.map is not None, timeout=LONG_MS)
    assert "98.7% of the neighbours found" in window.map_page._made.toolTip()

    monkeypatch.setattr(build, "EXACT_UP_TO", COUNT)
    told = make_map(window.runs, 7)
    assert "seed 7" in told and "neighbours found" not in told
    assert window.session.project is not None and neighbours_recall(window.session.project) == 1
