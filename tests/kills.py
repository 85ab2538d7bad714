"""Kills the program at random moments and sees whether everything it had confirmed is still there.

    python -m tests.kills --count 300

kills (SIGKILL, the whole process group) in turn: the making of a project, the migration of files of schema 1 and 2, a
run over a folder, and the window while acts are done in it. Each time the file is opened again as the next start would:
what was confirmed must be there, the act under way either whole or not at all, and every act can be undone and done
again. The last line is a JSON object: `kills` by kind, `confirmed` acts, the most images `embedded` in a
run that was killed and gone on with, `lost`, `refused`, `undo_broken`.

Everything is imported once and each victim is forked, so that a kill takes a second or two and not ten. POSIX only.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads do not survive a fork
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import numpy as np
from PIL import Image
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from cxr_explorer import indexing, worker
from cxr_explorer.atlas import provisional
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.indexing import Indexing
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import acts
from cxr_explorer.project.project import Project
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.worker import Job
from tests.damage import make_base
from tests.project.older import older_project

KINDS = ("create", "migrate", "window", "index")
LONGEST_S = {"window": 3.0}
"""A kill comes at most so long after the victim says it begins; how long the others live is measured first."""


@dataclass
class Tally:
    """What the kills came to."""

    kills: dict[str, int] = field(default_factory=dict)
    ended_before: int = 0
    confirmed: int = 0
    embedded: int = 0
    lost: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    undo_broken: list[str] = field(default_factory=list)


def digest(project: Project) -> str:
    """All labels in one word."""
    rows = project.db.execute("SELECT image_id, finding, reader, value, how FROM labels ORDER BY 1, 2, 3").fetchall()
    return hashlib.sha1(repr(rows).encode()).hexdigest()


# -- victims: each says a line for what is stored by then --------------------------------------------------------------


def create(home: Path, say: Callable[[str], None]) -> None:
    say("begin")
    Project.of_folder(home / "images", home / "test.cxr", bundled_vocabularies()[0]).close()


def migrate(home: Path, say: Callable[[str], None]) -> None:
    say("begin")
    Project.open(home / "test.cxr").close()


def index(home: Path, say: Callable[[str], None]) -> None:
    worker._context = multiprocessing.get_context("fork")  # type: ignore[assignment]
    provisional.FIRST, provisional.EXPECTED_S, provisional.SHARE = 20, 0.0, 1e6  # at every turn
    say("begin")
    with Project.of_folder(home / "images", home / "test.cxr", bundled_vocabularies()[0]) as project:
        run = Indexing(project, default_encoder(), "cpu", provisional=True)
        while not run.finished:
            run.advance(0.02)
            say(str(project.db.execute("SELECT count(*) FROM embeddings").fetchone()[0]))


def window(home: Path, say: Callable[[str], None]) -> None:
    chance = random.Random(home.name)
    application = QApplication([])
    shown = MainWindow(QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat))
    shown.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    shown.show()
    shown.files.open_path(home / "test.cxr")
    shown.runs.opening.finish()
    session = shown.session
    assert session.project is not None and session.map is not None
    say(digest(session.project))
    while True:
        act = chance.random()
        if act < 0.15:
            session.acts.undo()
        elif act < 0.25:
            session.acts.redo()
        else:
            session.select_cluster(chance.randrange(-1, len(session.map.groups)))
            shown.labelling.label_finding(chance.randrange(5), chance.choice((1, 0, -1)))
        application.processEvents()
        say(digest(session.project))


# -- preparing and judging ---------------------------------------------------------------------------------------------


def prepare(kind: str, home: Path, base: Path, number: int) -> None:
    """What the victim finds. A run over a folder goes on where the last one was killed."""
    images = home / "images"
    if kind == "index" and home.exists():
        return
    images.mkdir(parents=True)
    if kind == "window":
        shutil.copy(base, home / "test.cxr")
    elif kind == "migrate":
        older_project(home / "test.cxr", images, 1 + number % 2, images=40)
    elif kind == "index":
        for picture in range(24):
            pixels = np.random.default_rng(picture).integers(0, 255, (8, 8)).astype(np.uint8)
            Image.fromarray(pixels).resize((64, 64)).save(images / f"{picture:02}.png")


def judge(kind: str, home: Path, said: list[str], tally: Tally) -> None:
    """Opens the file as the next start does and compares it with what was said."""
    name = f"{kind} {home.name}"
    try:
        if kind == "window":
            project = Project.open(home / "test.cxr")
        else:
            project = Project.of_folder(home / "images", home / "test.cxr", bundled_vocabularies()[0])
    except Exception as error:  # noqa: BLE001 - whatever it is, the next start would meet it
        tally.refused.append(f"{name}: {error}")
        return
    with project:
        if project.lost or project.db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            tally.lost.append(f"{name}: damaged {project.lost}")
        left = [entry.name for entry in home.iterdir() if entry.name.endswith(".part")]
        if left and kind != "create":
            tally.lost.append(f"{name}: left {left}")
        if kind == "migrate":
            if len(project.known_files()) != 40 or acts.undo(project) is None:
                tally.lost.append(name)
        elif kind == "index":
            stored = project.db.execute("SELECT count(*) FROM embeddings").fetchone()[0]
            tally.embedded = max(tally.embedded, stored)
            if len(said) > 1 and stored < int(said[-1]):
                tally.lost.append(f"{name}: {stored} of {said[-1]} embeddings")
        elif kind == "window" and said:
            tally.confirmed += len(said) - 1
            judge_window(name, project, said, tally)


def judge_window(name: str, project: Project, said: list[str], tally: Tally) -> None:
    """The labels are those last confirmed, or one step from them; all acts can be taken back and done again."""
    now = digest(project)
    if now != said[-1]:
        near = []
        if acts.undo(project) is not None:
            near.append(digest(project))
            acts.redo(project)
        if acts.redo(project) is not None:
            near.append(digest(project))
            acts.undo(project)
        if said[-1] not in near:
            tally.lost.append(f"{name}: not what was confirmed last")
    undone = 0
    while acts.undo(project) is not None:
        undone += 1
    if project.db.execute("SELECT count(*) FROM labels").fetchone()[0]:
        tally.undo_broken.append(f"{name}: labels are left when all is undone")
    for _ in range(undone):
        acts.redo(project)
    if digest(project) != now:
        tally.undo_broken.append(f"{name}: doing all again gives other labels")


def kill_one(kind: str, home: Path, chance: random.Random) -> tuple[list[str], bool, float]:
    """Forks a victim, kills it, and returns what it said, whether it was still alive, and seconds since it began."""
    reading, writing = os.pipe()
    victim = os.fork()
    if not victim:
        try:
            os.setsid()
            os.close(reading)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            globals()[kind](home, lambda text: os.write(writing, f"{text}\n".encode()))
        finally:
            os._exit(0)
    os.close(writing)
    said = b""
    begun = 0.0
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([reading], [], [], max(deadline - time.monotonic(), 0))[0]:
            break
        data = os.read(reading, 1 << 16)
        if not data:
            break
        said += data
        if not begun:
            begun = time.monotonic()
            deadline = begun + chance.uniform(0, LONGEST_S[kind])
    lived_s = time.monotonic() - begun
    alive = os.waitpid(victim, os.WNOHANG) == (0, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(victim, signal.SIGKILL)
    if alive:
        os.waitpid(victim, 0)
    while data := os.read(reading, 1 << 16) if select.select([reading], [], [], 0)[0] else b"":
        said += data
    os.close(reading)
    return said.decode().split("\n")[:-1], alive, lived_s


def warm_up(home: Path) -> None:
    """One whole run, so that no victim spends its life on importing and compiling."""
    worker.Job = InProcess  # type: ignore[misc,assignment]
    indexing.Job = InProcess  # type: ignore[misc,assignment]
    home.mkdir()
    prepare("index", home / "warm", home, 0)
    index(home / "warm", lambda _: None)
    worker.Job = indexing.Job = Job  # type: ignore[misc]


def longest(kind: str, home: Path) -> float:
    """How long a victim lives that is not killed: that depends on the machine, and on what else it does."""
    prepare(kind, home, home, 0)
    LONGEST_S[kind] = 300.0
    return kill_one(kind, home, Patient())[2]


class Patient(random.Random):
    """Always waits for as long as it may."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class InProcess:
    """A job that runs where it is called."""

    def __init__(self, function: Callable[..., Iterable[object]], *arguments: object) -> None:
        self._items = iter(function(*arguments))
        self.finished = False

    def receive(self, timeout_s: float) -> list[object]:
        for item in self._items:
            return [item]
        self.finished = True
        return []

    def cancel(self) -> None:
        self.finished = True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="kills in all (default: 300)")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of what, with commas")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    chance = random.Random(chosen.seed)
    kinds = chosen.kinds.split(",")
    tally = Tally(dict.fromkeys(kinds, 0))
    with tempfile.TemporaryDirectory() as folder:
        base = make_bare(Path(folder) / "base")
        if "index" in kinds:
            warm_up(Path(folder) / "warm")
        for kind in kinds:
            if kind != "window":  # that one goes on until it is killed
                LONGEST_S[kind] = 1.1 * longest(kind, Path(folder) / f"whole-{kind}")
                print(f"{kind} takes {LONGEST_S[kind]:.2f} s", flush=True)
        for number in range(chosen.count):
            kind = kinds[number % len(kinds)]
            home = Path(folder) / (f"index{tally.kills['index'] // 6}" if kind == "index" else f"{kind}{number}")
            prepare(kind, home, base, number)
            said, alive, _ = kill_one(kind, home, chance)
            tally.kills[kind] += alive
            tally.ended_before += not alive
            judge(kind, home, said, tally)
            if kind != "index":
                shutil.rmtree(home)
            if number % 20 == 19:
                print(number + 1, json.dumps(vars(tally)), flush=True)
    print(json.dumps(vars(tally)))
    return int(bool(tally.lost or tally.refused or tally.undo_broken))


def make_bare(home: Path) -> Path:
    """A project with a map and without any act."""
    path = make_base(home)
    with Project.open(path) as project:
        while acts.undo(project) is not None:
            pass
        with project.db.atomic():
            project.db.execute("DELETE FROM acts")
            project.db.execute("DELETE FROM audits")
            project.db.execute("DELETE FROM state")
    shutil.rmtree(home / "base.cxr-backups")
    return path


if __name__ == "__main__":
    sys.exit(main())
