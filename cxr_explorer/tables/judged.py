"""What is written where a form has room for one judgement of a finding on an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import LabelRow, Value

NOT_JUDGED = 2
"""In `Judged.values`, beside the values -1, 0 and 1."""


@dataclass(frozen=True, eq=False)
class Judged:
    """The one judgement that stands for every finding on every image.

    Attributes:
        files: (N) the images, each with a judgement at least.
        findings: (F) the findings asked for.
        excludes: Finding -> findings that cannot be present where it is.
        values: (N, F) int8: -1, 0, 1 or NOT_JUDGED.
        superseded: Labels left out because a later one of the same finding on the same image stands.
        other_findings: Labels left out because their finding was not asked for.
    """

    files: Sequence[str]
    findings: tuple[str, ...]
    excludes: Mapping[str, Sequence[str]]
    values: NDArray[np.int8]
    superseded: int
    other_findings: int

    @property
    def count(self) -> int:
        """How many judgements there are."""
        return int((self.values != NOT_JUDGED).sum())

    def contradicted(self) -> NDArray[np.bool_]:
        """(N, F): where a finding is present beside another one that it excludes."""
        present = self.values == Value.PRESENT
        found: NDArray[np.bool_] = np.zeros_like(present)
        for place, finding in enumerate(self.findings):
            others = [name in self.excludes.get(finding, ()) for name in self.findings]
            found[:, place] = present[:, place] & present[:, others].any(axis=1)
        return found


def latest(rows: Iterable[LabelRow], findings: Sequence[str], excludes: Mapping[str, Sequence[str]]) -> Judged:
    """The latest judgement of every finding asked for on every image; of equally late ones the last given.

    Images stand in the order in which they first occur.
    """
    names = tuple(dict.fromkeys(findings))
    wanted = set(names)
    images: dict[str, list[Said]] = {}
    other_findings = 0
    for row in rows:
        if row.finding in wanted:
            images.setdefault(row.file, []).append((row.finding, int(row.value), row.at))
        else:
            other_findings += 1
    return judged_of(images, (row_of(said, names) for said in images.values()), names, excludes, other_findings)


Said = tuple[str, int, str]
"""Finding, value and time of a judgement of one image; ISO 8601 in UTC is in the order of its text."""


def row_of(said: Iterable[Said], findings: Sequence[str]) -> tuple[bytes, int]:
    """A row of `Judged.values` as bytes, and how many judgements others of them replace."""
    values: dict[str, int] = {}
    count = 0
    for finding, value, _ in sorted(said, key=itemgetter(2)):
        values[finding] = value
        count += 1
    return bytes(values.get(finding, NOT_JUDGED) & 0xFF for finding in findings), count - len(values)


def judged_of(
    files: Iterable[str],
    rows: Iterable[tuple[bytes, int]],
    findings: tuple[str, ...],
    excludes: Mapping[str, Sequence[str]],
    other_findings: int,
) -> Judged:
    """Rows as `row_of` gives them, one for each file, as one."""
    data, superseded = bytearray(), 0
    for row, replaced in rows:
        data += row
        superseded += replaced
    values = np.frombuffer(data, np.int8).reshape(-1, len(findings))
    return Judged(tuple(files), findings, excludes, values, superseded, other_findings)
