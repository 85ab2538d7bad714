"""What the reader has limited the work to, above everything else, so that it cannot be forgotten."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from cxr_explorer.labels.texts import images_text
from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import text_label


class FilterStrip(QFrame):
    """Shown only while there is a filter: what it is, what that means, and how to be rid of it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._session = session
        self.chip = QPushButton()
        self.chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.chip.setToolTip(tooltip("clear_filter"))
        self.chip.clicked.connect(session.clear_filter)
        self._meaning = text_label()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 12, 4)
        layout.setSpacing(10)
        layout.addWidget(self.chip)
        layout.addWidget(self._meaning, 1)
        session.filterChanged.connect(self.refresh)
        session.projectChanged.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Brings the words in line with the session's filter."""
        chosen, atlas_map = self._session.filter, self._session.map
        self.setVisible(chosen is not None and atlas_map is not None)
        if chosen is None or atlas_map is None:
            return
        self.chip.setText(f"filter: {chosen.text}  ×".replace("&", "&&"))
        self._meaning.setText(
            f"{images_text(chosen.ids.size)} of {len(atlas_map.image_ids):,}. "
            "The others can be neither selected nor labelled."
        )
