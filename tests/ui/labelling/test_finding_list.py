"""The list of findings says what is, finds by a part of a name, and whole readings take few keys."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu, QPlainTextEdit, QPushButton

from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.labels.vocabulary import NO_FINDING, Vocabulary
from cxr_explorer.project import labelling
from cxr_explorer.project.label_columns import finding_counts
from cxr_explorer.ui.labelling.finding_list import Row, Suggested
from cxr_explorer.ui.labelling.findings_dialog import FindingsDialog
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import CLUSTER_SIZES, make_project, open_window, press

Key = Qt.Key
KEYS = ("1", "Ctrl+1", "Alt+1")


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def row(window: MainWindow, finding: str) -> Row:
    rows = window.label_panel.list.rows
    return rows.shown[rows.row_of(finding)]


# -- what a row says


@pytest.mark.parametrize(
    ("counts", "total", "sign", "state"),
    [
        ((0, 0, 0), 4, "", ""),
        ((4, 0, 0), 4, "+", "present"),
        ((0, 4, 0), 4, "–", "absent"),
        ((0, 0, 4), 4, "?", "uncertain"),
        ((1, 2, 0), 4, "±", "1 +  2 –"),
        ((3, 0, 0), 4, "±", "3 +"),
        ((0, 0, 0), 0, "", ""),
    ],
)
def test_a_row_says_how_the_images_at_hand_stand(counts, total: int, sign: str, state: str) -> None:
    found = Row("Effusion", KEYS, counts, total)
    assert (found.sign, found.state) == (sign, state)


def test_of_no_finding_the_question_is_whether_it_is_normal() -> None:
    found = Row(NO_FINDING, KEYS, (0, 1, 0), 1)
    assert found.name == "Normal? (No Finding)"
    assert found.state == "no"
    assert "1 yes, Ctrl+1 no, Alt+1 unsure" in found.tip


def test_the_tip_says_all_of_it_in_words() -> None:
    found = Row("Mass", KEYS, (1, 0, 2), 5, Suggested("likely", 0.9, 0.5, "likely"))
    assert found.tip.split("\n") == [
        "Mass",
        "1 present, Ctrl+1 absent, Alt+1 uncertain",
        "Of 5 images: 1 present, 0 absent, 2 uncertain, 2 not read",
        "Suggested: likely",
    ]


def test_what_a_key_would_do_does_not_look_like_what_is(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    assert window.session.finding == NO_FINDING
    before = row(window, NO_FINDING)
    assert (before.sign, before.state) == ("", "")
    press(qtbot, window, Key.Key_2)
    assert row(window, NO_FINDING) == before
    assert row(window, "Atelectasis").state == "present"


def test_with_the_findings_put_away_the_foot_says_what_a_key_has_set(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    said: list[str] = []
    window.session.said.connect(said.append)
    press(qtbot, window, Key.Key_A)
    assert said == []
    window.actions_by_name["panes"].trigger()
    press(qtbot, window, Key.Key_U)
    press(qtbot, window, Key.Key_Period)
    assert said[-2:] == [
        "Ctrl+Enter: No Finding = uncertain on 5 images (0 of 5 seen)",
        "Ctrl+Enter: Atelectasis = uncertain on 5 images (0 of 5 seen)",
    ]


# -- finding a finding


def test_a_part_of_a_name_finds_it_and_enter_goes_to_it(qtbot, window: MainWindow) -> None:
    window.session.set_vocabulary(Vocabulary("mine", (*(f"Finding {n}" for n in range(98)), "Pleural tag")))
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_Slash)
    assert window.label_panel.search.hasFocus()
    qtbot.keyClicks(window.label_panel.search, "tag")
    assert [one.finding for one in window.label_panel.list.rows.shown] == ["Pleural tag"]
    qtbot.keyClick(window.label_panel.search, Key.Key_Return)
    assert window.session.finding == "Pleural tag"
    assert len(window.label_panel.list.rows.shown) == 99
    assert window.label_panel.list.hasFocus()
    press(qtbot, window, Key.Key_A)
    qtbot.keyClick(window, Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert row(window, "Pleural tag").state == "absent"


def test_two_letters_and_a_sign_label_at_once_and_the_next_can_be_typed(qtbot, window: MainWindow) -> None:
    window.session.set_vocabulary(Vocabulary("mine", (*(f"Finding {n}" for n in range(98)), "Pleural tag")))
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_Slash)
    search = window.label_panel.search
    qtbot.keyClicks(search, "pt-")
    assert row(window, "Pleural tag").state == "absent"
    assert search.text() == ""
    assert search.hasFocus()
    qtbot.keyClicks(search, "pt?")
    assert row(window, "Pleural tag").state == "uncertain"
    qtbot.keyClicks(search, "xy+")
    assert search.text() == "xy+"
    assert not window.label_panel.list.rows.shown


def test_groups_stand_above_their_findings_and_are_stepped_over(qtbot, window: MainWindow) -> None:
    groups = {"Pleura": ("Effusion",), "Heart": ("Cardiomegaly",)}
    window.session.set_vocabulary(Vocabulary("mine", ("Mass", "Cardiomegaly", "Effusion"), groups=groups))
    window.session.select_cluster(0)
    findings = window.label_panel.list
    shown = [entry if isinstance(entry, str) else entry.finding for entry in findings.rows.entries]
    assert shown == ["Mass", "Pleura", "Effusion", "Heart", "Cardiomegaly"]
    assert window.session.finding == "Mass"
    findings.setFocus()
    qtbot.keyClick(findings, Key.Key_Down)
    assert window.session.finding == "Effusion"
    press(qtbot, window, Key.Key_Period)
    assert window.session.finding == "Cardiomegaly"
    assert not findings.grab().toImage().isNull()


def test_a_right_click_gives_a_finding_a_number_key_and_the_window_says_what_changed(window: MainWindow) -> None:
    window.session.select_cluster(0)
    said: list[str] = []
    window.session.said.connect(said.append)
    findings = window.label_panel.list
    place = findings.visualRect(findings.rows.index(findings.rows.row_of("Hernia"))).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, findings.mapToGlobal(place))
    QApplication.sendEvent(findings.viewport(), event)
    (menu,) = findings.findChildren(QMenu)
    (wanted,) = [one for one in menu.actions() if one.text().startswith("2 ")]
    assert "Atelectasis" in wanted.text()
    wanted.trigger()
    menu.close()
    assert row(window, "Hernia").keys[0] == "2"
    assert row(window, "Atelectasis").keys[0] == ""
    assert said[-1] == "Keys stand for other findings now: 2 Hernia"
    window.actions_by_name["label_present_2"].trigger()
    assert row(window, "Hernia").state == "present"
    project = window.session.project
    assert project is not None
    assert project.vocabulary.keyed[1] == "Hernia"


def test_a_published_list_says_that_it_is_fixed_and_can_be_customised(qtbot, window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    dialog = FindingsDialog(window, project.vocabulary)
    dialog.show()
    text = dialog.findChild(QPlainTextEdit)
    (customise,) = [one for one in dialog.findChildren(QPushButton) if one.text() == "Customise"]
    assert text.isReadOnly()
    qtbot.mouseClick(customise, Qt.MouseButton.LeftButton)
    assert not text.isReadOnly()
    assert not customise.isVisible()
    text.setPlainText(text.toPlainText() + "\n# Lines\nTube tip")
    dialog._accept()
    assert dialog.vocabulary.name == "My own"
    assert dialog.vocabulary.groups == {"Lines": ("Tube tip",)}
    assert dialog.vocabulary.excludes[NO_FINDING] == project.vocabulary.excludes[NO_FINDING] + ("Tube tip",)


def test_the_list_follows_the_button_and_leads_it(qtbot, window: MainWindow) -> None:
    findings = window.label_panel.list
    press(qtbot, window, Key.Key_Period)
    assert findings.currentIndex().row() == 1
    findings.setFocus()
    qtbot.keyClick(findings, Key.Key_Down)
    assert window.session.finding == findings.rows.shown[2].finding


def test_a_hundred_findings_make_no_window_higher(window: MainWindow) -> None:
    before = window.minimumSizeHint()
    window.session.set_vocabulary(Vocabulary("mine", tuple(f"Finding {number}" for number in range(100))))
    assert window.minimumSizeHint() == before


def test_the_line_below_says_how_the_label_came(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    press(qtbot, window, Key.Key_2)
    detail = window.label_panel._detail
    assert detail.full == f"Atelectasis: {CLUSTER_SIZES[0]} with cluster 1"
    window.session.set_picked(window.session.selection.ids[:1])
    press(qtbot, window, Key.Key_2, modifier=Qt.KeyboardModifier.ControlModifier)
    assert detail.full.startswith("Atelectasis: labelled one by one, 20")
    assert detail.full.endswith(", by reader 1")


def test_ways_of_the_same_words_are_told_as_one(window: MainWindow) -> None:
    session = window.session
    assert session.project is not None and session.map is not None
    came: list[tuple[How, int | None, int]] = [
        ("random", None, 3), ("audit", None, 2), ("single", None, 1), ("cluster", 70, 1), ("cluster", 71, 1),
        ("lasso", None, 1), ("import", None, 1),
    ]  # fmt: skip
    ids = iter(session.map.image_ids.tolist())
    for how, gone_cluster, count in came:
        said = Judgement("Effusion", Value.PRESENT, session.reader, how, gone_cluster, session.map.map_id)
        few = np.array([next(ids) for _ in range(count)])
        session.acts.do(labelling.labelling(session.project, few, said), "")
    session.select(session.map.image_ids, "selection")
    told = window.judging.detail(session.target(), "Effusion")
    assert told == "Effusion: 4 one by one, 2 in an audit, 2 in a cluster and 2 other ways"
    session.select(session.map.image_ids[:-1], "selection")
    assert window.judging.detail(session.target(), "Effusion").endswith("2 in a cluster and 1 other way")


# -- whole readings


def test_thirteen_clusters_of_fifteen_findings_take_at_most_forty_keys(qtbot, window: MainWindow) -> None:
    """Of each cluster all findings are answered: with one abnormal finding, or as normal."""
    session = window.session
    assert session.project is not None and len(session.project.vocabulary.findings) == 15
    keys = 0
    for cluster in range(13):  # the window has two: what is counted is the keys that one cluster takes
        acts = (Key.Key_0,) if cluster % 2 else (Key.Key_2 if cluster % 4 else Key.Key_3, Key.Key_U)
        session.select_cluster(cluster % 2)
        window.labelling.label_finding(0, int(Value.UNCERTAIN))  # whatever was there
        session.acts.undo()
        keys += 1  # N, the next cluster
        for key in acts:
            shift = Qt.KeyboardModifier.ShiftModifier if key == Key.Key_U else Qt.KeyboardModifier.NoModifier
            press(qtbot, window, key, modifier=shift)
            keys += 1
        counts = finding_counts(session.project, session.selection.ids, session.reader)
        assert len(counts) == 15 and all(sum(of.values()) == session.selection.ids.size for of in counts.values())
        for _ in acts:
            session.acts.undo()
    assert keys <= 40


def test_the_answers_of_the_last_image_are_given_to_the_next(qtbot, window: MainWindow) -> None:
    session = window.session
    first, second = session.map.image_ids[:2]  # type: ignore[union-attr]
    session.select(np.array([first, second]), "selection")
    press(qtbot, window, Key.Key_L, modifier=Qt.KeyboardModifier.ShiftModifier)
    assert row(window, "Mass").state == ""
    session.set_picked(np.array([first]))
    press(qtbot, window, Key.Key_6)
    press(qtbot, window, Key.Key_2, modifier=Qt.KeyboardModifier.ControlModifier)
    session.set_picked(np.array([second]))
    press(qtbot, window, Key.Key_L, modifier=Qt.KeyboardModifier.ShiftModifier)
    assert (row(window, "Mass").state, row(window, "Atelectasis").state) == ("present", "absent")
    session.acts.undo()
    assert (row(window, "Mass").state, row(window, "Atelectasis").state) == ("", "")


def test_an_image_that_was_not_seen_is_not_called_normal(qtbot, window: MainWindow) -> None:
    window.image_page.least_look_ms = 60_000
    window.session.set_current(1)
    window.open_image()
    qtbot.waitUntil(lambda: window.image_page.view.picture.has_picture)
    qtbot.keyClick(window, Key.Key_0)
    assert row(window, NO_FINDING).state == ""
