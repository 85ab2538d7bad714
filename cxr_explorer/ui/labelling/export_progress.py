"""How far the writing of a data set is, and Cancel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QVBoxLayout, QWidget

from cxr_explorer.exchange.folder import forget_unfinished
from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.exchange.forms import exported
from cxr_explorer.labels.confounders import percent
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import give_room, text_label


class ExportProgress(QDialog):
    """Has a folder of files written in a child process while the window goes on; cancelled, nothing stays of it."""

    def __init__(self, parent: QWidget, told: Callable[[WriteReport], None], failed: Callable[[str], None]) -> None:
        """`told` and `failed` hear how it ended, unless it was cancelled."""
        super().__init__(parent)
        self.setWindowTitle("Export labels")
        self.setModal(False)
        give_room(self, 36)
        self._told, self._failed = told, failed
        self.errand = Errand(self)
        self._out = Path()
        self._text = text_label(" ", wraps=True)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress")
        self.bar.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not Cancel: a key on its way must stop nothing
        self.bar.setFocus()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        cancel = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        cancel.setToolTip("Stop; what is written so far is taken away")
        cancel.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self._text, self.bar, buttons):
            layout.addWidget(widget)

    def run(self, project: Path, out: Path, form: Form, wanted: Wanted) -> None:
        """Starts and shows itself."""
        self._out = out
        self._tell(0.0)
        self.errand.run(
            exported, project, out, form.name, wanted, done=self._on_done, failed=self._on_failed, heard=self._tell
        )
        self.show()

    def _tell(self, share: float) -> None:
        self._text.setText(f"Writing {self._out.name}: {percent(share)}. You can go on working meanwhile.")
        self.bar.setValue(round(1000 * share))

    def _on_done(self, report: WriteReport) -> None:
        self.accept()
        self._told(report)

    def _on_failed(self, text: str) -> None:
        self.accept()
        forget_unfinished(self._out)
        self._failed(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc and Enter, meant for the window, stop nothing here."""
        event.ignore()

    def done(self, result: int) -> None:
        if result == QDialog.DialogCode.Rejected and self.errand.active:
            self.errand.cancel()
            forget_unfinished(self._out)
        super().done(result)
        self.deleteLater()
