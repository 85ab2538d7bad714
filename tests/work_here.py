"""Background work done in the test's own process: what it does is the same, and torch and UMAP are imported once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


class JobsHere:
    """`worker.Jobs` without a process: each `receive` goes on to the next item."""

    def __init__(self) -> None:
        self._items: Iterator[Any] = iter(())
        self.finished = True

    def start(self, function: Callable[..., Iterable[Any]], *arguments: Any) -> None:
        self._items = iter(function(*arguments))
        self.finished = False

    def receive(self, timeout_s: float) -> list[Any]:
        if self.finished:
            return []
        try:
            return [next(self._items)]
        except StopIteration:
            self.finished = True
            return []
        except BaseException:
            self.finished = True
            raise

    def cancel(self) -> None:
        self.finished = True
        close = getattr(self._items, "close", None)
        if close is not None:
            close()

    close = cancel


def embed_slowly(images: list[Any], *_: object) -> Iterable[Any]:
    """A stand-in for `embed`, to be run in a child: it embeds two at a time and then waits to be cancelled."""
    import threading

    from cxr_explorer.encoder.embed import Batch, Ready
    from tests.project.projects import embedded

    yield Ready("cpu", "toy")
    for number in range(0, 4, 2):
        yield Batch(tuple(embedded(image.image_id) for image in images[number : number + 2]), ())
    threading.Event().wait()


def embed_dying_at_once(*_: object) -> Iterable[Any]:
    """A stand-in for `embed` whose process dies as if the memory had run out."""
    import os

    from cxr_explorer.encoder.embed import Ready

    yield Ready("cpu", "toy")
    os._exit(137)
