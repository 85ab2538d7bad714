"""Starting the window."""

from __future__ import annotations

import gc
import logging
import os
import platform
import signal
import sys
import time
from pathlib import Path

import PySide6
from PySide6.QtCore import QEvent, QSettings, QTimer, Signal
from PySide6.QtGui import QFileOpenEvent, QIcon
from PySide6.QtWidgets import QApplication

from cxr_explorer import __version__, logfile
from cxr_explorer.assets import asset
from cxr_explorer.logfile import Plain
from cxr_explorer.ui.excepthook import Excepthook
from cxr_explorer.ui.frame import crash
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.viewer.full_size import still_reading

log = logging.getLogger("cxr_explorer")

DESKTOP_NAME = "cxr-explorer"
"""What the desktop knows the program by: the name of its `.desktop` file, see `cli.register`."""


class Application(QApplication):
    """The application. macOS tells it by an event, not by an argument, which file was double-clicked."""

    fileOpened = Signal(str)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent) and event.file():
            self.fileOpened.emit(event.file())
            return True
        return super().event(event)


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
    log.info("closed")
    if still_reading():
        log.warning("Files are still being read from a drive that does not answer; closed without waiting for it.")
        logging.shutdown()
        os._exit(code)
    return code


def _start() -> tuple[QApplication, MainWindow]:
    begun = time.monotonic()
    application = Application([DESKTOP_NAME])  # X11 takes the window's class from it
    application.setApplicationName("CXR Explorer")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName(DESKTOP_NAME)
    application.setWindowIcon(program_icon())
    folder = logfile.folder()
    logfile.begin(folder)
    died = crash.reports(folder)
    crash.watch(folder)
    system = f"{platform.system()} {platform.machine()}"
    versions = f"{__version__}, Python {platform.python_version()}, Qt {PySide6.__version__}, {system}"
    log.info("started: CXR Explorer %s", Plain(versions))
    settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "cxr-explorer", "cxr-explorer")
    window = MainWindow(settings)
    sys.excepthook = Excepthook(window)
    application.fileOpened.connect(lambda path: window.open_dropped(Path(path)))
    if died:
        window.add_strip(crash.CrashBar(died), first=True)
    signal.signal(signal.SIGINT, lambda *_: QTimer.singleShot(0, window, window.close))
    waker = QTimer(application, interval=200)  # lets Python see Ctrl+C
    waker.timeout.connect(lambda: None)
    waker.start()
    window.show()
    gc.freeze()
    gc.enable()
    log.info("window up after %.1f s", time.monotonic() - begun)
    return application, window


def program_icon() -> QIcon:
    """The program's icon in all its sizes; Qt reads a size when it is shown."""
    icon = QIcon()
    for path in sorted(asset("icons", "program").glob("*.png")):
        icon.addFile(str(path))
    return icon
