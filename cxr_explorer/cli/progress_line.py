"""Where a long run stands, on stderr: one line that is written over where a person watches, else a line a stage."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cxr_explorer.pace import Progress

if TYPE_CHECKING:
    from tqdm import tqdm


class ProgressLine:
    """Shows a run's progress. End it."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._stage = ""
        self._bar: tqdm | None = None

    def show(self, progress: Progress) -> None:
        """Shows where the run stands now."""
        if progress.stage != self._stage:
            self.end()
            self._stage = progress.stage
            if not self._watched:
                print(f"{progress.stage}…", file=sys.stderr, flush=True)
        if self._watched:
            self._draw(progress)

    def _draw(self, progress: Progress) -> None:
        if self._bar is None:
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # no thread of its own: each step is told of
            self._bar = tqdm(
                desc=progress.stage, initial=progress.done, total=progress.total or None, dynamic_ncols=True, unit=""
            )
        self._bar.total = progress.total or None
        self._bar.n = progress.done
        self._bar.refresh()

    def say(self, text: str) -> None:
        """A line that stays."""
        self.end()
        print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        """The line stays as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
