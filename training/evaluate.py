"""Judges encoders on patients that pretraining never saw, always beside baselines.

    python -m training.evaluate --encoder DIR … --data MANIFEST_OR_DIR --out DIR

Every encoder is put beside a ResNet-18 with random weights, the bundled ImageNet encoder and the principal components
of raw pixels. Embeddings come from the program's own reading, preprocessing and model and are kept in the out folder.
Probes are fitted to the patients of the split "train" of `training.data` and judged on those of "test"; one patient on
both sides is an error. Written are results.json, results.md and plots.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.assets import asset
from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from training.cache import cached_pixels
from training.data import Item, index, select
from training.embeddings import (
    PIXELS,
    PIXELS_PX,
    Embedded,
    beside,
    embed_items,
    pixel_components,
    random_encoder,
    resized_encoder,
)
from training.grouping import Agreement, agreement, clusterings
from training.measures import Figures, Interval, auroc, average_precision, difference, interval, resamples, share_right
from training.probes import SHARES, classify, judge, neighbour_rows, probe_features
from training.report import plot_bars, to_markdown
from training.supervised import supervised_scores
from training.tasks import Question, Subject, subjects

IMAGENET = "imagenet-lite0"
SUPERVISED = "supervised ResNet-18"


@dataclass
class QuestionResult:
    """One encoder, one question. Every Interval is by bootstrap over the held-out patients."""

    prevalence: float
    images: int
    majority_accuracy: float
    auroc: Interval
    auprc: Interval
    accuracy: Interval
    neighbours_auroc: Interval | None = None
    neighbours_accuracy: Interval | None = None
    auroc_at_labels: dict[str, dict[str, float]] = field(default_factory=dict)
    auroc_minus_reference: Interval | None = None
    finding: bool = False


@dataclass
class SubjectResult:
    """One encoder on one source.

    Attributes:
        questions: By name.
        macro_auroc: Mean over the findings.
        macro_auroc_at_labels: The same by share of labels: mean, least and greatest of the draws' means.
        macro_minus_reference: Paired difference to the encoder that is compared with.
        classes_accuracy: Share of images given the right one of three or more classes; None where there are none.
        classes_majority: The share of the most frequent class.
        clusters: Clustering to reference to agreement, on held-out patients.
    """

    questions: dict[str, QuestionResult] = field(default_factory=dict)
    macro_auroc: Interval | None = None
    macro_auprc: Interval | None = None
    macro_auroc_at_labels: dict[str, dict[str, float]] = field(default_factory=dict)
    macro_minus_reference: Interval | None = None
    classes_accuracy: Interval | None = None
    classes_majority: float | None = None
    clusters: dict[str, dict[str, Agreement]] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns 0, or 1 after a user error."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", type=Path, nargs="+", default=[], help="checkpoint folders")
    parser.add_argument("--data", type=Path, required=True, help="manifest, or folder of a data set")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluation"), help="folder for results and embeddings")
    parser.add_argument("--sources", nargs="+", default=[], help="sources of the data to use (default: all)")
    parser.add_argument("--size", type=int, nargs="+", default=[], help="other input sizes to feed the encoders with")
    parser.add_argument("--concat", nargs="+", default=[], metavar="A+B", help="encoders side by side, by name")
    parser.add_argument("--against", default=IMAGENET, help=f"encoder to compare with, by name (default: {IMAGENET})")
    parser.add_argument("--supervised-minutes", type=float, default=5.0, help="a source; 0 leaves the baseline out")
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--no-clusters", action="store_true", help="leave clusterings out")
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args(arguments)
    try:
        items = [item for item in select(index(chosen.data), chosen.sources) if item.labels is not None]
        judged = subjects(items)
        items = [items[i] for subject in judged for i in subject.rows]  # what no question asks about is not embedded
        judged = subjects(items)
        encoders = gather(items, chosen.encoder, chosen.size, chosen.concat, chosen.out, chosen.device)
        known = [each.name for each in encoders]
        if chosen.against not in known:
            raise UserError(f"There is no encoder {chosen.against!r} to compare with. Choose of {', '.join(known)}.")
        results = evaluate(encoders, judged, chosen.resamples, not chosen.no_clusters, chosen.against)
        if chosen.supervised_minutes > 0:
            add_supervised(results, items, judged, chosen.out, chosen.supervised_minutes, chosen.resamples)
    except UserError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    write(results, judged, chosen.out, chosen.against)
    print((chosen.out / "results.md").read_text(encoding="utf-8"))
    return 0


def gather(
    items: Sequence[Item],
    directories: Sequence[Path],
    sizes: Sequence[int],
    concat: Sequence[str],
    out: Path,
    device: str = "auto",
) -> list[Embedded]:
    """Embeddings of the baselines, then of the encoders, of their other input sizes, and of what is put side by side.

    Raises:
        UserError: An encoder or an image cannot be used, or `concat` names an encoder that is not there.
    """
    kept = out / "embeddings"
    every = [random_encoder(out / "encoders" / "random-resnet18").directory, asset("encoders", IMAGENET)]
    for directory in directories:
        if read_encoder(directory).key not in [read_encoder(each).key for each in every]:
            every.append(directory)
        for size in sizes:
            folder = out / "encoders" / f"{read_encoder(directory).name}-{size}px"
            every.append(resized_encoder(directory, size, folder).directory)
    known = [PIXELS, *(read_encoder(directory).name for directory in every)]
    for name in (name for text in concat for name in text.split("+")):
        if name not in known:
            raise UserError(f"There is no encoder {name!r} to put side by side. Choose of {', '.join(known)}.")
    train = np.array([item.split == "train" for item in items], dtype=np.bool_)
    pixels = _pixels(items, out, PIXELS_PX).astype(np.float32) / np.float32(255)
    found = [pixel_components(pixels, train)]
    found += [embed_items(items, directory, kept, device) for directory in every]
    by_name = {each.name: each for each in found}
    found += [beside(text, [by_name[name] for name in text.split("+")]) for text in concat]
    return found


def evaluate(
    encoders: Sequence[Embedded],
    judged: Sequence[Subject],
    count: int = 1000,
    clusters: bool = True,
    against: str = IMAGENET,
) -> dict[str, dict[str, SubjectResult]]:
    """Encoder to source to results.

    Args:
        encoders: Rows in the order that `Subject.rows` counts in.
        judged: The sources.
        count: Bootstrap resamples.
        clusters: Whether to cluster too.
        against: Name of the one that all others are compared with, if it is there.
    """
    results: dict[str, dict[str, SubjectResult]] = {each.name: {} for each in encoders}
    for subject in judged:
        weights = resamples(subject.patients[subject.test], count)
        figures: dict[str, dict[str, Figures]] = {}
        for each in encoders:
            print(f"{subject.source}: {each.name}", file=sys.stderr)
            vectors = each.vectors[subject.rows]
            results[each.name][subject.source], figures[each.name] = _judge_subject(vectors, subject, weights)
            if clusters:
                results[each.name][subject.source].clusters = _cluster(vectors[subject.test], subject)
        for name, own in figures.items():
            if against in figures and name != against:
                _compare(results[name][subject.source], own, figures[against])
    return results


def add_supervised(
    results: dict[str, dict[str, SubjectResult]],
    items: Sequence[Item],
    judged: Sequence[Subject],
    out: Path,
    minutes: float,
    count: int,
    size_px: int = 112,
) -> None:
    """Adds the supervised baseline: a network for each source, trained on the labels of its questions."""
    pixels = _pixels(items, out, size_px)
    results[SUPERVISED] = {}
    for subject in judged:
        print(f"{subject.source}: {SUPERVISED}", file=sys.stderr)
        targets = np.stack([question.truth for question in subject.questions], axis=1)  # (n, Q)
        scores, epochs = supervised_scores(pixels[subject.rows], targets, subject.test, minutes)
        print(f"{subject.source}: {epochs} epochs in {minutes:g} minutes", file=sys.stderr)
        weights = resamples(subject.patients[subject.test], count)
        result, figures = SubjectResult(), dict[str, Figures]()
        for column, question in enumerate(subject.questions):
            truth, own = question.truth[subject.test], scores[:, column]
            figures[question.name] = auroc(own, truth, weights)
            figures[_precision(question)] = average_precision(own, truth, weights)
            right = share_right((own > 0.5) == truth, weights)
            result.questions[question.name] = _question_result(question, subject, figures, right)
        _add_macro(result, subject, figures)
        results[SUPERVISED][subject.source] = result


def write(
    results: Mapping[str, Mapping[str, SubjectResult]], judged: Sequence[Subject], out: Path, against: str = IMAGENET
) -> None:
    """Writes results.json, results.md and one plot a source.

    Raises:
        UserError: The folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    plain: dict[str, Any] = {
        "reference": against,
        "sources": {
            subject.source: {
                "images": len(subject.rows),
                "test_images": int(subject.test.sum()),
                "test_patients": len(np.unique(subject.patients[subject.test])),
                "macro_findings": [question.name for question in subject.questions if question.finding],
                "left_out": list(subject.left_out),
            }
            for subject in judged
        },
        "encoders": {
            name: {source: asdict(result) for source, result in by_source.items()}
            for name, by_source in results.items()
        },
    }
    with atomic_write(out / "results.json") as stream:
        stream.write(json.dumps(_finite(plain), indent=1).encode())
    with atomic_write(out / "results.md") as stream:
        stream.write(to_markdown(_finite(plain)).encode())
    for subject in judged:
        bars = {
            name: {question: value.auroc for question, value in by_source[subject.source].questions.items()}
            for name, by_source in results.items()
        }
        with atomic_write(out / f"auroc-{subject.source}.png") as stream:
            plot_bars(f"AUROC on held-out patients of {subject.source}", bars).save(stream, format="PNG")


def _judge_subject(
    vectors: NDArray[np.float32], subject: Subject, weights: NDArray[np.float32]
) -> tuple[SubjectResult, dict[str, Figures]]:
    result, figures = SubjectResult(), dict[str, Figures]()
    features = probe_features(vectors, ~subject.test)
    near = neighbour_rows(vectors, subject.test, subject.patients)
    draws: dict[float, list[tuple[float, ...]]] = {share: [] for share in SHARES}
    for question in subject.questions:
        done = judge(features, near, question.truth, subject.test, subject.patients, weights)
        figures[question.name], figures[_precision(question)] = done.auroc, done.precision
        own = _question_result(question, subject, figures, done.accuracy)
        own.neighbours_auroc, own.neighbours_accuracy = done.neighbours_auroc, done.neighbours_accuracy
        own.auroc_at_labels = {f"{share:g}": _spread(values) for share, values in done.auroc_at.items() if values}
        result.questions[question.name] = own
        if question.finding:
            for share, values in done.auroc_at.items():
                draws[share].append(values)
    _add_macro(result, subject, figures)
    for share, rows in draws.items():  # a finding without positives in a draw is left out of that share
        complete = [values for values in rows if values and len(values) == max(len(each) for each in rows)]
        if complete:
            result.macro_auroc_at_labels[f"{share:g}"] = {
                **_spread([float(np.mean(draw)) for draw in zip(*complete, strict=True)]),
                "findings": len(complete),
            }
    if subject.classes is not None:
        given = classify(features, subject.classes, subject.test, subject.patients)
        truth = subject.classes[subject.test]
        result.classes_accuracy = interval(share_right(given == truth, weights))
        result.classes_majority = float(np.bincount(truth).max() / len(truth))
    return result, figures


def _question_result(
    question: Question, subject: Subject, figures: Mapping[str, Figures], right: Figures
) -> QuestionResult:
    truth = question.truth[subject.test]
    prevalence = float(truth.mean())
    return QuestionResult(
        prevalence=prevalence,
        images=len(truth),
        majority_accuracy=max(prevalence, 1 - prevalence),
        auroc=interval(figures[question.name]),
        auprc=interval(figures[_precision(question)]),
        accuracy=interval(right),
        finding=question.finding,
    )


def _add_macro(result: SubjectResult, subject: Subject, figures: dict[str, Figures]) -> None:
    findings = [question for question in subject.questions if question.finding]
    if findings:
        figures["macro"] = np.mean([figures[question.name] for question in findings], axis=0)
        result.macro_auroc = interval(figures["macro"])
        result.macro_auprc = interval(np.mean([figures[_precision(question)] for question in findings], axis=0))


def _compare(result: SubjectResult, own: Mapping[str, Figures], theirs: Mapping[str, Figures]) -> None:
    for name, question in result.questions.items():
        question.auroc_minus_reference = difference(own[name], theirs[name])
    if "macro" in own:
        result.macro_minus_reference = difference(own["macro"], theirs["macro"])


def _cluster(vectors: NDArray[np.float32], subject: Subject) -> dict[str, dict[str, Agreement]]:
    facts = {name: values[subject.test] for name, values in subject.facts.items()}
    return {
        name: {fact: agreement(clusters, values) for fact, values in facts.items() if (values >= 0).any()}
        for name, clusters in clusterings(vectors).items()
    }


def _pixels(items: Sequence[Item], out: Path, size_px: int) -> NDArray[np.uint8]:
    cache = cached_pixels([item.path for item in items], out / "pixels", size_px)
    if cache.skipped:
        path, reason = cache.skipped[0]
        raise UserError(f"Cannot read {path}: {reason} Or take it out of the data.")
    return np.asarray(cache.pixels[cache.rows])


def _precision(question: Question) -> str:
    return f"{question.name}\nAUPRC"  # no label holds a line break


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "min": float(min(values)), "max": float(max(values)), "draws": len(values)}


def _finite(value: Any) -> Any:
    """The same without NaN, which JSON does not know: None."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


if __name__ == "__main__":
    sys.exit(main())
