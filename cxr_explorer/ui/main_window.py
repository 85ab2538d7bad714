"""The main window: it puts the views together and does what the actions say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QFontMetrics
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QMainWindow,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.errors import UserError
from cxr_explorer.images.kinds import describe_left_out
from cxr_explorer.indexing import IndexReport
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project import acts, label_columns
from cxr_explorer.project.file import SUFFIX
from cxr_explorer.project.left_out import left_out
from cxr_explorer.ui.audit.audit import Audits
from cxr_explorer.ui.clusters.cluster_panel import ClusterPanel
from cxr_explorer.ui.clusters.cluster_work import ClusterWork
from cxr_explorer.ui.commands import keymap
from cxr_explorer.ui.commands.actions import SPECS, make_actions
from cxr_explorer.ui.compare.compare import Compare
from cxr_explorer.ui.facts.facts import MetadataPart
from cxr_explorer.ui.find.filter_strip import FilterStrip
from cxr_explorer.ui.find.find import Find
from cxr_explorer.ui.frame import window_state
from cxr_explorer.ui.frame.about_dialog import AboutDialog
from cxr_explorer.ui.frame.notice import Notice
from cxr_explorer.ui.frame.progress_strip import ProgressStrip
from cxr_explorer.ui.frame.settings_dialog import SettingsDialog
from cxr_explorer.ui.frame.unreadable_dialog import UnreadableDialog
from cxr_explorer.ui.frame.welcome import Welcome, project_title
from cxr_explorer.ui.gallery.gallery_panel import GalleryPanel
from cxr_explorer.ui.guide.comfort import Comfort
from cxr_explorer.ui.guide.keys_help import KeysDialog
from cxr_explorer.ui.labelling.contradictions import Contradicting
from cxr_explorer.ui.labelling.findings_dialog import FindingsDialog
from cxr_explorer.ui.labelling.label_panel import LabelPanel
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.labelling.table_exchange import export_table, import_table
from cxr_explorer.ui.map.map_dialog import MapDialog
from cxr_explorer.ui.map.map_page import MapPage
from cxr_explorer.ui.progress.progress_report import ProgressReport
from cxr_explorer.ui.readers.readers import Readers
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.sheets.sheets import Sheets
from cxr_explorer.ui.suggest.suggest import Suggest
from cxr_explorer.ui.viewer.image_page import ImagePage
from cxr_explorer.ui.viewer.viewer import Viewer
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.guard import guard_overrides
from cxr_explorer.ui.widgets.texts import accepted, elided_label
from cxr_explorer.ui.widgets.theme import apply_theme, system_is_dark

TEXT_SCALES = (0.9, 1.0, 1.15, 1.3, 1.5)


class MainWindow(QMainWindow):
    """One window on one project."""

    def __init__(self, settings: QSettings) -> None:
        guard_overrides()
        super().__init__()
        self.session = Session(settings)
        self._settings = settings
        if not settings.contains("dark"):
            settings.setValue("dark", system_is_dark())
        keymap.load(settings)
        self.setWindowTitle("CXR Explorer")
        self.setAcceptDrops(True)
        self._dress()
        self._build_views()
        self._build_parts()
        self.actions_by_name = make_actions(self)
        self._build_menus()
        self._connect()
        self._restore()
        self._on_project()
        self.suggest.begin()
        self.comfort.begin()

    # -- building --------------------------------------------------------------------------------------------------

    def _build_views(self) -> None:
        session = self.session
        self.welcome = Welcome(session)
        self.cluster_panel = ClusterPanel(session, self._dark)
        self.clusters = self.cluster_panel.clusters
        self.map_page = MapPage(session, self._dark)
        self.image_page = ImagePage(session)
        self.centre = QStackedWidget()
        self.pages: dict[str, QWidget] = {}
        self.add_page("map", self.map_page)
        self.add_page("image", self.image_page)
        self.side = QTabWidget()
        self.side.setDocumentMode(True)
        self.side.addTab(self.cluster_panel, "Clusters")
        self.gallery_panel = GalleryPanel(session)
        self.across = QSplitter(Qt.Orientation.Horizontal)
        for widget, stretch in ((self.side, 0), (self.centre, 1), (self.gallery_panel, 0)):
            self.across.addWidget(widget)
            self.across.setStretchFactor(self.across.count() - 1, stretch)
            self.across.setCollapsible(self.across.count() - 1, False)
        self.centre.setMinimumWidth(380)
        self._give_room()
        self.label_panel = LabelPanel(session)
        work = QWidget()
        column = QVBoxLayout(work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.across, 1)
        line = QFrame()
        line.setFixedHeight(1)
        line.setStyleSheet("background: palette(mid)")
        column.addWidget(line)
        column.addWidget(self.label_panel)
        self._whole = QStackedWidget()
        self._whole.addWidget(self.welcome)
        self._whole.addWidget(work)
        body = QWidget()
        self.body = QVBoxLayout(body)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        self.progress = ProgressStrip(session)
        self.notice = Notice()
        self.body.addWidget(self.progress)
        self.body.addWidget(self.notice)
        self.body.addWidget(FilterStrip(session))
        self.body.addWidget(self._whole, 1)
        self.setCentralWidget(body)
        self._said = elided_label()
        self._said.setContentsMargins(10, 0, 0, 0)
        self._summary = elided_label("", "dim")
        self._unreadable = QPushButton(flat=True)
        self._unreadable.setObjectName("warning")
        self._unreadable.setToolTip("List the files that could not be read or were left out, with reasons")
        self._unreadable.clicked.connect(self.show_unreadable)
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        bar.addWidget(self._said, 1)
        bar.addPermanentWidget(self._unreadable)
        bar.addPermanentWidget(self._summary)

    def add_page(self, name: str, widget: QWidget) -> None:
        """Adds what `Session.show_page` can put in the centre; Escape leads back to the map."""
        self.pages[name] = widget
        self.centre.addWidget(widget)

    def _build_parts(self) -> None:
        """Parts of the window: each builds its own widgets, and offers slots for the actions."""
        self._export = Errand(self)
        self.contradicting = Contradicting(self)
        self.reading = Reading(self)
        self.readers = Readers(self)
        self.suggest = Suggest(self)
        self.comfort = Comfort(self)
        self.metadata = MetadataPart(self)
        self.sheets = Sheets(self)
        self.audit = Audits(self)
        self.cluster_work = ClusterWork(self)
        self.finder = Find(self)
        self.compare = Compare(self)
        self.viewer = Viewer(self)
        self.progress_report = ProgressReport(self)
        self.parts: tuple[QObject, ...] = (
            self.contradicting,
            self.reading,
            self.readers,
            self.suggest,
            self.comfort,
            self.metadata,
            self.sheets,
            self.audit,
            self.cluster_work,
            self.finder,
            self.compare,
            self.progress_report,
        )

    def _build_menus(self) -> None:
        menus: dict[str, QMenu] = {}
        for spec in SPECS:
            if spec.menu not in menus:
                menus[spec.menu] = self.menuBar().addMenu(spec.menu)
            menu = menus[spec.menu]
            if spec.separated:
                menu.addSeparator()
            if spec.in_menu:
                menu.addAction(self.actions_by_name[spec.name])
        names = self.actions_by_name["names"]
        names.setChecked(bool(self._settings.value("names", True, bool)))
        self.map_page.names.setChecked(names.isChecked())
        self.map_page.names.toggled.connect(names.setChecked)
        light = self.actions_by_name["light"]
        light.blockSignals(True)
        light.setChecked(not self._dark)
        light.blockSignals(False)

    def _connect(self) -> None:
        session = self.session
        self.welcome.folderWanted.connect(self.open_folder)
        self.welcome.demoWanted.connect(self.open_demo)
        self.welcome.projectWanted.connect(lambda path: self.open_path(Path(path)))
        self.map_page.imageWanted.connect(self.open_image)
        self.gallery_panel.imageWanted.connect(self.open_image)
        self.image_page.view.stepRequested.connect(self.step_image)
        self.image_page.seen.connect(session.note_full_size)
        self.label_panel.vocabularyWanted.connect(self.choose_vocabulary)
        session.projectChanged.connect(self._on_project)
        session.mapChanged.connect(self._on_map)
        session.currentChanged.connect(self._on_current)
        session.labelsChanged.connect(self._on_labels)
        session.exclusionsChanged.connect(self._on_labels)
        session.imagesArrived.connect(self._show_summary)
        session.targetChanged.connect(self._enable)
        session.indexingEnded.connect(self._on_indexed)
        session.said.connect(self._say)
        session.failed.connect(self.notice.show_text)
        session.recovered.connect(self.notice.hide)

    @property
    def _dark(self) -> bool:
        return bool(self._settings.value("dark", True, bool))

    @property
    def _text_scale(self) -> float:
        return float(str(self._settings.value("text_scale", 1.0)))

    def _dress(self) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, self._dark, self._text_scale)

    def _give_room(self) -> None:
        """The panes at the sides are as wide, at least, as their words need in letters of this size."""
        letter = QFontMetrics(QApplication.font()).horizontalAdvance("m")
        self.side.setMinimumWidth(19 * letter + 26)  # the tabs' padding does not grow
        self.gallery_panel.setMinimumWidth(21 * letter)

    def _restore(self) -> None:
        window_state.restore(self, self._settings)

    # -- following the session -------------------------------------------------------------------------------------

    def _on_project(self) -> None:
        project = self.session.project
        self.notice.hide()
        self._whole.setCurrentIndex(0 if project is None else 1)
        self.setWindowTitle("CXR Explorer" if project is None else f"{project_title(project.path)} – CXR Explorer")
        self.welcome.refresh()
        self._say("")
        self._on_map()
        self._on_current()

    def _on_map(self) -> None:
        self._show_summary()
        self._enable()

    def _on_current(self) -> None:
        shown = self.pages[self.session.page]
        if self.centre.currentWidget() is not shown:
            leaving, focused = self.centre.currentWidget(), self.focusWidget()
            had_focus = leaving is not None and focused is not None and leaving.isAncestorOf(focused)
            self.centre.setCurrentWidget(shown)
            if shown is self.image_page:
                self.image_page.view.setFocus()
            elif shown is not self.map_page:
                shown.setFocus()
            elif had_focus:
                self.gallery_panel.gallery.setFocus()
        elif shown is self.image_page:
            self.image_page.view.setFocus()
        self._enable()

    def _on_labels(self) -> None:
        self._show_summary()
        self._enable()

    def _on_indexed(self, report: IndexReport | None) -> None:
        self._show_summary()
        self._enable()
        if report is None:
            return
        parts = []
        if report.embedded:
            parts.append(f"{images_text(report.embedded)} embedded")
        if report.missing:
            parts.append(f"{report.missing:,} no longer in the folder")
        if report.changed:
            parts.append(f"{report.changed:,} changed")
        text = ", ".join(parts) if parts else "No new images in the folder."
        assert self.session.project is not None
        met = describe_left_out(left_out(self.session.project))
        self._say(f"{text}; left out: {met}" if met else text)

    def _show_summary(self) -> None:
        project = self.session.project
        failures = len(project.failures()) if project is not None else 0
        aside = sum(item.count for item in left_out(project) if not item.kind.ordinary) if project is not None else 0
        counts = [f"{failures:,} unreadable"] * bool(failures) + [f"{aside:,} left out"] * bool(aside)
        self._unreadable.setVisible(bool(counts))
        self._unreadable.setText(f"⚠ {', '.join(counts)}")
        if project is None:
            self._summary.setText("")
            return
        total = project.image_count() - failures
        labelled = len(label_columns.labelled_ids(project, self.session.reader))
        share = f" ({labelled / total:.0%})" if total else ""
        self._summary.setText(f"{labelled:,} of {total:,} images labelled{share}  ")

    def refresh_actions(self) -> None:
        """Brings what the actions allow in line, where a part of the window has changed it."""
        self._enable()

    def _enable(self) -> None:
        session = self.session
        project = session.project
        undo = session.undo_text()
        redo = acts.redo_text(project) if project is not None else None
        states = {
            "always": True,
            "project": project is not None,
            "map": session.map is not None,
            "target": session.target().ids.size > 0,
            "undo": undo is not None,
            "redo": redo is not None,
            "image": session.on_one_image,
        }
        for part in self.parts:
            states |= part.states() if hasattr(part, "states") else {}
        for spec in SPECS:
            self.actions_by_name[spec.name].setEnabled(states[spec.enabled])
        self.actions_by_name["undo"].setText(f"&Undo {undo}" if undo else "&Undo")
        self.actions_by_name["redo"].setText(f"&Redo {redo}" if redo else "&Redo")

    def _say(self, text: str) -> None:
        self._said.setText(text)
        self._said.setToolTip(text)

    # -- what the actions do: file ---------------------------------------------------------------------------------

    def open_path(self, path: Path, project: Path | None = None) -> None:
        """Opens an image folder or a project file; says what is wrong if neither works."""
        try:
            if path.is_file() and path.suffix == SUFFIX:
                self.session.open_project(path)
            else:
                self.session.open_folder(path, project)
        except UserError as error:
            self._on_project()
            self.notice.show_text(str(error))

    def open_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of chest radiographs", self.last_folder())
        if chosen:
            self._settings.setValue("last_folder", chosen)
            self.open_path(Path(chosen))

    def open_project(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Open project", self.last_folder(), f"CXR Explorer projects (*{SUFFIX})"
        )
        if chosen:
            self.open_path(Path(chosen))

    def open_demo(self) -> None:
        self.session.open_demo()

    def rescan(self) -> None:
        try:
            self.session.start_indexing()
        except UserError as error:
            self.notice.show_text(str(error))

    def show_unreadable(self) -> None:
        project = self.session.project
        assert project is not None
        if accepted(UnreadableDialog(self, project.failures(), left_out(project))):
            project.retry_failed()
            self.rescan()

    def import_labels(self) -> None:
        try:
            import_table(self, self.session, self.last_folder())
        except UserError as error:
            self.notice.show_text(str(error))

    def export_labels(self) -> None:
        try:
            export_table(self, self.session, self.last_folder(), self._export)
        except UserError as error:
            self.notice.show_text(str(error))

    def last_folder(self) -> str:
        """Where file dialogs begin."""
        return str(self._settings.value("last_folder", str(Path.home())))

    # -- edit, map -------------------------------------------------------------------------------------------------

    def step_back(self) -> None:
        session = self.session
        if self.suggest.give_up_start():
            return
        if self.reading.active:
            self.reading.stop()
        elif session.viewing_image:
            session.view_image(False)
        elif session.page != "map":
            session.show_page("map")
        elif session.picked.size:
            self.gallery_panel.gallery.set_picked(np.zeros(0, np.int64))
        else:
            session.clear_selection()

    def show_names(self, shown: bool) -> None:
        self._settings.setValue("names", shown)
        self.map_page.names.setChecked(shown)
        self.map_page.scatter.set_names_visible(shown)

    def change_parameters(self) -> None:
        dialog = MapDialog(self, self.session.parameters())
        if accepted(dialog) and dialog.parameters != self.session.parameters():
            self.session.start_indexing(dialog.parameters, rescan=False)

    # -- label -----------------------------------------------------------------------------------------------------

    def label_finding(self, position: int, value: int) -> None:
        project = self.session.project
        assert project is not None
        findings = project.vocabulary.findings
        if position >= len(findings):
            return
        if self.reading.active and findings[position] == self.reading.finding:
            self.reading.answer(Value(value))
            return
        self.session.set_judgement(findings[position], Value(value))
        self.session.label_target()

    def set_value(self, value: int | None) -> None:
        chosen = None if value is None else Value(value)
        if self.reading.active:
            self.reading.answer(chosen)
        else:
            self.session.set_judgement(self.session.finding, chosen)

    def choose_vocabulary(self) -> None:
        project = self.session.project
        assert project is not None
        dialog = FindingsDialog(self, project.vocabulary)
        if accepted(dialog) and dialog.vocabulary != project.vocabulary:
            self.session.set_vocabulary(dialog.vocabulary)

    # -- image -----------------------------------------------------------------------------------------------------

    def open_image(self) -> None:
        shown = self.gallery_panel.gallery.image_ids()
        if self.session.current_id < 0 and shown.size:
            self.session.set_current(int(shown[0]))
        self.session.view_image(True)

    def step_image(self, by: int) -> None:
        if self.reading.active:
            self.reading.step(by)
        elif self.sheets.leads:
            self.sheets.step(by)
        elif self.session.page == "compare":
            self.compare.page.step_focus(by)
        else:
            self.gallery_panel.gallery.step(by)

    # -- settings, help --------------------------------------------------------------------------------------------

    def change_settings(self) -> None:
        session = self.session
        dialog = SettingsDialog(self, session.own_reader, session.encoders(), session.encoder(), session.device)
        if accepted(dialog):
            session.choose(dialog.reader, dialog.encoder, dialog.device)
            self._show_summary()

    def use_light(self, light: bool) -> None:
        self._settings.setValue("dark", not light)
        self._dress()
        self.map_page.set_dark(not light)
        self.cluster_panel.set_dark(not light)

    def scale_text(self, by: int) -> None:
        nearest = min(range(len(TEXT_SCALES)), key=lambda index: abs(TEXT_SCALES[index] - self._text_scale))
        scale = TEXT_SCALES[min(max(nearest + by, 0), len(TEXT_SCALES) - 1)]
        self._settings.setValue("text_scale", scale)
        self._dress()
        self._give_room()

    def show_keys(self) -> None:
        accepted(KeysDialog(self))

    def show_about(self) -> None:
        accepted(AboutDialog(self, self.session.encoder()))

    # -- the window itself -----------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        path = _dropped_path(event)
        if path is not None:
            event.acceptProposedAction()
            if self._is_query(path):
                self._say("Drop the image to find those most like it")

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped_path(event)
        if path is not None:
            event.acceptProposedAction()
            # After the drop is over: opening may show a message, and the source waits for the drop to end.
            QTimer.singleShot(0, self, lambda: self.open_dropped(path))

    def open_dropped(self, path: Path) -> None:
        """Opens a folder or project; finds what is like an image file, or opens its folder if nothing is open."""
        if self._is_query(path):
            self.finder.similar_to_file(path)
        else:
            self.open_path(path if path.is_dir() or path.suffix == SUFFIX else path.parent)

    def _is_query(self, path: Path) -> bool:
        return self.session.project is not None and path.is_file() and path.suffix != SUFFIX

    def closeEvent(self, event: QCloseEvent) -> None:
        window_state.keep(self, self._settings)
        self.image_page.close_down()
        self.readers.close_down()
        self.cluster_work.cancel()
        self.progress_report.close_down()
        self._export.finish()
        self.finder.close_down()
        self.compare.close_down()
        self.session.close()
        super().closeEvent(event)


def _dropped_path(event: QDragEnterEvent | QDropEvent) -> Path | None:
    """The one folder or file that is being dropped."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    return Path(urls[0].toLocalFile())
