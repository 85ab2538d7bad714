"""Fills the disk at random moments of the program's work and sees what is stored, what is said, and how it goes on.

    python -m tests.disk_full --count 20

needs Linux and root: each time a small disk is mounted, a project is made on it, labelled, embedded or migrated, and at
a random moment the disk is full to within a few kilobytes. The step that meets it must raise one UserError, which says
that the step was not stored; the file holds just what was confirmed; with room again the same step succeeds. The last
line is a JSON object: `moments` by kind, `refused` steps, `confirmed` acts, and what went `wrong`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import acts, labelling
from cxr_explorer.project.project import Project
from tests.kills import digest
from tests.mounts import NoMount, small_disk
from tests.project.older import older_project
from tests.project.projects import ENCODER, files

IMAGES = 400
DISK_KB = 6000


def steps_of_creation(path: Path, folder: Path, _: random.Random) -> Iterator[Callable[[], str]]:
    def make() -> str:
        with Project.of_folder(folder, path, bundled_vocabularies()[0]) as project:
            return digest(project)

    yield make


def steps_of_migration(path: Path, folder: Path, chance: random.Random) -> Iterator[Callable[[], str]]:
    older_project(path, folder, chance.choice((1, 2)), images=IMAGES)

    def open_it() -> str:
        with Project.open(path) as project:
            return digest(project)

    yield open_it


def steps_of_labelling(path: Path, folder: Path, chance: random.Random) -> Iterator[Callable[[], str]]:
    with filled(path, folder) as project:

        def act() -> str:
            kind = chance.random()
            if kind < 0.15:
                acts.undo(project)
            elif kind < 0.25:
                acts.redo(project)
            else:
                ids = np.array(chance.sample(range(1, IMAGES + 1), chance.choice((1, 20, IMAGES))))
                finding = chance.choice(project.vocabulary.findings)
                labelling.label(project, ids, Judgement(finding, Value(chance.choice((1, 0, -1))), "ann", "selection"))
            return digest(project)

        while True:
            yield act


def steps_of_embedding(path: Path, folder: Path, chance: random.Random) -> Iterator[Callable[[], str]]:
    with filled(path, folder) as project:
        bytes_each = chance.choice((200, 3000))

        def store() -> str:
            pending = project.pending(ENCODER.key)[:16]
            results = [
                Embedded(source.image_id, np.ones(3, np.float32), os.urandom(bytes_each), "d", 60, 50, {}, ())
                for source in pending
            ]
            project.store_batch(ENCODER, Batch(tuple(results), ()))
            return str(project.db.execute("SELECT count(*) FROM embeddings").fetchone()[0])

        while project.pending(ENCODER.key):
            yield store


@contextlib.contextmanager
def filled(path: Path, folder: Path) -> Iterator[Project]:
    with Project.create(path, folder, bundled_vocabularies()[0]) as project:
        project.update_files(files(*(f"{number:03}.png" for number in range(IMAGES))), [])
        yield project


KINDS = {
    "creation": steps_of_creation,
    "migration": steps_of_migration,
    "labelling": steps_of_labelling,
    "embedding": steps_of_embedding,
}


def stored(path: Path, kind: str) -> str:
    """What is in the file, in the words of its steps."""
    with Project.open(path) as project:
        if kind == "embedding":
            return str(project.db.execute("SELECT count(*) FROM embeddings").fetchone()[0])
        return digest(project)


def try_one(kind: str, disk: Path, chance: random.Random) -> tuple[int, int]:
    """Fills the disk at a random moment. Returns the number of steps confirmed and refused; raises AssertionError."""
    folder, path = disk / "images", disk / "test.cxr"
    folder.mkdir()
    ballast = disk / "ballast"
    confirmed = refused = 0
    last = ""
    steps = KINDS[kind](path, folder, chance)
    with contextlib.closing(steps):
        full_at = chance.randrange(6) if kind in ("labelling", "embedding") else 0
        for number, step in enumerate(steps):
            if number == full_at:
                left = chance.choice((0, 0, 4, 12, 40, 100, 200)) << 10
                ballast.write_bytes(bytes(max(shutil.disk_usage(disk).free - left, 0)))
            try:
                last = step()
                confirmed += 1
            except UserError as error:
                refused += 1
                assert "full" in str(error), f"not said to be full: {error}"
                assert kind in ("creation", "migration") or "not stored" in str(error), str(error)
                ballast.unlink(missing_ok=True)
                last = step()  # the same goes on once there is room
                confirmed += 1
                break
            if number > 200:
                break
    ballast.unlink(missing_ok=True)
    assert stored(path, kind) == last, "the file does not hold what was confirmed"
    with Project.open(path) as project:
        assert project.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not project.lost
    assert not list(disk.glob(".*.part*")), "something half made is left"
    return confirmed, refused


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="moments in all (default: 20)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    chance = random.Random(chosen.seed)
    kinds = list(KINDS)
    tally = {"moments": dict.fromkeys(kinds, 0), "confirmed": 0, "refused": 0, "wrong": []}
    with tempfile.TemporaryDirectory() as home:
        for number in range(chosen.count):
            kind = kinds[number % len(kinds)]
            try:
                with small_disk(Path(home) / str(number), DISK_KB) as disk:
                    confirmed, refused = try_one(kind, disk, chance)
                tally["moments"][kind] += 1
                tally["confirmed"] += confirmed
                tally["refused"] += refused
            except NoMount as reason:
                print(json.dumps({"skipped": str(reason)}))
                return 0
            except Exception:  # noqa: BLE001 - that is what is looked for
                tally["wrong"].append(f"{kind} {number}: {traceback.format_exc()}")
    print(json.dumps(tally))
    return int(bool(tally["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
