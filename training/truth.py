"""Writes what a data set says of its images as the table that `training.reader_simulation` takes for the truth.

    python -m training.truth --data MANIFEST_OR_DIR --source NAME --out truth.csv [--held-out]

One row an image with labels: its file, and 1 or 0 for every label of the source. A label with a detail in brackets
counts for the label before them too ("Pneumonia (viral)" is a Pneumonia). Where views are known, "view AP" is a column.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from training.data import Item, index, select
from training.tasks import VIEW


def truth_table(items: Sequence[Item]) -> list[list[str]]:
    """Header and rows; images without labels are left out.

    Args:
        items: Of one source.
    """
    known = [item for item in items if item.labels is not None]
    names = [
        {name for label in item.labels or () for name in (label, label.partition(" (")[0])} | _view(item)
        for item in known
    ]
    columns = sorted(set().union(*names)) if names else []
    views = all(item.view in ("AP", "PA") for item in known)
    columns = [name for name in columns if views or name != VIEW]
    rows = [
        [item.path.name, *(str(int(name in own)) for name in columns)] for item, own in zip(known, names, strict=True)
    ]
    return [["file", *columns], *rows]


def _view(item: Item) -> set[str]:
    return {VIEW} if item.view == "AP" else set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns 0, or 1 after a user error."""
    parser = argparse.ArgumentParser(prog="python -m training.truth", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="manifest, or folder of a data set")
    parser.add_argument("--source", required=True, help="source of the data")
    parser.add_argument("--held-out", action="store_true", help="only patients whom pretraining never saw")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    chosen = parser.parse_args(arguments)
    try:
        table = truth_table(select(index(chosen.data), (chosen.source,), "test" if chosen.held_out else None))
    except UserError as error:
        print(f"truth: {error}", file=sys.stderr)
        return 1
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    with atomic_write(chosen.out) as stream:
        stream.write(text.getvalue().encode())
    print(f"{len(table) - 1:,} images: {', '.join(table[0][1:])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
