"""What the tests of the viewer share."""

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from cxr_explorer.ui.viewer.image_view import ImageView


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[ImageView]:
    view = ImageView()
    qtbot.addWidget(view)
    view.resize(700, 600)
    view.show()
    qtbot.waitExposed(view)
    yield view
