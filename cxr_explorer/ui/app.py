"""Starting the window."""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import sys
from pathlib import Path

from platformdirs import user_log_path
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication

from cxr_explorer import __version__
from cxr_explorer.ui.excepthook import Excepthook
from cxr_explorer.ui.frame import crash
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.viewer.full_size import still_reading

log = logging.getLogger("cxr_explorer")


def run(
    path: Path | None = None, project: Path | None = None, encoder: Path | None = None, device: str = "auto"
) -> int:
    """Opens the window and runs until it is closed. Returns the exit code.

    Args:
        path: Image folder or project to open.
        project: Project file to use for the folder.
        encoder: Checkpoint folder to use from now on.
        device: "auto" keeps the setting.
    """
    application, window = _start()
    if encoder is not None:
        window.session.preferences.settings.setValue("encoder", str(encoder))
    if device != "auto":
        window.session.preferences.settings.setValue("device", device)
    if path is not None:
        QTimer.singleShot(0, window, lambda: window.files.open_path(path, project))
    return _run_to_the_end(application)


def run_demo(home: Path, count: int) -> int:
    """Opens the window on the demo set, which is made first if need be. Returns the exit code."""
    application, window = _start()
    QTimer.singleShot(0, window, lambda: window.runs.open_demo(home, count))
    return _run_to_the_end(application)


def _run_to_the_end(application: QApplication) -> int:
    """Runs until the window is closed, and ends the process there where a drive keeps a thread for ever."""
    code = application.exec()
    if still_reading():
        log.warning("Files are still being read from a drive that does not answer; closed without waiting for it.")
        logging.shutdown()
        os._exit(code)
    return code


def _start() -> tuple[QApplication, MainWindow]:
    application = QApplication(sys.argv[:1])
    application.setApplicationName("CXR Explorer")
    application.setApplicationVersion(__version__)
    folder = _log_folder()
    died = []
    if folder is not None:
        _log_to_file(folder)
        died = crash.reports(folder)
        crash.watch(folder)
    settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "cxr-explorer", "cxr-explorer")
    window = MainWindow(settings)
    sys.excepthook = Excepthook(window)
    if died:
        window.add_strip(crash.CrashBar(died), first=True)
    signal.signal(signal.SIGINT, lambda *_: QTimer.singleShot(0, window, window.close))
    waker = QTimer(application, interval=200)  # lets Python see Ctrl+C
    waker.timeout.connect(lambda: None)
    waker.start()
    window.show()
    return application, window


def _log_folder() -> Path | None:
    """Where log and crash reports go; None where there is no place: no log is better than no window."""
    try:
        return user_log_path("cxr-explorer", appauthor=False, ensure_exists=True)
    except OSError:
        return None


def _log_to_file(folder: Path) -> None:
    try:
        handler = logging.handlers.RotatingFileHandler(folder / "cxr-explorer.log", maxBytes=500_000, backupCount=1)
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
