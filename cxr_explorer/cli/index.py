"""`index` and `map`: from a folder to a map, with a progress line."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.cli.arguments import DONE, WRONG_USAGE, Command, add_encoder, add_json, encoder_of
from cxr_explorer.cli.progress_line import ProgressLine
from cxr_explorer.encoder.checkpoint import EncoderInfo, encoder_with_key
from cxr_explorer.encoder.devices import choose_kind, describe_kind
from cxr_explorer.encoder.file_model import FileModel, file_model
from cxr_explorer.errors import UserError
from cxr_explorer.hospital.unpacking import is_zip
from cxr_explorer.images.dicom_frames import frame_of_text
from cxr_explorer.indexing import Indexing, IndexReport
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.pace import Progress
from cxr_explorer.project.file import default_project_path
from cxr_explorer.project.project import Project
from cxr_explorer.project.redrawn import show_frame
from cxr_explorer.search.strangers import Strangers, find_strangers, unsettled
from cxr_explorer.shards.file_vectors import encoder_to_go_on_with
from cxr_explorer.shards.taking import Shards
from cxr_explorer.tables.embeddings import GivenEmbeddings, is_embeddings_file, reading_embeddings, stem_of


def add_commands(command: Command) -> None:
    index = command("index", _index, "Analyse a folder of radiographs, and build its map and clusters.")
    index.add_argument("folder", type=Path, nargs="?", help="may be left out with --from-embeddings")
    index.add_argument(
        "--from-embeddings",
        metavar="OUT",
        help="take what `embed` made into the project, without reading the folder; or a file of file names and "
        "embeddings that any other model made: .npz, .csv or .parquet",
    )
    index.add_argument("--name", help="name of the model behind such a file (default: the file's name)")
    index.add_argument("--project", type=Path, help="project file (default: in the user's data folder)")
    index.add_argument("--retry-failed", action="store_true", help="read files again that could not be read before")
    index.add_argument(
        "--frame",
        metavar="N|first|middle|last",
        help="of DICOM files of several frames, the one to analyse and show, counted from 1; kept in the project "
        "(default: as it was; middle in a new project)",
    )
    add_encoder(index)
    _add_map_parameters(index)
    add_json(index)

    mapped = command("map", _map, "Build the map of a project anew from its stored embeddings.")
    mapped.add_argument("project", type=Path)
    add_encoder(mapped)
    _add_map_parameters(mapped)
    add_json(mapped)


def _add_map_parameters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("map parameters (default: those of the last map)")
    group.add_argument("--neighbours", type=int, metavar="K", help="UMAP: number of neighbours")
    group.add_argument("--min-dist", type=float, metavar="D", help="UMAP: smallest distance of two points")
    group.add_argument("--seed", type=int, help="UMAP: seed")
    group.add_argument("--min-cluster-size", type=int, metavar="N", help="HDBSCAN: smallest cluster")
    group.add_argument("--min-samples", type=int, metavar="N", help="HDBSCAN: how conservative")


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


def _index(chosen: argparse.Namespace) -> int:
    frame = frame_of_text(chosen.frame) if chosen.frame is not None else None
    source = chosen.from_embeddings
    of_file = source is not None and is_embeddings_file(source)
    if wrong := _wrong_usage(chosen, of_file):
        print(f"cxr-explorer index: {wrong}", file=sys.stderr)
        return WRONG_USAGE
    encoder: EncoderInfo | FileModel | None = encoder_of(chosen.encoder) if chosen.encoder else None
    shards, given, folder = None, None, chosen.folder
    if of_file:
        if not folder.is_dir():
            raise UserError(f"Cannot open {folder}: no such folder. Choose the one that holds the radiographs.")
        given = _read_embeddings(Path(source))
        encoder = file_model(chosen.name or stem_of(given.path), given.path.name, given.vectors.shape[1])
    elif source is not None:
        shards = Shards.at(source)
        folder = folder or shards.folder
        encoder = encoder or _encoder_of_key(shards.manifest.encoder)
        shards.check(encoder)
    with _project_of(folder, chosen.project, may_be_away=shards is not None) as project:
        if frame is not None:
            show_frame(project, frame)
        if chosen.retry_failed:
            project.retry_failed()
        encoder = encoder or _go_on_with(project)
        report = run(project, encoder, chosen.device, _parameters(chosen, project), shards=shards, given=given)
        path, strange = project.path, _strangers(project)
    if not chosen.json:
        print(f"Project: {path}")
    tell(chosen, report, {"strangers": _count(strange)})
    if not chosen.json and (text := strange.in_words()):
        print(f"{text} None was excluded. List them: cxr-explorer strangers {shlex.quote(str(path))}")
    return DONE


def _wrong_usage(chosen: argparse.Namespace, of_file: bool) -> str:
    """What is wrong with the choice of words; empty for nothing."""
    if chosen.folder is None and (chosen.from_embeddings is None or of_file):
        return "the folder is missing: name the one that holds the radiographs"
    if of_file and chosen.encoder:
        return "--encoder does not go with a file of embeddings: no encoder of this program looks at the images"
    if chosen.name and not of_file:
        return "--name goes with --from-embeddings FILE alone"
    return ""


def _read_embeddings(path: Path) -> GivenEmbeddings:
    line = ProgressLine()
    reading = reading_embeddings(path)
    try:
        while True:
            line.show(Progress("Reading embeddings", round(next(reading) * 100), 100))
    except StopIteration as end:
        given: GivenEmbeddings = end.value
        return given
    finally:
        line.end()


def _project_of(folder: Path, path: Path | None, may_be_away: bool) -> Project:
    """The project of a folder, made where there is none. Raises UserError as `Project.of_folder` does."""
    vocabulary = bundled_vocabularies()[0]
    if is_zip(folder):
        line = shlex.join(["cxr-explorer", "unpack", str(folder)])
        raise UserError(f"{folder.name} is a ZIP archive: its films are unpacked into a folder first. Run: {line}")
    path = path or default_project_path(folder)
    if not may_be_away or folder.is_dir():
        return Project.of_folder(folder, path, vocabulary)
    if not path.exists():
        return Project.create(path, folder, vocabulary)
    project = Project.open(path)
    if project.folder != folder.resolve():
        other = project.folder
        project.close()
        raise UserError(f"{path} is the project of another folder, {other}. Name that folder, or another --project.")
    return project


def _go_on_with(project: Project) -> EncoderInfo | FileModel:
    return encoder_to_go_on_with(project, "--encoder NAME_OR_DIR")


def _encoder_of_key(key: str) -> EncoderInfo:
    """The known encoder with this key. Raises UserError where there is none."""
    if (info := encoder_with_key(key)) is not None:
        return info
    raise UserError(f"The embeddings are of the encoder {key}, which is not here. Name its folder: --encoder DIR.")


def _strangers(project: Project) -> Strangers:
    """Those nobody has excluded or kept yet."""
    latest = project.latest_map()
    return unsettled(project, find_strangers(project, latest)) if latest is not None else Strangers()


def _count(strange: Strangers) -> dict[str, Any]:
    return {"by_header": len(strange.by_header), "by_look": len(strange.by_look), "looked": strange.looked}


def _map(chosen: argparse.Namespace) -> int:
    with Project.open(chosen.project) as project:
        encoder = _go_on_with(project) if chosen.encoder is None else encoder_of(chosen.encoder)
        report = run(project, encoder, chosen.device, _parameters(chosen, project), only_map=True)
    tell(chosen, report)
    return DONE


def run(
    project: Project,
    encoder: EncoderInfo | FileModel,
    device: str = "auto",
    parameters: MapParameters | None = None,
    only_map: bool = False,
    shards: Shards | None = None,
    given: GivenEmbeddings | None = None,
) -> IndexReport:
    """Drives a run to its end, with a progress line where a person is watching."""
    if device not in ("auto", "cpu"):
        _device_in_words(device)  # an absent one is told before the folder is scanned
    indexing = Indexing(
        *(project, encoder, device, parameters),
        rescan=not only_map,
        always_map=only_map,
        shards=shards,
        given=given,
    )
    line = ProgressLine()
    try:
        while not indexing.finished:
            line.show(indexing.advance(0.5))
    finally:
        indexing.cancel()
        line.end()
    return indexing.report


def _device_in_words(device: str) -> str:
    return describe_kind(choose_kind(device))


def tell(chosen: argparse.Namespace, report: IndexReport, more: dict[str, Any] | None = None) -> None:
    if chosen.json:
        report.device = report.device or _device_in_words(getattr(chosen, "device", "auto"))
        print(json.dumps({**asdict(report), **(more or {})}))
        return
    print(
        f"{report.images:,} images: {report.embedded:,} analysed, {report.reused:,} from before, "
        f"{len(report.failed) - report.without_embedding:,} unreadable; {report.clusters} clusters, "
        f"{report.noise:,} unclustered"
    )
    if report.taken:
        print(f"  {report.taken:,} of them taken from the shards")
    for line in _told_of_file(report):
        print(f"  {line}")
    for failure in report.failed[:20]:
        print(f"  {failure['file']}: {failure['reason']}")
    if len(report.failed) > 20:
        print(f"  … and {len(report.failed) - 20:,} more (--json lists all)")
    if left_out := ", ".join(f"{item['count']:,} {item['kind']}" for item in report.skipped if not item["ordinary"]):
        print(f"  left out: {left_out} (--json says why)")


def _told_of_file(report: IndexReport) -> list[str]:
    """What became of a file of embeddings, and of the images without one."""
    lines = []
    if told := report.from_file:
        lines.append(
            f"{told['file']}: {told['rows']:,} rows of {told['dimension']:,} numbers, of {told['images']:,} images here"
        )
        for count, what, files in (
            (told["unmatched"], "that name no image of the folder", told["unmatched_files"]),
            (told["ambiguous"], "that may mean several images or share one, not taken", told["ambiguous_files"]),
            (told["refused"], "left out", told["problems"]),
        ):
            if count:
                lines.append(f"rows {what}: {count:,}: {'; '.join(files[:3])}{' …' if count > 3 else ''}")
        if told["problems"] and not told["refused"]:
            lines += told["problems"][:3]
    if report.without_embedding:
        lines.append(
            f"images without an embedding, which are not on the map: {report.without_embedding:,}. Make the file anew "
            "with them and take it again, or let an encoder of this program analyse all: --encoder simclr-cxr"
        )
    return lines
