"""An encoder is tried on a few simulated films before it is taken in, and its speed is measured."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import EncoderInfo, describe_further
from cxr_explorer.encoder.engine import Engine, NoGraphError, OnnxEngine
from cxr_explorer.encoder.sample_films import sample_films
from cxr_explorer.errors import UserError

LEAST_COSINE = 0.9999
"""Between the embeddings of the graph and of the network it was made of."""

LARGEST_ERROR = 0.02
"""Of an embedding, in mean distances of films from their mean: the cosine alone is near 1 where all films are alike."""

SLOW_S = 0.2
"""Seconds a film from which on films go through one by one: a large network keeps a core busy with one, and its
activations for several fill gigabytes."""


_NO_NUMBERS = (
    "Nothing was added: the network gives values that are not numbers for simulated films. Are these the right "
    "weights, --mean and --std?"
)


def check_numbers(expected: NDArray[np.float32]) -> float:
    """The mean distance of embeddings (n, D) from their mean.

    Raises:
        UserError: They are no numbers, or the same for every film.
    """
    if not np.isfinite(expected).all():
        raise UserError(_NO_NUMBERS)
    spread = float(np.linalg.norm(expected - expected.mean(0), axis=1).mean())
    if spread <= 1e-5 * float(np.linalg.norm(expected, axis=1).mean()):
        raise UserError(
            "Nothing was added: the network gives the same numbers for every film. Are these the right weights, --mean "
            "and --std?"
        )
    return spread


def try_out(info: EncoderInfo, expected: NDArray[np.float32]) -> float:
    """Compares what the checkpoint gives with what the network gave, and measures how fast it is.

    Args:
        info: The checkpoint; the figures are entered in its description.
        expected: (n, D) what the network itself gives for the first n of `sample_films`.

    Returns:
        The smallest cosine of the two.

    Raises:
        UserError: It gives something else, no numbers, or the same for every film.
    """
    try:
        engine = OnnxEngine(info)
    except NoGraphError as error:
        raise UserError(f"Nothing was added: {error}.") from error
    films = sample_films(info.spec.size_px, len(expected))
    try:
        given = np.concatenate([engine.run(films[:2]), engine.run(films[2:])])
    except Exception as error:  # ONNX Runtime's
        from cxr_explorer.encoder.brought import in_one_line

        raise UserError(
            "Nothing was added: the network does not take several films at a time. Export it with an open first "
            f"dimension (dynamic_shapes or dynamic_axes). {in_one_line(error)}"
        ) from error
    spread = check_numbers(expected)
    if not np.isfinite(given).all():
        raise UserError(_NO_NUMBERS)
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(given, axis=1)
    cosine = float((np.einsum("nd,nd->n", expected, given) / np.maximum(lengths, 1e-30)).min())
    away = float(np.linalg.norm(expected - given, axis=1).max()) / spread
    if cosine < LEAST_COSINE or away > LARGEST_ERROR:
        raise UserError(
            f"Nothing was added: the graph gives other numbers than the network (cosine {cosine:.5f}, error {away:.2g} "
            "of what films differ by). With --half, leave that away; an ONNX file has to be exported with an "
            "open first dimension."
        )
    a_pass, speed = _measure(engine, films)
    describe_further(info.directory, films_per_second=speed, films_a_pass=a_pass)
    return cosine


def _measure(engine: Engine, films: NDArray[np.float32]) -> tuple[int, float]:
    """How many films a pass suit the encoder (0: as the program has it), and films a second on all threads.

    Counted is the processor's time, not the clock's: other work beside would make an encoder look slow for good.
    """
    start = time.process_time()
    engine.run(films[:1])
    slow = time.process_time() - start > SLOW_S
    batch = films[:1] if slow else np.resize(films, (8, *films.shape[1:]))
    with ThreadPoolExecutor(engine.threads) as pool:
        start = time.process_time()
        list(pool.map(engine.run, [batch] * engine.threads))
        seconds = (time.process_time() - start) / engine.threads
    speed = len(batch) * engine.threads / max(seconds, 1e-3)  # where the clock ticks slowly
    return int(slow), float(f"{speed:.2g}")
