"""The data set is loaded by those it is written for, tells the labels as they are, and no patient's name."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_explorer.errors import UserError
from cxr_explorer.exchange import folder, image_folder
from cxr_explorer.exchange.form import Wanted
from cxr_explorer.exchange.image_folder import finding_columns
from cxr_explorer.images.read import read
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project import labelling
from cxr_explorer.project.exporting import label_rows
from cxr_explorer.project.project import Project
from cxr_explorer.tables.format import WriteReport
from tests.exchange.labelled import written
from tests.images.dicom_files import dataset_of, file_of, ramp
from tests.project.audits.test_lots import begin
from tests.project.audits.test_lots import read as read_audit
from tests.project.projects import embed_all, files, new_project

FINDINGS = ("Effusion", "No Finding", "a`c", "image")
COUNT = 40


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Films of 12 patients, named after them, all but two judged in every way; one of two formats each."""
    project = new_project(tmp_path, 0)
    random = np.random.default_rng(5)
    names = [f"DOE^JOHN_{number:02}.{'dcm' if number % 8 == 0 else 'png'}" for number in range(COUNT)]
    for name in names:
        path = project.folder / name
        if path.suffix == ".dcm":
            path.write_bytes(file_of(dataset_of(ramp(), PatientName="DOE^JOHN", PatientID="MRN4711")))
        else:
            Image.fromarray(random.integers(0, 255, (24, 20), np.uint8)).save(path)
    project.update_files(files(*names), [])
    embed_all(project)
    project.set_vocabulary(Vocabulary("Odd", FINDINGS))
    ids = np.array(sorted(project.paths()))
    for finding in FINDINGS:
        for value in Value:
            some = ids[:-2][random.random(COUNT - 2) < 0.4]
            labelling.label(project, some, Judgement(finding, value, "ana", "cluster", 1, 1))
    with project.db.atomic():
        rows = [(int(image_id), "patient", str(image_id % 12)) for image_id in ids[:36]]
        rows += [(int(image_id), "fold", ("Training", "test", "Fold 3")[image_id % 3]) for image_id in ids[:30]]
        project.db.conn.executemany("INSERT INTO metadata VALUES (?, ?, ?)", rows)
    return project


def tables(out: Path) -> list[dict[str, str]]:
    rows = []
    for table in sorted(out.glob("*/metadata.csv")):
        with table.open(encoding="utf-8", newline="") as stream:
            rows += [{**row, "folder": table.parent.name} for row in csv.DictReader(stream)]
    return rows


@pytest.fixture
def no_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "find_spec", lambda name: None)


@pytest.mark.usefixtures("no_pyarrow")
def test_every_label_is_in_the_tables_and_every_film_is_the_picture_that_is_shown(
    project: Project, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    with project:
        report = written(project, out, "imagefolder", Wanted("ana", file_names=True))
        every = {(row.file, row.finding, int(row.value)) for row in label_rows(project)}
        sources = project.folder
    rows = tables(out)
    columns = finding_columns(FINDINGS)
    said = {
        (row["source_file"], finding, int(row[column]))
        for row in rows
        for finding, column in columns.items()
        if row[column]
    }
    assert said == every and report.labels == len(every) and report.images == len(rows)
    for row in rows:
        shown = np.asarray(Image.open(out / row["folder"] / row["file_name"]))
        assert np.array_equal(shown, np.rint(read(sources / row["source_file"]).pixels * np.float32(255)))
        assert row["split"] == row["folder"] and row["reader"] == "ana"
    assert len(list(out.glob("*/*.png"))) == len(rows)


@pytest.mark.usefixtures("no_pyarrow")
def test_films_of_one_patient_are_in_one_part(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "set"
    with project:
        written(project, out, "imagefolder", Wanted("ana", file_names=True))
        paths = project.paths()
        groups = project.patient_groups(np.array(sorted(paths))).tolist()
        group_of = {paths[image_id]: group for image_id, group in zip(sorted(paths), groups, strict=True)}
    rows = tables(out)
    for one in rows:
        for other in rows:
            if group_of[one["source_file"]] == group_of[other["source_file"]] >= 0:
                assert one["split"] == other["split"] and one["patient"] == other["patient"] != ""
    assert {row["patient"] for row in rows if group_of[row["source_file"]] < 0} <= {""}
    assert {row["split"] for row in rows} == {"train", "validation", "test"}


@pytest.mark.usefixtures("no_pyarrow")
@pytest.mark.parametrize("said_by", ["header", "content", "study"])
def test_films_that_belong_together_by_other_signs_are_in_one_part(
    project: Project, tmp_path: Path, said_by: str
) -> None:
    """Every third film is joined to one chain, though a table names twelve patients: all of them are one set."""
    with project:
        ids = sorted(project.paths())[::3]
        with project.db.atomic():
            for image_id in ids:
                if said_by == "header":
                    facts = json.dumps({"view": "PA", "patient mark": "0badcafe"})
                    project.db.execute("UPDATE images SET facts = ? WHERE id = ?", [facts, image_id])
                elif said_by == "content":
                    project.db.execute("UPDATE images SET digest = 'same' WHERE id = ?", [image_id])
                else:
                    project.db.execute("INSERT INTO metadata VALUES (?, 'study', '7')", [image_id])
        written(project, tmp_path / "set", "imagefolder", Wanted("ana", file_names=True))
        joined = {project.paths()[image_id] for image_id in ids}
    rows = [row for row in tables(tmp_path / "set") if row["source_file"] in joined]
    assert len(rows) > 5 and len({row["split"] for row in rows}) == 1 and len({row["patient"] for row in rows}) == 1


def test_no_name_is_in_the_data_set_unless_it_was_asked_for(project: Project, tmp_path: Path) -> None:
    with project:
        written(project, tmp_path / "set", "imagefolder")
    for path in (tmp_path / "set").rglob("*"):
        assert "DOE" not in path.name
        assert path.is_dir() or not any(
            word in path.read_bytes() for word in (b"DOE", b"MRN4711", b"ana"[:0] or b"JOHN")
        )


def test_a_film_has_the_same_name_in_every_data_set_of_a_project(project: Project, tmp_path: Path) -> None:
    with project:
        written(project, tmp_path / "one", "imagefolder")
        written(project, tmp_path / "two", "imagefolder")
    names = [
        sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
        for out in (tmp_path / "one", tmp_path / "two")
    ]
    assert names[0] == names[1] != []


@pytest.mark.usefixtures("no_pyarrow")
def test_a_fact_can_say_which_part_a_film_is_in(project: Project, tmp_path: Path) -> None:
    with project:
        report = written(project, tmp_path / "set", "imagefolder", Wanted("ana", split_by="fold"))
        with pytest.raises(UserError, match="fold"):
            written(project, tmp_path / "other", "imagefolder", Wanted("ana", split_by="hospital"))
    assert {row["split"] for row in tables(tmp_path / "set")} == {"train", "test", "fold_3"}
    assert any("left out: fold is not known" in remark for remark in report.remarks)
    assert "patients are in more than one part" not in report.remarks[0]  # 3 divides 12
    assert "split: fold_3" in (tmp_path / "set" / "README.md").read_text(encoding="utf-8")


def test_the_card_states_counts_origins_audits_and_what_is_left_out(project: Project, tmp_path: Path) -> None:
    with project:
        ids = np.array(sorted(project.paths()))
        labelling.label(project, ids[:30], Judgement("Effusion", Value.PRESENT, "ana", "cluster", 1, 1))
        read_audit(project, begin(project, limit=0.3), wrong=1)
        with project.db.atomic():
            project.db.execute("""UPDATE images SET facts = '{"burned-in annotation": "YES"}' WHERE id = 1""")
            project.db.execute("UPDATE images SET replaced = 1 WHERE id = 2")
        (project.folder / project.paths()[3]).unlink()
        report = written(project, tmp_path / "set", "imagefolder", Wanted("ana"))
    card = (tmp_path / "set" / "README.md").read_text(encoding="utf-8")
    for said in (
        "burned in",
        "another content",
        "1 images could not be read",
        "Effusion by ana",
        "confidence",
        "image by image",
    ):
        assert said in card, said
    assert "| a'c |" in card
    assert len(report.remarks) == 4 and report.images == len(list((tmp_path / "set").glob("*/*.png")))


LOAD = """
import json, sys
from datasets import load_dataset
found = load_dataset("imagefolder", data_dir=sys.argv[1])
print(json.dumps([[{**{key: row[key] for key in row if key != "image"}, "size": row["image"].size} for row in part]
                  for part in found.values()]), list(found))
"""


def test_hugging_face_datasets_loads_it_without_a_network(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    out = tmp_path / "set"
    with project:
        report = written(project, out, "imagefolder", Wanted("ana", file_names=True))
        every = {(row.file, row.finding, int(row.value)) for row in label_rows(project)}
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    run = subprocess.run(
        [sys.executable, "-c", LOAD, out], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    rows, names = run.stdout.strip().splitlines()[-1].rsplit(" [", 1)
    assert "train" in names and "validation" in names and "test" in names
    found = [row for part in json.loads(rows) for row in part]
    columns = finding_columns(FINDINGS)
    assert {
        (row["source_file"], finding, row[column])
        for row in found
        for finding, column in columns.items()
        if row[column] is not None
    } == every
    assert len(found) == report.images and all(row["size"][0] > 0 for row in found)


CROISSANT = """
import json, sys
import mlcroissant as mlc
dataset = mlc.Dataset(sys.argv[1])
print(json.dumps([sorted(dataset.metadata.ctx.issues.errors), sorted(dataset.metadata.ctx.issues.warnings)]))
def plain(value):
    return value.decode() if isinstance(value, bytes) else value
names = {field["@id"]: field["name"] for field in json.load(open(sys.argv[1]))["recordSet"][0]["field"]}
rows = [{names[key]: plain(value) for key, value in record.items() if not key.endswith("image")}
        | {"size": list(record["films/image"].size)} for record in dataset.records("films")]
print(json.dumps(rows, default=lambda value: None if value != value else float(value)))
"""


@pytest.mark.parametrize("with_pyarrow", [True, False])
def test_mlcroissant_validates_and_loads_it(
    project: Project, tmp_path: Path, with_pyarrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlcroissant")
    if not with_pyarrow:
        monkeypatch.setattr(image_folder, "find_spec", lambda name: None)
    out = tmp_path / "set"
    with project:
        report = written(project, out, "imagefolder", Wanted("ana", file_names=True))
        every = {(row.file, row.finding, int(row.value)) for row in label_rows(project)}
    run = subprocess.run(
        [sys.executable, "-c", CROISSANT, out / "croissant.json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    issues, rows = run.stdout.strip().splitlines()[-2:]
    assert json.loads(issues)[0] == []
    found = json.loads(rows)
    columns = finding_columns(FINDINGS)
    assert {
        (row["source_file"], finding, int(row[column]))
        for row in found
        for finding, column in columns.items()
        if row[column] is not None and row[column] == row[column]
    } == every
    assert len(found) == report.images


def test_a_run_that_is_ended_leaves_nothing(project: Project, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    with project:
        steps = image_folder.write_image_folder(project, tmp_path / "set", Wanted())
        next(steps)
        steps.close()  # type: ignore[attr-defined]
        assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_a_killed_run_left_is_taken_away_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "set"
    part = tmp_path / ".set.part"
    part.mkdir()
    (part / "mine.txt").touch()
    folder.forget_unfinished(out)
    with pytest.raises(UserError, match="in the way"), folder.new_folder(out):
        pass
    assert (part / "mine.txt").exists()
    (part / ".unfinished").touch()
    folder.forget_unfinished(out)
    assert not part.exists() and not out.exists()


def test_a_folder_that_is_there_is_never_written_over(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "set"
    out.mkdir()
    (out / "precious.txt").touch()
    with project, pytest.raises(UserError, match="there already"):
        written(project, out, "imagefolder")
    assert [path.name for path in out.iterdir()] == ["precious.txt"]
    (out / "precious.txt").unlink()
    with project.open_read_only(project.path) as again:
        assert isinstance(written(again, out, "imagefolder"), WriteReport)


def test_where_nothing_can_be_written_it_is_said(project: Project, tmp_path: Path) -> None:
    with project:
        with pytest.raises(UserError, match="No labelled image"):
            written(project, tmp_path / "set", "imagefolder", Wanted("nobody"))
        for path in project.folder.iterdir():
            path.unlink()
        with pytest.raises(UserError, match="No image could be read"):
            written(project, tmp_path / "set", "imagefolder")
    assert not (tmp_path / "set").exists()


def test_columns_of_findings_are_each_their_own() -> None:
    columns = finding_columns(["image", "finding image present", "file_name", "x_file_name", "Mass"])
    assert len(set(columns.values())) == 5 and columns["Mass"] == "Mass"
    assert not {"image", "file_name", "x_file_name"} & set(columns.values())
