"""What the last look through the folder left out, kept so that the reader sees it at any time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from cxr_explorer.images.kinds import Kind, LeftOut
from cxr_explorer.project.project import Project

_KEY = "left out"


def store_left_out(project: Project, items: Iterable[LeftOut]) -> None:
    """Replaces what was stored of an earlier look."""
    project.set(_KEY, json.dumps([asdict(item) for item in items]))


def left_out(project: Project) -> tuple[LeftOut, ...]:
    """As `Tally.left_out` gives it; empty where nothing was left out, or an older version looked last."""
    try:
        stored = json.loads(project.get(_KEY) or "[]")
        return tuple(LeftOut(Kind(**item["kind"]), int(item["count"]), tuple(item["files"])) for item in stored)
    except (ValueError, TypeError, KeyError):  # of another version: the next look replaces it
        return ()
