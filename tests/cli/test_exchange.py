"""`export` and `import` in the forms of other programs, without a window."""

import json
from pathlib import Path

import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.exchange import image_folder
from cxr_explorer.exchange.forms import FORMS
from cxr_explorer.tables.long import HEADER, NOTE_HEADER
from tests.exchange.labelled import empty, labelled, labels, skip_without


@pytest.fixture
def project(tmp_path: Path) -> Path:
    with labelled(tmp_path) as made:
        return made.path


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


@pytest.mark.parametrize("form", ["parquet", "label-studio"])
def test_what_is_exported_is_imported(
    project: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    skip_without(form)
    out = tmp_path / "labels"  # the content decides, not the name
    assert main(["export", str(project), str(out), "--format", form, "--json"]) == 0
    written = said(capsys)
    (tmp_path / "copy").mkdir()
    with empty(tmp_path / "copy") as copy:
        path = copy.path
    assert main(["import", str(path), str(out), "--json"]) == 0
    read = said(capsys)
    assert read["labels"] == written["labels"] and read["problems"] == [] and read["unmatched"] == 0
    with copy.open(path) as again, copy.open_read_only(project) as first:
        assert list(labels(again)) == list(labels(first))


def test_merge_takes_what_import_takes(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "labels.json"
    assert main(["export", str(project), str(out), "--format", "label-studio", "--reader", "ana"]) == 0
    (tmp_path / "copy").mkdir()
    with empty(tmp_path / "copy") as copy:
        path = copy.path
    capsys.readouterr()
    assert main(["merge", str(path), str(out), "--as", "zoe", "--json"]) == 0
    assert said(capsys)["new"]
    with copy.open_read_only(path) as again:
        assert {row.reader for row in labels(again)} == {"zoe"}


def test_a_data_set_without_films_ends_with_one_line(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    assert main(["export", str(project), str(out), "--format", "imagefolder"]) == 1
    assert "No image could be read" in capsys.readouterr().err
    assert main(["export", str(project), str(out), "--format", "imagefolder", "--split-by", "ward"]) == 1
    assert "'ward' is not known" in capsys.readouterr().err
    assert not out.exists()


def test_the_help_names_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert all(form.name in told for form in FORMS)


def test_the_documentation_names_every_form_and_column() -> None:
    text = (Path(__file__).parents[2] / "resources" / "docs" / "formats.md").read_text(encoding="utf-8")
    own = [name for name in image_folder._OWN if name not in ("image", "label")]
    for name in (*(form.name for form in FORMS), *HEADER, *NOTE_HEADER, *own):
        assert f"| `{name}` |" in text, name
