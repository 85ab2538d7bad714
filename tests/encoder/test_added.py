"""Encoders of other people in the list of encoders, and what is never taken in: programs."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cxr_explorer.cli.main import main
from cxr_explorer.encoder.adding import Wish, add, remove
from cxr_explorer.encoder.checkpoint import known_encoders, read_encoder
from cxr_explorer.encoder.engine import NotInTorchError, TorchEngine, open_engine
from cxr_explorer.encoder.sample_films import sample_films
from cxr_explorer.errors import UserError
from tests.encoder.others import (
    VIT,
    embeddings,
    onnx_file,
    save_tensors,
    small_network,
    timm_weights,
)

pytestmark = pytest.mark.usefixtures("data")

# -- never a program ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "pytorch_model.bin", "last.ckpt", "weights.safetensors"])
def test_a_pickle_is_refused_with_the_line_that_converts_it(name: str, tmp_path: Path) -> None:
    """The line is run, and what it makes is a file of the same tensors. The name of the file hides nothing."""
    path = tmp_path / name
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4)}
    torch.save({"state_dict": tensors, "epoch": 3}, path)
    with pytest.raises(UserError, match="never opened") as refused:
        add(path, Wish(timm=VIT))
    if path.suffix == ".safetensors":
        assert "rename it to weights.pt" in str(refused.value)
        path = path.rename(path.with_suffix(".pt"))
    line = str(refused.value).splitlines()[-1]
    words = shlex.split(line)
    assert words[:2] == ["python", "-c"]
    subprocess.run([sys.executable, *words[1:]], check=True)
    made = load_file(path.with_suffix(".safetensors"))
    assert made.keys() == tensors.keys()
    assert all(torch.equal(made[key], tensors[key]) for key in tensors)


def test_a_folder_that_holds_a_pickle_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "dinov2"}', encoding="utf-8")
    torch.save({"a": torch.ones(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin is a pickle"):
        add(tmp_path, Wish())


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "net.h5").write_bytes(b"\x89HDF")
    with pytest.raises(UserError, match="neither an ONNX file"):
        add(tmp_path / "net.h5", Wish())
    with pytest.raises(UserError, match="there is no"):
        add(tmp_path / "nix.onnx", Wish())
    with pytest.raises(UserError, match="--timm"):
        add(save_tensors(small_network(), tmp_path / "w.safetensors"), Wish())


# -- where something is not installed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["timm", "transformers", "onnx", "onnxscript"])
def test_what_is_not_installed_is_named_with_what_installs_it(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "w.safetensors"
    save_tensors(small_network(), source)
    if package == "transformers":
        source = tmp_path
        (source / "config.json").write_text('{"model_type": "dinov2"}', encoding="utf-8")
    monkeypatch.setitem(sys.modules, package, None)  # importing it fails then
    with pytest.raises(UserError, match=r'pip install "cxr-explorer\[encoders\]"'):
        add(source, Wish(timm=None if package == "transformers" else VIT))


def test_the_installed_program_says_where_encoders_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(UserError, match="--out DIR"):
        add(save_tensors(small_network(), tmp_path / "w.safetensors"), Wish(timm=VIT))


def test_a_graphics_card_gets_what_pytorch_runs_and_the_processor_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """PyTorch on the CPU stands in for a card: what matters is who is asked to run."""
    network = add(timm_weights(tmp_path / "vit.safetensors", VIT), Wish(timm=VIT)).info
    file = add(onnx_file(tmp_path / "net.onnx", small_network(), 1, 64, 64), Wish()).info
    monkeypatch.setattr("cxr_explorer.encoder.engine.choose_kind", lambda _: "card")
    monkeypatch.setattr(
        "cxr_explorer.encoder.engine.TorchEngine", lambda info, kind: TorchEngine(info, kind.replace("card", "cpu"))
    )
    engine = open_engine(network)
    assert "PyTorch" in engine.words
    np.testing.assert_allclose(engine.run(sample_films(network.spec.size_px, 3)), embeddings(network), atol=1e-4)
    engine.close()
    assert "ONNX Runtime" in open_engine(file).words
    assert "runs on the processor" in caplog.text
    monkeypatch.setitem(sys.modules, "timm", None)
    assert "ONNX Runtime" in open_engine(network).words
    with pytest.raises(NotInTorchError, match="cannot run in PyTorch here"):
        TorchEngine(network, "cpu")


# -- the list ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return onnx_file(tmp_path / "net.onnx", small_network(), 1, 64, 64)


def test_added_encoders_are_listed_shown_and_removed(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--title", "Our own", "--licence", "for this clinic", "--about", "Trained on the ward."]
    assert main(["encoder", "add", str(net), *words, "--fit", "pad"]) == 0
    assert "Added net: 24 numbers an image" in capsys.readouterr().out
    assert main(["encoder", "list", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)["encoders"][-1]
    assert (entry["title"], entry["licence"], entry["about"]) == ("Our own", "for this clinic", "Trained on the ward.")
    assert (entry["fit"], entry["bundled"], entry["source"]) == ("pad", False, "from ONNX, net.onnx")
    assert main(["encoder", "list"]) == 0
    assert "net: Our own" in capsys.readouterr().out
    assert main(["encoder", "show", "net"]) == 0
    assert "for this clinic" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 0
    assert "net" in [encoder["name"] for encoder in json.loads(capsys.readouterr().out)["encoders"]]
    assert main(["encoder", "remove", "net"]) == 0
    assert "is deleted" in capsys.readouterr().out
    assert "net" not in [info.name for info in known_encoders()]


def test_where_nothing_is_said_nothing_is_claimed(net: Path) -> None:
    assert "Nothing is known" in add(net, Wish()).info.description


def test_a_bundled_encoder_cannot_be_removed_nor_a_folder_elsewhere(tmp_path: Path) -> None:
    for name in ("simclr-cxr", "nobody", str(tmp_path), "../..", ".", ""):
        with pytest.raises(UserError, match="Nothing was removed"):
            remove(name)


def test_a_damaged_encoder_is_listed_as_such_and_can_be_removed(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = add(net, Wish()).info.directory
    (folder / "encoder.json").write_text("{", encoding="utf-8")
    assert main(["encoder", "list"]) == 0
    assert "net: damaged." in capsys.readouterr().out
    assert main(["doctor"]) == 0
    assert "damaged encoders" in capsys.readouterr().out
    assert main(["encoder", "remove", "net"]) == 0
    assert not folder.exists()


def test_a_name_is_taken_once(net: Path, tmp_path: Path) -> None:
    add(net, Wish())
    for wish in (Wish(), Wish(name="simclr-cxr")):
        with pytest.raises(UserError, match="already"):
            add(net, wish)
    with pytest.raises(UserError, match="cannot be an encoder's name"):
        add(net, Wish(name="a/b"))
    assert read_encoder(tmp_path / "here" if add(net, Wish(), tmp_path / "here") else tmp_path).name == "net"


def test_a_slow_encoder_gets_its_films_one_by_one(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_explorer.encoder.trial.SLOW_S", 0.0)
    assert add(net, Wish()).info.films_a_pass == 1


def test_a_name_that_stands_for_embeddings_of_a_file_is_refused(net: Path) -> None:
    with pytest.raises(UserError, match="came in a file"):
        add(net, Wish(name="file-net"))
