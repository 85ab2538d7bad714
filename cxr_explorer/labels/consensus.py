"""One answer out of several readers': what most of them said, or what was adjudicated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from cxr_explorer.labels.label import LabelRow
from cxr_explorer.labels.reader_names import ADJUDICATED, MAJORITY, UNANIMOUS, is_reserved

Rule = Literal["majority", "adjudicated"]


@dataclass(frozen=True)
class Consensus:
    """The answers that stand, and where there is none.

    Attributes:
        rows: One label a file and finding. Its reader says by what it stands: "majority", "adjudicated", "unanimous".
        unresolved: (file, finding) on which the readers differ and nothing decides; no row stands for them.
        one_reader: Rows that rest on the answer of one reader alone.
    """

    rows: list[LabelRow]
    unresolved: list[tuple[str, str]]
    one_reader: int


def agree_on(rows: Iterable[LabelRow], rule: Rule) -> Consensus:
    """The one answer to every finding on every image.

    - majority: the answer of more than half of the readers who answered; else it is unresolved.
    - adjudicated: the adjudicated answer; without one, the answer all readers gave; else it is unresolved.

    Re-reads and exported majorities that came back are no readers' answers and are passed over.

    Args:
        rows: Labels of all readers, those of one file and finding in sequence.
        rule: Which of the two.
    """
    decide: Callable[[Sequence[LabelRow]], LabelRow | None] = _most if rule == "majority" else _settled
    found = Consensus([], [], 0)
    one_reader = 0
    for (file, finding), group in groupby(rows, key=lambda row: (row.file, row.finding)):
        answers = list(group)
        readers = [row for row in answers if not is_reserved(row.reader)]
        decided = decide(answers if rule == "adjudicated" else readers)
        if decided is not None:
            found.rows.append(decided)
            one_reader += len(readers) == 1 and decided.reader != ADJUDICATED
        elif readers:
            found.unresolved.append((file, finding))
    return replace(found, one_reader=one_reader)


def _most(readers: Sequence[LabelRow]) -> LabelRow | None:
    if not readers:
        return None
    value = readers[0].value
    if any(row.value != value for row in readers):
        value, votes = Counter(row.value for row in readers).most_common(1)[0]
    else:
        votes = len(readers)
    return _standing_for([row for row in readers if row.value == value], MAJORITY) if 2 * votes > len(readers) else None


def _settled(answers: Sequence[LabelRow]) -> LabelRow | None:
    for row in answers:
        if row.reader == ADJUDICATED:
            return row
    readers = [row for row in answers if not is_reserved(row.reader)]
    return _standing_for(readers, UNANIMOUS) if len({row.value for row in readers}) == 1 else None


def _standing_for(rows: Sequence[LabelRow], reader: str) -> LabelRow:
    """One row for several with the same value: the latest; how it came about is kept where it rests on one alone.

    A bound is of one reader's labels: it says nothing of what several agreed on.
    """
    latest = max(rows, key=lambda row: row.at)
    if len(rows) == 1:
        return replace(latest, reader=reader)
    return replace(latest, reader=reader, how="merge", cluster=None, map_id=None, bound=None)
