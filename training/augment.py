"""Random views of chest radiographs, a batch of tensors at a time.

What may change is what changes between two exposures of one patient: positioning, field of view, dose, kVp, the
vendor's processing, collimation, focus, noise. What must not change is anatomy: no flips (a mirrored heart is another
diagnosis), no hue (there is none), no strong warping. Choice and ranges follow van der Sluijs et al. 2023 (arXiv
2301.12636), MoCo-CXR (arXiv 2010.05352) and the measurements this project was started with.

    python -m training.augment --data DIR_OR_MANIFEST --out sheet.png
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess
from cxr_explorer.images.read import read
from training.data import index, select

_KNOTS = 1024  # of a tone curve: four a gray level of the 8-bit cache, so steep parts show no steps


@dataclass(frozen=True)
class Augmentation:
    """What varies and by how much; 0 (or a range of 1 to 1) switches a step off.

    Attributes:
        area: Share of the image's area a crop takes, from and to; much of the task: the same chest seen in part.
        local_area: The same for the small local views, where pretraining asks for such.
        aspect: Largest factor between a crop's width and height beyond the image's own; bodies and detectors differ.
        rotation_deg: Largest turn to either side; patients lean.
        shift: Largest move beyond the crop's place, as a share of its side; anatomy touches the border, then leaves.
        gamma: Largest absolute logarithm of the exponent; exposure and the display curve.
        tone: Strength of a random monotone curve, 0 to 1; the vendors' look-up tables.
        window: Largest share cut from either end of the gray scale; the operator's or the file's window.
        contrast: Largest relative change of contrast about the mean; dose and kVp.
        brightness: Largest change of brightness, in display range; dose.
        border_chance: Chance of a frame of constant gray on one to four sides; collimation.
        border: Largest width of such a frame, as a share of the side.
        focus: Largest blend towards a blurred picture, and half of it away (edge enhancement); focus and processing.
        noise: Largest standard deviation of Gaussian noise, in display range; quantum noise.
    """

    area: tuple[float, float] = (0.35, 1.0)
    local_area: tuple[float, float] = (0.1, 0.35)
    aspect: float = 1.2
    rotation_deg: float = 10.0
    shift: float = 0.05
    gamma: float = 0.4
    tone: float = 0.5
    window: float = 0.08
    contrast: float = 0.4
    brightness: float = 0.2
    border_chance: float = 0.3
    border: float = 0.15
    focus: float = 0.8
    noise: float = 0.03

    def for_parts(self) -> Augmentation:
        """The same for small local views: crops take `local_area`."""
        return replace(self, area=self.local_area)


def augment(images: Tensor, size_px: int, plan: Augmentation, generator: torch.Generator | None = None) -> Tensor:
    """One random view of each image.

    Args:
        images: (B, 1, H, W) float32 in [0, 1].
        size_px: S, the side of the views.
        plan: What varies.
        generator: Source of chance, on the images' device; None: torch's own.

    Returns:
        (B, 1, S, S) float32 in [0, 1]; never mirrored; the same for the same generator state.

    Raises:
        ValueError: The images are not (B, 1, H, W) float.
    """
    if images.ndim != 4 or images.shape[1] != 1 or not images.is_floating_point():
        raise ValueError(f"images are {images.dtype} {tuple(images.shape)}, (B, 1, H, W) float is needed")
    theta = geometry(len(images), plan, generator, images.device)  # (B, 2, 3)
    grid = functional.affine_grid(theta, [len(images), 1, size_px, size_px], align_corners=False)  # (B, S, S, 2)
    views = functional.grid_sample(images, grid, align_corners=False)  # (B, 1, S, S), black outside
    views = _blend_focus(views, plan, generator)
    views = _apply_curves(views, tone_curves(views.mean((1, 2, 3)), plan, generator))
    views = _cover_borders(views, plan, generator)
    if plan.noise > 0:
        sigma = _uniform((len(views), 1, 1, 1), 0, plan.noise, generator, views.device)
        views = views + sigma * torch.randn(views.shape, generator=generator, device=views.device)
    return views.clamp_(0, 1)


def geometry(count: int, plan: Augmentation, generator: torch.Generator | None, device: torch.device) -> Tensor:
    """Crop, turn and shift as one map from output to input coordinates, so that pixels are sampled once.

    Returns:
        (count, 2, 3) for `affine_grid`; x to the right, y down, -1 to 1 over the image. Determinants are positive: no
        mirror images.
    """
    area = _uniform((count,), *plan.area, generator, device)
    stretch = _uniform((count,), -1, 1, generator, device).mul(math.log(plan.aspect) / 2).exp()
    width = (area.sqrt() * stretch).clamp(max=1)  # (B,) of the crop, as a share of the image's
    height = (area.sqrt() / stretch).clamp(max=1)
    x = _uniform((count,), -1, 1, generator, device) * (1 - width + plan.shift * width)
    y = _uniform((count,), -1, 1, generator, device) * (1 - height + plan.shift * height)
    angle = _uniform((count,), -1, 1, generator, device) * math.radians(plan.rotation_deg)
    top = torch.stack((width * angle.cos(), -height * angle.sin(), x), 1)  # (B, 3)
    bottom = torch.stack((width * angle.sin(), height * angle.cos(), y), 1)  # (B, 3)
    return torch.stack((top, bottom), 1)  # (B, 2, 3)


def tone_curves(means: Tensor, plan: Augmentation, generator: torch.Generator | None) -> Tensor:
    """Window, gamma, tone curve, contrast and brightness as one rising curve an image.

    Args:
        means: (B,) mean gray of each image, which contrast leaves in place.
        plan: What varies.
        generator: Source of chance.

    Returns:
        (B, K) output gray for input gray 0 to 1 in K even steps; not clipped, nowhere falling.
    """
    count, device = len(means), means.device

    def draw(low: float, high: float) -> Tensor:
        return _uniform((count, 1), low, high, generator, device)

    gray = torch.linspace(0, 1, _KNOTS, device=device)[None]  # (1, K)
    low, high = draw(0, plan.window), 1 - draw(0, plan.window)
    curve = ((gray - low) / (high - low)).clamp(0, 1)  # (B, K)
    curve = curve ** draw(-plan.gamma, plan.gamma).exp()
    steps = _uniform((count, 8), 0, 1, generator, device)  # rises of eight even parts of the curve
    rises = (1 - plan.tone) / 8 + plan.tone * steps / steps.sum(1, keepdim=True)  # (B, 8), sum 1
    corners = functional.pad(rises.cumsum(1), (1, 0))  # (B, 9) from 0 to 1
    place = curve * 8
    below = place.floor().clamp(max=7).long()
    start = corners.gather(1, below)
    curve = start + (place - below) * (corners.gather(1, below + 1) - start)
    centre = means[:, None]
    curve = centre + (curve - centre) * (1 + draw(-plan.contrast, plan.contrast))
    return curve + draw(-plan.brightness, plan.brightness)


def _apply_curves(views: Tensor, curves: Tensor) -> Tensor:
    places = (views.flatten(1) * (_KNOTS - 1)).round_().long().clamp_(0, _KNOTS - 1)  # (B, S * S)
    return curves.gather(1, places).view_as(views).clamp_(0, 1)


def _blend_focus(views: Tensor, plan: Augmentation, generator: torch.Generator | None) -> Tensor:
    """Blurs by two 3 x 3 means (sigma 1.15 pixels), or sharpens by the opposite, as much as chance says."""
    if plan.focus == 0:
        return views
    blurred = views
    for _ in range(2):
        blurred = functional.avg_pool2d(blurred, 3, 1, 1, count_include_pad=False)
    weight = _uniform((len(views), 1, 1, 1), -plan.focus / 2, plan.focus, generator, views.device)
    return torch.lerp(views, blurred, weight).clamp_(0, 1)


def _cover_borders(views: Tensor, plan: Augmentation, generator: torch.Generator | None) -> Tensor:
    """Covers what lies outside a random rectangle with one dark gray, in some of the images."""
    if plan.border_chance == 0 or plan.border == 0:
        return views
    count, size, device = len(views), views.shape[-1], views.device
    chosen = _uniform((count, 1), 0, 1, generator, device) < plan.border_chance
    widths = _uniform((count, 4), -plan.border, plan.border, generator, device).clamp_(min=0)  # half of the sides
    left, right, top, bottom = (widths * chosen).unbind(1)  # (B,) each
    centres = (torch.arange(size, device=device) + 0.5) / size  # (S,)
    columns = (centres > left[:, None]) & (centres < 1 - right[:, None])  # (B, S)
    rows = (centres > top[:, None]) & (centres < 1 - bottom[:, None])  # (B, S)
    inside = (rows[:, :, None] & columns[:, None, :])[:, None]  # (B, 1, S, S)
    gray = _uniform((count, 1, 1, 1), -0.2, 0.2, generator, device).clamp_(min=0)
    return torch.where(inside, views, gray)


def _uniform(
    shape: tuple[int, ...], low: float, high: float, generator: torch.Generator | None, device: torch.device
) -> Tensor:
    return torch.rand(shape, generator=generator, device=device) * (high - low) + low


def contact_sheet(images: Tensor, plan: Augmentation, size_px: int, views: int, seed: int) -> Image.Image:
    """A row an image: the original, then views of it, on white.

    Args:
        images: (B, 1, H, W) float32 in [0, 1].
        plan: What varies.
        size_px: Side of a view.
        views: How many views an image gets.
        seed: Of chance.
    """
    generator = torch.Generator().manual_seed(seed)
    columns = [functional.interpolate(images, size_px, mode="area")]
    columns += [augment(images, size_px, plan, generator) for _ in range(views)]
    cells = functional.pad(torch.stack(columns, 1)[:, :, 0], (2, 2, 2, 2), value=1.0)  # (B, 1 + views, S + 4, S + 4)
    sheet = cells.permute(0, 2, 1, 3).reshape(len(images) * cells.shape[2], -1)
    return Image.fromarray((sheet * 255).round().byte().numpy())


def main(arguments: list[str] | None = None) -> int:
    """Draws the contact sheet; returns the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.augment", description="Original and augmented views.")
    parser.add_argument("--data", type=Path, required=True, help="manifest, release or folder of images")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--sources", nargs="*", default=[], help="only these sources")
    parser.add_argument("--images", type=int, default=8, help="rows (default 8)")
    parser.add_argument("--views", type=int, default=8, help="views an image (default 8)")
    parser.add_argument("--size-px", type=int, default=112, help="side of a view (default 112)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        items = select(index(options.data), options.sources)
        chosen = np.random.default_rng(options.seed).permutation(len(items))[: options.images]
        spec = InputSpec(size_px=round(options.size_px * 9 / 7), mean=0.0, std=1.0)
        pictures = np.stack([preprocess(read(items[row].path), spec) for row in chosen])  # (B, 1, H, H)
        sheet = contact_sheet(torch.from_numpy(pictures), Augmentation(), options.size_px, options.views, options.seed)
        sheet.save(options.out)
    except (UserError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
