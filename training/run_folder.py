"""The folder of one pretraining run: its settings, log, curve, the state to go on from, and the encoder so far.

config.json        the settings
log.jsonl          one line an epoch
loss.png           the loss of each epoch
last.safetensors   everything needed to go on: weights, optimiser, place in the run
skipped.txt        files that could not be read, and why
encoder/           a checkpoint as the app loads it
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write

STATE_FILE = "last.safetensors"
CONFIG_FILE = "config.json"
LOG_FILE = "log.jsonl"


@dataclass(frozen=True)
class Place:
    """How far a run has come.

    Attributes:
        epoch: Epochs completed.
        step: Batches of the present epoch completed.
        steps: Batches completed in all.
        elapsed_s: Time spent training, over all starts.
        images: How many images the run trains on.
    """

    images: int
    epoch: int = 0
    step: int = 0
    steps: int = 0
    elapsed_s: float = 0.0


def save_state(run: Path, model: nn.Module, optimiser: Optimizer, place: Place) -> None:
    """Replaces the state in one atomic rename: weights, optimiser and place always belong together.

    Raises:
        UserError: The folder cannot be written.
    """
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{key}": value for key, value in moments.items()}
    stored = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic_write(run / STATE_FILE) as stream:
        stream.write(save(stored, metadata={"place": json.dumps(asdict(place))}))


def load_state(run: Path, model: nn.Module, optimiser: Optimizer) -> Place:
    """Puts model and optimiser where `save_state` left them, and says how far that was.

    Raises:
        UserError: There is no state, or it is damaged or of another model.
    """
    path = run / STATE_FILE
    if not path.is_file():
        raise UserError(f"Cannot resume: {path} is missing. Start the run without --resume.")
    try:
        with safe_open(path, framework="pt") as file:
            tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no dict
            place = Place(**json.loads(file.metadata()["place"]))
        model.load_state_dict({key[6:]: value for key, value in tensors.items() if key.startswith("model.")})
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimiser."):
                _, number, name = key.split(".")
                state.setdefault(int(number), {})[name] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"Cannot resume from {path}: {error}. Start a new run in another folder.") from error
    return place


def make_folder(run: Path) -> None:
    """Makes the run's folder. Raises UserError when that is not possible."""
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {run}: {error.strerror or error}. Choose another place.") from error


def write_text(path: Path, text: str) -> None:
    """Replaces a text file. Raises UserError when the folder cannot be written."""
    with atomic_write(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, described: dict[str, Any]) -> None:
    """Replaces a JSON file. Raises UserError when the folder cannot be written."""
    write_text(path, json.dumps(described, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's object. Raises UserError when it cannot be read."""
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"Cannot read the settings {path}: {error}. Check the file.") from error
    if not isinstance(described, dict):
        raise UserError(f"Cannot read the settings {path}: not an object of names and values. Check the file.")
    return described


def read_log(run: Path, epochs: int) -> list[dict[str, Any]]:
    """The log's lines of the first so many epochs: what a kill left beyond the saved state will be logged again."""
    path = run / LOG_FILE
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # cut short by a kill
        if line["epoch"] <= epochs:
            lines.append(line)
    return lines


def write_log(run: Path, lines: list[dict[str, Any]]) -> None:
    """Replaces log and curve. Raises UserError when the folder cannot be written."""
    write_text(run / LOG_FILE, "".join(json.dumps(line) + "\n" for line in lines))
    with atomic_write(run / "loss.png") as stream:
        draw_curve([line["loss"] for line in lines]).save(stream, format="PNG")


def draw_curve(losses: list[float], width_px: int = 640, height_px: int = 360) -> Image.Image:
    """Loss by epoch as a line between its smallest and largest value, both written beside the axis."""
    picture = Image.new("RGB", (width_px, height_px), "white")
    pen = ImageDraw.Draw(picture)
    left, right, top, bottom = 64, width_px - 16, 24, height_px - 32
    pen.line([(left, top), (left, bottom), (right, bottom)], fill="black")
    finite = [loss for loss in losses if math.isfinite(loss)]
    if not finite:
        return picture
    low, high = min(finite), max(finite)
    span, last = (high - low) or 1.0, max(len(losses) - 1, 1)
    points = [
        (left + (right - left) * number / last, bottom - (bottom - top) * (loss - low) / span)
        for number, loss in enumerate(losses)
        if math.isfinite(loss)
    ]
    pen.line(points, fill=(0, 90, 160), width=2)
    for x, y in points:
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=(0, 90, 160))
    pen.text((4, top - 6), f"{high:.4g}", fill="black")
    pen.text((4, bottom - 6), f"{low:.4g}", fill="black")
    pen.text((left, bottom + 8), "1", fill="black")
    pen.text((right - 64, bottom + 8), f"{len(losses)} epochs", fill="black")
    pen.text((left + 8, 4), "loss", fill="black")
    return picture


def replace_folder(target: Path, fill: Callable[[Path], object]) -> None:
    """Fills a new folder and puts it in the place of an old one, so that a reader finds one whole or the other.

    Raises:
        UserError: The place cannot be written.
    """
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    try:
        for leftover in (fresh, old):
            if leftover.exists():
                shutil.rmtree(leftover)
        fill(fresh)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        if old.exists():
            shutil.rmtree(old)
    except OSError as error:
        raise UserError(
            f"Cannot write {target}: {error.strerror or error}. Free space or choose another folder."
        ) from error


def append_tensorboard(folder: Path) -> Callable[[dict[str, Any]], None]:
    """A function that adds a log line's numbers to TensorBoard events in the folder.

    Raises:
        UserError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "TensorBoard is not installed here. Run pip install tensorboard, or leave the option out."
        ) from error
    writer = SummaryWriter(str(folder))

    def append(line: dict[str, Any]) -> None:
        for key, value in line.items():
            if isinstance(value, int | float) and key != "epoch":
                writer.add_scalar(key, value, line["epoch"])
        writer.flush()

    return append
