"""Backups: once a day, before each migration, small, rotating, and no error of what the reader does."""

import os
import sqlite3
import stat
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import backup
from cxr_explorer.project.backup import KEPT_DAILY, backup_folder, backups
from cxr_explorer.project.exporting import label_rows
from cxr_explorer.project.labelling import label
from cxr_explorer.project.project import Project
from tests.project.older import older_project
from tests.project.projects import ENCODER, embed_all, new_project


def on_day(monkeypatch: pytest.MonkeyPatch, day: int) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2026, 3, day)

    monkeypatch.setattr(backup, "datetime", Clock)


def labelled(tmp_path: Path) -> Path:
    with new_project(tmp_path, 6) as project:
        embed_all(project)
        label(project, np.arange(1, 5), Judgement("Effusion", Value.PRESENT, "ann", "selection"))
        return project.path


def touch(path: Path, image_id: int, after: Path) -> None:
    """An act, at a time later than a backup."""
    with Project.open(path) as project:
        label(project, np.array([image_id]), Judgement("Nodule", Value.PRESENT, "ann", "single"))
    moment = after.stat().st_mtime + 10
    os.utime(path, (moment, moment))


def test_the_first_opening_of_a_day_keeps_what_people_did(tmp_path: Path) -> None:
    path = labelled(tmp_path)
    assert backups(path) == []
    Project.open(path).close()
    (made,) = backups(path)
    Project.open(path).close()
    assert backups(path) == [made]
    copy = tmp_path / "again.cxr"
    copy.write_bytes(made.read_bytes())
    with Project.open(copy) as project:
        assert len(list(label_rows(project))) == 4
        assert len(project.pending(ENCODER.key)) == 6, "embeddings are computed: made anew"
        assert project.lost == ()
    if os.name == "posix":
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
        assert stat.S_IMODE(backup_folder(path).stat().st_mode) == 0o700


def test_backups_rotate_and_days_on_which_nothing_was_done_take_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = labelled(tmp_path)
    for day in range(1, 9):
        on_day(monkeypatch, day)
        Project.open(path).close()
        made = backups(path)[0]
        os.utime(made, (day, day))
        on_day(monkeypatch, day + 20)
        os.utime(path, (day - 1, day - 1))
        Project.open(path).close()
        assert not (backup_folder(path) / f"test-2026-03-{day + 20}.cxr").exists()
        os.utime(path, (day + 1, day + 1))
    assert [made.name for made in backups(path)] == [
        f"test-2026-03-{day:02}.cxr" for day in range(8, 8 - KEPT_DAILY, -1)
    ]


def test_a_project_in_which_nobody_did_anything_is_not_backed_up(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        path = project.path
    Project.open(path).close()
    assert not backup_folder(path).exists()


def test_before_a_migration_the_whole_file_is_kept(tmp_path: Path) -> None:
    folder, path = tmp_path / "images", tmp_path / "test.cxr"
    folder.mkdir()
    older_project(path, folder, 2)
    Project.open(path).close()
    (made,) = [found for found in backups(path) if "schema2" in found.name]
    connection = sqlite3.connect(made)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert connection.execute("SELECT count(*) FROM labels").fetchone() == (1,)
    connection.close()


def test_a_backup_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    path = labelled(tmp_path)
    backup_folder(path).write_text("in the way")
    with Project.open(path) as project:
        label(project, np.array([6]), Judgement("Nodule", Value.PRESENT, "ann", "single"))
    with Project.open(path) as project:
        assert len(list(label_rows(project))) == 5
