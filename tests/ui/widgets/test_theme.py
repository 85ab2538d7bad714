"""The application's dress: by kind and size of letters, and put on once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from cxr_explorer.ui.widgets.theme import apply_theme, theme


@pytest.fixture
def application(qapp: QApplication) -> Iterator[QApplication]:
    yield qapp
    apply_theme(qapp, True, 1.0)


def test_each_kind_has_its_colours_and_each_size_its_letters(application: QApplication) -> None:
    sizes = {}
    for dark in (True, False):
        for scale in (1.0, 1.5):
            apply_theme(application, dark, scale)
            assert application.palette().window().color() == QColor(theme(dark).window)
            assert theme(dark).raised in application.styleSheet()
            sizes[dark, scale] = application.font().pointSizeF()
    assert sizes[True, 1.5] == pytest.approx(1.5 * sizes[True, 1.0], rel=0.01)
    assert sizes[False, 1.0] == sizes[True, 1.0]


def test_the_same_dress_is_not_put_on_again(application: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on: list[str] = []
    monkeypatch.setattr(QApplication, "setStyleSheet", lambda _, sheet: put_on.append(sheet))
    apply_theme(application, False, 1.15)
    apply_theme(application, False, 1.15)
    assert len(put_on) == 1
    apply_theme(application, True, 1.15)
    assert len(put_on) == 2
    monkeypatch.undo()
    application.setProperty("look", None)
