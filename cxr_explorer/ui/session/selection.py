"""What the views speak of: the selected images, and whom a label goes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cxr_explorer.labels.label import How
from cxr_explorer.project.project import AtlasMap, Ids
from cxr_explorer.search.conditions import Conditions, changes_by_work, conditions_text, is_of_reader

NO_IDS: Ids = np.zeros(0, np.int64)

ORDERS = {
    "typical": "Typical first",
    "edge": "Edge first",
    "file": "File name",
    "likely": "Most likely present",
    "unsure": "Least sure first",
}

BY_PROBABILITY = ("likely", "unsure")
"""Orders that follow the suggestions for the finding."""

RANKED = "ranked"
"""The order a selection came in, offered beside ORDERS where it has one."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The order in which images were found.

    Attributes:
        ids: (M,) int64, in order.
        order: What the order is called ("Most alike first").
        title: What the gallery's heading says of the images ("Most like 0012.png").
        notes: What is written on the tile of an image, by id.
        meaning: What these notes say, for the tooltip; the note follows it.
    """

    ids: Ids
    order: str
    title: str
    notes: Mapping[int, str] = field(default_factory=dict)
    meaning: str = ""


@dataclass(frozen=True, eq=False)
class Selection:
    """The images all views speak of.

    Attributes:
        ids: (M,) int64 image ids, ascending.
        how: How they were addressed, for the provenance of labels given to them.
        cluster: The cluster when the selection is exactly one cluster, else None.
        ranking: The order they were found in; None where they have none of their own.
        clusters: The clusters when the selection is exactly several of them, chosen together; else empty.
    """

    ids: Ids
    how: How = "selection"
    cluster: int | None = None
    ranking: Ranking | None = None
    clusters: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Filter:
    """The images that can be selected and labelled; all others are out of reach until it is taken away.

    It is made once: an image stays within it when a label, a look or an exclusion changes what was asked, so that no
    image goes from under the reader's hand, until the reader brings it up to date (`Filtering.update`).

    Attributes:
        conditions: What is asked, at least one.
        ids: (M,) int64 ids of the images on the map that passed when it was made, ascending; at least one.
        name: What it is saved as; "" where it is not.
        person: The reader at the window when it was made.
    """

    conditions: Conditions
    ids: Ids
    name: str = ""
    person: str = ""

    @property
    def text(self) -> str:
        """ "PA, female, Effusion not labelled"."""
        return conditions_text(self.conditions)

    @property
    def changes_by_work(self) -> bool:
        """Whether other images may pass now than did when it was made."""
        return changes_by_work(self.conditions)

    def is_of_other_than(self, person: str) -> bool:
        """Whether it tells what another reader has labelled or seen."""
        return self.person != person and is_of_reader(self.conditions)

    def keep(self, ids: Ids) -> Ids:
        """Those of the ids that pass; each is given once, ascending."""
        return ids[np.isin(ids, self.ids, assume_unique=True)]


@dataclass(frozen=True)
class Target:
    """What a label would be given to now: the picked images if there are any, else the selection.

    Attributes:
        ids: Image ids, ascending.
        how: For the labels' provenance.
        cluster: Number of the cluster on the map now, where it is one; what is stored is who it is, see `judging`.
        text: In words ("cluster 4", "this image", "3 picked images").
    """

    ids: Ids
    how: How
    cluster: int | None
    text: str


def ascending(ids: Ids) -> Ids:
    """The ids, each once, ascending; the same array where that holds already: sorting many takes its time."""
    if (ids[1:] > ids[:-1]).all():
        return ids
    ids = np.sort(ids)
    return ids if (ids[1:] > ids[:-1]).all() else np.unique(ids)


def target_of_selection(chosen: Selection, atlas_map: AtlasMap | None, kept: Filter | None) -> Target:
    """The selection as whom a label goes to.

    Args:
        chosen: The selection.
        atlas_map: The map, for the names of clusters.
        kept: The filter, which has left its mark on the selection already.
    """
    if chosen.ids.size == 1:
        return Target(chosen.ids, "single", None, "the selected image")
    text = f"{len(chosen.clusters)} clusters" if chosen.clusters else "the selection"
    if chosen.cluster is not None and atlas_map is not None:
        name = atlas_map.cluster_name(chosen.cluster)
        own = chosen.cluster >= 0 and bool(atlas_map.groups[chosen.cluster].name)
        text = name if own else name.lower()
    if kept is not None:
        text += f", only {kept.text}"
    return Target(chosen.ids, chosen.how, chosen.cluster, text)


def found_again(chosen: Selection, before: AtlasMap, now: AtlasMap | None) -> list[int]:
    """Numbers, now, of the clusters that were chosen on the map before; none where one of them is gone."""
    if now is None:
        return []
    of_identity = {group.identity: number for number, group in enumerate(now.groups)} | {-1: -1}
    clusters = chosen.clusters or (() if chosen.cluster is None else (chosen.cluster,))
    wanted = [of_identity.get(before.identity(cluster)) for cluster in clusters]
    return [] if None in wanted else [cluster for cluster in wanted if cluster is not None]
