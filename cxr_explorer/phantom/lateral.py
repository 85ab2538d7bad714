"""The simulated chest from the side: front to the picture's left, back to its right."""

from __future__ import annotations

import numpy as np

from cxr_explorer.phantom.body import (
    Chest,
    Float,
    Grid,
    Patient,
    Tubes,
    clouds,
    ellipse,
    polyline,
    project,
    step,
    vessel_tree,
)


def lateral(patient: Patient, grid: Grid, rng: np.random.Generator) -> Chest:
    """The upright chest seen from the side with the arms raised.

    Args:
        patient: Every attribute but `side`, `devices` and `view` counts; a pneumothorax is not drawn.
        grid: The pixels, y = 0 at the apices, x = 0 midway between sternum and back.
        rng: Individual variation; findings draw from a generator of their own.
    """
    person, finding_rng = rng.spawn(2)
    x, y = grid.x, grid.y
    fat = patient.wall_cm - 3
    bust = 2.0 * np.maximum(1 - ((y - 15.5) / 4.8) ** 2, 0) ** 0.7 * step(y - 12, 7) if patient.sex == "F" else 0.0
    wall = -9.6 - 2.6 * step(y - 8, 18) + 3.4 * step(2 - y, 8) - fat
    front = (wall - bust).astype(np.float32)
    back = (9.4 + 2.4 * np.sin(np.clip((y + 4) / 30, 0, 1) * np.pi) + 0.6 * fat).astype(np.float32)
    body = _body(patient, grid, front, back)
    dome = 20.6 + float(person.normal(0, 0.6))
    spine_at = (back - 5.0 - 0.5 * fat).astype(np.float32)
    bone = _spine(grid, spine_at) + _ribs(grid, wall.astype(np.float32), back, person)

    inner = ((wall + 2.0 + 0.6 * fat).astype(np.float32), back - np.float32(1.8 + 0.3 * fat))
    t = (x - (inner[0] + inner[1]) / 2) / ((inner[1] - inner[0]) / 2)
    t2 = np.minimum(t * t, 1)
    apex = np.clip((y - 0.3 - 0.04 * (x - 2) ** 2) / 7, 0, 1)
    thick = 12.2 * np.sqrt((1 - t2) * (1 + 0.3 * t2)) * np.sqrt(1 - (1 - apex) ** 2)
    between = _between_the_lungs(patient, grid, dome, spine_at)
    lungs: list[Float] = []
    for offset, tree_side in ((0.0, -1.0), (0.9 + float(person.normal(0, 0.3)), 1.0)):
        floor = dome + offset + 0.012 * np.maximum(-3.5 - x, 0) ** 2 + 0.034 * np.maximum(x + 3.5, 0) ** 2
        lung = np.maximum(thick - between / 2, 0) * step(floor - y, 0.3)
        tree = vessel_tree(person, (1.2, 10.8 + 0.4 * tree_side), tree_side, (-60.0, 100.0), 2.5, 8)
        drawn = np.minimum(project(grid, *tree), 1.4)
        lungs.append(lung - np.minimum(drawn * np.minimum(lung / 6, 1), lung))
    ill = 0 if patient.side < 0 else 1
    lungs[ill], added = _diseased(patient, grid, lungs[ill], inner, dome, finding_rng)

    air = np.minimum(project(grid, Tubes(polyline((-0.6, -6.5), (0.6, 0.0), (1.9, 5.0), (2.7, 9.6)), 0.85)), 1.7)
    air = air + ellipse(grid, (2.6, 10.6), (0.75, 0.75)) * np.float32(1.6)
    bubble = ellipse(grid, (float(person.uniform(-3, 1)), dome + 3.4), (2.6, 1.3)) * np.float32(4.0)
    air = (air + bubble * step(dome + 4.2 - y, 0.2)).astype(np.float32)
    total = lungs[0] + lungs[1]
    soft = np.maximum(body + added - total - air, 0)
    soft *= 1 + np.float32(0.010) * clouds(person, grid, 2.5) + np.float32(0.005) * clouds(person, grid, 0.5)
    total *= 1 + np.float32(0.04) * clouds(person, grid, 0.7)
    return Chest(soft, total, bone, np.zeros(grid.shape, dtype=np.float32))


def _body(patient: Patient, grid: Grid, front: Float, back: Float) -> Float:
    x, y = grid.x, grid.y
    t = (x - (front + back) / 2) / ((back - front) / 2)
    t2 = np.minimum(t * t, 1)
    wide = 31 + 1.6 * (patient.wall_cm - 3) + 2.0 * step(4.5 - y, 7)
    trunk = wide * np.sqrt((1 - t2) * (1 + 0.15 * t2)) * np.sqrt(np.clip((y + 5.0 - 0.10 * x) / 8.0, 0, 1))
    neck = 12 * np.sqrt(np.maximum(1 - ((x - 0.4 + 0.25 * y) / 6.0) ** 2, 0)) * step(1 - y, 5)
    across = (y + 4.5 - 0.42 * (x + 4)) / 4.4  # the raised arms, over each other
    arms = 15 * np.sqrt(np.maximum(1 - across**2, 0)) * step(1.5 - x, 6)
    body = np.maximum(np.maximum(trunk, neck), arms)
    return np.broadcast_to(body, grid.shape).astype(np.float32)


def _between_the_lungs(patient: Patient, grid: Grid, dome: float, spine_at: Float) -> Float:
    """Ray length of what keeps the two lungs apart: heart, great vessels, hila, spine."""
    x, y = grid.x, grid.y
    scale = patient.cardiothoracic_ratio / 0.45
    heart = ellipse(grid, (-6.4 + 2.6 * scale, dome - 3.7 * scale), (6.3 * scale, 5.0 * scale), 38) * np.float32(10.0)
    root = ellipse(grid, (-3.0, 11.0), (3.6, 6.8), 8) * np.float32(8.0)
    bends = (-3.6, 18.0), (-2.8, 12.0), (-2.0, 7.0), (1.6, 5.2), (4.4, 7.6), (5.6, 13.0), (6.0, 24.0)
    arch = project(grid, Tubes(polyline(*bends, samples=300), 1.25))
    hila = ellipse(grid, (1.5, 11.2), (2.0, 2.6)) ** 2 * np.float32(5.0)
    middle = np.exp(-(((x - 1.0) / 4.2) ** 2)) * (3.0 + 3.5 * step(4 - y, 8))
    column = np.sqrt(np.maximum(1 - ((x - spine_at) / 2.4) ** 2, 0)) * 4.2
    joined = np.cbrt(heart**3 + root**3 + (middle + 1.4 * np.minimum(arch, 2.5)) ** 3) + hila
    return np.asarray(joined + column, dtype=np.float32)


def _spine(grid: Grid, spine_at: Float) -> Float:
    x, y = grid.x, grid.y
    across = np.abs(x - spine_at)
    level = 0.46 * (y + 0.10 * (x - spine_at) + 8) - 0.0026 * (y + 8) ** 2
    phase = (level % 1 - 0.5) * 2
    disc = step(0.80 - np.abs(phase), 0.14)
    half = 1.55 + 0.012 * y + 0.15 * phase**2
    bodies = step(half - across, 0.3) * (0.15 + disc * (0.85 + 0.9 * np.abs(phase) ** 6 + 0.4 * (across / half) ** 6))
    arches = np.exp(-(((x - spine_at - 2.9) / 0.9) ** 2) - ((phase - 0.1) / 0.5) ** 2) * 0.8
    return np.asarray((bodies + arches) * 0.75, dtype=np.float32)


def _ribs(grid: Grid, front: Float, back: Float, rng: np.random.Generator) -> Float:
    """Ribs of both sides falling forwards, the sternum, and the edges of the scapulae."""
    x, y = grid.x, grid.y
    wall = back - 2.1
    behind = np.maximum(wall - x, 0)
    bone = np.zeros(grid.shape, dtype=np.float32)
    for shift in (0.0, 1.0 + float(rng.normal(0, 0.2))):
        drop = 0.62 * behind - 0.010 * behind**2 + 1.8 * np.exp(-behind / 0.8)
        number = (y - drop + 3.0 + shift) / 2.35
        near = np.round(number)
        gap = np.abs(number - near) * 2.35
        shown = (near >= 0) & (near <= 9)
        profile = step(0.50 - gap, 0.25) * (0.20 + 0.20 * np.clip(gap / 0.5, 0, 1) ** 3)
        edge = 1 + 1.6 * np.exp(-behind / 0.6)
        bone += profile * shown * edge * step(wall + 0.3 - x, 0.3) * step(x - front - 6.5, 7)
    sternum = step(0.55 - np.abs(x - front - 1.7), 0.3) * step(y - 3.2, 0.8) * step(17 - y, 1.0)
    notch = 1 - 0.5 * np.exp(-(((y - 6.5) / 0.25) ** 2))
    scapula = np.exp(-(((x - 6.2 - 0.22 * y) / 0.28) ** 2)) + np.exp(-(((x - 7.4 - 0.16 * y) / 0.22) ** 2))
    return np.asarray(bone + 0.9 * sternum * notch + 0.4 * scapula * step(y + 1, 3) * step(10 - y, 4), dtype=np.float32)


def _diseased(
    patient: Patient, grid: Grid, lung: Float, inner: tuple[Float, Float], dome: float, rng: np.random.Generator
) -> tuple[Float, Float]:
    """The ill lung's remaining air and the soft tissue added, both (H, W) cm of ray."""
    x, y = grid.x, grid.y
    added = np.zeros(grid.shape, dtype=np.float32)
    effusion_rng, consolidation_rng, nodule_rng = rng.spawn(3)
    if "Consolidation" in patient.findings:
        centre = np.array([consolidation_rng.uniform(1.5, 6.0), consolidation_rng.uniform(10.0, 17.0)])
        clear = np.ones(grid.shape, dtype=np.float32)
        for _ in range(12):
            patch = centre + consolidation_rng.normal(0, 1.8, 2)
            r2 = ((x - np.float32(patch[0])) ** 2 + (y - np.float32(patch[1])) ** 2) / np.float32(2.6)
            clear *= 1 - np.float32(0.45) * np.exp(-r2)
        lung = lung * (1 - np.clip((1 - clear) * (1 + 0.12 * clouds(consolidation_rng, grid, 1.2)), 0, 0.9))
    if "Effusion" in patient.findings:
        level = dome + 5.0 - 10.0 * patient.severity**1.2 + float(effusion_rng.normal(0, 0.3))
        share = np.clip((x - inner[0]) / (inner[1] - inner[0]), 0, 1)
        fluid = step(y - level + 3.4 * share**5 + 2.4 * (1 - share) ** 5, 2.0)
        lung = lung * (1 - np.float32(0.96) * fluid)
    if "Nodule" in patient.findings:
        radius = 0.6 + 0.5 * patient.severity
        at = (float(nodule_rng.uniform(-6.0, 5.0)), float(nodule_rng.uniform(5.0, 13.0)))
        added = ellipse(grid, at, (radius, radius * 0.95)) * np.float32(4.0 * radius + 1.0)
    return np.asarray(lung, dtype=np.float32), added
