from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    RLELossless,
    RTPlanStorage,
)

from cxr_explorer.errors import UserError
from cxr_explorer.images.radiograph import LookupTable, Window
from cxr_explorer.images.read import decode
from tests.images.dicom_files import compressed, dataset_of, dicom, file_of, ramp, table


def as_pydicom_shows(data: bytes) -> np.ndarray:
    """Modality and VOI step by pydicom itself, scaled to 0..1."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    values = apply_modality_lut(dataset.pixel_array, dataset)
    if "VOILUTSequence" in dataset:
        return apply_voi(values.astype(np.int64), dataset) / (2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1)
    # pydicom's output range runs from what 0 becomes to what 4095 becomes: downwards where the slope is negative.
    black, white = (float(dataset.RescaleSlope) * stored + float(dataset.RescaleIntercept) for stored in (0, 4095))
    return (apply_windowing(values, dataset) - black) / (white - black)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("slope, intercept", [(1, 0), (2, -1024), (-1, 4095), (0.25, 10)])
def test_windows_agree_with_pydicom(function: str, slope: float, intercept: float) -> None:
    data = dicom(
        ramp(),
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        WindowCenter=2000 * slope + intercept,
        WindowWidth=1500,
        VOILUTFunction=function,
    )
    np.testing.assert_allclose(decode(data).pixels, as_pydicom_shows(data), atol=2e-6)


def test_negative_slope_turns_the_order_of_values_around() -> None:
    up = decode(dicom(ramp(), WindowCenter=2047.5, WindowWidth=4096))
    down = decode(dicom(ramp(), RescaleSlope=-1, RescaleIntercept=4095, WindowCenter=2047.5, WindowWidth=4096))
    np.testing.assert_allclose(down.pixels, 1 - up.pixels, atol=1e-3)


def test_monochrome1_and_2_of_one_film_give_one_picture() -> None:
    white_high = dicom(ramp(), WindowCenter=1500, WindowWidth=2001)
    white_low = dicom(4095 - ramp(), PhotometricInterpretation="MONOCHROME1", WindowCenter=2596, WindowWidth=2001)
    np.testing.assert_allclose(decode(white_low).pixels, decode(white_high).pixels, atol=1e-6)


@pytest.mark.parametrize(
    "photometric, shape, inverted",
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
    ],
)
def test_monochrome1_and_inverse_are_one_inversion(photometric: str, shape: str | None, inverted: bool) -> None:
    elements = {"PresentationLUTShape": shape} if shape else {}
    window = {"WindowCenter": 1000, "WindowWidth": 1500}
    plain = decode(dicom(ramp(), **window)).pixels
    shown = decode(dicom(ramp(), PhotometricInterpretation=photometric, **elements, **window)).pixels
    np.testing.assert_allclose(shown, 1 - plain if inverted else plain, atol=1e-6)


def test_voi_table_goes_before_the_window_and_agrees_with_pydicom() -> None:
    entries = [round(65535 * (i / 2999) ** 2) for i in range(3000)]
    data = dicom(ramp(), VOILUTSequence=[table(500, entries)], WindowCenter=10, WindowWidth=20)
    radiograph = decode(data)
    assert isinstance(radiograph.voi, LookupTable)
    np.testing.assert_allclose(radiograph.pixels, as_pydicom_shows(data), atol=1e-6)


def test_voi_table_may_begin_below_zero() -> None:
    data = dicom(
        ramp(), RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=[table(-1000, list(range(0, 4096, 2)), bits=12)]
    )
    np.testing.assert_allclose(decode(data).pixels, as_pydicom_shows(data), atol=1e-6)


def test_voi_table_of_12_bits_in_a_descriptor_of_16_is_not_drawn_black() -> None:
    shown = decode(dicom(ramp(), VOILUTSequence=[table(0, list(range(4096)), bits=16)])).pixels
    assert shown.max() == pytest.approx(1.0)


def test_voi_table_of_8_bits_may_be_packed_two_to_a_word() -> None:
    entries = np.linspace(0, 255, 4096).astype(np.uint8)
    packed = dicom(ramp(), VOILUTSequence=[table(0, entries.view("<u2").tolist(), bits=8)])
    item = pydicom.dcmread(io.BytesIO(packed))
    item.VOILUTSequence[0].LUTDescriptor = [4096, 0, 8]
    np.testing.assert_allclose(decode(file_of(item)).pixels, entries[ramp()] / 255, atol=1e-6)


def test_modality_table_agrees_with_pydicom() -> None:
    entries = [int(20000 - 4.5 * i) for i in range(4000)]
    data = dicom(ramp(), ModalityLUTSequence=[table(50, entries)], WindowCenter=10000, WindowWidth=12000)
    expected = apply_modality_lut(ramp(), pydicom.dcmread(io.BytesIO(data)))
    np.testing.assert_array_equal(decode(data).values, expected)


def test_of_several_windows_the_first_is_shown_and_the_others_are_kept() -> None:
    radiograph = decode(
        dicom(ramp(), WindowCenter=[1000, 2000], WindowWidth=[500, 4000], WindowCenterWidthExplanation=["LUNG", "BONE"])
    )
    assert radiograph.voi == Window(1000, 500, "LINEAR", "LUNG")
    assert radiograph.alternatives == (Window(2000, 4000, "LINEAR", "BONE"),)
    assert "first of 2 windows in the file (LUNG)" in radiograph.notes


def test_without_a_window_robust_percentiles_are_shown_and_said() -> None:
    film = ramp(1000, 2000)
    film[0, 0] = 4095  # a dead pixel must not darken the picture
    radiograph = decode(dicom(film))
    assert isinstance(radiograph.voi, Window)
    assert radiograph.voi.centre + radiograph.voi.width / 2 < 2001
    assert any("no window in the file" in note and "percentiles" in note for note in radiograph.notes)


def test_padding_does_not_count_for_the_percentiles() -> None:
    film = ramp(1000, 2000)
    padded = film.copy()
    padded[:, :32] = 0
    plain = decode(dicom(film[:, 32:]))
    radiograph = decode(dicom(padded, PixelPaddingValue=0))
    assert isinstance(radiograph.voi, Window) and isinstance(plain.voi, Window)
    assert radiograph.voi.centre == pytest.approx(plain.voi.centre)


def test_a_window_that_shows_nothing_is_passed_over() -> None:
    radiograph = decode(dicom(ramp(1000, 2000), WindowCenter=30000, WindowWidth=10))
    assert radiograph.pixels.std() > 0.1
    assert any("shows nothing" in note for note in radiograph.notes)


@pytest.mark.parametrize("width", [0, -5])
def test_a_window_without_width_is_ignored(width: int) -> None:
    radiograph = decode(dicom(ramp(), WindowCenter=100, WindowWidth=width))
    assert radiograph.pixels.std() > 0.1
    assert any("ignored" in note for note in radiograph.notes)


def test_8_bit_picture_without_window_is_shown_as_its_png_would_be() -> None:
    film = ramp(30, 200, dtype="uint8")
    np.testing.assert_allclose(decode(dicom(film)).pixels, film / 255, atol=1e-6)


def test_signed_values_keep_their_sign() -> None:
    film = ramp(-2000, 1500, dtype="int16")
    np.testing.assert_array_equal(decode(dicom(film, WindowCenter=0, WindowWidth=4000)).values, film)


@pytest.mark.parametrize("dtype, low, high", [("uint16", 0, 4095), ("int16", -2048, 2047)])
def test_bits_outside_those_stored_are_ignored(dtype: str, low: int, high: int) -> None:
    film = ramp(low, high, dtype=dtype)
    overlay = ((film.view("uint16") & 0x0FFF) | 0xA000).view(dtype)
    np.testing.assert_array_equal(decode(dicom(overlay)).values, film)


def test_high_bit_says_where_the_value_lies() -> None:
    film = ramp()
    shifted = (film << 4) | 0x5
    np.testing.assert_array_equal(decode(dicom(shifted, HighBit=15)).values, film)


@pytest.mark.parametrize(
    "elements, shape",
    [
        ({"PixelSpacing": [0.2, 0.1]}, (128, 64)),
        ({"ImagerPixelSpacing": [0.1, 0.15]}, (64, 96)),
        ({"PixelAspectRatio": [2, 1]}, (128, 64)),
        ({"PixelSpacing": [0.1, 0.1005]}, (64, 64)),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.2, 0.1]}, (128, 64)),
        ({"PixelSpacing": [0, 0]}, (64, 64)),
        ({"PixelSpacing": [100, 0.1]}, (64, 64)),
    ],
)
def test_pixels_become_square(elements: dict[str, list[float]], shape: tuple[int, int]) -> None:
    radiograph = decode(dicom(ramp(), **elements))
    assert radiograph.values.shape == shape
    assert (shape == (64, 64)) != any("resampled" in note for note in radiograph.notes)


def test_for_processing_is_said() -> None:
    radiograph = decode(dicom(ramp(), PresentationIntentType="FOR PROCESSING"))
    assert any("FOR PROCESSING" in note for note in radiograph.notes)
    assert radiograph.facts["intent"] == "FOR PROCESSING"


def test_orientation_is_told_and_never_acted_upon() -> None:
    plain = decode(dicom(ramp()))
    turned = decode(dicom(ramp(), PatientOrientation=["R", "F"], ImageLaterality="L", ViewPosition="PA"))
    np.testing.assert_array_equal(turned.pixels, plain.pixels)
    assert turned.facts["orientation"] == "R\\F"
    assert turned.facts["laterality"] == "L"
    assert turned.facts["view"] == "PA"


@pytest.mark.parametrize("age, shown", [("062Y", "62"), ("018M", "1"), ("090Y", "90+"), ("414Y", None), ("", None)])
def test_age_is_in_whole_years_and_hidden_above_89(age: str, shown: str | None) -> None:
    with pydicom.config.disable_value_validation():
        data = dicom(ramp(), PatientAge=age)
    assert decode(data).facts.get("age") == shown


def test_facts_hold_no_identifiers() -> None:
    data = dicom(
        ramp(),
        PatientName="Secret^Name",
        PatientID="SECRET-ID",
        PatientBirthDate="19500101",
        StudyDate="20200101",
        AccessionNumber="SECRET",
        InstitutionName="Secret Hospital",
        StudyInstanceUID="1.2.999",
        StudyDescription="Secret",
        Manufacturer="GE Healthcare",
        ManufacturerModelName="Definium 8000",
        BodyPartExamined="CHEST",
        PatientSex="F",
    )
    assert decode(data).facts == {
        "sex": "F",
        "modality": "DX",
        "maker": "GE",
        "model": "Definium",
        "body part": "CHEST",
        "photometric": "MONOCHROME2",
        "burned-in annotation": "unknown",
    }


@pytest.mark.parametrize("stated, shown", [("YES", "YES"), ("NO", "NO"), (None, "unknown")])
def test_missing_burned_in_annotation_is_not_clean(stated: str | None, shown: str) -> None:
    elements = {"BurnedInAnnotation": stated} if stated else {}
    assert decode(dicom(ramp(), **elements)).facts["burned-in annotation"] == shown


def test_colour_becomes_luminance() -> None:
    film = np.zeros((32, 32, 3), np.uint8)
    film[:, :16] = (200, 100, 50)
    radiograph = decode(dicom(film))
    assert radiograph.pixels[0, 0] == pytest.approx((0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255, abs=1e-5)
    assert "colour turned to gray" in radiograph.notes


def test_gray_stored_as_rgb_is_the_gray_picture() -> None:
    film = ramp(0, 255, dtype="uint8")
    radiograph = decode(dicom(np.repeat(film[..., None], 3, axis=2)))
    np.testing.assert_allclose(radiograph.pixels, film / 255, atol=1e-6)
    assert radiograph.notes == ()


def test_palette_becomes_luminance() -> None:
    film = ramp(0, 255, dtype="uint8")
    dataset = dataset_of(film, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        entries = (np.arange(256, dtype="<u2")[::-1] * 257).tobytes()
        setattr(dataset, f"{colour}PaletteColorLookupTableData", entries)
    np.testing.assert_allclose(decode(file_of(dataset)).pixels, 1 - film / 255, atol=1e-5)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_transfer_syntaxes_give_the_same_values(syntax: str) -> None:
    film = ramp()
    dataset = dataset_of(film if syntax != ExplicitVRBigEndian else film.byteswap())
    dataset["PixelData"].VR = "OW"
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    dataset.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    np.testing.assert_array_equal(decode(file.getvalue()).values, film)


@pytest.mark.parametrize("dtype, low, high", [("uint16", 0, 4095), ("int16", -2048, 2047)])
def test_lossless_jpeg_gives_the_same_values_and_signs(dtype: str, low: int, high: int) -> None:
    film = ramp(low, high, dtype=dtype)
    frame = imagecodecs.jpeg8_encode(film.view("uint16") & 0x0FFF, lossless=True, bitspersample=12)
    np.testing.assert_array_equal(decode(compressed(film, frame, JPEGLosslessSV1)).values, film)


def test_12_bit_jpeg_gives_nearly_the_same_values() -> None:
    film = ramp()
    frame = imagecodecs.jpeg8_encode(film, level=98, bitspersample=12)
    assert np.abs(decode(compressed(film, frame, JPEGExtended12Bit)).values - film).max() < 40


@pytest.mark.parametrize("syntax, options", [(JPEGLosslessSV1, {"lossless": True}), (JPEGExtended12Bit, {})])
def test_a_jpeg_cut_off_inside_a_whole_file_is_refused(syntax: str, options: dict[str, bool]) -> None:
    frame = imagecodecs.jpeg8_encode(ramp(), bitspersample=12, **options)
    with pytest.raises(UserError, match="cannot be decoded"):
        decode(compressed(ramp(), frame[: len(frame) * 3 // 4], syntax))


def test_a_jpeg_of_another_size_than_the_header_says_is_refused() -> None:
    frame = imagecodecs.jpeg8_encode(ramp(size_px=32), bitspersample=12, lossless=True)
    with pytest.raises(UserError, match="cannot be decoded"):
        decode(compressed(ramp(), frame, JPEGLosslessSV1))


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_gives_a_picture_or_a_reason(seed: int) -> None:
    damage = random.Random(seed)
    frame = imagecodecs.jpeg8_encode(ramp(), bitspersample=12, lossless=True)
    voi = table(0, list(range(100)))
    whole = dicom(
        ramp(), RescaleSlope=1, RescaleIntercept=0, WindowCenter=[9, 8], WindowWidth=[7, 6], PatientAge="012Y"
    )
    for data in (whole, dicom(ramp(), VOILUTSequence=[voi]), compressed(ramp(), frame, JPEGLosslessSV1)):
        hurt = bytearray(data)
        for _ in range(damage.choice([1, 5])):
            hurt[damage.randrange(132, min(len(hurt), 1200))] = damage.randrange(256)
        try:
            assert np.isfinite(decode(bytes(hurt)).pixels).all()
        except UserError:
            continue


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, "1.2.840.10008.1.2.1", ExplicitVRBigEndian])
def test_without_preamble_and_file_meta_it_is_read_all_the_same(syntax: str) -> None:
    film = ramp()
    dataset = dataset_of(film)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = film.astype(">u2").tobytes()
    dataset["PixelData"].VR = "OW"
    file = io.BytesIO()
    pydicom.dcmwrite(
        file,
        pydicom.Dataset(dataset),
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )
    assert b"DICM" not in file.getvalue()[:200]
    np.testing.assert_array_equal(decode(file.getvalue()).values, film)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: dicom(ramp(), NumberOfFrames=3), "cut off"),
        (lambda: dicom(ramp(), PixelData=None, Rows=None, SOPClassUID=RTPlanStorage, Modality="RTPLAN"), "RTPLAN"),
        (lambda: dicom(ramp(), PixelData=None), "cut off"),
        (lambda: dicom(ramp(size_px=8)), "Too small"),
        (lambda: dicom(ramp(), Rows=60000, Columns=60000), "Too large"),
        (lambda: dicom(ramp(), Rows=None), "Damaged"),
        (lambda: dicom(ramp(), Rows=100), "Damaged"),
        (lambda: dicom(ramp(), BitsStored=0), "Damaged"),
        (lambda: dicom(ramp())[:-500], "Damaged"),
        (lambda: dicom(ramp())[:400], "Damaged"),
        (lambda: b"\0" * 128 + b"DICM" + b"\xff" * 500, "Damaged"),
        (lambda: b"\0" * 128 + b"DICM", "Damaged"),
    ],
)
def test_what_is_no_single_picture_is_refused_in_one_short_line(make, said: str) -> None:
    with pytest.raises(UserError) as refusal:
        decode(make())
    message = str(refusal.value)
    assert said in message
    assert "\n" not in message and len(message) < 130


def test_disc_index_is_called_what_it_is() -> None:
    dataset = dataset_of(ramp(), PixelData=None, Modality=None)
    dataset.DirectoryRecordSequence = []
    with pytest.raises(UserError, match="DICOMDIR"):
        decode(file_of(dataset))


def test_elements_that_break_the_rules_do_not_stop_the_picture() -> None:
    with pydicom.config.disable_value_validation():
        data = dicom(ramp(), Manufacturer="x" * 200, PatientSex="quite long", PatientAge="old", StudyDate="yesterday")
    data = data.replace(b"quite long", b"\xff\xfe\xfd long!!")
    assert set(decode(data).facts) == {"modality", "photometric", "burned-in annotation"}


@pytest.mark.parametrize("cut", range(150, 700, 37))
def test_a_file_cut_anywhere_is_refused_not_crashed_over(cut: int) -> None:
    with pytest.raises(UserError):
        decode(dicom(ramp(), WindowCenter=1, WindowWidth=2, VOILUTSequence=[table(0, [0, 65535])])[:cut])


def test_reading_a_picture_does_not_import_what_asks_for_a_network(tmp_path):
    (tmp_path / "requests.py").write_text("raise SystemExit('requests was imported')\n", encoding="utf-8")
    (tmp_path / "film.dcm").write_bytes(dicom(ramp()))
    code = "import sys; from cxr_explorer.images.read import decode; decode(open(sys.argv[1], 'rb').read())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    command = [sys.executable, "-c", code, str(tmp_path / "film.dcm")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
