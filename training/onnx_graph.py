"""Writes `graph.onnx` into the folder of a checkpoint of one of our own networks, see `encoder.graph`.

python -m training.onnx_graph FOLDER [FOLDER …]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import onnx  # noqa: F401  # of the extra `train`
import torch

from cxr_explorer.encoder import graph
from cxr_explorer.encoder.checkpoint import GRAPH_FILE, EncoderInfo, read_encoder
from cxr_explorer.encoder.model import load_model
from cxr_explorer.errors import UserError


def write_graph(directory: Path) -> EncoderInfo:
    """Writes the graph of a checkpoint's network beside its weights and returns the checkpoint as it is now.

    Raises:
        UserError: The checkpoint cannot be loaded.
    """
    info = read_encoder(directory)
    network = load_model(info, torch.device("cpu"))
    return graph.write_graph(directory, graph.export(network, info.spec.size_px))


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
