"""When the process died: where it did is written beside the log, and the next start says so and offers the report."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import logging
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import PySide6
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from cxr_explorer import __version__
from cxr_explorer.logfile import Plain, without_folders
from cxr_explorer.ui.widgets.messages import TextDialog
from cxr_explorer.ui.widgets.texts import accepted, text_label

log = logging.getLogger("cxr_explorer")


def watch(folder: Path) -> None:
    """From now on a death of the process leaves a file in the folder; a clean end leaves none.

    The file holds versions and the stack, no message: no name of an image or a patient.
    """
    try:
        file = (folder / f"crash-{os.getpid()}.txt").open("w", encoding="utf-8")
    except OSError:
        return  # no report is better than no window
    system = f"{platform.system()} {platform.machine()}"
    file.write(
        f"CXR Explorer {__version__}, Python {platform.python_version()}, Qt {PySide6.__version__}, {system}\n\n"
    )
    file.flush()
    faulthandler.enable(file)

    def end() -> None:
        faulthandler.disable()
        file.close()
        with contextlib.suppress(OSError):
            Path(file.name).unlink()

    atexit.register(end)


def reports(folder: Path) -> list[Path]:
    """The files that processes have left that died, oldest first; that of a process that still runs tells no death."""
    found = []
    for path in folder.glob("crash-*.txt"):
        with contextlib.suppress(OSError):
            if _stack(path):
                found.append(path)
    return sorted(found, key=lambda path: path.stat().st_mtime)


def _stack(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").partition("\n\n")[2].strip()


class CrashBar(QFrame):
    """Says that the program died, and offers the report; seen or closed, it does not come again."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._paths = list(paths)
        reports = [path.read_text(encoding="utf-8", errors="replace").strip() for path in paths]
        self.text = without_folders("\n\n".join(reports))
        log.error("The last run ended in the middle:\n%s", Plain(self.text))
        said = text_label(
            "⚠ The program ended unexpectedly last time. Each label is stored as soon as it is given; look whether the "
            "last ones are there. The report helps to mend the fault.",
            "warning",
            wraps=True,
        )
        self.show_report, close = QPushButton("Show report…"), QPushButton("Close")
        self.show_report.clicked.connect(self._show)
        close.clicked.connect(self._forget)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(said, 1)
        row.addWidget(self.show_report)
        row.addWidget(close)

    def _show(self) -> None:
        said = "Where the program was when it ended: versions and places in the code, nothing of your images."
        accepted(TextDialog(self, "Report of the last run", said, self.text))
        self._forget()

    def _forget(self) -> None:
        for path in self._paths:
            with contextlib.suppress(OSError):
                path.unlink()
        self.hide()
