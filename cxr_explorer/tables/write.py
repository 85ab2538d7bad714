"""Labels become a CSV file, in this program's own form or in those of NIH ChestX-ray14 and CheXpert."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.labels.label import LabelBound, LabelRow, Value
from cxr_explorer.labels.vocabulary import usual_excludes
from cxr_explorer.tables.cells import WORDS, Format, harmless

LONG_HEADER = (
    *("file", "finding", "value", "reader", "time", "how", "cluster", "map"),
    *("audit", "error_bound", "confidence", "audit_state"),
)
NIH_HEADER = ("Image Index", "Finding Labels")


@dataclass(frozen=True)
class WriteReport:
    """What went into a table and what the table has no room for.

    Attributes:
        images: Images in the table.
        labels: Judgements in the table.
        other_findings: Labels left out because their finding was not asked for.
        superseded: Labels left out because a later one of the same finding on the same image stands (nih, chexpert).
        uncertain: Uncertain labels left out (nih has no way to write them).
        absent: Absent labels left out (nih has no way to write them).
        conflicts: Images on which a finding and one that it excludes are present, as "No Finding" and any other (nih:
            "No Finding" is left out; chexpert: both are written as judged).
        unresolved: Findings on images left blank because the readers differ and nothing decides between them.
        one_reader: Majority or unanimous answers in the table that rest on one reader alone.
    """

    images: int
    labels: int
    other_findings: int = 0
    superseded: int = 0
    uncertain: int = 0
    absent: int = 0
    conflicts: int = 0
    unresolved: int = 0
    one_reader: int = 0

    @property
    def left_out(self) -> int:
        """Labels given but not in the table, for whatever reason but a conflict."""
        return self.other_findings + self.superseded + self.uncertain + self.absent


def write_labels(
    out: Path,
    rows: Iterable[LabelRow],
    format: Format,
    findings: Sequence[str],
    excludes: Mapping[str, Sequence[str]] | None = None,
) -> WriteReport:
    """Write labels to a CSV file (UTF-8, no byte order mark), all of it or nothing.

    - long: one label a row, in the order given: file, finding, value (present, absent, uncertain), reader, time, how,
      cluster, map, and of the random audit that covers it: its number, the upper bound of the share of wrong labels
      (rounded up), the confidence, and whether it is valid, stale or failed. A suggestion accepted in bulk carries the
      bound it was accepted with, and no number.
    - nih: `Image Index,Finding Labels`, one image a row, the present findings joined by "|". An image with labels of
      which none is present gets an empty cell: "absent Effusion" is not "No Finding".
    - chexpert: `Path` and one column a finding: 1 present, 0 absent, -1 uncertain, blank not judged.

    nih and chexpert hold one judgement of a finding on an image: the latest, and of equally late ones the last given.
    Images stand in the order in which they first occur, under their path as stored.

    Args:
        out: The file to write; an existing one is replaced once the new one is complete.
        rows: The labels.
        format: One of the three above.
        findings: The findings to write, in the order of columns or of names within a cell.
        excludes: What cannot be present together, see `Vocabulary`; None for the usual rule.

    Raises:
        UserError: The place cannot be written, or a name cannot be written as UTF-8.
    """
    rule = usual_excludes(findings) if excludes is None else excludes
    match format:
        case "long":
            table, report = _long_table(rows, findings)
        case "nih":
            table, report = _nih_table(rows, findings, rule)
        case "chexpert":
            table, report = _chexpert_table(rows, findings, rule)
    _write_csv(out, table)
    return report


def _long_table(rows: Iterable[LabelRow], findings: Sequence[str]) -> tuple[list[Sequence[str]], WriteReport]:
    wanted = set(findings)
    table: list[Sequence[str]] = [LONG_HEADER]
    files: set[str] = set()
    other_findings = 0
    for row in rows:
        if row.finding not in wanted:
            other_findings += 1
            continue
        files.add(row.file)
        cluster, map_id = ("" if number is None else str(number) for number in (row.cluster, row.map_id))
        named = (harmless(text) for text in (row.file, row.finding))
        provenance = (harmless(row.reader), harmless(row.at), row.how, cluster, map_id)
        table.append((*named, WORDS[row.value], *provenance, *_bound_cells(row.bound)))
    return table, WriteReport(images=len(files), labels=len(table) - 1, other_findings=other_findings)


def _bound_cells(bound: LabelBound | None) -> tuple[str, str, str, str]:
    if bound is None:
        return "", "", "", ""
    share = "" if bound.error_bound is None else f"{math.ceil(bound.error_bound * 10_000 - 1e-9) / 10_000:g}"
    return (
        "" if bound.audit is None else str(bound.audit),
        share,
        f"{math.floor(bound.confidence * 10_000 + 1e-9) / 10_000:g}",
        bound.state,
    )


def _nih_table(
    rows: Iterable[LabelRow], findings: Sequence[str], excludes: Mapping[str, Sequence[str]]
) -> tuple[list[Sequence[str]], WriteReport]:
    if any("|" in finding for finding in findings):
        raise ValueError('a finding with "|" cannot stand in a cell of findings joined by "|"')
    judged = _latest(rows, findings, excludes)
    table: list[Sequence[str]] = [NIH_HEADER]
    labels = 0
    for file, values in judged.images.items():
        present = [finding for finding in judged.findings if values.get(finding) == Value.PRESENT]
        out = judged.contradicted(values)
        present = [finding for finding in present if finding not in out]
        labels += len(present)
        table.append((harmless(file), harmless("|".join(present))))
    every = Counter(value for values in judged.images.values() for value in values.values())
    return table, judged.report(labels, uncertain=every[Value.UNCERTAIN], absent=every[Value.ABSENT])


def _chexpert_table(
    rows: Iterable[LabelRow], findings: Sequence[str], excludes: Mapping[str, Sequence[str]]
) -> tuple[list[Sequence[str]], WriteReport]:
    judged = _latest(rows, findings, excludes)
    table: list[Sequence[str]] = [("Path", *(harmless(finding) for finding in judged.findings))]
    for file, values in judged.images.items():
        cells = (str(int(values[finding])) if finding in values else "" for finding in judged.findings)
        table.append((harmless(file), *cells))
    return table, judged.report(sum(map(len, judged.images.values())))


@dataclass
class _Judged:
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


def _latest(rows: Iterable[LabelRow], findings: Sequence[str], excludes: Mapping[str, Sequence[str]]) -> _Judged:
    judged = _Judged(tuple(dict.fromkeys(findings)), excludes)
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


def _write_csv(out: Path, table: Iterable[Sequence[str]]) -> None:
    try:
        with atomic_write(out) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
            csv.writer(text).writerows(table)
            text.detach()  # flushed; the file is not this wrapper's to close
    except UnicodeEncodeError as error:
        near = error.object[max(0, error.start - 30) : error.end + 30]
        raise UserError(f"Cannot write {out}: the name around {near!r} is not valid Unicode; rename it.") from error
