"""Facts are read in steps, and say what the rows of the project file say."""

from pathlib import Path

import pytest

from cxr_explorer.pace import run_out
from cxr_explorer.project import image_rows
from cxr_explorer.project.project import Project
from tests.ui.windows import make_project


@pytest.mark.parametrize("step", [1, 3, 1500])
def test_the_table_goes_before_the_file_in_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(image_rows, "STEP", step)
    with Project.open(make_project(tmp_path)) as project:
        before = dict(project.facts())
        with project.db.atomic():
            project.db.conn.executemany(
                "INSERT INTO metadata VALUES (?, ?, ?)",
                [(1, "view", "LL"), (2, "view", ""), (3, "dose", "2"), (3, "patient", "1"), (11, "dose", "3")],
            )
        table = run_out(project.reading_facts())
    assert len(table) == 10
    assert table[1] == {**before[1], "view": "LL"}
    assert table[2] == {name: value for name, value in before[2].items() if name != "view"}
    assert table[3] == {**before[3], "dose": "2"}
    assert {image_id: table[image_id] for image_id in range(4, 11)} == {i: before[i] for i in range(4, 11)}
    assert table.columns["dose"].values == ("2",)
