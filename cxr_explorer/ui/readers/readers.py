"""Several readers: who reads, how far readers agree, settling what they differ on, blind re-reads, merging."""

from __future__ import annotations

import secrets
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton

from cxr_explorer.labels.reader_names import ADJUDICATED, ordinary, reread_name
from cxr_explorer.labels.texts import VALUE_WORDS, images_text
from cxr_explorer.project.file import SUFFIX
from cxr_explorer.project.label_columns import findings_of
from cxr_explorer.project.project import Ids
from cxr_explorer.project.readers import merging
from cxr_explorer.project.readers.agreement import next_disagreements, pair_disagreements, reader_names, who_said
from cxr_explorer.project.readers.rereads import draw_rereads, left_to_reread, rereadable_ids
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.readers.agreement import AgreementDialog
from cxr_explorer.ui.readers.merge import MergeDialog
from cxr_explorer.ui.readers.reread import RereadDialog
from cxr_explorer.ui.readers.switch import SwitchDialog
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import accepted


class Readers(QObject, Part):
    """The part of the window for several readers: its slots, and the reader's name in the status bar."""

    def __init__(self, frame: Frame, session: Session, reading: Reading) -> None:
        super().__init__(frame)
        self._frame = frame
        self._one_by_one = reading
        self._session = session
        self._errand = Errand(self)
        self.button = QPushButton(flat=True)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self.switch)
        frame.statusBar().addPermanentWidget(self.button)
        self._session.changed.connect(lambda change: self._show_reader() if change.labels else None)
        self._session.projectChanged.connect(self.close_down)
        self._show_reader()

    def verbs(self) -> Verbs:
        return {
            "switch_reader": self.switch,
            "agreement": self.show_agreement,
            "next_disagreement": self.read_disagreements,
            "reread": self.reread,
            "merge_labels": self.merge,
        }

    def close_down(self) -> None:
        """Drops what is being looked for."""
        self._errand.cancel()

    # -- who reads -------------------------------------------------------------------------------------------------

    def switch(self) -> None:
        """Asks who reads now."""
        session = self._session
        names = ordinary(reader_names(session.project)) if session.project is not None else []
        dialog = SwitchDialog(self._frame, session.preferences.own_reader, names)
        if accepted(dialog) and dialog.reader != session.preferences.own_reader:
            self._one_by_one.stop()
            session.set_reader(dialog.reader)
            new = "" if dialog.reader in names else ", who has no labels here yet"
            session.said.emit(f"Labels are now kept for, and shown of, {dialog.reader}{new}.")

    def _show_reader(self) -> None:
        session = self._session
        self.button.setText(f"reader: {session.reader}".replace("&", "&&"))
        self.button.setToolTip(tooltip("switch_reader"))

    # -- agreement and disagreements -------------------------------------------------------------------------------

    def show_agreement(self) -> None:
        """Shows how far two readers agree; from there the disagreements can be read or selected."""
        session = self._session
        assert session.project is not None
        names = reader_names(session.project)
        if len(names) < 2:
            self._say_alone("Agreement")
            return
        dialog = AgreementDialog(
            self._frame, session.project.path, names, session.preferences.own_reader, session.finding
        )
        accepted(dialog)
        chosen, wanted = dialog.chosen(), dialog.wanted
        if chosen is None or not wanted:
            return
        text = f"{chosen.first} and {chosen.second} differ"

        def go_on(ids: Ids) -> None:
            if wanted == "read":
                self._read(chosen.finding, ids, text)
                return
            session.select(ids, "selection")
            session.said.emit(f"{text} about {chosen.finding} on {images_text(ids.size)}: they are selected.")

        self._errand.run(
            pair_disagreements,
            session.project.path,
            chosen.finding,
            chosen.first,
            chosen.second,
            wanted == "select",
            done=go_on,
            failed=self._frame.warn,
        )

    def read_disagreements(self) -> None:
        """Looks for images on which readers differ about the finding, or the next one, and begins to settle them."""
        session, reading = self._session, self._one_by_one
        assert session.project is not None
        if reading.active:
            session.said.emit(f"A reading is under way already; {key_text('back')} ends it.")
            return
        if len(ordinary(reader_names(session.project))) < 2:
            self._say_alone("A disagreement")
            return
        asked = session.finding
        session.said.emit("Looking for what readers differ on…")

        def begin(found: tuple[str, Ids] | None) -> None:
            if found is None:
                session.said.emit("Readers differ on nothing that was not settled already.")
                return
            finding, ids = found
            self._read(finding, ids, "Readers differ")
            if finding != asked:
                session.said.emit(f"Nothing is open about {asked}; this is about {finding}.")

        self._errand.run(next_disagreements, session.project.path, asked, done=begin, failed=self._frame.warn)

    def _read(self, finding: str, ids: Ids, title: str) -> None:
        session = self._session

        def said(image_id: int) -> str:
            if session.project is None:
                return ""
            answers = who_said(session.project, image_id, finding)
            return "  ·  ".join(f"{name}: {VALUE_WORDS[value]}" for name, value in answers.items())

        self._one_by_one.start(
            title, ids, finding, how="adjudication", reader=ADJUDICATED, hide_suggestions=True, reveal=said
        )

    def _say_alone(self, what: str) -> None:
        self._session.said.emit(
            f"{what} takes two readers who judged the same images: switch the reader ({key_text('switch_reader')}), or "
            "merge another reader's labels (menu Readers)."
        )

    # -- blind re-reads --------------------------------------------------------------------------------------------

    def reread(self) -> None:
        """Asks how many images to read a second time, draws them, and begins; or goes on with what was drawn before."""
        session = self._session
        project, reader = session.project, session.preferences.own_reader
        assert project is not None
        self._one_by_one.stop()
        findings = findings_of(project, reader)
        counts = {
            finding: (rereadable_ids(project, reader, finding).size, left_to_reread(project, reader, finding).size)
            for finding in findings
        }
        counts = {finding: both for finding, both in counts.items() if both[0]}
        if not counts:
            session.said.emit(
                f"There is nothing to read again: {reader} has read no image one by one, or all of them twice."
            )
            return
        dialog = RereadDialog(self._frame, reader, counts, session.finding, secrets.randbelow(10**6))
        if not accepted(dialog):
            return
        finding = dialog.finding
        if dialog.wanted:
            session.acts.tell(
                draw_rereads(project, reader, finding, dialog.wanted, dialog.seed), "No image is left to draw."
            )
        self._one_by_one.start(
            "Read again, blind",
            left_to_reread(project, reader, finding),
            finding,
            how="reread",
            reader=reread_name(reader),
            hide_suggestions=True,
            on_end=self._on_reread,
        )

    def _on_reread(self, complete: bool) -> None:
        agreement = f"Readers > Agreement ({key_text('agreement')}) compares both readings."
        self._session.said.emit(
            f"All read again. {agreement}" if complete else f"Stopped; what is left stays drawn. {agreement}"
        )

    # -- merging ---------------------------------------------------------------------------------------------------

    def merge(self) -> None:
        """Asks for another reader's file, shows what it would bring, and takes it in."""
        folder = self._frame.last_folder()
        chosen, _ = QFileDialog.getOpenFileName(
            self._frame,
            "Another reader's labels",
            folder,
            f"Projects and label tables (*{SUFFIX} *.csv *.tsv *.txt *.csv.gz *.parquet *.json);;All files (*)",
        )
        if chosen:
            self.merge_from(Path(chosen))

    def merge_from(self, source: Path) -> None:
        """Shows what a file would bring, and takes it in."""
        session = self._session
        assert session.project is not None
        self._one_by_one.stop()
        dialog = MergeDialog(self._frame, session.project.path, source, session.preferences.own_reader)
        if not accepted(dialog) or dialog.plan is None:
            return
        QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            change = merging.merge(session.project, dialog.plan, session.preferences.own_reader, dialog.take_theirs)
        finally:
            QApplication.restoreOverrideCursor()
        session.acts.tell(change, "All of these labels are here already.")
