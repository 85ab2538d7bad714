"""Functions that are machine code from the start, and the cores that run them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final, TypeVar

import numba

CORES_MAX: Final = 4  # other work goes on beside the window

Part = TypeVar("Part")
T = TypeVar("T")


def compiled(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile now, and keep the machine code on disk where any folder can be written.

    numba looks for a cache folder itself: NUMBA_CACHE_DIR, `__pycache__` beside the source, the user's cache folder.
    Where none can be written it raises, and the kernel is compiled at every start instead of refusing to draw.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def compile_now(cache: bool) -> Callable[..., Any]:
            return numba.njit(signature, cache=cache, nogil=True, boundscheck=False, error_model="numpy")(function)

        try:
            return compile_now(cache=True)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            return compile_now(cache=False)

    return decorate


def at_once(work: Callable[[Part], T], parts: Iterable[Part]) -> list[T]:
    """What the work makes of each part, in their order, on all cores: compiled functions hold no lock of Python's.

    Threads of our own, not numba's: its simplest layer, the only one that is always there, ends the program where two
    threads use it.
    """
    return list(_workers().map(work, parts))


def cores() -> int:
    """Cores that `at_once` uses."""
    return min(CORES_MAX, os.cpu_count() or 1)


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), "compiled")
