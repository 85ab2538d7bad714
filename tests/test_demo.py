"""The demo set: what it writes, that it says the truth, and that findings show where they should."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from cxr_explorer.demo import MARKER, TRUTH, DemoImage, _planned, draw_demo, write_demo
from cxr_explorer.errors import UserError
from cxr_explorer.phantom.body import Chest, Float, Grid, Patient
from cxr_explorer.phantom.exposure import Scanner, expose, turned
from cxr_explorer.phantom.frontal import frontal
from cxr_explorer.phantom.lateral import lateral

COUNT = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[DemoImage]]:
    folder = tmp_path_factory.mktemp("demo") / "set"
    return folder, write_demo(folder, COUNT)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def chest(patient: Patient, grid: Grid) -> Chest:
    return (lateral if patient.view == "Lateral" else frontal)(patient, grid, np.random.default_rng(7))


def grid() -> Grid:
    return Grid.of(192, 192, 36 / 192, -5.5)


def seen(patient: Patient) -> Float:
    return expose(chest(patient, grid()).attenuation(), Scanner(photons=1e7), np.random.default_rng(8))


def region(where: Grid, x: tuple[float, float], y: tuple[float, float]) -> tuple[slice, slice]:
    rows = np.searchsorted(where.y[:, 0], y)
    columns = np.searchsorted(where.x[0], x)
    return slice(*rows.tolist()), slice(*columns.tolist())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(
    made: tuple[Path, list[DemoImage]], tmp_path: Path
) -> None:
    folder, images = made
    assert write_demo(tmp_path / "again", COUNT) == images
    assert contents(tmp_path / "again") == contents(folder)
    assert write_demo(tmp_path / "other", COUNT, seed=21) != images


def test_truth_lists_exactly_the_files_written(made: tuple[Path, list[DemoImage]]) -> None:
    folder, images = made
    with (folder / TRUTH).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["Image Index", "Finding Labels", "View Position", "Patient Gender", "Patient Age"]
    assert len(images) == COUNT
    for row, image in zip(rows, images, strict=True):
        assert row["Image Index"] == image.file
        assert row["Finding Labels"] == ("|".join(image.findings) or "No Finding")
        assert (row["View Position"], row["Patient Gender"], row["Patient Age"]) == (
            image.view, image.sex, str(image.age)
        )  # fmt: skip
    assert set(contents(folder)) == {image.file for image in images} | {TRUTH, MARKER}
    assert {image.file.split("/")[0] for image in images} == {"site-a", "site-b"}


def test_every_kind_of_file_is_written_and_reads_back(made: tuple[Path, list[DemoImage]]) -> None:
    folder, images = made
    kinds = set()
    for image in images:
        path = folder / image.file
        if path.suffix == ".dcm":
            data = pydicom.dcmread(path)
            kinds.add(data.PhotometricInterpretation)
            pixels = data.pixel_array / 4095
            assert (data.BitsStored, data.PatientSex, data.PatientAge) == (12, image.sex, f"{image.age:03d}Y")
            assert data.ViewPosition == ("LL" if image.view == "Lateral" else image.view)
            if data.PhotometricInterpretation == "MONOCHROME1":
                pixels = 1 - pixels
        else:
            with Image.open(path) as picture:
                kinds.add(f"{picture.format} {picture.mode}")
                pixels = np.asarray(picture) / (65535 if picture.mode.startswith("I") else 255)
        assert pixels.ndim == 2
        assert 340 <= max(pixels.shape) <= 512
        assert pixels.std() > 0.1
        middle = pixels[pixels.shape[0] // 3 : pixels.shape[0] * 2 // 3]
        assert middle[:, 30:60].mean() < middle[:, pixels.shape[1] // 2 - 15 : pixels.shape[1] // 2 + 15].mean()
    assert kinds == {"PNG L", "PNG I;16", "JPEG L", "MONOCHROME1", "MONOCHROME2"}


def test_dicom_files_identify_nobody(made: tuple[Path, list[DemoImage]]) -> None:
    folder, _ = made
    files = list(folder.rglob("*.dcm"))
    assert files
    for path in files:
        data = pydicom.dcmread(path)
        named = {element.keyword for element in data if element.keyword.startswith(("Patient", "Referring", "Instit"))}
        assert named == {"PatientSex", "PatientAge", "PatientOrientation", "PatientIdentityRemoved"}
        assert not any(element.VR in ("PN", "DA", "TM", "DT") for element in data)


def test_a_second_call_leaves_every_file_alone(made: tuple[Path, list[DemoImage]]) -> None:
    folder, images = made
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write_demo(folder, COUNT) == images
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_interrupted_set_is_completed(made: tuple[Path, list[DemoImage]], tmp_path: Path) -> None:
    folder, images = made
    drawing: Iterator[DemoImage] = draw_demo(tmp_path, COUNT)
    first = next(drawing)
    drawing.close()  # type: ignore[attr-defined]
    assert (tmp_path / first.file).is_file()
    assert not (tmp_path / TRUTH).exists()
    assert write_demo(tmp_path, COUNT) == images
    (tmp_path / images[3].file).write_bytes(b"")
    (tmp_path / images[5].file).unlink()
    assert write_demo(tmp_path, COUNT) == images
    assert contents(tmp_path) == contents(folder)


def test_a_set_of_another_size_replaces_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    write_demo(tmp_path, 3)
    (tmp_path / "site-a").mkdir(exist_ok=True)
    (tmp_path / "site-a" / "mine.png").write_bytes(b"mine")
    images = write_demo(tmp_path, 2)
    assert set(contents(tmp_path)) == {image.file for image in images} | {TRUTH, MARKER, "site-a/mine.png"}


def test_a_folder_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="Choose a folder"):
        write_demo(tmp_path / "file" / "set", 2)


def test_a_truth_table_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / TRUTH).write_text("mine")
    with pytest.raises(UserError, match="Choose an empty folder"):
        write_demo(tmp_path, 2)
    assert (tmp_path / TRUTH).read_text() == "mine"


def test_the_full_set_has_the_promised_mixture() -> None:
    images = [plan.image for plan in _planned(360, 20)]
    views = [image.view for image in images]
    assert (views.count("Lateral"), views.count("AP")) == (54, 126)
    assert 0.40 < sum(not image.findings for image in images) / 360 < 0.50
    assert 5 < sum(len(image.findings) == 2 for image in images) < 50
    for finding in ("Effusion", "Cardiomegaly", "Pneumothorax", "Consolidation", "Nodule"):
        assert sum(finding in image.findings for image in images) >= 18
    assert not any("Pneumothorax" in image.findings for image in images if image.view == "Lateral")


@pytest.mark.parametrize("asked", [0.42, 0.50, 0.62])
def test_cardiothoracic_ratio_is_what_was_asked_for(asked: float) -> None:
    where = grid()
    air, air_without_heart = (
        chest(Patient("PA", cardiothoracic_ratio=ratio), where).lung for ratio in (asked, 0.1)
    )  # fmt: skip
    heart = np.flatnonzero((air_without_heart - air > 1.0).any(axis=0))
    thorax = np.flatnonzero((air_without_heart > 0.5).any(axis=0))
    assert np.ptp(heart) / np.ptp(thorax) == pytest.approx(asked, abs=0.02)


@pytest.mark.parametrize("view", ["PA", "AP"])
@pytest.mark.parametrize("side", [-1, 1])
def test_effusion_whitens_its_own_costophrenic_region_only(view: str, side: int) -> None:
    healthy = Patient(view, side=side)  # type: ignore[arg-type]
    ill = replace(healthy, findings=("Effusion",))
    difference = seen(ill) - seen(healthy)
    where = grid()
    own = region(where, (9.5, 12.5) if side > 0 else (-12.5, -9.5), (19, 22))
    other = region(where, (9.5, 12.5) if side < 0 else (-12.5, -9.5), (19, 22))
    assert difference[own].mean() > 0.15
    assert abs(difference[other].mean()) < 0.06


def test_pneumothorax_leaves_no_lung_at_the_wall() -> None:
    where = grid()
    healthy, ill = (chest(Patient("PA", findings=found), where) for found in ((), ("Pneumothorax",)))
    at_the_wall, inside = region(where, (11.2, 12.0), (8, 11)), region(where, (5, 6), (8, 11))
    assert healthy.lung[at_the_wall].min() > 2
    assert ill.lung[at_the_wall].max() < 0.1
    assert ill.lung[inside].mean() > 0.8 * healthy.lung[inside].mean()
    assert ill.attenuation()[at_the_wall].mean() < healthy.attenuation()[at_the_wall].mean()


@pytest.mark.parametrize("finding", ["Consolidation", "Nodule"])
@pytest.mark.parametrize("view", ["PA", "Lateral"])
def test_opacities_brighten_a_patch_of_lung_and_nothing_else(finding: str, view: str) -> None:
    where = grid()
    healthy = chest(Patient(view), where).attenuation()  # type: ignore[arg-type]
    ill = chest(Patient(view, findings=(finding,)), where).attenuation()  # type: ignore[arg-type]
    added = ill - healthy
    share = (added > 0.1).mean()
    assert added.max() > 0.3
    assert added.min() > -0.05
    assert 0.001 < share < (0.02 if finding == "Nodule" else 0.15)


def test_the_heart_lies_on_the_pictures_right_and_air_is_dark() -> None:
    picture, where = seen(Patient("PA")), grid()
    assert picture[region(where, (4, 6), (17, 19))].mean() > picture[region(where, (-6, -4), (17, 19))].mean() + 0.1
    assert picture[:8, :8].max() < 0.05
    assert picture[region(where, (-10, -6), (6, 14))].mean() < 0.45


def test_a_turn_keeps_the_middle_and_the_size_asked_for() -> None:
    ramp = np.add.outer(np.arange(60.0), np.zeros(80)).astype(np.float32)
    level = turned(ramp, 0.0, 40, 50)
    assert level.shape == (40, 50)
    assert np.allclose(level[:, 25], np.arange(10, 50), atol=0.01)
    assert turned(ramp, 5.0, 40, 50)[20, 25] == pytest.approx(level[20, 25], abs=0.5)
