"""Decoded pixels in one memory-mapped file, so that every image file is read and decoded exactly once.

A cache folder holds `pixels.u8` (row after row of S x S bytes) and `index.jsonl` (one line a file, in the order of
decoding: path, bytes, mtime_ns, and the row or the reason why there is none). Both only grow, pixels before their
lines, so a kill at any moment loses the last block at most and the next start goes on from there. The folder's name
carries the size, the fit, RENDERING_VERSION and REDRAWN_VERSION: pixels rendered otherwise are never mixed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import RENDERING_VERSION, InputSpec, preprocess
from cxr_explorer.images.read import read
from cxr_explorer.images.redrawn import REDRAWN_VERSION

BLOCK = 256  # files between two appends: at most this many are decoded again after a kill

Identity = tuple[str, int, int]  # absolute path, bytes, mtime_ns


@dataclass(frozen=True, eq=False)
class PixelCache:
    """Decoded pixels of a list of files.

    Attributes:
        pixels: (N, S, S) uint8, a read-only memory map; N counts every file ever cached in the folder.
        rows: For each path asked for, its row in `pixels`, or -1 where the file cannot be used.
        skipped: Path and reason of each file with -1.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    skipped: list[tuple[Path, str]]


def cached_pixels(
    paths: Sequence[Path],
    folder: Path,
    size_px: int,
    *,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> PixelCache:
    """The pixels of the files, decoding those the cache does not have yet.

    The picture is what the app's encoder is fed, before mean and standard deviation: read, rendered and squashed to
    a square by `preprocess`, rounded to a byte. Processes that share the folder wait for each other.

    Args:
        paths: Image files.
        folder: Where caches lie; one of this size is made in it.
        size_px: S, the side of the squares.
        workers: Threads that decode (the decoders release Python's lock); None: one a core.
        on_progress: Called with files done and files to do.

    Raises:
        UserError: The folder cannot be written, or its index is damaged. A file that cannot be read is no error.
    """
    home = folder / f"{size_px}px-squash-r{RENDERING_VERSION}.{REDRAWN_VERSION}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            known = _read_index(home / "index.jsonl")
            identities = [_identity(path) for path in paths]
            missing = [(path, key) for path, key in zip(paths, identities, strict=True) if key not in known]
            if missing:
                _append(home, size_px, missing, known, workers or os.cpu_count() or 1, on_progress)
    except OSError as error:
        raise UserError(
            f"The pixel cache {home} cannot be written: {error.strerror or error}. Choose another folder or free space."
        ) from error
    found = [known[key] for key in identities]
    count = sum(isinstance(value, int) for value in known.values())
    return PixelCache(
        pixels=_map(home / "pixels.u8", count, size_px),
        rows=np.array([value if isinstance(value, int) else -1 for value in found], dtype=np.int64),
        skipped=[(path, value) for path, value in zip(paths, found, strict=True) if isinstance(value, str)],
    )


def _append(
    home: Path,
    size_px: int,
    missing: list[tuple[Path, Identity]],
    known: dict[Identity, int | str],
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Decodes the missing files and adds them to the two files and to `known`."""
    spec = InputSpec(size_px=size_px, fit="squash", mean=0.0, std=1.0)
    row = sum(isinstance(value, int) for value in known.values())
    with (home / "pixels.u8").open("ab") as pixels, (home / "index.jsonl").open("a", encoding="utf-8") as lines:
        pixels.truncate(row * size_px**2)  # what a kill left without its lines
        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(missing), BLOCK):
                block = missing[start : start + BLOCK]
                entries: list[dict[str, Any]] = []
                for (_, key), decoded in zip(block, pool.map(lambda pair: _decode(pair[0], spec), block), strict=True):
                    if isinstance(decoded, str):
                        known[key] = decoded
                    else:
                        pixels.write(decoded.tobytes())
                        known[key] = row
                        row += 1
                    entries.append({"path": key[0], "bytes": key[1], "mtime_ns": key[2], "row": known[key]})
                pixels.flush()
                os.fsync(pixels.fileno())
                lines.write("".join(json.dumps(entry) + "\n" for entry in entries))
                lines.flush()
                if on_progress is not None:
                    on_progress(start + len(block), len(missing))


def _decode(path: Path, spec: InputSpec) -> NDArray[np.uint8] | str:
    try:
        picture = preprocess(read(path), spec)[0]  # (S, S) in [0, 1]
    except UserError as error:
        return str(error)
    return np.asarray(np.rint(picture * np.float32(255)), dtype=np.uint8)


def _read_index(path: Path) -> dict[Identity, int | str]:
    """File to row or reason; a last line that a kill cut short is taken away."""
    if not path.exists():
        return {}
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        with path.open("r+b") as stream:
            stream.truncate(len(whole))
    try:
        entries = [json.loads(line) for line in whole.splitlines()]
        return {(entry["path"], entry["bytes"], entry["mtime_ns"]): entry["row"] for entry in entries}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"The pixel cache {path.parent} is damaged: {error}. Delete the folder and try again."
        ) from error


def _identity(path: Path) -> Identity:
    try:
        status = path.stat()
    except OSError:
        return (str(path.absolute()), -1, -1)  # recorded as unreadable; a file that appears has another identity
    return (str(path.absolute()), status.st_size, status.st_mtime_ns)


def _map(path: Path, count: int, size_px: int) -> NDArray[np.uint8]:
    if count == 0:
        return np.empty((0, size_px, size_px), dtype=np.uint8)
    if path.stat().st_size < count * size_px**2:
        raise UserError(
            f"The pixel cache {path.parent} is damaged: pixels are missing. Delete the folder and try again."
        )
    return np.memmap(path, dtype=np.uint8, mode="r", shape=(count, size_px, size_px))
