"""The dialog in which an audit is fixed before anybody looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QSettings
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from cxr_explorer.errors import UserError
from cxr_explorer.labels.confounders import percent
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text
from cxr_explorer.project.audits.bounds import level, outcome_text
from cxr_explorer.project.audits.lots import Lot, earlier_among, lot_of, part_of, plan_lot, tolerable
from cxr_explorer.project.audits.records import Audit, audit_records
from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.sampling.plan import Plan, chance_to_pass, fails_text
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


@dataclass(frozen=True, eq=False)
class Place:
    """Where the labels to audit are looked for.

    Attributes:
        title: In words ("Cluster 4").
        image_ids: Its images, ascending.
    """

    title: str
    image_ids: Ids


@dataclass(frozen=True, eq=False)
class Choice:
    """One entry of the dialog: a text, and the lots it stands for, each with an audit of its own."""

    text: str
    lots: Sequence[Lot]


def choices(whole: Lot, known: Sequence[Audit], chosen: Place | None, clusters: Sequence[Place]) -> list[Choice]:
    """What can be audited of a finding.

    Args:
        whole: All labels of the finding.
        known: Its audits.
        chosen: What is selected, or None.
        clusters: The clusters of the map.
    """
    found = []
    if chosen is not None:
        lot = part_of(whole, chosen.title, chosen.image_ids)
        if len(lot.image_ids):
            found.append(Choice(f"{chosen.title}: {_labels(len(lot.image_ids))}", [lot]))
    if len(whole.image_ids):
        found.append(Choice(f"All labels of the finding: {_labels(len(whole.image_ids))}", [whole]))
    parts = [part_of(whole, place.title, place.image_ids) for place in clusters]
    labelled = [lot for lot in parts if len(lot.image_ids)]
    before = earlier_among(known, labelled)
    labelled = [lot for lot, audited in zip(labelled, before, strict=True) if not any(map(_holds, audited))]
    if len(labelled) > 1:
        found.append(Choice(f"Each of {len(labelled):,} clusters that no audit holds for, one by one", labelled))
    return found


def _holds(audit: Audit) -> bool:
    return audit.state == "passed" and not audit.stale


def _labels(count: int) -> str:
    return f"{count:,} label{'' if count == 1 else 's'}"


class AuditDialog(QDialog):
    """Error limit, confidence, what is tolerated, and what that means in images to read."""

    def __init__(
        self,
        parent: QWidget,
        settings: QSettings,
        project: Project,
        reader: str,
        findings: Sequence[str],
        chosen: Place | None,
        clusters: Sequence[Place],
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Random audit")
        give_room(self, 50)
        self._settings, self._project, self._reader = settings, project, reader
        self._chosen, self._clusters = chosen, clusters
        self._choices: list[Choice] = []
        self._known: list[Audit] = []
        self._before: list[list[Audit]] = []
        self._finding = QComboBox()
        self._finding.addItems([finding_text(finding) for finding in findings])
        self._findings = list(findings)
        self._finding.setToolTip("Whose labels are audited")
        self._which = QComboBox()
        self._which.setToolTip(
            "The labels the bound will speak of. An audit of all labels says how many of all are wrong, not of each "
            "cluster; an audit of each cluster costs more looks."
        )
        self._limit = _percent(settings.value("audit_limit", 5.0), 0.1, 50.0, 0.5)
        self._limit.setToolTip("The lot passes only where more wrong labels than this are ruled out")
        self._confidence = _percent(settings.value("audit_confidence", 95.0), 50.0, 99.9, 1.0)
        self._confidence.setToolTip("Of a hundred lots with more wrong labels than the limit, so many fail")
        self._tolerated = QSpinBox()
        self._tolerated.setRange(0, 50)
        self._tolerated.setToolTip(
            "So many wrong labels in the sample still pass. More of them ask for a larger sample."
        )
        self._values = text_label("", "dim", wraps=True)
        self._result = text_label("", "heading", wraps=True)
        self._chance = text_label("", "dim", wraps=True)
        self._again = text_label("", "warning", wraps=True)
        note = text_label(
            "The sample is drawn and stored when you start, and stays on record whatever comes of it. You read it "
            "without suggestions; every answer labels its image, and Undo takes it back.",
            "dim",
            wraps=True,
        )
        buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        self._start = buttons.button(_Buttons.Ok)
        self._start.setToolTip("Draw the sample, store it, and begin to read")
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        form.setHorizontalSpacing(16)
        for text, widget in (
            ("&Finding", self._finding),
            ("&Labels", self._which),
            ("", self._values),
            ("&Error limit", self._limit),
            ("&Confidence", self._confidence),
            ("&Tolerated errors", self._tolerated),
        ):
            # A text with an access key is drawn a little wider than it is measured: a blank makes up for it.
            form.addRow(f"{text}\u00a0" if text else "", widget)
        for line in (self._result, self._chance, self._again, note, buttons):
            form.addRow(line)
        self._finding.currentIndexChanged.connect(self._fill)
        self._which.currentIndexChanged.connect(self._look)
        for spin in (self._limit, self._confidence, self._tolerated):
            spin.valueChanged.connect(self._show)
        self._fill()
        self._limit.setFocus()
        self._limit.selectAll()

    # -- what was chosen -------------------------------------------------------------------------------------------

    @property
    def lots(self) -> Sequence[Lot]:
        """The labels to audit, an audit for each lot."""
        return self._choices[self._which.currentIndex()].lots if self._choices else ()

    @property
    def error_limit(self) -> float:
        """0..1."""
        return round(self._limit.value() / 100, 6)

    @property
    def confidence(self) -> float:
        """0..1."""
        return round(self._confidence.value() / 100, 6)

    @property
    def open_audits(self) -> list[Audit | None]:
        """For each lot the audit of these images that is open, which is then to be gone on with, or None."""
        return [next((audit for audit in before if audit.state == "open"), None) for before in self._before]

    def tolerated(self, lot: Lot) -> int:
        """How many wrong labels pass; of several lots the small ones tolerate what they can."""
        wanted = self._tolerated.value()
        return tolerable(lot, self.error_limit, wanted) if len(self.lots) > 1 else wanted

    # -- following -------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        finding = self._findings[self._finding.currentIndex()]
        self._known = audit_records(self._project, finding, self._reader)
        whole = lot_of(self._project, finding, self._reader, title="all labels")
        self._choices = choices(whole, self._known, self._chosen, self._clusters)
        self._which.blockSignals(True)
        self._which.clear()
        self._which.addItems([choice.text for choice in self._choices])
        self._which.blockSignals(False)
        self._look()

    def _look(self) -> None:
        """What is known of the chosen labels, whatever the settings."""
        self._before = earlier_among(self._known, self.lots)
        counts = {value: sum(int((lot.values == value).sum()) for lot in self.lots) for value in Value}
        words = ", ".join(f"{counts[value]:,} {word}" for value, word in VALUE_WORDS.items() if counts[value])
        several = any(len(np.unique(lot.patients)) < len(lot.image_ids) for lot in self.lots)
        self._values.setText(words + ("; some patients have several images" if several else ""))
        self._show()

    def _show(self) -> None:
        try:
            plans = [plan_lot(lot, self.error_limit, self.confidence, self.tolerated(lot)) for lot in self.lots]
        except UserError as error:
            self._result.setText(str(error))
            self._chance.setText("")
            plans = []
        else:
            self._result.setText(_plan_text(plans) if plans else "There is no label of this finding to audit.")
            self._chance.setText(_chance_text(plans[0]) if len(plans) == 1 else "")
        open_audits = [audit for audit in self.open_audits if audit is not None]
        fixed = len(open_audits) == len(self.lots) > 0
        for spin in (self._limit, self._confidence, self._tolerated):
            spin.setEnabled(not fixed)
        if fixed:
            self._result.setText(_open_text(open_audits))
            self._chance.setText("What passes was fixed at the start.")
        self._start.setText("&Go on reading" if fixed else "&Start")
        self._start.setEnabled(bool(plans) or fixed)
        self._again.setText("" if fixed else self._again_text())
        for line in (self._chance, self._again):
            line.setVisible(bool(line.text()))
        self._fit()

    def _fit(self) -> None:
        """High enough for every line at its width."""
        layout = self.layout()
        width = max(self.width(), self.minimumWidth())
        height = layout.totalHeightForWidth(width) if layout is not None else 0
        if height > self.height():
            self.resize(width, height)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()

    def _again_text(self) -> str:
        repeated = [before for before in self._before if before]
        if not repeated:
            return ""
        if len(self.lots) > 1:
            return f"⚠ {len(repeated):,} of these were audited before; their bounds then hold with less confidence."
        (before,) = repeated
        sure = level(max(0.0, 1 - (len(before) + 1) * (1 - self.confidence)))
        number = len(before) + 1
        last = f"audit {before[-1].audit_id}, {outcome_text(before[-1])}"
        return (
            f"⚠ This is audit number {number} of these images; the last one was {last}. "
            f"A bound then holds with {sure} over all {number}."
        )

    def _accept(self) -> None:
        self._settings.setValue("audit_limit", self._limit.value())
        self._settings.setValue("audit_confidence", self._confidence.value())
        self.accept()


def _percent(stored: object, low: float, high: float, step: float) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(low, high)
    spin.setDecimals(1)
    spin.setSingleStep(step)
    spin.setSuffix(" %")
    spin.setValue(float(str(stored)))
    return spin


def _plan_text(plans: Sequence[Plan]) -> str:
    if len(plans) > 1:
        images = sum(plan.sample for plan in plans)
        return f"You will read {images:,} images in {len(plans):,} audits, one after the other."
    (plan,) = plans
    if plan.unit == "patient":
        what = f"You will read one image each of {plan.sample:,} of {plan.units:,} patients"
    elif plan.sample == plan.units:
        return f"You will read all {plan.units:,} images: in a lot so small every label has to be seen."
    else:
        what = f"You will read {plan.sample:,} of {plan.units:,} images"
    return f"{what}. {fails_text(plan)}"


def _chance_text(plan: Plan) -> str:
    """How likely good lots pass, so that nobody is surprised by a failure."""
    if plan.unit == "image" and plan.sample == plan.units:
        return "What is wrong is corrected as it is read."
    shares = [plan.error_limit / 10, plan.error_limit / 4, plan.error_limit / 2]
    chances = ", ".join(f"{percent(chance_to_pass(plan, share))} with {share * 100:.2g} %" for share in shares)
    return f"How likely it passes, by the share of wrong labels: {chances}."


def _open_text(open_audits: Sequence[Audit]) -> str:
    if len(open_audits) > 1:
        return f"{len(open_audits):,} audits of these images are open."
    (audit,) = open_audits
    return f"Audit {audit.audit_id} of these images is open: {outcome_text(audit)}."


def cluster_places(atlas_map: AtlasMap) -> list[Place]:
    """The clusters of a map, noise left out."""
    return [
        Place(atlas_map.cluster_name(number), atlas_map.image_ids[atlas_map.clusters == number])
        for number in range(len(atlas_map.groups))
    ]
