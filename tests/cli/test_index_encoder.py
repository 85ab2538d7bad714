"""Which encoder `index` and `map` go on with: the map's, and none in its place where that one is not here."""

from pathlib import Path

import pytest

import cxr_explorer as cxr
from cxr_explorer.cli.main import main
from cxr_explorer.encoder.checkpoint import bundled_encoders, default_encoder
from cxr_explorer.errors import UserError
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.project import Project
from cxr_explorer.shards.file_vectors import encoder_to_go_on_with
from tests.test_suggesting import make_project


def _analysed_with(home: Path, key: str) -> Path:
    path = make_project(home)
    with Project.open(path, back_up=False) as project:
        project.db.execute("UPDATE encoders SET key = ?", [key])
        project.db.conn.commit()
    return path


def test_the_encoder_of_the_map_is_gone_on_with(tmp_path: Path) -> None:
    (other,) = (info for info in bundled_encoders() if info.key != default_encoder().key)
    with Project.open(_analysed_with(tmp_path, other.key), back_up=False) as project:
        assert encoder_to_go_on_with(project, "") == other


def test_a_project_without_a_map_takes_the_default_encoder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with Project.create(tmp_path / "new.cxr", tmp_path / "images", bundled_vocabularies()[0]) as project:
        assert encoder_to_go_on_with(project, "") == default_encoder()


def test_nothing_is_analysed_anew_unasked_where_the_encoder_of_the_map_is_not_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _analysed_with(tmp_path, "simclr-cxr-000000000000")
    for command in (["index", str(tmp_path / "images"), "--project", str(path)], ["map", str(path)]):
        assert main(command) == 1
        told = capsys.readouterr().err
        assert all(words in told for words in ("simclr-cxr-000000000000", "earlier version", "--encoder", "anew"))
    with cxr.open_project(path) as opened, pytest.raises(UserError, match=r"index\(encoder="):
        opened.index()
    with Project.open(path, back_up=False) as project:
        latest = project.latest_map()
        assert latest is not None and latest.encoder_key == "simclr-cxr-000000000000"
