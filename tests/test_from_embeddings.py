"""A folder of films and a file of another model's embeddings: the whole way, and what cannot be done with it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cxr_explorer as cxr
from cxr_explorer import indexing as indexing_module
from cxr_explorer.cli.main import main
from cxr_explorer.encoder.file_model import file_model, is_of_file
from cxr_explorer.pace import run_out
from cxr_explorer.project.project import Project
from cxr_explorer.shards.file_vectors import model_of
from cxr_explorer.tables.embeddings import reading_embeddings
from tests.images.dicom_files import dicom, ramp
from tests.shards.films import BROKEN, draw
from tests.work_here import JobsHere

KINDS = np.eye(6)[:2] * 5


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing_module, "Jobs", JobsHere)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """24 films of two kinds, a DICOM file, and one that cannot be read."""
    folder = tmp_path / "films"
    for number in range(24):
        draw(folder / ("a" if number % 2 else "b") / f"{number:02}.png", number)
    (folder / "x.dcm").write_bytes(dicom(ramp(), PatientSex="F"))
    (folder / "broken.png").write_bytes(BROKEN)
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file())


def vectors_of(files: list[str], seed: int = 0) -> np.ndarray[Any, Any]:
    """Two groups, told by the folder."""
    noise = np.random.default_rng(seed).normal(0, 0.3, (len(files), 6))
    return KINDS[[int(file.startswith("a/")) for file in files]] + noise


def save(path: Path, files: list[str], vectors: Any) -> str:
    np.savez(path, files=np.array(files), embeddings=vectors)
    return str(path)


def index(*words: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["index", *words, "--json"]) == 0, capsys.readouterr().err
    report: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return report


def test_from_a_file_to_a_map_and_suggestions(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = names_in(films)
    vectors = vectors_of(files)
    path, project = save(tmp_path / "clip.npz", files, vectors), str(tmp_path / "p.cxr")
    small = ["--min-cluster-size", "5", "--neighbours", "5"]
    report = index(str(films), "--from-embeddings", path, "--project", project, *small, capsys=capsys)
    assert (report["images"], report["embedded"], report["without_embedding"]) == (26, 25, 0)
    assert report["clusters"] >= 2
    assert [failed["file"] for failed in report["failed"]] == ["broken.png"]
    assert report["from_file"]["images"] == 26 and report["from_file"]["dimension"] == 6
    with Project.open(Path(project)) as opened:
        model = model_of(opened)
        assert model == file_model("clip", "clip.npz", 6) and is_of_file(model.key)
        ids, found = opened.embeddings(model.key)
        by_path = {path: image_id for image_id, path in opened.paths().items()}
        for file, vector in zip(files, vectors, strict=True):
            if file != "broken.png":
                np.testing.assert_allclose(found[ids.tolist().index(by_path[file])], vector, rtol=1e-6)
        assert len(opened.thumbnails(ids.tolist())) == 25
        record = opened.image(by_path["x.dcm"])
        assert record.facts["sex"] == "F" and record.size[0] > 0
        assert opened.known_files()["x.dcm"].digest
    assert main(["embeddings", project, str(tmp_path / "out.npz")]) == 0
    own = run_out(reading_embeddings(tmp_path / "out.npz"))  # what the program writes it reads
    np.testing.assert_array_equal(own.vectors, found)
    assert main(["map", project, "--seed", "3"]) == 0
    assert main(["label", project, "Effusion", "present", "--cluster", "1"]) == 0
    assert main(["label", project, "Effusion", "absent", "--cluster", "2"]) == 0
    capsys.readouterr()
    assert main(["suggest", project, "--finding", "Effusion", "--json"]) == 0
    assert main(["duplicates", project]) == 0
    assert main(["strangers", project]) == 0
    assert main(["report", project, str(tmp_path / "report.html")]) == 0
    assert "embeddings from clip.npz" in (tmp_path / "report.html").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["similar", project, "--to", "a/01.png", "--count", "5"]) == 0
    assert all("  a/" in line for line in capsys.readouterr().out.splitlines())
    (tmp_path / "other.png").write_bytes((films / "a/01.png").read_bytes()[:-1])
    assert main(["similar", project, "--to", str(tmp_path / "other.png")]) == 1
    assert "no encoder of theirs is here" in capsys.readouterr().err


def test_new_images_wait_for_a_new_file(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, project = names_in(films), str(tmp_path / "p.cxr")
    path = save(tmp_path / "clip.npz", files[:20], vectors_of(files[:20]))
    words = [str(films), "--project", project]
    report = index(*words, "--from-embeddings", path, "--name", "CLIP ViT", capsys=capsys)
    assert (report["embedded"], report["without_embedding"], report["reused"]) == (20, 6, 0)
    assert main(["index", *words]) == 0  # goes on with the file's, which it has not
    said = capsys.readouterr().out
    assert "0 analysed, 20 from before, 0 unreadable" in said
    assert "images without an embedding, which are not on the map: 6. Make the file anew" in said
    with Project.open(Path(project)) as opened:
        assert [failure.path for failure in opened.failures()] == files[20:]
        assert all(failure.bare and "in clip.npz" in failure.reason for failure in opened.failures())
    whole = save(tmp_path / "whole.npz", files, np.concatenate([vectors_of(files[:20]), vectors_of(files[20:], 1)]))
    report = index(*words, "--from-embeddings", whole, "--name", "CLIP ViT", capsys=capsys)
    assert (report["embedded"], report["without_embedding"]) == (5, 0)
    assert report["encoder"].startswith("file-CLIP-ViT-")


def test_another_models_embeddings_are_never_mixed_in(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, project = names_in(films), str(tmp_path / "p.cxr")
    words = [str(films), "--project", project, "--from-embeddings"]
    index(*words, save(tmp_path / "clip.npz", files[:20], vectors_of(files[:20])), capsys=capsys)
    other = save(tmp_path / "clip.npz", files, -vectors_of(files))
    assert main(["index", *words, other]) == 1
    assert "another model's, or of another run. Nothing was changed" in capsys.readouterr().err
    with Project.open(Path(project)) as opened:
        assert opened.latest_map().image_ids.size == 20  # type: ignore[union-attr]
    assert index(*words, other, "--name", "second", capsys=capsys)["embedded"] == 25


def test_rows_are_matched_and_never_guessed(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(films / "c" / "00.png", 99)
    rows = {
        "/elsewhere/films/b/02.png": 0,  # a path that ends alike
        "01.png": 1,  # a name that occurs once
        "03": 2,  # the name without its extension
        "00.png": 3,  # two images have this name
        "nowhere.png": 4,
        "B/04.PNG": 5,
        "b/06.png": 6,
    }
    files = [*rows, "b/06.png", "b/08.png", "b/08.png"]
    vectors = np.random.default_rng(0).normal(size=(len(files), 6))
    vectors[9] = vectors[8]  # twice the same is no contradiction
    vectors[4, 2] = np.nan
    path = save(tmp_path / "clip.npz", files, vectors)
    assert main(["index", str(films), "--from-embeddings", path, "--project", str(tmp_path / "p.cxr")]) == 0
    said = capsys.readouterr().out
    assert "5 analysed, 0 from before, 0 unreadable" in said
    assert "clip.npz: 10 rows of 6 numbers, of 5 images here" in said
    assert "rows that may mean several images or share one, not taken: 1: 00.png" in said
    assert "rows left out: 3: b/06.png: its rows 7 and 8 differ.; Row 5 (nowhere.png): it holds" in said
    with Project.open(tmp_path / "p.cxr") as opened:
        ids, found = opened.embeddings(model_of(opened).key)  # type: ignore[union-attr]
        paths = opened.paths()
        assert {paths[image_id]: row for image_id, row in zip(ids.tolist(), found.tolist(), strict=True)} == {
            file: pytest.approx(vectors[row].tolist(), rel=1e-6)
            for file, row in {"b/02.png": 0, "a/01.png": 1, "a/03.png": 2, "b/04.png": 5, "b/08.png": 8}.items()
        }


def test_a_file_of_another_folder_changes_nothing(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / "clip.npz", ["p.png", "q.png"], np.ones((2, 6)))
    project = str(tmp_path / "p.cxr")
    assert main(["index", str(films), "--from-embeddings", path, "--project", project]) == 1
    assert "none of its 2 rows belongs to one of the 26 images" in capsys.readouterr().err
    with Project.open(Path(project)) as opened:
        assert model_of(opened) is None and opened.failures() == []


def test_an_encoder_takes_over_when_it_is_named(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, project = names_in(films), str(tmp_path / "p.cxr")
    path = save(tmp_path / "clip.npz", files[:20], vectors_of(files[:20]))
    index(str(films), "--project", project, "--from-embeddings", path, capsys=capsys)
    encoder = ["--encoder", "imagenet-lite0", "--device", "cpu"]
    report = index(str(films), "--project", project, *encoder, capsys=capsys)
    assert (report["embedded"], report["without_embedding"], report["from_file"]) == (25, 0, {})
    with Project.open(Path(project)) as opened:
        assert model_of(opened) is None and len(opened.embedded_ids(file_model("clip", "", 6).key)) == 20
        assert [failure.path for failure in opened.failures()] == ["broken.png"]


def test_wrong_words_are_told(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path / "clip.npz", ["a"], np.ones((1, 6)))
    for words, said in (
        (["--from-embeddings", path], "the folder is missing"),
        ([str(films), "--from-embeddings", path, "--encoder", "simclr-cxr"], "--encoder does not go with"),
        ([str(films), "--name", "x"], "--name goes with"),
    ):
        assert main(["index", *words]) == 2
        assert said in capsys.readouterr().err
    assert main(["index", str(tmp_path / "nowhere"), "--from-embeddings", path]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_in_a_notebook(films: Path, tmp_path: Path) -> None:
    files = names_in(films)
    path = save(tmp_path / "clip.npz", files, vectors_of(files))
    with cxr.create_project(films, tmp_path / "p.cxr", embeddings=path, model="clip") as project:
        assert project.index().without_embedding == 0  # goes on with the file's
        found = project.embeddings()
        assert found.vectors.shape == (25, 6) and is_of_file(found.encoder)
        with pytest.raises(ValueError, match="exclude one another"):
            project.index(encoder="simclr-cxr", embeddings=path)


def test_a_picture_that_is_lost_is_made_anew_and_the_embedding_stays(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, project = names_in(films), str(tmp_path / "p.cxr")
    vectors = vectors_of(files)
    words = [str(films), "--project", project]
    index(*words, "--from-embeddings", save(tmp_path / "clip.npz", files, vectors), capsys=capsys)
    with Project.open(Path(project)) as opened, opened.db.atomic():
        opened.db.execute("DELETE FROM thumbnails WHERE image_id < 5")
    report = index(*words, capsys=capsys)
    assert (report["embedded"], report["without_embedding"]) == (len(files) - 1 - 21, 0)
    with Project.open(Path(project)) as opened:
        assert opened.thumbnail_ids().size == opened.embeddings(report["encoder"])[0].size == 25
