"""Random valid acts at the real window, with a model beside it that knows what the project file must hold.

    python -m tests.soak --project P.cxr --seed 7 --minutes 10 --json

The project is copied with its images first. The seed is printed first, the last line is JSON; the exit status is 0 only
when nothing failed: no exception, no process left, memory steady, the file as the model has it.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import multiprocessing
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSettings
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cxr_explorer.errors import UserError
from cxr_explorer.ui.main_window import MainWindow
from tests import soak_acts
from tests.soak_model import Model, State, foretell
from tests.ui.ownership import wrong_owners
from tests.ui.windows import make_project

MOST_GROWTH_MB = 300
COPIES = 3
Act = Callable[[MainWindow, random.Random], str]
ACTS: tuple[tuple[float, Act], ...] = (
    (18, soak_acts.use_mouse),
    (14, soak_acts.press_key),
    (10, soak_acts.choose),
    (4, soak_acts.change_size),
    (1, soak_acts.run_index),
)
ACTION, OTHER_PROJECT, OTHER_WINDOW = 45.0, 0.6, 0.4  # how often, beside the acts above


class Soak:
    """One run: the window, the copies of the project, their models, and what went wrong."""

    def __init__(self, project: Path, seed: int, folder: Path) -> None:
        self.choice = random.Random(seed)
        self.folder = folder
        self.images, self.paths = _copy(project, folder)
        self.models = {path: Model.of(path) for path in self.paths}
        self.settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
        self.acts = 0
        self.errors: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []
        self.log = (folder / f"acts-{seed}.log").open("w", encoding="utf-8", buffering=1)
        faulthandler.enable(self.log)
        self.last: deque[str] = deque(maxlen=60)
        sys.excepthook = self._take_error
        self.window = self._open_window()
        self.window.files.open_path(self.paths[0])
        self.window.runs.opening.finish()
        self.dialogs = soak_acts.Dialogs(self.choice, self.note)

    def note(self, text: str) -> None:
        """Writes down what is done, so that a crash can be followed."""
        self.last.append(text)
        print(f"{self.acts} {text}", file=self.log)

    def _take_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, UserError):
            return
        stack = traceback.extract_tb(trace)
        place = f"{Path(stack[-1].filename).name}:{stack[-1].lineno} {stack[-1].name}" if stack else "?"
        self.errors[kind.__name__, place] += 1
        if self.errors[kind.__name__, place] == 1:
            self.note("".join(traceback.format_exception(kind, error, trace)))
            print("".join(traceback.format_exception(kind, error, trace)), "after", *list(self.last)[-6:-1], sep="\n  ")

    def _open_window(self) -> MainWindow:
        window = MainWindow(self.settings)
        window.resize(1366, 768)
        window.show()
        window.activateWindow()
        return window

    def act(self) -> None:
        """Does one thing, waits a little, and looks whether the file is as it must be."""
        self.acts += 1
        if self.window.isHidden():  # the palette offers Quit as well
            self._other_window()
        if self.window.session.project is None and self.choice.random() < 0.2:  # it was closed: not for long
            self._other_project()
        kinds: list[Callable[[], State | None]] = [self._trigger, self._other_project, self._other_window]
        kinds += [lambda act=act: self.note(act(self.window, self.choice)) for _, act in ACTS]
        (one,) = self.choice.choices(kinds, [ACTION, OTHER_PROJECT, OTHER_WINDOW, *(weight for weight, _ in ACTS)])
        foretold = None
        try:
            foretold = one()
        except Exception:  # noqa: BLE001 - it would have reached the excepthook from the event loop
            self._take_error(*sys.exc_info())  # type: ignore[arg-type]
        self._compare(foretold)
        QTest.qWait(self.choice.choice((0, 1, 3, 10, 30)))
        while QApplication.activeModalWidget() is not None:  # one that was opened without waiting for it
            QTest.qWait(30)
        self._compare(None)
        if self.acts % 100 == 0 and (wrong := wrong_owners()):
            self.wrong.append(f"wrong owners: {wrong[:3]}")

    def _trigger(self) -> State | None:
        name = soak_acts.random_action(self.window, self.choice)
        model = self._model()
        foretold = foretell(self.window, name, model.stored.state) if model is not None else None
        self.note(f"action {name}")
        self.window.actions_by_name[name].trigger()
        return foretold

    def _model(self) -> Model | None:
        project = self.window.session.project
        return self.models.setdefault(project.path, Model.of(project.path)) if project is not None else None

    def _compare(self, foretold: State | None) -> None:
        model = self._model()
        wrong = model.check(foretold) if model is not None else ""
        if wrong:
            self.wrong.append(f"act {self.acts}, {self.last[-1]}: {wrong}")
            self.note(f"WRONG {wrong}")
            print(self.wrong[-1], "after", *list(self.last)[-6:], sep="\n  ", flush=True)

    def _other_project(self) -> None:
        path = self.choice.choice(self.paths)
        self.note(f"open {path.name}")
        self.window.files.open_path(path)
        self.window.runs.opening.finish()

    def _other_window(self) -> None:
        self.note("close the window, open another")
        self.window.close()
        self.window.deleteLater()
        QTest.qWait(50)
        self.window = self._open_window()
        self.window.files.open_path(self.choice.choice(self.paths))
        self.window.runs.opening.finish()

    def end(self) -> None:
        """Closes the window and compares every copy once more."""
        self.window.close()
        self.window.deleteLater()
        QTest.qWait(300)
        for path, model in self.models.items():
            if wrong := model.check():
                self.wrong.append(f"{path.name} at the end: {wrong}")


def _copy(project: Path, folder: Path) -> tuple[Path, list[Path]]:
    """Copies of the project, all on one copy of its images."""
    with sqlite3.connect(project) as db:
        images = Path(db.execute("SELECT value FROM settings WHERE key = 'folder'").fetchone()[0])
        copied = folder / "images"
        shutil.copytree(images, copied)
        (folder / "empty").mkdir()
        paths = [folder / f"copy-{number}.cxr" for number in range(COPIES)]
        for path in paths:
            with sqlite3.connect(path) as copy:
                db.backup(copy)
                copy.execute("UPDATE settings SET value = ? WHERE key = 'folder'", [str(copied)])
            copy.close()
    db.close()
    return copied, paths


def _memory_mb() -> float:
    gc.collect()
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, AttributeError):
        return 0.0


def _children() -> list[str]:
    """Processes that this one has started and that are still there, but Python's own watcher."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_text().replace("\0", " ")
        except (OSError, ValueError):
            continue
        if parent == os.getpid() and "resource_tracker" not in command:
            found.append(command.strip() or entry.name)
    return found


def _left_behind() -> list[str]:
    """Processes that do not end by themselves: one that was killed may take a while on a machine that is busy."""
    for _ in range(60):
        QTest.qWait(500)
        multiprocessing.active_children()  # takes note of those that have ended
        if not (left := _children()):
            return []
    return left


def soak(project: Path, seed: int, minutes: float, acts: int = 0) -> dict[str, object]:
    """Runs so many acts, or acts for so many minutes. Returns what the last line says."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = os.environ["XDG_STATE_HOME"] = str(folder)
        run = Soak(project, seed, folder)
        put_back = soak_acts.answer_file_dialogs(run.choice, folder, run.images, run.paths)
        begun, warm, done = time.monotonic(), 0.0, 0.0
        print(f"acts are written to {run.log.name}", flush=True)
        while done < 1:
            run.act()
            done = run.acts / acts if acts else (time.monotonic() - begun) / (minutes * 60)
            if not warm and done > 1 / 3:
                warm = _memory_mb()
        growth = _memory_mb() - warm if warm else 0.0
        run.end()
        put_back()
        left = _left_behind()
        result = {
            "seed": seed,
            "minutes": minutes,
            "acts": run.acts,
            "errors": [{"type": kind, "place": place, "times": times} for (kind, place), times in run.errors.items()],
            "leaked_processes": left,
            "memory_growth_mb": round(growth, 1),
            "file_equals_model": not run.wrong,
            "wrong": run.wrong[:20],
        }
        faulthandler.disable()
        run.log.close()
        if run.errors or run.wrong:
            kept = Path(tempfile.gettempdir()) / Path(run.log.name).name
            shutil.copy(run.log.name, kept)
            print(f"the acts are kept in {kept}")
    return result


def main() -> int:
    """Runs the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--project", type=Path, help="a project with a map and its images; default: a small one is made"
    )
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--acts", type=int, default=0, help="end after so many acts, however long they take")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    application = QApplication([])
    application.setQuitOnLastWindowClosed(False)
    with tempfile.TemporaryDirectory() as home:
        result = soak(chosen.project or make_project(Path(home)), seed, chosen.minutes, chosen.acts)
    growth = result["memory_growth_mb"]
    assert isinstance(growth, float)
    well = result["file_equals_model"] and not result["errors"] and not result["leaked_processes"]
    print(json.dumps(result) if chosen.json else result)
    return 0 if well and growth < MOST_GROWTH_MB else 1


if __name__ == "__main__":
    sys.exit(main())
