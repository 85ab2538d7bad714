"""Takes an encoder of somebody else's in: from a file or folder to a checkpoint that the program runs.

What is written runs on ONNX Runtime alone, without the library the network came from.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import (
    CARD_FILE,
    WEIGHTS_FILE,
    EncoderInfo,
    added_folder,
    describe_further,
    known_encoders,
    read_encoder,
    write_description,
)
from cxr_explorer.encoder.file_model import is_of_file
from cxr_explorer.encoder.sample_films import sample_films
from cxr_explorer.encoder.trial import check_numbers, try_out
from cxr_explorer.errors import UserError
from cxr_explorer.files import make_private_folder
from cxr_explorer.images.preprocess import InputSpec

if TYPE_CHECKING:
    import onnx

    from cxr_explorer.encoder.brought import Brought, Pool, Recipe

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".tar", ".t7")

NOTHING_KNOWN = "Nothing is known of how well it sorts chest films."


@dataclass(frozen=True)
class Wish:
    """What the user says of an encoder; None leaves it to the file.

    Attributes:
        timm: Architecture of timm's, for a file of weights.
        name: Short, without spaces.
        title: For the reader.
        about: How it was trained and how well it does, in a sentence or two.
        licence: Of the weights.
        card: A model card, Markdown.
        size_px: Side of the square input.
        fit: See `InputSpec`.
        mean: What is taken from pixels in [0, 1], one number or one a channel.
        std: By what they are divided then.
        pool: "own", "cls" or "mean", see `brought.Pool`.
        output: Of an ONNX file with several.
        half: Store kernels as float16, half the size.
    """

    timm: str | None = None
    name: str | None = None
    title: str | None = None
    about: str | None = None
    licence: str | None = None
    card: Path | None = None
    size_px: int | None = None
    fit: Literal["squash", "pad"] = "squash"
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    pool: Pool | None = None
    output: str | None = None
    half: bool = False


@dataclass(frozen=True, eq=False)
class Added:
    """What was added.

    Attributes:
        info: The encoder.
        unused: Tensors of the file that have no place in the network.
        cosine: The smallest between graph and network, over the films it was tried on.
    """

    info: EncoderInfo
    unused: tuple[str, ...]
    cosine: float


@dataclass(frozen=True, eq=False)
class _Taken:
    """A network read from a file: what it is, what it gives for `sample_films`, its graph and its weights."""

    recipe: Recipe
    expected: NDArray[np.float32]
    graph: onnx.ModelProto
    network: Brought | None
    unused: tuple[str, ...] = ()


def add(where: Path, wish: Wish, out: Path | None = None) -> Added:
    """Makes a checkpoint of a file or folder and tries it, before it takes its place.

    Args:
        where: A `.safetensors` file (with `wish.timm`), a folder as Hugging Face's hub has it, or an `.onnx` file.
        wish: What the user says of it.
        out: Where the checkpoint is written; None puts it among the added encoders, under its name.

    Raises:
        UserError: It cannot be taken in; nothing is left behind then.
    """
    _refuse_pickles(where)
    _check_installed()
    name = _name_of(where, wish)
    place = out or added_folder() / name
    taken_names = [info.name for info in known_encoders()] if out is None else []
    if name in taken_names or place.exists():
        raise UserError(
            f"Nothing was added: there is an encoder in {place} or of the name {name} already. Choose another with "
            f"--name, or take that one out first: cxr-explorer encoder remove {name}"
        )
    try:
        make_private_folder(place.parent)
        made = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=place.parent))
    except OSError as error:
        raise UserError(f"Nothing was added: {place.parent} cannot be written ({error.strerror or error}).") from error
    try:
        with _quiet():
            taken = _take(where, wish)
            _write(made, taken, name, where, wish)
        cosine = try_out(read_encoder(made), taken.expected)
        made.rename(place)
    except OSError as error:
        raise UserError(f"Nothing was added: {place} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Added(read_encoder(place), taken.unused, cosine)


def remove(name: str) -> Path:
    """Takes an added encoder out, a damaged one too, and returns the folder that was deleted.

    Raises:
        UserError: There is none of that name, it ships with the program, or it cannot be deleted.
    """
    folders = {info.name: info.directory for info in known_encoders()}
    place = folders.get(name, added_folder() / name)
    if Path(name).name != name or not place.is_dir():
        raise UserError(
            f"Nothing was removed: no encoder called {name} was added. List them: cxr-explorer encoder list"
        )
    if place.parent != added_folder():
        raise UserError(f"Nothing was removed: {name} ships with the program.")
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise UserError(f"{place} cannot be deleted: {error.strerror or error}.") from error
    return place


@contextmanager
def _quiet() -> Iterator[None]:
    """The libraries keep to themselves what they would tell their makers; errors are raised all the same."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


# ---------------------------------------------------------------------------------------------- what it is


def _refuse_pickles(where: Path) -> None:
    """Raises UserError for what may hold a program, and where there is nothing."""
    if not where.exists():
        raise UserError(f"Nothing was added: there is no {where}. See how it is written.")
    pickled = [where] if where.is_file() else []
    if where.is_dir() and not list(where.glob("*.safetensors")):
        pickled = [path for path in sorted(where.iterdir()) if path.suffix in PICKLES]
    for path in pickled:
        with path.open("rb") as file:
            begins = file.read(2)
        if path.suffix.lower() in PICKLES or begins in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04"):
            named = path if path.suffix.lower() != ".safetensors" else path.with_suffix(".pt")
            rename = "" if named == path else f"rename it to {named.name} and "
            raise UserError(
                f"Nothing was added: {path.name} is a pickle, a format that can hold a program and is never opened "
                f"here. Where you trust who made it, {rename}turn it into safetensors:\n{conversion(named)}"
            )


def conversion(path: Path) -> str:
    """The one line that makes safetensors of a file of tensors, without running what else may be in it."""
    source, target = path.as_posix(), path.with_suffix(".safetensors").as_posix()
    code = (
        "import torch; from safetensors.torch import save_file; "
        f"d = torch.load({source!r}, map_location='cpu', weights_only=True); "
        "d = d.get('state_dict', d.get('model', d)); "
        f"save_file({{k: v.clone() for k, v in d.items() if torch.is_tensor(v)}}, {target!r})"
    )
    return f'python -c "{code}"'


def _check_installed() -> None:
    if getattr(sys, "frozen", False):
        raise UserError(
            "Nothing was added: this program was installed without what takes encoders in. Where CXR Explorer was "
            'installed by pip install "cxr-explorer[encoders]", add it with --out DIR; then choose that folder under '
            "Settings."
        )
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
        import torch  # noqa: F401
    except (ImportError, OSError) as error:
        raise UserError(
            f"Nothing was added: this needs packages that are not installed here or do not load ({error}). Install "
            'them: pip install "cxr-explorer[encoders]"'
        ) from error


def _name_of(where: Path, wish: Wish) -> str:
    name = wish.name
    if name is None:
        stem = where.resolve().name if where.is_dir() else where.stem
        name = wish.timm if wish.timm and stem in ("model", "pytorch_model", "weights") else stem
        name = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) or is_of_file(name):
        raise UserError(
            f"Nothing was added: {name!r} cannot be an encoder's name. Choose one of letters, digits, dots and hyphens "
            "with --name; “file-” at its beginning stands for embeddings that came in a file."
        )
    return name


def _take(where: Path, wish: Wish) -> _Taken:
    if where.is_dir():
        from cxr_explorer.encoder.brought import read_json

        config = read_json(where / "config.json")
        if wish.timm is None and "architecture" not in config:
            return _of_hugging_face(where, wish)
        weights = where / "model.safetensors"
        if not weights.is_file():
            raise UserError(f"Nothing was added: {weights} is missing. Copy the model's whole folder.")
        return _of_timm(weights, wish.timm or str(config["architecture"]), wish, config.get("pretrained_cfg") or {})
    if where.suffix.lower() == ".onnx":
        return _of_onnx(where, wish)
    if where.suffix.lower() != ".safetensors":
        raise UserError(
            f"Nothing was added: {where.name} is neither an ONNX file (.onnx) nor weights (.safetensors), nor a folder "
            "with a config.json."
        )
    if wish.timm is None:
        raise UserError(
            f"Nothing was added: {where.name} holds weights, but not what network they are of. Name timm's "
            "architecture with --timm, or give the folder that also holds the model's config.json."
        )
    return _of_timm(where, wish.timm, wish, {})


def _of_timm(weights: Path, architecture: str, wish: Wish, config: dict[str, Any]) -> _Taken:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from cxr_explorer.encoder import brought

    brought.library("timm")
    try:
        tensors = {key: value.float() for key, value in load_file(weights).items() if value.is_floating_point()}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{weights.name} cannot be read as safetensors: {brought.in_one_line(error)}") from error
    recipe = brought.timm_recipe(architecture, tensors, config)
    recipe = _as_wished(recipe, wish)
    return _of_torch(*brought.timm_network(recipe, tensors))


def _of_hugging_face(folder: Path, wish: Wish) -> _Taken:
    from cxr_explorer.encoder import brought

    brought.library("transformers")
    recipe = _as_wished(brought.hugging_face_recipe(folder), wish)
    return _of_torch(*brought.hugging_face_network(recipe, folder))


def _of_torch(network: Brought, unused: Sequence[str]) -> _Taken:
    import torch

    from cxr_explorer.encoder.graph import export

    films = sample_films(network.recipe.size_px)
    try:
        with torch.inference_mode():
            expected = np.concatenate([network(torch.from_numpy(film[None])).numpy() for film in films])
        if expected.ndim != 2:
            raise ValueError(f"it gives numbers of shape {expected.shape}, not a row a film")
        check_numbers(expected)
        graph = export(network, network.recipe.size_px, left=("Transpose",))
    except UserError:
        raise
    except Exception as error:  # of the network's own code, and of the exporter
        from cxr_explorer.encoder.brought import in_one_line

        raise UserError(
            f"Nothing was added: {network.recipe.name} does not run at {network.recipe.size_px} pixels, or cannot be "
            f"written as a graph: {in_one_line(error)}"
        ) from error
    return _Taken(network.recipe, expected, graph, network, tuple(unused))


def _of_onnx(path: Path, wish: Wish) -> _Taken:
    from cxr_explorer.encoder.foreign_graph import ForeignGraph, with_size

    foreign = ForeignGraph(path)
    recipe = _as_wished(with_size(foreign.recipe(), wish.size_px, path), wish)
    graph, expected = foreign.graph(recipe, wish.output)
    return _Taken(recipe, expected, graph, None)


def _as_wished(recipe: Recipe, wish: Wish) -> Recipe:
    """The recipe with what the user says in place of what the file says. Raises UserError where that makes no sense."""
    channels = len(recipe.mean)
    changed: dict[str, Any] = {}
    for field, values in (("mean", wish.mean), ("std", wish.std)):
        if values is not None:
            if len(values) not in (1, channels):
                raise UserError(
                    f"--{field} has {len(values)} numbers; the network has {channels} channel"
                    f"{'s' if channels > 1 else ''}. Give one number, or one a channel."
                )
            changed[field] = tuple(values) if len(values) == channels else (values[0],) * channels
    if wish.size_px is not None:
        changed["size_px"] = wish.size_px
    if wish.pool is not None:
        changed["pool"] = wish.pool
    wished = replace(recipe, **changed)
    if not all(np.isfinite(wished.mean)) or not all(value > 0 for value in wished.std) or wished.size_px < 16:
        raise UserError("--mean takes numbers, --std numbers above 0, --size at least 16 pixels.")
    return wished


# ---------------------------------------------------------------------------------------------- the checkpoint


def _write(folder: Path, taken: _Taken, name: str, where: Path, wish: Wish) -> None:
    from cxr_explorer.encoder.brought import NETWORK
    from cxr_explorer.encoder.graph import write_graph

    recipe = taken.recipe
    weights = folder / WEIGHTS_FILE
    metadata = {NETWORK: recipe.to_json()}
    if taken.network is not None:
        from safetensors.torch import save_file

        from cxr_explorer.encoder.model import tensors_of

        save_file(tensors_of(taken.network, wish.half), weights, metadata)
    else:
        from safetensors.numpy import save_file as save_arrays

        from cxr_explorer.encoder.foreign_graph import weights_of

        save_arrays(weights_of(taken.graph, wish.half), weights, metadata)
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    card, licence = _card_of(where, wish)
    about = wish.about or NOTHING_KNOWN
    write_description(
        folder,
        name=name,
        title=wish.title or name,
        architecture=recipe.architecture,
        dimension=taken.expected.shape[1],
        spec=InputSpec(recipe.size_px, wish.fit, 0.0, 1.0),
        training=about,
        weights_sha256=digest,
    )
    source = _source_of(recipe, where)
    describe_further(folder, source=source, licence=wish.licence or licence)
    (folder / CARD_FILE).write_text(
        card
        or f"# {wish.title or name}\n\n{about}\n\nMade from {source}; licence: "
        f"{wish.licence or licence or 'not named'}. {taken.expected.shape[1]} numbers a film, "
        f"{recipe.size_px} x {recipe.size_px} pixels, {len(recipe.mean)} channels, pooling: {recipe.pool}.\n",
        encoding="utf-8",
    )
    write_graph(folder, taken.graph, largest_inline=None)


def _source_of(recipe: Recipe, where: Path) -> str:
    kind = {"timm": f"timm's {recipe.name}", "hf": f"Hugging Face's {recipe.name}", "onnx": "ONNX"}[recipe.library]
    return f"{kind}, {where.resolve().name}"


def _card_of(where: Path, wish: Wish) -> tuple[str, str]:
    """The model card and the licence it names, both empty where there is none."""
    path = wish.card or (where / "README.md" if where.is_dir() else None)
    if path is None or (wish.card is None and not path.is_file()):
        return "", ""
    try:
        card = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Nothing was added: the card {path} cannot be read ({error}).") from error
    head = card[: card.find("\n---", 3)] if card.startswith("---") else ""
    named = dict(re.findall(r"^(license|license_name): *[\"']?([^\"'\n]+)", head, re.M))  # as Hugging Face's hub has it
    return card, named.get("license_name") or named.get("license", "")
