"""How many of the true neighbours the newest map was made with; its neighbours are kept as long."""

from __future__ import annotations

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.project.project import Project

_RECALL = "recall of the neighbours"
"""Setting: a share; empty where all were compared with all."""


def store_recall(project: Project, built: BuiltMap) -> None:
    """Keeps it, with the map."""
    recall = 1.0 if built.neighbours is None else built.neighbours.recall
    project.set(_RECALL, f"{recall:.4f}" if recall < 1 else "")


def neighbours_recall(project: Project) -> float:
    """The share, 0 to 1, see `Neighbours.recall`."""
    return float(project.get(_RECALL) or 1)
