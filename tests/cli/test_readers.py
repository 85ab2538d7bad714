"""Several readers on the command line: agreement, merge, whose labels are exported."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import label_columns, labelling
from cxr_explorer.project.project import Project
from tests.project.projects import new_project

P, A = Value.PRESENT, Value.ABSENT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Six images; ann and bob differ on the second one, and cat's say makes a majority."""
    with new_project(tmp_path) as made:
        for reader, answers in {"ann": [P, P, A, A], "bob": [P, A, A, A], "cat": [P, P]}.items():
            for image_id, value in enumerate(answers, start=1):
                labelling.label(made, np.array([image_id]), Judgement("Effusion", value, reader, "single"))
        return made.path


def last_json(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_agreement_tells_kappa_and_the_files_on_which_two_differ(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["agreement", str(project), "--readers", "ann", "bob", "--finding", "effusion", "--json"]) == 0
    (pair,) = last_json(capsys)["pairs"]
    assert (pair["finding"], pair["images"], pair["kappa"]) == ("Effusion", 4, 0.5)
    assert pair["disagreements"] == [{"file": "01.png", "first": "present", "second": "absent"}]
    assert main(["agreement", str(project)]) == 0
    text = capsys.readouterr().out
    assert "ann and bob\n  Effusion: 4 images, 75.0 % the same, kappa 0.50" in text
    assert "All 3: Effusion: Fleiss' kappa" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--readers", "ann"], "needs two readers"),
        (["--readers", "ann", "zoe"], "no labels by zoe"),
        (["--finding", "Gout"], "Effusion"),
    ],
)
def test_agreement_says_what_is_wrong(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["agreement", str(project), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_export_writes_one_reader_the_majority_or_what_was_adjudicated(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"

    def cells(*flags: str) -> list[str]:
        assert main(["export", str(project), str(out), "--format", "chexpert", *flags]) == 0
        return [row["Effusion"] for row in csv.DictReader(out.read_text(encoding="utf-8").splitlines())]

    assert cells("--reader", "bob") == ["1", "0", "0", "0"]
    assert cells("--majority") == ["1", "1", "0", "0"]
    capsys.readouterr()
    assert cells("--adjudicated") == ["1", "0", "0"]
    assert "1 left blank" in capsys.readouterr().out
    assert main(["export", str(project), str(out), "--majority", "--json"]) == 0
    assert last_json(capsys)["unresolved"] == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert {row["reader"] for row in rows} == {"majority"}
    assert main(["export", str(project), str(out), "--reader", "zoe"]) == 1
    assert main(["export", str(project), str(out), "--reader", "ann", "--majority"]) == 2


def test_merge_counts_first_then_takes(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "dan.csv"
    table.write_text("Path,Effusion\n00.png,1\n01.png,0\nnowhere.png,0\n", encoding="utf-8")
    assert main(["merge", str(project), str(table)]) == 1
    assert "needs a name" in capsys.readouterr().err
    assert main(["merge", str(project), str(table), "--as", "dan", "--dry-run", "--json"]) == 0
    plan = last_json(capsys)
    assert (plan["new"], plan["unmatched"], plan["merged"]) == (2, 1, None)
    assert main(["merge", str(project), str(table), "--as", "ann"]) == 0
    text = capsys.readouterr().out
    assert "01.png: Effusion by ann is present here, absent there" in text
    assert "Nothing was changed." in text
    assert main(["merge", str(project), str(table), "--as", "ann", "--take-theirs", "--json"]) == 0
    assert last_json(capsys)["merged"] == "Merged 1 label on 1 image"
    with Project.open_read_only(project) as opened:
        assert label_columns.label_column(opened, "Effusion", "ann").values.tolist() == [1, 0, 0, 0]


def test_names_that_are_no_readers_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = project.parent / "t.csv"
    table.write_text("Path,Effusion\n00.png,1\n", encoding="utf-8")
    assert main(["merge", str(project), str(table), "--as", "Adjudicated"]) == 1
    assert main(["import", str(project), str(table), "--reader", "majority"]) == 1
    assert "not a reader" in capsys.readouterr().err
