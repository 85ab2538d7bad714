"""What the reader noted of the image, over a corner of its picture: it moves nothing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from cxr_explorer.labels.label import Note
from cxr_explorer.project.notes import note_of
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.viewer.picture import Picture
from cxr_explorer.ui.viewer.plates import INK, MARGIN_PX, PLATE
from cxr_explorer.ui.widgets.note_marks import draw_flag, draw_note

FLAG_TEXT = "Come back later"
NOTE_TEXT = "Note"
_PAD_PX = 6


class NotePlate(QWidget):
    """Lies above the zoom in the lower right corner; lets the mouse through, and is hidden where nothing is noted.

    Without the text over the picture it is the signs alone.
    """

    def __init__(self, picture: Picture, session: Session) -> None:
        super().__init__(picture)
        self._picture = picture
        self._session = session
        self._lines: list[tuple[bool, str]] = []  # whether it is the flag's, and the words
        self._with_words = picture.overlay
        self._unled = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        picture.installEventFilter(self)
        picture.changed.connect(self._on_picture)
        session.currentChanged.connect(self.refresh)
        session.projectChanged.connect(self.refresh)
        session.changed.connect(lambda change: self.refresh() if change.notes or change.reader else None)

    @property
    def text(self) -> str:
        """What it says."""
        return "\n".join(words for _, words in self._lines)

    def keep_words_back(self, kept: bool) -> None:
        """Where an answer is to be given without being led it says that there is a note, not what is in it."""
        if kept != self._unled:
            self._unled = kept
            self.refresh()

    def refresh(self) -> None:
        """Shows what is noted of the current image."""
        session, note = self._session, Note()
        if session.project is not None and session.viewing_image and session.current_id >= 0:
            note = note_of(session.project, session.current_id, session.reader)
        words = NOTE_TEXT if self._unled else f"{NOTE_TEXT}: {' '.join(note.text.split())}"
        self._lines = [*([(True, FLAG_TEXT)] if note.flagged else []), *([(False, words)] if note.text else [])]
        self.setAccessibleName(self.text)
        self.setVisible(bool(self._lines))
        self._place()

    def _on_picture(self) -> None:
        if self._picture.overlay != self._with_words:
            self._with_words = self._picture.overlay
            self._place()

    def _line_px(self) -> int:
        return QFontMetrics(self.font()).height() + 4

    def sizeHint(self) -> QSize:
        metrics, line = QFontMetrics(self.font()), self._line_px()
        if not self._with_words:
            return QSize(line + 2 * _PAD_PX, len(self._lines) * line + 4)
        needed = max((metrics.horizontalAdvance(words) for _, words in self._lines), default=0)
        most = max(self._picture.width() // 4, metrics.horizontalAdvance(FLAG_TEXT))
        return QSize(min(needed, most) + line + 3 * _PAD_PX, len(self._lines) * line + 4)

    def _place(self) -> None:
        """Above the plate of the zoom, whose height is that of a line and 8."""
        size, room = self.sizeHint(), self._picture.size()
        above = QFontMetrics(self._picture.font()).height() + 8 + 4 + MARGIN_PX
        self.resize(size)
        self.move(room.width() - MARGIN_PX - size.width(), room.height() - above - size.height())
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stays in its corner."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.FontChange):
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PLATE)
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        metrics, line = QFontMetrics(self.font()), self._line_px()
        for row, (flags, words) in enumerate(self._lines):
            top = 2 + row * line
            draw = draw_flag if flags else draw_note
            draw(painter, QRectF(_PAD_PX, top + 1, line - 2, line - 2), INK)
            room = self.width() - line - 3 * _PAD_PX
            painter.setPen(INK)
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
            painter.drawText(
                QRectF(line + 2 * _PAD_PX, top, room + _PAD_PX, line), int(Qt.AlignmentFlag.AlignVCenter), shown
            )
