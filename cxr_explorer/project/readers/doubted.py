"""What became of labels that the program doubted: which may be shown to a reader, and that a reader has judged them.

A reader's look at a doubted label is stored in two places. The label itself becomes one that was read one by one, kept
or changed. And what the reader said is noted, so that the same label is not doubted to them again. It is evidence of
nothing: what is doubted is chosen for being odd.
"""

from __future__ import annotations

import json

import numpy as np

from cxr_explorer.labels.label import ONE_BY_ONE, TAKEN_OVER, Value
from cxr_explorer.project.acts import states
from cxr_explorer.project.label_columns import findings_of, labelled_ids
from cxr_explorer.project.project import Ids, Project

KIND = "doubted"
"""Kind of `state`: key a JSON list of finding, reader whose label it is, and image id; value what a reader said."""

_EVIDENCE = ("random", "audit")
"""Looks that figures rest on: were those alone read again that the program thinks wrong, figures would flatter it."""


def look_state(finding: str, whose: str, image_id: int, value: Value) -> dict[tuple[str, str], str]:
    """The state that records what a reader said of a doubted label; it belongs to the act that labels the image."""
    return {(KIND, json.dumps([finding, whose, image_id])): str(int(value))}


def silent_ids(project: Project, finding: str, whose: str) -> Ids:
    """Ids, ascending, of the images on which a table says by silence that a finding is absent.

    A table in the form of NIH names what is there and nothing else. Labels that were taken over and never say absent
    are taken for such: an image that has some of them, and no label of the finding, is absent. Excluded images, and
    those no longer in the folder, are left out.
    """
    ways = json.dumps(TAKEN_OVER)
    for name in findings_of(project, whose):
        says_absent = project.db.execute(
            """SELECT EXISTS (SELECT 1 FROM labels WHERE finding = ? AND reader = ? AND value = 0
                   AND how IN (SELECT value FROM json_each(?)))""",
            [name, whose, ways],
        ).fetchone()[0]
        if says_absent:
            return np.zeros(0, np.int64)
    rows = project.db.execute("SELECT image_id FROM labels WHERE finding = ? AND reader = ?", [finding, whose])
    named = np.fromiter((row[0] for row in rows), np.int64)
    gone = project.db.execute("SELECT id FROM images WHERE excluded OR missing")
    out = np.concatenate([named, np.fromiter((row[0] for row in gone), np.int64)])
    return np.setdiff1d(labelled_ids(project, whose, TAKEN_OVER), out)


def doubtable_ids(project: Project, finding: str, whose: str) -> Ids:
    """Ids, ascending, of the images whose label may be doubted: it says present or absent, and is neither the program's
    own word nor evidence. Excluded images, and those no longer in the folder, are left out."""
    rows = project.db.execute(
        """SELECT image_id FROM labels JOIN images ON images.id = image_id
           WHERE finding = ? AND reader = ? AND value != ? AND NOT excluded AND NOT missing
               AND how NOT IN (SELECT value FROM json_each(?)) ORDER BY image_id""",
        [finding, whose, int(Value.UNCERTAIN), json.dumps(["suggestion", *_EVIDENCE])],
    )
    return np.fromiter((row[0] for row in rows), np.int64)


def judged_ids(project: Project, finding: str, whose: str, reader: str) -> Ids:
    """Ids, ascending, of the images whose label a reader has judged, so that it is not doubted to them again.

    Their own label they have judged where they kept it, or changed it to what it is now, when it was doubted; another
    one's where they have read the finding on the image one by one.

    Args:
        project: The project.
        finding: The finding.
        whose: Whose labels are doubted.
        reader: Who reads.
    """
    if whose != reader:
        rows = project.db.execute(
            """SELECT image_id FROM labels WHERE finding = ? AND reader = ? AND how IN (SELECT value FROM json_each(?))
               ORDER BY image_id""",
            [finding, reader, json.dumps(ONE_BY_ONE)],
        )
        return np.fromiter((row[0] for row in rows), np.int64)
    said = {}
    for key, value in states(project, KIND).items():
        of, by, image_id = json.loads(key)
        if of == finding and by == whose:
            said[image_id] = int(value)
    labels = project.db.execute(
        """SELECT image_id, value FROM labels
           WHERE finding = ? AND reader = ? AND image_id IN (SELECT value FROM json_each(?)) ORDER BY image_id""",
        [finding, whose, json.dumps(sorted(said))],
    )
    return np.array([image_id for image_id, value in labels if said[image_id] == value], np.int64)
