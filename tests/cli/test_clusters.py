"""The command line's `clusters`, and `label` on clusters that a reader has divided and named."""

import json
from pathlib import Path

import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.project import exporting, label_columns, partitions
from cxr_explorer.project.project import Project
from tests.project.projects import embed_all, new_project
from tests.project.test_partitions import COUNT, places, store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with new_project(tmp_path, COUNT) as project:
        embed_all(project)
        store(project, places())
        return project.path


def listed(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict:
    assert main(["clusters", str(path), "--json", *more]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_level_divides_the_map_and_undo_is_the_windows(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = listed(path, capsys)
    fine, coarse = listed(path, capsys, "--level", "1"), listed(path, capsys, "--level", "0")
    assert len(fine["clusters"]) > len(before["clusters"]) > len(coarse["clusters"])
    assert (fine["level"], coarse["level"]) == (1, 0)
    assert {row["lineage"] for row in coarse["clusters"]} == {"merged"}
    assert sum(row["images"] for row in coarse["clusters"]) + coarse["unclustered"] == coarse["images"]
    assert main(["clusters", str(path), "--level", "0"]) == 0
    text = capsys.readouterr().out
    assert "already" in text
    assert "merged from" in text
    assert main(["clusters", str(path), "--level", "2"]) == 1


def test_a_cluster_is_labelled_by_its_name_or_number(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Project.open(path) as project:
        partitions.merge(project, [2, 3], "ann")
        partitions.rename(project, 2, "Lines", "ann")
        found = project.latest_map()
        assert found is not None
        members = set(found.image_ids[found.clusters == 2].tolist())
        identity = found.identity(2)
    assert main(["label", str(path), "effusion", "present", "--cluster", "lines", "--reader", "ann"]) == 0
    with Project.open(path) as project:
        assert set(label_columns.label_column(project, "Effusion", "ann").image_ids.tolist()) == members
        assert {row.cluster for row in exporting.label_rows(project)} == {identity}
    assert main(["label", str(path), "effusion", "absent", "--cluster", str(identity + 1), "--reader", "ann"]) == 0
    with Project.open(path) as project:
        assert set(label_columns.label_column(project, "Effusion", "ann").image_ids.tolist()) == members
    assert main(["label", str(path), "effusion", "absent", "--cluster", "77"]) == 1
    assert "no cluster 77" in capsys.readouterr().err
