"""What `training.few_labels` has measured as a picture: an SVG, its letters as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, PANEL, TOP, GAP = 940, 280, 96, 56
LEFT, BETWEEN, RIGHT = 56, 66, 16
COLOURS = ("#0b6e99", "#228833", "#8a919b", "#aa3377", "#c25a00", "#161a1f", "#b09500", "#4477aa")
"""Of the methods in their order; ours is the first, and drawn thicker."""

WORDS = {"scratch": "ResNet-18 trained from scratch", "imagenet": "Lite0 trained on from ImageNet weights"}
AXES = "AUROC on held-out patients, with 95 % intervals, by the share of the training patients whose labels are given"


def draw(result: Mapping[str, Any]) -> str:
    """The picture: a panel a task but for single findings, labels across (logarithmic), AUROC upwards.

    The linear probe is left out: it would lie on ours.

    Args:
        result: As `label_curves.summarise` gives it.
    """
    tasks = {name: task for name, task in result["tasks"].items() if not task["finding"]} or result["tasks"]
    height = TOP + math.ceil(len(tasks) / 2) * (PANEL + GAP) - 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="11" role="img">',
        f"<title>{AXES}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    styles = styles_of(result)
    for place, (method, style) in enumerate(styles.items()):
        x, y = LEFT + 300 * (place % 3), 18 + 18 * (place // 3)
        parts.append(f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" {style}/>')
        words = WORDS.get(method, f"probe on {method}")
        parts.append(f'<text x="{x + 32}" y="{y + 4}" fill="#161a1f">{escape(words)}</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 38}" fill="#57616d">{AXES}</text>')
    for place, (name, task) in enumerate(tasks.items()):
        rows = [row for row in task["points"] if row["method"] in styles]
        parts += _panel(name, rows, styles, place % 2, TOP + place // 2 * (PANEL + GAP))
    return "\n".join([*parts, "</svg>", ""])


def styles_of(result: Mapping[str, Any]) -> dict[str, str]:
    """How the line of each method is drawn that has a point and a line of its own."""
    there = {row["method"] for task in result["tasks"].values() for row in task["points"]}
    methods = [method for method in result["methods"] if method in there and not method.endswith(", linear")]
    return {
        method: f'stroke="{COLOURS[place % len(COLOURS)]}" stroke-width="{1.5 if place else 2.5}" fill="none"'
        for place, method in enumerate(methods)
    }


def _panel(
    name: str, rows: Sequence[Mapping[str, Any]], styles: Mapping[str, str], column: int, top: float
) -> list[str]:
    wide = (WIDTH - LEFT - BETWEEN - RIGHT) / 2
    left = LEFT + column * (wide + BETWEEN)
    shares = sorted({row["share"] for row in rows})
    first, last = math.log10(shares[0]), math.log10(shares[-1])
    low = math.floor(20 * min(float(row["auroc"]["low"]) for row in rows)) / 20
    high = math.ceil(20 * max(float(row["auroc"]["high"]) for row in rows)) / 20
    low, high = min(low, 0.95), max(high, low + 0.05)

    def x(share: float, nudge: float = 0) -> float:
        return left + 12 + nudge + (math.log10(share) - first) / ((last - first) or 1) * (wide - 24)

    def y(value: float) -> float:
        return top + PANEL - (min(max(value, low), high) - low) / (high - low) * PANEL

    parts = [f'<text x="{left:.0f}" y="{top - 8:.0f}" fill="#161a1f" font-weight="bold">{escape(name)}</text>']
    step = 0.1 if high - low > 0.25 else 0.05 if high - low > 0.1 else 0.01
    for number in range(math.ceil(round(low / step, 6)), math.floor(round(high / step, 6)) + 1):
        at = y(number * step)
        parts.append(f'<line x1="{left:.0f}" x2="{left + wide:.0f}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e2e6eb"/>')
        text = f"{number * step:.2f}"
        parts.append(f'<text x="{left - 6:.0f}" y="{at + 4:.1f}" text-anchor="end" fill="#57616d">{text}</text>')
    for share in shares:
        at, bottom = x(share), top + PANEL
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}" stroke="#e2e6eb"/>')
        text = f"{100 * share:g} %"
        parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#57616d">{text}</text>')
    for place, (method, style) in enumerate(styles.items()):
        nudge = 2.5 * (place - (len(styles) - 1) / 2)  # intervals stand beside each other
        own = [row for row in rows if row["method"] == method]
        line = " ".join(f"{x(row['share'], nudge):.1f},{y(row['auroc']['value']):.1f}" for row in own)
        parts.append(f'<polyline points="{line}" {style}/>')
        for row in own:
            at, ends = x(row["share"], nudge), (y(row["auroc"]["low"]), y(row["auroc"]["high"]))
            colour = style.partition(" ")[0]
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}" {colour} stroke-width="0.7"/>'
            )
            parts.append(f'<circle cx="{at:.1f}" cy="{y(row["auroc"]["value"]):.1f}" r="1.8" fill={colour[7:]}/>')
    return parts
