"""The stored values of a DICOM file's picture, whatever their compression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_elements import numbers, text
from cxr_explorer.images.limits import check_jpeg

if TYPE_CHECKING:
    from pydicom import Dataset

Integers = NDArray[np.integer[Any]]

_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
_JPEGS = frozenset(f"1.2.840.10008.1.2.4.{end}" for end in (50, 51, 57, 70))
_PLUGINS = {  # named, so that gdcm is never asked: over damaged JPEG data it aborts the whole process (3.2.6)
    "1.2.840.10008.1.2.4.50": "pillow",  # JPEG baseline
    _JPEG_EXTENDED: "pillow",  # of 8 bits
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81": "pyjpegls",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90": "pillow",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91": "pillow",  # JPEG 2000
}
_CODECS = {  # libjpeg-turbo 3 and OpenJPEG; imagecodecs' ljpeg and jpegsof3 write past their memory over damaged data
    _JPEG_EXTENDED: "jpeg8_decode",  # of 12 bits
    "1.2.840.10008.1.2.4.57": "jpeg8_decode",  # JPEG lossless
    "1.2.840.10008.1.2.4.70": "jpeg8_decode",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.201": "jpeg2k_decode",  # High-Throughput JPEG 2000 lossless
    "1.2.840.10008.1.2.4.202": "jpeg2k_decode",  # the same, RPCL
    "1.2.840.10008.1.2.4.203": "jpeg2k_decode",  # High-Throughput JPEG 2000
}


def decode_pixels(dataset: Dataset, notes: list[str], frame: int = 0) -> tuple[Integers, str]:
    """Stored values, (H, W) or (H, W, 3), with sign and unused bits settled, and their photometric interpretation.

    Of several frames the one with this number, from 0.
    """
    why = "its header contradicts itself"
    try:
        syntax = transfer_syntax(dataset)
        if syntax.is_encapsulated:
            why = f"its compressed picture ({_short_name(syntax)}) cannot be decoded"
        else:
            why = "its picture is cut off or its header contradicts it"
        if "SamplesPerPixel" not in dataset:
            dataset.SamplesPerPixel = 1
        if dataset.SamplesPerPixel == 1 and not text(dataset, "PhotometricInterpretation"):
            dataset.PhotometricInterpretation = "MONOCHROME2"
        if syntax in _JPEGS:
            check_jpeg(_codestream(dataset, frame))
        if _codec(dataset, syntax):
            return _decode_by_imagecodecs(dataset, syntax, frame)
        return _decode_by_pydicom(dataset, syntax, notes, frame)
    except (MemoryError, UserError):
        raise
    except Exception as error:  # pydicom and each decoder raise their own kinds over damaged data
        raise UserError(f"Damaged: {why}. Export it again from the archive, uncompressed.") from error


def _codestream(dataset: Dataset, frame: int) -> bytes:
    """The compressed picture of a frame; all there is where the file holds one."""
    from pydicom.encaps import get_frame

    frames = int((numbers(dataset, "NumberOfFrames") or [1.0])[0])
    if frames <= 1:
        return bytes(dataset.PixelData)
    return get_frame(dataset.PixelData, frame, number_of_frames=frames)


def _decode_by_pydicom(dataset: Dataset, syntax: Any, notes: list[str], frame: int) -> tuple[Integers, str]:
    from pydicom.pixels.decoders.base import get_decoder

    options: dict[str, Any] = {"decoding_plugin": _PLUGINS.get(syntax, "")}
    if not syntax.is_encapsulated:
        options["correct_unused_bits"] = False  # pydicom's correction leaves HighBit out
    array, properties = get_decoder(syntax).as_array(dataset, index=frame, **options)
    if not syntax.is_encapsulated and array.dtype.kind in "iu":
        array = _settled(array, dataset, notes)
    return array, str(properties["photometric_interpretation"])


def _codec(dataset: Dataset, syntax: Any) -> str:
    """The imagecodecs function for a syntax that the decoders behind pydicom leave out or crash over, else ""."""
    if syntax == _JPEG_EXTENDED and (numbers(dataset, "BitsStored") or [8])[0] <= 8:
        return ""
    return _CODECS.get(syntax, "")


def _decode_by_imagecodecs(dataset: Dataset, syntax: Any, frame: int) -> tuple[Integers, str]:
    import imagecodecs
    from pydicom.encaps import get_frame

    frames = int((numbers(dataset, "NumberOfFrames") or [1.0])[0])
    stream = get_frame(dataset.PixelData, frame, number_of_frames=max(frames, 1))
    codec = _codec(dataset, syntax)
    if codec == "jpeg8_decode" and b"\xff\xd9" not in stream[-16:]:
        raise ValueError("no end-of-image marker")  # libjpeg would fill in what is missing with gray
    array = np.asarray(getattr(imagecodecs, codec)(stream))
    samples = array.shape[2] if array.ndim == 3 else 1
    if array.shape[:2] != (dataset.Rows, dataset.Columns) or samples != dataset.SamplesPerPixel:
        raise ValueError(f"decoded to {array.shape}")
    if dataset.PixelRepresentation == 1 and array.dtype.kind == "u":
        array = _stored_bits(array.astype(f"i{dataset.BitsAllocated // 8}"), dataset)
    interpretation = text(dataset, "PhotometricInterpretation")
    if samples == 3 and interpretation.startswith(("YBR_ICT", "YBR_RCT")):
        interpretation = "RGB"  # the codestream undoes its own colour transform
    return array, interpretation


def transfer_syntax(dataset: Dataset) -> Any:
    """The transfer syntax as a pydicom UID: what the file meta says, or, without one, what parsing found."""
    from pydicom import uid

    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if syntax:
        return uid.UID(syntax)
    is_implicit, is_little_endian = dataset.original_encoding
    if not is_little_endian:
        return uid.ExplicitVRBigEndian
    return uid.ImplicitVRLittleEndian if is_implicit else uid.ExplicitVRLittleEndian


def _short_name(syntax: Any) -> str:
    return str(syntax.name).partition(",")[0].partition(" (")[0].removesuffix(" Image Compression")


def _stored_bits(array: Integers, dataset: Dataset) -> Integers:
    """The BitsStored bits below HighBit, sign extended: the others may hold overlays or rubbish (PS3.5 8.1.1)."""
    allocated = array.dtype.itemsize * 8
    stored = int((numbers(dataset, "BitsStored") or [allocated])[0])
    high = int((numbers(dataset, "HighBit") or [stored - 1])[0])
    if not 0 < stored <= allocated or not stored - 1 <= high < allocated:
        raise ValueError(f"{stored} bits up to bit {high} of {allocated} cannot be")
    if stored == allocated:
        return array
    native = array.astype(array.dtype.newbyteorder("="))
    native = np.left_shift(native, allocated - 1 - high)
    return np.right_shift(native, allocated - stored)  # arithmetic for signed types


def _settled(array: Integers, dataset: Dataset, notes: list[str]) -> Integers:
    """The stored bits, or all of them where the values plainly go on above BitsStored.

    Bits above are rubbish, an overlay, or values that the header denies, see `_goes_on_above`.
    """
    stored = _stored_bits(array, dataset)
    bits = int((numbers(dataset, "BitsStored") or [0])[0])
    native = array.astype(array.dtype.newbyteorder("="))
    if array.ndim != 2 or int((numbers(dataset, "HighBit") or [bits - 1])[0]) != bits - 1 or _holds_overlay(dataset):
        return stored
    if np.array_equal(native, stored):
        return stored
    if native.dtype.kind == "i" and native.min() >= 0 and native.max() < 2**bits:
        return stored  # signs not extended, as they need not be
    if _goes_on_above(native, bits):
        notes.append(f"values above BitsStored ({bits}) in the file: kept")
        return native
    notes.append(f"bits above BitsStored ({bits}) are set in the file: ignored")
    return stored


def _holds_overlay(dataset: Dataset) -> bool:
    """Whether an overlay lies in the pixels' unused bits: it has a group but no data of its own."""
    return any(
        group << 16 | 0x10 in dataset and group << 16 | 0x3000 not in dataset for group in range(0x6000, 0x6020, 2)
    )


def _goes_on_above(native: Integers, bits: int) -> bool:
    """Whether the bits above the lowest `bits` carry on the count: judged where they differ by one between neighbours.

    Values that go on make a small step there, while their lower bits wrap around. At the edge of rubbish the whole
    value makes the large step.
    """
    lines = max(1, native.size // 1_000_000)  # about a million pairs each way
    smoother = pairs = 0
    for part in (native[::lines], native[:, ::lines].T):
        part = part.astype(np.int64)
        step, above = np.diff(part, axis=1), np.diff(part >> bits, axis=1)
        is_next = np.abs(above) == 1
        whole, lower = np.abs(step[is_next]), np.abs(step[is_next] - (above[is_next] << bits))
        smoother += int((whole < lower).sum())
        pairs += len(whole)
    return 2 * smoother > pairs
