"""The main window: it puts the parts together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QFontMetrics
from PySide6.QtWidgets import QApplication

from cxr_explorer.hospital.unpacking import is_zip
from cxr_explorer.project import acts
from cxr_explorer.project.file import SUFFIX
from cxr_explorer.ui.audit.audit import Audits
from cxr_explorer.ui.clusters.cluster_panel import ClusterPanel
from cxr_explorer.ui.clusters.cluster_work import ClusterWork
from cxr_explorer.ui.commands import keymap
from cxr_explorer.ui.commands.actions import SPECS
from cxr_explorer.ui.commands.need import ALWAYS, IMAGE, MAP, PROJECT, REDO, TARGET, UNDO, Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.compare.compare import Comparison
from cxr_explorer.ui.encoders.second_encoder import SecondEncoder
from cxr_explorer.ui.facts.facts import FactsPart
from cxr_explorer.ui.find.filter_strip import FilterStrip
from cxr_explorer.ui.find.find import Finder
from cxr_explorer.ui.frame import window_state
from cxr_explorer.ui.frame.appearance import Appearance, dress
from cxr_explorer.ui.frame.files import Files
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.frame.progress_strip import ProgressStrip
from cxr_explorer.ui.frame.workspaces import EXPLORE, READ, SHEET, Pane
from cxr_explorer.ui.gallery.gallery_panel import GalleryPanel
from cxr_explorer.ui.guide.context_menus import ON_COMPARED, ON_SHEET, ContextMenus
from cxr_explorer.ui.guide.guide import Guide
from cxr_explorer.ui.guide.help import PAGE as HELP_PAGE
from cxr_explorer.ui.guide.help import Help
from cxr_explorer.ui.guide.tour_steps import Views
from cxr_explorer.ui.hospital.arrivals import Arrivals
from cxr_explorer.ui.labelling.contradictions import ContradictionNotice
from cxr_explorer.ui.labelling.label_panel import LabelPanel
from cxr_explorer.ui.labelling.labelling import Labelling
from cxr_explorer.ui.labelling.notes import Notes
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.map.map_page import MapPage
from cxr_explorer.ui.map.map_work import MapWork
from cxr_explorer.ui.progress.progress_report import ProgressReport
from cxr_explorer.ui.readers.readers import Readers
from cxr_explorer.ui.session.judging import Judging
from cxr_explorer.ui.session.preferences import Preferences
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.session.seen import Seen
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.sheets.sheets import Sheets
from cxr_explorer.ui.sheets.strangers import StrangersPart
from cxr_explorer.ui.suggest.profile import Profile
from cxr_explorer.ui.suggest.suggest import Suggestions
from cxr_explorer.ui.suggest.suspects import SuspectLabels
from cxr_explorer.ui.suggest.tab import SuggestTab
from cxr_explorer.ui.viewer.image_page import ImagePage
from cxr_explorer.ui.viewer.viewer import Viewer
from cxr_explorer.ui.widgets.guard import guard_overrides
from cxr_explorer.ui.widgets.messages import confirmed

READING_MENUS = ("&File", "&Edit", "&Clusters", "&Label", "&Suggest", "A&udit", "Fi&nd", "&Readers")
"""What stands in them reads labels: an act that is being stored is stored first, see `KeptLabels`."""

_STILL_RUNNING = (
    "The images are still being analysed. Close the project now?\n\nWhat is done so far is kept; the analysis goes on "
    "from there when the project is opened again."
)


def _letter() -> int:
    return QFontMetrics(QApplication.font()).horizontalAdvance("m")


def _findings_px() -> int:
    """Width of the pane with the findings: a film beside it keeps two thirds of a small screen."""
    return 11 * _letter() + 114


class MainWindow(Frame, Part):
    """One window on one project."""

    def __init__(self, settings: QSettings) -> None:
        guard_overrides()
        keymap.load(settings)
        dress(settings)
        super().__init__(settings)
        self.setAcceptDrops(True)
        self.session = Session(Preferences(settings, self), self)
        self.runs = Runs(self.session)
        self.seen = Seen(self.session)
        self.judging = Judging(self.session)
        self.appearance = Appearance(self)
        self._build_views()
        self._build_parts()
        self._connect()
        self._restore()
        self._on_current()

    # -- building --------------------------------------------------------------------------------------------------

    def _build_views(self) -> None:
        session, dark = self.session, self.appearance.dark
        self.progress_strip = ProgressStrip(self.runs)
        self.add_strip(self.progress_strip, first=True)
        self.cluster_panel = ClusterPanel(session, self.seen, dark)
        self.clusters = self.cluster_panel.clusters
        self.map_page = MapPage(session, self.runs, dark)
        self.image_page = ImagePage(session)
        self.gallery_panel = GalleryPanel(session, self.runs)
        self.label_panel = LabelPanel(session, self.seen, self.judging)
        self.add_page("map", self.map_page)
        self.add_page("image", self.image_page, READ)
        self.add_tab(self.cluster_panel, "Clusters")
        self._build_panes()
        self._give_room()

    def _build_panes(self) -> None:
        clusters = Pane("clusters", "Clusters", (EXPLORE, SHEET), lambda _width: 19 * _letter() + 26)
        clusters.put(self.side, 1)
        gallery = Pane("gallery", "Gallery", (EXPLORE,), lambda width: min(36 * _letter(), width // 4))
        gallery.put(self.gallery_panel, 1)
        findings = Pane("findings", "Findings", (EXPLORE, SHEET, READ), lambda _width: _findings_px())
        findings.put(self.label_panel, 1)
        self.add_pane(clusters, left=True)
        self.add_pane(gallery)
        self.add_pane(findings)

    def _build_parts(self) -> None:
        """In the order of what they use, the tabs at the left in the order of the work."""
        session = self.session
        self.files = Files(self, session, self.runs)
        self.arrivals = Arrivals(self, session, self.files)
        self.map_work = MapWork(self, session, self.runs, self.map_page)
        self.contradicting = ContradictionNotice(self, session)
        beside = (self.gallery_panel, self.label_panel, self.side)
        self.reading = Reading(self, session, self.image_page, self.cluster_panel, beside)
        self.labelling = Labelling(self, session, self.judging, self.label_panel, self.reading)
        self.notes = Notes(self, session)
        self.readers = Readers(self, session, self.reading)
        self.sheets = Sheets(self, session, self.seen, self.judging, self.gallery_panel, self.reading)
        self.strangers = StrangersPart(self, session, self.sheets)
        self.suggest = Suggestions(self, session, self.reading, self.sheets)
        self.suggest_tab = SuggestTab(self.suggest, self, session)
        self.profile = Profile(self.suggest, session, self.label_panel)
        self.add_tab(self.suggest_tab, "Suggest")
        self.suggest.show_in(self.suggest_tab, self.profile)
        self.suspects = SuspectLabels(self, session, self.reading)
        self.facts = FactsPart(self, session)
        self.audit = Audits(self, session, self.reading)
        self.cluster_work = ClusterWork(self, session, self.cluster_panel, self.map_page)
        self.finder = Finder(self, session, self.gallery_panel, self.map_page)
        self.compare = Comparison(self, session, self.seen, self.gallery_panel, self.reading, self.finder)
        self.second_encoder = SecondEncoder(self, session, self.runs, self.map_page, dark=self.appearance.dark)
        self.viewer = Viewer(session, self.image_page, {"compare": self.compare.page})
        self.set_switch("wheel_steps", self.viewer.wheel_steps)
        self.progress_report = ProgressReport(self, session)
        self.add_strip(FilterStrip(session))
        views = Views(self.clusters, self.map_page, self.gallery_panel, self.label_panel)
        self.menus = ContextMenus(self, session, self.image_page, self.gallery_panel, self.map_page)
        self.sheets.page.grid.menuWanted.connect(lambda at: self.menus.show_menu(ON_SHEET, at))
        self.compare.page.menuWanted.connect(lambda at: self.menus.show_menu(ON_COMPARED, at))
        self.guide = Guide(self, session, self.runs, self.files.welcome, views)
        self.help = Help(self, session, self.runs, lambda: "audits" if self.audit.active else "")
        self.audit.list.setProperty(HELP_PAGE, "audits")
        self.suggest_tab.setProperty(HELP_PAGE, "suggestions")
        self.parts: tuple[Part, ...] = (
            self,
            self.workspaces,
            self.appearance,
            self.files,
            self.arrivals,
            self.map_work,
            self.contradicting,
            self.reading,
            self.labelling,
            self.notes,
            self.readers,
            self.sheets,
            self.strangers,
            self.suggest,
            self.suspects,
            self.facts,
            self.audit,
            self.cluster_work,
            self.finder,
            self.compare,
            self.second_encoder,
            self.viewer,
            self.progress_report,
            self.menus,
            self.guide,
            self.help,
        )
        for spec in SPECS:
            if spec.menu in READING_MENUS and not spec.checkable:
                self.actions_by_name[spec.name].triggered.connect(lambda _checked: self.session.labels.finish())
        self.take_verbs(part.verbs() for part in self.parts)

    def verbs(self) -> Verbs:
        """Steps that lead through several parts."""
        return {
            "back": self.step_back,
            "open_image": self.open_image,
            "next_image": lambda: self.step_image(1),
            "previous_image": lambda: self.step_image(-1),
            "browse_next": lambda: self.step_image(1),
            "browse_previous": lambda: self.step_image(-1),
            "close_project": self.close_project,
        }

    def _connect(self) -> None:
        session = self.session
        self.appearance.darkChanged.connect(self.map_page.set_dark)
        self.appearance.darkChanged.connect(self.cluster_panel.set_dark)
        self.appearance.darkChanged.connect(self.second_encoder.page.set_dark)
        self.appearance.scaleChanged.connect(self._give_room)
        self.map_page.imageWanted.connect(self.open_image)
        self.gallery_panel.imageWanted.connect(self.open_image)
        self.second_encoder.page.imageWanted.connect(self.open_image)
        self.image_page.view.stepRequested.connect(self.step_image)
        self.image_page.seen.connect(self.seen.note_full_size)
        self.image_page.framesChanged.connect(self._enable)
        self.image_page.view.rulers.toggled.connect(lambda on: self.set_switch("ruler", on))
        self.sheets.page.backWanted.connect(self.step_back)
        self.finder.strip.compareWanted.connect(self.compare.start)
        self.suggest_tab.left.connect(self.gallery_panel.gallery.setFocus)
        self.statesWanted.connect(self._enable)
        self.keysChanged.connect(self._show_keys)
        session.projectChanged.connect(self._on_current)
        session.currentChanged.connect(self._on_current)
        for signal in (
            session.mapChanged,
            session.changed,
            session.targetChanged,
            self.runs.indexingEnded,
        ):
            signal.connect(self._enable)
        session.said.connect(self.say)
        session.failed.connect(self.warn)
        session.recovered.connect(self.notice.hide)

    def _give_room(self) -> None:
        """The panes at the sides are as wide, at least, as their words need in letters of this size."""
        letter = _letter()
        self.side.setMinimumWidth(16 * letter + 26)  # the tabs' padding does not grow
        self.gallery_panel.setMinimumWidth(10 * letter)
        self.label_panel.setMinimumWidth(_findings_px())

    # -- following the session -------------------------------------------------------------------------------------

    def _on_current(self) -> None:
        shown = self.pages[self.session.page]
        if self.centre.currentWidget() is not shown:
            leaving, focused = self.centre.currentWidget(), self.focusWidget()
            had_focus = leaving is not None and focused is not None and leaving.isAncestorOf(focused)
            self.show_page(self.session.page)
            if shown is self.image_page:
                self.image_page.view.setFocus()
            elif shown is not self.map_page:
                shown.setFocus()
            elif had_focus:
                self.gallery_panel.gallery.setFocus()
        elif shown is self.image_page:
            self.image_page.view.setFocus()
        self._enable()

    def states(self) -> Mapping[Need, bool]:
        session = self.session
        return {
            ALWAYS: True,
            PROJECT: session.project is not None,
            MAP: session.map is not None,
            TARGET: session.target().ids.size > 0,
            IMAGE: session.on_one_image,
        }

    def _enable(self) -> None:
        project, undo = self.session.project, self.session.acts.undo_text()
        redo = acts.redo_text(project) if project is not None else None
        states: dict[Need, bool] = {UNDO: undo is not None, REDO: redo is not None}
        for part in self.parts:
            states |= part.states()
        self.show_states(states)
        self.actions_by_name["undo"].setText(f"&Undo {undo}" if undo else "&Undo")
        self.actions_by_name["redo"].setText(f"&Redo {redo}" if redo else "&Redo")

    def _show_keys(self) -> None:
        for part in self.parts:
            part.show_keys()

    # -- steps through several parts -------------------------------------------------------------------------------

    def step_back(self) -> None:
        """One step back: what is read, the image, the page, the picks, the selection."""
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

    def open_image(self) -> None:
        """The current image full size, or the first of the gallery."""
        shown = self.gallery_panel.gallery.image_ids()
        if self.session.current_id < 0 and shown.size:
            self.session.set_current(int(shown[0]))
        self.session.view_image(True)

    def step_image(self, by: int) -> None:
        """On or back, of what is being looked at."""
        if self.reading.active:
            self.reading.step(by)
        elif self.sheets.leads:
            self.sheets.step(by)
        elif self.session.page == "compare":
            self.compare.page.step_focus(by)
        else:
            self.gallery_panel.gallery.step(by)

    # -- the window itself -----------------------------------------------------------------------------------------

    def _restore(self) -> None:
        window_state.restore(self)
        tile_px = str(self.settings.value("tile_px", ""))
        if tile_px.isdigit():
            self.gallery_panel.gallery.set_tile_size(int(tile_px))
        self.session.restore_order(str(self.settings.value("order", "")))
        tool = self.settings.value("tool")
        if tool in ("pan", "lasso", "rectangle"):
            self.map_page.use_tool(tool)

    def _keep(self) -> None:
        window_state.keep(self)
        self.settings.setValue("tile_px", self.gallery_panel.gallery.tile_size)
        self.settings.setValue("order", self.session.order)
        self.settings.setValue("tool", self.map_page.scatter.tool)
        self.settings.setValue("colour_by", self.session.colour_by)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        path = _dropped_path(event)
        if path is not None:
            event.acceptProposedAction()
            if self._is_query(path):
                self.say("Drop the image to find those most like it")

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped_path(event)
        if path is not None:
            event.acceptProposedAction()
            # After the drop is over: opening may show a message, and the source waits for the drop to end.
            QTimer.singleShot(0, self, lambda: self.open_dropped(path))

    def open_dropped(self, path: Path) -> None:
        """Opens a folder, a project, what is in a ZIP; finds what is like an image file, or opens its folder."""
        if is_zip(path):
            self.arrivals.unpack(path)
        elif self._is_query(path):
            self.finder.similar_to_file(path)
        else:
            self.files.open_path(path if path.is_dir() or path.suffix == SUFFIX else path.parent)

    def _is_query(self, path: Path) -> bool:
        return self.session.project is not None and path.is_file() and path.suffix != SUFFIX and not is_zip(path)

    def close_project(self) -> None:
        """Back to the start page; asks first where the folder is still being analysed."""
        if self.runs.indexing is not None and not confirmed(self, _STILL_RUNNING, "Close project"):
            return
        if self.session.project is None:  # the question waits, and the window goes on
            return
        self._keep()
        self._end_parts()
        self.session.leave()
        self.files.welcome.setFocus()

    def _end_parts(self) -> None:
        for part in self.parts:
            part.close_down()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._keep()
        self._end_parts()
        self.session.close()
        super().closeEvent(event)


def _dropped_path(event: QDragEnterEvent | QDropEvent) -> Path | None:
    """The one folder or file that is being dropped."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    return Path(urls[0].toLocalFile())
