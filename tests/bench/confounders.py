"""How long it takes to say what a selection has in common: `python -m tests.bench.confounders`."""

from __future__ import annotations

import json
import time

import numpy as np

from cxr_explorer.labels.confounders import code_facts, find_confounders

IMAGES = 100_000


def main() -> None:
    generator = np.random.default_rng(0)
    facts = {
        "view": generator.choice(["AP", "PA", "LATERAL"], IMAGES),
        "sex": generator.choice(["M", "F"], IMAGES),
        "age": generator.integers(0, 95, IMAGES).astype(str),
        "maker": generator.choice([f"Maker {n}" for n in range(12)], IMAGES),
        "model": generator.choice([f"Model {n}" for n in range(60)], IMAGES),
        "folder": generator.choice([f"site/{n}" for n in range(500)], IMAGES),
        "ward": generator.choice([f"ward {n}" for n in range(20)], IMAGES),
        "photometric": generator.choice(["MONOCHROME1", "MONOCHROME2"], IMAGES),
    }
    columns = [values.tolist() for values in facts.values()]
    known = {image_id: dict(zip(facts, row, strict=True)) for image_id, row in enumerate(zip(*columns, strict=True))}
    start = time.perf_counter()
    coded = code_facts(np.array(list(known)), known)
    found: dict[str, float] = {"code all facts once": time.perf_counter() - start}
    for size in (100, 5_000, 50_000, IMAGES - 1):
        rows = generator.choice(IMAGES, size, replace=False)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            find_confounders(coded, rows)
            times.append(time.perf_counter() - start)
        found[f"{size:,} images"] = sorted(times)[2]
    print(json.dumps({name: round(1000 * seconds, 2) for name, seconds in found.items()}), "ms")


if __name__ == "__main__":
    main()
