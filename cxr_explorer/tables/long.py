"""This program's own form: one label a row, with all that is known of it.

file, finding, value (present, absent, uncertain; numbers are read too), reader, time, how, cluster, map, and of the
random audit that covers it: its number, the upper bound of the share of wrong labels (rounded up), the confidence, and
whether it is valid, stale or failed. A suggestion accepted in bulk carries the bound it was accepted with, and no
number. Of a table that is read, file, finding and value are needed, the other columns are not.

With notes there are three columns more: note, come_back ("yes" where the reader wants to come back to the image) and
note_time. They stand in every row of that reader's labels on the image. A note on an image without a label has a row of
its own at the end, with finding and value empty.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, get_args

from cxr_explorer.labels.label import AuditState, How, LabelBound, LabelRow, Note
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.tables.cells import harmless, is_blank, plain
from cxr_explorer.tables.format import Format, Table, WriteReport
from cxr_explorer.tables.gathering import BLANK, Gathering, Values, cell_at, columns_of, integer_of, squeezed
from cxr_explorer.tables.imported import NOTHING, as_array, seconds_of, time_text

HEADER = (
    *("file", "finding", "value", "reader", "time", "how", "cluster", "map"),
    *("audit", "error_bound", "confidence", "audit_state"),
)

NOTE_HEADER = ("note", "come_back", "note_time")

_YES, _NO = ("yes", "y", "true", "1", "1.0"), ("no", "n", "false", "0", "0.0")

_HOWS = {how: place for place, how in enumerate(get_args(How))}


def long_table(rows: Iterable[LabelRow], findings: Sequence[str]) -> tuple[Table, WriteReport]:
    """The labels of these findings as a table in this form, without notes."""
    wanted = set(findings)
    table: list[Sequence[str]] = [HEADER]
    files: set[str] = set()
    other_findings = 0
    for row in rows:
        if row.finding not in wanted:
            other_findings += 1
            continue
        files.add(row.file)
        cluster, map_id = ("" if number is None else str(number) for number in (row.cluster, row.map_id))
        named = (harmless(text) for text in (row.file, row.finding))
        provenance = (harmless(row.reader), harmless(row.at), harmless(row.how), cluster, map_id)
        table.append((*named, VALUE_WORDS[row.value], *provenance, *bound_cells(row.bound)))
    return table, WriteReport(len(files), len(table) - 1, other_findings)


def note_cells(note: Note) -> tuple[str, str, str]:
    """Those of `NOTE_HEADER`."""
    return harmless(note.text), "yes" if note.flagged else "", harmless(note.at)


def bound_cells(bound: LabelBound | None) -> tuple[str, str, str, str]:
    """Those of an audit."""
    if bound is None:
        return "", "", "", ""
    share = "" if bound.error_bound is None else f"{math.ceil(bound.error_bound * 10_000 - 1e-9) / 10_000:g}"
    return (
        "" if bound.audit is None else str(bound.audit),
        share,
        f"{math.floor(bound.confidence * 10_000 + 1e-9) / 10_000:g}",
        bound.state,
    )


class _Details:
    """What the long form says of a label beyond the judgement, as columns."""

    def __init__(self) -> None:
        self.readers: dict[str, int] = {}
        self.bounds: dict[LabelBound, int] = {}
        self.reader, self.at, self.how = array("i"), array("q"), array("b")
        self.cluster, self.map_id, self.bound = array("q"), array("q"), array("i")

    def columns(self) -> dict[str, Any]:
        """Those of `Labels`."""
        names = ("reader", "at", "how", "cluster", "map_id", "bound")
        columns = {name: as_array(getattr(self, name)) for name in names}
        return {**columns, "readers": tuple(self.readers), "bounds": tuple(self.bounds)}


class _Long:
    """Takes rows of the long form."""

    _NOTED = ("reader", "note", "comeback", "notetime")
    _OTHERS = ("reader", "time", "how", "cluster", "map", "audit", "errorbound", "confidence", "auditstate")

    def __init__(self, table: Gathering, header: Sequence[str]) -> None:
        self._table = table
        names = [squeezed(cell) for cell in header]
        found = columns_of(names, ("file", "finding", "value"), table.problems)
        self._file, self._finding, self._value = (found[name] for name in ("file", "finding", "value"))
        self._others = [found.get(name, len(names)) for name in self._OTHERS]
        self._noted = [found.get(name, len(names)) for name in self._NOTED]
        self._notes_only = not {"note", "comeback"}.isdisjoint(names)  # whether rows without a label make sense
        self._values = Values()
        table.details = self._details = _Details()

    def __call__(self, line: int, cells: list[str]) -> None:
        table, problems = self._table, self._table.problems
        file = table.file_number(line, cell_at(cells, self._file))
        if file is None:
            return
        self._add_note(line, file, *(plain(cell_at(cells, index)) for index in self._noted))
        if self._notes_only and not cell_at(cells, self._finding) and not cell_at(cells, self._value):
            return
        finding = table.finding_number(line, plain(cell_at(cells, self._finding)))
        if finding is None:
            return
        value = self._values[cell := cell_at(cells, self._value)]
        if value is None or value == BLANK:
            problems.add(f"Line {line}: the value {cell[:40]!r} is not present, absent or uncertain (1, 0, -1).")
            return
        table.add(file, finding, value, line)
        self._add_details(line, *(cell_at(cells, index) for index in self._others))

    def _add_note(self, line: int, file: int, reader: str, text: str, come_back: str, time: str) -> None:
        flagged = come_back.strip().casefold() in _YES
        if not flagged and not is_blank(come_back) and come_back.strip().casefold() not in _NO:
            self._table.problems.add(f"Line {line}: {come_back[:40]!r} under come_back is not yes or no; left out.")
        at = _time(time)
        note = Note(text.strip(), flagged, "" if at is None else time_text(at) or "")
        if note:
            self._table.add_note(line, file, reader, note)

    def _add_details(self, line: int, reader: str, time: str, how: str, cluster: str, map_id: str, *audit: str) -> None:
        problems, details = self._table.problems, self._details
        if (at := _time(time := plain(time))) is None and not is_blank(time):
            problems.add(f"Line {line}: the time {time[:40]!r} is not like 2026-01-31T14:05:09Z; label kept without.")
        if (way := _HOWS.get(how.strip().casefold(), -1)) < 0 and not is_blank(how):
            problems.add(f"Line {line}: {how[:40]!r} is not a way to label; label kept without.")
        for name, text, column in (("cluster", cluster, details.cluster), ("map", map_id, details.map_id)):
            number = integer_of(text.strip())
            if number is None and not is_blank(text):
                problems.add(f"Line {line}: the {name} {text[:40]!r} is not a whole number; label kept without.")
            column.append(NOTHING if number is None else number)
        name = plain(reader)
        details.reader.append(details.readers.setdefault(name, len(details.readers)) if name else -1)
        details.at.append(NOTHING if at is None else at)
        details.how.append(way)
        bound = _bound(*map(str.strip, audit)) if any(audit) else None
        if bound is None and not all(map(is_blank, audit)):
            problems.add(f"Line {line}: what it says of an audit is not complete; label kept without.")
        details.bound.append(-1 if bound is None else details.bounds.setdefault(bound, len(details.bounds)))

    def findings(self) -> None:
        """They are told row by row."""


def _time(cell: str) -> int | None:
    try:
        time = datetime.fromisoformat(cell.strip())
        return seconds_of(time) if time.tzinfo is not None else None  # of which clock? not for guessing
    except (ValueError, OverflowError):
        return None


def _bound(audit: str, error_bound: str, confidence: str, audit_state: str) -> LabelBound | None:
    number, share, sure = integer_of(audit), _share(error_bound), _share(confidence)
    state = next((state for state in get_args(AuditState) if state == audit_state.casefold()), None)
    if sure is None or state is None or (share is None and (error_bound or state != "failed")):
        return None
    if number is None and (audit or share is None):  # without a number it is what suggestions were accepted with
        return None
    return LabelBound(number, share, sure, state)


def _share(cell: str) -> float | None:
    try:
        return share if 0 <= (share := float(cell)) <= 1 else None
    except ValueError:
        return None


LONG = Format(
    "long",
    "Long, with provenance",
    "For another copy of this program and for statistics. One row a label, with its reader, time, how it was given and "
    "the bound of its audit; notes and what to come back to as well.",
    recognises=lambda names: {"file", "finding", "value"} <= names,
    reader=_Long,
)
