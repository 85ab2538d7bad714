"""Supervised baselines: networks trained end to end on the labels, for a bounded time or until they stop improving."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

BATCH = 64
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-2
MEAN, STD = 0.5, 0.25

Pixels = NDArray[np.uint8]
Answers = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Recipe:
    """How `learn_until_level` trains.

    Attributes:
        weights: A checkpoint folder to start from; None: a ResNet-18 with random weights.
        learning_rate: Of AdamW, at its highest: it rises over the first twentieth of the steps and then falls to 0.
        batch: Images a step.
        most_epochs: Passes over the images, if nothing ends training before.
        least_steps: Steps planned where that many passes would be fewer.
        checks: How often at most the rows kept apart are looked at.
        patience: Looks without a better loss on any question after which training ends.
        bfloat16: Whether the network computes in bfloat16; weights and loss stay float32.
    """

    weights: Path | None = None
    learning_rate: float = LEARNING_RATE
    batch: int = 32
    most_epochs: int = 20
    least_steps: int = 100
    checks: int = 20
    patience: int = 5
    bfloat16: bool = False


@dataclass(frozen=True, eq=False)
class Learnt:
    """What a training gave.

    Attributes:
        scores: (t, Q) probabilities of the held-out rows, each question at the look at which its own loss was least.
        steps: Steps taken.
        planned: Steps that would have been taken without an early end.
        best: (Q,) the step of the look that was kept.
    """

    scores: NDArray[np.float64]
    steps: int
    planned: int
    best: NDArray[np.int64]


def supervised_scores(
    pixels: Pixels,
    targets: Answers,
    test: Answers,
    minutes: float,
    seed: int = 0,
    most_epochs: int = 30,
) -> tuple[NDArray[np.float64], int]:
    """Trains from scratch on the training rows, shifted and exposed a little differently, then scores the others.

    One output a question, binary cross-entropy; the learning rate falls linearly over the time there is. A modest
    recipe: it says what the labels give in these minutes, not what supervision can reach.

    Args:
        pixels: (N, S, S).
        targets: (N, Q).
        test: (N,) held out.
        minutes: Training time.
        seed: Of weights, batches and changes.
        most_epochs: Ends training before the time is up.

    Returns:
        (t, Q) probabilities, and the epochs begun.
    """
    import torch
    from torch.nn import functional

    model, mean, std = _network(None, targets.shape[1], seed)
    optimiser = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    random = np.random.default_rng(seed)
    train = np.flatnonzero(~test)
    began, epochs = time.monotonic(), 0
    model.train()
    while epochs < most_epochs and _spent(began, minutes) < 1:
        epochs += 1
        order = random.permutation(train)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            if len(rows) < 2 or _spent(began, minutes) >= 1:
                break
            x = torch.from_numpy(_changed(pixels[rows], random, mean, std))  # (b, 1, S, S)
            y = torch.from_numpy(targets[rows].astype(np.float32))  # (b, Q)
            done = max(_spent(began, minutes), (epochs - 1) / most_epochs)
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * max(0.02, 1 - done)
            optimiser.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(model(x), y)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    odds = _log_odds(model, pixels, np.flatnonzero(test), mean, std)
    return 1 / (1 + np.exp(-odds)), epochs


def learn_until_level(
    pixels: Pixels, targets: Answers, train: Rows, check: Rows, held: Rows, recipe: Recipe, seed: int = 0
) -> Learnt:
    """Trains end to end until the rows kept apart see nothing get better, then scores the held-out rows.

    One output a question, binary cross-entropy, images shifted and exposed a little differently. The rows of `check`
    are scored again and again; each question keeps the weights with which its own loss there was least. Without such
    rows all planned steps are taken, and the last weights count.

    Args:
        pixels: (N, S, S).
        targets: (N, Q).
        train: Rows to learn from, two at least.
        check: Rows to stop by; none of a patient in `train`. May be empty.
        held: (t,) rows to score.
        recipe: How to train.
        seed: Of weights, batches and changes.

    Raises:
        UserError: The weights to start from cannot be used.
        ValueError: There are fewer than two rows to learn from.
    """
    import torch
    from torch.nn import functional

    if len(train) < 2:
        raise ValueError("a network cannot learn from fewer than two images")
    model, mean, std = _network(recipe.weights, targets.shape[1], seed)
    optimiser = torch.optim.AdamW(model.parameters(), recipe.learning_rate, weight_decay=WEIGHT_DECAY)
    random = np.random.default_rng(seed)
    batches = _batches(train, recipe.batch, random)
    planned = max(recipe.least_steps, recipe.most_epochs * len(batches))
    every = max(1, planned // recipe.checks)
    least, best = np.full(targets.shape[1], np.inf), np.zeros(targets.shape[1], dtype=np.int64)
    kept: dict[int, dict[str, torch.Tensor]] = {}
    step, looks_in_vain = 0, 0
    while step < planned and looks_in_vain < recipe.patience:
        if not batches:
            batches = _batches(train, recipe.batch, random)
        rows = batches.pop()
        x = torch.from_numpy(_changed(pixels[rows], random, mean, std))  # (b, 1, S, S)
        y = torch.from_numpy(targets[rows].astype(np.float32))  # (b, Q)
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * min(20 * (step + 1) / planned, 1, 1.05 * (1 - step / planned))
        model.train()
        optimiser.zero_grad()
        with _arithmetic(recipe.bfloat16):
            odds = model(x.contiguous(memory_format=torch.channels_last))
        loss = functional.binary_cross_entropy_with_logits(odds.float(), y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step += 1
        if len(check) and (step % every == 0 or step == planned):
            now = _losses(_log_odds(model, pixels, check, mean, std, recipe.bfloat16), targets[check])  # (Q,)
            better = now < least
            least, best = np.where(better, now, least), np.where(better, step, best)
            looks_in_vain = 0 if better.any() else looks_in_vain + 1
            if better.any():
                kept[step] = copy.deepcopy(model.state_dict())
            kept = {at: state for at, state in kept.items() if at in best}
    if not kept:
        best[:] = step
        kept[step] = model.state_dict()
    odds_at = {}
    for at, state in kept.items():
        model.load_state_dict(state)
        odds_at[at] = _log_odds(model, pixels, held, mean, std, recipe.bfloat16)
    scores = np.stack([odds_at[at][:, column] for column, at in enumerate(best.tolist())], axis=1)
    return Learnt(1 / (1 + np.exp(-scores)), step, planned, best)


def _network(weights: Path | None, outputs: int, seed: int) -> tuple[nn.Module, float, float]:
    """A network with one output a question, and the mean and standard deviation its input is scaled by."""
    import torch

    from cxr_explorer.encoder.checkpoint import read_encoder
    from cxr_explorer.encoder.model import ARCHITECTURES, dimension_of, load_model

    state = torch.get_rng_state()
    torch.manual_seed(seed)
    mean, std = MEAN, STD
    if weights is None:
        body = ARCHITECTURES["resnet18"]()
    else:
        info = read_encoder(weights)
        body = load_model(info, torch.device("cpu"))
        mean, std = info.spec.mean, info.spec.std
        for module in body.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.1  # Lite0's own 0.01 is for long trainings: a short one would end with old figures
        for value in body.parameters():
            value.requires_grad_(True)
    model = torch.nn.Sequential(body, torch.nn.Linear(dimension_of(body), outputs))
    torch.set_rng_state(state)
    return model.to(memory_format=torch.channels_last), mean, std


def _batches(train: Rows, batch: int, random: np.random.Generator) -> list[Rows]:
    """The rows in random order, in parts of nearly equal size: a last part of one image would have no spread."""
    return list(np.array_split(random.permutation(train), max(1, round(len(train) / batch))))


def _losses(odds: NDArray[np.float64], targets: Answers) -> NDArray[np.float64]:
    """(Q,) mean log loss of (n, Q) log odds."""
    return np.asarray(np.logaddexp(0, np.where(targets, -odds, odds)).mean(axis=0))


def _log_odds(
    model: nn.Module, pixels: Pixels, rows: Sequence[int] | Rows, mean: float, std: float, bfloat16: bool = False
) -> NDArray[np.float64]:
    """(n, Q) of the rows, in evaluation mode."""
    import torch

    model.eval()
    found = []
    with torch.inference_mode(), _arithmetic(bfloat16):
        for start in range(0, len(rows), BATCH):
            x = torch.from_numpy(_scaled(pixels[rows[start : start + BATCH]], mean, std))
            found.append(model(x.contiguous(memory_format=torch.channels_last)).float().numpy())
    return np.concatenate(found).astype(np.float64)


def _arithmetic(bfloat16: bool) -> AbstractContextManager[object]:
    import torch

    return torch.autocast("cpu", dtype=torch.bfloat16) if bfloat16 else nullcontext()


def _spent(began: float, minutes: float) -> float:
    return (time.monotonic() - began) / (60 * minutes)


def _scaled(pixels: Pixels, mean: float, std: float) -> NDArray[np.float32]:
    """(b, S, S) bytes to the network's input (b, 1, S, S)."""
    return ((pixels.astype(np.float32) / np.float32(255) - np.float32(mean)) / np.float32(std))[:, None]


def _changed(pixels: Pixels, random: np.random.Generator, mean: float, std: float) -> NDArray[np.float32]:
    """`_scaled` after a shift of up to a sixteenth and a change of brightness and contrast, drawn for each image."""
    reach = pixels.shape[1] // 16
    out = np.empty((len(pixels), 1, *pixels.shape[1:]), dtype=np.float32)
    padded = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    size = pixels.shape[1]
    for i, scaled in enumerate(_scaled(padded, mean, std)[:, 0]):
        top, left = random.integers(0, 2 * reach + 1, size=2)
        part = scaled[top : top + size, left : left + size]
        out[i, 0] = part * random.uniform(0.8, 1.2) + random.uniform(-0.3, 0.3)
    return out
