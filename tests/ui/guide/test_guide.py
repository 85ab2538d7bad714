"""The window without a mouse, with other keys, and as it was left."""

from pathlib import Path

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QRect, QSettings, Qt
from PySide6.QtWidgets import QApplication, QDialog, QPushButton

from cxr_explorer.project import label_columns
from cxr_explorer.ui.commands import keymap
from cxr_explorer.ui.commands.actions import SPECS, key_text, keyboard_rows, tooltip
from cxr_explorer.ui.frame import appearance
from cxr_explorer.ui.frame.window_state import on_a_screen
from cxr_explorer.ui.guide.command_palette import CommandPalette
from cxr_explorer.ui.guide.keys_dialog import EditKeysDialog
from cxr_explorer.ui.main_window import MainWindow
from tests.ui.windows import CLUSTER_SIZES, in_next_dialog, make_project, open_window

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.activateWindow()
    return window


@pytest.fixture(autouse=True)
def _plain_keys(tmp_path: Path):
    yield
    keymap.load(QSettings(str(tmp_path / "none.ini"), QSettings.Format.IniFormat))


def labels(window: MainWindow, finding: str) -> dict[int, int]:
    column = label_columns.label_column(window.session.project, finding, window.session.reader)  # type: ignore[arg-type]
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


# The palette


def palette_of(window: MainWindow) -> CommandPalette:
    window.actions_by_name["command_palette"].trigger()
    (palette,) = (dialog for dialog in window.findChildren(CommandPalette) if dialog.isVisible())
    return palette


def test_the_palette_finds_and_does_what_is_typed(qtbot, window: MainWindow) -> None:
    palette = palette_of(window)
    qtbot.keyClicks(palette.search, "cluster 2")
    assert palette.current is not None
    assert palette.current.text.startswith("Cluster 2")
    qtbot.keyClick(palette.search, Key.Key_Return)
    assert window.session.selection.cluster == 1
    palette = palette_of(window)
    qtbot.keyClicks(palette.search, "effusion absent")
    qtbot.keyClick(palette.search, Key.Key_Return)
    assert set(labels(window, "Effusion").values()) == {0}
    assert len(labels(window, "Effusion")) == CLUSTER_SIZES[1]


def test_the_palette_outlives_a_command_that_waits_in_a_dialog(qtbot, window: MainWindow) -> None:
    palette = palette_of(window)
    alive: list[bool] = []

    qtbot.keyClicks(palette.search, "map parameters")
    assert palette.current is not None
    in_next_dialog(window, QDialog, lambda _dialog: alive.append(shiboken6.isValid(palette)))
    at = palette.list.visualRect(palette.list.currentIndex()).center()
    qtbot.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert alive == [True]
    qtbot.waitUntil(lambda: not shiboken6.isValid(palette))


def test_the_palette_says_why_a_command_cannot_be_done_and_stays(qtbot, window: MainWindow) -> None:
    palette = palette_of(window)
    qtbot.keyClicks(palette.search, "label mass present")
    assert palette.current is not None
    assert "select images first" in palette.current.missing
    qtbot.keyClick(palette.search, Key.Key_Return)
    assert palette.isVisible()
    assert labels(window, "Mass") == {}
    qtbot.keyClick(palette.search, Key.Key_Escape)
    assert not palette.isVisible()


def test_arrows_in_the_palette_move_the_mark_and_typing_goes_on(qtbot, window: MainWindow) -> None:
    palette = palette_of(window)
    first = palette.current
    qtbot.keyClick(palette.search, Key.Key_Down)
    assert palette.current is not first
    qtbot.keyClick(palette.search, Key.Key_Up)
    assert palette.current is first
    qtbot.keyClick(palette.search, Key.Key_Up)
    assert palette.list.currentIndex().row() == palette.list.model().rowCount() - 1
    qtbot.keyClicks(palette.search, "zzzz")
    assert palette.current is None
    qtbot.keyClick(palette.search, Key.Key_Return)
    assert palette.isVisible()


def test_every_command_that_cannot_be_done_says_what_is_missing(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path)
    palette = palette_of(window)
    greyed = [command for command in palette._commands if command.missing]
    assert greyed
    assert {command.missing for command in greyed}.isdisjoint({"not possible as things stand"})


# Keys


def dialog_of(window: MainWindow) -> EditKeysDialog:
    window.actions_by_name["edit_keys"].trigger()
    (dialog,) = (dialog for dialog in window.findChildren(EditKeysDialog) if dialog.isVisible())
    return dialog


def record(qtbot, dialog: EditKeysDialog, search: str, key: Key, modifier: Modifier = Modifier.NoModifier) -> None:
    dialog.search.setText(search)
    qtbot.keyClick(dialog.search, Key.Key_Return)
    assert dialog.field.isVisible()
    qtbot.keyClick(dialog.field, key, modifier)


def test_a_new_key_holds_at_once_is_said_everywhere_and_kept(qtbot, window: MainWindow, tmp_path: Path) -> None:
    dialog = dialog_of(window)
    record(qtbot, dialog, "show whole map", Key.Key_F8)
    assert window.actions_by_name["reset_view"].shortcut().toString() == "F8"
    assert tooltip("reset_view").endswith("(F8)")
    assert any("(F8)" in button.toolTip() for button in window.map_page.findChildren(type(window.map_page.names)))
    assert ("Map", "F8", "Zoom out to all images") in keyboard_rows()
    assert ("Map", "Ctrl+0", "Zoom out to all images") in keyboard_rows(as_shipped=True)
    dialog.reject()
    window.close()
    again = open_window(qtbot, tmp_path)
    assert again.actions_by_name["reset_view"].shortcut().toString() == "F8"


def test_a_key_in_use_is_only_taken_by_a_swap(qtbot, window: MainWindow) -> None:
    dialog = dialog_of(window)
    record(qtbot, dialog, "show whole map", Key.Key_E, Modifier.ControlModifier)
    assert dialog.swap.isVisible()
    assert key_text("export_labels") == "Ctrl+E"
    qtbot.keyClick(dialog, Key.Key_Escape)
    assert key_text("reset_view") == "Ctrl+0"
    assert dialog.isVisible()
    record(qtbot, dialog, "show whole map", Key.Key_E, Modifier.ControlModifier)
    qtbot.keyClick(dialog.swap, Key.Key_Space)
    assert (key_text("reset_view"), key_text("export_labels")) == ("Ctrl+E", "Ctrl+0")


def test_finding_keys_and_keys_of_controls_are_never_given_away(qtbot, window: MainWindow) -> None:
    dialog = dialog_of(window)
    for key, modifier in (
        (Key.Key_1, Modifier.NoModifier),
        (Key.Key_9, Modifier.ControlModifier),
        (Key.Key_Tab, Modifier.NoModifier),
        (Key.Key_F, Modifier.AltModifier),
    ):
        record(qtbot, dialog, "show whole map", key, modifier)
        assert not dialog.swap.isVisible()
        assert "⚠" in dialog.said.text()
        assert key_text("reset_view") == "Ctrl+0"


def test_a_finding_can_have_another_key_and_reset_gives_the_old_one_back(qtbot, window: MainWindow) -> None:
    dialog = dialog_of(window)
    record(qtbot, dialog, "finding 2 = present", Key.Key_Ampersand)
    assert key_text("label_present_2") == "&"
    assert window.label_panel.list.rows.shown[1].keys[0] == "&"
    dialog.reset_one.click()
    assert key_text("label_present_2") == "2"
    dialog.reset_all.click()
    assert all(not window.session.preferences.settings.contains(f"{keymap.GROUP}/{spec.name}") for spec in SPECS)


def test_digits_of_the_number_pad_label_too(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    qtbot.keyClick(window, Key.Key_4, Modifier.KeypadModifier)
    assert len(labels(window, "Effusion")) == CLUSTER_SIZES[0]
    qtbot.keyClick(window, Key.Key_4, Modifier.KeypadModifier | Modifier.ControlModifier)
    assert set(labels(window, "Effusion").values()) == {0}


def test_broken_settings_of_keys_leave_the_keys_as_they_come(qtbot, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue(f"{keymap.GROUP}/undo", "{not json")
    settings.setValue(f"{keymap.GROUP}/no_such_action", '["F9"]')
    settings.sync()
    window = open_window(qtbot, tmp_path)
    assert window.actions_by_name["undo"].shortcut().toString() == "Ctrl+Z"


# Getting about


def test_f6_goes_round_the_panes_and_comes_back_to_the_control_left(qtbot, window: MainWindow) -> None:
    gallery = window.gallery_panel.gallery
    window.clusters.setFocus()
    seen = []
    for _ in range(8):
        qtbot.keyClick(QApplication.focusWidget(), Key.Key_F6)
        seen.append(QApplication.focusWidget())
        if seen[-1] is window.clusters:
            break
    assert window.map_page.scatter.canvas in seen
    assert gallery in seen
    assert any(window.label_panel.isAncestorOf(widget) for widget in seen)
    assert seen[-1] is window.clusters
    qtbot.keyClick(window.clusters, Key.Key_F6, Modifier.ShiftModifier)
    assert QApplication.focusWidget() is seen[-2]


def test_space_on_a_focused_button_presses_it_and_excludes_nothing(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    button = window.map_page.tools["rectangle"]
    button.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(button, Key.Key_Space)
    assert window.map_page.scatter.tool == "rectangle"
    assert window.session.project.excluded_ids().size == 0  # type: ignore[union-attr]


def test_the_focused_control_wears_the_ring(qtbot, window: MainWindow) -> None:
    button = window.map_page.tools["pan"]
    for widget in (button, window.clusters, window.gallery_panel.gallery, window.map_page.scatter.canvas):
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        assert window._focus_ring.widget is QApplication.focusWidget()  # type: ignore[attr-defined]
        assert window._focus_ring.isVisible()  # type: ignore[attr-defined]


def test_a_point_is_found_picked_opened_and_its_cluster_taken_by_keys(qtbot, window: MainWindow) -> None:
    canvas, session = window.map_page.scatter.canvas, window.session
    qtbot.waitUntil(lambda: window.map_page.scatter.is_ready, timeout=120_000)
    canvas.setFocus()
    for _ in range(12):
        qtbot.keyClick(canvas, Key.Key_Right)
    at = window.map_page.scatter.keys.at
    assert session.map is not None
    assert session.map.clusters[at] == 1
    qtbot.keyClick(canvas, Key.Key_Return)
    assert session.selection.ids.tolist() == [int(session.map.image_ids[at])]
    qtbot.keyClick(canvas, Key.Key_M)
    assert session.selection.cluster == 1
    qtbot.keyClick(canvas, Key.Key_Return, Modifier.ShiftModifier)
    assert session.selection.ids.size == CLUSTER_SIZES[1] - 1
    qtbot.keyClick(canvas, Key.Key_Return, Modifier.ShiftModifier)
    qtbot.keyClick(canvas, Key.Key_Return)
    assert session.viewing_image


def test_a_selection_grows_and_shrinks_around_the_point_and_adds(qtbot, window: MainWindow) -> None:
    scatter, session = window.map_page.scatter, window.session
    qtbot.waitUntil(lambda: scatter.is_ready, timeout=120_000)
    qtbot.keyClick(window, Key.Key_Up, Modifier.ControlModifier)
    assert session.selection.ids.size == 0
    scatter.canvas.setFocus()
    scatter.keys.go_to(0)
    sizes = []
    for key in (Key.Key_Up, Key.Key_Up, Key.Key_Down, Key.Key_Down):
        qtbot.keyClick(scatter.canvas, key, Modifier.ControlModifier)
        sizes.append(session.selection.ids.size)
    assert sizes == [4, 6, 4, 3]
    scatter.keys.go_to(9)
    before = session.selection.ids
    qtbot.keyClick(scatter.canvas, Key.Key_Up, Modifier.ControlModifier | Modifier.ShiftModifier)
    assert np.isin(before, session.selection.ids).all()
    assert session.selection.ids.size > before.size


def test_the_left_hand_steps_through_the_gallery(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    ids = window.session.ordered_ids().tolist()
    for _ in range(3):
        qtbot.keyClick(window, Key.Key_D, Modifier.ShiftModifier)
    qtbot.keyClick(window, Key.Key_A, Modifier.ShiftModifier)
    assert window.session.current_id == ids[1]


def test_what_a_points_colour_says_is_said_in_words_beside_it(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    window.judging.label_target()
    session.set_colour_by("label")
    assert session.map is not None
    captions = [window.map_page._caption(position) for position in range(len(session.map.image_ids))]
    labelled = session.map.clusters == 0
    assert all(
        caption.endswith("No Finding: present") for caption, is_one in zip(captions, labelled, strict=True) if is_one
    )
    assert all(caption.endswith("Not read") for caption, is_one in zip(captions, labelled, strict=True) if not is_one)


def test_window_and_level_are_set_by_keys(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    window.open_image()
    view = window.image_page.view
    qtbot.waitUntil(lambda: view.picture.has_picture, timeout=10_000)
    before = view.picture.voi
    qtbot.keyClick(view, Key.Key_Right, Modifier.ShiftModifier)
    qtbot.keyClick(view, Key.Key_Down, Modifier.ShiftModifier)
    assert view.picture.voi.width > before.width
    assert view.picture.voi.centre > before.centre
    current = window.session.current_id
    for _ in range(14):
        view.zoom_in()
    across = view.picture._centre.x()
    qtbot.keyClick(view, Key.Key_Right, Modifier.AltModifier)
    assert view.picture._centre.x() > across
    assert window.session.current_id == current


def test_large_letters_do_not_widen_the_window(qtbot, window: MainWindow) -> None:
    window.session.clear_selection()
    for _ in range(4):
        window.appearance.scale_text(1)
    assert window.minimumSizeHint().width() <= 1366
    assert window.minimumSizeHint().height() <= 768
    window.session.select_cluster(0)
    window.open_image()
    assert window.minimumSizeHint().width() <= 1366
    for _ in range(4):
        window.appearance.scale_text(-1)


# As it was left


@pytest.mark.parametrize("dark", [True, False])
def test_the_first_start_takes_the_desktops_colours_and_later_ones_the_readers(
    qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dark: bool
) -> None:
    monkeypatch.setattr(appearance, "system_is_dark", lambda: dark)
    window = open_window(qtbot, tmp_path)
    assert window.actions_by_name["light"].isChecked() is not dark
    window.close()
    monkeypatch.setattr(appearance, "system_is_dark", lambda: not dark)
    again = open_window(qtbot, tmp_path)
    assert again.actions_by_name["light"].isChecked() is not dark


def test_tool_order_tiles_and_colours_come_back_at_the_next_start(qtbot, window: MainWindow, tmp_path: Path) -> None:
    path = window.session.project.path  # type: ignore[union-attr]
    window.map_page.use_tool("rectangle")
    window.session.set_order("edge")
    window.session.set_colour_by("view")
    window.gallery_panel.gallery.set_tile_size(200)
    window.side.setCurrentIndex(window.side.count() - 1)
    window.close()
    again = open_window(qtbot, tmp_path, path)
    assert again.map_page.scatter.tool == "rectangle"
    assert again.map_page.tools["rectangle"].isChecked()
    assert again.session.order == "edge"
    assert again.gallery_panel._order.currentData() == "edge"
    assert again.gallery_panel.gallery.tile_size == 200
    qtbot.waitUntil(lambda: again.session.colour_by == "view")  # what is known of images is read meanwhile
    assert again.map_page._colour.currentData() == "view"
    assert again.side.currentIndex() == again.side.count() - 1 > 0


@pytest.mark.parametrize(
    ("wanted", "stays"),
    [
        (QRect(100, 100, 800, 600), True),
        (QRect(1900, 300, 800, 600), True),
        (QRect(2100, 300, 800, 600), False),
        (QRect(100, -900, 800, 600), False),
        (QRect(-790, 100, 800, 600), False),
        (QRect(5000, 5000, 4000, 3000), False),
    ],
)
def test_a_window_of_a_screen_that_is_gone_comes_back(wanted: QRect, stays: bool) -> None:
    rooms = [QRect(0, 0, 1366, 728), QRect(1366, 0, 640, 480)]
    found = on_a_screen(wanted, rooms)
    assert (found == wanted) is stays
    if not stays:
        assert rooms[0].contains(found)


def test_buttons_that_do_what_an_action_does_say_its_key(window: MainWindow) -> None:
    tips = [button.toolTip() for button in window.map_page.findChildren(QPushButton)]
    tips += [button.toolTip() for button in window.map_page.tools.values()]
    assert all(tips)


def test_alt_with_arrows_moves_the_open_image_and_no_cluster(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(1)
    window.open_image()
    view = window.image_page.view
    qtbot.waitUntil(lambda: view.picture.has_picture, timeout=10_000)
    before = [window.clusters.model().index(row, 0).data() for row in range(3)]
    qtbot.keyClick(view, Key.Key_Up, Modifier.AltModifier)
    assert [window.clusters.model().index(row, 0).data() for row in range(3)] == before
    assert not window.actions_by_name["undo"].isEnabled()


def test_esc_gives_up_a_reading_that_is_still_being_chosen(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    window.suggest._starting, window.suggest._reading = True, "Mass"
    qtbot.keyClick(window, Key.Key_Escape)
    assert not window.suggest._starting
    assert window.session.selection.cluster == 0


def test_the_keyboard_comes_back_to_the_list_after_a_name(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(0)
    window.gallery_panel.gallery.setFocus()
    qtbot.keyClick(window.gallery_panel.gallery, Key.Key_F2)
    editor = QApplication.focusWidget()
    assert editor is not None
    qtbot.keyClicks(editor, "Normals")
    qtbot.keyClick(editor, Key.Key_Return)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is window.clusters)
