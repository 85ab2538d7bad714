"""How many images must a reader look at? Plays a truthful reader against a project, and reports the curve.

    python -m training.reader_simulation --project FILE --truth CSV --finding NAME [--json]

The truth has a column `file` and one column a finding, 1 or 0; images without either are left out. The reader looks at
contact sheets of the project's clusters first (every image shown counts as looked at), then at single images, as
`cxr_explorer.probes.probe` chooses; images that were looked at are right, the rest is as suggested. Beside it stand
random reading with the same probe, and the more frequent answer for all that was not read.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.probes.features import prepare
from cxr_explorer.project.project import AtlasMap, Project
from cxr_explorer.tables.matching import match_files
from training.simulated_reader import COVERED, LOOKED, Point, Simulation, simulate


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns 0, or 1 after a user error."""
    parser = argparse.ArgumentParser(prog="python -m training.reader_simulation", description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, required=True, help="project file (.cxr) with embeddings and a map")
    parser.add_argument("--truth", type=Path, required=True, help="CSV: file, and one column a finding with 1 or 0")
    parser.add_argument("--finding", required=True, help="column of the truth")
    parser.add_argument("--encoder", action="append", help="key of an encoder; several are put side by side")
    parser.add_argument("--seeds", type=int, default=5, help="number of runs (default: 5)")
    parser.add_argument(
        "--looked", type=float, nargs="+", default=list(LOOKED), metavar="SHARE", help="looked at, 0 to 1, to report at"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args(arguments)
    if not all(0 < share <= 1 for share in chosen.looked):
        parser.error("--looked takes shares above 0 and at most 1")
    try:
        truth = read_truth(chosen.truth, chosen.finding)
        with Project.open_read_only(chosen.project) as project:
            embeddings, clusters, answers = gather(project, truth, chosen.encoder or [])
    except UserError as error:
        print(f"reader_simulation: {error}", file=sys.stderr)
        return 1
    result = simulate(
        lambda seed: prepare(embeddings, seed=seed),
        clusters,
        answers,
        sorted(set(chosen.looked)),
        seeds=range(chosen.seeds),
        progress=lambda seed: print(f"run {seed + 1} of {chosen.seeds} done", file=sys.stderr),
    )
    print(to_text(result, chosen.finding))
    if chosen.json:
        print(json.dumps({"finding": chosen.finding, **to_dict(result)}))
    return 0


def read_truth(table: Path, finding: str) -> dict[str, bool]:
    """The answer of every file that the table gives one for.

    Raises:
        UserError: The table cannot be read, has no such column, or answers with something else than 1 or 0.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = reader.fieldnames or []
            for name in ("file", finding):
                if name not in names:
                    raise UserError(
                        f"The truth {table} has no column {name!r}, only {', '.join(names)}. Choose one of these."
                    )
            cells = [(row["file"], (row[finding] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The truth {table} cannot be read: {error}. Choose a CSV file.") from error
    if odd := next((cell for _, cell in cells if cell not in ("1", "0", "1.0", "0.0", "")), None):
        raise UserError(f"The truth {table} answers {odd!r} for {finding}. Write 1 or 0, or leave the cell empty.")
    return {file: cell.startswith("1") for file, cell in cells if cell}


def gather(
    project: Project, truth: dict[str, bool], encoder_keys: Sequence[str] = ()
) -> tuple[list[NDArray[np.float32]], NDArray[np.int32], NDArray[np.bool_]]:
    """What a simulation needs, of the images that are on the newest map and have a truth.

    Args:
        project: Has a map.
        truth: Answers by file.
        encoder_keys: Whose embeddings to use, side by side; empty: those of the map.

    Returns:
        Embeddings (N, D) of each encoder, clusters (N,), answers (N,).

    Raises:
        UserError: There is no map, an encoder embedded none of its images, or the truth has one answer only for them.
    """
    atlas = project.latest_map()
    if atlas is None:
        raise UserError(f"The project {project.path} has no map. Index its folder first.")
    ids, answers = _answers(project, atlas, truth)
    blocks = []
    for key in encoder_keys or [atlas.encoder_key]:
        known, vectors = project.embeddings(key)
        if not np.isin(ids, known).all():
            raise UserError(f"The encoder {key} has not embedded every image of the map. Index the folder with it.")
        blocks.append(vectors[np.searchsorted(known, ids)])
    return blocks, atlas.clusters[np.searchsorted(atlas.image_ids, ids)], answers


def _answers(project: Project, atlas: AtlasMap, truth: dict[str, bool]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    matched = match_files(truth, project.paths().values()).matched  # file of the truth -> path
    by_path = {path: truth[file] for file, path in matched.items()}
    found = {image_id: by_path[path] for image_id, path in project.paths().items() if path in by_path}
    ids = np.array([image_id for image_id in atlas.image_ids.tolist() if image_id in found], dtype=np.int64)
    answers = np.array([found[image_id] for image_id in ids.tolist()], dtype=np.bool_)
    if len(ids) < 2 or answers.all() or not answers.any():
        raise UserError(
            f"The truth has {int(answers.sum())} images with the finding and {int((~answers).sum())} without among "
            "those on the map; both must be there. Check that its files are those of the project."
        )
    return ids, answers


def to_dict(result: Simulation) -> dict[str, Any]:
    """Plain values for JSON: per share looked at the mean over runs, and least and greatest."""

    def by_share(values: Sequence[Any]) -> dict[str, Any]:
        return {f"{share:g}": value for share, value in zip(result.looked, values, strict=True)}

    def summary(runs: Sequence[Sequence[Point]], name: str) -> dict[str, dict[str, float | None]]:
        columns = [[float(getattr(point, name)) for point in points] for points in zip(*runs, strict=True)]
        return by_share([{"mean": _mean(c), "min": _least(c), "max": _most(c)} for c in columns])

    def means(runs: Sequence[Sequence[Point]], name: str) -> dict[str, float | None]:
        return {share: value["mean"] for share, value in summary(runs, name).items()}

    precision = [
        np.mean([point.precision_at for point in points], axis=0) for points in zip(*result.chosen, strict=True)
    ]
    return {
        "images": result.images,
        "prevalence": round(result.prevalence, 6),
        "runs": len(result.chosen),
        "accuracy_at_looked": means(result.chosen, "accuracy"),
        "accuracy_range": summary(result.chosen, "accuracy"),
        "random_accuracy_at_looked": means(result.random, "accuracy"),
        "random_accuracy_range": summary(result.random, "accuracy"),
        "majority_accuracy_at_looked": by_share([round(value, 6) for value in result.majority]),
        "decisions_at_looked": means(result.chosen, "decisions"),
        "expected_accuracy_at_looked": means(result.chosen, "expected_accuracy"),
        "sure_coverage_at_looked": means(result.chosen, "sure"),
        "sure_precision_at_looked": means(result.chosen, "sure_precision"),
        "precision_at_coverage": by_share(
            [{f"{c:g}": _mean([float(v)]) for c, v in zip(COVERED, row, strict=True)} for row in precision]
        ),
    }


def to_text(result: Simulation, finding: str) -> str:
    """The same for people: a Markdown table."""
    values = to_dict(result)
    lines = [
        f"{finding}: {result.images:,} images, {result.prevalence:.1%} present, {len(result.chosen)} runs",
        "",
        "| looked at | right | least to most | random reading | majority answer | decisions | surest 90 % right |",
        "|---|---|---|---|---|---|---|",
    ]
    for share, spread in values["accuracy_range"].items():
        surest = values["precision_at_coverage"][share]["0.9"]
        lines.append(
            f"| {float(share):.0%} | {spread['mean']:.4f} | {spread['min']:.4f} to {spread['max']:.4f} "
            f"| {values['random_accuracy_at_looked'][share]:.4f} | {values['majority_accuracy_at_looked'][share]:.4f} "
            f"| {values['decisions_at_looked'][share]:.0f} | {'' if surest is None else f'{surest:.4f}'} |"
        )
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if not np.isnan(value)]
    return round(float(np.mean(known)), 6) if known else None


def _least(values: Sequence[float]) -> float | None:
    return round(min(values), 6) if not np.isnan(values).any() else None


def _most(values: Sequence[float]) -> float | None:
    return round(max(values), 6) if not np.isnan(values).any() else None


if __name__ == "__main__":
    sys.exit(main())
