"""How every stage and act grows with the number of images.

    python -m tests.bench.growth --json
    python -m tests.bench.growth --sizes 1000 10000 100000 --plot resources/docs/growth.svg --json
    python -m tests.bench.growth --only "label all" "undo" --json
    python -m tests.bench.growth --draw RESULT.json --plot resources/docs/growth.svg

Processor seconds of each, least of several runs, on projects of simulated images (`tests.bench.big_project`): a busy
machine changes them little. A stage's exponent is the slope of log seconds over log images between its last two sizes:
1 is in proportion, 2 the square. Where a stage takes less than a hundredth of a second even at the largest size nothing
can be read off it, and there is none. `--most` bounds the sizes of the stages that make a map: their exact neighbours
grow with the square.

The last line is JSON: `worst_window` (the largest exponent of what the window does on its own thread), `too_steep`
(names with more than 1.1), and for each stage its place, `seconds` by size, and `exponent`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tests.bench.growth_plot import draw

Place = Literal["window", "child", "both"]
"""Whose thread waits: the window's, or a process beside it. "both": in the window step by step."""

LIMIT = 1.1
LEAST_S = 0.01
"""Below this nothing can be said of how it grows."""

RUNS = 3
LONG_S = 2.0
"""What takes longer is run once."""

FILMS = (25, 100)
"""Of a film's way from file to embedding: each is alone, and more would only take longer."""


@dataclass(frozen=True)
class Stage:
    """Something that is timed.

    Attributes:
        name: What.
        place: Where it runs in the program.
        run: Does it once.
        before: Done before each run, and not timed.
        most: Largest number of images it is tried at.
    """

    name: str
    place: Place
    run: Callable[[], object]
    before: Callable[[], object] = lambda: None
    most: float = math.inf


def seconds_of(stage: Stage) -> float:
    """Processor seconds of all threads, the least of some runs after one that loads what it needs."""
    taken: list[float] = []
    while len(taken) <= RUNS and (not taken or taken[-1] < LONG_S):
        stage.before()
        begun = time.process_time()
        stage.run()
        taken.append(time.process_time() - begun)
    return min(taken)


def exponent(seconds: dict[int, float]) -> float | None:
    """Slope between the two largest sizes; None where they take no time to speak of, or there is one size."""
    if len(seconds) < 2:
        return None
    (few, less), (many, more) = sorted(seconds.items())[-2:]
    if more < LEAST_S:
        return None
    return round(math.log(more / max(less, 1e-4)) / math.log(many / few), 2)


# -- the stages --------------------------------------------------------------------------------------------------------


def stages(home: Path, images: int, most_mapped: float, hold: ExitStack) -> Iterator[Stage]:
    """Every stage on a project of so many images; what they need is made as it is needed, in this order."""
    from cxr_explorer.project.project import Project
    from tests.bench.big_project import make_big_project

    yield from _folder_stages(home, images)
    path = home / "big.cxr"
    make_big_project(path, images)
    yield Stage("open", "window", lambda: Project.open(path, back_up=False).close())
    project = hold.enter_context(Project.open(path, back_up=False))
    yield from _map_stages(project, most_mapped)
    yield from _reading_stages(project)
    yield from _act_stages(project)
    yield from _finding_stages(project)
    yield from _judging_stages(project)
    yield from _table_stages(project, home)


def _folder_stages(home: Path, images: int) -> Iterator[Stage]:
    from cxr_explorer.images.scan import scan
    from cxr_explorer.labels.vocabulary import bundled_vocabularies
    from cxr_explorer.project.project import Project

    folder = home / "folder"
    for number in range(images):
        if number % 1000 == 0:
            (folder / f"{number // 1000:04}").mkdir(parents=True)
        (folder / f"{number // 1000:04}" / f"{number:08}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    yield Stage("scan the folder", "child", lambda: list(scan(folder)))
    files = list(scan(folder))
    new = home / "new.cxr"
    with Project.create(new, folder, bundled_vocabularies()[0]) as project:
        yield Stage(
            "take in the files",
            "window",
            lambda: project.update_files(files, ()),
            lambda: project.db.execute("DELETE FROM images"),
        )


def _map_stages(project: Any, most: float) -> Iterator[Stage]:
    import numpy as np

    from cxr_explorer.atlas.build import BuiltMap, MapParameters
    from cxr_explorer.atlas.clusters import find_clusters, typicality
    from cxr_explorer.atlas.ladder import cut_at, make_ladder
    from cxr_explorer.atlas.layout import layout
    from cxr_explorer.atlas.neighbours import find_neighbours
    from cxr_explorer.encoder.checkpoint import default_encoder

    parameters = MapParameters()
    encoder = default_encoder()
    ids, vectors = project.embeddings(encoder.key)
    xy = project.latest_map().xy
    yield Stage("read the embeddings", "child", lambda: project.embeddings(encoder.key))
    if len(ids) <= most:
        k = parameters.layout.n_neighbours
        yield Stage("neighbours", "child", lambda: find_neighbours(vectors, k))
        near = find_neighbours(vectors, k)
        yield Stage("layout", "child", lambda: layout(near, vectors, parameters.layout))
    yield Stage("clusters", "child", lambda: find_clusters(xy, parameters.clusters))
    found = find_clusters(xy, parameters.clusters)
    typical = typicality(vectors, found.labels)
    built = BuiltMap(xy, found.labels, found.strength, found.outlier, typical, found.tree, project.neighbours(1))
    ladder = make_ladder(found.tree, len(ids), 20, len(ids) / 2)
    yield Stage("a cut of the clusters", "window", lambda: cut_at(ladder, ladder.start))
    yield Stage("store the map", "window", lambda: project.store_map(encoder, parameters.to_dict(), ids, built))
    assert np.array_equal(project.latest_map().image_ids, ids)


def _reading_stages(project: Any) -> Iterator[Stage]:
    from cxr_explorer.project.label_columns import label_column
    from cxr_explorer.search.duplicates import duplicates
    from tests.bench.big_project import READER

    finding = project.vocabulary.findings[1]
    atlas_map = project.latest_map()
    yield Stage("read the map", "window", project.latest_map)
    yield Stage("read the facts", "window", project.facts)
    yield Stage("read the paths", "window", project.paths)
    yield Stage("read a finding's labels", "window", lambda: label_column(project, finding, READER))
    yield Stage("find duplicates", "child", lambda: duplicates(project, atlas_map))


def _act_stages(project: Any) -> Iterator[Stage]:
    from cxr_explorer.labels.label import Judgement, Value
    from cxr_explorer.project import acts, labelling
    from tests.bench.big_project import READER

    ids = project.latest_map().image_ids
    finding = project.vocabulary.findings[0]
    judgement = Judgement(finding, Value.PRESENT, READER, "selection", None, 1)

    def label() -> None:
        labelling.label(project, ids, judgement)

    undo, redo = partial(acts.undo, project), partial(acts.redo, project)
    yield Stage("ask what labelling all would do", "window",
                lambda: labelling.plan_label(project, ids, finding, Value.PRESENT, READER))  # fmt: skip
    yield Stage("label all", "both", label, lambda: acts.undo(project) if _last_is(project, finding) else None)
    yield Stage("undo", "both", undo, lambda: None if _last_is(project, finding) else redo())
    yield Stage("redo", "both", redo, lambda: undo() if _last_is(project, finding) else None)
    yield Stage("set all aside", "both", lambda: labelling.exclude(project, ids, True, READER), _back(project, ids))
    labelling.exclude(project, ids, False, READER)


def _last_is(project: Any, finding: str) -> bool:
    from cxr_explorer.project import acts

    return (acts.undo_text(project) or "").startswith(finding)


def _back(project: Any, ids: Any) -> Callable[[], object]:
    from cxr_explorer.project import labelling
    from tests.bench.big_project import READER

    return lambda: labelling.exclude(project, ids, False, READER)


def _finding_stages(project: Any) -> Iterator[Stage]:
    from cxr_explorer.search.similar import UnitEmbeddings
    from cxr_explorer.search.words import Search
    from tests.bench.big_project import READER

    atlas_map = project.latest_map()
    facts = project.facts()
    yield Stage("get ready to search", "both", lambda: _exhaust(Search(project, atlas_map.image_ids, facts, READER)))
    search = Search(project, atlas_map.image_ids, facts, READER)
    _exhaust(search)
    yield Stage("search a name", "window", lambda: search.find("0042"))
    yield Stage("search facts", "window", lambda: search.find("view:AP sex:F"))
    embeddings = UnitEmbeddings(project, atlas_map)
    for _ in embeddings.load():
        pass
    yield Stage("100 images like one", "window", lambda: embeddings.alike(embeddings.vector(7), 101))


def _exhaust(search: Any) -> None:
    while not search.prepare():
        pass


def _judging_stages(project: Any) -> Iterator[Stage]:
    import numpy as np

    from cxr_explorer.labels.confounders import code_facts, find_confounders
    from cxr_explorer.labels.fact_table import as_table
    from cxr_explorer.labels.label import Judgement, Value
    from cxr_explorer.project import labelling
    from cxr_explorer.project.audits import conduct
    from cxr_explorer.project.audits.bounds import label_bounds
    from cxr_explorer.project.audits.lots import lot_of
    from cxr_explorer.project.audits.records import audit_records
    from cxr_explorer.project.label_columns import label_column
    from cxr_explorer.report.progress import count_work
    from cxr_explorer.search.conditions import Column, Images, OneOf
    from cxr_explorer.suggesting import Question, Suggester
    from tests.bench.big_project import READER

    atlas_map = project.latest_map()
    ids, names = atlas_map.image_ids, project.vocabulary.findings
    facts = project.facts()
    view = as_table(facts).column("view", ids)
    unread = OneOf(Column("finding", names[3]), ("not labelled",))

    def narrow() -> None:
        Images(project, ids, lambda _: view, READER, READER).passing([OneOf(Column("fact", "view"), ("PA",)), unread])

    yield Stage("a fact for colours", "window", lambda: as_table(facts).column("view", ids))
    yield Stage("filter", "window", narrow)
    columns = code_facts(ids, facts)
    rows = np.flatnonzero(atlas_map.clusters == 0)
    yield Stage("what a cluster has in common", "window", lambda: find_confounders(columns, rows))
    suggester = Suggester(project)
    question = Question(names[6], READER)
    suggester.suggest(question)  # prepares the features, once for a map

    def answer() -> None:  # else nothing is computed anew
        value = Value(1 - label_column(project, names[6], READER).values[0])
        labelling.label(project, label_column(project, names[6], READER).image_ids[:1],
                        Judgement(names[6], value, READER, "single"))  # fmt: skip

    yield Stage("suggest, with the probe's training", "child", lambda: suggester.suggest(question), answer)
    lot = lot_of(project, names[1], READER)
    yield Stage("gather an audit's lot", "window", lambda: lot_of(project, names[1], READER))
    conduct.start(project, lot, 0.05, 0.95, seed=1)
    yield Stage("read the audits", "window", lambda: audit_records(project))
    yield Stage("bounds of labels", "child", lambda: label_bounds(project))
    yield Stage("count the work done", "child", lambda: count_work(project, READER))


def _table_stages(project: Any, home: Path) -> Iterator[Stage]:
    from cxr_explorer.colours import ON_PAPER
    from cxr_explorer.project import acts, exporting, importing
    from cxr_explorer.project.backup import back_up_daily, backups
    from cxr_explorer.report.write import Choices, write_report
    from tests.bench.tables import FORMS, write_nih_like

    out, table = home / "out.csv", home / "table.csv"
    for form in FORMS:
        yield Stage(f"export, {form}", "child", partial(exporting.export_labels, project, out, form))
    write_nih_like(project, table)
    yield Stage("read a label table", "child", lambda: list(importing.examined_labels(table, project.path, "table")))
    *_, found = importing.examined_labels(table, project.path, "table")

    def take_in() -> None:
        importing.import_labels(project, found.rows, "table")

    def take_back() -> None:
        if (acts.undo_text(project) or "").startswith("Imported"):
            acts.undo(project)

    yield Stage("store a label table", "both", take_in, take_back)
    yield Stage("report", "child", lambda: list(write_report(project.path, home / "r.html", ON_PAPER, Choices())))

    def forget() -> None:
        for old in backups(project.path):
            old.unlink()

    yield Stage("back up", "child", lambda: back_up_daily(project.path), forget)


def film_seconds(home: Path) -> dict[int, float]:
    """Of so many simulated films: from the file to the embedding, in the processes that do it in the program."""
    from cxr_explorer.demo import drawing_demo
    from cxr_explorer.encoder.checkpoint import default_encoder
    from cxr_explorer.encoder.embed import Source, embed

    folder = home / "films"
    for _ in drawing_demo(folder, max(FILMS)):
        pass
    films = [Source(number, path) for number, path in enumerate(sorted(folder.rglob("*.*")), 1)]
    taken = {}
    for count in FILMS:
        begun = _with_children()
        for _ in embed(films[:count], default_encoder().directory, "cpu"):
            pass
        taken[count] = _with_children() - begun
    return taken


def _with_children() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


# -- the command -------------------------------------------------------------------------------------------------------


def measure(sizes: Sequence[int], most_mapped: float, only: Sequence[str], quiet: bool) -> dict[str, Any]:
    """What the last line says."""
    seconds: dict[str, dict[int, float]] = {}
    places: dict[str, Place] = {}
    for images in sorted(sizes):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as hold:
            for stage in stages(Path(name), images, most_mapped, hold):
                if only and stage.name not in only:
                    continue
                places[stage.name] = stage.place
                taken = seconds.setdefault(stage.name, {})
                taken[images] = round(seconds_of(stage), 4)
                if not quiet:
                    print(f"{images:9,}  {stage.name:36} {taken[images]:9.4f} s", flush=True)
    if not only or "a film, file to embedding" in only:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            places["a film, file to embedding"] = "child"
            seconds["a film, file to embedding"] = {n: round(s, 2) for n, s in film_seconds(Path(name)).items()}
    found = {
        stage: {"place": places[stage], "exponent": exponent(taken), "seconds": taken}
        for stage, taken in seconds.items()
    }
    steep = {stage: one["exponent"] for stage, one in found.items() if (one["exponent"] or 0) > LIMIT}
    window = [one["exponent"] or 0 for one in found.values() if one["place"] != "child"]
    return {"worst_window": max(window, default=0), "too_steep": steep, "sizes": sorted(sizes), "stages": found}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line, and nothing else")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--most", type=float, default=10_000, help="images up to which neighbours and layout are made")
    parser.add_argument("--only", nargs="+", default=(), help="names of stages")
    parser.add_argument("--plot", type=Path, help="an SVG file to draw")
    parser.add_argument("--draw", type=Path, help="draw what was measured before (the JSON line in a file)")
    chosen = parser.parse_args()
    if chosen.draw is not None:
        result = json.loads(chosen.draw.read_text(encoding="utf-8").splitlines()[-1])
    else:
        result = measure(chosen.sizes, chosen.most, chosen.only, chosen.json)
    if chosen.plot is not None:
        chosen.plot.write_text(draw(result["stages"]), encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
