"""Are few labels enough? Our probe against networks trained end to end, by share of the labels, on held-out patients.

    python -m training.few_labels --data MANIFEST_OR_DIR --encoder DIR … --out RUN [--json]

Every method gets the labels of the same patients: of each draw the first 1, 2, 5 … 100 % of the training patients in
one random order. Compared are

- the program's own probe on the embeddings of each encoder, the first named being ours; how freely it may bend is
  chosen by cross-validation on the drawn labels alone. Its features come from all films of the source, as in a project,
  so from those of held-out patients too, though never their labels; `NAME, linear` is ours without them;
- `scratch`, a ResNet-18 from random weights, and `imagenet`, an EfficientNet-Lite0 from ImageNet weights, both trained
  end to end until a fifth of the drawn patients, kept apart, sees nothing get better.

All are judged on the held-out patients of `training.data`. RUN gets a file for every source, method, share and draw; a
run that was stopped, or ended by `--hours`, goes on where it was. results.json, results.csv and few-labels.svg say what
there is so far.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.assets import asset
from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.probes.features import prepare
from cxr_explorer.probes.logistic import fit_logistic, sigmoid
from training.cache import cached_pixels
from training.data import Item, index, select
from training.embeddings import embed_items, random_encoder
from training.label_curves import Point, summarise, to_csv, to_text
from training.label_plot import draw
from training.probes import choose_freedom, probe_features
from training.supervised import Recipe, learn_until_level
from training.tasks import Question, Subject, subjects

SHARES = (0.1, 1.0, 0.01, 0.5, 0.05, 0.2, 0.02)
"""Of the training patients; in the order in which they are computed, so that an early end leaves a coarse picture."""

FEWEST_POSITIVES = 50
"""Images with a finding, among the held-out ones and among the others, below which its curve would be noise."""

KEPT_APART = 0.2
"""Share of the drawn patients that a network is stopped by."""

FEWEST_APART = 10
"""Drawn patients below which none is kept apart: the network then takes all its steps."""

SCRATCH, IMAGENET = "scratch", "imagenet"

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Field:
    """One source as all methods see it.

    Attributes:
        source: Its name.
        items: Its images: those to learn from, no more than asked for, and those held out.
        test: (n,) held out.
        patients: (n,) numbers of patients.
        questions: What is asked.
    """

    source: str
    items: tuple[Item, ...]
    test: Mask
    patients: NDArray[np.int64]
    questions: tuple[Question, ...]

    def key(self) -> str:
        """Changes with the images, their split and what is asked."""
        text = hashlib.sha256(self.source.encode())
        for item, test in zip(self.items, self.test.tolist(), strict=True):
            text.update(f"{item.path.name}\t{item.patient}\t{test}\n".encode())
        for question in self.questions:
            text.update(question.name.encode() + question.truth.tobytes())
        return text.hexdigest()


@dataclass(frozen=True)
class Method:
    """A way from labels to scores.

    Attributes:
        name: Short; names its folder.
        key: Changes when its scores would.
        dear: Whether it trains a network.
        scores: Field, rows drawn (n,), seed to ((t, Q) scores of the held-out rows, what else is to be kept).
    """

    name: str
    key: str
    dear: bool
    scores: Callable[[Field, Mask, int], tuple[NDArray[np.float64], dict[str, object]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns 0, or 1 after a user error."""
    parser = argparse.ArgumentParser(
        prog="python -m training.few_labels",
        description=__doc__.splitlines()[0],
    )
    parser.add_argument("--data", type=Path, required=True, help="manifest, or folder of a data set")
    parser.add_argument("--encoder", type=Path, nargs="+", required=True, help="checkpoint folders, ours first")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; one that exists is gone on with")
    parser.add_argument("--sources", nargs="+", default=[], help="sources of the data to use (default: all)")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=list(SHARES), help="of the training patients, 0 to 1"
    )
    parser.add_argument("--draws", type=int, default=5, help="of patients (default: 5)")
    parser.add_argument("--most-films", type=int, default=0, help="to learn from, a source; 0: all (default)")
    parser.add_argument("--size", type=int, default=112, help="input side of the trained networks (default: 112)")
    parser.add_argument("--bfloat16", action="store_true", help="the ResNet-18 computes so: faster on some processors")
    parser.add_argument("--methods", nargs="+", default=[], help="compute these alone (default: all)")
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap (default: 1000)")
    parser.add_argument("--hours", type=float, default=float("inf"), help="begin nothing after that time")
    parser.add_argument("--plot", type=Path, help="draw the picture here (default: few-labels.svg in the run's folder)")
    parser.add_argument("--device", default="auto", help="where encoders compute")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    if not all(0 < share <= 1 for share in chosen.shares) or chosen.draws < 1:
        parser.error("--shares are above 0 and at most 1, and --draws at least 1")
    try:
        fields = lay_out(select(index(chosen.data), chosen.sources), chosen.most_films)
        methods = [*probes(fields, chosen.encoder, chosen.out, chosen.device)]
        methods += networks(fields, chosen.out, chosen.size, chosen.bfloat16)
        if unknown := set(chosen.methods) - {method.name for method in methods}:
            known = ", ".join(method.name for method in methods)
            raise UserError(f"There is no method {min(unknown)!r}. Choose of {known}.")
        wanted = [method for method in methods if not chosen.methods or method.name in chosen.methods]
        for field, method, share, number in order(fields, wanted, chosen.shares, chosen.draws):
            if time.monotonic() - began > 3600 * chosen.hours:
                print("The time is up: the rest is left for the next run.", file=sys.stderr)
                break
            compute(chosen.out, field, method, share, number)
    except UserError as error:
        print(f"few_labels: {error}", file=sys.stderr)
        return 1
    points = list(read_points(chosen.out, fields, methods, chosen.shares, chosen.draws))
    result = summarise(points, [method.name for method in methods], chosen.resamples)
    for name, text in (("results.json", json.dumps(result, indent=1)), ("results.csv", to_csv(result))):
        with atomic_write(chosen.out / name) as stream:
            stream.write(text.encode())
    with atomic_write(chosen.plot or chosen.out / "few-labels.svg") as stream:
        stream.write(draw(result).encode())
    print(to_text(result))
    if chosen.json:
        print(json.dumps(result))
    return 0


def lay_out(items: Sequence[Item], most_films: int = 0) -> list[Field]:
    """The sources with something to ask, each with its view, whether it is normal, and its frequent findings.

    Of a source with one of several classes an image it is asked only whether it is normal: which class else is another
    kind of question.

    Args:
        items: Of any sources.
        most_films: Images to learn from, of patients drawn at random; 0: all.

    Raises:
        UserError: No source can be judged, or one patient is on both sides.
    """
    known = [item for item in items if item.labels is not None]
    fields = []
    for subject in subjects(known):
        questions = [question for question in subject.questions if _frequent(question, subject)]
        if questions:
            kept = subject.test | _some(subject.patients, ~subject.test, most_films)
            fields.append(
                Field(
                    subject.source,
                    tuple(known[row] for row in subject.rows[kept]),
                    subject.test[kept],
                    subject.patients[kept],
                    tuple(Question(one.name, one.truth[kept], one.finding) for one in questions),
                )
            )
    if not fields:
        raise UserError("No source has a question with enough images of both answers. Choose other data.")
    return fields


def _frequent(question: Question, subject: Subject) -> bool:
    if not question.finding:
        return True
    counts = (question.truth & subject.test).sum(), (question.truth & ~subject.test).sum()
    return subject.classes is None and min(counts) >= FEWEST_POSITIVES


def _some(patients: NDArray[np.int64], train: Mask, most: int) -> Mask:
    """(n,) the training rows of as many patients, in random order, as have `most` rows together; 0: all."""
    if not 0 < most < train.sum():
        return train
    people, counts = np.unique(patients[train], return_counts=True)
    order = np.random.default_rng(0).permutation(len(people))
    taken = people[order[np.cumsum(counts[order]) <= most]]
    return train & np.isin(patients, taken)


def draw_rows(field: Field, share: float, number: int) -> Mask:
    """(n,) the rows of a share of the training patients, two at least; of one number a smaller share is in a larger."""
    people = np.unique(field.patients[~field.test])
    order = np.random.default_rng((1, number)).permutation(people)
    return ~field.test & np.isin(field.patients, order[: max(2, round(share * len(people)))])


def split_drawn(field: Field, drawn: Mask, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that a network learns from, and those that it is stopped by: of other patients, maybe none."""
    people = np.unique(field.patients[drawn])
    apart = np.random.default_rng((2, number)).permutation(people)[: round(KEPT_APART * len(people))]
    check = drawn & np.isin(field.patients, apart if len(people) >= FEWEST_APART else ())
    return np.flatnonzero(drawn & ~check), np.flatnonzero(check)


def probes(fields: Sequence[Field], encoders: Sequence[Path], out: Path, device: str) -> Iterator[Method]:
    """The probe on each encoder, the bundled ImageNet one and random weights; of the first, without its kernel too.

    Raises:
        UserError: An encoder or an image cannot be used.
    """
    every = [*encoders, asset("encoders", "imagenet-lite0")]
    every.append(random_encoder(out / "encoders" / "random-resnet18").directory)
    keys = dict.fromkeys(read_encoder(directory).key for directory in every)
    by_key = {read_encoder(directory).key: directory for directory in every}
    names: set[str] = set()
    for place, key in enumerate(keys):
        name = read_encoder(by_key[key]).name
        if name in names:
            raise UserError(f"Two different encoders are called {name!r}. Give one of them another name.")
        names.add(name)
        vectors = {
            field.source: embed_items(field.items, by_key[key], out / "embeddings", device).vectors for field in fields
        }
        yield Method(name, key, False, _probe(vectors, kernel=True))
        if place == 0:
            yield Method(f"{name}, linear", f"{key} linear", False, _probe(vectors, kernel=False))


def _probe(
    vectors: Mapping[str, Floats], kernel: bool
) -> Callable[[Field, Mask, int], tuple[NDArray[np.float64], dict[str, object]]]:
    made: dict[str, NDArray[np.float64]] = {}

    def scores(field: Field, drawn: Mask, _seed: int) -> tuple[NDArray[np.float64], dict[str, object]]:
        if field.source not in made:
            rows = vectors[field.source]
            features = prepare(rows.copy()) if kernel else probe_features(rows, ~field.test)
            made[field.source] = np.asarray(features, dtype=np.float64)
        columns = made[field.source]
        found = np.zeros((int(field.test.sum()), len(field.questions)))
        freedoms = {}
        for column, question in enumerate(field.questions):
            answers = question.truth[drawn].astype(np.float64)
            if 0 < answers.sum() < len(answers):
                freedom = choose_freedom(columns[drawn], answers, field.patients[drawn])
                weights, bias = fit_logistic(columns[drawn], answers, freedom)
                found[:, column] = sigmoid(columns[field.test] @ weights + bias)
                freedoms[question.name] = freedom
        return found, {"freedom": freedoms}

    return scores


def networks(fields: Sequence[Field], out: Path, size_px: int, bfloat16: bool) -> Iterator[Method]:
    """The networks trained end to end, one a source with an output a question."""
    recipes = {
        SCRATCH: Recipe(bfloat16=bfloat16),
        IMAGENET: Recipe(weights=asset("encoders", "imagenet-lite0"), learning_rate=3e-4),
    }
    pixels: dict[str, NDArray[np.uint8]] = {}

    def learn(recipe: Recipe, field: Field, drawn: Mask, number: int) -> tuple[NDArray[np.float64], dict[str, object]]:
        if field.source not in pixels:
            cache = cached_pixels([item.path for item in field.items], out / "pixels", size_px)
            if cache.skipped:
                path, reason = cache.skipped[0]
                raise UserError(f"Cannot read {path}: {reason} Or take it out of the data.")
            pixels[field.source] = np.asarray(cache.pixels[cache.rows])
        targets = np.stack([question.truth for question in field.questions], axis=1)  # (n, Q)
        train, check = split_drawn(field, drawn, number)
        held = np.flatnonzero(field.test)
        learnt = learn_until_level(pixels[field.source], targets, train, check, held, recipe, seed=number)
        both = targets[drawn].any(axis=0) & ~targets[drawn].all(axis=0)
        facts = {"steps": learnt.steps, "planned": learnt.planned, "best": learnt.best.tolist()}
        return np.where(both, learnt.scores, 0.0), facts

    for name, recipe in recipes.items():
        start = read_encoder(recipe.weights).key if recipe.weights else "random"
        settings = [f"{field}={value}" for field, value in vars(recipe).items() if field != "weights"]
        key = " ".join([start, f"{size_px}px", *settings])
        yield Method(name, key, True, lambda field, drawn, number, how=recipe: learn(how, field, drawn, number))  # type: ignore[misc]


def order(
    fields: Sequence[Field], methods: Sequence[Method], shares: Sequence[float], draws: int
) -> Iterator[tuple[Field, Method, float, int]]:
    """What is to be computed: all that is cheap; then all shares of the first draw, then those of the second …"""
    for dear in (False, True):
        for number in range(draws):
            for share in shares:
                for field in fields:
                    for method in methods:
                        if method.dear == dear:
                            yield field, method, share, number


def place_of(out: Path, field: Field, method: Method, share: float, number: int) -> Path:
    """The file of one point: of a probe one for all draws of all patients, which are the same."""
    number = number if method.dear or share < 1 else 0
    names = [re.sub(r"[^\w.]+", "-", name) for name in (field.source, method.name)]
    return out / "points" / names[0] / names[1] / f"{share:g}-{number}.json"


def compute(out: Path, field: Field, method: Method, share: float, number: int) -> None:
    """Writes the point's file, if there is none made alike."""
    path, key = place_of(out, field, method, share, number), f"{field.key()} {method.key}"
    if _stored(path, key) is not None:
        return
    drawn = draw_rows(field, share, number)
    began = time.monotonic()
    scores, facts = method.scores(field, drawn, number)
    taken = time.monotonic() - began
    stored = {
        "key": key,
        "films": int(drawn.sum()),
        "patients": len(np.unique(field.patients[drawn])),
        "positives": {one.name: int(one.truth[drawn].sum()) for one in field.questions},
        "seconds": round(taken, 2),
        **facts,
        "scores": {one.name: [float(f"{v:.6g}") for v in scores[:, i]] for i, one in enumerate(field.questions)},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as stream:
        stream.write(json.dumps(stored).encode())
    if method.dear:
        films = stored["films"]
        print(
            f"{field.source}, {method.name}, {share:.0%}, draw {number + 1}: {films} films, {taken:.0f} s",
            file=sys.stderr,
        )


def _stored(path: Path, key: str) -> dict[str, object] | None:
    try:
        stored: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stored if stored.get("key") == key else None


def read_points(
    out: Path, fields: Sequence[Field], methods: Sequence[Method], shares: Sequence[float], draws: int
) -> Iterator[Point]:
    """What was computed so far, a Point a question; of methods, shares and draws asked for now."""
    for field, method, share, number in order(fields, methods, sorted(shares), draws):
        stored = _stored(place_of(out, field, method, share, number), f"{field.key()} {method.key}")
        if stored is None:
            continue
        for question in field.questions:
            yield Point.of(field.source, question, field.test, field.patients, method.name, share, number, stored)


if __name__ == "__main__":
    sys.exit(main())
