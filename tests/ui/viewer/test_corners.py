"""The corners of the open image: what stands where, and that it can be put away for good."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from cxr_explorer.images.radiograph import Radiograph, Window
from cxr_explorer.images.read import decode
from cxr_explorer.images.scale import Scale
from cxr_explorer.ui.viewer.picture import Picture
from cxr_explorer.ui.viewer.plates import size_lines, view_lines, what_lines
from tests.images.dicom_files import dicom, ramp
from tests.ui.viewer.test_image_view import chest, on_screen
from tests.ui.windows import make_project, open_window

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def film(value: int = 0, size_px: int = 900, **more: object) -> Radiograph:
    return Radiograph(np.full((size_px, size_px), value, np.float32), Window(2048, 4096, "LINEAR"), **more)  # type: ignore[arg-type]


@pytest.fixture
def picture(qtbot: QtBot) -> Picture:
    picture = Picture()
    qtbot.addWidget(picture)
    picture.resize(900, 900)
    picture.show()
    qtbot.waitExposed(picture)
    return picture


def test_facts_stand_where_film_viewers_have_them_and_name_nobody() -> None:
    facts = decode(
        dicom(
            ramp(),
            PatientName="DOE^JANE",
            PatientID="4711",
            PatientBirthDate="19500102",
            PatientSex="F",
            PatientAge="063Y",
            Modality="DX",
            ViewPosition="PA",
            ImageLaterality="L",
            BodyPartExamined="CHEST",
            PatientOrientation=["L", "F"],
        )
    ).facts
    assert what_lines(facts) == ["F, 63 y", "DX"]
    assert view_lines(facts) == ["PA · left", "CHEST", "orientation L\\F"]
    assert what_lines({}) == view_lines({}) == []


def test_size_and_scale_are_said() -> None:
    assert size_lines(film()) == ["900 × 900 px", "no calibrated scale"]
    assert size_lines(film(scale=Scale(0.143, 0.143, "detector")))[1] == "0.143 mm/px at the detector"


def test_window_inversion_and_zoom_are_said_below(picture: Picture) -> None:
    picture.show_radiograph(Radiograph(chest(900, 900), Window(2048, 4096, "LINEAR")), [])
    assert picture.corners().shown == ["W 4096  L 2048", "zoom 100 %"]
    picture.invert()
    assert "inverted" in picture.corners().shown


@pytest.mark.parametrize("value", [0, 2048, 4095])
def test_the_texts_keep_to_the_corners_and_are_seen_on_any_film(picture: Picture, value: int) -> None:
    picture.show_radiograph(film(value), ["word " * 12] * 40, ["PA", "CHEST"])
    picture.set_overlay(False)
    before = on_screen(picture)
    picture.set_overlay(True)
    after = on_screen(picture)
    changed = before != after
    middle = slice(int(900 * 0.33), int(900 * 0.66))
    assert not changed[middle].any() and not changed[:, slice(int(900 * 0.38), int(900 * 0.62))].any()
    for rows in (slice(0, 300), slice(600, 900)):
        for columns in (slice(0, 340), slice(560, 900)):
            assert np.ptp(after[rows, columns]) > 150


def test_in_a_small_picture_too_much_text_is_left_out(picture: Picture) -> None:
    picture.resize(200, 160)
    picture.show_radiograph(film(), ["a long note about the window of this film"] * 5, ["PA"])
    picture.grab()


def test_the_corners_put_away_stay_away_after_a_restart(qtbot: QtBot, tmp_path: Path) -> None:
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    window.session.select_all()
    window.open_image()
    qtbot.waitUntil(lambda: not window.session.why_unseen())
    picture = window.image_page.view.picture
    assert picture.overlay
    assert picture.corners().size == ["50 × 60 px", "no calibrated scale"]
    assert "30" in picture.corners().what[0] or "y" in picture.corners().what[0]
    assert picture.corners().view[0] in ("PA", "AP")
    window.actions_by_name["overlay"].trigger()
    assert not picture.overlay
    window.close()
    again = open_window(qtbot, tmp_path, tmp_path / "test.cxr")
    assert not again.image_page.view.picture.overlay
    assert not again.image_page.view.buttons["overlay"].isChecked()
