"""Makes a checkpoint that tells what all stages of an encoder see, as 512 principal components; fitted without labels.

    python -m training.bundle --data MANIFEST --encoder runs/NAME/encoder --size 160 --name NAME --out DIR

Mean and standard deviation of every channel of every stage are standardised over training images and turned onto their
principal components, each divided by its standard deviation to the power WHITENING. All of it is linear and goes into
the checkpoint's last layer, so that the program runs it as any other encoder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxr_explorer.encoder.checkpoint import CARD_FILE, EncoderInfo, read_encoder
from cxr_explorer.encoder.model import ARCHITECTURES, Stages, fold_norms, load_model, save_checkpoint
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess
from cxr_explorer.images.read import read
from training.data import Item, index, select

WHITENING = 0.5
"""0 keeps the components' own spread, 1 makes all alike. A vote of 15 neighbours on held-out patients was best between:
Lite0 at 256 px, kermany three-way .820, .828 and .823 at 0, 0.5 and 1; the NIH view .966, .973 and .971."""

BATCH = 8


def stages_of(info: EncoderInfo) -> Stages:
    """The encoder with all its stages pooled, the projection not yet fitted. Raises UserError where it cannot be."""
    make = ARCHITECTURES.get(f"{info.architecture}_stages")
    if make is None:
        known = ", ".join(name for name in ARCHITECTURES if f"{name}_stages" in ARCHITECTURES)
        raise UserError(
            f"The stages of a {info.architecture} cannot be pooled. Choose an encoder that is one of: {known}."
        )
    model = make()
    assert isinstance(model, Stages)
    model.base.load_state_dict(load_model(info, torch.device("cpu")).state_dict())
    return model.eval()


def pool(model: Stages, items: Sequence[Item], spec: InputSpec, threads: int = 2) -> NDArray[np.float32]:
    """(N, 2 * channels): what `Stages.pooled` gives for the items that can be read, in order."""
    folded = fold_norms(model)
    assert isinstance(folded, Stages)

    def work(part: Sequence[Item]) -> Tensor:
        pictures = []
        for item in part:
            try:
                pictures.append(preprocess(read(item.path), spec))
            except UserError as error:
                print(f"left out {item.path.name}: {error}", file=sys.stderr)
        batch = torch.from_numpy(np.stack(pictures) if pictures else np.zeros((0, 1, spec.size_px, spec.size_px), "f4"))
        with torch.inference_mode():
            return folded.pooled(batch.contiguous(memory_format=torch.channels_last))

    parts = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
    with ThreadPoolExecutor(threads) as pool_of_threads:
        return torch.cat(list(pool_of_threads.map(work, parts))).numpy()


def fit_projection(model: Stages, pooled: NDArray[np.float32], whitening: float = WHITENING) -> float:
    """Sets the model's projection. Returns the share of the standardised variance that the components hold.

    Args:
        model: Its projection is replaced.
        pooled: (N, F) as `pool` gives.
        whitening: See WHITENING.
    """
    mean = pooled.mean(axis=0, dtype=np.float64)
    spread = pooled.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0.0)  # a channel that never changes says nothing
    rows = (pooled - mean) * scale  # (N, F)
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))  # ascending
    kept = np.argsort(-values)[: model.DIMENSION]
    own = np.maximum(values[kept], 1e-6)
    signs = np.sign(vectors[np.abs(vectors[:, kept]).argmax(axis=0), kept])
    axes = vectors[:, kept] * signs / own ** (whitening / 2)  # (F, D)
    weight = (scale[:, None] * axes).T  # (D, F)
    with torch.no_grad():
        model.projection.weight.copy_(torch.from_numpy(weight))
        model.projection.bias.copy_(torch.from_numpy(-weight @ mean))
    return float(values[kept].sum() / max(values.sum(), 1e-12))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="python -m training.bundle")
    parser.add_argument("--data", type=Path, required=True, help="manifest, release or folder")
    parser.add_argument("--sources", nargs="+", default=(), help="fit on these sources only (default: all)")
    parser.add_argument("--encoder", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--size", type=int, help="side of the input (default: the encoder's own)")
    parser.add_argument("--images", type=int, default=4000, help="training images to fit on (default: 4000)")
    parser.add_argument("--name", required=True)
    parser.add_argument("--title", help="for the reader (default: the encoder's own, with the word stages)")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    info = read_encoder(chosen.encoder)
    model = stages_of(info)
    items = select(index(chosen.data), chosen.sources, "train")
    order = np.random.default_rng(0).permutation(len(items))[: chosen.images]
    spec = replace(info.spec, size_px=chosen.size or info.spec.size_px)
    share = fit_projection(model, pool(model, [items[i] for i in sorted(order.tolist())], spec))
    card = (chosen.encoder / CARD_FILE).read_text(encoding="utf-8")
    saved = save_checkpoint(
        chosen.out,
        model,
        name=chosen.name,
        title=chosen.title or f"{info.title}, all stages",
        architecture=f"{info.architecture}_stages",
        spec=spec,
        training=f"{info.description} All stages pooled and projected on principal components of radiographs.",
        card=f"{card}\n## Stages\n\nAll stages pooled, projected on {model.DIMENSION} principal components fitted on "
        f"{len(order):,} training images without labels ({share:.1%} of the standardised variance).\n",
    )
    print(f"{saved.key}: {share:.1%} of the variance in {saved.dimension} numbers, written to {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
