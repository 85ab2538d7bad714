"""The simulated chest from the front or the back: PA upright, or AP in bed."""

from __future__ import annotations

from dataclasses import dataclass

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
    sum_of,
    vessel_tree,
)
from cxr_explorer.phantom.devices import devices

WIDEST_CM = 14.3
"""Half the inside of an average adult thorax where it is widest."""


@dataclass(frozen=True, eq=False)
class _Shape:
    """What all parts of one frontal chest agree on; rows are (H, 1), columns (1, W), cm."""

    grid: Grid
    patient: Patient
    cage: Float  # rows: half-width of the inside of the rib cage
    depth: Float  # rows: front to back, skin to skin
    dome: dict[int, float]  # top of each half of the diaphragm, by side
    apart: Float  # (1, W): |x|
    hilum: dict[int, tuple[float, float]]


def frontal(patient: Patient, grid: Grid, rng: np.random.Generator) -> Chest:
    """The chest seen from the detector, patient's left on the picture's right.

    Args:
        patient: View "PA" or "AP"; every other attribute as described there.
        grid: The pixels, y = 0 at the apices of the lungs.
        rng: Individual variation. Findings draw from generators of their own: the same seed with and without a
            finding gives the same person.
    """
    person, finding_rng = rng.spawn(2)
    shape = _shape(patient, grid, person)
    body = _body(shape)
    heart = _heart(shape, person)
    bone = _ribs(shape, person) + _spine(shape) + _shoulders(shape, person)
    airways = _airways(shape)
    lung, air, extra = [], [airways], [_breasts(shape, person)]
    tree = _vessels(shape, person)
    for side in (-1, 1):
        whole = _lung(shape, side, 0.0)
        aerated, free_air, added = _diseased(shape, side, whole, finding_rng)
        aerated = np.maximum(aerated - heart, 0)
        vessels = np.minimum(tree * np.minimum(aerated / 8, 1) * 1.6, aerated)
        lung.append(aerated - vessels)
        air.append(np.maximum(free_air - heart, 0))
        extra.append(added)
    air.append(_gas(shape, person))
    lungs, airs = sum_of(lung, grid), sum_of(air, grid)
    soft = np.maximum(body + sum_of(extra, grid) * (body > 0) - lungs - airs, 0)
    soft *= 1 + np.float32(0.012) * clouds(person, grid, 2.5) + np.float32(0.006) * clouds(person, grid, 0.5)
    lungs *= 1 + np.float32(0.05) * clouds(person, grid, 0.7)
    return Chest(soft, lungs, bone, devices(patient, grid, shape.dome[1], person))


def _shape(patient: Patient, grid: Grid, rng: np.random.Generator) -> _Shape:
    bed = patient.view == "AP"
    y = grid.y
    rise = np.clip((22 - y) / 22, 0, 1)
    cage = np.maximum(WIDEST_CM * np.maximum(1 - rise**3, 1e-4) ** 0.32, 6.3).astype(np.float32)
    depth = 13 + 8.5 * step(y - 5, 18) + 2.0 * step(y - 25, 7) + np.float32((patient.wall_cm - 3) * 1.6)
    top = (20.2 if bed else 21.8) + rng.normal(0, 0.7)
    dome = {-1: top, 1: top + 0.9 + rng.normal(0, 0.25)}
    hilum = {-1: (-3.6, 10.6 + rng.normal(0, 0.3)), 1: (3.9, 9.8 + rng.normal(0, 0.3))}
    return _Shape(grid, patient, cage, depth, dome, np.abs(grid.x), hilum)


def _body(shape: _Shape) -> Float:
    """Trunk, shoulders, neck and, in bed, the arms."""
    grid, x, y = shape.grid, shape.apart, shape.grid.y
    torso = WIDEST_CM + shape.patient.wall_cm
    reach = np.float32(torso) + 10 * step(4.5 - y, 7)
    u2 = np.minimum((x / reach) ** 2, 1)
    trunk = shape.depth * np.sqrt((1 - u2) * (1 + 0.6 * u2))
    slope = -4.6 + 0.30 * np.maximum(x - 6, 0)
    trunk = trunk * np.sqrt(np.clip((y - slope) / 5.5, 0, 1))
    neck = 12.5 * np.sqrt(np.maximum(1 - (x / 6.3) ** 2, 0)) * step(2 - y, 6)
    body = np.maximum(trunk, neck)
    if shape.patient.view == "AP":
        arm = torso + 3.2 + 0.05 * np.maximum(y, 0)
        body = np.maximum(body, 8.5 * np.sqrt(np.maximum(1 - ((x - arm) / 4.3) ** 2, 0)) * step(y - 2, 5))
    return np.asarray(np.broadcast_to(body, grid.shape), dtype=np.float32)


def _lung_borders(shape: _Shape, side: int, retracted: float) -> tuple[Float, Float, float]:
    """Medial and lateral border of a lung, rows, as distances from the midline, and its apex's y."""
    y = shape.grid.y
    apex = 1.25 * retracted
    cap = np.sqrt(1 - np.clip(1 - (y - apex - 0.6) / 3.4, 0, 1) ** 2)
    shrink = retracted * np.clip(1.15 - 0.035 * y, 0.15, 1.2)
    lateral = 5.0 + (shape.cage - 0.35 - shrink - 5.0) * cap
    inner = 2.75 + 0.2 * np.sin(y / 3.1 + side) + 0.3 * step(3.0 - y, 3)
    medial = 5.0 - (5.0 - inner) * cap
    return medial.astype(np.float32), np.maximum(lateral, medial + 0.01).astype(np.float32), apex


def _diaphragm(shape: _Shape, side: int) -> Float:
    """y of the dome, columns: falls gently to the heart and steeply into the costophrenic angle."""
    crest, edge = 6.8, WIDEST_CM - 0.3
    outer = np.clip((shape.apart - crest) / (edge - crest), 0, 1)
    inner = np.clip((crest - shape.apart) / crest, 0, 1)
    fall = 4.6 * (1 - np.sqrt(1 - 0.985 * outer**2.2)) + 1.9 * inner**2
    return np.asarray(shape.dome[side] + fall, dtype=np.float32)


def _half(shape: _Shape, side: int) -> Float:
    return (shape.grid.x * side > 0).astype(np.float32)


def _lung(shape: _Shape, side: int, retracted: float) -> Float:
    """Ray length in one hemithorax, heart and disease left out; `retracted` cm from the wall at the apex."""
    x, y = shape.apart, shape.grid.y
    medial, lateral, apex = _lung_borders(shape, side, retracted)
    t = (x - (medial + lateral) / 2) / ((lateral - medial) / 2)
    t2 = np.minimum(t * t, 1)
    flank = np.where(t > 0, t2 * (0.55 + 0.45 * t2), t2 * t2 * t2)
    thick = (shape.depth - np.float32(5.2 + 0.9 * (shape.patient.wall_cm - 3))) * np.sqrt(np.maximum(1 - flank, 0))
    thick = thick * step(y - apex - 0.8, 0.6) * _half(shape, side)
    below = _diaphragm(shape, side)
    return np.asarray(thick * (0.86 * step(below - y, 0.35) + 0.14 * step(below + 2.6 - y, 5)), dtype=np.float32)


def _heart_size(shape: _Shape) -> tuple[float, float]:
    """How far the heart reaches to the patient's right and left of the midline, cm."""
    width = shape.patient.cardiothoracic_ratio * 2 * (WIDEST_CM - 0.35)
    return 0.31 * width, 0.69 * width


def _heart(shape: _Shape, rng: np.random.Generator) -> Float:
    """Ray length in heart, great vessels and hila that stand out of the mediastinum into the lungs."""
    grid = shape.grid
    right, left = _heart_size(shape)
    scale = (right + left) / 12.6
    low = (shape.dome[-1] + shape.dome[1]) / 2
    chamber = 0.78 * (shape.depth - 5)
    tilt = np.deg2rad(33 if shape.patient.view == "PA" else 24)
    long, short = 6.6 * scale, 4.7 * scale
    extent = float(np.hypot(long * np.cos(tilt), short * np.sin(tilt)))
    ventricle = ellipse(grid, (left - extent, low - 3.4 * scale), (long, short), float(np.rad2deg(tilt)))
    atrium = ellipse(grid, (-right + 3.4 * scale, low - 3.9 * scale), (3.4 * scale, 4.6 * scale))
    parts = [ventricle * chamber, atrium * chamber]
    old = np.clip((shape.patient.age - 30) / 50, 0, 1)
    knob = 1.55 + 0.55 * old
    parts.append(ellipse(grid, (1.9 + 0.4 * old, 6.4 + rng.normal(0, 0.2)), (knob, knob * 1.05)) * 9)
    parts.append(ellipse(grid, (1.4 + 0.4 * scale, 10.0), (2.4, 3.6), 0) * 10)  # pulmonary trunk
    parts.append(ellipse(grid, (0.2 + 2.1 * scale, low - 8.0), (3.1 * scale, 5.2), -24) * 10)  # left atrial appendage
    parts.append(ellipse(grid, (-1.4, 6.5 + 0.4 * old), (1.75 + 0.4 * old, 6.2)) * 7)  # superior vena cava
    for side in (-1, 1):
        parts.append(ellipse(grid, shape.hilum[side], (1.7, 2.6), side * -15) ** 2 * 5.0)
    joined = parts[0]
    for part in parts[1:]:
        joined = np.maximum(joined, part)
    return joined


def _vessels(shape: _Shape, rng: np.random.Generator) -> Float:
    """Ray length in the pulmonary vessels of both sides."""
    drawn: list[Tubes] = []
    for side in (-1, 1):
        drawn += vessel_tree(rng, shape.hilum[side], side, (-75.0, 88.0), 3.3, 8)
        drawn += vessel_tree(rng, shape.hilum[side], side, (-30.0, 75.0), 2.6, 6)
    crossing = project(shape.grid, *drawn)
    return np.asarray(2 * (1 - np.exp(-crossing / 2)), dtype=np.float32)  # crossing vessels lie beside each other


def _ribs(shape: _Shape, rng: np.random.Generator) -> Float:
    """Posterior and anterior ribs as tilted rings around the cage.

    A ring tilted forwards projects to y = y0 + a (1 -+ sqrt(1 - u2)) at the relative distance u from the midline: the
    upper branch is the posterior rib, the lower one the anterior. The ray meets the ring's wall the more obliquely the
    further out, hence the bright edge at the chest wall.
    """
    y = shape.grid.y
    u = shape.apart / (shape.cage + 0.25)
    cosine = np.sqrt(np.clip(1 - u * u, 0, 1))
    bed = shape.patient.view == "AP"
    fall = (3.3 if bed else 4.3) + 0.07 * np.clip(y, 0, 25) + rng.normal(0, 0.2)
    wall = step(1.015 - u, 0.05) / np.maximum(cosine, 0.45)
    bone = np.zeros(shape.grid.shape, dtype=np.float32)
    for posterior in (True, False):
        drop = fall * (1 - cosine) if posterior else fall * (1 + (0.95 if bed else 1.05) * cosine)
        start = y - drop + 0.9 + 0.45 * cosine * (1 - u)
        number = 0.50 * start - 0.0025 * start * start  # ribs lie further apart below
        near = np.round(number)
        gap = np.abs(number - near) * 2.15
        half = 0.56 if posterior else 0.66
        profile = step(half - gap, 0.2) * (0.44 + 0.34 * np.clip(gap / half, 0, 1) ** 3)
        if posterior:
            shown = (near >= 0) & (near <= 10) & (shape.apart > 1.6)
            weight = step(shape.apart - 1.9, 1.0)
        else:
            shown = (near >= 0) & (near <= 7)
            weight = step(u - (0.45 + 0.03 * near), 0.2) * 0.55
        bone += profile * shown * weight * wall
    return bone * np.float32(1.0 - 0.004 * max(shape.patient.age - 50, 0))


def _spine(shape: _Shape) -> Float:
    """Vertebral bodies with end plates, pedicles and spinous processes."""
    x, y = shape.apart, shape.grid.y
    level = 0.50 * (y + 8) - 0.0033 * (y + 8) ** 2
    phase = (level % 1 - 0.5) * 2
    half = 1.55 + 0.012 * y + 0.18 * phase**2
    disc = step(0.86 - np.abs(phase), 0.12)
    edge = np.clip(x / half, 0, 1) ** 4
    bodies = step(half - x, 0.5) * (0.25 + disc * (0.75 + 0.35 * np.abs(phase) ** 6 + 0.25 * edge))
    pedicles = np.exp(-(((x - 1.15) / 0.28) ** 2) - ((phase + 0.35) / 0.28) ** 2) * 0.45
    processes = np.exp(-((x / 0.28) ** 2) - ((phase - 0.2) / 0.40) ** 2) * 0.6
    return np.asarray((bodies + pedicles + processes) * 0.4, dtype=np.float32)


def _shoulders(shape: _Shape, rng: np.random.Generator) -> Float:
    """Clavicles, scapulae and heads of the humeri."""
    grid, x, y = shape.grid, shape.apart, shape.grid.y
    bed = shape.patient.view == "AP"
    lift = rng.normal(0, 0.3) + (0.3 if bed else 1.4)
    s = np.clip((x - 1.6) / 13.5, 0, 1)
    middle = 2.6 + lift - 4.2 * s + 0.75 * np.sin(2 * np.pi * s)
    half = 0.52 + 0.35 * np.clip(1 - s * 5, 0, 1) + 0.12 * s
    gap = np.abs(y - middle) / half
    clavicle = step(1 - gap, 0.3) * (0.6 + 0.5 * np.clip(gap, 0, 1) ** 3) * step(x - 1.7, 0.5) * step(15.2 - x, 0.6)
    inner = (9.6 if bed else 12.6) + rng.normal(0, 0.4)  # medial border: PA rolls the shoulders forward
    corners = ((inner + 0.3, 1.0), (inner + 2.6, 13.0), (inner + 6.2, 3.0))
    blade = np.full(grid.shape, 9.0, dtype=np.float32)
    bowed = x + 0.02 * (y - 7) ** 2 - 0.6
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        length = float(np.hypot(x1 - x0, y1 - y0))
        blade = np.minimum(blade, ((bowed - x0) * (y0 - y1) + (y - y0) * (x1 - x0)) / -length)
    scapula = step(blade, 0.3) * (0.16 + 0.38 * step(0.45 - blade, 0.5))
    ridge = inner + 0.8
    bar = np.abs(y - (3.0 - 0.55 * (x - ridge)))
    scapula += step(0.75 - bar, 0.5) * step(x - ridge, 1.5) * step(ridge + 7 - x, 1.5) * 0.35
    right_head = ellipse(grid, (-inner - 6.6, 1.6), (2.5, 2.7))
    head = right_head + right_head[:, ::-1]
    shaft = step(1.25 - np.abs(x - (inner + 7.4)), 0.3) * step(y - 2.5, 2.0)
    return np.asarray(clavicle + 1.25 * scapula + 1.1 * head + 0.9 * shaft, dtype=np.float32)


def _airways(shape: _Shape) -> Float:
    """Ray length in the air of trachea and main bronchi."""
    grid = shape.grid
    trachea = Tubes(polyline((0.1, -6.5), (0.0, 0.0), (-0.2, 5.0), (-0.1, 8.2)), 0.85)
    right = Tubes(polyline((-0.3, 7.6), (-1.8, 9.2), (-3.2, 11.4)), 0.62)
    left = Tubes(polyline((0.1, 7.6), (2.0, 9.4), (4.0, 10.6)), 0.52)
    return np.minimum(project(grid, trachea, right, left), np.float32(1.7)) * np.float32(0.9)


def _breasts(shape: _Shape, rng: np.random.Generator) -> Float:
    """Soft tissue of the breasts, or of the pectoral muscles."""
    grid, y = shape.grid, shape.grid.y
    if shape.patient.sex == "M":
        one = ellipse(grid, (-8.5, 8.5), (5.5, 5.5)) * np.float32(0.9)
    else:
        low = 16.5 + rng.normal(0, 0.8)
        size = rng.uniform(0.85, 1.2) * (0.8 + 0.07 * shape.patient.wall_cm)
        one = ellipse(grid, (-8.6, low), (6.6 * size, 5.6 * size)) * step(y - low + 2, 9) * np.float32(3.6 * size)
    return np.asarray(one + one[:, ::-1], dtype=np.float32)


def _gas(shape: _Shape, rng: np.random.Generator) -> Float:
    """Ray length in the gas of stomach and colon below the left dome."""
    grid, y = shape.grid, shape.grid.y
    dome = shape.dome[1]
    wide, high = rng.uniform(1.8, 3.4), rng.uniform(0.9, 2.0)
    bubble = ellipse(grid, (rng.uniform(4.5, 7.0), dome + 0.9 + high), (wide, high)) * rng.uniform(2.0, 4.5)
    if shape.patient.view == "PA":
        bubble = bubble * step(dome + 1.2 + high * 1.4 - y, 0.15)  # the fluid level of the upright stomach
    loops = [bubble.astype(np.float32)]
    for _ in range(int(rng.integers(0, 5))):
        at = (float(rng.uniform(2, 12)), float(dome + rng.uniform(4.5, 9)))
        loops.append(ellipse(grid, at, (rng.uniform(0.8, 1.8), rng.uniform(0.6, 1.2))) * np.float32(2.2))
    return np.minimum(sum_of(loops, grid), 5)


def _diseased(shape: _Shape, side: int, whole: Float, rng: np.random.Generator) -> tuple[Float, Float, Float]:
    """A hemithorax with its findings: aerated lung, free air and added soft tissue, each (H, W) cm of ray."""
    grid, patient, y = shape.grid, shape.patient, shape.grid.y
    lung, air, added = whole, np.zeros_like(whole), np.zeros_like(whole)
    if side != patient.side:
        return lung, air, added
    effusion_rng, pneumothorax_rng, consolidation_rng, nodule_rng = rng.spawn(4)
    if "Pneumothorax" in patient.findings:
        retracted = 1.6 + 2.6 * patient.severity + pneumothorax_rng.normal(0, 0.1)
        lung = np.minimum(_lung(shape, side, retracted), whole)
        air = (whole - lung) * np.float32(0.82)  # the rest of the way lies in lung before and behind the pocket
        medial, lateral, apex = _lung_borders(shape, side, retracted)
        lowest = float(_diaphragm(shape, side).min()) + 2.0
        rows = np.flatnonzero((y[:, 0] > apex + 0.1) & (y[:, 0] < lowest))[::4]
        around = np.concatenate([
            np.stack([medial[rows[:12], 0], y[rows[:12], 0]], axis=1)[::-1],
            np.stack([lateral[rows, 0], y[rows, 0]], axis=1),
        ])  # fmt: skip
        line = (around * [side, 1]).astype(float)[None]
        added = added + np.minimum(project(grid, Tubes(line, 0.13)) * 5, 1.1)
        lung = lung * np.float32(0.92)
    if "Consolidation" in patient.findings:
        lung = lung * (1 - _patches(shape, side, consolidation_rng))
    if "Effusion" in patient.findings:
        fluid = _fluid(shape, effusion_rng)
        lung, air = lung * (1 - fluid), air * (1 - fluid)
    if "Nodule" in patient.findings:
        radius = 0.6 + 0.5 * patient.severity
        row = nodule_rng.uniform(4.0, 15.5)
        reach = float(np.interp(row, y[:, 0], shape.cage[:, 0]))
        at = (side * float(nodule_rng.uniform(max(5.5, 0.45 * reach), 0.8 * reach)), float(row))
        sphere = ellipse(grid, at, (radius, radius * nodule_rng.uniform(0.85, 1.1)), nodule_rng.uniform(0, 90))
        added = added + sphere * np.float32(3.0 * radius + 0.8) * (whole > 0)
    return np.asarray(lung, dtype=np.float32), np.asarray(air, dtype=np.float32), np.asarray(added * _half(shape, side))


def _patches(shape: _Shape, side: int, rng: np.random.Generator) -> Float:
    """How much of the air is gone, 0 to 1: confluent fluffy patches in one zone."""
    severity = shape.patient.severity
    row = rng.uniform(6.0, 17.0)
    reach = float(np.interp(row, shape.grid.y[:, 0], shape.cage[:, 0]))
    centre = np.array([side * rng.uniform(0.42, 0.62) * reach, row])
    clear = np.ones(shape.grid.shape, dtype=np.float32)
    for _ in range(14):
        at = centre + rng.normal(0, 1.2 + 0.9 * severity, 2)
        dx, dy = shape.grid.x - np.float32(at[0]), shape.grid.y - np.float32(at[1])
        radius = rng.uniform(0.9, 1.7) * (0.8 + 0.5 * severity)
        near = np.exp(-(dx * dx) / radius**2) * np.exp(-(dy * dy) / radius**2)
        clear *= 1 - np.float32(rng.uniform(0.3, 0.55)) * near
    mottled = 1 + 0.05 * clouds(rng, shape.grid, 0.8) + 0.08 * clouds(rng, shape.grid, 2.0)
    return np.asarray(np.clip((1 - clear) * mottled * (0.55 + 0.25 * severity), 0, 0.9), dtype=np.float32)


def _fluid(shape: _Shape, rng: np.random.Generator) -> Float:
    """How much of the ray's way through the pleural space is fluid, 0 to 1.

    Upright, fluid fills the costophrenic angle and climbs along the wall: the meniscus. In bed it layers behind the
    lung as well and veils it.
    """
    patient, x, y = shape.patient, shape.apart, shape.grid.y
    level = float(max(shape.dome.values())) + 2.2 - 10.0 * patient.severity**1.5 + rng.normal(0, 0.3)
    u = np.clip(x / (shape.cage - 0.35), 0, 1)
    climb = 4.2 * u**5 + 0.7 * np.clip(1 - x / 4.5, 0, 1)
    surface = level - climb
    fluid = step(y - surface, 2.6) * np.float32(0.9)
    if patient.view == "AP":
        veil = np.float32(0.25 + 0.35 * patient.severity) * step(y - level + 6, 14)
        fluid = np.maximum(fluid, veil)
    return np.asarray(fluid, dtype=np.float32)
