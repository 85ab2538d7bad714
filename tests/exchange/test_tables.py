"""What leaves as Parquet or JSON comes back as it was, and says what its documents say."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.exchange.form import Wanted
from cxr_explorer.exchange.forms import FORMS, exported, form_named
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import exporting, labelling
from cxr_explorer.project.notes import note_rows
from cxr_explorer.project.project import Project
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.read import read_labels
from tests.exchange.labelled import FINDINGS, NAMES, empty, labelled, labels, read_back, skip_without, written
from tests.project.audits.test_lots import begin, read


@pytest.fixture
def copy(tmp_path: Path) -> Project:
    (tmp_path / "copy").mkdir()
    return empty(tmp_path / "copy")


@pytest.mark.parametrize("form", ["long", "parquet", "label-studio"])
def test_every_label_of_every_reader_comes_back_with_its_provenance(tmp_path: Path, form: str, copy: Project) -> None:
    skip_without(form)
    out = tmp_path / f"labels{form_named(form).suffix}"
    with labelled(tmp_path) as project, copy:
        report = written(project, out, form)
        assert read_back(copy, out) == ()
        assert list(labels(copy)) == list(labels(project))
        assert report.labels == len(list(labels(project))) and report.left_out == 0
        if "notes" in form_named(form).heeds:
            assert list(note_rows(copy, None)) == list(note_rows(project, None)) and report.notes == 3


@pytest.mark.parametrize("form", ["chexpert", "parquet-wide"])
def test_a_readers_answers_come_back_from_a_table_of_findings(tmp_path: Path, form: str, copy: Project) -> None:
    skip_without(form)
    out = tmp_path / f"labels{form_named(form).suffix}"
    with labelled(tmp_path, ("ana",)) as project, copy:
        written(project, out, form)
        assert read_back(copy, out, "ana") == ()
        assert [(row.file, row.finding, row.value, row.reader) for row in labels(copy)] == [
            (row.file, row.finding, row.value, row.reader) for row in labels(project)
        ]


@pytest.mark.parametrize("form", [form.name for form in FORMS if not form.is_folder])
def test_a_table_holds_only_what_was_asked_for(tmp_path: Path, form: str) -> None:
    skip_without(form)
    out = tmp_path / "out"
    with labelled(tmp_path) as project:
        own = written(project, out, form, Wanted("ben, MD"))
        assert "ana" not in out.read_bytes().decode(errors="replace").replace("anation", "")
        agreed = written(project, out, form, Wanted(rule="majority"))
        assert agreed.labels > 0 and agreed.unresolved and own.labels > 0
        quiet = written(project, out, form, Wanted(notes=False))
        assert quiet.notes == 0 and b"quoted" not in out.read_bytes()


def test_parquet_has_types_and_the_columns_of_the_csv(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with labelled(tmp_path, ("ana",)) as project:
        read(project, begin(project, limit=0.2), wrong=1, upto=5)
        written(project, tmp_path / "t.parquet", "parquet")
        written(project, tmp_path / "w.parquet", "parquet-wide")
        written(project, tmp_path / "t.csv", "long")
        bounds = {row.file: row.bound for row in exporting.label_rows(project) if row.bound is not None}
    table = parquet.read_table(tmp_path / "t.parquet")
    assert ",".join(table.schema.names) == (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[0]
    assert {str(table.schema.field(name).type) for name in ("cluster", "map", "audit")} == {"int64"}
    assert {str(table.schema.field(name).type) for name in ("error_bound", "confidence")} == {"double"}
    rows = [row for row in table.to_pylist() if row["audit"] is not None]
    assert rows and {row["file"] for row in rows} <= set(bounds)
    for row in rows:
        bound = bounds[row["file"]]
        assert bound is not None and (row["error_bound"] is None or row["error_bound"] >= bound.error_bound)
    wide = parquet.read_table(tmp_path / "w.parquet")
    assert wide.schema.names == ["Path", *FINDINGS] and {str(field.type) for field in wide.schema} == {"string", "int8"}
    assert set(wide["Effusion"].to_pylist()) == {1, 0, -1, None}


def test_a_parquet_file_of_another_program_is_read(tmp_path: Path, copy: Project) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = {"Path": ["x/00.png", "x/01.png"], "Effusion": [1.0, None], "Age": [70, 80], "=Mass": [None, -1.0]}
    parquet.write_table(pa.table(table), tmp_path / "theirs.parquet")
    with copy:
        read_back(copy, tmp_path / "theirs.parquet")
        assert [(row.file, row.finding, row.value) for row in labels(copy)] == [
            ("00.png", "Effusion", Value.PRESENT),
            ("01.png", "=Mass", Value.UNCERTAIN),
        ]


@pytest.mark.parametrize("content", [b"PAR1 and no more", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_damaged_parquet_file_is_said_to_be_one(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(UserError, match="no sound Parquet"):
        read_labels(tmp_path / "t.parquet")


def test_label_studio_gets_a_control_for_every_finding(tmp_path: Path) -> None:
    with labelled(tmp_path) as project:
        written(project, tmp_path / "tasks.json", "label-studio")
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    config = ElementTree.parse(tmp_path / "tasks.xml").getroot()
    assert [header.get("value") for header in config.iter("Header")] == list(FINDINGS)
    controls = {choices.get("name"): {one.get("value") for one in choices} for choices in config.iter("Choices")}
    assert len(controls) == len(FINDINGS) and set(map(frozenset, controls.values())) == {
        frozenset({"present", "absent", "uncertain"})
    }
    assert {choices.get("toName") for choices in config.iter("Choices")} == {config.findall("Image")[0].get("name")}
    for task in tasks:
        assert task["data"]["image"] in {*NAMES, *(f"{number:02}.png" for number in range(20))}
        for annotation in task["annotations"]:
            assert len({result["meta"]["reader"] for result in annotation["result"]}) == 1
            for result in annotation["result"]:
                assert result["from_name"] in controls and result["to_name"] == "image"
                assert set(result["value"]["choices"]) < controls[result["from_name"]]


def task(image: str, *results: dict[str, object], **annotation: object) -> dict[str, object]:
    return {"data": {"image": image}, "annotations": [{"result": list(results), **annotation}]}


def choice(name: str, *choices: str) -> dict[str, object]:
    return {"type": "choices", "from_name": name, "to_name": "image", "value": {"choices": list(choices)}}


def test_what_label_studio_exports_is_read(tmp_path: Path, copy: Project) -> None:
    """Its own addresses of files, people by number and address, choices in either way, boxes passed over."""
    box = {"type": "rectanglelabels", "from_name": "box", "value": {"rectanglelabels": ["Mass"], "x": 1}}
    upload, local, bucket = "/data/upload/3/1a2b3c4d-00.png", "/data/local-files/?d=films%2F01.png", "s3://b/x/02.png"
    tasks = [
        task(upload, choice("Effusion", "absent"), completed_by=7, updated_at="2026-01-31T12:00:00.5Z"),
        task(local, choice("finding", "Effusion", "=Mass"), completed_by={"id": 1, "email": "ana@example.org"}),
        task(bucket, choice("Pleural_thickening", "uncertain"), box),
        task("03.png", choice("Effusion", "present"), was_cancelled=True),
        task("elsewhere.png", choice("Effusion", "present")),
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    with copy:
        problems = read_back(copy, tmp_path / "tasks.json")
        assert len(problems) == 1 and "boxes" in problems[0]
        assert [(row.file, row.finding, row.value, row.reader) for row in labels(copy)] == [
            ("00.png", "Effusion", Value.ABSENT, "annotator 7"),
            ("01.png", "=Mass", Value.PRESENT, "ana@example.org"),
            ("01.png", "Effusion", Value.PRESENT, "ana@example.org"),
            ("02.png", "Pleural thickening", Value.UNCERTAIN, "imported"),
        ]
        assert next(labels(copy)).at == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[{]", "no sound JSON"),
        ("[1]", "not Label Studio"),
        ('[{"image": "a.png"}]', "not Label Studio"),
        ('[{"id": 1, "image": "a.png", "annotator": 1, "lead_time": 2}]', "JSON-MIN"),
        ("[" * 100_000, "no sound JSON"),
        ('[{"data": {}} {"data": {}}]', "no sound JSON"),
        ('[{"data": {}},]', "no sound JSON"),
        ('[{"data": {}}', "no sound JSON"),
        ('{"data": 1}', "not Label Studio"),
    ],
)
def test_other_json_is_refused_in_words(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(UserError, match=said):
        read_labels(tmp_path / "t.json")


@pytest.mark.parametrize("odd", [None, 1, "x", [], {"result": 3}, {"result": [None, 3, {"value": 1}]}])
def test_odd_annotations_are_passed_over(tmp_path: Path, odd: object) -> None:
    tasks = [
        {"data": {"image": "00.png"}, "annotations": [odd]},
        {"data": {}},
        {"data": {"image": 3}, "annotations": 1},
    ]
    (tmp_path / "t.json").write_text(json.dumps(tasks))
    assert len(read_labels(tmp_path / "t.json").rows) == 0


def test_coco_counts_what_is_present_and_keeps_the_rest_as_attributes(tmp_path: Path) -> None:
    with labelled(tmp_path, ("ana",)) as project:
        report = written(project, tmp_path / "coco.json", "coco")
        every = list(labels(project))
    coco = json.loads((tmp_path / "coco.json").read_text(encoding="utf-8"))
    assert coco.keys() == {"info", "licenses", "images", "categories", "annotations"}
    assert [one["name"] for one in coco["categories"]] == list(FINDINGS)
    files = {one["id"]: one["file_name"] for one in coco["images"]}
    names = {one["id"]: one["name"] for one in coco["categories"]}
    assert len(files) == len(coco["images"]) == report.images
    present = {(files[one["image_id"]], names[one["category_id"]]) for one in coco["annotations"]}
    assert len(present) == len(coco["annotations"]) == len({one["id"] for one in coco["annotations"]})
    assert present == {(row.file, row.finding) for row in every if row.value == Value.PRESENT}
    said = {(one["file_name"], name, value) for one in coco["images"] for name, value in one["attributes"].items()}
    assert said == {(row.file, row.finding, int(row.value)) for row in every}
    assert {(one["width"], one["height"]) for one in coco["images"]} == {(30, 20)}


@pytest.mark.parametrize("form", [form.name for form in FORMS if not form.is_folder])
def test_a_name_that_is_no_unicode_leaves_the_old_file(tmp_path: Path, form: str, monkeypatch) -> None:
    skip_without(form)
    out = tmp_path / "out"
    out.write_text("old")
    with empty(tmp_path) as project:
        labelling.label(project, np.array([1]), Judgement("Effusion", Value.PRESENT, "ana", "single"))
        row = next(labels(project))
        object.__setattr__(row, "file", "a\udce9.png")
        monkeypatch.setattr(exporting, "label_rows", lambda _project: iter([row]))
        with pytest.raises(UserError, match="Unicode"):
            written(project, out, form, Wanted(rule="majority"))
    assert out.read_text() == "old"


def test_a_form_whose_package_is_missing_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_explorer.exchange.form.find_spec", lambda name: None)
    with empty(tmp_path) as project, pytest.raises(UserError, match="pyarrow"):
        list(exported(project.path, tmp_path / "o.parquet", "parquet", Wanted()))


def test_a_child_process_writes_and_reports(tmp_path: Path) -> None:
    with labelled(tmp_path) as project:
        *_, report = exported(project.path, tmp_path / "o.json", "coco", Wanted())
    assert isinstance(report, WriteReport) and report.labels
