"""Makes every override of the window fail in turn, as code of C fails; prints which did. Run as a program.

A process of its own: PySide6 keeps the first override that it finds, so they have to be replaced before any is used.
"""

from __future__ import annotations

import functools
import importlib
import json
import pkgutil
import sys
import tempfile
from pathlib import Path
from types import FunctionType

from PySide6.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QFocusEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import Shiboken

import cxr_explorer.ui
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.widgets.guard import _below, overrides
from tests.ui.windows import make_project


def overrides_of_the_window() -> list[tuple[type, str, FunctionType]]:
    """Every override in the window's own classes."""
    for found in pkgutil.iter_modules(cxr_explorer.ui.__path__):
        importlib.import_module(f"cxr_explorer.ui.{found.name}")
    kinds = {kind for kind in _below(Shiboken.Object) if kind.__module__.startswith("cxr_explorer")}
    return [(kind, *one) for kind in sorted(kinds, key=str) for one in overrides(kind)]


def use(window: MainWindow) -> None:
    """Another size, mouse, wheel, keys, focus, painting, on one widget of each of our kinds."""
    window.resize(1400 - window.width() % 100, 800)
    kinds = {type(widget): widget for widget in window.findChildren(QWidget) if widget.isVisible()}
    for kind, widget in kinds.items():
        if kind.__module__.startswith("cxr_explorer"):
            for event in (QEvent(QEvent.Type.FontChange), QFocusEvent(QEvent.Type.FocusIn), _wheel(widget)):
                QApplication.sendEvent(widget, event)
            QTest.keyClick(widget, Qt.Key.Key_F15)
            QTest.mouseDClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    QApplication.processEvents()
    window.grab()


def _wheel(widget: QWidget) -> QWheelEvent:
    at, by = QPointF(3, 3), QPoint(0, 120)
    none, plain = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    return QWheelEvent(at, widget.mapToGlobal(at), by, by, none, plain, Qt.ScrollPhase.NoScrollPhase, False)


def main() -> None:
    failing = [""]
    failed: dict[str, int] = {}

    def switch(name: str, override: FunctionType) -> FunctionType:
        @functools.wraps(override)
        def switched(*arguments: object, **named: object) -> object:
            return int("no number") if failing[0] == name else override(*arguments, **named)

        return switched  # type: ignore[return-value]

    names = set()
    for kind, name, override in overrides_of_the_window():
        setattr(kind, name, switch(name, override))
        names.add(name)

    def count(kind: type[BaseException], error: BaseException, _trace: object) -> None:
        if not (isinstance(error, ValueError) and "no number" in str(error)):
            sys.exit(f"another error came of {failing[0]}: {error!r}")
        failed[failing[0]] = failed.get(failing[0], 0) + 1

    sys.excepthook = count
    application = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        window = MainWindow(QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat))
        window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
        window.files.open_path(make_project(Path(folder)))
        window.runs.opening.finish()
        window.show()
        window.session.select_cluster(0)
        for name in [*sorted(names - {"closeEvent"}), ""]:
            failing[0] = name
            window.actions_by_name["audit_list"].trigger()
            use(window)
            window.image_page.view.show_error("none")
            window.session.select_cluster(0)
            window.session.set_current(int(window.session.selection.ids[0]))
            window.session.view_image(True)
            use(window)
            window.session.view_image(False)
        window.close()
        application.processEvents()
    print(json.dumps({"alive": True, "failed": failed}))


if __name__ == "__main__":
    main()
