"""The bar above the gallery that searches file names, labels, notes and facts while the reader types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout

from cxr_explorer.labels.texts import images_text
from cxr_explorer.search.words import Found, Search
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.slices import Slices
from cxr_explorer.ui.widgets.texts import text_label

_HELP = """Words that all must hold, while you type:
0012 – file names with 0012 in them
AP – anything that begins with AP
view:AP – the view begins with AP
label:Effusion – you said it is present
label:Effusion=absent – you said it is absent
note:old – your note has a word that begins with old
"No Finding" – both words together
unlabelled, labelled, excluded
Enter selects what was found. Esc closes."""

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Searching(QObject):
    """The search over the open map: made when it is first needed, anew when the map, its facts or the reader change."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._search: Search | None = None
        self._made_for: tuple[int, Mapping[int, object], str] | None = None
        self._preparing = Slices(self)
        session.changed.connect(lambda change: self._forget_labels() if change.shown else None)

    def use(self, then: Callable[[Search], None]) -> None:
        """Calls `then` with the search: now, or when it is ready. Of several who wait, the last one is called."""
        search = self.current()

        def go_on(_found: Found) -> None:
            if search is not None and search is self.current():
                then(search)
            else:  # the map is another one by now
                self.use(then)

        if search is not None:
            self._preparing.run(search.finding(""), go_on)

    def current(self) -> Search | None:
        """The search, which may not be ready yet; None without a map."""
        session = self._session
        if session.project is None or session.map is None:
            self._search = self._made_for = None
            return None
        wanted = (session.map.map_id, session.facts, session.reader)
        before = self._made_for
        if before is None or before[0] != wanted[0] or before[1] is not wanted[1] or before[2] != wanted[2]:
            self._search = Search(session.project, session.map.image_ids, session.facts, session.reader)
            self._made_for = wanted
        return self._search

    def _forget_labels(self) -> None:
        if self._search is not None:
            self._search.forget_labels()


class SearchBar(QFrame):
    """A line to type into and, beside it, how many images it finds."""

    wanted = Signal(object)
    """The reader takes what was found: ids, int64."""
    closed = Signal()

    def __init__(self, session: Session, searching: Searching) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._session = session
        self._searching = searching
        self._counting, self._taking = Slices(self), Slices(self)
        self.line = QLineEdit()
        self.line.setPlaceholderText("Search: name, view:AP, label:Effusion, unlabelled")
        self.line.setAccessibleName("Search file names, labels, notes and facts")
        self.line.setToolTip(_HELP)
        self.line.setClearButtonEnabled(True)
        self.line.installEventFilter(self)
        self.count = text_label("")
        self.count.setWordWrap(True)
        close = QToolButton()
        close.setText("×")
        close.setAutoRaise(True)
        close.setToolTip("Close the search (Esc)")
        close.setAccessibleName("Close the search")
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        close.clicked.connect(self.close_bar)
        row = QHBoxLayout()
        row.addWidget(self.line, 1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 8, 6)
        column.setSpacing(3)
        column.addLayout(row)
        column.addWidget(self.count)
        self._timer = QTimer(self, interval=0, singleShot=True)
        self._timer.timeout.connect(self._search)
        self.line.textChanged.connect(lambda: self._timer.start())
        session.projectChanged.connect(self._on_project)
        session.mapChanged.connect(self._again)
        session.changed.connect(lambda change: self._again() if change.shown else None)
        session.factsChanged.connect(self._again)
        session.filterChanged.connect(self._again)
        self.hide()

    def open_bar(self) -> None:
        """Shows the bar with what was typed last, ready to be typed over."""
        self.show()
        self.line.setFocus()
        self.line.selectAll()
        self._search()

    def close_bar(self) -> None:
        """Hides the bar; the selection stays."""
        self.hide()
        self.closed.emit()

    def take(self) -> None:
        """Selects what is found."""
        search = self._searching.current()
        if search is not None and (query := self.line.text()).strip():
            self._taking.run(search.finding(query), partial(self._take, search))

    def _take(self, search: Search, found: Found) -> None:
        self._tell(search, found)
        if found.image_ids.size:
            self.wanted.emit(found.image_ids)

    def _search(self) -> None:
        search = self._searching.current()
        if self.isVisible() and search is not None:
            self._counting.run(search.finding(self.line.text()), partial(self._tell, search))
            if not search.ready:
                self.count.setText("Getting ready …")

    def _tell(self, search: Search, found: Found) -> None:
        if found.unknown:
            known = ", ".join(["label", "file", "note", *search.fact_names])
            self.count.setText(f"⚠ Nothing is called {', '.join(found.unknown)} here. Known: {known}")
        elif not self.line.text().strip():
            known = ", ".join(search.fact_names)
            self.count.setText(f"Known of the images: {known}" if known else "Type a part of a file name")
        else:
            assert self._session.map is not None
            chosen, ids, total = self._session.filter, found.image_ids, len(self._session.map.image_ids)
            if chosen is not None:
                ids, total = chosen.keep(ids), len(chosen.ids)
            within = f" within the filter {chosen.text}" if chosen is not None else ""
            if ids.size:
                self.count.setText(f"{images_text(ids.size)} of {total:,}{within}. Enter selects")
            else:
                self.count.setText(f"No image{within} holds all of these words")

    def _again(self) -> None:
        self._counting.cancel()
        self._taking.cancel()
        if self.isVisible():
            self._timer.start()

    def _on_project(self) -> None:
        self._counting.cancel()
        self._taking.cancel()
        self.line.clear()
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc and Enter are the line's, before the window's actions."""
        if isinstance(event, QKeyEvent) and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        ):
            if event.key() != Qt.Key.Key_Escape and event.key() not in _ENTER:
                return False
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                if event.key() == Qt.Key.Key_Escape:
                    self.close_bar()
                else:
                    self.take()
                return True
        return False
