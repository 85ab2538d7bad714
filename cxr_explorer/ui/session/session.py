"""The session: the open project, the one selection all views share, the running job, and the signals they listen to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from cxr_explorer.atlas.selection import combine
from cxr_explorer.labels.confounders import Confounder, FactColumn, code_facts, find_confounders
from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.labels.reader_names import ADJUDICATED
from cxr_explorer.labels.texts import finding_text
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project import acts, label_columns, labelling
from cxr_explorer.project.partition_rows import STATE
from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.session.colouring import categories, differing_facts
from cxr_explorer.ui.session.judging import judgement
from cxr_explorer.ui.session.preferences import Preferences
from cxr_explorer.ui.session.selection import BY_PROBABILITY, NO_IDS, RANKED, Filter, Ranking, Selection, Target
from cxr_explorer.ui.session.thumbnails import Thumbnails
from cxr_explorer.ui.widgets.texts import probability_text

DEFAULT_READER = "reader 1"
DEMO_COUNT = 360
BACKUP_AFTER_MS = 5000  # the reader sees the project first
ONE_IMAGE_PAGES = ("image", "compare")
DRAWING_DEMO = "Simulating radiographs"


class Session(QObject):
    """Holds the state of one window and is the only way to change it."""

    projectChanged = Signal()
    mapChanged = Signal()
    clustersChanged = Signal()  # the same map, divided anew
    selectionChanged = Signal()
    targetChanged = Signal()
    currentChanged = Signal()
    labelsChanged = Signal()
    exclusionsChanged = Signal()
    statesChanged = Signal(object)  # frozenset of kinds of state, see `acts`
    labelled = Signal()  # told before `labelsChanged`: an act has changed labels
    wentBack = Signal()  # an act is being taken back or done again; told before what it changes
    readerChanged = Signal()  # told before `labelsChanged`: other labels are shown
    acted = Signal()  # an act was done, taken back or done again, and all views have been told what it changed
    undid = Signal(str)  # the act that was taken back, in words
    colouringChanged = Signal()
    factsChanged = Signal()
    filterChanged = Signal()
    probabilitiesChanged = Signal()
    closing = Signal()  # the project is about to be closed
    said = Signal(str)
    failed = Signal(str)
    recovered = Signal()  # what `failed` said of the project file is over

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.preferences = preferences
        preferences.said.connect(self.said)
        self.project: Project | None = None
        self.map: AtlasMap | None = None
        self.selection = Selection(NO_IDS)
        self.picked: Ids = NO_IDS
        self.current_id = -1
        self.page = "map"
        self.page_behind = "map"  # where an open image was opened from
        self.targets: dict[str, Callable[[], Target]] = {}  # whom a label goes to on a page of a part
        self._reading_as: str | None = None
        self.why_unseen: Callable[[], str] = str  # set by the page of the image, see `ImagePage.why_unseen`
        self.finding = ""
        self.value: Value | None = Value.PRESENT
        self.colour_by = "cluster"
        self.order = "typical"
        self.keeps_ranking = True
        self.probabilities: NDArray[np.float32] | None = None
        self.probabilities_hidden = False
        self.probabilities_in_numbers = False
        self.facts: dict[int, dict[str, str]] = {}
        self.filter: Filter | None = None
        self._fact_columns: tuple[FactColumn, ...] | None = None
        self.thumbnails = Thumbnails(self._fetch_thumbnails)

    # -- reader ----------------------------------------------------------------------------------------------------

    @property
    def reader(self) -> str:
        """The name labels are kept and shown under: the person's own, or that of the reading under way, see `read_as`.

        Every view asks here, so that no view shows what somebody else said.
        """
        return self._reading_as or self.preferences.own_reader

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
        self.readerChanged.emit()
        self.labelsChanged.emit()
        self.targetChanged.emit()

    # -- project ---------------------------------------------------------------------------------------------------

    def is_open(self, path: Path) -> bool:
        """Whether that project is open already."""
        return self.project is not None and self.project.path.resolve() == path.resolve()

    def take(self, project: Project) -> None:
        """Goes on with another project, which was just opened."""
        self.close()
        self.project = project
        is_last = self.preferences.note_recent(project.path)
        findings = project.vocabulary.findings
        self.finding = findings[0]
        self.value = Value.PRESENT
        self._load_map()
        kept = str(self.preferences.settings.value("colour_by", "cluster")) if is_last else "cluster"
        self.colour_by = kept if kept in ("label", "labelled", *differing_facts(self.facts)) else "cluster"
        self.projectChanged.emit()
        if project.lost:
            self.failed.emit(f"This project was damaged. {' '.join(project.lost)}")

    def close(self) -> None:
        """Closes the project. Nothing is lost: every batch and every label is stored already."""
        self.closing.emit()
        if self.project is not None:
            self.project.close()
        self.project = None
        self.map = None
        self.facts = {}
        self.filter = None
        self._fact_columns = None
        self.thumbnails.clear()
        self.selection = Selection(NO_IDS)
        self.picked = NO_IDS
        self.current_id = -1
        self.probabilities = None
        self.page = "map"

    def _load_map(self) -> None:
        assert self.project is not None
        self.map = self.project.latest_map()
        self.facts = self.project.facts()
        self._fact_columns = None
        if self.filter is not None:
            self.filter = self._filter_of(self.filter.fact, self.filter.value)
        kept = np.intersect1d(self.selection.ids, self.map.image_ids) if self.map is not None else NO_IDS
        kept = self.filter.keep(kept) if self.filter is not None else kept
        self.selection = Selection(kept)
        self.picked = NO_IDS
        if self.current_id not in kept:
            self.current_id = -1
            self._leave_no_image()

    def _fetch_thumbnails(self, image_ids: Sequence[int]) -> dict[int, bytes]:
        return self.project.thumbnails(image_ids) if self.project is not None else {}

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
        there = self._found_again(before, chosen) if before is not None else []
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
        chosen = np.unique(np.asarray(ids, np.int64))
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
        there = self._found_again(before, chosen)
        if chosen.cluster is not None or chosen.clusters:
            self.selection = replace(chosen, cluster=None, clusters=(), how="selection")
        self.clustersChanged.emit()
        if there:
            self.select_clusters(there)
        else:
            self.selectionChanged.emit()
            self.targetChanged.emit()

    def _found_again(self, before: AtlasMap, chosen: Selection) -> list[int]:
        """Numbers, now, of the clusters that were chosen on the map before; none where one of them is gone."""
        if self.map is None:
            return []
        of_identity = {group.identity: number for number, group in enumerate(self.map.groups)} | {-1: -1}
        clusters = chosen.clusters or (() if chosen.cluster is None else (chosen.cluster,))
        wanted = [of_identity.get(before.identity(cluster)) for cluster in clusters]
        return [] if None in wanted else [cluster for cluster in wanted if cluster is not None]

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
        self.picked = np.unique(np.asarray(ids, np.int64))
        if self.filter is not None:
            self.picked = self.filter.keep(self.picked)
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

    def read_ids(self) -> Ids:
        """Ids of the images read so far, newest first: what there is to see before the first map."""
        return self.project.thumbnail_ids()[::-1] if self.project is not None else NO_IDS

    def caption(self, image_id: int) -> str:
        """An image in a line or two: its file, its cluster, and what is known of it; empty where it is none of these.

        While a project gives way to the next one, views still hold the numbers of its images.
        """
        if self.project is None:
            return ""
        try:
            record = self.project.image(image_id)
        except KeyError:
            return ""
        parts = [record.path]
        if self.map is not None:
            position = int(np.searchsorted(self.map.image_ids, image_id))
            if position < len(self.map.image_ids) and self.map.image_ids[position] == image_id:
                parts.append(self.cluster_name(int(self.map.clusters[position])))
        shown = [record.facts[name] for name in ("view", "sex", "age", "maker") if name in record.facts]
        if self.shows_probabilities and not np.isnan(probability := self.probabilities_of(np.array([image_id]))[0]):
            shown.append(f"{finding_text(self.finding)}: {self.probability_text(probability)} suggested")
        return "\n".join([*parts, *([", ".join(shown)] if shown else [])])

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
            paths = self.project.paths() if self.project is not None else {}
            return np.array(sorted(ids.tolist(), key=lambda image_id: paths.get(image_id, "")), np.int64)
        if self.order in BY_PROBABILITY and self.probabilities is not None:
            probabilities = self.probabilities_of(ids)
            key = -probabilities if self.order == "likely" else np.abs(probabilities - 0.5)
            return ids[np.argsort(key, kind="stable")]  # NaN comes last
        typicality = self.map.typicality[np.searchsorted(self.map.image_ids, ids)]
        return ids[np.argsort(typicality if self.order == "edge" else -typicality, kind="stable")]

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
        rows = np.searchsorted(self.map.image_ids, ids).clip(max=len(self.map.image_ids) - 1)
        return np.where(self.map.image_ids[rows] == ids, self.probabilities[rows], np.float32(np.nan))

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
        chosen = self.selection
        if chosen.ids.size == 1:
            return Target(chosen.ids, "single", None, "the selected image")
        text = f"{len(chosen.clusters)} clusters" if chosen.clusters else "the selection"
        if chosen.cluster is not None and self.map is not None:
            name = self.cluster_name(chosen.cluster)
            own = chosen.cluster >= 0 and bool(self.map.groups[chosen.cluster].name)
            text = name if own else name.lower()
        if self.filter is not None:
            text += f", only {self.filter.text}"
        return Target(chosen.ids, chosen.how, chosen.cluster, text)

    # -- facts -----------------------------------------------------------------------------------------------------

    def reload_facts(self) -> None:
        """Takes over what a table has brought or taken away."""
        if self.project is None:
            return
        coloured_by_fact = any(self.colour_by in of_image for of_image in self.facts.values())
        self.facts = self.project.facts()
        self._fact_columns = None
        if coloured_by_fact and not any(self.colour_by in of_image for of_image in self.facts.values()):
            self.colour_by = "cluster"
        self.factsChanged.emit()
        if self.filter is not None:
            self.set_filter(self.filter.fact, self.filter.value)
        self.targetChanged.emit()

    def fact_columns(self) -> tuple[FactColumn, ...]:
        """The facts that tell the images of the map apart, coded; they are coded once a map."""
        if self._fact_columns is None:
            ids = self.map.image_ids.tolist() if self.map is not None else []
            self._fact_columns = code_facts(ids, self.facts)
        return self._fact_columns

    def confounders(self, ids: Ids) -> list[Confounder]:
        """What these images have in common beyond the rest of the map, see `find_confounders`."""
        if self.map is None or not ids.size:
            return []
        rows = np.searchsorted(self.map.image_ids, np.intersect1d(ids, self.map.image_ids, assume_unique=True))
        # What the filter asks for all of them have, and the reader knows it.
        asked = self.filter.fact if self.filter is not None else ""
        return find_confounders([column for column in self.fact_columns() if column.name != asked], rows)

    def set_filter(self, fact: str, value: str | None) -> None:
        """Limits what can be selected and labelled to the images with that value; None: of which it is not known."""
        self.filter = self._filter_of(fact, value)
        self._apply_filter()

    def clear_filter(self) -> None:
        """All images can be selected again."""
        if self.filter is not None:
            self.filter = None
            self._apply_filter()

    def _filter_of(self, fact: str, value: str | None) -> Filter | None:
        """The filter, or None where no image on the map passes: a filter nothing passes is of no use."""
        column = next((column for column in self.fact_columns() if column.name == fact), None)
        if self.map is None or column is None or (value is not None and value not in column.values):
            return None
        ids = self.map.image_ids[column.codes == (column.values.index(value) if value is not None else -1)]
        return Filter(fact, value, ids) if ids.size else None

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

    def plan(self) -> labelling.LabelPlan | None:
        """What `label_target` would do, or None without a target."""
        ids = self.target().ids
        if self.project is None or not ids.size:
            return None
        return labelling.plan_label(self.project, ids, self.finding, self.value, self.reader)

    def counts_of(self, ids: Ids) -> dict[str, dict[Value, int]]:
        """For each labelled finding among these images: number of images by value."""
        if self.project is None or not ids.size:
            return {}
        return label_columns.finding_counts(self.project, ids, self.reader)

    def judgement_of(self, target: Target) -> Judgement:
        """What the label button stands at, as it is said of the target."""
        return judgement(self.map, self.finding, self.value, self.reader, target.how, target.cluster)

    def label_target(self) -> None:
        """Labels the target with the finding and value that the button shows."""
        target = self.target()
        if self.project is None or not target.ids.size:
            within = f" within the filter {self.filter.text}" if self.filter is not None else ""
            self.said.emit(f"Nothing{within} is selected: choose a cluster, or draw around images on the map.")
            return
        if self._reading_as is not None:
            self.said.emit(f"Only {self._reading_as} is labelled now, one question at a time. Esc ends the reading.")
            return
        if self.viewing_image and (reason := self.why_unseen()):
            self.said.emit(reason)
            return
        plan = self.plan()
        change = labelling.label(self.project, target.ids, self.judgement_of(target))
        self.tell(change, "Nothing changed: all of these images carry this label already, or are excluded.")
        if change is not None and plan is not None and plan.overwrites_single:
            self.said.emit(
                f"{change.text}; overwrote {plan.overwrites_single:,} read individually. Undo: {key_text('undo')}"
            )

    def toggle_excluded(self) -> None:
        """Excludes the picked or current images, or takes them back if all of them are excluded."""
        ids = self.target().ids
        if not self.on_one_image and not self.picked.size and self.current_id >= 0:
            ids = np.array([self.current_id], np.int64)
        elif not self.on_one_image and not self.picked.size:
            self.said.emit(
                f"Pick images in the gallery first; {key_text('exclude')} then excludes them from bulk labels."
            )
            return
        if self.project is None or not ids.size:
            return
        all_excluded = bool(np.isin(ids, self.project.excluded_ids()).all())
        self.tell(labelling.exclude(self.project, ids, not all_excluded, self.reader), "Nothing changed.")

    def undo(self) -> None:
        """Takes back the last act."""
        if self.project is not None:
            self.wentBack.emit()
            change = acts.undo(self.project)
            self.tell(change, "Nothing to undo.", "Undid: {}")
            if change is not None:
                self.undid.emit(change.text)

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
            self.wentBack.emit()
            self.tell(acts.redo(self.project), "Nothing to redo.", "Redid: {}")

    def tell(self, change: acts.Change | None, otherwise: str, form: str = "{}") -> None:
        """Tells the views what an act changed, and the reader in words.

        Args:
            change: Of the act; None where nothing changed.
            otherwise: What to say then.
            form: What is said of the act's text.
        """
        if change is None:
            self.said.emit(otherwise)
            return
        self.said.emit(form.format(change.text))
        if change.labels:
            self.labelled.emit()
            self.labelsChanged.emit()
        if change.exclusions:
            self.exclusionsChanged.emit()
        if STATE in change.states:
            self._reload_clusters()
        if change.states:
            self.statesChanged.emit(change.states)
        if STATE not in change.states:  # else told already
            self.targetChanged.emit()
        self.acted.emit()

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Chooses the findings to work with; labels given already stay."""
        assert self.project is not None
        self.project.set_vocabulary(vocabulary)
        self.set_judgement(vocabulary.findings[0], Value.PRESENT)
        self.labelsChanged.emit()

    # -- colours ---------------------------------------------------------------------------------------------------

    def set_colour_by(self, colour_by: str) -> None:
        """What the map's colours stand for: "cluster", "label", "labelled", or a fact."""
        self.colour_by = colour_by
        self.colouringChanged.emit()

    def categories(self) -> tuple[NDArray[np.int64], list[str]]:
        """See `colouring.categories`, for what is coloured by now."""
        assert self.map is not None and self.project is not None
        return categories(self.project, self.map, self.facts, self.colour_by, self.finding, self.reader)
