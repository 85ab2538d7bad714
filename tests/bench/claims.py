"""Do the figures that the program shows hold? A simulated reader labels, and what is claimed is held against the truth.

    python -m tests.bench.claims --json [--seeds 20] [--work FOLDER]

Cells: a task and a way of working. The tasks are those of ../shared/data/cxr (kermany: pneumonia or not, bacterial or
viral; nih: view, Effusion, Cardiomegaly); without these data the demo set's. The ways: clusters labelled in bulk by
their look alone; Read next up to 5, 6 and 10 % of the images; both, one after the other. All goes through a project and
the `Suggester` that the window asks, and the reader always answers with the truth.

The last line is JSON. `worst_gap`: over the cells where a figure is shown, the largest mean of what was claimed minus
what was true, of all suggestions and of those above .9; `worst_gap_runs` is how many runs showed one. `bound_broken`:
the largest share of runs, over cells, in which more of the accepted suggestions were wrong than was promised; "as soon
as offered" is a reader who tries after every batch and accepts at the first chance. `accepted_share`: of what had no
label, per cell. `reader_accuracy`: labels right when read images are and the rest is as suggested; `without looks` when
nothing is drawn at random.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer import suggesting
from cxr_explorer.demo import write_demo
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.indexing import Indexing
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.probes.evidence import CONFIDENCE, ERROR_LIMIT, confidences, largest_offer, mixed
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Project
from cxr_explorer.project.suggestions import LOOK_SEED_SETTING
from cxr_explorer.suggesting import Question, Suggester, Suggestion

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "cxr"
READER, FINDING = "reader 1", "Finding"
SHARES = (0.05, 0.06, 0.1)
CLUSTERS, SEEN = 11, 9
"""Clusters labelled in bulk, and images of each that are looked at to decide how."""

LIMITS = (0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Task:
    """A question about a folder of images, with the right answers: image file -> whether it is so."""

    name: str
    folder: Path
    truth: dict[str, bool]


def real_tasks() -> list[Task]:
    """The five tasks of the shared data."""
    with (DATA / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    kermany = {Path(row["file"]).name: row["labels"] for row in rows if row["source"] == "kermany"}
    pneumonia = {file: label for file, label in kermany.items() if "Pneumonia" in label}
    nih = [row for row in rows if row["source"] == "nih"]
    return [
        Task("kermany pneumonia", DATA / "kermany", {file: file in pneumonia for file in kermany}),
        Task("bacterial or viral", DATA / "kermany", {file: "bacterial" in label for file, label in pneumonia.items()}),
        Task("nih view", DATA / "nih", {Path(row["file"]).name: row["view"] == "AP" for row in nih}),
        *(
            Task(f"nih {name}", DATA / "nih", {Path(row["file"]).name: name in row["labels"].split("|") for row in nih})
            for name in ("Effusion", "Cardiomegaly")
        ),
    ]


def demo_tasks(folder: Path) -> list[Task]:
    """Three tasks of the demo set, whose findings are simulated."""
    images = write_demo(folder)
    view = Task("demo view", folder, {Path(image.file).name: image.view == "AP" for image in images})
    findings = ("Effusion", "Cardiomegaly")
    return [
        view,
        *(
            Task(f"demo {f}", folder, {Path(image.file).name: f in image.findings for image in images})
            for f in findings
        ),
    ]


def indexed(work: Path, folder: Path) -> Path:
    """The project of a folder, indexed if need be."""
    path = work / f"{folder.name}.cxr"
    make = Project.open if path.exists() else lambda p: Project.create(p, folder, bundled_vocabularies()[0])
    with make(path) as project:
        if project.latest_map() is None:
            indexing = Indexing(project, default_encoder(), "auto")
            while not indexing.finished:
                indexing.advance(5)
    return path


class Run:
    """One reader at one task; the project is emptied of labels before."""

    def __init__(
        self, project: Project, suggester: Suggester, truth: dict[int, bool], seed: int, clusters: int = CLUSTERS
    ) -> None:
        self.project, self.suggester, self.truth, self.clusters = project, suggester, truth, clusters
        self.random = np.random.default_rng(seed)
        with project.db.atomic():
            for table in ("labels", "label_changes", "state", "state_changes", "acts"):
                project.db.execute(f"DELETE FROM {table}")
        project.set(LOOK_SEED_SETTING, str(seed))
        atlas = project.latest_map()
        assert atlas is not None
        self.atlas = atlas

    def ask(self) -> Suggestion:
        """What is suggested now."""
        return self.suggester.suggest(Question(FINDING, READER))

    def label_clusters(self) -> None:
        """Labels clusters in bulk as most of the images are of which a few are looked at on a contact sheet."""
        for cluster in self.random.permutation(int(self.atlas.clusters.max()) + 1)[: self.clusters].tolist():
            ids = np.array(
                [i for i in self.atlas.image_ids[self.atlas.clusters == cluster].tolist() if i in self.truth]
            )
            if len(ids):
                seen = self.random.permutation(ids)[:SEEN].tolist()
                value = Value(int(2 * sum(self.truth[i] for i in seen) >= len(seen)))
                said = Judgement(FINDING, value, READER, "cluster", self.atlas.identity(cluster), self.atlas.map_id)
                labelling.label(self.project, ids, said)

    def read_next(self, share: float) -> Iterator[Suggestion]:
        """Reads on until this share of the images was read; yields what is suggested after every batch."""
        wanted = round(share * len(self.truth))
        found = self.ask()
        while found.read < wanted and found.queue.size:
            for image_id in found.queue[: wanted - found.read].tolist():
                how = "random" if image_id in found.drawn else "single"
                said = Judgement(FINDING, Value(int(self.truth[image_id])), READER, how, map_id=self.atlas.map_id)
                labelling.label(self.project, np.array([image_id]), said)
            found = self.ask()
            yield found

    def offers(self, found: Suggestion) -> bool:
        """Whether anything is offered at the limit that is asked for by default."""
        if found.probabilities is None or not found.looks.enough:
            return False
        left = ~np.isin(self.suggester.image_ids, self.settled())
        return largest_offer(found.probabilities[left], found.looks, ERROR_LIMIT, CONFIDENCE).count > 0

    def judged(self, found: Suggestion) -> dict[str, float]:
        """What is claimed and what is true of what is suggested."""
        settled = self.settled()
        ids = self.suggester.image_ids
        left = ~np.isin(ids, settled) & np.isin(ids, list(self.truth))
        truth = np.array([self.truth.get(i, False) for i in ids.tolist()])
        result: dict[str, float] = {"left": float(left.sum()), "in_numbers": float(found.in_numbers)}
        if found.probabilities is None:
            return result
        right = (found.probabilities > 0.5) == truth
        read = sum(1 for _ in self.truth) - left.sum()
        result["accuracy"] = float((read + right[left].sum()) / len(self.truth))
        sure = confidences(found.probabilities)
        for name, least in (("all", 0.5), ("above .9", 0.9)):
            chosen = left & (sure >= least)
            if chosen.any():
                result[f"claimed {name}"] = float(sure[chosen].mean(dtype=np.float64))
                result[f"true {name}"] = float(right[chosen].mean())
        result["looks"] = float(len(found.looks))
        for limit in LIMITS:
            offer = largest_offer(found.probabilities[left], found.looks, limit, CONFIDENCE)
            result[f"accepted {limit:g}"] = offer.count / max(1, left.sum())
            wrong = float((~right[left][offer.chosen]).mean()) if offer.count else 0.0
            result[f"wrong {limit:g}"] = wrong
            result[f"broken {limit:g}"] = float(wrong > offer.error_bound() + 1e-9 if offer.count else 0)
        return result

    def settled(self) -> NDArray[np.int64]:
        """Ids of what has a label."""
        rows = self.project.db.execute("SELECT image_id FROM labels")
        return np.union1d(np.fromiter((row[0] for row in rows), np.int64), self.project.excluded_ids())


def play(run: Run, way: str, shares: tuple[float, ...] = SHARES) -> Iterator[tuple[str, dict[str, float]]]:
    """One way of working; yields its cells with what came of them."""
    if way != "read":
        run.label_clusters()
    if way == "clusters":
        yield "clusters", run.judged(run.ask())
        return
    name = "read" if way == "read" else "clusters, then read"
    offered = False
    for share in shares:
        found = run.ask()
        for found in run.read_next(share):
            if not offered and run.offers(found):
                offered = True
                yield f"{name}, as soon as offered", run.judged(found)
        yield f"{name} {share:.0%}", run.judged(found)


def measure(tasks: list[Task], seeds: int, work: Path, every: list[int]) -> list[dict]:
    """All runs of all tasks: dictionaries with task, cell, seed, every and what `Run.judged` gives."""
    results = []
    for task in tasks:
        copy = work / "run.cxr"
        shutil.copy(indexed(work, task.folder), copy)
        with Project.open(copy) as project:
            project.db.execute("PRAGMA synchronous = OFF")
            ids = {Path(path).name: image_id for image_id, path in project.paths().items()}
            truth = {ids[file]: answer for file, answer in task.truth.items() if file in ids}
            others = np.setdiff1d(np.fromiter(ids.values(), np.int64), np.fromiter(truth, np.int64))
            project.db.execute("UPDATE images SET excluded = 0")
            labelling.exclude(project, others, True, READER)
            suggester = Suggester(project)
            for share in every:
                suggesting.mixed = partial(mixed, every=share)
                for seed in range(seeds):
                    for way in ("clusters", "read", "mixed") if share == every[0] else ("read",):
                        for cell, judged in play(Run(project, suggester, truth, seed), way):
                            results.append({"task": task.name, "cell": cell, "seed": seed, "every": share, **judged})
                    print(f"{task.name}, seed {seed}, one of {share}", file=sys.stderr)
        copy.unlink()
    return results


def _mean(values: Iterable[float]) -> float:
    return round(float(np.mean(list(values))), 4)


def summed_up(results: list[dict], every: int) -> dict[str, object]:
    """The last line."""
    cells: dict[str, list[dict]] = defaultdict(list)
    for one in results:
        if one["every"] == every:
            cells[f"{one['task']}: {one['cell']}"].append(one)
    gaps, shown_in, broken, accepted = {}, {}, {}, {}
    for name, runs in cells.items():
        for kind in ("all", "above .9"):
            shown = [run for run in runs if run["in_numbers"] and f"claimed {kind}" in run]
            if shown:
                shown_in[f"{name}, {kind}"] = len(shown)
                gaps[f"{name}, {kind}"] = _mean(run[f"claimed {kind}"] - run[f"true {kind}"] for run in shown)
        for limit in LIMITS:
            broken[f"{name}, {limit:g}"] = float(np.mean([run.get(f"broken {limit:g}", 0) for run in runs]))
            accepted[f"{name}, {limit:g}"] = round(
                float(np.mean([run.get(f"accepted {limit:g}", 0) for run in runs])), 3
            )
    accuracy = {}
    for share in (0.06, 0.1):
        for name, which in (("", every), (" without looks", 10**6)):
            for task in {one["task"] for one in results}:
                runs = [
                    run["accuracy"]
                    for run in results
                    if run["task"] == task
                    and run["cell"] == f"read {share:.0%}"
                    and run["every"] == which
                    and "accuracy" in run
                ]
                if runs:
                    accuracy[f"{task} {share:.0%}{name}"] = _mean(runs)
    worst = max(gaps, key=lambda name: gaps[name], default="")
    most = max(broken, key=lambda name: broken[name])
    return {
        "worst_gap": round(gaps.get(worst, float("nan")), 4),
        "worst_gap_in": worst,
        "worst_gap_runs": shown_in.get(worst, 0),
        "bound_broken": round(broken[most], 4),
        "bound_broken_in": most,
        "in_numbers_by_clusters_alone": max(
            (run["in_numbers"] for run in results if run["cell"] == "clusters"), default=0.0
        ),
        "accepted_share": accepted,
        "reader_accuracy": accuracy,
        "gaps": {name: round(gap, 4) for name, gap in gaps.items()},
        "broken": {name: share for name, share in broken.items() if share},
    }


def main() -> None:
    """Plays all readers and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--work", type=Path, help="folder for the projects, which are kept there")
    parser.add_argument("--every", type=int, default=4, help="one of so many images is drawn at random")
    parser.add_argument("--demo", action="store_true", help="the demo set's tasks, also where the real data are")
    parser.add_argument("--control", action="store_true", help="read without random looks as well")
    parser.add_argument("--task", action="append", help="only tasks whose name holds this")
    parser.add_argument("--out", type=Path, help="write every run here, as JSON lines")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = chosen.work or Path(temporary)
        tasks = real_tasks() if DATA.is_dir() and not chosen.demo else demo_tasks(work / "demo")
        tasks = [task for task in tasks if not chosen.task or any(word in task.name for word in chosen.task)]
        every = [chosen.every, *([10**6] if chosen.control else [])]
        results = measure(tasks, chosen.seeds, work, every)
    if chosen.out is not None:
        chosen.out.write_text("".join(json.dumps(one) + "\n" for one in results))
    print(json.dumps(summed_up(results, chosen.every)))


if __name__ == "__main__":
    main()
