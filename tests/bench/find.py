"""How long finding takes at 100,000 images: python -m tests.bench.find"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.images.preprocess import InputSpec
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.labels.fact_table import FactColumn, as_table
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Ids, Project
from cxr_explorer.search.conditions import (
    EXCLUDED,
    SEEN,
    Between,
    Column,
    Condition,
    Contains,
    Images,
    OneOf,
    conditions_text,
)
from cxr_explorer.search.similar import UnitEmbeddings
from cxr_explorer.search.words import Search

IMAGES = 100_000
DIMENSION = 512


def make(home: Path) -> Project:
    """A project of images that exist in the database only; a reader has labelled most of them."""
    encoder = EncoderInfo(Path("nowhere"), "toy", "Toy", "toy", DIMENSION, InputSpec(32), "0" * 64, "toy-1", "Bench")
    folder = home / "images"
    folder.mkdir()
    project = Project.create(home / "bench.cxr", folder, bundled_vocabularies()[0])
    project.update_files([ScannedFile(f"ward {n % 40:02}/{n:08}_{n % 7:03}.png", 1, 1) for n in range(IMAGES)], [])
    random = np.random.default_rng(0)
    with project.db.atomic():
        project.db.execute(
            "INSERT INTO encoders (key, name, dimension) VALUES (?, ?, ?)", [encoder.key, encoder.name, DIMENSION]
        )
        project.db.conn.executemany(
            "INSERT INTO embeddings VALUES (1, ?, ?)",
            ((n + 1, random.standard_normal(DIMENSION, dtype=np.float32).tobytes()) for n in range(IMAGES)),
        )
        project.db.conn.executemany(
            "UPDATE images SET state = 'read', facts = ? WHERE id = ?",
            (
                (
                    f'{{"view": "{("AP", "PA")[n % 2]}", "sex": "{("F", "M")[n % 3 % 2]}", "age": "{n % 90}", '
                    f'"maker": "Maker {n % 11}", "patient": "P{n // 3}"}}',
                    n + 1,
                )
                for n in range(IMAGES)
            ),
        )
    ids = np.arange(1, IMAGES + 1)
    one = np.ones(IMAGES, np.float32)
    xy = random.standard_normal((IMAGES, 2), dtype=np.float32)
    project.store_map(encoder, {}, ids, BuiltMap(xy, np.zeros(IMAGES, np.int32), one, one, one))
    for number, finding in enumerate(project.vocabulary.findings[:6]):
        share = ids[random.random(IMAGES) < 0.5]
        labelling.label(project, share, Judgement(finding, Value(number % 2), "ann", "cluster"))
    return project


def measure(name: str, run: Callable[[int], object], times: int = 15) -> None:
    """Prints the first call, and the median and the worst of those after it, in milliseconds."""
    taken = []
    for turn in range(times + 1):
        start = time.perf_counter()
        run(turn)
        taken.append((time.perf_counter() - start) * 1e3)
    print(f"{name:60} first {taken[0]:7.1f}   median {np.median(taken[1:]):7.1f}   worst {max(taken[1:]):7.1f}")


def longest(name: str, step: Callable[[], bool]) -> None:
    """Prints how long something takes that is done step by step, and its longest step: what the window waits for."""
    taken, done = [], False
    while not done:
        start = time.perf_counter()
        done = step()
        taken.append((time.perf_counter() - start) * 1e3)
    print(f"{name:60} {sum(taken):7.1f} in {len(taken)} steps, the longest {max(taken):.1f}")


def measure_filters(project: Project, ids: Ids) -> None:
    """Each condition by itself, on what was never asked before, and a filter of five of them."""
    facts = project.facts()
    columns: dict[str, FactColumn] = {}

    def fact(name: str) -> FactColumn:
        if name not in columns:
            columns[name] = as_table(facts).column(name, ids)
        return columns[name]

    view, sex, age = (Column("fact", name) for name in ("view", "sex", "age"))
    effusion = Column("finding", project.vocabulary.findings[3])
    conditions: list[Condition] = [
        OneOf(view, ("PA",)),
        OneOf(sex, ("F",)),
        Between(age, 40, 60),
        OneOf(effusion, ("not labelled",)),
        OneOf(EXCLUDED, ("not excluded",)),
        OneOf(SEEN, ("not seen",)),
        Contains("0042"),
    ]
    for condition in conditions:
        measure(f"condition {condition.text}", partial(_ask_anew, project, ids, fact, [condition]))
    five = conditions[:5]
    measure(f"filter {conditions_text(five)}", partial(_ask_anew, project, ids, fact, five))
    images = Images(project, ids, fact, "ann", "ann")
    measure("the same, while it is chosen", lambda _: images.passing(five))


def _ask_anew(
    project: Project, ids: Ids, fact: Callable[[str], FactColumn], conditions: list[Condition], _turn: int
) -> None:
    Images(project, ids, fact, "ann", "ann").passing(conditions)


def main() -> None:
    """Prints milliseconds."""
    with tempfile.TemporaryDirectory() as home, make(Path(home)) as project:
        atlas_map = project.latest_map()
        assert atlas_map is not None
        embeddings = UnitEmbeddings(project, atlas_map)
        pages = embeddings.load()
        longest(f"read {IMAGES:,} x {DIMENSION} embeddings", lambda: next(pages, None) is None)
        random = np.random.default_rng(1)
        chosen = random.integers(1, IMAGES, 50)
        measure("100 images like one", lambda turn: embeddings.alike(embeddings.vector(int(chosen[turn])), 101))
        region = np.sort(random.permutation(IMAGES)[:20_000]) + 1
        measure(
            "100 images like the centre of 20,000", lambda _: embeddings.alike(embeddings.centre(region), 100, region)
        )
        search = Search(project, atlas_map.image_ids, project.facts(), "ann")
        longest("get ready to search", search.prepare)
        for query in (
            "0042",
            "view:AP",
            "view:AP sex:F age:4",
            "p",
            "ward 12 effusion",
            "label:Effusion",
            "unlabelled",
            "P77",
        ):

            def ask(turn: int, query: str = query) -> None:
                if turn % 5 == 0:
                    search.forget_labels()
                search.find(query)

            measure(f"search {query}", ask)
        measure("jump to 0042", lambda _: search.named("0042", 50))
        measure_filters(project, atlas_map.image_ids)


if __name__ == "__main__":
    main()
