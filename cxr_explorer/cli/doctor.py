"""`doctor`: what the installation runs with, whether a project is sound, and its repair."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from cxr_explorer.cli.arguments import DONE, USER_ERROR, Command, add_json
from cxr_explorer.doctor import describe, describe_examination, describe_repair, examine
from cxr_explorer.errors import UserError
from cxr_explorer.project.repair import examine as examine_project
from cxr_explorer.project.repair import repair


def add_commands(command: Command) -> None:
    doctor = command("doctor", _doctor, "Say what this installation runs with, or whether a project is sound.")
    doctor.add_argument("project", nargs="?", type=Path, help="look through this project file, and change nothing")
    doctor.add_argument("--repair", action="store_true", help="make a sound project of what can be read; keep the old")
    add_json(doctor)


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
