"""What became of the audit that was just read, and what to do next."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import text_label


class AuditBanner(QFrame):
    """One line over the window; what it offers depends on the outcome."""

    splitWanted = Signal()
    repairWanted = Signal()
    restWanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._text = text_label("", "heading", wraps=True)
        self.split = QPushButton("S&plit the cluster")
        self.split.setToolTip("Divide the cluster, so that its parts can be labelled and audited apart")
        self.repair = QPushButton("Read &on, edge first")
        self.repair.setToolTip(
            "Read the images nobody has read one by one, those at the cluster's edge first. No evidence."
        )
        self.rest = QPushButton("Re&ad the rest of the sample")
        self.rest.setToolTip("It has failed already; the whole sample says how many labels may be wrong")
        self.close_button = QPushButton("Close")
        self.close_button.setToolTip("Hide this line; the audit stays in the list")
        self.split.clicked.connect(self.splitWanted)
        self.repair.clicked.connect(self.repairWanted)
        self.rest.clicked.connect(self.restWanted)
        self.close_button.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        buttons = FlowPanel()
        for button in (self.split, self.repair, self.rest, self.close_button):
            buttons.add(button)
        self._text.setMinimumWidth(14 * self.fontMetrics().horizontalAdvance("m"))
        row.addWidget(self._text, 1)
        row.addWidget(buttons)
        self.hide()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def show_outcome(self, text: str, *, split: bool = False, repair: bool = False, rest: bool = False) -> None:
        """Shows a text and the buttons that make sense."""
        self._text.setText(text)
        self.split.setVisible(split)
        self.repair.setVisible(repair)
        self.rest.setVisible(rest)
        self.show()
