"""What the columns of a table mean: asked once, with a preview of what would be taken in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.confounders import percent
from cxr_explorer.project.facts import (
    NO_ROWS,
    Examined,
    Prepared,
    describe_plan,
    examine_table,
    prepare_facts,
    storing_facts,
)
from cxr_explorer.project.project import Project
from cxr_explorer.tables.facts import DATES, GROUPS, KNOWN_FACTS, Column
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.slices import Slices
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton

LEAVE_OUT = "leave out"
PRIVACY = (
    "Patients and studies are kept as numbers that only say which images belong together, never as text. Dates are not "
    "taken. What you map under a name of your own is kept as it stands: map nothing that says who somebody is."
)


class _Choice(QComboBox):
    """What a column means. The wheel scrolls the list of columns instead of changing it unseen."""

    def __init__(self, column: Column) -> None:
        super().__init__()
        self.column = column
        self.setEditable(True)
        self.setAccessibleName(f"Take {column.name} as")
        self.setToolTip("What the column says of an image; type a name of your own for anything else")
        self.addItem(LEAVE_OUT, "")
        for fact in KNOWN_FACTS:
            self.addItem(f"{fact} (number)" if fact in GROUPS else fact, fact)
        self.setCurrentIndex(max(self.findData(column.proposal), 0))
        line = self.lineEdit()
        assert line is not None
        line.home(False)
        self.setMinimumContentsLength(len("patient (number)"))

    @property
    def fact(self) -> str:
        """The chosen fact; "" to leave the column out."""
        text = self.currentText().strip()
        known = self.findText(text, Qt.MatchFlag.MatchFixedString)
        return str(self.itemData(known)) if known >= 0 else text.lower()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class MetadataDialog(QDialog):
    """Reads the table in a child process, asks what its columns mean, and stores the facts in short steps.

    Attributes:
        rows: What was stored once the dialog was accepted.
    """

    def __init__(self, parent: QWidget, project: Project, table: Path) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import facts of images")
        give_room(self, 63, 38)
        self.rows = NO_ROWS
        self.choices: list[_Choice] = []
        self._project = project
        self._table = table
        self._errand = Errand(self)
        self._head = text_label(f"Reading {table.name}…", "heading")
        self.file_column = QComboBox()
        self.file_column.setAccessibleName("Column that names the image files")
        self.file_column.setToolTip("Which column names the image files; they are matched as for labels, never guessed")
        self.file_column.setEnabled(False)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(18)
        inner = QWidget()
        inner.setLayout(self._grid)
        area = QScrollArea(widgetResizable=True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        self.preview = QPlainTextEdit(readOnly=True)
        self.preview.setAccessibleName("Preview")
        self.preview.setToolTip("What would be imported")
        self.preview.setTabChangesFocus(True)
        self.preview.setFixedHeight(self.fontMetrics().height() * 8)
        self._buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        self._buttons.button(_Buttons.Ok).setText("Import")
        self._buttons.button(_Buttons.Ok).setEnabled(False)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        names = QHBoxLayout()
        names.addWidget(QLabel("Image files are named in"))
        names.addWidget(self.file_column, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self._head)
        layout.addLayout(names)
        layout.addWidget(area, 1)
        layout.addWidget(text_label(PRIVACY, "dim", wraps=True))
        layout.addWidget(self.preview)
        layout.addWidget(self._buttons)
        self._storing = Slices(self)
        self._pause = QTimer(self, interval=400, singleShot=True)
        self._pause.timeout.connect(self._prepare)
        self._errand.run(examine_table, table, done=self._ask, failed=self.preview.setPlainText)

    def _ask(self, found: Examined) -> None:
        self._head.setText(f"{self._table.name}: {found.rows:,} rows, {len(found.columns)} columns")
        for column in found.columns:
            self.file_column.addItem(column.name)
        self.file_column.setCurrentIndex(self.file_column.findText(found.file_column))
        self.file_column.setEnabled(True)
        for place, title in enumerate(("Column", "Most frequent values", "Different", "Take as")):
            self._grid.addWidget(text_label(title, "dim"), 0, place)
        for row, column in enumerate(found.columns, 1):
            choice = _Choice(column)
            choice.currentTextChanged.connect(self._on_change)
            self.choices.append(choice)
            examples = text_label(column.reason or ", ".join(column.examples) or "(not shown)", "dim", wraps=True)
            self._grid.addWidget(text_label(column.name, wraps=True), row, 0)
            self._grid.addWidget(examples, row, 1)
            self._grid.addWidget(QLabel(f"{column.distinct:,}"), row, 2, Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(choice, row, 3)
        self._grid.setColumnStretch(1, 1)
        self._grid.setRowStretch(len(found.columns) + 1, 1)
        self.file_column.currentIndexChanged.connect(self._on_change)
        self._problems = found.problems
        self._prepare()

    def _on_change(self) -> None:
        self._errand.cancel()
        self._buttons.button(_Buttons.Ok).setEnabled(False)
        self._pause.start()

    def _prepare(self) -> None:
        chosen: dict[str, str] = {}
        file_column = self.file_column.currentText()
        trouble = "" if file_column else "Choose the column that names the image files."
        for choice in self.choices:
            choice.setEnabled(choice.column.name != file_column and choice.column.reason != DATES)
            if not choice.fact or choice.column.name == file_column:
                continue
            if choice.fact in chosen:
                trouble = f"{choice.fact} is to come from two columns: {chosen[choice.fact]} and {choice.column.name}."
            chosen[choice.fact] = choice.column.name
        if not trouble and not chosen:
            trouble = "Choose what to import: every column is left out."
        if trouble:
            self.preview.setPlainText(trouble)
            return
        self.preview.setPlainText("Looking for the images…")
        arguments = (self._table, self._project.path, file_column, chosen)
        self._errand.run(prepare_facts, *arguments, done=self._show, failed=self.preview.setPlainText)

    def _show(self, found: Prepared) -> None:
        lines = [
            *self._problems,
            f"{found.matched:,} files matched, {found.unmatched:,} not in this project, {found.ambiguous:,} left out "
            "because they may mean several images",
            *(describe_plan(plan) for plan in found.plans),
        ]
        self.preview.setPlainText("\n".join(lines))
        self.rows = found.rows
        self._buttons.button(_Buttons.Ok).setEnabled(any(plan.images for plan in found.plans))

    def accept(self) -> None:
        """Stores, then closes; cancelling meanwhile takes all of it back."""
        self._buttons.button(_Buttons.Ok).setEnabled(False)
        for control in (self.file_column, *self.choices):
            control.setEnabled(False)
        close = super().accept
        steps = storing_facts(self._project, self.rows)
        self._storing.run(steps, lambda _: close(), self._tell, at_once=False)

    def _tell(self, share: float) -> None:
        self._head.setText(f"Storing… {percent(share)}")

    def done(self, result: int) -> None:
        self._pause.stop()
        self._storing.cancel()
        self._errand.cancel()
        super().done(result)
