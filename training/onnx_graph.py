"""Writes `graph.onnx` into the folder of a checkpoint: the network for ONNX Runtime, without the weights.

    python -m training.onnx_graph FOLDER [FOLDER …]

The graph names each tensor's place in `weights.safetensors`, so that weights are stored once, halves as halves (a cast
follows, which ONNX Runtime does at loading, as it folds the norms into the convolutions). The file is plain ONNX: any
program that reads external data runs it from the folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, numpy_helper
from onnxscript import optimizer

from cxr_explorer.encoder.checkpoint import GRAPH_FILE, WEIGHTS_FILE, EncoderInfo, add_graph, read_encoder
from cxr_explorer.encoder.engine import INPUT, OUTPUT
from cxr_explorer.encoder.model import load_model
from cxr_explorer.errors import UserError

LARGEST_INLINE = 4096
"""Bytes a constant of the graph's own may have; a weight that was not found in the weights file is larger."""

TYPES = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16}
"""What weights are stored as, by safetensors' names."""


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies in the weights file: `start` and `length` in bytes, `kind` as in TYPES."""

    start: int
    length: int
    kind: str


def write_graph(directory: Path) -> EncoderInfo:
    """Writes `graph.onnx` beside a checkpoint's weights and enters its digest in `encoder.json`.

    Returns:
        The checkpoint as it is now. Its key stays: the numbers are those of the weights.

    Raises:
        UserError: The checkpoint cannot be loaded.
    """
    info = read_encoder(directory)
    graph = export(info)
    data = graph.SerializeToString(deterministic=True)
    path = directory / GRAPH_FILE
    path.write_bytes(data)
    onnx.checker.check_model(str(path))  # by path: it looks for the weights beside it
    add_graph(directory, hashlib.sha256(data).hexdigest())
    return read_encoder(directory)


def export(info: EncoderInfo) -> onnx.ModelProto:
    """The network as a graph of "pixels" (films, 1, S, S) to "embeddings" (films, D), float32, any number of films."""
    model = load_model(info, torch.device("cpu"))
    pixels = torch.zeros(2, 1, info.spec.size_px, info.spec.size_px)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own making
        program = torch.onnx.export(
            model,
            (pixels,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("films")},),
            dynamo=True,
            optimize=False,  # which would fold the norms into new weights
            verbose=False,
        )
    assert program is not None
    optimizer.fold_constants(program.model)  # ONNX Runtime joins layers only where it sees plain constants
    optimizer.remove_unused_nodes(program.model)
    graph = program.model_proto
    drop_zero_biases(graph)
    point_at_weights(graph, places(info.directory / WEIGHTS_FILE))
    tidy(graph)
    return graph


def places(weights: Path) -> dict[str, Stored]:
    """Where each tensor of a safetensors file lies, by name; the format: an 8-byte length, JSON, then the tensors."""
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {
        name: Stored(8 + length + entry["data_offsets"][0], entry["data_offsets"][1] - entry["data_offsets"][0], kind)
        for name, entry in header.items()
        if (kind := entry["dtype"]) in TYPES
    }


def point_at_weights(model: onnx.ModelProto, stored: dict[str, Stored]) -> None:
    """Replaces the values of weights by their places in WEIGHTS_FILE, with a cast where halves are stored."""
    casts = []
    for tensor in model.graph.initializer:
        place = stored.get(tensor.name)
        if place is None:
            assert tensor.ByteSize() <= LARGEST_INLINE, f"{tensor.name} is not in the weights file"
            continue
        name, shape = tensor.name, list(tensor.dims)
        halves = place.kind == "F16"
        tensor.Clear()
        tensor.name = f"{name}.stored" if halves else name
        tensor.dims.extend(shape)
        tensor.data_type = TYPES[place.kind]
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS_FILE), ("offset", place.start), ("length", place.length)):
            tensor.external_data.add(key=key, value=str(value))
        if halves:
            casts.append(onnx.helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def drop_zero_biases(model: onnx.ModelProto) -> None:
    """Takes out the zeros that the exporter adds in each convolution without a bias."""
    graph = model.graph
    zeros = {tensor.name for tensor in graph.initializer if not numpy_helper.to_array(tensor).any()}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[2] in zeros:
            del node.input[2]
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def tidy(model: onnx.ModelProto) -> None:
    """Leaves out what the exporter notes for its makers: names of nodes, shapes in between, where the code lies."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    model.graph.name = "encoder"
    model.graph.doc_string = ""
    for node in model.graph.node:
        node.ClearField("name")
        node.ClearField("doc_string")
        del node.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="python -m training.onnx_graph")
    parser.add_argument("folder", type=Path, nargs="+", help="checkpoints")
    for folder in parser.parse_args(arguments).folder:
        try:
            info = write_graph(folder)
        except UserError as error:
            print(error, file=sys.stderr)
            return 1
        size = (folder / GRAPH_FILE).stat().st_size
        print(f"{info.key}: {folder / GRAPH_FILE}, {size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
