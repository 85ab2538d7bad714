"""A simulated reader at the real window, keyboard only, from an unlabelled project to an audited export.

    python -m tests.bench.reader_at_window --project FILE --truth CSV --finding NAME --export OUT.csv [--json]

Works on a copy of the project, whose folder has to be there. The reader presses Q and answers what is shown truthfully
with P and A until a share of the images has been looked at, accepts the suggestions for the rest (Shift+Y, with the
largest limit of error, Enter on the page that shows them), audits all
labels of the finding at random (X), or, with --every-cluster, cuts the map as coarse as can be (Ctrl+Left) and audits
every cluster, and exports (Ctrl+E). Every image shown full size counts as looked at; images seen
on the map or in the gallery in passing are not judged there. Printed are the labels right over all images, beside the
curve of `training.reader_simulation` at the same share looked at, and what the audit says.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLineEdit

from cxr_explorer.probes.features import prepare
from cxr_explorer.project import label_columns
from cxr_explorer.project.audits.records import audit_records
from cxr_explorer.project.project import Project
from cxr_explorer.tables.matching import match_files
from cxr_explorer.ui.main_window import MainWindow
from training.reader_simulation import gather, read_truth
from training.simulated_reader import simulate

Key, Modifier = Qt.Key, Qt.KeyboardModifier
PATIENCE_S = 600


class Reader:
    """Presses keys in a window, and nothing else."""

    def __init__(self, window: MainWindow, truth: dict[int, bool], finding: str, pictures: Path | None) -> None:
        self.window = window
        self.truth = truth
        self.finding = finding
        self.pictures = pictures
        self.seen: set[int] = set()
        self.keys = 0

    def press(self, key: Key, modifier: Modifier = Modifier.NoModifier) -> None:
        """One key, to whatever has the focus."""
        if QApplication.focusWidget() is None:  # a dialog has closed: where there is no desktop, nothing else does this
            self.window.activateWindow()
            QTest.qWaitForWindowActive(self.window)
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifier)
        self.keys += 1

    def press_in_dialog(self, *keys: Key) -> None:
        """The same in the dialog that opens next."""

        def typed() -> None:
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, QDialog):
                QTimer.singleShot(50, typed)
                return
            self.take_picture(type(dialog).__name__, dialog)
            for key in keys:
                QTest.keyClick(dialog.focusWidget() or dialog, key)
                self.keys += 1

        QTimer.singleShot(50, typed)

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Lets the window work until something holds."""
        end = time.monotonic() + PATIENCE_S
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {PATIENCE_S} s for {what}")
            QTest.qWait(5)

    def answer(self, most: int) -> None:
        """Answers truthfully what is shown, until that many images were seen or the reading ends."""
        reading, session = self.window.reading, self.window.session
        while reading.active and len(self.seen) < most:
            self.wait(lambda: not reading.active or not reading.is_waiting(), "the next image")
            if not reading.active:
                return
            self.wait(lambda: not session.why_unseen(), "the picture")
            image_id = session.current_id
            self.seen.add(image_id)
            self.press(Key.Key_P if self.truth[image_id] else Key.Key_A)

    def take_picture(self, name: str, widget: Any = None) -> None:
        """Keeps what is on the screen, where pictures are wanted."""
        if self.pictures is not None:
            self.pictures.mkdir(parents=True, exist_ok=True)
            (widget or self.window).grab().save(str(self.pictures / f"{name}.png"))


def play(reader: Reader, share: float, out: Path, every_cluster: bool) -> None:
    """The whole way by keys; see the module."""
    window, session = reader.window, reader.window.session
    count = len(reader.truth)
    while session.finding != reader.finding:
        reader.press(Key.Key_Period)
    reader.press(Key.Key_Q)
    reader.wait(lambda: window.reading.active, "the first image")
    reader.take_picture("read-next")
    reader.answer(round(share * count))
    reader.press(Key.Key_Escape)
    reader.wait(lambda: window.actions_by_name["accept_bulk"].isEnabled(), "suggestions")
    window.suggest.ask_anew()  # what a reader gets by waiting: the suggestion after the last answer
    reader.wait(lambda: not window.suggest.busy, "the newest suggestion")
    # All of them, whatever it takes: the audit is to say how right they are.
    reader.press_in_dialog(*[Key.Key_PageUp] * 5, Key.Key_Return)
    reader.press(Key.Key_Y, Modifier.ShiftModifier)
    reader.wait(lambda: session.page == "sheet", "the page of suggestions")
    QTest.qWait(500)
    reader.take_picture("to-accept")
    reader.press(Key.Key_Return)
    reader.wait(lambda: session.page == "map", "the labels")
    reader.take_picture("accepted")
    # An error or two tolerated: with so few wrong labels a plan that tolerates none fails every other time.
    if every_cluster:
        before = 0
        while window.session.map is not None and before != len(window.session.map.groups):
            before = len(window.session.map.groups)
            reader.press(Key.Key_Left, Modifier.ControlModifier)
        to_tolerated = [Key.Key_Backtab, Key.Key_End, Key.Key_Tab, Key.Key_Tab, Key.Key_Tab]
        reader.press_in_dialog(*to_tolerated, Key.Key_Up, Key.Key_Return)
    else:
        reader.press_in_dialog(Key.Key_Tab, Key.Key_Tab, Key.Key_Up, Key.Key_Up, Key.Key_Return)
    reader.press(Key.Key_X)
    reader.wait(lambda: window.reading.active, "the audit")
    reader.take_picture("audit")
    reader.answer(count)
    reader.wait(lambda: not window.reading.active, "the end of the audit")
    QTest.qWait(500)
    reader.take_picture("audited")
    export(reader, out)


def export(reader: Reader, out: Path) -> None:
    """Ctrl+E, and the name typed into the file dialog."""

    def typed() -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QFileDialog):
            line = dialog.findChild(QLineEdit)
            assert line is not None
            line.setFocus()
            line.clear()
            QTest.keyClicks(line, str(out))
            QTest.keyClick(line, Key.Key_Return)
        elif isinstance(dialog, QDialog):
            reader.take_picture("ExportDialog", dialog)
            QTest.keyClick(dialog.focusWidget() or dialog, Key.Key_Return)
            QTimer.singleShot(100, typed)
        else:
            QTimer.singleShot(100, typed)

    QTimer.singleShot(100, typed)
    reader.press(Key.Key_E, Modifier.ControlModifier)
    reader.wait(out.exists, "the export")


def result(project: Project, reader: Reader, share: float, curve: Sequence[float]) -> dict[str, Any]:
    """What came of it."""
    column = label_columns.label_column(project, reader.finding, "reader 1")
    values = dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))
    right = sum(values.get(image_id) == int(truth) for image_id, truth in reader.truth.items())
    return {
        "images": len(reader.truth),
        "labelled": sum(image_id in values for image_id in reader.truth),
        "looked": len(reader.seen) / len(reader.truth),
        "read_before_accepting": share,
        "accuracy": right / len(reader.truth),
        "simulated_accuracy_before_the_audit": {"low": min(curve), "high": max(curve)},
        "audits": [
            {"title": each.title, "state": each.state, "labels": len(each.image_ids), "read": len(each.answers)}
            | {"bound": each.bound, "stale": each.stale}
            for each in audit_records(project)
        ],
        "keys": reader.keys,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reader_at_window", description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, required=True, help="project with a map; it is copied")
    parser.add_argument("--truth", type=Path, required=True, help="CSV: file, and one column a finding with 1 or 0")
    parser.add_argument("--finding", required=True, help="column of the truth, a finding of the project")
    parser.add_argument("--export", type=Path, required=True, help="CSV to write")
    parser.add_argument("--share", type=float, default=0.07, help="of images to read before accepting (default: 0.07)")
    parser.add_argument("--every-cluster", action="store_true", help="audit every cluster of the coarsest cut")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of the screens")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    chosen.export.unlink(missing_ok=True)
    answers = read_truth(chosen.truth, chosen.finding)
    with Project.open_read_only(chosen.project) as project:
        embeddings, clusters, truth = gather(project, answers)
        matched = match_files(answers, project.paths().values()).matched
        by_path = {path: answers[file] for file, path in matched.items()}
        by_id = {number: by_path[path] for number, path in project.paths().items() if path in by_path}
    curve = simulate(lambda seed: prepare(embeddings, seed=seed), clusters, truth, [chosen.share], range(3))
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    with tempfile.TemporaryDirectory() as home:
        copy = Path(home) / "copy.cxr"
        shutil.copyfile(chosen.project, copy)
        settings = QSettings(str(Path(home) / "settings.ini"), QSettings.Format.IniFormat)
        window = MainWindow(settings)
        window.resize(1366, 768)
        window.show()
        window.files.open_path(copy)
        window.runs.opening.finish()
        reader = Reader(window, by_id, chosen.finding, chosen.pictures)
        reader.wait(lambda: window.runs.indexing is None and window.session.map is not None, "the map")
        reader.take_picture("opened")
        play(reader, chosen.share, chosen.export, chosen.every_cluster)
        assert window.session.project is not None
        found = result(window.session.project, reader, chosen.share, [run[0].accuracy for run in curve.chosen])
        window.close()
    for name, value in found.items():
        print(f"{name:38} {value}")
    if chosen.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
