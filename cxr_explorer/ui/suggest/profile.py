"""Beside an open image: what is suggested for every finding, on the image and on its cluster."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text
from cxr_explorer.project import label_columns
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.gallery.gallery_panel import SIGN
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.suggest.suggest import Suggestions
from cxr_explorer.ui.suggest.told import Probability, TooFew
from cxr_explorer.ui.widgets.texts import probability_text, text_label


class ProfileStrip(QFrame):
    """A row for each finding of the vocabulary: its probability, the cluster's mean, and the reader's own answer.

    Findings with too few labels stand below the others, and say so instead of guessing.
    """

    def __init__(self, suggest: Suggestions, session: Session) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._suggest = suggest
        self._session = session
        self._note = text_label("", "dim", wraps=True)
        self.few = text_label("Too few labels (present, absent)", "dim", wraps=True)
        self.rows: dict[str, ProfileRow] = {}
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        scroll = QScrollArea()
        scroll.setWidget(self._list)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 6, 8)
        layout.addWidget(text_label("Finding profile", "heading"))
        layout.addWidget(self._note)
        layout.addWidget(scroll, 1)
        suggest.changed.connect(self.refresh)
        session.currentChanged.connect(self.refresh)
        session.changed.connect(lambda change: self.refresh() if change.labels else None)

    def sizeHint(self) -> QSize:
        """As wide as a long name with sign and number, whatever the text size."""
        return QSize(self.fontMetrics().horizontalAdvance("Pleural Thickening +  0.00") + 44, 400)

    def showEvent(self, event: QShowEvent) -> None:
        """What is seen is asked for."""
        super().showEvent(event)
        self._suggest.ask()
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Follows the text size."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_width()

    def _fit_width(self) -> None:
        """Never more than two fifths beside the picture; little while there is nothing to see."""
        page = self.parentWidget()
        most = page.width() * 2 // 5 if page is not None and page.width() > 200 else self.sizeHint().width()
        wanted = self.sizeHint().width()
        if self._suggest.hidden:
            wanted = 12 * self.fontMetrics().horizontalAdvance("m")
        self.setFixedWidth(min(wanted, most))

    def refresh(self) -> None:
        """Brings the rows in line with the image that is shown."""
        session = self._session
        if not self.isVisible() or session.project is None or not session.viewing_image:
            return
        self._fit_width()
        hidden = self._suggest.hidden
        key = key_text("hide_suggestions")
        self._note.setText(
            f"Hidden until you have answered.{'' if self._suggest.blind else f' {key} shows it.'}"
            if hidden
            else "Bar: this image. Mark on it: the mean of its cluster."
        )
        self._list.setVisible(not hidden)
        if hidden:
            return
        found = self._suggest.profile_of(session.current_id)
        sure = [finding for finding, value in found.items() if isinstance(value, Probability)]
        few = [finding for finding in found if finding not in sure]
        if [*sure, *few] != list(self.rows):
            self._rebuild([*sure, *few], len(sure))
        self.few.setVisible(bool(few))
        labels = label_columns.labels_of_images(session.project, [session.current_id], session.reader)
        own = dict(labels.get(session.current_id, []))
        for finding, row in self.rows.items():
            row.show_values(found[finding], own.get(finding), finding == session.finding)

    def _rebuild(self, findings: list[str], sure: int) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if isinstance(widget := item.widget(), ProfileRow):
                widget.deleteLater()
        self.rows = {finding: ProfileRow(finding) for finding in findings}
        rows: list[QWidget] = list(self.rows.values())
        for widget in (*rows[:sure], self.few, *rows[sure:]):
            self._column.addWidget(widget)
        self._column.addStretch(1)


class ProfileRow(QWidget):
    """Name, number and bar of one finding; or the counts of its labels."""

    def __init__(self, finding: str) -> None:
        super().__init__()
        self._finding = finding_text(finding)
        self.value: Probability | TooFew = TooFew(0, 0)
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self._layout = QVBoxLayout(self)
        self._layout.addWidget(self.text)

    def show_values(self, value: Probability | TooFew, own: Value | None, current: bool) -> None:
        """Shows a probability with the cluster's mean, or the counts; and the reader's own answer."""
        self.value = value
        if isinstance(value, Probability):
            number = probability_text(value.image, value.in_numbers)
            tip = (
                f"probability {value.image:.3f}; mean of the image's cluster {value.cluster:.3f}"
                if value.in_numbers
                else f"{number}; too few images were drawn at random and read to say it in numbers"
            )
        elif value.computing:
            number, tip = "…", "being computed"
        else:
            number = f"{value.present:,}, {value.absent:,}"
            tip = f"too few labels ({value.present:,} present, {value.absent:,} absent)"
        sign = f" {SIGN[own]}" if own is not None else ""
        answer = f". Your label: {VALUE_WORDS[own]}" if own is not None else ""
        self.text.setText(f"{self._finding}{sign}  {number}")
        self.setToolTip(f"{self._finding}: {tip}{answer}")
        self.setAccessibleName(self.toolTip())
        self.text.setStyleSheet("font-weight: 600" if current else "")
        self._layout.setContentsMargins(2, 0, 8, 12 if isinstance(value, Probability) else 0)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The bar, with its mark, below the words."""
        if not isinstance(self.value, Probability):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        whole = QRectF(2, self.height() - 10, self.width() - 10, 7)
        painter.setPen(palette.mid().color())
        painter.setBrush(palette.base())
        painter.drawRoundedRect(whole, 2, 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.highlight())
        painter.drawRoundedRect(QRectF(whole.left(), whole.top(), whole.width() * self.value.image, 7), 2, 2)
        x = round(whole.left() + whole.width() * self.value.cluster)
        painter.setPen(QPen(palette.text().color(), 2))
        painter.drawLine(x, self.height() - 12, x, self.height() - 1)
