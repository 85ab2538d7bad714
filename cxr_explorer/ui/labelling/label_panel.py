"""The label panel: findings, values, and one button that says exactly what it will do."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.label import ONE_BY_ONE, Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text, images_text
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project.labelling import LabelPlan
from cxr_explorer.project.looks import KIND, barely_seen
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.labelling.finding_list import SAID_BY, FindingList, Suggested
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.judging import Judging
from cxr_explorer.ui.session.seen import Seen
from cxr_explorer.ui.session.selection import Target
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import LinesLabel, elided_label
from cxr_explorer.ui.widgets.wrapping_button import WrappingButton

APPLY_LINES = 5

ONE_IMAGE = ("this image", "the picked image", "the selected image")
"""Targets, in words, that are a single image."""

WHOLE = {"label_normal": "Normal", "label_rest_absent": "Rest absent", "label_repeat": "As the last"}
"""Actions that answer for several findings at once, with what their buttons say."""

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
        state = f"{finding}: {VALUE_WORDS[value]}" if value is not None else f"not for {finding}"
        if target in ONE_IMAGE:
            return f"{target[0].upper()}{target[1:]} is already labelled {state}"
        return (
            f"All images in {target} are already labelled {state}{skipped}"
            if value is not None
            else (f"No image in {target} is labelled for {finding}{skipped}")
        )
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


class LabelPanel(QFrame):
    """From above: whom a label goes to, the findings, whole readings, values, and the button. Nothing in it jumps."""

    vocabularyWanted = Signal()
    labelWanted = Signal(str, int)  # a finding and its value, typed in the search

    def __init__(self, session: Session, seen: Seen, judging: Judging) -> None:
        super().__init__()
        self._judging = judging
        self.setObjectName("panel")
        self._seen = seen
        self._session = session
        self._suggested: Mapping[str, Suggested] = {}
        self._note = ""
        self._vocabulary: Vocabulary | None = None
        self._target = elided_label("", "heading")
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText("Search findings")
        self.search.setAccessibleName("Search findings")
        self._edit = QPushButton("Edit…")
        self._edit.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._edit.clicked.connect(self.vocabularyWanted)
        self.list = FindingList()
        self._detail = LinesLabel(2, "dim")
        self._said = LinesLabel(4, "dim")
        self.apply = WrappingButton(APPLY_LINES)
        self.apply.setObjectName("apply")
        self.apply.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.apply.clicked.connect(judging.label_target)
        self._whole = [self._button(name) for name in WHOLE]
        self._values = QButtonGroup(self)
        values = [self._value_button(name, value) for name, value in VALUES]
        self._lay_out(values)
        self.list.chosen.connect(lambda finding: session.set_judgement(finding, session.value))
        self.list.keyWanted.connect(self._give_key)
        self.search.textChanged.connect(self._seek)
        self.search.returnPressed.connect(self._take_sought)
        session.projectChanged.connect(self._rebuild)
        session.targetChanged.connect(self.refresh)
        session.changed.connect(self._on_change)
        self.show_keys()

    def _button(self, name: str) -> QPushButton:
        button = QPushButton()
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self._judging.label_whole(name))
        return button

    def _value_button(self, name: str, value: Value | None) -> QPushButton:
        button = QPushButton((VALUE_WORDS[value] if value is not None else "clear").capitalize())
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setToolTip(tooltip(name))
        button.clicked.connect(lambda: self._session.set_judgement(self._session.finding, value))
        self._values.addButton(button)
        return button

    def _lay_out(self, values: list[QPushButton]) -> None:
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self._edit)
        whole, choices = FlowPanel(spacing_px=4), FlowPanel(spacing_px=4)
        for button in self._whole:
            whole.add(button)
        for button in values:
            choices.add(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self._target)
        layout.addLayout(top)
        layout.addWidget(self.list, 1)
        for widget in (self._detail, whole, choices, self._said, self.apply):
            layout.addWidget(widget)
        self._answers: tuple[QWidget, ...] = (choices, self._said, self.apply)
        for before, after in pairwise([self.search, self._edit, self.list, *self._whole, *values, self.apply]):
            QWidget.setTabOrder(before, after)

    # -- findings --------------------------------------------------------------------------------------------------

    def step_finding(self, by: int) -> None:
        """Moves the button to the next or previous finding, round and round."""
        sections = self._vocabulary.sections() if self._vocabulary is not None else []
        findings = [finding for _, members in sections for finding in members]
        if self._session.finding in findings:
            position = (findings.index(self._session.finding) + by) % len(findings)
            self._session.set_judgement(findings[position], self._session.value)

    def _give_key(self, finding: str, number: int) -> None:
        if self._vocabulary is not None:
            self._session.set_vocabulary(self._vocabulary.with_key(finding, number))

    def seek(self) -> None:
        """Puts the keyboard on the search."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _seek(self, text: str) -> None:
        finding = self.list.rows.coded(text[:-1])
        if finding and text[-1] in SAID_BY:
            self.search.clear()
            self.labelWanted.emit(finding, SAID_BY[text[-1]])
            return
        self.list.rows.seek(text)
        self.list.mark(self._session.finding)

    def _take_sought(self) -> None:
        """The first finding that is found is the one the button stands at; the keyboard goes on to the list."""
        if self.list.rows.shown:
            finding = self.list.rows.shown[0].finding
            self.search.clear()
            self._session.set_judgement(finding, self._session.value)
            self.list.setFocus()

    def set_asking(self, asking: bool) -> None:
        """While images are read one by one the question above is answered: a second set of answers would confuse."""
        for widget in self._answers:
            widget.setHidden(asking)

    def show_suggestions(self, suggested: Mapping[str, Suggested], note: str = "") -> None:
        """What is suggested for the image on screen, by finding; where nothing may be seen, a note may say so."""
        if (suggested, note) != (self._suggested, self._note):
            self._suggested, self._note = suggested, note
            self.refresh()

    # -- following -------------------------------------------------------------------------------------------------

    def show_keys(self) -> None:
        """Says the keys as they are now."""
        for button, (name, text) in zip(self._whole, WHOLE.items(), strict=True):
            button.setText(f"{text}  {key_text(name)}".rstrip().replace("&", "&&"))
            button.setToolTip(tooltip(name))
        self._edit.setToolTip(tooltip("vocabulary"))
        key = key_text("seek_finding")
        self.search.setToolTip(
            f"A part of the name, or the two letters beside it; Enter goes to the first one found"
            f"{f' ({key})' if key else ''}.\nThe two letters and + label it present at once, - absent, ? uncertain."
        )
        self._rebuild()

    def _on_change(self, change: Change) -> None:
        project = self._session.project
        if KIND in change.states:
            self.refresh()
        if change.labels and project is not None and self._vocabulary != project.vocabulary:
            self._rebuild()

    def _rebuild(self) -> None:
        project = self._session.project
        self._vocabulary = project.vocabulary if project is not None else None
        self.search.clear()
        self.list.rows.set_vocabulary(self._vocabulary)
        self.refresh()

    def refresh(self) -> None:
        """Brings every text and mark in line with the session."""
        session = self._session
        target = session.target()
        total = int(target.ids.size)
        suggested = self._suggested if session.on_one_image else {}
        self.list.rows.show(session.labels.counts_of(target.ids), total, suggested)
        self.list.mark(session.finding)
        for button, (_, value) in zip(self._values.buttons(), VALUES, strict=True):
            button.setChecked(value is session.value)
        plan = self._judging.plan()
        whom = f"Label {target.text}" if target.how in ONE_BY_ONE else f"Label {target.text}: {images_text(total)}"
        self._target.setText(whom if total else "Nothing selected")
        seen = (self._seen.count_in(target.ids), total) if total > 1 else None
        text = apply_text(finding_text(session.finding), session.value, target.text, plan, seen)
        if plan is None and total:
            text = "Counting…"
        self.apply.setEnabled(total > 0 if plan is None else plan.images > 0)
        for button in self._whole:
            button.setEnabled(total > 0)
        look = seen is not None and barely_seen(total, seen[0])
        self.apply.say(text, "\n".join([text, tooltip("apply"), *([look_first()] if look else [])]))
        self._detail.setText(self._judging.detail(target, session.finding) or self._note)
        self._say(target)

    def _say(self, target: Target) -> None:
        """Says before a bulk label what else its images have in common; else the keys."""
        found = [one for one in self._session.confounders(target.ids) if one.stands_out]
        if found:
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            text = f"⚠ {found[0].sentence(target.text)}{more}. {key_text('confounders')}: details"
            tip = (
                "What these images have in common beside the picture. A label given to all of them may follow that, "
                "not the finding. Nothing is blocked.\n" + "\n".join(one.sentence(target.text) for one in found)
            )
        else:
            text, tip = _keys_text() if self._session.project is not None else "", ""
        self._said.say(text, "warning" if found else "dim", tip)


def _keys_text() -> str:
    words = {"present": "present", "absent": "absent", "uncertain": "uncertain"}
    keys = [f"{key_text(f'label_{name}_1')}… {word}" for name, word in words.items() if key_text(f"label_{name}_1")]
    undo = f" {key_text('undo')} undoes." if key_text("undo") else ""
    return f"At once: {', '.join(keys)}.{undo}" if keys else undo.strip()
