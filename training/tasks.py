"""The questions that encoders are judged by: what data sets know about their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from training.data import Item, check_patients, is_normal, patient_ids

FEWEST_TEST = 8
"""Held-out images of either answer below which a question is left out: its figure would be noise."""

FEWEST_TRAIN = 10
"""The same among the images that probes are fitted to."""

NO_FINDING = "No Finding"
NORMAL = "Normal"
VIEW = "view AP"
"""A source that shows several findings on one image has "No Finding"; one with a single class an image has "Normal"."""


@dataclass(frozen=True, eq=False)
class Question:
    """A yes-or-no question about the images of one source.

    Attributes:
        name: The finding, or NO_FINDING, NORMAL or VIEW.
        truth: (n,) the answers, of the images in `Subject.rows`.
        finding: Whether it counts in the macro average.
    """

    name: str
    truth: NDArray[np.bool_]
    finding: bool


@dataclass(frozen=True, eq=False)
class Subject:
    """One source: its images, their split, and what is asked about them.

    Attributes:
        source: Name of the data set.
        rows: (n,) numbers of its images among all items.
        test: (n,) held out.
        patients: (n,) numbers of patients.
        questions: What is asked, in the order of the tables.
        left_out: Findings with too few images.
        classes: (n,) int class of each image where every image has exactly one label and there are three or more.
        class_names: Names of the classes.
        facts: What else is known: name to (n,) numbers, -1 where unknown.
    """

    source: str
    rows: NDArray[np.int64]
    test: NDArray[np.bool_]
    patients: NDArray[np.int64]
    questions: tuple[Question, ...]
    left_out: tuple[str, ...]
    classes: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    facts: dict[str, NDArray[np.int64]]


def subjects(items: Sequence[Item]) -> list[Subject]:
    """One Subject a source that has labels and held-out patients, in the order of their first image.

    Raises:
        UserError: A patient is on both sides of the split, or no source can be judged.
    """
    check_patients(items)
    patients = np.array(patient_ids(items), dtype=np.int64)
    found = []
    for source in dict.fromkeys(item.source for item in items):
        rows = np.array([i for i, item in enumerate(items) if item.source == source and item.labels is not None])
        own = [items[i] for i in rows]
        test = np.array([item.split == "test" for item in own], dtype=np.bool_)
        if len(own) and test.any() and not test.all():
            found.append(_subject(source, own, rows.astype(np.int64), test, patients[rows]))
    if not found:
        raise UserError("No source has labels, held-out patients and others: nothing can be judged. Choose other data.")
    return found


def _subject(
    source: str, own: Sequence[Item], rows: NDArray[np.int64], test: NDArray[np.bool_], patients: NDArray[np.int64]
) -> Subject:
    labels = [item.labels or frozenset() for item in own]
    single = all(len(each) == 1 for each in labels)
    normal = np.array([is_normal(each) for each in labels], dtype=np.bool_)
    names = sorted({name for each in labels for name in each if not is_normal(frozenset((name,)))})
    questions, left_out = [], []
    for name in names:
        truth = np.array([name in each for each in labels], dtype=np.bool_)
        if _enough(truth, test):
            questions.append(Question(name, truth, finding=True))
        else:
            left_out.append(name)
    if _enough(normal, test):
        questions.append(Question(NORMAL if single else NO_FINDING, normal, finding=False))
    views = np.array([item.view for item in own])
    if np.isin(views, ("AP", "PA")).all() and _enough(views == "AP", test):
        questions.append(Question(VIEW, views == "AP", finding=False))
    classes, class_names = None, tuple(sorted({name for each in labels for name in each}))
    if single and len(class_names) > 2:
        classes = np.array([class_names.index(next(iter(each))) for each in labels], dtype=np.int64)
    return Subject(
        source, rows, test, patients, tuple(questions), tuple(left_out), classes, class_names, _facts(own, normal)
    )


def _facts(own: Sequence[Item], normal: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
    texts = {
        "normal or not": [str(each) for each in normal],
        "all labels": ["|".join(sorted(item.labels or ())) for item in own],
        "view": [item.view for item in own],
        "sex": [item.sex for item in own],
        "age by decade": ["" if item.age is None else str(int(item.age // 10)) for item in own],
    }
    facts = {}
    for name, values in texts.items():
        known = sorted({value for value in values if value})
        if len(known) > 1:
            facts[name] = np.array([known.index(value) if value else -1 for value in values], dtype=np.int64)
    return facts


def _enough(truth: NDArray[np.bool_], test: NDArray[np.bool_]) -> bool:
    counts = [(answer & part).sum() for answer in (truth, ~truth) for part in (test, ~test)]
    return bool(min(counts[0], counts[2]) >= FEWEST_TEST and min(counts[1], counts[3]) >= FEWEST_TRAIN)
