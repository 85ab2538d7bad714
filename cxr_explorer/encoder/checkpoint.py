"""Encoder checkpoints on disk: what they are and what they are fed, read without loading torch.

A checkpoint is a directory of three files: `encoder.json` (described by `read_encoder`), `weights.safetensors` and
`MODEL_CARD.md`; beside them lie `graph.onnx`, the network for ONNX Runtime (`training/onnx_graph.py`), and `chest.npz`,
see `chest_reference`, where they were made. Copying the directory copies the encoder.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from cxr_explorer.assets import asset
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import RENDERING_VERSION, InputSpec

FORMAT = 1
"""Raised when an older program could not load a checkpoint correctly."""

DEFAULT_ENCODER = "simclr-cxr"
"""Name of the bundled encoder that new projects use."""

DESCRIPTION_FILE = "encoder.json"
WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "MODEL_CARD.md"
GRAPH_FILE = "graph.onnx"


class NotInTorchError(UserError):
    """PyTorch cannot run this encoder here; ONNX Runtime may."""


@dataclass(frozen=True)
class EncoderInfo:
    """A checkpoint, as its `encoder.json` describes it.

    Attributes:
        directory: Where it lies.
        name: Short and stable ("imagenet-lite0").
        title: For the reader.
        architecture: A key of `model.ARCHITECTURES`.
        dimension: D, the length of an embedding.
        spec: What the encoder is fed.
        weights_sha256: Hex digest of the weights file, checked when the weights are loaded.
        key: Name and 12 hex digits over weights, input and rendering: embeddings with the same key are comparable.
        description: How it was trained, in a sentence or two.
        graph_sha256: Hex digest of `graph.onnx`; empty where there is none.
        source: Where an added encoder came from, in words; empty where it is not written down.
        licence: Of an added encoder, as its owner named it; empty where it is not known.
        films_per_second: How many films the network took on the machine it was added on; 0 where nobody measured.
        films_a_pass: How many films at a time suit it on a processor; 0 leaves that to the program.
    """

    directory: Path
    name: str
    title: str
    architecture: str
    dimension: int
    spec: InputSpec
    weights_sha256: str
    key: str
    description: str
    graph_sha256: str = ""
    source: str = ""
    licence: str = ""
    films_per_second: float = 0.0
    films_a_pass: int = 0

    def bytes_on_disk(self) -> int:
        """Size of the files in its folder; 0 where it was taken out meanwhile."""
        try:
            return sum(path.stat().st_size for path in self.directory.iterdir() if path.is_file())
        except OSError:
            return 0

    def costs(self) -> str:
        """What it costs, in words: length of an embedding, size on disk, and speed where it was measured."""
        megabytes = self.bytes_on_disk() / 1e6
        told = [f"{self.dimension:,} numbers an image", f"{max(megabytes, 0.1):,.{0 if megabytes > 10 else 1}f} MB"]
        if self.films_per_second:
            told.append(f"{self.films_per_second:,g} images a second on this machine's processor when it was added")
        return ", ".join(told)


def encoder_key(name: str, weights_sha256: str, spec: InputSpec) -> str:
    """The name and 12 hex digits that change with the weights, the input or the rendering of images."""
    parts = (weights_sha256, spec.size_px, spec.fit, float(spec.mean), float(spec.std), RENDERING_VERSION)
    return f"{name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]}"


def read_encoder(directory: Path) -> EncoderInfo:
    """Reads `encoder.json`; the weights are only looked for, not opened.

    Raises:
        UserError: No checkpoint there, a damaged one, or one of a newer format.
    """
    path = directory / DESCRIPTION_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"No encoder in {directory}: {DESCRIPTION_FILE} is missing. Choose the folder that holds it."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The encoder {path} cannot be read: {error}. Copy it again from its source.") from error
    try:
        described: dict[str, Any] = json.loads(text)
        found = int(described["format"])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise _damaged(path, error) from error
    if found > FORMAT:
        raise UserError(
            f"The encoder {path} has format {found}, this version knows format {FORMAT}: it was made by a newer "
            "version of the program. Update the program, or choose another encoder."
        )
    try:
        spec = _spec(described["input"])
        info = EncoderInfo(
            directory=directory,
            name=_text(described, "name"),
            title=_text(described, "title"),
            architecture=_text(described, "architecture"),
            dimension=int(described["dimension"]),
            spec=spec,
            weights_sha256=_text(described, "weights_sha256"),
            key=encoder_key(_text(described, "name"), _text(described, "weights_sha256"), spec),
            description=_text(described, "training"),
            graph_sha256=_text({"graph_sha256": "", **described}, "graph_sha256"),
            source=_text({"source": "", **described}, "source"),
            licence=_text({"licence": "", **described}, "licence"),
            films_per_second=float(described.get("films_per_second", 0.0)),
            films_a_pass=int(described.get("films_a_pass", 0)),
        )
        if info.dimension < 1:
            raise ValueError(f"dimension is {info.dimension}")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise _damaged(path, error) from error
    if not (directory / WEIGHTS_FILE).is_file():
        raise UserError(
            f"The encoder {info.title} has no weights: {directory / WEIGHTS_FILE} is missing. "
            "Copy the whole folder again."
        )
    return info


def write_description(
    directory: Path,
    *,
    name: str,
    title: str,
    architecture: str,
    dimension: int,
    spec: InputSpec,
    training: str,
    weights_sha256: str,
) -> None:
    """Writes `encoder.json`, and takes away an earlier graph; the other files are the caller's."""
    described = {
        "format": FORMAT,
        "name": name,
        "title": title,
        "architecture": architecture,
        "dimension": dimension,
        "input": {"size_px": spec.size_px, "fit": spec.fit, "mean": spec.mean, "std": spec.std},
        "training": training,
        "weights_sha256": weights_sha256,
    }
    (directory / GRAPH_FILE).unlink(missing_ok=True)
    _write(directory, described)


def add_graph(directory: Path, graph_sha256: str) -> None:
    """Enters the digest of `graph.onnx` into `encoder.json`; the file is the caller's."""
    describe_further(directory, graph_sha256=graph_sha256)


def describe_further(directory: Path, **more: str | float) -> None:
    """Enters fields of `EncoderInfo` into an `encoder.json` that is there."""
    described = json.loads((directory / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    _write(directory, {**described, **more})


def read_weights(info: EncoderInfo) -> bytes:
    """The weights file, checked against its digest.

    Raises:
        UserError: It cannot be read, or is another.
    """
    path = info.directory / WEIGHTS_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"The weights {path} cannot be read: {error}. Copy the encoder's folder again.") from error
    if hashlib.sha256(data).hexdigest() != info.weights_sha256:
        raise UserError(
            f"The weights {path} are not the ones its {info.name} description names: the file is damaged or was "
            "replaced. Copy the encoder's folder again."
        )
    return data


def bundled_encoders() -> list[EncoderInfo]:
    """The encoders that ship with the program, the default first, then by name.

    Raises:
        UserError: One of them is damaged: the installation is.
    """
    found = [read_encoder(path.parent) for path in sorted(asset("encoders").glob(f"*/{DESCRIPTION_FILE}"))]
    return sorted(found, key=lambda info: (info.name != DEFAULT_ENCODER, info.name))


def default_encoder() -> EncoderInfo:
    """The bundled encoder named DEFAULT_ENCODER. Raises UserError when it is missing or damaged."""
    return read_encoder(asset("encoders", DEFAULT_ENCODER))


def added_folder() -> Path:
    """Where the encoders lie that the user has added, each in a folder of its name. It may not be there."""
    return user_data_path("cxr-explorer", appauthor=False) / "encoders"


def known_encoders() -> list[EncoderInfo]:
    """The bundled encoders, then those the user has added, by name; damaged ones of these are left out.

    Raises:
        UserError: A bundled one is damaged: the installation is.
    """
    return [*bundled_encoders(), *_added()[0]]


def damaged_encoders() -> list[tuple[Path, str]]:
    """Folders of added encoders that cannot be used, each with the reason."""
    return _added()[1]


def encoder_of(name: str | None) -> EncoderInfo:
    """An encoder by its name, or one of a folder; the default one for None. Raises as `read_encoder`."""
    if name is None:
        return default_encoder()
    for info in known_encoders():
        if info.name == name:
            return info
    for folder, _reason in damaged_encoders():
        if folder.name == name:
            return read_encoder(folder)  # which says what is wrong with it
    if not Path(name).exists():
        raise UserError(
            f"There is no encoder called {name}, and no such folder. List those there are: cxr-explorer encoder list"
        )
    return read_encoder(Path(name))


def encoder_with_key(key: str) -> EncoderInfo | None:
    """The known encoder whose embeddings have this key; None where there is none, or it was removed."""
    return next((info for info in known_encoders() if info.key == key), None)


def _added() -> tuple[list[EncoderInfo], list[tuple[Path, str]]]:
    sound: list[EncoderInfo] = []
    damaged: list[tuple[Path, str]] = []
    try:
        folders = sorted(path for path in added_folder().iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:  # nobody has added one, or the folder cannot be read
        folders = []
    for folder in folders:
        try:
            sound.append(read_encoder(folder))
        except UserError as error:
            damaged.append((folder, str(error)))
    return sound, damaged


def _write(directory: Path, described: dict[str, Any]) -> None:
    text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    (directory / DESCRIPTION_FILE).write_text(text, encoding="utf-8")


def _spec(described: dict[str, Any]) -> InputSpec:
    spec = InputSpec(
        size_px=int(described["size_px"]),
        fit=described["fit"],
        mean=float(described["mean"]),
        std=float(described["std"]),
    )
    if (
        spec.fit not in ("squash", "pad")
        or spec.size_px < 1
        or not (math.isfinite(spec.mean) and 0 < spec.std < math.inf)
    ):
        raise ValueError(f"the input is described as {described}")
    return spec


def _text(described: dict[str, Any], key: str) -> str:
    value = described[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is not a text")
    return value


def _damaged(path: Path, error: Exception) -> UserError:
    reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return UserError(f"The encoder {path} is damaged: {reason}. Copy it again from its source.")
