"""Audits in the window: the plan is fixed in a dialog, the sample is read blind, a line says what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, QTimer

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import finding_text
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.bounds import SIGNS, outcome_text
from cxr_explorer.project.audits.lots import Lot
from cxr_explorer.project.audits.records import KIND, Audit, audit_record, audit_records, with_present_answers
from cxr_explorer.project.label_columns import has_labels, labelled_findings
from cxr_explorer.ui.audit.banner import AuditBanner
from cxr_explorer.ui.audit.dialog import AuditDialog, Place, cluster_places
from cxr_explorer.ui.audit.list import AuditList
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.audit import LABELLED
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import accepted


@dataclass(frozen=True, eq=False)
class _Planned:
    """An audit that starts when its turn comes."""

    lot: Lot
    error_limit: float
    confidence: float
    tolerated: int


class Audits(QObject, Part):
    """The window's part for audits.

    Attributes:
        list: The tab.
        banner: The line that says what became of the last audit.
    """

    def __init__(self, frame: Frame, session: Session, reading: Reading) -> None:
        super().__init__(frame)
        self._frame = frame
        self._one_by_one = reading
        self._session = session
        self.list = AuditList()
        frame.add_tab(self.list, "Audit")
        self.banner = AuditBanner()
        frame.add_strip(self.banner)
        self._waiting: list[int | _Planned] = []  # audits to read after the one that is being read, or to start then
        self._batch: list[int] = []  # those that were read together
        self._total = 0
        self._reading: Audit | None = None
        self._to_the_end = False
        self._told: list[int] = []  # audits the banner speaks of
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._refresh_if_seen)
        self._missed = False
        self.list.shown.connect(self._refresh_if_missed)
        self.list.newWanted.connect(self.start)
        self.list.imagesWanted.connect(self.select_images)
        self.list.readingWanted.connect(self.read_rest)
        self.list.repairWanted.connect(self.repair)
        self.list.abandonWanted.connect(self.abandon)
        self.banner.splitWanted.connect(lambda: self.split(self._told[0]))
        self.banner.repairWanted.connect(lambda: self.repair(self._told[0]))
        self.banner.restWanted.connect(lambda: self.read_rest(self._told[0]))
        session.projectChanged.connect(self._on_project)
        session.changed.connect(self._on_change)
        session.mapChanged.connect(self._later.start)

    @property
    def active(self) -> bool:
        """Whether an audit is being read."""
        return self._reading is not None

    def verbs(self) -> Verbs:
        return {
            "audit_start": self.start,
            "audit_list": self.show_list,
        }

    def states(self) -> Mapping[Need, bool]:
        """For the actions."""
        project = self._session.project
        return {LABELLED: project is not None and has_labels(project)}

    def show_keys(self) -> None:
        """Says the keys as they are now."""
        self.list.show_keys()

    # -- verbs -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Asks what to audit and begins to read, or goes on with what is open."""
        session = self._session
        project = session.project
        if project is None:
            return
        findings = self._findings()
        if not findings:
            session.said.emit(f"{session.reader} has no labels yet: there is nothing to audit.")
            return
        selection = session.selection
        chosen, atlas_map = None, session.map
        if selection.ids.size:
            named = atlas_map is not None and selection.cluster is not None
            title = atlas_map.cluster_name(selection.cluster) if named else "Selection"  # type: ignore[union-attr,arg-type]
            if session.filter is not None:
                title += f", only {session.filter.text}"
            chosen = Place(title, selection.ids)
        clusters = cluster_places(atlas_map) if atlas_map is not None else []
        dialog = AuditDialog(
            self._frame, session.preferences.settings, project, session.reader, findings, chosen, clusters
        )
        if accepted(dialog):
            self.read(
                [
                    _Planned(lot, dialog.error_limit, dialog.confidence, dialog.tolerated(lot))
                    if audit is None
                    else audit.audit_id
                    for lot, audit in zip(dialog.lots, dialog.open_audits, strict=True)
                ]
            )

    def read(self, wanted: Sequence[int | _Planned], to_the_end: bool = False) -> None:
        """Reads samples, one audit after the other.

        Args:
            wanted: Audits, of which what is left is read, or what is to be started when its turn comes.
            to_the_end: Whether to go on where an audit has failed already.
        """
        self.banner.hide()
        self._to_the_end = to_the_end
        self._batch, self._waiting, self._total = [], list(wanted), len(wanted)
        self._read_next()

    def read_rest(self, audit_id: int) -> None:
        """Reads what is left of an audit's sample; takes it up again if it was abandoned."""
        project = self._session.project
        assert project is not None
        audit = audit_record(project, audit_id)
        if audit.abandoned:
            self._session.acts.tell(conduct.resume(project, audit), "")
        self.read([audit_id], to_the_end=audit.state == "failed")

    def repair(self, audit_id: int) -> None:
        """Reads the images of a failed lot that nobody has read one by one, edge first: mending, not evidence."""
        project = self._session.project
        assert project is not None
        self.banner.hide()
        audit = audit_record(project, audit_id)
        queue = conduct.repair_queue(project, audit)
        self._one_by_one.start(f"Repair of {audit.title}, edge first", queue, audit.finding, reader=audit.reader)

    def split(self, audit_id: int) -> None:
        """Selects the cluster of an audit and divides it."""
        self.select_images(audit_id)
        self._frame.actions_by_name[SPLIT].trigger()

    def abandon(self, audit_id: int) -> None:
        """Gives an open audit up."""
        project = self._session.project
        assert project is not None
        self._session.acts.tell(conduct.abandon(project, audit_record(project, audit_id)), "It was abandoned already.")

    def select_images(self, audit_id: int) -> None:
        """Selects what an audit covers: its cluster where the map still has it, else the images."""
        session, project = self._session, self._session.project
        assert project is not None
        audit = audit_record(project, audit_id)
        cluster = self._cluster_of(audit)
        if cluster is not None:
            session.select_cluster(cluster)
        else:
            session.select(audit.image_ids, "selection")
        session.show_page("map")

    def show_list(self) -> None:
        """Brings the tab to the front, with the keyboard in it."""
        self.refresh()
        self._frame.bring_to_front(self.list)
        self.list.entries.setFocus()

    # -- reading ---------------------------------------------------------------------------------------------------

    def _read_next(self) -> None:
        project = self._session.project
        assert project is not None
        while self._waiting:
            try:
                audit = self._taken_up(self._waiting.pop(0))
            except UserError as error:
                self._frame.warn(str(error))
                break
            self._batch.append(audit.audit_id)
            left = np.array([image_id for image_id in audit.sample.tolist() if image_id not in audit.answers], np.int64)
            if left.size and (audit.state == "open" or self._to_the_end):
                self._reading = audit
                place = f" ({len(self._batch):,} of {self._total:,})" if self._total > 1 else ""
                number = f"Audit {audit.audit_id}{place}"
                self._one_by_one.start(
                    f"{number}: {audit.title}",
                    left,
                    audit.finding,
                    on_answer=self._state_of_answer,
                    on_end=self._on_end,
                    how="audit",
                    reader=audit.reader,
                    hide_suggestions=True,
                )
                return
        self._tell(self._batch)

    def _taken_up(self, wanted: int | _Planned) -> Audit:
        project = self._session.project
        assert project is not None
        if isinstance(wanted, _Planned):
            wanted = conduct.start(project, wanted.lot, wanted.error_limit, wanted.confidence, wanted.tolerated)
        return audit_record(project, wanted)

    def _state_of_answer(self, image_id: int, value: Value) -> Mapping[tuple[str, str], str | None]:
        assert self._reading is not None
        return conduct.answer_state(self._reading.audit_id, image_id, value)

    def _on_end(self, complete: bool) -> None:
        project = self._session.project
        read, self._reading = self._reading, None
        if project is None or read is None:
            return
        if complete or with_present_answers(project, read).state == "failed":
            self._read_next()
        else:
            self._waiting = []
            self._tell(self._batch)

    def _on_change(self, change: Change) -> None:
        if change.marks or KIND in change.states:
            self._later.start()
        if KIND not in change.states:
            return
        project = self._session.project
        if self._reading is None or project is None or self._to_the_end:
            return
        if with_present_answers(project, self._reading).state == "failed":
            self._one_by_one.stop()

    # -- telling ---------------------------------------------------------------------------------------------------

    def _on_project(self) -> None:
        self._reading, self._waiting, self._told = None, [], []
        self.banner.hide()
        self.refresh()

    def refresh(self) -> None:
        """Brings list and banner in line with the project; while images are read, that can wait."""
        if self._reading is not None:
            return
        self._missed = False
        project = self._session.project
        found = audit_records(project) if project is not None else []
        self.list.show_audits(found)
        if self.banner.isVisible():
            self._show_told({audit.audit_id: audit for audit in found})

    def _refresh_if_seen(self) -> None:
        if self.list.isVisible() or self.banner.isVisible():
            self.refresh()
        else:
            self._missed = True

    def _refresh_if_missed(self) -> None:
        if self._missed:
            self.refresh()

    def _tell(self, audit_ids: Sequence[int]) -> None:
        if not audit_ids:
            return
        self._told = list(audit_ids)
        self._session.acts.tell_states(KIND)  # what was started is no act, and yet to be shown
        self.refresh()
        project = self._session.project
        assert project is not None
        self._show_told({audit.audit_id: audit for audit in audit_records(project)})
        self.list.show_audit(self._told[-1])
        if self.banner.isVisible() and not self.banner.close_button.isHidden():
            buttons = (self.banner.split, self.banner.repair, self.banner.rest, self.banner.close_button)
            next(button for button in buttons if not button.isHidden()).setFocus()

    def _show_told(self, found: Mapping[int, Audit]) -> None:
        told = [found[number] for number in self._told if number in found]
        if len(told) == 1:
            (audit,) = told
            failed = audit.state == "failed"
            advice = ": split it, or read on" if failed else ""
            more = f". {key_text('audit_start')} goes on with it" if audit.state == "open" else ""
            text = f"{SIGNS[audit.state]} Audit {audit.audit_id}, {audit.title}, {finding_text(audit.finding)}: "
            self.banner.show_outcome(
                f"{text}{outcome_text(audit)}{advice}{more}.",
                split=failed and SPLIT in self._frame.actions_by_name and self._cluster_of(audit) is not None,
                repair=failed,
                rest=failed and not audit.complete,
            )
        elif told:
            states = [audit.state for audit in told]
            counts = ", ".join(f"{states.count(word):,} {word}" for word in SIGNS if word in states)
            self.banner.show_outcome(f"{len(told):,} audits: {counts}. {key_text('audit_list')} lists them.")

    def _cluster_of(self, audit: Audit) -> int | None:
        """The cluster of the map that holds most of an audit's lot and hardly anything else, if there is one."""
        atlas_map = self._session.map
        if atlas_map is None or audit.whole:
            return None
        inside = np.isin(atlas_map.image_ids, audit.image_ids)
        numbers, counts = np.unique(atlas_map.clusters[inside], return_counts=True)
        if not len(numbers) or 2 * counts.max() <= len(audit.image_ids):
            return None
        cluster = int(numbers[counts.argmax()])
        return cluster if 2 * int(counts.max()) > int((atlas_map.clusters == cluster).sum()) else None

    def _findings(self) -> list[str]:
        """Findings with labels of the reader: the one the label button stands at first, then by number of labels."""
        session, project = self._session, self._session.project
        assert project is not None
        found = labelled_findings(project, session.reader)
        found.sort(key=lambda finding: finding != session.finding)
        if found and found[0] != session.finding and session.selection.ids.size:
            inside = session.labels.counts_of(session.selection.ids)
            found.sort(key=lambda finding: -sum(inside.get(finding, {}).values()))
        return found


SPLIT = "split"
"""The action that divides the selected cluster."""
