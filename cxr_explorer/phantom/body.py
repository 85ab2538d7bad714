"""A simulated chest: analytic attenuation maps of the frontal view, and the tools every view shares.

Lengths are centimetres in the detector plane. x grows to the picture's right, which is the patient's left as on any
chest radiograph; y grows downwards from the apices of the lungs; x = 0 is the midline. A map holds, for each pixel,
the length of the ray inside one material: Beer and Lambert do the rest in `cxr_explorer.phantom.exposure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Float = NDArray[np.float32]
View = Literal["PA", "AP", "Lateral"]

# Linear attenuation at about 70 keV, an effective energy of 120 kVp chest beams, in 1/cm: mass attenuation from NIST
# XCOM / NISTIR 5632 (tissue 0.19, cortical bone 0.26 cm2/g) times density (1.0, 1.92 g/cm3; inflated lung 0.26 g/cm3,
# ICRU 44). Metal stands for the thin steel and tungsten-loaded plastic of devices and is a round figure.
MU_SOFT = 0.19
MU_BONE = 0.50
MU_LUNG = 0.05
MU_METAL = 2.5


@dataclass(frozen=True)
class Patient:
    """Who is X-rayed, how, and what is to be found.

    Attributes:
        view: Projection.
        sex: "F" or "M".
        age: Years.
        findings: NIH names of what is simulated; empty for none.
        side: -1 for a finding in the patient's right lung (the picture's left), +1 for the left lung.
        severity: 0 (just visible) to 1 (gross).
        size: Scale of the whole body, 1 for an average adult.
        wall_cm: Thickness of muscle and fat outside the ribs.
        cardiothoracic_ratio: Widest heart over widest inside of the thorax.
        devices: Any of "ecg", "tube", "line", "stomach tube", "drain", "pacemaker".
        rotation_deg: Tilt of the body in the picture.
    """

    view: View
    sex: Literal["F", "M"] = "M"
    age: int = 50
    findings: tuple[str, ...] = ()
    side: Literal[-1, 1] = 1
    severity: float = 0.7
    size: float = 1.0
    wall_cm: float = 3.0
    cardiothoracic_ratio: float = 0.45
    devices: tuple[str, ...] = ()
    rotation_deg: float = 0.0


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the pixels lie.

    Attributes:
        x: (1, W) float32, cm.
        y: (H, 1) float32, cm.
        pixel_cm: Side of a pixel.
    """

    x: Float
    y: Float
    pixel_cm: float

    @classmethod
    def of(cls, height_px: int, width_px: int, pixel_cm: float, top_cm: float) -> Grid:
        """A grid centred on the midline whose first row lies at `top_cm`."""
        x = (np.arange(width_px) - (width_px - 1) / 2) * pixel_cm
        y = top_cm + np.arange(height_px) * pixel_cm
        return cls(x[None, :].astype(np.float32), y[:, None].astype(np.float32), pixel_cm)

    @property
    def shape(self) -> tuple[int, int]:
        return self.y.shape[0], self.x.shape[1]


Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tubes:
    """Round tubes along paths.

    Attributes:
        paths: (N, K, 2) x and y in cm of K points along each of N tubes.
        radius_cm: One radius, or (N,) one for each tube.
        density: Share of the tubes' inside that is filled.
    """

    paths: Points
    radius_cm: NDArray[np.float64] | float
    density: float = 1.0


def project(grid: Grid, *drawn: Tubes) -> Float:
    """Ray lengths inside tubes, added where they cross: (H, W) float32, cm."""
    height, width = grid.shape
    sampled = [_sampled(grid, one) for one in drawn]
    if not sampled:
        return np.zeros(grid.shape, dtype=np.float32)
    at, weight = (np.concatenate(part) for part in zip(*sampled, strict=True))
    column = (at[:, 0] - float(grid.x[0, 0])) / grid.pixel_cm
    row = (at[:, 1] - float(grid.y[0, 0])) / grid.pixel_cm
    inside = (column >= 0) & (column < width - 1) & (row >= 0) & (row < height - 1)
    column, row, weight = column[inside], row[inside], weight[inside]
    left, top = column.astype(np.int64), row.astype(np.int64)
    right_share, low_share = column - left, row - top  # each sample is shared bilinearly among four pixels
    first = top * width + left
    index = np.concatenate([first, first + 1, first + width, first + width + 1])
    upper, lower = weight * (1 - low_share), weight * low_share
    shares = np.concatenate(
        [upper * (1 - right_share), upper * right_share, lower * (1 - right_share), lower * right_share]
    )
    return np.bincount(index, shares, minlength=height * width).reshape(height, width).astype(np.float32)


def _sampled(grid: Grid, drawn: Tubes) -> tuple[Points, NDArray[np.float64]]:
    """Samples (S, 2) cm that cover the tubes, and the ray length times area, in pixels, each stands for (S,)."""
    paths = drawn.paths
    radius = np.broadcast_to(np.asarray(drawn.radius_cm, dtype=float), paths.shape[:1])
    vector = np.diff(paths, axis=1)  # (N, K-1, 2)
    length = np.hypot(vector[..., 0], vector[..., 1])
    dense = max(1, int(np.ceil(length.max(initial=0.0) / (1.4 * grid.pixel_cm))))
    share = (np.arange(dense) + 0.5) / dense
    centre = (paths[:, :-1, None, :] + vector[:, :, None, :] * share[:, None])[:, :, :, None, :]  # (N, K-1, M, 1, 2)
    lines = max(2, int(np.ceil(2 * radius.max(initial=0.0) / grid.pixel_cm)))
    across = (np.arange(lines) + 0.5) / lines * 2 - 1  # (L,)
    normal = np.stack([-vector[..., 1], vector[..., 0]], axis=-1) / np.maximum(length, 1e-9)[..., None]
    offset = normal[:, :, None, :] * (across[:, None] * radius[:, None, None, None])  # (N, K-1, L, 2)
    at = centre + offset[:, :, None, :, :]  # (N, K-1, M, L, 2)
    chord = 2 * drawn.density * radius[:, None] * np.sqrt(1 - across**2)  # (N, L)
    area = length[:, :, None] / dense * (2 * radius[:, None, None] / lines)  # (N, K-1, 1)
    weight = (area * chord[:, None, :] / grid.pixel_cm**2)[:, :, None, :]  # (N, K-1, 1, L)
    return at.reshape(-1, 2), np.broadcast_to(weight, at.shape[:-1]).reshape(-1)


def step(distance: NDArray[np.floating], width_cm: float) -> Float:
    """A smooth edge: 0 outside, 1 inside, over `width_cm` around a signed distance of 0."""
    t = np.clip(distance / np.float32(width_cm) + np.float32(0.5), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def ellipse(grid: Grid, centre: tuple[float, float], radii: tuple[float, float], angle_deg: float = 0.0) -> Float:
    """The relative depth of an ellipsoid, sqrt(1 - r2): 1 at its centre, 0 outside; (H, W) float32."""
    angle = np.deg2rad(angle_deg)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    half = np.hypot(radii[0] * cosine, radii[1] * sine), np.hypot(radii[0] * sine, radii[1] * cosine)
    columns = slice(*np.searchsorted(grid.x[0], (centre[0] - half[0], centre[0] + half[0])).tolist())
    rows = slice(*np.searchsorted(grid.y[:, 0], (centre[1] - half[1], centre[1] + half[1])).tolist())
    dx, dy = grid.x[:, columns] - np.float32(centre[0]), grid.y[rows] - np.float32(centre[1])
    along, across = (dx * cosine + dy * sine) / np.float32(radii[0]), (dy * cosine - dx * sine) / np.float32(radii[1])
    depth = np.zeros(grid.shape, dtype=np.float32)
    depth[rows, columns] = np.sqrt(np.maximum(1 - along * along - across * across, 0))
    return depth


def vessel_tree(
    rng: np.random.Generator,
    root: tuple[float, float],
    side: float,
    spread_deg: tuple[float, float],
    reach_cm: float,
    count: int,
) -> list[Tubes]:
    """Branching arteries and veins that leave a hilum and taper.

    Murray's law (cubes of the children's radii add up to the parent's) sets the taper.

    Args:
        rng: Source of the branching.
        root: Hilum, cm.
        side: -1 or +1, the direction of 0 degrees.
        spread_deg: Range of the first branches' directions, 90 being down.
        reach_cm: Length of a first branch.
        count: How many first branches.

    Returns:
        One set of tubes for each of five generations.
    """
    angle = np.deg2rad(np.linspace(*spread_deg, count) + rng.normal(0, 7, count))
    start = np.array(root) + rng.normal(0, 1, (count, 2)) * (0.4, 0.8)
    length = reach_cm * rng.uniform(0.75, 1.2, count)
    radius = rng.uniform(0.28, 0.48, count)
    t = np.linspace(0, 1, 5)
    generations: list[Tubes] = []
    for _ in range(5):
        bend = rng.normal(0, 0.25, len(angle))
        heading = angle[:, None] + bend[:, None] * (t - 0.5)  # (N, 5)
        ahead = np.stack([side * np.cos(heading), np.sin(heading)], axis=-1) * (length / 4)[:, None, None]
        ahead[:, 0] = 0
        path = start[:, None, :] + np.cumsum(ahead, axis=1)
        generations.append(Tubes(path, radius))
        turn = rng.uniform(0.2, 0.65, len(angle))
        start = np.repeat(path[:, -1], 2, axis=0)
        angle = np.stack([angle - turn, angle + turn], axis=1).reshape(-1) + rng.normal(0, 0.12, 2 * len(turn))
        length = np.repeat(length, 2) * rng.uniform(0.6, 0.95, 2 * len(turn))
        share = rng.uniform(0.35, 0.65, len(turn))
        radius = (np.stack([share, 1 - share], axis=1) ** (1 / 3) * radius[:, None]).reshape(-1)
    return generations


def clouds(rng: np.random.Generator, grid: Grid, grain_cm: float) -> Float:
    """Smooth noise of zero mean and about unit deviation with structures of about `grain_cm`; (H, W) float32."""
    height, width = grid.shape
    cells = (max(2, int(height * grid.pixel_cm / grain_cm)), max(2, int(width * grid.pixel_cm / grain_cm)))
    coarse = Image.fromarray(rng.standard_normal(cells, dtype=np.float32) * np.float32(1.5))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def polyline(*points: tuple[float, float], samples: int = 40) -> Points:
    """A smooth path (1, samples, 2) through the points given, by Catmull-Rom splines."""
    knots = np.array([points[0], *points, points[-1]], dtype=float)
    at = np.linspace(0, len(points) - 1 - 1e-9, samples)
    i, t = at.astype(int), (at % 1)[:, None]
    before, first, second, after = knots[i], knots[i + 1], knots[i + 2], knots[np.minimum(i + 3, len(knots) - 1)]
    path = 0.5 * (
        2 * first
        + (second - before) * t
        + (2 * before - 5 * first + 4 * second - after) * t**2
        + (3 * first - before - 3 * second + after) * t**3
    )
    return np.asarray(path[None], dtype=float)


@dataclass(frozen=True, eq=False)
class Chest:
    """Material maps of one exposure, all (H, W) float32 in cm of ray.

    Attributes:
        soft: Soft tissue and fluid.
        lung: Aerated lung.
        bone: Compact bone, in place of soft tissue.
        metal: Devices.
    """

    soft: Float
    lung: Float
    bone: Float
    metal: Float

    def attenuation(self) -> Float:
        """The line integral of the linear attenuation coefficient, (H, W) float32, no unit."""
        return np.asarray(
            np.float32(MU_SOFT) * self.soft
            + np.float32(MU_LUNG) * self.lung
            + np.float32(MU_BONE - MU_SOFT) * self.bone
            + np.float32(MU_METAL) * self.metal
        )


def sum_of(maps: Sequence[Float], like: Grid) -> Float:
    """Maps added; zeros for none."""
    total = np.zeros(like.shape, dtype=np.float32)
    for one in maps:
        total += one
    return total
