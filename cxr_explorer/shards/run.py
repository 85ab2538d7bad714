"""A whole run: from films to shards, in this process or on a cluster; one that was stopped goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.pace import Pace, Progress
from cxr_explorer.shards.embedding import Advanced, Lost, Task, Written, embed_here, shards_of, shards_to_do
from cxr_explorer.shards.films import find_films
from cxr_explorer.shards.manifest import begin_or_resume
from cxr_explorer.shards.on_ray import Workers, embed_on_ray
from cxr_explorer.shards.store import Store
from cxr_explorer.shards.table import parquet, unreadable_of


@dataclass
class EmbedReport:
    """What a run did; its fields are those of `embed --json`.

    Attributes:
        images: Films of the list.
        embedded: Films embedded now.
        reused: Films in shards that stood.
        unreadable: Films that could not be read now.
        failed: The first of them with reasons; the shards hold all.
        shards: How many the run has.
        lost_workers: How often a worker ended over a shard.
        seconds: By stage.
        device: Where the encoder ran.
        encoder: Its key.
    """

    images: int = 0
    embedded: int = 0
    reused: int = 0
    unreadable: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    shards: int = 0
    lost_workers: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = ""
    encoder: str = ""


FAILURES_TOLD = 100
"""So many unreadable files are named at the end of a run."""


@dataclass(frozen=True)
class Where:
    """Where a run goes on.

    Attributes:
        address: Of a Ray cluster, see `embed_on_ray`; None for this process alone.
        workers: Of the cluster.
    """

    address: str | None = None
    workers: Workers = Workers()  # noqa: RUF009 - frozen


HERE = Where()


def embed_films(
    films_place: str,
    out: str,
    encoder: EncoderInfo,
    device: str = "auto",
    where: Where = HERE,
    shard_size: int | None = None,
    retry_failed: bool = False,
    tell: Callable[[Progress | Written | Lost], None] = lambda _: None,
) -> EmbedReport:
    """Embeds films into shards.

    Args:
        films_place: A folder, a prefix or a list, see `find_films`.
        out: A folder or a prefix for the shards.
        encoder: By what.
        device: "auto", "cpu", "cuda" or "mps".
        where: In this process or on a cluster.
        shard_size: Films a shard, see `begin_or_resume`.
        retry_failed: Whether shards with files that could not be read are made anew.
        tell: Told where the run stands.

    Raises:
        UserError: As `find_films`, `begin_or_resume`, `embed_on_ray` and `Worker` do; shards that are there stay.
    """
    parquet()  # where it is missing, that is said first
    report = EmbedReport(encoder=encoder.key)
    start = time.monotonic()
    tell(Progress("Looking for images"))
    films = find_films(films_place)
    store = Store(out.rstrip("/"))
    manifest = begin_or_resume(store, films, encoder, shard_size)
    shards = shards_of(films, manifest)
    due = shards_to_do(store, shards, retry_failed)
    report.images, report.shards = len(films.files), len(shards)
    report.reused = report.images - sum(len(shard.films) for shard in due)
    report.seconds["scan"] = round(time.monotonic() - start, 3)

    start = time.monotonic()
    pace = Pace("Analysing images", report.images - report.reused)
    tell(Progress("Loading the encoder"))
    task = Task(encoder.directory, encoder.key, device, manifest, store.place)
    steps = (
        iter(())
        if not due
        else embed_here(task, due)
        if where.address is None
        else embed_on_ray(task, due, where.address, where.workers)
    )
    begun = False
    for step in steps:
        if isinstance(step, Advanced):
            if not begun:
                pace.begin()
                begun = True
            pace.advance(step.images)
            tell(pace.now())
            continue
        tell(step)
        if isinstance(step, Lost):
            report.lost_workers += 1
            continue
        report.device = step.device
        report.embedded += step.images - step.unreadable
        report.unreadable += step.unreadable
        if step.unreadable and len(report.failed) < FAILURES_TOLD:
            report.failed += [*unreadable_of(store, step.number)][: FAILURES_TOLD - len(report.failed)]
    report.seconds["embed"] = round(time.monotonic() - start, 3)
    return report
