"""Data sets as people have them, the split by patient, and the cache of decoded pixels."""

import csv
import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import training.cache
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess
from cxr_explorer.images.read import read
from training.cache import cached_pixels
from training.data import TEST_SHARE, check_patients, index, is_normal, patient_ids, select, split_of

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "cxr"

NIH_COLUMNS = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender")
NIH_ROWS = (
    ("00000001_000.png", "Cardiomegaly|Emphysema", "0", "1", "058Y", "M"),
    ("00000001_001.png", "No Finding", "1", "1", "058Y", "M"),
    ("00000002_000.png", "No Finding", "0", "2", "7", "F"),
    ("00000003_000.png", "Mass", "0", "3", "011M", "F"),
)


def _image(path: Path, seed: int = 0, size: tuple[int, int] = (30, 40)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)).save(path)
    return path


def _table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])


def _nih(folder: Path, table: str = "Data_Entry_2017_v2020.csv") -> Path:
    for number, row in enumerate(NIH_ROWS[:3]):  # the fourth is in the table alone
        _image(folder / f"images_00{number + 1}" / "images" / row[0], number)
    _table(folder / table, NIH_COLUMNS, NIH_ROWS)
    return folder


def test_the_split_never_changes() -> None:
    assert [split_of("nih", f"nih:nih-{n:05d}") for n in range(1, 9)] == [
        "train",
        "train",
        "train",
        "train",
        "train",
        "test",
        "train",
        "test",
    ]


@pytest.mark.parametrize("source", sorted(TEST_SHARE))
def test_the_held_out_share_of_patients_is_as_declared(source: str) -> None:
    held_out = np.mean([split_of(source, f"{source}-{n}") == "test" for n in range(5000)])
    assert held_out == pytest.approx(TEST_SHARE[source], abs=0.03)


def test_patients_of_other_sources_are_all_trained_on() -> None:
    assert {split_of("rsna", str(n)) for n in range(500)} == {"train"}


def test_a_release_in_twelve_folders_joins_its_table(tmp_path: Path) -> None:
    items = index(_nih(tmp_path))
    assert [item.path.name for item in items] == [row[0] for row in NIH_ROWS[:3]]
    first = items[0]
    assert first.path.is_file()
    assert (first.source, first.patient, first.sex, first.age) == ("nih", "nih:nih-00001", "M", 58.0)
    assert first.labels == {"Cardiomegaly", "Emphysema"}
    assert items[2].labels == {"No Finding"}
    assert [item.split for item in items] == [split_of("nih", item.patient) for item in items]


def test_a_packed_table_is_read_as_well(tmp_path: Path) -> None:
    assert len(index(_nih(tmp_path, "Data_Entry_2017.csv.gz"))) == 3


def test_the_official_lists_decide_the_split(tmp_path: Path) -> None:
    _nih(tmp_path)
    (tmp_path / "train_val_list.txt").write_text("00000002_000.png\n")
    (tmp_path / "test_list.txt").write_text("00000001_000.png\n00000001_001.png")
    assert [item.split for item in index(tmp_path)] == ["test", "test", "train"]


def test_a_patient_on_both_lists_is_refused(tmp_path: Path) -> None:
    _nih(tmp_path)
    (tmp_path / "train_val_list.txt").write_text("00000001_000.png\n00000002_000.png\n")
    (tmp_path / "test_list.txt").write_text("00000001_001.png\n")
    with pytest.raises(UserError, match="nih-00001"):
        index(tmp_path)


def test_indexing_opens_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _nih(tmp_path)
    opened: list[str] = []
    original = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: opened.append(self.name) or original(self, *a, **k))
    index(tmp_path)
    assert opened == ["Data_Entry_2017_v2020.csv"]


def test_chexpert_keeps_positive_labels_views_and_its_validation_patients(tmp_path: Path) -> None:
    columns = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", "No Finding", "Edema", "Fracture")
    first = "CheXpert-v1.0-small/train/patient00001/study1"
    other = "CheXpert-v1.0-small/train/patient00009/study1"
    rows = [
        (f"{first}/view1_frontal.jpg", "Female", "68", "Frontal", "AP", "", "1.0", "-1.0"),
        (f"{first}/view2_lateral.jpg", "Female", "68", "Lateral", "", "1.0", "0.0", ""),
        (f"{other}/view1_frontal.jpg", "Male", "50", "Frontal", "PA", "", "", ""),
    ]
    validation = [("CheXpert-v1.0-small/valid/patient64541/study1/view1_frontal.jpg", *rows[0][1:])]
    _table(tmp_path / "train.csv", columns, rows)
    _table(tmp_path / "valid.csv", columns, validation)
    for row in (*rows[:2], *validation):
        _image(tmp_path / row[0].partition("/")[2])
    frontal, lateral, held_out = index(tmp_path)
    assert (frontal.view, lateral.view) == ("AP", "LATERAL")
    assert frontal.labels == {"Edema"}
    assert frontal.study == lateral.study == "patient00001/study1"
    assert (frontal.split, held_out.split) == ("train", "test")


def test_a_manifest_gives_rows_without_patient_a_patient_each(tmp_path: Path) -> None:
    rows = [("a.png", "own", "", "Normal", "L"), ("b.png", "own", "", "", ""), ("c.png", "own", "p", "A|B", "PA")]
    _table(tmp_path / "manifest.csv", ("file", "source", "patient", "labels", "view"), rows)
    items = index(tmp_path)
    assert patient_ids(items) == [0, 1, 2]
    assert [item.labels for item in items] == [{"Normal"}, None, {"A", "B"}]
    assert [item.view for item in items] == ["LATERAL", "", "PA"]
    assert index(tmp_path / "manifest.csv") == items


def test_a_plain_folder_is_a_data_set(tmp_path: Path) -> None:
    _image(tmp_path / "deep" / "one.png")
    _image(tmp_path / "two.png")
    items = index(tmp_path)
    assert [item.path.name for item in items] == ["one.png", "two.png"]
    assert len(set(patient_ids(items))) == 2


def test_sources_and_split_are_selected_and_unknown_ones_refused(tmp_path: Path) -> None:
    _table(tmp_path / "manifest.csv", ("file", "source"), [("a.png", "x"), ("b.png", "y")])
    items = index(tmp_path)
    assert [item.source for item in select(items, ["y"])] == ["y"]
    with pytest.raises(UserError, match="No images of z"):
        select(items, ["z"])
    with pytest.raises(UserError, match="No images are left"):
        select(items, split="test")


def test_a_table_without_its_columns_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No images"):
        index(tmp_path)
    _table(tmp_path / "manifest.csv", ("name",), [("a.png",)])
    with pytest.raises(UserError, match="no column 'file'"):
        index(tmp_path)


def test_labels_that_name_nothing_are_normal() -> None:
    assert is_normal(frozenset({"No Finding"}))
    assert not is_normal(frozenset({"Normal", "Mass"}))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared radiographs are not beside the project")
def test_the_shared_manifest_has_no_patient_in_both_splits() -> None:
    items = index(SHARED)
    check_patients(items)
    train = {(item.source, item.patient) for item in select(items, split="train")}
    assert train.isdisjoint((item.source, item.patient) for item in select(items, split="test"))


def test_the_cache_holds_what_the_app_feeds_its_encoder(tmp_path: Path) -> None:
    path = _image(tmp_path / "one.png", size=(70, 50))
    cache = cached_pixels([path], tmp_path / "cache", 32)
    expected = preprocess(read(path), InputSpec(size_px=32, mean=0.0, std=1.0))[0]
    np.testing.assert_array_equal(cache.pixels[cache.rows[0]], np.rint(expected * np.float32(255)).astype(np.uint8))


def test_each_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [_image(tmp_path / f"{n}.png", n) for n in range(5)]
    decoded: list[str] = []
    monkeypatch.setattr(training.cache, "read", lambda path: decoded.append(path.name) or read(path))
    first = cached_pixels(paths[:3], tmp_path / "cache", 32)
    again = cached_pixels(paths[::-1], tmp_path / "cache", 32)
    assert sorted(decoded) == [path.name for path in paths]
    np.testing.assert_array_equal(again.pixels[again.rows[::-1][:3]], first.pixels[first.rows])


def test_a_changed_file_is_decoded_again(tmp_path: Path) -> None:
    path = _image(tmp_path / "one.png", 0)
    before = cached_pixels([path], tmp_path / "cache", 32)
    _image(path, 1)
    os.utime(path, ns=(1, 1))
    after = cached_pixels([path], tmp_path / "cache", 32)
    assert not np.array_equal(before.pixels[before.rows[0]], after.pixels[after.rows[0]])


def test_unreadable_files_are_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = _image(tmp_path / "good.png")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    cache = cached_pixels([bad, tmp_path / "gone.png", good], tmp_path / "cache", 32)
    assert cache.rows.tolist() == [-1, -1, 0]
    assert [path.name for path, _ in cache.skipped] == ["bad.png", "gone.png"]


def test_a_cache_that_a_kill_left_half_written_goes_on(tmp_path: Path) -> None:
    paths = [_image(tmp_path / f"{n}.png", n) for n in range(4)]
    whole = cached_pixels(paths, tmp_path / "whole", 32)
    cached_pixels(paths[:2], tmp_path / "cache", 32)
    (home,) = (tmp_path / "cache").iterdir()
    with (home / "pixels.u8").open("ab") as stream:
        stream.write(b"half a picture")
    with (home / "index.jsonl").open("a") as stream:
        stream.write('{"path": "half a li')
    mended = cached_pixels(paths, tmp_path / "cache", 32)
    np.testing.assert_array_equal(mended.pixels[mended.rows], whole.pixels[whole.rows])
    assert len(mended.pixels) == 4


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    path = _image(tmp_path / "one.png")
    cached_pixels([path], tmp_path / "cache", 32)
    (home,) = (tmp_path / "cache").iterdir()
    (home / "index.jsonl").write_text("[1]\n")
    with pytest.raises(UserError, match="damaged"):
        cached_pixels([path], tmp_path / "cache", 32)
