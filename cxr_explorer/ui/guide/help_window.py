"""The help: a window beside the work, with pages at the left and a search in the page shown."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QUrl, Signal
from PySide6.QtGui import (
    QDesktopServices,
    QGuiApplication,
    QKeyEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.guide.help_pages import (
    ABOUT,
    DATA,
    KEYS,
    LICENCES,
    TITLES,
    about_fields,
    licences_text,
    page_text,
    places,
    places_text,
)
from cxr_explorer.ui.guide.keys_help import KeysPage
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import text_label


class HelpWindow(QDialog):
    """Stays open beside the work; there is one of it, which is filled anew when it is asked for."""

    changeKeysWanted = Signal()
    reportWanted = Signal()

    def __init__(self, parent: QWidget, session: Session) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help – CXR Explorer")
        self.setModal(False)
        self._session = session
        self._places: list[Path] = []
        self._found: list[QTextCursor] = []
        self._at = 0
        self.pages = QListWidget()
        self.pages.setAccessibleName("Pages of the help")
        self.pages.setWordWrap(True)
        for page, title in TITLES.items():
            item = QListWidgetItem(title)
            item.setData(Qt.ItemDataRole.UserRole, page)
            self.pages.addItem(item)
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText("Search in this page; Enter goes on to the next")
        self.search.setAccessibleName("Search in this page")
        self.search.setToolTip("Words on the page shown; Enter goes to the next place, Shift+Enter to the one before")
        self.search.textChanged.connect(self._search)
        self.search.installEventFilter(self)
        self.said = text_label("", "dim")
        self.text = QTextBrowser(openLinks=False)
        self.text.setAccessibleName("Text of the page")
        self.text.document().setDocumentMargin(12)
        self.text.anchorClicked.connect(self._follow)
        self.keys: KeysPage | None = None  # made when it is looked at: a hundred rows take their time
        self.shown = QStackedWidget()
        self.shown.addWidget(self.text)
        self.report = QPushButton("Copy diagnostic report…")
        self.report.setToolTip(tooltip("diagnostic"))
        self.report.clicked.connect(self.reportWanted)
        close = QPushButton("Close")
        close.setToolTip("Close the help (Esc)")
        close.clicked.connect(self.reject)
        for button in (self.report, close):
            button.setAutoDefault(False)
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self.said)
        below = QHBoxLayout()
        below.addWidget(self.report)
        below.addStretch(1)
        below.addWidget(close)
        right = QVBoxLayout()
        right.addLayout(top)
        right.addWidget(self.shown, 1)
        right.addLayout(below)
        row = QHBoxLayout(self)
        row.addWidget(self.pages)
        row.addLayout(right, 1)
        self.pages.currentRowChanged.connect(lambda _row: self.refresh())
        self._take_room()

    @property
    def page(self) -> str:
        """The page shown, a key of `TITLES`."""
        return list(TITLES)[max(self.pages.currentRow(), 0)]

    def show_page(self, page: str) -> None:
        """Brings the window to the front with a page, as things stand now."""
        row = list(TITLES).index(page)
        if row != self.pages.currentRow():
            self.pages.setCurrentRow(row)
        else:
            self.refresh()
        if not self.isVisible():
            self._take_room()
        self.show()
        self.raise_()
        self.activateWindow()
        (self.search if page == KEYS else self.text).setFocus()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "pages"):
            self.pages.setFixedWidth(self._pages_px())
        if event.type() == QEvent.Type.PaletteChange and self.isVisible():
            self.refresh()  # links have their colour from the time a page is filled

    def _pages_px(self) -> int:
        return 15 * self.fontMetrics().horizontalAdvance("m")

    def _take_room(self) -> None:
        self.pages.setFixedWidth(self._pages_px())
        metrics, screen = self.fontMetrics(), self.screen().availableSize()
        width, height = 72 * metrics.horizontalAdvance("m"), 38 * metrics.lineSpacing()
        self.resize(min(width, screen.width() - 80), min(height, screen.height() - 80))

    def refresh(self) -> None:
        """Fills the page shown anew, with keys, places and colours as they are now."""
        page = self.page
        self.search.clear()
        if page == KEYS:
            if self.keys is None:
                self.keys = KeysPage()
                self.keys.changeWanted.connect(self.changeKeysWanted)
                self.shown.addWidget(self.keys)
            self.keys.refresh()
            self.shown.setCurrentWidget(self.keys)
            return
        filled: dict[str, str] = {}
        if page == DATA:
            settings_file = Path(self._session.preferences.settings.fileName())
            found = places(self._session.project, settings_file)
            self._places = [place.path for place in found]
            filled["places"] = places_text(found)
        elif page == ABOUT:
            filled = about_fields(self._session.preferences.encoder())
        self.text.setMarkdown(licences_text() if page == LICENCES else page_text(page, filled))
        self._wrap()
        self.shown.setCurrentWidget(self.text)

    def _wrap(self) -> None:
        """Also what stands as it is written, a licence, is broken where the page ends."""
        form = QTextBlockFormat()
        form.setNonBreakableLines(False)
        cursor = QTextCursor(self.text.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(form)

    # -- search ----------------------------------------------------------------------------------------------------

    def _search(self, typed: str) -> None:
        if self.page == KEYS and self.keys is not None:
            count = self.keys.filter(typed)
            self.said.setText(f"{count:,} found" if typed.strip() else "")
            return
        self._found, self._at = [], 0
        cursor = QTextCursor(self.text.document())
        while typed.strip():
            cursor = self.text.document().find(typed.strip(), cursor, QTextDocument.FindFlag(0))
            if cursor.isNull():
                break
            self._found.append(QTextCursor(cursor))
        self._mark()

    def _step(self, by: int) -> None:
        if self._found:
            self._at = (self._at + by) % len(self._found)
            self._mark()

    def _mark(self) -> None:
        """Marks all places, the one at hand underlined as well, and says which of how many it is."""
        marks = []
        palette = self.palette()
        for number, cursor in enumerate(self._found):
            mark = QTextEdit.ExtraSelection()
            form = QTextCharFormat()
            form.setBackground(palette.highlight() if number == self._at else palette.mid())
            form.setForeground(palette.highlightedText() if number == self._at else palette.text())
            form.setFontUnderline(number == self._at)
            mark.format, mark.cursor = form, cursor
            marks.append(mark)
        self.text.setExtraSelections(marks)
        if self._found:
            cursor = QTextCursor(self._found[self._at])
            cursor.clearSelection()
            self.text.setTextCursor(cursor)
            self.text.ensureCursorVisible()
        none = "Not on this page" if self.search.text().strip() else ""
        self.said.setText(f"{self._at + 1} of {len(self._found)}" if self._found else none)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter goes from place to place."""
        if (
            watched is self.search
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            self._step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
            return True
        return super().eventFilter(watched, event)

    # -- links -----------------------------------------------------------------------------------------------------

    def _follow(self, url: QUrl) -> None:
        what, number = url.scheme(), url.path()
        if what in ("show", "copy") and number.isdigit() and int(number) < len(self._places):
            path = self._places[int(number)]
            if what == "copy":
                QGuiApplication.clipboard().setText(str(path))
                self.said.setText("Path copied")
            else:
                self._show_in_folder(path)
        elif what == "https":
            QDesktopServices.openUrl(url)

    def _show_in_folder(self, path: Path) -> None:
        there = path if path.is_dir() else path.parent
        if not there.is_dir():
            self.said.setText("Not there yet")
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(there))):
            self.said.setText("No file manager opened it")
