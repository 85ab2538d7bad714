"""What the whole window holds in memory at 112,120 images: `python -m tests.bench.memory --json`.

    python -m tests.bench.memory [--images 112120] [--keep FOLDER] [--size 1366 768] [--acts] --json

A project is opened, its gallery scrolled from end to end so that every thumbnail was on the screen, the map coloured by
each thing it can be coloured by, and all images labelled, undone and labelled again; with --acts, all that
`tests.bench.window` does follows. After each: MB (10^6 bytes) of memory in use (`rss`), of it what no other process has
too (`unique`) and what is shared counted by its part (`pss`), all with the child processes.

The last line is JSON, by step; `peak` is the most the window's own process ever had in use. Linux alone tells all this.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from cxr_explorer.ui.main_window import MainWindow
from tests.bench.big_project import make_big_project
from tests.bench.window import ACTS, Bench, Watch

COLOURING = tuple(name for name in ACTS if name.startswith("colour by"))
LABELLING = ("choose an unlabelled finding", "label all", "undo", "redo")
PATIENCE_S = 20


def memory_mb() -> dict[str, int]:
    """MB of this process and its children now: in use, unique to them, and proportionally shared."""
    found = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    waiting = ["self"]
    while waiting:
        process = Path("/proc") / waiting.pop()
        try:
            text = (process / "smaps_rollup").read_text()
            for task in (process / "task").iterdir():
                waiting += (task / "children").read_text().split()
        except OSError:  # a child that has ended
            continue
        for key in found:
            found[key] += sum(int(kb) for kb in re.findall(rf"^{key}: +(\d+) kB", text, re.MULTILINE))
    unique = found["Private_Clean"] + found["Private_Dirty"]
    return {
        key: round(kb * 1024 / 1e6) for key, kb in (("rss", found["Rss"]), ("unique", unique), ("pss", found["Pss"]))
    }


def peak_mb() -> int:
    """MB, the most that this process ever had in use."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return round(int(found[1]) * 1024 / 1e6)


def scroll_through(application: QApplication, window: MainWindow) -> int:
    """Brings every image of the gallery to the screen, its thumbnail too. Returns how many were seen."""
    gallery, thumbnails = window.gallery_panel.gallery, window.session.thumbnails
    bar = gallery.verticalScrollBar()
    seen: set[int] = set()
    for at in [*range(0, bar.maximum(), max(bar.pageStep() // 2, 1)), bar.maximum()]:
        bar.setValue(at)
        shown = gallery.visible_ids()
        end = time.perf_counter() + PATIENCE_S
        while not all(thumbnails.settled(image_id) for image_id in shown) and time.perf_counter() < end:
            application.processEvents()
        application.processEvents()
        seen.update(shown)
    return len(seen)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=112_120)
    parser.add_argument("--keep", type=Path, help="folder where the project is kept, and found again; it is changed")
    parser.add_argument("--size", type=int, nargs=2, default=(1366, 768), metavar="PX", help="of the window")
    parser.add_argument("--acts", action="store_true", help="all acts of tests.bench.window at the end")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        path = (chosen.keep or home) / f"memory-{chosen.images}.cxr"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            if (child := os.fork()) == 0:  # what making it takes is not to count
                make_big_project(path, chosen.images)
                os._exit(0)
            os.waitpid(child, 0)
        application = QApplication.instance() or QApplication(sys.argv[:1])
        assert isinstance(application, QApplication)
        qInstallMessageHandler(lambda *_: None)  # what the offscreen platform cannot do
        told: dict[str, dict[str, int]] = {}

        def tell(step: str) -> None:
            told[step] = memory_mb()
            print(f"{step:28} {told[step]}, at most {peak_mb()}", flush=True)

        tell("nothing but the imports")
        bench = Bench(path, home, Watch(), tuple(chosen.size))
        tell("opened")
        bench.run(ACTS["select all"])  # the gallery shows what is selected
        seen = scroll_through(application, bench.window)
        assert seen == chosen.images, f"{seen:,} of {chosen.images:,} images were on the screen"
        tell("gallery scrolled through")
        steps = [("coloured", COLOURING), ("labelled", LABELLING)]
        for step, acts in [*steps, ("all acts", tuple(ACTS))] if chosen.acts else steps:
            for act in acts:
                bench.run(ACTS[act])
            tell(step)
        bench.close()
    if chosen.json:
        print(json.dumps({"images": chosen.images, "peak": peak_mb(), "mb": told, "errors": bench.errors}))
    return 1 if bench.errors else 0


if __name__ == "__main__":
    sys.exit(main())
