"""From scores on held-out patients to curves over the share of labels: intervals, paired differences, crossings.

An interval holds two kinds of chance: which held-out patients there were (bootstrap over patients), and whose labels
were drawn (bootstrap over draws). With one draw the second is not in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.measures import Figures, auroc, interval, resamples
from training.tasks import Question

COLUMNS = (
    *("task", "method", "share", "patients", "films", "draws", "draws_with_both", "auroc", "low", "high"),
    *("least", "most", "minus_ours", "minus_low", "minus_high", "seconds"),
)
"""Of results.csv; `least` and `most` are of the draws."""


@dataclass(frozen=True, eq=False)
class Point:
    """One method's scores for one question, with the labels of one draw.

    Attributes:
        source: The data set.
        question: What is asked.
        finding: Whether it counts in the mean of findings.
        truth: (t,) answers of the held-out images.
        held: (t,) their patients.
        method: Name.
        share: Of the training patients.
        draw: Number of the draw.
        patients: Drawn patients.
        films: Their images.
        positives: Of these, with the answer yes.
        seconds: Taken for all questions of the source together.
        scores: (t,); all equal where the drawn labels had one answer only.
    """

    source: str
    question: str
    finding: bool
    truth: NDArray[np.bool_]
    held: NDArray[np.int64]
    method: str
    share: float
    draw: int
    patients: int
    films: int
    positives: int
    seconds: float
    scores: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        source: str,
        question: Question,
        test: NDArray[np.bool_],
        patients: NDArray[np.int64],
        method: str,
        share: float,
        draw: int,
        stored: Mapping[str, Any],
    ) -> Point:
        """From the file that `few_labels.compute` wrote."""
        return cls(
            source=source,
            question=question.name,
            finding=question.finding,
            truth=question.truth[test],
            held=patients[test],
            method=method,
            share=share,
            draw=draw,
            patients=stored["patients"],
            films=stored["films"],
            positives=stored["positives"][question.name],
            seconds=stored["seconds"],
            scores=np.asarray(stored["scores"][question.name], dtype=np.float64),
        )


Drawn = dict[int, Figures]
"""Number of the draw to (B,) figures by resample."""

Curve = dict[float, Drawn]
"""Share of the labels to what its draws gave."""


def summarise(points: Sequence[Point], methods: Sequence[str], count: int = 1000) -> dict[str, Any]:
    """Plain values for JSON, a task at a time; tasks are questions, and the mean of a source's findings.

    Args:
        points: What was computed.
        methods: All names, ours first.
        count: Resamples of held-out patients and of draws.
    """
    tasks: dict[str, Any] = {}
    for source in dict.fromkeys(point.source for point in points):
        own = [point for point in points if point.source == source]
        weights = resamples(own[0].held, count)
        curves: dict[str, dict[str, Curve]] = {}
        known: dict[tuple[str, bytes], Figures] = {}  # draws of all patients are alike to a probe
        for point in own:
            curve = curves.setdefault(point.question, {}).setdefault(point.method, {})
            same = point.question, point.scores.tobytes()
            if same not in known:
                known[same] = auroc(point.scores, point.truth, weights)
            curve.setdefault(point.share, {})[point.draw] = known[same]
        findings = list(dict.fromkeys(point.question for point in own if point.finding))
        for name, by_method in curves.items():
            asked = [point for point in own if point.question == name]
            tasks[f"{source}: {name}"] = {
                "finding": name in findings,
                "held_out": {
                    "images": len(asked[0].truth),
                    "patients": len(np.unique(asked[0].held)),
                    "positives": int(asked[0].truth.sum()),
                },
                **_task(by_method, asked, methods),
            }
        if len(findings) > 1:
            mean = {method: _mean([curves[name].get(method, {}) for name in findings]) for method in methods}
            tasks[f"{source}: mean of {len(findings)} findings"] = {
                "finding": False,
                "findings": findings,
                **_task(mean, [point for point in own if point.question == findings[0]], methods),
            }
    return {"ours": methods[0], "methods": list(methods), "tasks": tasks}


def _mean(curves: Sequence[Curve]) -> Curve:
    """Of several questions, where all have the share and the draw: always, since one training answers all."""
    return {
        share: {draw: np.mean([curve[share][draw] for curve in curves], axis=0) for draw in drawn}
        for share, drawn in curves[0].items()
    }


def _task(curves: Mapping[str, Curve], asked: Sequence[Point], methods: Sequence[str]) -> dict[str, Any]:
    ours = curves.get(methods[0], {})
    rows = []
    for method in methods:
        for share, drawn in sorted(curves.get(method, {}).items()):
            here = [point for point in asked if (point.method, point.share) == (method, share)]
            alone = [float(figures[0]) for figures in drawn.values()]
            row: dict[str, Any] = {
                "method": method,
                "share": share,
                "patients": here[0].patients,
                "films": float(np.mean([point.films for point in here])),
                "draws": len(drawn),
                "draws_with_both": sum(0 < point.positives < point.films for point in here),
                "auroc": _plain(over_draws(drawn)),
                "least": min(alone),
                "most": max(alone),
                "minus_ours": None if method == methods[0] else paired(drawn, ours.get(share, {})),
                "seconds": float(np.mean([point.seconds for point in here])),
            }
            rows.append(row)
    others = [method for method in methods[1:] if curves.get(method)]
    return {
        "points": rows,
        "crossings": {
            method: crossing({row["share"]: row["minus_ours"] for row in rows if row["method"] == method})
            for method in others
        },
        "enough": {method: enough(ours, curves[method]) for method in others},
    }


def over_draws(drawn: Drawn, seed: int = 0) -> Figures:
    """(B,) the mean over draws: of all in row 0, in the others of as many drawn with replacement."""
    figures = np.stack([drawn[number] for number in sorted(drawn)])  # (D, B)
    chosen = np.random.default_rng(seed).integers(len(figures), size=figures.shape)  # (D, B)
    chosen[:, 0] = np.arange(len(figures))
    return np.asarray(np.take_along_axis(figures, chosen, axis=0).mean(axis=0))


def paired(theirs: Drawn, ours: Drawn) -> dict[str, float] | None:
    """Theirs minus ours, on the draws that both have and on the same resamples; None where they share no draw."""
    common = sorted(theirs.keys() & ours.keys())
    if not common:
        return None
    apart = {number: theirs[number] - ours[number] for number in common}
    return {**_plain(over_draws(apart)), "draws": len(common)}


def crossing(apart: Mapping[float, Mapping[str, float] | None]) -> dict[str, float | None]:
    """Where a curve comes up to ours.

    Args:
        apart: By share, what `paired` gives.

    Returns:
        "below_at": the largest share at which theirs is below ours, the whole interval being below 0, or None.
        "level_from": the next larger share measured, from which on it no longer is; None where it never was below, or
        still is at the largest share.
        "above_from": the smallest share at which the whole interval is above 0, or None.
    """
    known = {share: one for share, one in sorted(apart.items()) if one is not None}
    below = max((share for share, one in known.items() if one["high"] < 0), default=None)
    later = [share for share in known if below is not None and share > below]
    above = min((share for share, one in known.items() if one["low"] > 0), default=None)
    return {"below_at": below, "level_from": min(later, default=None), "above_from": above}


def enough(ours: Curve, theirs: Curve) -> dict[str, Any] | None:
    """The smallest share of labels with which ours is no longer below theirs with all labels, nor at any larger share.

    Returns:
        "share" and ours minus theirs ("value", "low", "high", "draws") there; "share" is None where ours is below at
        all shares. None where theirs with all labels is not known.
    """
    if 1.0 not in theirs:
        return None
    found: dict[str, Any] = {"share": None}
    for share in sorted(ours, reverse=True):
        apart = paired(ours[share], theirs[1.0])
        if apart is None or apart["high"] < 0:
            break
        found = {"share": share, **apart}
    return found


def _plain(figures: Figures) -> dict[str, float]:
    found = interval(figures)
    return {"value": found.value, "low": found.low, "high": found.high}


def to_csv(result: Mapping[str, Any]) -> str:
    """One row a task, method and share; its columns are COLUMNS."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, task in result["tasks"].items():
        for row in task["points"]:
            apart = row["minus_ours"] or {}
            figures = [*row["auroc"].values(), row["least"], row["most"], *(apart.get(k) for k in _THREE)]
            facts = [row[key] for key in ("method", "share", "patients", "films", "draws", "draws_with_both")]
            rounded = ["" if value is None else f"{value:.4f}" for value in figures]
            writer.writerow([name, *facts, *rounded, f"{row['seconds']:.1f}"])
    return text.getvalue()


_THREE = ("value", "low", "high")


def to_text(result: Mapping[str, Any]) -> str:
    """Markdown for people: a table a task, and what its crossings are."""
    lines = []
    for name, task in result["tasks"].items():
        shares = sorted({row["share"] for row in task["points"]})
        lines += ["", f"**{name}**", ""]
        lines += [f"| labels | {' | '.join(f'{share:.0%}' for share in shares)} |", "|---" * (len(shares) + 1) + "|"]
        for method in result["methods"]:
            rows = {row["share"]: row for row in task["points"] if row["method"] == method}
            if rows:
                cells = [_cell(rows.get(share)) for share in shares]
                lines.append(f"| {method} | {' | '.join(cells)} |")
        lines.append("")
        for method, own in task["crossings"].items():
            lines.append(f"- {method}: {_said(own)}; {_enough_said(task['enough'][method], result['ours'])}")
    return "\n".join(lines[1:])


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    own = row["auroc"]
    draws = "" if row["draws"] != 1 else ", 1 draw"
    return f"{own['value']:.3f} ({own['low']:.3f} to {own['high']:.3f}{draws})"


def _said(own: Mapping[str, float | None]) -> str:
    if own["below_at"] is None:
        said = "never below ours beyond chance"
    elif own["level_from"] is None:
        said = f"below ours up to {own['below_at']:.0%}, the most measured"
    else:
        said = f"below ours up to {own['below_at']:.0%}, no longer from {own['level_from']:.0%} on"
    return said if own["above_from"] is None else f"{said}, above it from {own['above_from']:.0%} on"


def _enough_said(own: Mapping[str, Any] | None, ours: str) -> str:
    if own is None:
        return "with all labels not measured"
    if own["share"] is None:
        return f"with all labels {ours} is below it at every share"
    return f"{ours} is not below it with all labels from {own['share']:.0%} on"
