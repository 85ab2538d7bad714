"""How far a reader has come, in how many decisions, and in what time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from cxr_explorer.labels.label import ONE_BY_ONE, TAKEN_OVER, Value
from cxr_explorer.labels.reader_names import reread_name
from cxr_explorer.project.looks import Labelled, barely_seen, labelled_images, seen_ids
from cxr_explorer.project.project import AtlasMap, Ids, Project

PAUSE_S = 120
"""Between two acts farther apart than this the reader was doing something else."""


@dataclass(frozen=True)
class FindingProgress:
    """One finding of the reader's.

    Attributes:
        finding: Its name.
        present: Images with that judgement; `absent` and `uncertain` likewise.
        one_by_one: Of all of these, images that were judged one by one.
        taken_over: Of all of these, images whose label came from a table or another project.
        decisions: Acts that judged it.
    """

    finding: str
    present: int
    absent: int
    uncertain: int
    one_by_one: int
    taken_over: int
    decisions: int

    @property
    def images(self) -> int:
        """Images that carry a judgement of it."""
        return self.present + self.absent + self.uncertain


@dataclass(frozen=True)
class ClusterProgress:
    """One cluster of the newest map; -1 are the images in none.

    Attributes:
        cluster: Its number.
        images: How many it has; `labelled` and `looked_at` likewise, see `WorkDone`.
        at_once: Images labelled together with others, by what some of them look like.
    """

    cluster: int
    images: int
    labelled: int
    looked_at: int
    at_once: int

    @property
    def barely_seen(self) -> bool:
        """Whether it was labelled with too few of its images seen."""
        return barely_seen(self.at_once, self.looked_at)


@dataclass(frozen=True)
class WorkDone:
    """What one reader has done so far.

    Attributes:
        reader: Who.
        images: Images that there are to read.
        labelled: Of these, images that carry any label of the reader.
        looked_at: Of these, images the reader has seen, see `project.looks`.
        judgements: Labels the reader has given: one an image and finding. Labels taken over do not count.
        decisions: Acts that gave, changed or took away labels, or answered an audit. Acts taken back do not count.
        active_s: Time between acts, without pauses longer than PAUSE_S.
        findings: Those with labels, most labels first.
        clusters: Of the newest map, in its order.
    """

    reader: str
    images: int
    labelled: int
    looked_at: int
    judgements: int
    decisions: int
    active_s: int
    findings: tuple[FindingProgress, ...]
    clusters: tuple[ClusterProgress, ...]

    @property
    def unread(self) -> int:
        """Of the judgements, labels given without reading each image: in bulk, or accepted as suggested."""
        return self.judgements - sum(one.one_by_one for one in self.findings)


@dataclass(frozen=True)
class FindingCounts:
    """How far one finding is on a map.

    Attributes:
        read: Images judged one by one.
        accepted: Labels that are accepted suggestions.
        left: Images that carry no label of it, are not excluded, and whose file is there.
    """

    read: int
    accepted: int
    left: int


def count_finding(project: Project, atlas_map: AtlasMap, finding: str, reader: str) -> FindingCounts:
    """Counts how far one finding is: a few hundredths of a second at 100,000 images."""
    by_way: Counter[str] = Counter()
    labelled = np.zeros(0, np.int64)
    rows = project.db.execute("SELECT image_id, how FROM labels WHERE finding = ? AND reader = ?", [finding, reader])
    if pairs := rows.fetchall():
        ids, ways = zip(*pairs, strict=True)
        labelled, by_way = np.array(ids, np.int64), Counter(ways)
    aside = project.db.execute("SELECT id FROM images WHERE excluded OR missing")
    settled = np.concatenate([labelled, np.fromiter((row[0] for row in aside), np.int64)])
    return FindingCounts(
        read=sum(by_way[how] for how in ONE_BY_ONE),
        accepted=by_way["suggestion"],
        left=len(np.setdiff1d(atlas_map.image_ids, settled)),
    )


def count_work(project: Project, reader: str, atlas_map: AtlasMap | None = None) -> WorkDone:
    """Counts what a reader has done.

    Args:
        project: Where.
        reader: Who; blind second answers are the reader's time, not decisions.
        atlas_map: For the clusters; None for the newest map.
    """
    execute = project.db.execute
    there = np.fromiter(
        (row[0] for row in execute("SELECT id FROM images WHERE state != 'failed' AND NOT missing ORDER BY id")),
        np.int64,
    )
    labelled = labelled_images(project, reader)
    looked_at = np.intersect1d(seen_ids(project, reader), there)
    decided = _decisions(project, reader)
    findings = _findings(project, reader, decided)
    return WorkDone(
        reader=reader,
        images=len(there),
        labelled=len(np.intersect1d(labelled.ids, there)),
        looked_at=len(looked_at),
        judgements=sum(one.images - one.taken_over for one in findings),
        decisions=len(decided),
        active_s=_active_s(project, reader),
        findings=findings,
        clusters=_clusters(atlas_map or project.latest_map(), labelled, looked_at, there),
    )


def work_of(path: Path, reader: str) -> Iterator[WorkDone]:
    """Yields `count_work` of a project file; for a child process."""
    with Project.open_read_only(path) as project:
        yield count_work(project, reader)


def _decisions(project: Project, reader: str) -> list[tuple[str, ...]]:
    """For each act that judged: the findings it judged, going by its first rows: acts of several findings are small."""
    rows = project.db.execute(
        """SELECT (SELECT json_group_array(DISTINCT finding)
                   FROM (SELECT finding FROM label_changes WHERE act_id = acts.id LIMIT 50)),
                  (SELECT after_how FROM label_changes WHERE act_id = acts.id LIMIT 1),
                  (SELECT audits.finding FROM state_changes JOIN audits ON audits.id = CAST(key AS INTEGER)
                   WHERE act_id = acts.id AND kind = 'audit' AND key LIKE '%/%' LIMIT 1)
           FROM acts WHERE reader = ? AND NOT undone""",
        [reader],
    )
    decided = []
    for labelled, how, audited in rows:
        findings = tuple(json.loads(labelled)) or ((audited,) if audited is not None else ())
        if findings and how not in TAKEN_OVER:
            decided.append(findings)
    return decided


def _findings(project: Project, reader: str, decided: Iterable[tuple[str, ...]]) -> tuple[FindingProgress, ...]:
    decisions: dict[str, int] = {}
    for findings in decided:
        for finding in findings:
            decisions[finding] = decisions.get(finding, 0) + 1
    by_finding: dict[str, dict[tuple[int, str], int]] = {}
    for finding, value, how, count in project.db.execute(
        "SELECT finding, value, how, count(*) FROM labels WHERE reader = ? GROUP BY finding, value, how", [reader]
    ):
        by_finding.setdefault(finding, {})[value, how] = count
    found = []
    for finding, counts in by_finding.items():
        by_value = dict.fromkeys(Value, 0)
        for (value, _), count in counts.items():
            by_value[Value(value)] += count
        found.append(
            FindingProgress(
                finding,
                by_value[Value.PRESENT],
                by_value[Value.ABSENT],
                by_value[Value.UNCERTAIN],
                one_by_one=sum(count for (_, how), count in counts.items() if how in ONE_BY_ONE),
                taken_over=sum(count for (_, how), count in counts.items() if how in TAKEN_OVER),
                decisions=decisions.get(finding, 0),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.images, one.finding)))


def _active_s(project: Project, reader: str) -> int:
    rows = project.db.execute(
        "SELECT at FROM acts WHERE reader IN (?, ?) ORDER BY id", [reader, reread_name(reader)]
    ).fetchall()
    times = [datetime.fromisoformat(row[0]).timestamp() for row in rows]
    gaps = (after - before for before, after in pairwise(times))
    return round(sum(gap for gap in gaps if 0 < gap <= PAUSE_S))


def _clusters(
    atlas_map: AtlasMap | None, labelled: Labelled, looked_at: Ids, there: Ids
) -> tuple[ClusterProgress, ...]:
    if atlas_map is None:
        return ()
    shifted = atlas_map.clusters + 1
    count = int(shifted.max(initial=0)) + 1

    def counts(ids: Ids) -> list[int]:
        of_cluster: list[int] = np.bincount(shifted[np.isin(atlas_map.image_ids, ids)], minlength=count).tolist()
        return of_cluster

    sizes, seen = counts(atlas_map.image_ids), counts(looked_at)
    done, at_once = (counts(np.intersect1d(ids, there)) for ids in (labelled.ids, labelled.at_once))
    order = [*range(1, count), *([0] if sizes[0] else [])]
    return tuple(ClusterProgress(at - 1, sizes[at], done[at], seen[at], at_once[at]) for at in order)
