"""One of the images side by side: what it is, how it is labelled, and its picture."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from cxr_explorer.ui.viewer.picture import Picture
from cxr_explorer.ui.widgets.texts import MiddleElided, elided_label

_EDGE_PX = 3
MARGIN_PX = 8
_HANDLED = (
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseMove,
    QEvent.Type.MouseButtonRelease,
    QEvent.Type.MouseButtonDblClick,
    QEvent.Type.Wheel,
)


class ComparePane(QFrame):
    """A picture under a caption of three lines; the one in focus has a thick edge and an arrow before its name."""

    pressed = Signal()
    lookChanged = Signal()
    """The reader zoomed, moved or windowed this picture with the mouse."""

    def __init__(self) -> None:
        super().__init__()
        self.key = 0
        self.picture = Picture()
        self.picture.installEventFilter(self)
        self.picture.changed.connect(self._on_changed)
        self._name = MiddleElided()
        self._about = elided_label("", "dim")
        self._labels = elided_label()
        for line in (self._about, self._labels):
            line.setTextFormat(Qt.TextFormat.PlainText)
            line.setContentsMargins(6, 0, 6, 0)
        self._focused = False
        self._title = ""
        self._handled = False
        column = QVBoxLayout(self)
        column.setContentsMargins(_EDGE_PX, _EDGE_PX, _EDGE_PX, _EDGE_PX)
        column.addWidget(self.picture, 1)
        plate = self._plate = QWidget(self.picture)
        plate.setObjectName("plate")
        plate.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        plate.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        lines = QVBoxLayout(plate)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(0)
        for line in (self._name, self._about, self._labels):
            lines.addWidget(line)

    def set_caption(self, title: str, about: str, labels: str) -> None:
        """The name; the cluster and facts; the labels, in words."""
        self._title = title
        self._about.setText(about)
        self._labels.setText(labels)
        self._show_name()
        self.setAccessibleName(f"{title}. {about}. {labels}")

    @property
    def caption(self) -> tuple[str, str, str]:
        """What `set_caption` was given."""
        return self._title, self._about.text(), self._labels.text()

    def _place(self) -> None:
        """The caption lies in the upper left corner and takes no more of the film than its words need."""
        lines = (self._name, self._about, self._labels)
        width = max(line.fontMetrics().horizontalAdvance(line.text()) for line in lines) + 2 * MARGIN_PX
        self._plate.setGeometry(0, 0, min(width, self.picture.width()), self._plate.sizeHint().height())

    @property
    def focused(self) -> bool:
        """Whether labels go to this image."""
        return self._focused

    def set_focused(self, focused: bool) -> None:
        """Whether labels go to this image."""
        self._focused = focused
        self._show_name()
        self.update()

    def _show_name(self) -> None:
        self._name.setText(f"▶ {self._title}" if self._focused else self._title)
        font = self.font()
        font.setBold(self._focused)
        self._name.setFont(font)
        self._place()

    def _on_changed(self) -> None:
        if self._handled:
            self.lookChanged.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tells what the mouse does to the picture from what a change of size does."""
        kind = event.type()
        if kind in _HANDLED:
            self._handled = True
            if kind == QEvent.Type.MouseButtonPress:
                self.pressed.emit()
        elif kind in (QEvent.Type.Resize, QEvent.Type.Leave):
            self._handled = False
            self._place()
        return False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._show_name()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        role = QPalette.ColorRole.Highlight if self._focused else QPalette.ColorRole.Mid
        width = _EDGE_PX if self._focused else 1
        pen = QPen(self.palette().color(role), width)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        inset = width // 2
        painter.drawRect(self.rect().adjusted(inset, inset, -inset - 1, -inset - 1))
