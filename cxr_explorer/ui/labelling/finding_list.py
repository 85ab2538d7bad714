"""The findings of the vocabulary in one list: how the images at hand stand, and what is suggested for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QPainter, QPalette, QPen
from PySide6.QtWidgets import QListView, QMenu, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.labels.vocabulary import NUMBER_KEYS, Vocabulary, finding_codes, is_no_finding
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.gallery.gallery_panel import SIGN

Index = QModelIndex | QPersistentModelIndex

ORDER = (Value.PRESENT, Value.ABSENT, Value.UNCERTAIN)
WORDS = {Value.PRESENT: "present", Value.ABSENT: "absent", Value.UNCERTAIN: "uncertain"}
NORMAL_WORDS = {Value.PRESENT: "yes", Value.ABSENT: "no", Value.UNCERTAIN: "unsure"}
"""Of "No Finding": that it is absent is a "no" said twice."""

MIXED = "±"

SAID_BY = {"+": Value.PRESENT, "-": Value.ABSENT, "?": Value.UNCERTAIN}
"""Signs that, typed in the search after the two letters of a finding, label it at once."""


@dataclass(frozen=True)
class Suggested:
    """What is suggested for a finding.

    Attributes:
        text: In a word or a figure; empty where there is nothing to say.
        share: Probability on the image, for the bar; None where there is none.
        cluster: Mean over the image's cluster, for the mark on it; None where there is none.
        tip: In a sentence.
    """

    text: str = ""
    share: float | None = None
    cluster: float | None = None
    tip: str = ""


@dataclass(frozen=True)
class Row:
    """A finding as the list shows it.

    Attributes:
        finding: Its name.
        keys: What labels it present, absent and uncertain; empty where there is no key.
        counts: Images by value, in the ORDER of values.
        total: Images at hand.
        suggested: What is suggested.
        code: Two letters that stand for it in the search.
    """

    finding: str
    keys: tuple[str, str, str]
    counts: tuple[int, int, int] = (0, 0, 0)
    total: int = 0
    suggested: Suggested = Suggested()
    code: str = ""

    @property
    def name(self) -> str:
        """As the reader says it."""
        return "Normal? (No Finding)" if is_no_finding(self.finding) else finding_text(self.finding)

    @property
    def words(self) -> Mapping[Value, str]:
        """The values in words."""
        return NORMAL_WORDS if is_no_finding(self.finding) else WORDS

    @property
    def value(self) -> Value | None:
        """The value that all images at hand carry; None where there is no such value."""
        return next((v for v, n in zip(ORDER, self.counts, strict=True) if n == self.total > 0), None)

    @property
    def sign(self) -> str:
        """Of that value; of several values ±."""
        if self.value is not None:
            return SIGN[self.value]
        return MIXED if any(self.counts) else ""

    @property
    def state(self) -> str:
        """How the images at hand stand, in a word or in counts; empty where none is read."""
        if self.value is not None:
            return self.words[self.value]
        parts = [f"{n:,} {SIGN[v]}" for v, n in zip(ORDER, self.counts, strict=True) if n]
        return "  ".join(parts)

    @property
    def tip(self) -> str:
        """All of it in sentences."""
        keys = [f"{key} {word}" for key, word in zip(self.keys, self.words.values(), strict=True) if key]
        lines = [self.name, ", ".join(keys)] if keys else [self.name]
        if self.code:
            code = self.code
            lines.append(f"In the search: {code}; {code}+ present, {code}- absent, {code}? uncertain")
        if self.total:
            said = [f"{n:,} {self.words[v]}" for v, n in zip(ORDER, self.counts, strict=True)]
            unread = self.total - sum(self.counts)
            lines.append(f"Of {images_text(self.total)}: {', '.join(said)}, {unread:,} not read")
        if self.suggested.tip:
            lines.append(f"Suggested: {self.suggested.tip}")
        return "\n".join(lines)


class FindingModel(QAbstractListModel):
    """The rows that the search leaves; where there is no search, with the names of the groups."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: dict[str, Row] = {}
        self._sections: list[tuple[str, tuple[str, ...]]] = []
        self._sought = ""
        self.entries: list[Row | str] = []

    @property
    def shown(self) -> list[Row]:
        """The findings in sight, from above."""
        return [entry for entry in self.entries if isinstance(entry, Row)]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self.entries)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) if isinstance(self.entries[index.row()], Row) else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.entries[index.row()]
        if isinstance(row, str):
            return row if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) else None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.tip
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (row.name, row.state or "not read", row.suggested.tip) if part)
        return None

    def set_vocabulary(self, vocabulary: Vocabulary | None) -> None:
        """Other findings, groups or keys."""
        findings = vocabulary.findings if vocabulary is not None else ()
        numbers = {finding: number for number, finding in enumerate(vocabulary.keyed, 1)} if vocabulary else {}
        codes = finding_codes(findings)
        self._rows = {one: Row(one, _keys(numbers.get(one)), code=codes[one]) for one in findings}
        self._sections = vocabulary.sections() if vocabulary is not None else []
        self._sift()

    def show(self, counts: Mapping[str, Mapping[Value, int]], total: int, suggested: Mapping[str, Suggested]) -> None:
        """How the images at hand stand now."""
        for finding, row in self._rows.items():
            known = counts.get(finding, {})
            numbers = (known.get(Value.PRESENT, 0), known.get(Value.ABSENT, 0), known.get(Value.UNCERTAIN, 0))
            self._rows[finding] = replace(
                row, counts=numbers, total=total, suggested=suggested.get(finding, Suggested())
            )
        self.entries = [self._rows[entry.finding] if isinstance(entry, Row) else entry for entry in self.entries]
        if self.entries:
            self.dataChanged.emit(self.index(0), self.index(len(self.entries) - 1))

    def seek(self, text: str) -> None:
        """Leaves the finding with those two letters and those in whose names the text begins a word, or stands."""
        self._sought = text.strip().casefold()
        self._sift()

    def row_of(self, finding: str) -> int:
        """Where a finding stands; -1 where it is not shown."""
        places = (n for n, row in enumerate(self.entries) if isinstance(row, Row) and row.finding == finding)
        return next(places, -1)

    def coded(self, code: str) -> str:
        """The finding that two letters stand for; empty where there is none."""
        return next((one for one, row in self._rows.items() if row.code == code.strip().casefold() != ""), "")

    def _sift(self) -> None:
        self.beginResetModel()
        rows = [self._rows[finding] for _, findings in self._sections for finding in findings]
        if self._sought:
            found = [(self._place(row), row) for row in rows]
            self.entries = [row for place, row in sorted(found, key=lambda one: one[0]) if place < 3]
        else:
            self.entries = []
            for group, findings in self._sections:
                self.entries += [*([group] if group else []), *(self._rows[finding] for finding in findings)]
        self.endResetModel()

    def _place(self, row: Row) -> int:
        name = row.name.casefold()
        if row.code == self._sought:
            return 0
        return 1 if any(word.startswith(self._sought) for word in name.split()) else 2 if self._sought in name else 3


def _keys(number: int | None) -> tuple[str, str, str]:
    if number is None:
        return ("", "", "")
    present, absent, uncertain = (key_text(f"label_{word}_{number}") for word in WORDS.values())
    return (present, absent, uncertain)


class FindingDelegate(QStyledItemDelegate):
    """Draws a row: key, sign and name at the left, the state at the right; below them how the images divide.

    The sign stands for what is. What the label button stands at has a frame, and nothing else.
    """

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(10 * option.fontMetrics.height(), option.fontMetrics.height() + 13)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, FindingModel)
        row = model.entries[index.row()]
        if isinstance(row, str):
            self._heading(painter, option, row)
            return
        rect: QRect = option.rect
        palette: QPalette = option.palette
        state: QStyle.StateFlag = option.state
        metrics = option.fontMetrics
        painter.save()
        current = bool(state & QStyle.StateFlag.State_Selected)
        if current:
            painter.setPen(QPen(palette.highlight().color(), 2))
            painter.drawRoundedRect(rect.adjusted(1, 1, -2, -2), 4, 4)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, palette.midlight())
        letter = metrics.horizontalAdvance("m")
        line = QRect(rect.left() + 6, rect.top() + 3, rect.width() - 12, metrics.height())
        text, dim = palette.text().color(), palette.placeholderText().color()
        vertical = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(dim)
        painter.drawText(QRect(line.left(), line.top(), 2 * letter, line.height()), vertical, row.keys[0] or row.code)
        self._sign(painter, QRect(line.left() + 2 * letter - 2, line.top(), letter, line.height()), row, palette)
        right = row.state if row.total > 1 or row.value is not None else ""
        end = line.right()
        for said, colour in ((right, text), (row.suggested.text, dim)):
            if said:
                width = metrics.horizontalAdvance(said)
                painter.setPen(colour)
                painter.drawText(QRect(end - width, line.top(), width + 1, line.height()), vertical, said)
                end -= width + letter // 2 + 2
        left = line.left() + 3 * letter + 2
        font = QFont(option.font)
        font.setBold(current)
        painter.setFont(font)
        painter.setPen(text)
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideRight, max(end - left, 0))
        painter.drawText(QRect(left, line.top(), max(end - left, 0), line.height()), vertical, name)
        self._bar(painter, QRect(left, line.bottom() + 2, line.right() - left, 4), row, palette)
        painter.restore()

    def _heading(self, painter: QPainter, option: QStyleOptionViewItem, text: str) -> None:
        painter.save()
        rect: QRect = option.rect
        palette: QPalette = option.palette
        painter.setPen(palette.placeholderText().color())
        place = rect.adjusted(6, 0, -6, -4)
        name = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, name)
        painter.drawLine(place.left(), rect.bottom() - 1, place.right(), rect.bottom() - 1)
        painter.restore()

    def _sign(self, painter: QPainter, rect: QRect, row: Row, palette: QPalette) -> None:
        if not row.sign:
            return
        font = QFont(painter.font())
        font.setBold(True)
        painter.setFont(font)
        strong = row.value is Value.PRESENT
        painter.setPen(palette.highlight().color() if strong else palette.text().color())
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, row.sign)
        font.setBold(False)
        painter.setFont(font)

    def _bar(self, painter: QPainter, rect: QRect, row: Row, palette: QPalette) -> None:
        """How the images divide; of one image, what is suggested."""
        if row.total > 1 and any(row.counts):
            faint = QColor(palette.highlight().color())
            faint.setAlpha(110)
            colours = (palette.highlight().color(), palette.placeholderText().color(), faint)
            x = float(rect.left())
            for count, colour, height in zip(row.counts, colours, (4, 2, 4), strict=True):
                width = rect.width() * count / row.total
                if count:
                    painter.fillRect(QRect(round(x), rect.bottom() + 1 - height, max(2, round(width)), height), colour)
                x += width
        elif row.suggested.share is not None:
            painter.fillRect(rect, palette.mid())
            share = QRect(rect.left(), rect.top(), round(rect.width() * row.suggested.share), rect.height())
            painter.fillRect(share, palette.placeholderText())
            if row.suggested.cluster is not None:
                x = rect.left() + round(rect.width() * row.suggested.cluster)
                painter.setPen(QPen(palette.text().color(), 2))
                painter.drawLine(x, rect.top() - 2, x, rect.bottom() + 2)


class FindingList(QListView):
    """The list; it says which finding is chosen, and which one is to have which number key."""

    chosen = Signal(str)
    keyWanted = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = FindingModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(FindingDelegate(self))
        self.setObjectName("findings")
        self.setAccessibleName("Findings")
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self._marking = False
        self.selectionModel().currentChanged.connect(self._tell)

    def mark(self, finding: str) -> None:
        """Puts the frame around a finding; nothing is told."""
        row = self.rows.row_of(finding)
        self._marking = True
        if row < 0:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self.currentIndex().row() != row:
            self.setCurrentIndex(self.rows.index(row))
        self._marking = False

    def _tell(self, now: QModelIndex, _before: QModelIndex) -> None:
        if now.isValid() and not self._marking:
            entry = self.rows.entries[now.row()]
            if isinstance(entry, Row):
                self.chosen.emit(entry.finding)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.indexAt(event.pos())
        entry = self.rows.entries[index.row()] if index.isValid() else ""
        if not isinstance(entry, Row):
            return
        menu = QMenu(self)
        menu.addSection(f"Key for {entry.name}")
        by_key = {row.keys[0]: row for row in self.rows.shown if row.keys[0]}
        for number in range(1, NUMBER_KEYS + 1):
            key = key_text(f"label_present_{number}")
            holder = by_key.get(key)
            text = key if holder is None else f"{key}   now {holder.name}"
            action = menu.addAction(text.replace("&", "&&"))
            action.setEnabled(holder is not entry)
            action.triggered.connect(partial(self.keyWanted.emit, entry.finding, number))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def minimumSizeHint(self) -> QSize:
        return QSize(10 * self.fontMetrics().horizontalAdvance("m"), 3 * (self.fontMetrics().height() + 13))

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()
