"""`label`, `export` and `import`: labels of clusters and of tables."""

from __future__ import annotations

import argparse
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import numpy as np

from cxr_explorer.cli.arguments import DONE, Command, add_json, finding_of, latest_map
from cxr_explorer.cli.progress_line import ProgressLine
from cxr_explorer.cli.readers import add_whose, check_known_reader, export_report
from cxr_explorer.errors import UserError
from cxr_explorer.exchange.form import Wanted
from cxr_explorer.exchange.forms import FORMS, exported
from cxr_explorer.labels.consensus import Rule
from cxr_explorer.labels.label import Judgement
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.labels.texts import VALUES_BY_WORD
from cxr_explorer.pace import Progress
from cxr_explorer.project import contradictions, importing, labelling
from cxr_explorer.project.notes import notes_text
from cxr_explorer.project.partitions import cluster_of
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.project.readers.agreement import known_findings
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.matching import match_files
from cxr_explorer.tables.read import reading_labels

_Read = TypeVar("_Read")


def add_commands(command: Command) -> None:
    label = command("label", _label, "Label a whole cluster of the newest map.")
    label.add_argument("project", type=Path)
    label.add_argument("finding")
    label.add_argument("value", choices=list(VALUES_BY_WORD))
    label.add_argument("--cluster", required=True, help="number or name as in the window; 0 is unclustered")
    label.add_argument("--except", dest="odd", nargs="+", metavar="FILE", default=[], help="files to leave as they are")
    label.add_argument("--reader", default="reader 1")
    add_json(label)

    export = command("export", _export, "Write the labels of a project as a table, as JSON, or as a data set.")
    export.add_argument("project", type=Path)
    export.add_argument("out", type=Path, help="the file; of a data set the folder, which must not be there yet")
    export.add_argument(
        "--format",
        choices=[form.name for form in FORMS],
        default="long",
        help="; ".join(f"{form.name}: {form.title}" for form in FORMS),
    )
    export.add_argument(
        "--without-notes", action="store_true", help="leave out what readers wrote, which may name people"
    )
    export.add_argument(
        "--file-names", action="store_true", help="of a data set: also name the files the images were made from"
    )
    export.add_argument(
        "--split-by", metavar="FACT", default="", help="of a data set: the fact that says which part an image is in"
    )
    export.add_argument(
        "--with-patients", action="store_true", help="name the patients in DICOM structured reports, as archives want"
    )
    add_whose(export)
    add_json(export)

    imported = command("import", _import, "Take labels from a CSV, a Parquet table or Label Studio's JSON.")
    imported.add_argument("project", type=Path)
    imported.add_argument("table", type=Path)
    imported.add_argument("--reader", default="imported", help="whose labels they are where the table does not say")
    imported.add_argument("--dry-run", action="store_true", help="only say what would be taken")
    add_json(imported)


def _label(chosen: argparse.Namespace) -> int:
    with Project.open(chosen.project) as project:
        finding = finding_of(project, chosen.finding)
        reader = check_reader(chosen.reader)
        latest = latest_map(project)
        cluster = cluster_of(latest, chosen.cluster)
        ids = latest.image_ids[latest.clusters == cluster]
        if not ids.size:
            raise UserError("The map has no unclustered images.")
        value = VALUES_BY_WORD[chosen.value]
        odd = _ids_of(project, chosen.odd)
        if not np.isin(odd, ids).all():
            raise UserError(
                f"Some files after --except are not in {latest.cluster_name(cluster)}. Name only files of it."
            )
        plan = labelling.plan_label(project, np.setdiff1d(ids, odd), finding, value, reader)
        judgement = Judgement(finding, value, reader, "cluster", latest.identity(cluster), latest.map_id)
        change = labelling.label_except(project, ids, odd, judgement)
        against = contradictions.of_last_act(project) if change is not None else None
    text = change.text if change is not None else "Nothing changed: these images carry this label already."
    if chosen.json:
        print(json.dumps({**asdict(plan), "contradicting": against.images if against is not None else 0}))
        return DONE
    print(text)
    if against is not None:
        print(f"{against.in_words()} Open the project in the window: it offers to settle this.")
    return DONE


def _ids_of(project: Project, files: Sequence[str]) -> Ids:
    """Ids of files that are named by their paths in the image folder."""
    known = {path: image_id for image_id, path in project.paths().items()} if files else {}
    unknown = [file for file in files if file not in known]
    if unknown:
        raise UserError(f"{unknown[0]} is not in the project. Name files by their paths in {project.folder}.")
    return np.array([known[file] for file in files], np.int64)


def _export(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        reader = None if chosen.reader is None else check_known_reader(project, chosen.reader)
    rule: Rule | None = "majority" if chosen.majority else "adjudicated" if chosen.adjudicated else None
    wanted = Wanted(reader, rule, not chosen.without_notes, chosen.file_names, chosen.split_by, chosen.with_patients)
    report = _watched(_report_of(exported(chosen.project, chosen.out, chosen.format, wanted)), f"Writing {chosen.out}")
    if chosen.json:
        print(json.dumps({**asdict(report), "left_out": report.left_out}))
    else:
        notes = f" and {notes_text(report.notes)}" if report.notes else ""
        print(f"{report.labels:,} labels{notes} on {report.images:,} images written to {chosen.out}")
        if report.left_out:
            print(f"{report.left_out:,} labels have no place in this form; --format long keeps everything")
        for line in (*export_report(report), *report.remarks):
            print(line)
    return DONE


def _report_of(steps: Iterator[float | WriteReport]) -> Generator[float, None, WriteReport]:
    """Passes on the shares that are done, and ends with the report."""
    for step in steps:
        if isinstance(step, WriteReport):
            return step
        yield step
    raise AssertionError("an export ends with its report")


def _import(chosen: argparse.Namespace) -> int:
    with (Project.open_read_only if chosen.dry_run else Project.open)(chosen.project) as project:
        vocabulary = project.vocabulary
        reading = reading_labels(chosen.table, known_findings(project), vocabulary)
        table = _watched(reading, f"Reading {chosen.table.name}")
        matching = match_files(table.files, project.paths().values())
        rows = importing.rows_to_import(table, matching, check_reader(chosen.reader), vocabulary)
        change = None if chosen.dry_run else importing.import_labels(project, rows, rows.reader, rows.noted())
    problems = [*table.problems, *rows.problems]
    summary = {
        "format": table.format,
        "labels": len(rows),
        "notes": len(rows.notes),
        "matched": len(matching.matched),
        "unmatched": len(matching.unmatched),
        "ambiguous": len(matching.ambiguous),
        "contradicting": table.contradicting + rows.contradicting,
        "findings": list(table.findings),
        "new_findings": list(table.new_findings),
        "problems": problems,
        "imported": change.text if change is not None else None,
    }
    if chosen.json:
        print(json.dumps(summary))
        return DONE
    notes = f" and {notes_text(len(rows.notes))}" if rows.notes else ""
    print(f"{len(matching.matched):,} files matched, {len(matching.unmatched):,} not in the project, ", end="")
    print(f"{len(matching.ambiguous):,} ambiguous; {len(rows):,} labels{notes} ({table.format} form)")
    print(f"  Findings: {', '.join(table.findings) or 'none'}")
    if table.new_findings:
        print(f"  New, in no vocabulary that is known here: {', '.join(table.new_findings)}")
    for problem in problems[:10]:
        print(f"  {problem}")
    if len(problems) > 10:
        print(f"  … and {len(problems) - 10:,} more (--json lists all)")
    print(change.text if change is not None else "Nothing was changed.")
    return DONE


def _watched(reading: Generator[float, None, _Read], text: str) -> _Read:
    """Runs a generator to its end, with its share on a progress line."""
    line = ProgressLine()
    try:
        while True:
            line.show(Progress(text, round(100 * next(reading)), 100))
    except StopIteration as end:
        found: _Read = end.value
        return found
    finally:
        line.end()
