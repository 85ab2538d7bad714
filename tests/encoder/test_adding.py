"""Encoders of other people: taken in, tried, and run without the libraries they come from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from cxr_explorer.cli.main import main
from cxr_explorer.encoder import adding, brought
from cxr_explorer.encoder.adding import Wish, add
from cxr_explorer.encoder.checkpoint import encoder_of
from cxr_explorer.encoder.engine import OnnxEngine
from cxr_explorer.encoder.sample_films import sample_films
from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Project
from tests.encoder.others import (
    CNN,
    VIT,
    embeddings,
    left_behind,
    onnx_file,
    small_network,
    timm_weights,
    vision_folder,
)

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("data")


# -- each kind, the whole way ------------------------------------------------------------------------------------------

KINDS: dict[str, Callable[[Path], list[str]]] = {
    "timm": lambda at: [str(timm_weights(at / "vit.safetensors", VIT)), "--timm", VIT],
    "hugging-face": lambda at: [str(vision_folder(at / "dinov2", "dinov2"))],
    "onnx": lambda at: [str(onnx_file(at / "net.onnx", small_network(), 1, 64, 64)), "--mean", "0.5", "--std", "0.25"],
}


WITHOUT = """
import sys
from cxr_explorer.cli.main import main
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_mapped_and_labels_suggested_with_an_encoder_that_was_added(
    kind: str, demo_images: Path, tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is added needs none of the libraries: neither PyTorch nor timm, transformers or onnx can be imported."""
    assert main(["encoder", "add", *KINDS[kind](tmp_path), "--name", "other", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["cosine"] > 0.9999
    assert told["films_per_second"] > 0
    away = tmp_path / "away"
    away.mkdir()
    for name in ("torch", "timm", "transformers", "onnx"):
        (away / f"{name}.py").write_text("raise ModuleNotFoundError('not here')\n", encoding="utf-8")
    (tmp_path / "program.py").write_text(WITHOUT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(away), str(ROOT)]), "XDG_DATA_HOME": str(data)}

    def run(*words: object) -> dict[str, Any]:
        command = [sys.executable, str(tmp_path / "program.py"), *map(str, words), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    project = tmp_path / "study.cxr"
    report = run("index", demo_images, "--project", project, "--encoder", "other")
    assert report["embedded"] == 40
    assert report["encoder"] == encoder_of("other").key
    with Project.open(project, back_up=False) as opened:
        latest = opened.latest_map()
        assert latest is not None
        assert len(latest.image_ids) == 40
        for ids, value in ((latest.image_ids[:10], Value.PRESENT), (latest.image_ids[10:20], Value.ABSENT)):
            labelling.label(opened, ids, Judgement("Effusion", value, "ann", "image"))
    assert run("suggest", project, "--finding", "Effusion", "--reader", "ann")


# -- timm --------------------------------------------------------------------------------------------------------------


def test_what_timm_would_feed_and_get_is_what_the_encoder_gives(tmp_path: Path) -> None:
    """timm's own transform of the same pixels and its own network: three channels, each normalised by itself."""
    timm = pytest.importorskip("timm")
    own = {"mean": (0.48, 0.31, 0.22), "std": (0.21, 0.35, 0.4)}
    weights = timm_weights(tmp_path / "vit.safetensors", VIT)
    info = add(weights, Wish(timm=VIT, mean=own["mean"], std=own["std"])).info
    size = info.spec.size_px
    network = timm.create_model(VIT, num_classes=3)
    network.load_state_dict(load_file(weights))
    network.reset_classifier(0)
    transform = timm.data.create_transform((3, size, size), crop_pct=1.0, is_training=False, **own)
    film = np.rint(sample_films(size, 1)[0, 0] * 255).astype(np.uint8)
    with torch.inference_mode():
        expected = network.eval()(transform(Image.fromarray(film).convert("RGB"))[None]).numpy()
    given = OnnxEngine(info).run((film / np.float32(255))[None, None].astype(np.float32))
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_the_data_configuration_of_timm_is_taken_and_can_be_overridden(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    weights = timm_weights(tmp_path / "vit.safetensors", VIT)
    config = timm.get_pretrained_cfg(VIT)
    tensors = load_file(weights)
    recipe = brought.timm_recipe(VIT, tensors, {})
    assert (recipe.size_px, recipe.mean, recipe.std) == (config.input_size[-1], config.mean, config.std)
    wished = adding._as_wished(recipe, Wish(size_px=64, mean=[0.5], std=[0.1, 0.2, 0.3], pool="mean"))
    assert (wished.size_px, wished.mean, wished.std, wished.pool) == (64, (0.5,) * 3, (0.1, 0.2, 0.3), "mean")
    assert brought.timm_recipe(VIT, tensors, {"mean": [0.1, 0.2, 0.3]}).mean == (0.1, 0.2, 0.3)
    with pytest.raises(UserError, match="3 channels"):
        adding._as_wished(recipe, Wish(mean=[0.1, 0.2]))


def test_another_size_and_pooling_make_other_numbers_under_another_key(tmp_path: Path) -> None:
    weights = timm_weights(tmp_path / "vit.safetensors", VIT)
    made = [
        add(weights, Wish(timm=VIT, name="one", **more), tmp_path / str(number)).info
        for number, more in enumerate(({}, {"pool": "mean"}, {"size_px": 96, "half": True}))
    ]
    assert len({info.key for info in made}) == len(made)
    assert made[2].spec.size_px == 96
    first, pooled = embeddings(made[0]), embeddings(made[1])
    assert np.abs(first - pooled).max() > 1e-3
    assert made[2].bytes_on_disk() < 0.75 * made[0].bytes_on_disk()


def test_weights_saved_as_part_of_a_larger_network_are_found(tmp_path: Path) -> None:
    plain = add(timm_weights(tmp_path / "a.safetensors", CNN, in_chans=1), Wish(timm=CNN)).info
    tensors = {f"model.backbone.{key}": value for key, value in load_file(tmp_path / "a.safetensors").items()}
    save_file({**tensors, "projector.weight": torch.ones(4, 4)}, tmp_path / "b.safetensors")
    within = add(tmp_path / "b.safetensors", Wish(timm=CNN)).info
    np.testing.assert_allclose(embeddings(within), embeddings(plain), rtol=0, atol=1e-5)


def test_what_has_no_place_in_the_network_is_told(tmp_path: Path) -> None:
    tensors = load_file(timm_weights(tmp_path / "vit.safetensors", VIT))
    save_file({**tensors, "decoder.weight": torch.ones(4, 4)}, tmp_path / "mae.safetensors")
    assert add(tmp_path / "mae.safetensors", Wish(timm=VIT)).unused == ("decoder.weight",)


def test_a_folder_of_timms_on_the_hub_names_its_architecture(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    timm_weights(folder / "model.safetensors", CNN)
    described = {"architecture": CNN, "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "input_size": [3, 64, 64]}}
    (folder / "config.json").write_text(json.dumps(described), encoding="utf-8")
    info = add(folder, Wish()).info
    assert (info.name, info.architecture, info.spec.size_px) == ("mine", f"timm:{CNN}", 64)


@pytest.mark.parametrize(
    ("architecture", "change", "says"),
    [
        ("test_resnet", {}, "do not fit a test_resnet"),
        ("test_vit2", {}, "do not fit a test_vit2"),
        ("vit_no_such", {}, "no architecture called vit_no_such"),
        (VIT, {"norm.weight": None}, "norm.weight"),
        (VIT, {"norm.weight": torch.full((64,), torch.nan)}, "not numbers"),
        (VIT, {"norm.weight": torch.zeros(64)}, "same numbers for every film"),
        (VIT, {"norm.weight": torch.zeros(3)}, "norm.weight"),
    ],
)
def test_weights_that_are_wrong_are_refused_and_nothing_is_left_behind(
    architecture: str, change: dict[str, torch.Tensor | None], says: str, tmp_path: Path
) -> None:
    tensors: dict[str, torch.Tensor | None] = {**load_file(timm_weights(tmp_path / "vit.safetensors", VIT)), **change}
    kept = {key: value for key, value in tensors.items() if value is not None}
    save_file(kept, tmp_path / "wrong.safetensors")
    with pytest.raises(UserError, match=says):
        add(tmp_path / "wrong.safetensors", Wish(timm=architecture))
    assert left_behind() == []


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        add(tmp_path / "cut.safetensors", Wish(timm=VIT))


# -- Hugging Face ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["dinov2", "siglip", "vit", "clip"])
def test_a_vision_tower_gives_what_hugging_face_gets(family: str, tmp_path: Path) -> None:
    """The folder's own class, fed as its preprocessor_config.json says, and what its users take as the embedding."""
    transformers = pytest.importorskip("transformers")
    folder = vision_folder(tmp_path / family, family)
    info = add(folder, Wish()).info
    assert (info.spec.size_px, info.dimension, info.licence) == (56, 48, "apache-2.0")
    assert (info.directory / "MODEL_CARD.md").read_text(encoding="utf-8").endswith("# Read me first\n")
    made = transformers.AutoModel.from_pretrained(folder)
    tower = getattr(made, "vision_model", made).eval()
    films = torch.from_numpy(sample_films(56, 2)).expand(-1, 3, -1, -1)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ([0.5, 0.4, 0.3], [0.25, 0.3, 0.2]))
    with torch.inference_mode():
        out = tower(pixel_values=(films - mean) / std)
    expected = out.last_hidden_state[:, 0] if family in ("dinov2", "vit") else out.pooler_output
    np.testing.assert_allclose(embeddings(info, 2), expected.numpy(), rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_a_family_that_cannot_be_taken_in_is_told(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"family bert.*dinov2.*ONNX"):
        add(tmp_path, Wish())


def test_a_folder_whose_weights_do_not_fit_its_configuration_is_refused(tmp_path: Path) -> None:
    folder = vision_folder(tmp_path / "dinov2", "dinov2")
    tensors = load_file(folder / "model.safetensors")
    kept = {key: value for key, value in tensors.items() if "layernorm" not in key}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="do not fit a dinov2"):
        add(folder, Wish())
    assert left_behind() == []


def test_a_tower_without_a_class_token_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no class token"):
        add(vision_folder(tmp_path / "siglip", "siglip"), Wish(pool="cls"))


# -- ONNX --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("films", [True, False])
def test_an_onnx_file_is_normalised_and_pooled(channels: int, films: bool, tmp_path: Path) -> None:
    """One exported for a single film does as well where nothing in it hangs on that number."""
    network = small_network(channels)
    path = onnx_file(tmp_path / "net.onnx", network, channels, 64, 64, films=films)
    mean, std = [0.1, 0.2, 0.3][:channels], [0.5, 0.6, 0.7][:channels]
    info = add(path, Wish(mean=mean, std=std, half=not films)).info
    assert (info.spec.size_px, info.dimension, info.architecture) == (64, 24, "onnx")
    pictures = torch.from_numpy(sample_films(64, 3)).expand(-1, channels, -1, -1)
    shape = (1, channels, 1, 1)
    with torch.inference_mode():
        expected = network((pictures - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)).mean((2, 3))
    np.testing.assert_allclose(embeddings(info), expected.numpy(), rtol=0, atol=1e-5 if films else 1e-3)


def test_weights_in_a_file_beside_are_found_and_belong_to_the_key(tmp_path: Path) -> None:
    keys = []
    for name, shift in (("a", 0.0), ("b", 0.5)):
        network = small_network()
        with torch.no_grad():
            network[2].bias += shift  # type: ignore[index, operator]
        path = onnx_file(tmp_path / name / "net.onnx", network, 1, 64, 64)
        onnx.save(onnx.load(str(path)), str(path), save_as_external_data=True, location="net.data", size_threshold=0)
        info = add(path, Wish(), tmp_path / f"made-{name}").info
        with torch.inference_mode():
            expected = network(torch.from_numpy(sample_films(64, 3))).mean((2, 3)).numpy()
        np.testing.assert_allclose(embeddings(info), expected, rtol=0, atol=1e-5)
        keys.append(info.key)
    assert len(set(keys)) == 2


class Tokens(nn.Module):
    """(B, 1, 64, 64) to a row a patch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(1, 32, 16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.patches(x).flatten(2).transpose(1, 2)  # (B, 16, 32)


def test_tokens_of_an_onnx_file_want_to_be_pooled_as_the_user_says(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "net.onnx", Tokens().eval(), 1, 64, 64)
    with pytest.raises(UserError, match="--pool"):
        add(path, Wish())
    with torch.inference_mode():
        tokens = Tokens()(torch.from_numpy(sample_films(64, 3))).numpy()
    for pool, expected in (("cls", tokens[:, 0]), ("mean", tokens.mean(1))):
        info = add(path, Wish(pool=pool, name=pool)).info  # type: ignore[arg-type]
        np.testing.assert_allclose(embeddings(info), expected, rtol=0, atol=1e-5)


class TwoFilms(nn.Module):
    """Whose numbers hang on the films beside."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(0, keepdim=True) + 0.1 * x).flatten(1)[:, ::64]


def test_a_network_that_mixes_films_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="other numbers"):
        add(onnx_file(tmp_path / "net.onnx", TwoFilms(), 1, 64, 64), Wish())
    assert left_behind() == []


def changed(path: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.load(str(path))
    change(model)
    onnx.save(model, str(path))
    return path


def test_onnx_files_that_take_no_pictures_are_refused(tmp_path: Path) -> None:
    five = nn.Conv2d(5, 8, 3)
    with pytest.raises(UserError, match="1 or 3 channels"):
        add(onnx_file(tmp_path / "five.onnx", five, 5, 64, 64), Wish())
    with pytest.raises(UserError, match="must be square"):
        add(onnx_file(tmp_path / "wide.onnx", small_network(), 1, 64, 80), Wish())
    (tmp_path / "no.onnx").write_bytes(b"no network")
    with pytest.raises(UserError, match="cannot be read as an ONNX file"):
        add(tmp_path / "no.onnx", Wish())


def test_an_open_size_is_asked_for(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "net.onnx", small_network(), 1, 64, 64)

    def open_sides(model: onnx.ModelProto) -> None:
        for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
            dim.dim_param = "side"
        del model.graph.value_info[:]
        for dim in model.graph.output[0].type.tensor_type.shape.dim[2:]:
            dim.dim_param = "less"

    with pytest.raises(UserError, match="Say it with --size"):
        add(changed(path, open_sides), Wish())
    assert add(path, Wish(size_px=96)).info.spec.size_px == 96


def test_one_of_several_outputs_is_named(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "net.onnx", small_network(), 1, 64, 64)

    def second(model: onnx.ModelProto) -> None:
        inner = model.graph.node[0].output[0]
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(inner, onnx.TensorProto.FLOAT, ["films", 40, 15, 15])
        )

    changed(path, second)
    with pytest.raises(UserError, match=r"several outputs.*--output: features"):
        add(path, Wish())
    with pytest.raises(UserError, match="no output called nix"):
        add(path, Wish(output="nix"))
    assert add(path, Wish(output="features")).info.dimension == 24
