"""Comparing images side by side: which ones, what is said of them, and where labels go."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import QObject

from cxr_explorer.labels.texts import finding_text
from cxr_explorer.project import label_columns
from cxr_explorer.project.project import Ids
from cxr_explorer.project.redrawn import shown_frame, stamp_as_shown
from cxr_explorer.search.patient_films import Film
from cxr_explorer.search.similar import UnitEmbeddings
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.find import COMPARING, OTHER_FILMS
from cxr_explorer.ui.compare.compare_page import MOST, Compared, ComparePage
from cxr_explorer.ui.compare.patient_search import PatientSearch
from cxr_explorer.ui.find.find import Finder
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.frame.workspaces import READ
from cxr_explorer.ui.gallery.gallery_panel import SIGN, GalleryPanel
from cxr_explorer.ui.labelling.reading import Reading
from cxr_explorer.ui.session.seen import Seen
from cxr_explorer.ui.session.session import Session

FILE = -2
"""The key of a file that is not in the project."""

PAGE = "compare"


class Comparison(QObject, Part):
    """The window's part that shows images side by side; the current image is the one in focus."""

    def __init__(
        self, frame: Frame, session: Session, seen: Seen, gallery_panel: GalleryPanel, reading: Reading, finder: Finder
    ) -> None:
        super().__init__(frame)
        self._gallery_panel = gallery_panel
        self._one_by_one = reading
        self._finder = finder
        self._session = session
        self._opening = False
        self.page = ComparePage()
        frame.add_page(PAGE, self.page, READ)
        self.patient_search = PatientSearch(session, self)
        self.patient_search.known.connect(frame.refresh_actions)
        self._relations: dict[int, str] = {}  # of the images shown to the first one, by id
        self.page.backRequested.connect(lambda: session.show_page("map"))
        self.page.seen.connect(lambda key: seen.note_full_size(key) if key >= 0 else None)
        self.page.focusMoved.connect(lambda key: session.set_current(key if key >= 0 else -1))
        session.currentChanged.connect(self._on_current)
        session.closing.connect(self.page.clear)  # numbers of the next project's images are others
        session.changed.connect(lambda change: self._caption() if change.shown else None)

    def show_keys(self) -> None:
        self.page.show_keys()

    def verbs(self) -> Verbs:
        return {
            "compare": self.start,
            "compare_linked": self.page.toggle_linked,
            "patient_films": self.start_patient,
        }

    def states(self) -> dict[Need, bool]:
        """For the actions."""
        session = self._session
        return {
            COMPARING: session.page == PAGE,
            OTHER_FILMS: session.map is not None and bool(self.patient_search.others(session.current_id)),
        }

    def start(self) -> None:
        """Shows the picked images, or the current one and those most like it. A file that was searched for lies beside
        what is picked of those found, or those from the current one on. Back to the map if images are compared already.
        """
        session, gallery = self._session, self._gallery_panel.gallery
        if session.page == PAGE:
            session.show_page("map")
            return
        self._one_by_one.stop()
        picked, shown = gallery.picked_ids(), gallery.image_ids()
        if self._finder.strip.found and shown.size:
            first = max(int(np.argmax(shown == session.current_id)), 0)
            beside = picked if picked.size > 1 else shown[first:]
            self._show(np.concatenate([[FILE], beside[: MOST - 1]]))
        elif picked.size > 1:
            self._show(picked)
            if picked.size > MOST:
                session.said.emit(f"The first {MOST} of {picked.size:,} picked images: more do not fit side by side.")
        else:
            current = session.current_id if session.current_id >= 0 else int(shown[0]) if shown.size else -1
            if current < 0:
                session.said.emit("Pick two to four images in the gallery first, or choose one.")
            else:
                self._finder.embeddings.use(partial(self._show_with_alike, current))

    def start_patient(self) -> None:
        """Shows the current film beside the patient's others: the lateral of its study, earlier ones, newest first."""
        self.patient_search.find(self._session.current_id, partial(self._show_patient, self._session.current_id))

    def _show_patient(self, image_id: int, others: list[tuple[Film, str]]) -> None:
        self._one_by_one.stop()
        beside = others[: MOST - 1]
        relations = {image_id: "this film", **{film.image_id: relation for film, relation in beside}}
        self._show(np.array(list(relations), np.int64), relations)
        words = "1 other film" if len(others) == 1 else f"{len(others):,} other films"
        more = f" The {len(beside)} that matter most are shown." if len(others) > len(beside) else ""
        self._session.said.emit(f"{words} of this patient.{more}")

    def close_down(self) -> None:
        """Before the program ends."""
        self.patient_search.close_down()
        self.page.close_down()

    def _show_with_alike(self, image_id: int, embeddings: UnitEmbeddings) -> None:
        try:
            vector = embeddings.vector(image_id)
        except KeyError:
            self._session.said.emit(f"This image is not on the map: look for new images ({key_text('rescan')}) first.")
            return
        left_out = self._finder.left_out(np.array([image_id], np.int64))
        alike = embeddings.alike(vector, MOST - 1, left_out)
        self._show(np.concatenate([[image_id], alike.image_ids]))

    def _show(self, keys: Ids, relations: Mapping[int, str] | None = None) -> None:
        session = self._session
        self._relations = dict(relations or {})
        shown = keys[:MOST].tolist()
        focus = shown.index(session.current_id) if session.current_id in shown else int(shown[0] == FILE)
        focus = min(focus, len(shown) - 1)
        self.page.show_images([self._compared(key) for key in shown], focus)
        self._caption()
        self._opening = True
        session.set_current(shown[focus] if shown[focus] >= 0 else -1)
        session.show_page(PAGE)
        self._opening = False

    def _compared(self, key: int) -> Compared:
        project = self._session.project
        assert project is not None
        if key == FILE:
            path = self._finder.strip.path
            assert path is not None
            return Compared(FILE, path, frame=shown_frame(project))
        image = project.image(key)
        stamp, frame = stamp_as_shown(project, image), shown_frame(project)
        return Compared(key, project.folder / image.path, stamp, frame)

    def _on_current(self) -> None:
        """An image chosen elsewhere takes the place of the one in focus: labels go to what is seen."""
        session, page = self._session, self.page
        if self._opening:
            return
        if session.page != PAGE:
            opened = session.viewing_image and session.page_behind == PAGE  # Esc leads back here
            if page.panes and not opened:
                page.clear()
            return
        key = session.current_id if session.current_id >= 0 else FILE
        if key in page.keys:
            page.focus_key(key)
        elif key == FILE or session.project is None:
            session.show_page("map")
        else:
            page.replace_focused(self._compared(key))
            self._caption()

    def _caption(self) -> None:
        session, project = self._session, self._session.project
        if project is None:
            return
        ids = [key for key in self.page.keys if key >= 0]
        labels = label_columns.labels_of_images(project, ids, session.reader) if ids else {}
        excluded = set(session.labels.excluded_ids().tolist())
        ranking = session.selection.ranking
        for pane in self.page.panes:
            if pane.key == FILE:
                path = self._finder.strip.path
                pane.set_caption(path.name if path is not None else "", "Not in the project", "")
                continue
            title, *about = session.caption(pane.key).split("\n")
            if pane.key in self._relations:
                about.insert(0, self._relations[pane.key])
            elif ranking is not None and pane.key in ranking.notes:
                about.insert(0, ranking.notes[pane.key])
            words = [f"{finding_text(finding)} {SIGN[value]}" for finding, value in labels.get(pane.key, [])]
            if pane.key in excluded:
                words.append("excluded")
            about += project.image(pane.key).notes
            pane.set_caption(title, " · ".join(about), ", ".join(words) or "No labels")
