"""`cxr-explorer metadata`: a table's facts without a window."""

import json
from pathlib import Path

import pytest

from cxr_explorer.cli import main
from cxr_explorer.project.metadata import stored_facts
from cxr_explorer.project.project import Project
from tests.project.projects import embed_all, new_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    with new_project(tmp_path, 3) as opened:
        embed_all(opened)
        return opened.path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(
        "Image Index,Patient ID,View Position,Ward,StudyDate\n00.png,17,AP,ICU,2013-04-05\n01.png,17,PA,,\n"
    )
    return path


def test_without_a_mapping_the_headers_decide(project: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metadata", str(project), str(table), "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["matched"], said["stored"]) == (2, True)
    assert [(fact["fact"], fact["images"]) for fact in said["facts"]] == [("view", 2), ("patient", 2)]
    with Project.open(project) as opened:
        assert stored_facts(opened) == {"patient": 2, "view": 2}


def test_a_dry_run_says_the_same_and_stores_nothing(
    project: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["metadata", str(project), str(table), "--map", "view=View Position", "--map", "ward=Ward", "--dry-run"])
        == 0
    )
    said = capsys.readouterr().out
    assert "ward, from Ward: 1 image, 1 value" in said and "Nothing was changed." in said
    with Project.open(project) as opened:
        assert stored_facts(opened) == {}


def test_a_column_that_is_not_there_ends_with_one_line(
    project: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["metadata", str(project), str(table), "--map", "view=Position"]) == 1
    assert "no column 'Position'" in capsys.readouterr().err
    assert main(["metadata", str(project), str(table), "--file-column", "Picture"]) == 1
    assert "no column 'Picture'" in capsys.readouterr().err


def test_dates_mapped_by_hand_are_left_out(project: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metadata", str(project), str(table), "--map", "when=StudyDate"]) == 0
    assert "1 left out: dates" in capsys.readouterr().out
    with Project.open(project) as opened:
        assert stored_facts(opened) == {}
