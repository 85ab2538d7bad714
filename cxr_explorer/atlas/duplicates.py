"""Images that are the same picture: copies of a file, and pictures far more alike than pictures usually are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.neighbours import Neighbours

Ids = NDArray[np.int64]

SHARE = 0.3
"""Two images are near-duplicates when they are closer than this share of the usual distance, see `usual_distance`.

With the ImageNet encoder on 65 radiographs, versions of one picture lay at 0.08 (brighter), 0.18 (half the size), 0.22
(more contrast) and 0.30 (strongly compressed) of the usual distance in the median; of 1,304 different radiographs the
nearest two lay at 0.43, of 360 simulated ones at 0.31. A share needs no other number for another encoder.
"""

ROUNDING = 1e-3
"""Distance of embeddings of one picture that were computed in batches of other sizes, at most."""


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Groups of two and more images; parallel arrays, one entry an image, group after group, the most alike first.

    Attributes:
        image_ids: (M,) ids.
        group: (M,) int32, 0, 1, …, ascending.
        distance: (M,) float32 cosine distance to the nearest other image of the group, 0 for a copy of the file.
        same_file: (M,) bool, whether the group holds another file with the very same bytes.
        limit: The cosine distance up to which images count as near-duplicates; 0 where only files were compared.
    """

    image_ids: Ids
    group: NDArray[np.int32]
    distance: NDArray[np.float32]
    same_file: NDArray[np.bool_]
    limit: float

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.group[-1]) + 1 if self.group.size else 0


def usual_distance(neighbours: Neighbours) -> float:
    """Median over the images of the cosine distance to the farthest of the nearest images that are kept; 0 for none."""
    if neighbours.distances.shape[1] < 2:
        return 0.0
    return float(np.median(neighbours.distances[:, -1]) ** 2 / 2)


def limit_of(neighbours: Neighbours) -> float:
    """The distance (as in `Neighbours`) up to which two images are near-duplicates; never below what rounding does."""
    return max(float(np.sqrt(2 * SHARE * usual_distance(neighbours))), ROUNDING)


def find_duplicates(image_ids: Ids, file: NDArray[np.integer], neighbours: Neighbours | None) -> Duplicates:
    """Groups of images that are linked by equal files or by a distance below SHARE of the usual one.

    Args:
        image_ids: (N,).
        file: (N,) equal numbers for equal files, -1 for a file that is like no other.
        neighbours: Of the same N images; None compares files alone.
    """
    copies = np.flatnonzero(file >= 0)
    copies = copies[np.argsort(file[copies], kind="stable")]
    equal = file[copies[1:]] == file[copies[:-1]]
    one, other, apart = copies[:-1][equal], copies[1:][equal], np.zeros(int(equal.sum()), np.float32)
    limit = 0.0
    if neighbours is not None:
        limit = limit_of(neighbours)
        row, column = np.nonzero(neighbours.distances[:, 1:] <= limit)
        column += 1  # the first column is the image itself
        one = np.concatenate([one, row])
        other = np.concatenate([other, neighbours.indices[row, column]])
        apart = np.concatenate([apart, neighbours.distances[row, column] ** 2 / 2])
    rows, ends = np.unique(np.concatenate([one, other]), return_inverse=True)
    one, other = ends[: len(one)], ends[len(one) :]
    root = _components(one, other, len(rows))
    distance = np.full(len(rows), np.inf, np.float32)
    np.minimum.at(distance, one, apart)
    np.minimum.at(distance, other, apart)
    nearest = np.full(len(rows), np.inf, np.float32)
    np.minimum.at(nearest, root, distance)
    same_file = np.isin(rows, copies)
    # Group after group by its nearest pair, copies of one file side by side.
    order = np.lexsort((image_ids[rows], file[rows], root, nearest[root]))
    starts = np.diff(root[order], prepend=-1) != 0
    return Duplicates(
        image_ids=image_ids[rows[order]],
        group=(np.cumsum(starts) - 1).astype(np.int32),
        distance=np.where(same_file, np.float32(0), distance)[order],
        same_file=same_file[order],
        limit=limit**2 / 2,
    )


def _components(one: NDArray[np.integer], other: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """(count,) the lowest node that each node is linked to, through any number of links."""
    root = np.arange(count)
    while True:
        low = np.minimum(root[one], root[other])
        np.minimum.at(root, root[one], low)
        np.minimum.at(root, root[other], low)
        while not np.array_equal(root, root[root]):
            root = root[root]
        if np.array_equal(root[one], root[other]):
            return root
