"""The acts that `tests.soak` chooses from: whatever can be done at the window by action, mouse, key and dialog."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QMenu,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from cxr_explorer.errors import UserError
from cxr_explorer.ui.commands.specs.label import FINDING_ACTIONS
from cxr_explorer.ui.main_window import MainWindow

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
MODIFIERS = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
KEYS = [
    *(Qt.Key(code) for code in range(Qt.Key.Key_0.value, Qt.Key.Key_9.value + 1)),
    *(Qt.Key(code) for code in range(Qt.Key.Key_A.value, Qt.Key.Key_Z.value + 1)),
    *(Qt.Key(code) for code in range(Qt.Key.Key_F1.value, Qt.Key.Key_F12.value + 1)),
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Return),
    *(Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageDown),
    *(Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Slash),
]
TEXTS = ("", "a", "reader 2", "Effusion", "site-a", "cluster 2", "3", "ä ö – &", "x" * 300, "no finding present")
APART = ("quit", "demo", "fetch")
"""Actions with an act of their own: the window is closed and opened again; the demo is drawn for minutes; no other
computer is asked for films."""


class Dialogs(QObject):
    """Answers every dialog and menu that opens, as somebody would who tries everything: a little at each tick."""

    def __init__(self, choice: random.Random, log: Callable[[str], None]) -> None:
        super().__init__()
        self._choice, self._log = choice, log
        self._ticks = 0
        self._timer = QTimer(self, interval=25)
        # Later: a timer waits while its slot runs, and an answer may open the next dialog, which waits for its own.
        self._timer.timeout.connect(lambda: QTimer.singleShot(0, self, self._answer))
        self._timer.start()

    def _answer(self) -> None:
        popup, dialog = QApplication.activePopupWidget(), QApplication.activeModalWidget()
        if isinstance(popup, QMenu) and self._choice.random() < 0.5 and popup.actions():
            action = self._choice.choice(popup.actions())
            self._log(f"  menu {action.text()!r}")
            popup.close()
            if action.isEnabled() and action.text() != "&Quit":
                action.trigger()
        elif popup is not None:
            popup.close()
        elif dialog is not None:
            self._ticks += 1
            if self._ticks % 12 == 0:
                self._log(f"  reject {type(dialog).__name__}")
                dialog.reject() if isinstance(dialog, QDialog) else dialog.close()
            else:
                self._touch(dialog)

    def _touch(self, dialog: QWidget) -> None:
        seen = [one for one in dialog.findChildren(QWidget) if one.isVisible() and one.isEnabled()]
        if not seen:
            return
        one = self._choice.choice(seen)
        self._log(f"  in {type(dialog).__name__}: {type(one).__name__}")
        if isinstance(one, QAbstractButton):
            one.click()
        elif isinstance(one, QComboBox) and one.count():
            one.setCurrentIndex(self._choice.randrange(one.count()))
            one.activated.emit(one.currentIndex())
        elif isinstance(one, QSpinBox):
            one.setValue(self._choice.randint(one.minimum(), min(one.maximum(), one.minimum() + 200)))
        elif isinstance(one, QDoubleSpinBox):
            one.setValue(self._choice.uniform(one.minimum(), one.maximum()))
        elif isinstance(one, QLineEdit) and not isinstance(one.parentWidget(), QAbstractSpinBox):
            one.setText(self._choice.choice(TEXTS))
        elif isinstance(one, QPlainTextEdit):
            one.setPlainText(self._choice.choice(TEXTS))
        elif isinstance(one, QListWidget) and one.count():
            one.setCurrentRow(self._choice.randrange(one.count()))
        elif self._choice.random() < 0.5:
            QTest.mouseClick(one, LEFT, pos=one.rect().center())
        else:
            QTest.keyClick(one, self._choice.choice(KEYS))


def answer_file_dialogs(choice: random.Random, folder: Path, images: Path, projects: list[Path]) -> Callable[[], None]:
    """Qt's own file dialogs give a random answer at once. Returns what puts them back."""
    kept = {name: getattr(QFileDialog, name) for name in ("getOpenFileName", "getSaveFileName", "getExistingDirectory")}
    table = folder / "labels.csv"
    table.write_text("file,Effusion\nnobody.png,1\n", encoding="utf-8")
    pictures = sorted(path for path in images.rglob("*") if path.is_file())

    def opened(_parent: Any, title: str = "", *_more: Any) -> tuple[str, str]:
        if "project" in title.lower():
            return str(choice.choice([*projects, table])), ""
        saved = [*folder.glob("saved-*"), table, folder / "not there"]
        return str(choice.choice([choice.choice(pictures), choice.choice(saved), ""])), ""

    def saved(_parent: Any, _title: str = "", offered: str = "", *_more: Any) -> tuple[str, str]:
        suffix = Path(offered).suffix
        return choice.choice([str(folder / f"saved-{choice.randrange(3)}{suffix}"), str(folder / "none" / "x"), ""]), ""

    def directory(*_arguments: Any) -> str:
        return choice.choice([str(folder / "empty"), str(folder / "not there"), ""])

    for name, answer in (("getOpenFileName", opened), ("getSaveFileName", saved), ("getExistingDirectory", directory)):
        setattr(QFileDialog, name, staticmethod(answer))
    return lambda: [setattr(QFileDialog, name, was) for name, was in kept.items()] and None


def random_action(window: MainWindow, choice: random.Random) -> str:
    """The name of an action that can be done now; every action is as likely as any other, but the finding keys."""
    names = [name for name, action in window.actions_by_name.items() if action.isEnabled() and name not in APART]
    one_of_them = [name for name in names if name not in FINDING_ACTIONS]
    return choice.choice(names if choice.random() < 0.25 else one_of_them)


def use_mouse(window: MainWindow, choice: random.Random) -> str:
    """A click, double click, drag, wheel or right click somewhere in the window."""
    at = QPoint(choice.randrange(max(window.width(), 1)), choice.randrange(max(window.height(), 1)))
    widget = window.childAt(at) or window
    here = widget.mapFrom(window, at) if widget is not window else at
    kind, modifier = choice.choice(("click", "double", "drag", "wheel", "right")), choice.choice(MODIFIERS)
    if kind == "click":
        QTest.mouseClick(widget, LEFT, modifier, here)
    elif kind == "right":
        QTest.mouseClick(widget, RIGHT, modifier, here)
    elif kind == "double":
        QTest.mouseDClick(widget, LEFT, modifier, here)
    elif kind == "wheel":
        turn = QPoint(0, choice.choice((-360, -120, 120, 360)))
        phase = Qt.ScrollPhase.NoScrollPhase
        event = QWheelEvent(
            QPointF(here),
            QPointF(widget.mapToGlobal(here)),
            turn,
            turn,
            Qt.MouseButton.NoButton,
            modifier,
            phase,
            False,
        )
        QApplication.sendEvent(widget, event)
    else:
        QTest.mousePress(widget, LEFT, modifier, here)
        for _ in range(choice.randrange(1, 8)):
            here += QPoint(choice.randint(-90, 90), choice.randint(-90, 90))
            QTest.mouseMove(widget, here)
        QTest.mouseRelease(widget, LEFT, modifier, here)
    return f"mouse {kind} on {type(widget).__name__} {here.x()},{here.y()}"


def press_key(window: MainWindow, choice: random.Random) -> str:
    """A key, where the focus is."""
    key, modifier = choice.choice(KEYS), choice.choice(MODIFIERS)
    if (key, modifier) in ((Qt.Key.Key_Q, MODIFIERS[3]), (Qt.Key.Key_F4, MODIFIERS[4])):
        return "no key"
    QTest.keyClick(QApplication.focusWidget() or window, key, modifier)
    return f"key {key.name} {modifier.name}"


def change_size(window: MainWindow, choice: random.Random) -> str:
    """Another size of the window, or the whole screen."""
    if choice.random() < 0.2:
        state = choice.choice((window.showMaximized, window.showFullScreen, window.showNormal, window.showMinimized))
        state()
        QTest.qWait(20)
        window.showNormal()
        return f"window {state.__name__}"
    window.resize(choice.randrange(600, 2000), choice.randrange(400, 1200))
    return f"size {window.width()}x{window.height()}"


def choose(window: MainWindow, choice: random.Random) -> str:
    """Selects a cluster, or some images, as the map's lasso does; or goes to an image."""
    session = window.session
    if session.map is None:
        return "nothing to choose"
    ids = session.map.image_ids
    kind = choice.choice(("cluster", "some", "image"))
    if kind == "cluster":
        session.select_cluster(choice.randrange(-1, max(len(session.map.groups), 1)))
    elif kind == "some":
        some = np.array(choice.sample(ids.tolist(), min(len(ids), choice.randrange(1, 40))))
        session.select(some, "selection", mode=choice.choice(("replace", "add", "subtract", "intersect")))
    elif session.selection.ids.size:
        session.set_current(choice.choice(session.selection.ids.tolist()))
    return f"choose {kind}"


def run_index(window: MainWindow, choice: random.Random) -> str:
    """A run over the folder, or the end of one before its time."""
    session = window.session
    if session.project is None:
        return "nothing to index"
    if window.runs.indexing is not None or choice.random() < 0.3:
        window.runs.cancel_run()
        return "cancel run"
    try:
        window.runs.start_indexing()
    except UserError:
        return "index refused"
    return "index"
