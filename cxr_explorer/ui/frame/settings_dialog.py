"""Reader, encoder and device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from cxr_explorer.encoder.checkpoint import EncoderInfo, damaged_encoders, read_encoder
from cxr_explorer.encoder.file_model import FileModel
from cxr_explorer.errors import UserError
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.ui.widgets.messages import show_error
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


class SettingsDialog(QDialog):
    """Reader, encoder, device."""

    def __init__(
        self,
        parent: QWidget,
        reader: str,
        encoders: Sequence[EncoderInfo],
        encoder: EncoderInfo | FileModel,
        device: str,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        give_room(self, 44)
        self._reader = QLineEdit(reader)
        self._reader.setToolTip("Labels are kept under this name")
        self._encoder = QComboBox()
        self._encoder.setToolTip("What turns an image into numbers, by which similar images are found")
        for info in encoders:
            self._add(info)
        if isinstance(encoder, FileModel):
            self._encoder.insertItem(0, f"{encoder.name[:1].upper()}{encoder.name[1:]}", encoder)
            self._encoder.setCurrentIndex(0)
        else:
            self._encoder.setCurrentIndex([info.directory for info in encoders].index(encoder.directory))
        self._encoder.currentIndexChanged.connect(self._describe)
        other = QPushButton("Other…")
        other.setToolTip(
            "Choose a checkpoint folder: encoder.json and weights.safetensors.\n"
            "Networks of other kinds are taken in on the command line: cxr-explorer encoder add"
        )
        other.clicked.connect(self._choose_other)
        row = QHBoxLayout()
        row.addWidget(self._encoder, 1)
        row.addWidget(other)
        self._about = text_label("", "dim", wraps=True)
        self._device = QComboBox()
        self._device.setToolTip("What computes: the fastest there is, or a choice of yours")
        for name, text in (
            ("auto", "Automatic"),
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
        if damaged := [folder.name for folder, _reason in damaged_encoders()]:
            form.addRow(
                "",
                text_label(
                    f"Damaged and left out: {', '.join(damaged)}. Add again, or "
                    "take out: cxr-explorer encoder remove NAME",
                    "dim",
                    wraps=True,
                ),
            )
        form.addRow("Device", self._device)
        form.addRow(buttons)
        self._describe()

    @property
    def reader(self) -> str:
        """The name as typed, trimmed."""
        return self._reader.text().strip()

    @property
    def encoder(self) -> Path | None:
        """The chosen checkpoint folder; None where the project goes on with embeddings that came in a file."""
        info: EncoderInfo | FileModel = self._encoder.currentData()
        return None if isinstance(info, FileModel) else info.directory

    @property
    def device(self) -> str:
        """The chosen device."""
        return str(self._device.currentData())

    def _add(self, info: EncoderInfo) -> None:
        self._encoder.addItem(info.title, info)
        self._encoder.setItemData(
            self._encoder.count() - 1, f"{info.costs()}.\n{info.description}", Qt.ItemDataRole.ToolTipRole
        )

    def _describe(self) -> None:
        info: EncoderInfo | FileModel = self._encoder.currentData()
        if isinstance(info, FileModel):
            self._about.setText(
                f"{info.dimension} numbers an image, made by another program. For new images take a new file on "
                "the command line: cxr-explorer index. With an encoder the folder is analysed anew; labels stay."
            )
            return
        origin = [f"From {info.source}"] if info.source else []
        origin += [f"licence: {info.licence}"] if info.licence else []
        told = [info.description, f"{info.costs()}, input {info.spec.size_px} px."]
        told += [f"{'; '.join(origin)}."] if origin else []
        self._about.setText("\n".join([*told, "With another encoder the folder is analysed anew; labels stay."]))

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


def _accept_reader(dialog: QDialog, reader: str) -> None:
    """Accepts the dialog unless nobody can have that reader's name, which is said."""
    try:
        check_reader(reader)
    except UserError as error:
        show_error(dialog, str(error))
        return
    dialog.accept()
