"""A window on a project whose images can be put on sheets."""

from pathlib import Path

import pytest

from cxr_explorer.labels.label import Value
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import make_project, open_window


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.session.set_judgement("Pneumonia", Value.PRESENT)
    return window
