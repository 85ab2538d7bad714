"""Opening folders and projects, what could not be read, and what the program is."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from cxr_explorer.errors import UserError
from cxr_explorer.images.kinds import describe_left_out
from cxr_explorer.indexing import IndexReport
from cxr_explorer.labels.confounders import percent
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project import label_columns
from cxr_explorer.project.file import SUFFIX
from cxr_explorer.project.left_out import left_out
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.empty_page import PAGE, EmptyPage
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.frame.recent_list import RecentMenu, project_title
from cxr_explorer.ui.frame.settings_dialog import SettingsDialog
from cxr_explorer.ui.frame.unreadable_dialog import UnreadableDialog
from cxr_explorer.ui.frame.welcome import Welcome
from cxr_explorer.ui.frame.workspaces import START
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.messages import confirmed
from cxr_explorer.ui.widgets.texts import accepted, elided_label


class Files(QObject, Part):
    """The part of the window that opens folders and projects, and sums up what is open in the line of status."""

    def __init__(self, frame: Frame, session: Session, runs: Runs) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._runs = runs
        self.welcome = Welcome(session)
        frame.set_start(self.welcome)
        self.empty = EmptyPage()
        frame.add_page(PAGE, self.empty, START)
        self.empty.folderWanted.connect(self.open_folder)
        self.empty.listWanted.connect(self.show_unreadable)
        self.empty.againWanted.connect(self.rescan)
        self._images = 0
        self._summary: QLabel = elided_label("", "dim")
        self.unreadable = QPushButton(flat=True)
        self.unreadable.setObjectName("warning")
        self.unreadable.setToolTip("List the files that could not be read or were left out, with reasons")
        self.unreadable.clicked.connect(self.show_unreadable)
        frame.statusBar().addPermanentWidget(self.unreadable)
        frame.statusBar().addPermanentWidget(self._summary)
        self.welcome.folderWanted.connect(self.open_folder)
        self.welcome.demoWanted.connect(self.open_demo)
        self.recent = RecentMenu(session.preferences.recent, frame)
        frame.actions_by_name["open_recent"].setMenu(self.recent)
        self.recent.setParent(frame, self.recent.windowFlags())  # else PySide takes the action for its owner
        for shown in (self.welcome, self.recent):
            shown.projectWanted.connect(lambda path: self.open_path(Path(path)))
        self.recent.listChanged.connect(self.welcome.refresh)
        session.projectChanged.connect(self._on_project)
        for signal in (session.mapChanged, runs.imagesArrived):
            signal.connect(self._count_images)
        session.changed.connect(lambda change: self._show_summary() if change.marks else None)
        runs.indexingEnded.connect(self._on_indexed)
        self._on_project()

    def verbs(self) -> Verbs:
        return {
            "open_folder": self.open_folder,
            "open_project": self.open_project,
            "open_recent": self.show_recent,
            "demo": self.open_demo,
            "rescan": self.rescan,
            "unreadable": self.show_unreadable,
            "quit": self.quit,
            "settings": self.change_settings,
        }

    # -- following the session -------------------------------------------------------------------------------------

    def _on_project(self) -> None:
        project = self._session.project
        self._frame.notice.hide()
        self._frame.show_start(project is None)
        title = "CXR Explorer" if project is None else f"{project_title(project.path)} – CXR Explorer"
        self._frame.setWindowTitle(title)
        self.welcome.refresh()
        self._frame.say("")
        self._count_images()

    def _show_empty(self) -> None:
        """The whole page says so where there is nothing to be seen; it goes once there is."""
        session, project = self._session, self._session.project
        if project is None:
            return
        if project.thumbnail_ids().size or (session.map is not None and session.map.image_ids.size):
            if session.page == PAGE:
                session.show_page("map")
            return
        self.empty.show_counts(str(project.folder), len(project.failures()), describe_left_out(left_out(project)))
        session.show_page(PAGE)

    def _on_indexed(self, report: IndexReport | None) -> None:
        self._count_images()
        self._show_empty()
        if report is None:
            return
        parts = []
        if report.embedded:
            parts.append(f"{images_text(report.embedded)} analysed")
        if report.missing:
            parts.append(f"{report.missing:,} no longer in the folder")
        if report.changed:
            parts.append(f"{report.changed:,} changed")
        if report.without_embedding:
            parts.append(f"{images_text(report.without_embedding)} without an embedding: make the file anew with them")
        text = ", ".join(parts) if parts else "No new images in the folder."
        assert self._session.project is not None
        met = describe_left_out(left_out(self._session.project))
        self._frame.say(f"{text}; left out: {met}" if met else text)

    def _count_images(self) -> None:
        """No label changes how many there are: they are not counted with each of them."""
        project = self._session.project
        failed = project.failures() if project is not None else []
        failures, bare = len(failed), sum(failure.bare for failure in failed)
        aside = sum(item.count for item in left_out(project) if not item.kind.ordinary) if project is not None else 0
        told = ((failures - bare, "unreadable"), (bare, "without an embedding"), (aside, "left out"))
        counts = [f"{count:,} {what}" for count, what in told if count]
        self.unreadable.setVisible(bool(counts))
        self.unreadable.setText(f"⚠ {', '.join(counts)}")
        self._images = project.image_count() - failures if project is not None else 0
        self._show_summary()

    def _show_summary(self) -> None:
        project, total = self._session.project, self._images
        if project is None:
            self._summary.setText("")
            return
        held = self._session.labels.held
        if held is not None:
            labelled = int(held.labelled.sum())
        elif self._session.labels.reading or self._session.map_to_come:
            self._summary.setText(f"{images_text(total)}  ")
            return
        else:
            labelled = len(label_columns.labelled_ids(project, self._session.reader))
        share = f" ({percent(labelled / total)})" if total else ""
        self._summary.setText(f"{labelled:,} of {total:,} images labelled{share}  ")

    # -- verbs -----------------------------------------------------------------------------------------------------

    def open_path(self, path: Path, project: Path | None = None) -> None:
        """Opens an image folder or a project file; says what is wrong if neither works."""
        try:
            if path.is_file() and path.suffix == SUFFIX:
                self._runs.open_project(path)
            else:
                self._runs.open_folder(path, project)
        except UserError as error:
            self._on_project()
            self._frame.warn(str(error))

    def open_folder(self) -> None:
        """Asks for a folder of images."""
        self._runs.warm_up()
        chosen = QFileDialog.getExistingDirectory(self._frame, "Folder of chest radiographs", self._frame.last_folder())
        if chosen:
            self._frame.settings.setValue("last_folder", chosen)
            self.open_path(Path(chosen))
        self._runs.cool_down()

    def open_project(self) -> None:
        """Asks for a project file."""
        chosen, _ = QFileDialog.getOpenFileName(
            self._frame, "Open project", self._frame.last_folder(), f"CXR Explorer projects (*{SUFFIX})"
        )
        if chosen:
            self.open_path(Path(chosen))

    def show_recent(self) -> None:
        """Lists the projects opened lately, in the middle of the window: for a key or the palette."""
        self.recent.popup(self._frame.mapToGlobal(self._frame.rect().center() / 2))

    def open_demo(self) -> None:
        """Opens the simulated set."""
        self._runs.open_demo()

    def rescan(self) -> None:
        """Looks for new images; asks first where all would be analysed anew."""
        try:
            if self._runs.lacks_encoder() and not confirmed(self._frame, self._runs.what_anew(), "Analyse anew"):
                return
            self._runs.start_indexing()
        except UserError as error:
            self._frame.warn(str(error))

    def show_unreadable(self) -> None:
        """Lists the files that could not be read; they can be tried again."""
        project = self._session.project
        assert project is not None
        if accepted(UnreadableDialog(self._frame, project.failures(), left_out(project))):
            project.retry_failed()
            self.rescan()

    def quit(self) -> None:
        """Closes the window."""
        self._frame.close()

    def change_settings(self) -> None:
        """Reader, encoder, device."""
        session = self._session
        dialog = SettingsDialog(
            self._frame,
            session.preferences.own_reader,
            session.preferences.encoders(),
            self._runs.encoder(),
            session.preferences.device,
        )
        if accepted(dialog):
            self._runs.choose(dialog.reader, dialog.encoder, dialog.device)  # which shows the labels anew
