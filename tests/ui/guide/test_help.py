"""The help: its pages, the search in them, what may be sent with a question, and the log."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication

from cxr_explorer import logfile
from cxr_explorer.assets import asset
from cxr_explorer.indexing import IndexReport
from cxr_explorer.ui.commands.actions import SPECS, key_text
from cxr_explorer.ui.guide import help as help_part
from cxr_explorer.ui.guide.help_pages import ABOUT, AUDITS, DATA, KEYS, LICENCES, START, TITLES, as_code, page_text
from cxr_explorer.ui.guide.help_window import HelpWindow
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.widgets.messages import TextDialog
from tests.ui.windows import in_next_dialog, make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier
NAME = "ZYXWPLANT"


@pytest.fixture(autouse=True)
def _state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "folder", lambda: tmp_path / "log")
    monkeypatch.setattr(help_part, "asset", lambda *parts: tmp_path.joinpath(*parts))  # no documents are built


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:  # type: ignore[no-untyped-def]
    home = tmp_path / NAME
    home.mkdir()
    window = open_window(qtbot, home, make_project(home))
    window.activateWindow()
    return window


def help_of(qtbot, window: MainWindow, page: str = "") -> HelpWindow:  # type: ignore[no-untyped-def]
    if page:
        window.help.show_page(page)
    else:
        qtbot.keyClick(QApplication.focusWidget() or window, Key.Key_F1)
    (shown,) = (one for one in window.findChildren(HelpWindow) if one.isVisible())
    return shown


def test_nothing_of_the_help_is_made_before_it_is_asked_for(window: MainWindow) -> None:
    assert window.help.window is None and window.findChildren(HelpWindow) == []


def test_the_help_opens_once_beside_the_work(qtbot, window: MainWindow) -> None:
    shown = help_of(qtbot, window)
    assert not shown.isModal() and shown.page == START
    assert "Getting started" in shown.text.toPlainText()
    shown.reject()
    window.activateWindow()
    assert help_of(qtbot, window) is shown
    press(qtbot, window, Key.Key_E)  # the work goes on
    assert window.session.selection.cluster == 0
    window.actions_by_name["close_project"].trigger()
    assert not shown.isVisible()


def test_keys_pressed_in_the_help_label_nothing(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    shown = help_of(qtbot, window, START)
    qtbot.waitUntil(shown.isActiveWindow)
    qtbot.keyClicks(shown.text, "1234")
    assert window.session.acts.undo_text() is None


def test_help_opens_at_the_page_of_what_is_done(qtbot, window: MainWindow) -> None:
    window.bring_to_front(window.audit.list)
    window.audit.list.setFocus()
    assert window.help._page_here() == AUDITS
    window.clusters.setFocus()
    assert window.help._page_here() == ""
    assert help_of(qtbot, window).page == START


@pytest.mark.parametrize(
    ("action", "page"), [("help", START), ("where_data", DATA), ("about", ABOUT), ("licences", LICENCES)]
)
def test_the_menu_opens_its_page(window: MainWindow, action: str, page: str) -> None:
    window.actions_by_name[action].trigger()
    assert window.help.window is not None and window.help.window.page == page


def test_f1_opens_the_documents_in_the_browser_where_they_were_built_else_the_help(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(Path(url.toLocalFile()).name) or True)
    qtbot.keyClick(window, Key.Key_F1)
    assert opened == [] and window.help.window is not None and window.help.window.page == START
    window.help.window.reject()
    (tmp_path / "site").mkdir()
    for page in ("window", "getting-started", "audits", "suggestions"):
        (tmp_path / "site" / f"{page}.html").write_text("<p>Documents</p>")
    for pane in (window.clusters, window.suggest_tab, window.audit.list):
        window.bring_to_front(window.cluster_panel if pane is window.clusters else pane)
        pane.setFocus()
        window.actions_by_name["documents"].trigger()
    assert opened == ["window.html", "suggestions.html", "audits.html"]
    assert not window.help.window.isVisible()
    qtbot.keyClick(window, Key.Key_F1, Modifier.ControlModifier | Modifier.ShiftModifier)
    assert window.help.window.isVisible() and window.help.window.page == AUDITS
    window.help.window.reject()
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    window.actions_by_name["documents"].trigger()
    assert window.help.window.isVisible()
    window.help.window.reject()
    window.actions_by_name["close_project"].trigger()
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(Path(url.toLocalFile()).name) or True)
    window.actions_by_name["documents"].trigger()
    assert opened[-1] == "getting-started.html"


@pytest.mark.parametrize("light", [False, True])
def test_every_page_says_something_in_both_themes(qtbot, window: MainWindow, light: bool) -> None:
    window.appearance.use_light(light)
    for page, title in TITLES.items():
        shown = help_of(qtbot, window, page)
        assert shown.pages.currentItem().text() == title
        if page == KEYS:
            assert shown.keys is not None and shown.keys.table.model().rowCount() > 60
        else:
            text = shown.text.toPlainText()
            assert len(text) > 500 and "{" not in text and "**" not in text and "](" not in text


def test_pages_name_actions_that_exist_and_the_keys_in_force() -> None:
    names = {spec.name for spec in SPECS}
    for page in TITLES:
        if page in (KEYS, LICENCES):
            continue
        fields = set(re.findall(r"\{(\w+)\}", asset("docs", "help", f"{page}.md").read_text(encoding="utf-8")))
        assert fields - names <= {"places", "version", "qt", "encoder"}, page
    assert f"**{key_text('audit_start')}**" in page_text(AUDITS)


def test_the_search_marks_what_it_finds_and_goes_from_one_to_the_next(qtbot, window: MainWindow) -> None:
    shown = help_of(qtbot, window, AUDITS)
    qtbot.keyClicks(shown.search, "random")
    count = len(shown.text.extraSelections())
    assert count > 2 and shown.said.text() == f"1 of {count}"
    assert all(mark.cursor.selectedText().lower() == "random" for mark in shown.text.extraSelections())
    qtbot.keyClick(shown.search, Key.Key_Return)
    assert shown.said.text() == f"2 of {count}"
    qtbot.keyClick(shown.search, Key.Key_Return, Modifier.ShiftModifier)
    qtbot.keyClick(shown.search, Key.Key_Return, Modifier.ShiftModifier)
    assert shown.said.text() == f"{count} of {count}"
    assert shown.isVisible()
    shown.search.setText("no such word")
    assert shown.said.text() == "Not on this page" and not shown.text.extraSelections()
    shown.search.clear()
    assert shown.said.text() == ""


def test_the_search_filters_the_keys(qtbot, window: MainWindow) -> None:
    shown = help_of(qtbot, window, KEYS)
    qtbot.keyClicks(shown.search, "close the project")
    table = shown.keys.table  # type: ignore[union-attr]
    keys = table.model()
    rows = [keys.index(row, 1).data() for row in range(keys.rowCount()) if not table.isRowHidden(row)]
    assert rows[0] == "Ctrl+W" and len(rows) < 5
    assert shown.said.text() == f"{len(rows)} found"


def test_the_licences_stand_word_for_word_and_can_be_searched(qtbot, window: MainWindow) -> None:
    shown = help_of(qtbot, window, LICENCES)
    text = shown.text.toPlainText()
    root = Path(__file__).parents[3]
    assert asset("licences", "Apache-2.0.txt").read_bytes() == (root / "LICENSE").read_bytes()
    for name in ("Apache-2.0", "LGPL-3.0", "GPL-3.0"):
        for line in asset("licences", f"{name}.txt").read_text(encoding="utf-8").splitlines():
            assert line in text
    assert "PySide6-Essentials" in text and "Put your own build in their place" in text
    assert not shown.text.horizontalScrollBar().maximum()
    shown.search.setText("source code")
    assert re.fullmatch(r"1 of \d\d", shown.said.text())


def test_where_my_data_is_can_be_copied_and_shown(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url.toLocalFile())) or True)
    shown = help_of(qtbot, window, DATA)
    text = shown.text.toPlainText()
    project = tmp_path / NAME / "test.cxr"
    for place in (project, project.with_name("test.cxr-backups"), project.parent / "images", tmp_path / "log"):
        assert str(place) in text
    assert window.settings.fileName() in text
    shown._follow(QUrl("copy:0"))
    assert QGuiApplication.clipboard().text() == str(project)
    shown._follow(QUrl("show:0"))
    assert opened == [str(project.parent)]
    shown._follow(QUrl("show:99"))
    shown._follow(QUrl("file:///etc/passwd"))
    assert len(opened) == 1


def test_a_path_of_any_signs_stands_as_it_is() -> None:
    from PySide6.QtGui import QTextDocument

    for path in ("/a b/*c*/_d_/[e](f)", "C:\\x\\#1", "/with`tick", "/with``two`", "`"):
        document = QTextDocument()
        document.setMarkdown(as_code(path))
        assert document.toPlainText() == path


# What may be sent


def test_the_report_is_shown_first_and_holds_no_name(qtbot, window: MainWindow, tmp_path: Path) -> None:
    logfile.begin(tmp_path / "log")
    handler = logfile.log.handlers[-1]
    window.session.set_reader(f"Dr {NAME}")
    press(qtbot, window, Key.Key_E, Key.Key_4)
    try:
        window.files.open_path(tmp_path / NAME / "missing")
    finally:
        logfile.log.removeHandler(handler)
        handler.close()
    QGuiApplication.clipboard().clear()
    shown: list[str] = []

    def copy(dialog: TextDialog) -> None:
        assert QGuiApplication.clipboard().text() == ""
        dialog.copy.click()
        shown.append(QGuiApplication.clipboard().text())

    in_next_dialog(window, TextDialog, copy)
    window.actions_by_name["diagnostic"].trigger()
    (text,) = shown
    for wanted in ("cxr-explorer:", "python:", "torch ", "PySide6", "screens:", "images 11", "clusters 2", "schema "):
        assert wanted in text, wanted
    assert "labels 5, readers 1" in text
    assert "WARNING the reader is warned" in text and "cxr_explorer.project.project:" in text
    assert NAME not in text and str(tmp_path) not in text and "/home/" not in text


def test_the_report_says_what_the_child_process_computed_on(window: MainWindow) -> None:
    assert "nothing was analysed yet" in window.help.report()
    window.runs._end_indexing(IndexReport(device="cuda: NVIDIA T400", seconds={"embed": 3.0}))
    assert "auto chosen; used: cuda: NVIDIA T400" in window.help.report()


def test_an_open_help_follows_keys_colours_and_project(qtbot, window: MainWindow) -> None:
    shown = help_of(qtbot, window, START)
    window.guide.use_keys({spec.name: ("F12",) if spec.name == "open_folder" else spec.keys for spec in SPECS})
    assert "F12" in shown.text.toPlainText()
    window.guide.use_keys({spec.name: spec.keys for spec in SPECS})
    assert "F12" not in shown.text.toPlainText()
    shown.show_page(DATA)
    before = shown.text.toHtml()
    window.appearance.use_light(True)
    qtbot.waitUntil(lambda: shown.text.toHtml() != before)
    window.session.leave()
    assert "This project" not in shown.text.toPlainText()


def test_the_report_does_without_a_project(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path)
    assert "No project is open." in window.help.report()
    assert "No warnings or errors in the log." in window.help.report()


def test_the_log_is_shown(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / logfile.FILE_NAME).write_text("2026-01-01 00:00:00,000 INFO started\n", encoding="utf-8")
    texts: list[str] = []

    in_next_dialog(window, TextDialog, lambda dialog: texts.append(dialog._text))
    window.actions_by_name["show_log"].trigger()
    assert texts == ["2026-01-01 00:00:00,000 INFO started"]


def test_the_report_is_made_without_torch() -> None:
    program = (
        "import sys, cxr_explorer.doctor as doctor; doctor.diagnose({}, {}, []);"
        "print([m for m in ('torch', 'umap', 'sklearn', 'hdbscan') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "[]", result.stderr
