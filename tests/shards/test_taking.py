"""Shards into a project: the same as analysing the folder, and nothing of a reader's is touched."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer import indexing as indexing_module
from cxr_explorer.cli.main import main
from cxr_explorer.encoder.checkpoint import EncoderInfo, default_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.indexing import Indexing, IndexReport
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import exporting, labelling
from cxr_explorer.project.project import MAP_OUTDATED, Project
from cxr_explorer.shards.run import embed_films
from cxr_explorer.shards.taking import Shards
from tests.images.dicom_files import dicom, ramp
from tests.shards.films import draw, draw_films, small_encoder
from tests.work_here import JobsHere


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing_module, "Jobs", JobsHere)


@pytest.fixture(scope="module")
def encoder() -> EncoderInfo:
    return small_encoder()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, encoder: EncoderInfo) -> Path:
    home = tmp_path_factory.mktemp("taking")
    draw_films(home / "films")
    for number in range(2):
        (home / "films" / f"{number}.dcm").write_bytes(dicom(ramp(), PatientID="Miller-17", PatientSex="F"))
    embed_films(str(home / "films"), str(home / "out"), encoder, "cpu", shard_size=8)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


def project_of(home: Path, name: str = "a.cxr", folder: str = "films") -> Project:
    return Project.create(home / name, home / folder, bundled_vocabularies()[0])


def run(project: Project, encoder: EncoderInfo, shards: Path | None = None) -> IndexReport:
    indexing = Indexing(project, encoder, "cpu", shards=Shards.at(str(shards)) if shards else None)
    while not indexing.finished:
        indexing.advance(5)
    return indexing.report


def test_shards_make_the_project_that_the_folder_makes(home: Path, encoder: EncoderInfo) -> None:
    with project_of(home, "folder.cxr") as of_folder, project_of(home, "shards.cxr") as of_shards:
        run(of_folder, encoder)
        report = run(of_shards, encoder, home / "out")
        assert (report.images, report.taken, report.embedded, report.added) == (22, 21, 0, 22)
        assert of_shards.known_files() == of_folder.known_files()
        assert of_shards.failures() == of_folder.failures()
        ids, embeddings = of_folder.embeddings(encoder.key)
        found_ids, found = of_shards.embeddings(encoder.key)
        np.testing.assert_array_equal(found_ids, ids)
        np.testing.assert_allclose(found, embeddings, atol=1e-4)  # an image's batch may be another
        assert of_shards.thumbnails(ids.tolist()) == of_folder.thumbnails(ids.tolist())
        assert [of_shards.image(number) for number in ids.tolist()] == [of_folder.image(i) for i in ids.tolist()]
        np.testing.assert_array_equal(of_shards.latest_map().image_ids, ids)  # type: ignore[union-attr]
        again = run(of_shards, encoder)  # looks at the folder: all is known
        assert (again.added, again.changed, again.missing, again.embedded) == (0, 0, 0, 0)


def test_labels_survive_and_what_was_not_in_the_shards_stays(home: Path, encoder: EncoderInfo) -> None:
    draw(home / "films" / "own.png", 50)
    with project_of(home) as project:
        run(project, encoder)
        before = project.embeddings(encoder.key)
        labelling.label(project, before[0], Judgement("Effusion", Value.PRESENT, "ann", "selection"))
        rows = list(exporting.label_rows(project))
        report = run(project, encoder, home / "out")
        assert (report.added, report.changed, report.missing) == (0, 0, 0)
        assert list(exporting.label_rows(project)) == rows
        np.testing.assert_array_equal(project.embeddings(encoder.key)[0], before[0])
        assert not project.get(MAP_OUTDATED)


def test_a_film_with_another_content_is_marked_as_replaced(home: Path, encoder: EncoderInfo) -> None:
    with project_of(home) as project:
        run(project, encoder)
        ids = project.embedded_ids(encoder.key)
        labelling.label(project, ids, Judgement("Effusion", Value.PRESENT, "ann", "selection"))
        changed = next(image_id for image_id, path in project.paths().items() if path == "a/01.png")
        draw(home / "films" / "a/01.png", 99)
        embed_films(str(home / "films"), str(home / "out"), encoder, "cpu", shard_size=8)
        assert run(project, encoder, home / "out").changed == 1
        assert [number for number in ids.tolist() if project.image(number).replaced] == [changed]


def test_a_film_the_cluster_could_not_reach_keeps_what_is_known(home: Path, encoder: EncoderInfo) -> None:
    with project_of(home) as project:
        run(project, encoder)
        before = project.embedded_ids(encoder.key)
        (home / "films" / "list.txt").write_text("a/01.png\na/03.png\n")
        (home / "films" / "a/03.png").rename(home / "kept.png")
        embed_films(str(home / "films" / "list.txt"), str(home / "other"), encoder, "cpu")
        run(project, encoder, home / "other")
        np.testing.assert_array_equal(project.embedded_ids(encoder.key), before)
        assert [failure.path for failure in project.failures()] == ["broken.png"]


def test_patients_marks_are_taken_by_a_new_project_alone(home: Path, encoder: EncoderInfo) -> None:
    def marks(project: Project) -> list[str]:
        rows = project.db.execute(
            """SELECT json_extract(facts, '$."patient mark"') FROM images WHERE path LIKE '%.dcm'"""
        )
        return [mark for (mark,) in rows]

    with project_of(home, "new.cxr") as new, project_of(home, "old.cxr") as old:
        run(new, encoder, home / "out")
        first, second = marks(new)
        assert first == second != None  # noqa: E711
        run(old, encoder)
        run(old, encoder, home / "out")
        assert marks(old) == [None, None]  # of another key: they would be taken for another patient's
        run(new, encoder)
        assert marks(new) == [first, second]


def test_another_encoder_is_refused(home: Path) -> None:
    with project_of(home) as project, pytest.raises(UserError, match="Name theirs with --encoder"):
        run(project, default_encoder(), home / "out")


def test_an_incomplete_run_is_refused_before_anything_is_stored(home: Path, encoder: EncoderInfo) -> None:
    (home / "out" / "part-00001.parquet").unlink()
    with project_of(home) as project:
        with pytest.raises(UserError, match="not complete"):
            run(project, encoder, home / "out")
        assert project.image_count() == 0


def test_shards_of_another_rendering_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_explorer.shards.taking.REDRAWN_VERSION", 99)
    with pytest.raises(UserError, match="drew images otherwise"):
        Shards.at(str(home / "out"))


def test_films_of_a_store_need_a_folder_that_may_be_away(home: Path, encoder: EncoderInfo) -> None:
    shards = Shards.at(str(home / "out"))
    assert shards.folder.name == "films"
    with pytest.raises(UserError, match="Name the one where copies"):
        _ = replace(shards, manifest=replace(shards.manifest, prefix="s3://bucket/films")).folder


def test_the_command_line_goes_the_whole_way(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, project = str(home / "new"), str(home / "c.cxr")
    assert main(["embed", str(home / "films"), out, "--encoder", "imagenet-lite0", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "22 images in 1 shards: 21 analysed, 0 from before, 1 unreadable" in said
    assert "broken.png: Damaged" in said
    shutil.rmtree(home / "films")  # the folder may be away: its encoder is the shards', its films are not opened
    away = str(home / "films")
    assert main(["index", away, "--from-embeddings", out, "--project", project]) == 0
    assert "21 of them taken from the shards" in capsys.readouterr().out
    assert main(["index", away, "--from-embeddings", out, "--project", project, "--json"]) == 0
    assert main(["index", "--project", project]) == 2
    assert "the folder is missing" in capsys.readouterr().err
    assert main(["index", "--from-embeddings", str(home / "nowhere"), "--project", project]) == 1
    assert "No run in" in capsys.readouterr().err
    assert main(["embed", out]) == 2
    assert "OUT is missing" in capsys.readouterr().err
