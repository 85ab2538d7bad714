"""What the list says of each cluster, and the orders and filters of the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from cxr_explorer.atlas.partition import members
from cxr_explorer.colours import shade_of
from cxr_explorer.project.audits.bounds import ClusterBound
from cxr_explorer.project.looks import barely_seen
from cxr_explorer.project.partitions import lineage_text
from cxr_explorer.project.project import AtlasMap
from cxr_explorer.search.held_labels import UNREAD, HeldLabels
from cxr_explorer.ui.session.colouring import cluster_looks

MONTAGE = 5

SORTS = {
    "size": ("Size", "The largest first"),
    "waiting": ("Unlabelled", "The largest share without a label first"),
    "mixed": ("Mixed", "Clusters whose labels of the chosen finding disagree most come first"),
    "audit": ("Audit", "Failed and stale audits first, then clusters without one, then those whose bound holds"),
    "own": ("Own order", "Your own order: move a cluster up or down"),
}
"""Name and tooltip of every order."""

FILTERS = {
    "all": ("All", "Every cluster"),
    "waiting": ("Unlabelled", "Clusters with images that carry no label"),
    "mixed": ("Mixed", "Clusters whose labels of the chosen finding disagree"),
    "labelled": ("Labelled", "Clusters in which every image is labelled or excluded"),
    "unseen": ("Barely seen", "Clusters labelled with fewer than 9 of their images seen, or not all of fewer"),
    "unaudited": ("To audit", "Clusters with labels of the chosen finding and without an audit of them that holds"),
}
"""Name and tooltip of every filter."""

_AUDIT_ORDER = {"failed": 0, "stale": 1, "open": 2, None: 3, "valid": 4}


@dataclass(frozen=True, eq=False)
class Row:
    """One entry of the list.

    Attributes:
        cluster: Number, -1 for noise.
        name: What it is called.
        lineage: Where it comes from, in words, or "".
        lineage_mark: The same in a word or two, for the row itself.
        size: Number of images.
        labelled: How many of them carry a label of the reader.
        waiting: How many carry none and are not excluded either.
        of_finding: How many carry a label of the chosen finding.
        mixed: Share of the labels of the chosen finding that are not the most frequent one.
        audit: What its last audit says, or None.
        colour: Its colour on the map.
        typical: Ids of its most typical images, most typical first.
        seen: How many of its images were seen.
        barely_seen: Whether it was labelled at once with too few of them seen.
        look: The code whose colour and mark it has on the map, see `colours.looks`; -1 for noise.
    """

    cluster: int
    name: str
    lineage: str
    lineage_mark: str
    size: int
    labelled: int
    waiting: int
    of_finding: int
    mixed: float
    audit: ClusterBound | None
    colour: QColor
    typical: tuple[int, ...]
    seen: int = 0
    barely_seen: bool = False
    look: int = -1


@dataclass(frozen=True, eq=False)
class Marks:
    """What a reader has done to the images of a map; it does not depend on how the map is divided.

    Attributes:
        labelled: (N,) bool: images with a label.
        at_once: (N,) bool: images with a label given at once with others, see `looks.AT_ONCE`.
        done: (N,) bool: images with a label, and excluded ones.
        rows: (L,) rows of the images that carry a label of the finding.
        values: (L,) its values.
    """

    labelled: NDArray[np.bool_]
    at_once: NDArray[np.bool_]
    done: NDArray[np.bool_]
    rows: NDArray[np.int64]
    values: NDArray[np.int8]


def marks_of(held: HeldLabels, finding: str) -> Marks:
    """What a reader has done so far."""
    values = held.column(finding).values
    rows = np.flatnonzero(values != UNREAD)
    return Marks(held.labelled, held.at_once, held.labelled | held.excluded, rows, values[rows])


def make_rows(
    atlas_map: AtlasMap,
    marks: Marks,
    bounds: Mapping[int, ClusterBound],
    typical: Mapping[int, tuple[int, ...]],
    seen: NDArray[np.int64],
    dark: bool,
) -> list[Row]:
    """A row for every cluster in the reader's own order, noise last if there is any.

    Args:
        atlas_map: The map.
        marks: What the reader has done on it.
        bounds: What the last audits of its clusters say.
        typical: Typical images of its clusters.
        seen: Ids of the images the reader has seen.
        dark: Whether the colours are for a dark background.
    """
    clusters, count = atlas_map.clusters, len(atlas_map.groups)
    sizes = np.bincount(clusters + 1, minlength=count + 1).tolist()
    with_label = np.bincount(clusters[marks.labelled] + 1, minlength=count + 1).tolist()
    at_once = np.bincount(clusters[marks.at_once] + 1, minlength=count + 1).tolist()
    looked_at = np.bincount(clusters[np.isin(atlas_map.image_ids, seen)] + 1, minlength=count + 1).tolist()
    finished = np.bincount(clusters[marks.done] + 1, minlength=count + 1).tolist()
    kinds = np.bincount((clusters[marks.rows] + 1) * 3 + marks.values + 1, minlength=3 * (count + 1)).reshape(-1, 3)
    mixed = (1 - kinds.max(axis=1) / np.maximum(kinds.sum(axis=1), 1)) * (kinds.sum(axis=1) > 0)
    looks = cluster_looks(atlas_map.xy, atlas_map.partition).tolist()
    return [
        Row(
            n,
            atlas_map.cluster_name(n),
            lineage_text(atlas_map.groups, atlas_map.groups[n]) if n >= 0 else "",
            _lineage_mark(atlas_map, n) if n >= 0 else "",
            sizes[n + 1],
            with_label[n + 1],
            sizes[n + 1] - finished[n + 1],
            int(kinds[n + 1].sum()),
            float(mixed[n + 1]),
            bounds.get(n),
            QColor(shade_of(looks[n]).hex(dark)),
            typical.get(n, ()),
            looked_at[n + 1],
            barely_seen(at_once[n + 1], looked_at[n + 1]),
            looks[n],
        )
        for n in (*range(count), *([-1] if sizes[0] else []))
    ]


def _lineage_mark(atlas_map: AtlasMap, cluster: int) -> str:
    group = atlas_map.groups[cluster]
    if group.lineage == "split" and group.sources != (group.identity,):
        source = group.sources[0]
        named = next((other.name for other in atlas_map.groups if other.identity == source), "")
        return f"from {named or source + 1}"
    return group.lineage if group.lineage in ("split", "merged", "new") else ""


def arrange(rows: Iterable[Row], sort: str, shown: str, keep: frozenset[int] = frozenset()) -> list[Row]:
    """The rows that a filter lets through, in an order; noise is last in every order.

    Args:
        rows: In the reader's own order.
        sort: A key of SORTS.
        shown: A key of FILTERS.
        keep: Clusters that stay whatever the filter says: those the reader is at.
    """
    found = [row for row in rows if row.cluster in keep or passes(row, shown)]
    if sort == "size":
        found.sort(key=lambda row: -row.size)
    elif sort == "waiting":
        found.sort(key=lambda row: (-row.waiting / max(row.size, 1), -row.size))
    elif sort == "mixed":
        found.sort(key=lambda row: (-row.mixed, -row.size))
    elif sort == "audit":
        found.sort(key=lambda row: (_AUDIT_ORDER[row.audit.state if row.audit is not None else None], -row.size))
    return [row for row in found if row.cluster >= 0] + [row for row in found if row.cluster < 0]


def passes(row: Row, shown: str) -> bool:
    """Whether the filter of that name lets a cluster through."""
    if shown == "waiting":
        return row.waiting > 0
    if shown == "labelled":
        return row.waiting == 0
    if shown == "unseen":
        return row.barely_seen
    if shown == "unaudited":
        return row.of_finding > 0 and (row.audit is None or row.audit.state != "valid")
    return shown == "all" or row.mixed > 0


def typical_ids(
    image_ids: NDArray[np.int64], clusters: NDArray[np.int32], typicality: NDArray[np.float32], count: int = MONTAGE
) -> dict[int, tuple[int, ...]]:
    """The `count` most typical image ids of every cluster, noise included."""
    order, bounds = members(clusters, int(clusters.max(initial=-1)) + 1)
    oddness, ids = -typicality[order], image_ids[order]
    found = {}
    for cluster, (start, end) in enumerate(pairwise([0, *bounds.tolist()]), -1):
        rows = np.arange(start, end)
        if rows.size > count:  # no need to sort the others
            rows = rows[~(oddness[rows] > np.partition(oddness[rows], count - 1)[count - 1])]
        if rows.size:
            found[cluster] = tuple(ids[rows[np.argsort(oddness[rows], kind="stable")][:count]].tolist())
    return found
