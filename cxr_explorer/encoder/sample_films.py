"""A few simulated films, on which an encoder is tried before it is taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_explorer.phantom.body import Grid, Patient
from cxr_explorer.phantom.exposure import Scanner, expose
from cxr_explorer.phantom.frontal import frontal

_PATIENTS = (
    Patient("PA"),
    Patient("PA", "F", 71, ("Cardiomegaly",), cardiothoracic_ratio=0.64, wall_cm=4.0),
    Patient("AP", "M", 60, ("Effusion",), side=-1, severity=0.9, devices=("tube", "ecg")),
    Patient("PA", "F", 34, size=0.9, wall_cm=2.2),
)


def sample_films(size_px: int, count: int = len(_PATIENTS)) -> NDArray[np.float32]:
    """Frontal films of different patients, drawn alike on every call: (count, 1, S, S) float32 in [0, 1].

    Args:
        size_px: S.
        count: At most 4.
    """
    drawn = []
    grid = Grid.of(256, 256, 35.5 / 256, -5.6)
    for number, patient in enumerate(_PATIENTS[:count]):
        anatomy, light = np.random.default_rng([7, number]).spawn(2)
        film = expose(frontal(patient, grid, anatomy).attenuation(), Scanner(), light)
        picture = Image.fromarray(film).resize((size_px, size_px), Image.Resampling.BILINEAR)
        drawn.append(np.clip(np.asarray(picture, np.float32), 0, 1)[None])
    return np.stack(drawn)
