"""What the families of commands share: how they are added, options, and what a name on the command line means."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from cxr_explorer.encoder.checkpoint import encoder_of as encoder_of
from cxr_explorer.errors import UserError
from cxr_explorer.project.label_columns import finding_of as finding_of
from cxr_explorer.project.project import AtlasMap, Project

DONE, USER_ERROR, WRONG_USAGE = 0, 1, 2  # argparse ends with 2 as well

Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]
"""Adds a command: its name, what runs it, one line of help."""


def add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", metavar="DIR", help="checkpoint folder, or a name of `encoder list`")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


def latest_map(project: Project) -> AtlasMap:
    """The newest map. Raises UserError where there is none."""
    latest = project.latest_map()
    if latest is None:
        raise UserError(f"{project.path} has no map yet. Run `cxr-explorer index` first.")
    return latest
