"""A label table that was read: millions of labels in little memory, and which of them contradict each other."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import get_args, overload

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import How, LabelBound, NoteRow, Value
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.tables.texts import Texts

NOTHING = -(2**63)
"""Stands for None among the numbers and times."""

LISTED = 200
"""Contradictions that are named; all are counted."""

_HOWS = get_args(How)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ImportedLabel:
    """One label of a table that was read; what the table does not say is None.

    Attributes:
        file: The image as the table names it; see `match_files`.
        finding: Name of the finding, usable in a vocabulary.
        value: The judgement.
        line: Line of the table it stands in, from 1.
        reader: Who judged.
        at: When, ISO 8601 in UTC, to the second.
        how: How the image was addressed.
        cluster: The cluster it was judged as part of.
        map_id: The map the cluster is of.
        bound: What an audit said of the label when the table was written. A project does not take it over: it holds for
            the labels that were audited together, and whether all of them came along a table cannot say.
    """

    file: str
    finding: str
    value: Value
    line: int
    reader: str | None = None
    at: str | None = None
    how: How | None = None
    cluster: int | None = None
    map_id: int | None = None
    bound: LabelBound | None = None


@dataclass(frozen=True, eq=False)
class Labels(Sequence[ImportedLabel]):
    """The labels of a table, in its order, as columns of one length; an item is put together when it is asked for.

    Attributes:
        files: The images.
        findings: The findings.
        readers: The readers.
        bounds: What audits said.
        file: Row in `files`.
        finding: Row in `findings`.
        value: -1, 0 or 1.
        line: Line of the table, from 1.
        reader: Row in `readers`, -1 where none is named. This column and the next are empty where the form has none.
        at: Seconds since 1970, else NOTHING.
        how: Row among the ways to label, else -1.
        cluster: Identity, else NOTHING.
        map_id: Number, else NOTHING.
        bound: Row in `bounds`, else -1.
    """

    files: Texts
    findings: tuple[str, ...]
    file: NDArray[np.int32]
    finding: NDArray[np.int16]
    value: NDArray[np.int8]
    line: NDArray[np.int32]
    readers: tuple[str, ...] = ()
    bounds: tuple[LabelBound, ...] = ()
    reader: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    at: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    how: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    cluster: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    map_id: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    bound: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Labels:
        """The labels of these rows."""
        columns = ("file", "finding", "value", "line", "reader", "at", "how", "cluster", "map_id", "bound")
        taken = {name: getattr(self, name) for name in columns}
        return replace(self, **{name: column[rows] if len(column) else column for name, column in taken.items()})

    def __len__(self) -> int:
        return len(self.file)

    @overload
    def __getitem__(self, row: int) -> ImportedLabel: ...

    @overload
    def __getitem__(self, row: slice) -> Labels: ...

    def __getitem__(self, row: int | slice) -> ImportedLabel | Labels:
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        finding, value = self.findings[self.finding[row]], Value(int(self.value[row]))
        label = ImportedLabel(self.files[int(self.file[row])], finding, value, int(self.line[row]))
        if not len(self.at):
            return label
        reader, how, bound = int(self.reader[row]), int(self.how[row]), int(self.bound[row])
        cluster, map_id = int(self.cluster[row]), int(self.map_id[row])
        return replace(
            label,
            reader=self.readers[reader] if reader >= 0 else None,
            at=time_text(int(self.at[row])),
            how=_HOWS[how] if how >= 0 else None,
            cluster=cluster if cluster != NOTHING else None,
            map_id=map_id if map_id != NOTHING else None,
            bound=self.bounds[bound] if bound >= 0 else None,
        )

    def __iter__(self) -> Iterator[ImportedLabel]:
        return map(self.__getitem__, range(len(self)))


@dataclass(frozen=True)
class ImportedTable:
    """A label table that was read.

    Attributes:
        format: The form it was in.
        rows: Its labels, in its order, without those that contradict each other.
        findings: The findings it speaks of, in the order of its columns or of their first occurrence.
        files: The images it lists, also those without a label, each once, as it names them.
        problems: What could not be used, one sentence each with its line; shown to the reader before the import.
        new_findings: Those of the findings that were not known beforehand.
        contradicting: Number of images of which its rows say things that cannot both be.
        notes: What readers noted, each image and reader once; the reader is empty where the table names none.
    """

    format: str
    rows: Labels
    findings: tuple[str, ...]
    files: Texts
    problems: tuple[str, ...]
    new_findings: tuple[str, ...] = ()
    contradicting: int = 0
    notes: tuple[NoteRow, ...] = ()


@dataclass(frozen=True)
class Settled:
    """What is left of labels once those that contradict each other are out.

    Attributes:
        labels: In their order, each judgement of a reader on an image once.
        images: Number of images with contradictions.
        problems: A sentence with the number of images, one for each of the first contradictions, and one on answers
            that a later one replaces; none where there is nothing to say.
    """

    labels: Labels
    images: int
    problems: tuple[str, ...]


def settle(
    labels: Labels, image: NDArray[np.integer], excludes: Mapping[str, Sequence[str]], one_judgement: bool
) -> Settled:
    """Leaves out labels that contradict each other: none wins by its place in a table.

    Of two judgements of one reader the later one stands where both have a time.

    Args:
        labels: As read.
        image: (N,) which image each is of: the row of its file in the table, or in the project.
        excludes: What cannot be present on one image together, see `Vocabulary`.
        one_judgement: Whether a row is one judgement of the whole image: then such labels are left out as well. Where
            each row is a judgement of its own they are told, and kept.
    """
    left_out = np.zeros(len(labels), np.bool_)
    said: list[str] = []
    images: set[int] = set()
    superseded = 0
    for rows in _groups(labels, image):
        stands = _latest(labels, rows)
        left_out[np.setdiff1d(rows, stands[:1])] = True
        if (labels.value[stands] == labels.value[stands[0]]).all():
            superseded += bool((labels.value[rows] != labels.value[stands[0]]).any())
        else:
            left_out[rows] = True
            images.add(int(image[rows[0]]))
            if len(said) < LISTED:
                said.append(_two_answers(labels, stands))
    together: set[int] = set()
    examples: list[str] = []
    for rows in _excluding(labels, image, ~left_out, excludes):
        left_out[rows] = left_out[rows] | one_judgement
        (images if one_judgement else together).add(int(image[rows[0]]))
        if len(said) + len(examples) < LISTED:
            (said if one_judgement else examples).append(_two_together(labels, rows))
    if images:
        count = f"{len(images):,} image{' has' if len(images) == 1 else 's have'}"
        said.insert(
            0,
            f"{count} rows that contradict each other; what they say of these findings is left out until the table "
            "says one thing.",
        )
    if together:
        count = f"{len(together):,} image{' has' if len(together) == 1 else 's have'}"
        said += [f"{count} findings present that exclude each other; both are kept: look at these images.", *examples]
    if superseded:
        said.append(
            f"{superseded:,} answers have an earlier one of the same reader that differs; the later one counts."
        )
    return Settled(labels.take(~left_out) if left_out.any() else labels, len(images), tuple(said))


def _groups(labels: Labels, image: NDArray[np.integer]) -> Iterator[NDArray[np.integer]]:
    """Rows that judge the same finding on the same image by the same reader, ascending, two or more each."""
    if not len(labels):
        return
    key = image.astype(np.int64)
    key *= len(labels.findings)  # in place: of ten million labels each copy takes 80 MB
    key += labels.finding
    if len(labels.reader):
        key *= len(labels.readers) + 1
        key += labels.reader
    if (key[1:] > key[:-1]).all():
        return
    order = np.argsort(key, kind="stable")
    same = np.diff(key[order]) == 0
    starts = np.flatnonzero(same & ~np.concatenate([[False], same[:-1]]))
    for start in starts.tolist():
        end = start + 1
        while end < len(same) and same[end]:
            end += 1
        yield order[start : end + 1]


def _latest(labels: Labels, rows: NDArray[np.integer]) -> NDArray[np.integer]:
    """Of rows that all have a time those of the latest, else all."""
    if not len(labels.at) or (labels.at[rows] == NOTHING).any():
        return rows
    latest: NDArray[np.integer] = rows[labels.at[rows] == labels.at[rows].max()]
    return latest


def _two_answers(labels: Labels, rows: NDArray[np.integer]) -> str:
    first = int(rows[0])
    other = next(int(row) for row in rows if labels.value[row] != labels.value[first])
    one, two = (VALUE_WORDS[Value(int(labels.value[row]))] for row in (first, other))
    return (
        f"Line {labels.line[other]}: {labels.findings[labels.finding[first]]} of "
        f"{labels.files[int(labels.file[other])]} is {two}, but {one} in line {labels.line[first]}."
    )


def _excluding(
    labels: Labels, image: NDArray[np.integer], counted: NDArray[np.bool_], excludes: Mapping[str, Sequence[str]]
) -> Iterator[NDArray[np.integer]]:
    """Of each image on which a reader has a finding present, and one that it excludes: the rows of these.

    The finding that excludes comes first.
    """
    present = np.flatnonzero(counted & (labels.value == Value.PRESENT))
    finding = labels.finding[present]
    whose = image[present].astype(np.int64)
    if len(labels.reader):
        whose = whose * (len(labels.readers) + 1) + labels.reader[present]
    for name, others in excludes.items():
        says = np.array([one == name for one in labels.findings], np.bool_)[finding]
        denies = np.array([one in others for one in labels.findings], np.bool_)[finding]
        both = np.intersect1d(whose[says], whose[denies])
        if not len(both):
            continue
        concerned = np.flatnonzero((says | denies) & np.isin(whose, both))
        concerned = concerned[np.lexsort((~says[concerned], whose[concerned]))]
        yield from np.split(present[concerned], np.flatnonzero(np.diff(whose[concerned])) + 1)


def _two_together(labels: Labels, rows: NDArray[np.integer]) -> str:
    none, one = int(rows[0]), next(int(row) for row in rows if labels.finding[row] != labels.finding[rows[0]])
    last, first = (one, none) if labels.line[one] >= labels.line[none] else (none, one)
    return (
        f"Line {labels.line[last]}: {labels.files[int(labels.file[one])]} has "
        f"{labels.findings[labels.finding[last]]}, but {labels.findings[labels.finding[first]]} in line "
        f"{labels.line[first]}."
    )


def seconds_of(time: datetime) -> int:
    """For `Labels.at`, of a time that knows its zone."""
    return (time - _EPOCH) // timedelta(seconds=1)


def time_text(seconds: int) -> str | None:
    """The time as a project keeps it; None for NOTHING."""
    if seconds == NOTHING:
        return None
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def as_array(numbers: array[int]) -> NDArray[np.signedinteger]:
    """The numbers without a copy."""
    return np.frombuffer(numbers, f"i{numbers.itemsize}") if numbers else np.empty(0, f"i{numbers.itemsize}")
