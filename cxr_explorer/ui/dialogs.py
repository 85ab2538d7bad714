"""The dialogs: settings, map parameters, findings, import with preview, export, unreadable files, about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer import __version__
from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.encoder.checkpoint import EncoderInfo, read_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.images.kinds import LeftOut
from cxr_explorer.labels.consensus import Rule
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.labels.vocabulary import Vocabulary, bundled_vocabularies, clean_findings
from cxr_explorer.project.project import Failure
from cxr_explorer.tables.formats import FORMATS
from cxr_explorer.tables.long import LONG
from cxr_explorer.ui.texts import accepted, give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


def show_error(parent: QWidget, text: str) -> None:
    """Something outside the program is in the way: says what, why, and what to do."""
    box = QMessageBox(QMessageBox.Icon.Warning, "CXR Explorer", text, _message_buttons(), parent)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    accepted(box)


def show_bug(parent: QWidget | None, trace: str) -> None:
    """An error of the program itself, with the text to send to its makers."""
    box = QMessageBox(
        QMessageBox.Icon.Critical,
        "CXR Explorer",
        "Something went wrong in the program. The step you took last may not be stored; every step before it is. The "
        "details below help to mend it; they may hold file names, so look at them before you pass them on.",
        _message_buttons(),
        parent,
    )
    box.setDetailedText(trace)
    copy = box.addButton("Copy details", QMessageBox.ButtonRole.ActionRole)
    copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(trace))
    accepted(box)


def _message_buttons() -> QMessageBox.StandardButton:
    return QMessageBox.StandardButton.Ok


class SettingsDialog(QDialog):
    """Reader, encoder, device."""

    def __init__(
        self, parent: QWidget, reader: str, encoders: Sequence[EncoderInfo], encoder: EncoderInfo, device: str
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        give_room(self, 44)
        self._reader = QLineEdit(reader)
        self._reader.setToolTip("Labels are kept under this name")
        self._encoder = QComboBox()
        self._encoder.setToolTip("What turns an image into numbers, by which alike images are found")
        for info in encoders:
            self._add(info)
        self._encoder.setCurrentIndex([info.directory for info in encoders].index(encoder.directory))
        self._encoder.currentIndexChanged.connect(self._describe)
        other = QPushButton("Other…")
        other.setToolTip("Choose a checkpoint folder: encoder.json and weights.safetensors")
        other.clicked.connect(self._choose_other)
        row = QHBoxLayout()
        row.addWidget(self._encoder, 1)
        row.addWidget(other)
        self._about = text_label("", "dim", wraps=True)
        self._device = QComboBox()
        self._device.setToolTip("What computes: the fastest there is, or a choice of yours")
        for name, text in (
            ("auto", "Best there is"),
            ("cpu", "Processor"),
            ("cuda", "NVIDIA GPU"),
            ("mps", "Apple GPU"),
        ):
            self._device.addItem(text, name)
        self._device.setCurrentIndex(max(self._device.findData(device), 0))
        buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        form.addRow("Reader", self._reader)
        form.addRow("", text_label("Labels are kept under this name. Initials or a code will do.", "dim", wraps=True))
        form.addRow("Encoder", row)
        form.addRow("", self._about)
        form.addRow("Device", self._device)
        form.addRow(buttons)
        self._describe()

    @property
    def reader(self) -> str:
        """The name as typed, trimmed."""
        return self._reader.text().strip()

    @property
    def encoder(self) -> Path:
        """The chosen checkpoint folder."""
        info: EncoderInfo = self._encoder.currentData()
        return info.directory

    @property
    def device(self) -> str:
        """The chosen device."""
        return str(self._device.currentData())

    def _add(self, info: EncoderInfo) -> None:
        self._encoder.addItem(info.title, info)

    def _describe(self) -> None:
        info: EncoderInfo = self._encoder.currentData()
        self._about.setText(
            f"{info.description}\n{info.dimension} numbers an image, input {info.spec.size_px} px. "
            "Another encoder embeds the folder anew; labels stay."
        )

    def _choose_other(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Checkpoint folder")
        if not chosen:
            return
        try:
            self._add(read_encoder(Path(chosen)))
        except UserError as error:
            show_error(self, str(error))
            return
        self._encoder.setCurrentIndex(self._encoder.count() - 1)

    def _accept(self) -> None:
        _accept_reader(self, self.reader)


class MapDialog(QDialog):
    """How the map is made."""

    def __init__(self, parent: QWidget, parameters: MapParameters) -> None:
        super().__init__(parent)
        self.setWindowTitle("Map parameters")
        self._before = parameters
        self._neighbours = _spin(2, 200, parameters.layout.n_neighbours)
        self._min_dist = QDoubleSpinBox(minimum=0.0, maximum=1.0, singleStep=0.05, decimals=2)
        self._min_dist.setValue(parameters.layout.min_dist)
        self._seed = _spin(0, 2**31 - 1, parameters.layout.seed)
        self._size = _spin(0, 100_000, parameters.clusters.min_cluster_size or 0)
        self._size.setSpecialValueText("automatic")
        self._samples = _spin(1, 1000, parameters.clusters.min_samples)
        buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel | _Buttons.RestoreDefaults)
        buttons.button(_Buttons.Ok).setText("Make the map")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        buttons.button(_Buttons.RestoreDefaults).clicked.connect(self._restore)
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        for name, box, text in (
            ("Neighbours", self._neighbours, "Few show fine detail, many the large picture (UMAP)."),
            ("Smallest distance", self._min_dist, "How tightly alike images are packed (UMAP)."),
            ("Smallest cluster", self._size, "Fewer images together stay unclustered (HDBSCAN). 0: automatic."),
            ("Caution", self._samples, "More leaves more images unclustered (HDBSCAN min_samples)."),
            ("Seed", self._seed, "The same images and parameters give the same map."),
        ):
            form.addRow(name, box)
            form.addRow("", text_label(text, "dim"))
            box.setToolTip(text)
        form.addRow(buttons)

    @property
    def parameters(self) -> MapParameters:
        """The parameters as they stand."""
        return replace(
            self._before,
            layout=replace(
                self._before.layout,
                n_neighbours=self._neighbours.value(),
                min_dist=round(self._min_dist.value(), 2),
                seed=self._seed.value(),
            ),
            clusters=replace(
                self._before.clusters,
                min_cluster_size=self._size.value() or None,
                min_samples=self._samples.value(),
            ),
        )

    def _restore(self) -> None:
        plain = MapParameters()
        self._neighbours.setValue(plain.layout.n_neighbours)
        self._min_dist.setValue(plain.layout.min_dist)
        self._seed.setValue(plain.layout.seed)
        self._size.setValue(plain.clusters.min_cluster_size or 0)
        self._samples.setValue(plain.clusters.min_samples)


class FindingsDialog(QDialog):
    """The list of findings to work with: a published one or the reader's own, one name a line."""

    def __init__(self, parent: QWidget, vocabulary: Vocabulary) -> None:
        super().__init__(parent)
        self.setWindowTitle("Findings")
        give_room(self, 36, 34)
        self._choice = QComboBox()
        self._choice.setToolTip("A published list of findings, or one of your own")
        self._choice.setAccessibleName("List of findings")
        for known in bundled_vocabularies():
            self._choice.addItem(known.name, known)
        self._choice.addItem("My own", None)
        names = [known.name for known in bundled_vocabularies()]
        own = vocabulary.name not in names
        self._choice.setCurrentIndex(len(names) if own else names.index(vocabulary.name))
        self._text = QPlainTextEdit("\n".join(vocabulary.findings))
        self._text.setReadOnly(not own)
        self._choice.currentIndexChanged.connect(self._show_choice)
        buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self._choice)
        hint = "One finding a line; the first nine have the keys 1 to 9. Labels given already are kept in any case."
        layout.addWidget(text_label(hint, "dim", wraps=True))
        layout.addWidget(self._text, 1)
        layout.addWidget(buttons)
        self.vocabulary = vocabulary

    def _show_choice(self) -> None:
        known: Vocabulary | None = self._choice.currentData()
        if known is not None:
            self._text.setPlainText("\n".join(known.findings))
        self._text.setReadOnly(known is not None)

    def _accept(self) -> None:
        known: Vocabulary | None = self._choice.currentData()
        try:
            lines = [line for line in self._text.toPlainText().splitlines() if line.strip()]
            self.vocabulary = known or self._own(clean_findings(lines))
        except UserError as error:
            show_error(self, str(error))
            return
        self.accept()

    def _own(self, findings: tuple[str, ...]) -> Vocabulary:
        """The reader's list; what excludes what stays as the list before it said, as far as it speaks of these."""
        rule = self.vocabulary.excludes_among(findings)
        kept = {name: tuple(one for one in others if one in findings) for name, others in rule.items()}
        return Vocabulary("My own", findings, {name: kept[name] for name in kept if name in findings and kept[name]})


@dataclass(frozen=True)
class Whose:
    """Whose labels a table may hold: a reader's, one answer out of all readers', or (both None) everybody's."""

    text: str
    reader: str | None = None
    rule: Rule | None = None


class ExportDialog(QDialog):
    """Whose labels are written, and in which form."""

    def __init__(self, parent: QWidget, labels: int, whose: Sequence[Whose], chosen: int) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export labels")
        give_room(self, 40)
        self._choices: list[tuple[QRadioButton, str]] = []
        layout = QVBoxLayout(self)
        layout.addWidget(text_label(f"The project holds {labels:,} labels.", "heading"))
        self._whose = QComboBox()
        self._whose.setToolTip(
            "Majority: what more than half of the readers said. Adjudicated: what was settled, else what all readers "
            "said. What nothing decides stays blank and is counted. Everybody's: in the long form each label under its "
            "reader's name, in the others the latest one"
        )
        for entry in whose:
            self._whose.addItem(entry.text, entry)
        self._whose.setCurrentIndex(chosen)
        title = QLabel("&Whose labels")
        title.setBuddy(self._whose)
        row = QHBoxLayout()
        row.addWidget(title)
        row.addWidget(self._whose, 1)
        layout.addLayout(row)
        layout.addSpacing(8)
        for form in FORMATS:
            button = QRadioButton(form.title)
            button.setChecked(form is LONG)
            layout.addWidget(button)
            about = text_label(form.help, "dim", wraps=True)
            about.setIndent(24)
            layout.addWidget(about)
            self._choices.append((button, form.name))
        buttons = QDialogButtonBox(_Buttons.Save | _Buttons.Cancel)
        buttons.button(_Buttons.Save).setText("Choose file…")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addSpacing(8)
        layout.addWidget(buttons)

    @property
    def whose(self) -> Whose:
        """Whose labels."""
        chosen: Whose = self._whose.currentData()
        return chosen

    @property
    def format(self) -> str:
        """The name of the chosen form."""
        return next(key for button, key in self._choices if button.isChecked())


class UnreadableDialog(QDialog):
    """Files that could not be read and what was left out, with reasons; `result()` is accepted when the files are to be
    tried again."""

    def __init__(self, parent: QWidget, failures: Sequence[Failure], left_out: Sequence[LeftOut] = ()) -> None:
        super().__init__(parent)
        self.setWindowTitle("Unreadable files")
        give_room(self, 62, 30)
        layout = QVBoxLayout(self)
        count = (
            f"{len(failures):,} file{'' if len(failures) == 1 else 's'} could not be read. All others are in the map."
        )
        layout.addWidget(QLabel(count if failures else "Every file could be read."))
        if failures:
            layout.addWidget(table_of(("File", "Reason"), [(item.path, item.reason) for item in failures]), 1)
        if left_out:
            layout.addWidget(QLabel("Met in the folder, but no images:"))
            rows = [(f"{item.count:,}", item.kind.name, item.kind.reason, _named(item)) for item in left_out]
            layout.addWidget(table_of(("Count", "Kind", "Reason", "Files"), rows), 1)
        if not failures and not left_out:
            layout.addStretch(1)
        buttons = QDialogButtonBox(_Buttons.Close)
        buttons.rejected.connect(self.reject)
        if failures or left_out:
            copy = buttons.addButton("Copy list", QDialogButtonBox.ButtonRole.ActionRole)
            lines = [f"{item.path}\t{item.reason}" for item in failures]
            lines += [f"{item.count} {item.kind.name}\t{item.kind.reason}\t{_named(item)}" for item in left_out]
            text = "\n".join(lines)
            copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        if failures:
            retry = buttons.addButton("Try again", QDialogButtonBox.ButtonRole.AcceptRole)
            retry.clicked.connect(self.accept)
        layout.addWidget(buttons)


def _named(item: LeftOut) -> str:
    return ", ".join(item.files) + (", …" if item.count > len(item.files) else "")


class AboutDialog(QDialog):
    """Version, intended use, licence."""

    def __init__(self, parent: QWidget, encoder: EncoderInfo) -> None:
        super().__init__(parent)
        self.setWindowTitle("About CXR Explorer")
        give_room(self, 44, 24)
        text = QTextBrowser(openExternalLinks=False)
        text.setHtml(
            f"<h3>CXR Explorer {__version__}</h3>"
            "<p>From a folder of unlabelled chest radiographs to labels one can trust: alike images lie together on a "
            "map, and a reader judges whole clusters at once.</p>"
            "<p><b>For research and annotation. Not a medical device: it must not be used for diagnosis.</b></p>"
            f"<p>Encoder: {escape(encoder.title)}. {escape(encoder.description)}</p>"
            "<p>Apache License 2.0. Uses Qt and PySide6 under the LGPL, PyTorch, umap-learn, HDBSCAN, pyqtgraph, "
            "pydicom and others under their own licences.</p>"
            "<p>Images never leave this computer, and the image folder is only ever read.</p>"
        )
        buttons = QDialogButtonBox(_Buttons.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(text, 1)
        layout.addWidget(buttons)


def _accept_reader(dialog: QDialog, reader: str) -> None:
    """Accepts the dialog unless nobody can have that reader's name, which is said."""
    try:
        check_reader(reader)
    except UserError as error:
        show_error(dialog, str(error))
        return
    dialog.accept()


def _spin(low: int, high: int, value: int) -> QSpinBox:
    box = QSpinBox(minimum=low, maximum=high)
    box.setValue(value)
    return box


def table_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> QTableWidget:
    """A table to read; its last column takes the room that is left."""
    table = QTableWidget(len(rows), len(header))
    table.setHorizontalHeaderLabels(list(header))
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)  # Tab leads on to the next control
    table.setWordWrap(True)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            item = QTableWidgetItem(cell)
            item.setToolTip(cell)
            table.setItem(row, column, item)
    table.resizeColumnsToContents()
    if len(rows) <= 500:  # measuring every row takes its time
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    for column in range(len(header) - 1):
        table.setColumnWidth(column, min(table.columnWidth(column), 300))
    table.horizontalHeader().setSectionResizeMode(len(header) - 1, QHeaderView.ResizeMode.Stretch)
    return table
