"""The command line's share of facts and of the report: `metadata` and `report`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from cxr_explorer.cli.arguments import Command, add_json
from cxr_explorer.colours import ON_PAPER
from cxr_explorer.errors import UserError
from cxr_explorer.project.facts import describe_plan, fact_rows, plan_facts, read_facts_of, store_facts
from cxr_explorer.project.project import Project
from cxr_explorer.report.write import Choices, Written, write_report
from cxr_explorer.tables.facts import describe_columns, propose_file_column, read_table


def add_commands(command: Command) -> None:
    """Adds `metadata` and `report` to the parser."""
    metadata = command("metadata", _metadata, "Take facts of images (view, sex, age, …) from a CSV of any columns.")
    metadata.add_argument("project", type=Path)
    metadata.add_argument("table", type=Path)
    metadata.add_argument("--file-column", metavar="COLUMN", help="names the image files (default: by its header)")
    metadata.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FACT=COLUMN",
        help="take a column as view, sex, age, maker, model, patient, study or a name of your own; patients and "
        "studies are kept as numbers, dates are not taken (default: what the headers say)",
    )
    metadata.add_argument("--dry-run", action="store_true", help="only say what would be taken")
    add_json(metadata)

    report = command("report", _report, "Write a report on a project: one HTML file, to keep or to attach to a paper.")
    report.add_argument("project", type=Path)
    report.add_argument("out", type=Path)
    report.add_argument("--reader", help="only this reader's work (default: every reader's)")
    report.add_argument("--no-images", action="store_true", help="leave the thumbnails out")
    report.add_argument(
        "--file-names", action="store_true", help="name folder and files, which may say who patients are"
    )
    add_json(report)


def _metadata(chosen: argparse.Namespace) -> int:
    table = read_table(chosen.table)
    file_column = chosen.file_column or propose_file_column(table)
    if not file_column:
        raise UserError(
            f"No column of {chosen.table} is known to name image files. Name it with --file-column; the columns are: "
            f"{', '.join(table.header)}."
        )
    mapping = {column.proposal: column.name for column in reversed(describe_columns(table)) if column.proposal}
    if chosen.map:
        mapping = {fact.strip(): column for fact, _, column in (entry.partition("=") for entry in chosen.map)}
    if not mapping:
        raise UserError(
            f"The headers of {chosen.table} name no known fact. Say with --map FACT=COLUMN what to take; the columns "
            f"are: {', '.join(table.header)}."
        )
    with Project.open(chosen.project) as project:
        matching, facts = read_facts_of(project, table, file_column, mapping)
        plans = plan_facts(project, facts)
        if not chosen.dry_run:
            store_facts(project, fact_rows(project, facts))
    if chosen.json:
        summary: dict[str, object] = {"matched": len(matching.matched), "unmatched": len(matching.unmatched)}
        summary |= {"ambiguous": len(matching.ambiguous), "problems": list(table.problems)}
        print(json.dumps({**summary, "facts": [asdict(plan) for plan in plans], "stored": not chosen.dry_run}))
        return 0
    for problem in table.problems:
        print(problem)
    print(f"{len(matching.matched):,} files matched, {len(matching.unmatched):,} not in the project, ", end="")
    print(f"{len(matching.ambiguous):,} ambiguous")
    for plan in plans:
        print(f"  {describe_plan(plan)}")
    print("Nothing was changed." if chosen.dry_run else "Stored. A table imported later replaces it.")
    return 0


def _report(chosen: argparse.Namespace) -> int:
    choices = Choices(images=not chosen.no_images, file_names=chosen.file_names, reader=chosen.reader)
    *_, written = write_report(chosen.project, chosen.out, ON_PAPER, choices)
    assert isinstance(written, Written)
    if chosen.json:
        print(json.dumps({**asdict(written), "out": str(chosen.out)}))
    else:
        print(f"Report on {written.images:,} images, {written.labelled:,} of them labelled, written to {chosen.out}")
    return 0
