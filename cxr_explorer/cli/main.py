"""The command line: all of it headless but `open` (and `demo` where there is a screen)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from cxr_explorer import __version__
from cxr_explorer.cli import window
from cxr_explorer.cli.arguments import USER_ERROR
from cxr_explorer.errors import UserError

WINDOW = ("open", "demo")
"""The commands that may show the window."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit code: 0 done, 1 user error with one line on stderr, 2 usage."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser(_families(arguments))
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


def _families(arguments: Sequence[str]) -> tuple[ModuleType, ...]:
    """The families of commands that are needed: who opens the window does not wait for what the others import."""
    if arguments and arguments[0] in WINDOW:
        return (window,)
    from cxr_explorer.cli import (
        audits,
        clusters,
        doctor,
        embed,
        encoders,
        fetch,
        find,
        index,
        labels,
        lists,
        readers,
        register,
        report,
        suggest,
        suspects,
    )

    work = (index, fetch, embed, clusters, labels, lists, find, suggest, suspects, audits, readers, report)
    return window, *work, encoders, doctor, register


def _parser(families: Sequence[ModuleType]) -> argparse.ArgumentParser:
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

    for family in families:
        family.add_commands(command)
    return parser
