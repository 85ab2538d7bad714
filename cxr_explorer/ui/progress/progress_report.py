"""The reader's progress in a tab, and the report on the project."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QFileDialog, QVBoxLayout, QWidget

from cxr_explorer.colours import ON_PAPER
from cxr_explorer.report.write import Choices, Written, write_report
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.frame.recent_list import project_title
from cxr_explorer.ui.progress.progress_panel import ProgressPanel
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import accepted, give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


class ProgressReport(QObject, Part):
    """The window's part for progress and report."""

    def __init__(self, frame: Frame, session: Session) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._errand = Errand(self)
        self.panel = ProgressPanel(session)
        self.panel.reportWanted.connect(self.write_report)
        frame.add_tab(self.panel, "Progress")
        self._session.projectChanged.connect(self._errand.cancel)

    def verbs(self) -> Verbs:
        return {
            "report": self.write_report,
            "progress": self.show_progress,
        }

    def close_down(self) -> None:
        """Drops what is being counted or written; an older report stays."""
        self.panel.close_down()
        self._errand.cancel()

    def show_progress(self) -> None:
        """Brings the tab to the front."""
        self._frame.bring_to_front(self.panel)

    def write_report(self) -> None:
        """Asks what the report may show and where it goes, and has it written while the window goes on."""
        project = self._session.project
        assert project is not None
        if self._errand.active:
            self._session.said.emit("A report is still being written.")
            return
        dialog = ReportDialog(self._frame)
        if not accepted(dialog):
            return
        start = Path(self._frame.last_folder()) / f"{project_title(project.path)}-report.html"
        chosen, _ = QFileDialog.getSaveFileName(self._frame, "Write report", str(start), "Web page (*.html)")
        if not chosen:
            return
        out, shown = Path(chosen), dialog.open_after.isChecked()  # the dialog is gone when the report is written
        self._session.said.emit("Writing the report…")
        self._errand.run(
            write_report,
            project.path,
            out,
            ON_PAPER,
            dialog.choices,
            done=lambda written: self._on_written(written, out, shown),
            failed=self._session.failed.emit,
        )

    def _on_written(self, written: Written, out: Path, shown: bool) -> None:
        size = f"{max(written.bytes / 1e6, 0.1):.1f} MB"
        self._session.said.emit(f"Report written to {out} ({size})")
        if shown:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(out)))


class ReportDialog(QDialog):
    """What the report may show."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Report")
        give_room(self, 44)
        self.images = QCheckBox("&Thumbnails of each cluster")
        self.images.setChecked(True)
        self.images.setToolTip("Its most typical images and those at its edge")
        self.file_names = QCheckBox("&File and folder names")
        self.file_names.setToolTip("They may say who patients are")
        self.open_after = QCheckBox("&Open it in the browser afterwards")
        self.open_after.setChecked(True)
        self.open_after.setToolTip("The browser of this computer; nothing is sent anywhere")
        buttons = QDialogButtonBox(_Buttons.Save | _Buttons.Cancel)
        buttons.button(_Buttons.Save).setText("Choose file…")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(
            text_label(
                "One HTML file with the map, the labels of every reader, the audits, the clusters, and how all of it "
                "came about. It fetches nothing and can be attached to a paper.",
                wraps=True,
            )
        )
        layout.addSpacing(6)
        layout.addWidget(self.images)
        about = text_label(
            "Text burned into a picture can be legible in its thumbnail. Images whose files say so are left out.",
            "dim",
            wraps=True,
        )
        about.setIndent(24)
        layout.addWidget(about)
        layout.addWidget(self.file_names)
        about = text_label("Off unless you know that they name nobody.", "dim", wraps=True)
        about.setIndent(24)
        layout.addWidget(about)
        layout.addWidget(self.open_after)
        layout.addSpacing(6)
        layout.addWidget(buttons)

    @property
    def choices(self) -> Choices:
        """As they stand."""
        return Choices(images=self.images.isChecked(), file_names=self.file_names.isChecked())
