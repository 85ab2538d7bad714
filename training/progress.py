"""How far a run is: the clock its schedule goes by, means over an epoch, and what the terminal shows."""

from __future__ import annotations

import math
import sys
import threading
import time
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from training.monitor import alignment, uniformity
from training.run_folder import Place
from training.settings import Config

_BAR = 24  # characters


class Clock:
    """Time spent on a run over all its starts, and from it or from the steps the share of the run that is over.

    Args:
        place: Where this start begins.
        steps: Batches an epoch.
        config: The length of the run.
        device: Where processes exchange numbers.
        stop: Set when the run is to end early.
    """

    def __init__(self, place: Place, steps: int, config: Config, device: torch.device, stop: threading.Event) -> None:
        self._began = time.monotonic() - place.elapsed_s
        self._saved = time.monotonic()
        self._steps, self._config, self._device, self._stop = steps, config, device, stop
        self.interrupted = False

    def elapsed_s(self) -> float:
        """Seconds of training, those of earlier starts included."""
        return time.monotonic() - self._began

    def share(self, place: Place) -> float:
        """Share of the run that is over, by this process's own clock."""
        if self._config.epochs > 0:
            return place.steps / (self._config.epochs * self._steps)
        return self.elapsed_s() / (60 * self._config.minutes)

    def progress(self, place: Place) -> float:
        """Share of the run that is over, the same in all processes; infinite once the run is to end early."""
        share = torch.tensor(math.inf if self._stop.is_set() else self.share(place), dtype=torch.float32)
        if dist.is_available() and dist.is_initialized():
            share = share.to(self._device)
            dist.broadcast(share, 0)
        self.interrupted = bool(share.isinf())
        return float(share)

    def is_time_to_save(self) -> bool:
        """Whether `save_every_s` have passed since this last said so."""
        due = time.monotonic() - self._saved > self._config.save_every_s
        if due:
            self._saved = time.monotonic()
        return due


class Tally:
    """Means over the batches of an epoch."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self._alignments: list[float] = []
        self._uniformities: list[float] = []
        self._began = time.monotonic()

    def add(self, loss: float, z1: Tensor, z2: Tensor) -> None:
        """Counts a batch: its loss and the projections of its two views, (B, D) each."""
        self.losses.append(loss)
        self._alignments.append(alignment(z1, z2))
        self._uniformities.append(uniformity(z1))

    def images_per_s(self, batch: int) -> float:
        """Images a second so far, each of them in two views."""
        return len(self.losses) * batch / max(time.monotonic() - self._began, 1e-9)

    def means(self, batch: int) -> dict[str, float]:
        """Loss, alignment and uniformity of the projections, and speed."""
        count = len(self.losses)
        return {
            "loss": sum(self.losses) / count,
            "alignment": sum(self._alignments) / count,
            "uniformity": sum(self._uniformities) / count,
            "images_per_s": self.images_per_s(batch),
        }


def show_decoding(done: int, count: int) -> None:
    """A bar for the pixel cache, on a terminal only."""
    if sys.stderr.isatty():
        end = "\n" if done == count else ""
        sys.stderr.write(f"\r{_bar(done / count)} decoded {done:,} of {count:,} images{end}")
        sys.stderr.flush()


def show_progress(place: Place, steps: int, progress: float, tally: Tally, batch: int) -> None:
    """A bar for the epoch, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(
            f"\r{_bar(place.step / steps)} epoch {place.epoch + 1}, {progress:.1%} of the run, "
            f"loss {tally.losses[-1]:.3f}, {tally.images_per_s(batch):.0f} images/s "
        )
        sys.stderr.flush()


def report(line: dict[str, Any]) -> None:
    """An epoch's figures as one line of text."""
    figures = ", ".join(f"{key} {value:.4g}" for key, value in line.items() if key not in ("epoch", "steps"))
    start = "\r\033[K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{start}epoch {line['epoch']}: {figures}\n")
    sys.stderr.flush()


def _bar(share: float) -> str:
    full = round(_BAR * share)
    return f"[{'#' * full}{'.' * (_BAR - full)}]"
