"""Embed files batch by batch: a generator made to run in a child process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import read_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess, thumbnail_jpeg
from cxr_explorer.images.radiograph import Float
from cxr_explorer.images.read import digest_of, read

if TYPE_CHECKING:
    import torch  # imported where it is used: the window's process needs this module's items, not torch

BATCH_SIZE = {"cpu": 32, "mps": 64, "cuda": 128}
"""Images a batch unless the caller says otherwise: on two cores about a fifth of a second on the encoder."""

CPU_PASS = 8
"""Images a pass through the network on a CPU, each pass on one thread of its own.

Measured with Lite0 at 192 px on two cores: passes of 8 keep their activations in the cache and give about twice the
images a second of passes of 32. One pass a core needs no barrier inside a layer: nearly as fast on an idle machine as
one pass over all cores, three times as fast where other work (the decoding, for one) competes for them."""


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


@dataclass(frozen=True)
class Starting:
    """These files are about to be opened: if the process dies, one of them did it."""

    image_ids: tuple[int, ...]


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
    """

    image_id: int
    embedding: NDArray[np.float32]
    thumbnail: bytes
    digest: str
    height_px: int
    width_px: int
    facts: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be read, and why, in a reader's words."""

    image_id: int
    reason: str


@dataclass(frozen=True, eq=False)
class Batch:
    """Results of one batch, in no promised order."""

    embedded: tuple[Embedded, ...]
    unreadable: tuple[Unreadable, ...]


Item = Ready | Starting | Batch


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A file's share of Embedded, and the encoder's input (1, size_px, size_px)."""

    image_id: int
    pixels: Float
    thumbnail: bytes
    digest: str
    height_px: int
    width_px: int
    facts: Mapping[str, str]
    notes: tuple[str, ...]


def embed(
    images: Sequence[Source], encoder_directory: Path, device: str = "auto", batch_size: int | None = None
) -> Iterator[Item]:
    """Yields Ready, then for every batch Starting and Batch, both in the order of `images`.

    While one batch is on the device the files of the next are being opened, so Starting runs ahead of Batch: at any
    moment the files that are open are those of the Starting items without their Batch.

    Errors of a file are Unreadable items, never exceptions.

    Args:
        images: What to embed.
        encoder_directory: A checkpoint, see `checkpoint.read_encoder`.
        device: "auto", "cpu", "cuda" or "mps".
        batch_size: Images a batch; None takes BATCH_SIZE. Halved when the device's memory does not hold it.

    Raises:
        UserError: The encoder cannot be loaded, the device is not there, or its memory does not hold a single image.
    """
    from cxr_explorer.encoder.model import choose_device, describe_device, load_model

    info = read_encoder(encoder_directory)
    model = load_model(info, choose_device(device))
    waiting: list[Future[_Decoded | Unreadable]] = []
    with (
        _Encoder(model) as encoder,
        ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="decode") as pool,
    ):
        size = batch_size or BATCH_SIZE[encoder.device.type]
        yield Ready(device=describe_device(encoder.device), encoder_key=info.key)
        try:
            for start in range(0, len(images), size):
                sources = images[start : start + size]
                yield Starting(tuple(source.image_id for source in sources))
                opening = [pool.submit(_decode, source, info.spec) for source in sources]
                if waiting:
                    yield _finish(waiting, encoder)
                waiting = opening
            if waiting:
                yield _finish(waiting, encoder)
        finally:
            pool.shutdown(cancel_futures=True)  # closed early: do not decode what nobody waits for


def _decode(source: Source, spec: InputSpec) -> _Decoded | Unreadable:
    try:
        radiograph = read(source.path)
        pixels = preprocess(radiograph, spec)  # (1, size_px, size_px)
        if not np.isfinite(pixels).all():
            return Unreadable(source.image_id, "The picture holds values that are not numbers. Export it again.")
        height_px, width_px = radiograph.values.shape
        return _Decoded(
            image_id=source.image_id,
            pixels=pixels,
            thumbnail=thumbnail_jpeg(radiograph),
            digest=digest_of(source.path),
            height_px=height_px,
            width_px=width_px,
            facts=dict(radiograph.facts),
            notes=radiograph.notes,
        )
    except UserError as error:
        return Unreadable(source.image_id, str(error))
    except MemoryError:
        return Unreadable(source.image_id, "Not enough memory to open this image. Close other programs and try again.")
    except OSError as error:
        reason = f"The file cannot be read: {error.strerror or error}. Check it and try again."
        return Unreadable(source.image_id, reason)
    except Exception as error:  # noqa: BLE001  a decoder's bug in one file must not end a run over 100,000
        # Not the error's own text: it may quote the file's header, and the reason is stored.
        reason = f"The reader failed on this file ({type(error).__name__}). Please report it with the file."
        return Unreadable(source.image_id, reason)


def _finish(opening: Sequence[Future[_Decoded | Unreadable]], encoder: _Encoder) -> Batch:
    results = [future.result() for future in opening]
    decoded = [result for result in results if isinstance(result, _Decoded)]
    unreadable = [result for result in results if isinstance(result, Unreadable)]
    embedded = []
    if decoded:
        embeddings = encoder.encode(np.stack([item.pixels for item in decoded]))  # (B, D)
        for item, embedding in zip(decoded, embeddings, strict=True):
            if not np.isfinite(embedding).all():
                reason = "The encoder gave values that are not numbers for this image. Try the device cpu."
                unreadable.append(Unreadable(item.image_id, reason))
                continue
            embedded.append(
                Embedded(
                    image_id=item.image_id,
                    embedding=embedding.copy(),  # not a view that keeps the whole batch alive
                    thumbnail=item.thumbnail,
                    digest=item.digest,
                    height_px=item.height_px,
                    width_px=item.width_px,
                    facts=item.facts,
                    notes=item.notes,
                )
            )
    return Batch(embedded=tuple(embedded), unreadable=tuple(unreadable))


class _Encoder:
    """A model on its device, and how many images a pass the device has been seen to hold. Close it: it has threads."""

    def __init__(self, model: torch.nn.Module) -> None:
        import torch

        from cxr_explorer.encoder.model import fold_norms

        self.device = next(model.parameters()).device
        if self.device.type == "cpu":
            model = fold_norms(model)
        self.model = model.to(memory_format=torch.channels_last)
        self.pass_size = CPU_PASS if self.device.type == "cpu" else 1 << 16
        self._threads_before = torch.get_num_threads()
        self._pool: ThreadPoolExecutor | None = None
        if self.device.type == "cpu":
            self._pool = ThreadPoolExecutor(
                self._threads_before, "encode", initializer=torch.set_num_threads, initargs=(1,)
            )

    def __enter__(self) -> _Encoder:
        return self

    def __exit__(self, *_: object) -> None:
        import torch

        if self._pool is not None:
            self._pool.shutdown()
            torch.set_num_threads(self._threads_before)  # the pool's threads also set it for threads to come

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 1, S, S) to (B, D) float32. Raises UserError when memory does not hold a single image."""
        if self._pool is None:
            return self._encode_part(pixels)
        parts = [pixels[start : start + CPU_PASS] for start in range(0, len(pixels), CPU_PASS)]
        return np.concatenate(list(self._pool.map(self._encode_part, parts)))

    def _encode_part(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """`encode` in as many passes as memory asks for."""
        import torch

        parts: list[NDArray[np.float32]] = []
        start = 0
        while start < len(pixels):
            part = torch.from_numpy(pixels[start : start + self.pass_size])  # (b, 1, S, S)
            try:
                parts.append(self._forward(part))
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error):
                    raise
                if len(part) == 1:
                    raise UserError(
                        f"The encoder cannot run: the memory of {self.device.type} does not hold a single image. "
                        "Close other programs that use it, or choose the device cpu."
                    ) from error
                self.pass_size = len(part) // 2
            else:
                start += len(part)
                continue
            if self.device.type == "cuda":
                torch.cuda.empty_cache()  # after the except clause: the error's traceback holds the activations
        return np.concatenate(parts)

    def _forward(self, pixels: torch.Tensor) -> NDArray[np.float32]:
        import torch

        on_cuda = self.device.type == "cuda"
        if on_cuda:
            pixels = pixels.pin_memory()
        x = pixels.to(self.device, non_blocking=on_cuda).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            if on_cuda:
                with torch.autocast("cuda"):
                    out: torch.Tensor = self.model(x).float()  # (B, D)
                if not torch.isfinite(out).all():  # float16 ends at 65504
                    out = self.model(x)
            else:
                out = self.model(x)
        return out.float().cpu().numpy()


def _out_of_memory(error: BaseException) -> bool:
    import torch

    # The CPU's allocator and MPS raise a plain RuntimeError.
    return isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)) or any(
        words in str(error) for words in ("out of memory", "not enough memory", "can't allocate memory")
    )
