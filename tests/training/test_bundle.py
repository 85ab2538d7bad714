"""All stages of an encoder as principal components, in a checkpoint of its own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.encoder.model import ARCHITECTURES, Stages, load_model, save_checkpoint
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
    model = load_model(info, torch.device("cpu"))
    with torch.inference_mode():
        assert torch.isfinite(model(torch.randn(2, 1, 64, 64))).all()


def test_components_are_uncorrelated_and_their_spread_follows_the_whitening(encoder: Path) -> None:
    model = stages_of(read_encoder(encoder))
    random = np.random.default_rng(0)
    mixed = (random.normal(size=(3000, 6)) * [6, 5, 4, 3, 2, 1]) @ random.normal(size=(6, 1792))
    pooled = (5 + mixed + 0.01 * random.normal(size=mixed.shape)).astype(np.float32)
    spreads = []
    for whitening in (0.0, 1.0):
        share = fit_projection(model, pooled, whitening)
        assert share == pytest.approx(1, abs=0.01)
        with torch.inference_mode():
            found = model.projection(torch.from_numpy(pooled)).numpy()[:, :6]
        assert np.abs(found.mean(axis=0)).max() < 0.05 * found.std(axis=0).max()
        assert np.abs(np.corrcoef(found.T) - np.eye(6)).max() < 0.02
        spreads.append(found.std(axis=0))
    assert spreads[0][0] > 1.3 * spreads[0][5]
    np.testing.assert_allclose(spreads[1], 1, rtol=0.05)


def test_pooling_sees_means_and_deviations_of_every_stage(encoder: Path) -> None:
    model = stages_of(read_encoder(encoder))
    assert isinstance(model, Stages)
    x = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        pooled = model.pooled(x)
        last = model.base.stages(x)[-1]
    assert pooled.shape == (2, 2 * (128 + 256 + 512))
    torch.testing.assert_close(pooled[:, 384:896], last.mean((2, 3)))
    torch.testing.assert_close(pooled[:, 384:896], model.base(x), rtol=1e-3, atol=1e-3)


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
        stages_of(info)
