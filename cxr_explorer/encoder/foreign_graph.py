"""An ONNX file of somebody else's, turned into the graph of an encoder: its input normalised, its output pooled.

Needs onnx (extra `encoders`). What is in the file is data: a graph holds no program of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from cxr_explorer.encoder.brought import Pool, Recipe, in_one_line
from cxr_explorer.encoder.engine import INPUT, OUTPUT
from cxr_explorer.encoder.graph import LARGEST_INLINE
from cxr_explorer.encoder.sample_films import sample_films
from cxr_explorer.errors import UserError

INSIDE = "net."
"""Before every name of the file's own, so that none is taken twice."""

FILMS = 3
"""How many films a pass is tried with."""

_AGAIN = "Export it once more so."


class ForeignGraph:
    """An ONNX file that takes pictures.

    Attributes:
        path: The file.
        model: What is in it, with all weights.
        channels: 1 or 3.
        size_px: Side of the square input; 0 where the file leaves it open.
    """

    def __init__(self, path: Path) -> None:
        """Raises UserError where it is no ONNX file, or takes something else than pictures."""
        self.path = path
        try:
            self.model = onnx.load(str(path))  # looks for weights in other files beside it, and nowhere else
            onnx.checker.check_model(str(path))
        except Exception as error:  # protobuf's, of several kinds
            raise UserError(f"{path.name} cannot be read as an ONNX file: {in_one_line(error)}") from error
        weights = {tensor.name for tensor in self.model.graph.initializer}
        inputs = [value for value in self.model.graph.input if value.name not in weights]
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs)
            raise UserError(
                f"{path.name} has {len(inputs)} inputs ({names}); an encoder has one, the picture. {_AGAIN}"
            )
        (self.input,) = inputs
        kind = self.input.type.tensor_type
        sides = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in kind.shape.dim]
        if kind.elem_type != TensorProto.FLOAT or len(sides) != 4 or sides[1] not in (1, 3):
            raise UserError(
                f"{path.name} takes {TensorProto.DataType.Name(kind.elem_type).lower()} of shape {_shape(self.input)}; "
                f"an encoder takes floats of (films, 1 or 3 channels, height, width). {_AGAIN}"
            )
        self.channels = sides[1]
        if sides[2] != sides[3]:
            raise UserError(f"{path.name} takes pictures of {sides[2]} x {sides[3]} pixels; they must be square.")
        self.size_px = sides[2]
        self.films = sides[0]

    def recipe(self) -> Recipe:
        """Without any normalisation; the size as the file has it, 0 where it leaves that open."""
        digest = hashlib.sha256(self.path.read_bytes())
        for tensor in self.model.graph.initializer:  # where weights lie in files beside it
            if tensor.ByteSize() <= LARGEST_INLINE:  # larger ones are stored as weights, which have one of their own
                digest.update(tensor.SerializeToString(deterministic=True))
        return Recipe("onnx", digest.hexdigest()[:16], self.size_px, (0.0,) * self.channels, (1.0,) * self.channels)

    def graph(self, recipe: Recipe, output: str | None) -> tuple[onnx.ModelProto, NDArray[np.float32]]:
        """The graph of an encoder with all its weights, and what the file itself gives for `sample_films`, pooled.

        Args:
            recipe: What it is fed, and how it is pooled.
            output: Which output is the embedding; None takes the only one.

        Raises:
            UserError: There is no such output, it cannot be pooled, or ONNX Runtime does not run the file.
        """
        name = self._output(output)
        size = recipe.size_px
        films = sample_films(size, FILMS)
        mean, std = _of_channels(recipe.mean), _of_channels(recipe.std)
        own = self._run(name, (np.repeat(films, self.channels, 1) - mean) / std)
        expected = pool(own, recipe.pool)
        graph = compose.add_prefix(self.model, INSIDE)
        graph.graph.CopyFrom(self._wrapped(graph.graph, INSIDE + name, own.ndim, recipe, expected.shape[1]))
        return graph, expected

    def _output(self, wanted: str | None) -> str:
        names = [str(value.name) for value in self.model.graph.output]
        if wanted is None and len(names) == 1:
            return names[0]
        if wanted in names:
            return str(wanted)
        asked = "" if wanted is None else f" called {wanted}"
        raise UserError(
            f"{self.path.name} has {'no output' if asked else 'several outputs'}{asked}. Name the one that is the "
            f"embedding with --output: {', '.join(names)}."
        )

    def _run(self, output: str, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the file itself gives, film by film: (B, …)."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        count = max(self.films, 1)
        try:
            session = onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
            (given,) = zip(
                *(session.run([output], {self.input.name: np.repeat(film[None], count, 0)}) for film in pixels),
                strict=True,
            )
        except Exception as error:  # ONNX Runtime's, of several kinds
            raise UserError(f"ONNX Runtime does not run {self.path.name}: {in_one_line(error)}") from error
        return np.stack([np.asarray(one, np.float32)[0] for one in given])

    def _wrapped(
        self, inner: onnx.GraphProto, output: str, rank: int, recipe: Recipe, dimension: int
    ) -> onnx.GraphProto:
        """The file's nodes between what normalises and what pools."""
        mean, std = _of_channels(recipe.mean), _of_channels(recipe.std)
        before = [
            helper.make_node("Concat", [INPUT] * self.channels, ["channels"], axis=1),
            helper.make_node("Sub", ["channels", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "std"], [INSIDE + self.input.name]),
        ]
        if rank == 3 and recipe.pool == "cls":
            after = [helper.make_node("Gather", [output, "first"], [OUTPUT], axis=1)]
        elif rank == 3:
            after = [
                helper.make_node("Transpose", [output], ["turned"], perm=[0, 2, 1]),
                helper.make_node("GlobalAveragePool", ["turned"], ["mean over the picture"]),
                helper.make_node("Flatten", ["mean over the picture"], [OUTPUT], axis=1),
            ]
        elif rank == 4:
            after = [
                helper.make_node("GlobalAveragePool", [output], ["mean over the picture"]),
                helper.make_node("Flatten", ["mean over the picture"], [OUTPUT], axis=1),
            ]
        else:
            after = [helper.make_node("Flatten", [output], [OUTPUT], axis=1)]
        constants: dict[str, NDArray[Any]] = {"mean": mean, "std": std, "first": np.array(0, np.int64)}
        size = recipe.size_px
        wrapped = helper.make_graph(
            [*before, *inner.node, *after],
            "encoder",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["films", 1, size, size])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["films", dimension])],
            [*inner.initializer, *(numpy_helper.from_array(value, name) for name, value in constants.items())],
        )
        wrapped.sparse_initializer.extend(inner.sparse_initializer)
        return wrapped


def weights_of(model: onnx.ModelProto, half: bool) -> dict[str, NDArray[np.generic]]:
    """The graph's numbers that are stored as weights, by name; `half` stores kernels as float16."""
    found: dict[str, NDArray[np.generic]] = {}
    for tensor in model.graph.initializer:
        if tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16) and tensor.ByteSize() > LARGEST_INLINE:
            values = numpy_helper.to_array(tensor)
            found[tensor.name] = values.astype(np.float16) if half and values.ndim > 1 else np.ascontiguousarray(values)
    return found


def pool(given: NDArray[np.float32], how: Pool) -> NDArray[np.float32]:
    """What a network gives, (B, D), (B, T, D) or (B, D, h, w), as (B, D). Raises UserError where that is not said."""
    if given.ndim == 2 and how == "own":
        return given
    if given.ndim == 4 and how in ("own", "mean"):
        return np.asarray(given.mean((2, 3)))
    if given.ndim == 3 and how != "own":
        return np.asarray(given[:, 0] if how == "cls" else given.mean(1))
    shape = f"(films, {', '.join(map(str, given.shape[1:]))})"
    if given.ndim == 3:
        raise UserError(
            f"The network gives numbers of shape {shape}. Say with --pool what becomes the embedding: cls, the first "
            "token, or mean, the mean of all."
        )
    raise UserError(f"The network gives numbers of shape {shape}, which --pool {how} does not pool.")


def with_size(recipe: Recipe, size_px: int | None, path: Path) -> Recipe:
    """The recipe with the size asked for. Raises UserError where the file has another, or none."""
    if not (size_px or recipe.size_px):
        raise UserError(f"{path.name} leaves the size of its input open. Say it with --size, in pixels.")
    if size_px and recipe.size_px and size_px != recipe.size_px:
        raise UserError(f"{path.name} takes {recipe.size_px} pixels, not {size_px}. Leave --size away.")
    return replace(recipe, size_px=size_px or recipe.size_px)


def _of_channels(values: tuple[float, ...]) -> NDArray[np.float32]:
    """(1, C, 1, 1)."""
    return np.array(values, np.float32).reshape(1, -1, 1, 1)


def _shape(value: onnx.ValueInfoProto) -> str:
    dims = value.type.tensor_type.shape.dim
    return f"({', '.join(str(dim.dim_value) if dim.HasField('dim_value') else dim.dim_param or '?' for dim in dims)})"
