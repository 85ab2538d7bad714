"""What must be there before an action can do anything, and what to say while it is not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Need:
    """What an action waits for; each one is itself, whatever its words.

    Attributes:
        missing: Why the action is off, as a clause for the reader ("there is no map yet").
    """

    missing: str


ALWAYS = Need("")
PROJECT = Need("open a folder or a project first")
MAP = Need("there is no map yet")
TARGET = Need("select images first: a cluster, or some on the map")
IMAGE = Need("open an image full size first")
FRAMES = Need("the open image has one frame, or none is open full size")
CURRENT = Need("go to an image first")
UNDO = Need("there is nothing to undo")
REDO = Need("there is nothing to redo")
