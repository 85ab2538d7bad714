"""Images that are the same picture: copies of a file, and pictures far more alike than those around them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.pace import run_out

Ids = NDArray[np.int64]

SHARE = 0.3
"""Two images are near-duplicates when they are closer than this share of the usual distance around each of them.

Measured on 65 radiographs, changed and compared with 1,304 others, with the ImageNet encoder and with one pretrained on
radiographs: of pictures made brighter it finds 97 and 97 %, with more contrast 72 and 98 %, of half the size 66 and
100 %, strongly compressed 57 and 100 %, trimmed 35 and 92 %. Of 1,300 different radiographs it puts none and 33 into
groups, half of these groups being one patient's. One distance for all images, on the other hand, put 212 into groups
with the second encoder, most of them normal radiographs in one: these lie closer together than others do.
"""

LEAST_USUAL = 0.25
"""Of the median usual distance: what it is at least, or a picture with many copies would have no other around it."""

ROUNDING = 1e-6
"""Cosine distance of embeddings of one picture that were computed in batches of other sizes, at most."""

STEP = 20_000
"""Images whose neighbours are compared in one go: a hundredth of a second."""


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Groups of two and more images; parallel arrays, one entry an image, group after group, the most alike first.

    Attributes:
        image_ids: (M,) ids.
        group: (M,) int32, 0, 1, …, ascending.
        share: (M,) float32, 0 to SHARE: cosine distance to the nearest other image of the group, as a share of the
            usual distance there; 0 for a copy of a file.
        same_file: (M,) bool, whether the group holds another file with the very same bytes.
        pictures: Whether pictures were compared, or files alone.
    """

    image_ids: Ids
    group: NDArray[np.int32]
    share: NDArray[np.float32]
    same_file: NDArray[np.bool_]
    pictures: bool

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.group[-1]) + 1 if self.group.size else 0


def usual_distances(neighbours: Neighbours) -> NDArray[np.float32]:
    """(N,) float32 cosine distance to the farthest of the nearest images that are kept, see LEAST_USUAL."""
    if not neighbours.distances.size:
        return np.zeros(0, np.float32)
    farthest = neighbours.distances[:, -1] ** 2 / 2
    return np.maximum(farthest, max(LEAST_USUAL * float(np.median(farthest)), ROUNDING / SHARE)).astype(np.float32)


def with_near_duplicate(neighbours: Neighbours) -> NDArray[np.int64]:
    """Rows whose nearest other image may be the same picture: copies of a file are among them."""
    if neighbours.distances.shape[1] < 2:
        return np.zeros(0, np.int64)
    return np.flatnonzero(neighbours.distances[:, 1] ** 2 / 2 <= SHARE * usual_distances(neighbours))


def find_duplicates(image_ids: Ids, file: NDArray[np.integer], neighbours: Neighbours | None) -> Duplicates:
    """Groups of images that are linked, through any number of images, by equal files or by SHARE.

    Args:
        image_ids: (N,).
        file: (N,) equal numbers for equal files, -1 for a file that is like no other.
        neighbours: Of the same N images; None compares files alone.
    """
    return run_out(finding_duplicates(image_ids, file, neighbours))


def finding_duplicates(
    image_ids: Ids, file: NDArray[np.integer], neighbours: Neighbours | None
) -> Generator[None, None, Duplicates]:
    """The same in steps: of 100,000 images that are all alike each takes some hundredths of a second."""
    copies = np.flatnonzero(file >= 0)
    copies = copies[np.argsort(file[copies], kind="stable")]
    equal = file[copies[1:]] == file[copies[:-1]]
    links = [(copies[:-1][equal], copies[1:][equal], np.zeros(int(equal.sum()), np.float32))]
    if neighbours is not None:
        usual = usual_distances(neighbours)
        likely = with_near_duplicate(neighbours)
        for start in range(0, len(likely), STEP):
            yield
            links.append(_links(likely[start : start + STEP], usual, neighbours))
    one, other, share = (np.concatenate(parts) for parts in zip(*links, strict=True))
    yield
    linked = np.zeros(len(image_ids), np.bool_)
    linked[one] = linked[other] = True
    rows, place = np.flatnonzero(linked), np.cumsum(linked) - 1
    one, other = place[one], place[other]
    root = yield from _components(one, other, len(rows))
    nearest = np.full(len(rows), np.inf, np.float32)
    np.minimum.at(nearest, one, share)
    np.minimum.at(nearest, other, share)
    yield
    best = np.full(len(rows), np.inf, np.float32)
    np.minimum.at(best, root, nearest)
    # Group after group by its nearest pair, copies of one file side by side.
    order = np.lexsort((image_ids[rows], file[rows], root, best[root]))
    starts = np.diff(root[order], prepend=-1) != 0
    return Duplicates(
        image_ids=image_ids[rows[order]],
        group=(np.cumsum(starts) - 1).astype(np.int32),
        share=nearest[order],
        same_file=file[rows[order]] >= 0,
        pictures=neighbours is not None,
    )


def _links(
    likely: NDArray[np.int64], usual: NDArray[np.float32], neighbours: Neighbours
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Pairs of rows that are near-duplicates, and their distances as shares of the usual one.

    Args:
        likely: (M,) the rows whose neighbours are looked at.
        usual: (N,) see `usual_distances`.
        neighbours: Of the N images.
    """
    row, column = np.nonzero(neighbours.distances[likely, 1:] ** 2 / 2 <= SHARE * usual[likely, None])
    row, column = likely[row], column + 1  # the first column is the image itself
    near, apart = neighbours.indices[row, column], neighbours.distances[row, column] ** 2 / 2
    shares = apart / np.minimum(usual[row], usual[near])
    kept = shares <= SHARE
    return row[kept], near[kept], shares[kept].astype(np.float32)


def _components(
    one: NDArray[np.integer], other: NDArray[np.integer], count: int
) -> Generator[None, None, NDArray[np.int64]]:
    """(count,) the lowest node that each node is linked to, through any number of links."""
    root = np.arange(count)
    while True:
        low = np.minimum(root[one], root[other])
        np.minimum.at(root, root[one], low)
        yield
        np.minimum.at(root, root[other], low)
        while not np.array_equal(root, root[root]):
            root = root[root]
        if np.array_equal(root[one], root[other]):
            return root
        yield
