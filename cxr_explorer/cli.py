"""The command line: all of it headless but `open` (and `demo` where there is a screen)."""

from __future__ import annotations

import argparse
import json
import os
import sys
import zipfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, get_args

import numpy as np

from cxr_explorer import __version__, cli_audit, cli_find, cli_report, cli_suggest
from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.cli_clusters import add_cluster_commands
from cxr_explorer.cli_lists import add_list_commands, latest_map
from cxr_explorer.cli_readers import add_commands, add_whose, check_known_reader, export_report
from cxr_explorer.cli_report import shades
from cxr_explorer.doctor import describe, describe_examination, describe_repair, examine, has_screen
from cxr_explorer.encoder.checkpoint import EncoderInfo, bundled_encoders, default_encoder, read_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.indexing import Indexing, IndexReport
from cxr_explorer.labels.consensus import Rule
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.labels.table_read import reading_labels
from cxr_explorer.labels.tables import Format, match_files
from cxr_explorer.labels.vocabulary import bundled_vocabularies, spelled, spellings
from cxr_explorer.project import contradictions, labelling
from cxr_explorer.project.file import SUFFIX, demo_home
from cxr_explorer.project.partitions import cluster_of
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.project.readers import known_findings
from cxr_explorer.project.repair import examine as examine_project
from cxr_explorer.project.repair import repair
from cxr_explorer.project.report import draw_clusters

_Read = TypeVar("_Read")

DONE, USER_ERROR = 0, 1  # argparse ends wrong usage with 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit code: 0 done, 1 user error with one line on stderr, 2 usage."""
    parser = _parser()
    try:
        chosen = parser.parse_args(arguments)
    except SystemExit as exit_request:  # argparse ends --help with 0 and wrong usage with 2
        return int(exit_request.code or 0)
    run: Callable[[argparse.Namespace], int] = chosen.run
    umask = os.umask(0o077)  # what is written, logs and settings included, speaks of patients: for its owner alone
    try:
        return run(chosen)
    except UserError as error:
        print(f"cxr-explorer: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("\nStopped. What was stored is kept; the same command resumes.", file=sys.stderr)
        return 130
    finally:
        os.umask(umask)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cxr-explorer",
        description="From a folder of unlabelled chest radiographs to labels one can trust. "
        "For research and annotation, not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"cxr-explorer {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    opened = command("open", _open, "Open the window on an image folder or a project.")
    opened.add_argument("path", nargs="?", type=Path, help="image folder or project file (.cxr)")
    opened.add_argument("--project", type=Path, help="project file to use for the folder")
    _add_encoder(opened)

    index = command("index", _index, "Embed a folder, build its map and clusters.")
    index.add_argument("folder", type=Path)
    index.add_argument("--project", type=Path, help="project file (default: in the user's data folder)")
    index.add_argument("--retry-failed", action="store_true", help="read files again that could not be read before")
    _add_encoder(index)
    _add_map_parameters(index)
    _add_json(index)

    mapped = command("map", _map, "Build the map of a project anew from its stored embeddings.")
    mapped.add_argument("project", type=Path)
    _add_encoder(mapped)
    _add_map_parameters(mapped)
    _add_json(mapped)

    label = command("label", _label, "Label a whole cluster of the newest map.")
    label.add_argument("project", type=Path)
    label.add_argument("finding")
    label.add_argument("value", choices=list(labelling.VALUE_WORDS.values()))
    label.add_argument("--cluster", required=True, help="number or name as in the window; 0 is unclustered")
    label.add_argument("--except", dest="odd", nargs="+", metavar="FILE", default=[], help="files to leave as they are")
    label.add_argument("--reader", default="reader 1")
    _add_json(label)

    export = command("export", _export, "Write the labels of a project as CSV.")
    export.add_argument("project", type=Path)
    export.add_argument("out", type=Path)
    export.add_argument("--format", choices=get_args(Format), default="long")
    add_whose(export)
    _add_json(export)

    imported = command("import", _import, "Take labels from a CSV (long, NIH or CheXpert form) into a project.")
    imported.add_argument("project", type=Path)
    imported.add_argument("table", type=Path)
    imported.add_argument("--reader", default="imported", help="whose labels they are where the table does not say")
    imported.add_argument("--dry-run", action="store_true", help="only say what would be taken")
    _add_json(imported)

    add_commands(command, _add_json)
    add_list_commands(command, _add_json)
    add_cluster_commands(command, _add_json)

    embeddings = command("embeddings", _embeddings, "Write embeddings and map as .npz for notebooks.")
    embeddings.add_argument("project", type=Path)
    embeddings.add_argument("out", type=Path)
    _add_json(embeddings)

    cli_find.add_commands(command, _add_encoder, _add_json)
    cli_suggest.add_commands(command)
    cli_audit.add_commands(command, _add_json)
    cli_report.add_commands(command, _add_json)

    doctor = command("doctor", _doctor, "Say what this installation runs with, or whether a project is sound.")
    doctor.add_argument("project", nargs="?", type=Path, help="look through this project file, and change nothing")
    doctor.add_argument("--repair", action="store_true", help="make a sound project of what can be read; keep the old")
    _add_json(doctor)

    demo = command("demo", _demo, "Open the simulated demo set; without a screen, run the whole way headless.")
    demo.add_argument("--headless", action="store_true", help="do not open a window")
    demo.add_argument("--folder", type=Path, help="where to keep the demo (default: the user's data folder)")
    demo.add_argument("--count", type=int, default=360, help="number of simulated images (default: 360)")
    _add_json(demo)
    return parser


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", metavar="DIR", help="checkpoint folder, or the name of a bundled encoder")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def _add_map_parameters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("map parameters (default: those of the last map)")
    group.add_argument("--neighbours", type=int, metavar="K", help="UMAP: number of neighbours")
    group.add_argument("--min-dist", type=float, metavar="D", help="UMAP: smallest distance of two points")
    group.add_argument("--seed", type=int, help="UMAP: seed")
    group.add_argument("--min-cluster-size", type=int, metavar="N", help="HDBSCAN: smallest cluster")
    group.add_argument("--min-samples", type=int, metavar="N", help="HDBSCAN: how conservative")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


def _encoder(name: str | None) -> EncoderInfo:
    if name is None:
        return default_encoder()
    for info in bundled_encoders():
        if info.name == name:
            return info
    return read_encoder(Path(name))


def _parameters(chosen: argparse.Namespace, project: Project) -> MapParameters:
    latest = project.latest_map()
    parameters = MapParameters.from_dict(latest.parameters) if latest is not None else MapParameters()
    layout = {"n_neighbours": chosen.neighbours, "min_dist": chosen.min_dist, "seed": chosen.seed}
    clusters = {"min_cluster_size": chosen.min_cluster_size, "min_samples": chosen.min_samples}
    return replace(
        parameters,
        layout=replace(parameters.layout, **{name: value for name, value in layout.items() if value is not None}),
        clusters=replace(parameters.clusters, **{name: value for name, value in clusters.items() if value is not None}),
    )


# -- commands ------------------------------------------------------------------------------------------------------


def _open(chosen: argparse.Namespace) -> int:
    if not has_screen() and "QT_QPA_PLATFORM" not in os.environ:
        raise UserError(
            "Cannot open a window: there is no screen here (DISPLAY is not set). Use `cxr-explorer index`, `map`, "
            "`label` and `export` instead, or connect with a desktop."
        )
    from cxr_explorer.ui.app import run

    encoder = _encoder(chosen.encoder).directory if chosen.encoder else None
    return run(chosen.path, chosen.project, encoder, chosen.device)


def _index(chosen: argparse.Namespace) -> int:
    encoder = _encoder(chosen.encoder)
    with Project.of_folder(chosen.folder, chosen.project, bundled_vocabularies()[0]) as project:
        if chosen.retry_failed:
            project.retry_failed()
        report = _run(project, encoder, chosen.device, _parameters(chosen, project))
        path = project.path
    if not chosen.json:
        print(f"Project: {path}")
    _tell(chosen, report)
    return DONE


def _map(chosen: argparse.Namespace) -> int:
    with Project.open(chosen.project) as project:
        latest = project.latest_map()
        encoder = _encoder(chosen.encoder)
        if chosen.encoder is None and latest is not None and latest.encoder_key != encoder.key:
            known = [info for info in bundled_encoders() if info.key == latest.encoder_key]
            if not known:
                raise UserError(
                    f"The project's embeddings are of the encoder {latest.encoder_key}. Name it with --encoder DIR."
                )
            encoder = known[0]
        report = _run(project, encoder, chosen.device, _parameters(chosen, project), only_map=True)
    _tell(chosen, report)
    return DONE


def _label(chosen: argparse.Namespace) -> int:
    with Project.open(chosen.project) as project:
        finding = _finding(project, chosen.finding)
        reader = check_reader(chosen.reader)
        latest = latest_map(project)
        cluster = cluster_of(latest, chosen.cluster)
        ids = latest.image_ids[latest.clusters == cluster]
        if not ids.size:
            raise UserError("The map has no unclustered images.")
        value = next(value for value, word in labelling.VALUE_WORDS.items() if word == chosen.value)
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


def _finding(project: Project, name: str) -> str:
    if (finding := spelled(name, spellings(project.vocabulary.findings))) is not None:
        return finding
    known = ", ".join(project.vocabulary.findings)
    raise UserError(f"{name} is not among the project's findings. They are: {known}.")


def _export(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        reader = None if chosen.reader is None else check_known_reader(project, chosen.reader)
        rule: Rule | None = "majority" if chosen.majority else "adjudicated" if chosen.adjudicated else None
        report = labelling.export_labels(project, chosen.out, chosen.format, reader, rule)
    if chosen.json:
        print(json.dumps({**asdict(report), "left_out": report.left_out}))
    else:
        print(f"{report.labels:,} labels on {report.images:,} images written to {chosen.out}")
        if report.left_out:
            print(f"{report.left_out:,} labels have no place in this form; --format long keeps everything")
        for line in export_report(report):
            print(line)
    return DONE


def _import(chosen: argparse.Namespace) -> int:
    with (Project.open_read_only if chosen.dry_run else Project.open)(chosen.project) as project:
        vocabulary = project.vocabulary
        reading = reading_labels(chosen.table, known_findings(project), vocabulary)
        table = _watched(reading, f"Reading {chosen.table.name}")
        matching = match_files(table.files, project.paths().values())
        rows = labelling.rows_to_import(table, matching, check_reader(chosen.reader), vocabulary)
        change = None if chosen.dry_run else labelling.import_labels(project, rows, rows.reader)
    problems = [*table.problems, *rows.problems]
    summary = {
        "format": table.format,
        "labels": len(rows),
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
    print(f"{len(matching.matched):,} files matched, {len(matching.unmatched):,} not in the project, ", end="")
    print(f"{len(matching.ambiguous):,} ambiguous; {len(rows):,} labels ({table.format} form)")
    print(f"  Findings: {', '.join(table.findings) or 'none'}")
    if table.new_findings:
        print(f"  New, in no vocabulary that is known here: {', '.join(table.new_findings)}")
    for problem in problems[:10]:
        print(f"  {problem}")
    if len(problems) > 10:
        print(f"  … and {len(problems) - 10:,} more (--json lists all)")
    print(change.text if change is not None else "Nothing was changed.")
    return DONE


def _embeddings(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        latest = latest_map(project)
        ids, embeddings = project.embeddings(latest.encoder_key)
        paths = project.paths()
    on_map = np.isin(ids, latest.image_ids)
    ids, embeddings = ids[on_map], embeddings[on_map]
    rows = np.searchsorted(latest.image_ids, ids)
    with atomic_write(chosen.out) as opened:
        _write_npz(
            opened,
            {
                "file": np.array([paths[image_id] for image_id in ids.tolist()]),
                "embedding": embeddings,
                "x": latest.xy[rows, 0],
                "y": latest.xy[rows, 1],
                "cluster": latest.identities()[rows],
            },
        )
    summary = {"images": len(ids), "dimension": embeddings.shape[1], "encoder": latest.encoder_key}
    print(json.dumps(summary) if chosen.json else f"{len(ids):,} embeddings written to {chosen.out}")
    return DONE


def _write_npz(stream: BinaryIO, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    """As np.savez, which cannot store an array named "file"."""
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _doctor(chosen: argparse.Namespace) -> int:
    if chosen.project is None:
        if chosen.repair:
            raise UserError("Nothing to repair: no project is named. Name its file after `doctor`.")
        found = examine()
        print(json.dumps(found) if chosen.json else describe(found))
        return DONE
    if chosen.repair:
        repaired = repair(chosen.project)
        print(json.dumps(asdict(repaired)) if chosen.json else describe_repair(repaired))
        return DONE
    examined = examine_project(chosen.project)
    print(json.dumps(asdict(examined)) if chosen.json else describe_examination(examined))
    return DONE if examined.sound else USER_ERROR


def _demo(chosen: argparse.Namespace) -> int:
    from cxr_explorer.demo import write_demo

    home = chosen.folder or demo_home()
    if has_screen() and not chosen.headless:
        from cxr_explorer.ui.app import run_demo

        return run_demo(home, chosen.count)
    images, path = home / "images", home / f"demo{SUFFIX}"
    print("Simulating radiographs…", file=sys.stderr)
    write_demo(images, chosen.count)
    with Project.of_folder(images, path, bundled_vocabularies()[0]) as project:
        report = _run(project, default_encoder())
        latest = project.latest_map()
        assert latest is not None
        cluster = int(np.bincount(latest.clusters[latest.clusters >= 0]).argmax()) if report.clusters else -1
        ids = latest.image_ids[latest.clusters == cluster]
        finding = project.vocabulary.findings[0]
        identity = latest.identity(cluster)
        judgement = Judgement(finding, Value.PRESENT, "demo", "cluster", identity, latest.map_id)
        labelling.label(project, ids, judgement)
        csv = home / "demo-labels.csv"
        labelling.export_labels(project, csv, "long")
        picture = home / "demo-map.png"
        picture.write_bytes(draw_clusters(latest, shades()))
    _tell(chosen, report, {"project": str(path), "labels": str(csv), "picture": str(picture)})
    if not chosen.json:
        print("There is no screen here, so the demo ran without a window:" if not has_screen() else "The demo ran:")
        print(f"  images   {images}\n  project  {path}\n  labels   {csv} ({latest.cluster_name(cluster)} = {finding})")
        print(f"  map      {picture}")
    return DONE


# -- running and telling -------------------------------------------------------------------------------------------


def _run(
    project: Project,
    encoder: EncoderInfo,
    device: str = "auto",
    parameters: MapParameters | None = None,
    only_map: bool = False,
) -> IndexReport:
    """Drives a run to its end, with a progress line where a person is watching."""
    if device not in ("auto", "cpu"):
        _device_in_words(device)  # an absent one is told before the folder is scanned
    indexing = Indexing(project, encoder, device, parameters, rescan=not only_map, always_map=only_map)
    watched = sys.stderr.isatty()
    shown = ""
    try:
        while not indexing.finished:
            progress = indexing.advance(0.5)
            if not watched:
                if progress.stage != shown:
                    shown = progress.stage
                    print(f"{shown}…", file=sys.stderr, flush=True)
                continue
            text = progress.stage
            if progress.total:
                text += f"  {progress.done:,} / {progress.total:,}"
            elif progress.done:
                text += f"  {progress.done:,}"
            if progress.rate and progress.left_s is not None:
                text += f"  {progress.rate:.0f}/s  {_duration(progress.left_s)} left"
            print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)
    finally:
        indexing.cancel()
        if watched:
            print(file=sys.stderr)
    return indexing.report


def _device_in_words(device: str) -> str:
    from cxr_explorer.encoder.model import choose_device, describe_device  # torch: 3 s, where nothing else needs it

    return describe_device(choose_device(device))


def _watched(reading: Generator[float, None, _Read], text: str) -> _Read:
    """Runs a generator to its end, with its share on a progress line where a person is watching."""
    watched = sys.stderr.isatty()
    try:
        while True:
            share = next(reading)
            if watched:
                print(f"\r{f'{text}  {share:.0%}':<78}", end="", file=sys.stderr, flush=True)
    except StopIteration as end:
        found: _Read = end.value
        return found
    finally:
        if watched:
            print(file=sys.stderr)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _tell(chosen: argparse.Namespace, report: IndexReport, more: dict[str, Any] | None = None) -> None:
    if chosen.json:
        report.device = report.device or _device_in_words(getattr(chosen, "device", "auto"))
        print(json.dumps({**asdict(report), **(more or {})}))
        return
    print(
        f"{report.images:,} images: {report.embedded:,} embedded, {report.reused:,} from before, "
        f"{len(report.failed):,} unreadable; {report.clusters} clusters, {report.noise:,} unclustered"
    )
    for failure in report.failed[:20]:
        print(f"  {failure['file']}: {failure['reason']}")
    if len(report.failed) > 20:
        print(f"  … and {len(report.failed) - 20:,} more (--json lists all)")
    if left_out := ", ".join(f"{item['count']:,} {item['kind']}" for item in report.skipped if not item["ordinary"]):
        print(f"  left out: {left_out} (--json says why)")
