"""What a selection has in common."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPushButton,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.confounders import ALPHA, LEAST_DIFFERENCE, Confounder, percent
from cxr_explorer.ui.widgets.line_table import line_table
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


class ConfoundersDialog(QDialog):
    """Every known fact: the value these images have most beyond the collection, and whether that can be chance."""

    def __init__(self, parent: QWidget, what: str, found: Sequence[Confounder]) -> None:
        super().__init__(parent)
        self.setWindowTitle("What these images have in common")
        give_room(self, 72, 30)
        self._found = found
        self.filter_to: Confounder | None = None
        warned = [one for one in found if one.stands_out]
        head = "\n".join(f"⚠ {one.sentence(what)}" for one in warned)
        if not head:
            head = f"Nothing known of {what} stands out from the collection."
        self.table = line_table(len(found), 6)
        self.table.setHorizontalHeaderLabels(["", "Fact", "Most over-represented", "Here", "Collection", "By chance"])
        for row, one in enumerate(found):
            cells = (
                "⚠" if one.stands_out else "",
                one.fact,
                one.value,
                f"{percent(one.share)}   {one.in_set:,} of {one.known_in_set:,}",
                f"{percent(one.collection_share)}   {one.in_collection:,} of {one.known_in_collection:,}",
                chance_text(one.chance),
            )
            for place, cell in enumerate(cells):
                item = QTableWidgetItem(cell)
                item.setToolTip(one.sentence(what))
                if place == 0:
                    item.setForeground(QColor(self.palette().brightText().color()))
                self.table.setItem(row, place, item)
        self.table.resizeColumnsToContents()
        self.table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        if found:
            self.table.selectRow(0)
        limit = self._filter = QPushButton("Filter to the chosen value")
        limit.setToolTip("Only images with this value can be selected and labelled then")
        limit.setEnabled(bool(found))
        limit.clicked.connect(self._take_filter)
        buttons = QDialogButtonBox(_Buttons.Close)
        buttons.addButton(limit, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(text_label(head, "warning" if warned else "heading", wraps=True))
        layout.addWidget(self.table, 1)
        layout.addWidget(
            text_label(
                f"⚠: a share at least {LEAST_DIFFERENCE * 100:.0f} points above the collection's, such as chance alone "
                f"gives less than 1 time in {1 / ALPHA:.0f} (exact hypergeometric test, corrected for all values "
                "looked at). Images of which a fact is not known are left out of its row. Ask of a label for all of "
                "these: would it be the same without what they share?",
                "dim",
                wraps=True,
            )
        )
        layout.addWidget(buttons)

    def _take_filter(self) -> None:
        self.filter_to = self._found[self.table.currentRow()]
        self.accept()


def chance_text(chance: float) -> str:
    """ "1 in 20,000", as far as a number of that size means anything."""
    if chance >= 0.1:
        return percent(chance)
    if chance < 1e-9:
        return "less than 1 in 1,000,000,000"
    digits = round(1 / chance)
    scale = 10 ** max(len(str(digits)) - 2, 0)
    return f"1 in {digits // scale * scale:,}"
