"""How a cluster looks in the list: name, where it comes from, montage, share labelled; and its name being changed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from cxr_explorer.labels.confounders import percent
from cxr_explorer.project.partitions import LONGEST_NAME
from cxr_explorer.ui.clusters.cluster_rows import Row
from cxr_explorer.ui.session.thumbnails import Thumbnails
from cxr_explorer.ui.widgets.marks import paint_mark

_TILE_PX = 46

_Index = QModelIndex | QPersistentModelIndex


class ClusterDelegate(QStyledItemDelegate):
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
        swatch = QRectF(inner.left(), inner.top() + (height - 12) / 2, 12, 12)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_mark(painter, swatch, row.look, row.colour, palette.base().color())
        painter.setPen(palette.text().color())
        count = f"{row.size:,}"
        painter.drawText(QRect(inner.left(), inner.top(), inner.width(), height), Qt.AlignmentFlag.AlignRight, count)
        room = self.name_rect(option, row)
        metrics = QFontMetrics(bold)
        painter.setFont(bold)
        name = metrics.elidedText(row.name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft, name)
        painter.setFont(option.font)
        room.setLeft(room.left() + metrics.horizontalAdvance(name) + 8)
        if row.lineage_mark and room.width() > 20:
            painter.setPen(palette.placeholderText().color())
            lineage = option.fontMetrics.elidedText(row.lineage_mark, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft, lineage)
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
        height = option.fontMetrics.height()
        bar = QRect(inner.left(), top + height // 2 - 2, max(36, inner.width() // 4), 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(option.palette.mid())
        painter.drawRoundedRect(bar, 2, 2)
        if share:
            painter.setBrush(option.palette.highlight())
            painter.drawRoundedRect(QRect(bar.left(), bar.top(), max(4, round(bar.width() * share)), 4), 2, 2)
        painter.setPen(option.palette.placeholderText().color())
        room = inner.right() - bar.right() - 8
        text = option.fontMetrics.elidedText(state_text(row), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(inner.left(), top, inner.width(), height), Qt.AlignmentFlag.AlignRight, text)

    # -- renaming in place -----------------------------------------------------------------------------------------

    def name_rect(self, option: QStyleOptionViewItem, row: Row) -> QRect:
        """Where the name stands: from the swatch to the number of images."""
        width = option.rect.width() - 50 - option.fontMetrics.horizontalAdvance(f"{row.size:,}")
        return QRect(option.rect.left() + 32, option.rect.top() + 7, max(width, 40), option.fontMetrics.height())

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: _Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setObjectName("rename")
        editor.setAccessibleName("Name of the cluster")
        editor.setMaxLength(LONGEST_NAME)
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: _Index) -> None:
        row: Row = index.data(Qt.ItemDataRole.UserRole)
        editor.setGeometry(self.name_rect(option, row).adjusted(-6, -5, 0, 5))

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        """Esc and Enter end the renaming; they are shortcuts of the window otherwise."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().eventFilter(editor, event)


def state_text(row: Row) -> str:
    """Whether it was labelled hardly seen, what its audit says, whether its labels disagree, how far it is labelled and
    seen, in few letters.

    What matters most comes first: a narrow list cuts the end. That everything is labelled the bar says.
    """
    share = row.labelled / row.size if row.size else 0.0
    more = [f"⚠ only {row.seen:,} of {row.size:,} seen"] if row.barely_seen else []
    more += [row.audit.badge] if row.audit is not None else []
    more += [f"mixed {percent(row.mixed)}"] if row.mixed else []
    seen = [f"{row.seen:,} seen"] if row.seen and not row.barely_seen else []
    if more:
        return " · ".join([*more, *([percent(share)] if row.labelled < row.size else []), *seen])
    return " · ".join([f"{percent(share)} labelled" if row.labelled else "not labelled", *seen])


def _square(pixmap: QPixmap) -> QPixmap:
    """The middle square of a thumbnail, at montage size."""
    side = min(pixmap.width(), pixmap.height())
    middle = QRect((pixmap.width() - side) // 2, (pixmap.height() - side) // 2, side, side)
    return pixmap.copy(middle).scaled(
        _TILE_PX, _TILE_PX, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
