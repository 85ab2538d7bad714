"""What is written where a form has room for one judgement of a finding on an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cxr_explorer.labels.label import LabelRow, Value
from cxr_explorer.tables.format import WriteReport


@dataclass
class Judged:
    """The one judgement that stands for every finding on every image."""

    findings: tuple[str, ...]
    excludes: Mapping[str, Sequence[str]]
    images: dict[str, dict[str, Value]] = field(default_factory=dict)
    superseded: int = 0
    other_findings: int = 0

    def report(self, labels: int, uncertain: int = 0, absent: int = 0) -> WriteReport:
        return WriteReport(
            images=len(self.images),
            labels=labels,
            other_findings=self.other_findings,
            superseded=self.superseded,
            uncertain=uncertain,
            absent=absent,
            conflicts=sum(bool(self.contradicted(values)) for values in self.images.values()),
        )

    def contradicted(self, values: Mapping[str, Value]) -> list[str]:
        """The findings present on an image that exclude another one present there."""
        present = {finding for finding, value in values.items() if value == Value.PRESENT}
        return [finding for finding in present if present & set(self.excludes.get(finding, ()))]


def latest(rows: Iterable[LabelRow], findings: Sequence[str], excludes: Mapping[str, Sequence[str]]) -> Judged:
    """The latest judgement of every finding asked for on every image."""
    judged = Judged(tuple(dict.fromkeys(findings)), excludes)
    wanted = set(judged.findings)
    times: dict[tuple[str, str], str] = {}
    for row in rows:
        if row.finding not in wanted:
            judged.other_findings += 1
            continue
        values = judged.images.setdefault(row.file, {})
        before = times.get((row.file, row.finding))
        if before is not None:
            judged.superseded += 1
        if before is None or row.at >= before:  # ISO 8601 in UTC: in the order of their text
            times[row.file, row.finding] = row.at
            values[row.finding] = row.value
    return judged
