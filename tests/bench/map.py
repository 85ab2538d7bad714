"""The whole map beside umap + hdbscan on the same rows: `python -m tests.bench.map --json [--images 112120]`.

Each is made in a process of its own, turn by turn, after a small one that compiles what is compiled. `ratio` is our
processor time over theirs, `wall_ratio` the seconds passed. Trustworthiness and the share of the 15 nearest kept are
measured on 500 images, recall on the same. Rows are a stand-in, or `--embeddings FILE.npy` (N, D).

    python -m tests.bench.map --json --only ours --images 1000000    # no comparator
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

K = 15
SAMPLE = 500


def stand_in(count: int, dims: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows (count, dims) in 60 overlapping groups, variances falling as rank ** -0.9, and a spread within groups that
    differs from group to group. Embeddings of radiographs (`--embeddings`) tell more."""
    random = np.random.default_rng(seed)
    scale = (np.arange(1, dims + 1) ** -0.45).astype(np.float32)
    middles = 0.8 * scale * random.normal(size=(60, dims)).astype(np.float32)
    widths = scale * np.exp(0.4 * random.normal(size=(60, dims))).astype(np.float32)
    group = random.choice(60, count, p=random.dirichlet(np.full(60, 3.0)))
    rows = np.empty((count, dims), np.float32)
    for first in range(0, count, 20_000):
        some = group[first : first + 20_000]
        rows[first : first + 20_000] = middles[some] + widths[some] * random.standard_normal(
            (len(some), dims), np.float32
        )
    return rows


class Clock:
    """Processor and wall seconds by stage."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}
        self.wall_s: dict[str, float] = {}
        self._name, self._cpu, self._wall = "", time.process_time(), time.monotonic()

    def begin(self, name: str) -> None:
        now = time.process_time(), time.monotonic()
        if self._name:
            self.cpu_s[self._name] = round(self.cpu_s.get(self._name, 0) + now[0] - self._cpu, 2)
            self.wall_s[self._name] = round(self.wall_s.get(self._name, 0) + now[1] - self._wall, 2)
        self._name, (self._cpu, self._wall) = name, now


def ours(rows: NDArray[np.float32], clock: Clock) -> tuple[NDArray[np.float32], float]:
    """Our map's places, and its neighbours' recall."""
    from cxr_explorer.atlas.build import BuiltMap, MapParameters, Stage, build_map

    for item in build_map(rows, MapParameters(), "cpu"):
        if isinstance(item, Stage):
            clock.begin(item.name)
        elif isinstance(item, BuiltMap):
            clock.begin("")
            assert item.neighbours is not None
            return item.xy, item.neighbours.recall
    raise AssertionError("build_map ends with a map")


def theirs(rows: NDArray[np.float32], clock: Clock) -> tuple[NDArray[np.float32], float]:
    """umap-learn's places and its neighbours' recall; hdbscan clusters them."""
    import hdbscan
    import umap

    from cxr_explorer.atlas.approximate import measure_recall
    from cxr_explorer.atlas.clusters import default_min_cluster_size
    from cxr_explorer.atlas.neighbours import unit_rows

    clock.begin("umap")
    model = umap.UMAP(metric="cosine")
    xy = np.asarray(model.fit_transform(rows), np.float32)
    clock.begin("hdbscan")
    hdbscan.HDBSCAN(min_cluster_size=default_min_cluster_size(len(rows)), core_dist_n_jobs=1).fit(xy)
    clock.begin("")
    units = unit_rows(rows)
    found = model._knn_indices  # (N, K), itself first
    apart = np.stack([np.linalg.norm(units[near] - unit, axis=1) for near, unit in zip(found, units, strict=True)])
    return xy, measure_recall(units, np.sort(apart, axis=1).astype(np.float32), 42)


def quality(rows: NDArray[np.float32], xy: NDArray[np.float32]) -> dict[str, float]:
    """Trustworthiness (Venna and Kaski 2001) and the share of the K nearest that are so on the map, over SAMPLE."""
    from cxr_explorer.atlas.neighbours import unit_rows

    units, count = unit_rows(rows), len(rows)
    some = np.random.default_rng(1).choice(count, min(SAMPLE, count), replace=False)
    too_far, kept = 0, 0
    for row in some.tolist():
        unlike = -(units @ units[row])
        apart = np.square(xy - xy[row]).sum(axis=1)
        unlike[row] = apart[row] = np.inf
        near = np.argpartition(apart, K)[:K]
        ranks = np.array([1 + int((unlike < unlike[each]).sum()) for each in near])
        too_far += int(np.maximum(ranks - K, 0).sum())
        kept += int((ranks <= K).sum())
    scale = 2 / (len(some) * K * (2 * count - 3 * K - 1))
    return {"trustworthiness": round(1 - scale * too_far, 4), "kept": round(kept / (len(some) * K), 4)}


def one(kind: str, rows: NDArray[np.float32], fresh: bool = False) -> dict[str, Any]:
    """One side, in this process; `fresh` without anything compiled or imported before, which then counts."""
    make: Callable[[NDArray[np.float32], Clock], tuple[NDArray[np.float32], float]] = ours if kind == "ours" else theirs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not fresh:
            make(rows[:5000], Clock())
        if kind == "ours" and not fresh:
            from cxr_explorer.atlas.approximate import compare_approximately

            for _ in compare_approximately(rows[:5000], K, 0):
                pass
        clock = Clock()
        xy, recall = make(rows, clock)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # before what measures
    return {
        "cpu_s": round(sum(clock.cpu_s.values()), 2),
        "wall_s": round(sum(clock.wall_s.values()), 2),
        "stages_cpu_s": clock.cpu_s,
        "stages_wall_s": clock.wall_s,
        "recall": round(recall, 4),
        "peak_mb": peak_mb,
        **quality(rows, xy),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="only the last line, JSON")
    parser.add_argument("--images", type=int, default=112_120)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--embeddings", type=Path, help="rows of one's own, .npy")
    parser.add_argument("--only", choices=["ours", "theirs"])
    parser.add_argument("--fresh", action="store_true", help="count imports and what is compiled in a new process")
    parser.add_argument("--one", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        rows = (
            np.load(chosen.embeddings)[: chosen.images] if chosen.embeddings else stand_in(chosen.images, chosen.dims)
        )
        print(json.dumps(one(chosen.one, rows, chosen.fresh)))
        return
    found: dict[str, Any] = {}
    for kind in [chosen.only] if chosen.only else ["ours", "theirs"]:
        command = [sys.executable, "-m", "tests.bench.map", "--one", kind, "--images", str(chosen.images)]
        command += ["--dims", str(chosen.dims)]
        command += ["--embeddings", str(chosen.embeddings)] if chosen.embeddings else []
        command += ["--fresh"] if chosen.fresh else []
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found[kind] = json.loads(said.splitlines()[-1])
        if not chosen.json:
            print(kind, found[kind], flush=True)
    if len(found) == 2:
        ratios = {
            "ratio": round(found["ours"]["cpu_s"] / found["theirs"]["cpu_s"], 3),
            "wall_ratio": round(found["ours"]["wall_s"] / found["theirs"]["wall_s"], 3),
        }
        found = {**ratios, **found}
    print(json.dumps({**found, "images": chosen.images, "dims": chosen.dims}))


if __name__ == "__main__":
    main()
