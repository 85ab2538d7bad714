"""Which of two encoders puts a reader's findings together better: the same films and answers, two embeddings.

For each finding a ridge probe is fitted to either embedding. What it is worth is asked pair by pair: of a film with the
finding and one without, of two patients, which one does the probe put first that was fitted without both patients? The
share of pairs put in order is the AUROC. Films left out one at a time would give too little (.35 to .45 with ten of
either kind where an embedding knows nothing): each is scored by a probe that leans away from it, and the scores of
different probes are compared. Two left out together are scored by one probe (Airola, Pahikkala, Waegeman, De Baets,
Salakoski 2011, doi 10.1016/j.csda.2010.11.018). For ridge regression this has a closed form: no probe is fitted twice.

The interval of the difference is that of 100 draws of as many patients, with replacement, the same for both encoders;
the probes are fitted to each draw anew. With the probes of all patients it would be too narrow (it held the truth in
four of five simulations instead of in 19 of 20): other films would also have taught other probes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.probes.features import Floats, Rows

Reals = NDArray[np.float64]

FEWEST: Final = 10
"""Patients with a finding, and patients without it, below which encoders are not compared."""

MOST: Final = 1000
"""Films of a finding that are used; more would take minutes a finding and tell little more."""

OF_A_PATIENT: Final = 4
"""Films of one patient that are used: they are much alike."""

RIDGES: Final = tuple(np.geomspace(0.03, 300, 9).tolist())
"""Penalties to choose from, for films of mean squared length 1. Each encoder gets the one that suits it: with any fixed
one, the result was a matter of how many numbers an encoder gives."""

DRAWS: Final = 100
"""Draws of patients for an interval: its width is then right to a fourteenth."""

CHANCE: Final = 0.5
"""AUROC of an encoder that knows nothing of a finding."""

WIDTH: Final = 1.96
"""Half of an interval of 95 %, in standard errors."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a reader said of one finding, one image at a time.

    Attributes:
        rows: (n,) int64 rows of the embeddings, each once.
        present: (n,) bool.
    """

    rows: Rows
    present: NDArray[np.bool_]


@dataclass(frozen=True)
class Contest:
    """Two encoders on one finding; the first one's figure stands first.

    Attributes:
        aurocs: Of either encoder, 0..1.
        low: Lower end of the 95 % interval of their difference, first minus second.
        high: Upper end.
        floors: Lower end of the 95 % interval of either AUROC.
        films: That were used.
    """

    aurocs: tuple[float, float]
    low: float
    high: float
    floors: tuple[float, float]
    films: int

    @property
    def difference(self) -> float:
        """First minus second."""
        return self.aurocs[0] - self.aurocs[1]

    @property
    def better(self) -> int | None:
        """0 or 1 for the encoder that is better, None where the films cannot tell, or it is no better than chance."""
        ahead = 0 if self.low > 0 else 1 if self.high < 0 else None
        return ahead if ahead is not None and self.floors[ahead] > CHANCE else None

    @property
    def by_chance(self) -> bool:
        """Whether neither encoder is surely better than chance."""
        return max(self.floors) <= CHANCE


@dataclass(frozen=True)
class FindingComparison:
    """What there is to say of two encoders on one finding.

    Attributes:
        finding: Its name.
        present: Films with it, among those that were read.
        absent: Films without it.
        lacking: So many more patients with it, and without it, are to be read before encoders can be compared.
        contest: None where there are too few.
    """

    finding: str
    present: int
    absent: int
    lacking: tuple[int, int]
    contest: Contest | None

    @property
    def films(self) -> int:
        """Films read."""
        return self.present + self.absent


def compare_findings(
    first: Floats, second: Floats, readings: Mapping[str, Reading], patients: Rows, seed: int = 0
) -> Iterator[FindingComparison]:
    """One comparison a finding, in the order given.

    Args:
        first: (N, D1) one encoder's embeddings of N films, finite.
        second: (N, D2) the other's, of the same films.
        readings: By finding.
        patients: (N,) equal numbers are one patient's films.
        seed: Of the draws.
    """
    for finding, reading in readings.items():
        present = reading.present
        counts = int(present.sum()), int((~present).sum())
        kinds = (len(np.unique(patients[reading.rows[kind]])) for kind in (present, ~present))
        lacking = tuple(max(FEWEST - count, 0) for count in kinds)
        contest = None
        if not any(lacking):
            used = _few_of_each(patients[reading.rows], present, np.random.default_rng(seed))
            rows = reading.rows[used]
            contest = compare_on(kernel(first[rows]), kernel(second[rows]), present[used], patients[rows], seed)
        yield FindingComparison(finding, *counts, (lacking[0], lacking[1]), contest)


def compare_on(first: Reals, second: Reals, present: NDArray[np.bool_], patients: Rows, seed: int = 0) -> Contest:
    """Two encoders on the same n films.

    Args:
        first: (n, n) see `kernel`.
        second: (n, n) the other encoder's.
        present: (n,) both kinds.
        patients: (n,) numbers; at most some films each.
        seed: Of the draws.
    """
    from threadpoolctl import threadpool_limits

    _, patient = np.unique(patients, return_inverse=True)  # (n,) 0..P-1
    count = int(patient.max()) + 1
    random = np.random.default_rng(seed)
    with threadpool_limits(1):
        ridges = best_ridge(first, present), best_ridge(second, present)
        aurocs = np.array(_both((first, second), ridges, present, patient, np.ones(len(present))))
        drawn = []
        for _ in range(DRAWS):
            times = random.multinomial(count, np.full(count, 1 / count)).astype(np.float64)[patient]  # (n,)
            if min((times * present).sum(), (times * ~present).sum()) > 0:
                drawn.append(_both((first, second), ridges, present, patient, times))
    draws = np.array(drawn)  # (D, 2)
    error = WIDTH * float(np.nanstd(draws[:, 0] - draws[:, 1], ddof=1))
    floors = aurocs - WIDTH * np.nanstd(draws, axis=0, ddof=1)
    middle = float(aurocs[0] - aurocs[1])
    return Contest(
        (float(aurocs[0]), float(aurocs[1])),
        max(middle - error, -1.0),
        min(middle + error, 1.0),
        (max(float(floors[0]), 0.0), max(float(floors[1]), 0.0)),
        len(present),
    )


def _both(
    products: tuple[Reals, Reals],
    ridges: tuple[float, float],
    present: NDArray[np.bool_],
    patients: Rows,
    weights: Reals,
) -> list[float]:
    return [auroc(*one, present, patients, weights) for one in zip(products, ridges, strict=True)]


def kernel(embeddings: Floats) -> Reals:
    """(n, n) products of the films' directions, from their mean, whose mean square is 1: the geometry of the map."""
    vectors = embeddings.astype(np.float64)
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    units -= units.mean(axis=0)
    products = units @ units.T
    return np.asarray(products / max(float(np.trace(products)) / len(products), np.finfo(np.float64).tiny))


def best_ridge(products: Reals, present: NDArray[np.bool_]) -> float:
    """The penalty of RIDGES whose probe errs least, in squares, on films left out one at a time."""
    values, vectors = np.linalg.eigh(_centred(products, np.ones(len(products))))
    truth = present - present.mean()
    along = vectors.T @ truth
    errors = []
    for ridge in RIDGES:
        kept = ridge / (np.maximum(values, 0) + ridge)  # what the probe leaves of each direction
        left = (vectors**2) @ kept - 1 / len(products)
        errors.append(float(((vectors @ (kept * along)) ** 2 / np.maximum(left, 1e-9) ** 2).sum()))
    return float(RIDGES[int(np.argmin(errors))])


def auroc(products: Reals, ridge: float, present: NDArray[np.bool_], patients: Rows, weights: Reals) -> float:
    """Share of pairs put in order by probes fitted without the two patients; NaN where there is no pair.

    Args:
        products: (n, n) see `kernel`.
        ridge: The penalty.
        present: (n,) the answers.
        patients: (n,) numbers.
        weights: (n,) how often each film was drawn, the same for all films of a patient.
    """
    drawn = weights > 0
    products, present, patients, weights = (
        products[np.ix_(drawn, drawn)],
        present[drawn],
        patients[drawn],
        weights[drawn],
    )
    order = pairs_in_order(products, ridge, present, patients, weights)
    counted = weights[present][:, None] * weights[~present] * np.isfinite(order)
    total = float(counted.sum())
    return float((np.nan_to_num(order) * counted).sum() / total) if total else float("nan")


def pairs_in_order(products: Reals, ridge: float, present: NDArray[np.bool_], patients: Rows, weights: Reals) -> Reals:
    """(P, A): 1 where the film with the finding is scored higher than the one without, .5 for a tie, 0 else.

    The scores of a pair come from the probe fitted without the films S of both patients. That of all films leaves the
    residuals r = M y with M = I - hat matrix, and the one without S would leave inv(M[S, S]) r[S] on S (by inverting
    in blocks, as for Cook's distance). NaN where both films are one patient's.

    Args:
        products: (n, n) see `kernel`.
        ridge: The penalty; the intercept has none.
        present: (n,) P of them.
        patients: (n,) numbers.
        weights: (n,) above 0: a film of weight w counts as w films.
    """
    root = np.sqrt(weights)
    scaled = root[:, None] * _centred(products, weights) * root
    left = ridge * np.linalg.inv(scaled + ridge * np.eye(len(root)))
    left -= np.outer(root, root) / weights.sum()  # the intercept
    residuals = left @ (root * present)
    place = np.where(present, np.cumsum(present), np.cumsum(~present)) - 1  # (n,) among those of its kind
    order = np.full((int(present.sum()), int((~present).sum())), np.nan)
    groups = _by_size(patients)
    for one in groups:  # (G, a) rows of patients with a films each
        for other in groups:  # (H, b)
            above, below = one[present[one].any(axis=1)], other[~present[other].all(axis=1)]
            if not len(above) or not len(below):
                continue
            shape = len(above), len(below)
            films = np.concatenate(
                [
                    np.broadcast_to(above[:, None], (*shape, above.shape[1])),
                    np.broadcast_to(below, (*shape, below.shape[1])),
                ],
                axis=2,
            )  # (G, H, a + b)
            same = above[:, None, 0] == below[None, :, 0]  # (G, H)
            block = left[films[..., :, None], films[..., None, :]]
            block[same] = np.eye(films.shape[2])
            unseen = np.linalg.solve(block, residuals[films][..., None])[..., 0]
            scores = present[films] - unseen / root[films]
            for i in range(above.shape[1]):
                for j in range(below.shape[1]):
                    higher, lower = scores[..., i], scores[..., above.shape[1] + j]
                    wanted = present[above[:, i]][:, None] & ~present[below[:, j]] & ~same
                    at = np.nonzero(wanted)
                    put = np.where(higher == lower, 0.5, higher > lower)
                    order[place[above[at[0], i]], place[below[at[1], j]]] = put[at]
    return order


def _centred(products: Reals, weights: Reals) -> Reals:
    """The products of films from their weighted mean."""
    share = weights / weights.sum()
    means = products @ share
    return np.asarray(products - means[:, None] - means + float(share @ means))


def _by_size(patients: Rows) -> list[Rows]:
    """For each number of films a patient has: (G, size) their rows."""
    order = np.argsort(patients, kind="stable")
    _, starts, sizes = np.unique(patients[order], return_index=True, return_counts=True)
    return [
        order[starts[sizes == size][:, None] + np.arange(size)].astype(np.int64) for size in np.unique(sizes).tolist()
    ]


def _few_of_each(patients: Rows, present: NDArray[np.bool_], random: np.random.Generator) -> Rows:
    """Positions, ascending, of the films to use: OF_A_PATIENT at most of each patient, and MOST, half of either kind
    where there are as many."""
    order = random.permutation(len(patients))
    order = order[np.argsort(patients[order], kind="stable")]
    _, starts, sizes = np.unique(patients[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(starts, sizes)
    few = random.permutation(order[rank < OF_A_PATIENT])
    if len(few) > MOST:
        rare, frequent = sorted((few[present[few]], few[~present[few]]), key=len)
        rare = rare[: MOST // 2]
        few = np.concatenate([rare, frequent[: MOST - len(rare)]])
    return np.sort(few).astype(np.int64)
