"""How long the window's thread is busy without a break, over every act at 112,120 images.

    python -m tests.bench.window [--images 112120] [--findings 14] [--keep FOLDER] [--acts ACT] [--profile ACT] --json

A block is a turn of the event loop: for so long no key, click or redraw is answered. It is told in milliseconds of the
thread's processor time, which a busy machine changes little, and by the clock. `shown_s` is the time, by the clock,
from the act until the thread has nothing left to do; `cpu_s` the processor time of it.

The last line is JSON: `longest_block_ms` (of all acts but the opening), `window_up_s` (a process of its own, from its
start to the first idle moment of the shown window), `open_s` and `open_map_s` (until the map is drawn),
`label_all_s`, `undo_s`, `redo_s`, and every act in `acts`.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, QSettings, QTimer, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QDialog

from cxr_explorer.labels.label import Value
from cxr_explorer.search.conditions import Column, OneOf
from cxr_explorer.ui.main_window import MainWindow
from tests.bench.big_project import make_big_project

BUSY_S = 0.002
"""A turn of the event loop that takes less is none that the reader could wait for."""

QUIET_S, REST_S = 0.15, 0.4
"""See `Watch`."""

PATIENCE_S = 120
LOOK_AT = "view"
"""The fact that the map is coloured by."""

_UP = """
import sys, time
from PySide6.QtCore import QTimer
from cxr_explorer.ui import app
application, window = app._start()
QTimer.singleShot(0, lambda: QTimer.singleShot(0, application.quit))
application.exec()
print(time.monotonic() - float(sys.argv[1]))
"""


@dataclass(frozen=True)
class Took:
    """What an act took.

    Attributes:
        block_ms: The longest turn of the event loop, processor time of the thread.
        block_clock_ms: The longest turn by the clock.
        shown_s: From the act until there was nothing left to do, by the clock.
        cpu_s: Processor time of the thread until then.
    """

    block_ms: float
    block_clock_ms: float
    shown_s: float
    cpu_s: float


class Watch(QObject):
    """A timer that fires in every turn of the event loop, so that the time between two of them is the turn's.

    Args:
        quiet_s: So long without a busy turn, and all is on the screen.
        rest_s: So long, and nothing will come after it.
    """

    def __init__(self, quiet_s: float = QUIET_S, rest_s: float = REST_S) -> None:
        super().__init__()
        self._quiet_s, self._rest_s = quiet_s, rest_s
        self.busy: Callable[[], bool] = lambda: False
        self._loop = QEventLoop()
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._tick)

    def run(self, act: Callable[[], object]) -> Took:
        """Does an act from the event loop, and waits until there is nothing left to do. Dialogs are closed."""
        QTimer.singleShot(0, self, act)
        self._block = self._block_clock = 0.0
        self._begun = self._clock = self._last = time.perf_counter()
        self._cpu_begun = self._cpu = self._cpu_last = time.thread_time()
        self._shown: tuple[float, float] | None = None
        self._timer.start()
        self._loop.exec()
        self._timer.stop()
        shown, cpu = self._shown or (self._last - self._begun, self._cpu_last - self._cpu_begun)
        return Took(round(1e3 * self._block, 1), round(1e3 * self._block_clock, 1), round(shown, 3), round(cpu, 3))

    def _tick(self) -> None:
        clock, cpu = time.perf_counter(), time.thread_time()
        self._block = max(self._block, cpu - self._cpu)
        self._block_clock = max(self._block_clock, clock - self._clock)
        if cpu - self._cpu > BUSY_S:
            self._last, self._cpu_last = clock, cpu
        self._clock, self._cpu = clock, cpu
        quiet = clock - self._last
        if quiet > self._quiet_s and self._shown is None:
            self._shown = self._last - self._begun, self._cpu_last - self._cpu_begun
        if quiet > self._quiet_s and isinstance(dialog := QApplication.activeModalWidget(), QDialog):
            dialog.reject()
            self._last = clock
        elif quiet > self._rest_s and (not self.busy() or quiet > PATIENCE_S):
            self._loop.quit()


Act = Callable[[MainWindow], object]


def _action(name: str) -> Act:
    def trigger(window: MainWindow) -> None:
        action = window.actions_by_name[name]
        assert action.isEnabled(), f"{name} cannot be done"
        action.trigger()

    return trigger


def _to(finding: int, value: Value | None = Value.PRESENT) -> Act:
    def choose(window: MainWindow) -> None:
        assert window.session.project is not None
        window.session.set_judgement(window.session.project.vocabulary.findings[finding], value)

    return choose


def _filter(window: MainWindow) -> None:
    assert window.session.project is not None
    unread = OneOf(Column("finding", window.session.project.vocabulary.findings[3]), ("not labelled",))
    window.session.filtering.set((OneOf(Column("fact", "view"), ("PA",)), unread))


def _pick(count: int) -> Act:
    def pick(window: MainWindow) -> None:
        gallery = window.gallery_panel.gallery
        gallery.set_picked(gallery.image_ids()[:count])

    return pick


def _lasso(window: MainWindow) -> None:
    xy = window.map_page.scatter.xy
    window.map_page.scatter.pointsChosen.emit(np.flatnonzero(xy[:, 0] < np.median(xy[:, 0])), "lasso", "replace")


def _current(window: MainWindow) -> None:
    window.session.set_current(int(window.gallery_panel.gallery.image_ids()[5]))


def _type(text: str) -> Act:
    return lambda window: window.finder.bar.line.setText(text)


def _other_reader(name: str) -> Act:
    return lambda window: window.session.set_reader(name)


ACTS: dict[str, Act] = {
    "select all": _action("select_all"),
    "choose a finding": _to(1),
    "choose an unlabelled finding": _to(0),
    "label all": _action("apply"),
    "undo": _action("undo"),
    "redo": _action("redo"),
    "another value for all": lambda window: (_to(0, Value.ABSENT)(window), _action("apply")(window)),
    "clear the label of all": lambda window: (_to(0, None)(window), _action("apply")(window)),
    "undo clearing": _action("undo"),
    "colour by label": lambda window: window.session.set_colour_by("label"),
    "choose a finding, coloured by label": _to(2),
    "choose back, coloured by label": _to(0),
    "undo, coloured by label": _action("undo"),
    "redo, coloured by label": _action("redo"),
    "colour by labelled or not": lambda window: window.session.set_colour_by("labelled"),
    "colour by a fact": lambda window: window.session.set_colour_by(LOOK_AT),
    "colour by the folder": lambda window: window.session.set_colour_by("folder"),
    "colour by suggestion": lambda window: window.session.set_colour_by("suggestion"),
    "colour by cluster": lambda window: window.session.set_colour_by("cluster"),
    "order: edge first": lambda window: window.session.set_order("edge"),
    "order: file name": lambda window: window.session.set_order("file"),
    "order: least sure": lambda window: window.session.set_order("unsure"),
    "order: typical first": lambda window: window.session.set_order("typical"),
    "filter": _filter,
    "update the filter": _action("update_filter"),
    "select all within the filter": _action("select_all"),
    "take the filter away": _action("clear_filter"),
    "filter dialog": _action("filter"),
    "lasso half of the map": _lasso,
    "label half": lambda window: (_to(7)(window), _action("apply")(window)),
    "undo half": _action("undo"),
    "confounders": _action("confounders"),
    "next cluster": _action("next_cluster"),
    "label a cluster": lambda window: (_to(8)(window), _action("apply")(window)),
    "undo a cluster": _action("undo"),
    "redo a cluster": _action("redo"),
    "next unlabelled cluster": _action("next_unlabelled"),
    "finer": _action("finer"),
    "undo finer": _action("undo"),
    "coarser": _action("coarser"),
    "preview a cut": lambda window: window.cluster_panel.slider.setValue(window.cluster_panel.slider.maximum()),
    "first cluster": lambda window: window.session.select_cluster(0),
    "split": _action("split"),
    "undo split": _action("undo"),
    "sheet of a cluster": _action("sheet"),
    "back to the map": _action("back"),
    "all again": _action("select_all"),
    "sheet of all": _action("sheet"),
    "mark one as odd": _action("exclude"),
    "back to the map again": _action("back"),
    "outliers": _action("outliers"),
    "back from outliers": _action("back"),
    "near-duplicates": _action("duplicates"),
    "back from near-duplicates": _action("back"),
    "all once more": _action("select_all"),
    "pick 1,000": _pick(1000),
    "exclude 1,000": _action("exclude"),
    "undo excluding": _action("undo"),
    "pick all": _pick(10**9),
    "exclude all": _action("exclude"),
    "take all back": _action("undo"),
    "go to an image": _current,
    "note": _action("note"),
    "flag": _action("come_back"),
    "flag off": _action("come_back"),
    "search bar": _action("search"),
    "search a name": _type("0012"),
    "search a fact and a label": _type("view:PA labelled"),
    "take what is found": lambda window: window.finder.bar.take(),
    "close the search": lambda window: window.finder.bar.close_bar(),
    "jump dialog": _action("jump"),
    "similar images": _action("similar"),
    "all for the rest": _action("select_all"),
    "normal, all": _action("label_normal"),
    "undo normal": _action("undo"),
    "rest absent, all": _action("label_rest_absent"),
    "undo rest absent": _action("undo"),
    "history": _action("history"),
    "another reader": _other_reader("reader 2"),
    "the first reader again": _other_reader("reader 1"),
    "progress tab": _action("progress"),
    "label all beside the progress": lambda window: (_to(9)(window), _action("apply")(window)),
    "clear the selection": lambda window: window.session.clear_selection(),
}
"""The acts in order, by what is printed; each begins where the one before has ended."""


class Bench:
    """A window on a copy of a large project."""

    def __init__(self, project: Path, home: Path, watch: Watch) -> None:
        self.errors: list[str] = []
        self._hook, sys.excepthook = sys.excepthook, self._take_error
        self.watch = watch
        settings = QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat)
        self.window = MainWindow(settings)
        self.window.image_page.least_look_ms = 0
        self.window.resize(1366, 768)
        self.window.show()
        # There are no files behind the images: a run over the folder would find all of them gone.
        self.window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
        self.watch.run(lambda: None)
        self.watch.busy = lambda: self.window.suggest.busy
        self.map_drawn_s = 0.0
        begun = time.perf_counter()

        def drawn() -> None:
            if self.window.session.map is not None and not self.map_drawn_s:
                self.map_drawn_s = time.perf_counter() - begun

        self.window.map_page.scatter.ready.connect(drawn)
        self.opened = self.watch.run(lambda: self.window.files.open_path(project))

    def _take_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.errors.append(f"{kind.__name__}: {error}")
        self._hook(kind, error, trace)

    def run(self, act: Act, profiled: bool = False) -> Took:
        """Does one act."""
        if not profiled:
            return self.watch.run(lambda: act(self.window))
        profile = cProfile.Profile()
        profile.enable()
        took = self.watch.run(lambda: act(self.window))
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
        return took

    def close(self) -> None:
        """Closes the window."""
        self.window.close()
        self.window.deleteLater()
        sys.excepthook = self._hook


def play(
    project: Path, home: Path, acts: Sequence[str] = (), profiled: str = "", watch: Watch | None = None
) -> dict[str, Any]:
    """Opens a project and goes through the acts; prints each. Returns what the last line says.

    Args:
        project: The file; the acts change it.
        home: Where the window's settings lie.
        acts: Names of those to measure; the others are done all the same. Empty: all.
        profiled: One of them, of which the functions that took longest are printed.
        watch: What measures, and how long it waits.
    """
    bench = Bench(project, home, watch or Watch())
    print(f"{'':40} {'block ms':>9} {'by clock':>9} {'shown s':>8} {'cpu s':>7}")
    _print("open", bench.opened)
    took: dict[str, Took] = {}
    for name, act in ACTS.items():
        one = bench.run(act, name == profiled)
        if not acts or name in acts:
            took[name] = one
            _print(name, one)
    bench.close()
    longest = max(took, key=lambda name: took[name].block_ms)
    return {
        "longest_block_ms": took[longest].block_ms,
        "longest_block_of": longest,
        "open_s": bench.opened.shown_s,
        "open_map_s": round(bench.map_drawn_s, 3),
        "open_block_ms": bench.opened.block_ms,
        **{key: took[name].shown_s for key, name in _NAMED.items() if name in took},
        **{f"{key[:-2]}_cpu_s": took[name].cpu_s for key, name in _NAMED.items() if name in took},
        "acts": {name: asdict(one) for name, one in took.items()},
        "errors": bench.errors,
    }


_NAMED = {"label_all_s": "label all", "undo_s": "undo", "redo_s": "redo"}


def _print(name: str, took: Took) -> None:
    print(
        f"{name:40} {took.block_ms:9.1f} {took.block_clock_ms:9.1f} {took.shown_s:8.2f} {took.cpu_s:7.2f}", flush=True
    )


def window_up_s(home: Path, times: int = 3) -> float:
    """Seconds from the start of a process to the first idle moment of its window, the median."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_STATE_HOME": str(home)}
    taken = []
    for _ in range(times):
        command = [sys.executable, "-c", _UP, str(time.monotonic())]
        said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        taken.append(float(said.splitlines()[-1]))
    return round(median(taken), 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.window", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=112_120)
    parser.add_argument("--findings", type=int, default=14)
    parser.add_argument("--keep", type=Path, help="folder where the project is kept, and found again; acts get a copy")
    parser.add_argument("--acts", nargs="+", choices=list(ACTS), default=(), metavar="ACT", help="those to tell of")
    parser.add_argument("--profile", choices=list(ACTS), default="", metavar="ACT", help="where its time goes")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args(arguments)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    qInstallMessageHandler(lambda *_: None)  # what the offscreen platform cannot do
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        kept = (chosen.keep or home) / f"big-{chosen.images}-{chosen.findings}.cxr"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            make_big_project(kept, chosen.images, chosen.findings)
        copy = kept.with_name(f"copy-{os.getpid()}.cxr")
        shutil.copyfile(kept, copy)
        try:
            result = play(copy, home, chosen.acts, chosen.profile)
        finally:
            for left in copy.parent.glob(f"{copy.name}*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        result = {"images": chosen.images, "window_up_s": window_up_s(home), **result}
    for key in ("longest_block_ms", "window_up_s", "open_s", "label_all_s", "undo_s", "redo_s"):
        print(f"{key:40} {result.get(key)}")
    if chosen.json:
        print(json.dumps(result))
    del application
    return 1 if result["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
