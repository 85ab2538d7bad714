"""Two encoders finding by finding: a line each, and in words what the chosen line says."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QScrollArea,
    QTableWidgetItem,
    QVBoxLayout,
)

from cxr_explorer.comparing import figure, in_words
from cxr_explorer.labels.texts import finding_text
from cxr_explorer.probes.encoder_comparison import FindingComparison
from cxr_explorer.ui.widgets.line_table import line_table
from cxr_explorer.ui.widgets.texts import text_label

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_AUROC = "AUROC of {}: of a film with the finding and one without, how often the first is put higher; .50 is chance"

MARGIN_PX = 6
WORDS, LEAST, MOST = 4, 11, 30
"""Lines that words alone take, and the table at least and at most."""


class FindingTable(QFrame):
    """The table, what its chosen line says, and what all of it says."""

    findingChosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._found: Sequence[FindingComparison] = ()
        self._names = ("", "")
        self.table = line_table(0, 6)
        self.table.setAccessibleName("Two encoders by finding")
        self.table.setStyleSheet("QTableView::item { padding: 0 8px; }")
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().lineSpacing() + 8)
        self.table.currentCellChanged.connect(lambda *_: self._on_line())
        self.said = text_label("", wraps=True)
        self.summary = text_label("", "dim", wraps=True)
        for label in (self.said, self.summary):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QFrame()
        column = QVBoxLayout(words)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.said)
        column.addWidget(self.summary)
        column.addStretch(1)
        self.words = QScrollArea()
        self.words.setFrameShape(QFrame.Shape.NoFrame)
        self.words.setWidgetResizable(True)
        self.words.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.words.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.words.setWidget(words)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, MARGIN_PX, 12, MARGIN_PX)
        layout.setSpacing(12)
        layout.addWidget(self.table, 5)
        layout.addWidget(self.words, 4)
        self.show_waiting("")

    def show_waiting(self, text: str) -> None:
        """No lines yet, and why."""
        self._found = ()
        self.table.setRowCount(0)
        self.table.hide()
        self._take_lines(WORDS, WORDS)
        self.said.setText("")
        self.said.hide()
        self.summary.setText(text)

    def show_findings(
        self, found: Sequence[FindingComparison], names: tuple[str, str], summary: str, finding: str
    ) -> None:
        """The lines, those that can be compared first; the finding's is chosen."""
        self.show_waiting(summary)
        self._found, self._names = sorted(found, key=lambda one: one.contest is None), names
        self.table.setVisible(bool(found))
        self._take_lines(LEAST if found else WORDS, MOST if found else WORDS)
        self.said.setVisible(bool(found))
        heads = (
            ("Finding", "What was judged"),
            ("With", "Films with the finding, read one by one"),
            ("Without", "Films without it, read one by one"),
            (names[0], _AUROC.format(names[0])),
            (names[1], _AUROC.format(names[1])),
            ("Difference (95 %)", "First minus second; where 0 lies between the ends, the films cannot tell"),
        )
        for column, (title, tip) in enumerate(heads):
            item = QTableWidgetItem(f" {title} ")
            item.setToolTip(tip)
            if column:
                item.setTextAlignment(_RIGHT)
            self.table.setHorizontalHeaderItem(column, item)
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._found))
        for row, one in enumerate(self._found):
            for column, (text, bold) in enumerate(_cells(one)):
                item = QTableWidgetItem(text)
                item.setToolTip(in_words(one, names))
                if column:
                    item.setTextAlignment(_RIGHT)
                if bold:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                self.table.setItem(row, column, item)
        rows = [row for row, one in enumerate(self._found) if one.finding == finding]
        if found:
            self.table.setCurrentCell(rows[0] if rows else 0, 0)
        self.table.blockSignals(False)
        self._say()

    @property
    def chosen(self) -> str:
        """The finding of the chosen line; empty where there is none."""
        row = self.table.currentRow()
        return self._found[row].finding if 0 <= row < len(self._found) else ""

    def _take_lines(self, least: int, most: int) -> None:
        """So many lines high; the maps have the rest."""
        line = self.fontMetrics().lineSpacing()
        self.setMinimumHeight(least * line + 2 * MARGIN_PX)
        self.setMaximumHeight(most * line + 2 * MARGIN_PX)

    def _on_line(self) -> None:
        self._say()
        self.findingChosen.emit()

    def _say(self) -> None:
        row = self.table.currentRow()
        self.said.setText(in_words(self._found[row], self._names) if self.chosen else "")


def _cells(one: FindingComparison) -> list[tuple[str, bool]]:
    """The texts of a line, and whether they are bold: the better encoder's."""
    counts = [(finding_text(one.finding), False), (f"{one.present:,}", False), (f"{one.absent:,}", False)]
    contest = one.contest
    if contest is None:
        return [*counts, ("–", False), ("–", False), ("too few films", False)]
    difference = f"{figure(contest.difference)} ({figure(contest.low)} to {figure(contest.high)})"
    return [
        *counts,
        (figure(contest.aurocs[0]), contest.better == 0),
        (figure(contest.aurocs[1]), contest.better == 1),
        (difference, contest.better is not None),
    ]
