"""A right click on a film, a tile or a point of the map: what can be done with that image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu

from cxr_explorer.ui.commands.need import CURRENT, Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.gallery.gallery_panel import GalleryPanel
from cxr_explorer.ui.map.map_page import MapPage
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.viewer.image_page import ImagePage

_LABEL = ("label_normal", "label_rest_absent", "label_repeat", "exclude")
_NOTE = ("come_back", "note")
_FILE = ("copy_name", "copy_path", "show_in_folder")
_LOOK = (
    "next_window",
    "invert",
    "fit",
    "fit_width",
    "actual",
    "loupe",
    "ruler",
    "mirror",
    "turn",
    "overlay",
    "next_frame",
    "previous_frame",
)

ON_FILM = (*_LABEL, "", *_NOTE, "", *_LOOK, "", "similar", "compare", "patient_films", "", *_FILE)
ON_TILE = ("open_image", "", *_LABEL, "", *_NOTE, "", "similar", "compare", "patient_films", "cluster_here", "", *_FILE)
ON_SHEET = (
    "exclude",
    "exclude_odd",
    "",
    *_NOTE,
    "",
    "label_normal",
    "",
    "open_image",
    "similar",
    "compare",
    "",
    *_FILE,
)
ON_COMPARED = (*_LABEL, "", *_NOTE, "", "open_image", "similar", "compare_linked", "", *_FILE)
"""Names of actions; "" draws a line."""


class ContextMenus(QObject, Part):
    """Builds the menus when they are asked for: texts and what is allowed are as they are then."""

    def __init__(
        self, frame: Frame, session: Session, page: ImagePage, gallery: GalleryPanel, map_page: MapPage
    ) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        page.view.picture.menuWanted.connect(lambda at: self.show_menu(ON_FILM, at))
        gallery.gallery.menuWanted.connect(lambda at: self.show_menu(ON_TILE, at))
        map_page.menuWanted.connect(lambda at: self.show_menu(ON_TILE, at))

    def verbs(self) -> Verbs:
        return {
            "copy_name": lambda: self._copy(self._path().name),
            "copy_path": lambda: self._copy(str(self._path())),
            "show_in_folder": self.show_in_folder,
        }

    def states(self) -> Mapping[Need, bool]:
        return {CURRENT: self._session.project is not None and self._session.current_id >= 0}

    def show_menu(self, names: Sequence[str], at: QPoint) -> None:
        """Opens a menu of actions at a point of the screen; it goes when it is closed."""
        menu = QMenu(self._frame)
        for name in names:
            if name:
                menu.addAction(self._frame.actions_by_name[name])
            else:
                menu.addSeparator()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def show_in_folder(self) -> None:
        """Opens the folder of the image's file in the desktop's file manager."""
        folder = self._path().parent
        if not folder.is_dir():
            self._session.said.emit(f"The folder {folder} is not there.")
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._session.said.emit(f"No file manager opened {folder}.")

    def _path(self) -> Path:
        project = self._session.project
        assert project is not None
        return project.folder / project.image(self._session.current_id).path

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self._session.said.emit(f"Copied: {text}")
