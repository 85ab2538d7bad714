"""Architectures, loading and saving, devices."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision.models
from torch import nn

from cxr_explorer.encoder.checkpoint import EncoderInfo, bundled_encoders, read_encoder
from cxr_explorer.encoder.model import (
    ARCHITECTURES,
    SameConv2d,
    choose_device,
    fold_norms,
    load_model,
    save_checkpoint,
)
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec

CPU = torch.device("cpu")


def seeded(architecture: str) -> nn.Module:
    """An untrained model whose batch norms are not the identity."""
    torch.manual_seed(0)
    model = ARCHITECTURES[architecture]()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return model.eval()


def save(directory: Path, model: nn.Module, half: bool = True) -> EncoderInfo:
    facts = {"name": "tiny", "title": "Tiny", "architecture": "resnet18", "training": "None.", "card": "# Tiny\n"}
    return save_checkpoint(directory, model, spec=InputSpec(64), half=half, **facts)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> EncoderInfo:
    return save(tmp_path_factory.mktemp("encoder"), seeded("resnet18"))


@pytest.mark.parametrize(
    ("architecture", "dimension"),
    [("resnet18", 512), ("resnet34", 512), ("resnet50", 2048), ("efficientnet_lite0", 1280)],
)
def test_architectures_pool_one_channel_and_fold_to_the_same_output(architecture: str, dimension: int) -> None:
    model = seeded(architecture)
    images = torch.randn(2, 1, 65, 96)
    folded = fold_norms(copy.deepcopy(model))
    with torch.inference_mode():
        out = model(images)
        torch.testing.assert_close(folded(images), out, rtol=1e-3, atol=1e-4 * float(out.abs().max()))
    assert out.shape == (2, dimension) == (2, model.dimension)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_a_resnet_takes_torchvisions_weights_and_gives_the_same_numbers(depth: int) -> None:
    ours = seeded(f"resnet{depth}")
    theirs = getattr(torchvision.models, f"resnet{depth}")()
    theirs.conv1, theirs.fc = nn.Conv2d(1, 64, 7, 2, 3, bias=False), nn.Identity()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 1, 96, 65)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs.eval()(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (7, 3, 2), (8, 5, 2), (9, 5, 1), (6, 1, 1)])
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int) -> None:
    conv = SameConv2d(1, 1, kernel, stride, bias=False)
    nn.init.ones_(conv.weight)
    out = conv(torch.ones(1, 1, size, size))
    assert out.shape[-1] == -(-size // stride)
    before = max((out.shape[-1] - 1) * stride + kernel - size, 0) // 2
    reach = [min(i * stride - before + kernel, size) - max(i * stride - before, 0) for i in range(out.shape[-1])]
    assert out[0, 0].tolist() == [[float(a * b) for b in reach] for a in reach]


def test_a_saved_model_comes_back_in_evaluation_mode_as_float32(tmp_path: Path) -> None:
    model = seeded("resnet18")
    info = save(tmp_path, model, half=False)
    loaded = load_model(info, CPU)
    assert not loaded.training
    assert info.dimension == 512
    images = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(images), model(images), rtol=0, atol=0)
    assert (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8") == "# Tiny\n"


def test_half_precision_halves_the_file_and_keeps_the_direction(checkpoint: EncoderInfo) -> None:
    loaded = load_model(checkpoint, CPU)
    assert all(parameter.dtype == torch.float32 for parameter in loaded.parameters())
    assert (checkpoint.directory / "weights.safetensors").stat().st_size < 23e6
    images = torch.randn(4, 1, 64, 64)
    with torch.inference_mode():
        cosine = nn.functional.cosine_similarity(loaded(images), seeded("resnet18")(images))
    assert cosine.min() > 0.9999


def test_saving_leaves_a_model_in_training_mode(tmp_path: Path) -> None:
    model = seeded("resnet18").train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    save(tmp_path, model)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_changed_weights_are_refused(checkpoint: EncoderInfo) -> None:
    with pytest.raises(UserError, match="damaged or was replaced"):
        load_model(replace(checkpoint, weights_sha256="0" * 64), CPU)


def test_missing_weights_are_refused(checkpoint: EncoderInfo, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_model(replace(checkpoint, directory=tmp_path), CPU)


def test_weights_of_another_architecture_are_refused(checkpoint: EncoderInfo) -> None:
    with pytest.raises(UserError, match="do not fit"):
        load_model(replace(checkpoint, architecture="efficientnet_lite0"), CPU)


def test_a_file_that_holds_no_tensors_is_refused(checkpoint: EncoderInfo, tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "weights.safetensors").write_bytes(b"no tensors")
    wrong = replace(checkpoint, directory=tmp_path, weights_sha256=hashlib.sha256(b"no tensors").hexdigest())
    with pytest.raises(UserError, match="do not fit"):
        load_model(wrong, CPU)


def test_an_unknown_architecture_is_refused(checkpoint: EncoderInfo) -> None:
    with pytest.raises(UserError, match="does not have"):
        load_model(replace(checkpoint, architecture="vit_giant"), CPU)


def test_a_wrong_dimension_is_refused(checkpoint: EncoderInfo) -> None:
    with pytest.raises(UserError, match="gives 512"):
        load_model(replace(checkpoint, dimension=128), CPU)


@pytest.mark.parametrize("info", bundled_encoders(), ids=lambda info: info.name)
def test_bundled_encoders_load_and_tell_pictures_apart(info: EncoderInfo) -> None:
    model = load_model(info, CPU)
    size = info.spec.size_px
    ramp = torch.linspace(-1, 1, size).expand(1, 1, size, size)
    with torch.inference_mode():
        out = model(torch.cat([ramp, ramp.flip(3), torch.zeros_like(ramp)]))
    assert out.shape == (3, info.dimension)
    assert torch.isfinite(out).all()
    assert torch.pdist(nn.functional.normalize(out)).min() > 0.05
    assert (info.directory / "weights.safetensors").stat().st_size < 10e6 or info.architecture != "efficientnet_lite0"
    assert read_encoder(info.directory) == info


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    for name in ("cuda", "mps"):
        with pytest.raises(UserError, match="not usable here"):
            choose_device(name)
    with pytest.raises(UserError, match="no device called 'tpu'"):
        choose_device("tpu")


def test_a_card_that_cannot_compute_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no kernel image is available for execution on the device")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch, "ones", fail)
    assert choose_device("auto") == CPU


def test_descriptions_are_plain_json(checkpoint: EncoderInfo) -> None:
    described = json.loads((checkpoint.directory / "encoder.json").read_text(encoding="utf-8"))
    assert described["format"] == 1
    assert described["input"] == {"size_px": 64, "fit": "squash", "mean": 0.5, "std": 0.25}
