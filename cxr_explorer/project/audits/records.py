"""What became of the audits: derived from what was stored at their start, the answers, and the labels as they stand.

Nothing here is a flag that could be out of date. The bound of an audit goes stale when a label it covers has another
value than the audit left it with, when an image has left the lot (set aside, gone, its file's content changed), or, for
a lot that is meant to be every label of a finding, when others have come. Corrections by this or another random audit
do not make it stale: they rest on the same look at the picture that the bound rests on, and can only remove errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.labels.label import Value
from cxr_explorer.project import acts
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.sampling.plan import Plan, most_wrong, most_wrong_share

KIND = "audit"
"""Kind of state: "<audit>/<image>" holds an answer, "<audit>" the word "abandoned"."""

State = Literal["open", "passed", "failed", "abandoned"]
Counts = int | np.int64 | NDArray[np.int64]
_NONE = -9  # no label; unlike every value


@dataclass(frozen=True, eq=False)
class Audit:
    """An audit and what became of it.

    Attributes:
        audit_id: Its number in the project.
        at: When it started, UTC.
        reader: Whose labels it covers, and who reads.
        finding: The finding.
        title: What the images are, in words.
        plan: What was decided at the start.
        seed: The sample was drawn with it.
        whole: Whether the lot is every label of the finding (of `value`, where that is given).
        value: The value all its labels were chosen for, or None.
        earlier: Numbers of the audits of the same images before it.
        image_ids: (N,) ids of the lot, ascending.
        values: (N,) int8, the labels it covers.
        sample: The ids to read, in order.
        answers: What the reader saw, by image id.
        abandoned: Whether it was given up.
        changed: Number of labels it covers that have changed since, other than by a random audit.
        left: Number of images that have left the lot.
        entered: Number of labels that belong to its lot by now and did not when it started.
    """

    audit_id: int
    at: str
    reader: str
    finding: str
    title: str
    plan: Plan
    seed: int
    whole: bool
    value: Value | None
    earlier: tuple[int, ...]
    image_ids: Ids
    values: NDArray[np.int8]
    sample: Ids
    answers: Mapping[int, Value]
    abandoned: bool
    changed: int
    left: int
    entered: int

    @property
    def answered(self) -> int:
        """Number of images of the sample that were read."""
        return len(self.answers)

    @property
    def left_with(self) -> NDArray[np.int8]:
        """(N,) int8: the labels of the lot with the answers in them."""
        return _with_answers(self.image_ids, self.values, self.answers)

    @property
    def errors(self) -> int:
        """Number of labels in the sample that were wrong when the audit began; any other answer counts as wrong."""
        return int((self.left_with != self.values).sum())

    @property
    def in_full(self) -> bool:
        """Whether the sample is the whole lot, so that every error is found and mended."""
        return len(self.sample) == len(self.image_ids)

    @property
    def complete(self) -> bool:
        """Whether the whole sample was read."""
        return self.answered == len(self.sample)

    @property
    def state(self) -> State:
        """It fails with the first error too many, also before the end and when given up."""
        if self.errors > self.plan.tolerated and not self.in_full:
            return "failed"
        if self.complete:
            return "passed"
        return "abandoned" if self.abandoned else "open"

    @property
    def stale(self) -> bool:
        """Whether the labels it covers are no longer those it spoke of."""
        return bool(self.changed or self.left or self.entered)

    @property
    def bound(self) -> float | None:
        """Upper bound of the share of wrong labels with the errors it found corrected, 0..1; None before its end.

        With patients drawn, of the mean over patients of that share, without allowing for the corrections.
        """
        if not self.complete:
            return None
        if self.plan.unit == "patient":
            return most_wrong_share(self.plan.sample, self.errors, self.plan.confidence)
        wrong = most_wrong(self.plan.units, self.plan.sample, self.errors, self.plan.confidence)
        return (wrong - self.errors) / self.plan.units

    @property
    def confidence(self) -> float:
        """With which the bound holds: auditing the same images until they pass has as many chances to be wrong."""
        return max(0.0, 1 - (len(self.earlier) + 1) * (1 - self.plan.confidence))


def audit_records(project: Project, finding: str | None = None, reader: str | None = None) -> list[Audit]:
    """All audits, or those of a finding or a reader, oldest first."""
    rows = project.db.execute(
        """SELECT id, at, reader, finding, title, plan, population, covered, sample FROM audits
           WHERE finding = ifnull(?, finding) AND reader = ifnull(?, reader) ORDER BY id""",
        [finding, reader],
    ).fetchall()
    if not rows:
        return []
    answers: dict[int, dict[int, Value]] = {}
    abandoned = set()
    for key, value in acts.states(project, KIND).items():
        audit, _, image = key.partition("/")
        if image:
            answers.setdefault(int(audit), {})[int(image)] = Value(int(value))
        else:
            abandoned.add(int(audit))
    present = _Present(project)
    of_lot: dict[tuple[str, str], list[int]] = {}
    for audit_id, _, by, of, *_ in rows:
        of_lot.setdefault((of, by), []).append(audit_id)
    return [_record(row, answers, row[0] in abandoned, present, of_lot[row[3], row[2]]) for row in rows]


def with_present_answers(project: Project, audit: Audit) -> Audit:
    """The audit with the answers as they are by now; whether it went stale meanwhile is not looked at."""
    rows = project.db.execute(
        "SELECT key, value FROM state WHERE kind = ? AND key GLOB ?", [KIND, f"{audit.audit_id}/*"]
    )
    answers = {int(key.partition("/")[2]): Value(int(value)) for key, value in rows}
    return replace(audit, answers=answers)


def audit_record(project: Project, audit_id: int) -> Audit:
    """One audit. Raises KeyError for an unknown number."""
    for audit in audit_records(project):
        if audit.audit_id == audit_id:
            return audit
    raise KeyError(audit_id)


class _Present:
    """Labels and images as they stand, read once for all audits."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._columns: dict[tuple[str, str], tuple[Ids, NDArray[np.int8]]] = {}
        rows = project.db.execute(
            "SELECT id, excluded OR missing, replaced FROM images WHERE excluded OR missing OR replaced ORDER BY id"
        ).fetchall()
        self.gone = np.array([row[0] for row in rows if row[1]], np.int64)
        self.replaced = np.array([row[0] for row in rows if row[2]], np.int64)

    def column(self, finding: str, reader: str) -> tuple[Ids, NDArray[np.int8]]:
        """Ids, ascending, and values of a reader's labels of a finding."""
        if (finding, reader) not in self._columns:
            rows = self._project.db.execute(
                "SELECT image_id, value FROM labels WHERE finding = ? AND reader = ? ORDER BY image_id",
                [finding, reader],
            )
            table = np.array(rows.fetchall(), np.int64).reshape(-1, 2)
            self._columns[finding, reader] = table[:, 0], table[:, 1].astype(np.int8)
        return self._columns[finding, reader]

    def values(self, finding: str, reader: str, ids: Ids) -> NDArray[np.int8]:
        """The present label of each id, _NONE where there is none."""
        labelled, values = self.column(finding, reader)
        there = are_in(labelled, ids)
        found = np.full(len(ids), _NONE, np.int8)
        found[there] = values[np.searchsorted(labelled, ids[there])]
        return found


def _record(
    row: Sequence[object],
    answers: Mapping[int, Mapping[int, Value]],
    abandoned: bool,
    present: _Present,
    neighbours: Sequence[int],
) -> Audit:
    audit_id, at, reader, finding, title, decided, population, covered, drawn = row
    assert isinstance(audit_id, int) and isinstance(decided, str)
    assert isinstance(population, bytes) and isinstance(covered, bytes) and isinstance(drawn, bytes)
    made = json.loads(decided)
    ids, values = np.frombuffer(population, "<i8"), np.frombuffer(covered, "i1")
    own = answers.get(audit_id, {})
    expected = _with_answers(ids, values, own)
    now = present.values(str(finding), str(reader), ids)
    changed = 0
    for place in np.flatnonzero(now != expected).tolist():
        image_id, value = int(ids[place]), int(now[place])
        others = (n for n in neighbours if n > audit_id or (n != audit_id and image_id not in own))
        changed += not any(answers.get(n, {}).get(image_id) == value for n in others)
    meant: int | None = made["value"]
    entered = 0
    if made["whole"]:
        labelled, as_labelled = present.column(str(finding), str(reader))
        belongs = labelled if meant is None else labelled[as_labelled == meant]
        entered = int((~are_in(ids, belongs) & ~are_in(present.gone, belongs)).sum())
    replaced = present.replaced[~are_in(np.array(made["replaced"], np.int64), present.replaced)]
    return Audit(
        audit_id=audit_id,
        at=str(at),
        reader=str(reader),
        finding=str(finding),
        title=str(title),
        plan=Plan(
            made["unit"], made["units"], made["sample"], made["tolerated"], made["error_limit"], made["confidence"]
        ),
        seed=made["seed"],
        whole=made["whole"],
        value=None if meant is None else Value(meant),
        earlier=tuple(made["earlier"]),
        image_ids=ids,
        values=values,
        sample=np.frombuffer(drawn, "<i8"),
        answers=own,
        abandoned=abandoned,
        changed=changed,
        left=int((are_in(present.gone, ids) | are_in(replaced, ids)).sum()),
        entered=entered,
    )


def are_in(known: Ids, ids: Ids) -> NDArray[np.bool_]:
    """Which ids are among the known ones, which ascend: without the sorting of `np.isin`."""
    return look_up(known, ids)[1]


def _with_answers(ids: Ids, values: NDArray[np.int8], answers: Mapping[int, Value]) -> NDArray[np.int8]:
    found = values.copy()
    found[np.searchsorted(ids, np.array(list(answers), np.int64))] = list(answers.values())
    return found


def are_same(both: Counts, one: Counts, other: Counts) -> NDArray[np.bool_]:
    """Whether lots are the same for the question how often it was tried: half of all their images are in both.

    Args:
        both: Number of images in both lots.
        one: In the one.
        other: In the other.
    """
    return np.asarray((both > 0) & (2 * both >= one + other - both))
