"""Which images a reader has seen, and which clusters were labelled with hardly any of them seen.

An image counts as seen once its picture was on the screen in order to be looked at: full size, alone or beside others;
on a page of a contact sheet, at the size of tile the reader has chosen; or where it was judged one by one or read in an
audit. A thumbnail in the gallery does not count, whatever its size: the gallery shows whatever is selected, wanted or
not, and scrolls by. Nor does a montage in the list of clusters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from cxr_explorer.labels.label import IN_BULK, ONE_BY_ONE
from cxr_explorer.labels.reader_names import reread_name
from cxr_explorer.project.acts import state, states
from cxr_explorer.project.label_columns import labelled_ids
from cxr_explorer.project.project import Ids, Project

KIND = "looked"
"""Kind of `state`: key "sheet:<what was looked through>:<map>:<reader>", value a JSON list of image ids, ascending.

Without ":<reader>", as older versions wrote it, who looked is not known: it counts for everybody.
"""

LEAST_SEEN = 9
"""Of a cluster labelled at once so many images are to be seen, or all where it has fewer."""

AT_ONCE = tuple(how for how in IN_BULK if how != "suggestion")
"""Ways in which images are labelled together by what some of them look like; what is accepted as suggested has bounds
of its own."""

_SHARD = 1000
"""Images opened full size are noted in lists of so many: each look writes one of them anew."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Ids of the images that carry labels of a reader, ascending.

    Attributes:
        ids: Any.
        at_once: A label that was given at once with those of other images, see AT_ONCE.
    """

    ids: Ids
    at_once: Ids


def record_looks(project: Project, sheet: str, map_id: int, image_ids: Ids, reader: str) -> bool:
    """Adds images to those that a reader looked at on a contact sheet; returns whether any of them was new.

    This is no act: taking back a label does not take back that the images were seen.

    Args:
        project: Open for writing; of one that is only looked at nothing is noted.
        sheet: What was looked through: the identity of a cluster, "selection", "outliers" or "duplicates".
        map_id: The map on screen.
        image_ids: What was shown.
        reader: Who looked.
    """
    key = f"sheet:{sheet}:{map_id}:{reader}"
    before = json.loads(state(project, KIND, key) or "[]")
    after = sorted({*before, *image_ids.tolist()})
    if len(after) == len(before) or project.viewed:
        return False
    with project.db.atomic():
        project.db.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", [KIND, key, json.dumps(after)])
    return True


def record_full_size(project: Project, map_id: int, image_id: int, reader: str) -> bool:
    """Notes that a reader saw an image full size, see `record_looks`."""
    return record_looks(project, f"full size {image_id // _SHARD}", map_id, np.array([image_id], np.int64), reader)


def looked_ids(project: Project, reader: str) -> Ids:
    """Ids of all images that a reader ever looked at on a contact sheet or full size, ascending."""
    lists = [
        json.loads(value) for key, value in states(project, KIND).items() if key.split(":", 3)[3:] in ([], [reader])
    ]
    return np.unique(np.array([image_id for some in lists for image_id in some], np.int64))


def seen_ids(project: Project, reader: str) -> Ids:
    """Ids of all images that a reader has seen, ascending; a tenth of a second for 100,000 labels."""
    return np.union1d(labelled_ids(project, reader, ONE_BY_ONE), seen_besides(project, reader))


def seen_besides(project: Project, reader: str) -> Ids:
    """`seen_ids` without what the reader's own labels say: read again, audited, looked at."""
    audited = project.db.execute(
        """SELECT key FROM state JOIN audits ON audits.id = CAST(key AS INTEGER)
           WHERE kind = 'audit' AND key LIKE '%/%' AND reader = ?""",
        [reader],
    )
    return np.unique(
        np.concatenate(
            [
                labelled_ids(project, reread_name(reader), ONE_BY_ONE),
                np.fromiter((int(row[0].partition("/")[2]) for row in audited), np.int64),
                looked_ids(project, reader),
            ]
        )
    )


def seen_in_last_act(project: Project, reader: str) -> Ids:
    """Ids of the images that the last act that stands judged one by one: what it adds to `seen_ids`."""
    rows = project.db.execute(
        """SELECT image_id FROM label_changes
           WHERE act_id = (SELECT max(id) FROM acts WHERE NOT undone) AND reader IN (?, ?)
               AND after_how IN (SELECT value FROM json_each(?))""",
        [reader, reread_name(reader), json.dumps(ONE_BY_ONE)],
    )
    return np.fromiter((row[0] for row in rows), np.int64)


def labelled_images(project: Project, reader: str) -> Labelled:
    """Which images a reader has labelled, and which of them at once."""
    return Labelled(labelled_ids(project, reader), labelled_ids(project, reader, AT_ONCE))


def barely_seen(at_once: int, seen: int) -> bool:
    """Whether of a cluster with so many images labelled at once too few were seen, see LEAST_SEEN."""
    return seen < min(LEAST_SEEN, at_once)
