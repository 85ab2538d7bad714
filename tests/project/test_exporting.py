"""Labels leave whole columns at a time, and as they would label by label."""

import csv
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project import exporting, labelling, notes
from cxr_explorer.project.project import Project
from tests.project.audits.test_lots import begin, read
from tests.project.plain_export import export_plainly
from tests.project.projects import embed_all, files, new_project

NAMES = ["=1+1.png", 'a, b/"c".png', "b/ü.png", "b/-d.png", "'=e.png", " f.png", "g\n.png"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two readers, a re-read and one who notes only; odd names; answers given in any order; labels under an audit."""
    project = new_project(tmp_path, 60)
    project.update_files(files(*NAMES), [])
    embed_all(project)
    project.set_vocabulary(Vocabulary("Odd", ("Effusion", "=Mass", "No Finding", "Nodule")))
    ids = np.array(sorted(project.paths()))
    random = np.random.default_rng(3)
    for reader in ("ana", "ben, MD", "ana (re-read)"):
        for finding in ("Effusion", "=Mass", "No Finding", "Old, finding"):
            for value in Value:
                way = "reread" if "(" in reader else "cluster"
                some = ids[random.random(len(ids)) < 0.4]
                labelling.label(project, some, Judgement(finding, value, reader, way, int(random.integers(9)), 1))
    with project.db.atomic():  # answers of one second, earlier and later ones
        project.db.execute("UPDATE labels SET at = '2026-01-01T00:00:0' || abs(random() % 3) || 'Z' WHERE image_id % 4")
    audit = begin(project, limit=0.2)
    read(project, audit, wrong=1, upto=5)
    notes.write_note(project, 3, 'twice, "quoted"\nover two lines', "ana")
    notes.set_flag(project, 5, True, "cy")
    notes.write_note(project, int(ids[-1]), "=formula", "ben, MD")
    return project


@pytest.mark.parametrize("reader", [None, "ana", "ben, MD", "cy", "nobody"])
@pytest.mark.parametrize("noted", [True, False])
@pytest.mark.parametrize("format", ["long", "nih", "chexpert"])
def test_every_form_is_what_it_is_label_by_label(
    project: Project, tmp_path: Path, format: str, noted: bool, reader: str | None
) -> None:
    with project:
        exporting.export_labels(project, tmp_path / "ours.csv", format, reader, notes=noted)
        export_plainly(project, tmp_path / "plain.csv", format, reader, noted)
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_texts_that_are_their_own_cells_take_the_same_way(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        embed_all(project)
        labelling.label(project, np.array([1, 2, 5]), Judgement("Effusion", Value.UNCERTAIN, "ana", "lasso", 4, 2))
        for format in ("long", "nih", "chexpert"):
            exporting.export_labels(project, tmp_path / "ours.csv", format)
            export_plainly(project, tmp_path / "plain.csv", format)
            assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_what_is_reported_is_what_was_written(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"

    def rows() -> list[dict[str, str]]:
        with out.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    with project:
        every = list(exporting.label_rows(project))
        own = [row for row in every if row.reader == "ana"]
        report = exporting.export_labels(project, out, "long")
        assert (report.labels, report.notes) == (len(every), 3)
        assert report.images == len({row["file"] for row in rows()})
        report = exporting.export_labels(project, out, "chexpert", "ana")
        assert report.images == len(rows())
        assert report.other_findings == sum(row.finding == "Old, finding" for row in own) > 0
        assert report.labels == len(own) - report.other_findings and report.superseded == 0
        report = exporting.export_labels(project, out, "chexpert")
        first = [row for row in every if not row.reader.endswith("(re-read)")]
        assert report.labels + report.superseded + report.other_findings == len(first) and report.superseded > 0
        assert report.conflicts > 0
        report = exporting.export_labels(project, out, "nih", "ana")
        values = [row.value for row in own if row.finding != "Old, finding"]
        assert (report.absent, report.uncertain) == (values.count(Value.ABSENT), values.count(Value.UNCERTAIN))
        assert report.labels == sum(len(row["Finding Labels"].split("|")) for row in rows() if row["Finding Labels"])


def test_an_agreed_answer_goes_into_every_form(project: Project, tmp_path: Path) -> None:
    with project:
        for format in ("long", "nih", "chexpert"):
            report = exporting.export_labels(project, tmp_path / "t.csv", format, rule="majority")
            assert report.labels and report.unresolved and report.one_reader
