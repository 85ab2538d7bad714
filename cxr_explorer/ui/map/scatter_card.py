"""The card that shows the image below the cursor, beside its point."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from cxr_explorer.colours import BACKGROUND, FOREGROUND

THUMBNAIL_PX: Final = 176
GAP_PX: Final = 14
LETTERS: Final = 24


def place_beside(point: QPointF, gap: float, card: QSize, room: QRect) -> QPoint | None:
    """The card's upper left corner so that it lies within the room and beside the point, not on it.

    Right of the point if it fits, else left, below, above; None where it fits nowhere.
    """
    x, y = round(point.x()), round(point.y())
    away = round(gap)
    level_x = min(max(room.left(), x - card.width() // 2), room.left() + room.width() - card.width())
    level_y = min(max(room.top(), y - card.height() // 2), room.top() + room.height() - card.height())
    for corner in (
        QPoint(x + away, level_y),
        QPoint(x - away - card.width(), level_y),
        QPoint(level_x, y + away),
        QPoint(level_x, y - away - card.height()),
    ):
        if room.contains(QRect(corner, card)):
            return corner
    return None


class HoverCard(QFrame):
    """A thumbnail and a caption in a frame that the mouse passes through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._map = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setObjectName("hoverCard")
        self.thumbnail = QLabel(self)
        self.thumbnail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.caption = QLabel(self)
        self.caption.setTextFormat(Qt.TextFormat.PlainText)
        self.caption.setWordWrap(True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(5, 5, 5, 5)
        self._layout.setSpacing(4)
        self._layout.addWidget(self.thumbnail)
        self._layout.addWidget(self.caption)
        self.set_dark(True)
        self.hide()

    def set_dark(self, dark: bool) -> None:
        """Colours to suit the map's background."""
        face = QColor.fromRgb(BACKGROUND.argb(dark))
        face = face.lighter(150) if dark else face
        text = QColor.fromRgb(FOREGROUND.argb(dark))
        edge = QColor("#4A505A" if dark else "#C3C8D0")
        self.setStyleSheet(
            f"#hoverCard {{ background: {face.name()}; border: 1px solid {edge.name()}; border-radius: 6px; }}"
            f"#hoverCard QLabel {{ color: {text.name()}; background: transparent; border: none; }}"
        )

    def show_for(self, point: QPointF, gap: float, thumbnail: QPixmap | None, caption: str) -> None:
        """Show beside a point of the parent; hidden where there is nothing to show or no room."""
        has_picture = thumbnail is not None and not thumbnail.isNull()
        if has_picture:
            assert thumbnail is not None
            ratio = self.devicePixelRatioF()
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            most = round(THUMBNAIL_PX * ratio)
            if max(thumbnail.width(), thumbnail.height()) > most:
                thumbnail = thumbnail.scaled(most, most, keep, smooth)
                thumbnail.setDevicePixelRatio(ratio)
            self.thumbnail.setPixmap(thumbnail)
        self.thumbnail.setVisible(has_picture)
        self.caption.setText(caption)
        self.caption.setVisible(bool(caption))
        width = self.thumbnail.sizeHint().width() if has_picture else 0
        metrics = self.caption.fontMetrics()
        needed = max((metrics.horizontalAdvance(line) for line in caption.split("\n")), default=0) + 2
        most = max(THUMBNAIL_PX, LETTERS * metrics.averageCharWidth())  # large letters get a wider card
        self.caption.setFixedWidth(max(width, min(most, needed)))
        hint = self._layout.totalSizeHint()
        size = QSize(hint.width(), self._layout.totalHeightForWidth(hint.width())) if caption else hint
        corner = place_beside(point, gap + GAP_PX, size, self._map.rect())
        if corner is None or not (has_picture or caption):
            self.hide()
            return
        self.setGeometry(QRect(corner, size))
        self.show()
        self.raise_()
