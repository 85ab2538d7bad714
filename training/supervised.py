"""The supervised baseline: a ResNet-18 trained end to end on the same labels, for a bounded time."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

BATCH = 64
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-2
MEAN, STD = 0.5, 0.25


def supervised_scores(
    pixels: NDArray[np.uint8],
    targets: NDArray[np.bool_],
    test: NDArray[np.bool_],
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

    from cxr_explorer.encoder.model import ARCHITECTURES, dimension_of

    state = torch.get_rng_state()
    torch.manual_seed(seed)
    body = ARCHITECTURES["resnet18"]()
    head = torch.nn.Linear(dimension_of(body), targets.shape[1])
    model = torch.nn.Sequential(body, head)
    torch.set_rng_state(state)
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
            x = torch.from_numpy(_changed(pixels[rows], random))  # (b, 1, S, S)
            y = torch.from_numpy(targets[rows].astype(np.float32))  # (b, Q)
            done = max(_spent(began, minutes), (epochs - 1) / most_epochs)
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * max(0.02, 1 - done)
            optimiser.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(model(x), y)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    model.eval()
    held = np.flatnonzero(test)
    scores = []
    with torch.inference_mode():
        for start in range(0, len(held), BATCH):
            x = torch.from_numpy(_scaled(pixels[held[start : start + BATCH]]))
            scores.append(torch.sigmoid(model(x)).numpy())
    return np.concatenate(scores).astype(np.float64), epochs


def _spent(began: float, minutes: float) -> float:
    return (time.monotonic() - began) / (60 * minutes)


def _scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(b, S, S) bytes to the network's input (b, 1, S, S)."""
    return ((pixels.astype(np.float32) / np.float32(255) - np.float32(MEAN)) / np.float32(STD))[:, None]


def _changed(pixels: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.float32]:
    """`_scaled` after a shift of up to a sixteenth and a change of brightness and contrast, drawn for each image."""
    reach = pixels.shape[1] // 16
    out = np.empty((len(pixels), 1, *pixels.shape[1:]), dtype=np.float32)
    padded = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    size = pixels.shape[1]
    for i, scaled in enumerate(_scaled(padded)[:, 0]):
        top, left = random.integers(0, 2 * reach + 1, size=2)
        part = scaled[top : top + size, left : left + size]
        out[i, 0] = part * random.uniform(0.8, 1.2) + random.uniform(-0.3, 0.3)
    return out
