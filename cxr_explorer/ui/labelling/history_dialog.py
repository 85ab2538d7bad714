"""The list of acts, and the way back to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.history import Past
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton
_NUMBER = Qt.ItemDataRole.UserRole


class HistoryDialog(QDialog):
    """Acts, the newest above; the choice of one says what going there would take back or do again.

    Attributes:
        number: The act that was chosen to go to; 0 for the state before the first one.
    """

    def __init__(self, parent: QWidget, past: Sequence[Past], own: Sequence[str], complete: bool) -> None:
        """Args: the acts, newest first; names whose acts are told in words; whether the first act is among them."""
        super().__init__(parent)
        self.setWindowTitle("History")
        give_room(self, 60, 30)
        self._past = list(past)
        self.number = -1
        self.list = QListWidget()
        self.list.setAccessibleName("Acts, the newest first")
        self.list.setUniformItemSizes(True)
        for one in past:
            self.list.addItem(_item(_text(one, own), one.number, one.undone))
        if complete:
            self.list.addItem(_item("Before the first act", 0, not any(not one.undone for one in past)))
        self._said = text_label("Choose an act to go back to what stood after it.", "dim", wraps=True)
        buttons = QDialogButtonBox(_Buttons.Close)
        self.go = buttons.addButton("Go to this point", QDialogButtonBox.ButtonRole.AcceptRole)
        self.go.setEnabled(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.list.currentRowChanged.connect(self._on_row)
        self.list.itemActivated.connect(lambda _item: self.accept() if self.go.isEnabled() else None)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._said)
        layout.addWidget(buttons)

    def _on_row(self, row: int) -> None:
        if row < 0:
            return
        self.number = int(self.list.item(row).data(_NUMBER))
        back = sum(not one.undone and one.number > self.number for one in self._past)
        again = sum(one.undone and one.number <= self.number for one in self._past)
        self.go.setEnabled(bool(back or again))
        if back:
            self._said.setText(f"Takes back {_acts(back)}. They can be done again until the next label is given.")
        elif again:
            self._said.setText(f"Does {_acts(again)} again.")
        else:
            self._said.setText("This is what stands now.")


def _item(text: str, number: int, undone: bool) -> QListWidgetItem:
    item = QListWidgetItem(f"{text}  (taken back)" if undone and number else text)
    item.setData(_NUMBER, number)
    item.setToolTip(item.text())
    if undone and number:
        font = item.font()
        font.setItalic(True)
        item.setFont(font)
    return item


def _text(one: Past, own: Sequence[str]) -> str:
    """When, who and what; of another reader's act not what: the labels of others are out of sight."""
    at = datetime.fromisoformat(one.at).astimezone()
    what = one.text if one.reader in own else f"an act on {images_text(one.images)}" if one.images else "an act"
    return f"{at:%Y-%m-%d %H:%M}  {one.reader}:  {what}"


def _acts(count: int) -> str:
    return f"{count:,} act{'' if count == 1 else 's'}"
