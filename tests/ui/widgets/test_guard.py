"""Nothing that goes wrong in the window's own code ends the process, or is shown more than once."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QRunnable, Qt, QThreadPool
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget

import cxr_explorer.ui.app  # before the first window, as when the program starts
from cxr_explorer.errors import UserError
from cxr_explorer.ui import excepthook
from cxr_explorer.ui.excepthook import Excepthook
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.widgets.guard import _guard, guard_overrides
from tests.ui.failing_overrides import overrides_of_the_window
from tests.ui.ownership import wrong_owners
from tests.ui.windows import in_next_dialog, make_project, open_window


def fails(*_arguments: object, **_named: object) -> None:
    """As code of C fails, which PySide6 on Python 3.11 dies of."""
    int("no number")


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:  # type: ignore[no-untyped-def]
    return open_window(qtbot, tmp_path, make_project(tmp_path))


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    found: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: found.append(error))
    return found


def test_every_override_of_the_window_is_guarded() -> None:
    guard_overrides()
    found = overrides_of_the_window()
    assert len(found) > 100
    assert [f"{kind.__name__}.{name}" for kind, name, override in found if not hasattr(override, "guarded")] == []


def test_the_window_alone_brings_all_of_its_classes(tmp_path: Path) -> None:
    """They are guarded when the window is built: what is imported later would not be. `app` comes before the window."""
    program = (
        "import sys, pkgutil, cxr_explorer.ui.main_window, cxr_explorer.ui as ui\n"
        "late = {f'cxr_explorer.ui.{m.name}' for m in pkgutil.iter_modules(ui.__path__)} - set(sys.modules)\n"
        "late.discard('cxr_explorer.ui.app')\n"
        "import importlib\n"
        "from cxr_explorer.ui.widgets.guard import _below, overrides\n"
        "from shiboken6 import Shiboken\n"
        "[importlib.import_module(name) for name in late]\n"
        "print([k.__name__ for k in _below(Shiboken.Object) if k.__module__ in late and overrides(k)])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "[]", result.stderr


def test_the_window_lives_whichever_override_fails() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.ui.failing_overrides"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    failed = json.loads(result.stdout.splitlines()[-1])["failed"]
    assert "" not in failed  # with all of them whole, nothing is reported
    assert {"paintEvent", "sizeHint", "event", "eventFilter", "resizeEvent", "paint", "keyPressEvent"} <= set(failed)
    assert len(failed) >= 15, sorted(failed)


def test_qt_and_pyside_agree_on_who_owns_whom(qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
    window.activateWindow()
    window.clusters.setFocus()
    for _ in range(8):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6)
    assert wrong_owners() == []


def test_a_painter_left_open_by_a_failed_paint_is_closed(qtbot, reports: list[BaseException]) -> None:  # type: ignore[no-untyped-def]
    class Painting(QWidget):
        def paintEvent(self, event: object) -> None:
            painter = QPainter(self)
            painter.drawPoint({}["none"])

        paintEvent = _guard(paintEvent)  # type: ignore[assignment, arg-type]

    widget = Painting()
    qtbot.addWidget(widget)
    widget.show()
    widget.grab()
    widget.grab()
    assert {type(error) for error in reports} == {KeyError}


# What is said of it


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the bugs shown; the dialog itself is left out."""
    texts: list[str] = []
    monkeypatch.setattr(excepthook, "show_bug", lambda _window, text: texts.append(text))
    return texts


@pytest.fixture
def hook(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Iterator[Excepthook]:
    hook = Excepthook(window)
    monkeypatch.setattr(sys, "excepthook", hook)
    yield hook
    QApplication.processEvents()


class Failing(QWidget):
    """A widget that cannot be painted."""

    def paintEvent(self, event: object) -> None:
        fails()

    paintEvent = _guard(paintEvent)  # type: ignore[assignment, arg-type]


def test_a_paint_that_fails_each_time_is_shown_once_and_counted_in_the_log(
    qtbot,  # type: ignore[no-untyped-def]
    hook: Excepthook,
    shown: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "cxr_explorer")
    widget = Failing()
    qtbot.addWidget(widget)
    for _ in range(12):
        widget.grab()
    assert shown == []  # not in the middle of painting
    QApplication.processEvents()
    assert len(shown) == 1
    assert "no number" in shown[0]
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "a fault of the program"
    assert said[1].endswith("10 times by now")
    assert all("invalid literal" not in one for one in said)  # the message may hold a file's name


def test_bugs_that_follow_while_one_is_shown_are_not_shown_on_top_of_it(
    window: MainWindow, hook: Excepthook, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = [0, 0]

    def show(_window: object, _text: str) -> None:
        depth[0] += 1
        depth[1] = max(depth)
        QApplication.processEvents()
        depth[0] -= 1

    monkeypatch.setattr(excepthook, "show_bug", show)
    for error in (ValueError("one"), KeyError("two")):
        hook(type(error), error, None)
    QApplication.processEvents()
    assert depth == [0, 1]


def test_a_bug_of_another_thread_is_shown_by_the_windows_own(qtbot, hook: Excepthook, shown: list[str]) -> None:  # type: ignore[no-untyped-def]
    class Task(QRunnable):
        def run(self) -> None:
            fails()

        run = _guard(run)  # type: ignore[assignment, arg-type]

    pool = QThreadPool()
    pool.start(Task())
    pool.waitForDone()
    assert shown == []
    qtbot.waitUntil(lambda: len(shown) == 1)


def test_what_the_world_did_wrong_is_said_in_the_window(qtbot, window: MainWindow, hook: Excepthook) -> None:  # type: ignore[no-untyped-def]
    hook(UserError, UserError("The folder is gone."), None)
    qtbot.waitUntil(window.notice.isVisible)


def test_the_dialog_of_a_bug_is_shown_after_the_slot_that_failed(qtbot, window: MainWindow, hook: Excepthook) -> None:  # type: ignore[no-untyped-def]
    answered: list[bool] = []

    button = QPushButton("fails", window)
    button.clicked.connect(fails)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.findChildren(QMessageBox) == []
    in_next_dialog(window, QMessageBox, lambda box: answered.append(box.isVisible()))
    qtbot.waitUntil(lambda: answered == [True])


@pytest.mark.parametrize("call", ["nextInFocusChain", "previousInFocusChain", "focusProxy", "group"])
def test_the_window_asks_nothing_that_gives_pyside_a_wrong_owner(call: str) -> None:
    folder = Path(cxr_explorer.ui.__path__[0])
    assert [path.name for path in folder.rglob("*.py") if f".{call}()" in path.read_text(encoding="utf-8")] == []
