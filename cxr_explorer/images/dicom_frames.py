"""Which picture of a DICOM file of several frames is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_elements import items, numbers

if TYPE_CHECKING:
    from pydicom import Dataset

Frame = int | Literal["first", "middle", "last"]
"""Which frame is meant: its number, counted from 1, or a word. Of a file with fewer frames, the last."""

MIDDLE: Frame = "middle"
"""What is shown unless another one is asked for: of a series or a sweep the first and the last are often empty."""

_WHY = {"first": "the first", "middle": "the one in the middle", "last": "the last"}
_NOTED = re.compile(r"frame (\d+) of (\d+) is shown\b")
NOTED_LIKE = "%frame % of % is shown%"
"""For SQL's LIKE: among the notes of an image may be one that `noted_frame` reads."""

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


def frame_of_text(text: str) -> Frame:
    """Which frame a text means: "first", "middle", "last" or a number from 1. Raises UserError for any other."""
    words: dict[str, Frame] = {"first": "first", "middle": "middle", "last": "last"}
    if text in words:
        return words[text]
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise UserError(f"There is no frame {text!r}. Say first, middle, last, or a number from 1.")
    return int(text)


def frame_number(frame: Frame, count: int) -> int:
    """Which of a file's `count` frames that is, counted from 1."""
    if isinstance(frame, int):
        return min(frame, count)
    return {"first": 1, "middle": (count + 1) // 2, "last": count}[frame]


def noted_frame(notes: Sequence[str]) -> tuple[int, int] | None:
    """The number of the frame that a film's notes say is shown, and of how many; None where the file has one."""
    found = [match for note in notes if (match := _NOTED.match(note))]
    return (int(found[0][1]), int(found[0][2])) if found else None


def is_shown(frame: Frame, notes: Sequence[str]) -> bool:
    """Whether a film with these notes shows the frame that is wanted now; a file of one picture always does."""
    noted = noted_frame(notes)
    return noted is None or noted[0] == frame_number(frame, noted[1])


def choose_frame(dataset: Dataset, notes: list[str], wanted: Frame = MIDDLE) -> tuple[int, int]:
    """The number of the frame to show, counted from 1, and of how many; (1, 1) where there is one picture.

    What the file says of this frame alone is put where it stands in files of one picture. A note says which it is.
    """
    count = max(int((numbers(dataset, "NumberOfFrames") or [1.0])[0]), 1)
    if count == 1:
        return 1, 1
    number = frame_number(wanted, count)
    why = _WHY[wanted] if isinstance(wanted, str) else "the one chosen"
    if isinstance(wanted, int) and wanted > count:
        why = f"the last, as there is no frame {wanted}"
    notes.append(f"frame {number} of {count} is shown: {why}")
    of_frames = items(dataset, "PerFrameFunctionalGroupsSequence")
    for group in (*of_frames[number - 1 : number], *items(dataset, "SharedFunctionalGroupsSequence")[:1]):
        for sequence in group:
            for item in items(group, sequence.tag)[:1]:
                for keyword in _OF_A_FRAME:
                    if keyword in item and keyword not in dataset:
                        dataset[keyword] = item[keyword]
    return number, count
