"""`embed`: from films to shards of embeddings, in this process or on a Ray cluster."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from cxr_explorer.cli.arguments import DONE, WRONG_USAGE, Command, add_encoder, add_json, encoder_of
from cxr_explorer.cli.progress_line import ProgressLine
from cxr_explorer.pace import Progress
from cxr_explorer.shards.embedding import Lost, Written
from cxr_explorer.shards.manifest import SHARD_SIZE, shard_name
from cxr_explorer.shards.on_ray import CPUS, LOCAL, Workers
from cxr_explorer.shards.run import EmbedReport, Where, embed_films


def add_commands(command: Command) -> None:
    embed = command("embed", _embed, "Embed films into Parquet shards, on this machine or on a Ray cluster.")
    embed.add_argument("films", metavar="FOLDER", help="folder, s3:// or other prefix, or a list with a path a line")
    embed.add_argument("out", metavar="OUT", nargs="?", help="folder or prefix for the shards")
    embed.add_argument(
        "--ray",
        nargs="?",
        const=LOCAL,
        metavar="ADDRESS",
        help="on this Ray cluster; without an address on a local one",
    )
    embed.add_argument("--workers", type=_positive, metavar="N", help="Ray: how many workers (default: as many as fit)")
    embed.add_argument(
        "--worker-cpus",
        type=_positive,
        metavar="N",
        help=f"Ray: processors of each (default: {CPUS}, or what the smallest machine has)",
    )
    embed.add_argument(
        "--shard-size", type=_positive, metavar="N", help=f"films a shard (default: {SHARD_SIZE}, or as the run has it)"
    )
    embed.add_argument("--retry-failed", action="store_true", help="read files again that could not be read before")
    add_encoder(embed)
    add_json(embed)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _embed(chosen: argparse.Namespace) -> int:
    films, out, ray = chosen.films, chosen.out, chosen.ray
    if out is None and ray not in (None, LOCAL):  # `--ray FOLDER OUT`: an address has both after it
        films, out, ray = ray, films, LOCAL
    if out is None:
        print("cxr-explorer embed: OUT is missing: name the folder or prefix for the shards", file=sys.stderr)
        return WRONG_USAGE
    line = ProgressLine()

    def tell(told: Progress | Written | Lost) -> None:
        if isinstance(told, Progress):
            line.show(told)
        elif isinstance(told, Lost):
            goes_on = "it is given up" if told.last else "it is made anew"
            line.say(f"A worker ended over {shard_name(told.number)}: {goes_on}.")

    try:
        report = embed_films(
            films,
            out,
            encoder_of(chosen.encoder),
            chosen.device,
            Where(ray, Workers(chosen.workers, chosen.worker_cpus)),
            chosen.shard_size,
            chosen.retry_failed,
            tell,
        )
    finally:
        line.end()
    _tell(report, chosen.json)
    return DONE


def _tell(report: EmbedReport, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(report)))
        return
    print(
        f"{report.images:,} images in {report.shards:,} shards: {report.embedded:,} analysed, "
        f"{report.reused:,} from before, {report.unreadable:,} unreadable"
    )
    for failure in report.failed[:20]:
        print(f"  {failure['file']}: {failure['reason']}")
    if report.unreadable > 20:
        print(f"  … and {report.unreadable - 20:,} more (column `reason` of the shards)")
