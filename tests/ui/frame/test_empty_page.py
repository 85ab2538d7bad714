"""A folder with nothing to be read ends on a page that says so."""

from pathlib import Path

import pytest
from PIL import Image

from cxr_explorer.atlas.build import CLUSTERING, COMPARING, LAYING_OUT, PLACING
from cxr_explorer.pace import Progress
from cxr_explorer.ui.frame.progress_strip import duration_text, progress_text
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import open_window

LONG_MS = 60_000


def open_folder(qtbot, tmp_path: Path, folder: Path) -> MainWindow:
    window = open_window(qtbot, tmp_path)
    window.files.open_path(folder, tmp_path / "made.cxr")
    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)
    return window


@pytest.mark.parametrize("broken", [0, 1, 3])
def test_a_folder_without_a_readable_image_ends_on_a_page_that_says_so(qtbot, tmp_path: Path, broken: int) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(broken):
        (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    window = open_folder(qtbot, tmp_path, folder)
    page = window.files.empty
    assert page.isVisible() and window.session.page == "empty"
    assert str(folder) in page.said.text()
    said = {
        0: "no image file",
        1: "1 file looks like an image and could not be read",
        3: "3 files look like images and could not be read",
    }
    assert said[broken] in page.said.text()
    assert page.list.isVisible() == bool(broken)
    assert not any(pane.isVisible() for pane in window.workspaces.panes.values())


def test_the_page_goes_once_there_is_an_image(qtbot, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    window = open_folder(qtbot, tmp_path, folder)
    assert window.files.empty.isVisible()
    Image.new("L", (64, 64), 90).save(folder / "film.png")
    window.files.empty.again.click()
    qtbot.waitUntil(lambda: window.runs.indexing is None, timeout=LONG_MS)
    assert not window.files.empty.isVisible()


def test_the_wait_says_which_step_of_how_many(qtbot) -> None:
    said = progress_text(Progress("Analysing images", 34, 60, 6.84, 180.0))
    assert said == "Step 2 of 5: analysing images, 34 of 60, 6.8 a second, about 3 min left"
    assert progress_text(Progress("Analysing images", 50, 100)) == "Step 2 of 5: analysing images, 50 of 100"
    assert progress_text(Progress("Looking for images", 2000)) == "Step 1 of 5: looking for images, 2,000 so far"
    assert progress_text(Progress("Simulating radiographs", 3, 60, None, None)) == "Simulating radiographs, 3 of 60"


def test_each_step_of_making_the_map_is_named(qtbot) -> None:
    stages = [COMPARING, LAYING_OUT, PLACING, CLUSTERING]
    assert [progress_text(Progress(stage, 40, 100)) for stage in stages] == [
        "Step 3 of 5: comparing images",
        "Step 4 of 5: laying out the map",
        "Step 4 of 5: placing new images",
        "Step 5 of 5: finding clusters",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "5 s"),
        (11, "15 s"),
        (54, "55 s"),
        (56, "1 min"),
        (100, "2 min"),
        (3599, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_time_left_is_told_as_exactly_as_an_estimate_deserves(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
