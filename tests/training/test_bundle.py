"""All stages of an encoder as principal components, in a checkpoint of its own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.encoder.model import ARCHITECTURES, load_model, save_checkpoint
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec
from training.bundle import fit_projection, main, stages_of


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("encoder")
    make = ARCHITECTURES["resnet18"]
    save_checkpoint(
        directory,
        make(),
        name="toy",
        title="Toy",
        architecture="resnet18",
        spec=InputSpec(48),
        training="None.",
        card="# Toy\n",
    )
    return directory


def test_a_bundled_checkpoint_gives_the_components_of_all_stages(encoder: Path, tmp_path: Path) -> None:
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 255, (6, 6)).astype(np.uint8)
        Image.fromarray(pixels).resize((60, 60)).save(tmp_path / f"{number}.png")
    out = tmp_path / "out"
    assert (
        main(["--data", str(tmp_path), "--encoder", str(encoder), "--size", "64", "--name", "t", "--out", str(out)])
        == 0
    )
    info = read_encoder(out)
    assert (info.architecture, info.dimension, info.spec.size_px) == ("resnet18_stages", 512, 64)
    assert "Toy" in info.title
    assert info.graph_sha256
    model = load_model(info, torch.device("cpu"))
    with torch.inference_mode():
        assert torch.isfinite(model(torch.randn(2, 1, 64, 64))).all()


def test_the_projection_keeps_what_tells_images_apart_and_shrinks_what_differs_between_views(encoder: Path) -> None:
    model = stages_of([read_encoder(encoder)], [48])
    random = np.random.default_rng(0)
    width = sum(model.widths())
    lasting, passing = random.normal(size=(2, width)) / width**0.5
    content = random.normal(size=(600, 1, 1))
    exposure = random.normal(size=(600, 4, 1))
    views = (5 + content * lasting + exposure * passing + 0.001 * random.normal(size=(600, 4, width))).astype(
        np.float32
    )
    share, within = fit_projection(model, views[:, 0], views)
    assert share > 0.9
    assert 0.3 < within < 0.7
    with torch.inference_mode():
        found = model.projection(torch.from_numpy(views)).numpy()  # (600, 4, 512)
    centred = found - found.mean(axis=(0, 1))
    assert np.abs(found[:, 0].mean(axis=0)).max() < 0.05 * np.abs(centred).max()
    between = found.mean(axis=1).var(axis=0).sum()
    among = (found - found.mean(axis=1, keepdims=True)).var(axis=(0, 1)).sum()
    before = views.mean(axis=1).var(axis=0).sum() / (views - views.mean(axis=1, keepdims=True)).var(axis=(0, 1)).sum()
    assert between / among > 1.3 * before


def test_pooling_sees_every_stage_as_a_whole_and_the_middle_ones_by_field(encoder: Path) -> None:
    model = stages_of([read_encoder(encoder)], [48])
    x = torch.randn(2, 1, 96, 96)
    with torch.inference_mode():
        pooled = model.pooled(x)
        stages = model.bases[0].stages(x)  # type: ignore[operator]
    whole = 128 + 256 + 512
    assert model.widths() == [whole, whole, 9 * (256 + 512)]
    assert pooled.shape == (2, sum(model.widths()))
    torch.testing.assert_close(pooled[:, 384:whole], stages[-1].mean((2, 3)))
    torch.testing.assert_close(pooled[:, whole : whole + 128], stages[0].std((2, 3), unbiased=False))
    fields = pooled[:, 2 * whole : 2 * whole + 256 * 9].reshape(2, 256, 3, 3)
    torch.testing.assert_close(fields.mean((2, 3)), stages[1].mean((2, 3)))
    torch.testing.assert_close(fields[:, :, 0, 2], stages[1][:, :, :2, 4:].mean((2, 3)))


def test_networks_side_by_side_each_see_their_own_size_and_normalisation(encoder: Path, tmp_path: Path) -> None:
    first = save_checkpoint(
        tmp_path,
        ARCHITECTURES["efficientnet_lite0"](),
        name="other",
        title="Other",
        architecture="efficientnet_lite0",
        spec=InputSpec(96, mean=0.25, std=0.5),
        training="None.",
        card="",
    )
    second = read_encoder(encoder)
    model = stages_of([first, second], [96, 48])
    pixels = torch.rand(2, 1, 96, 96)
    small = torch.nn.functional.interpolate(pixels, (48, 48), mode="bilinear", antialias=True)
    with torch.inference_mode():
        pooled = model.pooled((pixels - first.spec.mean) / first.spec.std)
        alone = stages_of([second], [48]).pooled((small - second.spec.mean) / second.spec.std)
    torch.testing.assert_close(pooled[:, sum(model.widths()[:3]) :], alone, rtol=1e-3, atol=1e-3)


def test_an_architecture_without_stages_is_refused(tmp_path: Path) -> None:
    info = save_checkpoint(
        tmp_path,
        ARCHITECTURES["resnet34"](),
        name="toy",
        title="Toy",
        architecture="resnet34",
        spec=InputSpec(48),
        training="None.",
        card="",
    )
    with pytest.raises(UserError, match="resnet34"):
        stages_of([info], [48])
