"""CSV tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.project.exporting import export_labels
from cxr_explorer.project.project import Project
from cxr_explorer.tables.chexpert import CHEXPERT
from cxr_explorer.tables.format import Format, WriteReport
from cxr_explorer.tables.long import LONG
from cxr_explorer.tables.nih import NIH


def _form(format: Format) -> Form:
    def write(project: Project, out: Path, wanted: Wanted) -> Iterator[float | WriteReport]:
        yield export_labels(project, out, format.name, wanted.reader, wanted.rule, wanted.notes)

    return Form(
        format.name,
        f"CSV: {format.title}",
        format.help,
        ".csv",
        write,
        every_label=not format.one_judgement,
        heeds=frozenset() if format.one_judgement else frozenset({"notes"}),
    )


LONG_CSV, NIH_CSV, CHEXPERT_CSV = map(_form, (LONG, NIH, CHEXPERT))
