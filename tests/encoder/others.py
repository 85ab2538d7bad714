"""Small networks of other people's kinds with random weights, as their files lie on a disk."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from cxr_explorer.encoder.checkpoint import EncoderInfo, added_folder
from cxr_explorer.encoder.engine import OnnxEngine
from cxr_explorer.encoder.sample_films import sample_films

ONE = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 64}
VIT, CNN = "test_vit", "test_resnet"
"""Architectures that timm has for its own tests: 160 px, a tenth of a million weights or a few more."""

TEXT = {**ONE, "num_hidden_layers": 1, "vocab_size": 100}


def save_tensors(network: nn.Module, path: Path, prefix: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({prefix + key: value.clone().contiguous() for key, value in network.state_dict().items()}, path)
    return path


def timm_weights(path: Path, name: str, prefix: str = "", **options: Any) -> Path:
    """Weights of an architecture of timm's, a classifier included."""
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    return save_tensors(timm.create_model(name, num_classes=3, **options), path, prefix)


def vision_folder(folder: Path, family: str) -> Path:
    """A model's folder as Hugging Face's hub has it."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    seen = {**ONE, "image_size": 56, "patch_size": 14}
    network = {
        "dinov2": lambda: transformers.Dinov2Model(transformers.Dinov2Config(**seen)),
        "siglip": lambda: transformers.SiglipModel(
            transformers.SiglipConfig(vision_config={**seen}, text_config={**TEXT})
        ),
        "vit": lambda: transformers.ViTForImageClassification(transformers.ViTConfig(**seen)),
        "clip": lambda: transformers.CLIPModel(transformers.CLIPConfig(vision_config={**seen}, text_config={**TEXT})),
    }[family]()
    network.save_pretrained(folder)
    size = {"height": 56, "width": 56}
    feed: dict[str, Any] = {"size": size, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.25, 0.3, 0.2]}
    if family == "dinov2":
        feed |= {"size": {"shortest_edge": 60}, "crop_size": size, "do_center_crop": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(feed), encoding="utf-8")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Read me first\n", encoding="utf-8")
    return folder


def small_network(channels: int = 1) -> nn.Module:
    """(B, C, 64, 64) to (B, 24, 7, 7)."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(channels, 40, 5, 4), nn.ReLU(), nn.Conv2d(40, 24, 3, 2))
    return nn.Sequential(*layers).eval()


def onnx_file(path: Path, network: nn.Module, *shape: int, films: bool = True) -> Path:
    """The network as an ONNX file, for any number of films or one alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (torch.zeros(2 if films else 1, *shape),),
            input_names=["picture"],
            output_names=["features"],
            dynamic_shapes=({0: torch.export.Dim("films")},) if films else None,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    onnx.save(program.model_proto, os.fspath(path))
    return path


def embeddings(info: EncoderInfo, count: int = 3) -> np.ndarray[Any, Any]:
    return OnnxEngine(info).run(sample_films(info.spec.size_px, count))


def left_behind() -> list[str]:
    return [path.name for path in added_folder().glob("*")] + [path.name for path in added_folder().glob(".*")]
