"""How much of the window the film has, and whether texts fit and the film stays: python -m tests.bench.layout --json

The real window is rendered at every size, text size and number of findings, in every way of working. Sizes at scale 2
run in a process of their own: Qt takes the scale once.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSettings, QSize
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from cxr_explorer.labels.vocabulary import Vocabulary, bundled_vocabularies
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.viewer.picture import Picture
from cxr_explorer.ui.widgets.texts import LinesLabel, MiddleElided, _Elided
from tests.ui.windows import make_project

SIZES = ((1280, 720, 1), (1366, 768, 1), (1920, 1080, 1), (3840, 2160, 2))
"""Width and height in pixels of the screen, and Qt's scale."""
TEXTS = (1.0, 1.3, 1.5)
FINDINGS = (15, 60, 100)
STATES = ("explore", "read", "read next", "audit", "compare")
SHORTENED = (MiddleElided, _Elided, LinesLabel)
"""These cut what does not fit with "…" on purpose, and say all of it in their tooltip."""


@dataclass(frozen=True)
class Measured:
    """One window in one way of working; lengths in Qt's pixels."""

    size: tuple[int, int]
    scale: int
    text: float
    findings: int
    state: str
    film_share: float
    window: tuple[int, int]
    least: tuple[int, int]
    moved_px: int
    cut: tuple[str, ...]


def films(window: MainWindow) -> list[QRect]:
    """Where films are shown, in the window."""
    shown = [one for one in window.centre.findChildren(Picture) if one.isVisible()]
    return [QRect(one.mapTo(window, QPoint(0, 0)), one.size()) for one in shown]


def share(window: MainWindow) -> float:
    """The part of the window's area that films have."""
    area = sum(rect.width() * rect.height() for rect in films(window))
    return area / (window.width() * window.height())


def cut_texts(window: QWidget) -> list[str]:
    """Texts that need more room than they have."""
    cut = []
    for one in window.findChildren(QWidget):
        if not one.isVisible() or isinstance(one, SHORTENED) or not isinstance(one, QLabel | QAbstractButton):
            continue
        if not one.text() or one.visibleRegion().isEmpty():
            continue
        if isinstance(one, QLabel) and one.wordWrap():
            fits = one.heightForWidth(one.width()) <= one.height()
        else:
            needed: QSize = one.minimumSizeHint() if isinstance(one, QLabel) else text_size(one)
            fits = needed.width() <= one.width() and needed.height() <= one.height()
        whole = one.visibleRegion().boundingRect().size()
        if not fits or whole != one.size():
            cut.append(f"{type(one).__name__} {one.text()!r} {one.width()}x{one.height()}")
    return cut


def text_size(button: QAbstractButton) -> QSize:
    """What the text of a button takes, without the style's margins."""
    lines = button.text().replace("&&", "\0").replace("&", "").replace("\0", "&").split("\n")
    metrics = button.fontMetrics()
    return QSize(max(metrics.horizontalAdvance(line) for line in lines), metrics.lineSpacing() * len(lines))


def wait(window: MainWindow) -> None:
    """Until nothing is computed and the picture is there."""
    for _ in range(400):
        QTest.qWait(10)
        busy = window.runs.indexing is not None or window.suggest.busy
        if not busy and not (window.session.viewing_image and window.session.why_unseen()):
            break
    QTest.qWait(30)


def label_some(window: MainWindow) -> None:
    """Labels of the first finding, as an audit needs them."""
    window.session.select_cluster(0)
    window.label_panel.apply.click()


def go_to(window: MainWindow, state: str) -> None:
    """Brings the window into a way of working."""
    session = window.session
    window.reading.stop()
    session.show_page("map")
    session.select_cluster(0)
    ids = session.selection.ids
    if state == "read":
        session.set_current(int(ids[0]))
        window.open_image()
    elif state == "read next":
        window.reading.start("Read next", ids, session.finding)
    elif state == "audit":
        window.reading.start("Audit 1: Cluster 1", ids, session.finding, hide_suggestions=True)
    elif state == "compare":
        window.gallery_panel.gallery.set_picked(np.array(ids[:2]))
        window.compare.start()
    wait(window)


def measure(window: MainWindow, at: tuple[int, int, int], text: float, findings: int, state: str) -> Measured:
    """Goes to a state and measures it; then answers, and sees whether the film moves."""
    go_to(window, state)
    found, cut = share(window), cut_texts(window)
    before = films(window)
    least = window.minimumSizeHint()
    if state in ("read next", "audit"):
        window.reading.answer(window.session.value)
    elif state in ("read", "compare"):
        window.judging.label_whole("label_normal")
    wait(window)
    after = films(window)
    moved = max((apart(one, other) for one, other in zip(before, after, strict=False)), default=0)
    window.reading.stop()
    return Measured(
        at[:2],
        at[2],
        text,
        findings,
        state,
        round(found, 4),
        (window.width(), window.height()),
        (least.width(), least.height()),
        moved,
        tuple(cut),
    )


def apart(one: QRect, other: QRect) -> int:
    """The most that any edge of two rectangles differs by."""
    return max(abs(a - b) for a, b in zip(one.getCoords(), other.getCoords(), strict=True))  # type: ignore[call-overload]


def vocabulary(count: int) -> Vocabulary:
    """The bundled findings, and more of one's own."""
    names = [*bundled_vocabularies()[0].findings, *(f"Finding of one's own {number}" for number in range(1, 200))]
    return Vocabulary(f"{count} findings", tuple(names[:count]))


def run(at: tuple[int, int, int], texts: list[float], findings: list[int], shots: Path | None) -> list[Measured]:
    """All states at one size, in this process."""
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    width, height, scale = at
    done = []
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        path = make_project(home)
        for text, dark in zip(texts, itertools.cycle((True, False))):
            settings = QSettings(str(home / f"settings-{text}.ini"), QSettings.Format.IniFormat)
            for key, value in {"text_scale": text, "dark": dark, "tour_seen": True}.items():
                settings.setValue(key, value)
            window = MainWindow(settings)
            window.image_page.least_look_ms = 0
            window.resize(width // scale, height // scale)
            window.show()
            window.files.open_path(path)
            window.runs.opening.finish()
            wait(window)
            window.session.set_vocabulary(bundled_vocabularies()[0])
            label_some(window)
            for count in findings:
                window.session.set_vocabulary(vocabulary(count))
                for state in STATES:
                    done.append(measure(window, at, text, count, state))
                    if shots is not None:
                        go_to(window, state)
                        place = f"{width}x{height}-{text}-{count}-{state.replace(' ', '-')}.png"
                        window.grab().save(str(shots / place))
            window.close()
            window.deleteLater()
            QTest.qWait(50)
    return done


def summary(found: list[Measured]) -> dict[str, object]:
    """The figures that are aimed at."""

    def least_share(width: int) -> float:
        seen = [one for one in found if one.size[0] == width and one.text <= 1.3 and one.state != "explore"]
        return min((one.film_share for one in seen), default=0.0)

    widths = {one.size[0] for one in found}
    return {
        **({"film_share_1080": least_share(1920)} if 1920 in widths else {}),
        **({"film_share_768": least_share(1366)} if 1366 in widths else {}),
        "least_height_px": max(one.least[1] for one in found if one.text == 1.0),
        "too_large_windows": len({(one.size, one.text, one.state) for one in found if too_large(one)}),
        "cut_texts": len({(text, one.size, one.text) for one in found for text in one.cut}),
        "moved_px": max(one.moved_px for one in found),
    }


def too_large(one: Measured) -> bool:
    """Whether the window does not fit its screen."""
    return one.window[0] * one.scale > one.size[0] or one.window[1] * one.scale > one.size[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--every", action="store_true", help="print every measurement as well")
    parser.add_argument("--size", help="WIDTHxHEIGHT@SCALE: this one alone, in this process")
    parser.add_argument("--text", type=float, nargs="+", default=list(TEXTS))
    parser.add_argument("--findings", type=int, nargs="+", default=list(FINDINGS))
    parser.add_argument("--shots", type=Path, help="a folder for pictures of all states")
    chosen = parser.parse_args()
    if chosen.shots is not None:
        chosen.shots.mkdir(parents=True, exist_ok=True)
    if chosen.size:
        width, height, scale = (int(part) for part in chosen.size.replace("@", "x").split("x"))
        found = run((width, height, scale), chosen.text, chosen.findings, chosen.shots)
        print(json.dumps([asdict(one) for one in found]))
        return
    found = []
    for width, height, scale in SIZES:
        command = [sys.executable, "-m", "tests.bench.layout", "--size", f"{width}x{height}@{scale}"]
        command += ["--text", *map(str, chosen.text), "--findings", *map(str, chosen.findings)]
        command += ["--shots", str(chosen.shots)] if chosen.shots is not None else []
        environment = {**os.environ, "QT_SCALE_FACTOR": str(scale)}
        output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        rows = json.loads(output.splitlines()[-1])
        found += [Measured(**{**row, "size": tuple(row["size"]), "cut": tuple(row["cut"])}) for row in rows]
    if chosen.every:
        for one in found:
            print(json.dumps(asdict(one)))
    print(json.dumps(summary(found)) if chosen.json else summary(found))


if __name__ == "__main__":
    main()
