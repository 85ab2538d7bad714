"""What embedding into shards costs a film, in one process and on a Ray cluster of this machine with two workers.

    python -m tests.bench.cluster --json
    python -m tests.bench.cluster --films ../shared/data/cxr/nih --json

Each run is a process of its own over the same films, first few of them, then all: the difference is what a film costs,
the rest what a run costs. Processor time is counted of all processes of a run, so that a busy machine changes less.
Ray's start takes seconds more in one run than in another: with a few hundred films `ratio` says nothing.
The last line is a JSON object: `ratio` is films per processor second on the cluster over those in one process;
`film_cpu_s` and `start_cpu_s` of both; `bytes_a_film` of Parquet, and of which columns; `list_us_a_film`, processor
time to look through a folder; `list_bytes_a_film`, what the list holds in memory; `take_cpu_ms_a_film` into a project
and `project_bytes_a_film`, from the same rows many times over;
`place_cpu_ms_a_film`, to find the 15 most alike of `place_landmarks`. Needs Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Container
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.project import Project
from cxr_explorer.shards.films import find_films
from cxr_explorer.shards.manifest import read_manifest, shard_name
from cxr_explorer.shards.store import Store
from cxr_explorer.shards.table import parquet
from cxr_explorer.shards.taking import Shards, take_files, take_results
from tests.bench.first_seconds import films_of

LANDMARKS = 20_000
"""As many images are laid out; the rest is placed beside the most alike of them."""

LOOK_EVERY_S = 0.1
"""How often processor times are read: what a process does after the last look is not counted."""


def cpu_s_of(films: Path, out: Path, ray: bool, encoder: str | None) -> float:
    """Processor seconds of a run, all its processes counted, also those whose parents ended before them."""
    command = [sys.executable, "-m", "cxr_explorer", "embed", str(films), str(out), "--device", "cpu"]
    command += ["--shard-size", "32"]
    command += ["--encoder", encoder] if encoder else []
    command += ["--ray", "--workers", "2", "--worker-cpus", "1"] if ray else []
    mark = f"CXR_BENCH={secrets.token_hex(8)}"
    # One thread, as a worker of one processor has: two processes on two processors would share the caches otherwise
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **dict([mark.split("=")])}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    ticks: dict[int, int] = {}
    while process.poll() is None:
        ticks |= ticks_of(mark, ticks)
        time.sleep(LOOK_EVERY_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return sum(ticks.values()) / os.sysconf("SC_CLK_TCK")


def ticks_of(mark: str, known: Container[int]) -> dict[int, int]:
    """Processor time so far of every process that was started with this in its environment, by its number.

    Waiting for them would not do: Ray's are not waited for by who started them. A process that changes its title, as
    Ray's do, writes over its environment: it is `known` from before, or its parent is.
    """
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (place / "stat").read_text().rpartition(")")[2].split()
            ours = int(place.name) in known or int(told[1]) in known
            if ours or mark.encode() in (place / "environ").read_bytes():
                found[int(place.name)] = int(told[11]) + int(told[12])
    return found


def costs(few: Path, many: Path, more: int, home: Path, ray: bool, encoder: str | None) -> tuple[float, float]:
    """Processor seconds of a film, and of the run beside them. `more` films are in `many` than in `few`."""
    outs = home / "few", home / "many"
    for out in outs:
        shutil.rmtree(out, ignore_errors=True)
    first, second = (cpu_s_of(films, out, ray, encoder) for films, out in zip((few, many), outs, strict=True))
    film = (second - first) / more
    return film, second - film * sum(1 for _ in find_films(str(many)).files)


def sizes_of(out: Path) -> dict[str, float]:
    """Bytes a film in the shards, as a whole and by column."""
    images = read_manifest(Store(str(out))).images
    parts = sorted(out.glob("part-*.parquet"))
    columns: dict[str, int] = {}
    for path in parts:
        told = parquet()[1].read_metadata(path)
        for group in range(told.num_row_groups):
            for number in range(told.num_columns):
                column = told.row_group(group).column(number)
                name = column.path_in_schema.partition(".")[0]
                columns[name] = columns.get(name, 0) + column.total_compressed_size
    most = sorted(columns, key=lambda name: -columns[name])[:2]
    return {
        "all": round(sum(path.stat().st_size for path in parts) / images),
        **{name: round(columns[name] / images) for name in most},
    }


def taking(out: Path, folder: Path, home: Path) -> dict[str, float]:
    """What a film costs when the shards are taken into a project: processor time and bytes."""
    shards = Shards.at(str(out))
    path = home / "bench.cxr"
    start = time.process_time()
    with Project.create(path, folder, bundled_vocabularies()[0]) as project:
        for _ in take_files(project, shards):
            pass
        for batch in take_results(project, shards):
            project.store_batch(default_encoder(), batch)
    seconds = time.process_time() - start
    size = path.stat().st_size
    path.unlink()
    images = shards.manifest.images
    return {"take_cpu_ms_a_film": round(1000 * seconds / images, 3), "project_bytes_a_film": round(size / images)}


def enlarge(out: Path, times: int) -> None:
    """A run of as many times the shards, the same rows under other names: made up, to see what large runs cost."""
    store = Store(str(out))
    told = json.loads(store.read("run.json"))
    arrow, parquet_file = parquet()
    tables = [parquet_file.read_table(path) for path in sorted(out.glob("part-*.parquet"))]
    whole = arrow.concat_tables(tables)
    for turn in range(times):
        names = [f"{turn:03}/{path}" for path in whole["path"].to_pylist()]
        column = whole.schema.get_field_index("path")
        parquet_file.write_table(
            whole.set_column(column, whole.schema.field("path"), [names]), out / shard_name(turn), compression="zstd"
        )
    for extra in out.glob("part-*.parquet"):
        if int(extra.stem[5:]) >= times:
            extra.unlink()
    told |= {"images": times * whole.num_rows, "shard_size": whole.num_rows}
    store.write("run.json", json.dumps(told).encode())


def listing(home: Path, count: int) -> dict[str, float]:
    """What a film costs while a folder is looked through."""
    folder = home / "listed"
    for number in range(count):
        if number % 1000 == 0:
            (folder / f"{number // 1000:04}").mkdir(parents=True)
        (folder / f"{number // 1000:04}" / f"{number:08}_000.png").touch()
    tracemalloc.start()
    films = find_films(str(folder))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    start = time.process_time()
    find_films(str(folder))
    seconds = time.process_time() - start
    shutil.rmtree(folder)
    return {
        "list_us_a_film": round(1e6 * seconds / len(films.files), 1),
        "list_bytes_a_film": round(held / len(films.files)),
    }


def placing() -> dict[str, float]:
    """What a film costs beside landmarks: the 15 most alike of LANDMARKS, all compared, on one thread."""
    random = np.random.default_rng(0)
    landmarks = random.standard_normal((LANDMARKS, 512)).astype(np.float32)
    films = random.standard_normal((2048, 512)).astype(np.float32)
    with threadpool_limits(1):
        films @ landmarks[:100].T
        start = time.process_time()
        for part in np.split(films, 8):
            alike = part @ landmarks.T  # (256, LANDMARKS)
            np.argpartition(-alike, 15, axis=1)
        seconds = time.process_time() - start
    return {"place_landmarks": LANDMARKS, "place_cpu_ms_a_film": round(1000 * seconds / len(films), 3)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, help="where real films lie; simulated ones otherwise")
    parser.add_argument("--few", type=int, default=64)
    parser.add_argument("--many", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--encoder", help="as of `embed`")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        few = films_of(chosen.films, chosen.few, home / "few-films")
        many = films_of(chosen.films, chosen.many, home / "many-films")
        more = len(find_films(str(many)).files) - len(find_films(str(few)).files)
        alone, cluster = [], []
        for _ in range(chosen.repeats):
            alone.append(costs(few, many, more, home, False, chosen.encoder))
            sizes = sizes_of(home / "many")
            cluster.append(costs(few, many, more, home, True, chosen.encoder))
        result: dict[str, Any] = {
            "ratio": round(median(one[0] / two[0] for one, two in zip(alone, cluster, strict=True)), 3),
            "film_cpu_s": {
                "one process": round(median(film for film, _ in alone), 4),
                "cluster": round(median(film for film, _ in cluster), 4),
            },
            "start_cpu_s": {
                "one process": round(median(start for _, start in alone), 1),
                "cluster": round(median(start for _, start in cluster), 1),
            },
            "bytes_a_film": sizes,
            **listing(home, 100_000),
            **placing(),
        }
        enlarge(home / "many", 20)
        result |= taking(home / "many", many, home)
    if not chosen.json:
        for name, value in result.items():
            print(name, value)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
