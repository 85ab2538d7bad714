"""The command `suspects`: which labels of a finding do not go with the others."""

from __future__ import annotations

import argparse
import csv
import io
import json
from pathlib import Path

from cxr_explorer.cli.arguments import DONE, Command, add_json
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.project.label_columns import finding_of
from cxr_explorer.project.project import Project
from cxr_explorer.project.readers.agreement import known_findings
from cxr_explorer.suggesting import DoubtedLabels, Suggester
from cxr_explorer.tables.cells import harmless

COLUMNS = ("rank", "file", "finding", "reader", "label", "confidence")


def add_commands(command: Command) -> None:
    """Adds `suspects` to the parser."""
    suspects = command("suspects", _suspects, "List the labels of a finding that are suspect, the most suspect first.")
    suspects.add_argument("--project", type=Path, required=True, metavar="FILE")
    suspects.add_argument("--finding", required=True, metavar="NAME")
    suspects.add_argument("--reader", default="reader 1", help="whose labels (default: reader 1)")
    suspects.add_argument("--out", type=Path, required=True, metavar="CSV", help="write them there")
    add_json(suspects)


def _suspects(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        finding = finding_of(project, chosen.finding, known_findings(project))
        found = Suggester(project).doubt(finding, chosen.reader, chosen.reader)
        paths = project.paths()
    if found.reason:
        raise UserError(f"{finding}, {chosen.reader}: {found.reason}")
    files = [paths[image_id] for image_id in found.image_ids.tolist()]
    with atomic_write(chosen.out) as stream:
        stream.write(_table(found, files).encode("utf-8"))
    if chosen.json:
        print(
            json.dumps(
                {
                    "finding": finding,
                    "reader": chosen.reader,
                    "present": found.present,
                    "absent": found.absent,
                    "absent_by_silence": found.by_silence,
                    "doubted": len(files),
                    "judged": found.judged,
                    "set_aside": found.set_aside,
                    "expected_wrong": round(found.expected_wrong, 1),
                    "out": str(chosen.out),
                }
            )
        )
        return DONE
    print(found.in_words())
    print(
        f"About {found.expected_wrong:,.0f} labels are wrong by the labels themselves: a rough estimate, no evidence."
    )
    print(f"The program doubts these; you decide. Written to {chosen.out}")
    return DONE


def _table(found: DoubtedLabels, files: list[str]) -> str:
    """A row a doubted label; `confidence`, the probability of the label, is an order and no figure."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for place, (file, label) in enumerate(zip(files, found.words(), strict=True)):
        confidence = f"{found.confidence[place]:.4f}"
        rows.writerow([place + 1, harmless(file), harmless(found.finding), harmless(found.whose), label, confidence])
    return text.getvalue()
