"""Controls in lines, as words in a text: with large letters or in a narrow window they take a line more."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

_SHRINKS, _GROWS = QSizePolicy.PolicyFlag.ShrinkFlag.value, QSizePolicy.PolicyFlag.ExpandFlag.value
_Placed = tuple[QWidget, QSize, bool]
"""A widget, its size in the line, and whether it takes what is left of it."""


class FlowPanel(QFrame):
    """Child widgets from left to right, and on to the next line where they do not fit. Hidden ones take no room.

    It is no QLayout: a layout in Python keeps QLayoutItems that Qt deletes, and the process dies. Here Qt owns the
    children as it does any widget's, and the panel asks for them each time.
    """

    def __init__(self, parent: QWidget | None = None, spacing_px: int = 6) -> None:
        super().__init__(parent)
        self._spacing = spacing_px
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def add(self, widget: QWidget) -> None:
        """Puts the widget behind the others; the panel owns it from now on."""
        hidden = widget.isHidden() and widget.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
        widget.setParent(self)
        widget.setVisible(not hidden)

    def heightForWidth(self, width: int) -> int:
        return self._arrange(width, False)

    def sizeHint(self) -> QSize:
        hints = [_ask(widget).hint for widget in self._shown()]
        width = sum(hint.width() for hint in hints) + self._spacing * max(len(hints) - 1, 0)
        return self._with_margins(width, max((hint.height() for hint in hints), default=0))

    def minimumSizeHint(self) -> QSize:
        least = [_ask(widget).least for widget in self._shown()]
        width = max((size.width() for size in least), default=0)
        return self._with_margins(width, max((size.height() for size in least), default=0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(self.width(), True)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.updateGeometry()  # what changed while it was hidden was told to nobody
        self._arrange(self.width(), True)

    def event(self, event: QEvent) -> bool:
        # A child was shown or hidden, wants another size, or is gone.
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.ChildRemoved):
            self.updateGeometry()
            self._arrange(self.width(), True)
        return super().event(event)

    def _shown(self) -> list[QWidget]:
        return [child for child in self.children() if isinstance(child, QWidget) and not child.isHidden()]

    def _with_margins(self, width: int, height: int) -> QSize:
        margins = self.contentsMargins()
        return QSize(width + margins.left() + margins.right(), height + margins.top() + margins.bottom())

    def _arrange(self, width: int, moves: bool) -> int:
        """The height that the children take at this width; with `moves` they are put there."""
        margins = self.contentsMargins()
        inner = QRect(margins.left(), margins.top(), width - margins.left() - margins.right(), 0)
        lines: list[list[_Placed]] = [[]]
        used = 0
        for widget in self._shown():
            wish = _ask(widget)
            wanted = wish.least.width() if wish.grows else wish.hint.width()
            size = QSize(max(min(wanted, inner.width()), wish.least.width()), wish.hint.height())
            if lines[-1] and used + size.width() > inner.width():
                lines.append([])
                used = 0
            lines[-1].append((widget, size, wish.grows))
            used += size.width() + self._spacing
        y = inner.top()
        for line in lines:
            height = max((size.height() for _, size, _ in line), default=0)
            if moves:
                self._put(line, inner, y, height)
            y += height + (self._spacing if line is not lines[-1] else 0)
        return y + margins.bottom()

    def _put(self, line: list[_Placed], inner: QRect, y: int, height: int) -> None:
        """One line: a widget that wants to grow takes what is left of it."""
        growing = sum(grows for _, _, grows in line)
        rest = inner.width() - sum(size.width() for _, size, _ in line) - self._spacing * (len(line) - 1)
        x = inner.left()
        for widget, size, grows in line:
            width = size.width() + (max(rest, 0) // growing if grows else 0)
            widget.setGeometry(QRect(QPoint(x, y + (height - size.height()) // 2), QSize(width, size.height())))
            x += width + self._spacing


class _Wish(NamedTuple):
    """What a widget asks for: its sizes as Qt's own layouts take them, and whether it takes what is left of a line."""

    hint: QSize
    least: QSize
    grows: bool


def _ask(widget: QWidget) -> _Wish:
    """Asked once for each layout: what Python asks of Qt takes longer than all else here."""
    policy, hint, least = widget.sizePolicy(), widget.sizeHint(), widget.minimumSizeHint()
    across, down = policy.horizontalPolicy().value, policy.verticalPolicy().value
    # One that may not shrink keeps what it asks for.
    width = least.width() if across & _SHRINKS else max(hint.width(), least.width())
    height = least.height() if down & _SHRINKS else max(hint.height(), least.height())
    least = QSize(width, height).expandedTo(widget.minimumSize()).boundedTo(widget.maximumSize())
    return _Wish(hint.expandedTo(least), least, bool(across & _GROWS))
