"""Pretraining and evaluation on a stand-in for the whole NIH ChestX-ray14 release: do they hold at 112,120 films?

    python -m tests.bench.published_scale --images 112120 --minutes 4 [--out FOLDER] [--json]

The stand-in is laid out as the release is: `images_001/images/*.png` to `images_012`, `Data_Entry_2017_v2020.csv`,
`train_val_list.txt`, `test_list.txt`. Names, labels, patients and views are the release's own where its table lies
beside the project (`../shared/data/labels`), else drawn. The official lists are not there: a fifth of the patients is
drawn for the test list. The films are a few hundred small pictures of noise under many names (hard links), so that disk
and decoding stay cheap while every list, index, cache and matrix has its real length.

Two processes (gloo) pretrain; both are killed by SIGKILL in the middle of a pass, and a second start resumes, by
`--epochs` or `--minutes` (a few steps of a long pass). Then `training.evaluate` judges the encoder that was written; it
is not given embeddings from the network for every film: each encoder looks at the few hundred pictures, and every film
gets its picture's numbers and a little noise of its own, so that what follows has its full size without days of
computing (`--whole` computes them). `--question FINDING` judges one question about one encoder on the films of an
earlier call, where all of them would take hours. Largest memory of each process: `ru_maxrss`.

The last line is a JSON object; `problems` lists what did not hold and is empty where all did.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open

from cxr_explorer.assets import asset
from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.encoder.embed import Batch, Source, embed
from training.data import index, select
from training.embeddings import random_encoder
from training.evaluate import IMAGENET
from training.measures import resamples
from training.probes import judge as judge_one
from training.probes import neighbour_rows, probe_features
from training.run_folder import LOG_FILE, STATE_FILE
from training.settings import read_config
from training.tasks import subjects

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT.parent / "shared" / "data" / "labels" / "Data_Entry_2017_v2020.csv.gz"
COLUMNS = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
)
FINDINGS = ("No Finding", "Effusion", "Infiltration", "Atelectasis", "Effusion|Infiltration", "Mass")
FOLDERS = 12
TEST_SHARE = 0.22
"""Of the patients; the official test list holds 2,797 of 30,805 patients and 25,596 of 112,120 films."""

SIZE_PX = 72
SETTINGS = ("--amp", "off", "--device", "cpu", "--threads", "1", "--probe-per-source", "200")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""On a machine that does much else two threads of one small product wait for each other most of the time."""

WAIT_S = 4 * 3600

Row = dict[str, str]


@dataclass
class Process:
    """One that has ended: exit status, seconds on the clock, largest memory in MB, and what it said."""

    status: int
    seconds: float
    memory_mb: int
    said: str = field(repr=False)


# ---------------------------------------------------------------------------------------------- the stand-in


def table_rows(count: int) -> list[Row]:
    """The release's own rows from the first on, or as many that are drawn."""
    if TABLE.is_file():
        with gzip.open(TABLE, "rt", encoding="utf-8-sig", newline="") as stream:
            rows = [{name: row[name] for name in COLUMNS} for row in islice(csv.DictReader(stream), count)]
        if len(rows) == count:
            return rows
    chance = np.random.default_rng(0)
    rows = []
    patient = follow_up = 0
    while len(rows) < count:
        if not rows or chance.random() < 0.27:
            patient, follow_up = patient + 1, 0
        labels, view = FINDINGS[min(int(chance.exponential(1.5)), 5)], "AP" if chance.random() < 0.4 else "PA"
        cells = (f"{patient:08d}_{follow_up:03d}.png", labels, str(follow_up), str(patient))
        rows.append(dict(zip(COLUMNS, (*cells, str(chance.integers(18, 90)), "FM"[patient % 2], view), strict=True)))
        follow_up += 1
    return rows


def draw_pictures(folder: Path, count: int, size_px: int) -> list[Path]:
    """Grey noise that is coarse, in half of them brighter below."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        chance = np.random.default_rng(number)
        coarse = Image.fromarray(chance.integers(20, 200, (7, 7), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((size_px, size_px), Image.Resampling.BICUBIC)).astype(np.float32)
        pixels += (number % 2) * np.linspace(0, 50, size_px, dtype=np.float32)[:, None]
        path = folder / f"{number:04d}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        paths.append(path)
    return paths


def make_release(folder: Path, count: int, pictures: Sequence[Path]) -> None:
    """Lays the films out; a picture has many names. A row's picture is its number modulo the number of pictures."""
    rows = table_rows(count)
    lists: dict[bool, list[str]] = {False: [], True: []}
    for number, row in enumerate(rows):
        place = folder / f"images_{number * FOLDERS // count + 1:03d}" / "images"
        if number == 0 or number * FOLDERS // count != (number - 1) * FOLDERS // count:
            place.mkdir(parents=True, exist_ok=True)
        os.link(pictures[number % len(pictures)], place / row["Image Index"])
        digest = hashlib.sha256(row["Patient ID"].encode()).digest()
        lists[digest[0] < 256 * TEST_SHARE].append(row["Image Index"])
    for name, is_test in (("train_val_list.txt", False), ("test_list.txt", True)):
        (folder / name).write_text("\n".join(lists[is_test]) + "\n", encoding="utf-8")
    with (folder / "Data_Entry_2017_v2020.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


# ---------------------------------------------------------------------------------------------- processes


def _start(out: Path, name: str, command: Sequence[str], environment: dict[str, str] | None = None) -> Any:
    with (out / f"{name}.said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def _end(out: Path, name: str, process: Any, began: float) -> Process:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    said = (out / f"{name}.said").read_text(encoding="utf-8", errors="replace")
    memory = usage.ru_maxrss // (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return Process(process.returncode, round(time.monotonic() - began, 1), memory, said)


def start_two(out: Path, name: str, command: Sequence[str]) -> list[Any]:
    """Both processes of a run, as torchrun would start them: killed, they take no third with them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        _start(out, f"{name}-{rank}", command, {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(2)
    ]


def place_saved(run: Path) -> dict[str, float]:
    """The place of the state that is saved; empty for none."""
    try:
        with safe_open(run / STATE_FILE, framework="pt") as file:
            place: dict[str, float] = json.loads(file.metadata()["place"])
            return place
    except (OSError, SafetensorError):
        return {}


def log_of(run: Path) -> list[dict[str, float]]:
    path = run / LOG_FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def fill_embeddings(folder: Path, out: Path, encoders: Sequence[Path], pictures: Sequence[Path]) -> None:
    """What `training.embeddings` would keep, each film's from its picture and a little noise."""
    items = index(folder)
    rows = [row["Image Index"] for row in table_rows(len(items))]
    picture_of = {name: number % len(pictures) for number, name in enumerate(rows)}
    (out / "embeddings").mkdir(parents=True, exist_ok=True)
    for directory in encoders:
        vectors: dict[int, Any] = {}
        for step in embed([Source(number, path) for number, path in enumerate(pictures)], directory, "cpu"):
            if isinstance(step, Batch):
                vectors |= {done.image_id: done.embedding for done in step.embedded}
        known = np.stack([vectors[number] for number in range(len(pictures))])
        every = known[[picture_of[item.path.name] for item in items]]
        noise = np.random.default_rng(0).standard_normal(every.shape, np.float32)
        every = every + noise * (0.1 * float(known.std()))
        files = np.array([str(item.path) for item in items])
        np.savez(out / "embeddings" / f"{read_encoder(directory).key}-00000.npz", files=files, embeddings=every)


# ---------------------------------------------------------------------------------------------- the rehearsal


def rehearse(
    out: Path, images: int, settings: Sequence[str], judging: Sequence[str], whole: bool = False, pictures: int = 300
) -> dict[str, Any]:
    """Everything, into an empty folder; returns figures and `problems`.

    Args:
        out: Where to.
        images: Films of the stand-in.
        settings: Of `training.pretrain`, its length among them.
        judging: Options of `training.evaluate`.
        whole: Whether every film is embedded by the networks.
        pictures: How many differ.
    """
    problems: list[str] = []
    figures: dict[str, Any] = {"images": images, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    data, run = out / "nih", out / "run"
    began = time.monotonic()
    drawn = draw_pictures(out / "pictures", pictures, SIZE_PX)
    make_release(data, images, drawn)
    figures["lay_out_s"] = round(time.monotonic() - began, 1)

    began = time.monotonic()
    items = index(data)
    figures["list_and_split_s"] = round(time.monotonic() - began, 1)
    train, test = select(items, split="train"), select(items, split="test")
    figures |= {"listed": len(items), "train": len(train), "test": len(test)}
    figures["patients"] = len({item.patient for item in items})
    both = {item.patient for item in train} & {item.patient for item in test}
    if both or len(items) != images:
        problems.append(f"{len(both)} patients are in both splits; {len(items)} of {images} films are listed")
    tell(figures)

    figures |= pretrain_twice(out, data, run, settings, problems)
    tell(figures)
    if judging and not problems:
        figures["evaluate"] = judge(out, data, run, drawn, judging, whole, problems)
    return {**figures, "problems": problems}


def tell(figures: dict[str, Any]) -> None:
    """What is known by now, for whoever waits."""
    print(json.dumps(figures), file=sys.stderr, flush=True)


def pretrain_twice(out: Path, data: Path, run: Path, settings: Sequence[str], problems: list[str]) -> dict[str, Any]:
    """Starts a run, kills both processes in the middle of a pass, resumes it to its end."""
    common = ["-m", "training.pretrain", "--data", str(data), "--out", str(run), "--cache", str(out / "cache")]
    began = time.monotonic()
    processes = start_two(out, "first", [*common, *settings])
    cached_s = 0.0
    while time.monotonic() - began < WAIT_S and all(process.poll() is None for process in processes):
        if not cached_s and (run / "skipped.txt").is_file():
            cached_s = time.monotonic() - began
        if is_time_to_kill(run):
            break
        time.sleep(0.05)
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
    ended = [_end(out, f"first-{rank}", process, began) for rank, process in enumerate(processes)]
    before, place = log_of(run), place_saved(run)
    if any(process.status != -signal.SIGKILL for process in ended):
        problems.append(f"the first start was not killed in the middle of a pass: {ended[0].said[-2000:]}")

    began = time.monotonic()
    processes = start_two(out, "second", [*common, "--resume"])
    resumed = [_end(out, f"second-{rank}", process, began) for rank, process in enumerate(processes)]
    if any(process.status for process in resumed):
        problems.append(f"the resumed run ended with {[p.status for p in resumed]}: {resumed[0].said[-2000:]}")
    after = log_of(run)
    problems += went_on(run, before, after, place)
    config = read_config(run)
    return {
        "cache_s": round(cached_s, 1),
        "killed_at_step": place.get("steps", 0),
        "resumed_s": resumed[0].seconds,
        "memory_mb": {"first start": [p.memory_mb for p in ended], "resumed": [p.memory_mb for p in resumed]},
        **{name: getattr(config, name) for name in ("arch", "input_px", "batch")},
        "s_a_step": [round(config.batch / line["images_per_s"], 3) for line in after],
        "log": [{key: line[key] for key in ("epoch", "steps", "minutes", "lr", "loss")} for line in after],
    }


def is_time_to_kill(run: Path) -> bool:
    """Whether the state that is saved lies within a pass, after the first pass or two fifths of the time."""
    place = place_saved(run)
    if not place or not place["step"]:
        return False
    config = read_config(run)
    return place["epoch"] >= 1 if config.epochs else place["elapsed_s"] > 0.4 * 60 * config.minutes


def went_on(
    run: Path, before: Sequence[dict[str, float]], after: Sequence[dict[str, float]], place: dict[str, float]
) -> list[str]:
    """What is wrong with the log of a run that was killed at a place and resumed."""
    if not after or not place:
        return ["there is no log, or no state was saved"]
    problems = []
    done = int(place["epoch"])
    if [line["epoch"] for line in after] != list(range(1, len(after) + 1)) or list(after[:done]) != list(before[:done]):
        problems.append("the resumed log does not go on with the lines of the passes that were complete")
    rates = [line["lr"] for line in after]
    if any(later >= earlier for earlier, later in pairwise(rates)) or rates[-1] > 0.3 * read_config(run).lr:
        problems.append(f"the learning rate does not fall: {rates}")
    if not after[-1]["steps"] > place["steps"]:
        problems.append(f"the run ended at step {after[-1]['steps']}, it was killed at {place['steps']}")
    pass_steps = int(place["images"]) // read_config(run).batch
    if any(line["steps"] != pass_steps * line["epoch"] for line in after[:-1]):
        problems.append(f"the steps do not go on: {[line['steps'] for line in after]}, {pass_steps} a pass")
    if after[-1]["minutes"] * 60 < place["elapsed_s"]:
        problems.append("the time before the kill is not counted")
    return problems


def judge(
    out: Path, data: Path, run: Path, pictures: Sequence[Path], judging: Sequence[str], whole: bool, problems: list[str]
) -> dict[str, Any]:
    """`training.evaluate` on the encoder that was written."""
    judged = out / "judged"
    figures: dict[str, Any] = {"embeddings": "by the network" if whole else "of the pictures, with noise"}
    if not whole:
        encoders = [random_encoder(judged / "encoders" / "random-resnet18").directory, asset("encoders", IMAGENET)]
        fill_embeddings(data, judged, [*encoders, run / "encoder"], pictures)
    command = ["-m", "training.evaluate", "--data", str(data), "--encoder", str(run / "encoder"), "--out", str(judged)]
    began = time.monotonic()
    ended = _end(out, "judge", _start(out, "judge", [*command, *judging], ONE_THREAD), began)
    figures |= {"seconds": ended.seconds, "memory_mb": ended.memory_mb, "load": round(os.getloadavg()[0], 1)}
    if ended.status:
        problems.append(f"the evaluation ended with {ended.status}: {ended.said[-2000:]}")
        return figures
    results = json.loads((judged / "results.json").read_text())["sources"]["nih"]
    return {**figures, **{key: results[key] for key in ("test_images", "test_patients")}}


def ask_one(data: Path, name: str, dimension: int = 512) -> dict[str, Any]:
    """One question about one encoder's embeddings, which are drawn: seconds of each step and this process's memory."""
    import resource  # which Windows has not

    (subject,) = subjects([item for item in index(data) if item.labels is not None])
    question = next(question for question in subject.questions if question.name == name)
    vectors = np.random.default_rng(0).standard_normal((len(subject.rows), dimension), np.float32)
    seconds: dict[str, float] = {}
    cpu_s: dict[str, float] = {}

    def timed(step: str, work: Callable[[], Any]) -> Any:
        began, worked = time.monotonic(), time.process_time()
        result = work()
        seconds[step], cpu_s[step] = round(time.monotonic() - began, 1), round(time.process_time() - worked, 1)
        tell({step: [seconds[step], cpu_s[step]]})
        return result

    weights = timed("resamples", lambda: resamples(subject.patients[subject.test], 1000))
    features = timed("features", lambda: probe_features(vectors, ~subject.test))
    near = timed("neighbours", lambda: neighbour_rows(vectors, subject.test, subject.patients))
    timed("question", lambda: judge_one(features, near, question.truth, subject.test, subject.patients, weights))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return {
        "question": name,
        "questions": len(subject.questions),
        "seconds": seconds,
        "cpu_s": cpu_s,
        "memory_mb": memory,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns 0, or 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.published_scale", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=112_120)
    parser.add_argument("--out", type=Path, help="an empty folder (default: a temporary one)")
    parser.add_argument("--pictures", type=int, default=300, help="pictures that differ")
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=4.0, help="of training, where --epochs is 0")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--input-px", type=int, default=32)
    parser.add_argument("--arch", default="resnet18")
    parser.add_argument(
        "--judge",
        default="--supervised-minutes 0.2 --resamples 200 --no-clusters --device cpu",
        help="options; empty: none",
    )
    parser.add_argument("--whole", action="store_true", help="embed every film by the networks: hours at full length")
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    parser.add_argument("--question", metavar="FINDING", help="only judge one question, on films that lie in --out")
    chosen = parser.parse_args(arguments)
    if chosen.question:
        print(json.dumps({**ask_one(chosen.out / "nih", chosen.question), "load": round(os.getloadavg()[0], 1)}))
        return 0
    settings = ["--arch", chosen.arch, "--input-px", str(chosen.input_px), "--batch", str(chosen.batch)]
    settings += ["--epochs", str(chosen.epochs)] if chosen.epochs else ["--minutes", str(chosen.minutes)]
    settings += [*SETTINGS, "--save-every-s", str(1 if chosen.epochs else 6 * chosen.minutes)]
    with tempfile.TemporaryDirectory() as temporary:
        out = chosen.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        figures = rehearse(out, chosen.images, settings, chosen.judge.split(), chosen.whole, chosen.pictures)
    if not chosen.json:
        for name, value in figures.items():
            print(f"{name:>18}: {value}")
    print(json.dumps(figures))
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
