"""What suggestions need of a project, and what becomes of them there: answers out, accepted suggestions in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import ONE_BY_ONE, Judgement, Value
from cxr_explorer.project.acts import Change, recorded
from cxr_explorer.project.labelling import images_text, record_label
from cxr_explorer.project.project import Ids, Project

PROBES_SETTING = "probes"
"""Path of the saved probes that a project uses for findings with too few labels of its own; empty for none."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a reader has said of one finding.

    Attributes:
        image_ids: (n,) int64, the images a probe may learn from, ascending.
        present: (n,) bool.
        settled: Ids of the images that carry any label of the finding, or are excluded: nothing is suggested for them.
        read: How many images were looked at one by one for this finding.
        accepted: How many labels are accepted suggestions.
    """

    image_ids: Ids
    present: NDArray[np.bool_]
    settled: Ids
    read: int
    accepted: int


def answers(project: Project, finding: str, reader: str) -> Answers:
    """A reader's answers to one finding.

    A probe does not learn from suggestions that were accepted: it would take its own word for truth.
    """
    rows = project.db.execute(
        "SELECT image_id, value, how FROM labels WHERE finding = ? AND reader = ? ORDER BY image_id", [finding, reader]
    ).fetchall()
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    values = np.fromiter((row[1] for row in rows), np.int64, len(rows))
    ways = [row[2] for row in rows]
    accepted = np.fromiter((how == "suggestion" for how in ways), np.bool_, len(rows))
    learnt = ~accepted & (values != Value.UNCERTAIN)
    return Answers(
        image_ids=ids[learnt],
        present=values[learnt] == Value.PRESENT,
        settled=np.union1d(ids, project.excluded_ids()),
        read=sum(how in ONE_BY_ONE for how in ways),
        accepted=int(accepted.sum()),
    )


def accept(
    project: Project, present: Ids, absent: Ids, finding: str, reader: str, map_id: int | None = None
) -> Change | None:
    """Takes suggestions over as a reader's labels, as one act.

    Images that carry a label of this finding by this reader, whatever it is, keep it; excluded images are skipped.

    Args:
        project: Open for writing.
        present: Ids of the images suggested to show the finding.
        absent: Ids of those suggested not to.
        finding: Its name.
        reader: Who accepts.
        map_id: The map on screen.

    Returns:
        What changed; None where there was nothing to accept.
    """
    settled = answers(project, finding, reader).settled
    with recorded(project, reader) as act:
        counts = [
            record_label(
                project,
                act,
                np.setdiff1d(ids, settled),
                Judgement(finding, value, reader, "suggestion", map_id=map_id),
            )
            for ids, value in ((present, Value.PRESENT), (absent, Value.ABSENT))
        ]
        act.text = (
            f"Accepted {finding} on {images_text(sum(counts))}: {counts[0]:,} present, {counts[1]:,} absent, "
            "as suggested"
        )
    return act.change
