"""What `tests.bench.growth` has measured as a picture: an SVG, its letters as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 940, 640
LEFT, RIGHT, TOP, BOTTOM = 64, 330, 44, 48
COLOURS = {"window": "#0b6e99", "both": "#7a4f00", "child": "#8a919b"}
WORDS = {"window": "in the window's thread", "both": "there, in short steps", "child": "in a process beside it"}
GAP = 12
"""Between two names, px."""


def draw(stages: Mapping[str, Mapping[str, Any]]) -> str:
    """The picture: images across, processor seconds upwards, both logarithmic; names and exponents at the right.

    Args:
        stages: By name "place", "exponent" and "seconds" (by number of images), as the last line of the bench has them.
    """
    lines = {
        name: sorted((int(count), max(float(taken), 1e-4)) for count, taken in one["seconds"].items())
        for name, one in stages.items()
    }
    lines = {name: points for name, points in lines.items() if len(points) > 1 and points[-1][1] >= 0.002}
    counts = sorted({count for points in lines.values() for count, _ in points})
    every = [taken for points in lines.values() for _, taken in points]
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
    first, last = math.log10(counts[0]), math.log10(counts[-1])

    def x(count: float) -> float:
        return LEFT + (math.log10(count) - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)

    def y(taken: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(taken) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="11" role="img">',
        "<title>Processor seconds of every stage by number of images</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e2e6eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end" fill="#57616d">{10.0**power:g} s</text>')
    for power in range(math.ceil(first), math.floor(last) + 1):
        at = x(10.0**power)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#e2e6eb"/>')
        text = f"{10**power:,}"
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#57616d">{text}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle" fill="#57616d">images</text>')
    for place, (name, colour) in enumerate(COLOURS.items()):
        at = LEFT + 180 * place
        parts.append(f'<line x1="{at}" x2="{at + 22}" y1="20" y2="20" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{at + 28}" y="24" fill="#161a1f">{WORDS[name]}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT + 40}" y="24" fill="#57616d">stage, and its exponent</text>')
    shown = sorted(lines.items(), key=lambda one: (-one[1][-1][1], one[0]))
    places = spread([y(points[-1][1]) + 4 for _, points in shown], HEIGHT - 8)
    for (name, points), below in zip(shown, places, strict=True):
        colour = COLOURS[stages[name]["place"]]
        path = " ".join(f"{x(count):.1f},{y(taken):.1f}" for count, taken in points)
        end_x, end_y = x(points[-1][0]), y(points[-1][1])
        steep = stages[name]["exponent"]
        text = escape(name) + ("" if steep is None else f"  {steep:.2f}")
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(
            f'<path d="M{end_x:.1f} {end_y:.1f}L{WIDTH - RIGHT + 34} {below - 4:.1f}" stroke="{colour}" '
            'stroke-width="0.4" fill="none"/>'
        )
        parts.append(f'<text x="{WIDTH - RIGHT + 40}" y="{below:.1f}" fill="{colour}">{text}</text>')
    return "\n".join([*parts, "</svg>", ""])


def spread(wanted: Sequence[float], lowest: float) -> list[float]:
    """Places for names, from above to below, GAP apart at least and none below the lowest; near where they want."""
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + GAP) if places else place)
    for number in range(len(places) - 1, -1, -1):
        places[number] = min(places[number], lowest)
        lowest = places[number] - GAP
    return places
