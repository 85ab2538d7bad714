"""Two encoders on the folder of a project: the second one's embeddings, its map, and which suits the reader's findings.

The window runs these generators in child processes and the command line itself. They read the project; what they yield
to be stored is stored by whoever has it open. Map, labels and settings of the project stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.build import BuiltMap, MapParameters, Stage
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch, Ready, Source, embed
from cxr_explorer.errors import UserError
from cxr_explorer.exchange.splits import together
from cxr_explorer.indexing import map_of_project
from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.pace import Pace, Progress
from cxr_explorer.probes.encoder_comparison import CHANCE, FindingComparison, Reading, compare_findings
from cxr_explorer.project.image_rows import insert_embeddings, patient_marks, without_embedding
from cxr_explorer.project.label_columns import looks_by_finding
from cxr_explorer.project.project import Ids, Project

ALIKE = 10
"""Nearest images of each that two encoders may have in common."""

MANY = 5
"""Findings from which on one difference alone may well be chance."""


@dataclass(frozen=True, eq=False)
class SecondMap:
    """A map of the same folder by another encoder; it is stored nowhere.

    Attributes:
        image_ids: (N,) int64, ascending.
        xy: (N, 2) float32.
        shared: Of the ALIKE nearest images of an image on the project's map, how many are so here, mean; None where
            that map's neighbours are not kept.
    """

    image_ids: Ids
    xy: NDArray[np.float32]
    shared: float | None


@dataclass(frozen=True)
class LabelComparison:
    """Two encoders on a reader's findings.

    Attributes:
        findings: One entry a finding that was read.
        read: Images read one by one for any of them.
        drawn: How many of these answers Read next had drawn at random, and of how many.
    """

    findings: tuple[FindingComparison, ...]
    read: int
    drawn: tuple[int, int]


def lacking(project: Project, encoder_key: str) -> list[Source]:
    """Images that were read, are there still, and have no embedding of this encoder."""
    folder = project.folder
    return [Source(image_id, folder / path) for image_id, path in without_embedding(project.db, encoder_key)]


def store_beside(project: Project, encoder: EncoderInfo, batch: Batch) -> int:
    """Stores a batch of another encoder's embeddings, and changes nothing else: no picture, no fact, no verdict.

    A file whose content is no longer the one that the map shows is left out: two encoders are to be compared on the
    same pictures. Looking for new images takes it in.

    Returns:
        How many were stored.
    """
    project.finish_steps()
    with project.db.atomic():
        return insert_embeddings(project.db, encoder, batch.embedded)


def embed_beside(path: Path, encoder: EncoderInfo, device: str) -> Iterator[Progress | Batch]:
    """Where the work stands, and batches to be stored with `store_beside`; images that have an embedding are left out.

    Raises:
        UserError: As `embed` does.
    """
    with Project.open_read_only(path) as project:
        images, folder = lacking(project, encoder.key), project.folder
    if not images:
        return
    yield Progress("Loading the encoder")
    pace = Pace("Analysing images", len(images))
    for item in embed(images, encoder.directory, device, folder=folder):
        if isinstance(item, Ready):
            yield pace.begin()
            continue
        yield item
        pace.advance(len(item.embedded) + len(item.unreadable))
        yield pace.now()


def map_beside(path: Path, encoder_key: str, parameters: MapParameters, device: str) -> Iterator[Progress | SecondMap]:
    """The map that the folder would have with this encoder: where the work stands, then the map.

    Raises:
        UserError: As `map_of_project` does.
    """
    image_ids: Ids = np.zeros(0, np.int64)
    for item in map_of_project(path, encoder_key, parameters, device):
        if isinstance(item, np.ndarray):
            image_ids = item
        elif isinstance(item, Stage):
            yield Progress(item.name, round(item.fraction * 100), 100 if item.fraction else 0)
        elif isinstance(item, BuiltMap):
            yield SecondMap(image_ids, item.xy, _shared(path, image_ids, item.neighbours))


def _shared(path: Path, image_ids: Ids, neighbours: Neighbours | None) -> float | None:
    """See `SecondMap.shared`, over the images that both maps have."""
    with Project.open_read_only(path) as project:
        atlas_map = project.latest_map()
        first = project.neighbours(atlas_map.map_id) if atlas_map is not None else None
    if atlas_map is None or first is None or neighbours is None or min(len(image_ids), len(first.indices)) <= ALIKE:
        return None
    rows, there = look_up(image_ids, atlas_map.image_ids)  # (M,) rows of the second map
    ours = np.where(there, rows, -1)[first.indices[there, 1 : ALIKE + 1]]  # (m, 10)
    theirs = neighbours.indices[rows[there], 1 : ALIKE + 1]
    return float((ours[:, :, None] == theirs[:, None, :]).any(axis=2).sum(axis=1).mean())


def compare_labels(path: Path, keys: tuple[str, str], reader: str) -> Iterator[Progress | LabelComparison]:
    """Which of two encoders puts a reader's findings together better: where the work stands, then the comparison.

    Only images count that both have analysed, and only answers given one by one.

    Args:
        path: The project file.
        keys: Of both encoders.
        reader: Whose answers.
    """
    begun = "Comparing the findings"
    yield Progress(begun)
    with Project.open_read_only(path) as project:
        looks = looks_by_finding(project, reader)
        ids = np.unique(np.concatenate([np.zeros(0, np.int64), *(one.image_ids for one in looks.values())]))
        for key in keys:
            ids = np.intersect1d(ids, project.embedded_ids(key), assume_unique=True)
        first, second = (_embeddings_of(project, key, ids) for key in keys)
        groups = project.patient_groups(ids).tolist()
        told = [group if group >= 0 else None for group in groups]
        patients = np.array(together(len(ids), [told, patient_marks(project.db, ids)]), np.int64)
    readings, drawn = {}, [0, 0]
    for finding, one in looks.items():
        rows, there = look_up(ids, one.image_ids)
        readings[finding] = Reading(rows[there], one.present[there])
        drawn[0] += int(one.drawn[there].sum())
        drawn[1] += int(there.sum())
    found: list[FindingComparison] = []
    for comparison in compare_findings(first, second, readings, patients):
        found.append(comparison)
        yield Progress(begun, len(found), len(readings))
    yield LabelComparison(tuple(found), len(ids), (drawn[0], drawn[1]))


def _embeddings_of(project: Project, key: str, ids: Ids) -> NDArray[np.float32]:
    known, embeddings = project.embeddings(key)
    rows, there = look_up(known, ids)
    if not there.all():
        raise UserError(f"Some embeddings of {project.path} are damaged. Look for new images: they are made anew.")
    return embeddings[rows]


# -- in words ----------------------------------------------------------------------------------------------------------


def figure(value: float) -> str:
    """ ".93", "1.00", "-.02": an AUROC or a difference of two."""
    text = f"{value:.2f}".replace("-0.00", "0.00")
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def in_words(found: FindingComparison, names: tuple[str, str]) -> str:
    """What the films say of two encoders on one finding, in a sentence or two."""
    finding, contest = finding_text(found.finding), found.contest
    if contest is None:
        kinds = [
            f"{count:,} more {kind} it" for count, kind in zip(found.lacking, ("with", "without"), strict=True) if count
        ]
        return (
            f"{finding}: {found.present:,} films with it and {found.absent:,} without were read one by one, too few to "
            f"compare encoders. Read at least {' and '.join(kinds)}, each of another patient."
        )
    first, second = contest.aurocs
    low, high = contest.low, contest.high
    better = contest.better
    films = f"{contest.films:,} films read one by one"
    if contest.by_chance:
        return (
            f"{finding}: from {films} neither encoder can be told from chance, which is {figure(CHANCE)}: "
            f"{figure(first)} and {figure(second)}."
        )
    if better is None:
        return (
            f"{finding}: no difference can be told from {films}: {figure(first)} and {figure(second)}, difference "
            f"{figure(contest.difference)} ({figure(low)} to {figure(high)})."
        )
    if better:
        first, second, low, high = second, first, -high, -low
    return (
        f"{names[better]} puts {finding} together better: {figure(first)} against {figure(second)}, difference "
        f"{figure(first - second)} ({figure(low)} to {figure(high)}), from {films}."
    )


def summary(compared: LabelComparison, names: tuple[str, str]) -> str:
    """What all findings together say, and what to know of it."""
    if not compared.findings:
        return (
            "No film was read one by one yet: which encoder puts your findings together better, only such answers can "
            "tell. Labels given in bulk and accepted suggestions do not count: they follow the map they were given on."
        )
    told = [one.contest for one in compared.findings if one.contest is not None]
    if not told:
        return f"{compared.read:,} films were read one by one: too few of any finding to compare the encoders yet."
    won = [[contest.better for contest in told].count(which) for which in (0, 1)]
    lines = [
        f"{names[0]} is better on {won[0]}, {names[1]} on {won[1]} of {len(told)} findings with enough films; on "
        f"{len(told) - won[0] - won[1]} no difference can be told."
    ]
    if len(told) >= MANY and any(won):
        lines.append(f"One interval in 20 misses the truth: of {len(told)}, one better by chance is no surprise.")
    if compared.drawn[0] < compared.drawn[1]:
        lines.append(
            f"{compared.drawn[0]:,} of {compared.drawn[1]:,} answers are to films drawn at random. Films chosen for "
            "doubt are harder: both figures are then lower, and their difference may be another than on all films."
        )
    return " ".join(lines)


def left_out_text(first: Ids, second: SecondMap) -> str:
    """Images of the project's map that the second one lacks, in words; empty where there are none."""
    gone = int((~np.isin(first, second.image_ids)).sum())
    return f"{images_text(gone)} left out, which could not be read again or changed since." if gone else ""
