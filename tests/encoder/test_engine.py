"""ONNX Runtime and PyTorch give the same; what is missing or damaged is told or done without."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import EncoderInfo, bundled_encoders, read_encoder
from cxr_explorer.encoder.embed import Batch, Ready, Source, embed
from cxr_explorer.encoder.engine import NoGraphError, OnnxEngine, TorchEngine, open_engine
from cxr_explorer.errors import UserError
from tests.encoder.test_devices import without_torch
from tests.encoder.test_model import save, seeded

LITE0 = next(info for info in bundled_encoders() if info.architecture == "efficientnet_lite0")


def pictures(count: int, size_px: int) -> NDArray[np.float32]:
    """(count, 1, size_px, size_px): ramps and waves."""
    y, x = np.mgrid[-1 : 1 : size_px * 1j, -1 : 1 : size_px * 1j]
    return np.stack([np.sin((n + 1) * x + y) for n in range(count)])[:, None].astype(np.float32)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of Lite0 to spoil."""
    return Path(shutil.copytree(LITE0.directory, tmp_path / "copy"))


@pytest.mark.parametrize("info", bundled_encoders(), ids=lambda info: info.name)
def test_both_engines_give_the_same_embeddings_for_any_number_of_images(info: EncoderInfo) -> None:
    pixels = pictures(3, info.spec.size_px)
    expected = TorchEngine(info, "cpu").run(pixels)
    engine = OnnxEngine(info)
    for count in (1, 3):
        found = engine.run(pixels[:count])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[:count], rtol=0, atol=1e-5 * float(np.abs(expected).max()))
    cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosine.min() > 0.99999


@pytest.mark.parametrize("info", bundled_encoders(), ids=lambda info: info.name)
def test_a_bundled_graph_is_small_and_holds_no_weights(info: EncoderInfo) -> None:
    assert info.graph_sha256
    assert (info.directory / "graph.onnx").stat().st_size < 200_000


def test_the_processor_is_onnx_runtimes() -> None:
    engine = open_engine(LITE0, "cpu")
    assert isinstance(engine, OnnxEngine)
    assert engine.words.startswith("cpu: ")
    assert "ONNX Runtime" in engine.words


def damage(folder: Path) -> None:
    data = bytearray((folder / "graph.onnx").read_bytes())
    data[1000] ^= 1
    (folder / "graph.onnx").write_bytes(data)


def remove(folder: Path) -> None:
    (folder / "graph.onnx").unlink()


def forget(folder: Path) -> None:
    """As a checkpoint is that was made before there were graphs."""
    described = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    del described["graph_sha256"]
    (folder / "encoder.json").write_text(json.dumps(described), encoding="utf-8")


def replace_by_nonsense(folder: Path) -> None:
    import hashlib

    (folder / "graph.onnx").write_bytes(b"no graph")
    described = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    described["graph_sha256"] = hashlib.sha256(b"no graph").hexdigest()
    (folder / "encoder.json").write_text(json.dumps(described), encoding="utf-8")


@pytest.mark.parametrize("spoil", [damage, remove, forget, replace_by_nonsense])
def test_without_a_sound_graph_pytorch_takes_over(copied: Path, spoil: object) -> None:
    spoil(copied)  # type: ignore[operator]
    info = read_encoder(copied)
    assert info.key == LITE0.key
    with pytest.raises(NoGraphError):
        OnnxEngine(info)
    engine = open_engine(info, "cpu")
    assert isinstance(engine, TorchEngine)
    engine.close()


def test_with_neither_graph_nor_pytorch_the_reader_is_told_what_to_do(copied: Path) -> None:
    damage(copied)
    said = without_torch(
        "from pathlib import Path; from cxr_explorer.errors import UserError\n"
        "from cxr_explorer.encoder.checkpoint import read_encoder\n"
        "from cxr_explorer.encoder.engine import open_engine\n"
        f"try: open_engine(read_encoder(Path({str(copied)!r})))\nexcept UserError as e: print(e)"
    )
    assert "Copy the encoder's folder again, or install PyTorch" in said


def test_without_onnx_runtime_pytorch_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    engine = open_engine(LITE0, "cpu")
    assert isinstance(engine, TorchEngine)
    engine.close()


def test_damaged_weights_are_refused_whichever_engine_would_run(copied: Path) -> None:
    data = bytearray((copied / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (copied / "weights.safetensors").write_bytes(data)
    with pytest.raises(UserError, match="damaged or was replaced"):
        open_engine(read_encoder(copied), "cpu")


def test_a_wrong_dimension_is_refused() -> None:
    with pytest.raises(UserError, match="gives 1280"):
        OnnxEngine(replace(LITE0, dimension=128))


def test_memory_that_onnx_runtime_cannot_have_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = OnnxEngine(LITE0)

    class Full:
        def run(self, *_: object) -> None:
            raise Exception("bfc_arena.cc: Failed to allocate memory for requested buffer of size 1024")

    monkeypatch.setattr(engine, "_session", Full())
    with pytest.raises(MemoryError):
        engine.run(pictures(1, 192))


def test_writing_a_checkpoint_anew_takes_its_old_graph_away(tmp_path: Path) -> None:
    (tmp_path / "graph.onnx").write_bytes(b"of other weights")
    info = save(tmp_path, seeded("resnet18"))
    assert not info.graph_sha256
    assert not (tmp_path / "graph.onnx").exists()


def test_files_are_embedded_where_pytorch_is_not_installed(demo_images: Path) -> None:
    """And to the same numbers as with it."""
    films = sorted(path for path in demo_images.rglob("*") if path.suffix in (".png", ".dcm"))[:3]
    assert len(films) == 3
    said = without_torch(
        "from pathlib import Path; from cxr_explorer.encoder.checkpoint import default_encoder\n"
        "from cxr_explorer.encoder.embed import Batch, Source, embed\n"
        "if __name__ == '__main__':\n"
        f"    sources = [Source(n, Path(p)) for n, p in enumerate({[str(film) for film in films]!r})]\n"
        "    for item in embed(sources, default_encoder().directory):\n"
        "        for found in getattr(item, 'embedded', ()): print(*found.embedding[:8].tolist())"
    )
    found = np.array([line.split() for line in said.splitlines()], dtype=np.float32)
    info = bundled_encoders()[0]
    items = list(embed([Source(n, film) for n, film in enumerate(films)], info.directory, "cpu"))
    assert isinstance(items[0], Ready)
    here = [result.embedding[:8] for item in items if isinstance(item, Batch) for result in item.embedded]
    np.testing.assert_allclose(found, np.stack(here), atol=1e-4)


def test_old_checkpoints_hold_the_sides_as_a_tensor_and_new_ones_do_as_well() -> None:
    info = bundled_encoders()[0]
    from cxr_explorer.encoder.model import Stages, load_model

    model = load_model(info, torch.device("cpu"))
    assert isinstance(model, Stages)
    assert model.sides == [0, 144]
    state = model.state_dict()
    assert state["sides"].dtype == torch.int64
    assert state["sides"].tolist() == [0, 144]
    del state["sides"]
    with pytest.raises(RuntimeError, match="sides"):
        model.load_state_dict(state)
