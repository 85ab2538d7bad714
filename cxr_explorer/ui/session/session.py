"""The session: the open project, the one selection all views share, the running job, and the signals they listen to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from cxr_explorer.atlas.selection import combine
from cxr_explorer.errors import UserError
from cxr_explorer.labels.confounders import Confounder
from cxr_explorer.labels.fact_table import FactTable
from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.labels.label import How, Value
from cxr_explorer.labels.reader_names import ADJUDICATED
from cxr_explorer.labels.texts import finding_text, keys_text
from cxr_explorer.labels.vocabulary import Vocabulary, changed_keys
from cxr_explorer.project import acts, history, label_columns
from cxr_explorer.project.partition_rows import STATE
from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.search.conditions import Conditions, Images, facts_of, is_of_reader
from cxr_explorer.ui.session.captions import MOST_OF_A_NOTE, caption
from cxr_explorer.ui.session.change import Change, Step
from cxr_explorer.ui.session.colouring import categories
from cxr_explorer.ui.session.filtering import carry_over, filter_of
from cxr_explorer.ui.session.kept_labels import KeptLabels
from cxr_explorer.ui.session.known_facts import KnownFacts
from cxr_explorer.ui.session.ordering import by_file, by_probability, by_typicality
from cxr_explorer.ui.session.preferences import Preferences
from cxr_explorer.ui.session.selection import (
    BY_PROBABILITY,
    NO_IDS,
    ORDERS,
    RANKED,
    Filter,
    Ranking,
    Selection,
    Target,
    ascending,
    found_again,
    target_of_selection,
)
from cxr_explorer.ui.session.thumbnails import Thumbnails
from cxr_explorer.ui.widgets.texts import probability_text

ONE_IMAGE_PAGES = ("image", "compare")
_STEPS: dict[Step, str] = {"done": "{}", "undone": "Undid: {}", "redone": "Redid: {}"}


class Session(QObject):
    """Holds the state of one window and is the only way to change it."""

    projectChanged = Signal()
    mapChanged = Signal()
    clustersChanged = Signal()  # the same map, divided anew
    selectionChanged = Signal()
    targetChanged = Signal()
    currentChanged = Signal()
    changed = Signal(Change)
    acted = Signal(Change)  # an act was done, taken back or done again, and all views have been told what it changed
    colouringChanged = Signal()
    factsChanged = Signal()
    filterChanged = Signal()
    probabilitiesChanged = Signal()
    closing = Signal()  # the project is about to be closed
    said = Signal(str)
    failed = Signal(str)
    recovered = Signal()  # what `failed` said of the project file is over

    def __init__(self, preferences: Preferences, window: QObject) -> None:
        super().__init__(window)  # without a parent, it and whoever listens to it would stay in memory for ever
        self.preferences = preferences
        preferences.said.connect(self.said)
        self.project: Project | None = None
        self.map: AtlasMap | None = None
        self.map_to_come = False  # whether it is about to be read
        self.selection = Selection(NO_IDS)
        self.picked: Ids = NO_IDS
        self.current_id = -1
        self.page = "map"
        self.page_behind = "map"  # where an open image was opened from
        self.targets: dict[str, Callable[[], Target]] = {}  # whom a label goes to on a page of a part
        self._reading_as: str | None = None
        self.why_unseen: Callable[[], str] = str
        self.finding = ""
        self.value: Value | None = Value.PRESENT
        self.colour_by = "cluster"
        self.order = "typical"
        self.keeps_ranking = True
        self.probabilities: NDArray[np.float32] | None = None
        self.probabilities_hidden = False
        self.probabilities_in_numbers = False
        self.known_facts = KnownFacts(self)
        self.known_facts.changed.connect(self._on_facts)
        self._colour_kept = ""  # what the map was coloured by when the project was open last
        self.filter: Filter | None = None
        self.thumbnails = Thumbnails(lambda ids: self.project.thumbnails(ids) if self.project is not None else {})
        self.labels = KeptLabels(self)
        self.labels.read.connect(self._on_labels_read)

    # -- reader ----------------------------------------------------------------------------------------------------

    @property
    def reader(self) -> str:
        """The name labels are kept and shown under: the person's own, or that of the reading under way, see `read_as`.

        Every view asks here, so that no view shows what somebody else said.
        """
        return self._reading_as or self.preferences.own_reader

    @property
    def reading_as(self) -> str | None:
        """The name images are read under now, where it is another than the reader's own."""
        return self._reading_as

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
            self.clear_filter()
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
        self.probabilities = None
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
        self._carry_filter_over(before)
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

    # -- selection -------------------------------------------------------------------------------------------------

    def select(
        self,
        ids: Ids,
        how: How,
        cluster: int | None = None,
        mode: str = "replace",
        ranking: Ranking | None = None,
        clusters: tuple[int, ...] = (),
    ) -> None:
        """Changes the selection; `mode` is "replace", "add", "subtract" or "intersect"."""
        chosen = ascending(np.asarray(ids, np.int64))
        if mode != "replace" and self.selection.ids.size:
            chosen = combine(self.selection.ids, chosen, mode)
            how, cluster, ranking, clusters = "selection", None, None, ()
        if self.filter is not None and chosen.size:
            wanted = int(chosen.size)
            chosen = self.filter.keep(chosen)
            if not chosen.size:
                those = "That image is" if wanted == 1 else f"All of these {wanted:,} images are"
                self.said.emit(f"{those} outside the filter {self.filter.text}.")
        self.selection = Selection(chosen, how, cluster, ranking, clusters)
        self.keeps_ranking = True
        self.picked = NO_IDS
        if self.current_id not in chosen:
            self.current_id = -1
            if self.on_one_image:
                self.page = "map"
        self.selectionChanged.emit()
        self.currentChanged.emit()
        self.targetChanged.emit()

    def select_cluster(self, cluster: int, mode: str = "replace") -> None:
        """Selects a whole cluster; -1 is noise."""
        if self.map is not None:
            self.select(self.map.image_ids[self.map.clusters == cluster], "cluster", cluster, mode)

    def select_clusters(self, clusters: Sequence[int]) -> None:
        """Selects some whole clusters; none selects nothing."""
        if len(clusters) == 1:
            self.select_cluster(clusters[0])
        elif self.map is not None:
            ids = self.map.image_ids[np.isin(self.map.clusters, np.array(clusters, np.int64))]
            self.select(ids, "selection", clusters=tuple(clusters))

    def cluster_name(self, cluster: int) -> str:
        """What a cluster is called; -1 is noise."""
        return self.map.cluster_name(cluster) if self.map is not None else ""

    def _reload_clusters(self) -> None:
        """The map was divided anew: a chosen cluster stays chosen, with the images it has now, if it is still there."""
        assert self.project is not None
        before, self.map = self.map, self.project.latest_map()
        if before is None or self.map is None:
            return
        chosen = self.selection
        there = found_again(chosen, before, self.map)
        if chosen.cluster is not None or chosen.clusters:
            self.selection = replace(chosen, cluster=None, clusters=(), how="selection")
        self.clustersChanged.emit()
        if there:
            self.select_clusters(there)
        else:
            self.selectionChanged.emit()
            self.targetChanged.emit()

    def select_ranked(self, ranking: Ranking) -> None:
        """Selects images that were found in an order, which the gallery shows them in."""
        self.select(ranking.ids, "selection", ranking=ranking)

    def select_all(self) -> None:
        """Selects every image on the map."""
        if self.map is not None:
            self.select(self.map.image_ids, "selection")

    def clear_selection(self) -> None:
        """Selects nothing."""
        self.select(NO_IDS, "selection")

    def set_picked(self, ids: Ids) -> None:
        """The images picked in the gallery, a part of the selection that labels go to instead of all of it."""
        picked = ascending(np.asarray(ids, np.int64))
        self.picked = picked if self.filter is None else self.filter.keep(picked)
        self.targetChanged.emit()

    def set_current(self, image_id: int) -> None:
        """The image the keyboard is on; -1 for none."""
        if image_id != self.current_id:
            self.current_id = image_id
            self._leave_no_image()
            self.currentChanged.emit()
            if self.on_one_image:
                self.targetChanged.emit()

    def _leave_no_image(self) -> None:
        """The page of the image is left where there is no image any more."""
        if self.current_id < 0 and self.page == "image":
            self.page = "map"

    @property
    def viewing_image(self) -> bool:
        """Whether the current image fills the centre: then labels go to it alone."""
        return self.page == "image"

    @property
    def on_one_image(self) -> bool:
        """Whether the reader looks at the current image itself, alone or beside others: then labels go to it alone."""
        return self.page in ONE_IMAGE_PAGES

    def view_image(self, viewing: bool) -> None:
        """Shows the current image full size, if there is one, or the page it was opened from."""
        self.show_page("image" if viewing else self.page_behind)

    def show_page(self, page: str) -> None:
        """What fills the centre: "map", "image", or a page that a part of the window has added."""
        if page == "image" and self.current_id < 0:
            page = "map"
        if page != self.page:
            self.page_behind = self.page if page == "image" else "map"
            self.page = page
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
        if self.shows_probabilities and not np.isnan(probability := self.probabilities_of(np.array([image_id]))[0]):
            suggested = f"{finding_text(self.finding)}: {self.probability_text(probability)} suggested"
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
        if self.order == "file" and self.project is not None:
            return by_file(ids, self.project)
        if self.order in BY_PROBABILITY and self.probabilities is not None:
            return by_probability(ids, self.probabilities_of(ids), self.order)
        return by_typicality(ids, self.map, self.order)

    # -- suggestions -----------------------------------------------------------------------------------------------

    def set_probabilities(
        self, probabilities: NDArray[np.float32] | None, hidden: bool, in_numbers: bool = False
    ) -> None:
        """What is suggested for the finding.

        Args:
            probabilities: (N,) that the finding is present, in the map's order, NaN where nothing is known; or None.
            hidden: Whether they are not to be seen now.
            in_numbers: Whether they may be told as figures; else as "likely" and "unlikely".
        """
        before = self.probabilities_hidden, self.probabilities_in_numbers
        if probabilities is not self.probabilities or (hidden, in_numbers) != before:
            self.probabilities = probabilities
            self.probabilities_hidden, self.probabilities_in_numbers = hidden, in_numbers
            self.probabilitiesChanged.emit()

    def probabilities_of(self, ids: Ids) -> NDArray[np.float32]:
        """What is suggested for these images, NaN where nothing is."""
        if self.map is None or self.probabilities is None or len(self.probabilities) != len(self.map.image_ids):
            return np.full(len(ids), np.nan, np.float32)
        rows, there = look_up(self.map.image_ids, ids)
        return np.where(there, self.probabilities[rows], np.float32(np.nan))

    def probability_text(self, probability: float) -> str:
        """A probability of the finding in words, or in numbers where these hold."""
        return probability_text(probability, self.probabilities_in_numbers)

    @property
    def shows_probabilities(self) -> bool:
        """Whether the gallery says what is suggested: it is ordered or the map is coloured by it."""
        return not self.probabilities_hidden and (self.order in BY_PROBABILITY or self.colour_by == "suggestion")

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
            self._carry_filter_over(None)
            self._apply_filter()
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

    def filterable(self) -> Images:
        """The images on the map with all that a filter can ask of them, as it stands now."""
        assert self.project is not None and self.map is not None
        ids, fact = self.map.image_ids, self.known_facts.column
        return Images(self.project, ids, fact, self.reader, self.preferences.own_reader, self.labels.held)

    def set_filter(self, conditions: Conditions, name: str = "") -> None:
        """Limits what can be selected and labelled to the images that pass now; with none, all stays as it was."""
        if self.reading_as is not None and is_of_reader(conditions):
            self.said.emit(f"Only {self.reading_as} is shown now. Esc ends the reading; then filter by labels.")
            return
        try:
            self.filter = filter_of(self.filterable(), conditions, name)
        except UserError as error:
            self.said.emit(str(error))
        else:
            self._apply_filter()

    def update_filter(self) -> None:
        """What was labelled, seen or excluded since the filter was made counts now."""
        if self.filter is not None:
            self.set_filter(self.filter.conditions, self.filter.name)

    def _carry_filter_over(self, before: AtlasMap | None) -> None:
        if self.filter is not None and self.map is not None:
            try:
                self.filter = carry_over(self.filter, self.filterable(), before)
            except UserError as error:
                self.filter = None
                self.said.emit(str(error))

    def clear_filter(self) -> None:
        """All images can be selected again."""
        if self.filter is not None:
            self.filter = None
            self._apply_filter()

    def _apply_filter(self) -> None:
        """A cluster stays chosen, as far as it passes; with the filter gone, all of it."""
        self.filterChanged.emit()
        chosen = self.selection
        if chosen.clusters:
            self.select_clusters(chosen.clusters)
        elif chosen.cluster is not None:
            self.select_cluster(chosen.cluster)
        elif self.filter is not None:
            self.select(chosen.ids, chosen.how)
        else:
            self.targetChanged.emit()

    # -- what the reader does --------------------------------------------------------------------------------------

    def set_judgement(self, finding: str, value: Value | None) -> None:
        """The finding and value the label button stands at."""
        recolour = finding != self.finding and self.colour_by == "label"
        self.finding, self.value = finding, value
        self.targetChanged.emit()
        if recolour:
            self.colouringChanged.emit()

    def counts_of(self, ids: Ids) -> dict[str, dict[Value, int]]:
        """For each labelled finding among these images: number of images by value."""
        if self.project is None or not ids.size:
            return {}
        held = self.labels.held
        rows = held.rows_of(ids) if held is not None else None
        if held is not None and rows is not None:
            return held.counts(rows)
        return {} if self.labels.reading else label_columns.finding_counts(self.project, ids, self.reader)

    def undo(self) -> None:
        """Takes back the last act."""
        if self.project is not None:
            self.do(acts.undoing(self.project), "Nothing to undo.", step="undone")

    def undo_text(self) -> str | None:
        """What `undo` would take back, in words; of another reader's act only whose it is. None: nothing."""
        if self.project is None:
            return None
        text, reader = acts.undo_text(self.project), acts.undo_reader(self.project)
        shown = (self.preferences.own_reader, self.reader, ADJUDICATED)
        return text if text is None or reader in shown else f"the last act of {reader}"

    def redo(self) -> None:
        """Does the last undone act again."""
        if self.project is not None:
            self.do(acts.redoing(self.project), "Nothing to redo.", step="redone")

    def go_to_act(self, number: int) -> None:
        """Takes acts back or does them again until this one is the last that stands, see `history.go_to`."""
        if self.project is not None:
            change, back = history.go_to(self.project, number)
            self.tell(change, "This is what stands already.", "undone" if back > 0 else "redone")

    def tell(self, change: acts.Change | None, otherwise: str, step: Step = "done") -> None:
        """Tells the views what an act changed, and the reader in words.

        Args:
            change: Of the act; None where nothing changed.
            otherwise: What to say then.
            step: Whether the act was taken back or done again.
        """
        if change is not None:
            self.labels.follow(change, step)
        self._tell(change, otherwise, step)

    def do(
        self,
        steps: acts.Steps,
        otherwise: str,
        then: Callable[[acts.Change | None], None] = lambda _: None,
        step: Step = "done",
    ) -> None:
        """Does an act and tells of it, see `tell`; a small one at once, a large one in slices, see `KeptLabels`.

        Args:
            steps: The act.
            otherwise: What to say where nothing changes.
            then: Told what changed once everybody else has been.
            step: See `tell`.
        """

        def done(change: acts.Change | None) -> None:
            self._tell(change, otherwise, step)
            then(change)

        self.labels.do(steps, step, done)

    def _tell(self, change: acts.Change | None, otherwise: str, step: Step) -> None:
        if change is None:
            self.said.emit(otherwise)
            return
        self.said.emit(_STEPS[step].format(change.text))
        told = Change(change.text, change.labels, change.exclusions, change.notes, change.states, step)
        self.changed.emit(told)
        if STATE in change.states:
            self._reload_clusters()  # which tells of the target
        else:
            self.targetChanged.emit()
        self.acted.emit(told)

    def tell_states(self, kind: str) -> None:
        """Tells the views that a kind of state has changed by no act: what was looked at, an audit that was begun."""
        self.changed.emit(Change(states=frozenset({kind})))

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
