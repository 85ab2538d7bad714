"""The page of the open image, where there is none any more."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:  # type: ignore[no-untyped-def]
    """A window with an image open."""
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.session.select_cluster(0)
    window.open_image()
    assert window.session.viewing_image
    return window


def is_on_the_map(window: MainWindow) -> bool:
    window.image_page.refresh()
    return window.session.page == "map" and window.centre.currentWidget() is window.map_page


def test_no_image_is_current(window: MainWindow) -> None:
    window.session.set_current(-1)
    assert is_on_the_map(window)


def test_another_selection(window: MainWindow) -> None:
    window.session.select_cluster(1)
    assert is_on_the_map(window)


def test_a_new_map_without_the_image(window: MainWindow) -> None:
    session = window.session
    project, found = session.project, session.map
    assert project is not None
    assert found is not None
    rest = np.flatnonzero(found.image_ids != session.current_id)
    one = np.ones(len(rest), np.float32)
    project.store_map(
        default_encoder(),
        MapParameters().to_dict(),
        found.image_ids[rest],
        BuiltMap(found.xy[rest], found.clusters[rest], one, one, one),
    )
    window.runs._end_indexing(None)
    assert is_on_the_map(window)


def test_the_page_is_drawn_again_while_no_image_is_current(window: MainWindow) -> None:
    window.session.current_id = -1
    window.image_page.refresh()
    assert not window.image_page.view.picture.has_picture
