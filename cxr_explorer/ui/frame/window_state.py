"""What the window remembers between two starts, besides its settings: place, panes, tool, order, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QPoint, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication

from cxr_explorer.ui.session.selection import ORDERS

if TYPE_CHECKING:
    from cxr_explorer.ui.main_window import MainWindow

GRIP_PX = 60
"""So much of the window's title must lie on a screen for a hand to take hold of it."""


def keep(window: MainWindow, settings: QSettings) -> None:
    """Writes the state into the settings; called as the window closes, before the project does."""
    settings.setValue("geometry", window.saveGeometry())
    settings.setValue("across", window.across.saveState())
    settings.setValue("side_tab", window.side.tabText(window.side.currentIndex()))
    settings.setValue("tile_px", window.gallery_panel.gallery.tile_size)
    settings.setValue("order", window.session.order)
    settings.setValue("tool", window.map_page.scatter.tool)
    settings.setValue("colour_by", window.session.colour_by)


def restore(window: MainWindow, settings: QSettings) -> None:
    """Brings the state back, what there is of it; a window that would lie on no screen comes back onto one."""
    geometry = settings.value("geometry")
    if isinstance(geometry, QByteArray) and window.restoreGeometry(geometry):
        rooms = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if not (window.isMaximized() or window.isFullScreen()):
            window.setGeometry(on_a_screen(window.geometry(), rooms))
    else:
        room = window.screen().availableSize()
        window.resize(min(1720, room.width() - 40), min(1020, room.height() - 60))
    across = settings.value("across")
    if not (isinstance(across, QByteArray) and window.across.restoreState(across)):
        width = window.width()
        window.across.setSizes([max(230, width // 7), width // 2, max(330, width // 4)])
    tabs = [window.side.tabText(index) for index in range(window.side.count())]
    tab = str(settings.value("side_tab", ""))
    if tab in tabs:
        window.side.setCurrentIndex(tabs.index(tab))
    tile_px = str(settings.value("tile_px", ""))
    if tile_px.isdigit():
        window.gallery_panel.gallery.set_tile_size(int(tile_px))
    order = str(settings.value("order", ""))
    if order in ORDERS:
        window.session.order = order
    tool = settings.value("tool")
    if tool in ("pan", "lasso", "rectangle"):
        window.map_page.use_tool(tool)


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
