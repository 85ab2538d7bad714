"""What runs over the open project: opening it and bringing it up to date, the demo, the backup of the day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.atlas.provisional import ProvisionalMap
from cxr_explorer.encoder.checkpoint import EncoderInfo, encoder_with_key
from cxr_explorer.encoder.file_model import FileModel, is_of_file
from cxr_explorer.errors import UserError
from cxr_explorer.indexing import Indexing, IndexReport, prepare_to_embed
from cxr_explorer.labels.texts import images_text
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.logfile import Plain, short_hash
from cxr_explorer.pace import Progress
from cxr_explorer.project.backup import backing_up, is_due
from cxr_explorer.project.file import SUFFIX, default_project_path, demo_home
from cxr_explorer.project.project import Project
from cxr_explorer.project.storage import StorageError
from cxr_explorer.shards.file_vectors import leave_file_model, model_of
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.session.storage_watch import StorageWatch
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.slices import Slices
from cxr_explorer.worker import Jobs

log = logging.getLogger("cxr_explorer")

DEMO_COUNT = 360
BACKUP_AFTER_MS = 5000  # the reader sees the project first
DRAWING_DEMO = "Simulating radiographs"


class Runs(QObject):
    """Opens projects, and runs what takes its time, in child processes."""

    progressChanged = Signal()
    indexingEnded = Signal(object)  # IndexReport, or None when cancelled or failed
    imagesArrived = Signal()
    provisionalChanged = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._preferences = session.preferences
        self.device = ""  # what the child process computed on, once one has said so
        self.indexing: Indexing | None = None
        self.progress: Progress | None = None
        self.provisional: ProvisionalMap | None = None
        """Of the images analysed so far, while there is no map yet; only to be looked at, and never stored."""
        self._warm: Jobs | None = None
        self.opening = Slices(self)
        """Shows a project that was just opened."""
        self._demo = Errand(self)
        self._timer = QTimer(self, interval=30)
        self._timer.timeout.connect(self._advance)
        self._storage = StorageWatch(self, lambda: session.project, self.reopen)
        self._storage.failed.connect(session.failed)
        self._storage.recovered.connect(session.recovered)
        self._storage.recovered.connect(
            lambda: session.said.emit("The project can be written again: labels are stored.")
        )
        self._backup = Errand(self)
        self._backup_timer = QTimer(self, interval=BACKUP_AFTER_MS, singleShot=True)
        self._backup_timer.timeout.connect(self._back_up)
        session.closing.connect(self._end)
        session.projectChanged.connect(self._begin)

    def _begin(self) -> None:
        self._storage.begin()
        if (project := self._session.project) is not None:
            log.info("project %s opened: %d images", short_hash(project.path), project.image_count())
            self._backup_timer.start()

    def _end(self) -> None:
        if (project := self._session.project) is not None:
            log.info("project %s is closed", short_hash(project.path))
        self.cancel_run()
        self.provisional = None
        self._backup_timer.stop()
        self._backup.cancel()  # what it had of a backup is cleared away by the next one

    # -- opening ---------------------------------------------------------------------------------------------------

    def open_folder(self, folder: Path, project_path: Path | None = None) -> None:
        """Opens the folder's project, or makes one, and brings it up to date. Raises UserError."""
        path = project_path or default_project_path(folder)
        if self._session.is_open(path):
            self.start_indexing()
        else:
            made = bundled_vocabularies()[0]
            self._open(path, Project.opening_of_folder(folder, path, made, back_up=False), self._bring_up_to_date)

    def open_project(self, path: Path) -> None:
        """Opens a project file and brings it up to date with its folder, if that is there. Raises UserError."""
        if self._session.is_open(path):
            self._bring_up_to_date()
        else:
            self._open(path, Project.opening(path, back_up=False), self._bring_up_to_date)

    def lacks_encoder(self) -> bool:
        """Whether the encoder of the map is not here: it was taken out, or an earlier version of the program had it.

        To bring the project up to date then is to analyse all of it anew, which is not for the program to decide.
        """
        atlas_map = self._session.map
        if atlas_map is None or is_of_file(atlas_map.encoder_key):
            return False
        return atlas_map.encoder_key != self.encoder().key and encoder_with_key(atlas_map.encoder_key) is None

    def what_anew(self) -> str:
        """What is asked before a project that lacks its encoder is brought up to date."""
        assert self._session.project is not None
        return (
            f"The encoder of this map is not here. Analyse all {images_text(self._session.project.image_count())} anew "
            f"with {self.encoder().name}? Map and clusters are made anew, and suggestions change. Labels stay."
        )

    def _bring_up_to_date(self) -> None:
        assert self._session.project is not None
        project = self._session.project
        if self.lacks_encoder():
            assert self._session.map is not None
            self._session.failed.emit(
                f"This map was made with the encoder {self._session.map.encoder_key}, which is not here: it was taken "
                "out or moved, or an earlier version of the program had it. Map and labels can be used, but new images "
                f"are not analysed. {key_text('rescan')} analyses the folder anew with {self.encoder().name}; another "
                "encoder can be chosen under Settings. Labels stay."
            )
        elif project.folder.is_dir() or project.viewed:
            self.start_indexing()
        else:
            self._session.failed.emit(
                f"The image folder {project.folder} is not there: the map and the labels can be used, full-size images "
                "cannot be shown. Connect the drive and open the project again."
            )

    def _open(self, path: Path, opening: Generator[None, None, Project], then: Callable[[], None]) -> None:
        """Opens a project and shows it turn by turn, so that the window never seems to stand still. Raises UserError
        where it cannot be opened."""

        def go_on(shown: bool) -> None:
            try:
                if shown:
                    then()
            except UserError as error:
                self._session.failed.emit(str(error))

        self.opening.run(self._showing(path, opening), go_on)

    def _showing(self, path: Path, opening: Generator[None, None, Project]) -> Generator[None, None, bool]:
        """Opens it for writing, or to look at it where it cannot be written now; then the window, then the map.

        Returns whether it is open still.
        """
        session, error = self._session, None
        try:
            project = yield from opening
        except StorageError as trouble:
            if trouble.trouble not in ("read-only", "full") or not path.is_file():
                raise
            project, error = Project.open_to_view(path), trouble
        try:
            yield
            session.begin(project)
            if error is not None:
                self._storage.say_why_viewed(error)
            yield
        finally:
            if session.project is not project:  # another one was opened meanwhile, or the window closed
                project.close()
        if session.project is not project:
            return False
        session.show_first_map()
        return True

    def reopen(self) -> None:
        """Opens the project that is only looked at for writing. Raises UserError where that does not work yet."""
        assert self._session.project is not None
        self._session.take(Project.open(self._session.project.path, back_up=False))
        if not self.lacks_encoder():
            self.start_indexing()

    def open_demo(self, home: Path | None = None, count: int = DEMO_COUNT) -> None:
        """Makes the simulated set (once), then opens it. It is drawn in a child process."""
        from cxr_explorer.demo import drawing_demo  # which few ever need

        self.cancel_run()
        self._demo_home = home or demo_home()
        self._demo_count = count
        self._demo.run(
            *(drawing_demo, self._demo_home / "images", count),
            done=self._open_drawn_demo,
            failed=self._tell_no_demo,
            heard=lambda share: self._show_demo(round(share * count)),
        )
        self._show_demo(0)

    def _show_demo(self, drawn: int) -> None:
        self.progress = Progress(DRAWING_DEMO, drawn, self._demo_count)
        self.progressChanged.emit()

    def _open_drawn_demo(self, _drawn: object) -> None:
        self._end_demo()
        try:
            self.open_folder(self._demo_home / "images", self._demo_home / f"demo{SUFFIX}")
        except UserError as error:
            self._session.failed.emit(str(error))

    def _tell_no_demo(self, reason: str) -> None:
        self._end_demo()
        self._session.failed.emit(reason)

    def _end_demo(self) -> None:
        self.progress = None
        self.progressChanged.emit()

    def choose(self, reader: str, encoder: Path | None, device: str) -> None:
        """Takes over settings; a new encoder embeds the open folder anew, labels stay. Raises UserError.

        `encoder` None goes on with embeddings that came in a file.
        """
        before = self.encoder().key
        self._preferences.choose(reader, encoder or self._preferences.encoder().directory, device)
        self._session.show_labels_anew()
        project = self._session.project
        if project is not None and not project.viewed:
            if encoder is not None and model_of(project) is not None:
                leave_file_model(project)
            if self.encoder().key != before:
                self.start_indexing()

    def encoder(self) -> EncoderInfo | FileModel:
        """Whose embeddings the open project works with: those that came in a file, or the chosen encoder's.

        Raises UserError where no encoder works.
        """
        project = self._session.project
        return (model_of(project) if project is not None else None) or self._preferences.encoder()

    def _back_up(self) -> None:
        """Makes the backup of the day, if it is due."""
        session, project = self._session, self._session.project
        if project is not None and not project.viewed and is_due(project.path):
            self._backup.run(backing_up, project.path, done=lambda _: None, failed=session.failed.emit)

    # -- indexing --------------------------------------------------------------------------------------------------

    def start_indexing(self, parameters: MapParameters | None = None, rescan: bool = True) -> None:
        """Scans, embeds what is new and maps, in child processes. `parameters` None keeps those of the last map."""
        assert self._session.project is not None
        self.cancel_run()
        if self._session.project.viewed:
            return
        self.indexing = Indexing(
            self._session.project,
            self.encoder(),
            self._preferences.device,
            parameters or self.parameters(),
            rescan,
            provisional=True,
            jobs=self._warm,
        )
        self._warm = None
        self.progress = self.indexing.progress
        self._timer.start()
        self.progressChanged.emit()

    def warm_up(self) -> None:
        """Lets a child import what an analysis needs while the reader still chooses a folder."""
        self.cool_down()
        self._warm = Jobs()
        self._warm.start(prepare_to_embed)

    def cool_down(self) -> None:
        """Ends that child, unless a run has taken it over."""
        if self._warm is not None:
            self._warm.cancel()
            self._warm = None

    def stop(self) -> None:
        """Stops what runs, as the reader asked for, and says what is kept."""
        project, drawing = self._session.project, self._demo.active
        before_the_map = self.indexing is not None and "embed" not in self.indexing.report.seconds
        self.cancel_run()
        if drawing or project is None:
            self._session.said.emit("Stopped.")
            return
        on = f"File > Look for new images ({key_text('rescan')}) goes on from there."
        analysed = len(project.embedded_ids(self.encoder().key))
        total = project.image_count() - len(project.failures())
        if not analysed:
            kept = "Nothing was analysed yet, and nothing was changed."
        elif analysed < total and before_the_map:
            kept = f"{analysed:,} of {images_text(total)} are analysed and kept."
        elif self._session.map is None:
            kept = f"All {images_text(total)} are analysed and kept; only the map is missing."
        else:
            kept = "The images are analysed and kept, and the map stays as it was."
        self._session.said.emit(f"Stopped. {kept} {on}")

    def cancel_run(self) -> None:
        """Stops what runs; what was analysed is kept."""
        self._timer.stop()
        if self._demo.active:
            self._demo.cancel()
            self._end_demo()
        if self.indexing is not None:
            self.indexing.cancel()
            self.indexing = None
            self.progress = None
            self.progressChanged.emit()

    def _advance(self) -> None:
        assert self.indexing is not None and self._session.project is not None
        before = self.indexing.report.embedded
        try:
            self.progress = self.indexing.advance(0)
        except UserError as error:
            self._end_indexing(None)
            self._session.failed.emit(str(error))
            return
        except Exception:
            self._end_indexing(None)
            raise
        if self.indexing.report.embedded != before and self._session.map is None:
            self.imagesArrived.emit()
        if self.indexing.provisional is not None and self.indexing.provisional is not self.provisional:
            self.provisional = self.indexing.provisional
            self.provisionalChanged.emit()
        if self.indexing.finished:
            self._end_indexing(self.indexing.report)
        else:
            self.progressChanged.emit()

    def _end_indexing(self, report: IndexReport | None) -> None:
        assert self._session.project is not None
        self._timer.stop()
        if report is None:
            log.warning("the run over the folder could not go on")
        else:
            seconds = ", ".join(f"{step} {taken:.1f} s" for step, taken in report.seconds.items())
            log.info("run over the folder: %d new; %s", report.embedded, Plain(seconds))
            self.device = report.device or self.device
        self.indexing = None
        self.progress = None
        if report is not None:
            self.provisional = None
        self._session.take_map(report is not None and bool(report.embedded or report.changed))
        self.progressChanged.emit()
        self.indexingEnded.emit(report)

    def parameters(self) -> MapParameters:
        """The parameters of the map on screen, or the defaults."""
        atlas_map = self._session.map
        return MapParameters.from_dict(atlas_map.parameters) if atlas_map is not None else MapParameters()
