"""The strip under the toolbar while something runs: what, how far, how fast, how long still; and Cancel."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout

from cxr_explorer.atlas.build import CLUSTERING, COMPARING, LAYING_OUT, PLACING
from cxr_explorer.pace import Progress
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.widgets.texts import text_label


def duration_text(seconds: float) -> str:
    """ "5 s", "45 s", "3 min", "2 h 05 min": as exact as an estimate deserves."""
    if seconds < 55:
        return f"{5 * max(math.ceil(seconds / 5), 1)} s"
    minutes = max(round(seconds / 60), 1)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


STEPS = {
    "Looking for images": 1,
    "Loading the encoder": 2,
    "Analysing images": 2,
    COMPARING: 3,
    LAYING_OUT: 4,
    PLACING: 4,
    CLUSTERING: 5,
}
"""Stages of a run in the order they come, so that a reader knows how many are still to come."""


def progress_text(progress: Progress) -> str:
    """The strip's sentence."""
    step = STEPS.get(progress.stage)
    text = f"Step {step} of {max(STEPS.values())}: {progress.stage.lower()}" if step else progress.stage
    if progress.total and step not in (3, 4, 5):  # whose total is in per cent
        text += f", {progress.done:,} of {progress.total:,}"
    elif progress.done and not progress.total:
        text += f", {progress.done:,} so far"
    if progress.rate:
        text += f", {progress.rate:,.0f} a second" if progress.rate >= 10 else f", {progress.rate:.1f} a second"
    if progress.left_s is not None:
        text += f", about {duration_text(progress.left_s)} left"
    return text


class ProgressStrip(QFrame):
    """Shown only while the session has a run going: the step, how far it is, a bar; always two lines of text."""

    def __init__(self, runs: Runs) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._runs = runs
        self._step = text_label(wraps=True)
        self._far = text_label(" ", "dim", wraps=True)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedHeight(8)
        self._bar.setAccessibleName("Progress")
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Stop here; what is analysed is kept, and the next run goes on from there")
        cancel.clicked.connect(runs.stop)
        said = QVBoxLayout()
        said.setSpacing(3)
        for widget in (self._step, self._far, self._bar):
            said.addWidget(widget)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 5, 12, 5)
        layout.setSpacing(12)
        layout.addLayout(said, 1)
        layout.addWidget(cancel)
        runs.progressChanged.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Shows where the run stands, or hides."""
        progress = self._runs.progress
        self.setVisible(progress is not None)
        if progress is None:
            return
        step, _, far = progress_text(progress).partition(", ")
        self._step.setText(step)
        self._far.setText(far or " ")
        self._bar.setRange(0, progress.total)  # 0, 0 shows that the length is not known
        self._bar.setValue(progress.done)
