"""The patient's other films beside the one at hand, in the real window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.images.preprocess import thumbnail_jpeg
from cxr_explorer.images.read import digest_of, read
from cxr_explorer.images.scan import scan
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.project import Project
from cxr_explorer.ui.main_window import MainWindow
from tests.images.dicom_files import dicom, ramp
from tests.ui.windows import make_project, open_window, press

Key, Modifier = Qt.Key, Qt.KeyboardModifier

FILMS = {
    "1-now-pa": ("JANE-1", "20190314", "1.2.1", "PA"),
    "2-now-lat": ("JANE-1", "20190314", "1.2.1", "LL"),
    "3-year-before": ("JANE-1", "20180301", "1.2.2", "PA"),
    "4-days-before": ("JANE-1", "20190306", "1.2.3", "AP"),
    "5-after": ("JANE-1", "20200101", "1.2.4", "PA"),
    "6-somebody": ("JOHN-2", "20180301", "1.2.5", "PA"),
}


def make_films(home: Path) -> Path:
    """A project of the FILMS; ids follow their names."""
    folder = home / "films"
    folder.mkdir()
    for number, (name, (patient, date, study, view)) in enumerate(FILMS.items()):
        film = dicom(
            ramp(high=500 * (number + 1)),
            PatientID=patient,
            PatientName=f"{patient}^NAME",
            PatientBirthDate="19500102",
            StudyDate=date,
            StudyInstanceUID=study,
            ViewPosition=view,
        )
        (folder / f"{name}.dcm").write_bytes(film)
    encoder = default_encoder()
    path = home / "films.cxr"
    with Project.create(path, folder, bundled_vocabularies()[0]) as project:
        project.update_files(list(scan(folder)), [])
        items = []
        for source in project.pending(encoder.key):
            film = read(source.path)
            vector = np.random.default_rng(source.image_id).standard_normal(encoder.dimension).astype(np.float32)
            items.append(
                Embedded(
                    source.image_id,
                    vector,
                    thumbnail_jpeg(film),
                    digest_of(source.path),
                    *film.values.shape,
                    film.facts,
                    film.notes,
                    film.patient,
                )
            )
        project.store_batch(encoder, Batch(tuple(items), ()))
        ids, _ = project.embeddings(encoder.key)
        turn = np.arange(len(ids), dtype=np.float32)
        one = np.ones(len(ids), np.float32)
        xy = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        built = BuiltMap(xy, np.zeros(len(ids), np.int32), one, 0 * one, turn)
        project.store_map(encoder, MapParameters().to_dict(), ids, built)
    return path


@pytest.fixture
def window(qtbot, tmp_path: Path) -> MainWindow:
    return open_window(qtbot, tmp_path, make_films(tmp_path))


def go_to(window: MainWindow, name: str) -> None:
    project = window.session.project
    assert project is not None
    (image_id,) = (one for one, path in project.paths().items() if path.startswith(name))
    window.session.select_all()
    window.session.set_current(image_id)


def hung(qtbot, window: MainWindow) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    """What hangs there once all of it is read: names, and what each is to the first."""
    page = window.compare.page
    qtbot.waitUntil(lambda: bool(page.panes) and all(pane.picture.has_picture for pane in page.panes))
    return [(pane.caption[0].removesuffix(".dcm"), pane.caption[1].split(" · ")[0]) for pane in page.panes]


def test_shift_p_hangs_lateral_and_earlier_films_beside_newest_first(qtbot, window: MainWindow) -> None:
    go_to(window, "1")
    window.open_image()
    press(qtbot, window, Key.Key_P, modifier=Modifier.ShiftModifier)
    assert hung(qtbot, window) == [
        ("1-now-pa", "this film"),
        ("2-now-lat", "lateral, same study"),
        ("4-days-before", "earlier, 2019-03 (8 days)"),
        ("3-year-before", "earlier, 2018-03"),
    ]
    assert window.compare.page.panes[0].focused
    assert "4 other films of this patient. The 3 that matter most are shown." in window._said.text()


def test_seen_from_an_earlier_film_the_others_are_later(qtbot, window: MainWindow) -> None:
    go_to(window, "3")
    window.actions_by_name["patient_films"].trigger()
    assert [relation.split(",")[0] for _, relation in hung(qtbot, window)] == ["this film", "later", "later", "later"]


def test_captions_name_no_patient_and_comparing_others_forgets_the_relations(qtbot, window: MainWindow) -> None:
    go_to(window, "1")
    window.actions_by_name["patient_films"].trigger()
    hung(qtbot, window)
    for pane in window.compare.page.panes:
        assert "JANE" not in " ".join([*pane.caption, pane.accessibleName()])
    window.gallery_panel.gallery.set_picked(np.array([1, 6]))
    window.session.show_page("map")
    window.compare.start()
    assert all("film" not in relation and "study" not in relation for _, relation in hung(qtbot, window))


def test_a_film_alone_has_the_action_off_with_the_reason(window: MainWindow) -> None:
    go_to(window, "6")
    action = window.actions_by_name["patient_films"]
    assert not action.isEnabled()
    assert "no other film of this image's patient is known" in action.statusTip() + action.toolTip()
    go_to(window, "1")
    assert action.isEnabled()


def test_films_whose_headers_no_longer_agree_are_not_hung(qtbot, window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    for name in ("2-now-lat", "3-year-before", "4-days-before", "5-after"):
        (project.folder / f"{name}.dcm").write_bytes(dicom(ramp(), PatientID="OTHER-9"))
    go_to(window, "1")
    window.actions_by_name["patient_films"].trigger()
    qtbot.waitUntil(lambda: "No other film of this patient is here." in window._said.text())
    assert window.session.page == "map"


def test_who_has_gone_on_meanwhile_is_not_interrupted(qtbot, window: MainWindow) -> None:
    go_to(window, "1")
    window.actions_by_name["patient_films"].trigger()
    go_to(window, "6")
    window.compare.patient_search._errand.finish()
    assert window.session.page == "map"


def test_patients_of_a_table_have_an_unknown_order(qtbot, tmp_path: Path) -> None:
    path = make_project(tmp_path)
    with Project.open(path) as project, project.db.atomic():
        project.db.conn.executemany("INSERT INTO metadata VALUES (?, 'patient', '5')", [(1,), (2,), (4,)])
        project.db.conn.executemany("INSERT INTO metadata VALUES (?, 'study', '8')", [(1,), (4,)])
    window = open_window(qtbot, tmp_path, path)
    window.session.select_all()
    window.session.set_current(1)
    window.actions_by_name["patient_films"].trigger()
    unknown = "other film of this patient, order unknown"
    assert [relation for _, relation in hung(qtbot, window)] == ["this film", "AP, same study", unknown]


def test_nothing_of_who_or_when_is_in_the_project_file(window: MainWindow) -> None:
    project = window.session.project
    assert project is not None
    project.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = b"".join(one.read_bytes() for one in project.path.parent.glob(project.path.name + "*"))
    patient = read(next(project.folder.glob("1*"))).patient
    for said in ("JANE-1", "JOHN-2", "19500102", "20190314", "20180301", "1.2.1", "1.2.2", patient, patient[:8]):
        assert said.encode() not in content
