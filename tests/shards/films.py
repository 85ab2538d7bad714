"""Small films, and what lies in shards, for the tests of this room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cxr_explorer.assets import asset
from cxr_explorer.encoder.checkpoint import EncoderInfo, read_encoder
from cxr_explorer.shards.manifest import read_manifest
from cxr_explorer.shards.store import Store
from cxr_explorer.shards.table import parquet

BROKEN = b"\x89PNG\r\n\x1a\n broken"


def small_encoder() -> EncoderInfo:
    return read_encoder(asset("encoders", "imagenet-lite0"))


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8)).astype(np.uint8)
    Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC).save(path)


def draw_films(folder: Path, count: int = 20) -> Path:
    """So many films, the last a broken one and half of them in a folder below."""
    for number in range(count - 1):
        draw(folder / ("a" if number % 2 else "b/c") / f"{number:02}.png", number)
    (folder / "broken.png").write_bytes(BROKEN)
    return folder


def rows_of(out: Path | str) -> list[dict[str, Any]]:
    """Every row of a run's shards, which must be complete."""
    store = Store(str(out))
    manifest = read_manifest(store)
    names = sorted(name for name in store.names() if name != "run.json")
    assert names == [f"part-{number:05}.parquet" for number in range(manifest.shards)]
    rows = []
    for name in names:
        with store.opened(name) as stream:
            rows += parquet()[1].read_table(stream).to_pylist()
    assert len(rows) == manifest.images
    return rows


def stamps_of(out: Path) -> dict[str, int]:
    """When each shard there was last written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("part-*")}
