"""What the colours and marks of the map mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from cxr_explorer.colours import shade_of
from cxr_explorer.ui.widgets.marks import paint_mark

LEGEND_ROWS: Final = 12


class Legend(QWidget):
    """What the colours mean, in a corner of the map; it lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._entries: list[tuple[int | None, str, int]] = []
        self._dark = True
        self._scale: tuple[str, list[QColor], tuple[str, str, str]] | None = None

    def set_entries(self, entries: Sequence[tuple[int, str, int]], dark: bool) -> None:
        """Code (see `colours.shade_of`), name and count of every category; none hides the legend."""
        self._dark = dark
        shown: list[tuple[int | None, str, int]] = [*entries[:LEGEND_ROWS]]
        left_out = entries[LEGEND_ROWS:]
        if left_out:
            shown.append((None, f"and {len(left_out)} more", sum(e[2] for e in left_out)))
        self._entries, self._scale = shown, None
        metrics = self.fontMetrics()
        texts = [metrics.horizontalAdvance(f"{name}   {count:,}") for _, name, count in shown]
        self._row_px = metrics.height() + 4
        self.resize(min(max(texts, default=0), 300) + 44, len(shown) * self._row_px + 12)
        self.move(12, 12)
        self.setVisible(bool(shown))
        self.raise_()
        self.update()

    def set_scale(self, title: str, steps: list[QColor], ends: tuple[str, str, str]) -> None:
        """A continuous scale: its colours from the lowest to the highest value, and words for both ends and between."""
        self._entries, self._scale = [], (title, steps, ends)
        metrics = self.fontMetrics()
        self._row_px = metrics.height() + 4
        words = sum(metrics.horizontalAdvance(word) for word in ends) + 32
        self.resize(min(max(metrics.horizontalAdvance(title), words), 340) + 24, 3 * self._row_px + 12)
        self.move(12, 12)
        self.show()
        self.raise_()
        self.update()

    def _paint_scale(self, painter: QPainter) -> None:
        assert self._scale is not None
        title, steps, ends = self._scale
        row = QRect(12, 6, self.width() - 24, self._row_px)
        flags = Qt.AlignmentFlag
        painter.setPen(self.palette().text().color())
        painter.drawText(
            row, flags.AlignVCenter, painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, row.width())
        )
        bar = row.translated(0, self._row_px).adjusted(0, 3, 0, -3)
        for number, colour in enumerate(steps):
            left = bar.left() + number * bar.width() // len(steps)
            right = bar.left() + (number + 1) * bar.width() // len(steps)
            painter.fillRect(left, bar.top(), right - left, bar.height(), colour)
        row.translate(0, 2 * self._row_px)
        for word, side in zip(ends, (flags.AlignLeft, flags.AlignHCenter, flags.AlignRight), strict=True):
            painter.drawText(row, side | flags.AlignVCenter, word)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        ground = palette.base().color()
        ground.setAlpha(225)
        painter.setPen(palette.mid().color())
        painter.setBrush(ground)
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 4, 4)
        if self._scale is not None:
            self._paint_scale(painter)
        for number, (code, name, count) in enumerate(self._entries):
            row = QRect(10, 6 + number * self._row_px, self.width() - 20, self._row_px)
            if code is not None:
                box = QRectF(row.left(), row.center().y() - 5, 11, 11)
                paint_mark(painter, box, code, QColor(shade_of(code).hex(self._dark)), palette.base().color())
            painter.setPen(palette.text().color())
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{count:,}")
            room = row.width() - 24 - painter.fontMetrics().horizontalAdvance(f"{count:,}")
            text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
            painter.drawText(
                row.adjusted(18, 0, 0, 0), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text
            )
