"""What is suggested for the finding, as the views show it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.project.project import Ids
from cxr_explorer.ui.session.state import State
from cxr_explorer.ui.widgets.texts import probability_text


class Suggested(QObject):
    """The probabilities that the finding is present.

    Attributes:
        probabilities: (N,) in the map's order, NaN where nothing is known; or None.
        hidden: Whether they are not to be seen now.
        in_numbers: Whether they may be told as figures; else as "likely" and "unlikely".
    """

    changed = Signal()

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._state = state
        self.probabilities: NDArray[np.float32] | None = None
        self.hidden = False
        self.in_numbers = False

    def show(self, probabilities: NDArray[np.float32] | None, hidden: bool, in_numbers: bool = False) -> None:
        """Shows these from now on, see the attributes."""
        if probabilities is not self.probabilities or (hidden, in_numbers) != (self.hidden, self.in_numbers):
            self.probabilities, self.hidden, self.in_numbers = probabilities, hidden, in_numbers
            self.changed.emit()

    def forget(self) -> None:
        """The project is closed: nothing is suggested, and nobody is told."""
        self.probabilities = None

    def of(self, ids: Ids) -> NDArray[np.float32]:
        """What is suggested for these images, NaN where nothing is."""
        atlas_map = self._state.map
        if atlas_map is None or self.probabilities is None or len(self.probabilities) != len(atlas_map.image_ids):
            return np.full(len(ids), np.nan, np.float32)
        rows, there = look_up(atlas_map.image_ids, ids)
        return np.where(there, self.probabilities[rows], np.float32(np.nan))

    def text(self, probability: float) -> str:
        """A probability of the finding in words, or in numbers where these hold."""
        return probability_text(probability, self.in_numbers)
