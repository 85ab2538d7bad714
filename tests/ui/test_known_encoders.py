"""Encoders the user has added, in the window: the choice, what each costs, and one that was taken out again."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox

from cxr_explorer.encoder.checkpoint import added_folder, bundled_encoders, default_encoder, describe_further
from cxr_explorer.project.project import Project
from cxr_explorer.ui.frame.settings_dialog import SettingsDialog
from tests.ui.windows import in_next_dialog, make_project, open_window


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a bundled encoder under a name of its own, and a damaged one."""
    monkeypatch.setattr("cxr_explorer.encoder.checkpoint.user_data_path", lambda *_, **__: tmp_path / "data")
    folder = added_folder() / "ours"
    shutil.copytree(bundled_encoders()[-1].directory, folder)
    about = "Nothing is known of how well it sorts chest films."
    describe_further(folder, name="ours", title="Our own network", training=about, films_per_second=12.0)
    describe_further(folder, source="ONNX, net.onnx", licence="for this clinic")
    (added_folder() / "broken").mkdir()
    return folder


def shown(dialog: SettingsDialog) -> str:
    return dialog._about.text()


def test_the_settings_list_added_encoders_with_what_they_cost_and_what_is_known(
    qtbot, tmp_path: Path, added: Path
) -> None:
    window = open_window(qtbot, tmp_path)
    preferences = window.session.preferences
    dialog = SettingsDialog(window, "ann", preferences.encoders(), preferences.encoder(), "auto")
    titles = [dialog._encoder.itemText(row) for row in range(dialog._encoder.count())]
    assert titles == [*(info.title for info in bundled_encoders()), "Our own network"]
    dialog._encoder.setCurrentIndex(len(titles) - 1)
    for words in ("Nothing is known", "numbers an image", " MB", "12 images a second", "net.onnx", "for this clinic"):
        assert words in shown(dialog)
    assert dialog.encoder == added
    texts = [label.text() for label in dialog.findChildren(type(dialog._about))]
    assert any("Damaged and left out: broken" in text for text in texts)


@pytest.fixture
def of_earlier_version(tmp_path: Path) -> Path:
    """A project whose map was made with an encoder that is not here."""
    path = make_project(tmp_path)
    with Project.open(path, back_up=False) as project:
        project.db.execute("UPDATE encoders SET key = 'simclr-cxr-000000000000'")
        project.db.conn.commit()
    return path


@pytest.mark.parametrize("why", ["taken out", "earlier version"])
def test_a_project_whose_encoder_is_not_here_keeps_its_map_and_is_not_analysed_anew(
    qtbot, tmp_path: Path, added: Path, of_earlier_version: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(qtbot, tmp_path)
    if why == "taken out":
        window.session.preferences.choose("ann", added, "cpu")
        shutil.rmtree(added)
    told: list[str] = []
    window.session.failed.connect(told.append)
    started: list[object] = []
    monkeypatch.setattr(window.runs, "start_indexing", lambda *_, **__: started.append(1))
    window.files.open_path(of_earlier_version)
    window.runs.opening.finish()
    assert window.session.map is not None
    assert not started
    assert any(all(word in text for word in ("taken out", "earlier version", "F5", "Settings")) for text in told)
    assert window.session.preferences.encoder() == default_encoder()

    def answer(box: QMessageBox, verb: str) -> None:
        assert "Labels stay" in box.text() and default_encoder().name in box.text()
        next(button for button in box.buttons() if verb in button.text()).click()

    for verb, starts in (("Cancel", 0), ("Analyse anew", 1)):
        met = in_next_dialog(window, QMessageBox, lambda box, verb=verb: answer(box, verb))
        window.files.rescan()
        assert met and len(started) == starts


def test_a_changed_map_asks_first_where_the_encoder_is_not_here(
    qtbot, tmp_path: Path, of_earlier_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(qtbot, tmp_path, of_earlier_version)
    started: list[object] = []
    monkeypatch.setattr(window.runs, "start_indexing", lambda *_, **__: started.append(1))
    asked: list[str] = []
    monkeypatch.setattr("cxr_explorer.ui.map.map_work.confirmed", lambda _, text, __: bool(asked.append(text)))
    monkeypatch.setattr("cxr_explorer.ui.map.map_work.accepted", lambda dialog: bool(dialog._seed.setValue(9) or 1))
    window.map_work.change_parameters()
    assert len(asked) == 1 and not started
