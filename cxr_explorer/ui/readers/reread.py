"""How many images to read a second time."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QSpinBox, QWidget

from cxr_explorer.labels.reader_names import reread_name
from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton
USUAL_SIZE = 50


class RereadDialog(QDialog):
    """Finding, size and seed of a blind re-read; or going on with what was drawn before."""

    def __init__(
        self, parent: QWidget, reader: str, counts: Mapping[str, tuple[int, int]], finding: str, seed: int
    ) -> None:
        """`counts`: finding -> images that can be read again, and how many of them are drawn already."""
        super().__init__(parent)
        self.setWindowTitle("Read again, blind")
        give_room(self, 46)
        self._counts = counts
        self._finding = QComboBox()
        self._finding.setToolTip("The finding that was judged, and is to be judged a second time")
        for name in counts:
            self._finding.addItem(finding_text(name), name)
        self._finding.setCurrentIndex(max(self._finding.findData(finding), 0))
        self._finding.currentIndexChanged.connect(self._show)
        self._about = text_label("", "", wraps=True)
        self._size = QSpinBox()
        self._size.setToolTip(
            "More images make the interval of kappa narrower; 0 draws none, and goes on with those left"
        )
        self._size.valueChanged.connect(self._show_button)
        self._seed = QSpinBox(minimum=0, maximum=2**31 - 1)
        self._seed.setValue(seed)
        self._seed.setToolTip("Decides which images are drawn; it is kept with them")
        self._buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        form.addRow("Finding", self._finding)
        form.addRow("", self._about)
        form.addRow("Images to draw", self._size)
        form.addRow("Seed", self._seed)
        hint = (
            f"The images come in random order, your first answers are out of sight, and the second ones are kept apart "
            f"as “{reread_name(reader)}”: nothing is overwritten. Some weeks between the two make it a fairer test."
        )
        form.addRow(text_label(hint, "dim", wraps=True))
        form.addRow(self._buttons)
        self._show()

    @property
    def finding(self) -> str:
        """The chosen finding."""
        return str(self._finding.currentData())

    @property
    def wanted(self) -> int:
        """How many images to draw; 0 to go on with those drawn before."""
        return self._size.value()

    @property
    def seed(self) -> int:
        """Of the draw."""
        return self._seed.value()

    def _show(self) -> None:
        count, left = self._counts[self.finding]
        drawn = f" {left:,} of them are drawn and still to be read." if left else ""
        self._about.setText(f"{images_text(count)} read one by one, and not a second time yet.{drawn}")
        self._size.setRange(0 if left else 1, max(count - left, 0))
        self._size.setValue(0 if left else min(USUAL_SIZE, count))
        self._show_button()

    def _show_button(self) -> None:
        _, left = self._counts[self.finding]
        total = left + self.wanted
        self._buttons.button(_Buttons.Ok).setText(f"Read {images_text(total)}")
        self._buttons.button(_Buttons.Ok).setEnabled(total > 0)
