"""Opens every dialog that an action opens, with large letters on a small screen, and measures what does not fit.

    python -m tests.bench.dialogs --json

The last line holds the dialogs seen, those larger than the screen, and the texts cut in them; `--shots FOLDER` keeps a
picture of each. QT_SCALE_FACTOR=1.5 or 2 asks the same on a finer screen.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, QSize, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMessageBox

from cxr_explorer.ui.main_window import MainWindow
from tests.bench.layout import cut_texts, label_some, wait
from tests.ui.windows import make_project

SMALL = {"name": "small", "x": 0, "y": 0, "width": 1280, "height": 720, "logicalDpi": 96, "logicalBaseDpi": 96}
SCREEN = QSize(1280, 680)
"""Of 1280x720 a title and a task bar take the rest."""

NO_DIALOG = ("quit", "demo", "open_folder", "open_project", "close_project", "show_in_folder", "full_screen")
TEXT = 1.5


class Watch(QObject):
    """Measures each dialog that opens, and closes it."""

    def __init__(self, shots: Path | None) -> None:
        super().__init__()
        self.shots = shots
        self._busy = False
        self.seen: set[str] = set()
        self.too_large: list[str] = []
        self.cut: list[str] = []
        self._timer = QTimer(self, interval=60)
        self._timer.timeout.connect(lambda: QTimer.singleShot(0, self, self._look))
        self._timer.start()

    def _look(self) -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QDialog) or self._busy:
            return
        self._busy = True
        QTest.qWait(150)
        if not isinstance(dialog, QFileDialog | QMessageBox):
            name = type(dialog).__name__
            if name not in self.seen:
                self.seen.add(name)
                size = dialog.size().expandedTo(dialog.minimumSizeHint())
                if size.width() > SCREEN.width() or size.height() > SCREEN.height():
                    self.too_large.append(f"{name} {size.width()}x{size.height()}")
                self.cut += [f"{name}: {text}" for text in cut_texts(dialog)]
                if self.shots is not None:
                    dialog.grab().save(str(self.shots / f"{name}.png"))
        dialog.reject()
        self._busy = False


def run(text: float, shots: Path | None) -> dict[str, object]:
    """Triggers every action on a small project. Returns what the last line says."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        home = Path(name)
        (home / "screens.json").write_text(json.dumps({"screens": [SMALL]}), encoding="utf-8")
        os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={home / 'screens.json'}"
        application = QApplication([])
        watch = Watch(shots)
        settings = QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat)
        for key, value in {"text_scale": text, "tour_seen": True}.items():
            settings.setValue(key, value)
        window = MainWindow(settings)
        window.resize(SCREEN)
        window.show()
        window.files.open_path(make_project(home))
        window.runs.opening.finish()
        wait(window)
        label_some(window)
        for action in list(window.actions_by_name):
            window.session.select_cluster(0)
            if action not in NO_DIALOG and window.actions_by_name[action].isEnabled():
                window.actions_by_name[action].trigger()
                QTest.qWait(30)
                while QApplication.activeModalWidget() is not None:
                    QTest.qWait(30)
        window.close()
        window.deleteLater()
        QTest.qWait(100)
        application.quit()
    return {"dialogs": sorted(watch.seen), "too_large": watch.too_large, "cut_texts": watch.cut}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--text", type=float, default=TEXT, help="size of the letters")
    parser.add_argument("--shots", type=Path, help="folder for a picture of each dialog")
    chosen = parser.parse_args()
    if chosen.shots is not None:
        chosen.shots.mkdir(parents=True, exist_ok=True)
    found = run(chosen.text, chosen.shots)
    print(json.dumps(found) if chosen.json else found)


if __name__ == "__main__":
    main()
