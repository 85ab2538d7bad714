"""Writes `graph.onnx` into the folder of a checkpoint: the network for ONNX Runtime, without the weights.

The graph names each tensor's place in `weights.safetensors`, so that weights are stored once, halves as halves (a cast
follows, which ONNX Runtime does at loading, as it folds the norms into the convolutions). The file is plain ONNX: any
program that reads external data runs it from the folder. Needs onnx and onnxscript (extras `encoders` and `train`).
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, numpy_helper
from onnxscript import optimizer
from torch import nn

from cxr_explorer.encoder.checkpoint import GRAPH_FILE, WEIGHTS_FILE, EncoderInfo, add_graph, read_encoder
from cxr_explorer.encoder.engine import INPUT, OUTPUT

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


def write_graph(directory: Path, graph: onnx.ModelProto, largest_inline: int | None = LARGEST_INLINE) -> EncoderInfo:
    """Writes a graph beside a checkpoint's weights as `graph.onnx` and enters its digest in `encoder.json`.

    Args:
        directory: The checkpoint.
        graph: Of INPUT (films, 1, S, S) to OUTPUT (films, D), its weights named as in the weights file.
        largest_inline: Bytes that what is not in the weights file may have; None sets no limit.

    Returns:
        The checkpoint as it is now. Its key stays: the numbers are those of the weights.
    """
    point_at_weights(graph, places(directory / WEIGHTS_FILE), largest_inline)
    tidy(graph)
    data = graph.SerializeToString(deterministic=True)
    path = directory / GRAPH_FILE
    path.write_bytes(data)
    onnx.checker.check_model(str(path))  # by path: it looks for the weights beside it
    add_graph(directory, hashlib.sha256(data).hexdigest())
    return read_encoder(directory)


def export(model: nn.Module, size_px: int, left: Sequence[str] = ()) -> onnx.ModelProto:
    """A network as a graph of "pixels" (films, 1, S, S) to "embeddings" (films, D), float32, any number of films.

    Args:
        model: In evaluation mode, on the CPU.
        size_px: S.
        left: Operations that are left to ONNX Runtime where they work on weights: their results are no weights of the
            network's, and would have to be stored beside them.
    """
    pixels = torch.zeros(2, 1, size_px, size_px)
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
    optimizer.fold_constants(  # ONNX Runtime joins layers only where it sees plain constants
        program.model, should_fold=lambda node: False if node.op_type in left else None
    )
    optimizer.remove_unused_nodes(program.model)
    graph = program.model_proto
    drop_zero_biases(graph)
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


def point_at_weights(
    model: onnx.ModelProto, stored: dict[str, Stored], largest_inline: int | None = LARGEST_INLINE
) -> None:
    """Replaces the values of weights by their places in WEIGHTS_FILE, with a cast where halves are stored of them."""
    casts = []
    for tensor in model.graph.initializer:
        place = stored.get(tensor.name)
        if place is None:
            fits = largest_inline is None or tensor.ByteSize() <= largest_inline
            assert fits, f"{tensor.name} is not in the weights file"
            continue
        name, shape = tensor.name, list(tensor.dims)
        halves = place.kind == "F16" and tensor.data_type == TensorProto.FLOAT
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
