"""Files that could not be read, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.images.kinds import LeftOut
from cxr_explorer.project.project import Failure
from cxr_explorer.ui.widgets.messages import table_of
from cxr_explorer.ui.widgets.texts import give_room

_Buttons = QDialogButtonBox.StandardButton


class UnreadableDialog(QDialog):
    """Files that could not be read and what was left out, with reasons; `result()` is accepted when the files are to be
    tried again."""

    def __init__(self, parent: QWidget, failures: Sequence[Failure], left_out: Sequence[LeftOut] = ()) -> None:
        super().__init__(parent)
        self.setWindowTitle("Unreadable files")
        give_room(self, 62, 30)
        layout = QVBoxLayout(self)
        bare = sum(item.bare for item in failures)
        unread = len(failures) - bare
        told = [f"{unread:,} file{'' if unread == 1 else 's'} could not be read."] * bool(unread)
        told += [f"{bare:,} {'is' if bare == 1 else 'are'} without an embedding."] * bool(bare)
        count = f"{' '.join(told)} All others are in the map."
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
