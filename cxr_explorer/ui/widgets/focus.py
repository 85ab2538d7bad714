"""The keyboard's place in the window: always to be seen, and a focused control keeps the keys it works with."""

from __future__ import annotations

from collections.abc import Sequence

import shiboken6
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette, QPen, QRegion
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QButtonGroup,
    QComboBox,
    QGroupBox,
    QMenu,
    QMenuBar,
    QRadioButton,
    QTabBar,
    QTextEdit,
    QWidget,
)

_Key = Qt.Key
_ARROWS = frozenset({_Key.Key_Left, _Key.Key_Right, _Key.Key_Up, _Key.Key_Down})
_MOVES = _ARROWS | {_Key.Key_Home, _Key.Key_End, _Key.Key_PageUp, _Key.Key_PageDown}
_NONE = Qt.KeyboardModifier.NoModifier
RING_PX = 2
PANE_PX = 80
_KEYPAD = Qt.KeyboardModifier.KeypadModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier


def own_keys(widget: QWidget) -> frozenset[Qt.Key]:
    """The keys without Ctrl or Alt that this kind of control cannot do without, whatever the window's actions want."""
    if isinstance(widget, QRadioButton | QTabBar | QGroupBox):
        return _ARROWS | {_Key.Key_Space}
    if isinstance(widget, QAbstractButton):
        grouped = widget.autoExclusive() or _is_one_of_several(widget)
        return _ARROWS | {_Key.Key_Space} if grouped else frozenset({_Key.Key_Space})
    if isinstance(widget, QComboBox):
        return frozenset({_Key.Key_Space, _Key.Key_Up, _Key.Key_Down, _Key.Key_Home, _Key.Key_End})
    if isinstance(widget, QAbstractItemView):
        index = widget.currentIndex()
        checkable = index.isValid() and bool(index.flags() & Qt.ItemFlag.ItemIsUserCheckable)
        return _MOVES | {_Key.Key_Space} if checkable else _MOVES
    if isinstance(widget, QAbstractSlider | QTextEdit):
        return _MOVES
    if isinstance(widget, QAbstractSpinBox):
        return frozenset({_Key.Key_Up, _Key.Key_Down, _Key.Key_PageUp, _Key.Key_PageDown})
    return frozenset()


def _is_one_of_several(button: QAbstractButton) -> bool:
    """Whether pressing it releases others. Not by `group()`: PySide6 takes the group for the button's child then."""
    groups = button.window().findChildren(QButtonGroup)
    return any(group.exclusive() and group.id(button) != -1 for group in groups)


class Ring(QWidget):
    """A ring around a control, the same for every kind of control and in both themes.

    Qt's own QFocusFrame lies in the control's parent and is cut off where a pane fills it. This one lies in the window.
    """

    def __init__(self, window: QWidget, role: QPalette.ColorRole = QPalette.ColorRole.Highlight) -> None:
        super().__init__(window)
        self._role = role
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.widget: QWidget | None = None
        self._lineage: list[QWidget] = []
        self.hide()

    def put_on(self, widget: QWidget | None) -> None:
        """Goes around this control, and with it wherever its parents move; None: nowhere."""
        for one in self._lineage:
            if shiboken6.isValid(one):
                one.removeEventFilter(self)
        self._lineage = []
        self.widget = widget
        window = self.parentWidget()
        while widget is not None and widget is not window:
            self._lineage.append(widget)
            widget = widget.parentWidget()
        for one in self._lineage:
            one.installEventFilter(self)
        self._place()

    def _place(self) -> None:
        widget, window = self.widget, self.parentWidget()
        if widget is None or window is None or not shiboken6.isValid(widget) or not widget.isVisible():
            self.hide()
            return
        seen = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
        around = widget.parentWidget()
        while around is not None and around is not window:  # what scrolls out of sight takes its ring along
            seen &= QRect(around.mapTo(window, QPoint(0, 0)), around.size())
            around = around.parentWidget()
        apart = 2 * RING_PX if seen.height() < PANE_PX else 0  # a button may have the ring's colour: a gap tells
        rect = seen.adjusted(-apart, -apart, apart, apart) & window.rect()
        if seen.isEmpty():
            self.hide()
            return
        self.setGeometry(rect)
        inner = self.rect().adjusted(2 * RING_PX, 2 * RING_PX, -2 * RING_PX, -2 * RING_PX)
        self.setMask(QRegion(self.rect()) - QRegion(inner))  # what is within is not painted again with the ring
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide):
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(self._role), RING_PX))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)


class FocusKeeper(QObject):
    """Follows the focus through the program's windows: it moves the ring, and guards the focused control's keys.

    A key that is both a window's shortcut and the control's own (Space on a button, arrows in a list) is the control's.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._watched: QWidget | None = None
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._follow)

    def _follow(self, _before: QWidget | None, now: QWidget | None) -> None:
        if self._watched is not None and shiboken6.isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = now
        if now is None:
            return
        now.installEventFilter(self)
        window = now.window()
        ring = getattr(window, "_focus_ring", None)
        if ring is None or not shiboken6.isValid(ring):
            ring = Ring(window)
            window._focus_ring = ring  # type: ignore[attr-defined]
        ring.put_on(None if isinstance(now, QMenuBar | QMenu) or now.isWindow() else now)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and watched is self._watched:
            plain = (event.modifiers() & ~_KEYPAD) in (_NONE, _SHIFT)
            if plain and isinstance(watched, QWidget) and Qt.Key(event.key()) in own_keys(watched):
                event.accept()
                return True
        return False


def step_pane(panes: Sequence[QWidget], by: int) -> None:
    """Moves the focus to the next (1) or previous (-1) visible pane, to the control that had it there last.

    Args:
        panes: In the order of reading.
        by: Direction.
    """
    seen = [pane for pane in panes if pane.isVisible()]
    focused = QApplication.focusWidget()
    for pane in seen:
        if focused is not None and (pane is focused or pane.isAncestorOf(focused)):
            pane.setProperty("lastFocus", focused)
            at = seen.index(pane)
            order = [seen[(at + by * step) % len(seen)] for step in range(1, len(seen) + 1)]
            break
    else:
        order = seen if by > 0 else seen[::-1]
    for pane in order:
        target = _focusable(pane)
        if target is not None:
            target.setFocus(Qt.FocusReason.TabFocusReason)
            return


def _focusable(pane: QWidget) -> QWidget | None:
    """Where the focus goes in a pane: where it was last, else the first large view, else the first control."""
    last = pane.property("lastFocus")
    if isinstance(last, QWidget) and shiboken6.isValid(last) and _takes_focus(last) and pane.isAncestorOf(last):
        return last
    if _takes_focus(pane):
        return pane
    candidates = [child for child in _from_the_top(pane) if _takes_focus(child)]
    large = [child for child in candidates if child.height() > 150]
    return next(iter(large or candidates), None)


def _from_the_top(pane: QWidget) -> list[QWidget]:
    """All that is in the pane, as one reads.

    Not by nextInFocusChain: PySide6 takes what that returns for a child of the widget it was asked of. When one of a
    chain of such children is deleted, all behind it count as deleted though Qt still has them.
    """

    def place(child: QWidget) -> tuple[int, int]:
        at = child.mapTo(pane, QPoint(0, 0))
        return at.y(), at.x()

    return sorted(pane.findChildren(QWidget), key=place)


def _takes_focus(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
