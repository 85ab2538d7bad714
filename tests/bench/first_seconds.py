"""How long a reader waits for the first pictures and for the map, on small and larger folders.

    python -m tests.bench.first_seconds --json
    python -m tests.bench.first_seconds --against ../main --films ../shared/data/cxr/nih --json
    python -m tests.bench.first_seconds --provisional --counts 800 --films ../shared/data/cxr/nih --json

Each run is a process of its own, as the program's start is. The last line is a JSON object: for each number of films
the median `pictures_s` and `map_s` from the choice of the folder, and `cpu_s`, the processor time of all processes,
which a busy machine changes less; `import_torch_s` alone, which nothing can undercut.
With `--against`, a checkout of another version is measured in turn with this one: `ratio` is its seconds over ours.
With `--provisional`, runs with and without provisional maps take turns: `slower` is the first's processor
time over the second's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parents[2]
KINDS = (".png", ".jpg", ".jpeg", ".dcm")


def one(folder: Path, provisional: bool) -> dict[str, float]:
    """One run over a folder, seconds to the first pictures and to the map; to be run in a process of its own."""
    from cxr_explorer.encoder.checkpoint import default_encoder
    from cxr_explorer.indexing import Indexing
    from cxr_explorer.labels.vocabulary import bundled_vocabularies
    from cxr_explorer.project.project import Project

    pictures_s, maps = 0.0, 0
    shown: object = None
    extra: dict[str, Any] = {"provisional": True} if provisional else {}
    with (
        tempfile.TemporaryDirectory() as home,
        Project.create(Path(home) / "bench.cxr", folder, bundled_vocabularies()[0]) as project,
    ):
        start = time.monotonic()
        run = Indexing(project, default_encoder(), "cpu", **extra)
        while not run.finished:
            run.advance(0.03)
            if not pictures_s and run.report.embedded:
                pictures_s = time.monotonic() - start
            if provisional and run.provisional is not shown:
                shown, maps = run.provisional, maps + 1
        map_s = time.monotonic() - start
    for child in multiprocessing.active_children():
        child.join()
    times = os.times()
    cpu_s = times.user + times.system + times.children_user + times.children_system
    return {"pictures_s": pictures_s, "map_s": map_s, "cpu_s": cpu_s, "provisional_maps": maps}


def in_a_process(root: Path, folder: Path, provisional: bool = False) -> dict[str, float]:
    """`one`, by the version in that checkout."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", str(folder)]
    command += ["--provisional"] if provisional else []
    environment = {**os.environ, "PYTHONPATH": str(root)}
    said = subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, float] = json.loads(said.splitlines()[-1])
    return result


def import_torch_s() -> float:
    """What importing torch takes in a new process, which is the floor."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.monotonic() - start


def films_of(place: Path | None, count: int, folder: Path) -> Path:
    """A folder of so many films, copied from a place or simulated."""
    if place is None:
        from cxr_explorer.demo import drawing_demo

        for _ in drawing_demo(folder, count):
            pass
        return folder
    folder.mkdir()
    films = sorted(path for path in place.rglob("*") if path.suffix.lower() in KINDS)
    for number, film in enumerate(films[:: max(len(films) // count, 1)][:count]):
        shutil.copy(film, folder / f"{number:05}{film.suffix}")
    return folder


def rounded(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The medians of some runs."""
    return {key: round(median(run[key] for run in runs), 2) for key in runs[0]}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 50, 300])
    parser.add_argument("--films", type=Path, help="where real films lie; simulated ones otherwise")
    parser.add_argument("--against", type=Path, help="a checkout of another version")
    parser.add_argument("--provisional", action="store_true", help="what provisional maps cost")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.one is not None:
        print(json.dumps(one(chosen.one, chosen.provisional)))
        return 0
    result: dict[str, Any] = {"import_torch_s": round(median(import_torch_s() for _ in range(3)), 2)}
    with tempfile.TemporaryDirectory() as home:
        for count in chosen.counts:
            folder = films_of(chosen.films, count, Path(home) / f"films-{count}")
            ours, others = [], []
            for _ in range(chosen.repeats):
                if chosen.against is not None:
                    others.append(in_a_process(chosen.against.resolve(), folder))
                elif chosen.provisional:
                    others.append(in_a_process(HERE, folder))
                ours.append(in_a_process(HERE, folder, chosen.provisional))
            said: dict[str, Any] = rounded(ours)
            if others:
                other = rounded(others)
                said["other"] = other
                if chosen.against is not None:
                    said["ratio"] = {key: round(other[key] / said[key], 2) for key in ("pictures_s", "map_s")}
                else:
                    said["slower"] = round(said["cpu_s"] / other["cpu_s"], 3)
            result[str(count)] = said
            if not chosen.json:
                print(count, said)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
