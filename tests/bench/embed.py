"""How fast files become embeddings, against a plain loop over a DataLoader, and ONNX Runtime against PyTorch.

    python -m tests.bench.embed [--films FOLDER] [--count N] [--encoder NAME …] [--repeats N] [--json]

The last line is a JSON object, for the first encoder and then for each:

- `ratio`: films a second of `embed` over those of a loop over `torch.utils.data.DataLoader` (Pillow, a worker a core,
  batches of 32, the same network in PyTorch), which take turns; starting and loading are counted in both. `cpu_ratio`:
  the same of processor time, children's included, which other work on the machine changes less.
- `of_limit`: films a second of `embed` over those of opening files alone or the network alone, whichever are fewer;
  `of_shared_limit`: over those of both one after the other, for on a CPU they share the cores.
- `films_per_cpu_s`: the network alone, passes of 8 on one thread; `engines` is their ratio.
- `largest_difference`, `least_cosine`, `equal_neighbours`: between the embeddings of both engines, the last the share
  of the 15 nearest neighbours by cosine that are the same.
- `start_s`: from the start of a process to an encoder that is loaded, with either.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from cxr_explorer.encoder.checkpoint import EncoderInfo, bundled_encoders
from cxr_explorer.encoder.embed import (
    CPU_PASS,
    Batch,
    Source,
    _Decoders,
    _Encoder,
    decode_for,
    decoders_that_fit,
    embed,
)
from cxr_explorer.encoder.engine import Engine, OnnxEngine, TorchEngine
from cxr_explorer.encoder.model import load_model
from cxr_explorer.images.preprocess import InputSpec
from tests.bench.first_seconds import films_of

FILMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "cxr" / "nih"
NEIGHBOURS = 15


class Films(Dataset[torch.Tensor]):
    """What a script would do with a folder of pictures."""

    def __init__(self, paths: Sequence[Path], spec: InputSpec) -> None:
        self.paths, self.spec = paths, spec

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> torch.Tensor:
        side = self.spec.size_px
        with Image.open(self.paths[number]) as picture:
            small = picture.convert("L").resize((side, side), Image.Resampling.BILINEAR)
        values = torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)[None]
        return (values - self.spec.mean) / self.spec.std


def loop(paths: Sequence[Path], info: EncoderInfo) -> None:
    """Embeds by a DataLoader."""
    model = load_model(info, torch.device("cpu"))
    with torch.inference_mode():
        for batch in DataLoader(Films(paths, info.spec), batch_size=32, num_workers=os.cpu_count() or 1):
            model(batch).numpy()


def ours(paths: Sequence[Path], info: EncoderInfo) -> None:
    """Embeds by `embed`."""
    sources = [Source(number, path) for number, path in enumerate(paths)]
    done = sum(len(item.embedded) for item in embed(sources, info.directory, "cpu") if isinstance(item, Batch))
    assert done == len(paths), f"{len(paths) - done} films could not be read"


def seconds(run: Callable[[], object]) -> float:
    """By the clock."""
    return costs(run)[0]


def costs(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processors, with those of child processes that ended."""
    start, before = time.perf_counter(), os.times()
    run()
    after = os.times()
    return time.perf_counter() - start, sum(after[:4]) - sum(before[:4])


def open_alone(paths: Sequence[Path], spec: InputSpec) -> float:
    """Seconds to open and render the files, by the processes that `embed` takes, once they are there."""
    with _Decoders(spec, decoders_that_fit()) as decoders:
        for future in [decoders.submit(Source(0, path)) for path in paths[:4]]:
            future.result()
        return seconds(lambda: [f.result() for f in [decoders.submit(Source(0, path)) for path in paths]])


def films_per_cpu_s(engine: Engine, pixels: NDArray[np.float32]) -> float:
    """Of one thread."""
    engine.run(pixels[:CPU_PASS])
    start = time.thread_time()
    for first in range(0, len(pixels), CPU_PASS):
        engine.run(pixels[first : first + CPU_PASS])
    return len(pixels) / (time.thread_time() - start)


def neighbours(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """(N, 15) by cosine, without the row itself."""
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBOURS]


def start_s(engine: str, info: EncoderInfo, repeats: int) -> float:
    """Seconds from the start of a process to the loaded encoder."""
    arguments = "info" if engine == "OnnxEngine" else "info, 'cpu'"
    program = (
        "from pathlib import Path; from cxr_explorer.encoder.checkpoint import read_encoder;"
        f"from cxr_explorer.encoder.engine import {engine}; info = read_encoder(Path({str(info.directory)!r}));"
        f"{engine}({arguments})"
    )
    command = [sys.executable, "-c", program]
    return median(seconds(lambda: subprocess.run(command, check=True)) for _ in range(repeats))


def measure(paths: Sequence[Path], info: EncoderInfo, repeats: int) -> dict[str, Any]:
    """See the module."""
    loops, wholes, processors, alone, opening = [], [], [], [], []
    pixels = np.stack([decode_for(info.spec, path.read_bytes()).pixels for path in paths])
    for _ in range(repeats):
        (loop_s, loop_cpu_s), (whole_s, whole_cpu_s) = (
            costs(lambda: loop(paths, info)),
            costs(lambda: ours(paths, info)),
        )
        loops.append(loop_s)
        wholes.append(whole_s)
        processors.append(loop_cpu_s / whole_cpu_s)
        opening.append(open_alone(paths, info.spec))
        with _Encoder(OnnxEngine(info), info) as encoder:
            encoder.encode(pixels[:CPU_PASS])
            alone.append(seconds(lambda encoder=encoder: encoder.encode(pixels)))
    with_torch, with_onnx = TorchEngine(info, "cpu"), OnnxEngine(info)
    with_torch.begin_thread()
    rates = [
        (films_per_cpu_s(with_onnx, pixels[:128]), films_per_cpu_s(with_torch, pixels[:128])) for _ in range(repeats)
    ]
    parts = range(0, len(pixels), CPU_PASS)
    one = np.concatenate([with_onnx.run(pixels[first : first + CPU_PASS]) for first in parts])
    other = np.concatenate([with_torch.run(pixels[first : first + CPU_PASS]) for first in parts])
    with_torch.close()
    cosines = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    same = [len(set(a) & set(b)) for a, b in zip(neighbours(one), neighbours(other), strict=True)]
    return {
        "ratio": round(median(a / b for a, b in zip(loops, wholes, strict=True)), 2),
        "cpu_ratio": round(median(processors), 2),
        "films_per_s": round(len(paths) / median(wholes), 1),
        "of_limit": round(median(max(a, b) / c for a, b, c in zip(opening, alone, wholes, strict=True)), 2),
        "of_shared_limit": round(median((a + b) / c for a, b, c in zip(opening, alone, wholes, strict=True)), 2),
        "films_per_cpu_s": {
            "onnxruntime": round(median(a for a, _ in rates), 1),
            "torch": round(median(b for _, b in rates), 1),
        },
        "engines": round(median(a / b for a, b in rates), 2),
        "largest_difference": float(f"{np.abs(one - other).max():.2g}"),
        "largest_value": round(float(np.abs(other).max()), 2),
        "least_cosine": round(float(cosines.min()), 8),
        "equal_neighbours": round(sum(same) / (NEIGHBOURS * len(same)), 5),
        "start_s": {
            "onnxruntime": round(start_s("OnnxEngine", info, repeats), 2),
            "torch": round(start_s("TorchEngine", info, repeats), 2),
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="python -m tests.bench.embed")
    parser.add_argument("--films", type=Path, default=FILMS, help="where films lie (default: real ones, if there)")
    parser.add_argument("--count", type=int, default=320)
    parser.add_argument("--encoder", nargs="+", help="bundled encoders by name (default: all)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="nothing but the last line")
    chosen = parser.parse_args(arguments)
    infos = [info for info in bundled_encoders() if not chosen.encoder or info.name in chosen.encoder]
    place = chosen.films if chosen.films.is_dir() else None
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home:
        folder = films_of(place, chosen.count, Path(home) / "films")
        paths = sorted(path for path in folder.rglob("*") if path.suffix in (".png", ".jpg", ".jpeg"))
        for info in infos:
            found[info.name] = measure(paths, info, chosen.repeats)
            if not chosen.json:
                print(info.name, found[info.name], flush=True)
    first = found[infos[0].name]
    said = {"ratio": first["ratio"], "of_limit": first["of_limit"], "films": len(paths), "real": place is not None}
    print(json.dumps({**said, **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
