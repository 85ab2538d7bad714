"""Evaluation results for people: Markdown tables and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from training.measures import Interval

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
"""Paul Tol's bright scheme, told apart by colour-blind readers; the legend names them in the bars' order."""


def to_markdown(results: Mapping[str, Any]) -> str:
    """Tables of what `evaluate.write` puts into results.json: plain dicts, None where there is no figure."""
    lines = [
        "# Encoders on held-out patients",
        "",
        "Figures with 95 % intervals, by bootstrap over patients. AUROC of guessing is 0.5, AUPRC of guessing is the",
        "prevalence, and accuracy stands beside that of always giving the more frequent answer.",
    ]
    than = f"minus {results['reference']}"
    for source, facts in results["sources"].items():
        rows = {name: each[source] for name, each in results["encoders"].items() if source in each}
        lines += ["", f"## {source}", ""]
        lines.append(
            f"{facts['images']:,} images; judged on {facts['test_images']:,} of {facts['test_patients']:,} held-out "
            f"patients. Macro: {', '.join(facts['macro_findings']) or 'none'}."
        )
        if facts["left_out"]:
            lines.append(f"Left out for lack of images: {', '.join(facts['left_out'])}.")
        lines += ["", *_summary(rows, than), "", *_questions(rows, than), "", *_few_labels(rows), "", *_clusters(rows)]
    return "\n".join(lines) + "\n"


def plot_bars(title: str, bars: Mapping[str, Mapping[str, Interval]]) -> Image.Image:
    """Horizontal bars from 0.4 to 1 with their intervals: one group a question, one bar an encoder."""
    questions = list(dict.fromkeys(question for values in bars.values() for question in values))
    left, right, row, gap, top = 190, 560, 11, 12, 30 + 16 * len(bars)
    group = row * len(bars) + gap
    image = Image.new("RGB", (left + right + 30, top + group * len(questions) + 30), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(12)

    def x(value: float) -> float:
        return left + (min(max(value, 0.4), 1.0) - 0.4) / 0.6 * right

    draw.text((10, 6), title, "black", font)
    for i, name in enumerate(bars):
        draw.rectangle((10, 30 + 16 * i, 22, 40 + 16 * i), COLOURS[i % len(COLOURS)])
        draw.text((28, 27 + 16 * i), name, "black", font)
    for tick in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        draw.line((x(tick), top, x(tick), image.height - 22), "#dddddd")
        draw.text((x(tick) - 9, image.height - 20), f"{tick:.1f}", "black", font)
    for j, question in enumerate(questions):
        y = top + group * j
        draw.text((10, y + (group - gap) / 2 - 7), question, "black", font)
        for i, values in enumerate(bars.values()):
            own = values.get(question)
            if own is None or own.value != own.value:
                continue
            draw.rectangle((x(0.4), y + row * i, x(own.value), y + row * i + row - 3), COLOURS[i % len(COLOURS)])
            middle = y + row * i + (row - 3) / 2
            draw.line((x(own.low), middle, x(own.high), middle), "black")
    return image


def _summary(rows: Mapping[str, Any], than: str) -> list[str]:
    lines = [f"| encoder | macro AUROC | {than} | macro AUPRC | classes, accuracy |", "|---|---|---|---|---|"]
    for name, own in rows.items():
        classes = _figure(own["classes_accuracy"])
        if own["classes_majority"] is not None:
            classes += f" (most frequent {own['classes_majority']:.3f})"
        lines.append(
            f"| {name} | {_figure(own['macro_auroc'])} | {_figure(own['macro_minus_reference'], signed=True)} "
            f"| {_figure(own['macro_auprc'])} | {classes} |"
        )
    return lines


def _questions(rows: Mapping[str, Any], than: str) -> list[str]:
    lines = []
    for question in dict.fromkeys(name for own in rows.values() for name in own["questions"]):
        first = next(own["questions"][question] for own in rows.values() if question in own["questions"])
        lines += [
            f"**{question}**, prevalence {first['prevalence']:.3f}, the more frequent answer "
            f"{first['majority_accuracy']:.3f}:",
            "",
            f"| encoder | AUROC | {than} | AUPRC | accuracy | neighbours' AUROC | neighbours' accuracy |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, own in rows.items():
            if (each := own["questions"].get(question)) is not None:
                columns = [
                    _figure(each["auroc"]),
                    _figure(each["auroc_minus_reference"], signed=True),
                    *(_figure(each[key]) for key in ("auprc", "accuracy", "neighbours_auroc", "neighbours_accuracy")),
                ]
                lines.append(f"| {name} | {' | '.join(columns)} |")
        lines.append("")
    return lines


def _few_labels(rows: Mapping[str, Any]) -> list[str]:
    lines = ["AUROC by share of the training patients whose labels the probe has (mean, least to greatest draw):", ""]
    shares: Sequence[str] = ("0.01", "0.1", "1")
    lines += [
        f"| encoder | question | {' | '.join(f'{float(share):.0%}' for share in shares)} |",
        "|---|---|---|---|---|",
    ]
    for name, own in rows.items():
        asked = {
            question: each["auroc_at_labels"] for question, each in own["questions"].items() if not each["finding"]
        }
        for question, at in {"macro": own["macro_auroc_at_labels"], **asked}.items():
            if at:
                lines.append(f"| {name} | {question} | {' | '.join(_draws(at.get(share)) for share in shares)} |")
    return lines


def _clusters(rows: Mapping[str, Any]) -> list[str]:
    lines = [
        "Clusters of held-out patients against what is known of them (one cluster: accuracy and purity if all images "
        "were one):",
        "",
        "| encoder | clusters | against | accuracy | one cluster | NMI | AMI | ARI | purity |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, own in rows.items():
        for clustering, facts in own["clusters"].items():
            for fact, each in facts.items():
                values = [each[key] for key in ("accuracy", "one_cluster", "nmi", "ami", "ari", "purity")]
                lines.append(f"| {name} | {clustering} | {fact} | {' | '.join(f'{value:.3f}' for value in values)} |")
    return lines if len(lines) > 4 else []


def _figure(own: Mapping[str, float | None] | None, signed: bool = False) -> str:
    if own is None or own["value"] is None:
        return ""
    form = "+.3f" if signed else ".3f"
    if own["low"] is None or own["high"] is None:
        return f"{own['value']:{form}}"
    return f"{own['value']:{form}} ({own['low']:{form}} to {own['high']:{form}})"


def _draws(own: Mapping[str, float] | None) -> str:
    if own is None:
        return ""
    few = f", {own['findings']} findings" if "findings" in own else ""
    if own["draws"] == 1:
        return f"{own['mean']:.3f}{few}"
    return f"{own['mean']:.3f} ({own['min']:.3f} to {own['max']:.3f}{few})"
