"""How far the unpacking of a ZIP archive is."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QVBoxLayout, QWidget

from cxr_explorer.hospital.unpacking import Unpacked, unpack
from cxr_explorer.pace import Progress
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


class UnpackDialog(QDialog):
    """Unpacks in a child process, and accepts itself at the end.

    Attributes:
        unpacked: What was done, once the dialog was accepted.
    """

    def __init__(self, parent: QWidget, archive: Path) -> None:
        super().__init__(parent)
        self.setWindowTitle("Unpack a ZIP archive")
        give_room(self, 40)
        self.unpacked: Unpacked | None = None
        self._told = text_label(
            f"Films of {archive.name} are unpacked into {archive.with_suffix('')}. The archive stays as it is.",
            wraps=True,
        )
        self.bar = QProgressBar(maximum=0)
        self.bar.setAccessibleName("Progress")
        buttons = QDialogButtonBox(_Buttons.Cancel)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self._told)
        column.addWidget(self.bar)
        column.addWidget(buttons)
        self._errand = Errand(self)
        self._errand.run(unpack, archive, done=self._end, failed=self._fail, heard=self._hear)

    def _hear(self, progress: Progress) -> None:
        self.bar.setMaximum(progress.total)
        self.bar.setValue(progress.done)

    def _end(self, unpacked: Unpacked) -> None:
        self.unpacked = unpacked
        self.accept()

    def _fail(self, reason: str) -> None:
        self.bar.hide()
        self._told.setText(reason)

    def done(self, result: int) -> None:
        self._errand.cancel()
        super().done(result)
