"""An independent check: DCMTK's renderer gives the same picture with the same window, or we say why not.

Needs `dcmj2pnm` and `dcml2pnm` (Debian: apt-get install dcmtk), and ../shared/data/dicom for real files; skips without.
`python -m pytest tests/images/test_dcmtk.py -s` prints a line a file.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset
from pydicom.uid import RLELossless

from cxr_explorer.errors import UserError
from cxr_explorer.images.radiograph import LookupTable, Radiograph, Voi
from cxr_explorer.images.read import decode
from tests.images.dicom_files import chest, dataset_of, file_of, table
from tests.images.test_dicom_overlays import MARKER, with_overlay

DATA = Path(__file__).parents[3] / "shared" / "data" / "dicom"
FILES = sorted(DATA.iterdir()) if DATA.is_dir() else []
RENDERERS = [name for name in ("dcmj2pnm", "dcml2pnm") if shutil.which(name)]  # JPEG; JPEG-LS

needs_dcmtk = pytest.mark.skipif(len(RENDERERS) < 2, reason="DCMTK is not installed: no dcmj2pnm and dcml2pnm")

EXPLAINED = {
    # Lossy JPEG overshoots to 1024 in pixels of 10 bits: DCMTK cuts to BitsStored and gets 0, the brightest of
    # MONOCHROME1. Ours stays beside the same film's lossless files, within 12 of 255.
    "RG3_JPLY": 8,
}
"""Real files whose pictures differ: in how many pixels, and why."""


def options_for(voi: Voi, is_as_stored: bool) -> list[str]:
    """DCMTK's options for the transformation: the same window by numbers, the first table, or none."""
    if isinstance(voi, LookupTable):
        return ["+Wl", "1"]
    if is_as_stored:
        return ["-W"]
    centre, width = voi.centre, voi.width
    if voi.function == "LINEAR_EXACT":  # DCMTK's LINEAR is that of the standard, see C.11.2.1.2.1
        centre, width = centre + 0.5, width + 1
    return ["+Wfs" if voi.function == "SIGMOID" else "+Wfl", "+Ww", f"{centre:.6f}", f"{width:.6f}"]


def as_dcmtk_shows(path: Path, options: list[str], into: Path) -> np.ndarray | None:
    """(H, W) in [0, 255], luminance where it is colour; None where DCMTK does not read the file."""
    for renderer in RENDERERS:
        into.unlink(missing_ok=True)
        command = [renderer, "-q", "+op", *options, str(path), str(into)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        if done.returncode == 0 and into.exists():
            shown = np.asarray(Image.open(into), dtype=np.float64)
            return shown @ [0.299, 0.587, 0.114] if shown.ndim == 3 else shown
    return None


def pixels_apart(radiograph: Radiograph, path: Path, into: Path) -> int | None:
    """How many pixels differ by more than 1 of 255; None where DCMTK does not read the file."""
    is_as_stored = "full range" in radiograph.voi.explanation
    options = options_for(radiograph.voi, is_as_stored)
    frames = [match[1] for note in radiograph.notes if (match := re.match(r"frame (\d+) of", note))]
    shown = as_dcmtk_shows(path, [*options, *(["+F", frames[0]] if frames else [])], into)
    if shown is None:
        return None
    assert shown.shape == radiograph.pixels.shape
    return int((np.abs(np.rint(shown) - np.rint(radiograph.pixels * 255)) > 1).sum())


@needs_dcmtk
@pytest.mark.skipif(not FILES, reason=f"no sample files at {DATA}")
def test_every_real_file_that_dcmtk_opens_looks_the_same(tmp_path: Path) -> None:
    apart: dict[str, int] = {}
    for path in FILES:
        try:
            radiograph = decode(path.read_bytes())
        except UserError as refusal:
            print(f"{path.name}: refused ({refusal})")
            continue
        count = pixels_apart(radiograph, path, tmp_path / "shown.pgm")
        print(f"{path.name}: {'not read by DCMTK' if count is None else f'{count} pixels apart'}")
        if count is not None:
            apart[path.name] = count
    assert len(apart) >= 15
    assert {name: count for name, count in apart.items() if count} == EXPLAINED


FILM = (chest(128) * 4000 + np.arange(128) % 7).astype(np.uint16)


def case(array: np.ndarray = FILM, **elements: Any) -> FileDataset:
    return dataset_of(array, **{"WindowCenter": 1800, "WindowWidth": 3000, **elements})


def in_colour(**elements: Any) -> FileDataset:
    gray = (FILM >> 4).astype(np.uint8)
    return dataset_of(np.dstack([gray, gray // 2, 255 - gray]), **elements)


def planes() -> FileDataset:
    dataset = in_colour(PlanarConfiguration=1)
    dataset.PixelData = np.moveaxis(np.frombuffer(dataset.PixelData, np.uint8).reshape(128, 128, 3), 2, 0).tobytes()
    return dataset


def palette() -> FileDataset:
    dataset = dataset_of((FILM >> 4).astype(np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for colour, power in (("Red", 1), ("Green", 2), ("Blue", 0.5)):
        entries = np.rint(65535 * np.linspace(0, 1, 256) ** power).astype("<u2")
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", entries.tobytes())
    return dataset


def overlay_in_pixels() -> FileDataset:
    dataset = with_overlay(MARKER, dataset=case(FILM | MARKER.astype(np.uint16) << 13))
    del dataset[0x60003000]
    dataset[0x60000100].value, dataset[0x60000102].value = 16, 13
    return dataset


def run_length(dataset: FileDataset) -> FileDataset:
    dataset.compress(RLELossless)
    return dataset


MODALITY_TABLE = table(50, [60000 - 14 * i for i in range(4000)])
VOI_TABLE = table(500, [round(65535 * (i / 2999) ** 2) for i in range(3000)])
CASES: dict[str, FileDataset] = {
    "window": case(),
    "sigmoid": case(VOILUTFunction="SIGMOID"),
    "no window": dataset_of(FILM),
    "MONOCHROME1": case(PhotometricInterpretation="MONOCHROME1"),
    "slope": case(RescaleSlope=2, RescaleIntercept=-1024),
    "negative slope": case(RescaleSlope=-1, RescaleIntercept=4095),
    "negative slope, MONOCHROME1": case(
        RescaleSlope=-1, RescaleIntercept=4095, PhotometricInterpretation="MONOCHROME1"
    ),
    "fractional slope": case(RescaleSlope=0.25, RescaleIntercept=10, WindowCenter=500, WindowWidth=800),
    "modality table": case(ModalityLUTSequence=[MODALITY_TABLE], WindowCenter=30000, WindowWidth=50000),
    "VOI table": case(VOILUTSequence=[VOI_TABLE]),
    "VOI table from below zero": dataset_of(
        FILM, RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=[table(-1000, list(range(0, 4096, 2)), bits=12)]
    ),
    "signed": case((FILM.astype(np.int16) - 2000), WindowCenter=0, WindowWidth=3500),
    "left-justified": case(FILM << 4, HighBit=15),
    "8 bits": case((FILM >> 4).astype(np.uint8), WindowCenter=120, WindowWidth=200),
    "8 bits in 16": case(FILM >> 4, BitsStored=8, HighBit=7, WindowCenter=120, WindowWidth=200),
    "INVERSE": case(PresentationLUTShape="INVERSE"),
    "MONOCHROME1, INVERSE": case(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"),
    "MONOCHROME2, IDENTITY": case(PresentationLUTShape="IDENTITY"),
    "two windows": case(WindowCenter=[1800, 900], WindowWidth=[3000, 500]),
    "bits of rubbish": case(FILM | 0xA000),
    "RGB": in_colour(),
    "RGB by planes": planes(),
    "YBR_FULL": in_colour(PhotometricInterpretation="YBR_FULL"),
    "palette": palette(),
    "run length": run_length(case()),
    "overlay in unused bits": overlay_in_pixels(),
    "overlay": with_overlay(MARKER, dataset=case()),
    "overlay moved": with_overlay(MARKER[:50, :50], (31, -2), dataset=case()),
}


@needs_dcmtk
@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_file_looks_the_same(name: str, tmp_path: Path) -> None:
    data = file_of(CASES[name])
    path = tmp_path / "film.dcm"
    path.write_bytes(data)
    assert pixels_apart(decode(data), path, tmp_path / "shown.pgm") == 0
