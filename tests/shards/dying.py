"""Workers that end over their work, to be run on a cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from cxr_explorer.shards.embedding import Advanced, Shard, Worker, Written


class DyingOnce(Worker):
    """The first to have done a part of shard 1 is killed."""

    def make(self, shard: Shard) -> Iterator[Advanced | Written]:
        for step in super().make(shard):
            marker = Path(self._task.out) / "died.txt"
            if shard.number == 1 and not marker.exists():
                marker.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            yield step


class DyingAlways(Worker):
    """Whoever makes shard 1 is killed. Those who make no other have not loaded the encoder, which takes time."""

    _is_loaded = False

    def load(self) -> str:
        return "cpu"

    def make(self, shard: Shard) -> Iterator[Advanced | Written]:
        if shard.number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if not self._is_loaded:
            super().load()
            self._is_loaded = True
        yield from super().make(shard)
