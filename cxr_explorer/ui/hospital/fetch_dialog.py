"""Which films of which archive are wanted; off until the reader allows it for the project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.errors import UserError
from cxr_explorer.hospital import fetching, permission
from cxr_explorer.hospital.archive import OWN_PORT, OWN_TITLE, Archive, Kind, Query
from cxr_explorer.hospital.fetching import FetchReport, Wanted
from cxr_explorer.hospital.permission import Permission
from cxr_explorer.labels.texts import images_text
from cxr_explorer.pace import Progress
from cxr_explorer.project.project import Project
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.texts import LinesLabel, give_room, text_label

_Buttons = QDialogButtonBox.StandardButton

_KINDS: tuple[tuple[str, Kind], ...] = (
    ("DICOMweb", "dicomweb"),
    ("DICOM, C-GET", "c-get"),
    ("DICOM, C-MOVE", "c-move"),
)
_EXAMPLES = {"dicomweb": "https://pacs.hospital.example/dicom-web"}
_EXAMPLE = "pacs.hospital.example:104"

ALLOW = "Let this project connect to this archive"
OFF = "The project connects to no other computer until you tick the box above."


class FetchDialog(QDialog):
    """Tests, searches and fetches in a child process. What has arrived stays, also where it is stopped.

    Attributes:
        stored: How many films have come.
    """

    def __init__(self, parent: QWidget, project: Project) -> None:
        super().__init__(parent)
        self.setWindowTitle("Fetch from the archive")
        give_room(self, 46)
        self.stored = 0
        self._had: int | None = None  # films that lay in the folder when the fetching began
        self._project = project
        self._errand = Errand(self)
        self._make_fields()
        self._fill(permission.allowed_archive(project))
        self.test = QPushButton("&Test the connection")
        self.test.setToolTip("Ask whether the archive answers (C-ECHO), and no more")
        self.search = QPushButton("&Search")
        self.search.setToolTip("Count the films there are")
        self.fetch = QPushButton("&Fetch")
        self.fetch.setToolTip("Fetch the films that are not in the folder yet")
        self.bar = QProgressBar(maximum=0)
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)  # the line above says it in numbers
        self.told = LinesLabel(3)
        self._buttons = QDialogButtonBox(_Buttons.Close)
        self._buttons.rejected.connect(self.reject)
        for button, start in ((self.test, self._test), (self.search, self._search), (self.fetch, self._fetch)):
            button.clicked.connect(start)
            button.setAutoDefault(False)
        self._lay_out()
        self.kind.currentIndexChanged.connect(self._enable)
        self.allowed.toggled.connect(self._on_allowed)
        self._enable()
        self._say("" if self.allowed.isChecked() else OFF)

    # -- what is asked ---------------------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.kind = QComboBox()
        for text, kind in _KINDS:
            self.kind.addItem(text, kind)
        self.kind.setToolTip("How the archive is asked; your hospital's IT knows which it offers")
        self.address = QLineEdit()
        self.title = QLineEdit(placeholderText="the archive's")
        self.title.setToolTip("The archive's AE title")
        self.own_title = QLineEdit(OWN_TITLE, placeholderText="this program's")
        self.own_title.setToolTip("This program's AE title, as it is entered in the archive")
        self.own_port = QSpinBox(minimum=1, maximum=65535, value=OWN_PORT)
        self.own_port.setToolTip("Where the archive sends films by C-MOVE")
        self.user = QLineEdit(placeholderText="user")
        self.password = QLineEdit(placeholderText="password", echoMode=QLineEdit.EchoMode.Password)
        self.user.setToolTip("Where the archive asks for one; kept nowhere")
        self.password.setToolTip("Kept nowhere: it is asked for each time")
        self.encrypted = _ticked("&Encrypted connection only (TLS)")
        self.encrypted.setToolTip("Without it names and films pass the network in the clear")
        self.authorities = QLineEdit(placeholderText="file of the hospital's authority (PEM), if IT gave you one")
        self.certificate = QLineEdit(placeholderText="file of certificate and key (PEM), if asked for")
        self.certificate.setToolTip(
            "This computer's: some archives ask for it; to receive films by C-MOVE, encrypted, it is needed"
        )
        self.allowed = QCheckBox(ALLOW)
        self.allowed.setToolTip(
            "Off for each project until you tick it; the address is kept, user and password are not"
        )
        self.since = QLineEdit(placeholderText="first day, 2024-03-01")
        self.until = QLineEdit(placeholderText="last day, 2024-03-31")
        self.modalities = {code: _ticked(code) for code in ("CR", "DX")}
        self.body_part = QLineEdit("CHEST", placeholderText="any")
        self.body_part.setToolTip("DICOM's term; films that do not say theirs come too")
        self.hides = _ticked("&Pseudonyms in place of names, numbers and dates")
        self.hides.setToolTip("One patient's films keep one pseudonym; names burned into a picture stay in it")
        names = {
            "Protocol": self.kind,
            "Address": self.address,
            "AE title of the archive": self.title,
            "AE title of this program": self.own_title,
            "Port of this program": self.own_port,
            "User": self.user,
            "Password": self.password,
            "Authority": self.authorities,
            "Own certificate": self.certificate,
            "First day": self.since,
            "Last day": self.until,
            "Body part": self.body_part,
        }
        for name, field in names.items():
            field.setAccessibleName(name)

    def _fill(self, archive: Archive | None) -> None:
        if archive is None:
            return
        self.kind.setCurrentIndex(self.kind.findData(archive.kind))
        self.address.setText(archive.address)
        self.title.setText(archive.title)
        self.own_title.setText(archive.own_title)
        self.own_port.setValue(archive.own_port)
        self.encrypted.setChecked(archive.encrypted)
        self.authorities.setText(archive.authorities)
        self.certificate.setText(archive.certificate)
        self.allowed.setChecked(True)

    def _lay_out(self) -> None:
        form = self._form = QFormLayout()
        self._titles, self._port = _row(self.title, self.own_title), _row(self.own_port, None)
        form.addRow("Protocol", self.kind)
        form.addRow("Address", self.address)
        form.addRow("AE titles", self._titles)
        form.addRow("Own port", self._port)
        form.addRow("Sign in", _row(self.user, self.password))
        form.addRow("", self.encrypted)
        form.addRow("Authority", self.authorities)
        form.addRow("Own certificate", self.certificate)
        form.addRow("", self.allowed)
        form.addRow("Studies of", _row(self.since, text_label("to"), self.until))
        form.addRow("Kinds", _row(*self.modalities.values(), text_label("Body part"), self.body_part))
        form.addRow("", self.hides)
        column = QVBoxLayout(self)
        column.addWidget(text_label(f"Films go to {self._project.folder}.", "dim", wraps=True))
        column.addLayout(form)
        column.addWidget(self.told)
        column.addWidget(self.bar)
        row = _row(self.test, self.search, self.fetch, None)
        row.addWidget(self._buttons)
        column.addLayout(row)

    def _archive(self) -> Archive:
        return Archive(
            self.kind.currentData(),
            self.address.text().strip(),
            self.title.text().strip(),
            self.own_title.text().strip(),
            self.own_port.value(),
            self.encrypted.isChecked(),
            self.authorities.text().strip(),
            self.certificate.text().strip(),
            self.user.text().strip(),
            self.password.text(),
        )

    def _query(self) -> Query:
        since, until = (field.text().strip().replace("-", "") for field in (self.since, self.until))
        codes = tuple(code for code, box in self.modalities.items() if box.isChecked())
        return Query(codes, since, until, self.body_part.text().strip().upper())

    # -- what is done ----------------------------------------------------------------------------------------------

    def _on_allowed(self, is_allowed: bool) -> None:
        if not is_allowed:
            self._stop()
            permission.forbid(self._project)
        self._say("" if is_allowed else OFF)
        self._enable()

    def _test(self) -> None:
        self._start(lambda archive, granted, _query: (fetching.test_connection, archive, granted), self._say)

    def _search(self) -> None:
        self._start(
            lambda archive, granted, query: (fetching.count, archive, granted, query),
            lambda found: self._say(f"{images_text(found)} in the archive." if found else "No such films there."),
        )

    def _fetch(self) -> None:
        folder, keeps_identity = self._project.folder, not self.hides.isChecked()
        self._start(
            lambda archive, granted, query: (fetching.fetch, archive, granted, Wanted(query, folder, keeps_identity)),
            self._end_fetching,
        )

    def _start(self, asked: Callable[[Archive, Permission, Query], tuple], then: Callable[[Any], None]) -> None:
        """Runs one of the three, unless what was typed makes no sense, which is said."""
        try:
            archive, query = self._archive(), self._query()
            query.check()
            granted = permission.allow(self._project, archive)  # the box is ticked, else no button could be pressed
        except UserError as error:
            self._say(str(error), failed=True)
            return
        function, *arguments = asked(archive, granted, query)

        def end(answer: object) -> None:
            self._stop()
            then(answer)

        def fail(reason: str) -> None:
            self._stop()
            self._say(reason, failed=True)

        self._had = None
        self._say("Asking the archive…")
        self.bar.setMaximum(0)
        self._errand.run(function, *arguments, done=end, failed=fail, heard=self._hear)
        self._enable()

    def _hear(self, progress: Progress) -> None:
        self.bar.setMaximum(progress.total)
        self.bar.setValue(progress.done)
        of = f" of {progress.total:,}" if progress.total else ""
        self._say(f"{progress.stage}: {progress.done:,}{of}" if progress.done or of else f"{progress.stage}…")
        if progress.stage == fetching.FETCHING:
            self._had = progress.done if self._had is None else self._had
            self.stored = max(self.stored, progress.done - self._had)

    def _end_fetching(self, report: FetchReport) -> None:
        self.stored = max(self.stored, report.stored)
        if report.missing:
            self._say(fetching.describe(report), failed=True)
            return
        if report.stored:
            self.accept()
            return
        self._say(fetching.describe(report))

    def _stop(self) -> None:
        self._errand.cancel()
        self._enable()

    def _say(self, text: str, failed: bool = False) -> None:
        self.told.say(text, "warning" if failed else "dim")

    def _enable(self) -> None:
        kind, is_busy = self.kind.currentData(), self._errand.active
        is_web = kind == "dicomweb"
        self.address.setPlaceholderText(_EXAMPLES.get(kind, _EXAMPLE))
        self._form.setRowVisible(self._titles, not is_web)
        self._form.setRowVisible(self._port, kind == "c-move")
        for field in (self.title, self.own_title, self.own_port, self.user, self.password):
            field.setEnabled(not is_busy)
        others = (self.kind, self.address, self.encrypted, self.authorities, self.certificate)
        for one in (*others, self.since, self.until, self.body_part, self.hides, *self.modalities.values()):
            one.setEnabled(not is_busy)
        for button in (self.test, self.search, self.fetch):
            button.setEnabled(self.allowed.isChecked() and not is_busy)
        self.bar.setVisible(is_busy)
        self._buttons.button(_Buttons.Close).setText("Stop" if is_busy else "Close")

    def reject(self) -> None:
        """The first time ends what runs, and the dialog stays to say so."""
        if self._errand.active:
            self._stop()
            self._say(f"Stopped. {images_text(self.stored)} fetched and kept; Fetch goes on from there.")
            return
        super().reject()

    def done(self, result: int) -> None:
        self._errand.cancel()
        self.password.clear()
        super().done(result)


def _ticked(text: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setChecked(True)
    return box


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Side by side; None is a stretch."""
    row = QHBoxLayout()
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget, int(isinstance(widget, QLineEdit)))
    return row
