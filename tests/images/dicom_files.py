"""Small DICOM files for tests, made from an array and the elements a test is about."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage


def ramp(low: int = 0, high: int = 4095, size_px: int = 64, dtype: str = "uint16") -> np.ndarray:
    """(size, size), brighter to the right and a little to the bottom."""
    columns = np.linspace(low, high, size_px)
    return np.round(columns[None, :] * np.linspace(0.5, 1.0, size_px)[:, None]).astype(dtype)


def dataset_of(array: np.ndarray, **elements: Any) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.Modality = "DX"
    dataset.Rows, dataset.Columns = array.shape[:2]
    dataset.SamplesPerPixel = 1 if array.ndim == 2 else 3
    dataset.PhotometricInterpretation = "MONOCHROME2" if array.ndim == 2 else "RGB"
    if array.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = array.dtype.itemsize * 8
    dataset.BitsStored = 12 if array.dtype.itemsize == 2 else 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(array.dtype.kind == "i")
    dataset.PixelData = array.tobytes()
    for keyword, value in elements.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    return dataset


def file_of(dataset: Dataset, enforce_file_format: bool = True) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=enforce_file_format)
    return file.getvalue()


def dicom(array: np.ndarray, **elements: Any) -> bytes:
    """The bytes of a DICOM file of this array; an element of None is left out."""
    return file_of(dataset_of(array, **elements))


def compressed(array: np.ndarray, frame: bytes, syntax: str, **elements: Any) -> bytes:
    """A DICOM file that describes the array, with this codestream for pixels."""
    dataset = dataset_of(array, **elements)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    return file_of(dataset)


def table(first: int, entries: list[int], bits: int = 16) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "US", entries)
    return item


def chest(size_px: int = 128) -> np.ndarray:
    """(size, size) float, denser is brighter, 0..1: dark air on both sides, a body, two lungs of 0.25."""
    y, x = np.mgrid[:size_px, :size_px] / (size_px - 1)
    film = np.where(abs(x - 0.5) < 0.42, 0.75 + 0.2 * y, 0.02)
    for lung_x in (0.32, 0.68):
        film[((x - lung_x) / 0.13) ** 2 + ((y - 0.45) / 0.3) ** 2 < 1] = 0.25
    return film
