"""Tubes, lines and leads on the simulated patient."""

from __future__ import annotations

import numpy as np

from cxr_explorer.phantom.body import Float, Grid, Patient, Points, Tubes, ellipse, polyline, project, step, sum_of


def devices(patient: Patient, grid: Grid, dome_cm: float, rng: np.random.Generator) -> Float:
    """Ray length in metal, (H, W) float32, cm.

    Args:
        patient: Whose `devices` are drawn; a drain lies on the side of the finding.
        grid: The pixels.
        dome_cm: y of the top of the left half of the diaphragm.
        rng: Where exactly they lie.
    """
    parts: list[Float] = []
    wires: list[Tubes] = []

    def wire(radius: float, density: float, path: Points) -> None:
        wires.append(Tubes(path, radius, density))

    jitter = rng.normal(0, 0.5, (12, 2))
    if "tube" in patient.devices:
        tip = 4.6 + jitter[0, 1]
        for offset in (-0.42, 0.42):
            wire(0.09, 0.45, polyline((0.3 + offset, -6.5), (0.1 + offset, 0.0), (-0.1 + offset * 0.9, tip)))
        wire(0.06, 1.1, polyline((0.3, -6.5), (0.15, 0.0), (-0.1, tip)))
    if "stomach tube" in patient.devices:
        tip_y = dome_cm + 3.5
        wire(0.11, 0.8, polyline((0.8, -6.5), (0.5, 4.0), (0.7, 14.0), (1.6, tip_y - 3), (5.0 + jitter[1, 0], tip_y)))
    if "line" in patient.devices:
        jugular, subclavian = ((-3.4 + 0.5 * jitter[2, 0], -6.5), (-3.0, -1.0)), ((-11.0, -0.4), (-5.5, 1.0))
        entry = jugular if jitter[3, 0] > 0 else subclavian
        wire(0.09, 0.9, polyline(*entry, (-2.5, 4.0), (-2.3, 11.0 + jitter[3, 1])))
    if "ecg" in patient.devices:
        spots = [(-9.5, 3.0), (9.8, 3.4), (10.5, 16.5)]
        leave = [(-7.0, 32.0), (2.0, 32.0), (8.0, 32.0)]
        for i, (spot, end) in enumerate(zip(spots, leave, strict=True)):
            pad = (spot[0] + 1.5 * float(jitter[4 + i, 0]), spot[1] + 1.5 * float(jitter[4 + i, 1]))
            halfway = ((pad[0] + end[0]) / 2 + 4 * jitter[7 + i, 0], (pad[1] + end[1]) / 2 + 3 * jitter[7 + i, 1])
            wire(0.07, 1.3, polyline(pad, halfway, end, samples=60))
            parts.append(ellipse(grid, pad, (0.55, 0.55)) * np.float32(0.2))
            parts.append(ellipse(grid, pad, (0.26, 0.26)) * np.float32(0.5))
    if "drain" in patient.devices:
        s = patient.side
        path = polyline((s * 19.0, 15.0), (s * 13.0, 12.5), (s * 11.0, 8.0), (s * 8.0, 3.0))
        wire(0.28, 0.12, path)
        wire(0.07, 1.0, path)
    if "pacemaker" in patient.devices:
        box = (9.2 + 0.5 * float(jitter[10, 0]), 3.6 + 0.5 * float(jitter[10, 1]))
        parts.append(step(ellipse(grid, box, (2.3, 1.9), 20), 0.25) * np.float32(0.5))
        low = dome_cm
        wire(0.09, 1.6, polyline((box[0] - 1.8, box[1] - 1), (4.5, 1.2), (-1.0, 3.5), (-2.3, 9.0), (-1.5, low - 4)))
        wire(0.09, 1.6, polyline((box[0] - 1.6, box[1] - 1.2), (4.3, 0.9), (-1.2, 3.4), (-2.5, 12.0), (4.5, low - 1.2)))
    return sum_of(parts, grid) + project(grid, *wires)
