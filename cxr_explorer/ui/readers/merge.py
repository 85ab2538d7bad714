"""What another reader's file would bring, before anything is changed."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.reader_names import MAX_LENGTH, is_reserved
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.project.file import SUFFIX
from cxr_explorer.project.notes import labels_and_notes
from cxr_explorer.project.readers.merging import MergePlan, planned_merge
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton
SHOWN = 2000


class MergeDialog(QDialog):
    """Names, counts, conflicts. `plan` and `take_theirs` say what was agreed to."""

    def __init__(self, parent: QWidget, project: Path, source: Path, reader: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Merge another reader's labels")
        give_room(self, 76, 36)
        self.plan: MergePlan | None = None
        self._project, self._source, self._reader = project, source, reader
        # A table that names no reader: the file is probably called after them.
        stem = source.name.partition(".")[0]
        usable = not is_reserved(stem) and len(stem) <= MAX_LENGTH
        self._names: dict[str, str] = {} if source.suffix == SUFFIX else {"": stem if usable else "imported"}
        self._errand = Errand(self)
        self.edits: dict[str, QLineEdit] = {}
        self._followers: dict[str, QLineEdit] = {}  # re-reads go with their reader
        self.head = text_label("", "", wraps=True)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self.warning = text_label("", "warning", wraps=True)
        self.by_name = QCheckBox()
        self.by_name.setToolTip(
            "For converted copies: the name counts, whatever is in the file. Look at some of them first"
        )
        self.by_name.toggled.connect(self._plan)
        self.theirs = QCheckBox()
        self.theirs.setToolTip("Otherwise the answer or note that is here already stays")
        self.theirs.toggled.connect(self._show_button)
        self.list = QTableWidget(0, 3)
        self.list.setAccessibleName("What needs a look")
        self.list.setHorizontalHeaderLabels(["", "Image", ""])
        self.list.verticalHeader().hide()
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setTabKeyNavigation(False)
        self.list.setShowGrid(False)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setMinimumHeight(6 * self.fontMetrics().lineSpacing())
        self.list.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self._buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.head)
        layout.addLayout(self._grid)
        layout.addWidget(self.warning)
        layout.addWidget(self.by_name)
        layout.addWidget(self.theirs)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._buttons)
        self._plan()

    @property
    def take_theirs(self) -> bool:
        """Whether their answer replaces ours where one reader has two."""
        return self.theirs.isChecked()

    def done(self, result: int) -> None:
        self._errand.cancel()
        super().done(result)

    def _plan(self) -> None:
        """Counts anew, in a child process."""
        self._names |= {name: edit.text().strip() for name, edit in self.edits.items()}
        self.plan = None
        self._show_button()
        if not self.edits:
            self.head.setText(f"<b>{escape(self._source.name)}</b>: counting…")
        self._errand.run(
            planned_merge,
            self._project,
            self._source,
            dict(self._names),
            self.by_name.isChecked(),
            done=self._show,
            failed=self._object,
        )

    def _object(self, text: str) -> None:
        self.warning.setText(text)
        self.warning.show()
        if not self.edits:
            self.head.setText(f"<b>{escape(self._source.name)}</b>")

    def _show(self, plan: MergePlan) -> None:
        self.plan = plan
        found = plan.matching
        kind = "the files" if self._source.suffix == SUFFIX else "the names in the table"
        self.head.setText(
            f"<b>{escape(self._source.name)}</b>: of {kind} with labels, <b>{len(found.by_content):,}</b> are images "
            f"of this project by their content and <b>{len(found.by_name):,}</b> by their name; "
            f"{len(found.unmatched):,} are not here, {len(found.ambiguous):,} could be several images and are left "
            "out.<br>"
            f"<b>{plan.new:,}</b> labels are new, {plan.same:,} are here already, "
            f"<b>{plan.conflicts:,}</b> contradict a label of the same reader here."
            + (
                f"<br><b>{plan.new_notes:,}</b> notes or flags are new, {plan.note_conflicts:,} differ from a note of "
                "the same reader here."
                if plan.notes
                else ""
            )
        )
        if not self.edits and not self._followers:
            self._build_names(plan)
        for incoming in plan.readers:
            if incoming.name in self._followers:
                self._followers[incoming.name].setText(incoming.comes_as)
        mine = [reader.name for reader in plan.readers if reader.comes_as == self._reader]
        self.warning.setText(
            f"{self._reader} is your own name. If these are another person's labels, keep them under another name."
            if mine
            else ""
        )
        self.warning.setVisible(bool(mine))
        self.by_name.setText(
            "Take files of the same &name for the same image, though their content differs: "
            f"{len(found.other_content):,}"
        )
        self.by_name.setVisible(bool(found.other_content) or self.by_name.isChecked())
        conflicts = plan.conflicts + plan.note_conflicts
        self.theirs.setText(f"Where one reader has two answers, take &theirs: {conflicts:,}")
        self.theirs.setVisible(bool(conflicts))
        self._fill(plan)
        self._show_button()

    def _build_names(self, plan: MergePlan) -> None:
        for row, reader in enumerate(plan.readers):
            name = QLabel(f"{reader.name or 'no reader named'}: {reader.labels:,} labels, kept as")
            edit = QLineEdit(reader.comes_as)
            edit.setToolTip("The name these labels are kept under here")
            name.setBuddy(edit)
            if reader.name and is_reserved(reader.name):
                edit.setEnabled(False)
                self._followers[reader.name] = edit
            else:
                edit.editingFinished.connect(self._rename)
                self.edits[reader.name] = edit
            self._grid.addWidget(name, row, 0)
            self._grid.addWidget(edit, row, 1)

    def _rename(self) -> None:
        if any(edit.text().strip() != self._names.get(name, name) for name, edit in self.edits.items()):
            self._plan()

    def _fill(self, plan: MergePlan) -> None:
        found = plan.matching
        done = "taken as the same image" if plan.by_name else "same name, other content: left out"
        rows = [
            *(
                (
                    "two answers",
                    conflict.file,
                    f"{conflict.finding} by {conflict.reader}: {VALUE_WORDS[conflict.here]} here, "
                    f"{VALUE_WORDS[conflict.there]} there",
                )
                for conflict in plan.listed
            ),
            *(("other content", file, f"{ours}: {done}") for file, ours in found.other_content.items()),
            *(("left out", file, "could be " + ", ".join(ours)) for file, ours in found.ambiguous.items()),
            *(("not here", file, "no such image in this project") for file in found.unmatched),
            *(("problem", "", problem) for problem in plan.problems),
        ][:SHOWN]
        self.list.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(cell)
                item.setToolTip(cell)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                self.list.setItem(row, column, item)
        self.list.resizeColumnToContents(0)
        self.list.resizeColumnToContents(1)
        self.list.setColumnWidth(1, min(self.list.columnWidth(1), self.width() * 2 // 5))
        self.list.setVisible(bool(rows))

    def _show_button(self) -> None:
        button = self._buttons.button(_Buttons.Ok)
        if self.plan is None:
            button.setText("Merge")
            button.setEnabled(False)
            return
        count, notes = self.plan.taken(self.take_theirs)
        button.setText(f"Merge {labels_and_notes(count, notes)}")
        button.setEnabled(count + notes > 0)
