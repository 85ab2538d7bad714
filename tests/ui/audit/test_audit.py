"""Audits in the real window, by keyboard: the dialog, the blind reading, the outcome, the list."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import labelling
from cxr_explorer.project.audits.bounds import bounds_by_cluster
from cxr_explorer.project.audits.records import Audit, audit_records
from cxr_explorer.ui.audit.dialog import AuditDialog
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import in_next_dialog, make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier
FINDING = "Effusion"


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    """Clusters of five and three, labelled absent; plans of 20 % at 50 %, so that two of five are read."""
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    session = window.session
    session.preferences.settings.setValue("audit_limit", 20.0)
    session.preferences.settings.setValue("audit_confidence", 50.0)
    session.set_judgement(FINDING, Value.ABSENT)
    for cluster in (1, 0):
        session.select_cluster(cluster)
        window.judging.label_target()
    window.activateWindow()
    return window


def found(window: MainWindow) -> list[Audit]:
    project = window.session.project
    assert project is not None
    return audit_records(project)


def ask(qtbot, window: MainWindow, do: Callable[[AuditDialog], None] | None = None, start: bool = True) -> str:
    """Presses X, changes the dialog, and starts with Enter (or leaves with Esc); returns what the dialog said."""
    said: list[str] = []

    def answer(dialog: AuditDialog) -> None:
        if do is not None:
            do(dialog)
        said.append(f"{dialog._result.text()} {dialog._again.text()}".strip())
        qtbot.keyClick(dialog, Key.Key_Return if start else Key.Key_Escape)

    in_next_dialog(window, AuditDialog, answer)
    qtbot.keyClick(window, Key.Key_X)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return said[0]


def badge(window: MainWindow, cluster: int) -> str:
    session = window.session
    assert session.project is not None and session.map is not None
    bounds = bounds_by_cluster(session.project, session.map.image_ids, session.map.clusters, FINDING, session.reader)
    return bounds[cluster].text if cluster in bounds else ""


def test_without_labels_there_is_nothing_to_audit(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    assert not window.actions_by_name["audit_start"].isEnabled()
    assert window.audit.list.entries.count() == 0


def test_a_cluster_is_audited_by_keyboard_and_passes(qtbot, window: MainWindow) -> None:
    assert ask(qtbot, window) == "You will read 2 of 5 images. One error fails the audit."
    (audit,) = found(window)
    assert window.reading.active
    assert "Audit 1: Cluster 1" in window.reading.text() and "1 of 2" in window.reading.text()
    assert window.session.current_id == audit.sample[0]
    press(qtbot, window, Key.Key_A, Key.Key_A)
    assert not window.reading.active
    (audit,) = found(window)
    assert (audit.state, audit.title) == ("passed", "Cluster 1")
    assert "passed: error ≤ 20 % (50 %)" in window.audit.banner.text
    assert badge(window, 0) == "≤ 20 %"
    assert window.audit.list.entries.item(0).text().startswith("✓ passed: Cluster 1")


def test_only_the_image_is_shown_while_an_audit_is_read(qtbot, window: MainWindow) -> None:
    views = (window.gallery_panel, window.label_panel, window.side)
    ask(qtbot, window)
    assert window.reading.hides_suggestions
    assert not any(view.isVisible() for view in views)
    press(qtbot, window, Key.Key_Escape)
    assert all(view.isVisible() for view in views)


def test_an_error_too_many_ends_the_reading_and_offers_what_to_do(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_P)
    assert not window.reading.active
    (audit,) = found(window)
    assert (audit.state, audit.answered) == ("failed", 1)
    banner = window.audit.banner
    assert "failed: 1 of 1 wrong, 0 tolerated: split it, or read on" in banner.text
    assert banner.repair.isVisible() and banner.rest.isVisible()
    assert badge(window, 0) == "failed"
    banner.repair.click()
    assert "Repair of Cluster 1, edge first" in window.reading.text()
    press(qtbot, window, *([Key.Key_A] * 4))
    assert not window.reading.active
    assert found(window)[0].answered == 1  # mending is no evidence
    assert found(window)[0].state == "failed"


def test_a_failed_cluster_can_be_split_at_once(qtbot, window: MainWindow) -> None:
    assert window.session.map is not None
    before = len(window.session.map.groups)
    ask(qtbot, window)
    press(qtbot, window, Key.Key_P)
    window.session.clear_selection()
    assert window.audit.banner.split.isVisible()
    window.audit.banner.split.click()
    assert len(window.session.map.groups) > before


def test_the_list_of_clusters_shows_the_badge_once_the_reading_is_over(qtbot, window: MainWindow) -> None:
    def badges() -> dict[int, str]:
        rows = window.cluster_panel.arranged()
        return {row.cluster: row.audit.badge for row in rows if row.audit is not None}

    ask(qtbot, window)
    press(qtbot, window, Key.Key_A)
    assert badges() == {}  # the list is out of sight, and not brought up to date at every answer
    press(qtbot, window, Key.Key_A)
    assert badges() == {0: "✓ ≤ 20 %"}


def test_the_rest_of_a_failed_sample_can_be_read_for_its_bound(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_P)
    window.audit.banner.rest.click()
    assert "1 of 1" in window.reading.text()
    press(qtbot, window, Key.Key_A)
    (audit,) = found(window)
    assert (audit.state, audit.complete) == ("failed", True)
    assert "may be up to" in window.audit.banner.text
    assert not window.audit.banner.rest.isVisible()


def test_stopping_leaves_the_audit_open_and_x_goes_on(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_A, Key.Key_Escape)
    (audit,) = found(window)
    assert (audit.state, audit.answered) == ("open", 1)
    assert "1 of 2 read" in window.audit.banner.text
    assert ask(qtbot, window) == "Audit 1 of these images is open: 1 of 2 read."
    assert window.session.current_id == audit.sample[1]
    press(qtbot, window, Key.Key_A)
    assert [audit.state for audit in found(window)] == ["passed"]


def test_undo_after_the_end_opens_the_audit_again(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_A, Key.Key_A)
    qtbot.keyClick(window, Key.Key_Z, Modifier.ControlModifier)
    assert found(window)[0].state == "open"
    qtbot.waitUntil(lambda: "1 of 2 read" in window.audit.banner.text)
    qtbot.waitUntil(lambda: window.audit.list.entries.item(0).text().startswith("… open"))


def test_undo_while_reading_goes_back_to_the_image(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_A)
    qtbot.keyClick(window, Key.Key_Z, Modifier.ControlModifier)
    assert window.session.current_id == found(window)[0].sample[0]
    assert found(window)[0].answered == 0
    press(qtbot, window, Key.Key_A, Key.Key_A)
    assert found(window)[0].state == "passed"


def test_a_second_audit_of_the_same_images_says_so(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_P)
    said = ask(qtbot, window)
    assert "audit number 2 of these images" in said
    press(qtbot, window, Key.Key_A, Key.Key_A)
    assert [len(audit.earlier) for audit in found(window)] == [0, 1]
    qtbot.waitUntil(lambda: "audit number 2" in window.audit.list.entries.item(0).text())


def test_every_cluster_is_audited_one_after_the_other(qtbot, window: MainWindow) -> None:
    def each(dialog: AuditDialog) -> None:
        dialog._which.setCurrentIndex(2)

    assert ask(qtbot, window, each) == "You will read 4 images in 2 audits, one after the other."
    assert len(found(window)) == 1  # the next one starts when its turn comes
    press(qtbot, window, Key.Key_A, Key.Key_A)
    assert "(2 of 2): Cluster 2" in window.reading.text()
    press(qtbot, window, Key.Key_P)  # of three images one wrong one is too many, and two are read
    assert [audit.state for audit in found(window)] == ["passed", "failed"]
    assert "2 audits: 1 passed, 1 failed" in window.audit.banner.text


def test_all_labels_of_a_finding_are_one_lot(qtbot, window: MainWindow) -> None:
    ask(qtbot, window, lambda dialog: dialog._which.setCurrentIndex(1))
    press(qtbot, window, *([Key.Key_A] * len(found(window)[0].sample)))
    (audit,) = found(window)
    assert (audit.whole, len(audit.image_ids), audit.state) == (True, 8, "passed")
    assert badge(window, 0) == ""  # nothing is said of a single cluster


def test_leaving_the_dialog_starts_nothing(qtbot, window: MainWindow) -> None:
    ask(qtbot, window, start=False)
    assert found(window) == []


def test_what_cannot_be_planned_is_said_in_the_dialog(qtbot, window: MainWindow) -> None:
    said = ask(qtbot, window, lambda dialog: dialog._tolerated.setValue(4), start=False)
    assert "cannot be tolerated" in said


def test_the_list_selects_the_images_of_an_audit(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_A, Key.Key_A)
    window.session.clear_selection()
    qtbot.keyClick(window, Key.Key_X, Modifier.ShiftModifier)
    entries = window.audit.list.entries
    assert window.side.currentWidget() is window.audit.list and entries.hasFocus()
    qtbot.keyClick(entries, Key.Key_Return)
    assert window.session.selection.cluster == 0


def test_the_list_goes_on_and_abandons(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_Escape)
    listed = window.audit.list
    listed._abandon.click()
    assert found(window)[0].state == "abandoned"
    qtbot.waitUntil(lambda: listed.entries.item(0).text().startswith("– abandoned"))
    listed._read.click()
    assert window.reading.active
    press(qtbot, window, Key.Key_A, Key.Key_A)
    assert found(window)[0].state == "passed"


def test_a_changed_label_shows_the_bound_as_stale(qtbot, window: MainWindow) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_A, Key.Key_A)
    project = window.session.project
    assert project is not None
    unread = np.setdiff1d(found(window)[0].image_ids, found(window)[0].sample)[:1]
    window.session.acts.tell(
        labelling.label(project, unread, Judgement(FINDING, Value.PRESENT, window.session.reader, "single")), "nothing"
    )
    qtbot.waitUntil(lambda: window.audit.list.entries.item(0).text().startswith("↻ stale"))
    assert badge(window, 0) == "stale"


def test_another_project_has_no_banner_and_no_audits_of_the_last_one(qtbot, window: MainWindow, tmp_path: Path) -> None:
    ask(qtbot, window)
    press(qtbot, window, Key.Key_A, Key.Key_A)
    other = tmp_path / "other"
    other.mkdir()
    window.runs.start_indexing = lambda *_, **__: None  # type: ignore[method-assign]
    window.files.open_path(make_project(other))
    assert not window.audit.banner.isVisible()
    assert window.audit.list.entries.count() == 0
