"""Time what the reader waits for: painting and scrolling 100,000 tiles, and dragging a 3000 x 3000 radiograph.

Run as `python tests/bench/gallery_and_picture.py`; milliseconds, median and worst.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from cxr_explorer.images.radiograph import Radiograph, Window
from cxr_explorer.ui.gallery.gallery import Gallery, Mark
from cxr_explorer.ui.session.thumbnails import Thumbnails
from cxr_explorer.ui.viewer.image_view import ImageView
from cxr_explorer.ui.viewer.levels import Levels
from cxr_explorer.ui.viewer.picture import Picture, _Drag


def measure(name: str, run: Callable[[int], object], times: int = 60) -> None:
    run(0)
    taken = []
    for turn in range(1, times + 1):
        start = time.perf_counter()
        run(turn)
        taken.append((time.perf_counter() - start) * 1e3)
    print(f"{name:58} {np.median(taken):7.1f} {max(taken):7.1f}")


def jpegs() -> list[bytes]:
    held = []
    for seed in range(50):
        gray = np.random.default_rng(seed).normal(128, 20, (256, 256)).clip(0, 255).astype(np.uint8)
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        QImage(gray.data, 256, 256, 256, QImage.Format.Format_Grayscale8).save(buffer, "JPG", 88)
        held.append(bytes(data.data()))
    return held


def time_gallery(app: QApplication) -> None:
    held = jpegs()

    def fetch(ids: Sequence[int]) -> dict[int, bytes]:
        return {i: held[i % 50] for i in ids}

    thumbnails = Thumbnails(fetch)
    gallery = Gallery(thumbnails)
    gallery.set_mark_source(lambda i: Mark(excluded=i % 7 == 0, badge="Effusion +" if i % 3 else ""))
    gallery.resize(1600, 1000)
    gallery.show()
    app.processEvents()
    ids = np.arange(100_000)
    measure("gallery: set_images, 100,000", lambda _: gallery.set_images(np.roll(ids, 1)), 10)
    gallery.set_images(ids)
    bar = gallery.verticalScrollBar()
    for px in (96, 144, 240):
        gallery.set_tile_size(px)
        bar.setValue(bar.maximum() // 2)
        while not thumbnails.load(gallery.visible_ids(), 1.0):
            pass
        count = len(gallery.visible_ids())
        measure(f"gallery: paint all {count} tiles of {px} px", lambda _: gallery.viewport().repaint())

    def scroll(turn: int) -> None:
        bar.setValue(bar.maximum() // 2 + turn * 40)
        app.processEvents()

    measure("gallery: scroll 40 px at a time, loading as it goes", scroll, 300)

    def jump(turn: int) -> None:
        bar.setValue(bar.maximum() * (turn * 37 % 100) // 100)
        app.processEvents()

    measure("gallery: jump anywhere, one turn of the event loop", jump, 100)
    tracemalloc.start()
    for turn in range(2000):
        scroll(turn * 20)
    print(f"gallery: Python memory grown over 2,000 scrolls {tracemalloc.get_traced_memory()[0] / 1e6:.2f} MB")
    print(f"gallery: thumbnails held {len(thumbnails)}")
    gallery.close()


def time_picture(app: QApplication) -> None:
    values = np.random.default_rng(0).normal(2000, 500, (3000, 3000)).clip(0, 4095).round().astype(np.float32)
    radiograph = Radiograph(values, Window(2048, 4096))
    measure("levels: 3000 x 3000 quantised", lambda _: Levels(radiograph), 5)
    view = ImageView()
    for width, height in ((1000, 1000), (1920, 1080), (3000, 1540)):
        view.resize(width, height)
        view.show()
        app.processEvents()
        view.show_radiograph(radiograph, "a", ["View PA"])
        picture = view.picture

        def window(turn: int, picture: Picture = picture) -> None:
            picture._drag = _Drag(Qt.MouseButton.LeftButton, False, QPoint(), QPoint(), moving=True)
            picture.drag_window(3 if turn % 2 else -3, 2)
            picture.repaint()
            picture._drag = None

        at = f"{width} x {height}"
        measure(f"picture {at}: window drag, fitted ({picture.zoom:.2f})", window)
        picture._zoom_to(0.51, QPointF(0, 0))
        measure(f"picture {at}: window drag at 51 % (most pixels)", window)
        picture.zoom_actual()
        measure(f"picture {at}: window drag at 1:1", window)

        def zoom(turn: int, picture: Picture = picture) -> None:
            picture._zoom_to(1.25 if turn % 2 else 0.8, QPointF(0, 0))
            picture.repaint()

        measure(f"picture {at}: zoom", zoom)
    measure("picture: show 3000 x 3000", lambda _: view.show_radiograph(radiograph, "a", []), 5)


if __name__ == "__main__":
    application = QApplication([])
    time_gallery(application)
    time_picture(application)
