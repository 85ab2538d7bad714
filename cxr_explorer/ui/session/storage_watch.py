"""While the project file cannot be written: the window says so, goes on showing, and labels again by itself."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from cxr_explorer.errors import UserError
from cxr_explorer.project.project import Project
from cxr_explorer.project.storage import StorageError

TRY_AGAIN_MS = 3000


class StorageWatch(QObject):
    """Looks every few seconds whether an act could not be stored, and then whether the next one could be."""

    failed = Signal(str)
    recovered = Signal()
    """What `failed` said is over."""

    def __init__(self, parent: QObject, project: Callable[[], Project | None], reopen: Callable[[], None]) -> None:
        """`project`: the one that is open. `reopen`: opens one only looked at for writing, or raises UserError."""
        super().__init__(parent)
        self._project = project
        self._reopen = reopen
        self._told = False
        self._waits_to_reopen = False
        self._timer = QTimer(self, interval=TRY_AGAIN_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def begin(self) -> None:
        """Another project is open."""
        self._told = False
        self._waits_to_reopen = False

    def say_why_viewed(self, error: StorageError) -> None:
        """Tells why the project that was just opened can only be looked at."""
        self._waits_to_reopen = error.trouble == "full"
        after = (
            "The program labels again by itself once there is room."
            if self._waits_to_reopen
            else "Copy the project to a folder of your own to label."
        )
        why = "The disk that holds this project is full" if self._waits_to_reopen else "This project cannot be written"
        self.failed.emit(f"{why}: you can look at it, search it and export it, but not label or index. {after}")

    def look(self) -> None:
        """Goes on where that has become possible; says why not where it has not been said."""
        project = self._project()
        if project is None:
            return
        if project.viewed and self._waits_to_reopen:
            try:
                self._reopen()
            except UserError:
                return
            self.recovered.emit()
        elif project.trouble is not None:
            if project.writing_works():
                self._told = False
                self.recovered.emit()
            elif not self._told:
                self._told = True
                self.failed.emit(
                    f"{project.trouble} Until then the project is for looking only; the program tries again by itself."
                )
