"""Whose labels leave, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.consensus import Rule
from cxr_explorer.tables.formats import FORMATS
from cxr_explorer.tables.long import LONG
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


@dataclass(frozen=True)
class Whose:
    """Whose labels a table may hold: a reader's, one answer out of all readers', or (both None) everybody's."""

    text: str
    reader: str | None = None
    rule: Rule | None = None


class ExportDialog(QDialog):
    """Whose labels are written, and in which form."""

    def __init__(self, parent: QWidget, labels: int, whose: Sequence[Whose], chosen: int) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export labels")
        give_room(self, 40)
        self._choices: list[tuple[QRadioButton, str]] = []
        layout = QVBoxLayout(self)
        layout.addWidget(text_label(f"The project holds {labels:,} labels.", "heading"))
        self._whose = QComboBox()
        self._whose.setToolTip(
            "Majority: what more than half of the readers said. Adjudicated: what was settled, else what all readers "
            "said. What nothing decides stays blank and is counted. Everybody's: in the long form each label under its "
            "reader's name, in the others the latest one"
        )
        for entry in whose:
            self._whose.addItem(entry.text, entry)
        self._whose.setCurrentIndex(chosen)
        title = QLabel("&Whose labels")
        title.setBuddy(self._whose)
        row = QHBoxLayout()
        row.addWidget(title)
        row.addWidget(self._whose, 1)
        layout.addLayout(row)
        layout.addSpacing(8)
        for form in FORMATS:
            button = QRadioButton(form.title)
            button.setChecked(form is LONG)
            layout.addWidget(button)
            about = text_label(form.help, "dim", wraps=True)
            about.setIndent(24)
            layout.addWidget(about)
            self._choices.append((button, form.name))
        buttons = QDialogButtonBox(_Buttons.Save | _Buttons.Cancel)
        buttons.button(_Buttons.Save).setText("Choose file…")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addSpacing(8)
        layout.addWidget(buttons)

    @property
    def whose(self) -> Whose:
        """Whose labels."""
        chosen: Whose = self._whose.currentData()
        return chosen

    @property
    def format(self) -> str:
        """The name of the chosen form."""
        return next(key for button, key in self._choices if button.isChecked())
