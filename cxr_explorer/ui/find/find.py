"""Finding images: like one, like a file, like the selection; by words; by name."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Embedded
from cxr_explorer.encoder.file_model import NO_ENCODER, is_of_file
from cxr_explorer.errors import UserError
from cxr_explorer.images.image_formats import EXTENSIONS
from cxr_explorer.labels.confounders import percent
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.project import Ids
from cxr_explorer.project.redrawn import shown_frame
from cxr_explorer.search.similar import Alike, UnitEmbeddings, embed_file, image_named
from cxr_explorer.search.words import Search
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.find.file_strip import FileStrip
from cxr_explorer.ui.find.held_embeddings import HeldEmbeddings
from cxr_explorer.ui.find.jump_dialog import JumpDialog
from cxr_explorer.ui.find.search_bar import SearchBar, Searching
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.gallery.gallery_panel import GalleryPanel
from cxr_explorer.ui.map.map_page import MapPage
from cxr_explorer.ui.session.selection import NO_IDS, Ranking
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import accepted

COUNT = 100
"""Images found by likeness: what a reader looks through in a minute or two."""

ITSELF = "this one"
KINDS = f"Images ({' '.join(f'*.{extension}' for extension in sorted(EXTENSIONS))});;All files (*)"


class Finder(QObject, Part):
    """The window's part that finds images; what it finds becomes the selection."""

    def __init__(self, frame: Frame, session: Session, gallery_panel: GalleryPanel, map_page: MapPage) -> None:
        super().__init__(frame)
        self._frame = frame
        self._gallery_panel = gallery_panel
        self._map_page = map_page
        self._session = session
        self.embeddings = HeldEmbeddings(session)
        self.searching = Searching(session)
        self.bar = SearchBar(session, self.searching)
        self.strip = FileStrip(session)
        gallery_panel.insert_above(self.bar)
        gallery_panel.insert_above(self.strip)
        self.bar.wanted.connect(self._select_found)
        self.bar.closed.connect(self._leave_bar)
        self.strip.cancelled.connect(self.cancel)
        self._errand = Errand(self)
        self.embeddings.changed.connect(self._tell_reading)
        session.projectChanged.connect(self.cancel)

    # -- like something --------------------------------------------------------------------------------------------

    def verbs(self) -> Verbs:
        return {
            "similar_to_file": self.choose_file,
            "similar": self.similar,
            "similar_to_selection": self.similar_to_selection,
            "search": self.search,
            "jump": self.jump,
        }

    def similar(self) -> None:
        """The images most like the current one, or the only one selected."""
        image_id = self._current()
        if image_id < 0:
            self._session.said.emit("Choose an image first: click one in the gallery or on the map.")
        else:
            self.embeddings.use(partial(self._select_like, image_id))

    def similar_to_selection(self) -> None:
        """The images most like what the selection (or what is picked of it) has in common, and are not in it."""
        session = self._session
        ids = session.picked if session.picked.size > 1 else session.selection.ids
        if not ids.size:
            session.said.emit("Select images first: a cluster, or draw around images on the map.")
        else:
            self.embeddings.use(partial(self._select_like_centre, ids))

    def choose_file(self) -> None:
        """Asks for an image file, then finds what is like it."""
        chosen, _ = QFileDialog.getOpenFileName(self._frame, "Find images like a file", "", KINDS)
        if chosen:
            self.similar_to_file(Path(chosen))

    def similar_to_file(self, path: Path) -> None:
        """The images most like a file, which is read and embedded in a child process if the project has it not."""
        session = self._session
        if session.project is None or session.map is None:
            session.failed.emit("There is no map to search yet. Wait until it is made, then drop the file again.")
            return
        self.cancel()
        try:
            image_id = image_named(session.project, str(path.resolve()))
            if image_id is not None and image_id in session.map.image_ids:
                self.embeddings.use(partial(self._select_like, image_id))
                return
            encoder = self._encoder()
        except UserError as error:
            session.failed.emit(str(error))
            return
        self.strip.show_reading(path)
        self._errand.run(
            *(embed_file, path.resolve(), encoder.directory, session.preferences.device, shown_frame(session.project)),
            done=partial(self._search_like, path),
            failed=self._tell_why,
        )

    def left_out(self, ids: Ids) -> Ids:
        """These, and what the filter keeps out of reach."""
        session = self._session
        if session.map is None or session.filter is None:
            return ids
        return np.union1d(ids, np.setdiff1d(session.map.image_ids, session.filter.ids, assume_unique=True))

    def cancel(self) -> None:
        """Stops reading the file."""
        if self._errand.active:
            self._errand.cancel()
            self.strip.clear()

    def close_down(self) -> None:
        """Before the program ends."""
        self.cancel()
        self.embeddings.close()

    def _current(self) -> int:
        session = self._session
        if session.current_id < 0 and session.target().ids.size == 1:
            return int(session.target().ids[0])
        return session.current_id

    def _encoder(self) -> EncoderInfo:
        """The map's encoder: no other one's embeddings can be compared with the map's."""
        assert self._session.map is not None
        if is_of_file(self._session.map.encoder_key):
            raise UserError(NO_ENCODER)
        for encoder in self._session.preferences.encoders():
            if encoder.key == self._session.map.encoder_key:
                return encoder
        raise UserError(
            f"The map was made with the encoder {self._session.map.encoder_key}, which is not here. "
            "Choose it under Settings, or make the map anew."
        )

    def _search_like(self, path: Path, embedded: Embedded) -> None:
        self.strip.show_searching()
        self.embeddings.use(partial(self._select_like_file, path, embedded))

    def _tell_why(self, reason: str) -> None:
        self.strip.clear()
        self._session.failed.emit(reason)

    def _select_like(self, image_id: int, embeddings: UnitEmbeddings) -> None:
        try:
            vector = embeddings.vector(image_id)
        except KeyError:
            self._session.said.emit(f"This image is not on the map: look for new images ({key_text('rescan')}) first.")
            return
        found = embeddings.alike(vector, COUNT, self.left_out(np.array([image_id], np.int64)))
        ids = np.concatenate([[image_id], found.image_ids])
        self._select(ids, found, self._name(image_id), {image_id: ITSELF})

    def _select_like_centre(self, ids: Ids, embeddings: UnitEmbeddings) -> None:
        found = embeddings.alike(embeddings.centre(ids), COUNT, self.left_out(ids))
        self._select(found.image_ids, found, f"the {images_text(ids.size)} before", {})

    def _select_like_file(self, path: Path, embedded: Embedded, embeddings: UnitEmbeddings) -> None:
        found = embeddings.alike(embedded.embedding, COUNT, self.left_out(NO_IDS))
        if not self._select(found.image_ids, found, _short(path.name), {}):
            self.strip.clear()
            return
        self.strip.show_found(path, embedded.thumbnail, found.likeness, self._session.selection.ranking)

    def _select(self, ids: Ids, found: Alike, what: str, notes: dict[int, str]) -> bool:
        """Selects what was found; False where nothing was, which is said."""
        if not found.image_ids.size:
            self._session.said.emit("There are no others to find: all are selected already, or outside the filter.")
            return False
        notes = notes | {
            image_id: f"{likeness:.2f}"
            for image_id, likeness in zip(found.image_ids.tolist(), found.likeness.tolist(), strict=True)
        }
        session = self._session
        page = session.page if session.page == "image" else "map"
        session.select_ranked(Ranking(ids, "Likeness", f"Like {what}", notes, "Likeness (1 is the same)"))
        shown = session.ordered_ids()
        session.set_current(int(shown[0]) if shown.size else -1)
        session.show_page(page)
        span = f"{found.likeness[0]:.2f} to {found.likeness[-1]:.2f}"
        session.said.emit(f"The {images_text(found.image_ids.size)} most like {what}: likeness {span}")
        return True

    def _name(self, image_id: int) -> str:
        project = self._session.project
        return _short(PurePosixPath(project.image(image_id).path).name) if project is not None else ""

    def _tell_reading(self) -> None:
        if self.embeddings.reading:
            self._session.said.emit(
                f"Reading what the encoder made of the images … {percent(self.embeddings.fraction)}"
            )

    # -- by words --------------------------------------------------------------------------------------------------

    def search(self) -> None:
        """Opens the bar above the gallery."""
        self.bar.open_bar()

    def jump(self) -> None:
        """Asks for a part of a name and goes to that image."""
        self.searching.use(self._ask_where)

    def go_to(self, image_id: int) -> None:
        """Makes an image the current one and brings it to the middle of the map."""
        session = self._session
        page = session.page if session.page == "image" else "map"
        if image_id not in session.selection.ids:
            session.select(np.array([image_id], np.int64), "single")
        if image_id in session.selection.ids:  # else a filter keeps it out, and has said so
            session.set_current(image_id)
            session.show_page(page)
            self._map_page.show_closely(np.array([image_id], np.int64))
            if page == "map":
                self._gallery_panel.gallery.setFocus()

    def _ask_where(self, search: Search) -> None:
        dialog = JumpDialog(self._frame, self._session, search)
        if accepted(dialog):
            self.go_to(dialog.image_id)

    def _select_found(self, ids: Ids) -> None:
        session = self._session
        session.select(ids, "selection")
        gallery = self._gallery_panel.gallery
        shown = gallery.image_ids()
        if shown.size:
            session.set_current(int(shown[0]))
            gallery.setFocus()
        key = key_text("find_selection")
        session.said.emit(f"{images_text(session.selection.ids.size)} found. {key} shows them on the map")

    def _leave_bar(self) -> None:
        self._gallery_panel.gallery.setFocus()


def _short(name: str) -> str:
    """A file's name that leaves room beside it."""
    return name if len(name) <= 24 else f"{name[:11]}…{name[-11:]}"
