"""The command `audit`: what it plans, starts, takes from a table and lists."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.cli.main import main
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import labelling
from tests.project.projects import ENCODER, embed_all, new_project

COUNT = 60


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """60 images in clusters of 40 and 20, the first one labelled present, the other absent."""
    with new_project(tmp_path, COUNT) as made:
        embed_all(made)
        ids = np.arange(1, COUNT + 1)
        clusters = np.repeat([0, 1], [40, 20]).astype(np.int32)
        one = np.ones(COUNT, np.float32)
        made.store_map(
            ENCODER, MapParameters().to_dict(), ids, BuiltMap(np.zeros((COUNT, 2), np.float32), clusters, one, one, one)
        )
        labelling.label(made, ids[:40], Judgement("Effusion", Value.PRESENT, "reader 1", "cluster", 0, 1))
        labelling.label(made, ids[40:], Judgement("Effusion", Value.ABSENT, "reader 1", "cluster", 1, 1))
        return made.path


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """What each image shows; the last two of the second cluster are labelled wrongly."""
    path = tmp_path / "truth.csv"
    rows = [
        f"{number:02}.png,Effusion,{'present' if number < 40 or number > 57 else 'absent'}" for number in range(COUNT)
    ]
    path.write_text("\n".join(["file,finding,value", *rows]) + "\n", encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], project: Path, *arguments: str) -> dict[str, Any]:
    assert main(["audit", str(project), "--finding", "effusion", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_a_plan_says_what_would_be_read_and_stores_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (plan,) = run(capsys, project, "--cluster", "1", "--plan")["audits"]
    assert (plan["title"], plan["labels"], plan["sample"], plan["tolerated"]) == ("Cluster 1", 40, 25, 0)
    assert plan["text"] == "Effusion, Cluster 1: you will read 25 of 40 images. One error fails the audit."
    both = run(capsys, project, "--every-cluster", "--plan", "--tolerated", "1")
    assert [row["tolerated"] for row in both["audits"]] == [1, 1]
    assert both["images_to_read"] == sum(row["sample"] for row in both["audits"])
    (pool,) = run(capsys, project, "--plan")["audits"]
    assert pool["labels"] == COUNT
    assert run(capsys, project, "--list")["audits"] == []


def test_a_started_audit_lists_its_files_and_is_answered_from_a_table(
    project: Path, truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (started,) = run(capsys, project, "--cluster", "1", "--start", "--seed", "3")["audits"]
    assert (started["state"], started["seed"], len(started["files"])) == ("open", 3, started["sample"])
    (ended,) = run(capsys, project, "--cluster", "1", "--answers", str(truth))["audits"]
    assert (ended["audit"], ended["state"], ended["errors"]) == (started["audit"], "passed", 0)
    assert 0 < ended["error_bound"] <= 0.05
    out = tmp_path / "labels.csv"
    assert main(["export", str(project), str(out)]) == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert {(row["audit"], row["audit_state"], row["confidence"]) for row in rows} == {
        (str(ended["audit"]), "valid", "0.95"),
        ("", "", ""),
    }
    assert sum(row["audit"] != "" for row in rows) == 40


def test_every_cluster_is_audited_at_once_and_failures_are_told(
    project: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run(capsys, project, "--every-cluster", "--error-limit", "0.04", "--answers", str(truth))["audits"]
    assert first["state"] == "passed"
    assert second["sample"] == 19  # 5 % of twenty is one image, and one is too many
    assert (second["state"], second["errors"] > 0) == ("failed", True)
    assert [row["state"] for row in run(capsys, project, "--list")["audits"]] == ["passed", "failed"]


def test_the_pool_of_all_labels_is_stated_as_such(
    project: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--error-limit", "0.2", "--tolerated", "2", "--answers", str(truth))
    (pool,) = run(capsys, project, *arguments)["audits"]
    assert pool["state"] == "passed"
    assert "not each cluster" in pool["covers"]
    assert main(["label", str(project), "Effusion", "uncertain", "--cluster", "1"]) == 0
    (listed,) = run(capsys, project, "--list")["audits"]
    assert listed["state"] == "stale"


def test_a_second_audit_says_so_and_an_abandoned_one_stays(
    project: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, project, "--cluster", "1", "--start")
    (gone,) = run(capsys, project, "--abandon", "1")["audits"]
    assert gone["state"] == "abandoned"
    (plan,) = run(capsys, project, "--cluster", "1", "--plan")["audits"]
    assert plan["earlier"] == [1]
    (second,) = run(capsys, project, "--cluster", "1", "--answers", str(truth))["audits"]
    assert (second["earlier"], second["confidence"]) == ([1], 0.9)
    assert "over 2 audits" in second["text"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--finding", "Gout", "--plan"],
        ["--finding", "Nodule", "--plan"],
        ["--finding", "Effusion", "--cluster", "9", "--plan"],
        ["--finding", "Effusion", "--abandon", "4"],
        ["--finding", "Effusion", "--plan", "--tolerated", "30"],
        ["--finding", "Effusion", "--plan", "--confidence", "1"],
    ],
)
def test_what_cannot_be_done_is_one_line(
    project: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(project), *arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_words_for_people(project: Path, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", str(project), "--finding", "Effusion", "--every-cluster", "--answers", str(truth)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Audit 1: Effusion, Cluster 1: passed: error ≤ ")
    assert lines[-1].startswith("2 audits, ")
