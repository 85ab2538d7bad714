"""Writes `chest.npz` beside an encoder: how chest films look to it, by which other pictures are told.

    python -m training.chest_reference --data MANIFEST_FOLDER --cache FOLDER [--encoder FOLDER] [--json]

What is written are statistics of embeddings, no pixels, see `cxr_explorer.encoder.chest_reference`. The sources are
those the bundled encoders are trained on. Mean and directions are fitted on some patients, the limit is chosen on
others, and a third part is left to `tests.bench.strangers`, together with the patients held out from training and all
other sources.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import default_encoder, read_encoder
from cxr_explorer.encoder.chest_reference import ChestReference, write_reference
from training.data import Item, index
from training.embeddings import embed_items

Part = Literal["fit", "limit", "test"]

FITTED = ("nih", "rsna", "kermany", "hannover")
"""Sources the reference is made of; none of the others takes any part in it."""

PER_SOURCE = {"nih": 1338, "rsna": 1500, "kermany": 1000, "covid-cxnet": 250, "tb-rahman": 250, "tb-mendeley": 200}
"""Films drawn of a source; all of the others'."""

DIRECTIONS = 64

ALARMS = 0.005
"""Share of the films the limit is chosen on that lie beyond it."""


def part_of(item: Item) -> Part:
    """Which part a film takes, the same for all films of a patient: by SHA-256, a half, a quarter and a quarter."""
    if item.source not in FITTED or item.split == "test":
        return "test"
    digest = hashlib.sha256(f"chest reference\n{item.source}\n{item.patient}".encode()).digest()
    parts: tuple[Part, ...] = ("fit", "fit", "limit", "test")
    return parts[digest[0] % 4]


def draw(items: Iterable[Item], seed: int = 7) -> list[Item]:
    """At most PER_SOURCE films of each source, the same ones every time, sources in the order of their names."""
    by_source: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_source[item.source].append(item)
    drawn: list[Item] = []
    for source, films in sorted(by_source.items()):
        films.sort(key=lambda item: str(item.path))
        random.Random(seed).shuffle(films)
        drawn += films[: PER_SOURCE.get(source)]
    return drawn


def fit_reference(
    key: str, fitted: NDArray[np.float32], chosen_on: NDArray[np.float32], alarms: float = ALARMS
) -> ChestReference:
    """The reference of an encoder.

    Args:
        key: Of the encoder.
        fitted: (N, D) embeddings that mean and principal directions are taken from.
        chosen_on: (M, D) embeddings of other films, on which the limit is chosen.
        alarms: Share of these that lie beyond it.
    """
    mean = fitted.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((fitted - mean).T.astype(np.float64)))
    directions = np.ascontiguousarray(vectors[:, ::-1][:, :DIRECTIONS].T, np.float32)
    raw = ChestReference(key, mean.astype(np.float32), directions, 1.0)
    return ChestReference(key, raw.mean, directions, float(np.quantile(raw.unlikeness(chosen_on), 1 - alarms)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of films with a manifest.csv")
    parser.add_argument("--cache", type=Path, required=True, help="folder where embeddings are kept")
    parser.add_argument("--encoder", type=Path, help="checkpoint folder (default: the bundled default)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    encoder = read_encoder(chosen.encoder) if chosen.encoder is not None else default_encoder()
    films = [item for item in draw(index(chosen.data)) if item.source in FITTED and part_of(item) != "test"]
    vectors = embed_items(films, encoder.directory, chosen.cache).vectors
    fits = np.array([part_of(item) == "fit" for item in films])
    reference = fit_reference(encoder.key, vectors[fits], vectors[~fits])
    path = write_reference(encoder.directory, reference)
    said = {
        "encoder": encoder.key,
        "fitted_on": int(fits.sum()),
        "limit_chosen_on": int((~fits).sum()),
        "limit": round(reference.limit, 4),
        "bytes": path.stat().st_size,
    }
    print(json.dumps(said) if chosen.json else "\n".join(f"{name}: {value}" for name, value in said.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
