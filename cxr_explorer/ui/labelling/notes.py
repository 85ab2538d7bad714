"""Notes, and what to come back to: of the image the reader is on, whatever shows it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from cxr_explorer.project.notes import note_of, set_flag, write_note
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.labelling.note_dialog import NoteDialog
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import accepted


class Notes(QObject, Part):
    """The part of the window for notes."""

    def __init__(self, frame: Frame, session: Session) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session

    def verbs(self) -> Verbs:
        return {"note": self.write, "come_back": self.toggle}

    def write(self) -> None:
        """Asks for the note on the current image."""
        session, project, image_id = self._session, self._session.project, self._session.current_id
        if project is None or not self._may():
            return
        reader = session.reader

        def store(text: str) -> None:
            session.acts.tell(write_note(project, image_id, text, reader), "The note is as it was.")

        before = note_of(project, image_id, reader).text
        accepted(NoteDialog(self._frame, project.image(image_id).path, before, store))

    def toggle(self) -> None:
        """Flags the current image to come back to, or takes the flag away."""
        session, project, image_id = self._session, self._session.project, self._session.current_id
        if project is None or not self._may():
            return
        flagged = not note_of(project, image_id, session.reader).flagged
        session.acts.tell(set_flag(project, image_id, flagged, session.reader), "Nothing changed.")

    def _may(self) -> bool:
        """Whether there is an image, and a note on it would be the reader's own; they are told why not."""
        session = self._session
        if session.current_id < 0:
            session.said.emit("Go to an image first: a note is on one image.")
            return False
        if session.reading_as is not None:
            session.said.emit(
                f"Your notes are out of sight while images are read under {session.reading_as}. "
                f"{key_text('back')} ends the reading."
            )
            return False
        return True
