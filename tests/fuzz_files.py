"""Mutated and crafted files through the process that opens files for the encoder.

`python -m tests.fuzz_files --mutated 20000 --crafted --seed 1 --json` prints what came of them, one JSON object as the
last line: `files`, `images`, `refused`, `passing` (refused without a verdict), `stopped` (at a limit), `crashed`, `bugs`
(exceptions that are no refusal), `output` (lines a decoder wrote to the terminal), `worst_s` (of processor time),
`worst_clock_s`, `worst_mb` and the slowest and the largest by name. A file fails by taking over 20 s or 2 GB, or by a
bug: the exit status says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from cxr_explorer.encoder.embed import decode_for
from cxr_explorer.images.guard import LIMITS, Answer, Guard, Refused
from cxr_explorer.images.preprocess import InputSpec
from tests.hostile_files import CRAFTED, J2K, JPEG, RLE, encoded, rle_bomb
from tests.images.dicom_files import compressed, dicom, ramp, table

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
SPEC = InputSpec(192)


@dataclass
class Outcome:
    """What came of all files."""

    files: int = 0
    images: int = 0
    refused: int = 0
    passing: int = 0
    stopped: int = 0
    crashed: int = 0
    bugs: int = 0
    output: int = 0
    worst_s: float = 0.0
    worst_clock_s: float = 0.0
    worst_mb: float = 0.0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    largest: list[tuple[float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(
        self, name: str, result: Answer | Refused, seconds: float, clock_s: float, megabytes: float, tell: bool
    ) -> None:
        """Counts one file; tells of it at once where it took long or much."""
        reason = result.reason if isinstance(result, Refused) else ""
        self.files += 1
        self.images += isinstance(result, Answer)
        self.refused += isinstance(result, Refused)
        passing = isinstance(result, Refused) and result.digest is None
        self.passing += passing
        stopped = reason.startswith(("It took over", "It needs over"))
        self.stopped += stopped
        crashed = reason.startswith("Its decoder crashed")
        self.crashed += crashed
        bug = reason.startswith("The reader failed")
        self.bugs += bug
        if passing or stopped or crashed or bug:
            self.failures.append(f"{name}: {reason}")
        self.worst_clock_s = max(self.worst_clock_s, round(clock_s, 2))
        if tell and (seconds > 2 or megabytes > 500 or passing or stopped or crashed or bug):
            print(f"{name}: {seconds:.1f} s, {clock_s:.0f} s, {megabytes:.0f} MB {reason}", flush=True)
        self.slowest = sorted([*self.slowest, (round(seconds, 2), name)])[-8:]
        self.largest = sorted([*self.largest, (round(megabytes), name)])[-8:]
        self.worst_s, self.worst_mb = self.slowest[-1][0], self.largest[-1][0]


def sources() -> list[bytes]:
    """Whole files of every kind: made here, and the real ones where they lie beside the project."""
    film, deep = ramp(0, 255, 96, "uint8"), ramp(0, 4095, 96)
    made = [
        *(encoded(film, kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "JPEG2000")),
        encoded(deep, "PNG"),
        encoded(deep, "JPEG2000"),
        encoded(film, "JPEG", progressive=True),
        *(encoded(deep, "TIFF", compression=how) for how in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits")),
        dicom(deep, WindowCenter=[2000, 1000], WindowWidth=[4000, 500], PixelPaddingValue=0),
        dicom(deep, VOILUTSequence=[table(0, list(range(4096)), 12)]),
        dicom(np.dstack([film] * 3)),
        compressed(film, encoded(film, "JPEG"), JPEG),
        compressed(deep, encoded(deep, "JPEG2000", no_jp2=True), J2K),
        rle_bomb(128),
    ]
    for folder in ("dicom", "originals"):
        place = SHARED / folder
        made += [path.read_bytes() for path in sorted(place.glob("*")) if path.is_file() and path.stat().st_size < 2**20]
    return made


def mutate(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """The file with damage of one kind."""
    changed = bytearray(data)
    at = rng.randrange(len(changed))
    kind = rng.randrange(7)
    if kind == 0:
        for _ in range(rng.choice((1, 4, 32, 256))):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del changed[at:]
    elif kind == 2:
        changed[at:] = other[rng.randrange(len(other)) :]
    elif kind == 3:  # a number in the header becomes another
        size = rng.choice((1, 2, 4))
        at = rng.randrange(min(len(changed), 1024))
        changed[at : at + size] = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80", b"\x01"))[:1] * size
    elif kind == 4:
        del changed[at : at + rng.choice((1, 2, 100, 5000))]
    elif kind == 5:
        changed[at:at] = rng.choice((bytes(100), b"\xff" * 4, bytes(changed[at : at + 2000]) * 3))
    else:
        for _ in range(8):
            changed[rng.randrange(min(len(changed), 512))] = rng.randrange(256)
    return bytes(changed)


def mutated(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many mutated files, the same for the same seed (and the same real files)."""
    rng = random.Random(seed)
    whole = sources()
    for number in range(count):
        which = rng.randrange(len(whole))
        yield f"mutated-{number}-of-{which}", mutate(whole[which], whole[rng.randrange(len(whole))], rng)


def try_files(files: Iterator[tuple[str, bytes]], workers: int = 2, tell: bool = False) -> Outcome:
    """Opens each file in a process under the limits, and measures what it took."""
    outcome = Outcome()
    guards: SimpleQueue[Guard] = SimpleQueue()
    with tempfile.TemporaryDirectory() as place, _terminal(Path(place) / "terminal") as terminal:
        made = [Guard(partial(decode_for, SPEC)) for _ in range(workers)]
        for guard in made:
            guards.put(guard)
            guard.ask(_put(place, "warm", encoded(ramp(0, 255, 64, "uint8"), "PNG")))
            guard.ask(_put(place, "warm", dicom(ramp())))

        def open_one(name: str, data: bytes) -> tuple[str, Answer | Refused, float, float, float]:
            guard = guards.get()
            path = _put(place, name, data)
            try:
                pid, before = guard._process.pid, _reset_peak(guard._process.pid)
                start, used = time.monotonic(), _processor_s(pid)
                result = guard.ask(path)
                clock_s = time.monotonic() - start
                seconds = _processor_s(pid) - used or (LIMITS.seconds if "took over" in str(result) else 0.0)
                peak = _status(pid, "VmHWM") or before
                return name, result, seconds, clock_s, max(0.0, peak - before)
            finally:
                path.unlink()
                guards.put(guard)

        with ThreadPoolExecutor(workers) as pool:
            pending = []
            for name, data in files:
                pending.append(pool.submit(open_one, name, data))
                if len(pending) > 4 * workers:
                    outcome.add(*pending.pop(0).result(), tell)
            for future in pending:
                outcome.add(*future.result(), tell)
        for guard in made:
            guard.close()
        sys.stderr.flush()
        outcome.output = len(terminal.read_bytes().splitlines())
    return outcome


def _put(place: str, name: str, data: bytes) -> Path:
    path = Path(place) / name
    path.write_bytes(data)
    return path


@contextlib.contextmanager
def _terminal(path: Path) -> Iterator[Path]:
    """What is written to stderr, also by C code in child processes, goes to a file."""
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield path
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _status(pid: int | None, name: str) -> float:
    """Megabytes; 0 where the system does not say."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def _processor_s(pid: int | None) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _reset_peak(pid: int | None) -> float:
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _status(pid, "VmRSS")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutated", type=int, default=0, metavar="N")
    parser.add_argument("--crafted", action="store_true")
    parser.add_argument("--only", default="", help="crafted files whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    results = {}
    if chosen.crafted:
        files = ((name, make()) for name, make in CRAFTED.items() if chosen.only in name)
        results["crafted"] = try_files(files, chosen.workers, tell=True)
    if chosen.mutated:
        results["mutated"] = try_files(mutated(chosen.mutated, chosen.seed), chosen.workers, tell=True)
    for name, outcome in results.items():
        print(f"{name}: {outcome}", file=sys.stderr)
    if chosen.json:
        print(json.dumps({"seed": chosen.seed, **{name: asdict(outcome) for name, outcome in results.items()}}))
    return int(any(out.worst_s > 20 or out.worst_mb > 2048 or out.bugs for out in results.values()))


if __name__ == "__main__":
    sys.exit(main())
