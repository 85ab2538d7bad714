"""The whole way in the real window on real images: open folder, map, lasso, label a cluster, undo, export, reopen."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog

from cxr_explorer.labels.label import Value
from cxr_explorer.project import exporting, label_columns
from cxr_explorer.project.project import Project
from cxr_explorer.ui.labelling.export_dialog import ExportDialog
from tests.ui.windows import open_window

REAL = Path(__file__).parents[2] / "shared" / "data" / "cxr" / "kermany"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real radiographs at {REAL}")
@pytest.mark.timeout(900)
def test_from_a_folder_to_a_table_and_back(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for path in sorted(REAL.glob("*.jpg"))[::70][:60]:
        (images / path.name).symlink_to(path)
    count = len(list(images.iterdir()))
    (images / "broken.png").write_bytes(b"not a picture")
    project_path = tmp_path / "real.cxr"

    # Open the folder and wait for the map
    window = open_window(qtbot, tmp_path)
    session = window.session
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(images))
    monkeypatch.setattr("cxr_explorer.ui.session.runs.default_project_path", lambda _: project_path)
    with qtbot.waitSignal(window.runs.indexingEnded, timeout=400_000) as ended:
        window.files.open_folder()
        assert window.progress_strip.isVisible()
    report = ended.args[0]
    assert (report.embedded, len(report.failed)) == (count, 1)
    assert session.map is not None
    assert len(session.map.image_ids) == count
    qtbot.waitUntil(lambda: window.map_page.scatter.is_ready, timeout=60_000)

    # Lasso everything on the left half of the map, with the mouse
    scatter = window.map_page.scatter
    qtbot.keyClick(window, Qt.Key.Key_L)
    viewport = scatter.canvas
    width, height = viewport.width(), viewport.height()
    corners = [(1, 1), (width // 2, 1), (width // 2, height - 2), (1, height - 2), (1, 2)]
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=QPoint(*corners[0]))
    for corner in corners[1:]:
        qtbot.mouseMove(viewport, QPoint(*corner))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=QPoint(*corners[-1]))
    lassoed = session.selection.ids
    assert 0 < lassoed.size < count
    assert session.selection.how == "lasso"
    assert set(window.gallery_panel.gallery.image_ids().tolist()) == set(lassoed.tolist())
    xy = session.map.xy[np.isin(session.map.image_ids, lassoed)]
    rest = session.map.xy[~np.isin(session.map.image_ids, lassoed)]
    assert xy[:, 0].max() <= rest[:, 0].min()

    # Label it, then a whole cluster, undo, redo
    qtbot.keyClick(window, Qt.Key.Key_8)
    window.clusters.step(1)
    cluster = session.selection.cluster
    assert cluster is not None
    cluster_ids = session.selection.ids
    qtbot.keyClick(window, Qt.Key.Key_1)
    project = session.project
    assert project is not None
    both = list(exporting.label_rows(project))
    assert len(both) == lassoed.size + cluster_ids.size
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert {row.finding for row in exporting.label_rows(project)} == {"Pneumonia"}
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert list(exporting.label_rows(project)) == both

    # Export, close, reopen, compare
    out = tmp_path / "labels.csv"
    monkeypatch.setattr(ExportDialog, "exec", lambda _: ExportDialog.DialogCode.Accepted)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(out), ""))
    window.labelling.export_labels()
    qtbot.waitUntil(out.exists, timeout=20_000)
    with out.open(encoding="utf-8", newline="") as stream:
        exported = list(csv.DictReader(stream))
    assert len(exported) == len(both)
    assert {row["how"] for row in exported} == {"lasso", "cluster"}
    map_before = session.map
    window.close()

    again = open_window(qtbot, tmp_path)
    with qtbot.waitSignal(again.runs.indexingEnded, timeout=60_000) as ended:
        again.files.open_path(project_path)
    assert (ended.args[0].embedded, ended.args[0].reused) == (0, count)
    assert list(exporting.label_rows(again.session.project)) == both  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.session.map.xy, map_before.xy)  # type: ignore[union-attr]
    again.session.acts.undo()
    assert {row.finding for row in exporting.label_rows(again.session.project)} == {"Pneumonia"}  # type: ignore[arg-type]
    again.close()
    with Project.open_read_only(project_path) as stored:
        column = label_columns.label_column(stored, "Pneumonia", "reader 1")
    assert column.image_ids.tolist() == lassoed.tolist()
    assert set(column.values.tolist()) == {Value.PRESENT}


def test_cancelling_and_closing_while_busy_loses_nothing(qtbot, tmp_path: Path, demo_images: Path) -> None:
    shutil.copytree(demo_images, tmp_path / "images")
    project_path = tmp_path / "busy.cxr"
    window = open_window(qtbot, tmp_path)
    window.files.open_path(tmp_path / "images", project_path)
    qtbot.waitUntil(
        lambda: window.runs.indexing is not None and window.runs.indexing.report.embedded > 0, timeout=60_000
    )
    window.runs.cancel_run()
    assert not window.progress_strip.isVisible()
    window.files.rescan()
    window.close()
    with Project.open(project_path) as project:
        assert project.image_count() == 40
        stored = 40 - len(project.pending(window.session.preferences.encoder().key))
        assert stored > 0
