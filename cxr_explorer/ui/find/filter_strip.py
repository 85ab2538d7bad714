"""What the reader has limited the work to, above everything else, so that it cannot be forgotten."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from cxr_explorer.labels.texts import images_text
from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import elided_label


class FilterStrip(QFrame):
    """Shown only while there is a filter: what it is, what that means, how to be rid of it or bring it up to date."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._session = session
        self._count = ""
        self.chip = QPushButton()
        self.chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.chip.clicked.connect(session.filtering.clear)
        self.update_button = QPushButton("Update")
        self.update_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.update_button.setToolTip(tooltip("update_filter"))
        self.update_button.clicked.connect(session.filtering.update)
        self.meaning = elided_label()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 12, 4)
        layout.setSpacing(10)
        layout.addWidget(self.chip)
        layout.addWidget(self.meaning, 1)
        layout.addWidget(self.update_button)
        session.filterChanged.connect(self.refresh)
        session.projectChanged.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Brings the words in line with the session's filter."""
        chosen, atlas_map = self._session.filter, self._session.map
        self.setVisible(chosen is not None and atlas_map is not None)
        if chosen is None or atlas_map is None:
            return
        self.chip.setToolTip(f"{chosen.text}\n{tooltip('clear_filter')}")
        self.chip.setAccessibleName(f"Take the filter away: {chosen.text}")
        self.update_button.setVisible(chosen.changes_by_work)
        self._count = f"{chosen.ids.size:,} of {images_text(len(atlas_map.image_ids))}"
        when = " when the filter was set" if chosen.changes_by_work else ""
        self.meaning.setText(f"{self._count}{when}. The others can be neither selected nor labelled.")
        self._fit()

    def _fit(self) -> None:
        """A long filter is cut, and whole in the tooltip; the count has its room in any case."""
        chosen = self._session.filter
        if chosen is not None:
            named = f"{chosen.name}: {chosen.text}" if chosen.name else f"filter: {chosen.text}"
            metrics, beside = self.fontMetrics(), self.update_button
            taken = metrics.horizontalAdvance(f"{self._count}… ×") + (
                beside.sizeHint().width() if chosen.changes_by_work else 0
            )
            room = max(self.width() - taken - 80, 10 * metrics.horizontalAdvance("m"))
            shown = self.chip.fontMetrics().elidedText(named, Qt.TextElideMode.ElideRight, room)
            self.chip.setText(f"{shown}  ×".replace("&", "&&"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
