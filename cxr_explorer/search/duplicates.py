"""Which images of a project are copies of one file or nearly the same picture."""

from __future__ import annotations

import json
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.duplicates import Duplicates, finding_duplicates, with_near_duplicate
from cxr_explorer.pace import run_out
from cxr_explorer.project.project import AtlasMap, Project

STEP = 5000
"""Images whose files are looked up in one go: a hundredth of a second."""


def duplicates(project: Project, found: AtlasMap) -> Duplicates:
    """The duplicates among the images of a map; only copies of files where the map's neighbours are not kept."""
    return run_out(finding(project, found))


def finding(project: Project, found: AtlasMap) -> Generator[None, None, Duplicates]:
    """The same in steps of some hundredths of a second."""
    neighbours = project.neighbours(found.map_id)
    yield
    rows = np.arange(len(found.image_ids))
    if neighbours is not None:
        # Copies of a file are near-duplicates as well: only those need their files compared, not 100,000 images.
        rows = with_near_duplicate(neighbours)
    files = np.full(len(found.image_ids), -1, np.int64)
    files[rows] = yield from _equal_files(project, found.image_ids[rows])
    return (yield from finding_duplicates(found.image_ids, files, neighbours))


def _equal_files(project: Project, image_ids: NDArray[np.int64]) -> Generator[None, None, NDArray[np.int64]]:
    """(M,) equal numbers for images whose files hold the same bytes, -1 for a file that is like no other here."""
    codes: dict[str, int] = {}
    files = np.zeros(len(image_ids), np.int64)
    for start in range(0, len(image_ids), STEP):
        some = image_ids[start : start + STEP].tolist()
        digests = dict(
            project.db.execute(
                "SELECT id, digest FROM images WHERE id IN (SELECT value FROM json_each(?))", [json.dumps(some)]
            ).fetchall()
        )
        of_image = (digests[image_id] or f"image {image_id}" for image_id in some)
        files[start : start + len(some)] = [codes.setdefault(digest, len(codes)) for digest in of_image]
        yield
    return np.where(np.bincount(files, minlength=1)[files] > 1, files, -1)
