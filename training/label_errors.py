"""How well suspect labels are found, where it is known which labels are wrong.

    python -m training.label_errors --data MANIFEST --encoder DIR [--relabels CSV.gz] [--out DIR] [--json]

Two tests. *Flipped*: labels that are as good as certain (normal or pneumonia of `kermany`, view of `nih`) are turned
over at random, 5, 10 and 20 % of them, DRAWS times; the flipped ones are to be found. *Adjudicated*: the labels that
NIH mined from reports, against what radiologists said of the same images on panels (Majkowska et al. 2019, Radiology
294:421); a label that contradicts the panel's is to be found. All of a source's labels are put to the program, those
of images with a panel's answer are judged.

Beside confident learning as the program has it (doubted labels first, then the others) stand: the probability of the
other label alone, whether doubted or not; the share of the nearest images of other patients with the other label; and
random order. Intervals are by bootstrap over patients.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.probes.features import NEIGHBOURS, prepare
from cxr_explorer.probes.suspects import Doubts, doubts, fold_of, unseen_probabilities
from training.data import Item, index, is_normal, patient_ids, select
from training.embeddings import embed_items
from training.measures import Interval, Weights, auroc, interval, resamples

SHARES = (0.05, 0.1, 0.2)
"""Of the labels, flipped at random."""

DRAWS = 5
"""Of the flips."""

MOST = 1500
"""Images of `kermany` that are embedded, drawn at random: enough, and soon done."""

TOPS = (5, 10, 20)
"""Of adjudicated images, so many of the most suspect."""

ADJUDICATED: dict[str, frozenset[str]] = {
    "Pneumothorax": frozenset({"Pneumothorax"}),
    "Airspace opacity": frozenset({"Consolidation", "Edema", "Infiltration", "Pneumonia"}),
    "Nodule or mass": frozenset({"Mass", "Nodule"}),
}
"""The panels' findings, and the NIH labels that say the same: any of them is present, else NIH says absent. The panels'
fourth, fracture, is no label of NIH. Atelectasis is no airspace opacity here: lung without air, not airspace filled."""

PART = 1000
"""Images whose neighbours are looked for at once."""

METHODS = ("confident learning", "other label's probability", "neighbours", "random")

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Films:
    """Images with labels of one question.

    Attributes:
        name: What is asked, of which source.
        files: (n,) names without folder and ending.
        vectors: (n, D) embeddings.
        labels: (n,) what the source says.
        patients: (n,) numbers.
    """

    name: str
    files: tuple[str, ...]
    vectors: NDArray[np.float32]
    labels: Flags
    patients: NDArray[np.int64]


@dataclass(frozen=True)
class Flipped:
    """One question with a share of labels flipped; each list has a figure a draw.

    Attributes:
        question: What is asked.
        images: How many.
        share: Of labels flipped.
        flipped: How many.
        doubted: How many labels the program doubted.
        doubted_wrong: Share of these that had been flipped.
        found: Share of the flipped that were doubted.
        expected_wrong: How many labels the confident joint expects to be wrong.
        precision: By method: share of flipped among as many of the most suspect as were flipped.
        auroc: By method.
    """

    question: str
    images: int
    share: float
    flipped: list[int]
    doubted: list[int]
    doubted_wrong: list[float]
    found: list[float]
    expected_wrong: list[float]
    precision: dict[str, list[float]]
    auroc: dict[str, list[float]]


@dataclass(frozen=True)
class Adjudicated:
    """One finding's mined labels against a panel's.

    Attributes:
        finding: Of the panel; "all" for those of all findings, ranked within their finding.
        labels: How many were put to the program.
        expected_wrong: How many of these the confident joint expects to be wrong.
        judged: Of the labels, with a panel's answer.
        contradicted: Of these, where the panel says otherwise.
        doubted: Of the judged, by the program.
        doubted_contradicted: Of the doubted, contradicted.
        doubted_wrong: The same as a share.
        precision: By method, by how many of the most suspect: the share that is contradicted.
        auroc: By method.
    """

    finding: str
    labels: int
    expected_wrong: float
    judged: int
    contradicted: int
    doubted: int
    doubted_contradicted: int
    doubted_wrong: Interval
    precision: dict[str, dict[int, Interval]]
    auroc: dict[str, Interval]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns 0, or 1 after a user error."""
    parser = argparse.ArgumentParser(prog="python -m training.label_errors", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="manifest, or folder of a data set")
    parser.add_argument("--encoder", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--relabels", type=Path, help="the panels' table (without it: flipped labels alone)")
    parser.add_argument("--out", type=Path, default=Path("runs/label-errors"), help="folder for the embeddings")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args(arguments)
    try:
        items = index(chosen.data)
        panel = read_panel(chosen.relabels) if chosen.relabels is not None else {}

        def embedded(some: Sequence[Item]) -> NDArray[np.float32]:
            return embed_items(some, chosen.encoder, chosen.out / "embeddings", chosen.device).vectors

        flipped = [result for films in certain(items, embedded) for result in flip(films)]
        judged = [] if not panel else adjudicate(mined(items, embedded), panel)
    except UserError as error:
        print(f"label_errors: {error}", file=sys.stderr)
        return 1
    print(to_text(flipped, judged))
    if chosen.json:
        found = {"flipped": [asdict(one) for one in flipped], "adjudicated": [asdict(one) for one in judged]}
        print(json.dumps(found))
    return 0


def read_panel(table: Path) -> dict[str, dict[str, bool]]:
    """By name of file, without its ending, what the panel says of each finding of ADJUDICATED.

    Raises:
        UserError: The table cannot be read, or is another one.
    """
    try:
        with gzip.open(table, "rt", encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The panels' table {table} cannot be read: {error}. Copy it again.") from error
    if not rows or not {"Image Index", *ADJUDICATED} <= rows[0].keys():
        raise UserError(f"{table} is not the panels' table: it has no columns {', '.join(ADJUDICATED)}. Choose it.")
    return {Path(row["Image Index"]).stem: {finding: row[finding] == "YES" for finding in ADJUDICATED} for row in rows}


def certain(
    items: Sequence[Item], embedded: Callable[[Sequence[Item]], NDArray[np.float32]], most: int = MOST
) -> list[Films]:
    """The questions whose labels are as good as certain: pneumonia of `kermany`, view of `nih`.

    Raises:
        UserError: The data has neither source.
    """
    sources = {item.source for item in items}
    found = []
    if "kermany" in sources:
        own = [item for item in select(items, ("kermany",)) if item.labels is not None]
        drawn = np.sort(np.random.default_rng(0).permutation(len(own))[:most])
        own = [own[row] for row in drawn.tolist()]
        found.append(_films("kermany, pneumonia", own, embedded, [not is_normal(i.labels or frozenset()) for i in own]))
    if "nih" in sources:
        own = [item for item in select(items, ("nih",)) if item.view in ("AP", "PA")]
        found.append(_films("nih, view AP", own, embedded, [item.view == "AP" for item in own]))
    if not found:
        raise UserError("The data has no images of kermany or nih: nothing can be judged. Choose other data.")
    return found


def mined(items: Sequence[Item], embedded: Callable[[Sequence[Item]], NDArray[np.float32]]) -> list[Films]:
    """NIH's labels of the findings that the panels judged."""
    own = [item for item in select(items, ("nih",)) if item.labels is not None]
    return [
        _films(finding, own, embedded, [bool(names & (item.labels or frozenset())) for item in own])
        for finding, names in ADJUDICATED.items()
    ]


def _films(
    name: str, own: Sequence[Item], embedded: Callable[[Sequence[Item]], NDArray[np.float32]], labels: Sequence[bool]
) -> Films:
    files = tuple(item.path.stem for item in own)
    return Films(name, files, embedded(own), np.array(labels, np.bool_), np.array(patient_ids(own), np.int64))


def flip(films: Films, shares: Sequence[float] = SHARES, draws: int = DRAWS) -> list[Flipped]:
    """Flips labels at random, and looks for them."""
    ranker = Ranker(films)
    found = []
    for share in shares:
        result = Flipped(films.name, len(films.labels), share, [], [], [], [], [], {}, {})
        for draw in range(draws):
            wrong = np.zeros(len(films.labels), np.bool_)
            count = round(share * len(wrong))
            wrong[np.random.default_rng([draw, count]).permutation(len(wrong))[:count]] = True
            labels = films.labels ^ wrong
            seen = ranker.doubts(labels)
            result.flipped.append(count)
            result.doubted.append(int(seen.doubted.sum()))
            result.doubted_wrong.append(float(wrong[seen.doubted].mean()) if seen.doubted.any() else float("nan"))
            result.found.append(float(seen.doubted[wrong].mean()))
            result.expected_wrong.append(sum(seen.expected_wrong((int((~labels).sum()), int(labels.sum())))))
            alone = np.ones((1, len(wrong)), np.float32)
            for method, suspicion in ranker.suspicions(labels, seen, draw).items():
                result.precision.setdefault(method, []).append(float(among_top(suspicion, wrong, alone, count)[0]))
                result.auroc.setdefault(method, []).append(float(auroc(suspicion, wrong, alone)[0]))
        found.append(result)
    return found


def adjudicate(
    findings: Sequence[Films], panel: Mapping[str, Mapping[str, bool]], count: int = 1000
) -> list[Adjudicated]:
    """Looks for the labels that the panels contradict; last those of all findings together.

    Args:
        findings: See `mined`.
        panel: See `read_panel`.
        count: Bootstrap resamples.

    Raises:
        UserError: The panels judged none of the images.
    """
    found: list[Adjudicated] = []
    every: list[tuple[Flags, Flags, NDArray[np.int64], dict[str, Floats]]] = []
    for films in findings:
        judged = np.array([file in panel for file in films.files], np.bool_)
        if not judged.any():
            raise UserError("The panels judged none of these images. Choose the panels' table of the same data.")
        truth = np.array([panel[file][films.name] for file in films.files if file in panel], np.bool_)
        wrong = truth != films.labels[judged]
        ranker = Ranker(films)
        seen = ranker.doubts(films.labels)
        suspicions = {
            method: (_ranks(values) / len(values))[judged]
            for method, values in ranker.suspicions(films.labels, seen, 0).items()
        }
        part = seen.doubted[judged], wrong, films.patients[judged], suspicions
        every.append(part)
        expected = sum(seen.expected_wrong((int((~films.labels).sum()), int(films.labels.sum()))))
        found.append(_adjudicated(films.name, len(films.labels), expected, *part, count))
    doubted, wrongs, patients = (np.concatenate([part[i] for part in every]) for i in range(3))
    together = {method: np.concatenate([part[3][method] for part in every]) for method in METHODS}
    labels, expected = sum(one.labels for one in found), sum(one.expected_wrong for one in found)
    return [*found, _adjudicated("all", labels, expected, doubted, wrongs, patients, together, count)]


def _adjudicated(
    finding: str,
    labels: int,
    expected_wrong: float,
    doubted: Flags,
    wrong: Flags,
    patients: NDArray[np.int64],
    suspicions: Mapping[str, Floats],
    count: int,
) -> Adjudicated:
    weights = resamples(patients, count)
    return Adjudicated(
        finding=finding,
        labels=labels,
        expected_wrong=expected_wrong,
        judged=len(wrong),
        contradicted=int(wrong.sum()),
        doubted=int(doubted.sum()),
        doubted_contradicted=int((doubted & wrong).sum()),
        doubted_wrong=interval(_share(doubted & wrong, doubted, weights)),
        precision={
            method: {top: interval(among_top(values, wrong, weights, top)) for top in TOPS}
            for method, values in suspicions.items()
        },
        auroc={method: interval(auroc(values, wrong, weights)) for method, values in suspicions.items()},
    )


class Ranker:
    """Ranks labels of the same images by suspicion, as often as wanted: what needs no labels is computed once."""

    def __init__(self, films: Films) -> None:
        self._films = films
        self._features = prepare(films.vectors)
        self._near = _neighbours(films.vectors, films.patients)

    def doubts(self, labels: Flags) -> Doubts:
        """What the program doubts.

        Raises:
            UserError: There are too few labels.
        """
        fold = fold_of(labels, self._films.patients)
        if fold is None:
            raise UserError(f"{self._films.name}: too few patients have one of the labels. Choose other data.")
        rows = np.arange(len(labels))
        return doubts(unseen_probabilities(self._features, rows, labels, fold), labels)

    def suspicions(self, labels: Flags, seen: Doubts, seed: int) -> dict[str, Floats]:
        """By method (n,), the higher the more suspect; ties are broken at random."""
        random = np.random.default_rng(seed).permutation(len(labels)) / len(labels)
        other = 1 - seen.confidence.astype(np.float64)
        against = np.mean(labels[self._near] != labels[:, None], axis=1)
        values = (seen.doubted + other, other, against, random)
        return {method: value + 1e-9 * random for method, value in zip(METHODS, values, strict=True)}


def among_top(suspicion: Floats, wrong: Flags, weights: Weights, top: int) -> Floats:
    """(B,) share of wrong ones among the `top` most suspect, of each resample; fewer where there are not so many."""
    order = np.argsort(-suspicion, kind="stable")
    drawn = weights[:, order].astype(np.float64)
    before = np.cumsum(drawn, axis=1) - drawn
    taken = np.clip(top - before, 0, drawn)
    return np.asarray((taken * wrong[order]).sum(axis=1) / np.maximum(taken.sum(axis=1), 1))


def _share(part: Flags, whole: Flags, weights: Weights) -> Floats:
    """(B,) the part's share of the whole, of each resample; NaN where there is no whole."""
    inside, every = (weights.astype(np.float64) @ each for each in (part.astype(float), whole.astype(float)))
    return np.asarray(np.divide(inside, every, out=np.full(len(every), np.nan), where=every > 0))


def _ranks(values: Floats) -> Floats:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks


def _neighbours(vectors: NDArray[np.float32], patients: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, k) the nearest images of other patients by cosine."""
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found = []
    for start in range(0, len(rows), PART):
        likeness = rows[start : start + PART] @ rows.T
        likeness[patients[start : start + PART, None] == patients] = -2
        found.append(np.argpartition(-likeness, NEIGHBOURS, axis=1)[:, :NEIGHBOURS])
    return np.concatenate(found)


def to_text(flipped: Sequence[Flipped], judged: Sequence[Adjudicated]) -> str:
    """The same for people: Markdown tables."""
    lines = [
        "| labels | flipped | doubted | of these flipped | of the flipped doubted | expected wrong |",
        "|---|---|---|---|---|---|",
    ]
    for one in flipped:
        lines.append(
            f"| {one.question} | {one.share:.0%}: {one.flipped[0]:,} of {one.images:,} | {_span(one.doubted, 0)} "
            f"| {_span(one.doubted_wrong)} | {_span(one.found)} | {_span(one.expected_wrong, 0)} |"
        )
    head = " | ".join(METHODS)
    for title, figures in (("share flipped among as many", "precision"), ("AUROC", "auroc")):
        lines += ["", f"| {title} | flipped | {head} |", "|---" * (len(METHODS) + 2) + "|"]
        for one in flipped:
            cells = " | ".join(_span(getattr(one, figures)[method]) for method in METHODS)
            lines.append(f"| {one.question} | {one.share:.0%} | {cells} |")
    if judged:
        lines += [
            "",
            "| finding | labels | expected wrong | judged | contradicted | doubted | of these contradicted |",
            "|---" * 7 + "|",
        ]
        lines += [
            f"| {one.finding} | {one.labels:,} | {one.expected_wrong:,.0f}: {one.expected_wrong / one.labels:.0%} "
            f"| {one.judged} | {one.contradicted}: {one.contradicted / one.judged:.0%} | {one.doubted} "
            f"| {one.doubted_contradicted}: {_with_interval(one.doubted_wrong)} |"
            for one in judged
        ]
        lines += ["", f"| contradicted by the panel | figure | {head} |", "|---" * (len(METHODS) + 2) + "|"]
        for result in judged:
            cells = " | ".join(_with_interval(result.auroc[method]) for method in METHODS)
            lines.append(f"| {result.finding} | AUROC | {cells} |")
            for top in TOPS:
                cells = " | ".join(_with_interval(result.precision[method][top]) for method in METHODS)
                lines.append(f"| {result.finding} | among the first {top} | {cells} |")
    return "\n".join(lines)


def _span(values: Sequence[float], digits: int = 2) -> str:
    """Mean of the draws, and least to most."""
    return f"{np.mean(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def _with_interval(figure: Interval) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
