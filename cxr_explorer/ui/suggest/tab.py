"""The tab at the left: how far the finding is, what can be done with suggestions, and what its target still needs."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.project.audits.standing import in_words
from cxr_explorer.report.progress import FindingCounts, count_finding
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.suggest.suggest import Suggestions
from cxr_explorer.ui.widgets.texts import text_label

BUTTONS = (
    ("read_next", "Read next"),
    ("colour_suggestion", "Colour the map"),
    ("accept_bulk", "Accept in bulk…"),
    ("audit_start", "Audit labels…"),
)
"""Actions and what their buttons say; the last one stands below the target."""


class SuggestTab(QScrollArea):
    """Follows the part; its buttons are the part's actions."""

    left = Signal()
    """Enter was pressed in the target: the keyboard may go on."""

    def __init__(self, suggest: Suggestions, frame: Frame, session: Session) -> None:
        super().__init__()
        self._suggest = suggest
        self._frame = frame
        self._session = session
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inside = QFrame()
        inside.setObjectName("panel")
        self.setWidget(inside)
        self._heading = text_label("", "heading", wraps=True)
        self._counts = text_label("", wraps=True)
        self._state = text_label("", "dim", wraps=True)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName("Suggestions are being computed")
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        for widget in (self._heading, self._counts, self._state, self.busy):
            column.addWidget(widget)
        self.buttons: dict[str, QPushButton] = {}
        for action, text in BUTTONS:
            button = QPushButton(text)
            button.clicked.connect(lambda _checked=False, name=action: frame.actions_by_name[name].trigger())
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.buttons[action] = button
        *above, below = self.buttons.values()
        for button in above:
            column.addWidget(button)
        self._hiding = text_label("", "dim", wraps=True)
        column.addWidget(self._hiding)
        column.addWidget(_line())
        row = QHBoxLayout()
        label = text_label("Target", "heading")
        self.target = QDoubleSpinBox()
        self.target.setRange(50, 99.9)
        self.target.setDecimals(1)
        self.target.setSingleStep(0.5)
        self.target.setSuffix(" %")
        self.target.setKeyboardTracking(False)
        self.target.setToolTip("Share of the labels of this finding that you want to be right")
        self.target.setAccessibleName("Share of right labels wanted")
        self.target.valueChanged.connect(lambda percent: suggest.set_target(percent / 100))
        self.target.lineEdit().returnPressed.connect(self.left.emit)
        label.setBuddy(self.target)
        row.addWidget(label, 1)
        row.addWidget(self.target)
        column.addLayout(row)
        self._standing = text_label("", wraps=True)
        self._standing.setToolTip(
            "Labels read one by one are right by definition. Of the others only random audits are evidence, never what "
            "the suggestions expect of themselves. It stays true whenever you look and whenever you stop."
        )
        column.addWidget(self._standing)
        column.addWidget(below)
        column.addStretch(1)
        self._counted: tuple[str, str, FindingCounts] | None = None
        session = self._session
        for signal in (session.projectChanged, session.mapChanged):
            signal.connect(self._forget_counts)
        session.changed.connect(lambda change: self._forget_counts() if change.marks else None)
        suggest.changed.connect(self.refresh)
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """What is seen is asked for."""
        super().showEvent(event)
        self._suggest.ask()
        self.refresh()

    def refresh(self) -> None:
        """Brings the texts in line with the part."""
        if not self.isVisible():
            return
        session, standing = self._session, self._suggest.standing()
        self._heading.setText(finding_text(session.finding) or "No project")
        counts = self._count()
        self._counts.setText("" if counts is None else _counts_text(counts.read, counts.accepted, counts.left))
        self._state.setText(self._suggest.state_text())
        self._state.setVisible(bool(self._state.text()))
        self.busy.setVisible(self._suggest.busy)
        for name, button in self.buttons.items():
            keys = key_text(name)
            button.setText(f"{dict(BUTTONS)[name]}{f'   {keys}' if keys else ''}")
            button.setToolTip(tooltip(name))
            button.setEnabled(self._frame.actions_by_name[name].isEnabled())
        key = key_text("hide_suggestions")
        self._hiding.setText(
            f"Hidden on open images until you have answered. {key} shows them."
            if self._suggest.hiding
            else f"Shown on open images before you answer. {key} hides them."
        )
        self.target.blockSignals(True)
        self.target.setValue(100 * self._suggest.target())
        self.target.blockSignals(False)
        self.target.setEnabled(session.project is not None)
        if self._suggest.reading_next:
            self._standing.setText("Updated when you finish reading.")
        else:
            self._standing.setText("" if standing is None else in_words(standing))

    def _forget_counts(self) -> None:
        """The part tells of the same change once it has taken it in: then they are counted anew."""
        self._counted = None

    def _count(self) -> FindingCounts | None:
        """How far the finding is: of the project, not of the newest suggestion, which waits for a batch to end."""
        session = self._session
        if session.project is None or session.map is None:
            return None
        if self._counted is None or self._counted[:2] != (session.finding, session.reader):
            counts = count_finding(session.project, session.map, session.finding, session.reader)
            self._counted = session.finding, session.reader, counts
        return self._counted[2]


def _counts_text(read: int, accepted: int, left: int) -> str:
    parts = [f"{images_text(read)} read one by one"]
    if accepted:
        parts.append(f"{accepted:,} accepted as suggested")
    parts.append(f"{left:,} without a label")
    return ", ".join(parts) + "."


def _line() -> QWidget:
    line = QFrame()
    line.setFixedHeight(1)
    line.setStyleSheet("background: palette(mid)")
    return line
