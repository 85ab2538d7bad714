"""Draws the pictures of the README from the demo set: `python packaging/screenshots.py`. Nothing real is shown."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from cxr_explorer.assets import asset
from cxr_explorer.ui.main_window import MainWindow

SIZE = (1600, 900)


def main() -> None:
    application = QApplication([])

    def wait(until: Callable[[], bool], limit_s: float = 600) -> None:
        end = time.monotonic() + limit_s
        while not until():
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")
            application.processEvents()

    def settle(seconds: float = 3) -> None:
        end = time.monotonic() + seconds
        wait(lambda: time.monotonic() > end)

    with tempfile.TemporaryDirectory() as home:
        settings = QSettings(str(Path(home) / "settings.ini"), QSettings.Format.IniFormat)
        settings.setValue("reader", "AB")
        window = MainWindow(settings)
        window.resize(*SIZE)
        window.across.setSizes([250, 900, 450])
        window.show()
        session = window.session
        session.open_demo(Path(home))
        wait(lambda: session.project is not None and session.indexing is None)
        wait(lambda: window.map_page.scatter.is_ready)

        def save(name: str) -> None:
            settle()
            window.grab().save(str(asset("docs", name)))

        assert session.map is not None
        session.select_cluster(1)
        window.label_finding(0, 1)
        session.select_cluster(3)
        window.label_finding(2, 1)
        session.select_cluster(2)
        save("window-dark.png")
        window.use_light(True)
        session.set_colour_by("label")
        session.set_order("edge")
        save("window-light.png")
        window.use_light(False)
        paths = session.project.paths() if session.project is not None else {}
        films = [i for i, facts in session.facts.items() if facts.get("view") == "PA" and paths[i].endswith(".dcm")]
        session.select(session.map.image_ids, "selection")
        session.set_current(films[0])
        window.open_image()
        save("image.png")
        window.close()


if __name__ == "__main__":
    main()
