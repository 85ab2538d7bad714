"""`outliers`, `duplicates`, `strangers` and `embeddings`: what a project holds, as lists and arrays."""

from __future__ import annotations

import argparse
import json
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cxr_explorer.atlas.duplicates import SHARE
from cxr_explorer.atlas.sheets import outliers
from cxr_explorer.cli.arguments import DONE, Command, add_json, latest_map
from cxr_explorer.files import atomic_write
from cxr_explorer.labels.confounders import percent
from cxr_explorer.project.project import Project
from cxr_explorer.search.duplicates import duplicates
from cxr_explorer.search.strangers import NO_REFERENCE, find_strangers, kept_ids


def add_commands(command: Command) -> None:
    """Adds the commands to the parser."""
    outlying = command("outliers", _outliers, "List the images that lie alone on the map, by GLOSH score.")
    outlying.add_argument("project", type=Path)
    outlying.add_argument("--count", type=int, default=50, metavar="N", help="how many (default: 50)")
    add_json(outlying)

    alike = command("duplicates", _duplicates, "List copies of one file and pictures that are nearly the same.")
    alike.add_argument("project", type=Path)
    add_json(alike)

    strange = command(
        "strangers", _strangers, "List the images that look like something else than a frontal chest film."
    )
    strange.add_argument("project", type=Path)
    add_json(strange)

    embeddings = command("embeddings", _embeddings, "Write embeddings and map as .npz for notebooks.")
    embeddings.add_argument("project", type=Path)
    embeddings.add_argument("out", type=Path)
    add_json(embeddings)


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
            what = "same file" if row["same_file"] else f"{percent(row['share'])} of usual"
            print(f"  {what:<13}  {row['file']}")
    if not groups:
        print("No two files or pictures are the same.")
    if not found.pictures:
        print("Only files were compared. `cxr-explorer map` compares the pictures as well.")
    return 0


def _strangers(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        found = find_strangers(project, latest_map(project))
        paths = project.paths()
        excluded = set(project.excluded_ids().tolist())
        kept = set(kept_ids(project).tolist())
    reasons = found.reasons
    listed = [
        {
            "file": paths[image_id],
            "by": found.source if image_id in found.by_header else "look",
            "reason": reasons[image_id],
            "excluded": image_id in excluded,
            "kept": image_id in kept,
        }
        for image_id in found.ids.tolist()
    ]
    if chosen.json:
        print(json.dumps({"looked": found.looked, "strangers": listed}))
        return DONE
    for image_id in found.ids.tolist():
        by = f"{found.source}: " if image_id in found.by_header else ""
        settled = "  (excluded)" if image_id in excluded else "  (kept)" if image_id in kept else ""
        print(f"{by + reasons[image_id]:<28}  {paths[image_id]}{settled}")
    if not listed:
        by = f"{found.source} or look" if found.looked else found.source
        print(f"No image looks like something else than a frontal chest film by its {by}.")
    if not found.looked:
        print(NO_REFERENCE)
    return DONE


def _embeddings(chosen: argparse.Namespace) -> int:
    with Project.open_read_only(chosen.project) as project:
        latest = latest_map(project)
        ids, embeddings = project.embeddings(latest.encoder_key)
        paths = project.paths()
    on_map = np.isin(ids, latest.image_ids)
    ids, embeddings = ids[on_map], embeddings[on_map]
    rows = np.searchsorted(latest.image_ids, ids)
    with atomic_write(chosen.out) as opened:
        _write_npz(
            opened,
            {
                "file": np.array([paths[image_id] for image_id in ids.tolist()]),
                "embedding": embeddings,
                "x": latest.xy[rows, 0],
                "y": latest.xy[rows, 1],
                "cluster": latest.identities()[rows],
            },
        )
    summary = {"images": len(ids), "dimension": embeddings.shape[1], "encoder": latest.encoder_key}
    print(json.dumps(summary) if chosen.json else f"{len(ids):,} embeddings written to {chosen.out}")
    return 0


def _write_npz(stream: BinaryIO, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    """As np.savez, which cannot store an array named "file"."""
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
