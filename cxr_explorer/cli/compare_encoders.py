"""`encoder compare`: which of two encoders puts a reader's findings together better on a project's own films."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cxr_explorer.cli.arguments import DONE, add_json, encoder_of, latest_map
from cxr_explorer.cli.progress_line import ProgressLine
from cxr_explorer.comparing import (
    LabelComparison,
    compare_labels,
    embed_beside,
    in_words,
    lacking,
    store_beside,
    summary,
)
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch
from cxr_explorer.errors import UserError
from cxr_explorer.pace import Progress
from cxr_explorer.project.project import Project


def add_verb(verbs: Any) -> None:
    """Adds `compare` to the verbs of `encoder`."""
    text = "Say which of two encoders puts a reader's findings together better on a project's own films."
    compare = verbs.add_parser("compare", help=text, description=text)
    compare.set_defaults(run=_compare)
    compare.add_argument("first", metavar="A", help="name of an encoder, or a checkpoint folder")
    compare.add_argument("second", metavar="B", help="another one")
    compare.add_argument("--project", type=Path, required=True, metavar="FILE")
    compare.add_argument("--reader", default="reader 1", help="whose answers to films read one by one")
    compare.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    add_json(compare)


def _compare(chosen: argparse.Namespace) -> int:
    encoders = encoder_of(chosen.first), encoder_of(chosen.second)
    if encoders[0].key == encoders[1].key:
        raise UserError(f"{chosen.first} and {chosen.second} are the same encoder. Name two different ones.")
    with Project.open_read_only(chosen.project) as project:
        latest_map(project)
        wanted = [encoder for encoder in encoders if lacking(project, encoder.key)]
    line = ProgressLine()
    compared: LabelComparison | None = None
    try:
        for encoder in wanted:
            _embed(chosen.project, encoder, chosen.device, line)
        for item in compare_labels(chosen.project, (encoders[0].key, encoders[1].key), chosen.reader):
            if isinstance(item, Progress):
                line.show(item)
            else:
                compared = item
    finally:
        line.end()
    assert compared is not None
    names = encoders[0].name, encoders[1].name
    if chosen.json:
        print(json.dumps({"encoders": names, **asdict(compared), "summary": summary(compared, names)}))
        return DONE
    for finding in compared.findings:
        print(in_words(finding, names))
    print(summary(compared, names))
    return DONE


def _embed(path: Path, encoder: EncoderInfo, device: str, line: ProgressLine) -> None:
    with Project.open(path) as project:
        for item in embed_beside(path, encoder, device):
            if isinstance(item, Batch):
                store_beside(project, encoder, item)
            else:
                line.show(item)
