"""Which part of a data set an image belongs to: films of one patient stay together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

PARTS: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""Parts of a data set with their shares of the images."""

_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def together(count: int, groupings: Iterable[Iterable[object | None]]) -> list[int]:
    """(N,) the number of the set each image is in; images that share a group in any of the groupings are in one.

    Args:
        count: N.
        groupings: Of each the group of every image, None where it has none: patient, study, content of the file.

    Returns:
        The row of the set's first image.
    """
    root = list(range(count))

    def find(row: int) -> int:
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for grouping in groupings:
        first: dict[object, int] = {}
        for row, group in enumerate(grouping):
            if group is not None:
                one, other = sorted((find(row), find(first.setdefault(group, row))))
                root[other] = one
    return [find(row) for row in range(count)]


def split_by_set(names: Sequence[str], sets: Sequence[int]) -> list[str]:
    """(N,) the part of each image: whole sets, in shares of images as near to `PARTS` as their sizes allow.

    The same images in the same sets come to the same parts.

    Args:
        names: (N,) names of the images.
        sets: (N,) as `together` gives them.
    """
    part_of: dict[int, str] = {}
    sizes: dict[int, int] = {}
    for one in sets:
        sizes[one] = sizes.get(one, 0) + 1
    counts = dict.fromkeys(PARTS, 0)
    done = 0
    for one in shuffled(names, sets):
        done += sizes[one]
        part = max(PARTS, key=lambda name: PARTS[name] * done - counts[name])
        counts[part] += sizes[one]
        part_of[one] = part
    return [part_of[one] for one in sets]


def shuffled(names: Sequence[str], sets: Sequence[int]) -> list[int]:
    """The sets, each once, in an order that says nothing of them and is always the same."""
    least: dict[int, str] = {}
    for name, one in zip(names, sets, strict=True):
        least[one] = min(name, least.get(one, name))
    digest = {one: hashlib.blake2b(name.encode("utf-8", "surrogatepass")).digest() for one, name in least.items()}
    return sorted(digest, key=digest.__getitem__)


def part_named(value: str) -> str:
    """The part that a fact speaks of: "train", "validation", "test", else the value in letters, digits and "_"."""
    word = value.strip().casefold()
    if word in _WORDS:
        return _WORDS[word]
    name = re.sub(r"[^a-z0-9]+", "_", word).strip("_") or "part"
    return f"part_{name}" if name[0].isdigit() else name


def torn(sets: Sequence[int], parts: Sequence[str]) -> int:
    """How many sets have images in more than one part."""
    found: dict[int, set[str]] = {}
    for one, part in zip(sets, parts, strict=True):
        found.setdefault(one, set()).add(part)
    return sum(len(parts) > 1 for parts in found.values())
