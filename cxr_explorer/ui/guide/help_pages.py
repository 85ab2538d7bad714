"""What the pages of the help say: Markdown files in which the keys in force, places and versions are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import PySide6
from PySide6.QtCore import qVersion

from cxr_explorer import __version__, logfile
from cxr_explorer.assets import asset
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.project.backup import backup_folder, backups
from cxr_explorer.project.file import default_project_path, demo_home, probes_home
from cxr_explorer.project.project import Project
from cxr_explorer.ui.commands.actions import SPECS, key_text, plain_text
from cxr_explorer.ui.session.recent import day_text

START, KEYS, AUDITS, DATA, ABOUT, LICENCES = "start", "keys", "audits", "data", "about", "licences"

TITLES: Mapping[str, str] = {
    START: "Getting started",
    KEYS: "Keys",
    AUDITS: "Audits and what their figures mean",
    DATA: "Where is my data",
    ABOUT: "About",
    LICENCES: "Licences",
}
"""The pages in their order; all but the keys and the licences are Markdown files of that name."""

_BY_NAME = {spec.name: spec for spec in SPECS}
_FIELD = re.compile(r"\{(\w+)\}")
_TICKS = re.compile(r"`+")


@dataclass(frozen=True)
class Place:
    """Where something of the reader's lies.

    Attributes:
        name: What it is called.
        path: The file or folder.
        holds: What is in it, in a sentence.
    """

    name: str
    path: Path
    holds: str


def places(project: Project | None, settings_file: Path) -> list[Place]:
    """Where everything lies that the program writes or reads for the reader."""
    found = []
    if project is not None:
        made = backups(project.path)
        newest = f" The newest is of {_day(made[0])}." if made else " There is none yet."
        found += [
            Place("This project", project.path, "Labels, audits, clusters, maps, small pictures: all in one file."),
            Place("Its backups", backup_folder(project.path), f"One a day, without pictures.{newest}"),
            Place("Its images", project.folder, "Your radiographs. They are only read, never changed."),
        ]
    found += [
        Place(
            "Other projects",
            default_project_path(Path()).parent,
            "Projects of folders, unless you chose another place.",
        ),
        Place("Demo", demo_home(), "The simulated images and their project. May be deleted."),
        Place("Saved probes", probes_home(), "What was learnt from labels, to be used in another folder."),
        Place("Settings", settings_file, "Reader, colours, keys, the list of recent projects. May be deleted."),
        Place(
            "Log and crash reports",
            logfile.folder(),
            "What ran, how long it took, what failed; no names, no paths. May be deleted.",
        ),
    ]
    return found


def _day(path: Path) -> str:
    try:
        return day_text(date.fromtimestamp(path.stat().st_mtime))
    except OSError:
        return "an unknown day"


def page_text(page: str, filled: Mapping[str, str] | None = None) -> str:
    """A page in Markdown, with the keys as they are now.

    Args:
        page: A key of TITLES, but KEYS and LICENCES.
        filled: What stands for other names in braces.
    """
    text = asset("docs", "help", f"{page}.md").read_text(encoding="utf-8")

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if filled is not None and name in filled:
            return filled[name]
        return f"**{key_text(name)}**" if key_text(name) else f"*{plain_text(_BY_NAME[name]).rstrip('…')}*"

    return _FIELD.sub(fill, text)


_LICENCES = {
    "Apache-2.0": "CXR Explorer: Apache License 2.0",
    "LGPL-3.0": "Qt and PySide6: GNU Lesser General Public License 3",
    "GPL-3.0": "GNU General Public License 3, which the LGPL adds to",
}
"""Texts of licences: file -> heading."""


def licences_text() -> str:
    """Whose the parts are, how Qt may be replaced, and the licences word for word, in Markdown."""
    home = asset("licences")
    notes = [(home / f"{name}.md").read_text(encoding="utf-8") for name in ("LICENCES", "README")]
    texts = [
        f"# {heading}\n\n```\n{(home / f'{name}.txt').read_text(encoding='utf-8')}\n```\n"
        for name, heading in _LICENCES.items()
    ]
    return "\n\n".join([*notes, *texts])


def about_fields(encoder: EncoderInfo) -> dict[str, str]:
    """What *About* says of this installation."""
    return {
        "version": __version__,
        "qt": f"{qVersion()} (PySide6 {PySide6.__version__})",
        "encoder": f"{escaped(encoder.title)}. {escaped(encoder.description)}",
    }


def places_text(found: list[Place]) -> str:
    """The places with two links each: "show:3" and "copy:3"."""
    return "\n\n".join(
        f"**{place.name}** – {place.holds}\n\n{as_code(str(place.path))}\n\n"
        f"[Show in folder](show:{number}) · [Copy path](copy:{number})"
        for number, place in enumerate(found)
    )


def as_code(text: str) -> str:
    """A text as it stands, in Markdown; a path may hold any sign."""
    ticks = max((len(match) for match in _TICKS.findall(text)), default=0)
    fence = "`" * (ticks + 1)
    pad = " " if ticks else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def escaped(text: str) -> str:
    """A text in which Markdown's signs stand for themselves."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)
