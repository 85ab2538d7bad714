"""The list of clusters: size, a montage of the most typical images, share labelled; noise as an entry of its own."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QListView, QWidget

from cxr_explorer.colours import look_text
from cxr_explorer.labels.confounders import percent
from cxr_explorer.project.looks import LEAST_SEEN
from cxr_explorer.ui.clusters.cluster_delegate import ClusterDelegate
from cxr_explorer.ui.clusters.cluster_rows import Row
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.session.thumbnails import Thumbnails

_LOAD_BUDGET_S = 0.008

_Index = QModelIndex | QPersistentModelIndex


class ClusterModel(QAbstractListModel):
    """Rows of the list; `renamed` tells a cluster and the name that was typed for it."""

    renamed = Signal(int, str)

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
        if role == Qt.ItemDataRole.EditRole:
            return row.name
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            lineage = f", {row.lineage}" if row.lineage else ""
            return f"{row.name}{lineage}, {row.size:,} images, {row.labelled:,} labelled"
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(row)
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        named = index.isValid() and self.rows[index.row()].cluster >= 0
        return super().flags(index) | (Qt.ItemFlag.ItemIsEditable if named else Qt.ItemFlag.NoItemFlags)

    def setData(self, index: _Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        self.renamed.emit(self.rows[index.row()].cluster, str(value))
        return True


def _tip(row: Row) -> str:
    share = row.labelled / row.size if row.size else 0
    lines = ["Images that lie in no dense group."] if row.cluster < 0 else [row.name]
    if row.lineage:
        lines.append(row.lineage[0].upper() + row.lineage[1:])
    lines.append(f"On the map: {look_text(row.look)}")
    lines.append(f"{row.labelled:,} of {row.size:,} images labelled ({percent(share)})")
    lines.append(f"{row.seen:,} of {row.size:,} images seen full size, on a contact sheet or in an audit")
    if row.barely_seen:
        lines.append(
            f"⚠ Labelled with hardly any of its images seen. Select it and press {key_text('sheet')}: once "
            f"{min(LEAST_SEEN, row.size)} were on a contact sheet this mark goes."
        )
    if row.mixed:
        lines.append(f"{percent(row.mixed)} of the labels of the chosen finding differ from the most frequent one")
    if row.audit is not None:
        lines.append(row.audit.tip)
    return "\n".join(lines)


class ClusterList(QListView):
    """The view; `chosen` tells the numbers of the clusters that the reader wants to see, `renamed` a new name."""

    chosen = Signal(object)
    renamed = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("clusters")
        self.setAccessibleName("Clusters")
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self._model = ClusterModel(self)
        self._model.renamed.connect(self.renamed)
        self.setModel(self._model)
        self._delegate = ClusterDelegate(self)
        self.setItemDelegate(self._delegate)
        self._timer = QTimer(self, interval=15, singleShot=True)
        self._timer.timeout.connect(self._load)
        self._thumbnails: Thumbnails | None = None
        self._silent = False
        self.selectionModel().selectionChanged.connect(self._on_chosen)

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

    @property
    def rows(self) -> list[Row]:
        """What is shown, in order."""
        return self._model.rows

    def selected(self) -> list[int]:
        """Numbers of the marked clusters, in the order shown."""
        marked = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        return [self._model.rows[row].cluster for row in marked]

    def show_selected(self, clusters: Sequence[int]) -> None:
        """Marks the clusters that the selection is, or none."""
        if sorted(clusters) == sorted(self.selected()):
            return
        self._silent = True
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().clear()
        for number, row in enumerate(self._model.rows):
            if row.cluster in clusters:
                index = self._model.index(number)
                self.selectionModel().setCurrentIndex(index, flag.Select)
                self.scrollTo(index)
        self._silent = False

    def step(self, by: int) -> None:
        """Chooses the next (by=1) or previous (by=-1) cluster."""
        count = len(self._model.rows)
        if count:
            current = self.currentIndex().row()
            self.choose_row(min(max(current + by, 0), count - 1) if current >= 0 else 0)

    def choose_row(self, row: int) -> None:
        """Chooses the cluster in a row, and no other."""
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(self._model.index(row), flag.ClearAndSelect)

    def rename(self, cluster: int) -> None:
        """Lets the reader type another name in place."""
        for number, row in enumerate(self._model.rows):
            if row.cluster == cluster:
                self.scrollTo(self._model.index(number))
                self.edit(self._model.index(number))

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        """The keyboard comes back to the list."""
        super().closeEditor(editor, hint)
        self.setFocus()

    def _on_chosen(self) -> None:
        if not self._silent:
            self.chosen.emit(self.selected())

    def event(self, event: QEvent) -> bool:
        """Ctrl with an arrow or Space picks clusters apart from each other, as everywhere; the window has them too."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            keys = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Space)
            if event.modifiers() == Qt.KeyboardModifier.ControlModifier and event.key() in keys:
                event.accept()
                return True
        return super().event(event)

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
        left = event.button() == Qt.MouseButton.LeftButton
        if left and index.isValid() and self.indexAt(event.position().toPoint()) == index and not event.modifiers():
            self.chosen.emit(self.selected())

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
