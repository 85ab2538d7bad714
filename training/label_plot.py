"""What `training.few_labels` has measured as a picture: an SVG, its letters as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, PANEL, TOP, GAP = 940, 300, 78, 46
LEFT, BETWEEN, RIGHT = 56, 66, 16
COLOURS = ("#0b6e99", "#228833", "#8a919b", "#aa3377", "#c25a00", "#161a1f", "#b09500", "#4477aa")
"""Of the methods in their order; ours is the first, and drawn thicker."""

DASHES = "5 3"
"""Of a method that is another's with something left out: "NAME, linear"."""

WORDS = {"scratch": "ResNet-18 trained from scratch", "imagenet": "Lite0 trained on from ImageNet weights"}


def draw(result: Mapping[str, Any]) -> str:
    """The picture: a panel a task but for single findings, labels across (logarithmic), AUROC upwards.

    Args:
        result: As `label_curves.summarise` gives it.
    """
    tasks = {name: task for name, task in result["tasks"].items() if not task["finding"]}
    tasks = tasks or result["tasks"]
    height = TOP + math.ceil(len(tasks) / 2) * (PANEL + GAP) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="11" role="img">',
        "<title>AUROC on held-out patients by share of the labels</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    styles = styles_of(result["methods"])
    shown = {row["method"] for task in tasks.values() for row in task["points"]}
    for place, method in enumerate(method for method in result["methods"] if method in shown):
        x, y = LEFT + 300 * (place % 3), 18 + 18 * (place // 3)
        parts.append(f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" {styles[method]}/>')
        words = WORDS.get(method, f"probe on {method}")
        parts.append(f'<text x="{x + 32}" y="{y + 4}" fill="#161a1f">{escape(words)}</text>')
    for place, (name, task) in enumerate(tasks.items()):
        parts += _panel(name, task["points"], styles, place % 2, TOP + place // 2 * (PANEL + GAP))
    return "\n".join([*parts, "</svg>", ""])


def styles_of(methods: Sequence[str]) -> dict[str, str]:
    """How each method's line is drawn."""
    found: dict[str, str] = {}
    names = [method for method in methods if method.removesuffix(", linear") not in methods or ", " not in method]
    for method in methods:
        plain = method.removesuffix(", linear") if method not in names else method
        colour = COLOURS[names.index(plain) % len(COLOURS)]
        width = "2.5" if method == methods[0] else "1.5"
        dash = f' stroke-dasharray="{DASHES}"' if method != plain else ""
        found[method] = f'stroke="{colour}" stroke-width="{width}"{dash} fill="none"'
    return found


def _panel(
    name: str, rows: Sequence[Mapping[str, Any]], styles: Mapping[str, str], column: int, top: float
) -> list[str]:
    wide = (WIDTH - LEFT - BETWEEN - RIGHT) / 2
    left = LEFT + column * (wide + BETWEEN)
    shares = sorted({row["share"] for row in rows})
    first, last = math.log10(shares[0]), math.log10(shares[-1])
    lowest = float(min(row["auroc"]["low"] for row in rows))
    low = min(max(math.floor(lowest * 20) / 20, 0.3), 0.95)

    def x(share: float, nudge: float = 0) -> float:
        return left + 10 + nudge + (math.log10(share) - first) / ((last - first) or 1) * (wide - 20)

    def y(value: float) -> float:
        return top + PANEL - (min(max(value, low), 1) - low) / (1 - low) * PANEL

    parts = [f'<text x="{left:.0f}" y="{top - 8:.0f}" fill="#161a1f" font-weight="bold">{escape(name)}</text>']
    step = 0.1 if low < 0.75 else 0.05 if low < 0.9 else 0.02
    for number in range(math.ceil(round(low / step, 6)), round(1 / step) + 1):
        at = y(number * step)
        parts.append(f'<line x1="{left:.0f}" x2="{left + wide:.0f}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e2e6eb"/>')
        text = f"{number * step:.2f}"
        parts.append(f'<text x="{left - 6:.0f}" y="{at + 4:.1f}" text-anchor="end" fill="#57616d">{text}</text>')
    for share in shares:
        at = x(share)
        bottom = top + PANEL
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}" stroke="#e2e6eb"/>')
        text = f"{100 * share:g} %"
        parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#57616d">{text}</text>')
    drawn = [method for method in styles if any(row["method"] == method for row in rows)]
    for place, method in enumerate(drawn):
        nudge = 2.5 * (place - (len(drawn) - 1) / 2)
        own = [row for row in rows if row["method"] == method]
        line = " ".join(f"{x(row['share'], nudge):.1f},{y(row['auroc']['value']):.1f}" for row in own)
        parts.append(f'<polyline points="{line}" {styles[method]}/>')
        for row in own:
            at, ends = x(row["share"], nudge), (y(row["auroc"]["low"]), y(row["auroc"]["high"]))
            thin = styles[method].split(" ")[0]
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}" {thin} stroke-width="0.7"/>'
            )
    return parts
