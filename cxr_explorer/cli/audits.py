"""The command line's share of audits: plan one, start it, answer it from a table, list what became of all."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cxr_explorer.cli.arguments import Command, add_json, finding_of, latest_map
from cxr_explorer.errors import UserError
from cxr_explorer.labels.texts import VALUES_BY_WORD
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.bounds import covers_text, outcome_text, stale_text, state_word
from cxr_explorer.project.audits.lots import Lot, earlier_audits, lot_of, plan_lot, tolerable
from cxr_explorer.project.audits.records import Audit, audit_record, audit_records
from cxr_explorer.project.importing import rows_to_import
from cxr_explorer.project.partitions import cluster_of
from cxr_explorer.project.project import Project
from cxr_explorer.sampling.plan import Plan, fails_text
from cxr_explorer.tables.matching import match_files
from cxr_explorer.tables.read import read_labels


def add_commands(command: Command) -> None:
    """Adds `audit` to the parser."""
    audit = command(
        "audit",
        _audit,
        "Read a random sample of labels and bound the error of all of them: of a cluster, of every cluster, or of a "
        "finding. The sample is drawn and stored before anybody looks; what was started stays on record.",
    )
    audit.add_argument("project", type=Path)
    audit.add_argument("--finding", required=True, help="whose labels to audit")
    audit.add_argument("--value", choices=list(VALUES_BY_WORD), help="only labels of this value")
    which = audit.add_mutually_exclusive_group()
    which.add_argument("--cluster", help="number or name of a cluster (default: all labels of the finding)")
    which.add_argument("--every-cluster", action="store_true", help="an audit for each labelled cluster")
    audit.add_argument("--error-limit", type=float, default=0.05, metavar="SHARE", help="default: 0.05")
    audit.add_argument("--confidence", type=float, default=0.95, metavar="SHARE", help="default: 0.95")
    audit.add_argument("--tolerated", type=int, default=0, metavar="N", help="errors in the sample that still pass")
    audit.add_argument("--seed", type=int, help="of the sample (default: a new one; stored either way)")
    audit.add_argument("--reader", default="reader 1", help="whose labels, and who reads (default: reader 1)")
    do = audit.add_mutually_exclusive_group(required=True)
    do.add_argument("--plan", action="store_true", help="only say how many images would be read")
    do.add_argument("--start", action="store_true", help="draw the sample, store it, and list its files to be read")
    do.add_argument("--answers", type=Path, metavar="CSV", help="answer from a label table; starts what is not open")
    do.add_argument("--list", action="store_true", help="what became of the audits of the finding")
    do.add_argument("--abandon", type=int, metavar="AUDIT", help="give an open audit up; it stays on record")
    add_json(audit)


def _audit(chosen: argparse.Namespace) -> int:
    read_only = chosen.plan or chosen.list
    with (Project.open_read_only if read_only else Project.open)(chosen.project) as project:
        finding = finding_of(project, chosen.finding)
        if chosen.list:
            return _tell(chosen, [_outcome(audit) for audit in audit_records(project, finding, chosen.reader)])
        if chosen.abandon is not None:
            audit = _numbered(project, chosen.abandon)
            if audit.state != "open":
                raise UserError(f"Audit {audit.audit_id} is not open: it {outcome_text(audit)}.")
            conduct.abandon(project, audit)
            return _tell(chosen, [_outcome(_numbered(project, chosen.abandon))])
        lots = _lots(project, finding, chosen)
        if chosen.plan:
            return _tell(chosen, [_planned(project, lot, _plan(lot, chosen)) for lot in lots])
        started = [_open_audit(project, lot, chosen, anew=chosen.start) for lot in lots]
        if chosen.start:
            paths = project.paths()
            rows = [
                {**_outcome(audit), "files": [paths[image_id] for image_id in audit.sample.tolist()]}
                for audit in started
            ]
            return _tell(chosen, rows)
        _answer(project, started, chosen.answers)
        return _tell(chosen, [_outcome(_numbered(project, audit.audit_id)) for audit in started])


def _numbered(project: Project, audit_id: int) -> Audit:
    try:
        return audit_record(project, audit_id)
    except KeyError:
        raise UserError(f"There is no audit {audit_id} in {project.path}. --list names them.") from None


def _lots(project: Project, finding: str, chosen: argparse.Namespace) -> list[Lot]:
    value = VALUES_BY_WORD.get(chosen.value)
    if chosen.cluster is None and not chosen.every_cluster:
        lots = [lot_of(project, finding, chosen.reader, value=value)]
    else:
        latest = latest_map(project)
        every = range(len(latest.groups))
        numbers = every if chosen.every_cluster else [cluster_of(latest, chosen.cluster)]
        lots = [
            lot_of(
                project,
                finding,
                chosen.reader,
                latest.image_ids[latest.clusters == number],
                value,
                latest.cluster_name(number),
            )
            for number in numbers
        ]
    lots = [lot for lot in lots if len(lot.image_ids)]
    if not lots:
        raise UserError(f"There are no labels of {finding} by {chosen.reader} there. Label images first.")
    return lots


def _plan(lot: Lot, chosen: argparse.Namespace) -> Plan:
    return plan_lot(lot, chosen.error_limit, chosen.confidence, _tolerated(lot, chosen))


def _tolerated(lot: Lot, chosen: argparse.Namespace) -> int:
    """As asked for; of many clusters the small ones tolerate what they can."""
    wanted: int = chosen.tolerated
    return tolerable(lot, chosen.error_limit, wanted) if chosen.every_cluster else wanted


def _open_audit(project: Project, lot: Lot, chosen: argparse.Namespace, anew: bool) -> Audit:
    """A new audit of the lot, or the open one of the same images."""
    if not anew:
        for audit in earlier_audits(project, lot):
            if audit.state == "open":
                return audit
    tolerated = _tolerated(lot, chosen)
    number = conduct.start(project, lot, chosen.error_limit, chosen.confidence, tolerated, chosen.seed)
    return audit_record(project, number)


def _answer(project: Project, started: list[Audit], path: Path) -> None:
    table = read_labels(path, project.vocabulary.findings, project.vocabulary)
    ids = {file: image_id for image_id, file in project.paths().items()}
    rows = rows_to_import(table, match_files(table.files, ids), "", project.vocabulary)
    if table.contradicting or rows.contradicting:
        raise UserError(
            f"Nothing was answered: rows of {path} contradict each other. "
            f"{(*table.problems, *rows.problems)[-1]} Put it right and answer again."
        )
    seen = {ids[row.file]: row.value for row in rows if row.finding == started[0].finding}
    for audit in started:
        for image_id in audit.sample.tolist():
            if image_id in seen:
                conduct.answer(project, audit, image_id, seen[image_id])


def _planned(project: Project, lot: Lot, plan: Plan) -> dict[str, Any]:
    before = earlier_audits(project, lot)
    what = f"{lot.finding}, {lot.title}: you will read {plan.sample:,} of {plan.units:,} {plan.unit}s"
    again = f" Audit {len(before) + 1} of these images." if before else ""
    return {
        "title": lot.title,
        "finding": lot.finding,
        "labels": len(lot.image_ids),
        "unit": plan.unit,
        "units": plan.units,
        "sample": plan.sample,
        "tolerated": plan.tolerated,
        "earlier": [audit.audit_id for audit in before],
        "text": f"{what}. {fails_text(plan)}{again}",
    }


def _outcome(audit: Audit) -> dict[str, Any]:
    stale = f" (stale: {stale_text(audit)})" if audit.stale else ""
    return {
        "audit": audit.audit_id,
        "title": audit.title,
        "finding": audit.finding,
        "labels": len(audit.image_ids),
        "unit": audit.plan.unit,
        "sample": audit.plan.sample,
        "tolerated": audit.plan.tolerated,
        "read": audit.answered,
        "errors": audit.errors,
        "state": state_word(audit),
        "error_bound": audit.bound,
        "confidence": round(audit.confidence, 6),
        "earlier": list(audit.earlier),
        "seed": audit.seed,
        "covers": covers_text(audit),
        "text": f"Audit {audit.audit_id}: {audit.finding}, {audit.title}: {outcome_text(audit)}{stale}",
    }


def _tell(chosen: argparse.Namespace, rows: list[dict[str, Any]]) -> int:
    looks = sum(row["sample"] for row in rows)
    if chosen.json:
        print(json.dumps({"audits": rows, "images_to_read": looks}))
        return 0
    for row in rows:
        print(row["text"])
        for file in row.get("files", ()):
            print(f"  {file}")
    if not rows:
        print("No audit has been started.")
    elif len(rows) > 1:
        print(f"{len(rows):,} audits, {looks:,} images in their samples")
    return 0
