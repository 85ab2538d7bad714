"""The window as a reader uses it: keys, clicks, messages. On a project whose map needs no encoder."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QObject, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMessageBox, QTableView, QWidget

from cxr_explorer.images.kinds import Tally, kind_of
from cxr_explorer.indexing import IndexReport
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project import exporting, label_columns
from cxr_explorer.project.labelling import LabelPlan
from cxr_explorer.project.left_out import left_out, store_left_out
from cxr_explorer.project.project import Project
from cxr_explorer.ui.commands.actions import SPECS
from cxr_explorer.ui.frame import appearance
from cxr_explorer.ui.frame.settings_dialog import SettingsDialog
from cxr_explorer.ui.frame.unreadable_dialog import UnreadableDialog
from cxr_explorer.ui.guide.keys_help import KeysDialog
from cxr_explorer.ui.labelling.export_dialog import ExportDialog, Whose
from cxr_explorer.ui.labelling.findings_dialog import FindingsDialog
from cxr_explorer.ui.labelling.import_dialog import ImportDialog
from cxr_explorer.ui.labelling.label_panel import apply_text
from cxr_explorer.ui.main_window import MainWindow
from cxr_explorer.ui.map.map_dialog import MapDialog
from cxr_explorer.ui.widgets.messages import show_bug
from tests.ui.windows import CLUSTER_SIZES, in_next_dialog, make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_project(tmp_path))


def labels(window: MainWindow, finding: str = "No Finding") -> dict[int, int]:
    project = window.session.project
    assert project is not None
    column = label_columns.label_column(project, finding, window.session.reader)
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


def test_without_a_project_the_window_says_what_to_do(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path)
    assert window.files.welcome.isVisible()
    assert not window.label_panel.isVisible()
    assert not window.actions_by_name["export_labels"].isEnabled()
    assert window.actions_by_name["open_folder"].isEnabled()


def test_a_wrong_folder_is_told_in_the_window_and_nothing_else_happens(qtbot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path, None)
    window.files.open_path(tmp_path / "missing")
    assert window.notice.isVisible()
    assert window.files.welcome.isVisible()
    assert window.session.project is None


def test_a_wrong_folder_leaves_the_open_project_open(window: MainWindow, tmp_path: Path) -> None:
    window.files.open_path(tmp_path / "missing")
    assert window.session.project is not None
    assert window.notice.isVisible()
    assert window.map_page.isVisible()


def test_opening_what_is_open_only_looks_for_new_images(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    monkeypatch.setattr(window.runs, "start_indexing", lambda *_, **__: runs.append(1))
    window.session.select_cluster(0)
    window.files.open_path(tmp_path / "test.cxr")
    window.files.open_path(tmp_path / "images", tmp_path / "test.cxr")
    assert not window.notice.isVisible()
    assert window.session.selection.cluster == 0
    assert len(runs) == 2


def test_with_nothing_selected_nothing_can_be_labelled(qtbot, window: MainWindow) -> None:
    assert window.session.target().ids.size == 0
    assert not window.label_panel.apply.isEnabled()
    assert "Nothing selected" in window.label_panel.apply.text()
    qtbot.keyClick(window, Key.Key_1)
    assert labels(window) == {}


def test_a_cluster_is_labelled_undone_and_redone_with_keys_alone(qtbot, window: MainWindow) -> None:
    qtbot.keyClick(window, Key.Key_N)
    assert window.session.selection.cluster == 0
    said = window.label_panel.apply.text().replace("\n", " ")
    assert said == f"No Finding = present on {CLUSTER_SIZES[0]} images (0 of 5 seen)"
    qtbot.keyClick(window, Key.Key_4)
    assert list(labels(window, "Effusion").values()) == [1] * CLUSTER_SIZES[0]
    rows = list(exporting.label_rows(window.session.project))  # type: ignore[arg-type]
    assert {(row.how, row.cluster) for row in rows} == {("cluster", 0)}
    qtbot.keyClick(window, Key.Key_Z, Modifier.ControlModifier)
    assert labels(window, "Effusion") == {}
    qtbot.keyClick(window, Key.Key_Z, Modifier.ControlModifier | Modifier.ShiftModifier)
    assert len(labels(window, "Effusion")) == CLUSTER_SIZES[0]


@pytest.mark.parametrize(
    ("modifier", "value"), [(Modifier.ControlModifier, Value.ABSENT), (Modifier.AltModifier, Value.UNCERTAIN)]
)
def test_modifiers_choose_the_value(qtbot, window: MainWindow, modifier: Modifier, value: Value) -> None:
    qtbot.keyClick(window, Key.Key_N)
    qtbot.keyClick(window, Key.Key_2, modifier)
    assert set(labels(window, "Atelectasis").values()) == {value}


def test_the_button_says_what_it_overwrites_and_skips_then_does_it(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    first, second, third = session.ordered_ids()[:3].tolist()
    session.set_picked(np.array([first]))
    qtbot.keyClick(window, Key.Key_1, Modifier.ControlModifier)
    session.set_picked(np.array([second]))
    qtbot.keyClick(window, Key.Key_Space)
    session.set_picked(np.array([], np.int64))
    qtbot.keyClick(window, Key.Key_P)
    text = window.label_panel.apply.text().replace("\n", " ")
    assert text == "No Finding = present on 4 images (1 of 5 seen); overwrites 1 read individually; skips 1 excluded"
    qtbot.mouseClick(window.label_panel.apply, Qt.MouseButton.LeftButton)
    found = labels(window)
    assert found[first] == 1
    assert second not in found
    assert found[third] == 1


@pytest.mark.parametrize(
    ("overwritten", "read", "said"),
    [
        (0, 0, "Mass = present on 9 images"),
        (4, 4, "Mass = present on 9 images; overwrites 4 read individually"),
        (4, 1, "Mass = present on 9 images; overwrites 4 labels, 1 read individually"),
        (1, 0, "Mass = present on 9 images; overwrites 1 label, none read individually"),
    ],
)
def test_the_button_says_no_more_of_what_it_overwrites_than_is_known(overwritten: int, read: int, said: str) -> None:
    assert apply_text("Mass", Value.PRESENT, "the selection", LabelPlan(9, overwritten, read, 0, 0)) == said


def test_picked_images_take_the_label_instead_of_the_cluster(qtbot, window: MainWindow) -> None:
    window.session.select_cluster(1)
    gallery = window.gallery_panel.gallery
    gallery.setFocus()
    qtbot.keyClick(gallery, Key.Key_Home)
    assert window.session.picked.tolist() == [gallery.current_id]
    qtbot.keyClick(gallery, Key.Key_1)
    assert labels(window) == {gallery.current_id: 1}
    row = next(iter(exporting.label_rows(window.session.project)))  # type: ignore[arg-type]
    assert (row.how, row.cluster) == ("single", None)


def test_escape_steps_back_one_thing_at_a_time(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    gallery = window.gallery_panel.gallery
    gallery.setFocus()
    qtbot.keyClick(gallery, Key.Key_Home)
    qtbot.keyClick(gallery, Key.Key_Return)
    assert session.viewing_image
    qtbot.keyClick(window.image_page.view, Key.Key_Escape)
    assert not session.viewing_image
    assert session.picked.size == 1
    qtbot.keyClick(gallery, Key.Key_Escape)
    assert session.picked.size == 0
    qtbot.keyClick(gallery, Key.Key_Escape)
    assert session.selection.ids.size == 0


def test_an_open_image_takes_the_label_alone_and_arrows_go_on(qtbot, window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    window.open_image()
    ids = session.ordered_ids().tolist()
    assert session.current_id == ids[0]
    press(qtbot, window, Key.Key_1)
    assert labels(window) == {ids[0]: 1}
    qtbot.keyClick(window.image_page.view, Key.Key_Right)
    assert session.current_id == ids[1]
    assert session.viewing_image
    qtbot.waitUntil(lambda: window.image_page.view.picture.isVisible(), timeout=10_000)


def test_the_gallery_shows_the_selection_in_the_chosen_order(window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    typical = window.gallery_panel.gallery.image_ids().tolist()
    session.set_order("edge")
    assert window.gallery_panel.gallery.image_ids().tolist() == typical[::-1]
    session.set_order("file")
    assert window.gallery_panel.gallery.image_ids().tolist() == sorted(typical)


def test_selections_combine(window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    session.select_cluster(1, "add")
    assert session.selection.ids.size == CLUSTER_SIZES[0] + CLUSTER_SIZES[1]
    assert session.selection.cluster is None
    session.select_cluster(0, "subtract")
    assert session.selection.ids.size == CLUSTER_SIZES[1]


def test_colours_follow_the_labels_and_the_legend_counts_them(window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    session.set_colour_by("label")
    window.judging.label_target()
    codes, names = session.categories()
    assert names[0] == "No Finding: present"
    assert (codes == 0).sum() == CLUSTER_SIZES[0]
    session.set_colour_by("view")
    codes, names = session.categories()
    assert sorted(names) == ["AP", "PA"]
    assert (codes >= 0).all()
    session.set_colour_by("age")
    assert session.categories()[1] == ["30–39 years", "40–49 years"]


def test_the_cluster_list_shows_the_share_labelled(window: MainWindow) -> None:
    window.session.select_cluster(1)
    window.judging.label_target()
    model = window.clusters.model()
    assert "3 of 3 images labelled (100 %)" in model.data(model.index(1), Qt.ItemDataRole.ToolTipRole)
    assert "0 of 5" in model.data(model.index(0), Qt.ItemDataRole.ToolTipRole)
    assert "Unclustered, 2 images" in model.data(model.index(2))


def test_every_montage_picture_in_sight_is_loaded(qtbot, window: MainWindow) -> None:
    shown = [image_id for row in window.clusters.model().rows for image_id in row.typical[:3]]
    assert shown
    qtbot.waitUntil(lambda: all(window.session.thumbnails.get(i) is not None for i in shown), timeout=10_000)


def test_another_vocabulary_keeps_the_labels_given(window: MainWindow) -> None:
    window.session.select_cluster(0)
    window.judging.label_target()
    window.session.set_vocabulary(Vocabulary("My own", ("Rib fracture", "Line tip")))
    assert window.session.finding == "Rib fracture"
    assert [row.finding for row in window.label_panel.list.rows.shown] == ["Rib fracture", "Line tip"]
    assert len(labels(window)) == CLUSTER_SIZES[0]


def test_a_list_that_is_edited_keeps_what_it_says_of_findings_that_exclude_each_other(window: MainWindow) -> None:
    own = Vocabulary("My own", ("No Finding", "Bacterial", "Viral"), {"Bacterial": ("Viral",)})
    dialog = FindingsDialog(window, own)
    assert dialog._own("Viral\nBacterial\nMass").excludes == {"Bacterial": ("Viral",)}
    assert dialog._own("Viral\nMass").excludes == {}
    usual = FindingsDialog(window, Vocabulary("My own", ("Mass",)))
    assert usual._own("No Finding\nMass\nTube").excludes == {"No Finding": ("Mass", "Tube")}


def test_export_writes_what_the_dialogs_say(
    qtbot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.session.select_cluster(0)
    window.judging.label_target()
    out = tmp_path / "out.csv"
    monkeypatch.setattr(ExportDialog, "exec", lambda _: ExportDialog.DialogCode.Accepted)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(out), ""))
    window.labelling.export_labels()
    qtbot.waitUntil(lambda: "written to" in window._said.text())
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1 + CLUSTER_SIZES[0]


def test_export_without_labels_says_so(window: MainWindow) -> None:
    window.labelling.export_labels()
    assert "no labels" in window.notice._text.text()


def agree(dialog: ImportDialog) -> int:
    """What a reader does who is asked: waits, and takes what is offered."""
    dialog.errand.finish()
    dialog.accept()
    while not dialog.result():
        QApplication.processEvents()
    return dialog.result()


def test_import_after_a_preview_is_one_act(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "nih.csv"
    table.write_text("Image Index,Finding Labels\n00.png,Effusion|Mass\n01.png,No Finding\nelsewhere.png,Mass\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(table), ""))
    monkeypatch.setattr(ImportDialog, "exec", agree)
    window.labelling.import_labels()
    assert len(labels(window, "Effusion")) == 1
    assert len(labels(window)) == 1
    window.session.acts.undo()
    assert labels(window, "Effusion") == labels(window) == {}


def test_unreadable_files_are_counted_and_listed(window: MainWindow) -> None:
    assert window.files.unreadable.isVisible()
    assert "1 unreadable" in window.files.unreadable.text()
    dialog = UnreadableDialog(window, window.session.project.failures())  # type: ignore[union-attr]
    dialog.show()
    dialog.close()


def test_what_the_scan_left_out_is_counted_and_listed_by_kind(window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    tally = Tally()
    for name in ("a.IMG", "b.IMG", "c.txt"):
        tally.add(name, kind_of(name, bytes(range(256))))
    store_left_out(project, tally.left_out())
    window.files._on_indexed(IndexReport(embedded=3))
    assert window.files.unreadable.text().endswith("1 unreadable, 2 left out")
    assert "left out: 2 .img" in window._said.toolTip()
    dialog = UnreadableDialog(window, project.failures(), left_out(project))
    dialog.show()
    cells = [table.model().index(0, 1).data() for table in dialog.findChildren(QTableView)]  # type: ignore[union-attr]
    assert ".img" in cells
    dialog.close()


def test_settings_take_another_reader_whose_labels_are_apart(window: MainWindow) -> None:
    session = window.session
    session.select_cluster(0)
    window.judging.label_target()
    window.runs.choose("bob", session.preferences.encoder().directory, "cpu")
    assert labels(window) == {}
    assert "0 %" in window.files._summary.text() or "0 of" in window.files._summary.text()


def test_dropping_a_project_opens_it(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_project(tmp_path)
    window = open_window(qtbot, tmp_path)
    monkeypatch.setattr(window.runs, "start_indexing", lambda *_, **__: None)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Modifier.NoModifier
    with qtbot.waitSignal(window.session.projectChanged):
        window.dropEvent(QDropEvent(QPointF(5, 5), action, mime, button, none))
    assert window.session.project is not None


def test_labels_and_undo_are_there_after_reopening(qtbot, window: MainWindow, tmp_path: Path) -> None:
    window.session.select_cluster(0)
    window.judging.label_target()
    path = window.session.project.path  # type: ignore[union-attr]
    window.close()
    with Project.open(path) as project:
        assert len(list(exporting.label_rows(project))) == CLUSTER_SIZES[0]
    again = open_window(qtbot, tmp_path, path)
    assert str(path) in [entry.path for entry in again.session.preferences.recent.entries()]
    assert again.actions_by_name["undo"].isEnabled()
    again.session.acts.undo()
    assert labels(again) == {}


def test_every_action_has_a_verb_and_every_key_only_one_meaning(window: MainWindow) -> None:
    verbs = [name for part in window.parts for name in part.verbs()]
    assert sorted(verbs) == sorted(spec.name for spec in SPECS)
    keys = [key for spec in SPECS for key in spec.keys]
    assert len(keys) == len(set(keys))
    assert len({spec.name for spec in SPECS}) == len(SPECS)


@pytest.mark.parametrize("light", [False, True])
def test_dialogs_open_in_both_themes(window: MainWindow, light: bool, tmp_path: Path) -> None:
    window.appearance.use_light(light)
    session = window.session
    shown = [
        SettingsDialog(window, "ann", session.preferences.encoders(), session.preferences.encoder(), "auto"),
        MapDialog(window, window.runs.parameters()),
        FindingsDialog(window, session.project.vocabulary),  # type: ignore[union-attr]
        ExportDialog(window, 5, [Whose("ann", "ann"), Whose("Everybody's")], 0),
        KeysDialog(window),
    ]
    for dialog in shown:
        dialog.show()
        assert dialog.isVisible()
        dialog.reject()
    assert MapDialog(window, window.runs.parameters()).parameters == window.runs.parameters()


def test_a_bug_is_shown_once_with_its_traceback(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def take(box: QMessageBox) -> int:
        texts.append(box.detailedText())
        return 0

    monkeypatch.setattr(QMessageBox, "exec", take)
    show_bug(window, "Traceback: ZeroDivisionError")
    assert texts == ["Traceback: ZeroDivisionError"]


def test_text_size_and_colours_are_kept(qtbot, window: MainWindow, tmp_path: Path) -> None:
    before = window.font().pointSizeF()
    window.appearance.scale_text(1)
    window.appearance.use_light(True)
    assert appearance.text_scale(window.settings) > 1
    window.appearance.scale_text(-1)
    assert appearance.TEXT_SCALES[1] == appearance.text_scale(window.settings)
    assert window.font().pointSizeF() == pytest.approx(before, rel=0.2)
    assert window.settings.value("dark", True, bool) is False


def test_a_window_opens_with_its_letters_in_the_size_chosen_before(qtbot, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("text_scale", 1.5)
    window = MainWindow(settings)
    qtbot.addWidget(window)
    window.show()
    size = QApplication.font().pointSizeF()
    others = [one for one in window.findChildren(QWidget) if one.font().pointSizeF() < size]
    assert [type(one).__name__ for one in others] == []


@pytest.mark.parametrize("name", ["settings", "keys", "diagnostic", "show_log", "map_parameters", "edit_keys"])
def test_a_dialog_that_was_answered_is_not_kept(qtbot, window: MainWindow, name: str) -> None:
    in_next_dialog(window, QDialog, QDialog.reject)
    window.actions_by_name[name].trigger()
    qtbot.waitUntil(lambda: not window.findChildren(QDialog))


def test_a_closed_window_leaves_nothing_in_memory(qtbot, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    window = MainWindow(settings)
    window.show()
    window.files.open_path(make_project(tmp_path))
    everything = (window, *window.findChildren(QObject))
    ours = [weakref.ref(one) for one in everything if type(one).__module__.startswith("cxr_explorer.ui")]
    del everything
    assert len(ours) > 50
    window.close()
    window.deleteLater()
    del window
    qtbot.waitUntil(lambda: gc.collect() >= 0 and ours[0]() is None)
    assert [type(one()).__name__ for one in ours if one() is not None] == []
