"""The command line's share of lists: `outliers` and `duplicates`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cxr_explorer.atlas.duplicates import SHARE
from cxr_explorer.atlas.sheets import outliers
from cxr_explorer.errors import UserError
from cxr_explorer.project.duplicates import duplicates
from cxr_explorer.project.project import AtlasMap, Project

Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def add_list_commands(command: Command, add_json: Callable[[argparse.ArgumentParser], None]) -> None:
    """Adds `outliers` and `duplicates` to the parser."""
    outlying = command("outliers", _outliers, "List the images that lie alone on the map, by GLOSH score.")
    outlying.add_argument("project", type=Path)
    outlying.add_argument("--count", type=int, default=50, metavar="N", help="how many (default: 50)")
    add_json(outlying)

    alike = command("duplicates", _duplicates, "List copies of one file and pictures that are nearly the same.")
    alike.add_argument("project", type=Path)
    add_json(alike)


def latest_map(project: Project) -> AtlasMap:
    """The newest map. Raises UserError where there is none."""
    latest = project.latest_map()
    if latest is None:
        raise UserError(f"{project.path} has no map yet. Run `cxr-explorer index` first.")
    return latest


def _outliers(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        latest = latest_map(project)
        ids, scores = outliers(latest.image_ids, latest.outlier, chosen.count)
        paths = project.paths()
    listed = [
        {"file": paths[image_id], "score": round(score, 4), "cluster": identity + 1}
        for image_id, score, identity in zip(
            ids.tolist(),
            scores.tolist(),
            latest.identities()[np.searchsorted(latest.image_ids, ids)].tolist(),
            strict=True,
        )
    ]
    if chosen.json:
        print(json.dumps({"images": len(latest.image_ids), "outliers": listed}))
        return 0
    for row in listed:
        place = f"cluster {row['cluster']}" if row["cluster"] else "unclustered"
        print(f"{row['score']:.3f}  {place:<12}  {row['file']}")
    if not listed:
        print("No image lies alone: the map has one cluster.")
    return 0


def _duplicates(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        latest = latest_map(project)
        found = duplicates(project, latest)
        paths = project.paths()
    groups: list[list[dict[str, Any]]] = [[] for _ in range(found.groups)]
    for image_id, group, share, same in zip(
        found.image_ids.tolist(), found.group.tolist(), found.share.tolist(), found.same_file.tolist(), strict=True
    ):
        groups[group].append({"file": paths[image_id], "share": round(share, 4), "same_file": same})
    if chosen.json:
        print(json.dumps({"limit": SHARE, "pictures_compared": found.pictures, "groups": groups}))
        return 0
    for number, group_rows in enumerate(groups, 1):
        print(f"Group {number}")
        for row in group_rows:
            what = "same file" if row["same_file"] else f"{row['share']:.0%} of usual"
            print(f"  {what:<13}  {row['file']}")
    if not groups:
        print("No two files or pictures are the same.")
    if not found.pictures:
        print("Only files were compared. `cxr-explorer map` compares the pictures as well.")
    return 0
