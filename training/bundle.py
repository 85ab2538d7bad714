"""Makes a checkpoint that tells what all stages of encoders see, as 512 principal components; fitted without labels.

    python -m training.bundle --data MANIFEST --encoder A [B …] --size 256 [144 …] --name NAME --out DIR

What `encoder.model.Stages` pools of the networks is standardised over training images and turned onto its principal
components. All of it is linear and goes into the checkpoint's last layer, so that the program runs it as any other
encoder.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxr_explorer.encoder.checkpoint import EncoderInfo, read_encoder
from cxr_explorer.encoder.model import ARCHITECTURES, Stages, fold_norms, load_model, save_checkpoint
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess
from cxr_explorer.images.read import read
from training.augment import Augmentation, augment
from training.data import Item, index, select
from training.onnx_graph import write_graph

PLACED = 1.5
"""Weight of the means by field against the means and deviations over the image, which together weigh 1."""

LEAST_WITHIN = 0.2
"""Added to every direction's spread within images, as a share of the mean one: where views hardly differ, chance rules.

Linear probes on held-out patients, Lite0 at 256 px with its stages by field: NIH macro AUROC .679 without this step;
.705, .705, .704 and .703 at 0.02, 0.1, 0.2 and 0.3."""

VIEWS = Augmentation(
    area=(0.6, 1.0), tone=0.2, window=0.05, contrast=0.4, brightness=0.2, focus=0.5, noise=0.02, shift=0.05
)
"""What views of one image differ in: as in pretraining, but for milder crops, since fields have their place."""

BATCH = 8


def stages_of(infos: Sequence[EncoderInfo], sides: Sequence[int]) -> Stages:
    """The encoders side by side with all their stages pooled, the projection not yet fitted.

    Args:
        infos: The encoders; the input of the first is that of the whole.
        sides: Side in pixels of what each is fed.

    Raises:
        UserError: These architectures cannot be put side by side.
    """
    wanted = "_".join(info.architecture for info in infos)
    make = ARCHITECTURES.get(f"{wanted}_stages")
    if make is None:
        known = ", ".join(name.removesuffix("_stages") for name in ARCHITECTURES if name.endswith("_stages"))
        raise UserError(f"The stages of {wanted} cannot be pooled. Choose encoders that together are one of: {known}.")
    model = make()
    assert isinstance(model, Stages)
    first = infos[0].spec
    for number, (base, info, side) in enumerate(zip(model.bases, infos, sides, strict=True)):
        base.load_state_dict(load_model(info, torch.device("cpu")).state_dict())
        model.sides[number] = 0 if number == 0 else side
        model.gains[number] = first.std / info.spec.std
        model.offsets[number] = (first.mean - info.spec.mean) / info.spec.std
    return model.eval()


def pool(
    model: Stages,
    items: Sequence[Item],
    spec: InputSpec,
    plan: Augmentation | None = None,
    views: int = 1,
    seed: int = 0,
    threads: int = 2,
) -> NDArray[np.float32]:
    """(N, views, F) what `Stages.pooled` gives for the items that can be read, in order.

    Args:
        model: The networks.
        items: Images.
        spec: What the first network is fed.
        plan: How views vary; None: the picture as the program feeds it.
        views: Views of each image.
        seed: Of the views.
        threads: Threads that read and compute.
    """
    folded = fold_norms(copy.deepcopy(model))
    assert isinstance(folded, Stages)
    plain = spec if plan is None else InputSpec(round(spec.size_px * 9 / 8), spec.fit, 0.0, 1.0)

    def work(start: int) -> Tensor:
        pictures = []
        for item in items[start : start + BATCH]:
            try:
                pictures.append(preprocess(read(item.path), plain))
            except UserError as error:
                print(f"left out {item.path.name}: {error}", file=sys.stderr)
        empty = np.zeros((0, 1, plain.size_px, plain.size_px), np.float32)
        batch = torch.from_numpy(np.stack(pictures) if pictures else empty).repeat_interleave(views, 0)
        with torch.inference_mode():
            if plan is not None:
                chance = torch.Generator().manual_seed(seed + start)
                batch = (augment(batch, spec.size_px, plan, chance) - spec.mean) / spec.std
            found = folded.pooled(batch.contiguous(memory_format=torch.channels_last))
        return found.reshape(-1, views, found.shape[1])

    with ThreadPoolExecutor(threads) as pool_of_threads:
        return torch.cat(list(pool_of_threads.map(work, range(0, len(items), BATCH)))).numpy()


def fit_projection(model: Stages, pooled: NDArray[np.float32], views: NDArray[np.float32]) -> tuple[float, float]:
    """Sets the model's projection, from images without labels.

    Principal components first; then they are turned and scaled so that what differs between two views of one image
    (exposure, positioning) counts little beside what differs between images. That is what SimCLR asks of a network,
    solved exactly for its last, linear layer; known as within-class covariance normalisation (Hatch, Kajarekar and
    Stolcke, Interspeech 2006), every image being a class of its own.

    Args:
        model: Its projection is replaced.
        pooled: (N, F) as `pool` gives for the images as they are.
        views: (n, v, F) as `pool` gives for v >= 2 random views of some of them.

    Returns:
        The share of the standardised variance that the components hold, and of it the share that differs within images.
    """
    mean = pooled.mean(axis=0, dtype=np.float64)
    spread = pooled.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0.0) * block_weights(model)  # constant: says nothing
    rows = ((pooled - mean) * scale).astype(np.float32)  # (N, F)
    gram = (rows @ rows.T).astype(np.float64) / len(rows)  # (N, N): its eigenvectors give those of the far larger F x F
    values, left = np.linalg.eigh(gram)  # ascending
    kept = np.argsort(-values)[: model.dimension]
    own = np.maximum(values[kept], 1e-9 * values[-1])
    axes = rows.T.astype(np.float64) @ left[:, kept] / np.sqrt(own * len(rows))  # (F, d)
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    apart = views - views.mean(axis=1, keepdims=True)  # (n, v, F)
    apart = ((apart.reshape(-1, views.shape[2]) * scale) @ axes).astype(np.float64)  # (n * v, d)
    within = apart.T @ apart / (len(views) * (views.shape[1] - 1))  # (d, d)
    noise, turn = np.linalg.eigh(within + LEAST_WITHIN * np.trace(within) / len(within) * np.eye(len(within)))
    axes = axes @ ((turn / np.sqrt(noise)) @ turn.T)  # (F, d)
    weight = np.zeros((model.dimension, pooled.shape[1]))
    weight[: len(kept)] = (scale[:, None] * axes).T  # (D, F)
    weight = weight.astype(np.float16).astype(np.float64)  # as it is stored: the bias fits the rounded weights
    with torch.no_grad():
        model.projection.weight.copy_(torch.from_numpy(weight))
        model.projection.bias.copy_(torch.from_numpy(-weight @ mean))
    held = float(values[kept].sum())
    return held / max(float(values.sum()), 1e-12), float(np.trace(within)) / max(held, 1e-12)


def block_weights(model: Stages) -> NDArray[np.float64]:
    """(F,) what standardised numbers count: every network alike, its means by field PLACED against the rest."""
    weights = []
    widths = model.widths()
    for means, deviations, placed in zip(widths[::3], widths[1::3], widths[2::3], strict=True):
        weights.append(np.full(means + deviations, (means + deviations) ** -0.5))
        weights.append(np.full(placed, PLACED * placed**-0.5))
    return np.concatenate(weights)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="python -m training.bundle")
    parser.add_argument("--data", type=Path, required=True, help="manifest, release or folder")
    parser.add_argument("--sources", nargs="+", default=(), help="fit on these sources only (default: all)")
    parser.add_argument("--encoder", type=Path, nargs="+", required=True, help="checkpoint folders, side by side")
    parser.add_argument("--size", type=int, nargs="+", help="side of the input of each (default: its own)")
    parser.add_argument("--images", type=int, default=4000, help="training images to fit on (default: 4000)")
    parser.add_argument("--view-images", type=int, default=1200, help="of these, seen in four views (default: 1200)")
    parser.add_argument("--name", required=True)
    parser.add_argument("--title", help="for the reader (default: the encoder's own, with the word stages)")
    parser.add_argument("--description", help="how it was trained, in a sentence (default: that of each encoder)")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    infos = [read_encoder(directory) for directory in chosen.encoder]
    sides = chosen.size or [info.spec.size_px for info in infos]
    if len(sides) != len(infos):
        parser.error("--size takes one number an encoder")
    model = stages_of(infos, sides)
    items = select(index(chosen.data), chosen.sources, "train")
    order = np.random.default_rng(0).permutation(len(items))[: chosen.images]
    some = [items[i] for i in order]
    spec = replace(infos[0].spec, size_px=sides[0])
    pooled = pool(model, some, spec)[:, 0]
    print(f"{len(pooled):,} images pooled", file=sys.stderr)
    share, within = fit_projection(model, pooled, pool(model, some[: chosen.view_images], spec, VIEWS, 4))
    titles = " + ".join(info.title for info in infos)
    training = chosen.description or " Beside it: ".join(info.description for info in infos)
    training += " All stages pooled, projected on principal components and scaled by how little they differ "
    training += "between views of one radiograph; no labels used."
    saved = save_checkpoint(
        chosen.out,
        model,
        name=chosen.name,
        title=chosen.title or f"{titles}, all stages",
        architecture="_".join(info.architecture for info in infos) + "_stages",
        spec=spec,
        training=training,
        card=f"# {chosen.name}\n\n{training}\n\n{model.dimension} components fitted on {len(order):,} training images "
        f"hold {share:.1%} of the standardised variance; {within:.0%} of it differs between views of one image.\n",
    )
    write_graph(chosen.out)
    print(f"{saved.key}: {share:.1%} of the variance in {saved.dimension} numbers, written to {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
