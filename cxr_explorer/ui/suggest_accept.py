"""Accepting in bulk: how sure, how many images, and what is known of the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.confounders import Confounder
from cxr_explorer.labels.suggest import sure_suggestions
from cxr_explorer.project.labelling import images_text
from cxr_explorer.project.project import Ids
from cxr_explorer.suggesting import Suggestion
from cxr_explorer.ui.texts import text_label

STEPS = 1000
LOWEST = 0.5
DEFAULT = 0.98


class AcceptDialog(QDialog):
    """Chooses a threshold; `threshold`, `values` and `chosen_ids` are what was chosen."""

    def __init__(
        self,
        parent: QWidget | None,
        suggestion: Suggestion,
        image_ids: Ids,
        settled: Ids,
        selected: Ids,
        compare: Callable[[Ids], Sequence[Confounder]] = lambda _ids: (),
    ) -> None:
        """Shows what would happen.

        Args:
            parent: The window.
            suggestion: Whose probabilities are parallel to `image_ids`.
            image_ids: Of the map.
            settled: Ids of images that keep what they have.
            selected: Ids of the selection, to which accepting can be confined.
            compare: Tells what images have in common beside the picture.
        """
        super().__init__(parent)
        assert suggestion.probabilities is not None
        self.setWindowTitle("Accept suggestions")
        self._ids = image_ids
        self._chances = suggestion.probabilities
        self._held_out = suggestion.held_out
        self._settled = np.isin(image_ids, settled)
        self._selected = np.isin(image_ids, selected)
        finding = suggestion.finding.replace("_", " ")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(LOWEST * STEPS), STEPS - 1)
        self.slider.setPageStep(10)
        self.slider.setAccessibleName("Probability from which suggestions are accepted")
        self.spin = QDoubleSpinBox()
        self.spin.setRange(LOWEST, (STEPS - 1) / STEPS)
        self.spin.setDecimals(3)
        self.spin.setSingleStep(0.005)
        for widget in (self.slider, self.spin):
            widget.setToolTip("Only suggestions at least this probable are accepted; a higher one takes fewer images")
        self.present = QCheckBox()
        self.absent = QCheckBox()
        self.selection_only = QCheckBox(f"Only in the selection ({images_text(int(self._selected.sum()))})")
        self.selection_only.setToolTip("Leave images outside the selection as they are")
        self.selection_only.setVisible(bool(self._selected.any()))
        self.present.setToolTip("Label the images where the finding is probable")
        self.absent.setToolTip("Label the images where the finding is improbable")
        self.present.setChecked(True)
        self.absent.setChecked(True)
        self.summary = text_label("", "heading", wraps=True)
        self.precision = text_label("", wraps=True)
        self._compare = compare
        self.warning = text_label("", "warning", wraps=True)
        caution = text_label(
            "Only a random audit is evidence: audit the accepted labels afterwards. "
            "Images that carry a label of yours keep it. One undo takes all of it back."
            + (
                f" These suggestions come from the saved probes {suggestion.source}, made on other images."
                if suggestion.source
                else ""
            ),
            "dim",
            wraps=True,
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.button = buttons.addButton("Accept", QDialogButtonBox.ButtonRole.AcceptRole)
        self.button.setDefault(True)
        self.button.setToolTip("Label these images as suggested")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        label = QLabel(f"{finding}: accept from probability")
        label.setBuddy(self.spin)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.slider, 1)
        row.addWidget(self.spin)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addLayout(row)
        for part in (
            self.present,
            self.absent,
            self.selection_only,
            self.summary,
            self.precision,
            self.warning,
            caution,
            buttons,
        ):
            column.addWidget(part)
        self.setMinimumWidth(520)
        self.slider.valueChanged.connect(lambda step: self._set(step / STEPS))
        self.spin.valueChanged.connect(self._set)
        for box in (self.present, self.absent, self.selection_only):
            box.toggled.connect(self._show)
        self._set(DEFAULT)

    @property
    def threshold(self) -> float:
        """The probability from which suggestions are accepted."""
        return self.spin.value()

    @property
    def values(self) -> tuple[bool, bool]:
        """Whether to accept present and absent."""
        return self.present.isChecked(), self.absent.isChecked()

    def chosen_ids(self) -> Ids:
        """Where to accept: the map or the selection, less what has a label."""
        return self._ids[~self._left_out()]

    def _checked(self) -> str:
        if self._held_out is None:
            return ""
        answers, right = self._held_out.as_sure(self.threshold, *self.values)
        if not answers:
            return "None of your answers was predicted that surely, so nothing supports it yet."
        return (
            f"Of {answers:,} answers of yours that were predicted that surely without being known, {right:,} came true."
        )

    def _left_out(self) -> np.ndarray:
        outside = ~self._selected if self.selection_only.isChecked() else np.zeros(len(self._ids), np.bool_)
        return self._settled | outside

    def _set(self, threshold: float) -> None:
        self.slider.blockSignals(True)
        self.spin.blockSignals(True)
        self.slider.setValue(round(threshold * STEPS))
        self.spin.setValue(threshold)
        self.slider.blockSignals(False)
        self.spin.blockSignals(False)
        self._show()

    def _show(self) -> None:
        sure = sure_suggestions(self._chances, self._left_out(), self.threshold)
        present, absent = int(sure.present.sum()), int(sure.absent.sum())
        self.present.setText(f"present on {images_text(present)}")
        self.absent.setText(f"absent on {images_text(absent)}")
        chances = np.concatenate(
            [self._chances[sure.present][: self.values[0] * present], 1 - self._chances[sure.absent]]
            if self.values[1]
            else [self._chances[sure.present][: self.values[0] * present]]
        )
        count = len(chances)
        self.summary.setText(f"Accept above {self.threshold:g} on {images_text(count)}")
        self.precision.setText(
            f"Estimated precision, by the suggestions' own account: {chances.mean(dtype=np.float64):.1%}. "
            f"{self._checked()}"
            if count
            else "No suggestion is that sure. Lower the probability, or read more images."
        )
        self.button.setText(f"Accept on {images_text(count)}")
        self.button.setEnabled(count > 0)
        self._warn([(sure.present, "present"), (sure.absent, "absent")])

    def _warn(self, accepted: Sequence[tuple[np.ndarray, str]]) -> None:
        """Says what else the images of one value have in common, the worst of each."""
        lines = []
        for (mask, word), taken in zip(accepted, self.values, strict=True):
            found = self._compare(self._ids[mask]) if taken else ()
            if found and found[0].stands_out:
                lines.append(f"⚠ {found[0].sentence(f'the {word} images')}")
        self.warning.setText("\n".join(lines))
        self.warning.setVisible(bool(lines))
