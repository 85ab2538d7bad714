"""The list of clusters: size, a montage of the most typical images, share labelled; noise as an entry of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QFocusEvent, QFont, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QApplication, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from cxr_explorer.ui.selection import cluster_name
from cxr_explorer.ui.thumbnails import Thumbnails

MONTAGE = 5
_TILE_PX = 46
_LOAD_BUDGET_S = 0.008

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, eq=False)
class Row:
    """One entry of the list.

    Attributes:
        cluster: Number, -1 for noise.
        size: Number of images.
        labelled: How many of them carry a label of the reader.
        colour: Its colour on the map.
        typical: Ids of its most typical images, most typical first.
    """

    cluster: int
    size: int
    labelled: int
    colour: QColor
    typical: tuple[int, ...]


class ClusterModel(QAbstractListModel):
    """Rows of the list."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def set_rows(self, rows: list[Row]) -> None:
        """Shows other clusters; where only counts or colours differ, the selection is kept."""
        if [row.cluster for row in rows] == [row.cluster for row in self.rows]:
            self.rows = rows
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{cluster_name(row.cluster)}, {row.size:,} images, {row.labelled:,} labelled"
        if role == Qt.ItemDataRole.ToolTipRole:
            share = row.labelled / row.size if row.size else 0
            hint = "Images that lie in no dense group. " if row.cluster < 0 else ""
            return f"{hint}{row.labelled:,} of {row.size:,} images labelled ({share:.0%})"
        return None


class ClusterList(QListView):
    """The view; `chosen` says which cluster the reader wants to see, and whether to add it."""

    chosen = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("clusters")
        self.setAccessibleName("Clusters")
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self._model = ClusterModel(self)
        self.setModel(self._model)
        self._delegate = _ClusterDelegate(self)
        self.setItemDelegate(self._delegate)
        self._timer = QTimer(self, interval=15, singleShot=True)
        self._timer.timeout.connect(self._load)
        self._thumbnails: Thumbnails | None = None
        self._silent = False
        self.selectionModel().currentChanged.connect(self._on_current)

    def set_thumbnails(self, thumbnails: Thumbnails) -> None:
        """Where the montages' pictures come from."""
        self._thumbnails = thumbnails
        self._delegate.thumbnails = thumbnails

    def set_rows(self, rows: list[Row]) -> None:
        """Shows these clusters."""
        self._silent = True
        self._model.set_rows(rows)
        self._silent = False
        self._timer.start()

    def show_selected(self, cluster: int | None) -> None:
        """Marks the cluster that the selection is, or none."""
        self._silent = True
        numbers = [row.cluster for row in self._model.rows]
        if cluster in numbers:
            index = self._model.index(numbers.index(cluster))
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.scrollTo(index)
        else:
            self.selectionModel().clear()
        self._silent = False

    def step(self, by: int) -> None:
        """Chooses the next (by=1) or previous (by=-1) cluster."""
        count = len(self._model.rows)
        if count:
            current = self.currentIndex().row()
            row = min(max(current + by, 0), count - 1) if current >= 0 else 0
            self.setCurrentIndex(self._model.index(row))

    def _on_current(self, current: QModelIndex) -> None:
        if current.isValid() and not self._silent:
            modifiers = QApplication.keyboardModifiers()
            adding = modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
            by_mouse = QApplication.mouseButtons() != Qt.MouseButton.NoButton
            row = self._model.rows[current.row()]
            self.chosen.emit(row.cluster, "add" if adding and by_mouse else "replace")

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Getting the focus selects nothing: Qt would make the first entry current."""
        had_current = self.currentIndex().isValid()
        self._silent = True
        super().focusInEvent(event)
        if not had_current:
            self.selectionModel().clear()
        self._silent = False

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on the cluster that is marked already selects it anew (it may have been changed since)."""
        super().mouseReleaseEvent(event)
        index = self.currentIndex()
        if index.isValid() and self.indexAt(event.position().toPoint()) == index and not event.modifiers():
            self.chosen.emit(self._model.rows[index.row()].cluster, "replace")

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._delegate.missing and not self._timer.isActive():
            self._timer.start()

    def _load(self) -> None:
        if self._thumbnails is None or not self._delegate.missing:
            return
        wanted = list(dict.fromkeys(self._delegate.missing))
        self._delegate.missing.clear()
        self._thumbnails.load(wanted, _LOAD_BUDGET_S)
        self.viewport().update()  # painting finds what is still missing


class _ClusterDelegate(QStyledItemDelegate):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.thumbnails: Thumbnails | None = None
        self.missing: list[int] = []

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(200, 2 * option.fontMetrics.height() + _TILE_PX + 18)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row: Row = index.data(Qt.ItemDataRole.UserRole)
        palette = option.palette
        rect = option.rect.adjusted(0, 0, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(rect, palette.button())
            painter.fillRect(QRect(rect.left(), rect.top(), 4, rect.height()), palette.highlight())
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, palette.window())
        painter.fillRect(QRect(rect.left(), rect.bottom() + 1, rect.width(), 1), palette.window())
        inner = rect.adjusted(12, 7, -10, -7)
        bold = QFont(option.font)
        bold.setWeight(QFont.Weight.DemiBold)
        height = option.fontMetrics.height()
        swatch = QRect(inner.left(), inner.top() + (height - 12) // 2, 12, 12)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(row.colour)
        painter.drawEllipse(swatch)
        painter.setPen(palette.text().color())
        painter.setFont(bold)
        name = cluster_name(row.cluster)
        painter.drawText(
            QRect(swatch.right() + 8, inner.top(), inner.width(), height), Qt.AlignmentFlag.AlignLeft, name
        )
        painter.setFont(option.font)
        count = f"{row.size:,}"
        painter.drawText(QRect(inner.left(), inner.top(), inner.width(), height), Qt.AlignmentFlag.AlignRight, count)
        self._paint_montage(painter, row, inner, inner.top() + height + 4)
        self._paint_share(painter, row, inner, inner.bottom() - height + 2, option)
        painter.restore()

    def _paint_montage(self, painter: QPainter, row: Row, inner: QRect, top: int) -> None:
        room = inner.width()
        for position, image_id in enumerate(row.typical):
            left = position * (_TILE_PX + 3)
            if left + _TILE_PX > room:
                break
            tile = QRect(inner.left() + left, top, _TILE_PX, _TILE_PX)
            painter.fillRect(tile, Qt.GlobalColor.black)
            pixmap = self.thumbnails.get(image_id) if self.thumbnails is not None else None
            if pixmap is not None:
                painter.drawPixmap(tile, _square(pixmap))
            elif self.thumbnails is not None and not self.thumbnails.settled(image_id):
                self.missing.append(image_id)

    def _paint_share(self, painter: QPainter, row: Row, inner: QRect, top: int, option: QStyleOptionViewItem) -> None:
        share = row.labelled / row.size if row.size else 0.0
        text = f"{share:.0%} labelled" if row.labelled else "not labelled"
        metrics = QFontMetrics(option.font)
        width = metrics.horizontalAdvance("100% labelled") + 8
        height = metrics.height()
        bar = QRect(inner.left(), top + height // 2 - 2, inner.width() - width, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(option.palette.mid())
        painter.drawRoundedRect(bar, 2, 2)
        if share:
            painter.setBrush(option.palette.highlight())
            painter.drawRoundedRect(QRect(bar.left(), bar.top(), max(4, round(bar.width() * share)), 4), 2, 2)
        painter.setPen(option.palette.placeholderText().color())
        painter.drawText(QRect(inner.left(), top, inner.width(), height), Qt.AlignmentFlag.AlignRight, text)


def _square(pixmap: QPixmap) -> QPixmap:
    """The middle square of a thumbnail, at montage size."""
    side = min(pixmap.width(), pixmap.height())
    middle = QRect((pixmap.width() - side) // 2, (pixmap.height() - side) // 2, side, side)
    return pixmap.copy(middle).scaled(
        _TILE_PX, _TILE_PX, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )


def typical_ids(
    image_ids: NDArray[np.int64], clusters: NDArray[np.int32], typicality: NDArray[np.float32], count: int = MONTAGE
) -> dict[int, tuple[int, ...]]:
    """The `count` most typical image ids of every cluster, noise included."""
    order = np.lexsort((-typicality, clusters))
    numbers, starts = np.unique(clusters[order], return_index=True)
    bounds = np.append(starts, len(order))
    return {
        int(number): tuple(image_ids[order[bounds[i] : min(bounds[i] + count, bounds[i + 1])]].tolist())
        for i, number in enumerate(numbers)
    }
