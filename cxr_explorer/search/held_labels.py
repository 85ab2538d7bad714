"""One reader's labels on the images of a map, held as arrays: what a window counts with after every step.

They are read once, in parts, and brought up to date by the rows that an act changed: never a whole table for a view.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.labels.label import ONE_BY_ONE, How, Value
from cxr_explorer.project.label_columns import findings_of
from cxr_explorer.project.labelling import LabelPlan
from cxr_explorer.project.looks import AT_ONCE
from cxr_explorer.project.map_rows import Ids
from cxr_explorer.project.project import Project

PART = 2000
"""Images read at a time: a hundredth of a second where an act changed fourteen labels of each."""

PART_OF_FINDING = 10_000
"""The same where it is one label of each."""

UNREAD = -2
"""The value of an image that carries no label of a finding."""

WAYS: tuple[How, ...] = get_args(How)
"""A way is held as its place in this list."""

Rows = NDArray[np.int64] | slice
"""Rows of a map's images."""

_WAY_CODES = " ".join(f"WHEN '{way}' THEN {code}" for code, way in enumerate(WAYS))


@dataclass(frozen=True, eq=False)
class HeldColumn:
    """The labels of one finding, (N,) each, in the order of the map.

    Attributes:
        values: int8, UNREAD where there is none.
        ways: int8, places in WAYS; -1 where there is no label, or a way that this version does not know.
        clusters: int32 identity of the cluster it was given to, -1 for the images in none, -2 for no cluster.
    """

    values: NDArray[np.int8]
    ways: NDArray[np.int8]
    clusters: NDArray[np.int32]

    @classmethod
    def empty(cls, count: int) -> HeldColumn:
        """Without a label."""
        return cls(np.full(count, UNREAD, np.int8), np.full(count, -1, np.int8), np.full(count, -2, np.int32))


class HeldLabels:
    """See the module.

    Attributes:
        image_ids: (N,) the images of the map, ascending.
        reader: Whose labels.
        excluded: (N,) bool.
        loaded: Whether all is read; until then what is held is a part of it.
    """

    def __init__(self, project: Project, image_ids: Ids, reader: str) -> None:
        self.image_ids = image_ids
        self.reader = reader
        self.loaded = False
        self.excluded = np.zeros(len(image_ids), np.bool_)
        self._project = project
        self._columns: dict[str, HeldColumn] = {}
        self._labelled: NDArray[np.bool_] | None = None
        self._asked: tuple[Ids, Rows | None] = (image_ids, slice(None))

    # -- reading -----------------------------------------------------------------------------------------------------

    def load(self) -> Iterator[float]:
        """Reads all labels, in parts; yields the share that is read."""
        self.loaded = False
        self._columns.clear()
        self.read_exclusions()
        findings = findings_of(self._project, self.reader)
        for number, finding in enumerate(findings):
            for first, last, share in self._parts(PART_OF_FINDING):
                (codes,) = self._project.db.execute(
                    f"""SELECT group_concat({_coded("value", "how", "cluster")})
                        FROM labels WHERE finding = ? AND reader = ? AND image_id BETWEEN ? AND ?""",
                    [finding, self.reader, first, last],
                ).fetchone()
                if codes is not None:
                    self._put(finding, codes)
                yield (number + share) / len(findings)
        if not findings:
            yield 1.0
        self.loaded = True

    def take_act(self, number: int, undone: bool) -> Iterator[float]:
        """Brings the labels that an act changed up to date, in parts; `undone` where it was taken back."""
        side = "before" if undone else "after"
        coded = _coded(f"{side}_value", f"{side}_how", f"{side}_cluster")
        for first, last, share in self._parts():
            if first > self.image_ids[0]:
                yield share
            rows = self._project.db.execute(
                f"""SELECT finding, group_concat({coded})
                    FROM label_changes WHERE act_id = ? AND image_id BETWEEN ? AND ? AND reader = ? GROUP BY finding""",
                [number, first, last, self.reader],
            )
            for finding, codes in rows.fetchall():
                self._put(finding, codes)

    def read_exclusions(self) -> None:
        """Reads which images are excluded."""
        self.excluded = np.isin(self.image_ids, self._project.excluded_ids(), assume_unique=True)

    def take_exclusions(self, number: int, undone: bool) -> None:
        """Brings up to date which images are excluded, by the rows of an act."""
        side = "before" if undone else "after"
        (text,) = self._project.db.execute(
            f"SELECT group_concat(image_id * 2 + {side}) FROM exclusion_changes WHERE act_id = ?", [number]
        ).fetchone()
        codes = np.fromstring(text or "", np.int64, sep=",")
        rows, there = look_up(self.image_ids, codes >> 1)
        self.excluded[rows[there]] = codes[there] & 1

    @property
    def excluded_ids(self) -> Ids:
        """Ids of the excluded images of the map, ascending."""
        return self.image_ids[self.excluded]

    def _parts(self, size: int = PART) -> Iterator[tuple[int, int, float]]:
        count = len(self.image_ids)
        for start in range(0, count, size):
            end = min(start + size, count)
            yield int(self.image_ids[start]), int(self.image_ids[end - 1]), end / count

    def _put(self, finding: str, text: str) -> None:
        """Puts labels in their places, see `_coded`."""
        codes = np.fromstring(text, np.int64, sep=",")
        rows, there = look_up(self.image_ids, codes >> 28)
        rows, codes = rows[there], codes[there]
        column = self._columns.setdefault(finding, HeldColumn.empty(len(self.image_ids)))
        column.values[rows] = ((codes >> 26) & 3) - 2
        column.ways[rows] = ((codes >> 22) & 15) - 1
        column.clusters[rows] = (codes & 0x3FFFFF) - 2
        self._labelled = None

    # -- asking ------------------------------------------------------------------------------------------------------

    def rows_of(self, ids: Ids) -> Rows | None:
        """The rows of some images, ascending; None where one of them is not on the map."""
        if ids is self._asked[0]:
            return self._asked[1]
        rows: Rows | None
        if ids.size == self.image_ids.size and np.array_equal(ids, self.image_ids):
            rows = slice(None)
        else:
            found, there = look_up(self.image_ids, ids)
            rows = found if there.all() else None
        self._asked = (ids, rows)
        return rows

    def column(self, finding: str) -> HeldColumn:
        """The labels of a finding; not to be written to."""
        return self._columns.get(finding) or HeldColumn.empty(len(self.image_ids))

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N,) bool: images with any label."""
        if self._labelled is None:
            found = np.zeros(len(self.image_ids), np.bool_)
            for column in self._columns.values():
                found |= column.values != UNREAD
            self._labelled = found
        return self._labelled

    def given(self, ways: tuple[How, ...]) -> NDArray[np.bool_]:
        """(N,) bool: images with a label given in one of these ways."""
        among = np.array([*(way in ways for way in WAYS), False])  # -1 finds the last
        found = np.zeros(len(self.image_ids), np.bool_)
        for column in self._columns.values():
            found |= among[column.ways]
        return found

    @property
    def at_once(self) -> NDArray[np.bool_]:
        """(N,) bool: images with a label given at once with others, see `looks.AT_ONCE`."""
        return self.given(AT_ONCE)

    def counts(self, rows: Rows) -> dict[str, dict[Value, int]]:
        """For each finding with labels among these images: number of images by value, as `finding_counts`."""
        found: dict[str, dict[Value, int]] = {}
        for finding, column in self._columns.items():
            values = column.values[rows]
            counts = {value: int(np.count_nonzero(values == value)) for value in Value}
            if any(counts.values()):
                found[finding] = {value: count for value, count in counts.items() if count}
        return found

    def plan(self, rows: Rows, finding: str, value: Value | None) -> LabelPlan:
        """What labelling these images would do, as `plan_label`."""
        column = self.column(finding)
        values, excluded = column.values[rows], self.excluded[rows]
        same = values == (UNREAD if value is None else value)
        changed = ~excluded & ~same
        overwritten = changed & (values != UNREAD)
        single = np.array([*(way in ONE_BY_ONE for way in WAYS), False])[column.ways[rows]]
        count = np.count_nonzero
        return LabelPlan(
            images=int(count(changed)),
            overwrites=int(count(overwritten)),
            overwrites_single=int(count(overwritten & single)),
            excluded=int(count(excluded)),
            already=int(count(~excluded & same)),
        )

    def ways(self, rows: Rows, finding: str) -> list[tuple[str, int | None, int]]:
        """How the labels of a finding came to these images: way, identity of the cluster or None, number of images; the
        most frequent first."""
        column = self.column(finding)
        ways, clusters = column.ways[rows], column.clusters[rows]
        given = column.values[rows] != UNREAD
        pairs = (ways[given].astype(np.int64) + 1 << 32) + clusters[given] + 2
        if not pairs.size:
            return []
        kinds, counts = np.unique(pairs, return_counts=True) if (pairs != pairs[0]).any() else (pairs[:1], [pairs.size])
        found = []
        for kind, count in zip(kinds.tolist(), list(counts), strict=True):
            way, cluster = (kind >> 32) - 1, (kind & 0xFFFFFFFF) - 2
            found.append((WAYS[way] if way >= 0 else "", cluster if cluster > -2 else None, int(count)))
        return sorted(found, key=lambda one: (-one[2], one[0], -1 if one[1] is None else one[1]))


def _coded(value: str, how: str, cluster: str) -> str:
    """SQL of one number for a label: image, value + 2 (0 for none), way + 1 and cluster + 2, 2, 4 and 22 bits each."""
    return (
        f"(((image_id << 2) + ifnull({value}, {UNREAD}) + 2 << 4) + CASE {how} {_WAY_CODES} ELSE -1 END + 1 << 22)"
        f" + min(ifnull({cluster}, -2) + 2, 0x3FFFFF)"
    )
