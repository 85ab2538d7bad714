"""A window for tests, on settings of its own, and a project with a map that needs no encoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from cxr_explorer.ui.main_window import MainWindow
from tests.project.mapped import CLUSTER_SIZES as CLUSTER_SIZES
from tests.project.mapped import make_project as make_project

Kind = TypeVar("Kind", bound=QDialog)


def open_at_once(window: MainWindow) -> None:
    """From now on all of a project is shown when `open_path` returns, not turn by turn after it."""
    run = window.runs.opening.run

    def run_out(*arguments: Any, **named: Any) -> None:
        run(*arguments, **named)
        window.runs.opening.finish()

    window.runs.opening.run = run_out  # type: ignore[method-assign]


def open_window(qtbot, home: Path, path: Path | None = None) -> MainWindow:  # type: ignore[no-untyped-def]
    """A shown window; on a project if a path is given, with the run over the folder left out."""
    settings = QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("last_folder", str(home))
    window = MainWindow(settings)
    window.image_page.least_look_ms = 0
    open_at_once(window)
    qtbot.addWidget(window, before_close_func=lambda shown: shown.session.close())
    window.resize(1366, 768)
    with qtbot.waitExposed(window):
        window.show()
    if path is not None:
        start: Callable[..., None] = window.runs.start_indexing
        window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
        window.files.open_path(path)
        window.runs.start_indexing = start  # type: ignore[method-assign]
    return window


def press(qtbot, window: MainWindow, *keys: Qt.Key, modifier=Qt.KeyboardModifier.NoModifier) -> None:  # type: ignore[no-untyped-def]
    """Presses keys as a reader does: an open image is seen before the next key."""
    for key in keys:
        if window.session.viewing_image:
            qtbot.waitUntil(lambda: not window.session.why_unseen(), timeout=10_000)
        qtbot.keyClick(window.image_page.view if window.session.viewing_image else window, key, modifier)


def in_next_dialog(owner: QWidget, kind: type[Kind], do: Callable[[Kind], object]) -> list[Kind]:
    """Does something in the next dialog of a kind, once it has the keyboard; what is still open then is closed.

    A dialog that is not active yet takes no keys of shortcuts, so a fixed time to wait fails on a busy machine. Nothing
    is waited for any more once `owner` is gone. Returns a list that holds the dialog from then on.
    """
    met: list[Kind] = []

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, kind) or not dialog.isActiveWindow():
            QTimer.singleShot(10, owner, look)
            return
        met.append(dialog)
        try:
            do(dialog)
        finally:
            if dialog.isVisible():
                dialog.done(0)  # `reject` may ask first

    QTimer.singleShot(0, owner, look)
    return met
