"""From attenuation to a picture: photons, scatter, log response, and a vendor's display curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cxr_explorer.phantom.body import Float


@dataclass(frozen=True)
class Scanner:
    """How a machine and its operator make pictures.

    Attributes:
        photons: Quanta on a pixel without a patient.
        scatter: Share of the mean primary that lies as a veil over the picture.
        contrast: Steepness of the display curve, 1 for plain.
        gamma: Exponent of the display curve; above 1 darkens the lungs.
        sharpening: Share of detail added by edge enhancement.
        border: Shutter drawn outside the collimated field: None, "black" or "white".
    """

    photons: float = 150_000.0
    scatter: float = 0.25
    contrast: float = 1.0
    gamma: float = 1.0
    sharpening: float = 0.3
    border: str | None = None


def _blurred(picture: Float, factor: int) -> Float:
    """A low pass by averaging and smooth enlarging: (H, W) float32."""
    height, width = picture.shape
    small = (max(2, width // factor), max(2, height // factor))
    image = Image.fromarray(picture).resize(small, Image.Resampling.BOX)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def turned(attenuation: Float, degrees: float, height_px: int, width_px: int) -> Float:
    """The middle of a map, (height_px, width_px), after a turn about its centre."""
    angle = np.deg2rad(degrees)
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    rows, columns = attenuation.shape
    dx, dy = columns / 2, rows / 2
    x0 = dx - cosine * width_px / 2 - sine * height_px / 2
    y0 = dy + sine * width_px / 2 - cosine * height_px / 2
    affine = (cosine, sine, x0, -sine, cosine, y0)
    image = Image.fromarray(attenuation)
    turned_image = image.transform((width_px, height_px), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.asarray(turned_image, dtype=np.float32)


def expose(attenuation: Float, scanner: Scanner, rng: np.random.Generator) -> Float:
    """A radiograph in [0, 1], air dark: (H, W) float32.

    Transmission is exp(-attenuation). Quantum noise is the Gaussian limit of Poisson's law, good to a per cent above
    the hundred or so quanta that reach every pixel; the detector answers with the logarithm.
    """
    primary = np.exp(-np.maximum(attenuation, 0))
    covered = np.minimum(primary, np.float32(0.25))  # the open field scatters nothing into the patient's shadow
    signal = primary + np.float32(scanner.scatter) * _blurred(covered, 24)
    signal = np.maximum(signal, np.float32(1e-4))
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    signal = np.maximum(signal + noise * np.sqrt(signal / np.float32(scanner.photons)), np.float32(1e-4))
    density = -np.log(signal)
    if scanner.sharpening:
        density = density + np.float32(scanner.sharpening) * (density - _blurred(density, 8))
    height, width = density.shape
    middle = slice(height // 6, height * 7 // 10, 3), slice(width // 6, width * 5 // 6, 3)
    shadow = density[middle][attenuation[middle] > 1.2]
    low, high = np.percentile(shadow, (2.0, 97.0)) if shadow.size else (0.0, 1.0)
    t = np.clip((density - np.float32(low)) / np.float32(high - low + 1e-6) * np.float32(0.75) + np.float32(0.15), 0, 2)
    t = t ** np.float32(scanner.gamma)
    t = np.where(t > 0.75, 1 - 0.25 * np.exp(3 - 4 * t), t)  # the film's shoulder
    t = (t - np.float32(0.5)) * np.float32(scanner.contrast) + np.float32(0.5)
    return np.asarray(np.clip(t, 0, 1), dtype=np.float32)
