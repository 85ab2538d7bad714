"""Networks of other people as PyTorch modules: an architecture of timm's, or a vision tower of Hugging Face's.

Both libraries are needed to bring such an encoder, and to run it on a graphics card; on a processor its graph does
without (`engine`). Nothing is fetched from anywhere, and no file that could hold a program is opened.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from cxr_explorer.encoder.checkpoint import EncoderInfo, NotInTorchError, read_weights
from cxr_explorer.errors import UserError

Pool = Literal["own", "cls", "mean"]
"""What becomes the embedding: what the network gives itself, the class token, or the mean over the picture."""

TOWERS = {
    "vit": "ViTModel",
    "deit": "DeiTModel",
    "dinov2": "Dinov2Model",
    "dinov2_with_registers": "Dinov2WithRegistersModel",
    "dinov3_vit": "DINOv3ViTModel",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
    "clip": "CLIPVisionModel",
    "clip_vision_model": "CLIPVisionModel",
}
"""Class of Hugging Face's by the `model_type` of a `config.json`."""

POOLED = ("siglip", "siglip_vision_model", "clip", "clip_vision_model")
"""Families that pool themselves; what the others call pooled is an untrained layer, or the class token."""

WITHOUT_CLASS_TOKEN = ("siglip", "siglip_vision_model")

NETWORK = "network"
"""Key in the metadata of the weights file, under which `Recipe` is written: part of the digest, and of the key by which
embeddings are told apart."""


@dataclass(frozen=True)
class Recipe:
    """What a network is, beside its weights.

    Attributes:
        library: "timm", "hf" or "onnx".
        name: Architecture in the library; for "onnx" a digest of the file.
        size_px: Side of the square input.
        mean: What is taken from each of the network's channels, of pixels in [0, 1]; its length is their number.
        std: By what they are divided then.
        pool: See `Pool`.
        config: "hf": the vision tower's configuration.
    """

    library: str
    name: str
    size_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pool: Pool = "own"
    config: dict[str, Any] | None = None

    @property
    def architecture(self) -> str:
        """As `encoder.json` names it."""
        return self.library if self.library == "onnx" else f"{self.library}:{self.name}"

    def to_json(self) -> str:
        """Equal for equal networks."""
        return json.dumps(vars(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Raises ValueError, KeyError or TypeError where it is none."""
        found = json.loads(text)
        return cls(**{**found, "mean": tuple(found["mean"]), "std": tuple(found["std"])})


def is_brought(architecture: str) -> bool:
    """Whether an encoder of this architecture was brought by its user."""
    return architecture == "onnx" or architecture.startswith(("timm:", "hf:"))


class Brought(nn.Module):
    """A network with what it is fed and how it is pooled: (B, 1, S, S) in [0, 1] to (B, D)."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.register_buffer("mean", torch.tensor(recipe.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(recipe.std).view(-1, 1, 1), persistent=False)
        parameters = inspect.signature(network.forward).parameters
        self._more: dict[str, bool] = {}
        if "interpolate_pos_encoding" in parameters and recipe.size_px != (recipe.config or {}).get("image_size"):
            self._more["interpolate_pos_encoding"] = True

    def forward(self, x: Tensor) -> Tensor:
        x = (x.expand(-1, len(self.recipe.mean), -1, -1) - self.mean) / self.std  # (B, C, S, S)
        pooled: Tensor = self._of_timm(x) if self.recipe.library == "timm" else self._of_hugging_face(x)
        return pooled

    def _of_timm(self, x: Tensor) -> Any:
        if self.recipe.pool == "own":
            return self.network(x)
        tokens: Tensor = self.network.forward_features(x)  # type: ignore[operator]  # (B, T, D), (B, D, h, w) of a CNN
        first = int(getattr(self.network, "num_prefix_tokens", 0))
        return _pooled(tokens, self.recipe.pool, first)

    def _of_hugging_face(self, x: Tensor) -> Any:
        given = self.network(pixel_values=x, **self._more)
        if self.recipe.pool == "own" and self.recipe.name in POOLED:
            return given.pooler_output
        first = 0
        if self.recipe.name not in WITHOUT_CLASS_TOKEN:
            first = 1 + int((self.recipe.config or {}).get("num_register_tokens", 0)) + (self.recipe.name == "deit")
        return _pooled(given.last_hidden_state, "cls" if self.recipe.pool == "own" else self.recipe.pool, first)


def _pooled(features: Tensor, pool: Pool, first: int) -> Tensor:
    """Features of a network to (B, D); the first tokens speak of no place in the picture."""
    if features.ndim != 3:
        raise UserError("This network has no tokens to choose from. Leave --pool away: it pools by itself.")
    if pool == "mean":
        return features[:, first:].mean(1)
    if not first:
        raise UserError("This network has no class token. Choose --pool own or --pool mean.")
    return features[:, 0]


def build(recipe: Recipe) -> Brought:
    """A network with initial weights.

    Raises:
        UserError: Its library is not installed, or does not know it.
    """
    try:
        network = _timm_network(recipe) if recipe.library == "timm" else _tower(recipe)
    except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError, KeyError) as error:
        raise UserError(f"The network {recipe.name} cannot be made: {in_one_line(error)}") from error
    return Brought(network, recipe).eval()


def load(info: EncoderInfo) -> Brought:
    """An encoder that was brought, with its weights as float32, in evaluation mode.

    Raises:
        UserError: The weights are missing or changed.
        NotInTorchError: PyTorch cannot run it here.
    """
    data = read_weights(info)
    try:
        length = int.from_bytes(data[:8], "little")
        recipe = Recipe.from_json(json.loads(data[8 : 8 + length])["__metadata__"][NETWORK])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"The encoder {info.title} does not say what network it is. Add it again.") from error
    if recipe.library == "onnx":
        raise NotInTorchError(f"The encoder {info.title} is an ONNX file, which PyTorch cannot run.")
    try:
        network = build(recipe)
        network.load_state_dict({key: _whole(value) for key, value in load_tensors(data).items()}, assign=True)
    except (UserError, SafetensorError, RuntimeError) as error:
        raise NotInTorchError(f"The encoder {info.title} cannot run in PyTorch here: {in_one_line(error)}") from error
    return network


def _whole(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


# ---------------------------------------------------------------------------------------------- timm


def timm_network(recipe: Recipe, tensors: dict[str, Tensor]) -> tuple[Brought, list[str]]:
    """A network of timm's with weights from a file, and the names of tensors in it that have no place there.

    Positions are interpolated to another input size, a classifier is left away, as timm does it.

    Raises:
        UserError: timm is not installed, does not know the architecture, or the weights do not fit it.
    """
    timm = library("timm")
    own = dict(_timm_config(recipe.name))
    tensors = _without_prefix(tensors, own.get("first_conv"))
    heads = own.get("classifier") or ()
    for head in (heads,) if isinstance(heads, str) else heads:
        for end in ("weight", "bias"):
            tensors.pop(f"{head}.{end}", None)
    unused: list[str] = []
    while True:
        more = {
            "state_dict": dict(tensors),
            "num_classes": 0,  # nothing is taken away but what was above: any other difference is an error
            "label_offset": 0,
            "custom_load": False,
            "input_size": (len(recipe.mean), recipe.size_px, recipe.size_px),
        }
        try:
            network = timm.create_model(
                recipe.name, pretrained=True, pretrained_cfg_overlay=more, **_timm_options(recipe, own)
            )
        except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError, KeyError) as error:
            extra = _unexpected(str(error))
            if "Missing key" in str(error) or "size mismatch" in str(error) or not extra & set(tensors):
                raise _no_fit(recipe.name, error) from error
            unused += sorted(extra & set(tensors))
            tensors = {key: value for key, value in tensors.items() if key not in extra}
        else:
            return Brought(network, recipe).eval(), unused


def timm_recipe(name: str, tensors: dict[str, Tensor], config: dict[str, Any]) -> Recipe:
    """An architecture of timm's as its own configuration and the first layer of the weights describe it.

    Args:
        name: The architecture, with or without the name of its weights ("vit_small_patch14_dinov2.lvd142m").
        tensors: The weights.
        config: What `config.json` says beside them, which counts more.

    Raises:
        UserError: timm is not installed, or does not know the architecture.
    """
    own = {**_timm_config(name), **config}
    first = own.get("first_conv")
    channels = 3
    if isinstance(first, str) and (weight := _without_prefix(tensors, first).get(f"{first}.weight")) is not None:
        channels = weight.shape[1] if weight.ndim == 4 else channels
    size = own.get("input_size") or (3, 224, 224)
    return Recipe("timm", name, int(size[-1]), *_of_channels(channels, own.get("mean"), own.get("std")))


def _timm_config(name: str) -> dict[str, Any]:
    timm = library("timm")
    if not timm.is_model(name.split(".")[0]):
        near = difflib.get_close_matches(name.split(".")[0], timm.list_models(), 5)
        hint = f" Near it are {', '.join(near)}." if near else ""
        raise UserError(f"timm {timm.__version__} has no architecture called {name}.{hint} See timm.list_models().")
    config: Any = timm.get_pretrained_cfg(name)
    return config.to_dict() if config is not None else {}


def _timm_options(recipe: Recipe, own: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {"num_classes": 0, "in_chans": len(recipe.mean)}
    if own.get("fixed_input_size") and recipe.size_px != (own.get("input_size") or (0,))[-1]:
        options["img_size"] = recipe.size_px
    return options


def _timm_network(recipe: Recipe) -> nn.Module:
    timm = library("timm")
    network: nn.Module = timm.create_model(
        recipe.name, pretrained=False, **_timm_options(recipe, _timm_config(recipe.name))
    )
    return network


def _without_prefix(tensors: dict[str, Tensor], first: str | Sequence[str] | None) -> dict[str, Tensor]:
    """The tensors of the network alone where it is a part of what was saved ("model.", "backbone.", "student.…")."""
    name = first if isinstance(first, str) else (first or ("",))[0]
    prefixes = sorted(
        (key.removesuffix(f"{name}.weight") for key in tensors if name and key.endswith(f"{name}.weight")), key=len
    )
    prefix = next((prefix for prefix in prefixes if not prefix or prefix.endswith(".")), "")
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _unexpected(message: str) -> set[str]:
    """Names in PyTorch's list of tensors without a place."""
    found = re.search(r"Unexpected key\(s\) in state_dict: (.*)", message)
    return set(re.findall(r'"([^"]+)"', found[1])) if found else set()


# ---------------------------------------------------------------------------------------------- Hugging Face


def hugging_face_recipe(folder: Path) -> Recipe:
    """What `config.json` and `preprocessor_config.json` of a folder describe.

    Raises:
        UserError: They are missing or damaged, or of a family that is not in TOWERS.
    """
    config = read_json(folder / "config.json")
    family = config.get("model_type")
    if family not in TOWERS:
        raise UserError(
            f"The network in {folder} is of the family {family}, which cannot be taken in. Those that can: "
            f"{', '.join(TOWERS)}. Export it to ONNX, and add that file."
        )
    tower = config["vision_config"] if family in ("siglip", "clip") and "vision_config" in config else config
    own = _defaults(family)(**{key: value for key, value in tower.items() if key not in ("model_type", "torch_dtype")})
    described = {key: value for key, value in own.to_diff_dict().items() if not key.startswith(("transformers", "_"))}
    described["image_size"] = own.image_size
    channels = int(own.num_channels)
    try:
        feed = read_json(folder / "preprocessor_config.json")
    except UserError:
        feed = {}
    size = _side(feed) or int(own.image_size)
    mean, std = feed.get("image_mean"), feed.get("image_std")
    if feed and not feed.get("do_normalize", True):
        mean, std = 0.0, 1.0
    if feed and not feed.get("do_rescale", True):  # fed with 0 to 255
        mean, std = 0.0 if mean is None else mean, 1.0 / 255
    return Recipe("hf", str(family), size, *_of_channels(channels, mean, std), config=described)


def hugging_face_network(recipe: Recipe, folder: Path) -> tuple[Brought, list[str]]:
    """A vision tower with the weights of a folder, and the names of tensors in it that have no place there.

    Raises:
        UserError: transformers is not installed, or the weights do not fit the configuration.
    """
    made: Any = getattr(library("transformers"), TOWERS[recipe.name])
    options = {} if recipe.name in POOLED or "dino" in recipe.name else {"add_pooling_layer": False}
    try:
        network, told = made.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            dtype=torch.float32,
            **options,
        )
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, SafetensorError) as error:
        raise _no_fit(recipe.name, error) from error
    wrong = [*told["missing_keys"], *(str(entry) for entry in told["mismatched_keys"])]
    if wrong:
        raise _no_fit(recipe.name, f"{len(wrong)} tensors are missing or of another shape, {', '.join(wrong[:4])}")
    unused = [key for key in told["unexpected_keys"] if not key.startswith(("text_model.", "logit_"))]
    return Brought(network, recipe).eval(), sorted(unused)


def _defaults(family: str) -> Any:
    made: Any = getattr(library("transformers"), TOWERS[family])
    return made.config_class


def _tower(recipe: Recipe) -> nn.Module:
    config = _defaults(recipe.name)(**(recipe.config or {}))
    made: Any = getattr(library("transformers"), TOWERS[recipe.name])
    options = {} if recipe.name in POOLED or "dino" in recipe.name else {"add_pooling_layer": False}
    network: nn.Module = made(config, **options)
    return network


def _side(feed: dict[str, Any]) -> int:
    """Side of the square a network is fed with; 0 where it is not said."""
    size = feed.get("crop_size") if feed.get("do_center_crop") and feed.get("crop_size") else feed.get("size")
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge") or 0
    return int(size or 0)


# ---------------------------------------------------------------------------------------------- for both


def library(name: str) -> ModuleType:
    """timm or transformers, imported. Raises UserError where it is not installed."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # both could fetch, and ask after what they have
    try:
        module = importlib.import_module(name)
        if name == "transformers":
            module.utils.logging.disable_progress_bar()
        return module
    except (ImportError, OSError) as error:
        raise UserError(
            f"Nothing was added: this needs {name}, which is not installed here or does not load ({error}). "
            'Install it: pip install "cxr-explorer[encoders]"'
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """A file of a model's folder. Raises UserError where it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no fields")
    except FileNotFoundError:
        raise UserError(f"{path} is missing. Copy the model's whole folder.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}. Copy the model's folder again.") from error
    return found


def in_one_line(error: object) -> str:
    """An error of a library's, short enough to be read."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}…"


def _of_channels(channels: int, mean: Any, std: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel: 0 and 1 where nothing is said, their mean for a grey network."""
    return _each(channels, 0.0 if mean is None else mean), _each(channels, 1.0 if std is None else std)


def _each(channels: int, values: Any) -> tuple[float, ...]:
    given = [float(value) for value in values] if isinstance(values, list | tuple) else [float(values)]
    return tuple(given) if len(given) == channels else (sum(given) / len(given),) * channels


def _no_fit(name: str, error: object) -> UserError:
    return UserError(
        f"Nothing was added: these weights do not fit a {name}: {in_one_line(error)}. Name the architecture they are "
        "of, or the file that belongs to it."
    )
