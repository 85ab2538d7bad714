"""The clusters' names on the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap

from cxr_explorer.colours import BACKGROUND, FOREGROUND, mark_of, shade_of
from cxr_explorer.ui.widgets.marks import mark_path, paint_mark


class Name(NamedTuple):
    """A name on the map.

    Attributes:
        x: Where its middle lies, in data coordinates.
        y: The same, upwards.
        text: What it says.
        look: The code whose colour and mark stand before it, see `colours.shade_of`; -1 for none.
    """

    x: float
    y: float
    text: str
    look: int = -1


class Canvas(Protocol):
    """Where the names are drawn."""

    def font(self) -> QFont: ...
    def devicePixelRatioF(self) -> float: ...
    def to_position(self, x: float, y: float) -> QPointF: ...


class Names:
    """The names on a canvas, each drawn once and kept."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self.visible = True
        self._names: list[Name] = []
        self._plates: dict[tuple[str, int, str, float], QPixmap] = {}  # by text, look, font and pixel ratio

    def show(self, names: Sequence[Name]) -> None:
        """These, the most important first."""
        self._names = list(names)
        texts = {name.text for name in names}
        self._plates = {key: plate for key, plate in self._plates.items() if key[0] in texts}

    def draw_anew(self) -> None:
        """The theme changed."""
        self._plates.clear()

    def paint(self, painter: QPainter, rect: QRectF, dark: bool, with_marks: bool) -> None:
        """Names in the order given; one that would cover an earlier one waits for a closer look.

        Marks stand before them while the points are too small to have shapes; later they would be taken for points.
        """
        taken: list[QRectF] = []
        font, ratio = self._canvas.font(), self._canvas.devicePixelRatioF()
        plain = font.key()
        for full in self._names if self.visible else ():
            name = full if with_marks else full._replace(look=-1)
            at = self._canvas.to_position(name.x, name.y)
            if not name.text or not rect.contains(at):
                continue
            key = (name.text, name.look, plain, ratio)
            plate = self._plates.get(key)
            if plate is None:
                plate = self._plates[key] = _plate(name, font, dark, ratio)
            box = QRectF(QPointF(0, 0), plate.deviceIndependentSize())
            box.moveCenter(at)
            if any(box.intersects(other) for other in taken):
                continue
            taken.append(box)
            painter.drawPixmap(QPointF(round(box.left()), round(box.top())), plate)


def _plate(name: Name, plain: QFont, dark: bool, pixel_ratio: float) -> QPixmap:
    """The name behind the mark of its cluster, both with an edge in the background's colour."""
    font = QFont(plain)
    font.setWeight(QFont.Weight.DemiBold)
    metrics = QFontMetricsF(font)
    side = round(0.8 * metrics.ascent()) if name.look >= 0 else 0
    text_left = 5 + (side + 4 if side else 0)
    size = QSize(text_left + int(metrics.horizontalAdvance(name.text)) + 5, int(metrics.height()) + 8)
    picture = QPixmap(size * pixel_ratio)
    picture.setDevicePixelRatio(pixel_ratio)
    picture.fill(Qt.GlobalColor.transparent)
    path = QPainterPath()
    path.addText(QPointF(text_left, 4 + metrics.ascent()), font, name.text)
    mark = QRectF(5, 4 + metrics.ascent() - (metrics.capHeight() + side) / 2, side, side)
    edge = QColor.fromRgb(BACKGROUND.argb(dark))
    edge.setAlpha(225)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(edge, 4.0)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.strokePath(path, pen)
    if side:
        painter.strokePath(mark_path(mark, mark_of(name.look)), pen)
        ground = QColor.fromRgb(BACKGROUND.argb(dark))
        paint_mark(painter, mark, name.look, QColor(shade_of(name.look).hex(dark)), ground)
    painter.fillPath(path, QColor.fromRgb(FOREGROUND.argb(dark)))
    painter.end()
    return picture
