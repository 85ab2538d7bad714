"""A message in the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from cxr_explorer.ui.widgets.texts import text_label


class Notice(QFrame):
    """A message that stays until it is closed, and does not stand in the way."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._text = text_label("", "warning", wraps=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QPushButton("Close")
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 6)
        layout.addWidget(self._text, 1)
        layout.addWidget(close)
        self.hide()

    def show_text(self, text: str) -> None:
        self._text.setText(f"⚠ {text}")
        self.show()
