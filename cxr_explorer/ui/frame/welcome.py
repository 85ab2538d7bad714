"""What the window shows before anything is open."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from cxr_explorer.images.image_formats import format_names
from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import text_label

TEXT_PX = 560


class Welcome(QWidget):
    """Open a folder, try the demo, or go on where one was."""

    folderWanted = Signal()
    demoWanted = Signal()
    projectWanted = Signal(str)
    tourWanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
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
        text.setMinimumWidth(TEXT_PX)
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
        self._recent = QVBoxLayout()
        self._recent.setSpacing(4)
        column = QVBoxLayout()
        column.setSpacing(14)
        for widget in (title, text, folder, demo, tour, drop):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        for button in (folder, demo, tour):
            button.setMinimumWidth(240)
        column.addSpacing(10)
        column.addLayout(self._recent)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addLayout(column)
        outer.addStretch(3)
        notice = text_label("For research and annotation. Not a medical device.", "dim")
        notice.setAlignment(Qt.AlignmentFlag.AlignCenter)
        outer.addWidget(notice)
        self.refresh()

    def refresh(self) -> None:
        """Lists the projects opened lately."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        recent = self._session.preferences.recent_projects()[:5]
        if not recent:
            return
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        line.setFixedWidth(240)
        self._recent.addWidget(line, 0, Qt.AlignmentFlag.AlignHCenter)
        self._recent.addWidget(text_label("Recent projects", "dim"), 0, Qt.AlignmentFlag.AlignHCenter)
        for path in recent:
            button = QPushButton(project_title(Path(path)))
            button.setToolTip(path)
            button.setMinimumWidth(240)
            button.clicked.connect(lambda _checked=False, p=path: self.projectWanted.emit(p))
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)


def project_title(path: Path) -> str:
    """A project's name for people: without the hash that default names end in."""
    name, _, tail = path.stem.rpartition("-")
    is_hash = len(tail) == 8 and all(character in "0123456789abcdef" for character in tail)
    return name if name and is_hash else path.stem
