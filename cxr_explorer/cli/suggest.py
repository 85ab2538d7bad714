"""The commands `suggest` and `probes`: what labels so far suggest, accepting it, and taking it to another folder."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from cxr_explorer.cli.arguments import Command, add_json, finding_of
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.probes.evidence import CONFIDENCE, largest_offer
from cxr_explorer.probes.features import Floats
from cxr_explorer.probes.probe_set import load_probes, save_probes, why_not
from cxr_explorer.project.audits.bounds import level, percent
from cxr_explorer.project.audits.standing import finding_standing, in_words, target_of
from cxr_explorer.project.file import probes_home
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.project.suggestions import AcceptedWith, accept, settled_ids
from cxr_explorer.suggesting import Question, Suggester, Suggestion
from cxr_explorer.tables.cells import harmless

DONE = 0


def add_commands(command: Command) -> None:
    """Adds both commands; `command` makes a parser from name, function and text."""
    suggest = command("suggest", _suggest, "Say what the labels so far suggest for all other images.")
    suggest.add_argument("project", type=Path)
    suggest.add_argument("--finding", action="append", help="may be given several times (default: all findings)")
    suggest.add_argument("--reader", default="reader 1", help="whose labels to learn from, and to accept for")
    suggest.add_argument(
        "--accept",
        type=_error_limit,
        metavar="LIMIT",
        help="take over as many suggestions as the images drawn at random and read prove to hold at most this share of "
        "wrong ones, such as 0.05",
    )
    suggest.add_argument(
        "--confidence", type=_share, default=CONFIDENCE, metavar="P", help=f"how sure to be of that ({CONFIDENCE:g})"
    )
    suggest.add_argument("--target", type=_share, metavar="P", help="share of right labels to be sure of (0.985)")
    suggest.add_argument("--out", type=Path, metavar="CSV", help="write the probabilities, a column a finding")
    add_json(suggest)

    probes = command("probes", _no_probes_command, "Save what was learnt, or apply it to another folder.")
    steps = probes.add_subparsers(required=True, metavar="save|apply")
    save = steps.add_parser("save", help="fit probes to a project's labels and save them")
    save.set_defaults(run=_save)
    save.add_argument("project", type=Path)
    save.add_argument("name", help="what to call them")
    save.add_argument("--folder", type=Path, help="where to (default: in the user's data folder)")
    save.add_argument("--reader", default="reader 1", help="whose labels to learn from")
    add_json(save)
    applied = steps.add_parser("apply", help="write the probabilities that saved probes give another project's images")
    applied.set_defaults(run=_apply)
    applied.add_argument("project", type=Path)
    applied.add_argument("probes", type=Path, metavar="PROBES", help="probes-NAME.json, or the name of saved probes")
    applied.add_argument("out", type=Path, metavar="CSV")
    add_json(applied)


def _share(text: str) -> float:
    value = float(text)
    if not 0.5 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a probability above 0.5")
    return value


def _error_limit(text: str) -> float:
    value = float(text)
    if not 0 < value < 0.5:
        raise argparse.ArgumentTypeError(f"{text} is not a share of wrong labels: choose one above 0 and below 0.5")
    return value


def _no_probes_command(_chosen: argparse.Namespace) -> int:
    raise AssertionError("argparse asks for save or apply")


def _suggest(chosen: argparse.Namespace) -> int:
    opened = Project.open if chosen.accept is not None else Project.open_read_only
    with opened(chosen.project) as project:
        findings = [finding_of(project, name) for name in chosen.finding or project.vocabulary.findings]
        suggester = Suggester(project)
        columns: dict[str, Floats] = {}
        summaries = []
        for finding in findings:
            suggestion = suggester.suggest(Question(finding, chosen.reader))
            if suggestion.in_numbers and suggestion.probabilities is not None:
                columns[finding] = suggestion.probabilities
            accepted = None
            if chosen.accept is not None:
                accepted = _accept(project, suggester, suggestion, chosen.accept, chosen.confidence)
            target = chosen.target or target_of(project, finding)
            found = finding_standing(project, finding, chosen.reader, target)
            words = {"standing": asdict(found.standing), "words": in_words(found)}
            summaries.append({**_summary(project, suggestion, accepted), **words})
        if chosen.out is not None:
            _write(chosen.out, project.paths(), suggester.image_ids, columns)
    for summary in [] if chosen.json else summaries:
        print(summary["text"])
        if summary["words"] != "No labels yet.":
            print(f"  {summary['words']}")
    if chosen.json:
        print(json.dumps({"findings": [{k: v for k, v in one.items() if k != "text"} for one in summaries]}))
    return DONE


def _accept(
    project: Project, suggester: Suggester, found: Suggestion, error_limit: float, confidence: float
) -> dict[str, object]:
    """What accepting did, in numbers."""
    nothing = {"present": 0, "absent": 0, "error_bound": None, "confidence": confidence}
    if found.probabilities is None:
        return {**nothing, "looks": 0, "wrong": 0, "more_looks": None}
    settled = settled_ids(project, found.finding, found.reader)
    left = np.flatnonzero(~np.isin(suggester.image_ids, settled))
    offer = largest_offer(found.probabilities[left], found.looks, error_limit, confidence)
    looked = {"looks": offer.looks, "wrong": offer.wrong, "more_looks": offer.more_looks}
    if not offer.count:
        return {**nothing, **looked}
    rows = left[offer.chosen]
    present = found.probabilities[rows] > 0.5
    ids = suggester.image_ids[rows]
    bound = AcceptedWith(offer.error_bound(), confidence, offer.looks, offer.wrong)
    accept(project, ids[present], ids[~present], found.finding, found.reader, suggester.map_id, bound)
    counts = {"present": int(present.sum()), "absent": int((~present).sum())}
    return {**nothing, **counts, "error_bound": round(bound.error_bound, 6), **looked}


def _summary(project: Project, found: Suggestion, accepted: Mapping[str, object] | None) -> dict[str, object]:
    text = f"{found.finding}: {found.present:,} present, {found.absent:,} absent, {found.left:,} without a label"
    if found.source:
        text += f"; suggested by the probes {found.source}"
    right = int(found.looks.right.sum())
    if found.in_numbers:
        text += f"; {right:,} of {len(found.looks):,} images drawn at random came out as suggested"
    if accepted is not None and accepted["error_bound"] is not None:
        bound, sure = percent(float(str(accepted["error_bound"]))), level(float(str(accepted["confidence"])))
        text += f"; accepted {accepted['present']:,} present, {accepted['absent']:,} absent"
        text += f", at most {bound} of them wrong ({sure} sure)"
    elif accepted is not None and found.enough:
        text += f"; nothing accepted: about {accepted['more_looks']:,} more random looks are needed"
    if found.reason:
        text += f"\n  {found.reason}"
    paths = project.paths()
    drawn = set(found.drawn.tolist())
    return {
        "text": text,
        "finding": found.finding,
        "present": found.present,
        "absent": found.absent,
        "read": found.read,
        "without_label": found.left,
        "enough": found.enough,
        "calibrated": found.in_numbers,
        "reason": found.reason,
        "looks": len(found.looks),
        "came_true": right if found.in_numbers else None,
        "source": found.source,
        "read_next": [paths[image_id] for image_id in found.queue.tolist()],
        "drawn_at_random": [paths[image_id] for image_id in found.queue.tolist() if image_id in drawn],
        **({} if accepted is None else {"accepted": accepted}),
    }


def _save(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        probes = Suggester(project).fit_set(chosen.name, project.vocabulary.findings, chosen.reader)
    path = save_probes(probes, chosen.folder or probes_home())
    if chosen.json:
        found = {"path": str(path), "encoder": probes.encoder_key, "findings": [asdict(one) for one in probes.probes]}
        print(json.dumps({**found, "too_few": probes.too_few}))
        return DONE
    for one in probes.probes:
        print(f"{one.finding}: {one.present:,} present, {one.absent:,} absent, AUROC {one.auroc:.3f}")
    print("AUROC is on answers held out; where those were chosen for doubt, other images are easier")
    for finding, (present, absent) in probes.too_few.items():
        print(f"{finding}: too few labels ({present:,} present, {absent:,} absent)")
    print(f"Saved as {path}")
    return DONE


def _apply(chosen: argparse.Namespace) -> int:
    path: Path = chosen.probes
    if not path.is_file() and path.suffix != ".json":
        path = probes_home() / f"probes-{path.name}.json"
    probes = load_probes(path)
    with Project.open_read_only(chosen.project) as project:
        ids, embeddings = project.embeddings(probes.encoder_key)
        if not len(ids):
            which = f"which has not embedded {chosen.project}"
            raise UserError(why_not(probes, which, "Index the folder with that encoder first."))
        columns = probes.probabilities(embeddings)
        _write(chosen.out, project.paths(), ids, columns)
    if chosen.json:
        print(json.dumps({"images": len(ids), "findings": list(columns), "out": str(chosen.out)}))
    else:
        print(f"Probabilities of {len(columns):,} findings on {len(ids):,} images written to {chosen.out}")
    return DONE


def _write(out: Path, paths: Mapping[int, str], ids: Ids, columns: Mapping[str, Floats]) -> None:
    """`file` and a column a finding; empty where nothing is known."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", *map(harmless, columns)])
    values: Sequence[Floats] = list(columns.values())
    for place, image_id in enumerate(ids.tolist()):
        cells = ["" if np.isnan(column[place]) else f"{column[place]:.4f}" for column in values]
        rows.writerow([harmless(paths[image_id]), *cells])
    with atomic_write(out) as stream:
        stream.write(text.getvalue().encode("utf-8"))
