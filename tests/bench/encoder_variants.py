"""Faster ways to run the default encoder, and what each costs a reader: speed beside the simulated reader's labels.

    python -m tests.bench.encoder_variants --data MANIFEST [--only WORD …] [--json]

For each variant, on patients whom training never saw: films a CPU second of the network alone (passes of 8, one thread,
variants taking turns; `ratio` over PyTorch's), the smallest cosine to what the plain network gives, the share of the 15
nearest neighbours that it finds as well, and the share of labels right over all images after 5 and 10 % were looked at
(`training.reader_simulation`: five runs; clusters of a map of the variant's own). The last line is JSON; its `ratio` is
the best variant's whose neighbours are the same.

Variants of input or stages keep the projection as it is, which was fitted without them. int8 is ONNX Runtime's static
quantisation, by channel, calibrated on 200 films of training patients. OpenVINO is tried where it is installed.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from cxr_explorer.atlas.build import BuiltMap, MapParameters, build_map
from cxr_explorer.atlas.neighbours import unit_rows
from cxr_explorer.encoder.checkpoint import GRAPH_FILE, EncoderInfo, default_encoder
from cxr_explorer.encoder.embed import CPU_PASS, decode_for
from cxr_explorer.encoder.engine import INPUT, OnnxEngine, TorchEngine
from cxr_explorer.encoder.model import Stages, fold_norms, load_model
from cxr_explorer.probes.features import prepare
from tests.bench.embed import NEIGHBOURS, neighbours
from training.data import Item, index, select
from training.simulated_reader import LOOKED, simulate

Floats = NDArray[np.float32]
Run = Callable[[Floats], Floats]
"""(B, 1, S, S) to (B, D), on one thread."""

CALIBRATION = 200
INT8 = {
    "int8, ResNet": r"bases\.1\.",
    "int8, ResNet and Lite0's 1x1 from block 5": r"bases\.1\.|bases\.0\.(head|blocks\.([5-9]|1\d)\.layers\.[06]\.)",
    "int8, all convolutions": r"bases\.",
}
"""Convolutions by the names of their weights; Lite0's depthwise ones and early blocks bear it badly."""

RATED = 64
"""Films that speed is measured on, each time a variant's turn comes."""


class Films(CalibrationDataReader):
    """What quantisation asks for its films."""

    def __init__(self, pixels: Floats) -> None:
        self._batches = iter(np.array_split(pixels, max(len(pixels) // CPU_PASS, 1)))

    def get_next(self) -> dict[str, Floats] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def session(model: Path) -> Run:
    """A graph with its weights in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    ready = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return lambda pixels: ready.run(None, {INPUT: pixels})[0]  # type: ignore[no-any-return]


def quantised(info: EncoderInfo, films: Floats, home: Path, wanted: str) -> Run:
    """The graph with those convolutions in int8 whose weights' names the pattern finds.

    Weights take 7 bits: with 8, processors without VNNI overflow and give other numbers than those with it.
    """
    plain, target = home / "plain.onnx", home / f"{abs(hash(wanted))}.onnx"
    if not plain.exists():
        whole = onnx.load(str(info.directory / GRAPH_FILE))  # with the weights
        for number, node in enumerate(whole.graph.node):
            node.name = f"{number}:{node.op_type}:{' '.join(node.input)}"
        onnx.save(whole, str(home / "whole.onnx"))
        quant_pre_process(str(home / "whole.onnx"), str(plain), skip_symbolic_shape=True)
    nodes = onnx.load(str(plain)).graph.node
    chosen = [node.name for node in nodes if node.op_type == "Conv" and re.search(wanted, node.name)]
    quantize_static(
        str(plain),
        str(target),
        Films(films),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_quantize=chosen,
    )
    return session(target)


def changed(info: EncoderInfo, change: Callable[[Stages], None], home: Path, name: str) -> Run:
    """The network after a change, in ONNX Runtime."""
    model = load_model(info, torch.device("cpu"))
    assert isinstance(model, Stages)
    change(model)
    model = fold_norms(model)
    torch.onnx.export(
        model,
        (torch.zeros(2, 1, info.spec.size_px, info.spec.size_px),),
        str(home / f"{name}.onnx"),
        input_names=[INPUT],
        dynamic_shapes=({0: torch.export.Dim("films")},),
        dynamo=True,
        verbose=False,
        external_data=False,
    )
    return session(home / f"{name}.onnx")


def see_smaller(side: int, model: Stages) -> None:
    """Feeds the ResNet with pictures of another side."""
    model.sides[1] = side


def leave_out(films: Floats, lost: Sequence[tuple[int, int]], model: Stages) -> None:
    """Takes stages out, (network, stage): the projection sees their mean over the films instead.

    Layers behind the last stage that is left are then not computed.
    """
    with torch.inference_mode():
        folded = fold_norms(copy.deepcopy(model))
        pooled = torch.cat([folded.pooled(part) for part in torch.from_numpy(films).split(CPU_PASS)]).mean(0)  # (F,)
    kept = np.ones(len(pooled), dtype=bool)
    start = 0
    for number, base in enumerate(model.bases):
        channels = base.stage_channels
        gone = {stage for network, stage in lost if network == number}
        for block in ("mean", "deviation", "placed"):
            fields = model.GRID**2 if block == "placed" else 1
            for stage in base.placed_stages if block == "placed" else range(len(channels)):
                width = channels[stage] * fields
                kept[start : start + width] = stage not in gone
                start += width
        remaining = [stage for stage in range(len(channels)) if stage not in gone]
        whole = base.stages
        base.stages = lambda x, whole=whole, remaining=remaining: [whole(x)[stage] for stage in remaining]
        base.placed_stages = tuple(remaining.index(stage) for stage in base.placed_stages if stage not in gone)
    weight, bias = model.projection.weight.data, model.projection.bias.data
    model.projection.bias.data = bias + weight[:, ~kept] @ pooled[~kept]
    model.projection.weight.data = weight[:, kept]


def openvino(info: EncoderInfo, precision: str) -> Run:
    """OpenVINO's own way with the same graph. Raises ImportError where it is not installed."""
    import openvino

    core = openvino.Core()
    model = core.compile_model(
        core.read_model(str(info.directory / GRAPH_FILE)),
        "CPU",
        {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": 1},
    )
    return lambda pixels: model(pixels)[0]  # type: ignore[no-any-return]


def variants(info: EncoderInfo, films: Floats, home: Path) -> Iterator[tuple[str, Callable[[], Run]]]:
    """Name and maker of each; `films` are those to calibrate on."""
    yield "PyTorch", lambda: one_thread(TorchEngine(info, "cpu"))
    yield "ONNX Runtime", lambda: OnnxEngine(info).run
    for name, wanted in INT8.items():
        yield name, partial(quantised, info, films, home, wanted)
    for side in (128, 112, 96):
        yield f"ResNet at {side} px", partial(changed, info, partial(see_smaller, side), home, f"{side}px")
    for name, lost in (
        ("without last stages", [(0, 4), (1, 2)]),
        ("without ResNet", [(1, 0), (1, 1), (1, 2)]),
    ):
        yield name, partial(changed, info, partial(leave_out, films, lost), home, name.replace(" ", "-"))
    for precision in ("f32", "bf16"):
        yield f"OpenVINO {precision}", partial(openvino, info, precision)


def one_thread(engine: TorchEngine) -> Run:
    engine.begin_thread()
    return engine.run


def embedded(run: Run, pixels: Floats, threads: int = 1) -> Floats:
    """(N, D), pass by pass."""
    parts = [pixels[first : first + CPU_PASS] for first in range(0, len(pixels), CPU_PASS)]
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(run, parts)))


def rate(run: Run, pixels: Floats) -> float:
    """Films a CPU second; of all threads, for one is asked of each library and some take more."""
    start = time.process_time()
    embedded(run, pixels)
    return len(pixels) / (time.process_time() - start)


def read_along(vectors: Floats, answers: NDArray[np.bool_], seeds: int) -> dict[str, list[float]]:
    """By share looked at: mean, least and most of the runs' shares of right labels."""
    steps = build_map(vectors, MapParameters(), "cpu")
    clusters = next(step.labels for step in steps if isinstance(step, BuiltMap))
    result = simulate(lambda seed: prepare([vectors], seed=seed), clusters, answers, seeds=range(seeds))
    found = {}
    for share in (0.05, 0.1):
        at = [points[LOOKED.index(share)].accuracy for points in result.chosen]
        found[f"{share:.0%}"] = [round(value, 4) for value in (mean(at), min(at), max(at))]
    return found


def seen(items: Sequence[Item], info: EncoderInfo) -> Floats:
    """(N, 1, S, S)."""
    return np.stack([decode_for(info.spec, item.path.read_bytes()).pixels for item in items])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="python -m tests.bench.encoder_variants")
    parser.add_argument("--data", type=Path, required=True, help="manifest with the sources nih and kermany")
    parser.add_argument("--only", nargs="+", help="variants with such a word, beside PyTorch and ONNX Runtime")
    parser.add_argument("--films", type=int, default=10_000, help="at most, a question (default: all held out)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5, help="turns that speed is measured in")
    parser.add_argument("--json", action="store_true", help="nothing but the last line")
    chosen = parser.parse_args(arguments)
    info = default_encoder()
    items = index(chosen.data)
    children = [item for item in select(items, ("kermany",), "test") if item.labels is not None]
    np.random.default_rng(1).shuffle(children)  # type: ignore[arg-type]
    adults = [item for item in select(items, ("nih",), "test") if item.view in ("AP", "PA")]
    trained = select(items, ("nih", "kermany", "rsna"), "train")
    children, adults = children[: chosen.films], adults[: chosen.films]
    order = np.random.default_rng(0).permutation(len(trained))[:CALIBRATION]
    print("reading", file=sys.stderr)
    calibration = seen([trained[number] for number in order], info)
    questions = {
        "pneumonia": (
            seen(children, info),
            np.array([any(label.startswith("Pneumonia") for label in item.labels or ()) for item in children]),
        ),
        "view": (seen(adults, info), np.array([item.view == "AP" for item in adults])),
    }
    runs: dict[str, Run] = {}
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as home:
        for name, make in variants(info, calibration, Path(home)):
            if chosen.only and name not in ("PyTorch", "ONNX Runtime") and not any(w in name for w in chosen.only):
                continue
            try:
                runs[name] = make()
            except ImportError:
                print(f"{name}: not installed", file=sys.stderr)
        speeds: dict[str, list[float]] = {name: [] for name in runs}
        for run in runs.values():
            run(calibration[:CPU_PASS])
        for _ in range(chosen.repeats):
            for name, run in runs.items():
                speeds[name].append(rate(run, calibration[:RATED]))
        if not chosen.json:
            print({name: round(median(rates), 1) for name, rates in speeds.items()}, flush=True)
        plain: dict[str, Floats] = {}  # the first one's embeddings, which are ONNX Runtime's
        for name, run in runs.items():
            if name == "PyTorch":
                continue  # the same as ONNX Runtime's, see tests.bench.embed
            said: dict[str, Any] = {
                "films_per_cpu_s": round(median(speeds[name]), 1),
                "ratio": round(median(a / b for a, b in zip(speeds[name], speeds["PyTorch"], strict=True)), 2),
            }
            for question, (pixels, answers) in questions.items():
                vectors = embedded(run, pixels, threads=2)
                plain.setdefault(question, vectors)
                pairs = zip(neighbours(vectors), neighbours(plain[question]), strict=True)
                same = [len(set(a) & set(b)) for a, b in pairs]
                cosines = (unit_rows(vectors) * unit_rows(plain[question])).sum(axis=1)
                said[question] = {
                    "least_cosine": round(float(cosines.min()), 7),
                    "equal_neighbours": round(sum(same) / (NEIGHBOURS * len(same)), 4),
                    **read_along(vectors, answers, chosen.seeds),
                }
            found[name] = said
            if not chosen.json:
                print(name, said, flush=True)
    equal = [said["ratio"] for said in found.values() if said["pneumonia"]["equal_neighbours"] > 0.999]
    print(json.dumps({"ratio": max(equal), **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
