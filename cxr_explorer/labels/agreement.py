"""How far two or more readers agree on one finding: tables, Cohen's and Fleiss' kappa, positive and negative agreement.

"Uncertain" is an answer of its own here: a reader who calls an image uncertain has not agreed with one who calls it
present or absent. Leaving such images out would count the easy ones alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import Value

ANSWERS = (Value.PRESENT, Value.UNCERTAIN, Value.ABSENT)
"""The order of rows (first reader) and columns (second reader) of every table here."""

FEW = 30
"""Below this many images the asymptotic interval is called rough."""

_Z_95 = 1.959963984540054  # the standard normal's 97.5th percentile


@dataclass(frozen=True)
class Agreement:
    """How two readers compare on the images both judged.

    Attributes:
        table: Counts, rows the first reader's answer, columns the second's, in the order of `ANSWERS`.
        images: Images both judged.
        observed: Share of them on which both gave the same answer, or None without images.
        expected: The same share if each kept to their own frequencies and answered at random, or None without images.
        kappa: Cohen's kappa, or None where it is undefined; `note` then says why.
        interval: Its 95 % confidence interval, or None where the formula has none; `note` then says why.
        prevalence: Share of "present" among the answers of both, or None without images.
        positive: Positive agreement: of the answers "present", the share the other reader shares. None without any.
        negative: Negative agreement: the same of "absent".
        note: What to know when reading kappa; empty where there is nothing.
    """

    table: tuple[tuple[int, ...], ...]
    images: int
    observed: float | None
    expected: float | None
    kappa: float | None
    interval: tuple[float, float] | None
    prevalence: float | None
    positive: float | None
    negative: float | None
    note: str

    @property
    def disagreements(self) -> int:
        """Images on which the answers differ."""
        return self.images - sum(row[index] for index, row in enumerate(self.table))


def compare(table: NDArray[np.int64]) -> Agreement:
    """Everything about one finding and two readers from their table of counts.

    Args:
        table: (3, 3) counts, rows and columns in the order of `ANSWERS`.
    """
    images = int(table.sum())
    counts = tuple(tuple(int(count) for count in row) for row in table)
    if not images:
        return Agreement(counts, 0, None, None, None, None, None, None, None, "no image was judged by both")
    kappa, error = cohen_kappa(table)
    interval = None
    if kappa is None:
        note = "kappa is undefined: both gave one and the same answer throughout"
    elif error == 0:
        note = (
            "kappa is 0 whatever the other reader says: one of the two gave the same answer throughout"
            if kappa == 0
            else "they agree throughout: kappa has no interval, the number of images says how much that means"
        )
    else:
        assert error is not None
        interval = (max(-1.0, kappa - _Z_95 * error), min(1.0, kappa + _Z_95 * error))
        note = "" if images >= FEW else f"fewer than {FEW} images: the interval is rough"
    present, absent = (_shared(table, ANSWERS.index(value)) for value in (Value.PRESENT, Value.ABSENT))
    first, second = table.sum(axis=1) / images, table.sum(axis=0) / images
    return Agreement(
        counts,
        images,
        float(np.trace(table) / images),
        float(first @ second),
        kappa,
        interval,
        float(first[0] + second[0]) / 2,
        present,
        absent,
        note,
    )


def cohen_kappa(table: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """Cohen's kappa of a square table of counts, and its asymptotic standard error.

    J. Cohen, "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20 (1960) 37-46; the error after
    J. L. Fleiss, J. Cohen, B. S. Everitt, "Large sample standard errors of kappa and weighted kappa", Psychol. Bull.
    72 (1969) 323-327, equation 13 (for a kappa that need not be 0).

    Args:
        table: (K, K) counts, K > 1, rows the first reader's answers and columns the second's.

    Returns:
        (kappa, standard error). Both None where chance alone would agree throughout (one answer only) or the table is
        empty. An error of exactly 0 (kappa 1, or one reader who always answers the same) is the formula's limit, not
        certainty.
    """
    images = int(table.sum())
    if not images:
        return None, None
    first, second = table.sum(axis=1), table.sum(axis=0)
    # In whole numbers, so that "undefined", "perfect" and "one answer only" are told exactly.
    by_chance = int(first @ second)
    if by_chance == images**2:
        return None, None
    same = int(np.trace(table))
    kappa = (images * same - by_chance) / (images**2 - by_chance)
    if same == images or (first == images).any() or (second == images).any():
        return kappa, 0.0
    share, expected = table / images, by_chance / images**2
    rows, columns = first / images, second / images
    diagonal = np.diag(share)
    other = share * (columns[:, None] + rows[None, :]) ** 2
    variance = (
        float(diagonal @ (1 - (rows + columns) * (1 - kappa)) ** 2)
        + (1 - kappa) ** 2 * float(other.sum() - np.trace(other))
        - (kappa - expected * (1 - kappa)) ** 2
    ) / (images * (1 - expected) ** 2)
    return kappa, math.sqrt(max(variance, 0.0))


def fleiss_kappa(votes: NDArray[np.int64]) -> float | None:
    """Kappa of three or more readers who all judged the same images.

    J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychol. Bull. 76 (1971) 378-382. No interval:
    the published error holds for no agreement at all only.

    Args:
        votes: (N, K) how many readers gave each of K answers to each of N images; every row has the same sum, > 1.

    Returns:
        None without images, or where all answers are the same.
    """
    if not len(votes):
        return None
    readers = int(votes[0].sum())
    if readers < 2 or (votes.sum(axis=1) != readers).any():
        raise ValueError("every image needs the same number of readers, two at least")
    pairs = readers * (readers - 1)
    observed = float((votes * (votes - 1)).sum() / (len(votes) * pairs))
    totals = votes.sum(axis=0)
    if int(totals.max()) == len(votes) * readers:
        return None
    expected = float(((totals / totals.sum()) ** 2).sum())
    return (observed - expected) / (1 - expected)


def _shared(table: NDArray[np.int64], answer: int) -> float | None:
    """Specific agreement on one answer (Cicchetti and Feinstein, J. Clin. Epidemiol. 43 (1990) 551-558)."""
    given = int(table[answer].sum() + table[:, answer].sum())
    return 2 * int(table[answer, answer]) / given if given else None
