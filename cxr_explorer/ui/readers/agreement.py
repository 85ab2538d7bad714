"""How far two readers agree, finding by finding, and the way to what they differ on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.agreement import ANSWERS
from cxr_explorer.labels.reader_names import ADJUDICATED, ordinary, reread_name
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text, images_text
from cxr_explorer.project.readers.agreement import FindingAgreement, GroupAgreement, compared
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.line_table import line_table
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton

_LEFT = Qt.AlignmentFlag.AlignLeft

COLUMNS: tuple[tuple[str, str], ...] = (
    ("Finding", "What was judged"),
    ("Images", "Images that both readers judged; excluded ones are left out"),
    ("Same", "Share of them with the same answer; on a rare finding it is high by chance alone"),
    ("Kappa [95 %]", "Cohen's kappa: agreement beyond chance, 1 is perfect, 0 is chance; with its 95 % interval"),
    ("On present", "Positive agreement: of the answers “present”, the share that the other reader shares"),
    ("On absent", "Negative agreement: of the answers “absent”, the share that the other reader shares"),
    ("Prevalence", "Share of “present” among the answers of both"),
    ("Differ", "Images on which the two differ"),
)


class AgreementDialog(QDialog):
    """Two readers against each other. What is to be done with the disagreements stands in `wanted` afterwards."""

    def __init__(self, parent: QWidget, project: Path, names: Sequence[str], reader: str, finding: str) -> None:
        """`names` are all names with labels in the project file, `reader` is who sits at the window."""
        super().__init__(parent)
        self.setWindowTitle("Agreement of readers")
        give_room(self, 80, 32)
        self.wanted: Literal["", "read", "select"] = ""
        self._project = project
        self._finding = finding
        self._everybody = ordinary(names)
        self._found: list[FindingAgreement] = []
        self._group: list[GroupAgreement] = []
        self._errand = Errand(self)
        self.first, self.second = QComboBox(), QComboBox()
        first, second = _usual_pair(names, reader)
        for box, name, text in ((self.first, first, "First reader"), (self.second, second, "Second reader")):
            box.addItems(list(names))
            box.setCurrentText(name)
            box.setAccessibleName(text)
            box.setToolTip(f"{text}; “(re-read)” are blind second readings, “{ADJUDICATED}” is what was settled")
            box.currentIndexChanged.connect(self._compare)
        head = QHBoxLayout()
        for widget in (QLabel("&Between"), self.first, QLabel("a&nd"), self.second):
            head.addWidget(widget)
            if isinstance(widget, QLabel):
                widget.setBuddy(self.first if "Between" in widget.text() else self.second)
        head.addStretch(1)
        self.table = line_table(0, len(COLUMNS))
        self.table.setAccessibleName("Agreement by finding")
        for column, (title, tip) in enumerate(COLUMNS):
            item = QTableWidgetItem(f" {title} ")
            item.setToolTip(tip)
            item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | (Qt.AlignmentFlag.AlignRight if column else _LEFT))
            self.table.setHorizontalHeaderItem(column, item)
        self.table.setStyleSheet("QTableView::item { padding: 0 8px; }")
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.currentCellChanged.connect(lambda *_: self._show_detail())
        self.table.cellActivated.connect(lambda *_: self._close_for("read"))
        self.detail = text_label("", "", wraps=True)
        self.detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.detail.setMinimumHeight(5 * self.fontMetrics().lineSpacing())
        self.detail.setAlignment(Qt.AlignmentFlag.AlignTop)
        hint = (
            "“Uncertain” counts as an answer of its own. Labels given in bulk make a thousand images agree or differ "
            "at once: agreement of readings needs images read one by one."
        )
        buttons = QDialogButtonBox(_Buttons.Close)
        buttons.rejected.connect(self.reject)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self.read = buttons.addButton("&Settle the disagreements", role)
        self.read.setToolTip("Read the images on which these two differ; the answer is kept as adjudicated")
        self.read.clicked.connect(lambda: self._close_for("read"))
        self.select = buttons.addButton("Sele&ct them on the map", role)
        self.select.setToolTip("Select the images on which these two differ")
        self.select.clicked.connect(lambda: self._close_for("select"))
        copy = buttons.addButton("C&opy table", role)
        copy.setToolTip("Copy all numbers, tab-separated, for a spreadsheet")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.as_text()))
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.detail)
        layout.addWidget(text_label(hint, "dim", wraps=True))
        layout.addWidget(buttons)
        self.table.setFocus()
        self._compare()

    def chosen(self) -> FindingAgreement | None:
        """The line the keyboard is on."""
        row = self.table.currentRow()
        return self._found[row] if 0 <= row < len(self._found) else None

    def as_text(self) -> str:
        """The table as tab-separated text."""
        lines = [["finding", "first", "second", *(title for title, _ in COLUMNS[1:]), "note"]]
        for found in self._found:
            cells = _cells(found)
            lines.append([cells[0], found.first, found.second, *cells[1:], found.agreement.note])
        return "\n".join("\t".join(line) for line in lines)

    def done(self, result: int) -> None:
        self._errand.cancel()
        super().done(result)

    def _close_for(self, wanted: Literal["read", "select"]) -> None:
        found = self.chosen()
        if found is not None and found.agreement.disagreements:
            self.wanted = wanted
            self.accept()

    def _compare(self) -> None:
        first, second = self.first.currentText(), self.second.currentText()
        self._found, self._group = [], []
        self.table.setRowCount(0)
        self._show_detail()
        if first == second:
            self.detail.setText("Choose two different names.")
            self._errand.cancel()
            return
        self.detail.setText("Comparing…")
        self._errand.run(
            compared, self._project, first, second, self._everybody, done=self._fill, failed=self.detail.setText
        )

    def _fill(self, found: tuple[list[FindingAgreement], list[GroupAgreement]]) -> None:
        self._found, self._group = found
        self.table.setRowCount(len(self._found))
        for row, one in enumerate(self._found):
            for column, cell in enumerate(_cells(one)):
                item = QTableWidgetItem(cell)
                item.setToolTip(one.agreement.note or COLUMNS[column][1])
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        rows = [row for row, one in enumerate(self._found) if one.finding == self._finding]
        if self._found:
            self.table.setCurrentCell(rows[0] if rows else 0, 0)
        self._show_detail()

    def _show_detail(self) -> None:
        found = self.chosen()
        differ = found is not None and found.agreement.disagreements > 0
        self.read.setEnabled(differ and found is not None and ADJUDICATED not in (found.first, found.second))
        self.select.setEnabled(differ)
        if found is None:
            names = f"{self.first.currentText()} and {self.second.currentText()}"
            self.detail.setText(f"{names} judged no finding on the same image.")
            return
        self.detail.setText("\n".join(detail_lines(found, self._group)))


def detail_lines(found: FindingAgreement, group: Sequence[GroupAgreement]) -> list[str]:
    """What stands below the table about one finding: the answers against each other, and what to know."""
    numbers = found.agreement
    words = [VALUE_WORDS[answer] for answer in ANSWERS]
    lines = []
    for row, word in zip(numbers.table, words, strict=True):
        if sum(row):
            against = ", ".join(f"{count:,} {other}" for count, other in zip(row, words, strict=True) if count)
            lines.append(f"{found.first} said {word}: {found.second} said {against}")
    if found.in_bulk:
        lines.append(f"On {images_text(found.in_bulk)} at least one of the two labelled in bulk.")
    if numbers.note:
        lines.append(numbers.note[0].upper() + numbers.note[1:] + ".")
    for every in group:
        if every.finding == found.finding:
            kappa = "undefined, all gave one answer" if every.kappa is None else f"{every.kappa:.2f}"
            lines.append(
                f"All {len(every.readers)} readers ({', '.join(every.readers)}): Fleiss' kappa {kappa} on the "
                f"{images_text(every.images)} that all judged."
            )
    return lines


def _cells(found: FindingAgreement) -> list[str]:
    numbers = found.agreement
    kappa = "–" if numbers.kappa is None else f"{numbers.kappa:.2f}"
    if numbers.interval is not None:
        kappa += " [{:.2f}, {:.2f}]".format(*numbers.interval)
    shares = (numbers.positive, numbers.negative, numbers.prevalence)
    same = "–" if numbers.observed is None else f"{100 * numbers.observed:.1f} %"
    return [
        finding_text(found.finding),
        f"{numbers.images:,}",
        same,
        kappa,
        *("–" if share is None else f"{100 * share:.1f} %" for share in shares),
        f"{numbers.disagreements:,}",
    ]


def _usual_pair(names: Sequence[str], reader: str) -> tuple[str, str]:
    """The reader at the window against the next one; alone, against their own second reading."""
    people = ordinary(names)
    first = reader if reader in names else (people or list(names))[0]
    others = [name for name in (*people, reread_name(first), *names) if name != first and name in names]
    return first, others[0]
