"""The findings of a project."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.errors import UserError
from cxr_explorer.labels.vocabulary import Vocabulary, bundled_vocabularies, parse_lines
from cxr_explorer.ui.widgets.messages import show_error
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton


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
        self._text = QPlainTextEdit(vocabulary.as_lines())
        self.read_only = text_label("This published list cannot be changed.", "dim", wraps=True)
        self.customise = QPushButton("Customise")
        self.customise.setAutoDefault(False)
        self.customise.setToolTip("Makes a list of your own that begins as this one")
        self.customise.clicked.connect(lambda: self._choice.setCurrentIndex(len(names)))
        self._choice.currentIndexChanged.connect(self._show_choice)
        buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self._choice)
        hint = (
            "One finding a line. A line that begins with # names a group: # Pleura. The first nine have the keys "
            "1 to 9, until you give others a key (right click in the list of findings). Labels given already are kept."
        )
        fixed = QHBoxLayout()
        fixed.addWidget(self.read_only, 1)
        fixed.addWidget(self.customise)
        layout.addLayout(fixed)
        layout.addWidget(text_label(hint, "dim", wraps=True))
        layout.addWidget(self._text, 1)
        layout.addWidget(buttons)
        self.vocabulary = vocabulary
        self._show_choice()

    def _show_choice(self) -> None:
        known: Vocabulary | None = self._choice.currentData()
        if known is not None:
            self._text.setPlainText(known.as_lines())
        self._text.setReadOnly(known is not None)
        self.read_only.setVisible(known is not None)
        self.customise.setVisible(known is not None)
        if known is None:
            self._text.setFocus()

    def _accept(self) -> None:
        known: Vocabulary | None = self._choice.currentData()
        try:
            self.vocabulary = (
                replace(known, keys=self.vocabulary.keys) if known else self._own(self._text.toPlainText())
            )
        except UserError as error:
            show_error(self, str(error))
            return
        self.accept()

    def _own(self, text: str) -> Vocabulary:
        """The reader's list; what excludes what stays as the list before it said, as far as it speaks of these."""
        findings, groups = parse_lines(text)
        rule = self.vocabulary.excludes_among(findings)
        kept = {name: tuple(one for one in others if one in findings) for name, others in rule.items()}
        excludes = {name: kept[name] for name in kept if name in findings and kept[name]}
        return Vocabulary("My own", findings, excludes, groups, self.vocabulary.keys)
