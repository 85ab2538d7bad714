"""Finding images in the real window: like one, like a file, by words, by name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.project.project import Project
from cxr_explorer.search.conditions import fact_is
from cxr_explorer.ui.find import find
from cxr_explorer.ui.find.jump_dialog import JumpDialog
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.widgets.slices import Slices
from tests.ui.windows import CLUSTER_SIZES, make_project, open_window

Key, Modifier = Qt.Key, Qt.KeyboardModifier


def angle(image_id: int) -> float:
    return float(image_id**1.1 / 10)


def make_alike(home: Path) -> Path:
    """The project of `make_project`, each image a little further round a quarter circle than the one before."""
    path = make_project(home)
    with Project.open(path) as project:
        dimension = project.db.execute("SELECT dimension FROM encoders").fetchone()[0]
        for image_id in range(1, 11):
            vector = np.zeros(dimension, np.float32)
            vector[:2] = np.cos(angle(image_id)), np.sin(angle(image_id))
            with project.db.atomic():
                project.db.execute("UPDATE embeddings SET vector = ? WHERE image_id = ?", [vector.tobytes(), image_id])
    return path


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_alike(tmp_path))


def shown(window: MainWindow) -> list[int]:
    return window.gallery_panel.gallery.image_ids().tolist()


def said(window: MainWindow) -> str:
    return window._said.text()


def start_at(window: MainWindow, image_id: int) -> None:
    window.session.select(np.array([image_id]), "single")
    window.session.set_current(image_id)


def test_s_shows_what_is_most_like_the_current_image(qtbot, window: MainWindow) -> None:
    start_at(window, 1)
    qtbot.keyClick(window, Key.Key_S)
    assert shown(window) == list(range(1, 11))
    assert window.session.current_id == 1
    assert window.gallery_panel._order.currentText() == "Likeness"
    assert window.gallery_panel._heading.text() == "Like 00.png: 10 images"
    marks = [window.gallery_panel.mark(image_id).note for image_id in (1, 2, 9)]
    assert marks == ["this one", f"{np.cos(angle(2) - angle(1)):.2f}", f"{np.cos(angle(9) - angle(1)):.2f}"]
    assert "likeness 0.99 to" in said(window)


def test_s_goes_on_from_image_to_image_full_size(qtbot, window: MainWindow) -> None:
    start_at(window, 5)
    window.open_image()
    qtbot.keyClick(window.image_page.view, Key.Key_S)
    assert window.session.viewing_image
    assert window.session.current_id == 5
    assert shown(window)[:3] == [5, 4, 6]
    qtbot.keyClick(window.image_page.view, Key.Key_Right)
    assert window.session.current_id == 4


def test_s_without_an_image_says_what_to_do(qtbot, window: MainWindow) -> None:
    qtbot.keyClick(window, Key.Key_S)
    assert "Choose an image first" in said(window)
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_S, Modifier.ControlModifier | Modifier.ShiftModifier)
    assert shown(window) == [6, 7, 8, 9, 10]


def test_only_one_selected_image_needs_no_click(qtbot, window: MainWindow) -> None:
    window.session.select(np.array([10]), "single")
    qtbot.keyClick(window, Key.Key_S)
    assert shown(window)[0] == 10


def test_more_like_the_picked_images_leaves_them_out(window: MainWindow) -> None:
    window.session.select_cluster(0)
    window.gallery_panel.gallery.set_picked(np.array([4, 5]))
    window.finder.similar_to_selection()
    assert sorted(shown(window)[:2]) == [3, 6]
    assert not set(shown(window)) & {4, 5}


def test_more_like_everything_says_that_there_is_nothing_else(qtbot, window: MainWindow) -> None:
    window.session.select_all()
    window.finder.similar_to_selection()
    qtbot.waitUntil(lambda: "no others" in said(window), timeout=5000)
    assert len(shown(window)) == sum(CLUSTER_SIZES)


def test_where_the_filter_leaves_no_other_nothing_is_found_and_it_is_said(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_at(window, 1)
    before = shown(window)
    monkeypatch.setattr(window.finder, "left_out", lambda _ids: window.session.map.image_ids)  # type: ignore[union-attr]
    qtbot.keyClick(window, Key.Key_S)
    assert "no others" in said(window)
    assert shown(window) == before


def test_the_embeddings_are_read_between_events_and_once(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slices._go_on, "__defaults__", (0.0,))
    monkeypatch.setattr("cxr_explorer.search.similar.PAGE_ROWS", 3)
    start_at(window, 1)
    window.finder.similar()
    assert window.finder.embeddings.reading
    assert len(shown(window)) == 1
    qtbot.waitUntil(lambda: len(shown(window)) == 10, timeout=5000)
    assert not window.finder.embeddings.reading
    window.session.set_current(9)
    window.finder.similar()
    assert shown(window)[0] == 9


@pytest.mark.parametrize("closed", [True, False], ids=["the project is closed", "another map"])
def test_embeddings_are_read_no_further_once_their_map_is_gone(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    monkeypatch.setattr(Slices._go_on, "__defaults__", (0.0,))
    monkeypatch.setattr("cxr_explorer.search.similar.PAGE_ROWS", 3)
    start_at(window, 1)
    window.finder.similar()
    assert window.finder.embeddings.reading and "Reading" in said(window)
    if closed:
        window.close_project()
    else:
        window.session.map = replace(window.session.map, map_id=99)  # type: ignore[type-var]
        window.session.mapChanged.emit()
    assert not window.finder.embeddings.reading
    qtbot.wait(50)
    assert closed or len(shown(window)) == 1


def test_a_new_map_is_searched_with_its_own_embeddings(window: MainWindow) -> None:
    start_at(window, 1)
    window.finder.similar()
    held = window.finder.embeddings._embeddings
    window.session.mapChanged.emit()
    assert window.finder.embeddings._embeddings is held
    project, found = window.session.project, window.session.map
    assert project is not None
    assert found is not None
    encoder = window.session.preferences.encoder()
    project.store_map(
        encoder,
        {},
        found.image_ids,
        BuiltMap(found.xy, found.clusters, found.strength, found.outlier, found.typicality),
    )
    window.session._load_map()
    window.session.mapChanged.emit()
    assert window.finder.embeddings._embeddings is None


def other_file(home: Path) -> Path:
    path = home / "elsewhere" / "other.png"
    path.parent.mkdir()
    pixels = np.full((60, 50), 90, np.uint8)
    pixels[30:50, 5:45] = 250
    Image.fromarray(pixels).save(path)
    return path


def drop(window: MainWindow, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Modifier.NoModifier
    window.dragEnterEvent(QDragEnterEvent(QPointF(5, 5).toPoint(), action, mime, button, none))
    window.dropEvent(QDropEvent(QPointF(5, 5), action, mime, button, none))


def test_a_dropped_image_file_is_embedded_in_a_child_and_searched_for(
    qtbot, window: MainWindow, tmp_path: Path
) -> None:
    path = other_file(tmp_path)
    before = window.session.project
    drop(window, path)
    assert "Drop the image to find" in said(window)
    qtbot.waitUntil(window.finder.strip.isVisible, timeout=5000)
    assert "Reading other.png" in window.finder.strip.text.text()
    qtbot.waitUntil(lambda: window.finder.strip.found, timeout=120_000)
    assert window.session.project is before
    assert sorted(shown(window)) == list(range(1, 11))
    assert "Like other.png, a file that is not in the project" in window.finder.strip.text.text()
    assert window.gallery_panel._heading.text() == "Like other.png: 10 images"
    window.session.select_cluster(0)
    assert not window.finder.strip.isVisible()


def test_a_dropped_file_of_the_project_needs_no_reading(qtbot, window: MainWindow, tmp_path: Path) -> None:
    drop(window, tmp_path / "images" / "02.png")
    qtbot.waitUntil(lambda: shown(window)[:1] == [3], timeout=5000)
    assert not window.finder.strip.isVisible()


def test_dropping_a_folder_still_opens_it(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(window.files, "open_path", opened.append)
    drop(window, tmp_path)
    qtbot.waitUntil(lambda: opened == [tmp_path], timeout=5000)


def test_without_a_project_an_image_file_stands_for_its_folder(
    qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(qtbot, tmp_path)
    opened: list[Path] = []
    monkeypatch.setattr(window.files, "open_path", opened.append)
    path = other_file(tmp_path)
    drop(window, path)
    qtbot.waitUntil(lambda: opened == [path.parent], timeout=5000)


def test_a_file_that_is_no_image_is_told_and_the_selection_stays(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note.png"
    path.write_text("not a picture")
    window.session.select_cluster(1)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
    window.finder.choose_file()
    qtbot.waitUntil(window.notice.isVisible, timeout=120_000)
    assert "note.png" in window.notice._text.text()
    assert not window.finder.strip.isVisible()
    assert window.session.selection.cluster == 1


def test_reading_a_file_can_be_stopped(window: MainWindow, tmp_path: Path) -> None:
    window.finder.similar_to_file(other_file(tmp_path))
    window.finder.strip.close_button.click()
    assert not window.finder._errand.active
    assert not window.finder.strip.isVisible()


def test_a_map_of_another_encoder_says_so(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window.session.preferences, "encoders", list)
    window.finder.similar_to_file(other_file(tmp_path))
    assert "was made with the encoder" in window.notice._text.text()


def type_in(qtbot, window: MainWindow, text: str) -> Callable[[], str]:  # type: ignore[no-untyped-def]
    qtbot.keyClick(window, Key.Key_F, Modifier.ControlModifier)
    qtbot.keyClicks(window.finder.bar.line, text)
    return window.finder.bar.count.text


def test_ctrl_f_counts_while_typing_enter_selects_and_esc_closes(qtbot, window: MainWindow) -> None:
    count = type_in(qtbot, window, "view:AP")
    qtbot.waitUntil(lambda: "5 images of 10" in count(), timeout=5000)
    assert shown(window) == []
    qtbot.keyClick(window.finder.bar.line, Key.Key_Return)
    assert sorted(shown(window)) == [2, 4, 6, 8, 10]
    assert window.session.current_id == shown(window)[0]
    qtbot.keyClick(window, Key.Key_F, Modifier.ControlModifier)
    assert window.finder.bar.line.selectedText() == "view:AP"
    qtbot.keyClick(window.finder.bar.line, Key.Key_Escape)
    assert not window.finder.bar.isVisible()
    assert sorted(shown(window)) == [2, 4, 6, 8, 10]


def test_letters_typed_into_the_search_are_not_the_windows_keys(qtbot, window: MainWindow) -> None:
    start_at(window, 1)
    count = type_in(qtbot, window, "sjh1")
    qtbot.waitUntil(lambda: "No image" in count(), timeout=5000)
    assert window.finder.bar.line.text() == "sjh1"
    assert shown(window) == [1]
    qtbot.keyClick(window.finder.bar.line, Key.Key_Return)
    assert shown(window) == [1]


def test_an_unknown_field_is_named_with_what_is_known(qtbot, window: MainWindow) -> None:
    count = type_in(qtbot, window, "colour:red")
    qtbot.waitUntil(lambda: "colour" in count(), timeout=5000)
    assert "age" in count()
    assert "view" in count()


def test_the_count_follows_the_labels(qtbot, window: MainWindow) -> None:
    count = type_in(qtbot, window, "unlabelled")
    qtbot.waitUntil(lambda: "10 images of 10" in count(), timeout=5000)
    window.session.select_cluster(0)
    window.judging.label_target()
    qtbot.waitUntil(lambda: "5 images of 10" in count(), timeout=5000)
    window.session.acts.undo()
    qtbot.waitUntil(lambda: "10 images of 10" in count(), timeout=5000)


def test_getting_ready_takes_its_time_between_events(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slices._go_on, "__defaults__", (0.0,))
    qtbot.keyClick(window, Key.Key_F, Modifier.ControlModifier)
    assert window.finder.bar.count.text() == "Getting ready …"
    qtbot.waitUntil(lambda: "age" in window.finder.bar.count.text(), timeout=5000)


def answer_jump(monkeypatch: pytest.MonkeyPatch, act: Callable[[JumpDialog], None]) -> None:
    def run(dialog: JumpDialog) -> int:
        dialog.show()
        act(dialog)
        return dialog.result()

    monkeypatch.setattr(find.JumpDialog, "exec", run)


def test_j_goes_to_an_image_by_a_part_of_its_name(qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    def choose(dialog: JumpDialog) -> None:
        qtbot.keyClicks(dialog.line, "0")
        assert dialog.list.count() == 10
        qtbot.keyClick(dialog.line, Key.Key_Down)
        qtbot.keyClick(dialog.line, Key.Key_Down)
        qtbot.keyClick(dialog.line, Key.Key_Return)

    answer_jump(monkeypatch, choose)
    qtbot.keyClick(window, Key.Key_J)
    qtbot.waitUntil(lambda: window.session.current_id == 3, timeout=5000)
    assert shown(window) == [3]
    assert window.session.target().how == "single"


def test_jumping_within_the_selection_keeps_it(qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    window.session.select_cluster(0)

    def choose(dialog: JumpDialog) -> None:
        qtbot.keyClicks(dialog.line, "03")
        qtbot.keyClick(dialog.line, Key.Key_Return)

    answer_jump(monkeypatch, choose)
    qtbot.keyClick(window, Key.Key_J)
    qtbot.waitUntil(lambda: window.session.current_id == 4, timeout=5000)
    assert window.session.selection.cluster == 0


def test_jumping_full_size_stays_full_size(qtbot, window: MainWindow) -> None:
    start_at(window, 1)
    window.open_image()
    window.finder.go_to(7)
    assert window.session.viewing_image
    assert window.session.current_id == 7


def test_jumping_nowhere_changes_nothing(qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(dialog: JumpDialog) -> None:
        qtbot.keyClicks(dialog.line, "nowhere")
        qtbot.keyClick(dialog.line, Key.Key_Return)
        assert dialog.isVisible()
        assert "No image" in dialog._hint.text()
        dialog.reject()
        left.append(True)

    left: list[bool] = []
    answer_jump(monkeypatch, leave)
    qtbot.keyClick(window, Key.Key_J)
    qtbot.waitUntil(lambda: left == [True], timeout=5000)
    assert shown(window) == []


def test_a_filter_holds_for_everything_that_is_found(qtbot, window: MainWindow) -> None:
    window.session.filtering.set((fact_is("view", "AP"),))
    start_at(window, 4)
    window.finder.similar()
    assert sorted(shown(window)) == [2, 4, 6, 8, 10]
    window.finder.similar_to_selection()
    assert "no others" in said(window)
    count = type_in(qtbot, window, "png")
    qtbot.waitUntil(lambda: "5 images of 5 within the filter AP" in count(), timeout=5000)


def test_what_is_found_begins_with_the_most_alike_and_has_no_picks_of_before(window: MainWindow) -> None:
    window.session.select_cluster(0)
    window.gallery_panel.gallery.set_picked(np.array([4, 5]))
    window.session.set_current(1)
    window.finder.similar_to_selection()
    assert window.session.current_id == shown(window)[0]
    assert window.session.picked.size == window.gallery_panel.gallery.picked_ids().size == 0
