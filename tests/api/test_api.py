"""A project in a notebook: the tables it gives, labelling with undo, the lock, and what is not imported for it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cxr_explorer as cxr
from cxr_explorer import indexing
from cxr_explorer.api import frames
from cxr_explorer.labels.label import Value
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.lots import lot_of
from cxr_explorer.project.audits.records import audit_record
from cxr_explorer.project.labelling import exclude
from cxr_explorer.project.project import Project
from tests.project.mapped import make_project
from tests.work_here import JobsHere

ROOT = Path(__file__).resolve().parents[2]

TABLES = ("images", "facts", "map", "clusters", "labels", "targets", "findings", "audits")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.fixture
def project(path: Path) -> Iterator[cxr.OpenProject]:
    with cxr.open_project(path, reader="ann") as opened:
        yield opened


def rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]


def run(program: str, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# -- what is imported --------------------------------------------------------------------------------------------------


def test_importing_the_package_imports_nothing_of_it() -> None:
    program = "import sys, json; before = set(sys.modules); import cxr_explorer as cxr; dir(cxr)\n"
    assert run(program + "print(json.dumps(sorted(set(sys.modules) - before)))") == ["cxr_explorer"]


def test_working_on_a_project_needs_neither_qt_nor_torch_nor_pandas(path: Path) -> None:
    program = """
import json, sys
for name in ("torch", "PySide6", "pandas"):
    sys.modules[name] = None  # importing it fails
import cxr_explorer as cxr
with cxr.open_project(sys.argv[1]) as project:
    project.label("Effusion", "present", cluster=1)
    project.label("Effusion", "absent", cluster=2)
    tables = {name: getattr(project.arrays, name)() for name in TABLES}
    tables["suggestions"] = project.arrays.suggestions("Effusion")
    vectors = project.embeddings().vectors
    project.undo()
    said = []
    for ask in (project.labels, project.torch_dataset):
        try:
            ask()
        except cxr.UserError as error:
            said.append(str(error))
print(json.dumps([{name: len(columns) for name, columns in tables.items()}, vectors.shape, said]))
"""
    tables, shape, said = run(program.replace("TABLES", repr(TABLES)), str(path))
    assert min(tables.values()) > 0
    assert shape[0] == 10
    assert "pip install pandas" in said[0]
    assert "`.arrays`" in said[0]
    assert "pip install torch" in said[1]


def test_the_package_offers_what_the_room_does() -> None:
    from cxr_explorer import api

    assert set(cxr.__all__) == {*api.__all__, "__version__"}
    assert all(getattr(cxr, name) is getattr(api, name) for name in api.__all__)
    assert set(cxr.__all__) <= set(dir(cxr))
    with pytest.raises(AttributeError, match="nothing_such"):
        cxr.nothing_such  # type: ignore[attr-defined]  # noqa: B018


def test_every_public_name_says_what_it_gives() -> None:
    from cxr_explorer import api

    for name in ("open_project", "create_project", "OpenProject", "ProjectArrays", "Embeddings", "Labelled"):
        named = getattr(api, name)
        members = (
            [getattr(named, each) for each in vars(named) if not each.startswith("_")]
            if isinstance(named, type)
            else []
        )
        for one in (named, *members):
            assert getattr(one, "__doc__", None), one


# -- tables ------------------------------------------------------------------------------------------------------------


def test_images_are_all_files_the_project_knows(project: cxr.OpenProject) -> None:
    images = rows(project.arrays.images())
    assert [image["file"] for image in images] == [*(f"{number:02}.png" for number in range(10)), "broken.png"]
    assert [image["state"] for image in images] == ["read"] * 10 + ["failed"]
    assert (images[0]["height_px"], images[0]["width_px"], images[-1]["height_px"]) == (60, 50, 0)
    assert {image["patient"] for image in images} == {-1}
    facts = project.arrays.facts()
    assert list(facts) == ["image_id", "age", "folder", "view"]
    assert facts["view"].tolist() == ["PA", "AP"] * 5


def test_map_and_clusters_are_numbered_as_the_window_names_them(project: cxr.OpenProject) -> None:
    found, clusters = project.arrays.map(), rows(project.arrays.clusters())
    assert found["cluster"].tolist() == [1] * 5 + [2] * 3 + [0] * 2
    assert found["x"].dtype == np.float32
    assert found["x"].shape == (10,)
    assert [(row["cluster"], row["name"], row["images"]) for row in clusters] == [
        (1, "Cluster 1", 5),
        (2, "Cluster 2", 3),
        (0, "Unclustered", 2),
    ]
    embeddings = project.embeddings()
    assert embeddings.image_ids.tolist() == found["image_id"].tolist()
    assert embeddings.vectors.shape[0] == 10
    with pytest.raises(cxr.UserError, match="no embeddings of the encoder other"):
        project.embeddings("other")


def test_labels_say_how_they_came_and_targets_are_numbers(project: cxr.OpenProject) -> None:
    project.label("effusion", "present", cluster="Cluster 1", leave_out=["00.png"])
    project.label("Effusion", "uncertain", images="05.png", one_by_one=True)
    project.label("Nodule", Value.ABSENT, images=np.array([1, 2]), reader="bob")
    labels = rows(project.arrays.labels())
    assert [
        (row["file"], row["finding"], row["value"], row["reader"], row["how"], row["cluster"]) for row in labels
    ] == [
        ("00.png", "Nodule", 0, "bob", "selection", -1),
        ("01.png", "Effusion", 1, "ann", "cluster", 1),
        ("01.png", "Nodule", 0, "bob", "selection", -1),
        *((f"0{number}.png", "Effusion", 1, "ann", "cluster", 1) for number in (2, 3, 4)),
        ("05.png", "Effusion", -1, "ann", "single", -1),
    ]
    assert len(project.arrays.labels(finding="nodule")["file"]) == 2
    with pytest.raises(cxr.UserError, match="not among the project's findings"):
        project.arrays.labels(finding="Ague")
    assert len(project.arrays.labels(reader="ann")["file"]) == 5

    exclude(project._project, np.array([10]), True, "ann")
    targets = project.arrays.targets(["Effusion"])
    assert list(targets) == ["image_id", "file", "Effusion"]
    nan = np.nan
    np.testing.assert_array_equal(targets["Effusion"], np.float32([nan, 1, 1, 1, 1, nan, nan, nan, nan]))
    assert project.arrays.targets(["Effusion"], uncertain=0.5)["Effusion"][5] == 0.5
    assert list(project.arrays.targets())[2:] == list(project.vocabulary)
    assert np.nansum(1 - project.arrays.targets(["Nodule"], reader="bob")["Nodule"]) == 2


def test_without_labels_enough_there_is_a_reason_and_no_suggestion(project: cxr.OpenProject) -> None:
    assert np.isnan(project.arrays.suggestions("Effusion")["probability"]).all()
    effusion = rows(project.arrays.findings())[list(project.vocabulary).index("Effusion")]
    assert "Too few labels" in effusion["reason"]
    assert (effusion["present"], effusion["left"]) == (0, 10)
    with pytest.raises(cxr.UserError, match="not among the project's findings"):
        project.arrays.suggestions("Ague")


def test_audits_are_listed_with_their_bounds(project: cxr.OpenProject) -> None:
    project.label("Effusion", "present", cluster=1)
    inner = project._project
    number = conduct.start(inner, lot_of(inner, "Effusion", "ann"), 0.2, 0.95, seed=1)
    (row,) = rows(project.arrays.audits())
    assert (row["state"], row["answered"], row["labels"]) == ("open", 0, 5)
    assert np.isnan(row["error_bound"])
    for image_id in audit_record(inner, number).sample.tolist():
        conduct.answer(inner, audit_record(inner, number), image_id, Value.PRESENT)
    (row,) = rows(project.arrays.audits("Effusion", "ann"))
    assert (row["state"], row["errors"], row["error_limit"]) == ("passed", 0, 0.2)
    assert row["error_bound"] <= 0.2
    assert {(one["audit"], one["bound"]) for one in rows(project.arrays.labels())} == {(number, "valid")}
    assert rows(project.arrays.audits(reader="bob")) == []


def test_tables_of_a_project_without_map_or_labels_are_empty(tmp_path: Path) -> None:
    from tests.project.projects import new_project

    new_project(tmp_path, 0).close()
    with cxr.open_project(tmp_path / "test.cxr") as empty:
        for name in ("images", "facts", "labels", "targets", "audits"):
            assert all(len(column) == 0 for column in getattr(empty.arrays, name)().values())
        for ask in (empty.arrays.map, empty.arrays.clusters, empty.arrays.findings, empty.embeddings):
            with pytest.raises(cxr.UserError, match="no map yet"):
                ask()


def test_frames_are_the_same_tables(project: cxr.OpenProject) -> None:
    pandas = pytest.importorskip("pandas")
    project.label("Effusion", "present", cluster=1)
    for name in TABLES:
        frame, columns = getattr(project, name)(), getattr(project.arrays, name)()
        assert isinstance(frame, pandas.DataFrame)
        assert list(frame) == list(columns)
        assert len(frame) == len(next(iter(columns.values())))
        for column in columns:
            np.testing.assert_array_equal(frame[column].to_numpy(), columns[column])
    assert project.suggestions("Effusion")["probability"].isna().all()
    assert frames.frame_of({}).empty


# -- the reader's verbs ------------------------------------------------------------------------------------------------


def test_labelling_is_one_act_that_is_taken_back_and_done_again(project: cxr.OpenProject) -> None:
    done = project.label("Effusion", "present", cluster=1)
    assert (done.images, done.overwritten, done.excluded, done.already) == (5, 0, 0, 0)
    assert done.text == "Effusion = present on 5 images"
    again = project.label("Effusion", "absent", images=[1, 2])
    assert (again.images, again.overwritten) == (2, 2)
    assert project.label("Effusion", "absent", images=[1, 2]).text == "Nothing changed"
    assert project.undo() == again.text
    assert project.undo() == done.text
    assert project.undo() is None
    assert len(project.arrays.labels()["file"]) == 0
    assert project.redo() == done.text
    assert project.label("Effusion", "not read", images=[1]).images == 1
    assert len(project.arrays.labels()["file"]) == 4
    assert project.label("No Finding", "present", images=[2, 9]).contradicting == 1


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ValueError, "either a cluster or images"),
        ({"cluster": 1, "images": [1]}, ValueError, "either a cluster or images"),
        ({"cluster": 1, "one_by_one": True}, ValueError, "as a whole"),
        ({"images": [1], "value": "maybe"}, ValueError, "maybe"),
        ({"images": [99]}, cxr.UserError, "no image 99"),
        ({"images": ["else.png"]}, cxr.UserError, "no image else.png"),
        ({"cluster": 7}, cxr.UserError, "no cluster 7"),
        ({"cluster": 1, "finding": "Ague"}, cxr.UserError, "not among the project's findings"),
        ({"cluster": 1, "reader": "adjudicated"}, cxr.UserError, "not a reader"),
    ],
)
def test_what_cannot_be_labelled_is_said_and_nothing_is_stored(
    project: cxr.OpenProject, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        project.label(**{"finding": "Effusion", "value": "present", **arguments})
    assert project.undo() is None


def test_labels_are_written_as_the_command_does(project: cxr.OpenProject, tmp_path: Path) -> None:
    project.label("Effusion", "present", cluster=1)
    assert project.export_labels(tmp_path / "out.csv") == 5
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("file,finding,value")


# -- opening, making ---------------------------------------------------------------------------------------------------


def test_an_open_project_is_locked_for_others_and_can_be_read_meanwhile(path: Path) -> None:
    with cxr.open_project(path) as writing:
        with pytest.raises(cxr.UserError, match="open in another window"):
            cxr.open_project(path)
        with cxr.open_project(path, read_only=True) as reading:
            writing.label("Effusion", "present", cluster=1)
            assert len(reading.arrays.labels()["file"]) == 5
            for name in TABLES:
                assert getattr(reading.arrays, name)()
            assert len(reading.arrays.suggestions("Effusion")["file"]) == 10
            for act in (
                lambda: reading.label("Effusion", "absent", cluster=1),
                reading.undo,
                reading.redo,
                reading.index,
            ):
                with pytest.raises(cxr.UserError, match="read_only"):
                    act()
    with Project.open(path) as window:  # the lock is free again
        assert window.latest_map() is not None
    writing.close()


def test_a_file_that_is_none_and_a_reader_who_is_none_are_refused(tmp_path: Path, path: Path) -> None:
    with pytest.raises(cxr.UserError, match="no such file"):
        cxr.open_project(tmp_path / "nothing.cxr")
    with pytest.raises(cxr.UserError, match="needs a name"):
        cxr.open_project(path, reader=" ")
    cxr.open_project(str(path)).close()


def test_a_folder_becomes_a_project_with_progress(
    demo_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "Jobs", JobsHere)
    seen: list[cxr.Progress] = []
    made = cxr.create_project(
        demo_images, tmp_path / "demo.cxr", findings=["Effusion"], device="cpu", progress=seen.append
    )
    with made:
        assert made.vocabulary == ("Effusion",)
        assert len(made.arrays.map()["x"]) == 40
        made.label("Effusion", "present", images=range(1, 11))
        made.label("Effusion", "absent", images=range(11, 31))
        made.label("Effusion", "uncertain", images=[31])
        found = made.arrays.suggestions("Effusion")
        assert ((found["probability"] >= 0) & (found["probability"] <= 1)).all()
        assert not found["calibrated"].any()
        assert found["image_id"][~found["labelled"]].tolist() == list(range(32, 41))
        queue = found["read_next"] >= 0
        assert set(found["image_id"][queue]) <= set(range(32, 41))
        assert sorted(found["read_next"][queue].tolist()) == list(range(queue.sum()))
    assert {"Looking for images", "Analysing images"} <= {step.stage for step in seen}
    with cxr.create_project(demo_images, tmp_path / "demo.cxr", device="cpu") as again:
        assert len(again.arrays.labels()["file"]) == 31
        assert again.index(device="cpu").embedded == 0


def test_a_run_that_fails_leaves_the_project_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "Jobs", JobsHere)
    (tmp_path / "images").mkdir()
    with pytest.raises(cxr.UserError):
        cxr.create_project(tmp_path / "images", tmp_path / "test.cxr")
    cxr.open_project(tmp_path / "test.cxr").close()


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_pixels_are_those_of_the_window(project: cxr.OpenProject) -> None:
    pixels = project.pixels("03.png")
    assert (pixels.shape, pixels.dtype) == ((60, 50), np.float32)
    assert (pixels.min(), pixels.max()) >= (0.0, 0.9)
    np.testing.assert_array_equal(pixels, project.pixels(4))
    with pytest.raises(cxr.UserError):
        project.pixels("broken.png")


def test_the_torch_dataset_gives_what_the_encoder_is_fed_and_the_labels(path: Path) -> None:
    torch = pytest.importorskip("torch")
    with cxr.open_project(path) as project:
        project.label("Effusion", "present", cluster=1)
        project.label("Effusion", "absent", images=[6], one_by_one=True)
        project.label("Nodule", "uncertain", images=[7])
        films = project.torch_dataset(["Effusion", "Nodule"], size_px=32, transform=lambda picture: picture * 2)
        assert len(project.torch_dataset(["Effusion"], unlabelled=True)) == 10
        assert len(project.torch_dataset(["Nodule"], uncertain=1)) == 1
        plain = project.torch_dataset(["Effusion"], size_px=32)
    assert len(films) == 6
    assert films.findings == ("Effusion", "Nodule")
    assert films.image_ids.tolist() == [1, 2, 3, 4, 5, 6]
    picture, target = films[5]
    assert picture.shape == (1, 32, 32)
    assert picture.dtype == target.dtype == torch.float32
    assert target[0] == 0
    assert torch.isnan(target[1])
    assert films.patients.tolist() == [-1] * 6
    copied = pickle.loads(pickle.dumps(plain))
    assert torch.equal(copied[5][0] * 2, picture)
    batch, targets = next(iter(torch.utils.data.DataLoader(plain, batch_size=4)))
    assert (batch.shape, targets.shape) == ((4, 1, 32, 32), (4, 1))
    (plain._folder / "00.png").unlink()
    with pytest.raises(cxr.UserError, match=r"00\.png"):
        plain[0]
