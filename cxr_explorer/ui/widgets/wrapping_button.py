"""A button that says a whole sentence."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy

MARGINS_PX = 24
LEAST_PX = 60


class WrappingButton(QPushButton):
    """A button whose whole text is shown, on as many lines as it takes; its text never widens the window."""

    def __init__(self, lines: int = 0) -> None:
        """`lines` is the room it keeps whatever it says, so that nothing moves; what is longer ends in "…"."""
        super().__init__()
        self._whole = ""
        self._lines = lines
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        fixed = QSizePolicy.Policy.Fixed if lines else QSizePolicy.Policy.Preferred
        self.setSizePolicy(QSizePolicy.Policy.Ignored, fixed)
        self.setStyleSheet("text-align: left")

    def say(self, text: str, tip: str) -> None:
        """Sets the text and the tooltip."""
        self._whole = text
        self.setToolTip(tip)
        self.setAccessibleName(text)
        self._wrap()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def _wrap(self) -> None:
        metrics, room = self.fontMetrics(), max(self.width() - MARGINS_PX, LEAST_PX)
        lines = lines_of(self._whole, lambda line: metrics.horizontalAdvance(line) <= room, self._lines)
        if self._lines:
            lines = [metrics.elidedText(line, Qt.TextElideMode.ElideRight, room) for line in lines]
            self.setFixedHeight(self._lines * metrics.lineSpacing() + 18)
        self.setText("\n".join(lines).replace("&", "&&"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._wrap()


def lines_of(text: str, fits: Callable[[str], bool], most: int = 0) -> list[str]:
    """The text on one line if it fits; else broken after a "; " if that fits, else between words.

    Args:
        text: What is said.
        fits: Whether a line has room.
        most: So many lines at most, of which the last takes what is left; 0: as many as it takes.
    """
    if fits(text):
        return [text]
    head, mark, tail = text.partition("; ")
    if mark and fits(f"{head};") and fits(tail):
        return [f"{head};", tail]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or fits(longer) or len(lines) == most:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
