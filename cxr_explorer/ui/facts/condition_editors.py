"""What one column of a filter must be: values to tick, numbers from and to, or a part of a file's name."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.search.conditions import (
    FILE,
    Between,
    Column,
    Condition,
    Contains,
    Images,
    Mask,
    OneOf,
    has_numbers,
    number_of,
    number_text,
    value_text,
)
from cxr_explorer.ui.widgets.texts import text_label

NOT_KNOWN = "(not known)"
_VALUE = Qt.ItemDataRole.UserRole


class ConditionEditor(QStackedWidget):
    """The condition on one column; `condition` is what it says now, None for none."""

    changed = Signal()

    def __init__(self, images: Images) -> None:
        super().__init__()
        self._images = images
        self._column = FILE
        self.trouble = ""
        self.values = _Values()
        self.values.toggled.connect(self.changed)
        self.numbers = QWidget()
        self.low, self.high = _number("From"), _number("To")
        self.unknown = QCheckBox()
        self.known = text_label("", "dim", wraps=True)
        form = QFormLayout(self.numbers)
        form.addRow("From", self.low)
        form.addRow("To", self.high)
        form.addRow("", self.unknown)
        form.addRow(self.known)
        self.low.textChanged.connect(self._on_numbers)
        self.high.textChanged.connect(self._on_numbers)
        self.unknown.toggled.connect(self._on_numbers)
        self.file = QWidget()
        self.part = QLineEdit()
        self.part.setAccessibleName("A part of the file name")
        self.part.setToolTip("Folders count; upper and lower case are the same")
        self.part.textChanged.connect(lambda _text: self.changed.emit())
        rows = QVBoxLayout(self.file)
        rows.addWidget(text_label("A part of the file name, or of the folders it lies in:", wraps=True))
        rows.addWidget(self.part)
        rows.addStretch(1)
        self.about = text_label("", "dim", wraps=True)
        self.list = QWidget()
        column = QVBoxLayout(self.list)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.about)
        column.addWidget(self.values, 1)
        for page in (self.list, self.numbers, self.file):
            self.addWidget(page)

    def show_column(self, column: Column, condition: Condition | None, within: Mask) -> None:
        """Another column, or the same one with another condition.

        Args:
            column: What is asked.
            condition: What it must be, as chosen before.
            within: Images that pass what is asked of all other columns: those are counted.
        """
        self._column, self.trouble = column, ""
        self.blockSignals(True)
        if column == FILE:
            part = condition.part if isinstance(condition, Contains) else ""
            if part != self.part.text():
                self.part.setText(part)
            self.setCurrentWidget(self.file)
        elif isinstance(condition, Between) or (
            condition is None and column.kind == "fact" and has_numbers(self._images.values(column))
        ):
            self._show_numbers(condition if isinstance(condition, Between) else None, within)
        else:
            self._show_values(condition, within)
        self.blockSignals(False)

    def _show_values(self, condition: Condition | None, within: Mask) -> None:
        known = self._images.values(self._column)
        counts, unknown = self._images.counts(self._column, within)
        chosen = condition.values if isinstance(condition, OneOf) else ()
        order = list(range(len(known.values)))
        if self._column.kind == "fact":
            order.sort(key=lambda code: (-int(known.counts[code]), known.values[code]))
        rows: list[tuple[str | None, int]] = [(known.values[code], int(counts[code])) for code in order]
        if None in chosen or bool((known.codes < 0).any()):
            rows.append((None, unknown))
        rows += [(value, 0) for value in chosen if value is not None and value not in known.values]
        shown = [(value_text(self._column, value) if value else NOT_KNOWN, value, count) for value, count in rows]
        self.values.fill(shown, chosen)
        self.values.setAccessibleName(f"Values of {self._column.title}")
        kind, reader = self._column.kind, self._images.reader
        about = {"finding": f"As {reader} has labelled it", "seen": f"Seen by {self._images.person}"}.get(kind, "")
        self.about.setText(about)
        self.about.setVisible(bool(about))
        self.setCurrentWidget(self.list)

    def _show_numbers(self, condition: Between | None, within: Mask) -> None:
        known = self._images.values(self._column)
        _, unknown = self._images.counts(self._column, within)
        low, high = (condition.low, condition.high) if condition is not None else (None, None)
        for line, bound in ((self.low, low), (self.high, high)):
            text = "" if bound is None else number_text(bound)
            if text != line.text():
                line.setText(text)
        self.unknown.setText(f"also where it is not known: {unknown:,}")
        self.unknown.setChecked(condition is not None and condition.unknown)
        span = sorted((number_of(value), value) for value in known.values)
        text = f"Here {self._column.title} is from {span[0][1]} to {span[-1][1]}." if span else ""
        if self._column.name == "age":
            text += " 90+ counts as 90."
        self.known.setText(text)
        self.setCurrentWidget(self.numbers)

    def _on_numbers(self) -> None:
        self.trouble = ""
        for line in (self.low, self.high):
            if line.text().strip() and math.isnan(number_of(line.text().strip())):
                self.trouble = f"“{line.text().strip()}” is no number."
        self.changed.emit()

    @property
    def condition(self) -> Condition | None:
        """What is asked of the column."""
        if self._column == FILE:
            part = self.part.text().strip()
            return Contains(part) if part else None
        if self.currentWidget() is self.list:
            ticked = self.values.ticked()
            return OneOf(self._column, ticked) if ticked else None
        low, high = (_bound(line) for line in (self.low, self.high))
        if low is None and high is None and not self.unknown.isChecked():
            return None
        return Between(self._column, low, high, self.unknown.isChecked())

    def tick_current(self) -> None:
        """The value the keyboard is on is the only one."""
        if self.currentWidget() is self.list:
            self.values.tick_current()

    def setFocus(self, *_reason: object) -> None:
        """The keyboard goes where the condition is given."""
        page = self.currentWidget()
        (self.low if page is self.numbers else self.part if page is self.file else self.values).setFocus()


class _Values(QListWidget):
    """Values with a box each: a click or the space bar ticks one."""

    toggled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("Space ticks a value; several mean: one of them")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemClicked.connect(self._toggle)
        self._filled: list[str | None] = []

    def fill(self, rows: list[tuple[str, str | None, int]], ticked: tuple[str | None, ...]) -> None:
        """Shows (text, value, images); the same values as before keep the place of the keyboard."""
        same = self._filled == [value for _, value, _ in rows]
        at = self.currentRow() if same else 0
        self._filled = [value for _, value, _ in rows]
        self.clear()
        for text, value, count in rows:
            item = QListWidgetItem(f"{text}   {count:,}")
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)  # the box is ticked by `_toggle`
            item.setCheckState(Qt.CheckState.Checked if value in ticked else Qt.CheckState.Unchecked)
            item.setData(_VALUE, value)
            self.addItem(item)
        self.setCurrentRow(at)

    def ticked(self) -> tuple[str | None, ...]:
        items = [self.item(row) for row in range(self.count())]
        return tuple(item.data(_VALUE) for item in items if item.checkState() == Qt.CheckState.Checked)

    def tick_current(self) -> None:
        item = self.currentItem()
        if item is not None:
            item.setCheckState(Qt.CheckState.Checked)
            self.toggled.emit()

    def _toggle(self, item: QListWidgetItem) -> None:
        ticked = item.checkState() == Qt.CheckState.Checked
        item.setCheckState(Qt.CheckState.Unchecked if ticked else Qt.CheckState.Checked)
        self.toggled.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        if event.key() == Qt.Key.Key_Space and item is not None:
            self._toggle(item)
        else:
            super().keyPressEvent(event)


def _number(name: str) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    line.setPlaceholderText("no limit")
    line.setToolTip("A number; empty: no limit")
    return line


def _bound(line: QLineEdit) -> float | None:
    number = number_of(line.text().strip())
    return None if math.isnan(number) else number
