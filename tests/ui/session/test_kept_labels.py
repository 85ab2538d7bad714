"""Large acts are stored between events: none is lost, and none begins before the one before it stands."""

import time
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog, QFileDialog

from cxr_explorer.labels.label import Value
from cxr_explorer.project import acts, labelling
from cxr_explorer.project.project import Project
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.session import kept_labels
from cxr_explorer.ui.widgets.slices import Slices
from tests.ui.windows import make_project, open_window


@pytest.fixture
def window(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MainWindow:  # type: ignore[no-untyped-def]
    for module in (acts, labelling):
        monkeypatch.setattr(module, "STEP", 2)
    monkeypatch.setattr(Slices._go_on, "__defaults__", (0.0,))
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.session.select_all()
    return window


def label(window: MainWindow, value: Value) -> None:
    window.session.set_judgement("Effusion", value)
    window.judging.label_target()


def stored(window: MainWindow) -> set[int]:
    """Values of Effusion as another connection sees them."""
    assert window.session.project is not None
    with Project.open_read_only(window.session.project.path) as project:
        return {row[0] for row in project.db.execute("SELECT value FROM labels WHERE finding = 'Effusion'")}


def test_a_large_act_is_told_once_all_of_it_stands(qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
    told: list[str] = []
    window.session.acted.connect(lambda change: told.append(change.text))
    label(window, Value.PRESENT)
    assert not told and stored(window) == set()
    qtbot.waitUntil(lambda: bool(told))
    assert told == ["Effusion = present on 10 images"] and stored(window) == {1}
    assert window.session.labels.counts_of(window.session.selection.ids) == {"Effusion": {Value.PRESENT: 10}}


def test_the_next_act_waits_until_the_one_before_it_stands(qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
    told: list[tuple[str, str]] = []
    window.session.acted.connect(lambda change: told.append((change.text, change.step)))
    label(window, Value.PRESENT)
    label(window, Value.ABSENT)
    window.session.acts.undo()
    qtbot.waitUntil(lambda: len(told) == 3)
    present, absent = "Effusion = present on 10 images", "Effusion = absent on 10 images"
    assert told == [(present, "done"), (absent, "done"), (absent, "undone")]
    assert stored(window) == {1}


def test_an_act_of_another_part_waits_too(window: MainWindow) -> None:
    label(window, Value.PRESENT)
    window.session.set_current(int(window.session.selection.ids[0]))
    window.notes.toggle()
    assert window.session.project is not None
    texts = [row[0] for row in window.session.project.db.execute("SELECT text FROM acts ORDER BY id")]
    assert texts == ["Effusion = present on 10 images", "Come back later to 1 image"]


@pytest.mark.parametrize("command", ["export_labels", "report", "audit_list", "history", "confounders"])
def test_what_reads_labels_waits_for_the_act_that_is_being_stored(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(QDialog, "exec", lambda _: QDialog.DialogCode.Rejected)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    label(window, Value.PRESENT)
    assert stored(window) == set()
    window.actions_by_name[command].setEnabled(True)
    window.actions_by_name[command].trigger()
    assert stored(window) == {1}


def test_closing_the_project_loses_no_act(window: MainWindow) -> None:
    assert window.session.project is not None
    path = window.session.project.path
    label(window, Value.PRESENT)
    window.close_project()
    with Project.open_read_only(path) as project:
        assert project.db.execute("SELECT count(*) FROM labels").fetchone()[0] == 10


def test_labels_of_many_images_are_counted_once_they_are_read(
    qtbot,  # type: ignore[no-untyped-def]
    window: MainWindow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    label(window, Value.PRESENT)
    window.session.labels.finish()
    monkeypatch.setattr(kept_labels, "AT_ONCE", 5)
    window.session.labels.read_again()
    window.label_panel.refresh()
    assert window.label_panel.apply.text() == "Counting…" and window.label_panel.apply.isEnabled()
    qtbot.waitUntil(lambda: not window.session.labels.reading)
    assert "already labelled" in window.label_panel.apply.text().replace("\n", " ")


def test_what_a_large_act_left_in_the_wal_is_written_back_a_little_later(
    qtbot,  # type: ignore[no-untyped-def]
    window: MainWindow,
) -> None:
    assert window.session.project is not None
    wal = window.session.project.path.with_name(f"{window.session.project.path.name}-wal")
    autocheckpoint = window.session.project.db.execute
    label(window, Value.PRESENT)
    window.session.labels.finish()
    assert autocheckpoint("PRAGMA wal_autocheckpoint").fetchone()[0] == 0 and wal.stat().st_size
    qtbot.waitUntil(lambda: autocheckpoint("PRAGMA wal_autocheckpoint").fetchone()[0] > 0)
    assert window.session.labels._writing_back is not None
    window.session.labels._writing_back.join()
    busy, pages, written = autocheckpoint("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert (busy, pages) == (0, written)


def test_closing_waits_for_what_is_being_written_back(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bool] = []

    def slowly(path: Path) -> None:
        time.sleep(0.3)
        with Project.open_read_only(path) as project:
            written.append(bool(project.db.execute("SELECT count(*) FROM labels").fetchone()[0]))

    monkeypatch.setattr(acts, "_check_point", slowly)
    label(window, Value.PRESENT)
    window.session.labels.finish()
    window.session.labels._write_back()
    assert written == []
    window.session.close()
    assert written == [True]


def test_a_large_act_that_cannot_be_done_again_is_cleared_away_a_little_later(
    qtbot,  # type: ignore[no-untyped-def]
    window: MainWindow,
) -> None:
    assert window.session.project is not None
    query = window.session.project.db.execute
    label(window, Value.PRESENT)
    window.session.acts.undo()
    window.session.labels.finish()
    window.session.set_current(int(window.session.selection.ids[0]))
    window.notes.toggle()
    assert query("SELECT count(*) FROM label_changes").fetchone()[0] == 10  # nobody waits for it
    assert acts.redo_text(window.session.project) is None
    qtbot.waitUntil(lambda: query("SELECT count(*) FROM label_changes").fetchone()[0] == 0)
    qtbot.waitUntil(lambda: [row[0] for row in query("SELECT text FROM acts")] == ["Come back later to 1 image"])
