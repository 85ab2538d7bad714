"""What tells whether pretraining works: spread, alignment and uniformity of embeddings, and their nearest neighbours.

A contrastive loss can fall while the encoder collapses; the figures here see it. Labels serve to watch, never to train.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess
from cxr_explorer.images.radiograph import Float
from cxr_explorer.images.read import read
from training.data import Item, is_normal, patient_ids

NEIGHBOURS = 15
"""k of the vote: odd, and small beside the smallest class worth watching."""

_MOST_CLASSES = 6  # a source with more sets of labels is judged as normal against anything else
_FEWEST = 20  # images of a class, below which a vote says nothing


@dataclass(frozen=True)
class Probe:
    """A fixed sample of training images to watch.

    Attributes:
        inputs: (N, 1, S, S) float32, exactly what the app feeds the encoder for these files.
        patients: (N,) int64, equal for images of the same person.
        tasks: Name ("view nih") to (N,) int64 classes, -1 where the image does not take part.
    """

    inputs: Tensor
    patients: Tensor
    tasks: dict[str, Tensor]


def encoder_input(item: Item, spec: InputSpec) -> Float:
    """What the app feeds the encoder for this file, (1, S, S) float32. Raises UserError as `read` does."""
    return preprocess(read(item.path), spec)


def load_probe(items: Sequence[Item], spec: InputSpec, per_source: int, seed: int) -> Probe:
    """Reads up to `per_source` random images of each source; files that cannot be read are left out.

    Raises:
        UserError: Fewer than two of the images can be read.
    """
    order = np.random.default_rng(seed).permutation(len(items))
    taken: Counter[str] = Counter()
    chosen: list[Item] = []
    inputs: list[Float] = []
    for item in (items[row] for row in order):
        if taken[item.source] >= per_source:
            continue
        try:
            inputs.append(encoder_input(item, spec))
        except UserError:
            continue
        taken[item.source] += 1
        chosen.append(item)
    if len(chosen) < 2:
        raise UserError("Cannot watch the training: fewer than two images can be read. Choose a folder with images.")
    return Probe(
        inputs=torch.from_numpy(np.stack(inputs)),
        patients=torch.tensor(patient_ids(chosen)),
        tasks=_tasks(chosen),
    )


def _tasks(items: Sequence[Item]) -> dict[str, Tensor]:
    """View and labels, each within one source: across sources a vote would only tell the sources apart."""
    tasks = {}
    for source in sorted({item.source for item in items}):
        here = [item if item.source == source else None for item in items]
        views = [item.view if item is not None else "" for item in here]
        sets = ["|".join(sorted(i.labels)) if i is not None and i.labels is not None else "" for i in here]
        if len(set(sets) - {""}) > _MOST_CLASSES:
            sets = [
                ("normal" if is_normal(i.labels) else "finding") if i is not None and i.labels is not None else ""
                for i in here
            ]
        for name, values in (("view", views), ("labels", sets)):
            counts = Counter(value for value in values if value)
            classes = sorted(value for value, count in counts.items() if count >= _FEWEST)
            if len(classes) > 1:
                numbers = {value: number for number, value in enumerate(classes)}
                tasks[f"{name} {source}"] = torch.tensor([numbers.get(value, -1) for value in values])
    return tasks


@torch.inference_mode()
def embed(encoder: nn.Module, inputs: Tensor, device: torch.device, batch: int = 64) -> Tensor:
    """(N, D) float32 embeddings on the CPU; the encoder comes back in training mode."""
    encoder.eval()
    parts = [encoder(part.to(device)).float().cpu() for part in torch.split(inputs, batch)]
    encoder.train()
    return torch.cat(parts)


def watch(encoder: nn.Module, probe: Probe, device: torch.device) -> dict[str, float]:
    """Effective rank and, for each task, the balanced accuracy of the nearest neighbours' vote."""
    embeddings = embed(encoder, probe.inputs, device)  # (N, D)
    figures = {"effective_rank": effective_rank(embeddings)}
    for name, classes in probe.tasks.items():
        figures[f"knn {name}"] = knn_accuracy(embeddings, classes, probe.patients)
    return figures


def effective_rank(embeddings: Tensor) -> float:
    """How many directions embeddings use: exp of the entropy of their singular values (Roy and Vetterli, EUSIPCO 2007).

    Args:
        embeddings: (N, D); their mean is taken away first, so a constant embedding has rank 0.

    Returns:
        0 (all equal) to min(N - 1, D); not a number where an embedding is none.
    """
    if not bool(embeddings.isfinite().all()):
        return float("nan")
    values = torch.linalg.svdvals((embeddings - embeddings.mean(0)).double())  # (min(N, D),)
    scale = float(embeddings.double().norm())
    if float(values.sum()) <= 1e-7 * scale or scale == 0:
        return 0.0
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum().exp())


def alignment(z1: Tensor, z2: Tensor) -> float:
    """Mean squared distance of the two views of an image on the unit sphere, 0 to 4 (Wang and Isola, ICML 2020)."""
    a, b = functional.normalize(z1.float()), functional.normalize(z2.float())
    return float((a - b).square().sum(1).mean())


def uniformity(z: Tensor) -> float:
    """Log of the mean of exp(-2 d²) over pairs on the unit sphere, -8 to 0; lower is more spread (Wang and Isola)."""
    distances = torch.pdist(functional.normalize(z.float()))
    return float((-2 * distances.square()).exp().mean().log())


def knn_accuracy(embeddings: Tensor, classes: Tensor, patients: Tensor, k: int = NEIGHBOURS) -> float:
    """Balanced accuracy of the majority vote of the k nearest by cosine, images of the same person left out.

    Args:
        embeddings: (N, D).
        classes: (N,) int64; images with -1 neither vote nor count.
        patients: (N,) int64.
        k: How many vote; a tie goes to the lowest class.

    Returns:
        Mean over classes of the share voted right; 1 / number of classes is chance.
    """
    taking_part = classes >= 0
    z = functional.normalize(embeddings[taking_part].float())  # (M, D)
    truth, person = classes[taking_part], patients[taking_part]
    similar = z @ z.T  # (M, M)
    similar.masked_fill_(person[:, None] == person, -torch.inf)
    values, nearest = similar.topk(min(k, len(z)))  # (M, k)
    votes = functional.one_hot(truth[nearest], int(truth.max()) + 1) * values.isfinite()[..., None]  # (M, k, C)
    right = (votes.sum(1).argmax(1) == truth).numpy()
    shares: list[NDArray[np.float64]] = [right[truth.numpy() == value].mean() for value in np.unique(truth.numpy())]
    return float(np.mean(shares))
