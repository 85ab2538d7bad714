"""Label tables written label by label with the csv module, to compare `exporting` with."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from cxr_explorer.labels.label import LabelRow
from cxr_explorer.labels.reader_names import REREAD
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.project.exporting import label_rows
from cxr_explorer.project.notes import note_rows
from cxr_explorer.project.project import Project
from cxr_explorer.tables.cells import harmless
from cxr_explorer.tables.long import HEADER, NOTE_HEADER


def export_plainly(project: Project, out: Path, format: str, reader: str | None = None, notes: bool = True) -> None:
    """What `export_labels` writes, from one label after the other."""
    rows = (row for row in label_rows(project) if reader in (None, row.reader))
    with out.open("w", encoding="utf-8", newline="") as stream:
        if format == "long":
            _write_long(stream, project, rows, reader, notes)
        else:
            _write_wide(stream, project, rows, reader, format)


def _write_long(stream, project: Project, rows: Iterable[LabelRow], reader: str | None, notes: bool) -> None:
    noted = {(row.file, row.reader): row.note for row in note_rows(project, reader)} if notes else {}
    table = csv.DictWriter(stream, (*HEADER, *(NOTE_HEADER if notes else ())))
    table.writeheader()

    def note(key: tuple[str, str]) -> dict[str, str]:
        if key not in noted:
            return {}
        one = noted[key]
        return {"note": harmless(one.text), "come_back": "yes" if one.flagged else "", "note_time": harmless(one.at)}

    told = set()
    for row in rows:
        cells = {
            "file": harmless(row.file),
            "finding": harmless(row.finding),
            "value": VALUE_WORDS[row.value],
            "reader": harmless(row.reader),
            "time": harmless(row.at),
            "how": row.how,
            "cluster": row.cluster,
            "map": row.map_id,
        }
        if (bound := row.bound) is not None:
            cells["audit"] = bound.audit
            if bound.error_bound is not None:
                cells["error_bound"] = f"{math.ceil(bound.error_bound * 10_000 - 1e-9) / 10_000:g}"
            cells["confidence"] = f"{math.floor(bound.confidence * 10_000 + 1e-9) / 10_000:g}"
            cells["audit_state"] = bound.state
        told.add(key := (row.file, row.reader))
        table.writerow({**cells, **note(key)})
    for file, name in noted:
        if (file, name) not in told:
            table.writerow({"file": harmless(file), "reader": harmless(name), **note((file, name))})


def _write_wide(stream, project: Project, rows: Iterable[LabelRow], reader: str | None, format: str) -> None:
    findings = project.vocabulary.findings
    excludes = project.vocabulary.excludes_among(findings)
    images: dict[str, dict[str, LabelRow]] = {}
    for row in rows:
        if row.finding not in findings or (reader is None and row.reader.endswith(REREAD)):
            continue
        said = images.setdefault(row.file, {})
        if row.finding not in said or row.at >= said[row.finding].at:
            said[row.finding] = row
    header = ("Image Index", "Finding Labels") if format == "nih" else ("Path", *map(harmless, findings))
    table = csv.DictWriter(stream, header)
    table.writeheader()
    for file, said in images.items():
        if format == "nih":
            there = [finding for finding in findings if finding in said and said[finding].value == 1]
            kept = [finding for finding in there if not set(there) & set(excludes.get(finding, ()))]
            table.writerow({"Image Index": harmless(file), "Finding Labels": harmless("|".join(kept))})
        else:
            cells = {harmless(finding): int(row.value) for finding, row in said.items()}
            table.writerow({"Path": harmless(file), **cells})
