"""Which picture of a DICOM file of several frames is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr_explorer.images.dicom_elements import items, numbers

if TYPE_CHECKING:
    from pydicom import Dataset

_OF_A_FRAME = (
    "ImagerPixelSpacing",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
)
"""What enhanced files say of each frame apart, in functional groups (PS3.3 C.7.6.16), and others of the whole file."""


def choose_frame(dataset: Dataset, notes: list[str]) -> int:
    """The frame in the middle, counted from 0: of a series or a sweep the first and the last are often empty.

    What the file says of this frame alone is put where it stands in files of one picture. A note says which it is.
    """
    frames = int((numbers(dataset, "NumberOfFrames") or [1.0])[0])
    if frames <= 1:
        return 0
    frame = (frames - 1) // 2
    notes.append(f"frame {frame + 1} of {frames} is shown: the one in the middle")
    of_frames = items(dataset, "PerFrameFunctionalGroupsSequence")
    for group in (*of_frames[frame : frame + 1], *items(dataset, "SharedFunctionalGroupsSequence")[:1]):
        for sequence in group:
            for item in items(group, sequence.tag)[:1]:
                for keyword in _OF_A_FRAME:
                    if keyword in item and keyword not in dataset:
                        dataset[keyword] = item[keyword]
    return frame
