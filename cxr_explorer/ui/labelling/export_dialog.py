"""Whose labels leave, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.exchange.forms import FORMS, form_named
from cxr_explorer.labels.consensus import Rule
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
        for form in FORMS:
            button = QRadioButton(form.title)
            button.setChecked(form is FORMS[0])
            layout.addWidget(button)
            about = text_label(form.help, "dim", wraps=True)
            about.setIndent(24)
            layout.addWidget(about)
            self._choices.append((button, form.name))
        self.with_notes = QCheckBox("With &notes and what to come back to")
        self.with_notes.setChecked(True)
        self._about_notes = text_label(
            "Notes are the readers' own words: they may hold names or dates. Only the long form has them, and only as "
            "a reader's own or everybody's. The report never has them.",
            "dim",
            wraps=True,
        )
        self._about_notes.setIndent(24)
        layout.addSpacing(8)
        layout.addWidget(self.with_notes)
        layout.addWidget(self._about_notes)
        buttons = QDialogButtonBox(_Buttons.Save | _Buttons.Cancel)
        buttons.button(_Buttons.Save).setText("Choose file…")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addSpacing(8)
        layout.addWidget(buttons)
        self._whose.currentIndexChanged.connect(self._enable_notes)
        for button, _ in self._choices:
            button.toggled.connect(self._enable_notes)
        self._enable_notes()

    def _enable_notes(self) -> None:
        self.with_notes.setEnabled("notes" in self.form.heeds and self.whose.rule is None)

    @property
    def whose(self) -> Whose:
        """Whose labels."""
        chosen: Whose = self._whose.currentData()
        return chosen

    @property
    def notes(self) -> bool:
        """Whether notes go with the labels."""
        return self.with_notes.isEnabled() and self.with_notes.isChecked()

    @property
    def form(self) -> Form:
        """The chosen form."""
        return form_named(next(key for button, key in self._choices if button.isChecked()))

    @property
    def wanted(self) -> Wanted:
        """What is to be in it."""
        return Wanted(self.whose.reader, self.whose.rule, self.notes)
