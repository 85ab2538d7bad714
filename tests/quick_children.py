"""On Linux: children that are forked from a process which has imported what they need. The same work, seconds sooner.

The program spawns its children, as Windows and macOS have it: the tests of `worker` and all that start the program as a
process of its own go that way. Whatever else needs a child would pay for its imports again and again.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

PRELOADED = [
    "hdbscan",
    "onnxruntime",
    "torch",
    "umap",
    "cxr_explorer.comparing",
    "cxr_explorer.suggesting",
    "tests.quick_children",
]

_context = multiprocessing.get_context("forkserver")


class QuickContext:
    """What `worker` takes of a context; a child gets its parent's variables and folder as they are now."""

    def __init__(self) -> None:
        _context.set_forkserver_preload(PRELOADED)

    Pipe = staticmethod(_context.Pipe)

    def Process(self, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> Any:
        here = (dict(os.environ), Path.cwd(), target, args)
        return _context.Process(target=as_the_parent, args=here, daemon=daemon)


def as_the_parent(variables: dict[str, str], folder: Path, target: Callable[..., None], args: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    target(*args)
