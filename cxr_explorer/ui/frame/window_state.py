"""What the window remembers between two starts: its place, its panes, the tab that was shown."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QPoint, QRect, QSize
from PySide6.QtGui import QGuiApplication

from cxr_explorer.ui.frame.frame import Frame

GRIP_PX = 60
"""So much of the window's title must lie on a screen for a hand to take hold of it."""


def keep(frame: Frame) -> None:
    """Writes the state into the settings; called as the window closes, before the project does."""
    frame.settings.setValue("geometry", frame.saveGeometry())
    frame.workspaces.keep(frame.settings)
    frame.settings.setValue("side_tab", frame.side.tabText(frame.side.currentIndex()))


def restore(frame: Frame) -> None:
    """Brings the state back, what there is of it; a window that would lie on no screen comes back onto one."""
    geometry = frame.settings.value("geometry")
    if isinstance(geometry, QByteArray) and frame.restoreGeometry(geometry):
        rooms = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if not (frame.isMaximized() or frame.isFullScreen()):
            frame.setGeometry(on_a_screen(frame.geometry(), rooms))
    else:
        room = frame.screen().availableSize()
        frame.resize(min(1720, room.width() - 40), min(1020, room.height() - 60))
    frame.workspaces.restore(frame.settings)
    tabs = [frame.side.tabText(index) for index in range(frame.side.count())]
    tab = str(frame.settings.value("side_tab", ""))
    if tab in tabs:
        frame.side.setCurrentIndex(tabs.index(tab))


def on_a_screen(wanted: QRect, rooms: list[QRect]) -> QRect:
    """The window's place if its title bar can be reached on a screen, else the nearest to it on the first screen.

    Args:
        wanted: Where it was.
        rooms: What the screens have free, the main one first.
    """
    title = QRect(wanted.topLeft(), QSize(wanted.width(), GRIP_PX))
    for room in rooms:
        seen = room.intersected(title)
        if seen.width() >= GRIP_PX and seen.height() >= GRIP_PX // 2:
            return wanted
    if not rooms:
        return wanted
    room = rooms[0]
    size = wanted.size().boundedTo(room.size())
    left = min(max(wanted.left(), room.left()), room.right() + 1 - size.width())
    top = min(max(wanted.top(), room.top()), room.bottom() + 1 - size.height())
    return QRect(QPoint(left, top), size)
