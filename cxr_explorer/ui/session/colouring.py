"""What the colours of the map stand for: a code for every image, and a name for every code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.partition import Partition
from cxr_explorer.colours import LOOKS, looks
from cxr_explorer.labels.confounders import grouped_column
from cxr_explorer.labels.fact_table import FactColumn
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text
from cxr_explorer.project import label_columns
from cxr_explorer.project.project import AtlasMap, Project
from cxr_explorer.search.held_labels import HeldLabels


def cluster_looks(xy: NDArray[np.float32], partition: Partition) -> NDArray[np.int64]:
    """(K + 1,) the codes that the clusters of a map are drawn with, see `colours.looks`; -1, of noise, is the last."""
    clusters, count = partition.clusters, len(partition.groups)
    centres = np.zeros((count, 2))
    if count > LOOKS:
        inside = (clusters >= 0) & np.isfinite(xy).all(axis=1)
        sizes = np.maximum(np.bincount(clusters[inside], minlength=count), 1)
        for axis in (0, 1):
            centres[:, axis] = np.bincount(clusters[inside], xy[inside, axis], minlength=count) / sizes
    return np.append(looks([group.identity for group in partition.groups], centres), -1)


def categories(
    project: Project,
    atlas_map: AtlasMap,
    fact: Callable[[str], FactColumn],
    colour_by: str,
    finding: str,
    reader: str,
    held: HeldLabels | None = None,
) -> tuple[NDArray[np.int64], list[str]]:
    """A code for every image on the map and the names of the codes.

    Args:
        project: For labels and exclusions.
        atlas_map: Whose images are coloured.
        fact: Gives a fact of these images, as it is written.
        colour_by: "cluster", "label", "labelled", or the name of a fact.
        finding: For "label".
        reader: Whose labels count.
        held: The labels of that reader on that map, where they are held.

    Returns:
        (N,) int64 codes in the map's order, -1 for none; and a name for each code from 0. Of clusters the code is the
        identity, which keeps the colour.
    """
    ids = atlas_map.image_ids
    if colour_by == "cluster":
        titles = {group.identity: group.title for group in atlas_map.groups}
        return atlas_map.identities(), [titles.get(code, "") for code in range(max(titles, default=-1) + 1)]
    codes = np.full(len(ids), -1, np.int64)
    if colour_by == "label":
        order = (Value.PRESENT, Value.ABSENT, Value.UNCERTAIN)
        if held is not None:
            said = held.column(finding).values
            for code, value in enumerate(order):
                codes[said == value] = code
        else:
            labels = label_columns.label_column(project, finding, reader)
            for code, value in enumerate(order):
                codes[np.isin(ids, labels.image_ids[labels.values == value])] = code
        return codes, [f"{finding_text(finding)}: {VALUE_WORDS[value]}" for value in order]
    if colour_by == "labelled":
        if held is not None:
            codes[held.labelled] = 0
            codes[held.excluded] = 1
        else:
            codes[np.isin(ids, label_columns.labelled_ids(project, reader))] = 0
            codes[np.isin(ids, project.excluded_ids())] = 1
        return codes, ["Labelled", "Excluded"]
    column = grouped_column(fact(colour_by))
    # Ages in their order, all else by how many images have it.
    ranked = np.argsort(-column.counts, kind="stable") if colour_by != "age" else np.arange(len(column.values))
    code_of = np.full(len(ranked) + 1, -1, np.int64)
    code_of[ranked] = np.arange(len(ranked))
    return code_of[column.codes], [column.values[code] for code in ranked.tolist()]
