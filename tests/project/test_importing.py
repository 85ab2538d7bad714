"""Labels of a table are stored whole columns at a time, and as they would be one by one."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import LabelRow, Value
from cxr_explorer.project import exporting, importing
from cxr_explorer.tables.write import write_labels
from tests.project.projects import embed_all, new_project

ROWS = [
    LabelRow("00.png", "Effusion", Value.PRESENT, "ana", "2026-01-31T12:00:00Z", "cluster", 7, 1),
    LabelRow("00.png", "Nodule", Value.ABSENT, "ben", "2026-01-31T12:00:01Z", "single"),
    LabelRow("03.png", "Effusion", Value.UNCERTAIN, "ana", "2026-01-31T12:00:00Z", "reread", -1, 2),
    LabelRow("05.png", "Nodule", Value.PRESENT, "ben", "2026-02-01T00:00:00Z", "lasso", None, 3),
]


@pytest.mark.parametrize("format", ["long", "nih", "chexpert"])
def test_whole_columns_say_what_the_labels_say_one_by_one(tmp_path: Path, format: str) -> None:
    table = tmp_path / "t.csv"
    with new_project(tmp_path) as project:
        embed_all(project)
        write_labels(table, ROWS, format, ["Effusion", "Nodule"])
        *_, found = importing.examined_labels(table, project.path, "cy")
        assert isinstance(found, importing.Preview)
        incoming = found.rows.by("dee")
        plainly = [importing_row(row) for row in incoming]
        assert list(incoming.stored()) == plainly and len(plainly) == len(incoming) > 0
        importing.import_labels(project, incoming, "dee")
        kept = {row.file + row.finding: row for row in exporting.label_rows(project)}
        assert kept == {row.file + row.finding: row for row in incoming}
        if format == "long":
            assert sorted(kept.values(), key=lambda row: row.file + row.finding) == ROWS


def importing_row(row: LabelRow) -> importing.Stored:
    return row.file, row.finding, row.reader, int(row.value), row.at, row.how, row.cluster, row.map_id


def test_what_the_table_leaves_open_is_filled_in(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(
        "file,finding,value,reader,time\n00.png,Effusion,1,,\n01.png,Effusion,0,ana,2026-01-31T12:00:00Z\n"
    )
    with new_project(tmp_path) as project:
        *_, found = importing.examined_labels(table, project.path, "cy")
        assert isinstance(found, importing.Preview)
        first, second = found.rows.by("dee").stored()
    assert first[2:] == ("dee", 1, found.rows.at, "import", None, None)
    assert second[2:] == ("ana", 0, "2026-01-31T12:00:00Z", "import", None, None)


def test_an_import_closed_before_its_end_stores_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "STEP", 2)
    with new_project(tmp_path) as project:
        steps = importing.importing_labels(project, ROWS, "ana")
        assert [next(steps), next(steps)] == [2, 4]
        steps.close()
        assert not list(exporting.label_rows(project))
        assert not np.array(project.db.execute("SELECT id FROM acts").fetchall()).size
