"""The part of the window for help: its pages, the diagnostic report, the log."""

from __future__ import annotations

from collections.abc import Callable

import PySide6
from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from cxr_explorer import logfile
from cxr_explorer.assets import asset
from cxr_explorer.encoder.checkpoint import bundled_encoders
from cxr_explorer.errors import UserError
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.guide.help_pages import ABOUT, DATA, LICENCES, START, TITLES
from cxr_explorer.ui.guide.help_window import HelpWindow
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.messages import TextDialog
from cxr_explorer.ui.widgets.texts import accepted

PAGE = "help_page"
"""Property of a widget: the page of the documents that `F1` opens while the keyboard is in it."""

_MOST_LINES = 4000


class Help(QObject, Part):
    """Shows the help; nothing of it is made before it is asked for."""

    def __init__(self, frame: Frame, session: Session, runs: Runs, place: Callable[[], str]) -> None:
        """`place` says which page of the documents belongs to what is being done now, "" for none in particular."""
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._runs = runs
        self._place = place
        self.window: HelpWindow | None = None
        session.projectChanged.connect(self.show_keys)

    def verbs(self) -> Verbs:
        return {
            "help": self.show_help,
            "documents": self.show_documents,
            "where_data": lambda: self.show_page(DATA),
            "about": lambda: self.show_page(ABOUT),
            "licences": lambda: self.show_page(LICENCES),
            "diagnostic": self.show_report,
            "show_log": self.show_log,
        }

    def show_keys(self) -> None:
        """Keys, or the project whose place is told, are others: the page shown is filled anew."""
        if self.window is not None and self.window.isVisible():
            self.window.refresh()

    def close_down(self) -> None:
        """It goes with the window, and with the project that it tells of."""
        if self.window is not None:
            self.window.reject()

    def show_page(self, page: str) -> None:
        """Opens the help, or brings it to the front, at a page."""
        if self.window is None:
            self.window = HelpWindow(self._frame, self._session)
            self.window.changeKeysWanted.connect(self._frame.actions_by_name["edit_keys"].trigger)
            self.window.reportWanted.connect(self.show_report)
        self.window.show_page(page)

    def show_help(self) -> None:
        """Opens the help at the page of what is being done, where it has one."""
        page = self._page_here()
        self.show_page(page if page in TITLES else START)

    def show_documents(self) -> None:
        """Opens the site of `packaging/docs.py` in the browser, at the page of what is being done.

        The help where it was not built, or no browser opens it.
        """
        page = self._page_here() or ("getting-started" if self._session.project is None else "window")
        place = asset("site", f"{page}.html")
        if not place.is_file() or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(place))):
            self.show_help()

    def _page_here(self) -> str:
        widget: QWidget | None = QApplication.focusWidget()
        while widget is not None:
            if page := widget.property(PAGE):
                return str(page)
            widget = widget.parentWidget()
        return self._place()

    # -- what may be sent with a question --------------------------------------------------------------------------

    def report(self) -> str:
        """The diagnostic report: nothing in it says whose images, which files, which readers."""
        from cxr_explorer.doctor import count_project, diagnose

        preferences, project = self._session.preferences, self._session.project
        screens = ", ".join(
            f"{screen.size().width()} x {screen.size().height()} at {screen.devicePixelRatio():g}"
            for screen in QGuiApplication.screens()
        )
        try:
            encoder = preferences.encoder()
            is_ours = any(encoder.directory == info.directory for info in bundled_encoders())
            named = encoder.name if is_ours else "one of your own"
        except UserError:
            named = "none that works"
        facts = {
            "qt": f"{PySide6.__version__}, {QGuiApplication.platformName()}",
            "screens": screens,
            "text size": str(self._frame.settings.value("text_scale", 1.0)),
            "encoder": named,
            "device": f"{preferences.device} chosen; used: {self._runs.device or 'nothing was analysed yet'}",
        }
        try:
            counts = count_project(project) if project is not None else {}
        except UserError:
            counts = {}
        return diagnose(facts, counts, logfile.last_problems(logfile.folder()))

    def show_report(self) -> None:
        """Shows the report, to be copied."""
        dialog = TextDialog(
            self._frame,
            "Diagnostic report",
            "This is all that is copied: versions, counts and places in the program's code. No names, no paths, "
            "nothing of your images.",
            self.report(),
        )
        accepted(dialog)

    def show_log(self) -> None:
        """Shows the newest part of the log."""
        home = logfile.folder()
        try:
            text = (home / logfile.FILE_NAME).read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        lines = logfile.without_folders(text).splitlines()[-_MOST_LINES:]
        dialog = TextDialog(
            self._frame,
            "Log",
            "What ran, how long it took and what failed, newest last. No names, no paths, nothing of your images.",
            "\n".join(lines) or "Nothing is in the log yet.",
            at_end=True,
        )
        accepted(dialog)
