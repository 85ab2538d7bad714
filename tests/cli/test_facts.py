"""`cxr-explorer metadata`: a table's facts without a window."""

import json
from pathlib import Path

import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.project.facts import stored_facts
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


def test_an_import_names_what_is_odd_before_it_stores(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = project.parent / "labels.csv"
    table.write_text(
        "Path,Sex,Efusion,Effusion\n00.png,1,1,1\n00.png,1,,0\n./01.png,0,,1\n01.png,0,,0\n02.png,1,0,na\n"
    )
    assert main(["import", str(project), str(table), "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["labels"], said["contradicting"], said["new_findings"]) == (2, 2, ["Efusion"])
    assert said["imported"] is None and any("'Sex'" in problem for problem in said["problems"])
    assert main(["import", str(project), str(table)]) == 0
    shown = capsys.readouterr().out
    assert "New, in no vocabulary that is known here: Efusion" in shown and "Imported 2 labels" in shown
    with Project.open(project) as opened:
        assert opened.db.execute("SELECT count(*) FROM labels").fetchone() == (2,)


def test_findings_are_named_in_any_spelling(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suggest", str(project), "--finding", "pleural-effusion"]) == 1
    assert "pleural-effusion is not among" in capsys.readouterr().err
    table = project.parent / "labels.csv"
    table.write_text("Image Index,Finding Labels\n00.png,EFFUSION|No_Dule\n")
    assert main(["import", str(project), str(table), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["findings"] == ["Effusion", "No_Dule"]
    table.write_text("file,finding,value,reader\n00.png,Effusion,0,bob\n00.png,no dule,1,bob\n")
    assert main(["import", str(project), str(table)]) == 0
    assert main(["agreement", str(project), "--finding", "no-dule", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["pairs"][0]["images"] == 1
