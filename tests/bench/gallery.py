"""Flinging through 112,120 thumbnails: `python -m tests.bench.gallery --json`.

A fling is frames of 1/60 s: the gallery scrolls on and is painted, and what is left of the frame goes to loading. All
times are processor time of the thread, which other work on the machine changes little. Thumbnails come from a project
file as they do in the program; the window is 1600 x 1000 px of the smallest and of middle-sized tiles.

The last line is JSON, by tile size and speed: `ratio`, how many frames of 1/60 s the scrolling and painting of one
take at the 95th percentile, over 1 (above 1: 60 frames a second are kept); `empty`, the share of tiles painted before
their picture was there; and `memory_mb`, what the process grew by from before the project was opened to the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication

from cxr_explorer.project.project import Project
from cxr_explorer.ui.gallery.gallery import Gallery
from cxr_explorer.ui.session.thumbnails import Thumbnails
from tests.bench.big_project import make_big_project

FRAME_S = 1 / 60
TILES_PX = (96, 144)
SPEEDS_PX_S = (1500, 6000)
FRAMES = 240


class TimedGallery(Gallery):
    """Adds up what painting takes."""

    painting_s = 0.0

    def paintEvent(self, event: QPaintEvent) -> None:
        begin = time.thread_time()
        super().paintEvent(event)
        self.painting_s += time.thread_time() - begin


def fling(
    application: QApplication, gallery: TimedGallery, thumbnails: Thumbnails, speed_px_s: int
) -> dict[str, float]:
    """One fling from a place where nothing is loaded yet."""
    bar = gallery.verticalScrollBar()
    thumbnails.clear()
    at = float(bar.maximum() // 3)
    bar.setValue(int(at))
    while not thumbnails.load(gallery.visible_ids(), 1.0):
        pass
    spent, painted, empty = [], 0, 0
    for _ in range(FRAMES):
        begin = time.thread_time()
        gallery.painting_s = 0.0
        at += speed_px_s * FRAME_S
        bar.setValue(int(at))
        moved_s = time.thread_time() - begin
        shown = gallery.visible_ids()
        painted += len(shown)
        empty += sum(not thumbnails.settled(one) for one in shown)
        clock = time.perf_counter()
        while time.thread_time() - begin < FRAME_S and time.perf_counter() - clock < 10 * FRAME_S:
            application.processEvents()
        spent.append(moved_s + gallery.painting_s)
    slowest = float(np.quantile(spent, 0.95))
    return {
        "ratio": round(FRAME_S / slowest, 2),
        "median_ms": round(1e3 * float(np.median(spent)), 2),
        "frame_ms_95": round(1e3 * slowest, 2),
        "empty": round(empty / painted, 4),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gallery", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=112_120)
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args(arguments)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "big.cxr"
        if (child := os.fork()) == 0:  # what making it takes is not to count
            make_big_project(path, chosen.images)
            os._exit(0)
        os.waitpid(child, 0)
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with Project.open(path) as project:
            thumbnails = Thumbnails(project.thumbnails)
            gallery = TimedGallery(thumbnails)
            gallery.resize(1600, 1000)
            gallery.show()
            gallery.set_images(np.arange(1, chosen.images + 1))
            for tile_px in TILES_PX:
                gallery.set_tile_size(tile_px)
                application.processEvents()
                for speed in SPEEDS_PX_S:
                    one = found[f"{tile_px} px, {speed} px/s"] = fling(application, gallery, thumbnails, speed)
                    print(f"tiles of {tile_px} px, {speed} px/s: {one}", flush=True)
            gallery.close()
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    if chosen.json:
        ratio = min(one["ratio"] for one in found.values())
        print(json.dumps({"ratio": ratio, "memory_mb": round(grown_mb), "flings": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
