"""A pretraining run's settings, from defaults, a file and the command line, as one frozen Config; and its schedule."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cxr_explorer.encoder.model import ARCHITECTURES
from cxr_explorer.errors import UserError
from training.augment import Augmentation
from training.run_folder import CONFIG_FILE, STATE_FILE, read_json

LENGTH = ("epochs", "minutes")
"""Settings that may change when a run is resumed: the schedule stretches or shrinks to the new length."""

_NOTES = """\
Several cards or machines: torchrun --nproc-per-node N -m training.pretrain …; --batch is the sum over all of them,
and every view is a negative for every other. There is no gradient accumulation on purpose: it would average the losses
of small batches, each with few negatives, which is not the loss of a large one. For more negatives use more memory,
--amp, smaller --input-px or more cards.

Pretraining leaves out the patients that training/data.py holds out for evaluation. Same-patient images are masked from
the negatives where patients are known. AdamW suits batches up to about 1,000; beyond that the literature uses LARS,
which is not here.
"""


def _setting(default: Any, text: str, *choices: str) -> Any:
    return field(default=default, metadata={"help": text, "choices": choices or None})


@dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes; each setting is an option of the command (see its metadata)."""

    arch: str = _setting("resnet18", "architecture of the encoder", *ARCHITECTURES)
    init: str = _setting(
        "random",
        "weights to begin with: random, imagenet (efficientnet_lite0 only), or a checkpoint folder, maybe a bundle",
    )
    loss: str = _setting("dcl", "NT-Xent, or its decoupled form", "nt_xent", "dcl")
    temperature: float = _setting(0.15, "what cosines are divided by")
    mask_patients: bool = _setting(True, "keep images of the same patient out of the negatives")
    positives: str = _setting("image", "the second view's image: the same, or another of the study", "image", "study")
    sources: tuple[str, ...] = _setting((), "train on these sources only (default: all)")
    input_px: int = _setting(112, "side of a view")
    local_views: int = _setting(0, "further small views of each image, of a part of it (multi-crop)")
    local_px: int = _setting(56, "side of such a view")
    final_px: int = _setting(
        0, "side of whole views in the last part of the run; local ones grow alike (default: no change)"
    )
    final_share: float = _setting(0.2, "that part, as a share of the run")
    cache_px: int = _setting(0, "side of the cached images (default: 9/7 of the largest view's)")
    batch: int = _setting(256, "images a step, over all processes")
    epochs: int = _setting(0, "length of the run in passes over the data")
    minutes: float = _setting(0.0, "length of the run in minutes of training, over all starts")
    lr: float = _setting(1e-3, "largest learning rate")
    encoder_lr_share: float = _setting(0.0, "the encoder's share of --lr (default: 1 from random weights, else 0.1)")
    weight_decay: float = _setting(1e-4, "of matrices and kernels; norms and biases have none")
    warmup: float = _setting(0.05, "share of the run in which the learning rate rises")
    head_width: int = _setting(512, "width of the projection head's hidden layer")
    head_out: int = _setting(128, "length of a projection")
    amp: str = _setting(
        "auto", "bfloat16 arithmetic; auto: on CUDA, and on a CPU where it measures faster", "auto", "on", "off"
    )
    device: str = _setting("auto", "where to compute", "auto", "cpu", "cuda", "mps")
    threads: int = _setting(0, "CPU threads (default: as torch chooses)")
    seed: int = _setting(0, "of all chance")
    probe_per_source: int = _setting(400, "images of each source to watch the training with")
    min_effective_rank: float = _setting(2.0, "below it, after the warm-up, the run has collapsed and stops")
    save_every_s: float = _setting(300.0, "seconds between two saved states within an epoch")
    export_every: int = _setting(1, "epochs between two exports of the encoder")
    name: str = _setting("", "name of the exported encoder (default: simclr-ARCH)")
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True)
class Options:
    """A run as asked for on the command line.

    Attributes:
        data: Manifest, release or folder.
        out: The run's folder.
        cache: Where decoded pixels lie.
        resume: Whether to go on from the saved state.
        tensorboard: Whether to write TensorBoard events as well.
        config: The settings.
    """

    data: Path
    out: Path
    cache: Path
    resume: bool
    tensorboard: bool
    config: Config


def parse(arguments: Sequence[str] | None) -> Options:
    """The command line as options; a resumed run keeps its settings.

    Raises:
        UserError: Settings are missing, unknown or contradict each other or the run to resume.
    """
    parser = argparse.ArgumentParser(
        prog="python -m training.pretrain",
        description="Pretrain an encoder on chest radiographs without labels (SimCLR).",
        epilog=_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="manifest, NIH or CheXpert release, or folder of images"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--cache", type=Path, help="folder for decoded pixels (default: cache/ beside the run's folder)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the state saved in the run's folder")
    parser.add_argument("--tensorboard", action="store_true", help="write TensorBoard events as well")
    parser.add_argument("--config", type=Path, help="JSON file of settings; the command line wins over it")
    for setting in fields(Config):
        if setting.name != "augmentation":
            _add(parser, setting.name, setting.default, setting.metadata["help"], setting.metadata["choices"])
    given = vars(parser.parse_args(arguments))
    out, resume = given["out"], given.get("resume", False)
    asked = read_json(given["config"]) if "config" in given else {}
    asked |= {setting.name: given[setting.name] for setting in fields(Config) if setting.name in given}
    if resume:
        stored = read_config(out)
        config = make_config(asked, stored)
        changed = [s.name for s in fields(Config) if getattr(config, s.name) != getattr(stored, s.name)]
        if fixed := [name for name in changed if name not in LENGTH]:
            raise UserError(f"Cannot resume {out} with another {fixed[0]}: the run keeps its settings. Leave it out.")
    else:
        config = make_config(asked, Config())
        if (out / STATE_FILE).exists():
            raise UserError(f"There is a run in {out} already. Add --resume to go on, or choose another folder.")
    return Options(
        data=given["data"],
        out=out,
        cache=given.get("cache", out.absolute().parent / "cache"),
        resume=resume,
        tensorboard=given.get("tensorboard", False),
        config=config,
    )


def read_config(run: Path) -> Config:
    """The settings a run was started with. Raises UserError when there is no run."""
    return make_config(read_json(run / CONFIG_FILE), Config())


def make_config(asked: dict[str, Any], base: Config) -> Config:
    """`base` with what was asked for.

    Raises:
        UserError: A name is unknown, a value is of the wrong kind or out of range, or the run has no one length.
    """
    asked = dict(asked)
    if len([name for name in LENGTH if asked.get(name)]) == 1:  # the one length replaces the other
        asked = dict.fromkeys(LENGTH, 0) | asked
    known = {setting.name: setting for setting in fields(Config)}
    for name, value in asked.items():
        if name not in known:
            raise UserError(f"There is no setting {name!r}. See --help for their names.")
        try:
            asked[name] = _convert(value, getattr(base, name))
        except (TypeError, ValueError) as error:
            raise UserError(f"The setting {name} cannot be {value!r}: {error}. See --help.") from error
    config = replace(base, **asked)
    for name, setting in known.items():
        choices = setting.metadata.get("choices")
        if choices and getattr(config, name) not in choices:
            raise UserError(f"The setting {name} is {getattr(config, name)!r}. Choose of {', '.join(choices)}.")
    _check(config)
    return config


def _check(config: Config) -> None:
    if (config.epochs > 0) == (config.minutes > 0):
        raise UserError("How long shall it train? Give either --epochs or --minutes.")
    for name in ("temperature", "input_px", "batch", "lr", "head_width", "head_out", "export_every", "save_every_s"):
        if not getattr(config, name) > 0:
            raise UserError(f"The setting {name} is {getattr(config, name)}. Give a number above 0.")
    if not 0 <= config.final_share <= 1:
        raise UserError(f"The setting final_share is {config.final_share}. Give a share of the run, 0 to 1.")
    if not 0 <= config.warmup < 1:
        raise UserError(f"The setting warmup is {config.warmup}. Give a share of the run, 0 to below 1.")
    if config.local_views < 0:
        raise UserError(f"The setting local_views is {config.local_views}. Give 0 or more.")
    if config.final_px < 0 or 0 < config.final_px < 32:
        raise UserError(f"The setting final_px is {config.final_px}. Give 32 or more, or 0 for no change.")
    if min(config.input_px, config.local_px) < 32:
        raise UserError(f"Views have {min(config.input_px, config.local_px)} px. The architectures need 32 or more.")


def cache_px(config: Config) -> int:
    """Side of the cached images: room for crops without magnifying much."""
    return config.cache_px or round(max(config.input_px, config.final_px) * 9 / 7)


def encoder_px(config: Config) -> int:
    """Side of the exported encoder's input: that of the views it was trained with last."""
    return config.final_px or config.input_px


def view_px(progress: float, config: Config) -> tuple[int, int]:
    """Sides of whole and of local views, with `progress` of the run over.

    Small views first, large ones last, costs less than large ones throughout and ends near them (progressive resizing;
    Touvron et al., NeurIPS 2019, arXiv 1906.06423, on why networks want larger pictures than they were trained with).
    """
    if not config.final_px or progress < 1 - config.final_share:
        return config.input_px, config.local_px
    return config.final_px, round(config.local_px * config.final_px / config.input_px)


def learning_rate(progress: float, config: Config) -> float:
    """Linear warm-up from 0, then half a cosine down to 0 (Loshchilov and Hutter, ICLR 2017).

    Args:
        progress: Share of the run that is over; values beyond 0..1 count as the nearest end.
        config: Peak and warm-up.
    """
    progress = min(max(progress, 0.0), 1.0)
    if progress < config.warmup:
        return config.lr * progress / config.warmup
    return config.lr * 0.5 * (1 + math.cos(math.pi * (progress - config.warmup) / (1 - config.warmup)))


def _add(parser: argparse.ArgumentParser, name: str, default: Any, text: str, choices: tuple[str, ...] | None) -> None:
    flag = "--" + name.replace("_", "-")
    if "default" not in text and default is not MISSING:
        text += f" (default: {default})"
    if isinstance(default, bool):
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
    elif isinstance(default, tuple):
        parser.add_argument(flag, nargs="+", help=text)
    else:
        parser.add_argument(flag, type=type(default), choices=choices, help=text)


def _convert(value: Any, like: Any) -> Any:
    """A value from JSON or the command line as the kind of the present value."""
    if isinstance(like, Augmentation):
        described = asdict(like) | dict(value)
        return Augmentation(**described | {name: tuple(described[name]) for name in ("area", "local_area")})
    if isinstance(like, tuple):
        return tuple(value)
    if isinstance(like, bool) or isinstance(value, bool):
        if type(value) is not type(like):
            raise TypeError("true or false is needed" if isinstance(like, bool) else "true and false have no place")
        return value
    if isinstance(like, float) and isinstance(value, int):
        return float(value)
    if type(value) is not type(like):
        raise TypeError(f"{type(like).__name__} is needed")
    return value


def as_json(config: Config) -> dict[str, Any]:
    """The settings as JSON can hold them; `make_config` reads them back."""
    return asdict(config)
