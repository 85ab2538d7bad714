"""What suggestions need of a project, and what becomes of them there: answers out, accepted suggestions in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import ONE_BY_ONE, Judgement, Value
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.acts import Change, recorded
from cxr_explorer.project.audits.bounds import ACCEPTED
from cxr_explorer.project.labelling import record_label
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.project.readers.doubted import KIND as DOUBTED

PROBES_SETTING = "probes"
"""Path of the saved probes that a project uses for findings with too few labels of its own; empty for none."""


LOOK_SEED_SETTING = "look seed"
"""Number that the order of random looks depends on; "0" unless somebody chose another one."""

_DOUBTED = (1, 10)  # a label given in bulk is taken to be wrong with this chance, until looks at such labels say more


@dataclass(frozen=True, eq=False)
class Answers:
    """What a reader has said of one finding.

    Attributes:
        image_ids: (n,) int64, the images a probe may learn from, ascending.
        present: (n,) bool.
        counts: (n,) float32, how much each answer counts: 1 where the image was read one by one.
        look_ids: (m,) int64, images drawn at random among those that had no label, and read, ascending. They stand for
            the images that have none now: nothing was labelled in bulk since.
        look_values: (m,) int8, the answers.
        settled: Ids of the images that carry any label of the finding, or are excluded: nothing is suggested for them.
        read: How many images were looked at one by one for this finding.
        accepted: How many labels are accepted suggestions.
    """

    image_ids: Ids
    present: NDArray[np.bool_]
    counts: NDArray[np.float32]
    look_ids: Ids
    look_values: NDArray[np.int8]
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
    values = np.fromiter((row[1] for row in rows), np.int8, len(rows))
    ways = [row[2] for row in rows]
    accepted = np.fromiter((how == "suggestion" for how in ways), np.bool_, len(rows))
    alone = np.fromiter((how in ONE_BY_ONE for how in ways), np.bool_, len(rows))
    learnt = ~accepted & (values != Value.UNCERTAIN)
    excluded = project.excluded_ids()
    looks = np.isin(ids, _looks(project, finding, reader)) & ~np.isin(ids, excluded)
    bulk = np.float32(1 if alone.all() else _weight(project, finding, reader))
    return Answers(
        image_ids=ids[learnt],
        present=values[learnt] == Value.PRESENT,
        counts=np.where(alone[learnt], np.float32(1), bulk),
        look_ids=ids[looks],
        look_values=values[looks],
        settled=np.union1d(ids, excluded),
        read=int(alone.sum()),
        accepted=int(accepted.sum()),
    )


def settled_ids(project: Project, finding: str, reader: str) -> Ids:
    """Ids of the images for which nothing is suggested, see `Answers.settled`, without the rest of what was said."""
    rows = project.db.execute("SELECT image_id FROM labels WHERE finding = ? AND reader = ?", [finding, reader])
    return np.union1d(np.fromiter((row[0] for row in rows), np.int64), project.excluded_ids())


def _looks(project: Project, finding: str, reader: str) -> Ids:
    """Ids of the images read since they were drawn at random from what has no label now.

    Whatever labels several images at once takes them out of what is left, chosen by somebody who may have seen the
    looks: these then no longer stand for the rest. So it is with images that came into the project afterwards.
    """
    since = project.db.execute(
        """SELECT ifnull(max(act_id), 0) FROM (
               SELECT act_id FROM label_changes JOIN acts ON acts.id = act_id
               WHERE NOT undone AND finding = ? AND label_changes.reader = ? GROUP BY act_id HAVING count(*) > 1)""",
        [finding, reader],
    ).fetchone()[0]
    rows = project.db.execute(
        """SELECT label.image_id, label.map_id FROM labels AS label
           JOIN label_changes AS change USING (image_id, finding, reader) JOIN acts ON acts.id = act_id
           WHERE NOT undone AND finding = ? AND label.reader = ? AND how = 'random' AND after_how = 'random'
               AND act_id > ?""",
        [finding, reader, since],
    ).fetchall()
    # The last id on each map, and so on the newest: images get theirs in the order in which they come
    last = {row[0]: row[1] for row in project.db.execute("SELECT id, substr(image_ids, -8) FROM maps ORDER BY id")}
    newest = next(reversed(last.values()), None)
    return np.array([image_id for image_id, map_id in rows if last.get(map_id) == newest], np.int64)


def _weight(project: Project, finding: str, reader: str) -> float:
    """How much a label given in bulk counts beside one read alone, from how many such labels looks found wrong.

    With a share e of wrong labels the information in one is (1 - 2e)^2 of that in a right one. Labels that were read
    because they were doubted say nothing of the others.
    """
    how = json.dumps(ONE_BY_ONE)
    audited, wrong = project.db.execute(
        """SELECT count(*) FILTER (WHERE after_how = 'audit'), count(*) FILTER (WHERE after_value != before_value)
           FROM label_changes JOIN acts ON acts.id = act_id
           WHERE NOT undone AND finding = ? AND label_changes.reader = ?
               AND before_how NOT IN (SELECT value FROM json_each(?))
               AND after_how IN (SELECT value FROM json_each(?))
               AND act_id NOT IN (SELECT act_id FROM state_changes WHERE kind = ?)""",
        [finding, reader, how, how, DOUBTED],
    ).fetchone()
    share = (_DOUBTED[0] + wrong) / (_DOUBTED[1] + max(audited, wrong))
    return float(max(1 - 2 * share, 0.1) ** 2)


@dataclass(frozen=True)
class AcceptedWith:
    """What the looks said of suggestions when they were accepted in bulk.

    Attributes:
        error_bound: At most this share of them is wrong, 0..1.
        confidence: With which that holds.
        looks: Random looks among suggestions as sure as these.
        wrong: Of these, how many disagreed with the answer.
    """

    error_bound: float
    confidence: float
    looks: int
    wrong: int


def accept(
    project: Project,
    present: Ids,
    absent: Ids,
    finding: str,
    reader: str,
    map_id: int | None = None,
    accepted_with: AcceptedWith | None = None,
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
        accepted_with: What is known of their errors; None where the reader looked at each of them.

    Returns:
        What changed; None where there was nothing to accept.
    """
    settled = settled_ids(project, finding, reader)
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
        if accepted_with is not None and any(counts):
            act.put(ACCEPTED, str(act.number), json.dumps(asdict(accepted_with)))
    return act.change
