"""Files of several frames: the one in the middle is shown, and a note says so."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, Sequence
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_frames import Frame, frame_of_text, is_shown, noted_frame
from cxr_explorer.images.read import decode
from tests.images.dicom_files import dataset_of, dicom, file_of, ramp


def frames(count: int, dtype: str = "uint16") -> np.ndarray:
    """(count, 64, 64), each turned otherwise."""
    high = 4095 if dtype == "uint16" else 255
    return np.stack([np.roll(ramp(high=high, dtype=dtype), 7 * number, axis=1) for number in range(count)])


def several(films: np.ndarray, **elements: object) -> bytes:
    return dicom(films[0], NumberOfFrames=len(films), PixelData=films.tobytes(), **elements)


@pytest.mark.parametrize(("count", "shown"), [(2, 0), (3, 1), (8, 3)])
def test_the_frame_in_the_middle_is_shown_and_a_note_says_so(count: int, shown: int) -> None:
    films = frames(count)
    film = decode(several(films))
    np.testing.assert_array_equal(film.values, films[shown])
    assert f"frame {shown + 1} of {count} is shown: the one in the middle" in film.notes


@pytest.mark.parametrize(
    ("wanted", "shown", "why"),
    [
        ("first", 1, "the first"),
        ("last", 8, "the last"),
        (3, 3, "the one chosen"),
        (9, 8, "the last, as there is no frame 9"),
    ],
)
def test_another_frame_is_shown_where_it_is_asked_for(wanted: Frame, shown: int, why: str) -> None:
    films = frames(8)
    film = decode(several(films), wanted)
    np.testing.assert_array_equal(film.values, films[shown - 1])
    assert (film.frame, film.frames) == (shown, 8)
    assert f"frame {shown} of 8 is shown: {why}" in film.notes
    assert noted_frame(film.notes) == (shown, 8)
    assert is_shown(wanted, film.notes) and is_shown(shown, film.notes) and not is_shown(2, film.notes)


def test_of_a_file_with_one_picture_every_frame_is_that_one() -> None:
    film = decode(several(frames(1)), 7)
    assert (film.frame, film.frames, noted_frame(film.notes)) == (1, 1, None)
    assert is_shown("last", film.notes)


@pytest.mark.parametrize("text", ["0", "-1", "second", "", "1.5", "²"])
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="a number from 1"):
        frame_of_text(text)
    assert [frame_of_text(good) for good in ("first", "middle", "last", "12")] == ["first", "middle", "last", 12]


def test_only_the_wanted_frame_is_decoded() -> None:
    """The others may be damaged, or too many to be held."""
    films = frames(5, "uint8")
    file = io.BytesIO()
    Image.fromarray(films[3]).save(file, "JPEG2000", no_jp2=True)
    dataset = dataset_of(films[0], NumberOfFrames=5)
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.PixelData = encapsulate([b"no picture"] * 3 + [file.getvalue(), b"no picture"])
    dataset["PixelData"].VR = "OB"
    np.testing.assert_array_equal(decode(file_of(dataset), 4).values, films[3])
    with pytest.raises(UserError, match="Damaged"):
        decode(file_of(dataset), 3)


def test_one_frame_is_no_news() -> None:
    assert not [note for note in decode(several(frames(1))).notes if "frame" in note]


@pytest.mark.parametrize(("syntax", "kind"), [(JPEG2000Lossless, "JPEG2000"), (JPEGBaseline8Bit, "JPEG")])
def test_the_frame_in_the_middle_of_compressed_ones(syntax: str, kind: str) -> None:
    films = frames(5, "uint8")
    streams = []
    for film in films:
        file = io.BytesIO()
        Image.fromarray(film).save(file, kind, **({"no_jp2": True} if kind == "JPEG2000" else {"quality": 95}))
        streams.append(file.getvalue())
    dataset = dataset_of(films[0], NumberOfFrames=5)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(streams)
    dataset["PixelData"].VR = "OB"
    values = decode(file_of(dataset)).values
    assert np.abs(values - films[2].astype(np.float32)).mean() < 3
    assert np.abs(values - films[0].astype(np.float32)).mean() > 20


def test_what_an_enhanced_file_says_of_the_frame_counts_for_it() -> None:
    def group(centre: float) -> Dataset:
        window, item = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = centre, 3000
        item.FrameVOILUTSequence = Sequence([window])
        return item

    spacing, shared = Dataset(), Dataset()
    spacing.PixelSpacing = [0.2, 0.2]
    shared.PixelMeasuresSequence = Sequence([spacing])
    film = decode(
        several(
            frames(3),
            PerFrameFunctionalGroupsSequence=Sequence([group(centre) for centre in (1900, 2000, 2100)]),
            SharedFunctionalGroupsSequence=Sequence([shared]),
        )
    )
    assert film.voi.centre == 2000
    assert film.scale is not None
