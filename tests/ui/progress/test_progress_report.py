"""Progress in a tab, and the report, as the reader asks for them."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QFileDialog

from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.progress.progress_report import ReportDialog
from tests.ui.windows import make_project, open_window

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def choose(monkeypatch: pytest.MonkeyPatch, out: Path | None, accepted: bool = True) -> list[str]:
    """The dialogs answer by themselves; returns what is opened afterwards."""
    opened: list[str] = []
    result = QDialog.DialogCode.Accepted if accepted else QDialog.DialogCode.Rejected
    monkeypatch.setattr(ReportDialog, "exec", lambda _: result)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out) if out else "", ""))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    return opened


def test_the_tab_counts_when_it_is_looked_at_and_again_after_labels(qtbot, window: MainWindow) -> None:
    panel, session = window.progress_report.panel, window.session
    assert panel.heading.text() == "Progress"
    qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier | Modifier.ShiftModifier)
    assert panel.isVisible()
    qtbot.waitUntil(lambda: panel.heading.text() == "0 of 10 images labelled (0\u00a0%)", timeout=30_000)
    assert not panel.unread.isVisible()
    session.select_cluster(0)
    window.judging.label_target()
    qtbot.waitUntil(lambda: panel.heading.text() == "5 of 10 images labelled (50\u00a0%)", timeout=30_000)
    assert panel.unread.text() == "5 labels given without reading each image"
    assert panel.details.text() == "0 of 10 images seen\n1 decision, 5.0 judgements each"
    assert [panel.list.item(row).text() for row in range(panel.list.count())] == [
        "Findings",
        f"{session.finding.replace('_', ' ')}\n5 images, 1 decision",
        "Clusters",
        "Cluster 1\n100 % labelled, ⚠ only 0 of 5 seen",
        "Cluster 2\n0 % labelled, 0 of 3 seen",
        "Unclustered\n0 % labelled, 0 of 2 seen",
    ]


def test_a_reader_who_answers_without_a_pause_does_not_put_the_count_off(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = window.progress_report.panel
    window.progress_report.show_progress()
    qtbot.waitUntil(lambda: panel.list.count() == 4, timeout=30_000)
    asked: list[object] = []
    monkeypatch.setattr(panel._errand, "run", lambda *arguments, **_: asked.append(arguments))
    panel._wait.setInterval(40)
    for _ in range(50):
        window.session.show_labels_anew()
        qtbot.wait(10)
    assert asked


def test_what_changes_while_it_counts_is_counted_afterwards_and_stops_nothing(
    qtbot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, session = window.progress_report.panel, window.session
    window.progress_report.show_progress()
    qtbot.waitUntil(lambda: panel.list.count() == 4, timeout=30_000)
    session.select_cluster(0)
    window.judging.label_target()
    qtbot.waitUntil(lambda: panel._errand.active)
    under_way = panel._errand._job
    assert under_way is not None
    stopped: list[bool] = []
    monkeypatch.setattr(under_way, "cancel", lambda: stopped.append(not under_way.finished))
    session.select_cluster(1)
    window.judging.label_target()
    qtbot.waitUntil(lambda: panel.heading.text().startswith("8 of 10"))
    assert stopped == [False], "it went on to its end"


def test_a_hidden_tab_counts_nothing(qtbot, window: MainWindow) -> None:
    panel = window.progress_report.panel
    window.session.select_cluster(0)
    window.judging.label_target()
    assert not panel._wait.isActive() and not panel._errand.active


def test_a_cluster_of_the_tab_is_selected_by_keyboard(qtbot, window: MainWindow) -> None:
    panel = window.progress_report.panel
    window.progress_report.show_progress()
    qtbot.waitUntil(lambda: panel.list.count() == 4, timeout=30_000)
    panel.list.setCurrentRow(2)
    qtbot.keyClick(panel.list, Key.Key_Return)
    assert window.session.selection.cluster == 1


def test_the_report_is_written_and_opened(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    opened = choose(monkeypatch, out)
    said: list[str] = []
    window.session.said.connect(said.append)
    qtbot.keyClick(window, Key.Key_R, Modifier.ControlModifier | Modifier.ShiftModifier)
    qtbot.waitUntil(lambda: bool(opened), timeout=30_000)
    assert opened == [str(out)]
    assert "Labelling report" in out.read_text()
    assert said[-1] == f"Report written to {out} (0.1 MB)"


def test_a_report_that_cannot_be_written_is_told(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, tmp_path / "nowhere" / "report.html")
    window.progress_report.write_report()
    qtbot.waitUntil(window.notice.isVisible, timeout=30_000)


def test_thinking_better_of_it_writes_nothing(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, tmp_path / "report.html", accepted=False)
    window.progress_report.write_report()
    choose(monkeypatch, None)
    window.progress_report.write_report()
    assert not window.progress_report._errand.active


def test_file_names_are_off_and_thumbnails_on_until_the_reader_says_otherwise(qtbot, window: MainWindow) -> None:
    dialog = ReportDialog(window)
    qtbot.addWidget(dialog)
    assert dialog.choices.images and not dialog.choices.file_names
    dialog.images.click()
    dialog.file_names.click()
    assert not dialog.choices.images and dialog.choices.file_names
