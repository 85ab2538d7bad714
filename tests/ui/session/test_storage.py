"""The window on a project that cannot be written: it shows, says why nothing is stored, and goes on by itself."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.errors import UserError
from cxr_explorer.project.backup import backups
from cxr_explorer.project.exporting import label_rows
from cxr_explorer.project.project import Project
from cxr_explorer.ui.main_window import MainWindow
from tests.mounts import NoMount, make_read_only, resize, small_disk
from tests.ui.windows import make_project, open_window


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    try:
        with small_disk(tmp_path / "disk", 4000) as place:
            yield place
    except NoMount as reason:
        pytest.skip(str(reason))


def labels(window: MainWindow) -> int:
    assert window.session.project is not None
    return len(list(label_rows(window.session.project)))


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free))
    return ballast


def test_on_read_only_media_the_window_shows_and_exports_and_says_why_it_cannot_label(
    qtbot, tmp_path: Path, disk: Path
) -> None:
    shutil.copy(make_project(tmp_path), disk / "test.cxr")
    make_read_only(disk)
    window = open_window(qtbot, tmp_path, disk / "test.cxr")
    session = window.session
    assert "cannot be written" in window.notice._text.text()
    assert session.map is not None
    session.select_cluster(0)
    assert window.gallery_panel.gallery.image_ids().size == 5
    with pytest.raises(UserError, match=r"not stored: .* can only be looked at"):
        window.judging.label_target()
    assert labels(window) == 0
    window.files.rescan()
    assert window.runs.indexing is None
    session.close()
    for command in (["export", str(tmp_path / "out.csv")], ["report", str(tmp_path / "out.html")]):
        assert main([command[0], str(disk / "test.cxr"), *command[1:]]) == 0


def test_changes_not_yet_taken_into_a_file_on_read_only_media_are_seen(qtbot, tmp_path: Path, disk: Path) -> None:
    with Project.open(make_project(tmp_path)) as project:
        project.set("note", "only in the WAL")
        for source in tmp_path.glob("test.cxr*"):
            if not source.name.endswith(("-shm", ".lock")):
                shutil.copy(source, disk / source.name)
    assert (disk / "test.cxr-wal").stat().st_size
    make_read_only(disk)
    with Project.open_read_only(disk / "test.cxr") as project:
        assert project.get("note") == "only in the WAL"
        assert project.viewed


def test_on_a_full_disk_nothing_is_stored_until_there_is_room_and_the_window_goes_on_by_itself(
    qtbot, tmp_path: Path, disk: Path
) -> None:
    shutil.copy(make_project(tmp_path), disk / "test.cxr")
    window = open_window(qtbot, tmp_path, disk / "test.cxr")
    session = window.session
    session.select_cluster(0)
    ballast = fill(disk)
    with pytest.raises(UserError, match=r"not stored: the disk .* is full"):
        for _ in range(1000):  # the file's WAL may hold some more
            window.judging.label_target()
            session.acts.undo()
    before = labels(window)
    window.runs._storage.look()
    assert "tries again by itself" in window.notice._text.text()
    assert session.map is not None
    ballast.unlink()
    window.runs._storage.look()
    assert not window.notice.isVisible()
    window.judging.label_target()
    assert labels(window) == 5
    assert before in (0, 5)


def test_a_project_opened_on_a_full_disk_is_shown_and_opened_for_labelling_once_there_is_room(
    qtbot, tmp_path: Path, disk: Path
) -> None:
    path = disk / "test.cxr"
    shutil.copy(make_project(tmp_path), path)
    fill(disk)
    window = open_window(qtbot, tmp_path, path)
    assert "full" in window.notice._text.text()
    assert window.session.map is not None
    assert main(["export", str(path), str(tmp_path / "out.csv")]) == 0
    resize(disk, 9000)
    window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    window.runs._storage.look()
    assert not window.notice.isVisible()
    window.session.select_cluster(0)
    window.judging.label_target()
    assert labels(window) == 5


def test_the_window_makes_the_backup_of_the_day_in_a_child_process(qtbot, tmp_path: Path) -> None:
    path = make_project(tmp_path)
    window = open_window(qtbot, tmp_path, path)
    window.session.select_cluster(0)
    window.judging.label_target()
    window.session.close()
    assert backups(path) == []
    window.session.take(Project.open(path, back_up=False))
    assert window.runs._backup_timer.isActive()
    window.runs._back_up()
    assert window.runs._backup.active
    window.runs._backup.finish()
    assert len(backups(path)) == 1
