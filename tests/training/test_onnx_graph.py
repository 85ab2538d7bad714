"""The graph beside a checkpoint's weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.encoder.engine import OnnxEngine, TorchEngine
from cxr_explorer.encoder.model import save_checkpoint
from cxr_explorer.images.preprocess import InputSpec
from tests.encoder.test_model import seeded
from training.onnx_graph import main


@pytest.mark.parametrize(("architecture", "half"), [("resnet18", False), ("efficientnet_lite0_resnet18_stages", True)])
def test_the_graph_gives_what_the_network_gives_and_points_at_its_weights(
    tmp_path: Path, architecture: str, half: bool
) -> None:
    """It holds no weights, and says nothing of where it was made."""
    facts = {"name": "toy", "title": "Toy", "training": "None.", "card": ""}
    before = save_checkpoint(
        tmp_path, seeded(architecture), architecture=architecture, spec=InputSpec(100), half=half, **facts
    )
    assert main([str(tmp_path)]) == 0
    info = read_encoder(tmp_path)
    assert info.graph_sha256
    assert info.key == before.key
    pixels = np.random.default_rng(0).standard_normal((3, 1, 100, 100), dtype=np.float32)
    expected = TorchEngine(info, "cpu").run(pixels)
    np.testing.assert_allclose(OnnxEngine(info).run(pixels), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    model = onnx.load(str(tmp_path / "graph.onnx"), load_external_data=False)
    outside = [tensor for tensor in model.graph.initializer if tensor.data_location == TensorProto.EXTERNAL]
    if architecture == "resnet18":
        assert len(outside) == 20 * 5  # a kernel and four vectors of its norm, 20 times
    assert outside
    assert all(tensor.ByteSize() <= 4096 for tensor in model.graph.initializer)
    data = (tmp_path / "graph.onnx").read_bytes()
    assert b".py" not in data
    assert str(Path.cwd()).encode() not in data


def test_a_folder_without_a_checkpoint_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "No encoder" in capsys.readouterr().err
