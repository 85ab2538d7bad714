"""What is told of one finding on one image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Probability:
    """A probability that a finding is present.

    Attributes:
        image: On the image.
        cluster: Mean over the images of its cluster.
        in_numbers: Whether it may be told as a figure, see `Suggestion.in_numbers`.
    """

    image: float
    cluster: float
    in_numbers: bool = True


@dataclass(frozen=True)
class TooFew:
    """Labels, too few for a probability.

    Attributes:
        present: Number of them.
        absent: Number of them.
        computing: Whether there may be enough: nothing is known yet.
    """

    present: int
    absent: int
    computing: bool = False
