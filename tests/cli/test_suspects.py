"""The command `suspects`."""

import csv
import json
from pathlib import Path

import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.project.project import Project
from tests.suspect_project import WRONG, make_suspect_project


def test_suspect_labels_are_written_most_suspect_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = make_suspect_project(tmp_path), tmp_path / "suspects.csv"
    asked = ["suspects", "--project", str(path), "--finding", "no finding", "--out", str(out)]
    assert main(asked) == 0
    assert "The program doubts 3 of the 72 labels" in capsys.readouterr().out
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with Project.open_read_only(path) as project:
        assert {row["file"] for row in rows} == {project.paths()[image_id] for image_id in WRONG}
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert sorted(row["label"] for row in rows) == ["absent", "present", "present"]
    assert {(row["finding"], row["reader"]) for row in rows} == {("No Finding", "reader 1")}
    confidence = [float(row["confidence"]) for row in rows]
    assert confidence == sorted(confidence)
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["doubted"], told["present"], told["absent"], told["judged"]) == (3, 25, 47, 0)


def test_too_few_labels_are_an_error_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = make_suspect_project(tmp_path), tmp_path / "suspects.csv"
    asked = ["suspects", "--project", str(path), "--finding", "No Finding", "--reader", "Nobody", "--out", str(out)]
    assert main(asked) == 1
    assert "Too few labels" in capsys.readouterr().err
    assert not out.exists()


def test_an_unknown_finding_is_named_with_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_suspect_project(tmp_path)
    assert main(["suspects", "--project", str(path), "--finding", "Xyz", "--out", str(tmp_path / "a.csv")]) == 1
    assert "Xyz is not among the project's findings" in capsys.readouterr().err
