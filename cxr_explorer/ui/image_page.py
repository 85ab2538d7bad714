"""The centre when an image is open full size: it is read in a thread, and a stale answer is dropped."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.project.project import ImageRecord
from cxr_explorer.ui.actions import key_text
from cxr_explorer.ui.full_size import FullSize
from cxr_explorer.ui.image_view import ImageView
from cxr_explorer.ui.session import Session

_ACTIONS = {
    "back": "back",
    "previous": "previous_image",
    "next": "next_image",
    "fit": "fit",
    "actual": "actual",
    "invert": "invert",
    "reset": "reset_window",
    "zoom_in": "zoom_in",
    "zoom_out": "zoom_out",
    "overlay": "overlay",
}
"""The viewer's buttons and the actions that do the same."""


class ImagePage(QWidget):
    """Shows the session's current image while the session views an image."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._shown_id = -1
        self.view = ImageView()
        self.show_keys()
        self.view.backRequested.connect(lambda: session.view_image(False))
        self._files = FullSize(1, self)
        self._files.arrived.connect(self._show)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.beside = QHBoxLayout()  # the picture, and what parts of the window put beside it
        self.beside.setSpacing(0)
        self.beside.addWidget(self.view, 1)
        self.column.addLayout(self.beside, 1)
        session.currentChanged.connect(self.refresh)

    def show_keys(self) -> None:
        """Says the keys, as they are now, in the buttons' tooltips."""
        self.view.set_shortcut_hints({button: key_text(name) for button, name in _ACTIONS.items()})

    def refresh(self) -> None:
        """Starts reading the current image if it is to be shown and is not yet."""
        session = self._session
        if not session.viewing_image or session.project is None:
            if self._shown_id != -1:
                self._shown_id = -1
                self._files.forget()
                self.view.clear()
            return
        if session.current_id == self._shown_id:
            return
        self._shown_id = session.current_id
        record = session.project.image(self._shown_id)
        self.view.show_loading(record.path)
        self._files.forget()
        self._files.ask(self._shown_id, session.project.folder / record.path)

    def close_down(self) -> None:
        """Waits for the file being read, before the program ends."""
        self._files.close_down()

    def _show(self, image_id: int, result: object) -> None:
        if image_id != self._shown_id or self._session.project is None:
            return
        if isinstance(result, Radiograph):
            record = self._session.project.image(image_id)
            self.view.show_radiograph(result, record.path, overlay_lines(record, result))
        else:
            self.view.show_error(str(result))


def overlay_lines(record: ImageRecord, radiograph: Radiograph) -> list[str]:
    """What is written over the picture: facts, size and notes."""
    height, width = radiograph.values.shape
    lines = [f"{name}: {value}" for name, value in radiograph.facts.items()]
    lines.append(f"{width} × {height} px")
    if record.replaced:
        lines.append("The file changed after it was labelled: check its labels")
    return [*lines, *radiograph.notes]
