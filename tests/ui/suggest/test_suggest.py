"""Suggestions in the real window: read next, hide, colour, order, accept, target, profile, probes."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog

from cxr_explorer.labels.confounders import Confounder
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.probes.probe_set import load_probes
from cxr_explorer.project import acts, exporting, label_columns, labelling
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.lots import lot_of
from cxr_explorer.project.audits.records import audit_record
from cxr_explorer.search.conditions import Column, OneOf, fact_is
from cxr_explorer.ui.labelling.finding_list import Row
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.suggest.accept import AcceptDialog
from cxr_explorer.ui.suggest.profile import Profile
from cxr_explorer.ui.suggest.told import Probability, TooFew
from tests.ui.suggest_project import COUNT, LOOKS, make_suggest_project, truth
from tests.ui.windows import open_window, press

Key = Qt.Key
LONG_MS = 60_000
FINDING = "No Finding"


@pytest.fixture
def unread(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_suggest_project(tmp_path))


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    """On a project of which half the images were read."""
    return open_window(qtbot, tmp_path, make_suggest_project(tmp_path, COUNT // 2))


@pytest.fixture
def looked(qtbot, tmp_path: Path) -> MainWindow:
    """On a project of which half the images were read, and more were drawn at random and read."""
    return open_window(qtbot, tmp_path, make_suggest_project(tmp_path, COUNT // 2, LOOKS))


def labels(window: MainWindow) -> dict[int, int]:
    project = window.session.project
    assert project is not None
    column = label_columns.label_column(project, FINDING, window.session.reader)
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


def settle(qtbot, window: MainWindow) -> None:
    """Waits until what is seen is known."""
    part = window.suggest
    qtbot.waitUntil(lambda: part.found() is not None and not part.busy, timeout=LONG_MS)


def test_nothing_is_computed_before_somebody_looks(unread: MainWindow) -> None:
    assert unread.suggest.found() is None
    assert not unread.suggest.busy
    assert not unread.actions_by_name["accept_bulk"].isEnabled()


def test_q_reads_the_contact_sheets_and_then_what_the_probe_is_least_sure_of(qtbot, unread: MainWindow) -> None:
    press(qtbot, unread, Key.Key_Q)
    qtbot.waitUntil(lambda: unread.reading.active, timeout=LONG_MS)
    first = unread.suggest.found()
    assert first is not None and first.sheets
    sheet = first.queue.tolist()
    asked = []
    while len(asked) < len(sheet) + 6:
        qtbot.waitUntil(lambda: not unread.reading.is_waiting(), timeout=LONG_MS)
        asked.append(unread.session.current_id)
        press(qtbot, unread, Key.Key_P if truth(asked[-1]) == Value.PRESENT else Key.Key_A)
    assert asked[: len(sheet)] == sheet
    assert len(set(asked)) == len(asked)
    assert labels(unread) == {image_id: int(truth(image_id)) for image_id in asked}
    ways = {row.file: row.how for row in exporting.label_rows(unread.session.project)}  # type: ignore[arg-type]
    drawn = {file for file, how in ways.items() if how == "random"}
    assert {f"{image_id - 1:02}.png" for image_id in first.drawn.tolist()} < drawn
    assert len(asked) / 5 < len(drawn) < len(asked) / 3


def test_the_strip_says_which_images_were_drawn_at_random(qtbot, unread: MainWindow) -> None:
    unread.suggest.read_next()
    qtbot.waitUntil(lambda: unread.reading.active, timeout=LONG_MS)
    first = unread.suggest.found()
    assert first is not None and unread.session.current_id in first.drawn
    assert "drawn at random" in unread.reading.text()
    press(qtbot, unread, Key.Key_A)
    assert "drawn at random" not in unread.reading.text()


def test_within_a_batch_nothing_is_fitted(qtbot, unread: MainWindow) -> None:
    unread.suggest.read_next()
    qtbot.waitUntil(lambda: unread.reading.active, timeout=LONG_MS)
    for _ in range(5):
        press(qtbot, unread, Key.Key_A)
        assert not unread.suggest.busy
    unread.step_back()
    assert not unread.reading.active
    assert len(labels(unread)) == 5


def test_undo_in_the_reading_goes_back_to_the_image(qtbot, unread: MainWindow) -> None:
    unread.suggest.read_next()
    qtbot.waitUntil(lambda: unread.reading.active, timeout=LONG_MS)
    image_id = unread.session.current_id
    press(qtbot, unread, Key.Key_P)
    unread.session.acts.undo()
    assert unread.session.current_id == image_id
    assert labels(unread) == {}


def test_the_reading_ends_when_every_image_has_a_label(qtbot, window: MainWindow) -> None:
    window.suggest.read_next()
    qtbot.waitUntil(lambda: window.reading.active, timeout=LONG_MS)
    while window.reading.active:
        qtbot.waitUntil(lambda: not window.reading.active or not window.reading.is_waiting(), timeout=LONG_MS)
        if window.reading.active:
            qtbot.waitUntil(lambda: not window.session.why_unseen(), timeout=LONG_MS)
            window.reading.answer(truth(window.session.current_id))
    assert len(labels(window)) == COUNT
    assert "Every image has a label" in window._said.text()


def test_the_tab_says_how_far_the_finding_is(qtbot, window: MainWindow) -> None:
    window.suggest.show_tab()
    settle(qtbot, window)
    assert window.suggest.tab._heading.text() == FINDING
    assert window.suggest.tab._counts.text() == "36 images read one by one, 36 without a label."
    assert "How right the suggestions are is not known" in window.suggest.tab._state.text()
    assert "There are 0 of these; 30 are needed" in window.suggest.tab._state.text()
    window.session.set_judgement("Mass", Value.PRESENT)
    settle(qtbot, window)
    assert "Too few labels to suggest anything yet (0 present, 0 absent)" in window.suggest.tab._state.text()
    assert not window.suggest.tab.buttons["accept_bulk"].isEnabled()


def test_the_counts_of_the_tab_follow_every_answer_while_reading(qtbot, unread: MainWindow) -> None:
    counts = unread.suggest.tab._counts
    unread.suggest.show_tab()
    unread.suggest.read_next()
    qtbot.waitUntil(lambda: unread.reading.active, timeout=LONG_MS)
    unread.workspaces.switch("clusters")  # put away while images are read, unless it is wanted
    assert counts.text() == f"0 images read one by one, {COUNT} without a label."
    for number in range(1, 4):
        press(qtbot, unread, Key.Key_A)
        assert counts.text().startswith(f"{number} image{'s' * (number > 1)} read one by one")
        assert counts.text().endswith(f", {COUNT - number} without a label.")
        assert not unread.suggest.busy
    unread.session.acts.undo()
    assert counts.text() == f"2 images read one by one, {COUNT - 2} without a label."


def test_the_tab_says_how_looks_at_random_came_out(qtbot, looked: MainWindow) -> None:
    looked.suggest.show_tab()
    settle(qtbot, looked)
    text = looked.suggest.tab._state.text()
    found = looked.suggest.found()
    assert found is not None and found.in_numbers
    right = int(found.looks.right.sum())
    assert text == f"{LOOKS} images were drawn at random and read: {right} came out as suggested."
    assert right > 30


def test_the_map_is_coloured_by_suggestion_with_a_scale(qtbot, window: MainWindow) -> None:
    window.suggest.colour_map()
    settle(qtbot, window)
    assert window.session.suggested.probabilities is not None
    ids = window.session.map.image_ids  # type: ignore[union-attr]
    right = np.array([truth(image_id) == Value.PRESENT for image_id in ids.tolist()])
    assert ((window.session.suggested.probabilities > 0.5) == right).mean() > 0.9
    legend = window.map_page._legend
    assert legend._scale is not None and legend._scale[0] == f"{FINDING}: suggested"
    assert legend.isVisible()
    window.session.set_colour_by("cluster")
    assert legend._scale is None


def test_the_gallery_is_ordered_by_suggestion_and_says_the_number(qtbot, looked: MainWindow) -> None:
    looked.session.select_all()
    looked.session.set_order("likely")
    settle(qtbot, looked)
    shown = looked.gallery_panel.gallery.image_ids()
    probabilities = looked.session.suggested.of(shown)
    assert (np.diff(probabilities) <= 0).all()
    assert looked.gallery_panel.mark(int(shown[0])).note == f"{probabilities[0]:.2f}"
    looked.session.set_order("unsure")
    doubt = np.abs(looked.session.suggested.of(looked.gallery_panel.gallery.image_ids()) - 0.5)
    assert (np.diff(doubt) >= 0).all()
    looked.session.set_order("typical")
    assert looked.gallery_panel.mark(int(shown[0])).note == ""


def row_of(window: MainWindow, finding: str) -> Row:
    rows = window.label_panel.list.rows
    return rows.shown[rows.row_of(finding)]


def any_suggested(window: MainWindow) -> bool:
    return any(row.suggested.text for row in window.label_panel.list.rows.shown)


def test_without_looks_at_random_no_figure_is_shown_anywhere(qtbot, window: MainWindow) -> None:
    window.session.select_all()
    window.session.set_order("likely")
    settle(qtbot, window)
    shown = window.gallery_panel.gallery.image_ids()
    notes = [window.gallery_panel.mark(int(image_id)).note for image_id in (shown[0], shown[-1])]
    assert notes == ["likely", "unlikely"]
    assert "likely suggested" in window.session.caption(int(shown[0]))
    window.session.set_current(3)
    window.open_image()
    window.suggest.set_hiding(False)
    profile = window.suggest.profile
    assert isinstance(profile, Profile)
    qtbot.waitUntil(lambda: FINDING in profile.values and not window.suggest.busy, timeout=LONG_MS)
    row = row_of(window, FINDING)
    assert (row.sign, row.suggested.text) == ("+", "likely")
    assert not any(letter.isdigit() for letter in row.suggested.tip)


def test_new_suggestions_do_not_move_images_about(qtbot, window: MainWindow) -> None:
    window.session.select_all()
    window.session.set_order("unsure")
    settle(qtbot, window)
    before = window.gallery_panel.gallery.image_ids().tolist()
    labelling_target = np.array([before[0]], np.int64)
    window.session.acts.tell(
        labelling.label(
            window.session.project, labelling_target, Judgement(FINDING, Value.UNCERTAIN, "reader 1", "single")
        ),
        "",
    )
    with qtbot.waitSignal(window.session.suggested.changed, timeout=LONG_MS, raising=False):
        pass
    settle(qtbot, window)
    assert window.gallery_panel.gallery.image_ids().tolist() == before


def test_an_open_image_shows_nothing_before_it_is_answered(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_all()
    unanswered = COUNT
    session.set_current(unanswered)
    window.open_image()
    settle(qtbot, window)
    assert window.suggest.hidden
    assert not any_suggested(window)
    assert "hidden until you have answered" in window.label_panel._detail.full
    assert window.gallery_panel.mark(unanswered).note == ""
    press(qtbot, window, Key.Key_Y)
    assert unanswered not in labels(window)
    press(qtbot, window, Key.Key_D)
    assert not window.suggest.hidden
    settle(qtbot, window)
    assert any_suggested(window)
    press(qtbot, window, Key.Key_D)
    assert not any_suggested(window)
    press(qtbot, window, Key.Key_1)
    assert not window.suggest.hidden
    settle(qtbot, window)
    assert any_suggested(window)


def test_while_reading_an_image_with_a_label_in_bulk_counts_as_unanswered(qtbot, window: MainWindow) -> None:
    window.reading.start("Audit", np.array([3, 4]), FINDING, hide_suggestions=True)
    assert 3 in labels(window)
    assert window.suggest.hidden
    window.suggest.set_hiding(False)
    assert window.suggest.hidden  # a blind reading stays blind
    qtbot.waitUntil(lambda: not window.session.why_unseen(), timeout=LONG_MS)
    window.reading.answer(Value.PRESENT)
    window.reading.step(-1)
    assert not window.suggest.hidden


def test_the_profile_has_every_finding_and_says_where_labels_are_too_few(qtbot, window: MainWindow) -> None:
    window.session.select_all()
    window.session.set_current(3)
    window.open_image()
    settle(qtbot, window)
    qtbot.waitUntil(lambda: not window.suggest.busy, timeout=LONG_MS)
    profile = window.suggest.profile
    assert isinstance(profile, Profile)
    assert set(profile.values) == set(window.session.project.vocabulary.findings)  # type: ignore[union-attr]
    value = profile.values[FINDING]
    assert isinstance(value, Probability)
    assert value.image > 0.5
    assert 0 < value.cluster < 1
    row = row_of(window, FINDING)
    assert (row.sign, row.state, row.suggested.text) == ("+", "yes", "likely")
    assert row.suggested.share == value.image and row.suggested.cluster == value.cluster
    assert profile.values["Mass"] == TooFew(0, 0)
    assert "too few labels (0 present, 0 absent)" in row_of(window, "Mass").tip
    assert row_of(window, "Mass").suggested.text == ""


def test_a_handful_of_labels_is_told_without_computing(qtbot, unread: MainWindow) -> None:
    unread.session.set_current(3)
    unread.open_image()
    press(qtbot, unread, Key.Key_1)
    assert isinstance(unread.suggest.profile, Profile)
    assert unread.suggest.profile.values[FINDING] == TooFew(1, 0)
    assert not unread.suggest.busy


def test_ctrl_d_takes_the_profile_away(qtbot, window: MainWindow) -> None:
    window.session.set_current(3)
    window.open_image()
    assert window.suggest.profile.seen
    press(qtbot, window, Key.Key_D, modifier=Qt.KeyboardModifier.ControlModifier)
    assert not window.suggest.profile.seen
    assert not any_suggested(window)


def test_y_accepts_what_is_suggested_for_the_picked_images(qtbot, window: MainWindow) -> None:
    window.suggest.colour_map()
    window.session.select_all()
    settle(qtbot, window)
    read, new = 1, [COUNT - 2, COUNT - 1, COUNT]
    before = labels(window)
    window.session.set_picked(np.array([read, *new]))
    press(qtbot, window, Key.Key_Y)
    after = labels(window)
    assert {image_id: after[image_id] for image_id in new} == {image_id: int(truth(image_id)) for image_id in new}
    assert after[read] == before[read]
    rows = {row.file: row.how for row in exporting.label_rows(window.session.project)}  # type: ignore[arg-type]
    assert rows[f"{COUNT - 1}.png"] == "suggestion"
    window.session.acts.undo()
    assert labels(window) == before


def accept_with(monkeypatch: pytest.MonkeyPatch, limit_percent: float, seen: list[AcceptDialog] | None = None) -> None:
    """The dialog is answered with this limit."""

    def choose(dialog: AcceptDialog) -> int:
        if seen is not None:
            seen.append(dialog)
        dialog.limit.setValue(limit_percent)
        return int(QDialog.DialogCode.Accepted if dialog.button.isEnabled() else QDialog.DialogCode.Rejected)

    monkeypatch.setattr(AcceptDialog, "exec", choose)


def test_suggestions_are_looked_through_then_accepted_in_one_act_that_overwrites_nobody(
    qtbot, looked: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked.suggest.show_tab()
    settle(qtbot, looked)
    before = labels(looked)
    accept_with(monkeypatch, 15)
    press(qtbot, looked, Key.Key_Y, modifier=Qt.KeyboardModifier.ShiftModifier)
    page = looked.sheets.page
    qtbot.waitUntil(page.isVisible)
    assert labels(looked) == before
    shown = looked.sheets._sheet.ids  # type: ignore[union-attr]
    doubt = np.abs(looked.session.suggested.of(shown) - 0.5)
    assert (np.diff(doubt) >= 0).all() and not set(shown.tolist()) & set(before)
    assert "least sure" in page.heading.text() and "90 % sure" in page.heading.text()
    assert page.rest.accessibleName().startswith(
        f"Enter    Accept {FINDING} as suggested on {len(shown)} images: at most"
    )
    marks = {looked.sheets._mark(int(image_id)).note for image_id in shown}
    assert marks == {"present", "absent"}
    odd = [int(shown[0]), int(shown[3])]
    for image_id in odd:
        page.grid.set_current(image_id)
        looked.session.set_current(image_id)
        press(qtbot, looked, Key.Key_Space)
    assert f"on {len(shown) - 2} images" in page.rest.accessibleName()
    qtbot.keyClick(page.grid, Key.Key_Return)
    after = labels(looked)
    assert set(after) == set(before) | (set(shown.tolist()) - set(odd))
    assert all(after[image_id] == value for image_id, value in before.items())
    project = looked.session.project
    assert project is not None
    assert (acts.undo_text(project) or "").startswith("Accepted No Finding on ")
    bounds = [row.bound for row in exporting.label_rows(project) if row.how == "suggestion"]
    assert len(bounds) == len(shown) - 2
    assert all(bound is not None and bound.confidence == 0.9 and 0 < bound.error_bound <= 0.2 for bound in bounds)
    assert not page.isVisible()
    qtbot.waitUntil(lambda: "accepted as suggested" in looked.suggest.tab._counts.text(), timeout=LONG_MS)
    looked.session.acts.undo()
    assert labels(looked) == before


def asked(qtbot, window: MainWindow, selected: slice = slice(0), **more) -> AcceptDialog:  # type: ignore[no-untyped-def]
    """The dialog over the newest suggestion, with some of the map's images selected; not shown yet."""
    window.suggest.show_tab()
    settle(qtbot, window)
    found, atlas = window.suggest.found(), window.session.map
    assert found is not None and found.probabilities is not None and atlas is not None
    ids = atlas.image_ids
    dialog = AcceptDialog(window, found, ids, np.array(list(labels(window))), ids[selected], **more)
    qtbot.addWidget(dialog)
    return dialog


def test_without_looks_enough_accept_is_off_and_says_how_many_more(qtbot, window: MainWindow) -> None:
    dialog = asked(qtbot, window, slice(-10, None))
    dialog.show()
    assert not dialog.button.isEnabled()
    assert dialog.summary.text() == "Nothing can be accepted yet."
    assert dialog.evidence.text().startswith("0 images of these were drawn at random and read.")
    assert "more, if all of them come out as suggested. Read next (Q) draws one image of 4" in dialog.evidence.text()


def test_the_dialog_offers_what_the_looks_allow(qtbot, looked: MainWindow) -> None:
    dialog = asked(qtbot, looked, slice(20, 60))
    dialog.show()
    dialog.limit.setValue(15)
    found, ids = looked.suggest.found(), dialog._ids
    assert found is not None and found.probabilities is not None
    left = ~np.isin(ids, list(labels(looked)))
    present = int((found.probabilities[left] > 0.5).sum())
    assert dialog.present.text() == f"present on {present} images"
    offered = len(dialog.ids)
    assert offered > 10
    assert dialog.summary.text().startswith(f"{offered} of 36 suggestions can be accepted: at most ")
    assert "came out as suggested, 0 did not" in dialog.evidence.text()
    dialog.limit.setValue(0.5)
    assert not dialog.button.isEnabled()
    dialog.limit.setValue(30)
    dialog.absent.setChecked(False)
    assert found.looks[found.looks.probabilities > 0.5].enough is False
    assert not dialog.button.isEnabled()  # too few of the looks are of this kind
    dialog.absent.setChecked(True)
    dialog.selection_only.setChecked(True)
    assert set(dialog._ids[dialog._rows]) == set(ids[20:60][left[20:60]])


def test_enter_in_the_limit_goes_on_where_something_is_offered_and_never_cancels(qtbot, looked: MainWindow) -> None:
    dialog = asked(qtbot, looked)
    dialog.limit.setValue(0.5)
    dialog.show()
    qtbot.keyClick(dialog.limit, Key.Key_Return)
    assert dialog.isVisible()
    dialog.limit.setValue(30)
    qtbot.keyClick(dialog.limit, Key.Key_Return)
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_nothing_outside_the_filter_is_offered_and_no_other_look_counts(
    qtbot, looked: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = looked.session
    assert session.map is not None
    facts = {image_id: {"view": "AP" if image_id % 2 else "PA"} for image_id in session.map.image_ids.tolist()}
    session.known_facts.use(facts, session.map)
    session.filtering.set((fact_is("view", "AP"),))
    looked.suggest.show_tab()
    settle(qtbot, looked)
    seen: list[AcceptDialog] = []
    accept_with(monkeypatch, 30, seen)
    looked.suggest.accept_bulk()
    (dialog,) = seen
    assert dialog.windowTitle() == "Accept suggestions, only AP"
    assert all(image_id % 2 for image_id in dialog._ids[dialog._rows])
    assert f"{LOOKS // 2} images of these were drawn at random" in dialog.evidence.text()


def test_within_a_filter_on_labels_no_bound_is_offered(
    qtbot, looked: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of "present or not labelled" every look says present: it would bound no error, and claim that there is none."""
    session = looked.session
    session.filtering.set((OneOf(Column("finding", session.finding), ("present", "not labelled")),))
    assert session.filter is not None
    looked.suggest.show_tab()
    settle(qtbot, looked)
    said: list[str] = []
    session.said.connect(said.append)
    seen: list[AcceptDialog] = []
    accept_with(monkeypatch, 30, seen)
    looked.suggest.accept_bulk()
    assert not seen and "images chosen by their labels say nothing of the others" in said[-1]


def test_another_finding_takes_the_offer_away(qtbot, looked: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    looked.suggest.show_tab()
    settle(qtbot, looked)
    before = labels(looked)
    accept_with(monkeypatch, 15)
    looked.suggest.accept_bulk()
    assert looked.session.page == "sheet"
    looked.session.set_judgement("Mass", Value.PRESENT)
    assert looked.session.page == "map"
    assert labels(looked) == before


def test_the_dialog_says_what_the_images_have_in_common_beside_the_picture(qtbot, looked: MainWindow) -> None:
    one = Confounder("view", "AP", 20, 20, 20, 60, 1e-6, 20)
    dialog = asked(qtbot, looked, slice(-10, None), compare=lambda _ids: [one])
    dialog.show()
    dialog.limit.setValue(15)
    assert dialog.warning.text() == (
        "⚠ 100 % of the present images are AP (collection: 33 %)\n"
        "⚠ 100 % of the absent images are AP (collection: 33 %)"
    )


def test_the_target_is_told_from_audits_and_kept_with_the_project(qtbot, window: MainWindow) -> None:
    window.suggest.show_tab()
    settle(qtbot, window)
    project, reader = window.session.project, window.session.reader
    assert project is not None
    standing = window.suggest.tab._standing
    qtbot.waitUntil(lambda: "All 36 labels were read one by one" in standing.text(), timeout=LONG_MS)
    rest = np.arange(COUNT // 2 + 1, COUNT + 1)
    present = np.array([truth(image_id) == Value.PRESENT for image_id in rest.tolist()])
    window.suggest._accept(rest[present], rest[~present])
    qtbot.waitUntil(lambda: "36 labels given in bulk or accepted are in no audit" in standing.text(), timeout=LONG_MS)
    number = conduct.start(project, lot_of(project, FINDING, reader), 0.2, 0.95, seed=0)
    record = audit_record(project, number)
    for image_id in record.sample.tolist():
        window.session.acts.tell(conduct.answer(project, record, image_id, truth(image_id)), "")
    qtbot.waitUntil(lambda: "95 % sure that at least" in standing.text(), timeout=LONG_MS)
    window.suggest.tab.target.setValue(70)
    qtbot.waitUntil(lambda: "The target of 70 % is reached: you can stop." in standing.text(), timeout=LONG_MS)
    assert window.suggest.target() == pytest.approx(0.7)
    window.session.set_judgement("Mass", Value.PRESENT)
    assert window.suggest.target() == pytest.approx(0.985)


def test_probes_are_saved_and_used_where_labels_are_too_few(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "probes-mine.json"
    monkeypatch.setattr("cxr_explorer.ui.suggest.probes.probes_home", lambda: tmp_path)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
    window.suggest.saved.save()
    qtbot.waitUntil(lambda: "Probes of 1 finding saved" in window._said.text(), timeout=LONG_MS)
    assert load_probes(path).probes[0].finding == FINDING
    window.session.preferences.settings.setValue("reader", "somebody new")
    window.session.show_labels_anew()
    window.suggest.show_tab()
    settle(qtbot, window)
    assert "Too few labels" in window.suggest.tab._state.text()
    window.suggest.saved.load()
    qtbot.waitUntil(lambda: "saved probes mine" in window.suggest.tab._state.text(), timeout=LONG_MS)
    assert window.actions_by_name["forget_probes"].isEnabled()
    assert window.actions_by_name["accept_bulk"].isEnabled()
    window.suggest.saved.forget()
    qtbot.waitUntil(lambda: "Too few labels" in window.suggest.tab._state.text(), timeout=LONG_MS)


def test_saved_probes_of_an_encoder_that_is_not_here_are_refused(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "probes-mine.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
    window.suggest.saved.save()
    qtbot.waitUntil(lambda: "Probes of 1 finding saved" in window._said.text(), timeout=LONG_MS)
    path.write_text(path.read_text().replace(load_probes(path).encoder_key, "simclr-cxr-000000000000"))
    told: list[str] = []
    window.session.failed.connect(told.append)
    window.suggest.saved.load()
    assert len(told) == 1 and "simclr-cxr-000000000000" in told[0] and "save probes anew" in told[0]


def test_another_finding_has_suggestions_of_its_own(qtbot, window: MainWindow) -> None:
    window.suggest.colour_map()
    settle(qtbot, window)
    assert window.session.suggested.probabilities is not None
    window.session.set_judgement("Mass", Value.PRESENT)
    assert window.session.suggested.probabilities is None
    settle(qtbot, window)
    assert "nothing suggested yet" in window.map_page._legend._entries[0][1]


def test_a_child_that_dies_is_told_and_the_next_label_starts_another(qtbot, window: MainWindow) -> None:
    window.suggest.show_tab()
    settle(qtbot, window)
    asking = window.suggest._asking
    assert asking._talk is not None
    asking._talk._process.kill()
    asking._talk._process.join()
    window.suggest.ask_anew()
    qtbot.waitUntil(lambda: "Suggestions stopped" in window.suggest.tab._state.text(), timeout=LONG_MS)
    assert window.notice.isVisible()
    window.session.show_labels_anew()
    qtbot.waitUntil(lambda: "drawn at random" in window.suggest.tab._state.text(), timeout=LONG_MS)


def test_closing_ends_the_child(qtbot, window: MainWindow) -> None:
    window.suggest.show_tab()
    settle(qtbot, window)
    talk = window.suggest._asking._talk
    assert talk is not None
    window.close()
    assert talk.finished
    assert not talk._process.is_alive()
