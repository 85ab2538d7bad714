"""The strip above the gallery while the images shown are those most like a file from elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout

from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.session.selection import Ranking
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import text_label

PICTURE_PX = 64


class FileStrip(QFrame):
    """The file's picture and name, and how alike the images found are. It goes with them."""

    cancelled = Signal()
    compareWanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._session = session
        self._ranking: Ranking | None = None
        self._reading = False
        self.path: Path | None = None
        self._picture = QLabel()
        self._picture.setFixedSize(QSize(PICTURE_PX, PICTURE_PX))
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setStyleSheet("background: black")
        self.text = text_label("", wraps=True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.compare = QPushButton("Compare")
        self.compare.setToolTip(tooltip("compare"))
        self.compare.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.compare.clicked.connect(self.compareWanted)
        self.close_button = QToolButton()
        self.close_button.setText("×")
        self.close_button.setAutoRaise(True)
        self.close_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.close_button.setToolTip("Put the file away; the images found stay selected")
        self.close_button.setAccessibleName("Put the file away")
        self.close_button.clicked.connect(self._put_away)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self._picture)
        words = QVBoxLayout()
        words.addWidget(self.text)
        words.addWidget(self.compare, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(words, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        session.selectionChanged.connect(self._on_selection)
        session.projectChanged.connect(self.clear)
        self.clear()

    def show_reading(self, path: Path) -> None:
        """The file is being read and embedded."""
        self._reading, self._ranking, self.path = True, None, path
        self._picture.hide()
        self.compare.hide()
        self.text.setText(f"Reading {path.name} …")
        self.text.setToolTip(str(path))
        self.show()

    def show_searching(self) -> None:
        """The file is embedded; the embeddings to compare it with are being read."""
        self.text.setText("Looking for images like it …")

    def show_found(self, path: Path, thumbnail: bytes, likeness: NDArray[np.float32], ranking: Ranking | None) -> None:
        """The images found are selected; `ranking` is theirs."""
        self._reading, self._ranking, self.path = False, ranking, path
        image = QImage.fromData(thumbnail)
        size = self._picture.size() * self.devicePixelRatioF()
        smooth = Qt.TransformationMode.SmoothTransformation
        pixmap = QPixmap.fromImage(image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, smooth))
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        self._picture.setPixmap(pixmap)
        self._picture.show()
        self.compare.show()
        span = f", likeness {likeness[0]:.2f} to {likeness[-1]:.2f}" if likeness.size else ""
        self.text.setText(f"Like {path.name}, a file that is not in the project{span}")
        self.show()

    @property
    def found(self) -> bool:
        """Whether the images selected are those most like the file."""
        return self._ranking is not None

    def clear(self) -> None:
        """There is no file."""
        self._reading, self._ranking, self.path = False, None, None
        self.hide()

    def _put_away(self) -> None:
        if self._reading:
            self.cancelled.emit()
        self.clear()

    def _on_selection(self) -> None:
        if not self._reading and self._session.selection.ranking is not self._ranking:
            self.clear()
