"""A project whose embeddings came in a file, at the window: named in Settings, never analysed anew unasked."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox, QLabel

from cxr_explorer import indexing as indexing_module
from cxr_explorer.assets import asset
from cxr_explorer.cli.main import main
from cxr_explorer.encoder.file_model import FileModel
from cxr_explorer.shards.file_vectors import model_of
from cxr_explorer.ui.frame.settings_dialog import SettingsDialog
from cxr_explorer.ui.frame.unreadable_dialog import UnreadableDialog
from cxr_explorer.ui.main_window import MainWindow
from tests.shards.films import draw
from tests.ui.windows import open_window
from tests.work_here import JobsHere


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 16 films, and the project that a file of embeddings of 15 of them makes."""
    home = tmp_path_factory.mktemp("file-model")
    files = [f"{number:02}.png" for number in range(16)]
    for number, file in enumerate(files):
        draw(home / "films" / file, number)
    vectors = np.random.default_rng(0).normal(size=(15, 6))
    np.savez(home / "clip.npz", files=np.array(files[:15]), embeddings=vectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing_module, "Jobs", JobsHere)
        words = ["--from-embeddings", str(home / "clip.npz"), "--project", str(home / "p.cxr"), "--neighbours", "4"]
        assert main(["index", str(home / "films"), *words]) == 0
    return home


@pytest.fixture
def window(qtbot, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MainWindow:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(indexing_module, "Jobs", JobsHere)
    path = Path(shutil.copyfile(made / "p.cxr", tmp_path / "p.cxr"))
    return open_window(qtbot, tmp_path, path)


def test_opening_it_looks_for_images_and_analyses_none_with_an_encoder(qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
    assert isinstance(window.runs.encoder(), FileModel)
    with qtbot.waitSignal(window.runs.indexingEnded, timeout=60_000) as ended:
        type(window.runs).start_indexing(window.runs)
    (report,) = ended.args
    assert (report.embedded, report.reused, report.without_embedding) == (0, 15, 1)
    assert window.session.map is not None and window.session.map.image_ids.size == 15
    assert "1 without an embedding" in window.files.unreadable.text()
    assert "1 image without an embedding: make the file anew" in window._said.toolTip()
    assert "unreadable" not in window.files.unreadable.text()
    dialog = UnreadableDialog(window, window.session.project.failures())  # type: ignore[union-attr]
    assert dialog.findChildren(QLabel)[0].text() == "1 is without an embedding. All others are in the map."


def test_settings_name_the_file_and_another_encoder_takes_over_only_when_chosen(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(window.runs, "start_indexing", lambda *_, **__: started.append(window.runs.encoder()))
    preferences, project = window.session.preferences, window.session.project
    assert project is not None
    dialog = SettingsDialog(window, "ann", preferences.encoders(), window.runs.encoder(), "cpu")
    assert dialog.findChildren(QComboBox)[0].currentText() == "Embeddings from clip.npz"
    assert any("6 numbers an image, made by another program" in label.text() for label in dialog.findChildren(QLabel))
    window.runs.choose(dialog.reader, dialog.encoder, dialog.device)
    assert started == [] and model_of(project) is not None
    before = preferences.encoder()
    dialog.findChildren(QComboBox)[0].setCurrentIndex(1)
    assert dialog.encoder == before.directory
    window.runs.choose("ann", asset("encoders", "imagenet-lite0"), "cpu")
    assert [encoder.name for encoder in started] == ["imagenet-lite0"] and model_of(project) is None


def test_another_file_cannot_be_compared_and_an_image_can(
    qtbot,
    window: MainWindow,
    made: Path,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    said: list[str] = []
    window.session.failed.connect(said.append)
    other = tmp_path / "other.png"
    draw(other, 99)
    window.finder.similar_to_file(other)
    assert len(said) == 1 and "no encoder of theirs is here" in said[0]
    window.session.set_current(int(window.session.map.image_ids[0]))  # type: ignore[union-attr]
    window.finder.similar()
    qtbot.waitUntil(lambda: window.session.selection.ranking is not None)
    assert len(said) == 1
