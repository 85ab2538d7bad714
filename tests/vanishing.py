"""The folder goes away at a random moment of a run and comes back: nothing may stay failed.

`python -m tests.vanishing --rounds 20 --seed 1 --json` prints, as the last line, how many rounds there were, in how
many the run ended in one line (`ended`), and what was wrong afterwards (`failed`, `missing`, `not_embedded`: all 0).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.indexing import Indexing
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.project import Project


def embed_all(project: Project, folder: Path, away_at_s: float, back_after_s: float) -> bool:
    """One run up to its map, the folder gone for a while; whether it went through."""
    away = folder.with_name("away")
    indexing = Indexing(project, default_encoder(), "cpu")
    begun: float | None = None
    try:
        while not indexing.finished and indexing.progress.stage != "Comparing images":
            indexing.advance(0.02)
            if indexing.progress.stage == "Analysing images" and begun is None:
                begun = time.monotonic()
            elapsed = time.monotonic() - begun if begun is not None else -1.0
            if folder.exists() and away_at_s <= elapsed < away_at_s + back_after_s:
                folder.rename(away)
            elif away.exists() and elapsed >= away_at_s + back_after_s:
                away.rename(folder)
    except UserError as error:
        assert "cannot be read any more" in str(error), error
        return False
    finally:
        indexing.cancel()
        if away.exists():
            away.rename(folder)
    return True


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    rng = random.Random(chosen.seed)
    result = {"rounds": 0, "ended": 0, "failed": 0, "missing": 0, "not_embedded": 0}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "images"
        folder.mkdir()
        for number in range(chosen.images):
            pixels = np.random.default_rng(number).integers(0, 255, (64, 64)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        for number in range(chosen.rounds):
            with Project.create(Path(place) / f"{number}.cxr", folder, bundled_vocabularies()[0]) as project:
                ended = not embed_all(project, folder, rng.uniform(0, 4), rng.choice((0.05, 0.5, 60)))
                if project.pending(default_encoder().key):
                    embed_all(project, folder, 1e9, 0)
                result["rounds"] += 1
                result["ended"] += ended
                result["failed"] += len(project.failures())
                result["missing"] += chosen.images - project.image_count()
                result["not_embedded"] += len(project.pending(default_encoder().key))
            print(result, file=sys.stderr)
    if chosen.json:
        print(json.dumps(result))
    return int(any(result[name] for name in ("failed", "missing", "not_embedded")))


if __name__ == "__main__":
    sys.exit(main())
