"""The whole window says so where a folder holds nothing that could be read, and what to do next."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from cxr_explorer.ui.widgets.texts import text_label

PAGE = "empty"
TEXT_PX = 520


class EmptyPage(QWidget):
    """A sentence and three ways on."""

    folderWanted = Signal()
    listWanted = Signal()
    againWanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._title = text_label("No radiograph could be read", "heading")
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.said = text_label("", wraps=True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.said.setMinimumWidth(TEXT_PX)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.folder = QPushButton("Choose another folder…")
        self.folder.setObjectName("apply")
        self.folder.setStyleSheet("text-align: center")
        self.list = QPushButton("Show the files and why…")
        self.again = QPushButton("Look again")
        self.folder.setToolTip("Open a folder that holds radiographs")
        self.list.setToolTip("Each file that could not be read, with the reason; and what else was met")
        self.again.setToolTip("Look through the folder once more, for instance when a drive is connected again")
        self.folder.clicked.connect(self.folderWanted)
        self.list.clicked.connect(self.listWanted)
        self.again.clicked.connect(self.againWanted)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addStretch(2)
        for widget in (self._title, self.said, self.folder, self.list, self.again):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        for button in (self.folder, self.list, self.again):
            button.setMinimumWidth(240)

    def show_counts(self, folder: str, failures: int, left_out: str) -> None:
        """Says what was met in the folder.

        Args:
            folder: Its name.
            failures: Files that should be images and could not be read.
            left_out: What else was met, in words; empty for nothing.
        """
        if failures:
            files = "1 file looks like an image and" if failures == 1 else f"{failures:,} files look like images and"
            met = f"{files} could not be read."
        else:
            met = "There is no image file in it or in its sub-folders."
        also = f" Left out: {left_out}." if left_out else ""
        self.said.setText(f"{folder}\n\n{met}{also}\nThe folder was only read; nothing in it was changed.")
        self.list.setVisible(bool(failures or left_out))
