"""The session: the open project, the one selection all views share, the running job, and the signals they listen to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from cxr_explorer.labels.confounders import Confounder
from cxr_explorer.labels.fact_table import FactTable
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import finding_text, keys_text
from cxr_explorer.labels.vocabulary import Vocabulary, changed_keys
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.search.conditions import facts_of
from cxr_explorer.ui.session.acts import Acts
from cxr_explorer.ui.session.captions import MOST_OF_A_NOTE, caption
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.colouring import categories
from cxr_explorer.ui.session.filtering import Filtering
from cxr_explorer.ui.session.ordering import by_file, by_probability, by_typicality
from cxr_explorer.ui.session.preferences import Preferences
from cxr_explorer.ui.session.selection import (
    BY_PROBABILITY,
    NO_IDS,
    ORDERS,
    RANKED,
    Ranking,
    Selection,
    Target,
    found_again,
    target_of_selection,
)
from cxr_explorer.ui.session.state import State
from cxr_explorer.ui.session.suggested import Suggested
from cxr_explorer.ui.session.thumbnails import Thumbnails


class Session(State):
    """Holds the state of one window and is the only way to change it."""

    def __init__(self, preferences: Preferences, window: QObject) -> None:
        super().__init__(preferences, window)
        self.map_to_come = False  # whether it is about to be read
        self.targets: dict[str, Callable[[], Target]] = {}  # whom a label goes to on a page of a part
        self.why_unseen: Callable[[], str] = str
        self.finding = ""
        self.value: Value | None = Value.PRESENT
        self.colour_by = "cluster"
        self.order = "typical"
        self.suggested = Suggested(self)
        self.filtering = Filtering(self)
        self.acts = Acts(self)
        self._colour_kept = ""  # what the map was coloured by when the project was open last
        self.thumbnails = Thumbnails(lambda ids: self.project.thumbnails(ids) if self.project is not None else {})
        self.known_facts.changed.connect(self._on_facts)
        self.labels.read.connect(self._on_labels_read)

    # -- reader ----------------------------------------------------------------------------------------------------

    def set_reader(self, name: str) -> None:
        """Goes on as another reader: from now on all views show their labels alone. Raises UserError."""
        self.preferences.set_own_reader(name)
        self.show_labels_anew()

    def read_as(self, name: str | None) -> None:
        """Keeps and shows labels under another name while images are read for it; None: under the reader's own again.

        A re-read or an adjudication is to be blind: the reader's own answers are out of sight meanwhile.
        """
        name = None if name == self.preferences.own_reader else name
        if name != self._reading_as:
            self._reading_as = name
            self.show_labels_anew()

    def show_labels_anew(self) -> None:
        """The labels of another reader are shown from now on."""
        if self.filter is not None and self.filter.is_of_other_than(self.preferences.own_reader):
            self.filtering.clear()
        if self.project is not None:
            self.labels.hold(self.project, self.map, self.reader)
        self.changed.emit(Change(labels=True, reader=True))
        self.targetChanged.emit()

    def _on_labels_read(self) -> None:
        self.changed.emit(Change(labels=True))
        self.targetChanged.emit()

    # -- project ---------------------------------------------------------------------------------------------------

    def is_open(self, path: Path) -> bool:
        """Whether that project is open already."""
        return self.project is not None and self.project.path.resolve() == path.resolve()

    def take(self, project: Project) -> None:
        """Goes on with another project, which was just opened, and its map."""
        self.begin(project)
        self.show_first_map()

    def begin(self, project: Project) -> None:
        """Goes on with another project; its map comes with `show_first_map`, in a turn of its own."""
        self.close()
        self.project, self.map_to_come = project, True
        is_last = self.preferences.recent.note_opened(project.path)
        self.finding, self.value = project.vocabulary.findings[0], Value.PRESENT
        self._colour_kept = str(self.preferences.settings.value("colour_by", "")) if is_last else ""
        self.colour_by = self._colour_kept if self._colour_kept in ("label", "labelled") else "cluster"
        self.projectChanged.emit()
        if project.lost:
            self.failed.emit(f"This project was damaged. {' '.join(project.lost)}")

    def show_first_map(self) -> None:
        """Shows the map of the project that was just begun, if it has one."""
        self.map_to_come = False
        self._load_map()
        for signal in (self.mapChanged, self.selectionChanged, self.currentChanged, self.targetChanged):
            signal.emit()

    def close(self) -> None:
        """Closes the project. Nothing is lost: every batch and every label is stored already."""
        self.labels.let_go()
        self.closing.emit()
        if self.project is not None:
            self.preferences.recent.note_progress(self.project, self.preferences.own_reader)
            self.project.close()
        self.project = None
        self.map = None
        self.known_facts.forget()
        self.filter = None
        self.thumbnails.clear()
        self.selection = Selection(NO_IDS)
        self.picked = NO_IDS
        self.current_id = -1
        self.suggested.forget()
        self.page = "map"

    def leave(self) -> None:
        """Closes the project and goes on without one, as when the program has just started."""
        self.close()
        self._reading_as = None
        for signal in (self.projectChanged, self.filterChanged, self.selectionChanged, self.currentChanged):
            signal.emit()

    def _load_map(self) -> None:
        assert self.project is not None
        before, self.map = self.map, self.project.latest_map()
        self.known_facts.read(self.project, self.map)
        self.labels.hold(self.project, self.map, self.reader)
        self.filtering.carry_over(before)
        chosen = self.selection.ids
        kept = chosen[np.isin(chosen, self.map.image_ids)] if self.map is not None else NO_IDS
        kept = self.filter.keep(kept) if self.filter is not None else kept
        self.selection = Selection(kept)
        self.picked = NO_IDS
        looked_at = self.on_one_image and self.map is not None and self.current_id in self.map.image_ids
        if self.current_id not in kept and not looked_at:
            self.current_id = -1
            self._leave_no_image()

    def take_map(self, pictures_changed: bool) -> None:
        """Shows the newest map, if it is another one; what was chosen stays chosen as far as it is found again."""
        assert self.project is not None
        before, chosen = self.map, self.selection
        latest = self.project.latest_map()
        if latest is None or (before is not None and latest.map_id == before.map_id):
            return
        if pictures_changed:
            self.thumbnails.clear()
        self._load_map()
        self.mapChanged.emit()
        self.filterChanged.emit()
        there = found_again(chosen, before, self.map) if before is not None else []
        if there:
            self.select_clusters(there)
        else:
            self.selectionChanged.emit()
            self.currentChanged.emit()
            self.targetChanged.emit()

    def ask_whether_seen(self, why_unseen: Callable[[], str]) -> None:
        """The page of the image says why no answer can be about its picture, see `ImagePage.why_unseen`."""
        self.why_unseen = why_unseen

    def forget_page_behind(self) -> None:
        """The page an open image was opened from is no more: closing the image leads to the map."""
        self.page_behind = "map"

    def read_ids(self) -> Ids:
        """Ids of the images read so far, newest first: what there is to see before the first map."""
        return self.project.thumbnail_ids()[::-1] if self.project is not None and not self.map_to_come else NO_IDS

    def caption(self, image_id: int, most_of_a_note: int = MOST_OF_A_NOTE) -> str:
        """An image in a line or two, see `captions.caption`; with what is suggested where that is shown."""
        if self.project is None:
            return ""
        suggested = ""
        if self.shows_probabilities and not np.isnan(probability := self.suggested.of(np.array([image_id]))[0]):
            suggested = f"{finding_text(self.finding)}: {self.suggested.text(probability)} suggested"
        return caption(self.project, self.map, image_id, self.reader, suggested, most_of_a_note)

    def show_target(self) -> None:
        """A part that says whom a label goes to on its page (`targets`) says something else now."""
        self.targetChanged.emit()

    def restore_order(self, order: str) -> None:
        """The gallery's order at the start of the program; an unknown one is passed over."""
        if order in ORDERS:
            self.order = order

    def set_order(self, order: str) -> None:
        """The gallery's order, a key of ORDERS, or RANKED for the order the selection came in."""
        self.keeps_ranking = order == RANKED
        if order != RANKED:
            self.order = order
        self.selectionChanged.emit()

    @property
    def ranking(self) -> Ranking | None:
        """The order the selection came in, unless the reader chose another one."""
        return self.selection.ranking if self.keeps_ranking else None

    def ordered_ids(self) -> Ids:
        """The selection in the gallery's order."""
        ids = self.selection.ids
        if self.map is None or not ids.size:
            return ids
        if self.ranking is not None:
            return self.ranking.ids[np.isin(self.ranking.ids, ids)]
        if self.order == "file":
            return by_file(ids, self.project.paths() if self.project is not None else {})
        if self.order in BY_PROBABILITY and self.suggested.probabilities is not None:
            return by_probability(ids, self.suggested.of(ids), self.order)
        return by_typicality(ids, self.map, self.order)

    @property
    def shows_probabilities(self) -> bool:
        """Whether the gallery says what is suggested: it is ordered or the map is coloured by it."""
        return not self.suggested.hidden and (self.order in BY_PROBABILITY or self.colour_by == "suggestion")

    def target(self) -> Target:
        """Whom a label would go to now."""
        if self.page in self.targets:
            return self.targets[self.page]()
        if self.on_one_image:
            if self.current_id < 0 or (self.filter is not None and self.current_id not in self.filter.ids):
                return Target(NO_IDS, "single", None, "this image")
            return Target(np.array([self.current_id], np.int64), "single", None, "this image")
        if self.picked.size == 1:
            return Target(self.picked, "single", None, "the picked image")
        if self.picked.size:
            return Target(self.picked, "selection", None, f"{self.picked.size:,} picked images")
        return self.selection_target()

    def selection_target(self) -> Target:
        """The selection as whom a label goes to."""
        return target_of_selection(self.selection, self.map, self.filter)

    # -- facts -----------------------------------------------------------------------------------------------------

    def reload_facts(self) -> None:
        """Takes over what a table has brought or taken away."""
        assert self.project is not None
        before = self.facts.columns
        self.known_facts.use(self.project.facts(), self.map)
        if self.colour_by in before.keys() - self.facts.columns.keys():
            self.colour_by = "cluster"
        self.factsChanged.emit()
        if self.filter is not None:
            self.filtering.carry_over(None)
            self.filtering.apply()
        self.targetChanged.emit()

    def _on_facts(self) -> None:
        self.colour_by = self._colour_kept if self._colour_kept in self.facts.differing() else self.colour_by
        self._colour_kept = ""
        self.factsChanged.emit()

    @property
    def facts(self) -> FactTable:
        """What is known of the images beside the pictures, by image id."""
        return self.known_facts.table

    def confounders(self, ids: Ids) -> list[Confounder]:
        """What these images have in common beyond the rest of the map; what the filter asks for the reader knows."""
        return self.known_facts.confounders(ids, facts_of(self.filter.conditions) if self.filter is not None else ())

    # -- what the reader does --------------------------------------------------------------------------------------

    def set_judgement(self, finding: str, value: Value | None) -> None:
        """The finding and value the label button stands at."""
        recolour = finding != self.finding and self.colour_by == "label"
        self.finding, self.value = finding, value
        self.targetChanged.emit()
        if recolour:
            self.colouringChanged.emit()

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Chooses the findings to work with; labels given already stay."""
        assert self.project is not None
        changed = changed_keys(self.project.vocabulary, vocabulary)
        self.project.set_vocabulary(vocabulary)
        if self.finding not in vocabulary.findings:
            self.set_judgement(vocabulary.findings[0], Value.PRESENT)
        self.changed.emit(Change(labels=True))
        if changed:
            self.said.emit(keys_text(changed))

    # -- colours ---------------------------------------------------------------------------------------------------

    def set_colour_by(self, colour_by: str) -> None:
        """What the map's colours stand for: "cluster", "label", "labelled", or a fact."""
        self.colour_by = colour_by
        self.colouringChanged.emit()

    def categories(self) -> tuple[NDArray[np.int64], list[str]]:
        """See `colouring.categories`, for what is coloured by now."""
        assert self.map is not None and self.project is not None
        shown = self.known_facts.column, self.colour_by, self.finding, self.reader, self.labels.held
        return categories(self.project, self.map, *shown)
