"""Thumbnails: pixmaps by image id, decoded a little at a time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap

from cxr_explorer.images.preprocess import THUMBNAIL_PX

FETCH_BATCH = 16
"""Ids asked for at once: one query costs about as much as decoding one thumbnail."""

MOST_BYTES = THUMBNAIL_PX**2 + 512
"""What a thumbnail takes at most: gray pixels, and what Qt and Python keep beside them."""

CAPACITY_BYTES = 64 << 20
"""2,570 thumbnails: what is in sight on a screen of 3840 x 2160 at the smallest size, and the page after it."""


class Thumbnails:
    """The most recently used thumbnails, by image id and by nothing else.

    A position in a list changes with every filter and sort; an id does not. Keyed by ids, a thumbnail cannot appear
    under another image.

    Args:
        fetch: Returns the JPEG bytes of those of the given ids that have a thumbnail.
        capacity_bytes: What all that is kept takes at most. However fine the screen, a thumbnail has the pixels it is
            stored with.
    """

    def __init__(
        self, fetch: Callable[[Sequence[int]], Mapping[int, bytes]], capacity_bytes: int = CAPACITY_BYTES
    ) -> None:
        if capacity_bytes < MOST_BYTES:
            raise ValueError(f"capacity_bytes must be at least {MOST_BYTES}")
        self._fetch = fetch
        self._capacity = capacity_bytes // MOST_BYTES
        # Least recently used first. None: asked for, and there is no picture to show.
        self._pixmaps: OrderedDict[int, QPixmap | None] = OrderedDict()
        # Fetched by a call whose time ran out before decoding them.
        self._undecoded: dict[int, bytes] = {}

    def get(self, image_id: int) -> QPixmap | None:
        """The thumbnail if it is in memory; never fetches."""
        pixmap = self._pixmaps.get(image_id)
        if pixmap is not None:
            self._pixmaps.move_to_end(image_id)
        return pixmap

    def settled(self, image_id: int) -> bool:
        """Whether loading has nothing left to do: the thumbnail is in memory, or the image is known to have none."""
        return image_id in self._pixmaps

    def load(self, image_ids: Sequence[int], budget_s: float) -> bool:
        """Fetch and decode what is missing, in the order given, until the time is used up.

        Every call settles at least one image, whatever the budget. No more ids are considered than the capacity
        holds, so that a call never drops what it has just loaded.

        Returns:
            Whether all of them are settled.
        """
        deadline = time.perf_counter() + budget_s
        wanted = list(dict.fromkeys(image_ids))[: self._capacity]
        missing = []
        for image_id in wanted:
            if image_id in self._pixmaps:
                self._pixmaps.move_to_end(image_id)
            else:
                missing.append(image_id)
        if self._undecoded:
            still_wanted = set(missing)
            self._undecoded = {key: jpeg for key, jpeg in self._undecoded.items() if key in still_wanted}
        for done, image_id in enumerate(missing):
            if done and time.perf_counter() >= deadline:
                return False
            if image_id not in self._undecoded:
                batch = [i for i in missing[done : done + FETCH_BATCH] if i not in self._undecoded]
                found = self._fetch(batch)
                # Only what was asked for, under the id it was asked for by.
                self._undecoded.update((i, found[i]) for i in batch if i in found)
            self._keep(image_id, _decode(self._undecoded.pop(image_id, None)))
        return True

    def forget(self, image_ids: Iterable[int]) -> None:
        """Drop these, so that they are fetched anew: their thumbnails were written or replaced."""
        for image_id in image_ids:
            self._pixmaps.pop(image_id, None)
            self._undecoded.pop(image_id, None)

    def clear(self) -> None:
        """Drop everything: another project was opened."""
        self._pixmaps.clear()
        self._undecoded.clear()

    def __len__(self) -> int:
        return len(self._pixmaps)

    def _keep(self, image_id: int, pixmap: QPixmap | None) -> None:
        self._pixmaps[image_id] = pixmap
        self._pixmaps.move_to_end(image_id)
        while len(self._pixmaps) > self._capacity:
            self._pixmaps.popitem(last=False)


def _decode(jpeg: bytes | None) -> QPixmap | None:
    if not jpeg:
        return None
    image = QImage.fromData(jpeg)
    if image.isNull():
        return None
    if max(image.width(), image.height()) > THUMBNAIL_PX:  # none that this program has stored
        keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        image = image.scaled(THUMBNAIL_PX, THUMBNAIL_PX, keep, smooth)
    # Gray stays gray: the default conversion to 32 bits would take four times the memory.
    gray = image.convertToFormat(QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(gray, Qt.ImageConversionFlag.NoFormatConversion)
