"""The tab of the audits: what became of each, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout

from cxr_explorer.labels.texts import finding_text
from cxr_explorer.project.audits.bounds import SIGNS, covers_text, level, outcome_text, percent, stale_text, state_word
from cxr_explorer.project.audits.records import Audit
from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import text_label


class AuditList(QFrame):
    """All audits of the project, the newest first."""

    newWanted = Signal()
    imagesWanted = Signal(int)  # the audit whose images are to be selected
    readingWanted = Signal(int)
    repairWanted = Signal(int)
    abandonWanted = Signal(int)
    shown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._audits: list[Audit] = []
        self._heading = text_label("No audit yet", "heading", wraps=True)
        self.entries = QListWidget()
        self.entries.setAccessibleName("Audits")
        self.entries.setWordWrap(True)
        self.entries.setSpacing(2)
        self.entries.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.entries.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.entries.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.entries.itemActivated.connect(lambda _item: self._emit(self.imagesWanted))
        self.entries.currentRowChanged.connect(lambda _row: self._enable())
        self._hint = text_label("", "dim", wraps=True)
        self._new = QPushButton("New audit…")
        self._new.clicked.connect(self.newWanted)
        self._select = _button("Select images", "Select the images the audit covers (Enter)")
        self._read = _button("Go on", "")
        self._repair = _button(
            "Repair", "Read the images nobody has read one by one, those at the edge first; no evidence"
        )
        self._abandon = _button("Abandon", "Give the open audit up; it stays on record and counts")
        for button, signal in (
            (self._select, self.imagesWanted),
            (self._read, self.readingWanted),
            (self._repair, self.repairWanted),
            (self._abandon, self.abandonWanted),
        ):
            button.clicked.connect(lambda _checked=False, s=signal: self._emit(s))
        buttons = FlowPanel()
        for button in (self._read, self._repair, self._select, self._abandon, self._new):
            buttons.add(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 12, 10, 10)
        column.setSpacing(8)
        column.addWidget(self._heading)
        column.addWidget(self.entries, 1)
        column.addWidget(self._hint)
        column.addWidget(buttons)
        self.show_keys()
        self.show_audits([])

    def show_keys(self) -> None:
        """Says the keys as they are now."""
        self._new.setToolTip(tooltip("audit_start"))

    def show_audits(self, audits: Sequence[Audit]) -> None:
        """Shows these audits, given oldest first; the current one stays current."""
        current = self.current_id()
        self._audits = list(reversed(audits))
        self.entries.blockSignals(True)
        self.entries.clear()
        for audit in self._audits:
            item = QListWidgetItem(entry_text(audit))
            item.setToolTip(entry_tip(audit))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, entry_text(audit).replace("\n", ", "))
            self.entries.addItem(item)
        self.entries.blockSignals(False)
        numbers = [audit.audit_id for audit in self._audits]
        self.entries.setCurrentRow(numbers.index(current) if current in numbers else 0 if numbers else -1)
        words = [state_word(audit) for audit in audits]
        counts = [f"{words.count(word):,} {word}" for word in SIGNS if word in words]
        self._heading.setText(", ".join(counts).capitalize() if counts else "No audit yet")
        self._hint.setText(
            "" if counts else "An audit reads a random sample of labels and says how many of all may be wrong at most."
        )
        self._hint.setVisible(not counts)
        self._enable()

    def show_audit(self, audit_id: int) -> None:
        """Makes an audit the current one."""
        for row, audit in enumerate(self._audits):
            if audit.audit_id == audit_id:
                self.entries.setCurrentRow(row)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit()

    def current_id(self) -> int | None:
        """The audit the list stands at."""
        row = self.entries.currentRow()
        return self._audits[row].audit_id if 0 <= row < len(self._audits) else None

    def _emit(self, signal: SignalInstance) -> None:
        current = self.current_id()
        if current is not None:
            signal.emit(current)

    def _enable(self) -> None:
        row = self.entries.currentRow()
        audit = self._audits[row] if 0 <= row < len(self._audits) else None
        state = audit.state if audit is not None else ""
        unread = audit is not None and not audit.complete
        self._select.setEnabled(audit is not None)
        self._read.setEnabled(unread)
        self._read.setText("Read the rest" if state == "failed" else "Go on")
        self._read.setToolTip(
            "It failed already; reading the rest of the sample says how many labels may be wrong"
            if state == "failed"
            else "Read what is left of the sample"
        )
        self._repair.setEnabled(state == "failed")
        self._abandon.setEnabled(state == "open")


def entry_text(audit: Audit) -> str:
    """An audit in a few short lines."""
    word = state_word(audit)
    lines = [f"{SIGNS[word]} {word}: {audit.title}", finding_text(audit.finding)]
    if audit.state == "open":
        lines.append(f"{audit.answered:,} of {audit.plan.sample:,} read")
    elif audit.state == "abandoned":
        lines.append(f"after {audit.answered:,} of {audit.plan.sample:,}")
    elif audit.state == "failed":
        lines.append(f"{audit.errors:,} of {audit.answered:,} wrong")
    elif audit.in_full:
        lines.append(f"every label read, {audit.errors:,} corrected")
    elif audit.bound is not None:
        lines.append(f"error ≤ {percent(audit.bound)} ({level(audit.confidence)})")
    if audit.state == "passed" and audit.stale:
        lines.append(stale_text(audit))
    if audit.earlier:
        lines.append(f"audit number {len(audit.earlier) + 1} of the same images")
    return "\n".join(lines)


def entry_tip(audit: Audit) -> str:
    """Everything about an audit."""
    plan = audit.plan
    stale = stale_text(audit)
    lines = [
        f"Audit {audit.audit_id} of {audit.at[:10]}, {audit.reader}",
        outcome_text(audit).capitalize(),
        f"Plan: {plan.sample:,} of {plan.units:,} {plan.unit}s, {plan.tolerated:,} errors tolerated, error limit "
        f"{percent(plan.error_limit)}, confidence {level(plan.confidence)}, seed {audit.seed}",
        f"Covers: {covers_text(audit)}",
    ]
    return "\n".join([*lines, *([f"Stale: {stale}"] if stale else [])])


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button
