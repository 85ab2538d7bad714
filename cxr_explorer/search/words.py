"""Search: the images whose file name, labels, notes and facts hold all of the words asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.fact_table import Facts, as_table
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUES_BY_WORD
from cxr_explorer.pace import run_out
from cxr_explorer.project.image_rows import labelled_by
from cxr_explorer.project.label_columns import findings_of
from cxr_explorer.project.notes import note_texts
from cxr_explorer.project.project import Ids, Project

LABEL, FILE, NOTE = "label", "file", "note"
LABELLED, UNLABELLED, EXCLUDED = "labelled", "unlabelled", "excluded"

PAGE_ROWS = 10_000
"""Images got ready in one go."""

_TERM = re.compile(r'(?:([^\s":]+):)?(?:"([^"]*)"?|([^\s"]+))')
_SPACES = str.maketrans("_/\\-", "    ")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Term:
    """One word of a query.

    Attributes:
        text: What is looked for; never empty.
        field: Where: "label", "file", "note" or the name of a fact; empty for anywhere.
        quoted: Whether it stood in quotes, so that "unlabelled" is a word like any other.
    """

    text: str
    field: str = ""
    quoted: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found.

    Attributes:
        image_ids: (K,) int64, ascending.
        unknown: Fields that were asked for and are not known of any image.
    """

    image_ids: Ids
    unknown: tuple[str, ...] = ()


def parse(query: str) -> tuple[Term, ...]:
    """The words of a query: `view:AP`, `label:"No Finding"`, free words; a field without a word yet is left out."""
    terms = []
    for match in _TERM.finditer(query):
        field, quoted, plain = match.groups()
        text = (quoted if quoted is not None else plain).strip()
        if text and not text.endswith(":"):  # a field whose word is still to come
            terms.append(Term(text, (field or "").casefold(), quoted is not None))
    return tuple(terms)


class Search:
    """Everything there is to find among the images of a map. Make it once for a map, ask it as often as you like.

    A word is found anywhere in a file's path; in a fact, in a note of this reader and in the name of a finding it is
    found where a word begins. The name of a finding finds the images on which this reader said it is present;
    `label:Effusion=absent` the others. Upper and lower case count as the same.

    Attributes:
        ready: Whether all is done that has to be done once.

    Args:
        project: For file names and labels.
        image_ids: (N,) int64, ascending: the images to search.
        facts: See `Project.facts`.
        reader: Whose labels and notes.
    """

    def __init__(self, project: Project, image_ids: Ids, facts: Facts, reader: str) -> None:
        self._project = project
        self._ids = image_ids
        self._facts = as_table(facts)
        self._reader = reader
        self._paths: list[str] = []
        self._columns: dict[str, tuple[NDArray[np.int32], list[str]]] = {}
        self._labels: dict[tuple[str, Value | None], Mask] = {}
        self._findings: list[tuple[str, str]] | None = None
        self._notes: list[tuple[int, str]] | None = None
        self._steps = self._prepare()
        self.ready = False

    def prepare(self) -> bool:
        """Does a part of what has to be done once, a few hundredths of a second; whether all of it is done."""
        self.ready = self.ready or next(self._steps, None) is None
        return self.ready

    def forget_labels(self) -> None:
        """Labels, exclusions or notes have changed."""
        self._labels.clear()
        self._findings = None
        self._notes = None

    @property
    def fact_names(self) -> list[str]:
        """Names of the facts that can be asked for, sorted."""
        return sorted(self._columns)

    def find(self, query: str) -> Found:
        """The images that hold every word of the query; all of them for a query without words."""
        return run_out(self.finding(query))

    def finding(self, query: str) -> Generator[None, None, Found]:
        """`find` in steps, of a few hundredths of a second each at most."""
        while not self.prepare():
            yield
        found = np.ones(len(self._ids), bool)
        unknown = []
        for term in parse(query):
            mask = yield from self._mask(term)
            yield
            if mask is None:
                unknown.append(term.field)
            else:
                found &= mask
        return Found(self._ids[found] if not unknown else self._ids[:0], tuple(unknown))

    def named(self, text: str, limit: int) -> Ids:
        """Images whose file name holds the text, at most `limit`: exact names first, then those that begin with it."""
        while not self.prepare():
            pass
        wanted = folded(text.strip())
        if not wanted:
            return self._ids[:0]
        groups: tuple[list[int], ...] = ([], [], [], [])
        for row, path in enumerate(self._paths):
            if wanted not in path:
                continue
            name = path.rpartition("/")[2]
            if wanted in (path, name, name.rpartition(".")[0]):
                groups[0].append(row)
            else:
                groups[1 if name.startswith(wanted) else 2 if wanted in name else 3].append(row)
        rows = [row for group in groups for row in group]
        return self._ids[np.array(rows[:limit], np.int64)]

    def _prepare(self) -> Iterator[bool]:
        paths: dict[int, str] = {}
        last = -1
        while True:
            page = self._project.db.execute(
                "SELECT id, path FROM images WHERE id > ? ORDER BY id LIMIT ?", [last, PAGE_ROWS]
            ).fetchall()
            if not page:
                break
            last = page[-1][0]
            paths.update((image_id, folded(path)) for image_id, path in page)
            yield True
        ids = self._ids.tolist()
        parts = [slice(start, start + PAGE_ROWS) for start in range(0, len(ids), PAGE_ROWS)]
        for part in parts:
            self._paths += [paths.get(image_id, "") for image_id in ids[part]]
            yield True
        del paths
        for name in self._facts.columns:
            column = self._facts.column(name, self._ids)
            if column.values:
                self._columns[name] = column.codes, [_words(value) for value in column.values]
            yield True

    def _mask(self, term: Term) -> Generator[None, None, Mask | None]:
        """Which images hold the word; None where its field is not known."""
        if term.field == LABEL:
            return (yield from self._labelled_as(term.text))
        if term.field == FILE:
            return self._in_path(term.text)
        if term.field == NOTE:
            return self._in_notes(term.text)
        if term.field:
            names = [name for name in self._columns if name.casefold() == term.field]
            if not names:
                return None
            return np.asarray(np.any([self._in_fact(name, term.text) for name in names], axis=0))
        word = term.text.casefold()
        if not term.quoted and word in (LABELLED, UNLABELLED, EXCLUDED):
            return (yield from self._state(word))
        mask = self._in_path(term.text)
        yield
        mask |= self._in_notes(term.text)
        mask |= yield from self._labelled_as(term.text)
        for name in self._columns:
            mask |= self._in_fact(name, term.text)
        return mask

    def _in_path(self, text: str) -> Mask:
        wanted = folded(text)
        return np.array([wanted in path for path in self._paths], bool)

    def _in_notes(self, text: str) -> Mask:
        if self._notes is None:
            self._notes = [(image_id, _words(note)) for image_id, note in note_texts(self._project, self._reader)]
        wanted = _words(text)
        hits = [image_id for image_id, words in self._notes if wanted in words]
        return np.isin(self._ids, np.array(hits, np.int64))

    def _in_fact(self, name: str, text: str) -> Mask:
        codes, values = self._columns[name]
        wanted = _words(text)
        hits = np.array([*(wanted in value for value in values), False], bool)  # code -1, not known, is the last
        return hits[codes] if hits.any() else np.zeros(len(codes), bool)

    def _labelled_as(self, text: str) -> Generator[None, None, Mask]:
        name, _, word = text.rpartition("=")
        value = VALUES_BY_WORD.get(word.casefold(), Value.PRESENT) if name else Value.PRESENT
        wanted = _words(name if name and word.casefold() in VALUES_BY_WORD else text)
        if self._findings is None:
            names = {*self._project.vocabulary.findings, *labelled_by(self._project.db)}
            self._findings = [(finding, _words(finding)) for finding in names]
        mask = np.zeros(len(self._ids), bool)
        for finding, words in self._findings:
            if wanted in words:
                mask |= self._with_label(finding, value)
                yield
        return mask

    def _with_label(self, finding: str, value: Value | None) -> Mask:
        """Which images this reader gave that label of the finding; any for None."""
        if (finding, value) not in self._labels:
            self._labels[finding, value] = self._among(
                "SELECT image_id FROM labels WHERE finding = ? AND reader = ? AND (?3 IS NULL OR value = ?3)",
                [finding, self._reader, value],
            )
        return self._labels[finding, value]

    def _state(self, word: str) -> Generator[None, None, Mask]:
        if word == EXCLUDED:
            return self._among("SELECT id AS image_id FROM images WHERE excluded", [])
        mask = np.zeros(len(self._ids), bool)
        for finding in findings_of(self._project, self._reader):
            mask |= self._with_label(finding, None)
            yield
        return ~mask if word == UNLABELLED else mask

    def _among(self, query: str, parameters: list[object]) -> Mask:
        """Which images are among the ids that a query gives. They come as one text: a row each takes twice the time."""
        (ids,) = self._project.db.execute(f"SELECT group_concat(image_id) FROM ({query})", parameters).fetchone()
        return np.isin(self._ids, np.fromstring(ids or "", np.int64, sep=","))


def folded(text: str) -> str:
    """Comparable: the same for upper and lower case, and for both ways to write an accented letter."""
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).casefold()


def _words(text: str) -> str:
    """Comparable, with a space before every word: " pleural thickening" for "Pleural_Thickening"."""
    return " " + " ".join(folded(text).translate(_SPACES).split())
