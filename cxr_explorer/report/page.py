"""The report as one HTML file: no script, nothing fetched, pictures inside; it prints as it looks."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from cxr_explorer.labels.confounders import Confounder, percent
from cxr_explorer.labels.texts import finding_text
from cxr_explorer.project.audits.bounds import covers_text, outcome_text, stale_text, state_word
from cxr_explorer.project.audits.records import Audit
from cxr_explorer.project.readers.agreement import FindingAgreement
from cxr_explorer.report.progress import PAUSE_S, ClusterProgress, FindingProgress, WorkDone


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

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #161a1f; background: #fff;
  max-width: 1100px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 27px; margin: 0 0 2px; } h2 { font-size: 20px; margin: 40px 0 10px; padding-top: 12px;
  border-top: 1px solid #c3cad3; } h3 { font-size: 16px; margin: 22px 0 6px; }
p { max-width: 76ch; } .dim { color: #57616d; } .notice { border-left: 4px solid #8a5a00; padding: 6px 12px; }
table { border-collapse: collapse; margin: 8px 0 16px; } th, td { padding: 4px 14px 4px 0; text-align: left;
  vertical-align: top; border-bottom: 1px solid #e2e6eb; } th { color: #57616d; font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.tiles { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 10px; margin: 14px 0; }
.tile { border: 1px solid #c3cad3;
  border-radius: 6px; padding: 8px 14px; } .tile b { display: block; font-size: 22px; }
.maps { display: flex; flex-wrap: wrap; gap: 18px; } figure { margin: 0; } .maps figure { width: 340px; }
figure img { display: block; max-width: 100%; border: 1px solid #e2e6eb; } figcaption { margin: 4px 0 14px; }
.cluster { margin: 18px 0; } .cluster h3 { margin-bottom: 2px; } .cluster img { max-width: 100%; border: 0; }
.swatch { display: inline-block; width: 13px; height: 13px; border-radius: 50%; margin-right: 7px;
  vertical-align: -1px; border: 1px solid #57616d; } .warn { color: #7a4f00; } .files { font-size: 12px; }
.key { display: inline-flex; align-items: center; gap: 6px; margin-right: 16px; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } h2 { break-after: avoid; }
  .cluster, figure, tr, .tile { break-inside: avoid; } h1 { font-size: 20px; } h2 { font-size: 15px; }
  figure img { max-height: 125mm; width: auto; }
  .maps figure { width: 31%; } .maps img { width: 100%; } .tile b { font-size: 15px; } }
@page { margin: 14mm; }
"""


def render(report: Report) -> str:
    """The whole file."""
    parts = [
        *_head(report),
        *_summary(report),
        *_map(report),
        *_labels(report),
        *_audits(report),
        *_agreement(report),
        *_clusters(report),
        *_provenance(report),
        "</body></html>",
    ]
    return "\n".join(parts)


def _head(report: Report) -> Iterable[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    # Nothing is fetched and nothing runs, whatever a name in the project might hold.
    yield (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
    )
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Labelling report</title><style>{_STYLE}</style></head><body>"
    yield "<h1>Labelling report</h1>"
    yield f'<p class="dim">{escape(_day(report.made))}, CXR Explorer {escape(report.version)}</p>'
    yield f'<p class="notice">{escape(NOTICE)}</p>'


def _summary(report: Report) -> Iterable[str]:
    if not report.work:
        yield f"<p>{report.counts[0][1]:,} images. Nobody has labelled any of them yet.</p>"
    for work in report.work:
        if len(report.work) > 1:
            yield f"<h3>{escape(work.reader)}</h3>"
        yield '<div class="tiles">'
        share = work.labelled / work.images if work.images else 0.0
        for number, text in (
            (f"{work.labelled:,}", f"of {work.images:,} images labelled ({percent(share)})"),
            (f"{work.looked_at:,}", f"of {work.images:,} images seen"),
            (f"{work.decisions:,}", f"decisions for {work.judgements:,} judgements"),
            (f"{work.unread:,}", "labels given without reading each image"),
            (duration(work.active_s), f"of active time, pauses over {PAUSE_S // 60} min left out"),
        ):
            yield f'<div class="tile"><b>{escape(number)}</b>{escape(text)}</div>'
        yield "</div>"
    yield (
        '<p class="dim">Seen: judged one by one, read in an audit, opened full size, or shown on a contact sheet. A '
        "decision is one act of the reader; a judgement is one finding on one image, as it stands now.</p>"
    )


def _map(report: Report) -> Iterable[str]:
    if report.cluster_map is None:
        return
    clusters = sum(one.progress.cluster >= 0 for one in report.clusters)
    yield "<h2>Map</h2><figure>"
    yield _image(report.cluster_map, "png", f"Map of all images, {clusters} clusters, each with its number", 720)
    yield (
        f"<figcaption>Each point is an image; similar images are placed close together. "
        f"{clusters} clusters with their numbers; small "
        "grey points are in none.</figcaption></figure>"
    )


def _labels(report: Report) -> Iterable[str]:
    rows = []
    for work in report.work:
        for finding in work.findings:
            in_bulk = finding.images - finding.one_by_one - finding.taken_over
            rows.append(
                [
                    finding_text(finding.finding),
                    work.reader,
                    *(
                        f"{count:,}"
                        for count in (
                            finding.present,
                            finding.absent,
                            finding.uncertain,
                            work.images - finding.images,
                            finding.one_by_one,
                            in_bulk,
                            finding.taken_over,
                            report.bounded.get((finding.finding, work.reader), 0),
                            finding.decisions,
                        )
                    ),
                ]
            )
    if not rows:
        return
    yield "<h2>Labels</h2>"
    header = ["Finding", "Reader", "Present", "Absent", "Uncertain", "Not read", "One by one", "In bulk", "Taken over"]
    yield _table([*header, "Under a bound", "Decisions"], rows, numbers_from=2)
    yield (
        '<p class="dim">Taken over: from a table or another project. Under a bound: covered by an audit whose bound '
        "holds, see below.</p>"
    )
    if not report.finding_maps:
        return
    present, absent, uncertain = report.colours
    yield "<p>"
    for name, mark in (
        ("present", f'<circle cx="8" cy="8" r="6" fill="{present}"/>'),
        ("absent", f'<circle cx="8" cy="8" r="5" fill="none" stroke="{absent}" stroke-width="3"/>'),
        ("uncertain", f'<path d="M3 3L13 13M13 3L3 13" stroke="{uncertain}" stroke-width="3"/>'),
        ("not read", '<circle cx="8" cy="8" r="2.5" fill="#8a919b"/>'),
    ):
        yield f'<span class="key"><svg width="16" height="16" aria-hidden="true">{mark}</svg>{name}</span>'
    yield '</p><div class="maps">'
    for one in report.finding_maps:
        name = finding_text(one.progress.finding)
        whose = f" ({one.reader})" if len(report.work) > 1 else ""
        said = f"{one.progress.present:,} present, {one.progress.absent:,} absent, {one.progress.uncertain:,} uncertain"
        yield f"<figure>{_image(one.picture, 'png', f'Map by label of {name}{whose}: {said}', 340)}"
        yield f"<figcaption><b>{escape(name)}</b>{escape(whose)}: {said}</figcaption></figure>"
    yield "</div>"


def _audits(report: Report) -> Iterable[str]:
    yield "<h2>Audits</h2>"
    if not report.audits:
        yield "<p>No random audit was made: nothing is known of how many labels given in bulk are wrong.</p>"
        return
    rows = []
    for audit in report.audits:
        plan = audit.plan
        outcome = outcome_text(audit)
        if audit.state == "passed" and audit.stale:
            outcome = f"{outcome}; no longer holds: {stale_text(audit)}"
        rows.append(
            [
                str(audit.audit_id),
                finding_text(audit.finding),
                audit.title,
                f"{plan.sample:,} of {plan.units:,} {plan.unit}s, {plan.tolerated:,} errors tolerated, "
                f"error limit {100 * plan.error_limit:g} %, confidence {100 * plan.confidence:g} %",
                state_word(audit),
                outcome,
                covers_text(audit),
                f"{audit.reader}, {_day(audit.at)}",
            ]
        )
    yield _table(["", "Finding", "Of", "Plan", "State", "Outcome", "What it covers", "Reader, begun"], rows)
    yield (
        '<p class="dim">The plan was fixed and the sample drawn at random before anybody looked. All audits are '
        "listed, whatever came of them. Images read because they looked odd are no part of them.</p>"
    )


def _agreement(report: Report) -> Iterable[str]:
    if not report.agreement:
        return
    yield "<h2>Agreement</h2>"
    rows = []
    for one in report.agreement:
        found = one.agreement
        kappa = "undefined" if found.kappa is None else f"{found.kappa:.2f}"
        if found.kappa is not None and found.interval is not None:
            kappa += " [{:.2f}, {:.2f}]".format(*found.interval)
        same = "" if found.observed is None else percent(found.observed)
        rows.append(
            [
                finding_text(one.finding),
                f"{one.first}, {one.second}",
                f"{found.images:,}",
                f"{one.in_bulk:,}",
                same,
                kappa,
                found.note,
            ]
        )
    yield _table(["Finding", "Readers", "Images", "Of these in bulk", "Same answer", "Kappa [95 %]", ""], rows)
    yield (
        '<p class="dim">Cohen\'s kappa on the images both judged. Those that one of them labelled together with others '
        "say little about reading.</p>"
    )


def _clusters(report: Report) -> Iterable[str]:
    if not report.clusters:
        return
    yield "<h2>Clusters</h2>"
    if len(report.work) > 1:
        yield f'<p class="dim">Labels of {escape(report.work[0].reader)}.</p>'
    if report.images:
        yield '<p class="dim">Of each cluster its most typical images, then those at its edge.</p>'
    for cluster in report.clusters:
        progress = cluster.progress
        yield f'<div class="cluster"><h3><span class="swatch" style="background:{cluster.colour}"></span>'
        yield f"{escape(cluster.title)}</h3>"
        share = percent(progress.labelled / progress.images) if progress.images else "0 %"
        done = f"{progress.labelled:,} labelled ({share}), {progress.looked_at:,} seen"
        yield f"<div>{_images(progress.images)}, {done}</div>"
        if progress.barely_seen:
            yield '<div class="warn">⚠ Labelled with hardly any of its images seen</div>'
        for finding, present, absent, uncertain in cluster.labels:
            counts = ((present, "present"), (absent, "absent"), (uncertain, "uncertain"))
            said = ", ".join(f"{count:,} {word}" for count, word in counts if count)
            yield f"<div>{escape(finding_text(finding))}: {said}</div>"
        for one in cluster.confounders:
            yield f'<div class="warn">⚠ {escape(one.sentence(cluster.title))}</div>'
        if cluster.montage is not None:
            yield _image(cluster.montage, "jpeg", f"Images of {cluster.title}")
        if cluster.files:
            yield f'<div class="files dim">{escape(", ".join(cluster.files))}</div>'
        yield "</div>"


def _provenance(report: Report) -> Iterable[str]:
    yield "<h2>Provenance</h2>"
    counts = [(f"{name[0].upper()}{name[1:]}", f"{count:,}") for name, count in report.counts]
    yield _table(["", ""], [list(entry) for entry in (*report.provenance, *counts)])
    yield f"<h2>Limits</h2><p>{escape(LIMITS)}</p><p>{escape(NOTICE)}</p>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers_from: int | None = None) -> str:
    def cells(tag: str, texts: Sequence[str]) -> str:
        made = []
        for place, text in enumerate(texts):
            kind = ' class="n"' if numbers_from is not None and place >= numbers_from else ""
            made.append(f"<{tag}{kind}>{escape(text)}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    head = f"<thead>{cells('th', header)}</thead>" if any(header) else ""
    return f"<table>{head}<tbody>{''.join(cells('td', row) for row in rows)}</tbody></table>"


def _image(content: bytes, kind: str, alt: str, width_px: int | None = None) -> str:
    width = f' width="{width_px}"' if width_px is not None else ""
    return f'<img{width} alt="{escape(alt)}" src="data:image/{kind};base64,{base64.b64encode(content).decode()}">'


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"


def _day(at: str) -> str:
    """ "2026-01-31T14:05:09Z" -> "2026-01-31 14:05 UTC"."""
    return f"{at[:10]} {at[11:16]} UTC"


def duration(seconds: int) -> str:
    """ "48 s", "12 min", "2 h 05 min"."""
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
