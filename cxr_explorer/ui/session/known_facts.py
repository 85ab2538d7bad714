"""What is known of the images beside the pictures: coded for the map once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

import numpy as np

from cxr_explorer.labels.confounders import Confounder, FactColumn, code_facts, find_confounders
from cxr_explorer.project.project import AtlasMap, Ids
from cxr_explorer.search.conditions import code_fact
from cxr_explorer.ui.session.colouring import Facts
from cxr_explorer.ui.session.selection import NO_IDS

_NOTHING: Mapping[int, Mapping[str, str]] = {}


class KnownFacts:
    """The facts of a project, for the images of one map."""

    def __init__(self, by_image: Facts = _NOTHING, atlas_map: AtlasMap | None = None) -> None:
        self.by_image = by_image
        self._map = atlas_map
        self._columns: dict[str, FactColumn] = {}

    def has(self, fact: str) -> bool:
        """Whether it is known of any image."""
        return any(fact in of_image for of_image in self.by_image.values())

    @cached_property
    def columns(self) -> tuple[FactColumn, ...]:
        """The facts that tell the images of the map apart, coded."""
        return code_facts(self._map.image_ids.tolist() if self._map is not None else [], self.by_image)

    def column(self, fact: str) -> FactColumn:
        """One fact as it is written, for conditions, see `code_fact`."""
        if fact not in self._columns:
            ids = self._map.image_ids if self._map is not None else NO_IDS
            coded = [column for column in self.columns if column.name == fact != "age"]  # ages are in decades there
            self._columns[fact] = coded[0] if coded else code_fact(ids, self.by_image, fact)
        return self._columns[fact]

    def confounders(self, ids: Ids, asked: Collection[str] = ()) -> list[Confounder]:
        """What these images have in common beyond the rest of the map, see `find_confounders`.

        Args:
            ids: Image ids.
            asked: Facts that all of them share by intent, and that are left out.
        """
        if self._map is None or not ids.size:
            return []
        there = self._map.image_ids
        rows = np.searchsorted(there, ids).clip(max=len(there) - 1)
        rows = rows[there[rows] == ids]
        if rows.size in (0, there.size):  # nothing, or the collection itself
            return []
        return find_confounders([column for column in self.columns if column.name not in asked], rows)
