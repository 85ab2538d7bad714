"""While the project file cannot be written: the window says so, goes on showing, and labels again by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from cxr_explorer.errors import UserError
from cxr_explorer.project.storage import StorageError

if TYPE_CHECKING:
    from cxr_explorer.ui.session.session import Session

TRY_AGAIN_MS = 3000


class StorageWatch(QObject):
    """Looks every few seconds whether an act could not be stored, and then whether the next one could be."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._told = False
        self._waits_to_reopen = False
        session.projectChanged.connect(self._begin)
        self._timer = QTimer(self, interval=TRY_AGAIN_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def _begin(self) -> None:
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
        self._session.failed.emit(
            f"{why}: you can look at it, search it and export it, but not label or index. {after}"
        )

    def look(self) -> None:
        """Goes on where that has become possible; says why not where it has not been said."""
        session = self._session
        project = session.project
        if project is None:
            return
        if project.viewed and self._waits_to_reopen:
            try:
                session.reopen()
            except UserError:
                return
            self._tell_recovered()
        elif project.trouble is not None:
            if project.writing_works():
                self._told = False
                self._tell_recovered()
            elif not self._told:
                self._told = True
                session.failed.emit(
                    f"{project.trouble} Until then the project is for looking only; the program tries again by itself."
                )

    def _tell_recovered(self) -> None:
        self._session.recovered.emit()
        self._session.said.emit("The project can be written again: labels are stored.")
