"""Whose labels leave, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.exchange.forms import FORMS
from cxr_explorer.labels.consensus import Rule
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton

BY_PATIENT = "By patient: 80 % train, 10 % validation, 10 % test"


@dataclass(frozen=True)
class Whose:
    """Whose labels a table may hold: a reader's, one answer out of all readers', or (both None) everybody's."""

    text: str
    reader: str | None = None
    rule: Rule | None = None


class ExportDialog(QDialog):
    """Whose labels are written, in which form, and what goes with them."""

    def __init__(
        self, parent: QWidget, labels: int, whose: Sequence[Whose], chosen: int, facts: Sequence[str] = ()
    ) -> None:
        """`facts` are those by which a data set can be split."""
        super().__init__(parent)
        self.setWindowTitle("Export labels")
        give_room(self, 44)
        layout = QVBoxLayout(self)
        layout.addWidget(text_label(f"The project holds {labels:,} labels.", "heading"))
        self._whose = QComboBox()
        self._whose.setToolTip(
            "Majority: what more than half of the readers said. Adjudicated: what was settled, else what all readers "
            "said. What nothing decides stays blank and is counted. Everybody's: each label under its reader's name "
            "where the form has room for that, else the latest one"
        )
        for entry in whose:
            self._whose.addItem(entry.text, entry)
        self._whose.setCurrentIndex(chosen)
        layout.addLayout(_row("&Whose labels", self._whose))
        layout.addSpacing(8)
        self.forms = QListWidget()
        self.forms.setAccessibleName("Format")
        for form in FORMS:
            item = QListWidgetItem(form.title)
            item.setData(Qt.ItemDataRole.UserRole, form)
            item.setToolTip(form.help)
            if form.missing:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                item.setToolTip(f"{form.help} It needs the package {form.missing}, which is not installed.")
            self.forms.addItem(item)
        self.forms.setCurrentRow(0)
        self.forms.setMinimumHeight(4 * self.forms.sizeHintForRow(0) + 2 * self.forms.frameWidth())
        form_title = QLabel("&Format")
        form_title.setBuddy(self.forms)
        layout.addWidget(form_title)
        layout.addWidget(self.forms, 1)
        self._help = text_label("", "dim", wraps=True)
        self._help.setMinimumHeight(3 * self.fontMetrics().lineSpacing())
        self._help.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._help)
        layout.addSpacing(8)
        self.with_notes = QCheckBox("With &notes and what to come back to")
        self.with_notes.setChecked(True)
        self._about_notes = _about(
            "Notes are the readers' own words: they may hold names or dates. Only the long forms have them, and only "
            "as a reader's own or everybody's. The report never has them."
        )
        self.with_file_names = QCheckBox("With the &names of the files the films are made from")
        self._about_file_names = _about("Off unless you know that they name nobody.")
        self.with_patients = QCheckBox("With the &patients' names and numbers")
        self._about_patients = _about("For the hospital's own archive, which asks for them. Off for anybody else.")
        self._split = QComboBox()
        self._split.addItem(BY_PATIENT, "")
        for fact in facts:
            self._split.addItem(f"By what is known as {fact}", fact)
        self._split.setToolTip("Films of one patient stay together where it goes by patient")
        self._split_row = QWidget()
        self._split_row.setLayout(_row("&Split", self._split))
        self._of_some_forms: dict[str, tuple[QWidget, ...]] = {  # what `Form.heeds` names -> what is shown then
            "split_by": (self._split_row,),
            "file_names": (self.with_file_names, self._about_file_names),
            "patients": (self.with_patients, self._about_patients),
        }
        for widget in (self.with_notes, self._about_notes, *chain(*self._of_some_forms.values())):
            layout.addWidget(widget)
        self._buttons = QDialogButtonBox(_Buttons.Save | _Buttons.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout.addSpacing(8)
        layout.addWidget(self._buttons)
        self._whose.currentIndexChanged.connect(self._refresh)
        self.forms.currentRowChanged.connect(self._refresh)
        self.forms.itemDoubleClicked.connect(self.accept)
        self._refresh()

    def _refresh(self) -> None:
        form = self.form
        self._help.setText(form.help)
        self._buttons.button(_Buttons.Save).setText("Choose folder…" if form.is_folder else "Choose file…")
        self.with_notes.setEnabled("notes" in form.heeds and self.whose.rule is None)
        for widget in (self.with_notes, self._about_notes):
            widget.setVisible(not form.is_folder)
        for name, widgets in self._of_some_forms.items():
            for one in widgets:
                one.setVisible(name in form.heeds)

    def choose(self, name: str) -> None:
        """Chooses a form by its name."""
        self.forms.setCurrentRow([form.name for form in FORMS].index(name))

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
        chosen: Form = self.forms.currentItem().data(Qt.ItemDataRole.UserRole)
        return chosen

    @property
    def wanted(self) -> Wanted:
        """What is to be in it."""
        names = "file_names" in self.form.heeds and self.with_file_names.isChecked()
        split = self._split.currentData() if "split_by" in self.form.heeds else ""
        patients = "patients" in self.form.heeds and self.with_patients.isChecked()
        return Wanted(self.whose.reader, self.whose.rule, self.notes, names, split, patients)


def _about(text: str) -> QLabel:
    about = text_label(text, "dim", wraps=True)
    about.setIndent(24)
    return about


def _row(title: str, widget: QWidget) -> QHBoxLayout:
    label = QLabel(title)
    label.setBuddy(widget)
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(label)
    row.addWidget(widget, 1)
    return row
