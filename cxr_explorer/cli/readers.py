"""The command line's share of several readers: `agreement`, `merge`, and whose labels `export` writes."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from cxr_explorer.cli.arguments import Command, add_json, finding_of
from cxr_explorer.errors import UserError
from cxr_explorer.labels.agreement import ANSWERS
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.reader_names import check_reader, ordinary
from cxr_explorer.labels.texts import VALUE_WORDS, images_text
from cxr_explorer.project import label_columns
from cxr_explorer.project.project import Project
from cxr_explorer.project.readers.agreement import (
    FindingAgreement,
    compare_group,
    compare_pair,
    disagreements,
    known_findings,
    reader_names,
)
from cxr_explorer.project.readers.merging import MergePlan, merge, plan_merge
from cxr_explorer.tables.format import WriteReport

LISTED = 50
"""Lines of a list that are printed; --json has all."""


def add_commands(command: Command) -> None:
    """Adds `agreement` and `merge` to the parser."""
    agreement = command("agreement", _agreement, "Say how far readers agree, finding by finding.")
    agreement.add_argument("project", type=Path)
    agreement.add_argument("--finding", help="only this one, with the files on which they differ")
    agreement.add_argument("--readers", nargs="+", metavar="NAME", help="between whom (default: all readers)")
    add_json(agreement)

    merging = command("merge", _merge, "Import another reader's labels, from their project (.cxr) or a CSV.")
    merging.add_argument("project", type=Path)
    merging.add_argument("source", type=Path, help="their project file, or a label table as `import` takes it")
    merging.add_argument("--as", dest="name", metavar="NAME", help="keep their labels under this name")
    merging.add_argument("--reader", default="reader 1", help="who merges")
    merging.add_argument("--by-name", action="store_true", help="files of one name are one image, whatever is in them")
    merging.add_argument("--take-theirs", action="store_true", help="where one reader has two answers, theirs replaces")
    merging.add_argument("--dry-run", action="store_true", help="only say what would be taken")
    add_json(merging)


def add_whose(parser: argparse.ArgumentParser) -> None:
    """Adds to `export` whose labels it writes."""
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--reader", metavar="NAME", help="only this reader's labels")
    whose.add_argument("--majority", action="store_true", help="what more than half of the readers said")
    whose.add_argument(
        "--adjudicated", action="store_true", help="what was adjudicated, else what all readers said, else blank"
    )


def export_report(report: WriteReport) -> list[str]:
    """What a reader of the table must know of answers out of several readers', in lines."""
    lines = []
    if report.unresolved:
        lines.append(
            f"{report.unresolved:,} left blank: the readers differ and nothing decides (an image and finding counts 1)"
        )
    if report.one_reader:
        lines.append(f"{report.one_reader:,} of the answers rest on one reader alone")
    return lines


def check_known_reader(project: Project, name: str) -> str:
    """The name, if labels are kept under it. Raises UserError otherwise."""
    names = reader_names(project)
    if name not in names:
        raise UserError(f"There are no labels by {name} here. There are labels by: {', '.join(names) or 'nobody'}.")
    return name


def _agreement(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        if chosen.readers is not None:
            names = list(dict.fromkeys(check_known_reader(project, name) for name in chosen.readers))
        else:
            names = ordinary(reader_names(project))
        if len(names) < 2:
            raise UserError(
                f"Agreement needs two readers; there are labels by {', '.join(names) or 'nobody'}. "
                "Import another reader's labels with `cxr-explorer merge`."
            )
        only = finding_of(project, chosen.finding, known_findings(project)) if chosen.finding is not None else None
        pairs = [
            (found, _differing(project, found))
            for first, second in combinations(names, 2)
            for found in compare_pair(project, first, second)
            if only in (None, found.finding)
        ]
        group = [found for found in compare_group(project, names) if only in (None, found.finding)] if names[2:] else []
    if chosen.json:
        print(
            json.dumps(
                {
                    "readers": names,
                    "answers": [VALUE_WORDS[answer] for answer in ANSWERS],
                    "pairs": [_as_json(found, files) for found, files in pairs],
                    "all": [asdict(found) for found in group],
                }
            )
        )
        return 0
    if not pairs:
        print(f"{', '.join(names)} judged no finding on the same image.")
    for first, second in combinations(names, 2):
        own = [(found, files) for found, files in pairs if (found.first, found.second) == (first, second)]
        if own:
            print(f"{first} and {second}")
        for found, files in own:
            print(f"  {in_words(found)}")
            for file, one, other in files[:LISTED] if only is not None else ():
                print(f"    {file}: {one}, {other}")
            if only is not None and len(files) > LISTED:
                print(f"    … and {len(files) - LISTED:,} more (--json lists all)")
    for every in group:
        kappa = "undefined" if every.kappa is None else f"{every.kappa:.2f}"
        print(f"All {len(names)}: {every.finding}: Fleiss' kappa {kappa} on {images_text(every.images)}")
    return 0


def in_words(found: FindingAgreement) -> str:
    """One line: the finding, the images, the agreement, kappa and what to know of it."""
    numbers = found.agreement
    parts = [f"{found.finding}: {images_text(numbers.images)}"]
    if numbers.observed is not None:
        parts.append(f"{100 * numbers.observed:.1f} % the same")
    if numbers.kappa is not None:
        interval = "" if numbers.interval is None else "  [{:.2f} to {:.2f}]".format(*numbers.interval)
        parts.append(f"kappa {numbers.kappa:.2f}{interval}")
    parts.append(f"{numbers.disagreements:,} differ")
    if found.in_bulk:
        parts.append(f"{found.in_bulk:,} labelled in bulk")
    if numbers.note:
        parts.append(f"({numbers.note})")
    return ", ".join(parts)


def _differing(project: Project, found: FindingAgreement) -> list[tuple[str, str, str]]:
    """File and both answers, of the images on which the two differ."""
    paths = project.paths()
    ids = disagreements(project, found.finding, (found.first, found.second), settled=True)
    first, second = (label_columns.label_column(project, found.finding, name) for name in (found.first, found.second))
    return [(paths[image_id], _word(first, image_id), _word(second, image_id)) for image_id in ids.tolist()]


def _word(column: label_columns.LabelColumn, image_id: int) -> str:
    return VALUE_WORDS[Value(int(column.values[np.searchsorted(column.image_ids, image_id)]))]


def _as_json(found: FindingAgreement, files: list[tuple[str, str, str]]) -> dict[str, Any]:
    return {
        "finding": found.finding,
        "first": found.first,
        "second": found.second,
        **asdict(found.agreement),
        "in_bulk": found.in_bulk,
        "disagreements": [{"file": file, "first": one, "second": other} for file, one, other in files],
    }


def _merge(chosen: argparse.Namespace) -> int:
    with Project.open(chosen.project) as project:
        names = {} if chosen.name is None else _renamed(project, chosen.source, chosen.name, chosen.by_name)
        plan = plan_merge(project, chosen.source, names, chosen.by_name)
        reader = check_reader(chosen.reader)
        change = None if chosen.dry_run else merge(project, plan, reader, chosen.take_theirs)
    if chosen.json:
        print(json.dumps({**_counts(plan), "merged": change.text if change is not None else None}))
        return 0
    for line in merge_lines(plan):
        print(line)
    for conflict in plan.listed[:LISTED]:
        here, there = VALUE_WORDS[conflict.here], VALUE_WORDS[conflict.there]
        print(f"  {conflict.file}: {conflict.finding} by {conflict.reader} is {here} here, {there} there")
    print(change.text if change is not None else "Nothing was changed.")
    return 0


def _renamed(project: Project, source: Path, name: str, by_name: bool) -> dict[str, str]:
    """The one reader of the file -> the name for them."""
    provisional = plan_merge(project, source, {"": name}, by_name)
    readers = ordinary(reader.name for reader in provisional.readers)
    if len(readers) > 1:
        raise UserError(f"{source} has labels by {', '.join(readers)}: --as is for a file of one reader.")
    return dict.fromkeys(readers, name)


def merge_lines(plan: MergePlan) -> list[str]:
    """What a plan would do, in lines for a reader."""
    found = plan.matching
    lines = [
        f"{len(found.by_content):,} images found by content, {len(found.by_name):,} by name, "
        f"{len(found.unmatched):,} not in the project, {len(found.ambiguous):,} ambiguous"
    ]
    if found.other_content:
        done = "taken for the same image" if plan.by_name else "left out (--by-name takes them)"
        lines.append(f"{len(found.other_content):,} files have the name but not the content of one here: {done}")
    lines += [
        f"{reader.labels:,} labels by {reader.name or '(nobody named)'}"
        + (f", to be kept under {reader.comes_as}" if reader.comes_as != reader.name else "")
        for reader in plan.readers
    ]
    lines.append(f"{plan.new:,} labels are new, {plan.same:,} are here already, {plan.conflicts:,} contradict one here")
    if plan.notes:
        lines.append(f"{plan.new_notes:,} notes or flags are new, {plan.note_conflicts:,} differ from one here")
    return lines + list(plan.problems[:10])


def _counts(plan: MergePlan) -> dict[str, Any]:
    found = plan.matching
    return {
        "by_content": len(found.by_content),
        "by_name": len(found.by_name),
        "other_content": len(found.other_content),
        "unmatched": len(found.unmatched),
        "ambiguous": len(found.ambiguous),
        "readers": [asdict(reader) for reader in plan.readers],
        "new": plan.new,
        "same": plan.same,
        "conflicts": plan.conflicts,
        "new_notes": plan.new_notes,
        "note_conflicts": plan.note_conflicts,
        "listed": [
            {**asdict(conflict), "here": int(conflict.here), "there": int(conflict.there)} for conflict in plan.listed
        ],
        "problems": list(plan.problems),
    }
