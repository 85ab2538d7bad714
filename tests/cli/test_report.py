"""`cxr-explorer report`: a report without a window."""

import json
from pathlib import Path

import pytest

from cxr_explorer.cli.main import main
from tests.project.projects import embed_all, new_project


def test_the_report_is_written_and_told_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with new_project(tmp_path, 4) as project:
        embed_all(project)
    out = tmp_path / "report.html"
    assert main(["report", str(project.path), str(out), "--no-images", "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["images"], said["labelled"], said["bytes"]) == (4, 0, out.stat().st_size)


def test_a_place_that_cannot_be_written_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with new_project(tmp_path, 4) as project:
        embed_all(project)
    assert main(["report", str(project.path), str(tmp_path / "nowhere" / "r.html")]) == 1
    assert "Cannot write" in capsys.readouterr().err
