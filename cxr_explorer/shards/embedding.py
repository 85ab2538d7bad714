"""Embedding films into shards: what one worker does with a shard, and a run in this process."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cxr_explorer import __version__
from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.encoder.embed import Embedded, Embedder, Source, Unreadable
from cxr_explorer.errors import PassingError, UserError
from cxr_explorer.images.read import MAX_FILE_BYTES
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.shards.films import Films
from cxr_explorer.shards.manifest import Manifest, digest_of_list, shard_name
from cxr_explorer.shards.store import Store, file_system, local_path
from cxr_explorer.shards.table import shard_to_bytes, standing

NONE_OF = 32
"""Where none of so many films can be read for the surroundings' sake, the worker does not reach the store."""

FOOTERS_AT_A_TIME = 16
"""Shards whose footers are read at a time, where a run is resumed."""


@dataclass(frozen=True, eq=False)
class Shard:
    """Films that are embedded together and stored in one file."""

    number: int
    films: tuple[ScannedFile, ...]

    @property
    def name(self) -> str:
        """Of its file."""
        return shard_name(self.number)


@dataclass(frozen=True)
class Task:
    """What every worker of a run needs to know.

    Attributes:
        encoder_directory: The checkpoint; on every machine of a cluster.
        encoder_key: What its key must be.
        device: See `embed`.
        manifest: Of the run.
        out: Where the shards go.
        program: The version of the program that began it.
    """

    encoder_directory: Path
    encoder_key: str
    device: str
    manifest: Manifest
    out: str
    program: str = __version__


@dataclass(frozen=True)
class Written:
    """A shard that is done: how many films, how many of them unreadable, by which process, on what device."""

    number: int
    images: int
    unreadable: int
    process: int
    device: str


@dataclass(frozen=True)
class Advanced:
    """So many more films of the shard at hand are done."""

    images: int


@dataclass(frozen=True)
class Lost:
    """A worker ended over a shard, which is tried again unless this was the last time."""

    number: int
    last: bool


Step = Written | Advanced | Lost


def shards_of(films: Films, manifest: Manifest) -> list[Shard]:
    """All shards of the run."""
    size = manifest.shard_size
    return [Shard(start // size, films.files[start : start + size]) for start in range(0, len(films.files), size)]


def shards_to_do(store: Store, shards: Sequence[Shard], retry_failed: bool = False) -> list[Shard]:
    """Those that do not lie there, or whose films have another size or time now; with `retry_failed` also those with
    films that could not be read."""
    names = store.names()

    def is_due(shard: Shard) -> bool:
        found = standing(store, shard.name) if shard.name in names else None
        if found is None or (found.inputs, found.images) != (digest_of_list(shard.films, True), len(shard.films)):
            return True
        return retry_failed and found.unreadable > 0

    with ThreadPoolExecutor(FOOTERS_AT_A_TIME) as pool:
        return [shard for shard, due in zip(shards, pool.map(is_due, shards), strict=True) if due]


class Worker:
    """Holds the encoder and the processes that open files, and makes one shard after the other. Close it."""

    def __init__(self, task: Task, decoders: int | None = None) -> None:
        """Nothing is loaded yet, see `load`. Without `decoders` as many as fit this machine."""
        self._task = task
        self._decoders = decoders
        self._opened = contextlib.ExitStack()
        self._films: tuple[ScannedFile, ...] = ()

    def load(self) -> str:
        """Loads the encoder; returns the device in words. Raises UserError where this machine cannot do the task."""
        task = self._task
        if task.program != __version__:
            raise UserError(
                f"A worker has version {__version__} of the program, the run version {task.program}. "
                "Install the same on every machine."
            )
        info = read_encoder(task.encoder_directory)
        if info.key != task.encoder_key:
            raise UserError(
                f"A worker's encoder in {task.encoder_directory} is {info.key}, the run's {task.encoder_key}. "
                "Copy the same encoder to every machine."
            )
        self._folder = local_path(task.manifest.prefix)
        fetch = None
        if self._folder is None:
            place = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="cxr-films-"))
            self._fetched = Path(place)
            system, root = file_system(task.manifest.prefix)
            fetch = partial(self._fetch, system, root)
        self._embedder = Embedder(task.encoder_directory, task.device, self._decoders, fetch)
        self._opened.callback(self._embedder.close)
        return self._embedder.ready.device

    def close(self) -> None:
        """Ends its processes, and removes what was fetched."""
        self._opened.close()

    def make(self, shard: Shard) -> Iterator[Advanced | Written]:
        """Embeds a shard's films, stores it, and yields Written; before that Advanced after every batch.

        Raises:
            UserError: The films' place cannot be reached, or the shards' cannot be written.
        """
        self._films = shard.films
        sources = [Source(number, self._path_of(number, film)) for number, film in enumerate(shard.films)]
        embedded: dict[int, Embedded] = {}
        unreadable: dict[int, Unreadable] = {}
        for batch in self._embedder.embed(sources, self._folder):
            embedded |= {item.image_id: item for item in batch.embedded}
            unreadable |= {item.image_id: item for item in batch.unreadable}
            yield Advanced(len(batch.embedded) + len(batch.unreadable))
        if not embedded and len(sources) >= NONE_OF and all(bad.digest is None for bad in unreadable.values()):
            raise UserError(f"None of {len(sources):,} films can be read: {unreadable[0].reason}")
        task = self._task
        data = shard_to_bytes(shard.films, embedded, unreadable, task.manifest.dimension, task.manifest.patient_key)
        Store(task.out).write(shard.name, data)
        yield Written(shard.number, len(sources), len(unreadable), os.getpid(), self._embedder.ready.device)

    def make_whole(self, shard: Shard) -> Written:
        """`make` to its end, for a caller far away."""
        *_, written = self.make(shard)
        assert isinstance(written, Written)
        return written

    def _path_of(self, number: int, film: ScannedFile) -> Path:
        """Where the film lies when it is opened."""
        return self._folder / film.path if self._folder is not None else self._fetched / str(number)

    @contextlib.contextmanager
    def _fetch(self, system: Any, root: str, source: Source) -> Iterator[None]:
        film = self._films[source.image_id]
        try:
            if film.size_bytes > MAX_FILE_BYTES:
                with source.path.open("wb") as file:  # as long, and empty: whoever reads it says that it is too large
                    file.truncate(film.size_bytes)
            else:
                with _passing():
                    system.get_file(f"{root}/{film.path}", str(source.path))
            yield
        finally:
            source.path.unlink(missing_ok=True)


@contextlib.contextmanager
def _passing() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise PassingError("The file is gone. Put it back, or make the list anew.") from error
    except Exception as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise PassingError(f"The file cannot be fetched ({reason}). Check the store and the permissions.") from error


def embed_here(task: Task, shards: Sequence[Shard]) -> Iterator[Step]:
    """Makes the shards in this process, which opens files in others. Raises UserError as `Worker` does."""
    worker = Worker(task)
    try:
        worker.load()
        yield Advanced(0)
        for shard in shards:
            yield from worker.make(shard)
    finally:
        worker.close()
