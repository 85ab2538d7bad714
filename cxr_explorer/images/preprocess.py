"""Radiograph to encoder input and to thumbnail: the only definition of either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cxr_explorer.images.radiograph import Float, Radiograph

RENDERING_VERSION = 1
"""Part of every embedding's key: raise it when a file would be rendered or preprocessed differently."""


@dataclass(frozen=True)
class InputSpec:
    """What an encoder is fed.

    Attributes:
        size_px: Side of the square input.
        fit: "squash" stretches the whole image to the square; "pad" keeps its aspect ratio on black.
        mean: Subtracted from pixels in [0, 1].
        std: What the difference is divided by.
    """

    size_px: int
    fit: Literal["squash", "pad"] = "squash"
    mean: float = 0.5
    std: float = 0.25


def preprocess(radiograph: Radiograph, spec: InputSpec) -> Float:
    """The encoder's input, (1, size_px, size_px) float32."""
    raise NotImplementedError
