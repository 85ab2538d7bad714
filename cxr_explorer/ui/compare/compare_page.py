"""The centre when images lie side by side: two to four, zoomed and windowed together unless the reader unlinks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_frames import MIDDLE, Frame
from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.compare.compare_pane import ComparePane
from cxr_explorer.ui.viewer.full_size import FullSize
from cxr_explorer.ui.viewer.look import Look, look_of, take_look
from cxr_explorer.ui.viewer.picture import Picture
from cxr_explorer.ui.widgets.texts import MiddleElided

MOST = 4

_Key = Qt.Key
_STEPS = {_Key.Key_Left: (0, -1), _Key.Key_Right: (0, 1), _Key.Key_Up: (-1, 0), _Key.Key_Down: (1, 0)}


@dataclass(frozen=True)
class Compared:
    """One image to show.

    Attributes:
        key: Its id; any negative number for a file that is not in the project.
        path: Its file.
        stamp: See `ImageRecord`; None for a file that is not in the project.
        frame: Of a file of several, which.
    """

    key: int
    path: Path
    stamp: tuple[int, int] | None = None
    frame: Frame = MIDDLE


class ComparePage(QWidget):
    """Panes in a grid; one of them is in focus. Left, right, up and down move the focus."""

    seen = Signal(int)
    """Key of an image whose picture has come to the screen."""
    focusMoved = Signal(int)
    """The key of the image the reader put in focus."""
    backRequested = Signal()
    menuWanted = Signal(QPoint)
    """A right click on the film in focus; where, on the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.panes: list[ComparePane] = []
        self.linked = True
        self._focus = 0
        self._look = Look()
        self._following = False
        self._files = FullSize(2, self)
        self._files.arrived.connect(self._show)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Images side by side")
        self._title = MiddleElided()
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        strip = QFrame()
        strip.setObjectName("strip")
        row = QHBoxLayout(strip)
        row.setContentsMargins(6, 4, 6, 4)
        row.setSpacing(2)
        self.buttons: dict[str, QToolButton] = {}
        for name, text, slot in (
            ("back", "← Map", self.backRequested.emit),
            ("compare_linked", "Linked", self.toggle_linked),
            ("fit", "Fit", self.zoom_fit),
            ("actual", "1:1", self.zoom_actual),
            ("invert", "Invert", self.invert),
            ("reset_window", "Reset", self.reset_window),
        ):
            self.buttons[name] = self._button(text, slot)
            row.addWidget(self.buttons[name])
            if name == "back":
                row.addWidget(self._title, 1)
        self.buttons["compare_linked"].setCheckable(True)
        self.show_keys()
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(strip)
        column.addLayout(self._grid, 1)
        self._show_linked()

    def _button(self, text: str, slot: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    def show_keys(self) -> None:
        """Says the keys, as they are now, in the buttons' tooltips."""
        for name, button in self.buttons.items():
            button.setToolTip(tooltip(name))

    # -- what is shown ---------------------------------------------------------------------------------------------

    def show_images(self, images: Sequence[Compared], focus: int = 0) -> None:
        """Shows up to four images whole, each in its own window; the one at `focus` is in focus."""
        self.clear()
        for image in images[:MOST]:
            pane = ComparePane()
            pane.picture.set_overlay(False)  # the caption says the most of it, and the pictures are small
            pane.pressed.connect(lambda pane=pane: self._focus_on(self.panes.index(pane)))
            pane.picture.menuWanted.connect(self.menuWanted)
            pane.lookChanged.connect(lambda pane=pane: self._follow(pane))
            self.panes.append(pane)
            self._read(pane, image)
        self._title.setText(f"{len(self.panes)} images side by side")
        self._lay_out()
        self._mark_focus(min(focus, len(self.panes) - 1))

    def replace_focused(self, image: Compared) -> None:
        """Shows another image where the one in focus is."""
        if self.panes:
            self._read(self.panes[self._focus], image)

    def clear(self) -> None:
        """Shows nothing, and lets the pictures go."""
        self._files.let_go()
        for pane in self.panes:
            self._grid.removeWidget(pane)
            pane.hide()
            pane.deleteLater()
        self.panes = []
        self._focus = 0
        self._look = Look()

    def close_down(self) -> None:
        """Waits for the files being read, before the program ends."""
        self._files.close_down()

    @property
    def keys(self) -> list[int]:
        """Keys of the images shown, in order."""
        return [pane.key for pane in self.panes]

    @property
    def focused(self) -> ComparePane | None:
        """The pane in focus."""
        return self.panes[self._focus] if self.panes else None

    def focus_key(self, key: int) -> None:
        """Puts the image in focus without telling."""
        self._mark_focus(self.keys.index(key))

    def step_focus(self, by: int) -> None:
        """Puts the next or the previous image in focus, round and round."""
        if self.panes:
            self._focus_on((self._focus + by) % len(self.panes))

    def _read(self, pane: ComparePane, image: Compared) -> None:
        pane.key = image.key
        pane.picture.show_message("Loading …")
        self._files.ask(image.key, image.path, image.stamp, image.frame)

    def _show(self, key: int, result: object) -> None:
        for pane in self.panes:
            if pane.key != key or pane.picture.has_picture:
                continue
            if isinstance(result, Radiograph):
                try:
                    # The caption lies in the upper left corner, and says the notes of the project's images.
                    pane.picture.show_radiograph(result, (), result.notes if key < 0 else ())
                except UserError as error:
                    pane.picture.show_message(str(error), failed=True)
                    continue
                if self.linked:
                    take_look(pane.picture, self._look)
                self.seen.emit(key)
            else:
                pane.picture.show_message(str(result), failed=True)

    def _focus_on(self, position: int) -> None:
        self._mark_focus(position)
        self.focusMoved.emit(self.panes[position].key)

    def _mark_focus(self, position: int) -> None:
        self._focus = max(position, 0)
        for number, pane in enumerate(self.panes):
            pane.set_focused(number == self._focus)

    # -- together or each for itself -------------------------------------------------------------------------------

    def toggle_linked(self) -> None:
        """Zoom, pan and window go together, or each image has its own."""
        self.linked = not self.linked
        self._show_linked()
        if self.linked and self.focused is not None:
            self._follow(self.focused)

    def _show_linked(self) -> None:
        button = self.buttons["compare_linked"]
        button.setChecked(self.linked)
        button.setText("Linked" if self.linked else "Not linked")

    def _follow(self, leader: ComparePane) -> None:
        """The others are looked at as this one is."""
        if not self.linked or self._following or not leader.picture.has_picture:
            return
        self._following = True  # the others change because of it, and must not lead in turn
        self._look = look_of(leader.picture)
        for pane in self.panes:
            if pane is not leader:
                take_look(pane.picture, self._look)
        self._following = False

    def _each(self, act: Callable[[Picture], None]) -> None:
        """Does it to all images, or, where they are not linked, to the one in focus."""
        for pane in self.panes:
            if self.linked or pane is self.focused:
                act(pane.picture)
        if self.linked and self.focused is not None:
            self._look = look_of(self.focused.picture)

    def invert(self) -> None:
        """Inverts the display, or takes that back."""
        self._each(Picture.invert)

    def reset_window(self) -> None:
        """Back to each file's own window and polarity."""
        self._each(Picture.reset_window)

    def zoom_fit(self) -> None:
        """Shows the whole images."""
        self._each(Picture.zoom_fit)

    def zoom_actual(self) -> None:
        """One image pixel to one pixel of the screen."""
        self._each(Picture.zoom_actual)

    def zoom_in(self) -> None:
        """One step closer."""
        self._each(Picture.zoom_in)

    def zoom_out(self) -> None:
        """One step back."""
        self._each(Picture.zoom_out)

    def toggle_overlay(self) -> None:
        """Shows or hides the text over the pictures."""
        shown = self.focused is not None and self.focused.picture.overlay
        for pane in self.panes:
            pane.picture.set_overlay(not shown)

    # -- place and keys --------------------------------------------------------------------------------------------

    def _columns(self) -> int:
        """So many that the pictures, about square, come out largest."""
        count = max(len(self.panes), 1)

        def side(columns: int) -> float:
            rows = -(-count // columns)
            return min(self.width() / columns, self.height() / rows)

        return max(range(1, count + 1), key=side)

    def _lay_out(self) -> None:
        columns = self._columns()
        for number, pane in enumerate(self.panes):
            self._grid.addWidget(pane, *divmod(number, columns))
        rows = -(-len(self.panes) // columns)
        for place in range(MOST):
            self._grid.setColumnStretch(place, 1 if place < columns else 0)
            self._grid.setRowStretch(place, 1 if place < rows else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._moves(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._moves(event):
            event.ignore()
            return
        columns = self._columns()
        row, column = divmod(self._focus, columns)
        down, right = _STEPS[_Key(event.key())]
        position = (row + down) * columns + column + right
        if 0 <= column + right < columns and 0 <= position < len(self.panes):
            self._focus_on(position)

    def _moves(self, event: QKeyEvent) -> bool:
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        return plain and event.key() in _STEPS and bool(self.panes)
