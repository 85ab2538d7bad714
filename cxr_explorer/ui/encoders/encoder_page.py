"""The centre when two encoders are compared: both maps side by side, and the findings below."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.comparing import SecondMap
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.labels.texts import images_text
from cxr_explorer.pace import Progress
from cxr_explorer.project.project import Ids
from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.encoders.encoder_map import EncoderMap
from cxr_explorer.ui.encoders.finding_table import FindingTable
from cxr_explorer.ui.frame.progress_strip import duration_text
from cxr_explorer.ui.map.legend import Legend
from cxr_explorer.ui.session.selection import NO_IDS
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import elided_label, text_label

COLOURS = (("label", "Label of the finding"), ("cluster", "Cluster on your map"))


class EncoderPage(QWidget):
    """Says what the reader wants; what is shown, it is told."""

    backWanted = Signal()
    encoderChosen = Signal(EncoderInfo)
    startWanted = Signal()
    cancelWanted = Signal()
    useWanted = Signal()
    colourChosen = Signal(str)
    imageWanted = Signal()

    def __init__(self, session: Session, dark: bool) -> None:
        super().__init__()
        self._dark = dark
        self.first = EncoderMap(session, dark, "Map of your encoder", is_of_project=True)
        self.second = EncoderMap(session, dark, "Map of the other encoder", is_of_project=False)
        self._legend = Legend(self.first.scatter)
        self._entries: list[tuple[int, str, int]] = []
        self.findings = FindingTable()
        for one in (self.first, self.second):
            one.imageWanted.connect(self.imageWanted)
        self.setFocusProxy(self.first.scatter)
        self.back = _button("← Map", self.backWanted.emit)
        self.colour = _choice("Colour both maps by", "What the colours of both maps stand for")
        for key, text in COLOURS:
            self.colour.addItem(text, key)
        self.colour.activated.connect(lambda: self.colourChosen.emit(self.colour.currentData()))
        strip = FlowPanel()
        strip.setObjectName("strip")
        strip.setContentsMargins(8, 6, 8, 6)
        strip.add(self.back)
        strip.add(_beside(QLabel("Colour"), self.colour))
        self.chosen = text_label("", "dim")
        strip.add(self.chosen)
        session.selectionChanged.connect(lambda: self._count(session.selection.ids.size))
        self.title = elided_label("", "heading")
        self.other = _choice("The other encoder", "The encoder that yours is compared with")
        self.other.activated.connect(lambda: self.encoderChosen.emit(self.other.currentData()))
        self.use = _button("Use this encoder", self.useWanted.emit)
        self.use.setToolTip(
            "Make the map of this folder with this encoder, as if it were chosen under Settings; labels stay"
        )
        self.about = text_label("", wraps=True)
        self.about.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedHeight(8)
        self.bar.setAccessibleName("Progress")
        self.start = QPushButton("Analyse")
        self.start.setToolTip("Analyse the films with this encoder too; map, labels and settings stay as they are")
        self.start.clicked.connect(self.startWanted)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop here; what is analysed is kept, and the next start goes on from there")
        self.cancel.clicked.connect(self.cancelWanted)
        waiting = QWidget()
        column = QVBoxLayout(waiting)
        column.setContentsMargins(24, 12, 24, 12)
        column.addStretch(1)
        for widget in (self.about, self.bar):
            column.addWidget(widget)
        for pressed in (self.start, self.cancel):
            column.addWidget(pressed, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self._right = QStackedWidget()
        self._right.addWidget(waiting)
        self._right.addWidget(self.second.scatter)
        self.title.setMinimumHeight(self.use.sizeHint().height())
        self.maps = QSplitter(Qt.Orientation.Horizontal)
        self.maps.setChildrenCollapsible(False)
        self.maps.addWidget(_column([self.title], self.first.scatter))
        self.maps.addWidget(_column([self.other, self.use], self._right))
        self.maps.setSizes([500, 500])
        self.note = text_label("", "dim", wraps=True)
        self.note.setContentsMargins(12, 3, 12, 3)
        above = QWidget()
        column = QVBoxLayout(above)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.maps, 1)
        column.addWidget(self.note)
        self.parts = QSplitter(Qt.Orientation.Vertical)
        self.parts.setChildrenCollapsible(False)
        self.parts.addWidget(above)
        self.parts.addWidget(self.findings)
        self.parts.setStretchFactor(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(strip)
        layout.addWidget(self.parts, 1)
        self.show_keys()

    def show_keys(self) -> None:
        """Says the key of the way back."""
        self.back.setToolTip(tooltip("back"))

    def set_dark(self, dark: bool) -> None:
        """Follows the theme."""
        self._dark = dark
        self.first.set_dark(dark)
        self.second.set_dark(dark)
        self._legend.set_entries(self._entries, dark)

    def set_encoders(self, first: str, others: Sequence[EncoderInfo], chosen: EncoderInfo) -> None:
        """Whose map the left one is, and what can be compared with it."""
        self.title.setText(f"{first}: your map")
        self.other.clear()
        for info in others:
            self.other.addItem(info.name, info)
        self.other.setCurrentIndex([info.key for info in others].index(chosen.key))

    def colour_maps(
        self, by: str, image_ids: Ids, codes: NDArray[np.int64], entries: Sequence[tuple[int, str, int]]
    ) -> None:
        """Colours both maps; `entries` say what the colours mean, see `Legend`."""
        self.colour.setCurrentIndex(max(self.colour.findData(by), 0))
        for one in (self.first, self.second):
            one.colour(image_ids, codes)
        self._entries = list(entries)
        self._legend.set_entries(self._entries, self._dark)

    def offer(self, text: str, can_start: bool) -> None:
        """No second map yet: why, and whether the analysis can be started."""
        self._show_right(text, None)
        self.start.setVisible(can_start)

    def show_progress(self, progress: Progress) -> None:
        """The second map is being made."""
        text = progress.stage
        if progress.total and progress.total != 100:  # else a share
            text += f", {progress.done:,} of {progress.total:,}"
        if progress.left_s is not None:
            text += f", about {duration_text(progress.left_s)} left"
        self._show_right(text, progress)
        self.start.hide()

    def show_second(self, second: SecondMap | None, note: str = "") -> None:
        """The second map, and what is to be said of both; None takes it away."""
        if second is None:
            self.second.show_points(NO_IDS, np.zeros((0, 2), np.float32))
        else:
            self.second.show_points(second.image_ids, second.xy)
            self._right.setCurrentIndex(1)
        self._say(note)
        self.use.setEnabled(second is not None)

    def _count(self, count: int) -> None:
        self.chosen.setText(f"{images_text(count)} selected" if count else "")

    def _show_right(self, text: str, progress: Progress | None) -> None:
        self._right.setCurrentIndex(0)
        self.about.setText(text)
        self.bar.setVisible(progress is not None)
        self.cancel.setVisible(progress is not None)
        if progress is not None:
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.done)

    def _say(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))


def _button(text: str, run: Callable[[], None]) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(lambda _checked=False: run())
    return button


def _choice(name: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(tip)
    box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return box


def _beside(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return row


def _column(head: Sequence[QWidget], body: QWidget) -> QWidget:
    """A map below what stands over it."""
    strip = QFrame()
    strip.setObjectName("strip")
    row = QHBoxLayout(strip)
    row.setContentsMargins(12, 4, 12, 4)
    for widget in head:
        row.addWidget(widget, 0 if len(head) > 1 else 1)
    if len(head) > 1:
        row.addStretch(1)
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(strip)
    column.addWidget(body, 1)
    return holder
