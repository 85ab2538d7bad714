"""The contrastive loss: NT-Xent over the images of all processes, and its decoupled form."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional


def nt_xent(
    z1: Tensor, z2: Tensor, temperature: float, *, decoupled: bool = False, groups: Tensor | None = None
) -> Tensor:
    """Normalised temperature-scaled cross entropy between two views of the same images.

    Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations*, ICML 2020, arXiv 2002.05709,
    equation 1: every view is to find its image's other view among all other views of the batch. `decoupled` takes the
    positive out of the denominator (Yeh et al., *Decoupled Contrastive Learning*, ECCV 2022, arXiv 2110.06848,
    equation 6), which at small batches keeps the gradient from fading once the positive is found.

    With `torch.distributed` initialised, the views of all processes are each other's negatives, and gradients flow
    back to the process that made them: the mean over processes of losses, and of gradients as DDP takes it, is that of
    one process with the whole batch. Accumulating gradients over batches is no substitute: it adds no negatives.

    Args:
        z1: (B, D) projections of the first views, of any length; the same B in every process.
        z2: (B, D) projections of the second views.
        temperature: What cosines are divided by, > 0.
        decoupled: Whether to leave the positive out of the denominator.
        groups: (B,) int64 patient of each image; other images of the same patient are then no negatives.

    Returns:
        () float32, mean over the 2 B views of this process. Negative values are possible when decoupled.

    Raises:
        ValueError: Shapes disagree, the temperature is not above 0, or a view of a decoupled loss has no negative.
    """
    if z1.ndim != 2 or z1.shape != z2.shape:
        raise ValueError(f"two matrices of the same shape are needed, not {tuple(z1.shape)} and {tuple(z2.shape)}")
    if groups is not None and groups.shape != z1.shape[:1]:
        raise ValueError(f"groups has shape {tuple(groups.shape)}, ({len(z1)},) is needed")
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, it must be above 0")

    count = len(z1)
    z = functional.normalize(torch.cat((z1, z2)).float())  # (2B, D), first views, then second
    everyone, rank, world = _gather(z)  # (W * 2B, D), process after process
    views = torch.arange(2 * count, device=z.device)  # (2B,)
    columns = torch.arange(2 * count * world, device=z.device)  # (W * 2B,)
    own = views + rank * 2 * count  # (2B,) the column that is the view itself
    partner = (views + count) % (2 * count) + rank * 2 * count  # (2B,) the column of its image's other view

    logits = z @ everyone.T / temperature  # (2B, W * 2B)
    positive = logits.gather(1, partner[:, None]).squeeze(1)  # (2B,)
    is_partner = columns == partner[:, None]  # (2B, W * 2B)
    left_out = columns == own[:, None]  # (2B, W * 2B)
    if groups is not None:
        patients = torch.cat((groups, groups))  # (2B,)
        theirs = _gather_constant(patients, world)  # (W * 2B,)
        left_out = left_out | ((patients[:, None] == theirs) & ~is_partner)
    if decoupled:
        left_out = left_out | is_partner
        if bool(left_out.all(1).any()):
            raise ValueError("an image has no negative: the batch needs a second image, of another patient")
    denominator = logits.masked_fill(left_out, -torch.inf).logsumexp(1)  # (2B,)
    return (denominator - positive).mean()


class _AllGather(torch.autograd.Function):
    """Every process's tensor, one after the other; backwards each takes home the sum of what all made of its own."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        parts = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, mine.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous()  # (W * n, D)
        dist.all_reduce(total)
        return total.chunk(dist.get_world_size())[dist.get_rank()]


def _gather(mine: Tensor) -> tuple[Tensor, int, int]:
    """All processes' rows, this process's number, and how many there are."""
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return mine, 0, 1
    everyone: Tensor = _AllGather.apply(mine)
    return everyone, dist.get_rank(), dist.get_world_size()


def _gather_constant(mine: Tensor, world: int) -> Tensor:
    if world == 1:
        return mine
    parts = [torch.empty_like(mine) for _ in range(world)]
    dist.all_gather(parts, mine.contiguous())
    return torch.cat(parts)
