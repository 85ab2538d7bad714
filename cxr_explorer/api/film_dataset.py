"""Films and labels of a project for PyTorch. The one file of this room that imports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from cxr_explorer.api.frames import Columns
from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_frames import MIDDLE, Frame
from cxr_explorer.images.preprocess import InputSpec, preprocess
from cxr_explorer.images.read import read
from cxr_explorer.project.project import Ids

Transform = Callable[[torch.Tensor], torch.Tensor]


class FilmDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Pictures and labels, see `OpenProject.torch_dataset`. It holds paths, not the project: workers may copy it.

    Attributes:
        image_ids: (N,) int64.
        files: N paths below the image folder.
        findings: Names of the F findings.
        targets: (N, F) float32: 1 present, 0 absent, NaN not read.
        patients: (N,) int64: equal numbers are one patient's, -1 where the patient is not known.
    """

    def __init__(
        self,
        folder: Path,
        spec: InputSpec,
        columns: Columns,
        patients: Ids,
        size_px: int | None = None,
        transform: Transform | None = None,
        frame: Frame = MIDDLE,
    ) -> None:
        """Takes the columns of `ProjectArrays.targets`, and what the pictures are made to be."""
        self.findings = tuple(name for name in columns if name not in ("image_id", "file"))
        self.image_ids: Ids = columns["image_id"]
        self.files: tuple[str, ...] = tuple(columns["file"])
        self.targets = _stacked(columns)  # (N, F)
        self.patients = patients
        self._folder = folder
        self._spec = spec if size_px is None else replace(spec, size_px=size_px)
        self._transform = transform
        self._frame: Frame = frame

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The picture (1, S, S) float32 and its target (F,) float32. Raises UserError where it cannot be read."""
        file = self.files[index]
        try:
            radiograph = read(self._folder / file, self._frame)
        except UserError as error:
            raise UserError(f"{file}: {error}") from error
        picture = torch.from_numpy(preprocess(radiograph, self._spec))  # (1, S, S)
        if self._transform is not None:
            picture = self._transform(picture)
        return picture, torch.from_numpy(self.targets[index].copy())


def with_labels(columns: Columns) -> Columns:
    """The rows of `ProjectArrays.targets` that have a number for a finding."""
    kept = np.isfinite(_stacked(columns)).any(axis=1)
    return {name: column[kept] for name, column in columns.items()}


def _stacked(columns: Columns) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.stack([column for name, column in columns.items() if name not in ("image_id", "file")], axis=1)
