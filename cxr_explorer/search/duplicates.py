"""Which images of a project are copies of one file or nearly the same picture."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.duplicates import Duplicates, find_duplicates, with_near_duplicate
from cxr_explorer.project.project import AtlasMap, Project


def duplicates(project: Project, found: AtlasMap) -> Duplicates:
    """The duplicates among the images of a map; only copies of files where the map's neighbours are not kept."""
    neighbours = project.neighbours(found.map_id)
    rows = np.arange(len(found.image_ids))
    if neighbours is not None:
        # Copies of a file are near-duplicates as well: only those need their files compared, not 100,000 images.
        rows = with_near_duplicate(neighbours)
    files = np.full(len(found.image_ids), -1, np.int64)
    files[rows] = _equal_files(project, found.image_ids[rows])
    return find_duplicates(found.image_ids, files, neighbours)


def _equal_files(project: Project, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """(M,) equal numbers for images whose files hold the same bytes, -1 for a file that is like no other here."""
    digests = dict(
        project.db.execute(
            "SELECT id, digest FROM images WHERE id IN (SELECT value FROM json_each(?))",
            [json.dumps(image_ids.tolist())],
        ).fetchall()
    )
    known = np.array([digests[image_id] or f"image {image_id}" for image_id in image_ids.tolist()], np.str_)
    _, files, counts = np.unique(known, return_inverse=True, return_counts=True)
    return np.where(counts[files] > 1, files, -1)
