"""How large a pixel is, by DICOM PS3.3 10.7: what the file says, where it holds, and what makes no sense."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_explorer.images.read import decode
from cxr_explorer.images.scale import Scale
from tests.images.dicom_files import dicom, ramp


def scale_of(size_px: int = 64, **elements: Any) -> Scale | None:
    return decode(dicom(ramp(size_px=size_px), **elements)).scale


def test_a_file_without_spacing_has_no_scale() -> None:
    assert scale_of() is None


@pytest.mark.parametrize("kind", ["GEOMETRY", "FIDUCIAL"])
def test_a_calibrated_spacing_holds_in_the_patient(kind: str) -> None:
    found = scale_of(PixelSpacing=[0.12, 0.12], PixelSpacingCalibrationType=kind, ImagerPixelSpacing=[0.14, 0.14])
    assert found == Scale(0.12, 0.12, "patient")


def test_the_detectors_spacing_alone_holds_at_the_detector() -> None:
    assert scale_of(ImagerPixelSpacing=[0.143, 0.143]) == Scale(0.143, 0.143, "detector")


def test_a_spacing_that_repeats_the_detectors_holds_at_the_detector() -> None:
    assert scale_of(PixelSpacing=[0.143, 0.143], ImagerPixelSpacing=[0.14301, 0.143]) == Scale(0.143, 0.143, "detector")


def test_a_spacing_that_differs_from_the_detectors_does_not_say_where_it_holds() -> None:
    assert scale_of(PixelSpacing=[0.12, 0.12], ImagerPixelSpacing=[0.14, 0.14]) == Scale(0.12, 0.12, "unstated")


def test_a_spacing_alone_does_not_say_where_it_holds() -> None:
    assert scale_of(PixelSpacing=[0.168, 0.168]) == Scale(0.168, 0.168, "unstated")
    assert scale_of(PixelSpacing=[0.168, 0.168], PixelSpacingCalibrationType="") == Scale(0.168, 0.168, "unstated")


def test_a_digitised_film_is_measured_on_the_film() -> None:
    assert scale_of(NominalScannedPixelSpacing=[0.2, 0.2]) == Scale(0.2, 0.2, "film")
    both = scale_of(PixelSpacing=[0.2, 0.2], NominalScannedPixelSpacing=[0.2, 0.2])
    assert both == Scale(0.2, 0.2, "film")


@pytest.mark.parametrize("spacing", [[0, 0], [-0.1, 0.1], [0.1, 0], [0.1]])
def test_a_spacing_that_makes_no_sense_is_none(spacing: list[float]) -> None:
    assert scale_of(PixelSpacing=spacing) is None
    assert scale_of(PixelSpacing=spacing, ImagerPixelSpacing=[0.14, 0.14]) == Scale(0.14, 0.14, "detector")


def test_a_spacing_that_makes_the_film_larger_than_any_is_none_and_it_is_said() -> None:
    film = decode(dicom(ramp(size_px=700), PixelSpacing=[1, 1]))
    assert film.scale is None
    assert any("implausible: lengths are given in pixels" in note for note in film.notes)


def test_pixels_too_far_from_square_give_no_scale() -> None:
    assert scale_of(PixelSpacing=[0.1, 0.5]) is None


def test_an_aspect_ratio_is_no_scale() -> None:
    assert scale_of(PixelAspectRatio=[1, 1]) is None


@pytest.mark.parametrize(("row_mm", "column_mm"), [(0.4, 0.2), (0.2, 0.4), (0.2, 0.201)])
def test_the_scale_is_that_of_the_pixels_as_they_are_shown(row_mm: float, column_mm: float) -> None:
    film = decode(dicom(ramp(), ImagerPixelSpacing=[row_mm, column_mm]))
    rows, columns = film.values.shape
    assert film.scale is not None
    assert film.scale.length_mm(columns, 0) == pytest.approx(64 * column_mm)
    assert film.scale.length_mm(0, rows) == pytest.approx(64 * row_mm)
    if (rows, columns) != (64, 64):
        assert film.scale.row_mm == pytest.approx(film.scale.column_mm)


def test_a_shutter_crops_nothing_and_leaves_the_scale() -> None:
    film = decode(
        dicom(
            ramp(),
            ImagerPixelSpacing=[0.1, 0.1],
            ShutterShape="RECTANGULAR",
            ShutterLeftVerticalEdge=10,
            ShutterRightVerticalEdge=50,
            ShutterUpperHorizontalEdge=10,
            ShutterLowerHorizontalEdge=50,
        )
    )
    assert film.values.shape == (64, 64) and film.scale == Scale(0.1, 0.1, "detector")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_dots_per_inch_are_no_scale(kind: str) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(file, kind, dpi=(300, 300))
    assert decode(file.getvalue()).scale is None
