"""Encoder architectures, their checkpoints, and the device they run on."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from cxr_explorer.encoder.brought import is_brought
from cxr_explorer.encoder.brought import load as load_brought
from cxr_explorer.encoder.checkpoint import (
    CARD_FILE,
    WEIGHTS_FILE,
    EncoderInfo,
    read_encoder,
    read_weights,
    write_description,
)
from cxr_explorer.encoder.resnet import resnet
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding, which pads more at the bottom and right when the sum is odd."""

    def forward(self, x: Tensor) -> Tensor:
        top, bottom = _same_padding(x.shape[-2], self.kernel_size[0], self.stride[0])
        left, right = _same_padding(x.shape[-1], self.kernel_size[1], self.stride[1])
        if top == bottom and left == right:  # a pad inside the convolution costs no copy
            return functional.conv2d(x, self.weight, self.bias, self.stride, (top, left), 1, self.groups)
        x = functional.pad(x, (left, right, top, bottom))
        return functional.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _conv_norm(before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = SameConv2d(before, after, kernel, stride, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(after, eps=1e-3, momentum=0.01)]


class MBConv(nn.Module):
    """Inverted bottleneck without squeeze-and-excitation: expand, depthwise, project, add where shapes allow."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = before * expand
        layers = [*_conv_norm(before, wide), nn.ReLU6(inplace=True)] if expand > 1 else []
        layers += [*_conv_norm(wide, wide, kernel, stride, groups=wide), nn.ReLU6(inplace=True)]
        layers += _conv_norm(wide, after)
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.residual else out


LITE0_STAGES = (  # expansion, channels, blocks, stride, kernel: EfficientNet-B0's table (arXiv 1905.11946, table 1)
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


_LITE0_KEPT = (5, 10, 14, 15)
"""Blocks whose output `EfficientNetLite0.stages` gives, of 80, 112, 192 and 320 channels."""


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 for one channel: (B, 1, H, W) to (B, 1280).

    B0 without squeeze-and-excitation and with ReLU6 for Swish, as published at
    https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
    """

    dimension = 1280
    stage_channels = (80, 112, 192, 320, 1280)
    placed_stages = (1, 2, 3)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv_norm(1, 32, 3, 2), nn.ReLU6(inplace=True))
        blocks: list[nn.Module] = []
        channels = 32
        for expand, after, repeats, stride, kernel in LITE0_STAGES:
            for i in range(repeats):
                blocks.append(MBConv(channels, after, kernel, stride if i == 0 else 1, expand))
                channels = after
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(*_conv_norm(channels, 1280), nn.ReLU6(inplace=True))

    def stages(self, x: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) of 80, 112, 192, 320 and 1280 channels: two at 1/16 of the side, three at 1/32."""
        x = self.stem(x)  # (B, 32, H/2, W/2)
        found = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in _LITE0_KEPT:
                found.append(x)
        return [*found, self.head(x)]  # the last: (B, 1280, H/32, W/32)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1].mean((2, 3))  # (B, 1280)


class Stages(nn.Module):
    """What all stages of one or more networks see, not a last one alone, as D components: (B, 1, H, W) to (B, D).

    Of every channel of every stage the mean and the standard deviation over the image, and of the middle stages also
    the mean in each field of a GRID x GRID division: chest radiographs lie alike, so where something is seen tells as
    much as that it is seen. Early stages tell textures and edges, which a last stage has given up for what its network
    was trained on. The projection is linear and fitted on radiographs without labels (`training/bundle.py`).

    Every network sees the input in its own size and normalisation: `sides` holds the side in pixels (0: as it comes),
    `gains` and `offsets` turn the checkpoint's normalisation into the network's.
    """

    dimension = 512
    GRID = 3

    sides: list[int]
    gains: Tensor
    offsets: Tensor

    def __init__(self, *bases: nn.Module) -> None:
        super().__init__()
        self.bases = nn.ModuleList(bases)
        self.sides = [0] * len(bases)  # plain numbers: shapes that hang on a tensor's value cannot be exported
        self.register_buffer("gains", torch.ones(len(bases)))
        self.register_buffer("offsets", torch.zeros(len(bases)))
        self.projection = nn.Linear(sum(self.widths()), self.dimension)

    def widths(self) -> list[int]:
        """How many numbers `pooled` gives, block by block: of each network means, deviations, and means by field."""
        widths = []
        for base in self.bases:
            channels = base.stage_channels
            assert isinstance(channels, tuple)
            placed = sum(channels[stage] for stage in base.placed_stages)  # type: ignore[union-attr]
            widths += [sum(channels), sum(channels), placed * self.GRID**2]
        return widths

    def pooled(self, x: Tensor) -> Tensor:
        """(B, sum of `widths`)."""
        blocks = []
        for number, base in enumerate(self.bases):
            side = self.sides[number]
            seen = x * self.gains[number] + self.offsets[number]
            if side and seen.shape[-2:] != (side, side):
                seen = functional.interpolate(seen, (side, side), mode="bilinear", antialias=True)
            stages: list[Tensor] = base.stages(seen)  # type: ignore[operator]
            placed = [stages[stage] for stage in base.placed_stages]  # type: ignore[union-attr]
            blocks += [stage.mean((2, 3)) for stage in stages]
            blocks += [stage.std((2, 3), unbiased=False) for stage in stages]
            blocks += [_field_means(stage, self.GRID) for stage in placed]
        return torch.cat(blocks, 1)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.projection(self.pooled(x))  # (B, D)
        return projected

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}sides"] = torch.tensor(self.sides)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, metadata: Any, strict: bool, missing: list[str], *lists: Any
    ) -> None:
        own = dict(state_dict)
        sides = own.pop(f"{prefix}sides", None)
        if sides is None or len(sides) != len(self.sides):
            missing.append(f"{prefix}sides")
        else:
            self.sides = [int(side) for side in sides]
        super()._load_from_state_dict(own, prefix, metadata, strict, missing, *lists)


def _field_means(stage: Tensor, grid: int) -> Tensor:
    """(B, C, h, w) to (B, C * grid²): `adaptive_avg_pool2d`, in slices, which other engines run as fast as PyTorch."""
    rows, columns = (
        [(part * side // grid, -(-(part + 1) * side // grid)) for part in range(grid)] for side in stage.shape[-2:]
    )
    fields = [stage[:, :, top:bottom, left:right].mean((2, 3)) for top, bottom in rows for left, right in columns]
    return torch.stack(fields, 2).flatten(1)


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: resnet(18),
    "resnet34": lambda: resnet(34),
    "resnet50": lambda: resnet(50),
    "efficientnet_lite0": EfficientNetLite0,
    "resnet18_stages": lambda: Stages(resnet(18)),
    "efficientnet_lite0_stages": lambda: Stages(EfficientNetLite0()),
    "efficientnet_lite0_resnet18_stages": lambda: Stages(EfficientNetLite0(), resnet(18)),
}
"""Untrained models by name: (B, 1, H, W) float32 to (B, D) pooled features, any H and W of 32 or more. Each says its D
as `dimension`."""


def dimension_of(model: nn.Module) -> int:
    """D, the length of an embedding, of a model of ARCHITECTURES: as it says itself, for an image costs a second."""
    dimension = model.dimension
    assert isinstance(dimension, int)
    return dimension


def load_model(info: EncoderInfo, device: torch.device) -> nn.Module:
    """The encoder with its weights as float32, in evaluation mode, on the device.

    Raises:
        UserError: The architecture is unknown, or the weights are missing, changed or of another architecture.
        NotInTorchError: It is a brought one that PyTorch cannot run here.
    """
    if is_brought(info.architecture):
        return load_brought(info).to(device)
    make = ARCHITECTURES.get(info.architecture)
    if make is None:
        raise UserError(
            f"The encoder {info.title} needs the architecture {info.architecture}, which this version does not have. "
            "Update the program, or choose another encoder."
        )
    data = read_weights(info)
    model = make()
    try:
        stored = {
            key: value.float() if value.is_floating_point() else value for key, value in load_tensors(data).items()
        }
        model.load_state_dict(stored, assign=True)
    except (SafetensorError, RuntimeError) as error:
        raise UserError(
            f"The weights {info.directory / WEIGHTS_FILE} do not fit a {info.architecture}: {error}. "
            "Copy the encoder's folder again."
        ) from error
    model.eval()
    if (dimension := dimension_of(model)) != info.dimension:
        raise UserError(
            f"The encoder {info.title} says it gives {info.dimension} numbers an image but gives {dimension}: its "
            "description was changed. Copy the encoder's folder again."
        )
    return model.to(device)


def save_checkpoint(
    directory: Path,
    model: nn.Module,
    *,
    name: str,
    title: str,
    architecture: str,
    spec: InputSpec,
    training: str,
    card: str,
    half: bool = True,
) -> EncoderInfo:
    """Writes a checkpoint directory and reads it back.

    Args:
        directory: Made where missing; files of an earlier checkpoint in it are replaced.
        model: As `ARCHITECTURES[architecture]` makes it.
        name: Short and stable, without spaces.
        title: For the reader.
        architecture: A key of ARCHITECTURES.
        spec: What the model was trained with.
        training: How it was trained, in a sentence or two.
        card: The model card, Markdown.
        half: Store kernels as float16, half the size. Vectors (batch norm) stay float32: variances may underflow.

    Returns:
        The checkpoint as `read_encoder` sees it.
    """
    data = dump_tensors(tensors_of(model, half))
    directory.mkdir(parents=True, exist_ok=True)
    (directory / WEIGHTS_FILE).write_bytes(data)
    (directory / CARD_FILE).write_text(card, encoding="utf-8")
    write_description(
        directory,
        name=name,
        title=title,
        architecture=architecture,
        dimension=dimension_of(model),
        spec=spec,
        training=training,
        weights_sha256=hashlib.sha256(data).hexdigest(),
    )
    return read_encoder(directory)


def tensors_of(model: nn.Module, half: bool) -> dict[str, Tensor]:
    """What is stored of a model, see `save_checkpoint`; no two of them share their memory."""
    return {
        key: (value.half() if half and value.ndim > 1 else value).detach().cpu().contiguous().clone()
        for key, value in model.state_dict().items()
    }


def fold_norms(model: nn.Module) -> nn.Module:
    """The model itself, in evaluation mode, with every batch norm folded into the convolution before it: equal output,
    fewer passes.

    A norm belongs to the convolution defined right before it in the same module, which holds for all ARCHITECTURES.
    Measured for Lite0 on two cores: 1.3 to 2 times the images a second.
    """
    model.eval()
    for module in list(model.modules()):
        children = list(module.named_children())
        for (_, conv), (norm_name, norm) in itertools.pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                assert norm.running_mean is not None and norm.running_var is not None
                conv.weight, conv.bias = fuse_conv_bn_weights(
                    conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
                )
                setattr(module, norm_name, nn.Identity())
    return model


def choose_device(name: str = "auto") -> torch.device:
    """The device for "auto", "cpu", "cuda" or "mps"; "auto" takes the first of cuda, mps, cpu that computes.

    Raises:
        UserError: The device asked for is not there or does not compute.
    """
    if name == "auto":
        return next(torch.device(kind) for kind in ("cuda", "mps", "cpu") if _computes(kind))
    if name not in ("cpu", "cuda", "mps"):
        raise UserError(f"There is no device called {name!r}. Choose auto, cpu, cuda or mps.")
    if not _computes(name):
        wanted = {"cuda": "An NVIDIA graphics card", "mps": "An Apple GPU"}[name]
        raise UserError(
            f"{wanted} ({name}) was asked for but is not usable here: it is absent, or its driver does not fit this "
            f"PyTorch ({torch.__version__}). Choose auto or cpu."
        )
    return torch.device(name)


def _computes(kind: str) -> bool:
    """Whether the device is there and runs a kernel: a card too old for the installed torch is "available" too."""
    if kind == "cpu":
        return True
    available = torch.cuda.is_available() if kind == "cuda" else torch.backends.mps.is_available()
    if not available:
        return False
    try:
        return float((torch.ones(2, device=kind) * 2).sum()) == 4.0
    except RuntimeError:
        return False
