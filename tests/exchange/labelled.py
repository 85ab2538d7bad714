"""A project with labels for tests of what leaves it, and an empty copy into which it is read back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.exchange.form import Wanted
from cxr_explorer.exchange.forms import form_named
from cxr_explorer.labels.label import Judgement, LabelRow, Value
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project import exporting, importing, labelling, notes
from cxr_explorer.project.project import Project
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.matching import match_files
from cxr_explorer.tables.read import read_labels
from tests.project.projects import embed_all, files, new_project

NAMES = ["=1+1.png", 'a, b/"c".png', "b/ü.png", "b/-d.png", "'=e.png", " f.png", "g\n.png", "d=1&e.png"]
FINDINGS = ("Effusion", "=Mass", "Pleural thickening", "Pleural_2")


def empty(tmp_path: Path) -> Project:
    project = new_project(tmp_path, 20)
    embed_all(project)
    project.update_files(files(*NAMES), files(*(f"{number:02}.png" for number in range(20))))
    embed_all(project)
    project.set_vocabulary(Vocabulary("Odd", FINDINGS))
    return project


def labelled(tmp_path: Path, readers: tuple[str, ...] = ("ana", "ben, MD", "ana (re-read)")) -> Project:
    """Readers who judge everything in every way, a note on an image with labels, and one on an image without."""
    project = empty(tmp_path)
    ids = np.array(sorted(project.paths()))
    random = np.random.default_rng(3)
    for reader in readers:
        for finding in FINDINGS:
            for value in Value:
                way = "reread" if "(" in reader else "cluster"
                some = ids[:-1][random.random(len(ids) - 1) < 0.4]
                labelling.label(project, some, Judgement(finding, value, reader, way, int(random.integers(9)), 1))
    notes.write_note(project, 3, 'twice, "quoted"\nover two lines', readers[0])
    notes.set_flag(project, 5, True, readers[0])
    notes.write_note(project, int(ids[-1]), "=formula", readers[0])
    return project


def skip_without(form: str) -> None:
    """Skips a test of a form whose package is not installed."""
    if missing := form_named(form).missing:
        pytest.skip(f"{missing} is not installed")


def written(project: Project, out: Path, form: str, wanted: Wanted | None = None) -> WriteReport:
    """Writes a form; returns the report."""
    *shares, report = form_named(form).write(project, out, wanted or Wanted())
    assert isinstance(report, WriteReport)
    assert all(isinstance(share, float) and 0 <= share <= 1 for share in shares)
    return report


def read_back(project: Project, table: Path, reader: str = "imported") -> tuple[str, ...]:
    """Takes a file into a project as `import` does; returns what could not be used of it."""
    found = read_labels(table, project.vocabulary.findings, project.vocabulary)
    matching = match_files(found.files, project.paths().values())
    rows = importing.rows_to_import(found, matching, reader, project.vocabulary)
    importing.import_labels(project, rows, reader, rows.noted())
    return (*found.problems, *rows.problems)


def labels(project: Project) -> Iterator[LabelRow]:
    """Every label but for what audits say of it."""
    return (replace(row, bound=None) for row in exporting.label_rows(project))
