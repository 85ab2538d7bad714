"""The demo set: simulated radiographs with known findings, for trying the program without data.

Every picture is drawn by `cxr_explorer.phantom` and its neighbours and says SIMULATED in its corner. The files are read
by the very same path as real ones; `truth.csv` beside them holds what was simulated, in the columns of NIH
ChestX-ray14.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr_explorer.errors import UserError
from cxr_explorer.images.pydicom_loading import load_pydicom
from cxr_explorer.phantom.body import Float, Grid, Patient, View
from cxr_explorer.phantom.exposure import Scanner, expose, turned
from cxr_explorer.phantom.frontal import frontal
from cxr_explorer.phantom.lateral import lateral

DEMO_VERSION = 1
"""Raise it when the pictures change: older sets on disk are then drawn anew."""

MARKER = ".demo-version"
TRUTH = "truth.csv"

Encoding = Literal["png", "png16", "jpg", "monochrome1", "monochrome2"]
_SUFFIX: dict[Encoding, str] = {"png": "png", "png16": "png", "jpg": "jpg", "monochrome1": "dcm", "monochrome2": "dcm"}

# How often a view shows what; the shares of a view add up to 1.
_NONE: tuple[str, ...] = ()
_SHOWN: dict[View, tuple[tuple[tuple[str, ...], float], ...]] = {
    "PA": (
        (_NONE, 0.44),
        (("Effusion",), 0.12),
        (("Cardiomegaly",), 0.11),
        (("Pneumothorax",), 0.08),
        (("Consolidation",), 0.09),
        (("Nodule",), 0.09),
        (("Cardiomegaly", "Effusion"), 0.03),
        (("Consolidation", "Effusion"), 0.02),
        (("Effusion", "Nodule"), 0.02),
    ),
    "AP": (
        (_NONE, 0.40),
        (("Effusion",), 0.16),
        (("Cardiomegaly",), 0.12),
        (("Pneumothorax",), 0.10),
        (("Consolidation",), 0.12),
        (("Cardiomegaly", "Effusion"), 0.05),
        (("Consolidation", "Effusion"), 0.05),
    ),
    "Lateral": (
        (_NONE, 0.58),
        (("Effusion",), 0.15),
        (("Cardiomegaly",), 0.12),
        (("Consolidation",), 0.08),
        (("Nodule",), 0.07),
    ),
}


@dataclass(frozen=True)
class DemoImage:
    """One picture of the set and what it shows.

    Attributes:
        file: Path relative to the set's folder, with "/".
        view: Projection.
        findings: NIH names in alphabetical order; empty for no finding.
        sex: "F" or "M".
        age: Years.
    """

    file: str
    view: View
    findings: tuple[str, ...]
    sex: Literal["F", "M"]
    age: int


@dataclass(frozen=True)
class _Plan:
    """One picture before it is drawn."""

    image: DemoImage
    patient: Patient
    scanner: Scanner
    encoding: Encoding
    height_px: int
    width_px: int
    number: int


def write_demo(folder: Path, count: int = 360, seed: int = 20) -> list[DemoImage]:
    """Writes the demo set, or returns at once where the same set already lies complete.

    Args:
        folder: Made if absent. Pictures go below it into one folder per site.
        count: How many pictures, at least 1.
        seed: The same seed and count give the same bytes.

    Returns:
        What each file shows, in the order of `truth.csv`.

    Raises:
        UserError: The folder cannot be written to, or holds a `truth.csv` that is not of a demo set.
    """
    return list(draw_demo(folder, count, seed))


def drawing_demo(folder: Path, count: int) -> Iterator[float]:
    """`draw_demo` for a child process: yields the share that is done."""
    for drawn, _ in enumerate(draw_demo(folder, count), 1):
        yield drawn / count


def draw_demo(folder: Path, count: int = 360, seed: int = 20) -> Iterator[DemoImage]:
    """The same picture by picture, for whoever shows progress: yields each when its file is complete.

    A file appears whole or not at all, and the marker that calls the set complete is written last; a set that was
    interrupted is completed by the next call. Raises as `write_demo` does.
    """
    plans = _planned(count, seed)
    wanted = json.dumps({"version": DEMO_VERSION, "count": count, "seed": seed})
    marker, truth = folder / MARKER, folder / TRUTH
    try:
        state = marker.read_text(encoding="utf-8") if marker.is_file() else None
        if state is None and truth.exists():
            raise UserError(
                f"The demo set was not written: {folder} holds a {TRUTH} of its own. Choose an empty folder."
            )
        missing = plans
        if state in (wanted, f"unfinished {wanted}"):
            missing = [plan for plan in plans if not _is_whole(folder / plan.image.file)]
            if state == wanted and not missing and _is_whole(truth):
                yield from (plan.image for plan in plans)
                return
        folder.mkdir(parents=True, exist_ok=True)
        if state is None or wanted not in state:
            marker.unlink(missing_ok=True)
            _clear(folder)
        _write(marker, f"unfinished {wanted}".encode())
        todo = {plan.number for plan in missing}
        for plan in plans:
            if plan.number in todo:
                path = folder / plan.image.file
                path.parent.mkdir(exist_ok=True)
                _write(path, _encoded(plan, _drawn(plan, seed)))
            yield plan.image
        _write(truth, _table([plan.image for plan in plans]))
        _write(marker, wanted.encode())
    except OSError as error:
        raise UserError(
            f"The demo set was not written to {folder}: {error.strerror or error}. "
            "Choose a folder you may write to, with 100 MB to spare."
        ) from error


def _is_whole(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _clear(folder: Path) -> None:
    """Removes the pictures of an older set; by their names they can be nobody else's."""
    for path in folder.glob("site-[ab]/simulated-*"):
        if re.fullmatch(r"simulated-\d{4,}\.(png|jpg|dcm)(\.part)?", path.name):
            path.unlink()


def _write(path: Path, content: bytes) -> None:
    """The whole file or none of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def _table(images: Sequence[DemoImage]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["Image Index", "Finding Labels", "View Position", "Patient Gender", "Patient Age"])
    for image in images:
        rows.writerow([image.file, "|".join(image.findings) or "No Finding", image.view, image.sex, image.age])
    return text.getvalue().encode("utf-8")


def _planned(count: int, seed: int) -> list[_Plan]:
    """Every picture's patient, machine and file, drawn by quota so that small sets are varied too."""
    if count < 1:
        raise ValueError(f"a demo set has at least one picture, not {count}")
    rng = np.random.default_rng([seed, 0])
    laterals, bedside = round(0.15 * count), round(0.35 * count)
    parts: list[tuple[View, int]] = [("Lateral", laterals), ("AP", bedside), ("PA", count - laterals - bedside)]
    views = [view for view, size in parts for _ in range(size)]
    shown = [findings for view, size in parts for findings in _by_quota(view, size)]
    special: list[Encoding] = ["png16", "jpg", "monochrome1", "monochrome2"]
    special *= min(4, count // 24 if count >= 24 else count // 8)
    places = np.linspace(0, count - 1, len(special) + 2)[1:-1].astype(int).tolist()
    encodings = dict(zip(places, special, strict=True))
    order = rng.permutation(count).tolist()
    return [
        _plan(number, views[k], shown[k], encodings.get(number, "png"), np.random.default_rng([seed, 1, number]))
        for number, k in enumerate(order)
    ]


def _by_quota(view: View, count: int) -> list[tuple[str, ...]]:
    """`count` sets of findings in the view's shares, to the nearest picture."""
    sets, shares = zip(*_SHOWN[view], strict=True)
    at = np.searchsorted(np.cumsum(shares) - 1e-9, (np.arange(count) + 0.5) / max(count, 1))
    return [sets[i] for i in at.tolist()]


def _plan(number: int, view: View, findings: tuple[str, ...], encoding: Encoding, rng: np.random.Generator) -> _Plan:
    sex: Literal["F", "M"] = "F" if rng.random() < 0.46 else "M"
    age = int(np.clip(rng.normal(62 if view == "AP" else 52, 16), 18, 94))
    bed = view == "AP"
    normal = float(np.clip(rng.normal(0.475 if bed else 0.44, 0.025), 0.38, 0.52))
    large = float(rng.uniform(0.57, 0.68))
    patient = Patient(
        view=view,
        sex=sex,
        age=age,
        findings=findings,
        side=-1 if rng.random() < 0.5 else 1,
        severity=float(rng.uniform(0.25, 1.0)),
        size=float(np.clip(rng.normal(1.0 if sex == "M" else 0.94, 0.04), 0.84, 1.08)),
        wall_cm=float(np.clip(rng.normal(3.0, 0.8), 1.8, 5.0)),
        cardiothoracic_ratio=large if "Cardiomegaly" in findings else normal,
        rotation_deg=float(np.clip(rng.normal(0, 1.8 if bed else 0.8), -3.2, 3.2)),
        devices=_devices_of(view, age, findings, rng),
    )
    site = "site-a" if rng.random() < 0.6 else "site-b"
    border = rng.random()
    if site == "site-a":
        scanner = Scanner(sharpening=0.45, contrast=1.0, gamma=1.0, border="black" if border < 0.4 else None)
        height, width = 400, 344 if view == "Lateral" else 400
    else:
        scanner = Scanner(80_000, 0.45, 0.9, 0.82, 0.15, "white" if border < 0.35 else None)
        height, width = 424, 336 if view == "Lateral" else 384
    if bed:
        scanner = replace(scanner, photons=scanner.photons * 0.6, scatter=scanner.scatter + 0.3, border=None)
    scanner = replace(scanner, gamma=scanner.gamma * float(rng.uniform(0.92, 1.08)))
    name = f"{site}/simulated-{number + 1:04d}.{_SUFFIX[encoding]}"
    image = DemoImage(name, view, tuple(sorted(findings)), sex, age)
    return _Plan(image, patient, scanner, encoding, height, width, number)


def _devices_of(view: View, age: int, findings: tuple[str, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """What an AP in bed wears: leads mostly, tube, lines and drain in intensive care."""
    dice = rng.random(5)
    worn = ["pacemaker"] if age > 65 and dice[0] < 0.12 and view != "Lateral" else []
    if view == "AP":
        intensive = dice[1] < 0.4
        worn += ["ecg"] if dice[2] < 0.8 else []
        worn += ["tube", "stomach tube"] if intensive else []
        worn += ["line"] if intensive or dice[3] < 0.25 else []
        worn += ["drain"] if "Pneumothorax" in findings and dice[4] < 0.4 else []
    return tuple(worn)


def _drawn(plan: _Plan, seed: int) -> Float:
    """The finished picture in [0, 1], air dark: (height_px, width_px) float32."""
    patient = plan.patient
    anatomy, light = np.random.default_rng([seed, 2, plan.number]).spawn(2)
    field_cm = 35.5 if patient.view != "Lateral" else 37.0  # height of the detector; smaller people look smaller
    pixel_cm = field_cm / plan.height_px / patient.size
    margin = 1.06  # room to turn in
    rows, columns = round(plan.height_px * margin), round(plan.width_px * margin)
    top_cm = float(anatomy.normal(-5.6, 0.6)) / patient.size - (margin - 1) / 2 * plan.height_px * pixel_cm
    grid = Grid.of(rows, columns, pixel_cm, top_cm)
    chest = (lateral if patient.view == "Lateral" else frontal)(patient, grid, anatomy)
    attenuation = turned(chest.attenuation(), patient.rotation_deg, plan.height_px, plan.width_px)
    return _inscribed(expose(attenuation, plan.scanner, light), plan.scanner.border, light)


def _inscribed(pixels: Float, border: str | None, rng: np.random.Generator) -> Float:
    """The picture with its shutter, side marker and the word SIMULATED."""
    height, width = pixels.shape
    if border is not None:
        inner = np.zeros_like(pixels, dtype=bool)
        left, right, top, bottom = rng.integers(3, 14, 4).tolist()
        inner[top : height - bottom, left : width - right] = True
        pixels = np.where(inner, pixels, np.float32(0.0 if border == "black" else 1.0))
    letters = Image.new("L", (width, height))
    halo = Image.new("L", (width, height))
    at = (int(width * rng.uniform(0.88, 0.92)), int(height * rng.uniform(0.05, 0.12)))
    for position, text, size in ((at, "L", 22), ((16, height - 30), "SIMULATED", 12)):
        font = ImageFont.load_default(size=size)
        ImageDraw.Draw(letters).text(position, text, fill=255, font=font)
        ImageDraw.Draw(halo).text(position, text, fill=255, font=font, stroke_width=2)
    ink = np.asarray(letters, dtype=np.float32) / 255
    shade = np.asarray(halo, dtype=np.float32) / 255
    return np.asarray(np.maximum(pixels * (1 - 0.85 * shade), 0.97 * ink), dtype=np.float32)


def _encoded(plan: _Plan, pixels: Float) -> bytes:
    """The picture as a file's bytes."""
    if plan.encoding in ("monochrome1", "monochrome2"):
        return _dicom(plan, pixels)
    file = io.BytesIO()
    if plan.encoding == "png16":
        Image.fromarray(np.rint(pixels * 65535).astype(np.uint16)).save(file, "PNG", compress_level=1)
    else:
        image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
        if plan.encoding == "jpg":
            image.save(file, "JPEG", quality=92)
        else:
            image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _dicom(plan: _Plan, pixels: Float) -> bytes:
    """A 12-bit DX object with view, sex and age, and no identifier of anybody (DICOM PS3.3 A.26)."""
    # Here: the window imports this module at its start, and draws nothing itself.
    load_pydicom()
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    inverted = plan.encoding == "monochrome1"
    stored = np.rint((1 - pixels if inverted else pixels) * 4095).astype("<u2")
    digest = hashlib.blake2b(stored.tobytes(), digest_size=16).hexdigest()
    uids = [generate_uid(entropy_srcs=[part, digest]) for part in ("instance", "series", "study")]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = uids[0]
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID, data.SeriesInstanceUID, data.StudyInstanceUID = uids
    data.Modality = "DX"
    data.ImageType = ["DERIVED", "PRIMARY", "SIMULATED"]
    data.PresentationIntentType = "FOR PRESENTATION"
    data.BodyPartExamined = "CHEST"
    data.ViewPosition = "LL" if plan.image.view == "Lateral" else plan.image.view
    data.PatientOrientation = ["P", "F"] if plan.image.view == "Lateral" else ["L", "F"]
    data.PatientSex = plan.image.sex
    data.PatientAge = f"{plan.image.age:03d}Y"
    data.PatientIdentityRemoved = "YES"
    data.DeidentificationMethod = "Simulated: there is no patient"
    data.BurnedInAnnotation = "NO"
    data.Manufacturer = "SIMULATED"
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    data.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    data.Rows, data.Columns = stored.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.ImagerPixelSpacing = [f"{(370 if plan.image.view == 'Lateral' else 355) / plan.height_px:.4f}"] * 2
    data.WindowCenter, data.WindowWidth = 2048, 4096
    data.PixelData = stored.tobytes()
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()
