"""A process that dies leaves a report, and the next start offers it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from cxr_explorer.ui.frame import crash
from cxr_explorer.ui.widgets.messages import TextDialog

DIES = """
import faulthandler, sys
from pathlib import Path
from cxr_explorer.ui.frame import crash
def the_place_where_it_died():
    faulthandler._sigsegv()
crash.watch(Path(sys.argv[1]))
the_place_where_it_died()
"""

STARTS = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QPushButton
from cxr_explorer.ui import app
from cxr_explorer.ui.frame import crash
application, window = app._start()
bars = window.findChildren(crash.CrashBar)
print("offered", [bar.isVisible() and bar.text for bar in bars])
if {dies}:
    import faulthandler
    faulthandler._sigsegv()
for bar in bars:
    bar.findChildren(QPushButton)[1].click()
QTimer.singleShot(0, window, window.close)
application.exec()
"""


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def died(tmp_path: Path) -> Path:
    """A folder with the report of a process that died."""
    assert run(DIES, str(tmp_path)).returncode < 0
    return tmp_path


@pytest.fixture
def bar(qtbot, died: Path) -> crash.CrashBar:  # type: ignore[no-untyped-def]
    bar = crash.CrashBar(crash.reports(died))
    qtbot.addWidget(bar)
    bar.show()
    return bar


def test_a_death_leaves_versions_and_the_place(died: Path) -> None:
    (path,) = crash.reports(died)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("CXR Explorer ")
    assert "the_place_where_it_died" in text


def test_a_clean_end_leaves_nothing(tmp_path: Path) -> None:
    assert run(DIES.replace("\nthe_place_where_it_died()", ""), str(tmp_path)).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_still_runs_is_no_death(tmp_path: Path) -> None:
    (tmp_path / "crash-1.txt").write_text("CXR Explorer 1, Python 3\n\n", encoding="utf-8")
    assert crash.reports(tmp_path) == []


def test_the_report_can_be_looked_at_and_copied_and_is_gone_then(qtbot, bar: crash.CrashBar, died: Path) -> None:  # type: ignore[no-untyped-def]
    def copy() -> None:
        (dialog,) = (one for one in QApplication.topLevelWidgets() if isinstance(one, TextDialog))
        dialog.copy.click()
        dialog.reject()

    QTimer.singleShot(100, bar, copy)
    bar.show_report.click()
    assert "the_place_where_it_died" in QGuiApplication.clipboard().text()
    assert not bar.isVisible()
    assert crash.reports(died) == []


def test_the_next_start_says_so_once(tmp_path: Path) -> None:
    home = {name: str(tmp_path) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA")}
    assert run(STARTS.format(dies=True), **home).returncode < 0
    again = run(STARTS.format(dies=False), **home)
    assert again.returncode == 0, again.stderr
    assert "Fatal Python error" in again.stdout
    third = run(STARTS.format(dies=False), **home)
    assert third.stdout.strip() == "offered []"
