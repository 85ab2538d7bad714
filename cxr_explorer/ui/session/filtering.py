"""How a filter is made, and what becomes of it where the images or what is known of them change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject

from cxr_explorer.errors import UserError
from cxr_explorer.project.project import AtlasMap
from cxr_explorer.search.conditions import Conditions, Images, is_of_reader
from cxr_explorer.ui.session.selection import NO_IDS, Filter
from cxr_explorer.ui.session.state import State


def filter_of(images: Images, conditions: Conditions, name: str) -> Filter:
    """The images that pass now. Raises UserError where none does, or a fact is not known of any."""
    return Filter(conditions, images.ids_passing(conditions), name, images.person)


def carry_over(kept: Filter, images: Images, before: AtlasMap | None) -> Filter:
    """The filter on another map, or with other facts.

    Args:
        kept: The filter as it was.
        images: Those on the map now.
        before: The map it was made on, of whose images those stay within it that were, whatever was labelled since;
            None: what is known of the images was changed by the reader, and all of them are asked again.

    Raises:
        UserError: Nothing is left of it.
    """
    trouble = f"The filter “{kept.text}” fits no image any more."
    try:
        ids = images.ids_passing(kept.conditions)
    except UserError as error:
        ids, trouble = NO_IDS, str(error)
    if before is not None and kept.changes_by_work:
        ids = np.union1d(np.intersect1d(kept.ids, images.ids), np.setdiff1d(ids, before.image_ids))
    if not ids.size:
        raise UserError(f"{trouble} The filter was taken away.")
    return replace(kept, ids=ids)


class Filtering(QObject):
    """Limits what can be selected and labelled; the filter itself is `State.filter`."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._state = state

    def images(self) -> Images:
        """The images on the map with all that a filter can ask of them, as it stands now."""
        state = self._state
        assert state.project is not None and state.map is not None
        ids, fact = state.map.image_ids, state.known_facts.column
        return Images(state.project, ids, fact, state.reader, state.preferences.own_reader, state.labels.held)

    def set(self, conditions: Conditions, name: str = "") -> None:
        """Limits all to the images that pass now; with none, all stays as it was."""
        state = self._state
        if state.reading_as is not None and is_of_reader(conditions):
            state.said.emit(f"Only {state.reading_as} is shown now. Esc ends the reading; then filter by labels.")
            return
        try:
            state.filter = filter_of(self.images(), conditions, name)
        except UserError as error:
            state.said.emit(str(error))
        else:
            self.apply()

    def update(self) -> None:
        """What was labelled, seen or excluded since the filter was made counts now."""
        if self._state.filter is not None:
            self.set(self._state.filter.conditions, self._state.filter.name)

    def clear(self) -> None:
        """All images can be selected again."""
        if self._state.filter is not None:
            self._state.filter = None
            self.apply()

    def carry_over(self, before: AtlasMap | None) -> None:
        """Keeps the filter on the map there is now, as far as it fits an image, see the function `carry_over`."""
        state = self._state
        if state.filter is not None and state.map is not None:
            try:
                state.filter = carry_over(state.filter, self.images(), before)
            except UserError as error:
                state.filter = None
                state.said.emit(str(error))

    def apply(self) -> None:
        """A cluster stays chosen, as far as it passes; with the filter gone, all of it."""
        state = self._state
        state.filterChanged.emit()
        chosen = state.selection
        if chosen.clusters:
            state.select_clusters(chosen.clusters)
        elif chosen.cluster is not None:
            state.select_cluster(chosen.cluster)
        elif state.filter is not None:
            state.select(chosen.ids, chosen.how)
        else:
            state.targetChanged.emit()
