"""DICOM files become Radiographs, by the display pipeline of DICOM PS3.4 N.2: modality, VOI, presentation."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_elements import has_pixels, items, numbers, text, value_of
from cxr_explorer.images.dicom_facts import read_facts, term
from cxr_explorer.images.dicom_frames import MIDDLE, Frame, choose_frame
from cxr_explorer.images.dicom_outside import find_outside
from cxr_explorer.images.dicom_overlays import find_drawn
from cxr_explorer.images.dicom_patient import patient_of
from cxr_explorer.images.dicom_pixels import Integers, decode_pixels
from cxr_explorer.images.dicom_spacing import MAX_STRETCH, pixel_height_by_width, read_scale
from cxr_explorer.images.dicom_terms import known_term
from cxr_explorer.images.limits import MAX_WINDOWS, check_dicom
from cxr_explorer.images.pydicom_loading import load_pydicom
from cxr_explorer.images.radiograph import (
    Float,
    LookupTable,
    Mask,
    Radiograph,
    Voi,
    Window,
    check_size,
    full_range,
    is_coloured,
    robust_window,
)
from cxr_explorer.images.window_faults import fitness

if TYPE_CHECKING:  # pydicom takes half a second to import: only those who read DICOM pay
    from pydicom import Dataset

_SATURATED = 0.5  # of what the robust window shows in middle grays: worth a note


def read_dicom(data: bytes, frame: Frame = MIDDLE) -> Radiograph:
    """The picture of a DICOM file; of several frames the one that is asked for, which a note says. No other is decoded.

    Stored values pass the modality LUT (or slope and intercept); the first VOI LUT, else the first window, is the
    default view, the others are `alternatives`. Without any, 8-bit images show their full range and deeper ones robust
    percentiles. MONOCHROME1 and INVERSE together are one inversion. Padding and what lies beyond a shutter is
    `outside`; graphics overlays are `drawn`. Pixels that are not square are resampled. Nothing is ever flipped. The
    notes say what of this a reader should know. `scale` is that of the pixels as they are then.

    Raises:
        UserError: Not DICOM, damaged, without a picture, or compressed in an unknown way.
    """
    with warnings.catch_warnings():
        # pydicom warns about values that break the rules of their VR: no news to a reader, and never a reason to stop.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return _read(_parse(data), frame)


def _read(dataset: Dataset, wanted: Frame) -> Radiograph:
    _check_picture(dataset)
    notes: list[str] = []
    frame, frames = choose_frame(dataset, notes, wanted)
    stored, interpretation = decode_pixels(dataset, notes, frame - 1)
    voi: Voi
    alternatives: tuple[Voi, ...] = ()
    inverted = False
    pixel_height = pixel_height_by_width(dataset, notes)
    outside = find_outside(dataset, stored, interpretation, pixel_height, notes)
    if stored.ndim == 3 or interpretation == "PALETTE COLOR":
        values, voi = _gray_of_colour(stored, interpretation, dataset, notes)
        if outside is not None:
            values[outside] = values[~outside].min()
    else:
        values = _modality_values(stored, dataset, notes)
        if outside is not None:
            values[outside] = values[~outside].min()
        voi, alternatives = _choose_voi(values, None if outside is None else ~outside, dataset, notes)
        inverted = interpretation == "MONOCHROME1" or text(dataset, "PresentationLUTShape") == "INVERSE"
    if text(dataset, "PresentationIntentType") == "FOR PROCESSING":
        notes.append("FOR PROCESSING: raw detector values, not meant to be looked at")
    drawn = find_drawn(dataset, values.shape, notes)
    radiograph = Radiograph(values, voi, inverted, read_facts(dataset), (), alternatives, outside, drawn)
    radiograph = _with_square_pixels(radiograph, pixel_height, notes)
    (rows, columns), shown = stored.shape[:2], radiograph.values.shape
    scale = read_scale(dataset, (rows, columns), (shown[0], shown[1]), notes)
    patient = patient_of(dataset)
    return replace(radiograph, notes=tuple(notes), scale=scale, patient=patient, frame=frame, frames=frames)


def _parse(data: bytes) -> Dataset:
    load_pydicom()
    import pydicom

    check_dicom(data)
    try:
        return pydicom.dcmread(io.BytesIO(data), force=True)
    except MemoryError:
        raise
    except Exception as error:  # over a damaged file pydicom raises nearly anything
        raise UserError("Damaged: its DICOM header cannot be read. Copy it again from its source.") from error


def _check_picture(dataset: Dataset) -> None:
    """Refuses what is not one picture of a sensible size, before anything is decoded."""
    if "DirectoryRecordSequence" in dataset:
        raise UserError("No picture inside: this is a disc's table of contents (DICOMDIR). Choose the images it lists.")
    if not has_pixels(dataset):
        if not any(keyword in dataset for keyword in ("SOPClassUID", "Modality", "Rows")):
            raise UserError("Damaged or cut off: nothing in it can be read as DICOM. Copy it again from its source.")
        if "Rows" in dataset or "Image Storage" in _class_name(dataset):
            raise UserError("Damaged or cut off: the pixels of the picture are missing. Copy it again from its source.")
        modality = term(dataset, "Modality") or "unknown kind"
        raise UserError(f"No picture inside: a DICOM file without pixels ({modality}). Leave it out.")
    sizes = [numbers(dataset, keyword) for keyword in ("Rows", "Columns")]
    if not all(size and size[0] > 0 for size in sizes):
        raise UserError("Damaged: it does not say how many rows and columns it has. Export it again from the archive.")
    check_size(int(sizes[0][0]), int(sizes[1][0]))


def _class_name(dataset: Dataset) -> str:
    from pydicom import uid

    return uid.UID(text(dataset, "SOPClassUID")).name


# ---------------------------------------------------------------------------------------------- modality and colour


def _modality_values(stored: Integers, dataset: Dataset, notes: list[str]) -> Float:
    """Stored values through the Modality LUT, else slope and intercept (PS3.3 C.11.1), (H, W) float32, finite."""
    found = items(dataset, "ModalityLUTSequence")
    if found:
        table = _read_table(found[0], dataset)
        if table is None:
            raise UserError("Damaged: its modality lookup table cannot be read. Export it again from the archive.")
        first, entries, _ = table
        positions = np.clip(stored.astype(np.int64) - first, 0, len(entries) - 1)
        return entries[positions].astype(np.float32)
    slope = (numbers(dataset, "RescaleSlope") or [1.0])[0]
    intercept = (numbers(dataset, "RescaleIntercept") or [0.0])[0]
    if slope == 0.0:
        notes.append("RescaleSlope 0 in the file: ignored")
        slope, intercept = 1.0, 0.0
    values = stored.astype(np.float32)
    if (slope, intercept) != (1.0, 0.0):
        values *= np.float32(slope)
        values += np.float32(intercept)
    finite = np.isfinite(values)
    if not finite.all():  # only float pixel data can
        values[~finite] = values[finite].min() if finite.any() else 0.0
    return values


def _gray_of_colour(stored: Integers, interpretation: str, dataset: Dataset, notes: list[str]) -> tuple[Float, Window]:
    """Luminance (Rec. 601) and its full range; no VOI step applies to colour."""
    bits = int((numbers(dataset, "BitsStored") or [stored.dtype.itemsize * 8])[0])
    if interpretation == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        try:
            stored = apply_color_lut(stored, dataset)
        except Exception as error:  # as in _decode
            raise UserError("Damaged: its colour palette cannot be read. Export it again from the archive.") from error
        bits = stored.dtype.itemsize * 8
    largest = 2.0**bits - 1
    if interpretation.startswith("YBR"):  # pydicom left it as it is: its first plane is the luminance
        return stored[..., 0].astype(np.float32), full_range(largest)
    if is_coloured(stored, largest):
        notes.append("colour turned to gray")
    luminance = stored[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return luminance, full_range(largest)


# ---------------------------------------------------------------------------------------------- VOI


def _choose_voi(values: Float, counted: Mask | None, dataset: Dataset, notes: list[str]) -> tuple[Voi, tuple[Voi, ...]]:
    """The default view and the file's others: tables before windows, the first that shows anything."""
    robust = robust_window(values, counted)
    offered: list[Voi] = [*_voi_tables(dataset, values, notes), *_voi_windows(dataset, notes)]
    fits = fitness(values, counted, offered, robust)
    usable = [(voi, fit) for voi, fit in zip(offered, fits, strict=True) if not fit.fault]
    if usable:
        chosen, fit = usable[0]
        if fit.saturated > _SATURATED:
            notes.append(
                f"the window in the file leaves {100 * fit.saturated:.0f} % of the middle grays black or white"
            )
        notes += [f"a window in the file {fault}: skipped" for fault in dict.fromkeys(f.fault for f in fits) if fault]
        if len(usable) > 1:
            name = f" ({chosen.explanation})" if chosen.explanation else ""
            notes.append(f"first of {len(usable)} windows in the file{name}")
        return chosen, tuple(voi for voi, _ in usable[1:])
    said = f"the window in the file {fits[0].fault}" if offered else "no window in the file"
    bits = (numbers(dataset, "BitsStored") or [16])[0]
    # 8-bit values were made for a display already: a DICOM file and a PNG of one film must give one picture.
    is_display_ready = bits <= 8 and values.min() >= 0 and values.max() <= 255
    window = full_range(2.0**bits - 1) if is_display_ready else robust
    notes.append(f"{said}: shown by {window.explanation}")
    return window, tuple(offered)


def _voi_windows(dataset: Dataset, notes: list[str]) -> list[Window]:
    functions: dict[str, Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]] = {
        "": "LINEAR",
        "LINEAR": "LINEAR",
        "LINEAR_EXACT": "LINEAR_EXACT",
        "SIGMOID": "SIGMOID",
    }
    named = text(dataset, "VOILUTFunction")
    if named not in functions:
        notes.append("unknown VOILUTFunction in the file: taken as LINEAR")
    function = functions.get(named, "LINEAR")
    centres, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    names = text(dataset, "WindowCenterWidthExplanation").split("\\")
    windows: list[Window] = []
    if min(len(centres), len(widths)) > MAX_WINDOWS:
        notes.append(
            f"only the first {MAX_WINDOWS} of {min(len(centres), len(widths)):,} windows in the file are offered"
        )
    for i, (centre, width) in enumerate(zip(centres[:MAX_WINDOWS], widths, strict=False)):
        if width <= 0.0:
            notes.append("window without width in the file: ignored")
            continue
        # LINEAR counts whole stored values; a width below 1 can only mean fractional units.
        exact = function == "LINEAR" and width < 1.0
        name = known_term("WindowCenterWidthExplanation", names[i]) if i < len(names) else ""
        window = Window(centre, width, "LINEAR_EXACT" if exact else function, name)
        if window not in windows:
            windows.append(window)
    return windows


def _voi_tables(dataset: Dataset, values: Float, notes: list[str]) -> list[LookupTable]:
    tables: list[LookupTable] = []
    for item in items(dataset, "VOILUTSequence")[:MAX_WINDOWS]:
        table = _read_table(item, dataset)
        if table is None:
            notes.append("damaged VOI lookup table in the file: ignored")
            continue
        first, entries, bits = table
        if first > 32767 and values.min() < 0:  # signed, but stored with the VR of unsigned pixels
            first -= 65536
        largest = 2**bits - 1
        if entries.max() > largest or entries.max() <= largest // 2:  # the descriptor overstates or understates
            largest = max(1, 2 ** int(entries.max()).bit_length() - 1)
        scaled = entries.astype(np.float32) / np.float32(largest)
        tables.append(LookupTable(float(first), scaled, term(item, "LUTExplanation")))
    return tables


def _read_table(item: Dataset, dataset: Dataset) -> tuple[int, NDArray[np.uint16], int] | None:
    """First mapped value, entries and bits of a LUT item (PS3.3 C.11.1.1); None where they make no sense."""
    descriptor = numbers(item, "LUTDescriptor")
    data = value_of(item, "LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    length, first, bits = (int(number) for number in descriptor)
    length = length % 65536 or 65536  # 0 means 65,536; negative where read as signed
    if isinstance(data, bytes):
        order = ">" if dataset.original_encoding[1] is False else "<"
        words = np.frombuffer(data[: len(data) // 2 * 2], dtype=f"{order}u2").astype(np.uint16)
    else:
        try:
            words = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype(np.uint16)
        except (ValueError, TypeError, OverflowError):
            return None
    if bits <= 8 and len(words) < length <= 2 * len(words):  # 8-bit entries packed two to a word, low byte first
        words = words.astype("<u2").view(np.uint8).astype(np.uint16)
    if not 1 <= bits <= 16 or len(words) < length:
        return None
    return first, words[:length], bits


# ---------------------------------------------------------------------------------------------- geometry and elements


def _with_square_pixels(radiograph: Radiograph, ratio: float, notes: list[str]) -> Radiograph:
    """Resamples along the coarser axis where rows and columns are more than 1 % differently spaced.

    Args:
        radiograph: As stored.
        ratio: Height of a pixel in widths.
        notes: Grows by what was done.
    """
    if abs(ratio - 1.0) <= 0.01:
        return radiograph
    if not 1 / MAX_STRETCH <= ratio <= MAX_STRETCH:
        notes.append(f"pixels {ratio:.3g} times as high as wide are implausible: taken as square")
        return radiograph
    height, width = radiograph.values.shape
    size = (width, round(height * ratio)) if ratio > 1.0 else (round(width / ratio), height)
    check_size(size[1], size[0])
    notes.append(f"pixels {ratio:.3g} times as high as wide in the file: resampled to square ones")
    outside, drawn = radiograph.outside, radiograph.drawn
    return replace(
        radiograph,
        values=_resample(radiograph.values, outside, size),
        outside=None if outside is None else _resample_mask(outside, size),
        drawn=None if drawn is None else _resample_mask(drawn, size),
    )


def _resample(values: Float, outside: Mask | None, size: tuple[int, int]) -> Float:
    """To (width, height) in `size`; what is no picture does not run into the picture beside it."""

    def resized(array: Float) -> Float:
        return np.asarray(Image.fromarray(array).resize(size, Image.Resampling.BILINEAR), dtype=np.float32)

    if outside is None:
        return resized(values)
    smallest = values.min()
    weights = resized((~outside).astype(np.float32))  # (H, W) how much of each new pixel is picture
    above = resized(np.where(outside, np.float32(0), values - smallest))
    picture: Float = np.divide(above, weights, out=np.zeros_like(above), where=~_resample_mask(outside, size))
    picture += smallest
    return picture


def _resample_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST), dtype=np.bool_)
