"""The centre when an image is open full size: it is read in a thread, and a stale answer is dropped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cxr_explorer.images.dicom_frames import frame_number
from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.project.project import ImageRecord
from cxr_explorer.project.redrawn import shown_frame, stamp_as_shown
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.viewer.full_size import FullSize
from cxr_explorer.ui.viewer.image_view import ImageView
from cxr_explorer.ui.viewer.look import Look, look_of, take_look
from cxr_explorer.ui.viewer.note_plate import NotePlate
from cxr_explorer.ui.viewer.plates import view_lines, what_lines

_ACTIONS = {
    "back": "back",
    "previous": "previous_image",
    "next": "next_image",
    "frame_previous": "previous_frame",
    "frame_next": "next_frame",
    "fit": "fit",
    "actual": "actual",
    "invert": "invert",
    "reset": "reset_window",
    "zoom_in": "zoom_in",
    "zoom_out": "zoom_out",
    "overlay": "overlay",
}
"""The viewer's buttons and the actions that do the same."""


LEAST_LOOK_MS = 150
"""An answer that comes sooner after the picture was meant for the one before it: nobody sees and judges so fast."""


class ImagePage(QWidget):
    """Shows the session's current image while the session views an image."""

    seen = Signal(int)
    """Id of the image whose picture has been on the screen for `least_look_ms`."""
    framesChanged = Signal()
    """Whether there are several frames to look at."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._shown_id = -1
        self._look = Look()  # the window that the reader chose, kept from image to image until the map is back
        self._since: float | None = None  # when the picture, or why there is none, came on the screen
        self.least_look_ms = LEAST_LOOK_MS
        self._looking = QTimer(self, singleShot=True)
        self._looking.timeout.connect(lambda: self.seen.emit(self._shown_id))
        self._coming: set[int] = set()  # image ids whose files are being read
        self._ahead: set[int] = set()  # image ids wanted next
        self._held: dict[int, object] = {}  # of these, what has been read
        self.view = ImageView()
        self.note_plate = NotePlate(self.view.picture, session)
        self.show_keys()
        self.view.backRequested.connect(lambda: session.view_image(False))
        self.view.frameRequested.connect(self.step_frame)
        self._files = FullSize(2, self)
        self._files.arrived.connect(self._take)
        self._frames = FullSize(1, self)
        self._frames.arrived.connect(self._take_frame)
        self._wanted_frame = 0  # 0: the one that was analysed
        self._several = False
        self.view.picture.changed.connect(self._tell_frames)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addWidget(self.view, 1)
        session.currentChanged.connect(self.refresh)
        session.ask_whether_seen(self.why_unseen)

    def show_keys(self) -> None:
        """Says the keys, as they are now, in the buttons' tooltips."""
        self.view.set_shortcut_hints({button: key_text(name) for button, name in _ACTIONS.items()})

    def refresh(self) -> None:
        """Starts reading the current image if it is to be shown and is not yet."""
        session = self._session
        if not session.viewing_image or session.project is None or session.current_id < 0:
            if self._shown_id != -1:
                self._shown_id, self._since = -1, None
                self._look = Look()
                self._looking.stop()
                self._ahead.clear()
                self._held.clear()
                self._drop_coming()
                self._files.let_go()
                self._wanted_frame = 0
                self._frames.let_go()
                self.view.clear()
            return
        if session.current_id == self._shown_id:
            return
        if self.view.picture.has_picture:
            self._look = replace(look_of(self.view.picture), zoom=None, x=0.5, y=0.5)
        self._shown_id, self._since = session.current_id, None
        self._wanted_frame = 0
        self._frames.forget()
        self._looking.stop()
        self.view.show_loading(session.project.image(self._shown_id).path)
        if self._shown_id in self._held:
            self._show(self._held[self._shown_id])
        elif self._shown_id not in self._coming:
            self._drop_coming()
            self._ask(self._shown_id)

    def expect(self, image_ids: Sequence[int]) -> None:
        """Reads ahead what comes next, so that it is there at once: a few images, each is held full size."""
        self._ahead = set(image_ids)
        self._held = {image_id: held for image_id, held in self._held.items() if image_id in self._ahead}
        for image_id in image_ids:
            if image_id not in self._held and image_id not in self._coming:
                self._ask(image_id)

    def why_unseen(self) -> str:
        """Why no answer can be about the picture on this page, in words; empty when it can."""
        if self._shown_id != self._session.current_id or self._since is None:
            return "Still loading this image: wait for the picture, then answer."
        if not self.view.picture.has_picture:
            skip = key_text("value_clear")
            return f"This image cannot be shown: nothing is labelled here. {skip} skips it in a reading."
        if (time.monotonic() - self._since) * 1000 < self.least_look_ms:
            return "That came too soon for this image, which is not labelled: look at it, then answer."
        return ""

    def close_down(self) -> None:
        """Waits for the file being read, before the program ends."""
        self._files.close_down()
        self._frames.close_down()

    @property
    def has_frames(self) -> bool:
        """Whether the film on the screen has several frames."""
        film = self.view.picture.radiograph
        return film is not None and film.frames > 1

    def step_frame(self, by: int) -> None:
        """Looks at another frame of the film, so many on; nothing that is stored changes."""
        film = self.view.picture.radiograph
        if film is None or film.frames < 2:
            return
        before = self._wanted_frame or film.frame
        self._wanted_frame = min(max(before + by, 1), film.frames)
        if before == film.frame != self._wanted_frame:  # else one is on its way, and the wanted one is asked for then
            self._ask_for_frame()

    def _ask_for_frame(self) -> None:
        project = self._session.project
        assert project is not None
        path = project.folder / project.image(self._shown_id).path
        self._frames.ask(self._shown_id, path, frame=self._wanted_frame)

    def _take_frame(self, image_id: int, result: object) -> None:
        film = self.view.picture.radiograph
        if image_id != self._shown_id or film is None:
            return
        if not isinstance(result, Radiograph):
            self._session.said.emit(f"Frame {self._wanted_frame} cannot be shown. {result}")
            self._wanted_frame = film.frame
            return
        picture = self.view.picture
        look, placing = look_of(picture), picture.placing
        self._show_film(result)
        picture.set_turned(placing.mirrored, placing.turns)
        take_look(picture, look)
        if result.frame != self._wanted_frame:
            self._ask_for_frame()

    def _tell_frames(self) -> None:
        if self.has_frames != self._several:
            self._several = self.has_frames
            self.framesChanged.emit()

    def _ask(self, image_id: int) -> None:
        project = self._session.project
        assert project is not None
        self._coming.add(image_id)
        image = project.image(image_id)
        stamp, frame = stamp_as_shown(project, image), shown_frame(project)
        self._files.ask(image_id, project.folder / image.path, stamp, frame)

    def _drop_coming(self) -> None:
        """What is being read is no longer wanted."""
        self._files.forget()
        self._coming.clear()

    def _take(self, image_id: int, result: object) -> None:
        self._coming.discard(image_id)
        if image_id in self._ahead:
            self._held[image_id] = result
        if image_id == self._shown_id and self._session.project is not None:
            self._show(result)

    def _show(self, result: object) -> None:
        assert self._session.project is not None
        if isinstance(result, Radiograph):
            self._show_film(result)
            if self._look != Look():
                take_look(self.view.picture, self._look)
            if self.view.picture.has_picture:
                self._looking.start(self.least_look_ms)
        else:
            self.view.show_error(str(result))
        self._since = time.monotonic()

    def _show_film(self, film: Radiograph) -> None:
        project = self._session.project
        assert project is not None
        record = project.image(self._shown_id)
        facts = {**film.facts, **self._session.facts.get(self._shown_id, {})}
        lines = [*what_lines(facts), *overlay_notes(record, film)]
        analysed, self.view.picture.mark = frame_number(shown_frame(project), film.frames), ""
        if film.frame != analysed:
            self.view.picture.mark = f"FRAME {film.frame} of {film.frames}"
            lines.append(f"analysed is frame {analysed}")
        self.view.show_radiograph(film, record.path, lines, view_lines(facts))


def overlay_notes(record: ImageRecord, radiograph: Radiograph) -> list[str]:
    """What a reader must know of the picture, the gravest first."""
    replaced = ["The file changed after it was labelled: check its labels"] if record.replaced else []
    return [*replaced, *radiograph.notes]
