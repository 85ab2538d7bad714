"""Embed files batch by batch: a generator made to run in a child process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


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


def embed(
    images: Sequence[Source], encoder_directory: Path, device: str = "auto", batch_size: int | None = None
) -> Iterator[Item]:
    """Yields Ready, then for every batch Starting and Batch. Errors of a file are items, never exceptions.

    Raises:
        UserError: The encoder cannot be loaded, or the device is not there.
    """
    raise NotImplementedError
