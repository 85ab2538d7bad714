"""Films that come from elsewhere: out of the hospital's archive, out of a ZIP archive."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from cxr_explorer.hospital import fetching
from cxr_explorer.images.kinds import describe_left_out
from cxr_explorer.labels.texts import images_text
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.files import Files
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.hospital.fetch_dialog import FetchDialog
from cxr_explorer.ui.hospital.unpack_dialog import UnpackDialog
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import accepted


class Arrivals(QObject, Part):
    """The window's verbs for what arrives."""

    def __init__(self, frame: Frame, session: Session, files: Files) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._files = files

    def verbs(self) -> Verbs:
        return {"fetch": self.fetch, "unpack": self.choose_archive}

    def fetch(self) -> None:
        """Asks which archive and which films, fetches them, and analyses what has come."""
        project = self._session.project
        assert project is not None
        if not fetching.installed():
            self._frame.warn(fetching.NOT_INSTALLED)
            return
        dialog = FetchDialog(self._frame, project)
        accepted(dialog)
        if dialog.stored:
            self._files.rescan()
            self._frame.say(f"{images_text(dialog.stored)} fetched.")

    def choose_archive(self) -> None:
        """Asks for a ZIP archive, unpacks it and opens the folder."""
        chosen, _ = QFileDialog.getOpenFileName(
            self._frame, "Unpack a ZIP archive", self._frame.last_folder(), "ZIP archives (*.zip);;All files (*)"
        )
        if chosen:
            self.unpack(Path(chosen))

    def unpack(self, archive: Path) -> None:
        """Unpacks the films of a ZIP archive into a folder beside it, and shows them."""
        dialog = UnpackDialog(self._frame, archive)
        if not accepted(dialog) or dialog.unpacked is None:
            return
        done = dialog.unpacked
        if not done.stored + done.had:
            left_out = describe_left_out(done.left_out)
            self._frame.warn(f"No films in {archive.name}" + (f": there are {left_out}." if left_out else "."))
            return
        project = self._session.project
        if project is not None and done.folder.resolve().is_relative_to(project.folder):
            self._files.rescan()  # they are among the project's own now
        else:
            self._files.open_path(done.folder)
        self._frame.say(f"{images_text(done.stored + done.had)} of {archive.name} lie in {done.folder}.")
