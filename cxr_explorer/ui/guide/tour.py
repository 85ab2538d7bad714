"""The tour: a few bubbles beside the real controls; each goes on by Enter, or when the reader does what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from cxr_explorer.ui.widgets.focus import Ring
from cxr_explorer.ui.widgets.texts import text_label

Deed = Literal["cluster", "open", "back", "label", "undo"]
"""What a reader can do that a step waits for."""

APART_PX = 14


def _always() -> bool:
    return True


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Step:
    """One bubble.

    Attributes:
        title: Its heading.
        text: What is here, and what to do. Asked for when it is shown: the keys may have been changed.
        target: The control it stands beside.
        deed: Goes on when the reader does this; None waits for Enter.
        when: Whether it is shown at all, asked when its turn comes.
        takes_focus: Whether the keyboard goes to the bubble; False leaves it where the deed wants it.
        instead: Done when the reader presses Enter instead of doing it, so that the next steps have something to show.
    """

    title: str
    text: Callable[[], str]
    target: Callable[[], QWidget]
    deed: Deed | None = None
    when: Callable[[], bool] = _always
    takes_focus: bool = True
    instead: Callable[[], None] = _nothing


class Bubble(QFrame):
    """A message over the window, which goes on being usable."""

    nextWanted = Signal()
    endWanted = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("bubble")
        self.setAutoFillBackground(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._title = text_label("", "heading")
        self._place = text_label("", "dim")
        self._text = text_label("", wraps=True)
        self._next = QPushButton()
        self._next.setToolTip("Go on with the tour")
        self._end = QPushButton()
        self._end.setToolTip("End the tour; the menu Help has it at any time")
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._place)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._end)
        row.addWidget(self._next)
        for button, signal in ((self._next, self.nextWanted), (self._end, self.endWanted)):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(signal)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 10)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._text)
        column.addLayout(row)
        self.hide()

    def say(self, title: str, place: str, text: str, last: bool, has_keys: bool) -> None:
        """Takes the words of a step; `has_keys`: Enter and Esc are the bubble's."""
        self._title.setText(title)
        self._place.setText(place)
        self._text.setText(text)
        self._next.setText(("Done" if last else "Next") + ("  Enter" if has_keys else ""))
        self._end.setText("End  Esc" if has_keys else "End")
        self.setAccessibleName(f"Tour, {place}: {title}")
        self.setAccessibleDescription(text)

    def put_beside(self, target: QRect) -> None:
        """Stands beside this part of the window, or within it where it fills the window."""
        window = self.parentWidget()
        assert window is not None
        width = min(30 * self.fontMetrics().horizontalAdvance("m"), window.width() - 2 * APART_PX)
        layout = self.layout()
        assert layout is not None
        self.ensurePolished()
        size = QSize(width, layout.totalHeightForWidth(width))
        self.setGeometry(QRect(beside(target, size, window.rect()), size))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _ends_or_goes_on(event):
            event.accept()  # before Esc means "back" to the window
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.endWanted.emit()
        elif _ends_or_goes_on(event):
            self.nextWanted.emit()
        else:
            event.ignore()


def _ends_or_goes_on(event: QKeyEvent) -> bool:
    return event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter) and not (
        event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    )


def beside(target: QRect, size: QSize, room: QRect) -> QPoint:
    """The corner at which something of this size lies in the room and beside the target: right, left, above or below.

    Where it fits nowhere beside it lies in the target's lower left corner, within the room.
    """
    level = min(max(target.top(), APART_PX), room.height() - size.height() - APART_PX)
    across = min(max(target.left(), APART_PX), room.width() - size.width() - APART_PX)
    for corner in (
        QPoint(target.right() + APART_PX, level),
        QPoint(target.left() - APART_PX - size.width(), level),
        QPoint(across, target.top() - APART_PX - size.height()),
        QPoint(across, target.bottom() + APART_PX),
    ):
        if room.contains(QRect(corner, size)):
            return corner
    x = min(target.left() + APART_PX, room.width() - size.width() - APART_PX)
    y = min(target.bottom() - APART_PX, room.height() - APART_PX) - size.height()
    return QPoint(max(x, 0), max(y, 0))


class Tour(QObject):
    """Leads through the steps; `tell` says what the reader does."""

    ended = Signal()

    def __init__(self, window: QWidget, steps: Sequence[Step]) -> None:
        super().__init__(window)
        self._window = window
        self._steps = steps
        self._at = -1
        self.bubble = Bubble(window)
        self.bubble.nextWanted.connect(self._go_on_instead)
        self.bubble.endWanted.connect(self.end)
        self._spot = Ring(window, QPalette.ColorRole.BrightText)
        window.installEventFilter(self)

    @property
    def active(self) -> bool:
        """Whether a bubble is shown."""
        return self._at >= 0

    @property
    def step(self) -> Step | None:
        """The step shown."""
        return self._steps[self._at] if self.active else None

    def start(self) -> None:
        """From the first step."""
        self._at = -1
        self._go_on()

    def end(self) -> None:
        """Takes the bubble away."""
        if self.active:
            self._at = -1
            self.bubble.hide()
            self._spot.put_on(None)
            self.ended.emit()

    def tell(self, deed: Deed) -> None:
        """The reader has done this: where the step waits for it, the next one comes."""
        step = self.step
        if step is not None and step.deed == deed:
            at = self._at
            # After everything else has followed the deed: the focus moves with it.
            QTimer.singleShot(0, self, lambda: self._go_on() if self._at == at else None)

    def _go_on_instead(self) -> None:
        step = self.step
        at = self._at
        if step is not None:
            step.instead()
        if self._at == at:
            self._go_on()

    def _go_on(self) -> None:
        self._at += 1
        while self._at < len(self._steps) and not self._steps[self._at].when():
            self._at += 1
        if self._at >= len(self._steps):
            self._at = 0  # still active, so that it can end
            self.end()
            return
        step = self._steps[self._at]
        place = f"{self._at + 1} of {len(self._steps)}"
        self.bubble.say(step.title, place, step.text(), self._at == len(self._steps) - 1, step.takes_focus)
        self._place()
        self.bubble.show()
        self.bubble.raise_()
        if step.takes_focus:
            self.bubble.setFocus()

    def _place(self) -> None:
        step = self.step
        if step is None:
            return
        target = step.target()
        self._spot.put_on(target)
        corner = target.mapTo(self._window, QPoint(0, 0)) if target is not self._window else QPoint(0, 0)
        self.bubble.put_beside(QRect(corner, target.size()))
        self.bubble.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.FontChange, QEvent.Type.LayoutRequest) and self.active:
            QTimer.singleShot(0, self, self._place)
        return False
