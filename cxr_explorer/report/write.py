"""A report on a project: what was labelled, how, by whom, how sure; one HTML file to keep or to attach to a paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from cxr_explorer import __version__
from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.encoder.checkpoint import encoder_with_key
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.labels.confounders import code_facts, find_confounders
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.reader_names import ordinary, reread_name
from cxr_explorer.project.audits.bounds import label_bounds
from cxr_explorer.project.audits.records import audit_records
from cxr_explorer.project.earlier_layout import neighbours_recall
from cxr_explorer.project.facts import stored_facts
from cxr_explorer.project.image_rows import FOLDER
from cxr_explorer.project.label_columns import label_column
from cxr_explorer.project.partition_rows import OF_MAP
from cxr_explorer.project.project import AtlasMap, Ids, Project, now
from cxr_explorer.project.readers.agreement import FindingAgreement, compare_pair, reader_names
from cxr_explorer.report.page import FindingMap, Report, ReportedCluster, render
from cxr_explorer.report.pictures import Mark, draw_map, draw_montage
from cxr_explorer.report.progress import WorkDone, count_work

TYPICAL, EDGE = 8, 4
"""Thumbnails of a cluster: its most typical ones, and those at its edge."""

NOT_READ = "#c9ced6"
MARKS: tuple[tuple[Value, Mark], ...] = ((Value.UNCERTAIN, "cross"), (Value.ABSENT, "ring"), (Value.PRESENT, "disc"))


@dataclass(frozen=True)
class Choices:
    """What the report may show.

    Attributes:
        images: Whether thumbnails are in it. They can show text that is burned into the pictures.
        file_names: Whether folder and file names are in it.
        reader: Whose work; None for every reader.
    """

    images: bool = True
    file_names: bool = False
    reader: str | None = None


@dataclass(frozen=True)
class Written:
    """What was written."""

    images: int
    labelled: int
    clusters: int
    audits: int
    bytes: int


def write_report(path: Path, out: Path, shades: Sequence[str], choices: Choices) -> Iterator[str | Written]:
    """Gathers, draws and writes; yields what it is doing, then `Written`. For a child process, or a command.

    Args:
        path: The project file.
        out: The HTML file; an existing one is replaced once the new one is complete.
        shades: Colours of clusters and labels on white, "#RRGGBB", as the window has them.
        choices: What may be shown.

    Raises:
        UserError: The project cannot be read or the place cannot be written.
    """
    yield "Counting"
    with Project.open_read_only(path) as project:
        known = reader_names(project)
        names = [choices.reader] if choices.reader is not None else ordinary(known)
        if choices.reader is not None and choices.reader not in known:
            raise UserError(f"{choices.reader} has no labels here. The readers are: {', '.join(known) or 'none yet'}.")
        atlas_map = project.latest_map()
        work = tuple(count_work(project, name, atlas_map) for name in names)
        yield "Drawing the maps"
        report = Report(
            made=now(),
            version=__version__,
            work=work,
            counts=_counts(project),
            cluster_map=draw_clusters(atlas_map, shades) if atlas_map is not None else None,
            finding_maps=_finding_maps(project, atlas_map, work, shades),
            clusters=_clusters(project, atlas_map, work, shades, choices) if atlas_map is not None else (),
            agreement=_agreement(project, names),
            audits=tuple(audit for audit in audit_records(project) if audit.reader in names),
            provenance=_provenance(project, atlas_map, choices),
            colours=(shades[0], shades[1], shades[2]),
            images=choices.images,
            bounded=_bounded(project, names),
        )
    yield "Writing"
    html = render(report).encode()
    with atomic_write(out) as stream:
        stream.write(html)
    yield Written(
        report.counts[0][1],
        max((one.labelled for one in work), default=0),
        sum(one.progress.cluster >= 0 for one in report.clusters),
        len(report.audits),
        len(html),
    )


def _counts(project: Project) -> tuple[tuple[str, int], ...]:
    row = project.db.execute(
        """SELECT count(*) FILTER (WHERE NOT missing AND reason IS NULL),
                  count(*) FILTER (WHERE NOT missing AND reason IS NOT NULL),
                  count(*) FILTER (WHERE missing),
                  count(*) FILTER (WHERE excluded AND NOT missing),
                  count(*) FILTER (WHERE replaced AND NOT missing)
           FROM images"""
    ).fetchone()
    names = (
        "images",
        "files that could not be read",
        "files no longer in the folder",
        "images set aside from bulk labels",
        "labelled files whose content changed since",
    )
    return tuple(zip(names, (int(count) for count in row), strict=True))


def _cluster_colour(atlas_map: AtlasMap, cluster: int, shades: Sequence[str]) -> str:
    return shades[atlas_map.identity(cluster) % len(shades)] if cluster >= 0 else NOT_READ


def draw_clusters(atlas_map: AtlasMap, shades: Sequence[str]) -> bytes:
    """The map with its clusters and their numbers, on white. A PNG file; `shades` as in `write_report`."""
    layers: list[tuple[Ids, str, Mark]] = [(np.flatnonzero(atlas_map.clusters < 0), NOT_READ, "dot")]
    names = []
    for cluster, group in enumerate(atlas_map.groups):
        rows = np.flatnonzero(atlas_map.clusters == cluster)
        layers.append((rows, _cluster_colour(atlas_map, cluster, shades), "disc"))
        x, y = np.median(atlas_map.xy[rows], axis=0)
        names.append((float(x), float(y), group.name or str(group.identity + 1)))
    return draw_map(atlas_map.xy, layers, names)


def _finding_maps(
    project: Project, atlas_map: AtlasMap | None, work: Sequence[WorkDone], shades: Sequence[str]
) -> tuple[FindingMap, ...]:
    if atlas_map is None:
        return ()
    colour = {Value.PRESENT: shades[0], Value.ABSENT: shades[1], Value.UNCERTAIN: shades[2]}
    maps = []
    for one in work:
        for finding in one.findings:
            column = label_column(project, finding.finding, one.reader)
            layers: list[tuple[Ids, str, Mark]] = [
                (np.flatnonzero(~np.isin(atlas_map.image_ids, column.image_ids)), NOT_READ, "dot")
            ]
            for value, mark in MARKS:
                rows = np.flatnonzero(np.isin(atlas_map.image_ids, column.image_ids[column.values == value]))
                layers.append((rows, colour[value], mark))
            maps.append(FindingMap(one.reader, finding, draw_map(atlas_map.xy, layers, size_px=480)))
    return tuple(maps)


def _agreement(project: Project, names: Sequence[str]) -> tuple[FindingAgreement, ...]:
    second = [reread_name(name) for name in names]
    pairs = [*combinations(names, 2), *zip(names, second, strict=True)]
    known = set(reader_names(project))
    found = [one for pair in pairs if known.issuperset(pair) for one in compare_pair(project, *pair)]
    return tuple(one for one in found if one.agreement.images)


def _bounded(project: Project, names: Sequence[str]) -> dict[tuple[str, str], int]:
    """Number of labels by finding and reader that an audit's bound covers and that still are as it covers them."""
    return {
        lot: sum(bound.state == "valid" and bound.audit is not None for bound in bounds.values())
        for lot, bounds in label_bounds(project).items()
        if lot[1] in names
    }


def _clusters(
    project: Project, atlas_map: AtlasMap, work: Sequence[WorkDone], shades: Sequence[str], choices: Choices
) -> tuple[ReportedCluster, ...]:
    facts = project.facts()
    if not choices.file_names:
        facts = facts.without(FOLDER)
    columns = code_facts(atlas_map.image_ids, facts)
    # Not shown: what was set aside, and what the file says has text burned in, which may name a patient.
    burned_in = facts.column("burned-in annotation", facts.image_ids)
    yes = [code for code, value in enumerate(burned_in.values) if value == "YES"]
    hidden = np.union1d(project.excluded_ids(), facts.image_ids[np.isin(burned_in.codes, yes)])
    paths = project.paths() if choices.file_names else {}
    first = work[0] if work else count_work(project, "", atlas_map)
    labels = {finding.finding: label_column(project, finding.finding, first.reader) for finding in first.findings}
    found = []
    for progress in first.clusters:
        rows = np.flatnonzero(atlas_map.clusters == progress.cluster)
        ids = atlas_map.image_ids[rows]
        counted: list[tuple[str, int, int, int]] = []
        for finding, column in labels.items():
            values = column.values[np.isin(column.image_ids, ids)]
            if values.size:
                present, absent, uncertain = (int((values == value).sum()) for value in (1, 0, -1))
                counted.append((finding, present, absent, uncertain))
        shown = _shown(rows, atlas_map, hidden)
        montage = None
        if choices.images:
            montage = draw_montage(shown, project.thumbnails(shown.tolist()), TYPICAL + EDGE)
        confounders = find_confounders(columns, rows)
        found.append(
            ReportedCluster(
                title=atlas_map.cluster_name(progress.cluster),
                colour=_cluster_colour(atlas_map, progress.cluster, shades),
                progress=progress,
                labels=tuple(sorted(counted, key=lambda entry: -sum(entry[1:]))),
                confounders=tuple(one for one in confounders if one.stands_out),
                montage=montage,
                files=tuple(paths[image_id] for image_id in shown.tolist()) if choices.file_names else (),
            )
        )
    return tuple(found)


def _shown(rows: Ids, atlas_map: AtlasMap, hidden: Ids) -> Ids:
    """Ids of the images that stand for a cluster: typical ones, then those at its edge."""
    rows = rows[~np.isin(atlas_map.image_ids[rows], hidden)]
    order = rows[np.argsort(-atlas_map.typicality[rows], kind="stable")]
    typical = order[:TYPICAL]
    edge = order[max(len(order) - EDGE, TYPICAL) :][::-1]
    shown: Ids = atlas_map.image_ids[np.concatenate([typical, edge])]
    return shown


def _divided(project: Project, atlas_map: AtlasMap) -> str:
    row = project.db.execute("SELECT how FROM partitions WHERE id = ?", [atlas_map.partition_id]).fetchone()
    return "; then cut, split or merged by a reader" if row is not None and row[0] != OF_MAP else ""


def _recall_text(project: Project) -> str:
    recall = neighbours_recall(project)
    return f"; {recall:.1%} of the nearest images found, on a sample compared with all" if recall < 1 else ""


def _provenance(project: Project, atlas_map: AtlasMap | None, choices: Choices) -> tuple[tuple[str, str], ...]:
    entries = [("Program", f"CXR Explorer {__version__}")]
    if atlas_map is not None:
        row = project.db.execute("SELECT name FROM encoders WHERE key = ?", [atlas_map.encoder_key]).fetchone()
        known = encoder_with_key(atlas_map.encoder_key)
        title = known.title if known is not None else str(row[0])
        parameters = MapParameters.from_dict(atlas_map.parameters)
        entries += [
            ("Encoder", f"{title} ({atlas_map.encoder_key})"),
            (
                "Layout",
                f"UMAP, {parameters.layout.n_neighbours} neighbours, smallest distance {parameters.layout.min_dist:g}, "
                f"seed {parameters.layout.seed}{_recall_text(project)}",
            ),
            (
                "Clusters",
                f"HDBSCAN, smallest cluster {parameters.clusters.min_cluster_size or 'automatic'}, samples "
                f"{parameters.clusters.min_samples}{_divided(project, atlas_map)}",
            ),
            ("Map made", f"{atlas_map.created} of {len(atlas_map.image_ids):,} images"),
        ]
    imported = stored_facts(project)
    patients = project.db.execute("SELECT count(DISTINCT value) FROM metadata WHERE name = 'patient'").fetchone()[0]
    entries += [
        ("Project begun", project.get("created")),
        ("Findings", f"{project.vocabulary.name}: {', '.join(project.vocabulary.findings)}"),
        ("Labels kept under", ", ".join(reader_names(project)) or "no name yet"),
        ("Patients", f"{patients:,}, known of {imported['patient']:,} images" if patients else "not known"),
    ]
    facts = [f"{name} ({count:,} images)" for name, count in imported.items() if name not in ("patient", "study")]
    if facts:
        entries.append(("Facts from a table", ", ".join(facts)))
    if choices.file_names:
        entries.append(("Folder", str(project.folder)))
    return tuple(entries)
