"""The command line: its JSON, its exit codes, its files. One real run is shared by the tests that only look."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_explorer import indexing
from cxr_explorer.cli.main import main
from cxr_explorer.project import exporting
from cxr_explorer.project.project import Project
from tests.work_here import JobsHere


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, demo_images: Path) -> tuple[Path, Path]:
    """A folder of 40 simulated images and its project, made in processes of their own."""
    home = tmp_path_factory.mktemp("cli")
    shutil.copytree(demo_images, home / "images")
    assert main(["index", str(home / "images"), "--project", str(home / "demo.cxr")]) == 0
    return home / "images", home / "demo.cxr"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "Jobs", JobsHere)


def last_json(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_index_tells_all_in_its_last_line(indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder, project = indexed
    assert main(["index", str(folder), "--project", str(project), "--json"]) == 0
    report = last_json(capsys)
    assert {"images", "embedded", "reused", "failed", "clusters", "noise", "seconds", "device", "encoder"} <= set(
        report
    )
    assert (report["images"], report["embedded"], report["reused"], report["failed"]) == (40, 0, 40, [])
    assert report["device"]


def test_the_same_input_gives_the_same_map_in_another_process(
    indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str], here: None
) -> None:
    project = indexed[1]
    with Project.open_read_only(project) as opened:
        before = opened.latest_map()
    assert main(["map", str(project), "--json"]) == 0
    assert last_json(capsys)["clusters"] == int(before.clusters.max()) + 1  # type: ignore[union-attr]
    with Project.open_read_only(project) as opened:
        after = opened.latest_map()
    assert after.map_id > before.map_id  # type: ignore[union-attr]
    np.testing.assert_array_equal(after.xy, before.xy)  # type: ignore[union-attr]


def test_map_parameters_are_stored_and_kept(
    indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str], here: None
) -> None:
    project = indexed[1]
    assert main(["map", str(project), "--min-cluster-size", "5", "--seed", "3"]) == 0
    with Project.open_read_only(project) as opened:
        parameters = opened.latest_map().parameters  # type: ignore[union-attr]
    assert parameters["clusters"]["min_cluster_size"] == 5
    assert parameters["layout"]["seed"] == 3


def test_label_export_and_import_make_a_round_trip(
    indexed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = indexed[1]
    arguments = ["label", str(project), "effusion", "absent", "--cluster", "1", "--reader", "ann"]
    assert main([*arguments, "--json"]) == 0
    labelled = last_json(capsys)["images"]
    assert labelled > 0
    out = tmp_path / "labels.csv"
    assert main(["export", str(project), str(out), "--format", "chexpert"]) == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["Effusion"] for row in rows] == ["0"] * labelled
    assert main(["export", str(project), str(out)]) == 0
    assert main(["import", str(project), str(out), "--dry-run", "--json"]) == 0
    capsys_report = last_json(capsys)
    assert (capsys_report["matched"], capsys_report["unmatched"]) == (labelled, 0)
    assert main(["export", str(project), str(tmp_path / "nih.csv"), "--format", "nih"]) == 0
    assert (tmp_path / "nih.csv").read_text(encoding="utf-8").startswith("Image Index,Finding Labels")


def test_named_files_are_left_out_of_a_cluster_label(
    indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    project = indexed[1]
    with Project.open_read_only(project) as opened:
        latest = opened.latest_map()
        members = latest.image_ids[latest.clusters == 0].tolist()  # type: ignore[union-attr]
        paths = opened.paths()
    odd = [paths[image_id] for image_id in members[:2]]
    arguments = ["label", str(project), "nodule", "present", "--cluster", "1", "--reader", "bob"]
    assert main([*arguments, "--json", "--except", *odd]) == 0
    assert last_json(capsys)["images"] == len(members) - 2
    with Project.open_read_only(project) as opened:
        labelled = {row.file for row in exporting.label_rows(opened) if row.reader == "bob"}
    assert labelled == {paths[image_id] for image_id in members[2:]}
    assert main([*arguments, "--except", "elsewhere.png"]) == 1
    assert "elsewhere.png is not in the project" in capsys.readouterr().err


def test_labels_that_exclude_each_other_are_told(
    indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["label", str(indexed[1])], ["--cluster", "1", "--reader", "cat"]
    assert main([*words[0], "No Finding", "present", *words[1], "--json"]) == 0
    first = last_json(capsys)
    assert first["contradicting"] == 0
    assert main([*words[0], "Mass", "present", *words[1]]) == 0
    said = capsys.readouterr().out
    assert f"{first['images']} images carry Mass and No Finding as present, which exclude each other." in said
    assert main([*words[0], "Edema", "present", *words[1], "--json"]) == 0
    assert last_json(capsys)["contradicting"] == first["images"]


def test_index_and_strangers_tell_what_is_no_frontal_chest_film(
    indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path, here: None
) -> None:
    project = tmp_path / "demo.cxr"
    shutil.copy(indexed[1], project)
    with Project.open(project, back_up=False) as opened:
        opened.db.execute("""UPDATE images SET facts = '{"modality": "CT"}' WHERE id = 3""")
        opened.db.conn.commit()
        path = opened.paths()[3]
    assert main(["strangers", str(project), "--json"]) == 0
    told = last_json(capsys)
    assert told["looked"]
    assert {"file": path, "by": "header", "reason": "CT", "excluded": False, "kept": False} in told["strangers"]
    assert main(["strangers", str(project)]) == 0
    assert any(line.split() == ["header:", "CT", path] for line in capsys.readouterr().out.splitlines())
    assert main(["index", str(indexed[0]), "--project", str(project)]) == 0
    said = capsys.readouterr().out
    assert "than a frontal chest film" in said
    assert f"None was excluded. List them: cxr-explorer strangers {project}" in said
    assert main(["index", str(indexed[0]), "--project", str(project), "--json"]) == 0
    counted = last_json(capsys)["strangers"]
    assert counted["looked"]
    assert counted["by_header"] >= 1


def test_outliers_are_listed_most_alone_first(indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outliers", str(indexed[1]), "--count", "5", "--json"]) == 0
    listed = last_json(capsys)["outliers"]
    assert 0 < len(listed) <= 5
    scores = [row["score"] for row in listed]
    assert scores == sorted(scores, reverse=True)
    assert (indexed[0] / listed[0]["file"]).is_file()
    assert main(["outliers", str(indexed[1]), "--count", "5"]) == 0
    assert listed[0]["file"] in capsys.readouterr().out.splitlines()[0]


def test_copies_and_near_duplicates_are_listed_in_groups(
    tmp_path: Path, demo_images: Path, capsys: pytest.CaptureFixture[str], here: None
) -> None:
    folder, project = tmp_path / "images", tmp_path / "demo.cxr"
    shutil.copytree(demo_images, folder)
    first, second = sorted(folder.rglob("*.png"))[:3:2]  # the one between is much like five others
    shutil.copy(first, folder / "copy.png")
    with Image.open(second) as picture:
        brighter = picture.convert("L").point(lambda value: min(255, round(value * 1.02)))
    brighter.save(folder / "brighter.png")
    assert main(["index", str(folder), "--project", str(project)]) == 0
    capsys.readouterr()
    assert main(["duplicates", str(project), "--json"]) == 0
    found = last_json(capsys)
    assert found["pictures_compared"]
    names = {first: first.relative_to(folder).as_posix(), second: second.relative_to(folder).as_posix()}
    groups = {frozenset(row["file"] for row in group): group for group in found["groups"]}
    copies, alike = groups[frozenset({"copy.png", names[first]})], groups[frozenset({"brighter.png", names[second]})]
    assert all(row["same_file"] for row in copies)
    assert not any(row["same_file"] for row in alike)
    assert all(0 < row["share"] <= found["limit"] for row in alike)
    assert main(["duplicates", str(project)]) == 0
    assert "same file      copy.png" in capsys.readouterr().out


def test_embeddings_are_written_for_notebooks(indexed: tuple[Path, Path], tmp_path: Path) -> None:
    assert main(["embeddings", str(indexed[1]), str(tmp_path / "out.npz")]) == 0
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"file", "embedding", "x", "y", "cluster"}
        assert arrays["embedding"].shape[0] == 40
        assert arrays["embedding"].dtype == np.float32
        assert {len(arrays[name]) for name in arrays} == {40}
        assert (indexed[0] / str(arrays["file"][0])).is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["index", "missing-folder"],
        ["map", "missing.cxr"],
        ["export", "missing.cxr", "out.csv"],
        ["embeddings", "missing.cxr", "out.npz"],
        ["index", ".", "--encoder", "missing-encoder"],
        ["index", ".", "--device", "mps"],
    ],
)
def test_a_user_error_is_one_clear_line_and_exit_code_1(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("cxr-explorer: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["index"], ["export", "a", "b", "--format", "other"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2


def test_opening_a_window_without_a_screen_is_a_user_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cxr_explorer.cli.window.has_screen", lambda: False)
    monkeypatch.delenv("QT_QPA_PLATFORM")
    assert main(["open"]) == 1
    assert "no screen" in capsys.readouterr().err


def test_a_project_of_another_folder_is_refused(
    indexed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", str(tmp_path), "--project", str(indexed[1])]) == 1
    assert "another folder" in capsys.readouterr().err


def test_an_unknown_finding_names_the_known_ones(
    indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", str(indexed[1]), "Gout", "present", "--cluster", "1"]) == 1
    assert "Cardiomegaly" in capsys.readouterr().err


def test_doctor_says_what_runs_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = last_json(capsys)
    assert found["packages"]["torch"] != "missing"
    assert found["device"]
    assert found["qt platform"] == "offscreen"


def test_the_demo_without_a_screen_goes_the_whole_way(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cxr_explorer",
            "demo",
            "--headless",
            "--folder",
            str(tmp_path),
            "--count",
            "16",
            "--json",
        ],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["embedded"] == 16
    picture = np.asarray(Image.open(report["picture"]).convert("RGB")).astype(int)
    coloured = np.ptp(picture, axis=2) > 60
    clustered = 16 - report["noise"]
    assert clustered > 0
    assert coloured.sum() > 50 * clustered, "every clustered image is a point of its cluster's colour"
    assert len(Path(report["labels"]).read_text(encoding="utf-8").splitlines()) > 1
    if os.name == "posix":  # all of it may speak of patients, so it is its owner's alone
        assert {path.stat().st_mode & 0o077 for path in tmp_path.rglob("*")} == {0}


def test_similar_lists_the_others_by_likeness(indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder, project = indexed
    with Project.open_read_only(project) as opened:
        first = sorted(opened.paths().values())[0]
    assert main(["similar", str(project), "--to", first, "--count", "5", "--json"]) == 0
    inside = last_json(capsys)["images"]
    assert len(inside) == 5
    assert first not in [row["file"] for row in inside]
    likeness = [row["likeness"] for row in inside]
    assert likeness == sorted(likeness, reverse=True)
    assert main(["similar", str(project), "--to", str(folder / first)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 20


def test_a_file_from_elsewhere_is_most_like_itself(
    indexed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, project = indexed
    with Project.open_read_only(project) as opened:
        first = sorted(opened.paths().values())[0]
    copied = tmp_path / f"elsewhere{Path(first).suffix}"
    copied.write_bytes((folder / first).read_bytes())
    assert main(["similar", str(project), "--to", str(copied), "--count", "1", "--json"]) == 0
    (row,) = last_json(capsys)["images"]
    assert row["file"] == first
    assert row["likeness"] > 0.999


def test_similar_says_what_is_wrong(
    indexed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = indexed[1]
    assert main(["similar", str(project), "--to", "nowhere.png"]) == 1
    assert "neither an image of the project nor a file" in capsys.readouterr().err
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    assert main(["similar", str(project), "--to", str(tmp_path / "broken.png")]) == 1
    assert "broken.png" in capsys.readouterr().err
    assert main(["similar", str(project), "--to", "nowhere.png", "--count", "0"]) == 1


def test_search_lists_the_files_that_hold_all_words(
    indexed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    project = indexed[1]
    with Project.open_read_only(project) as opened:
        paths, facts = opened.paths(), opened.facts()
    assert main(["search", str(project), "view:PA", "unlabelled", "--reader", "nobody", "--json"]) == 0
    found = last_json(capsys)
    assert found["files"] == [paths[i] for i in sorted(paths) if facts[i].get("view") == "PA"]
    assert found["images"] == len(found["files"]) > 0
    assert main(["search", str(project), "label:No Finding", "--reader", "nobody"]) == 0
    assert capsys.readouterr().out.splitlines() == ["0 images"]
    assert main(["search", str(project), "colour:red"]) == 1
    assert "view" in capsys.readouterr().err
