"""The Qt binding itself: PySide6 6.12.0 took a reference from None with every call on Python 3.11 and died of it."""

import sys

from PySide6.QtWidgets import QApplication


def test_qt_calls_leave_none_its_references(qapp: QApplication) -> None:
    qapp.processEvents()
    before = sys.getrefcount(None)
    for _ in range(300):
        qapp.processEvents()
    assert abs(sys.getrefcount(None) - before) < 100
