"""Embed files batch by batch: a generator made to run in a child process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import EncoderInfo, read_encoder
from cxr_explorer.encoder.engine import Engine, open_engine
from cxr_explorer.errors import PassingError, UserError
from cxr_explorer.images.dicom_frames import MIDDLE, Frame
from cxr_explorer.images.guard import LIMITS, Answer, Guard, Refused
from cxr_explorer.images.preprocess import InputSpec, preprocess, thumbnail_jpeg
from cxr_explorer.images.radiograph import Float
from cxr_explorer.images.read import decode

BATCH_SIZE = {"cpu": 32, "mps": 64, "cuda": 128}
"""Images a batch unless the caller says otherwise: on two cores about a fifth of a second on the encoder."""

FIRST_BATCH = 16
"""Images of the first batch, at most: the sooner the first pictures are seen, and a pass for each of two cores."""

CPU_PASS = 8
"""Images a pass through the network on a CPU, each pass on one thread of its own.

Measured with Lite0 at 192 px on two cores: passes of 8 keep their activations in the cache and give about twice the
images a second of passes of 32. One pass a core needs no barrier inside a layer: nearly as fast on an idle machine as
one pass over all cores, three times as fast where other work (the decoding, for one) competes for them. In ONNX Runtime
the same holds: Lite0 on two cores beside other work, images a second with passes of 4, 8, 16 and 32 on a thread each of
one session: 52, 52, 48, 46; with two threads inside each layer 26 (passes of 8) and 31 (of 32)."""


_SMALL = InputSpec(32)  # where no encoder looks at the picture: enough to see whether its values are numbers

FETCHES = 16
"""Files on their way at a time from where they have to be fetched: an object store answers after some 50 ms, and gives
more to who asks for several."""


@dataclass(frozen=True)
class Source:
    """A file to embed; `image_id` is the caller's and comes back with the result."""

    image_id: int
    path: Path


@dataclass(frozen=True)
class Ready:
    """The first item: the device in words ("cpu", "cuda: NVIDIA …") and the encoder's key."""

    device: str
    encoder_key: str


@dataclass(frozen=True, eq=False)
class Embedded:
    """One image's result.

    Attributes:
        image_id: The source's.
        embedding: (D,) float32, the encoder's output before any projection head.
        thumbnail: JPEG bytes, gray, longer side THUMBNAIL_PX, from the same rendering the encoder saw.
        digest: Hex BLAKE2b-128 of the file's bytes.
        height_px: Rows of the image as read.
        width_px: Columns of the image as read.
        facts: See `Radiograph.facts`.
        notes: See `Radiograph.notes`.
        patient: See `Radiograph.patient`.
    """

    image_id: int
    embedding: NDArray[np.float32]
    thumbnail: bytes
    digest: str
    height_px: int
    width_px: int
    facts: Mapping[str, str]
    notes: tuple[str, ...]
    patient: str = ""


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be read, and why, in a reader's words.

    Attributes:
        image_id: The source's.
        reason: One line.
        digest: Of the content that is to blame, see `guard.Refused`; None where the surroundings are, so that the file
            is worth another try.
    """

    image_id: int
    reason: str
    digest: str | None


@dataclass(frozen=True, eq=False)
class Batch:
    """Results of one batch, in no promised order.

    Attributes:
        embedded: Images.
        unreadable: Files that could not be read.
        postponed: Files that could not be read for now: they are tried once more at the end, and come again then.
    """

    embedded: tuple[Embedded, ...]
    unreadable: tuple[Unreadable, ...]
    postponed: tuple[Unreadable, ...] = ()


Item = Ready | Batch


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A file's share of Embedded, and the encoder's input (1, size_px, size_px)."""

    pixels: Float
    thumbnail: bytes
    height_px: int
    width_px: int
    facts: Mapping[str, str]
    notes: tuple[str, ...]
    patient: str


def embed(
    images: Sequence[Source],
    encoder_directory: Path,
    device: str = "auto",
    batch_size: int | None = None,
    folder: Path | None = None,
    frame: Frame = MIDDLE,
) -> Iterator[Item]:
    """Yields Ready, then a Batch for every batch, in the order of `images`.

    Files are opened in processes of their own, each under the limits of `guard`. While one batch is on the device the
    files of the next are being opened. Errors of a file are Unreadable items, never exceptions.

    Args:
        images: What to embed.
        encoder_directory: A checkpoint, see `checkpoint.read_encoder`.
        device: "auto", "cpu", "cuda" or "mps".
        batch_size: Images a batch; None takes BATCH_SIZE. Halved when the device's memory does not hold it.
        folder: Where all images lie: when it is gone the files are not to blame, and the run ends.
        frame: Of files of several frames, which is embedded.

    Raises:
        UserError: The encoder cannot be loaded or gives no numbers, the device is not there, its memory does not hold a
            single image, or the folder is gone.
    """
    info = read_encoder(encoder_directory)
    with _Decoders(info.spec, min(decoders_that_fit(), len(images)), frame=frame) as decoders:
        first = [decoders.submit(source) for source in images[: min(batch_size or FIRST_BATCH, FIRST_BATCH)]]
        with _Encoder(open_engine(info, device), info) as encoder:  # while these are being opened
            size = batch_size or encoder.batch_size
            yield Ready(device=encoder.engine.words, encoder_key=info.key)
            yield from _all_batches(images, size, decoders, encoder, folder, first)


def look(images: Sequence[Source], folder: Path | None = None, frame: Frame = MIDDLE) -> Iterator[Item]:
    """What `embed` yields, without an encoder: the embeddings have no numbers, and the key is empty."""
    with _Decoders(_SMALL, min(decoders_that_fit(), len(images)), frame=frame) as decoders:
        yield Ready(device="cpu", encoder_key="")
        yield from _all_batches(images, BATCH_SIZE["cpu"], decoders, _Nothing(), folder)


Fetch = Callable[[Source], AbstractContextManager[None]]
"""Brings a file to the source's path and takes it away again. Raises PassingError where it cannot be had now."""


class Embedder:
    """`embed` for one list of images after the other: the encoder and the processes that open files stay. Close it."""

    def __init__(
        self, encoder_directory: Path, device: str = "auto", decoders: int | None = None, fetch: Fetch | None = None
    ) -> None:
        """Loads the encoder.

        Args:
            encoder_directory: A checkpoint, see `checkpoint.read_encoder`.
            device: "auto", "cpu", "cuda" or "mps".
            decoders: How many processes open files; None takes `decoders_that_fit`.
            fetch: Where the files are not at their paths yet: each is fetched before it is opened, several at a time.

        Raises:
            UserError: The encoder cannot be loaded, or the device is not there.
        """
        info = read_encoder(encoder_directory)
        with ExitStack() as opened:
            self._decoders = opened.enter_context(_Decoders(info.spec, decoders or decoders_that_fit(), fetch))
            self._encoder = opened.enter_context(_Encoder(open_engine(info, device), info))
            self._opened = opened.pop_all()
        self.ready = Ready(device=self._encoder.engine.words, encoder_key=info.key)

    def embed(self, images: Sequence[Source], folder: Path | None = None) -> Iterator[Batch]:
        """A Batch for every batch, as `embed` yields them, with its errors."""
        size = self._encoder.batch_size
        yield from _all_batches(images, size, self._decoders, self._encoder, folder)

    def close(self) -> None:
        """Ends the processes and threads."""
        self._opened.close()


def _all_batches(
    images: Sequence[Source],
    size: int,
    decoders: _Decoders,
    encoder: _Encoder | _Nothing,
    folder: Path | None,
    first: Sequence[Future[_Opened]] = (),
) -> Iterator[Batch]:
    """Every image once, and at the end once more those that could not be read for now; `first` are being opened."""
    by_id = {source.image_id: source for source in images}
    again: list[Source] = []
    for batch in _batches(images[len(first) :], size, decoders, encoder, first):
        postponed = tuple(bad for bad in batch.unreadable if bad.digest is None)
        if postponed and folder is not None:
            _check_there(folder)
        again += [by_id[bad.image_id] for bad in postponed]
        yield Batch(batch.embedded, tuple(bad for bad in batch.unreadable if bad.digest is not None), postponed)
    for batch in _batches(again, size, decoders, encoder):
        if folder is not None and any(bad.digest is None for bad in batch.unreadable):
            _check_there(folder)
        yield batch


def _batches(
    images: Sequence[Source],
    size: int,
    decoders: _Decoders,
    encoder: _Encoder | _Nothing,
    waiting: Sequence[Future[_Opened]] = (),
) -> Iterator[Batch]:
    for start in range(0, len(images), size):
        opening = [decoders.submit(source) for source in images[start : start + size]]
        if waiting:
            yield _finish(waiting, encoder)
        waiting = opening
    if waiting:
        yield _finish(waiting, encoder)


def _check_there(folder: Path) -> None:
    """Raises UserError where the folder is gone, or empty as the place of a drive that is away."""
    try:
        with os.scandir(folder) as entries:
            if next(entries, None) is not None:
                return
        why = "it is empty"
    except OSError as error:
        why = error.strerror or type(error).__name__
    raise UserError(
        f"Analysing stopped: the folder {folder} cannot be read any more ({why}). What was analysed is kept. "
        "Connect the drive or put the folder back, then index again (F5)."
    )


# ---------------------------------------------------------------------------------------------- opening files


def decode_for(spec: InputSpec, data: bytes, frame: Frame = MIDDLE) -> _Decoded:
    """What is kept of a file's bytes, see `read.decode` for its errors. Runs in a child process, without torch."""
    radiograph = decode(data, frame)
    pixels = preprocess(radiograph, spec)  # (1, size_px, size_px)
    if not np.isfinite(pixels).all():
        raise UserError("The picture holds values that are not numbers. Export it again.")
    height_px, width_px = radiograph.values.shape
    facts, notes = dict(radiograph.facts), tuple(radiograph.notes)
    return _Decoded(pixels, thumbnail_jpeg(radiograph), height_px, width_px, facts, notes, radiograph.patient)


@dataclass(frozen=True, eq=False)
class _Opened:
    """A file and what came of it."""

    image_id: int
    result: Answer | Refused


class _Decoders:
    """Processes that open files, and a thread for each that waits for it. Close it."""

    def __init__(self, spec: InputSpec, count: int, fetch: Fetch | None = None, frame: Frame = MIDDLE) -> None:
        self._fetch = fetch
        self._guards = [Guard(partial(decode_for, spec, frame=frame)) for _ in range(max(count, 1))]
        self._idle: SimpleQueue[Guard] = SimpleQueue()
        for guard in self._guards:
            self._idle.put(guard)
        threads = len(self._guards) if fetch is None else FETCHES + len(self._guards)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def __enter__(self) -> _Decoders:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)  # closed early: do not decode what nobody waits for
        for guard in self._guards:
            guard.close()
        self._pool.shutdown()

    def submit(self, source: Source) -> Future[_Opened]:
        """Opens the file as soon as a process is idle."""
        return self._pool.submit(self._open, source)

    def _open(self, source: Source) -> _Opened:
        if self._fetch is None:
            return _Opened(source.image_id, self._ask(source.path))
        try:
            with self._fetch(source):
                return _Opened(source.image_id, self._ask(source.path))
        except PassingError as error:
            return _Opened(source.image_id, Refused(str(error), None))

    def _ask(self, path: Path) -> Answer | Refused:
        guard = self._idle.get()
        try:
            return guard.ask(path)
        finally:
            self._idle.put(guard)


def decoders_that_fit() -> int:
    """How many processes may open files at a time: one a core, at most four, and their memory limits fit together."""
    cores = min(4, os.cpu_count() or 1)
    if sys.platform == "win32":
        return min(2, cores)
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, memory_bytes // (LIMITS.memory_bytes * 3 // 2)))


def _finish(opening: Sequence[Future[_Opened]], encoder: _Encoder | _Nothing) -> Batch:
    opened = [future.result() for future in opening]
    decoded = [(item.image_id, item.result) for item in opened if isinstance(item.result, Answer)]
    unreadable = [
        Unreadable(item.image_id, item.result.reason, item.result.digest)
        for item in opened
        if isinstance(item.result, Refused)
    ]
    embedded = []
    if decoded:
        embeddings = encoder.encode(np.stack([answer.value.pixels for _, answer in decoded]))  # (B, D)
        for (image_id, answer), embedding in zip(decoded, embeddings, strict=True):
            embedded.append(
                Embedded(
                    image_id=image_id,
                    embedding=embedding.copy(),  # not a view that keeps the whole batch alive
                    thumbnail=answer.value.thumbnail,
                    digest=answer.digest,
                    height_px=answer.value.height_px,
                    width_px=answer.value.width_px,
                    facts=answer.value.facts,
                    notes=answer.value.notes,
                    patient=answer.value.patient,
                )
            )
    return Batch(embedded=tuple(embedded), unreadable=tuple(unreadable))


# ---------------------------------------------------------------------------------------------- the network


class _Nothing:
    """In an encoder's place where embeddings come from elsewhere."""

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 1, S, S) to (B, 0)."""
        return np.zeros((len(pixels), 0), np.float32)


class _Encoder:
    """An engine, and how many images a pass its device has been seen to hold. Close it: it has threads."""

    def __init__(self, engine: Engine, info: EncoderInfo) -> None:
        self.engine = engine
        self.title = info.title
        self.pass_size = (info.films_a_pass or CPU_PASS) if engine.kind == "cpu" else 1 << 16
        self.batch_size = BATCH_SIZE[engine.kind]
        if self.pass_size < CPU_PASS:  # a slow one: something is seen, and kept, all the same every few seconds
            self.batch_size = min(self.batch_size, max(FIRST_BATCH // 2, self.pass_size * engine.threads))
        self._pool: ThreadPoolExecutor | None = None
        if engine.kind == "cpu":
            self._pool = ThreadPoolExecutor(engine.threads, "encode", initializer=engine.begin_thread)

    def __enter__(self) -> _Encoder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self.engine.close()

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 1, S, S), finite, to (B, D) float32, finite.

        Raises:
            UserError: The memory does not hold a single image, or the network gives values that are not numbers: of a
                finite picture between black and white that is no fault of the picture's.
        """
        if self._pool is None:
            embeddings = self._encode_part(pixels)
        else:
            step = min(self.pass_size, CPU_PASS)
            parts = [pixels[start : start + step] for start in range(0, len(pixels), step)]
            embeddings = np.concatenate(list(self._pool.map(self._encode_part, parts)))
        if not np.isfinite(embeddings).all():
            raise UserError(
                f"The encoder {self.title} cannot be used: it gives values that are not numbers on {self.engine.kind}. "
                "Try the device cpu, copy the encoder again from its source, or choose another."
            )
        return embeddings

    def _encode_part(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """`encode` in as many passes as memory asks for."""
        parts: list[NDArray[np.float32]] = []
        start = 0
        while start < len(pixels):
            part = pixels[start : start + self.pass_size]  # (b, 1, S, S)
            try:
                parts.append(self.engine.run(part))
                start += len(part)
            except MemoryError as error:
                if len(part) == 1:
                    raise UserError(
                        f"The encoder cannot run: the memory of {self.engine.kind} does not hold a single image. "
                        "Close other programs that use it, or choose the device cpu."
                    ) from error
                self.pass_size = len(part) // 2
        return np.concatenate(parts)
