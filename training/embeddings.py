"""Embeddings for evaluation: by the program's own reading, preprocessing and model, kept on disk by encoder key."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import CARD_FILE, WEIGHTS_FILE, EncoderInfo, read_encoder, write_description
from cxr_explorer.encoder.embed import Embedder, Source
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.images.preprocess import InputSpec
from training.data import Item

PIXELS = "raw pixels, PCA"
PIXELS_PX = 32
"""Side of the picture behind the raw-pixel baseline."""

PART = 1000
"""Files embedded between two writes: what is lost at most where a run is stopped."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """Embeddings of the items that could be read.

    Attributes:
        name: What tables call the encoder.
        vectors: (N, D) float32, in the order of the items.
    """

    name: str
    vectors: NDArray[np.float32]


def embed_items(items: Sequence[Item], directory: Path, folder: Path, device: str = "auto") -> Embedded:
    """Embeds what is not in the folder yet, a thousand files at a time: a run that is stopped goes on from there.

    Args:
        items: What to embed.
        directory: The encoder's checkpoint.
        folder: Where embeddings are kept: files KEY-00000.npz, KEY-00001.npz, …, each written once.
        device: As for `embed`.

    Raises:
        UserError: The encoder cannot be used, or an image cannot be read.
    """
    info = read_encoder(directory)
    known, parts = _kept(folder, info.key)
    missing = [item.path for item in items if str(item.path) not in known]
    if missing:
        with closing(Embedder(directory, device)) as embedder:
            for start in range(0, len(missing), PART):
                some = _embedded(missing[start : start + PART], embedder)
                _keep(folder / f"{info.key}-{parts:05}.npz", some)
                known, parts = known | some, parts + 1
                print(f"{info.name}: {start + len(some):,} of {len(missing):,} embedded", file=sys.stderr)
    return Embedded(info.name, np.stack([known[str(item.path)] for item in items]))


def _embedded(paths: Sequence[Path], embedder: Embedder) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    for batch in embedder.embed([Source(number, path) for number, path in enumerate(paths)]):
        if batch.unreadable:
            failed = batch.unreadable[0]
            raise UserError(f"Cannot embed {paths[failed.image_id]}: {failed.reason} Or take it out of the data.")
        found |= {str(paths[done.image_id]): done.embedding for done in batch.embedded}
    return found


def beside(name: str, parts: Sequence[Embedded]) -> Embedded:
    """Several encoders as one: each at length 1, centred and of unit spread, put side by side."""
    blocks = []
    for part in parts:
        rows = part.vectors / np.maximum(np.linalg.norm(part.vectors, axis=1, keepdims=True), 1e-12)
        rows = rows - rows.mean(axis=0)
        blocks.append(rows / max(float(np.sqrt((rows**2).sum(axis=1).mean())), 1e-12))
    return Embedded(name, np.concatenate(blocks, axis=1).astype(np.float32))


def pixel_components(pictures: NDArray[np.float32], train: NDArray[np.bool_], count: int = 256) -> Embedded:
    """The raw-pixel baseline: principal components of small pictures, found on the training images alone.

    Args:
        pictures: (N, h, w) in [0, 1].
        train: (N,) which images the components are found on.
        count: Components kept.
    """
    rows = pictures.reshape(len(pictures), -1).astype(np.float32)
    rows = rows - rows[train].mean(axis=0)
    _, vectors = np.linalg.eigh((rows[train].T @ rows[train]).astype(np.float64))
    kept = vectors[:, ::-1][:, : min(count, rows.shape[1])].astype(np.float32)
    return Embedded(PIXELS, rows @ kept)


def random_encoder(folder: Path, size_px: int = 112, seed: int = 0) -> EncoderInfo:
    """A ResNet-18 with its initial weights, as a checkpoint in the folder: what the architecture alone is worth."""
    import torch

    from cxr_explorer.encoder.model import ARCHITECTURES, save_checkpoint

    state = torch.get_rng_state()
    torch.manual_seed(seed)
    model = ARCHITECTURES["resnet18"]()
    torch.set_rng_state(state)
    return save_checkpoint(
        folder,
        model,
        name="random-resnet18",
        title="ResNet-18 with random weights",
        architecture="resnet18",
        spec=InputSpec(size_px),
        training="Not trained.",
        card="# random-resnet18\n\nInitial weights, a baseline.\n",
    )


def resized_encoder(directory: Path, size_px: int, folder: Path) -> EncoderInfo:
    """The same encoder fed with another input size, as a checkpoint in the folder."""
    info = read_encoder(directory)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(directory / WEIGHTS_FILE, folder / WEIGHTS_FILE)
    if (directory / CARD_FILE).is_file():
        shutil.copyfile(directory / CARD_FILE, folder / CARD_FILE)
    write_description(
        folder,
        name=f"{info.name}-{size_px}px",
        title=f"{info.title}, {size_px} px",
        architecture=info.architecture,
        dimension=info.dimension,
        spec=InputSpec(size_px, info.spec.fit, info.spec.mean, info.spec.std),
        training=info.description,
        weights_sha256=info.weights_sha256,
    )
    return read_encoder(folder)


def _kept(folder: Path, key: str) -> tuple[dict[str, NDArray[np.float32]], int]:
    """What is there by file, and how many parts; KEY.npz is of an earlier version."""
    known: dict[str, NDArray[np.float32]] = {}
    parts = sorted(folder.glob(f"{key}-[0-9][0-9][0-9][0-9][0-9].npz"))
    for file in (*parts, folder / f"{key}.npz"):
        if file.is_file():
            with np.load(file, allow_pickle=False) as stored:
                known |= zip(stored["files"].tolist(), stored["embeddings"], strict=True)
    return known, len(parts)


def _keep(file: Path, some: dict[str, NDArray[np.float32]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as stream:
        np.savez(stream, files=np.array(list(some)), embeddings=np.stack(list(some.values())))
