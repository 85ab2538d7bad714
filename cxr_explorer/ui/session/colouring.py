"""What the colours of the map stand for: a code for every image, and a name for every code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.partition import Partition
from cxr_explorer.colours import looks
from cxr_explorer.labels.confounders import decade
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text
from cxr_explorer.project import label_columns
from cxr_explorer.project.project import AtlasMap, Project
from cxr_explorer.search.held_labels import HeldLabels

Facts = Mapping[int, Mapping[str, str]]


def differing_facts(facts: Facts) -> list[str]:
    """Names of the facts that tell images apart: more than one value, or not known of all."""
    values: dict[str, set[str]] = {}
    known: dict[str, int] = {}
    for of_image in facts.values():
        for name, value in of_image.items():
            values.setdefault(name, set()).add(value)
            known[name] = known.get(name, 0) + 1
    return sorted(name for name, seen in values.items() if len(seen) > 1 or known[name] < len(facts))


def cluster_looks(xy: NDArray[np.float32], partition: Partition) -> NDArray[np.int64]:
    """(K + 1,) the codes that the clusters of a map are drawn with, see `colours.looks`; -1, of noise, is the last."""
    clusters, count = partition.clusters, len(partition.groups)
    inside = (clusters >= 0) & np.isfinite(xy).all(axis=1)
    sizes = np.maximum(np.bincount(clusters[inside], minlength=count), 1)
    centres = [np.bincount(clusters[inside], xy[inside, axis], minlength=count) / sizes for axis in (0, 1)]
    return np.append(looks([group.identity for group in partition.groups], np.stack(centres, axis=1)), -1)


def categories(
    project: Project,
    atlas_map: AtlasMap,
    facts: Facts,
    colour_by: str,
    finding: str,
    reader: str,
    held: HeldLabels | None = None,
) -> tuple[NDArray[np.int64], list[str]]:
    """A code for every image on the map and the names of the codes.

    Args:
        project: For labels and exclusions.
        atlas_map: Whose images are coloured.
        facts: Metadata by image id.
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
            column = label_columns.label_column(project, finding, reader)
            for code, value in enumerate(order):
                codes[np.isin(ids, column.image_ids[column.values == value])] = code
        return codes, [f"{finding_text(finding)}: {VALUE_WORDS[value]}" for value in order]
    if colour_by == "labelled":
        if held is not None:
            codes[held.labelled] = 0
            codes[held.excluded] = 1
        else:
            codes[np.isin(ids, label_columns.labelled_ids(project, reader))] = 0
            codes[np.isin(ids, project.excluded_ids())] = 1
        return codes, ["Labelled", "Excluded"]
    values = [facts.get(image_id, {}).get(colour_by) for image_id in ids.tolist()]
    if colour_by == "age":
        values = [decade(value) for value in values]
        names = sorted({value for value in values if value})
    else:
        names = _most_frequent_first(values)
    code_of = {name: code for code, name in enumerate(names)}
    return np.array([code_of.get(value, -1) if value else -1 for value in values], np.int64), names


def _most_frequent_first(values: Sequence[str | None]) -> list[str]:
    counts: dict[str, int] = {}
    for value in values:
        if value:
            counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))
