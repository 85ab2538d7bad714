"""Frames a second of the scatter, beside pyqtgraph's own item, in one run: `python -m tests.bench.scatter --json`.

A frame is what the reader waits for: the change of view or colours, and all that follows until the picture lies in the
window's memory (1280 x 900, no screen). Both items draw the same points with discs of the same size, in the same kind
of view, turn by turn, so that other work on the machine slows both.

The last line printed is JSON. `ratio` is ours over theirs, frames/s, the smallest of all operations and sizes.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter, process_time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF
from PySide6.QtWidgets import QApplication, QWidget

from cxr_explorer.atlas.selection import inside_polygon
from cxr_explorer.colours import categorical, marks, shade_of
from cxr_explorer.ui.map.scatter_view import ScatterView

SIZES = (112_120, 1_000_000)
OPERATIONS = ("pan", "zoom", "recolour")
WIDTH_PX, HEIGHT_PX = 1280, 900
CLUSTERS = 14


def blobs(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Curved, elongated clusters like those of a UMAP layout: (count, 2) float32 and (count,) codes."""
    rng = np.random.default_rng(seed)
    centre, spread = rng.uniform(-10, 10, (CLUSTERS, 2)), rng.uniform(0.4, 1.4, CLUSTERS)
    codes = rng.choice(CLUSTERS, count, p=rng.dirichlet(np.full(CLUSTERS, 3.0)))
    turn = rng.uniform(0, 2 * np.pi, CLUSTERS)[codes]
    along, across = rng.normal(size=(2, count)) * spread[codes]
    along, across = 1.8 * along, 0.6 * across + 0.25 * along**2 / spread[codes]
    x = along * np.cos(turn) - across * np.sin(turn)
    y = along * np.sin(turn) + across * np.cos(turn)
    return (centre[codes] + np.stack([x, y], axis=1)).astype(np.float32), codes


class Ours:
    """The program's own scatter."""

    def __init__(self, application: QApplication, xy: np.ndarray, codes: np.ndarray) -> None:
        self.widget = ScatterView()
        self._canvas = self.widget.canvas
        self.viewport = self._canvas
        self._codes = codes, codes[::-1].copy()
        self.widget.resize(WIDTH_PX, HEIGHT_PX)
        self.widget.show()
        application.processEvents()
        self.widget.set_points(xy)
        while not self.widget.is_ready:
            application.processEvents()
        self.recolour(0)
        self.radius = self._canvas.radius_of_points()

    def pan(self, step: int) -> None:
        self._canvas.pan(QPointF(7 if step % 2 else -7, 3 if step % 2 else -3))
        self.paint()

    def zoom(self, step: int) -> None:
        self._canvas.zoom(1.21 if step % 6 < 3 else 1 / 1.21, QPointF(WIDTH_PX / 2, HEIGHT_PX / 2))
        self.paint()

    def recolour(self, step: int) -> None:
        codes = self._codes[step % 2]
        self.widget.set_colours(categorical(codes, True), marks(codes))
        self.paint()

    def paint(self) -> None:
        self.viewport.repaint()


class Theirs:
    """pyqtgraph's ScatterPlotItem, set up as its documentation advises for many points: no pens, pixels for sizes."""

    def __init__(self, application: QApplication, xy: np.ndarray, codes: np.ndarray, radius: float) -> None:
        self.widget = pg.GraphicsView()
        self.viewport = self.widget.viewport()
        self._box = pg.ViewBox(enableMenu=False, lockAspect=True)
        self._codes = codes, codes[::-1].copy()
        self._brushes = np.array([pg.mkBrush(shade_of(code).on_dark) for code in range(CLUSTERS)], object)
        self.widget.setCentralItem(self._box)
        self._item = pg.ScatterPlotItem(size=2 * radius, pen=None, pxMode=True, useCache=True)
        self._item.setData(x=xy[:, 0], y=xy[:, 1], brush=self._brushes[codes])
        self._box.addItem(self._item)
        self.widget.resize(WIDTH_PX, HEIGHT_PX)
        self.widget.show()
        application.processEvents()
        self._box.autoRange()
        self.paint()

    def pan(self, step: int) -> None:
        across, up = self._box.viewPixelSize()
        self._box.translateBy(x=across * (7 if step % 2 else -7), y=up * (3 if step % 2 else -3))
        self.paint()

    def zoom(self, step: int) -> None:
        self._box.scaleBy((1 / 1.21 if step % 6 < 3 else 1.21,) * 2, center=QRectF(self._box.viewRect()).center())
        self.paint()

    def recolour(self, step: int) -> None:
        self._item.setBrush(self._brushes[self._codes[step % 2]])
        self.paint()

    def paint(self) -> None:
        self.viewport.repaint()


class PaintCount(QObject):
    """Sees to it that a frame was painted indeed: Qt skips windows that are not exposed."""

    def __init__(self, viewport: QWidget) -> None:
        super().__init__(viewport)
        self.painted = 0
        viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.painted += event.type() == QEvent.Type.Paint
        return False


def frame_seconds(step: Callable[[int], None], steps: range) -> Iterator[float]:
    """How long each of some frames took."""
    for number in steps:
        begin = perf_counter()
        step(number)
        yield perf_counter() - begin


def measure(application: QApplication, count: int, rounds: int) -> dict[str, dict[str, float]]:
    """Frames/s at a number of points, by operation: ours, theirs, ratio."""
    xy, codes = blobs(count)
    ours = Ours(application, xy, codes)
    theirs = Theirs(application, xy, codes, ours.radius)
    counts = [PaintCount(ours.viewport), PaintCount(theirs.viewport)]
    found = {}
    for operation in OPERATIONS:
        spent: tuple[list[float], list[float]] = ([], [])
        for turn in range(rounds):
            spent[0].extend(frame_seconds(getattr(ours, operation), range(6 * turn, 6 * turn + 6)))
            few = 6 if operation == "zoom" else 2
            spent[1].extend(frame_seconds(getattr(theirs, operation), range(few * turn, few * turn + few)))
        for count_of, seconds in zip(counts, spent, strict=True):
            if count_of.painted != len(seconds):
                raise RuntimeError(f"{len(seconds)} frames asked for, {count_of.painted} painted")
            count_of.painted = 0
        per_second = [1 / median(seconds) for seconds in spent]
        found[operation] = {
            "ours": round(per_second[0], 1),
            "pyqtgraph": round(per_second[1], 2),
            "ratio": round(per_second[0] / per_second[1], 2),
        }
    widgets: tuple[QWidget, ...] = (ours.widget, theirs.widget)
    for widget in widgets:
        widget.hide()
    return found


def lasso_ms(count: int, corners: int = 10_000) -> dict[str, dict[str, float]]:
    """Milliseconds for the points inside an outline, drawn smoothly and with a very shaky hand: what the reader waits
    (the fastest of some, for other work takes cores away), and processor time of all threads.
    """
    xy, _ = blobs(count)
    random = np.random.default_rng(1)
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    taken = {}
    for name, shaky in (("smooth", 0.02), ("shaky", 0.3)):
        reach = 8 + 2 * np.sin(9 * angle) + shaky * random.normal(size=corners)
        outline = np.stack([reach * np.cos(angle), reach * np.sin(angle)], 1)
        inside_polygon(xy[:1], outline)  # compiled
        waited, spent = [], []
        for _ in range(9):
            begin, worked = perf_counter(), process_time()
            inside_polygon(xy, outline)
            waited.append(perf_counter() - begin)
            spent.append(process_time() - worked)
        taken[name] = {"waited": round(1e3 * min(waited), 1), "processor": round(1e3 * median(spent), 1)}
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="only the last line, JSON")
    parser.add_argument("--rounds", type=int, default=5, help="turns of 6 frames of ours and 2 to 6 of theirs")
    parser.add_argument("--points", type=int, nargs="+", default=list(SIZES), help="numbers of points")
    options = parser.parse_args()
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    found = {str(count): measure(application, count, options.rounds) for count in options.points}
    lasso = {str(count): lasso_ms(count) for count in options.points}
    if not options.json:
        for points, taken in lasso.items():
            print(f"{int(points):>9,} points  lasso of 10,000 corners, ms: {taken}")
        for count, operations in found.items():
            for operation, rates in operations.items():
                print(
                    f"{int(count):>9,} points  {operation:<8} {rates['ours']:7.1f} frames/s, pyqtgraph's item", end=""
                )
                print(f" {rates['pyqtgraph']:6.2f}, ratio {rates['ratio']:.2f}")
    smallest = min(rates["ratio"] for operations in found.values() for rates in operations.values())
    print(json.dumps({"ratio": smallest, "frames_per_s": found, "lasso_ms": lasso, "size_px": [WIDTH_PX, HEIGHT_PX]}))


if __name__ == "__main__":
    main()
