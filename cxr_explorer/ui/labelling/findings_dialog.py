"""The findings of a project."""

from __future__ import annotations

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
from cxr_explorer.labels.vocabulary import Vocabulary, bundled_vocabularies, clean_findings
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
        self._text = QPlainTextEdit("\n".join(vocabulary.findings))
        self._text.setReadOnly(not own)
        self._text.setAccessibleName("Findings, one a line")
        self.customise = QPushButton("&Customise")
        self.customise.setAutoDefault(False)
        self.customise.setToolTip("Makes a list of your own from this one")
        self.customise.clicked.connect(self._customise)
        self.read_only = QWidget()
        row = QHBoxLayout(self.read_only)
        row.setContentsMargins(0, 0, 0, 0)
        why = "This published list cannot be changed. Customise makes a copy of it that is your own."
        row.addWidget(text_label(why, wraps=True), 1)
        row.addWidget(self.customise)
        self.read_only.setVisible(not own)
        self._choice.currentIndexChanged.connect(self._show_choice)
        buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self._choice)
        hint = "One finding a line; the first nine have the keys 1 to 9. Labels given already are kept in any case."
        layout.addWidget(text_label(hint, "dim", wraps=True))
        layout.addWidget(self.read_only)
        layout.addWidget(self._text, 1)
        layout.addWidget(buttons)
        self.vocabulary = vocabulary

    def _show_choice(self) -> None:
        known: Vocabulary | None = self._choice.currentData()
        if known is not None:
            self._text.setPlainText("\n".join(known.findings))
        self._text.setReadOnly(known is not None)
        self.read_only.setVisible(known is not None)

    def _customise(self) -> None:
        """The same findings as a list of the reader's own, ready to be changed."""
        self._choice.setCurrentIndex(self._choice.count() - 1)
        self._text.setFocus()

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
