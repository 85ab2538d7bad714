"""Candidates for the nearest neighbours from a graphics card; the only file of this room that needs PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cxr_explorer.atlas.candidates import SPARE, TIE, Candidates

NoMemory = torch.cuda.OutOfMemoryError
"""What is raised where the card has not the memory for it."""


def candidates_on_card(units: NDArray[np.float32], device: str = "cuda") -> Candidates:
    """As `candidates.candidates_on_processor`, from a torch device. Raises NoMemory, also when called later."""
    rows = torch.from_numpy(units).to(device)  # (N, D)
    count = len(rows)
    later = torch.arange(count, device=device)

    def candidates(start: int, stop: int, k: int) -> NDArray[np.int64]:
        with torch.inference_mode():
            cosines = rows[start:stop] @ rows.T  # (b, N)
            own = torch.arange(start, stop, device=device)
            cosines[own - start, own] = -torch.inf
            kept = min(k + SPARE, count - 1)
            values, found = cosines.topk(kept, dim=1)  # (b, kept)
            if kept < count - 1:
                # Where as many as `kept` are as near as the last one wanted, topk keeps any: choose by index.
                crowded = torch.nonzero(values[:, -1] >= values[:, k - 1] - 2 * TIE).ravel()
                block = max(1, len(cosines) // 4)  # the keys are int64, and several of them live at once
                for first in range(0, len(crowded), block):
                    some = crowded[first : first + block]
                    steps = torch.round(cosines[some].clamp_min(-2) / TIE).to(torch.int64)
                    found[some] = (steps * count - later).topk(kept, dim=1).indices
            return np.asarray(found.cpu().numpy())

    return candidates
