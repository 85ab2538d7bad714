"""Augmented views keep range and shape, follow the generator, and never mirror an image."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from training.augment import Augmentation, augment, geometry, main, tone_curves

STILL = Augmentation(
    area=(1.0, 1.0),
    aspect=1.0,
    rotation_deg=0.0,
    shift=0.0,
    gamma=0.0,
    tone=0.0,
    window=0.0,
    contrast=0.0,
    brightness=0.0,
    border_chance=0.0,
    border=0.0,
    focus=0.0,
    noise=0.0,
)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(count: int = 5, size: int = 48) -> Tensor:
    return torch.rand(count, 1, size, size, generator=_generator(9))


def test_views_keep_shape_and_range() -> None:
    views = augment(_images(), 32, Augmentation(), _generator())
    assert views.shape == (5, 1, 32, 32)
    assert views.dtype == torch.float32
    assert float(views.min()) >= 0.0
    assert float(views.max()) <= 1.0


def test_the_same_generator_state_gives_the_same_views() -> None:
    images = _images()
    first = augment(images, 32, Augmentation(), _generator(1))
    torch.testing.assert_close(augment(images, 32, Augmentation(), _generator(1)), first, rtol=0, atol=0)
    assert not torch.equal(augment(images, 32, Augmentation(), _generator(2)), first)


def test_the_originals_stay_as_they_were() -> None:
    images = _images()
    before = images.clone()
    augment(images, 48, Augmentation(), _generator())
    assert torch.equal(images, before)


def test_with_every_step_off_a_view_is_the_image() -> None:
    images = _images()
    torch.testing.assert_close(augment(images, 48, STILL, _generator()), images, rtol=0, atol=2e-3)


ALONE = [field.name for field in fields(Augmentation) if not field.name.startswith(("border", "local"))]
"""Frames come by chance, and the area of local views is that of another plan: they have tests of their own."""


@pytest.mark.parametrize("name", ALONE)
def test_each_step_alone_changes_the_image(name: str) -> None:
    images = torch.nn.functional.avg_pool2d(_images(size=52), 5, 1)  # smooth: 48 px
    plan = replace(STILL, **{name: getattr(Augmentation(), name)})
    views = augment(images, 48, plan, _generator())
    assert float((views - images).abs().mean()) > 0.002


def test_local_views_show_parts_as_small_as_is_said() -> None:
    plan = replace(Augmentation(), local_area=(0.1, 0.3), aspect=1.0, rotation_deg=0.0).for_parts()
    sides = geometry(200, plan, _generator(), torch.device("cpu"))[:, 0, 0]  # (B,) of the crop, as shares
    assert 0.1 <= float((sides**2).min()) < 0.13 and 0.27 < float((sides**2).max()) <= 0.3001


def test_borders_cover_some_images_from_their_sides_and_leave_the_middle() -> None:
    plan = replace(STILL, border_chance=0.5, border=0.2)
    images = torch.ones(64, 1, 40, 40)
    views = augment(images, 40, plan, _generator())
    covered = (views < 0.5).flatten(1).any(1)
    assert 10 < int(covered.sum()) < 54
    torch.testing.assert_close(views[..., 8:32, 8:32], images[..., 8:32, 8:32])


def test_no_map_from_view_to_image_mirrors() -> None:
    theta = geometry(2000, Augmentation(), _generator(), torch.device("cpu"))
    assert bool((torch.linalg.det(theta[:, :, :2]) > 0).all())
    assert bool((theta[:, 0, 0] > 0).all())  # right stays right
    assert bool((theta[:, 1, 1] > 0).all())  # down stays down


def test_what_is_brighter_on_the_right_stays_brighter_on_the_right() -> None:
    ramp = torch.linspace(0.1, 0.9, 64).expand(200, 1, 64, 64)
    views = augment(ramp, 48, replace(Augmentation(), border_chance=0.0, noise=0.0, shift=0.0), _generator())
    inner = views[..., 12:36, 12:36]  # a turn brings black corners in
    left, right = inner[..., :8].mean((1, 2, 3)), inner[..., -8:].mean((1, 2, 3))
    assert bool((right >= left).all())
    assert float((right > left).float().mean()) > 0.9  # the rest is clipped to one gray


def test_a_marker_in_the_upper_left_is_found_there_or_nowhere() -> None:
    images = torch.zeros(300, 1, 64, 64)
    images[..., 12:16, 12:16] = 1.0
    views = augment(images, 64, replace(STILL, area=(0.8, 1.0), rotation_deg=10.0, shift=0.05), _generator())
    for view in views[:, 0]:
        places = (view > 0.5).nonzero().float()
        if len(places):
            assert bool((places.mean(0) < 32).all())


def test_tone_curves_never_fall() -> None:
    curves = tone_curves(torch.rand(500, generator=_generator(4)), Augmentation(), _generator())
    assert float(curves.diff(dim=1).min()) >= -1e-6


def test_images_of_another_shape_or_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, 1, H, W\)"):
        augment(torch.rand(2, 3, 32, 32), 32, Augmentation())
    with pytest.raises(ValueError, match="uint8"):
        augment(torch.zeros(2, 1, 32, 32, dtype=torch.uint8), 32, Augmentation())


def test_the_command_draws_a_row_an_image_and_a_column_a_view(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(chance.integers(0, 255, (40, 50), dtype=np.uint8)).save(folder / f"{number}.png")
    out = tmp_path / "sheet.png"
    assert main(["--data", str(folder), "--out", str(out), "--images", "3", "--views", "4", "--size-px", "32"]) == 0
    with Image.open(out) as sheet:
        assert sheet.size == (5 * 36, 3 * 36)


def test_the_command_says_what_is_wrong_with_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "sheet.png")]) == 1
    assert "no such folder" in capsys.readouterr().err
