"""What a reader does to labels from the menu: by number, by the button, from tables; and the list of findings."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.reader_names import ADJUDICATED
from cxr_explorer.project.history import MOST, history
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.label import FINDING_ACTIONS
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.labelling.export_progress import ExportProgress
from cxr_explorer.ui.labelling.findings_dialog import FindingsDialog
from cxr_explorer.ui.labelling.history_dialog import HistoryDialog
from cxr_explorer.ui.labelling.label_panel import LabelPanel
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.labelling.table_exchange import export_table, import_table
from cxr_explorer.ui.session.judging import Judging
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import accepted


class Labelling(QObject, Part):
    """The part of the window for labels."""

    def __init__(self, frame: Frame, session: Session, judging: Judging, panel: LabelPanel, reading: Reading) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._judging = judging
        self._panel = panel
        self._one_by_one = reading
        self._export = Errand(self)
        panel.vocabularyWanted.connect(self.choose_vocabulary)
        panel.labelWanted.connect(self.label_named)
        session.closing.connect(judging.forget)
        reading.changed.connect(lambda: panel.set_asking(reading.active))

    def verbs(self) -> Verbs:
        by_number = {name: partial(self.label_finding, *asked) for name, asked in FINDING_ACTIONS.items()}
        return {
            **by_number,
            "value_present": partial(self.set_value, 1),
            "value_absent": partial(self.set_value, 0),
            "value_uncertain": partial(self.set_value, -1),
            "value_clear": partial(self.set_value, None),
            "next_finding": partial(self.step_finding, 1),
            "previous_finding": partial(self.step_finding, -1),
            "vocabulary": self.choose_vocabulary,
            "apply": self._judging.label_target,
            "label_normal": partial(self._judging.label_whole, "label_normal"),
            "label_rest_absent": partial(self._judging.label_whole, "label_rest_absent"),
            "label_repeat": partial(self._judging.label_whole, "label_repeat"),
            "seek_finding": self._panel.seek,
            "undo": self._session.acts.undo,
            "redo": self._session.acts.redo,
            "history": self.show_history,
            "select_all": self._session.select_all,
            "import_labels": self.import_labels,
            "export_labels": self.export_labels,
        }

    def show_keys(self) -> None:
        self._panel.show_keys()

    def close_down(self) -> None:
        for unfinished in self._frame.findChildren(ExportProgress):
            unfinished.reject()  # a table is finished in a moment, a data set is not
        self._export.finish()

    def label_finding(self, position: int, value: int) -> None:
        """Labels what is chosen, or answers while images are read one by one."""
        project = self._session.project
        assert project is not None
        keyed = project.vocabulary.keyed
        if position < len(keyed):
            self.label_named(keyed[position], value)

    def label_named(self, finding: str, value: int) -> None:
        """The same with the finding's name."""
        if self._one_by_one.active and finding == self._one_by_one.finding:
            self._one_by_one.answer(Value(value))
            return
        self._session.set_judgement(finding, Value(value))
        self._judging.label_target()

    def set_value(self, value: int | None) -> None:
        """Sets the button, or answers while images are read one by one."""
        chosen = None if value is None else Value(value)
        if self._one_by_one.active:
            self._one_by_one.answer(chosen)
        else:
            self._session.set_judgement(self._session.finding, chosen)
            self._tell_button()

    def step_finding(self, by: int) -> None:
        """The button goes to the next or previous finding."""
        self._panel.step_finding(by)
        self._tell_button()

    def _tell_button(self) -> None:
        """Where the findings are put away, what the button stands at now is said at the foot of the window."""
        if not self._panel.isVisible():
            self._session.said.emit(f"{key_text('apply')}: {self._panel.apply.text()}")

    def show_history(self) -> None:
        """Lists the acts, and goes to the one that is chosen."""
        session = self._session
        assert session.project is not None
        own = (session.preferences.own_reader, session.reader, ADJUDICATED)
        past = history(session.project, uncounted=own)  # what one did oneself is told in words
        dialog = HistoryDialog(self._frame, past, own, len(past) < MOST)
        if accepted(dialog) and dialog.number >= 0:
            session.acts.go_to(dialog.number)

    def choose_vocabulary(self) -> None:
        """Asks for the list of findings."""
        project = self._session.project
        assert project is not None
        dialog = FindingsDialog(self._frame, project.vocabulary)
        if accepted(dialog) and dialog.vocabulary != project.vocabulary:
            self._session.set_vocabulary(dialog.vocabulary)

    def import_labels(self) -> None:
        """Takes in labels of a table, after a preview."""
        try:
            import_table(self._frame, self._session, self._frame.last_folder())
        except UserError as error:
            self._frame.warn(str(error))

    def export_labels(self) -> None:
        """Writes the labels as a table, for another program, or as a data set."""
        try:
            export_table(self._frame, self._session, self._frame.last_folder(), self._export)
        except UserError as error:
            self._frame.warn(str(error))
