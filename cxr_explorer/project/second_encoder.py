"""Another encoder's embeddings beside those of the map, and what a reader said on which encoders are compared."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch, Source
from cxr_explorer.labels.label import ONE_BY_ONE, Value
from cxr_explorer.project.image_rows import PATIENT_MARK, encoder_row
from cxr_explorer.project.label_columns import findings_of
from cxr_explorer.project.project import Ids, Project


@dataclass(frozen=True, eq=False)
class LooksAt:
    """What a reader said of a finding, looking at one image at a time; uncertain answers and excluded images are left
    out.

    Attributes:
        image_ids: (n,) int64, ascending.
        present: (n,) bool.
        drawn: (n,) bool: Read next had drawn the image at random.
    """

    image_ids: Ids
    present: NDArray[np.bool_]
    drawn: NDArray[np.bool_]


def looks_by_finding(project: Project, reader: str) -> dict[str, LooksAt]:
    """By finding, those of the vocabulary first, what a reader said of images read one by one.

    Labels given in bulk and accepted suggestions follow the map of one encoder, and say nothing of another.
    """
    excluded = project.excluded_ids()
    known = findings_of(project, reader)
    ordered = [finding for finding in project.vocabulary.findings if finding in known]
    found = {}
    for finding in [*ordered, *(finding for finding in known if finding not in ordered)]:
        rows = project.db.execute(
            """SELECT image_id, value, how = 'random' FROM labels WHERE finding = ? AND reader = ? AND value != ?
               AND how IN (SELECT value FROM json_each(?)) ORDER BY image_id""",
            [finding, reader, int(Value.UNCERTAIN), json.dumps(ONE_BY_ONE)],
        ).fetchall()
        said = np.array(rows, np.int64).reshape(-1, 3)
        said = said[~np.isin(said[:, 0], excluded)]
        if len(said):
            found[finding] = LooksAt(said[:, 0], said[:, 1] == Value.PRESENT, said[:, 2] == 1)
    return found


def patient_marks(project: Project, image_ids: Ids) -> list[str | None]:
    """(N,) equal marks are one patient's films by their headers, see `image_rows.patient_mark`; None where unknown."""
    rows = project.db.execute(
        f"""SELECT id, CASE WHEN json_valid(facts) THEN json_extract(facts, '$."{PATIENT_MARK}"') END FROM images
            WHERE id IN (SELECT value FROM json_each(?))""",
        [json.dumps(image_ids.tolist())],
    )
    marks = dict(rows.fetchall())
    return [marks.get(image_id) for image_id in image_ids.tolist()]


def lacking(project: Project, encoder_key: str) -> list[Source]:
    """Images that were read, are there still, and have no embedding of this encoder."""
    rows = project.db.execute(
        """SELECT id, path FROM images WHERE state = 'read' AND NOT missing AND id NOT IN (
               SELECT image_id FROM embeddings JOIN encoders ON encoders.id = encoder_id WHERE key = ?)
           ORDER BY id""",
        [encoder_key],
    )
    folder = project.folder
    return [Source(image_id, folder / path) for image_id, path in rows]


def store_beside(project: Project, encoder: EncoderInfo, batch: Batch) -> int:
    """Stores a batch of another encoder's embeddings, and changes nothing else: no picture, no fact, no verdict.

    A file whose content is no longer the one that the map shows is left out: two encoders are to be compared on the
    same pictures. Looking for new images takes it in.

    Returns:
        How many were stored.
    """
    project.finish_steps()
    with project.db.atomic():
        encoder_id = encoder_row(project.db, encoder)
        ids = json.dumps([item.image_id for item in batch.embedded])
        digests = dict(
            project.db.execute(
                "SELECT id, digest FROM images WHERE id IN (SELECT value FROM json_each(?))", [ids]
            ).fetchall()
        )
        same = [item for item in batch.embedded if digests.get(item.image_id) == item.digest]
        project.db.conn.executemany(
            "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)",
            ((encoder_id, item.image_id, item.embedding.astype("<f4").tobytes()) for item in same),
        )
    return len(same)
