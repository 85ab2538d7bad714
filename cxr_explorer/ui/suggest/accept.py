"""Accepting in bulk: how many may be wrong, how sure to be of that, and what the random looks allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.labels.confounders import Confounder
from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.probes.evidence import CONFIDENCE, ERROR_LIMIT, RANDOM_EVERY, Offer, largest_offer
from cxr_explorer.project.audits.bounds import level, percent
from cxr_explorer.project.project import Ids
from cxr_explorer.suggesting import Suggestion
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import text_label

CONFIDENCES = (0.8, 0.9, 0.95, 0.99)


class AcceptDialog(QDialog):
    """Asks for a limit and offers what is proved to keep it; `offer`, `present_ids` and `absent_ids` are the answer."""

    def __init__(
        self,
        parent: QWidget | None,
        suggestion: Suggestion,
        image_ids: Ids,
        settled: Ids,
        selected: Ids,
        within: Ids | None = None,
        compare: Callable[[Ids], Sequence[Confounder]] = lambda _ids: (),
    ) -> None:
        """Shows what is offered.

        Args:
            parent: The window.
            suggestion: Whose probabilities are parallel to `image_ids`.
            image_ids: Of the map.
            settled: Ids of images that keep what they have.
            selected: Ids of the selection, to which accepting can be confined.
            within: Ids to which it is confined in any case; None for all.
            compare: Tells what images have in common beside the picture.
        """
        super().__init__(parent)
        assert suggestion.probabilities is not None
        self._finding = finding_text(suggestion.finding)
        self.setWindowTitle("Accept suggestions")
        self._suggestion = suggestion
        self._ids = image_ids
        self._probabilities = suggestion.probabilities
        self._settled = np.isin(image_ids, settled)
        self._selected = selected
        self._within = within
        self._compare = compare
        self.limit = QDoubleSpinBox()
        self.limit.setRange(0.5, 30)
        self.limit.setDecimals(1)
        self.limit.setSingleStep(0.5)
        self.limit.setSuffix(" %")
        self.limit.setValue(100 * ERROR_LIMIT)
        self.limit.setToolTip("Of the labels accepted, at most this share may be wrong")
        self.limit.setAccessibleName("Most wrong labels")
        self.confidence = QComboBox()
        for each in CONFIDENCES:
            self.confidence.addItem(f"{level(each)} sure", each)
        self.confidence.setCurrentIndex(CONFIDENCES.index(CONFIDENCE))
        self.confidence.setToolTip("How sure to be that no more of them are wrong")
        self.confidence.setAccessibleName("How sure to be")
        self.present = QCheckBox()
        self.absent = QCheckBox()
        inside = int(np.isin(image_ids, selected).sum())
        self.selection_only = QCheckBox(f"Only in the selection ({images_text(inside)})")
        self.selection_only.setToolTip("Leave images outside the selection as they are")
        self.selection_only.setVisible(bool(inside))
        self.present.setToolTip("Label the images where the finding is rather present")
        self.absent.setToolTip("Label the images where the finding is rather absent")
        self.present.setChecked(True)
        self.absent.setChecked(True)
        self.summary = text_label("", "heading", wraps=True)
        self.evidence = text_label("", wraps=True)
        self.warning = text_label("", "warning", wraps=True)
        caution = text_label(
            "Decide on the limit first: who tries limits until one fits is less sure than it says. Images that carry a "
            "label of yours keep it. One undo takes all of it back."
            + (
                f" These suggestions come from the saved probes {suggestion.source}, made on other images."
                if suggestion.source
                else ""
            ),
            "dim",
            wraps=True,
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.button = buttons.addButton("Look through them…", QDialogButtonBox.ButtonRole.AcceptRole)
        self.button.setDefault(True)
        self.button.setToolTip("See the images, the least sure first, and accept them there")
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)  # Enter never means Cancel
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        label = QLabel(f"{self._finding}: at most")
        label.setBuddy(self.limit)
        row = FlowPanel()
        for part in (label, self.limit, QLabel("wrong,"), self.confidence):
            row.add(part)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        parts = (row, self.present, self.absent, self.selection_only, self.summary, self.evidence, self.warning)
        for each_part in (*parts, caution, buttons):
            column.addWidget(each_part)
        self.setMinimumWidth(520)
        self.limit.valueChanged.connect(self._show)
        self.confidence.currentIndexChanged.connect(self._show)
        for box in (self.present, self.absent, self.selection_only):
            box.toggled.connect(self._show)
        self.limit.setFocus()
        self.limit.selectAll()
        self.offer: Offer
        self._rows = np.zeros(0, np.int64)
        self._show()

    @property
    def level(self) -> float:
        """How sure the reader wants to be, 0..1."""
        return float(self.confidence.currentData())

    @property
    def ids(self) -> Ids:
        """What is offered, least sure first."""
        rows = self._rows[self.offer.chosen]
        return self._ids[rows[np.argsort(np.abs(self._probabilities[rows] - 0.5), kind="stable")]]

    def suggested_present(self, ids: Ids) -> NDArray[np.bool_]:
        """Whether the finding is suggested to be present, for ids of the map."""
        return np.asarray(self._probabilities[np.searchsorted(self._ids, ids)] > 0.5)

    def _asked(self, ids: Ids, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of these images the reader asks about; the looks are those among the same images' like."""
        chosen = np.where(probabilities > 0.5, self.present.isChecked(), self.absent.isChecked())
        if self.selection_only.isChecked():
            chosen &= np.isin(ids, self._selected)
        return np.asarray(chosen if self._within is None else chosen & np.isin(ids, self._within))

    def _show(self) -> None:
        found = self._suggestion
        open_rows = np.flatnonzero(~self._settled & ~np.isnan(self._probabilities))
        present = self._probabilities[open_rows] > 0.5
        self.present.setText(f"present on {images_text(int(present.sum()))}")
        self.absent.setText(f"absent on {images_text(int((~present).sum()))}")
        self._rows = open_rows[self._asked(self._ids[open_rows], self._probabilities[open_rows])]
        looks = found.looks[self._asked(found.look_ids, found.looks.probabilities)]
        self.offer = largest_offer(self._probabilities[self._rows], looks, self.limit.value() / 100, self.level)
        self.button.setEnabled(self.offer.count > 0)
        self.button.setDefault(True)
        if self.offer.count:
            self.summary.setText(
                f"{self.offer.count:,} of {len(self._rows):,} suggestions can be accepted: at most "
                f"{percent(self.offer.error_bound())} of them wrong, {level(self.level)} sure."
            )
            self.evidence.setText(_looks_text(self.offer))
        else:
            self.summary.setText("Nothing can be accepted yet." if len(self._rows) else "There is nothing to accept.")
            self.evidence.setText(self._why_not() if len(self._rows) else "")
        self._warn()

    def _why_not(self) -> str:
        offer = self.offer
        told = f"{images_text(offer.looks)} of these {'was' if offer.looks == 1 else 'were'} drawn at random and read"
        told += f"; on {offer.wrong:,} your answer was another one than suggested. " if offer.wrong else ". "
        more = max(offer.more_looks, 1)
        return (
            f"{told}It takes about {more:,} more, if all of them come out as suggested. Read next "
            f"({key_text('read_next')}) draws one image of {RANDOM_EVERY} at random: about {RANDOM_EVERY * more:,} "
            "images to read. Or allow more wrong ones."
        )

    def _warn(self) -> None:
        """Says what else the images of one value have in common, the worst of each."""
        lines = []
        ids = self.ids
        present = self.suggested_present(ids)
        for chosen, word in ((present, "present"), (~present, "absent")):
            found = self._compare(ids[chosen]) if chosen.any() else ()
            if found and found[0].stands_out:
                lines.append(f"⚠ {found[0].sentence(f'the {word} images')}")
        self.warning.setText("\n".join(lines))
        self.warning.setVisible(bool(lines))


def _looks_text(offer: Offer) -> str:
    right = offer.looks - offer.wrong
    return (
        f"{images_text(offer.looks)} suggested this surely {'was' if offer.looks == 1 else 'were'} drawn at random and "
        f"read without knowing: {right:,} came out as suggested, {offer.wrong:,} did not."
    )
