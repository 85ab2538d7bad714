"""Image view: one radiograph at full size, with its name and the buttons to look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from cxr_explorer.errors import UserError
from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.ui.viewer.levels import presets
from cxr_explorer.ui.viewer.picture import Picture
from cxr_explorer.ui.viewer.rulers import Rulers
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import MiddleElided

_HINTS = {
    "back": "Back to the map",
    "previous": "Previous image",
    "next": "Next image",
    "frame_previous": "Previous frame of this film",
    "frame_next": "Next frame of this film",
    "zoom_out": "Zoom out",
    "zoom_in": "Zoom in",
    "fit": "Show the whole image",
    "actual": "One image pixel to one pixel of the screen",
    "invert": "Invert the display, or take that back",
    "reset": "Back to the window and polarity of the file",
    "overlay": "Text in the corners of the picture",
}
_TEXTS = {
    "back": "← Map",
    "previous": "‹",
    "next": "›",
    "frame_previous": "◂",
    "frame_next": "▸",
    "zoom_out": "−",
    "zoom_in": "+",
    "fit": "Fit",
    "actual": "1:1",
    "invert": "Invert",
    "reset": "Reset",
    "overlay": "Info",
}
_KEYPAD = Qt.KeyboardModifier.KeypadModifier
_PANS = {
    Qt.Key.Key_Left: QPoint(1, 0),
    Qt.Key.Key_Right: QPoint(-1, 0),
    Qt.Key.Key_Up: QPoint(0, 1),
    Qt.Key.Key_Down: QPoint(0, -1),
}
KEY_PAN_PX = 60
KEY_WINDOW_PX = 16
_NEEDS_PICTURE = ("zoom_out", "zoom_in", "fit", "actual", "invert", "reset", "overlay")
_CHECKABLE = ("fit", "invert", "overlay")


def _pans(event: QKeyEvent) -> bool:
    return event.modifiers() & ~_KEYPAD == Qt.KeyboardModifier.AltModifier and event.key() in _PANS


class ImageView(QWidget):
    """A strip with the title and buttons above a `Picture`.

    T shows and hides the text over the picture, Alt with arrows moves an enlarged picture, and the ruler has keys while
    it is on; every other key is left to the window, whose actions call the methods.
    """

    backRequested = Signal()
    """The reader wants the map again."""
    stepRequested = Signal(int)
    """-1: the previous image, 1: the next one."""
    frameRequested = Signal(int)
    """-1: the previous frame of the film, 1: the next one."""
    overlayToggled = Signal(bool)
    """The reader has the corners written in, or put away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = Picture(self)
        self.rulers = Rulers(self.picture)
        self._title = MiddleElided(self)
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.buttons = {name: self._button(name) for name in _TEXTS}
        self.frame_text = QLabel(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Radiograph")
        self._lay_out()
        self.set_shortcut_hints({})
        clicked = {
            "back": self.backRequested.emit,
            "previous": lambda: self.stepRequested.emit(-1),
            "next": lambda: self.stepRequested.emit(1),
            "frame_previous": lambda: self.frameRequested.emit(-1),
            "frame_next": lambda: self.frameRequested.emit(1),
            "zoom_out": self.zoom_out,
            "zoom_in": self.zoom_in,
            "fit": self.zoom_fit,
            "actual": self.zoom_actual,
            "invert": self.invert,
            "reset": self.reset_window,
            "overlay": self.toggle_overlay,
        }
        for name, slot in clicked.items():
            self.buttons[name].clicked.connect(lambda _checked=False, slot=slot: slot())
        self.picture.changed.connect(self._show_state)
        self.picture.stepWanted.connect(self.stepRequested)
        self._show_state()

    def _button(self, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(_TEXTS[name])
        button.setAutoRaise(True)
        button.setCheckable(name in _CHECKABLE)
        # Reached with Tab; a click leaves the keyboard where it was.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(_HINTS[name])
        return button

    def _lay_out(self) -> None:
        strip = FlowPanel(self, spacing_px=4)
        strip.setContentsMargins(6, 4, 6, 4)
        for name in ("back", "previous", "next"):
            strip.add(self.buttons[name])
        self._title.setMinimumWidth(self.fontMetrics().horizontalAdvance("m") * 5)
        self._title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        strip.add(self._title)
        button = self.buttons
        self._of_frames = _together(strip, button["frame_previous"], self.frame_text, button["frame_next"])
        strip.add(self._of_frames)
        for group in (("zoom_out", "zoom_in", "fit", "actual"), ("invert", "reset", "overlay")):
            strip.add(_together(strip, *(button[name] for name in group)))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(strip)
        column.addWidget(self.picture, 1)

    def set_shortcut_hints(self, hints: Mapping[str, str]) -> None:
        """Add shortcuts to the tooltips, as text by the button's name: back, previous, next, frame_previous,
        frame_next, zoom_out, zoom_in, fit, actual, invert, reset, overlay.
        """
        for name, button in self.buttons.items():
            shortcut = hints.get(name, "T" if name == "overlay" else "")
            button.setToolTip(f"{_HINTS[name]} ({shortcut})" if shortcut else _HINTS[name])

    # What is shown

    def show_loading(self, title: str) -> None:
        """An image is on its way: the one before it goes at once."""
        self._set_title(title)
        self.picture.show_message("Loading …")
        self.setAccessibleDescription("Loading")

    def show_radiograph(
        self, radiograph: Radiograph, title: str, lines: Sequence[str], view_lines: Sequence[str] = ()
    ) -> None:
        """Show it whole and as the file means it, with facts and notes in the upper corners, see `Picture`.

        A window that cannot be used is shown as an error: nothing is raised.
        """
        self._set_title(title)
        try:
            self.picture.show_radiograph(radiograph, lines, view_lines)
        except UserError as error:
            self.show_error(str(error))
        else:
            self.setAccessibleDescription(". ".join([*lines, *view_lines, *self.picture.corners().size]))

    def show_error(self, text: str) -> None:
        """Say why there is no picture; the title stays."""
        self.picture.show_message(text, failed=True)
        self.setAccessibleDescription(text)

    def clear(self) -> None:
        """Show nothing."""
        self._set_title("")
        self.picture.show_message("")
        self.rulers.set_on(False)
        self.setAccessibleDescription("")

    def _set_title(self, title: str) -> None:
        self._title.setText(title)
        self.setAccessibleName(f"Radiograph {title}".strip())

    # What the window's actions call

    def invert(self) -> None:
        """Invert the display, or take that back; the picture says that the reader did."""
        self.picture.invert()

    def reset_window(self) -> None:
        """Back to the file's own window and polarity."""
        self.picture.reset_window()

    def zoom_fit(self) -> None:
        """Show the whole image, now and when the size changes."""
        self.picture.zoom_fit()

    def zoom_actual(self) -> None:
        """One image pixel to one pixel of the screen."""
        self.picture.zoom_actual()

    def zoom_in(self) -> None:
        """One step closer."""
        self.picture.zoom_in()

    def zoom_out(self) -> None:
        """One step back."""
        self.picture.zoom_out()

    def shift_window(self, wider: int, darker: int) -> None:
        """What dragging does, for keys: steps of width and of level."""
        if self.picture.has_picture:
            self.picture.drag_window(wider * KEY_WINDOW_PX, darker * KEY_WINDOW_PX)

    def zoom_width(self) -> None:
        """The image as wide as the view."""
        self.picture.zoom_width()

    def mirror(self) -> None:
        """Changes left and right on the screen, and says so on the picture."""
        self.picture.mirror()

    def turn(self) -> None:
        """Turns a quarter clockwise on the screen, and says so on the picture."""
        self.picture.turn()

    def next_preset(self) -> None:
        """The next of the windows there are to choose from."""
        radiograph = self.picture.radiograph
        if radiograph is not None:
            found = presets(radiograph)
            names, now = list(found), self.picture.voi
            at = next((place for place, (voi, _) in enumerate(found.values()) if voi == now), -1)
            self.picture.set_preset(names[(at + 1) % len(names)])

    def toggle_overlay(self) -> None:
        """Show or hide the text over the picture; that it is inverted stays to be read."""
        self.picture.set_overlay(not self.picture.overlay)
        self.overlayToggled.emit(self.picture.overlay)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            measures = self.rulers.wants(event)
            if event.type() == QEvent.Type.ShortcutOverride and (measures or _pans(event)):
                event.accept()  # before the window's own arrows, Esc, and Alt with arrows
                return True
            if event.type() == QEvent.Type.KeyPress and measures:  # before Tab leaves for the next widget
                self.rulers.press_key(event)
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_T and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.toggle_overlay()
        elif _pans(event):
            if self.picture.has_picture:
                self.picture.pan(_PANS[Qt.Key(event.key())] * KEY_PAN_PX)
        else:
            event.ignore()

    def _show_state(self) -> None:
        shown = self.picture.has_picture
        for name in _NEEDS_PICTURE:
            self.buttons[name].setEnabled(shown)
        film = self.picture.radiograph
        self._of_frames.setVisible(film is not None and film.frames > 1)
        if film is not None:
            self.frame_text.setText(f"Frame {film.frame} of {film.frames}")
            self.buttons["frame_previous"].setEnabled(film.frame > 1)
            self.buttons["frame_next"].setEnabled(film.frame < film.frames)
        self.buttons["fit"].setChecked(shown and self.picture.fits)
        self.buttons["invert"].setChecked(shown and self.picture.inverted_by_reader)
        self.buttons["overlay"].setChecked(self.picture.overlay)


def _together(strip: QWidget, *widgets: QWidget) -> QWidget:
    """A group that stays on one line, behind a divider."""
    together = QWidget(strip)
    of_group = QHBoxLayout(together)
    of_group.setContentsMargins(0, 0, 0, 0)
    of_group.setSpacing(2)
    of_group.addWidget(_divider(strip))
    of_group.addSpacing(2)
    for widget in widgets:
        of_group.addWidget(widget)
    return together


def _divider(parent: QWidget) -> QFrame:
    line = QFrame(parent)
    line.setFrameShape(QFrame.Shape.VLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setForegroundRole(line.palette().ColorRole.Mid)
    return line
