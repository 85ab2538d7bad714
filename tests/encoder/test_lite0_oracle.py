"""Our EfficientNet-Lite0 against timm's: the same network under other names.

Ours stays, since the keys of the bundled weights are its own. Measured with these on four simulated films at 192 px: no
difference at all, the largest number being 4.4; what is allowed is what another order of sums would make.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cxr_explorer.encoder.checkpoint import bundled_encoders
from cxr_explorer.encoder.model import load_model
from cxr_explorer.encoder.sample_films import sample_films


def test_timms_lite0_gives_the_same_with_our_weights() -> None:
    timm = pytest.importorskip("timm")
    info = next(info for info in bundled_encoders() if info.architecture == "efficientnet_lite0")
    ours = load_model(info, torch.device("cpu"))
    theirs = timm.create_model("tf_efficientnet_lite0", in_chans=1, num_classes=0).eval()
    own, other = ours.state_dict(), theirs.state_dict()
    assert [value.shape for value in own.values()] == [value.shape for value in other.values()]  # in the same order
    theirs.load_state_dict(dict(zip(other, own.values(), strict=True)))
    films = torch.from_numpy((sample_films(192) - info.spec.mean) / info.spec.std).float()
    with torch.inference_mode():
        expected, given = ours(films).numpy(), theirs(films).numpy()
    assert np.abs(given - expected).max() <= 1e-5 * np.abs(expected).max()
