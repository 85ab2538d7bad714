"""Where the images of a map to be made lay on the map before, so that the picture stays as the reader knows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.build import LAYING_OUT, BuiltMap, MapParameters
from cxr_explorer.project.project import MAP_OUTDATED, Ids, Project

FEWEST_PLACED = 0.5
"""Below this share of images that had a place, the old layout says too little of the new one."""

MOST_NEW = 0.2
"""Up to this share of images that are new since the last layout, nothing moves and the new ones are put in between."""

_RECALL = "recall of the neighbours"
"""Setting: a share; empty where all were compared with all."""


def earlier_layout(
    project: Project, image_ids: Ids, encoder_key: str, parameters: MapParameters
) -> tuple[NDArray[np.float32] | None, bool]:
    """What to start a layout from.

    Args:
        project: The project.
        image_ids: (N,) of the map to be made, ascending.
        encoder_key: Its encoder.
        parameters: Its parameters.

    Returns:
        (N, 2) float32 places, NaN for images without one, or None where too few have one; and whether the images are
        to stay exactly there: the encoder and the layout's parameters are the same and few images are new.
    """
    before = project.latest_map()
    if before is None or not len(image_ids):
        return None, False
    initial = np.full((len(image_ids), 2), np.nan, np.float32)
    _, old, new = np.intersect1d(before.image_ids, image_ids, assume_unique=True, return_indices=True)
    initial[new] = before.xy[old]
    if len(new) < FEWEST_PLACED * len(image_ids):
        return None, False
    same = (
        before.encoder_key == encoder_key
        and MapParameters.from_dict(before.parameters).layout == parameters.layout
        and project.get(MAP_OUTDATED) != "yes"  # a file of an older version does not say which ones changed
    )
    changed = np.isin(image_ids, project.outdated_ids())
    laid_out = np.isin(image_ids, _last_laid_out(project, before.image_ids)) & ~changed
    pinned = same and int((~laid_out).sum()) <= MOST_NEW * len(image_ids)
    if pinned:
        initial[changed] = np.nan
    return initial, pinned


def _last_laid_out(project: Project, otherwise: Ids) -> Ids:
    """Ids of the images that were there when the map was last laid out as a whole."""
    row = project.db.execute(
        "SELECT image_ids FROM maps WHERE json_type(seconds, ?) IS NOT NULL ORDER BY id DESC LIMIT 1",
        [f'$."{LAYING_OUT}"'],
    ).fetchone()
    return np.frombuffer(row[0], "<i8") if row is not None else otherwise


def store_recall(project: Project, built: BuiltMap) -> None:
    """Keeps it, with the map."""
    recall = 1.0 if built.neighbours is None else built.neighbours.recall
    project.set(_RECALL, f"{recall:.4f}" if recall < 1 else "")


def neighbours_recall(project: Project) -> float:
    """The share, 0 to 1, see `Neighbours.recall`."""
    return float(project.get(_RECALL) or 1)
