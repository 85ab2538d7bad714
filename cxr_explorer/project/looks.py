"""Which images a reader has looked at without opening them one by one."""

from __future__ import annotations

import json

import numpy as np

from cxr_explorer.project.acts import state, states
from cxr_explorer.project.project import Ids, Project

KIND = "looked"
"""Kind of `state`: key "sheet:<what was looked through>:<map>", value a JSON list of image ids, ascending."""


def record_looks(project: Project, sheet: str, map_id: int, image_ids: Ids) -> bool:
    """Adds images to those that were looked at on a contact sheet; returns whether any of them was new.

    This is no act: taking back a label does not take back that the images were seen.

    Args:
        project: Open for writing.
        sheet: What was looked through: the identity of a cluster, "selection", "outliers" or "duplicates".
        map_id: The map on screen.
        image_ids: What was shown.
    """
    key = f"sheet:{sheet}:{map_id}"
    before = json.loads(state(project, KIND, key) or "[]")
    after = sorted({*before, *image_ids.tolist()})
    if len(after) == len(before) or project.viewed:
        return False
    with project.db.atomic():
        project.db.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", [KIND, key, json.dumps(after)])
    return True


def looked_ids(project: Project) -> Ids:
    """Ids of all images that were ever looked at on a contact sheet, ascending."""
    lists = [json.loads(value) for value in states(project, KIND).values()]
    return np.unique(np.array([image_id for some in lists for image_id in some], np.int64))
