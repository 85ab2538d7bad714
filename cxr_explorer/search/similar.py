"""Which images of a map are most like one, or like what a group has in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.neighbours import similar_to, unit_rows
from cxr_explorer.encoder.embed import Batch, Embedded, Source, embed
from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_frames import MIDDLE, Frame
from cxr_explorer.project.project import AtlasMap, Ids, Project

PAGE_ROWS = 500
"""Embeddings read in one go: a few milliseconds."""


@dataclass(frozen=True, eq=False)
class Alike:
    """Images in order of likeness, the most alike first.

    Attributes:
        image_ids: (K,) int64.
        likeness: (K,) float32, cosine to what was asked for, in [-1, 1].
    """

    image_ids: Ids
    likeness: NDArray[np.float32]


def embedding_pages(project: Project, encoder_key: str) -> Iterator[tuple[Ids, NDArray[np.float32]]]:
    """Ids (n,) ascending and embeddings (n, D) float32 of an encoder, PAGE_ROWS at a time; also of missing files."""
    execute = project.db.execute
    encoder_id, dimension = _encoder(project, encoder_key)
    last = -1
    while True:
        # A page is a query of its own: no cursor stays open between them for a writer to trip over.
        page = execute(
            """SELECT image_id, vector FROM embeddings WHERE encoder_id = ? AND image_id > ?
               AND length(vector) = ? ORDER BY image_id LIMIT ?""",
            [encoder_id, last, 4 * dimension, PAGE_ROWS],
        ).fetchall()
        if not page:
            return
        last = page[-1][0]
        vectors = np.frombuffer(b"".join(row[1] for row in page), "<f4").astype(np.float32, copy=False)
        yield np.fromiter((row[0] for row in page), np.int64, len(page)), vectors.reshape(len(page), dimension)


def _encoder(project: Project, encoder_key: str) -> tuple[int, int]:
    """Number and dimension of an encoder in the project; (-1, 0) where it has none of its embeddings."""
    row = project.db.execute("SELECT id, dimension FROM encoders WHERE key = ?", [encoder_key]).fetchone()
    return (int(row[0]), int(row[1])) if row is not None else (-1, 0)


class UnitEmbeddings:
    """The embeddings of the images of a map at length 1, held in memory: 205 MB for 100,000 x 512.

    Exhaust `load` first, at once or a page at a time. Images whose embedding is gone (their file has changed since)
    are not among `image_ids`.

    Args:
        project: Open as long as `load` runs.
        atlas_map: Whose images.
    """

    def __init__(self, project: Project, atlas_map: AtlasMap) -> None:
        self.encoder_key = atlas_map.encoder_key
        self.image_ids: Ids = np.zeros(0, np.int64)
        self._units = np.zeros((0, 0), np.float32)
        self._project = project
        self._wanted = atlas_map.image_ids

    def load(self) -> Iterator[float]:
        """Reads page by page; yields the fraction done after each. `image_ids` is complete when it ends."""
        ids = np.zeros(len(self._wanted), np.int64)
        units = np.zeros((len(self._wanted), _encoder(self._project, self.encoder_key)[1]), np.float32)
        filled = 0
        for found, vectors in embedding_pages(self._project, self.encoder_key):
            kept = np.isin(found, self._wanted)
            end = filled + int(kept.sum())
            ids[filled:end] = found[kept]
            units[filled:end] = unit_rows(vectors[kept])
            filled = end
            yield min(filled / max(len(ids), 1), 1.0)
        self.image_ids, self._units = ids[:filled], units[:filled]

    def vector(self, image_id: int) -> NDArray[np.float32]:
        """(D,) of one image, length 1. Raises KeyError for an image without an embedding."""
        row = int(np.searchsorted(self.image_ids, image_id))
        if row == len(self.image_ids) or self.image_ids[row] != image_id:
            raise KeyError(image_id)
        return np.asarray(self._units[row])

    def centre(self, image_ids: Ids) -> NDArray[np.float32]:
        """(D,) mean direction of some images; zeros where none of them has an embedding."""
        # A product with all rows: copying out many of them takes longer.
        return unit_rows(np.isin(self.image_ids, image_ids).astype(np.float32) @ self._units)

    def alike(self, vector: NDArray[np.floating], count: int, leave_out: Ids | None = None) -> Alike:
        """The images most like a vector (D,), at most `count`, without those to leave out."""
        unwanted = self._rows(leave_out) if leave_out is not None else None
        rows, likeness = similar_to(self._units, vector, count, unwanted)
        return Alike(self.image_ids[rows], np.clip(likeness, -1, 1))

    def _rows(self, image_ids: Ids) -> NDArray[np.int64]:
        return np.flatnonzero(np.isin(self.image_ids, image_ids))


def image_named(project: Project, name: str) -> int | None:
    """The image meant by a path (relative to the project's folder, or absolute), or by a file's name.

    Returns:
        The image's id; None where the project has no such image.

    Raises:
        UserError: The name is that of several files.
    """
    paths = {path: image_id for image_id, path in project.paths().items()}
    wanted = Path(name)
    if wanted.is_absolute() and wanted.resolve().is_relative_to(project.folder):
        return paths.get(wanted.resolve().relative_to(project.folder).as_posix())
    relative = PurePosixPath(name.replace("\\", "/")).as_posix()
    if relative in paths:
        return paths[relative]
    found = sorted(path for path in paths if path.rpartition("/")[2] == name)
    if len(found) > 1:
        shown = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise UserError(f"{len(found):,} files are called {name}: {shown}. Say which, with its folder.")
    return paths[found[0]] if found else None


def embed_file(path: Path, encoder_directory: Path, device: str, frame: Frame = MIDDLE) -> Iterator[Embedded]:
    """Yields what the encoder makes of one image file; a generator so that it runs in a child process.

    Raises:
        UserError: The file cannot be read, or as `embed` does.
    """
    for item in embed([Source(0, path)], encoder_directory, device, frame=frame):
        if isinstance(item, Batch):
            for failure in item.unreadable:
                raise UserError(f"Cannot search for images like {path.name}. {failure.reason}")
            yield from item.embedded
