"""Suspect labels in the window: what the program doubts is listed, the most suspect first, and read one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QListWidget,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text, images_text
from cxr_explorer.project.label_columns import has_labels, label_of
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.project.readers.agreement import findings_by_reader
from cxr_explorer.project.readers.doubted import look_state
from cxr_explorer.suggesting import DoubtedLabels, find_doubted
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.suggest import DOUBTABLE
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.session.selection import NO_IDS
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import accepted, give_room, text_label

LISTED = 1_000
"""Of the doubted labels so many are listed; all of them are read."""


class SuspectLabels(QObject, Part):
    """The window's part for labels that the program doubts."""

    def __init__(self, frame: Frame, session: Session, reading: Reading) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._one_by_one = reading

    def verbs(self) -> Verbs:
        return {"suspects": self.find}

    def states(self) -> Mapping[Need, bool]:
        """For the actions."""
        session = self._session
        return {DOUBTABLE: session.project is not None and session.map is not None and has_labels(session.project)}

    def find(self) -> None:
        """Asks whose labels of what to doubt, lists the suspect ones, and reads them."""
        session = self._session
        project = session.project
        if project is None:
            return
        if self._one_by_one.active:
            session.said.emit(f"A reading is under way already; {key_text('back')} ends it.")
            return
        given = findings_by_reader(project)
        if not given:
            session.said.emit("No reader has labels yet: there is nothing to doubt.")
            return
        dialog = SuspectsDialog(self._frame, project, given, session.reader, session.finding)
        if accepted(dialog) and dialog.found is not None:
            self._read(dialog.found, dialog.chosen_ids())

    def _read(self, found: DoubtedLabels, ids: Ids) -> None:
        session = self._session
        finding, whose, own = found.finding, found.whose, found.whose == session.reader
        silent = set(found.image_ids[found.silent].tolist())

        def stands(image_id: int) -> tuple[Value | None, str]:
            if session.project is None:
                return None, ""
            value = label_of(session.project, image_id, finding, whose)
            if value is not None:
                word = _labelled(VALUE_WORDS[value])
            elif image_id in silent:
                value, word = Value.ABSENT, "not named"
            else:
                word = "no label now"
            # Another's label stays, whatever the answer: it is neither kept nor changed.
            return (value, word) if own else (None, f"{word} by {whose}")

        def noted(image_id: int, value: Value) -> Mapping[tuple[str, str], str | None]:
            return look_state(finding, whose, image_id, value) if own else {}

        def said(complete: bool) -> None:
            left = "Nothing doubted is left." if complete else f"{key_text('suspects')} goes on with what is left."
            session.said.emit(f"{left} How right the other labels are, only an audit says ({key_text('audit_start')}).")

        self._one_by_one.start("Suspect labels", ids, finding, on_answer=noted, on_end=said, stands=stands)


class SuspectsDialog(QDialog):
    """The doubted labels of a finding; what is to be read is in `found` and `chosen_ids` afterwards."""

    def __init__(
        self, parent: QWidget, project: Project, given: Mapping[str, list[str]], reader: str, finding: str
    ) -> None:
        """Begins to look at once.

        Args:
            parent: The window.
            project: Whose labels are doubted; a child process reads its file.
            given: See `findings_by_reader`.
            reader: Who sits at the window.
            finding: What they are at.
        """
        super().__init__(parent)
        self.setWindowTitle("Suspect labels")
        give_room(self, 52, 30)
        self.found: DoubtedLabels | None = None
        self._path: Path = project.path
        self._paths = project.paths()
        self._given = given
        self._reader = reader
        self._errand = Errand(self)
        self.whose, self.finding = QComboBox(), QComboBox()
        self.whose.addItems(list(given))
        self.whose.setCurrentText(reader if reader in given else next(iter(given)))
        self.whose.setToolTip("Another reader's labels stay as they are: your answers are kept as your own")
        self.finding.setToolTip("The finding whose labels are put to each other")
        form = QFormLayout()
        form.addRow("&Labels of", self.whose)
        form.addRow("&Finding", self.finding)
        form.setRowVisible(self.whose, list(given) != [reader])
        self.told = text_label("", "heading", wraps=True)
        self.more = text_label("", "dim", wraps=True)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName("Labels are being put to each other")
        self.entries = QListWidget()
        self.entries.setAccessibleName("Suspect labels, the most suspect first")
        self.entries.setToolTip("Enter reads from here on")
        self.entries.itemActivated.connect(lambda _item: self._read())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)  # Enter never means Close
        self.read = buttons.addButton("&Read them", QDialogButtonBox.ButtonRole.AcceptRole)
        self.read.setDefault(True)
        self.read.setToolTip("Read them one by one, from the line the list stands at: keep each label, or change it")
        buttons.accepted.connect(self._read)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addLayout(form)
        for widget in (self.told, self.busy, self.entries, self.more, buttons):
            column.addWidget(widget)
        column.setStretchFactor(self.entries, 1)
        self._offer_findings(finding)
        self.whose.currentIndexChanged.connect(lambda: self._offer_findings(self.finding.currentData()))
        self.finding.currentIndexChanged.connect(self._look)
        self.entries.setFocus()
        self._look()

    def chosen_ids(self) -> Ids:
        """The doubted images, from the line the list stands at."""
        return NO_IDS if self.found is None else self.found.image_ids[max(self.entries.currentRow(), 0) :]

    def done(self, result: int) -> None:
        self._errand.cancel()
        super().done(result)

    def _offer_findings(self, finding: str) -> None:
        self.finding.blockSignals(True)
        self.finding.clear()
        for name in self._given[self.whose.currentText()]:
            self.finding.addItem(finding_text(name), name)
        self.finding.setCurrentIndex(max(self.finding.findData(finding), 0))
        self.finding.blockSignals(False)
        if self.isVisible():
            self._look()

    def _look(self) -> None:
        self.found = None
        self.entries.clear()
        self._show("Putting the labels to each other…", "", busy=True)
        whose, finding = self.whose.currentText(), str(self.finding.currentData())
        self._errand.run(*(find_doubted, self._path, finding, whose, self._reader), done=self._fill, failed=self._show)

    def _fill(self, found: DoubtedLabels) -> None:
        self.found = found
        for image_id, word in zip(found.image_ids[:LISTED].tolist(), found.words()[:LISTED], strict=True):
            self.entries.addItem(f"{_labelled(word)}:  {self._paths[image_id]}")
        self.entries.setCurrentRow(0)
        self._show(found.in_words(), self._more_of(found))

    def _more_of(self, found: DoubtedLabels) -> str:
        """What there is to know of the list."""
        if found.reason:
            return ""
        wrong, labels = f"{found.expected_wrong:,.0f}", f"{found.present + found.absent:,}"
        told = [
            f"By the labels themselves about {wrong} of all {labels} are wrong: a rough estimate, no evidence.",
            "The program doubts what is unlike the others of its label; you decide.",
            "It cannot see errors that were made the same way throughout.",
        ]
        if found.by_silence:
            told.append(f"{found.whose} names what is there: where this finding is not named it counts as absent.")
        if found.whose != self._reader:
            told.append(f"Your answers are kept as those of {self._reader}; the labels of {found.whose} stay.")
        if len(found.image_ids) > LISTED:
            told.append(f"The first {LISTED:,} are listed; all are read.")
        return " ".join(told)

    def _show(self, told: str, more: str = "", busy: bool = False) -> None:
        self.told.setText(told)
        self.more.setText(more)
        self.busy.setVisible(busy)
        count = 0 if self.found is None else len(self.found.image_ids)
        self.entries.setVisible(busy or bool(count))
        self.read.setEnabled(bool(count))
        self.read.setText(f"&Read {images_text(count)}" if count else "&Read them")

    def _read(self) -> None:
        if self.found is not None and len(self.found.image_ids):
            self.accept()


def _labelled(word: str) -> str:
    """ "labelled present"; "not named" stays as it is."""
    return f"labelled {word}" if word in VALUE_WORDS.values() else word
