"""Files from real archives, where they lie beside the repository; they are never part of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess, thumbnail_jpeg
from cxr_explorer.images.read import read
from cxr_explorer.images.scan import scan

DATA = Path(__file__).parents[3] / "shared" / "data"
FILES = [path for name in ("dicom", "originals") if (DATA / name).is_dir() for path in sorted((DATA / name).iterdir())]
REFUSED = {
    "not_dicom_html_page.dcm": "web page",
    "pydicom_pip__ExplVR_LitEndNoMeta.dcm": "RTPLAN",
    "pydicom_pip__rtplan.dcm": "RTPLAN",
    "pydicom_pip__JPEGLSNearLossless_16.dcm": "Too small",
    "pydicom_pip__SC_rgb_small_odd.dcm": "Too small",
    "pydicom_pip__no_meta.dcm": "Not a known image",
}

needs_data = pytest.mark.skipif(not FILES, reason=f"no sample files at {DATA}")


@needs_data
def test_every_real_file_gives_a_picture_or_a_clear_reason(capfd: pytest.CaptureFixture[str]) -> None:
    for path in FILES:
        if path.name in REFUSED:
            with pytest.raises(UserError, match=REFUSED[path.name]) as refusal:
                read(path)
            assert len(str(refusal.value)) < 130, path.name
            continue
        radiograph = read(path)
        assert radiograph.pixels.dtype == np.float32, path.name
        assert 0 <= radiograph.pixels.min() < radiograph.pixels.max() <= 1, path.name
        assert preprocess(radiograph, InputSpec(64)).shape == (1, 64, 64)
        assert thumbnail_jpeg(radiograph)[:2] == b"\xff\xd8"
    assert capfd.readouterr() == ("", "")  # no decoder may talk to the console


def film(name: str) -> np.ndarray:
    path = DATA / "dicom" / name
    if not path.exists():
        pytest.skip(f"no sample file {name} at {DATA}")
    return read(path).pixels


def test_a_monochrome1_chest_has_dark_lungs_and_a_bright_spine() -> None:
    chest = film("RG1_J2KI.dcm")
    height, width = chest.shape
    at_lung_level = slice(int(0.15 * height), int(0.35 * height))
    spine = chest[at_lung_level, int(0.47 * width) : int(0.53 * width)].mean()
    right_lung = chest[at_lung_level, int(0.22 * width) : int(0.34 * width)].mean()
    left_lung = chest[at_lung_level, int(0.66 * width) : int(0.78 * width)].mean()
    assert spine > right_lung + 0.15
    assert spine > left_lung + 0.15
    # The heart lies on the patient's left, on the right of the screen.
    low = slice(int(0.6 * height), int(0.7 * height))
    assert (
        chest[low, int(0.6 * width) : int(0.7 * width)].mean() > chest[low, int(0.3 * width) : int(0.34 * width)].mean()
    )


@pytest.mark.parametrize("name", ["RG3_JLSL", "RG3_JPLL"])
def test_one_film_looks_the_same_in_every_lossless_compression(name: str) -> None:
    np.testing.assert_array_equal(film(name), film("RG3_JLSL"))


@pytest.mark.parametrize("name", ["RG3_J2KI", "RG3_JPLY"])
def test_one_film_looks_nearly_the_same_in_every_lossy_compression(name: str) -> None:
    assert np.abs(film(name) - film("RG3_JLSL")).mean() < 0.005


@pytest.mark.parametrize("name", ["jp2klossless", "jpeg_ls_lossless", "bigendian"])
def test_one_slice_looks_the_same_whatever_its_transfer_syntax(name: str) -> None:
    np.testing.assert_array_equal(film(f"pydicom_pip__MR_small_{name}.dcm"), film("pydicom_pip__MR_small_RLE.dcm"))


@needs_data
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_every_real_file_cut_off_gives_a_picture_or_a_clear_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kept: float
) -> None:
    for path in FILES:
        data = path.read_bytes()
        if len(data) > 1_000_000:
            continue
        cut = tmp_path / "cut"
        cut.write_bytes(data[: int(len(data) * kept)])
        try:
            assert np.isfinite(read(cut).pixels).all(), path.name
        except UserError:
            continue
    assert capfd.readouterr() == ("", "")


@needs_data
def test_scanning_finds_the_real_files() -> None:
    assert len(list(scan(DATA / "dicom"))) >= 30
