"""Which labels of a finding are suspect, from the labels themselves: confident learning (Northcutt, Jiang, Chuang 2021,
arXiv 1911.00068) for the two labels present and absent.

Every labelled image gets a probability by a probe that has seen neither it nor its patient. An image counts as surely
present where its probability is at least the mean of those labelled present, and as surely absent likewise; where both
hold, the likelier. The table of labels against what images surely are is the confident joint. Off its diagonal are the
suspects.

This is a search tool and no evidence: a film that is unlike the others of its label is doubted whether its label is
right or wrong, and errors made the same way over and over are learnt and never doubted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.probes.features import Floats, Rows
from cxr_explorer.probes.probe import fit_probe

FEWEST = 20
"""Labels of either kind below which none is doubted."""

FOLDS = 5
"""Parts of the patients; each is judged by a probe of the others. So many patients of either kind are needed."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Doubts:
    """What labels say of each other; index 0 is absent and 1 is present.

    Attributes:
        joint: (2, 2) int64, the confident joint: images by label (row) and by what they surely are (column). Images
            that are surely neither are in no cell.
        doubted: (n,) bool, off the diagonal.
        confidence: (n,) float32, the probability of the label itself: the lower, the more suspect. For two labels this
            is the order by normalised margin too. An order and no figure: see `Probe.probabilities`.
        order: (S,) positions of the doubted, most suspect first.
    """

    joint: NDArray[np.int64]
    doubted: Flags
    confidence: Floats
    order: Rows

    def expected_wrong(self, labels: tuple[int, int]) -> tuple[float, float]:
        """How many of the labels absent and present are wrong by estimate: each row of the joint, raised to what there
        are of its label. A row without any image has none wrong.

        Args:
            labels: How many there are.
        """
        absent, present = (
            labels[kind] * int(self.joint[kind, 1 - kind]) / max(int(self.joint[kind].sum()), 1) for kind in (0, 1)
        )
        return absent, present


def fold_of(present: Flags, groups: NDArray[np.integer]) -> Rows | None:
    """(n,) the fold of each label, a patient's all in one; None where a probe would see one kind of label only.

    The patients with the rarer kind are dealt out first, so that every fold has its share of them.

    Args:
        present: (n,).
        groups: (n,) numbers of patients.
    """
    people, members = np.unique(groups, return_inverse=True)
    rare = present if 2 * present.sum() <= len(present) else ~present
    has_rare = np.zeros(len(people), np.bool_)
    has_rare[members[rare]] = True
    shuffled = np.random.default_rng(0).permutation(len(people))
    dealt = shuffled[np.argsort(~has_rare[shuffled], kind="stable")]
    fold = np.empty(len(people), np.int64)
    fold[dealt] = np.arange(len(people)) % FOLDS
    folds = fold[members]
    for kind in (present, ~present):
        if len(np.unique(members[kind])) < FOLDS or len(np.unique(folds[kind])) < 2:
            return None
    return folds


def unseen_probabilities(
    features: Floats, rows: Rows, present: Flags, fold: Rows, counts: NDArray[np.floating] | None = None
) -> Floats:
    """(n,) float32 that the finding is present on each labelled image, by a probe of the other folds.

    Args:
        features: (N, F) from `features.prepare`.
        rows: (n,) the labelled images, each once.
        present: (n,) their labels.
        fold: (n,) see `fold_of`.
        counts: (n,) how much each label counts for a probe, above 0; None for 1 each.
    """
    found = np.empty(len(rows), np.float32)
    for each in np.unique(fold):
        rest = fold != each
        probe = fit_probe(features, rows[rest], present[rest], None if counts is None else counts[rest])
        found[~rest] = probe.probabilities(features[rows[~rest]])
    return found


def doubts(probabilities: Floats, present: Flags) -> Doubts:
    """The confident joint of labels, and the suspects.

    Args:
        probabilities: (n,) that the finding is present, by probes that have not seen the label.
        present: (n,) the labels, of both kinds.

    Raises:
        ValueError: There are labels of one kind only.
    """
    if present.all() or not present.any():
        raise ValueError("labels of one kind only")
    of_present = probabilities.astype(np.float64)
    thresholds = float((1 - of_present[~present]).mean()), float(of_present[present].mean())
    surely_absent, surely_present = 1 - of_present >= thresholds[0], of_present >= thresholds[1]
    both = surely_absent & surely_present
    # Where a film is as likely one as the other, its label stands.
    likelier = np.where(of_present == 0.5, present, of_present > 0.5)
    is_present = np.where(both, likelier, surely_present)
    sure = surely_absent | surely_present
    joint = np.zeros((2, 2), np.int64)
    np.add.at(joint, (present[sure].astype(np.int64), is_present[sure].astype(np.int64)), 1)
    doubted = sure & (is_present != present)
    confidence = np.where(present, probabilities, 1 - probabilities).astype(np.float32)
    order = np.flatnonzero(doubted)
    return Doubts(joint, doubted, confidence, order[np.argsort(confidence[order], kind="stable")])
