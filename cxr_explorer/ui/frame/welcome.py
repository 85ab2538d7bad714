"""What the window shows before anything is open."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cxr_explorer.images.image_formats import format_names
from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.frame.recent_list import RecentList
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import text_label

TEXT_PX = 460
RECENT_PX = 560
"""The list is no wider, however wide the window is."""


class Welcome(QWidget):
    """Open a folder, try the demo, or go on where one was."""

    folderWanted = Signal()
    demoWanted = Signal()
    projectWanted = Signal(str)
    tourWanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        title = QLabel("CXR Explorer")
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 2.2)
        font.setWeight(font.Weight.DemiBold)
        title.setFont(font)
        text = text_label(
            "Open a folder of chest radiographs. Similar images are placed close together on a map, "
            "and you label whole groups of them at once.\n\n"
            f"{format_names()} files. The folder is only read; nothing leaves this computer.",
            wraps=True,
        )
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text.setFixedWidth(TEXT_PX)
        folder = QPushButton("Open folder…")
        folder.setObjectName("apply")
        folder.setStyleSheet("text-align: center")
        folder.setToolTip(tooltip("open_folder"))
        folder.clicked.connect(self.folderWanted)
        demo = QPushButton("Try the demo")
        demo.setToolTip(tooltip("demo"))
        demo.clicked.connect(self.demoWanted)
        tour = QPushButton("Take the tour")
        tour.setToolTip("Try the demo, and be shown how to work with the window. " + tooltip("tour"))
        tour.clicked.connect(self.tourWanted)
        drop = text_label("or drop a folder or a project here", "dim")
        column = self._column = QVBoxLayout()
        column.setSpacing(14)
        column.addStretch(2)
        for widget in (title, text, folder, demo, tour, drop):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        for button in (folder, demo, tour):
            button.setMinimumWidth(240)
        self.recent = RecentList(session.preferences.recent)
        self.recent.setMaximumWidth(RECENT_PX)
        self.recent.projectWanted.connect(self.projectWanted)
        self.recent.listChanged.connect(self.refresh)
        row = QHBoxLayout()
        row.setContentsMargins(30, 40, 30, 20)
        row.setSpacing(40)
        row.addStretch(1)
        row.addLayout(column)
        row.addWidget(self.recent, 4)
        row.addStretch(1)
        outer = QVBoxLayout(self)
        outer.addLayout(row, 1)
        notice = text_label("For research and annotation. Not a medical device.", "dim")
        notice.setAlignment(Qt.AlignmentFlag.AlignCenter)
        outer.addWidget(notice)
        self.refresh()

    def refresh(self) -> None:
        """Lists the projects opened lately; beside a list all begins at the top."""
        self.recent.refresh()
        self._column.setStretch(0, 0 if self.recent.isVisibleTo(self) else 2)
