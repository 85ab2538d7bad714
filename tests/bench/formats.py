"""What the forms in which labels leave and come cost, beside the long CSV.

    python -m tests.bench.formats --images 1000 10000 --films 200 --json

A project in which a reader has judged every finding on every image is written in each form; what can be read is read.
`cpu_s` is processor time of the writing and the reading, `ratio` that of the long CSV's in the same run, `bytes` the
size of the file. The data set is written of so many films of 1024 x 1024 pixels: `film_cpu_s` is processor time a film,
`png_cpu_s` that of reading and saving one with Pillow alone, `film_ratio` their quotient.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_explorer.exchange.form import Wanted
from cxr_explorer.exchange.forms import FORMS, form_named
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Project
from cxr_explorer.tables.read import read_labels
from tests.project.projects import embed_all, files


def cpu_of(work: Callable[[], object]) -> float:
    """Seconds of the processor."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def labelled(home: Path, names: list[str]) -> Project:
    (home / "images").mkdir()
    project = Project.create(home / "p.cxr", home / "images", bundled_vocabularies()[0])
    project.update_files(files(*names), [])
    embed_all(project)
    random = np.random.default_rng(1)
    ids = np.array(sorted(project.paths()))
    for finding in project.vocabulary.findings:
        values = random.choice([1, 0, -1], len(ids), p=[0.1, 0.87, 0.03])
        for value in Value:
            labelling.label(project, ids[values == value], Judgement(finding, value, "reader 1", "cluster", 1, 1))
    return project


def tables(images: int) -> dict[str, dict[str, float]]:
    """Costs of every form that is a file."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with labelled(home, [f"p{number // 4:06}/view{number % 4}.png" for number in range(images)]) as project:
            for form in (form for form in FORMS if not form.is_folder and not form.missing):
                out = home / f"out{form.suffix}"
                write = cpu_of(lambda form=form, out=out: list(form.write(project, out, Wanted())))  # type: ignore[misc]
                read = 0.0 if form.name == "coco" else cpu_of(lambda out=out: read_labels(out))  # type: ignore[misc]
                found[form.name] = {"write_cpu_s": write, "read_cpu_s": read, "bytes": out.stat().st_size}
    base = found["long"]
    for own in found.values():
        own["write_ratio"] = own["write_cpu_s"] / base["write_cpu_s"]
        own["read_ratio"] = own["read_cpu_s"] / base["read_cpu_s"]
    return found


def data_set(films: int) -> dict[str, float]:
    """Costs of the data set, a film."""
    random = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        names = [f"{number}.png" for number in range(films)]
        with labelled(home, names) as project:
            for name in names:
                small = Image.fromarray(random.integers(0, 256, (64, 64), np.uint8))
                small.resize((1024, 1024), Image.Resampling.BICUBIC).save(project.folder / name)
            whole = cpu_of(lambda: list(form_named("imagefolder").write(project, home / "set", Wanted())))

            def plainly() -> None:
                for name in names:
                    Image.open(project.folder / name).save(home / "plain.png")

            plain = cpu_of(plainly)
    return {"film_cpu_s": whole / films, "png_cpu_s": plain / films, "film_ratio": whole / plain}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    chosen = parser.parse_args()
    found = {"tables": {images: tables(images) for images in chosen.images}, "data_set": data_set(chosen.films)}
    for images, forms in found["tables"].items():
        for name, own in forms.items():  # type: ignore[attr-defined]
            print(f"{images:>8,} {name:14}", *(f"{key} {value:.4g}" for key, value in own.items()))
    print(*(f"{key} {value:.4g}" for key, value in found["data_set"].items()))
    if chosen.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
