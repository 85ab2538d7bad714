"""Functions that are machine code from the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


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
