"""Labels with a role that the style sheet knows, one that shortens what it has no room for, and words parts share."""

from __future__ import annotations

from html import escape
from typing import Literal

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QDialog, QLabel, QSizePolicy, QStyle, QStyleOption, QToolTip, QWidget

Role = Literal["heading", "dim", "warning", ""]


def text_label(text: str = "", role: Role = "", wraps: bool = False) -> QLabel:
    """A QLabel in the style of its role."""
    label = QLabel(text)
    label.setObjectName(role)
    label.setWordWrap(wraps)
    return label


def elided_label(text: str = "", role: Role = "") -> QLabel:
    """The same on one line that gives way where there is no room: cut with "…", and whole in its tooltip."""
    label = _Elided(text)
    label.setObjectName(role)
    return label


def give_room(dialog: QWidget, letters: int, lines: int = 0) -> None:
    """Makes a dialog at least so many letters wide and lines high, in its text size, as far as the screen allows."""
    metrics, room = dialog.fontMetrics(), dialog.screen().availableSize()
    width = min(letters * metrics.horizontalAdvance("m"), room.width() - 60)
    dialog.setMinimumWidth(width)
    if lines:
        dialog.setMinimumHeight(min(lines * metrics.lineSpacing(), room.height() - 80))


def probability_text(probability: float, in_numbers: bool) -> str:
    """How probable a finding is, for the reader: no figure where nothing shows that it holds."""
    return f"{probability:.2f}" if in_numbers else "likely" if probability > 0.5 else "unlikely"


def plain_tip(text: str) -> str:
    """A text for a tooltip that shows it as it is: Qt takes what looks like HTML for it."""
    if "<" not in text:
        return text
    return f"<p>{escape(text, quote=False).replace(chr(10), '<br>')}</p>"


def accepted(dialog: QDialog) -> bool:
    """Shows the dialog and waits. Returns whether it was accepted; the dialog goes once the caller is done with it."""
    answer = dialog.exec()
    dialog.deleteLater()
    return answer == QDialog.DialogCode.Accepted


class _Elided(QLabel):
    def minimumSizeHint(self) -> QSize:
        margins = self.contentsMargins()
        letters = self.fontMetrics().horizontalAdvance("mmm") + margins.left() + margins.right()
        return QSize(min(letters, super().minimumSizeHint().width()), super().minimumSizeHint().height())

    def _shown(self) -> str:
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._shown() != self.text():
            QToolTip.showText(event.globalPos(), "\n\n".join(filter(None, (self.text(), self.toolTip()))), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        option = QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        painter.setPen(option.palette.color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), int(self.alignment() | Qt.TextFlag.TextSingleLine), self._shown())


class MiddleElided(QLabel):
    """One line that loses its middle where there is no room: a file's name differs from the others at either end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = self.contentsRect().adjusted(6, 0, -6, 0)
        text = QFontMetrics(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room.width())
        self.setToolTip(self.text() if text != self.text() else "")
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(room, int(self.alignment() | Qt.TextFlag.TextSingleLine), text)


class LinesLabel(QLabel):
    """Text that has the room of so many lines, whether it needs them or not: nothing moves when it changes.

    What does not fit is cut with "…", and whole in the tooltip.
    """

    def __init__(self, lines: int, role: Role = "") -> None:
        super().__init__()
        self._lines = lines
        self._tip = ""
        self.full = ""
        self.setObjectName(role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def say(self, text: str, role: Role, tip: str = "") -> None:
        """Another text, in the style of its role."""
        self._tip = tip
        if role != self.objectName():
            self.setObjectName(role)
            self.style().unpolish(self)
            self.style().polish(self)
        self.setText(text)

    def setText(self, text: str) -> None:
        self.full = text
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(10 * self.fontMetrics().horizontalAdvance("m"), self._lines * self.fontMetrics().lineSpacing())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.updateGeometry()
            self._fit()

    def _fit(self) -> None:
        metrics, room = self.fontMetrics(), max(self.width(), 40)
        flags = Qt.TextFlag.TextWordWrap.value
        most = self._lines * metrics.lineSpacing() + 1

        def fits(text: str) -> bool:
            return metrics.boundingRect(QRect(0, 0, room, 10000), flags, text).height() <= most

        shown = self.full
        while shown and not fits(shown):
            shown = shown[: -max(len(shown) // 20, 2)].rstrip() + "…"
        super().setText(shown)
        self.setToolTip("\n".join(part for part in (self.full if shown != self.full else "", self._tip) if part))
