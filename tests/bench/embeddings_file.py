"""How long a file of embeddings takes to be read and matched to a folder's images, and how much memory.

    python -m tests.bench.embeddings_file [--images 112120] [--dimension 768] [--form npz|csv|parquet] [--json]

Names are as in NIH ChestX-ray14 and are matched to the same names in folders; no image is opened. The last line is a
JSON object: seconds to read, seconds to match, seconds of processor time for both, and how much this process's memory
grew.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from cxr_explorer.tables.embeddings import reading_embeddings
from cxr_explorer.tables.matching import match_files


def write_file(path: Path, names: list[str], dimension: int) -> None:
    """The file to be read, of random numbers."""
    chance = np.random.default_rng(0)
    if path.suffix == ".npz":
        np.savez(path, files=np.array(names), embeddings=chance.standard_normal((len(names), dimension), np.float32))
        return
    if path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        values = pa.array(chance.standard_normal(len(names) * dimension, np.float32))
        lists = pa.FixedSizeListArray.from_arrays(values, dimension)
        parquet.write_table(pa.table({"file": names, "embedding": lists}), path)
        return
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", *(f"e{column}" for column in range(dimension))])
        for name in names:
            writer.writerow([name, *(f"{value:.6g}" for value in chance.standard_normal(dimension).tolist())])


def anonymous_mb() -> int:
    """Memory of this process that no file holds (Linux), the most there was: what is read of a mapped file may go."""
    with Path("/proc/self/status").open() as status:
        return int(next(line for line in status if line.startswith("RssAnon")).split()[1]) // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=112_120)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--form", choices=("npz", "csv", "parquet"), default="npz")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    names = [f"{number // 4 + 1:08d}_{number % 4:03d}.png" for number in range(chosen.images)]
    folder = [f"images_{number // 10_000 + 1:03d}/images/{name}" for number, name in enumerate(names)]
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / f"embeddings.{chosen.form}"
        write_file(path, names, chosen.dimension)
        size_mb, before = path.stat().st_size >> 20, anonymous_mb()
        began, worked = time.monotonic(), time.process_time()
        most = before
        reading = reading_embeddings(path)
        try:
            while True:
                next(reading)
                most = max(most, anonymous_mb())
        except StopIteration as end:
            given = end.value
        read_s = time.monotonic() - began
        began = time.monotonic()
        found = match_files(given.files, folder)
        match_s, cpu_s = time.monotonic() - began, time.process_time() - worked
    assert len(found.matched) == chosen.images == len(given.vectors)
    figures = {
        "images": chosen.images,
        "dimension": chosen.dimension,
        "form": chosen.form,
        "size_mb": size_mb,
        "read_s": round(read_s, 1),
        "match_s": round(match_s, 1),
        "cpu_s": round(cpu_s, 1),
        "more_memory_mb": max(most, anonymous_mb()) - before,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
