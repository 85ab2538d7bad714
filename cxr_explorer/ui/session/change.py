"""What is not as it was: told once, and each view decides what it draws again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Step = Literal["done", "undone", "redone"]


@dataclass(frozen=True)
class Change:
    """What has changed in the project, or in what is shown of it.

    Attributes:
        text: The act that changed it, in words; empty where it was none.
        labels: Whether other labels stand: some have changed, or those of another reader are shown.
        exclusions: Whether images were excluded or taken back.
        notes: Whether notes or flags changed.
        states: Kinds of state that changed, see `acts`.
        step: Whether the act was taken back or done again.
        reader: Whether the labels of another reader are shown.
    """

    text: str = ""
    labels: bool = False
    exclusions: bool = False
    notes: bool = False
    states: frozenset[str] = frozenset()
    step: Step = "done"
    reader: bool = False

    @property
    def marks(self) -> bool:
        """Whether tiles, points and clusters are to say something else."""
        return self.labels or self.exclusions

    @property
    def shown(self) -> bool:
        """Whether what is said of single images is to be said anew: marks, and notes beside them."""
        return self.marks or self.notes
