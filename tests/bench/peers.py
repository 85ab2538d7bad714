"""The same two waits in a peer: a first map of 5,000 images, and 112,120 images opened again.

    python -m tests.bench.peers --embedding-atlas PYTHON --json

PYTHON is the Python of an environment where `embedding-atlas` is installed (`pip install embedding-atlas`), which the
project does not need. Both get the same embeddings of length 512, and each run is a process of its own. Embedding
Atlas draws in a browser: its time ends when its server answers with the page, before a browser has drawn anything;
ours ends when the map is drawn (the first one: when it is computed, clusters included, which Embedding Atlas does not
look for). It keeps no labels, so labelling 10,000 images is ours alone (`python -m tests.bench.window`). FiftyOne
needs a MongoDB server and was not measured.

The last line is JSON: `ratio` and `ratio_reopened`, the peer's processor time over ours, and all times.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PATIENCE_S = 1800
"""A machine with other work takes minutes for what takes half of one."""

_MAP = """
import sys, numpy as np
from cxr_explorer.atlas.build import BuiltMap, MapParameters, build_map
steps = list(build_map(np.load(sys.argv[1]), MapParameters(), "cpu"))
assert isinstance(steps[-1], BuiltMap)
"""

_REOPEN = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from cxr_explorer.ui import app
application, window = app._start()
window.runs.start_indexing = lambda *_, **__: None  # there are no files behind the images
drawn = window.map_page.scatter.ready
drawn.connect(lambda: window.session.project is not None and QTimer.singleShot(0, application.quit))
QTimer.singleShot(0, lambda: window.files.open_path(Path(sys.argv[1])))
application.exec()
"""


def stand_ins(images: int, dimension: int = 512, groups: int = 40) -> NDArray[np.float32]:
    """(images, dimension) float32 embeddings in groups that overlap, of 24 dimensions or so as real ones have."""
    random = np.random.default_rng(0)
    middles = random.normal(size=(groups, 24))
    place = middles[random.integers(groups, size=images)] + 0.5 * random.normal(size=(images, 24))
    rows = place @ random.normal(size=(24, dimension)) + 0.3 * random.normal(size=(images, dimension))
    return rows.astype(np.float32)


def taken(command: Sequence[str], environment: dict[str, str], ended: Callable[[], bool] | None = None) -> list[float]:
    """Seconds by the clock and of processor time of a command and its children.

    Args:
        command: The program and its arguments.
        environment: Its environment variables.
        ended: The process is stopped as soon as this says so; without it, it is waited for.

    Raises:
        RuntimeError: The command fails, or has not come so far in half an hour.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        while process.poll() is None and not (ended is not None and ended()):
            if time.monotonic() - begun > PATIENCE_S:
                process.kill()
            time.sleep(0.05)
        clock_s = time.monotonic() - begun
        stopped = process.poll() is None
        if stopped:
            process.terminate()
        if process.wait() != 0 and not stopped:
            said.seek(0)
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said.read()[-2000:]!r}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return [round(clock_s, 2), round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)]


def of_atlas(python: Path, table: Path, columns: Sequence[str]) -> list[float]:
    """Seconds until Embedding Atlas answers with its page: by the clock, and of processor time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = python.with_name("embedding-atlas")
    command = [str(program), str(table), *columns, "--host", "127.0.0.1", "--port", str(port), "--no-auto-port"]

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as page:
                return bool(page.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    with tempfile.TemporaryDirectory() as home:  # it keeps maps it has made: none is there yet
        places = {"HOME": home, "XDG_CACHE_HOME": home, "HF_HUB_OFFLINE": "1"}
        return taken(command, {**os.environ, **places}, answers)


def write_parquet(python: Path, columns: Path, table: Path) -> None:
    """Makes the peer's table of the arrays of an .npz file, by the pyarrow of its own environment."""
    script = (
        "import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq\n"
        "stored = np.load(sys.argv[1])\n"
        "of = lambda a: pa.array(a) if a.ndim == 1 else pa.FixedSizeListArray.from_arrays(pa.array(a.ravel()), "
        "a.shape[1])\n"
        "pq.write_table(pa.table({name: of(stored[name]) for name in stored.files}), sys.argv[2])\n"
    )
    subprocess.run([str(python), "-c", script, str(columns), str(table)], check=True)


def first_map(python: Path, images: int, home: Path) -> dict[str, Any]:
    """Embeddings to a map, in both."""
    rows = stand_ins(images)
    np.save(home / "rows.npy", rows)
    np.savez(home / "rows.npz", id=np.arange(images), vector=rows)
    write_parquet(python, home / "rows.npz", home / "rows.parquet")
    ours = taken([sys.executable, "-c", _MAP, str(home / "rows.npy")], dict(os.environ))
    peer = of_atlas(python, home / "rows.parquet", ["--vector", "vector"])
    return {"images": images, "ours_s": ours[0], "ours_cpu_s": ours[1], "peer_s": peer[0], "peer_cpu_s": peer[1]}


def reopened(python: Path, images: int, home: Path) -> dict[str, Any]:
    """A map that is there already, opened in a new process, in both."""
    from cxr_explorer.project.project import Project
    from tests.bench.big_project import make_big_project

    make_big_project(home / "big.cxr", images)
    with Project.open(home / "big.cxr") as project:
        atlas_map = project.latest_map()
        assert atlas_map is not None
        x, y = np.asarray(atlas_map.xy, np.float32).T
        np.savez(home / "xy.npz", id=np.arange(len(x)), x=x, y=y, cluster=np.asarray(atlas_map.clusters))
    write_parquet(python, home / "xy.npz", home / "xy.parquet")
    places = {f"XDG_{kind}_HOME": str(home) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    environment = {**os.environ, **places, "QT_QPA_PLATFORM": "offscreen"}
    ours = taken([sys.executable, "-c", _REOPEN, str(home / "big.cxr")], environment)
    peer = of_atlas(python, home / "xy.parquet", ["--x", "x", "--y", "y", "--disable-projection"])
    return {"images": images, "ours_s": ours[0], "ours_cpu_s": ours[1], "peer_s": peer[0], "peer_cpu_s": peer[1]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--embedding-atlas", type=Path, required=True, metavar="PYTHON", help="of its environment")
    parser.add_argument("--images", type=int, default=5_000, help="of the first map")
    parser.add_argument("--reopened", type=int, default=112_120, help="images that are opened again")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args(arguments)
    python = chosen.embedding_atlas.absolute()
    with tempfile.TemporaryDirectory() as name:
        first = first_map(python, chosen.images, Path(name))
        print("first map", first, flush=True)
        again = reopened(python, chosen.reopened, Path(name))
        print("reopened", again, flush=True)
    if chosen.json:
        ratios = {
            "ratio": round(first["peer_cpu_s"] / first["ours_cpu_s"], 2),
            "ratio_reopened": round(again["peer_cpu_s"] / again["ours_cpu_s"], 2),
        }
        print(json.dumps({**ratios, "first_map": first, "reopened": again}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
