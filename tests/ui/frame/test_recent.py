"""The projects opened lately, on the start page and in the menu; closing a project leads there."""

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QMenu, QMessageBox, QPushButton

from cxr_explorer.project import label_columns
from cxr_explorer.project.project import Project
from cxr_explorer.search.conditions import fact_is
from cxr_explorer.ui.frame.appearance import text_scale
from cxr_explorer.ui.frame.recent_list import REMOVE, RecentButton
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.session.recent import MOST, Recent, RecentProjects
from cxr_explorer.ui.widgets.texts import MiddleElided
from tests.ui.windows import CLUSTER_SIZES, in_next_dialog, make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.fixture
def window(qtbot, tmp_path: Path, path: Path) -> MainWindow:  # type: ignore[no-untyped-def]
    window = open_window(qtbot, tmp_path, path)
    window.activateWindow()
    return window


def close(qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
    qtbot.keyClick(window, Key.Key_W, Modifier.ControlModifier)
    qtbot.wait(20)  # what was put on the page is shown


def buttons(window: MainWindow) -> list[RecentButton]:
    return [one for one in window.files.welcome.findChildren(RecentButton) if one.isVisible()]


def entries(window: MainWindow) -> list[Recent]:
    return window.session.preferences.recent.entries()


# Closing


def test_closing_leads_to_the_start_page_with_the_progress_told(qtbot, window: MainWindow, path: Path) -> None:
    press(qtbot, window, Key.Key_E, Key.Key_4)
    close(qtbot, window)
    assert window.session.project is None and window.files.welcome.isVisible()
    assert window.windowTitle() == "CXR Explorer"
    (button,) = buttons(window)
    assert f"{CLUSTER_SIZES[0]} of 10 labelled" in button.accessibleName()
    assert button.toolTip() == str(path)
    for name in ("undo", "redo", "export_labels", "close_project", "apply", "similar", "clear_filter"):
        assert not window.actions_by_name[name].isEnabled(), name
    Project.open(path).close()  # nobody holds it any more


def test_what_was_closed_is_opened_again_as_it_was(qtbot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_E, Key.Key_4)
    close(qtbot, window)
    window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    buttons(window)[0].click()
    project = window.session.project
    assert project is not None and not window.files.welcome.isVisible()
    assert len(label_columns.label_column(project, "Effusion", window.session.reader).image_ids) == CLUSTER_SIZES[0]
    qtbot.keyClick(window, Key.Key_Z, Modifier.ControlModifier)
    assert not len(label_columns.label_column(project, "Effusion", window.session.reader).image_ids)


@pytest.mark.parametrize("page", ["image", "compare", "sheet", "read", "search", "filter", "audit"])
def test_a_project_closes_from_wherever_one_is(qtbot, window: MainWindow, page: str) -> None:
    session = window.session
    press(qtbot, window, Key.Key_E)
    if page == "image":
        press(qtbot, window, Key.Key_O)
    elif page == "compare":
        session.set_picked(session.ordered_ids()[:2])
        window.actions_by_name["compare"].trigger()
    elif page == "sheet":
        press(qtbot, window, Key.Key_K)
    elif page == "read":
        press(qtbot, window, Key.Key_Q)
    elif page == "search":
        window.actions_by_name["search"].trigger()
        qtbot.keyClicks(window.finder.bar.line, "0")
    elif page == "filter":
        session.filtering.set((fact_is("view", "PA"),))
    else:
        press(qtbot, window, Key.Key_4)
        window.actions_by_name["audit_list"].trigger()
    qtbot.wait(20)
    window.actions_by_name["close_project"].trigger()
    qtbot.wait(50)
    assert session.project is None and window.files.welcome.isVisible()
    assert session.filter is None and not window.reading.active and session.page == "map"
    assert [pane for pane in window.workspaces.panes.values() if pane.isVisible()] == []
    qtbot.keyClicks(window, "4enqx")  # keys of the project that was open do nothing
    assert session.project is None


@pytest.mark.parametrize("answer", [True, False])
def test_while_images_are_analysed_closing_asks_first(qtbot, window: MainWindow, answer: bool) -> None:
    window.runs.start_indexing()
    said: list[str] = []

    def reply(box: QMessageBox) -> None:
        said.append(box.text())
        (yes,) = (one for one in box.buttons() if one.text() == "Close project")
        yes.click() if answer else box.reject()

    in_next_dialog(window, QMessageBox, reply)
    close(qtbot, window)
    assert "still being analysed" in said[0]
    assert (window.session.project is None) == answer
    assert (window.runs.indexing is None) == answer
    assert window.progress_strip.isVisible() != answer
    window.runs.cancel_run()


# The list


def test_a_project_that_is_gone_is_told_and_can_be_taken_off_the_list(qtbot, window: MainWindow, path: Path) -> None:
    close(qtbot, window)
    path.rename(path.with_name("elsewhere.cxr"))
    window.files.welcome.refresh()
    assert buttons(window) == []
    (remove,) = (one for one in window.files.welcome.findChildren(QPushButton) if one.text() == REMOVE)
    shown = [label.text() for label in window.files.welcome.recent.findChildren(type(window.files._summary))]
    assert any("not there any more" in text for text in shown)
    remove.click()
    assert entries(window) == [] and not window.files.welcome.recent.isVisible()


def test_the_menu_lists_opens_removes_and_clears(qtbot, window: MainWindow, tmp_path: Path, path: Path) -> None:
    close(qtbot, window)
    recent = window.session.preferences.recent
    recent._store([*recent.entries(), Recent(str(tmp_path / "gone & lost.cxr"), "2026-03-01", 1, 20)])
    menu = window.files.recent
    assert window.actions_by_name["open_recent"].menu() is menu
    menu.refresh()
    first, gone, _line, clear = menu.actions()
    assert first.text().startswith("&1  test") and first.text().endswith(
        "0 of 10 labelled, " + recent.entries()[0].date
    )
    assert first.toolTip() == str(path) and menu.toolTipsVisible()
    assert "gone && lost" in gone.text() and "not there any more" in gone.text()
    submenu = gone.menu()
    assert isinstance(submenu, QMenu)
    submenu.actions()[0].trigger()
    assert [entry.path for entry in entries(window)] == [str(path)]
    window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    first.trigger()
    assert window.session.is_open(path)
    menu.refresh()
    clear = menu.actions()[-1]
    clear.trigger()
    assert entries(window) == []
    menu.refresh()
    assert not menu.actions()[0].isEnabled()


def test_a_long_path_loses_its_middle_and_is_whole_in_the_tooltip(qtbot, tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a folder with a long name"] * 5)
    folder.mkdir(parents=True)
    path = folder / "study.cxr"
    path.write_bytes(b"")
    window = open_window(qtbot, tmp_path)
    window.session.preferences.recent._store([Recent(str(path), "2026-03-01", 412, 5000)])
    window.files.welcome.refresh()
    qtbot.wait(20)
    (button,) = buttons(window)
    assert button.toolTip() == str(path)
    label = button.findChild(MiddleElided)
    assert label.text() == str(path) and label.fontMetrics().horizontalAdvance(str(path)) > label.width()
    assert button.accessibleName() == "study, 412 of 5,000 labelled, 1 Mar 2026"
    window.files.recent.refresh()
    assert "…" in window.files.recent.actions()[0].text()


def test_the_list_holds_a_path_a_date_and_two_counts_and_nothing_else(qtbot, window: MainWindow) -> None:
    window.session.set_reader("Dr Somebody")
    press(qtbot, window, Key.Key_E, Key.Key_4)
    close(qtbot, window)
    stored = window.settings.value("recent")
    text = stored if isinstance(stored, str) else stored[0]
    assert json.loads(text).keys() == {"path", "opened", "labelled", "images"}
    assert "Somebody" not in text and ".png" not in text


def test_closing_the_window_stores_the_progress_too(qtbot, window: MainWindow, tmp_path: Path) -> None:
    press(qtbot, window, Key.Key_E, Key.Key_4)
    window.close()
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    (entry,) = RecentProjects(settings).entries()
    assert entry.progress == f"{CLUSTER_SIZES[0]} of 10 labelled"


def test_what_an_older_version_or_a_stranger_stored_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    recent = RecentProjects(settings)
    settings.setValue("recent", "/a/one.cxr")
    assert recent.entries() == [Recent("/a/one.cxr")]
    settings.setValue("recent", ["/a/one.cxr", "{broken", '{"path": 1}', ""])
    assert recent.entries() == [Recent("/a/one.cxr")]
    assert (recent.entries()[0].date, recent.entries()[0].progress) == ("", "")
    assert not recent.note_opened(Path("/b/two.cxr"))
    assert recent.note_opened(Path("/b/two.cxr"))
    for number in range(20):
        recent.note_opened(Path(f"/c/{number}.cxr"))
    assert [entry.path for entry in recent.entries()] == [f"/c/{number}.cxr" for number in range(19, 19 - MOST, -1)]


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_the_start_page_fits_a_small_screen(qtbot, tmp_path: Path, scale: float) -> None:
    window = open_window(qtbot, tmp_path)
    window.session.preferences.recent._store([Recent(f"/gone/{n}/study.cxr", "2026-03-01", 1, 9) for n in range(MOST)])
    while text_scale(window.settings) < scale:
        window.appearance.scale_text(1)
    window.files.welcome.refresh()
    qtbot.wait(30)
    assert (window.width(), window.height()) == (1366, 768)
    assert window.minimumSizeHint().width() <= 1366
    for button in window.files.welcome.findChildren(QPushButton):
        assert button.width() >= button.minimumSizeHint().width()
