"""The label panel: findings, values, and one button that says exactly what it will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text, images_text
from cxr_explorer.project.labelling import LabelPlan
from cxr_explorer.project.looks import KIND, barely_seen
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.judging import Judging
from cxr_explorer.ui.session.seen import Seen
from cxr_explorer.ui.session.selection import Target
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import elided_label, text_label

COLUMNS = 5

VALUES: tuple[tuple[str, Value | None], ...] = (
    ("value_present", Value.PRESENT),
    ("value_absent", Value.ABSENT),
    ("value_uncertain", Value.UNCERTAIN),
    ("value_clear", None),
)


def apply_text(
    finding: str, value: Value | None, target: str, plan: LabelPlan | None, seen: tuple[int, int] | None = None
) -> str:
    """What the label button says: what would be done, to how many images, and what that overwrites or skips.

    Args:
        finding: What is judged.
        value: The judgement.
        target: Whom it goes to, in words.
        plan: What it would do; None where nothing is selected.
        seen: How many of the images were seen, and how many there are; None where that goes without saying.
    """
    if plan is None:
        return "Nothing selected: choose a cluster, or draw around images on the map"
    skipped = f"; skips {plan.excluded:,} excluded" if plan.excluded else ""
    if plan.images == 0:
        if not plan.already:
            return f"All of these images are excluded ({key_text('exclude')} takes them back)"
        state = f"{finding} = {VALUE_WORDS[value]}" if value is not None else f"{finding} not read"
        return f"{state} already holds for {target}{skipped}"
    if value is None:
        single = f", {plan.overwrites_single:,} of them read individually" if plan.overwrites_single else ""
        return f"Remove {finding} from {images_text(plan.images)}{single}{skipped}"
    text = f"{finding} = {VALUE_WORDS[value]} on {images_text(plan.images)}"
    if seen is not None:
        text += f" ({seen[0]:,} of {seen[1]:,} seen)"
    if plan.overwrites == plan.overwrites_single:
        overwritten = f"; overwrites {plan.overwrites:,} read individually" if plan.overwrites else ""
    else:
        labels = "1 label" if plan.overwrites == 1 else f"{plan.overwrites:,} labels"
        read = f"{plan.overwrites_single:,}" if plan.overwrites_single else "none"
        overwritten = f"; overwrites {labels}, {read} read individually"
    return text + overwritten + skipped


def look_first() -> str:
    """What there is to do about images that hardly any of was seen."""
    return f"Look at these images first: {key_text('sheet')} shows them on a contact sheet."


class _Chip(QPushButton):
    """A finding: its key, its name, and how the images at hand stand: present/absent/uncertain as a small bar."""

    def __init__(self, number: int, finding: str) -> None:
        key = key_text(f"label_present_{number + 1}")
        key = f"{key}  ".replace("&", "&&") if key else ""
        super().__init__(f"{key}{finding_text(finding).replace('&', '&&')}")
        self.setObjectName("chip")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)  # else its hint is its least width
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.finding = finding
        self._shares = (0.0, 0.0, 0.0)
        keys = {word: key_text(f"label_{word}_{number + 1}") for word in ("present", "absent", "uncertain")}
        said = ", ".join(f"{key} {word}" for word, key in keys.items() if key)
        self._plain_tip = finding_text(finding) + (f"\n{said}" if said else "")

    def show_counts(self, counts: Mapping[Value, int], total: int) -> None:
        present, absent, uncertain = (counts.get(value, 0) for value in (Value.PRESENT, Value.ABSENT, Value.UNCERTAIN))
        whole = max(total, 1)
        self._shares = (present / whole, absent / whole, uncertain / whole)
        of = f"\nOf {images_text(total)}: {present:,} present, {absent:,} absent, {uncertain:,} uncertain"
        self.setToolTip(self._plain_tip + (of if total else ""))
        self.setAccessibleDescription(of.strip() if total else "")
        self.update()

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(4, 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("9  Mass") + 20, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        left, bottom, room = 8, self.height() - 6, self.width() - 16
        palette = self.palette()
        solid = palette.highlightedText().color() if self.isChecked() else palette.highlight().color()
        faint = QColor(solid)
        faint.setAlpha(110)
        x = float(left)
        for share, colour, height in zip(
            self._shares, (solid, palette.placeholderText().color(), faint), (4, 2, 4), strict=True
        ):
            width = share * room
            if width:
                painter.fillRect(round(x), bottom - height, max(2, round(width)), height, colour)
            x += width


class _ApplyButton(QPushButton):
    """Its text is as long as what it says; it must not widen the window."""

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("m") * 12, super().minimumSizeHint().height())


def lines_of(text: str, fits: Callable[[str], bool]) -> list[str]:
    """The text on one line if it fits, else on two: broken after a "; " if that fits, else where the line is full."""
    if fits(text):
        return [text]
    head, mark, tail = text.partition("; ")
    if mark and fits(head) and fits(tail):
        return [f"{head};", tail]
    words = text.split(" ")
    count = 1
    while count < len(words) and fits(" ".join(words[: count + 1])):
        count += 1
    return [line for line in (" ".join(words[:count]), " ".join(words[count:])) if line]


class LabelPanel(QFrame):
    """Findings on the left, values and the button on the right. It shows the session's state and changes it."""

    vocabularyWanted = Signal()

    def __init__(self, session: Session, seen: Seen, judging: Judging) -> None:
        super().__init__()
        self._judging = judging
        self.setObjectName("panel")
        self._seen = seen
        self._session = session
        self._chips: list[_Chip] = []
        self._columns = COLUMNS
        self._findings = QGridLayout()
        self._findings.setSpacing(4)
        self._group = QButtonGroup(self)
        self._target = elided_label("", "heading")
        self._target.setMinimumWidth(120)
        self._hint = text_label("", "dim")
        self._hint.setWordWrap(True)
        self._warning = text_label("", "warning", wraps=True)
        self.apply = _ApplyButton()
        self.apply.setObjectName("apply")
        self.apply.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.apply.setAccessibleName("Label as described")
        self.apply.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.apply.clicked.connect(judging.label_target)
        values = QHBoxLayout()
        values.setSpacing(4)
        self._values = QButtonGroup(self)
        for name, value in VALUES:
            button = QPushButton((VALUE_WORDS[value] if value is not None else "not read").capitalize())
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setToolTip(tooltip(name))
            button.clicked.connect(lambda _checked=False, v=value: session.set_judgement(session.finding, v))
            self._values.addButton(button)
            values.addWidget(button)
        values.addStretch(1)
        edit = self._edit = QPushButton("Findings…")
        edit.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        edit.setToolTip(tooltip("vocabulary"))
        edit.clicked.connect(self.vocabularyWanted)
        values.addWidget(edit)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self._target)
        right.addLayout(values)
        right.addWidget(self._warning)
        right.addWidget(self.apply)
        right.addWidget(self._hint)
        right.addStretch(1)
        left = QVBoxLayout()
        left.addLayout(self._findings)
        left.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(20)
        layout.addLayout(left, 3)
        layout.addLayout(right, 2)
        session.projectChanged.connect(self._rebuild)
        session.targetChanged.connect(self.refresh)
        session.changed.connect(self._on_change)
        self._rebuild()

    def step_finding(self, by: int) -> None:
        """Moves the button to the next or previous finding, round and round."""
        findings = [chip.finding for chip in self._chips]
        if self._session.finding in findings:
            position = (findings.index(self._session.finding) + by) % len(findings)
            self._session.set_judgement(findings[position], self._session.value)

    def show_keys(self) -> None:
        """Says the keys as they are now."""
        self._rebuild()

    def _on_change(self, change: Change) -> None:
        project = self._session.project
        if KIND in change.states:
            self.refresh()
        if (
            change.labels
            and project is not None
            and tuple(chip.finding for chip in self._chips) != project.vocabulary.findings
        ):
            self._rebuild()

    def _rebuild(self) -> None:
        for chip in self._chips:
            self._group.removeButton(chip)
            self._findings.removeWidget(chip)
            chip.deleteLater()
        self._chips = []
        project = self._session.project
        for number, finding in enumerate(project.vocabulary.findings if project is not None else ()):
            chip = _Chip(number, finding)
            chip.clicked.connect(lambda _checked=False, f=finding: self._session.set_judgement(f, self._session.value))
            self._group.addButton(chip)
            self._chips.append(chip)
        self._arrange()
        for before, after in pairwise([*self._chips, *self._values.buttons(), self._edit, self.apply]):
            QWidget.setTabOrder(before, after)
        self.refresh()

    def _arrange(self) -> None:
        """As many columns, up to five, as the findings' names have room for."""
        widest = max((chip.sizeHint().width() for chip in self._chips), default=1) + self._findings.spacing()
        columns = min(max(self._findings_room() // widest, 2), COLUMNS)
        if columns == self._columns and self._findings.count() == len(self._chips):
            return
        self._columns = columns
        for chip in self._chips:
            self._findings.removeWidget(chip)
        for number, chip in enumerate(self._chips):
            self._findings.addWidget(chip, number // columns, number % columns)
        for column in range(COLUMNS):
            self._findings.setColumnStretch(column, 1 if column < columns else 0)

    def _findings_room(self) -> int:
        return (self.width() - 44) * 3 // 5

    def refresh(self) -> None:
        """Brings every text and mark in line with the session."""
        session = self._session
        target = session.target()
        total = int(target.ids.size)
        counts = session.counts_of(target.ids)
        for chip in self._chips:
            chip.setChecked(chip.finding == session.finding)
            chip.show_counts(counts.get(chip.finding, {}), total)
        for button, (_, value) in zip(self._values.buttons(), VALUES, strict=True):
            button.setChecked(value is session.value)
        plan = self._judging.plan()
        self._target.setText(f"Label {target.text}: {images_text(total)}" if total else "Nothing selected")
        seen = (self._seen.count_in(target.ids), total) if total > 1 else None
        text = apply_text(finding_text(session.finding), session.value, target.text, plan, seen)
        self.apply.setEnabled(plan is not None and plan.images > 0)
        self._full_text = text
        self._wrap()
        look = seen is not None and barely_seen(total, seen[0])
        self.apply.setToolTip("\n".join([text, tooltip("apply"), *([look_first()] if look else [])]))
        self._warn(target)
        self._hint.setText(
            f"{key_text('label_present_1')} to {key_text('label_present_9')} label at once as present, "
            f"{key_text('label_absent_1')} … as absent, {key_text('label_uncertain_1')} … as uncertain; "
            f"{key_text('undo')} undoes."
            if session.project is not None
            else ""
        )

    def _warn(self, target: Target) -> None:
        """Says before a bulk label what else its images have in common."""
        found = [one for one in self._session.confounders(target.ids) if one.stands_out]
        self._warning.setVisible(bool(found))
        if found:
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            self._warning.setText(f"⚠ {found[0].sentence(target.text)}{more}. {key_text('confounders')}: details")
            self._warning.setToolTip(
                "What these images have in common beside the picture. A label given to all of them may follow that, "
                "not the finding. Nothing is blocked.\n" + "\n".join(one.sentence(target.text) for one in found)
            )

    def _wrap(self) -> None:
        """The whole text is shown: on one line, else on two."""
        metrics, room = self.apply.fontMetrics(), self.apply.width() - 34
        lines = lines_of(self._full_text, lambda line: metrics.horizontalAdvance(line) <= room)
        shown = [metrics.elidedText(line, Qt.TextElideMode.ElideRight, max(room, 60)) for line in lines]
        self.apply.setText("\n".join(shown).replace("&", "&&"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self._wrap()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and self._chips:
            self._arrange()
            self._wrap()
