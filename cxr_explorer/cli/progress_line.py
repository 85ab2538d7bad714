"""Where a long run stands, on stderr: one line that is written over where a person watches, else a line a stage."""

from __future__ import annotations

import sys

from cxr_explorer.pace import Progress


class ProgressLine:
    """Shows a run's progress. End it."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._stage = ""
        self._is_open = False

    def show(self, progress: Progress) -> None:
        """Shows where the run stands now."""
        if not self._watched:
            if progress.stage != self._stage:
                self._stage = progress.stage
                print(f"{progress.stage}…", file=sys.stderr, flush=True)
            return
        text = progress.stage
        if progress.total:
            text += f"  {progress.done:,} / {progress.total:,}"
        elif progress.done:
            text += f"  {progress.done:,}"
        if progress.rate and progress.left_s is not None:
            text += f"  {progress.rate:.0f}/s  {_duration(progress.left_s)} left"
        print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)
        self._is_open = True

    def say(self, text: str) -> None:
        """A line that stays."""
        self.end()
        print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        """The line stays as it is."""
        if self._is_open:
            print(file=sys.stderr)
        self._is_open = False


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
