"""How long contact sheets and lists take at 112,120 images: python -m tests.bench.sheets"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.project import Project
from cxr_explorer.ui.main_window import MainWindow

IMAGES = 112_120
RUNS = 5


def make_project(home: Path) -> Path:
    """Images in the database only, one in fifty a copy of another or close to it, in 100 clusters."""
    random = np.random.default_rng(0)
    (home / "images").mkdir()
    path = home / "bench.cxr"
    facts = '{"view": "PA", "age": "50", "sex": "F", "maker": "Someone"}'
    with Project.create(path, home / "images", bundled_vocabularies()[0]) as project:
        digests = [
            hashlib.blake2b(b"%d" % (i if i % 50 else i // 100), digest_size=16).hexdigest() for i in range(IMAGES)
        ]
        with project.db.atomic():
            project.db.conn.executemany(
                "INSERT INTO images (path, size_bytes, mtime_ns, state, digest, facts) VALUES (?, 1, 1, 'read', ?, ?)",
                ((f"folder/{i:08}.png", digest, facts) for i, digest in enumerate(digests)),
            )
        distances = np.sort(random.uniform(0.45, 0.6, (IMAGES, 15)), axis=1).astype(np.float32)
        distances[:, 0] = 0
        distances[random.random(IMAGES) < 0.02, 1] = 0.1
        neighbours = Neighbours(random.integers(0, IMAGES, (IMAGES, 15)).astype(np.int32), distances)
        clusters = random.integers(-1, 100, IMAGES).astype(np.int32)
        xy = random.normal(size=(IMAGES, 2)).astype(np.float32) + clusters[:, None] % 10
        one, outlier, typical = (random.random(IMAGES).astype(np.float32) for _ in range(3))
        ids = np.arange(1, IMAGES + 1)
        project.store_map(default_encoder(), {}, ids, BuiltMap(xy, clusters, one, outlier, typical, None, neighbours))
    return path


def main() -> None:
    """Prints milliseconds by the clock and of the processor, the medians of RUNS."""
    application = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        path = make_project(Path(folder))
        window = MainWindow(QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat))
        window.resize(1366, 768)
        window.show()
        window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
        window.files.open_path(path)
        window.runs.opening.finish()
        session, sheets = window.session, window.sheets

        def measure(what: str, run: Callable[[], None]) -> None:
            clock, processor = [], []
            for _ in range(RUNS):
                application.processEvents()
                began, began_cpu = time.perf_counter(), time.process_time()
                run()
                clock.append(time.perf_counter() - began)
                processor.append(time.process_time() - began_cpu)
            clock_ms, processor_ms = (1000 * sorted(times)[RUNS // 2] for times in (clock, processor))
            print(f"{what:<32} {clock_ms:7.1f} ms by the clock, {processor_ms:7.1f} ms of the processor")

        session.select_cluster(3)
        measure("contact sheet of a cluster", sheets.open_sheet)
        measure("next kind of pages", lambda: sheets.step_kind(1))
        measure("mark as odd", sheets.set_aside)
        measure("list of outliers", sheets.open_outliers)
        measure("list of near-duplicates", sheets.open_duplicates)
        session.select_all()
        measure("contact sheet of all images", sheets.open_sheet)
        measure("mark one of all images as odd", sheets.set_aside)
        window.close()


if __name__ == "__main__":
    main()
