"""The command line's share of cluster work: `clusters` lists them, and divides the map more finely or coarsely."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from cxr_explorer.atlas.ladder import level_of_count, rung_of_level
from cxr_explorer.cli.arguments import Command, add_json, latest_map
from cxr_explorer.errors import UserError
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.project import label_columns, partitions
from cxr_explorer.project.project import Project


def add_commands(command: Command) -> None:
    """Adds `clusters` to the parser."""
    clusters = command("clusters", _clusters, "List the clusters of the newest map, or divide it anew.")
    clusters.add_argument("project", type=Path)
    clusters.add_argument(
        "--level",
        type=float,
        metavar="L",
        help="divide the map: 0 as coarsely, 1 as finely as its tree allows; names and labels stay",
    )
    clusters.add_argument("--reader", default="reader 1", help="whose labels are counted, and who divides")
    add_json(clusters)


def _clusters(chosen: argparse.Namespace) -> int:
    if chosen.level is not None and not 0 <= chosen.level <= 1:
        raise UserError(f"The level {chosen.level:g} is not between 0 (coarse) and 1 (fine).")
    reader = check_reader(chosen.reader)
    text = None
    with Project.open_read_only(chosen.project) if chosen.level is None else Project.open(chosen.project) as project:
        ladder = partitions.ladder_of(project, latest_map(project))
        if chosen.level is not None:
            if ladder is None:
                raise UserError(
                    f"The map of {chosen.project} was made by an older version and cannot be divided anew. "
                    "Run `cxr-explorer map` once."
                )
            change = partitions.set_rung(project, ladder, rung_of_level(ladder, chosen.level), reader)
            text = change.text if change is not None else "The map is divided like this already."
        latest = latest_map(project)
        labelled = np.isin(latest.image_ids, label_columns.labelled_ids(project, reader))
    listed = [
        {
            "cluster": group.identity + 1,
            "name": group.title,
            "images": int((latest.clusters == number).sum()),
            "labelled": int(labelled[latest.clusters == number].sum()),
            "lineage": group.lineage,
            "from": [identity + 1 for identity in group.sources],
        }
        for number, group in enumerate(latest.groups)
    ]
    noise = int((latest.clusters < 0).sum())
    if chosen.json:
        level = round(level_of_count(ladder, len(listed)), 4) if ladder is not None else None
        print(json.dumps({"images": len(latest.image_ids), "level": level, "unclustered": noise, "clusters": listed}))
        return 0
    if text is not None:
        print(text)
    for row, group in zip(listed, latest.groups, strict=True):
        lineage = partitions.lineage_text(latest.groups, group)
        more = f"  ({lineage})" if lineage else ""
        print(f"{row['cluster']:>5}  {row['images']:>7,} images  {row['labelled']:>7,} labelled  {row['name']}{more}")
    print(f"{noise:,} unclustered")
    return 0
