"""What a label table would bring, and its way into the project."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from cxr_explorer.errors import UserError
from cxr_explorer.labels.confounders import percent
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.project.acts import Change
from cxr_explorer.project.importing import LISTED, Preview, examined_labels, importing_labels
from cxr_explorer.project.project import Project
from cxr_explorer.tables.formats import format_named
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.messages import table_of
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


class ImportDialog(QDialog):
    """Reads the table in a child process, shows what it holds and which images it means, and stores it in short steps.

    Attributes:
        change: What was stored, once the dialog was accepted; None where all of it was there already.
    """

    def __init__(self, parent: QWidget, project: Project, table: Path, reader: str, act_reader: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import labels")
        give_room(self, 60, 32)
        self.change: Change | None = None
        self._project, self._table, self._act_reader = project, table, act_reader
        self._preview: Preview | None = None
        self._storing = importing_labels(project, (), act_reader)
        self.errand = Errand(self)
        self.head = text_label(f"<b>{escape(table.name)}</b>: reading…", wraps=True)
        self._warning = text_label("", "warning", wraps=True)
        self._warning.hide()
        self._name = QLineEdit(reader)
        self._name.setToolTip("Labels are kept under this name where the table does not name a reader")
        form = QFormLayout()
        form.addRow("Reader where the table names none", self._name)
        self._form = form
        self.buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        self.buttons.button(_Buttons.Ok).setText("Import labels")
        self.buttons.button(_Buttons.Ok).setEnabled(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._lines = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.addWidget(self.head)
        layout.addWidget(self._warning)
        layout.addLayout(self._lines, 1)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self._steps = QTimer(self, interval=0)
        self._steps.timeout.connect(self._step)
        self.errand.run(
            examined_labels, table, project.path, reader, done=self._show, failed=self._object, heard=self._tell_share
        )

    def _tell_share(self, share: float) -> None:
        self.head.setText(f"<b>{escape(self._table.name)}</b>: reading… {percent(share)}")

    def _object(self, text: str) -> None:
        self.head.setText(f"<b>{escape(self._table.name)}</b>")
        self._say(text)

    def _say(self, text: str) -> None:
        self._warning.setText(text)
        self._warning.setVisible(bool(text))

    def _show(self, found: Preview) -> None:
        self._preview = found
        self.head.setText(
            f"<b>{escape(self._table.name)}</b>: {format_named(found.format).title} form, {found.files:,} files; "
            f"findings: {escape(', '.join(found.findings)) or 'none'}.<br>"
            f"<b>{found.matched:,}</b> files are in this project ({len(found.rows):,} labels), "
            f"<b>{found.unmatched:,}</b> are not, "
            f"<b>{found.ambiguous:,}</b> could be several images and are left out."
        )
        said = []
        if found.new_findings:
            said.append(f"In no known vocabulary, look whether these are findings: {', '.join(found.new_findings)}.")
        if found.contradicting:
            images = f"{found.contradicting:,} image{' has' if found.contradicting == 1 else 's have'}"
            said.append(f"{images} rows that contradict each other: what they say of these findings is left out.")
        self._say(" ".join(said))
        self._lines.addWidget(table_of(("", "In the table", "In this project"), list(found.lines)), 1)
        if found.count > LISTED:
            self._lines.addWidget(text_label(f"The first {LISTED:,} of {found.count:,} lines are shown.", "dim"))
        if found.readers:
            self._form.addRow("Readers in the table", QLabel(", ".join(found.readers), wordWrap=True))
        button = self.buttons.button(_Buttons.Ok)
        button.setText(f"Import {len(found.rows):,} label{'' if len(found.rows) == 1 else 's'}")
        button.setEnabled(len(found.rows) > 0)

    def accept(self) -> None:
        """Stores, then closes; cancelling meanwhile takes all of it back."""
        assert self._preview is not None
        try:
            reader = check_reader(self._name.text().strip() or "imported")
        except UserError as error:
            self._say(str(error))
            return
        self.buttons.button(_Buttons.Ok).setEnabled(False)
        self._name.setEnabled(False)
        self._storing = importing_labels(self._project, self._preview.rows.by(reader), self._act_reader)
        self._steps.start()

    def _step(self) -> None:
        assert self._preview is not None
        try:
            written = next(self._storing)
        except StopIteration as end:
            self.change = end.value
            super().accept()
        except UserError as error:
            self._steps.stop()
            self._say(str(error))
        else:
            self.head.setText(f"Storing… {written:,} of {len(self._preview.rows):,} labels")

    def done(self, result: int) -> None:
        self._steps.stop()
        self._storing.close()
        self.errand.cancel()
        super().done(result)
