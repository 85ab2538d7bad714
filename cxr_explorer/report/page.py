"""The report as one HTML file: no script, nothing fetched, pictures inside; it prints as it looks."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cxr_explorer.assets import asset
from cxr_explorer.labels.confounders import Confounder, percent
from cxr_explorer.labels.texts import finding_text
from cxr_explorer.project.audits.bounds import covers_text, outcome_text, stale_text, state_word
from cxr_explorer.project.audits.records import Audit
from cxr_explorer.project.readers.agreement import FindingAgreement
from cxr_explorer.report.progress import PAUSE_S, ClusterProgress, FindingProgress, WorkDone

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class ReportedCluster:
    """A cluster in the report.

    Attributes:
        title: What the window calls it.
        colour: Its colour on the map, "#RRGGBB".
        progress: How far it is labelled.
        labels: Finding, images present, absent and uncertain, for each finding labelled in it.
        confounders: What its images have in common beside the picture.
        montage: JPEG of typical images, then of images at its edge.
        files: Their names, in the same order, where they may be shown.
    """

    title: str
    colour: str
    progress: ClusterProgress
    labels: tuple[tuple[str, int, int, int], ...]
    confounders: tuple[Confounder, ...]
    montage: bytes | None
    files: tuple[str, ...]


@dataclass(frozen=True)
class FindingMap:
    """The map coloured by one reader's labels of one finding, as PNG."""

    reader: str
    progress: FindingProgress
    picture: bytes


@dataclass(frozen=True)
class Report:
    """All that the HTML says.

    Attributes:
        made: When, ISO 8601 in UTC.
        version: Of the program.
        work: What each reader has done.
        counts: Images by what became of them, in words; the readable ones first.
        cluster_map: PNG, or None without a map.
        finding_maps: One a reader and finding.
        agreement: Of each two readers, also of a reader and their own blind second answers.
        clusters: Of the newest map.
        audits: Of these readers, oldest first.
        bounded: Labels covered by a bound that holds, by finding and reader.
        provenance: Name and text.
        colours: Of present, absent and uncertain, "#RRGGBB".
        images: Whether thumbnails may be shown.
    """

    made: str
    version: str
    work: tuple[WorkDone, ...]
    counts: tuple[tuple[str, int], ...]
    cluster_map: bytes | None
    finding_maps: tuple[FindingMap, ...]
    agreement: tuple[FindingAgreement, ...]
    clusters: tuple[ReportedCluster, ...]
    audits: tuple[Audit, ...]
    bounded: Mapping[tuple[str, str], int]
    provenance: tuple[tuple[str, str], ...]
    colours: tuple[str, str, str]
    images: bool


NOTICE = (
    "For research and annotation. CXR Explorer is not a medical device: neither it nor these labels may be used for "
    "diagnosis."
)
LIMITS = (
    "Most labels here were given to many images at once, because the encoder places them close together and a reader "
    "judged them as a group; most of these images were not read one by one. How many of such labels are wrong is known "
    "only where a random audit bounds it, for the labels it covers taken together, and only as well as the auditing "
    "reader reads. Labels without a bound may be wrong to any degree. The map shows likeness in the encoder's eyes, "
    "which also sees views, devices and markings; distances on it are not to scale. Readers' judgements were made on "
    "these images alone, without clinical data, and are no reference standard by themselves."
)

_LABELS_HEADER = (
    *("Finding", "Reader", "Present", "Absent", "Uncertain", "Not read", "One by one", "In bulk", "Taken over"),
    *("Under a bound", "Decisions"),
)


def render(report: Report) -> str:
    """The whole file, of the template `resources/report/page.html`."""
    counts = [(f"{name[0].upper()}{name[1:]}", f"{count:,}") for name, count in report.counts]
    return _template().render(
        report=report,
        notice=NOTICE,
        limits=LIMITS,
        clusters=sum(one.progress.cluster >= 0 for one in report.clusters),
        tiles=_tiles,
        label_header=_LABELS_HEADER,
        labels=list(_labels(report)),
        audits=[_audit(audit) for audit in report.audits],
        agreement=[_agreement(one) for one in report.agreement],
        said=_said,
        provenance=[*report.provenance, *counts],
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Whatever a name in the project holds cannot become markup.
    environment = Environment(loader=FileSystemLoader(asset("report")), autoescape=True, undefined=StrictUndefined)
    base64_text = lambda content: base64.b64encode(content).decode()  # noqa: E731
    environment.filters |= {"day": _day, "finding": finding_text, "percent": percent, "base64": base64_text}
    return environment.get_template("page.html")


def _tiles(work: WorkDone) -> Iterable[tuple[str, str]]:
    share = work.labelled / work.images if work.images else 0.0
    yield f"{work.labelled:,}", f"of {work.images:,} images labelled ({percent(share)})"
    yield f"{work.looked_at:,}", f"of {work.images:,} images seen"
    yield f"{work.decisions:,}", f"decisions for {work.judgements:,} judgements"
    yield f"{work.unread:,}", "labels given without reading each image"
    yield duration(work.active_s), f"of active time, pauses over {PAUSE_S // 60} min left out"


def _labels(report: Report) -> Iterable[tuple[str, ...]]:
    for work in report.work:
        for finding in work.findings:
            counts = (
                finding.present,
                finding.absent,
                finding.uncertain,
                work.images - finding.images,
                finding.one_by_one,
                finding.images - finding.one_by_one - finding.taken_over,
                finding.taken_over,
                report.bounded.get((finding.finding, work.reader), 0),
                finding.decisions,
            )
            yield finding_text(finding.finding), work.reader, *(f"{count:,}" for count in counts)


def _audit(audit: Audit) -> tuple[str, ...]:
    plan = audit.plan
    outcome = outcome_text(audit)
    if audit.state == "passed" and audit.stale:
        outcome = f"{outcome}; no longer holds: {stale_text(audit)}"
    return (
        str(audit.audit_id),
        finding_text(audit.finding),
        audit.title,
        f"{plan.sample:,} of {plan.units:,} {plan.unit}s, {plan.tolerated:,} errors tolerated, "
        f"error limit {100 * plan.error_limit:g} %, confidence {100 * plan.confidence:g} %",
        state_word(audit),
        outcome,
        covers_text(audit),
        f"{audit.reader}, {_day(audit.at)}",
    )


def _agreement(one: FindingAgreement) -> tuple[str, ...]:
    found = one.agreement
    kappa = "undefined" if found.kappa is None else f"{found.kappa:.2f}"
    if found.kappa is not None and found.interval is not None:
        kappa += " [{:.2f}, {:.2f}]".format(*found.interval)
    return (
        finding_text(one.finding),
        f"{one.first}, {one.second}",
        f"{found.images:,}",
        f"{one.in_bulk:,}",
        "" if found.observed is None else percent(found.observed),
        kappa,
        found.note,
    )


def _said(present: int, absent: int, uncertain: int) -> str:
    counts = ((present, "present"), (absent, "absent"), (uncertain, "uncertain"))
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)


def _day(at: str) -> str:
    """ "2026-01-31T14:05:09Z" -> "2026-01-31 14:05 UTC"."""
    return f"{at[:10]} {at[11:16]} UTC"


def duration(seconds: int) -> str:
    """ "48 s", "12 min", "2 h 05 min"."""
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
