"""The judge of suspect labels: what is flipped is found, what panels contradict is counted."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.errors import UserError
from training import label_errors
from training.data import Item
from training.label_errors import (
    ADJUDICATED,
    METHODS,
    Films,
    adjudicate,
    among_top,
    certain,
    flip,
    main,
    mined,
    read_panel,
    to_text,
)


def films(count=240, apart=5.0, name="told apart", seed=0):
    random = np.random.default_rng(seed)
    labels = random.random(count) < 0.4
    vectors = random.standard_normal((count, 12)).astype(np.float32)
    vectors[:, 0] += apart * labels
    files = tuple(f"{number:03}" for number in range(count))
    return Films(name, files, vectors, labels, random.integers(0, count // 2, count).astype(np.int64))


def item(number, source="nih", labels=("No Finding",), view="PA"):
    said = frozenset(labels) or None
    return Item(Path(f"{number:03}.png"), source, f"p{number}", "", view, "", None, said, "train")


def test_flipped_labels_come_first_by_every_method_but_chance() -> None:
    (result,) = flip(films(apart=8.0), shares=(0.1,), draws=2)
    assert result.flipped == [24, 24] and result.images == 240
    assert len(result.doubted) == len(result.expected_wrong) == 2
    assert min(result.doubted_wrong) > 0.7 and min(result.found) > 0.7
    for method in METHODS[:3]:
        assert min(result.precision[method]) > 0.7 and min(result.auroc[method]) > 0.9
    assert max(result.precision["random"]) < 0.4


def test_the_same_flips_give_the_same_figures() -> None:
    assert flip(films(), shares=(0.1,), draws=1) == flip(films(), shares=(0.1,), draws=1)


def test_among_the_top_is_counted_with_patients_drawn_again() -> None:
    suspicion, wrong = np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False])
    weights = np.array([[1, 1, 1, 1], [3, 0, 0, 1], [0, 2, 1, 0], [0, 0, 0, 1]], np.float32)
    assert among_top(suspicion, wrong, weights, 2).tolist() == [0.5, 1.0, 0.0, 0.0]
    assert among_top(suspicion, wrong, weights, 3).tolist() == pytest.approx([2 / 3, 1.0, 1 / 3, 0.0])


def test_what_the_panel_contradicts_is_counted() -> None:
    seen = films(name="Pneumothorax", apart=8.0)
    panel = {file: {"Pneumothorax": bool(seen.labels[row])} for row, file in enumerate(seen.files[:60])}
    seen.labels[:60:10] ^= True
    one, every = adjudicate([seen], panel, count=50)
    assert (one.finding, one.labels, one.judged, one.contradicted) == ("Pneumothorax", 240, 60, 6)
    assert (every.finding, every.judged, every.contradicted) == ("all", 60, 6)
    for method in METHODS:
        assert one.auroc[method].low <= one.auroc[method].value <= one.auroc[method].high
        assert one.precision[method][5] == every.precision[method][5]
    assert one.doubted >= one.doubted_contradicted > 2
    assert one.doubted_wrong.value == pytest.approx(one.doubted_contradicted / one.doubted)
    with pytest.raises(UserError, match="none of these images"):
        adjudicate([seen], {})


def test_nih_says_airspace_opacity_with_any_of_four_labels_and_never_with_atelectasis() -> None:
    items = [
        item(0, labels=("Edema", "Mass")),
        item(1, labels=("Atelectasis",)),
        item(2, labels=("Pneumonia",)),
        item(3),
    ]
    found = {one.name: one.labels.tolist() for one in mined(items, lambda some: np.zeros((len(some), 2), np.float32))}
    assert found == {
        "Pneumothorax": [False] * 4,
        "Airspace opacity": [True, False, True, False],
        "Nodule or mass": [True, False, False, False],
    }


def test_the_certain_labels_are_pneumonia_of_one_source_and_view_of_the_other() -> None:
    kermany = [item(n, "kermany", (("Normal",), ("Pneumonia (viral)",))[n % 2]) for n in range(10)]
    nih = [item(10, view="AP"), item(11), item(12, view="")]
    first, second = certain([*kermany, *nih], lambda some: np.zeros((len(some), 2), np.float32), most=6)
    assert len(first.labels) == 6
    assert [int(file) % 2 == 1 for file in first.files] == first.labels.tolist()
    assert second.files == ("010", "011") and second.labels.tolist() == [True, False]
    with pytest.raises(UserError, match="no images of kermany or nih"):
        certain([item(0, "other")], lambda some: np.zeros((len(some), 2), np.float32))


def write_panel(path: Path, rows) -> Path:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, ["Image Index", "Fracture", *ADJUDICATED])
        table.writeheader()
        table.writerows(rows)
    return path


def test_the_panels_table_is_read_by_name_of_file(tmp_path: Path) -> None:
    row = {"Image Index": "00000013_008.png", "Fracture": "NO", "Pneumothorax": "YES"}
    path = write_panel(tmp_path / "panel.csv.gz", [{**row, "Airspace opacity": "NO", "Nodule or mass": "YES"}])
    assert read_panel(path) == {
        "00000013_008": {"Pneumothorax": True, "Airspace opacity": False, "Nodule or mass": True}
    }
    (tmp_path / "other.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(UserError, match="not the panels' table"):
        read_panel(tmp_path / "other.csv.gz")
    (tmp_path / "plain.csv.gz").write_text("a,b\n")
    with pytest.raises(UserError, match="cannot be read"):
        read_panel(tmp_path / "plain.csv.gz")


def test_the_command_line_ends_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    rows, panel = [["file", "source", "patient", "labels", "view"]], []
    kinds = ("Pneumothorax", "Edema", "Mass", "No Finding")
    for number in range(200):
        rows.append([f"{number:03}.jpg", "nih", f"p{number}", kinds[number % 4], ("AP", "PA")[number % 2]])
        answers = dict(zip(ADJUDICATED, ("YES", "NO", "NO") if number % 4 == 0 else ("NO", "NO", "NO"), strict=True))
        panel.append({"Image Index": f"{number:03}.png", "Fracture": "NO", **answers})
    with (tmp_path / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)

    class Embedded:
        def __init__(self, some) -> None:
            kind = np.array([int(one.path.stem) % 4 for one in some])
            self.vectors = (random.standard_normal((len(some), 8)) + 4 * np.eye(8)[kind]).astype(np.float32)

    monkeypatch.setattr(label_errors, "embed_items", lambda some, *_: Embedded(some))
    path = write_panel(tmp_path / "panel.csv.gz", panel)
    asked = ["--data", str(tmp_path / "manifest.csv"), "--encoder", "any", "--out", str(tmp_path)]
    assert main([*asked, "--relabels", str(path), "--json"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    found = json.loads(last)
    assert [one["share"] for one in found["flipped"]] == [0.05, 0.1, 0.2]
    assert [one["finding"] for one in found["adjudicated"]] == [*ADJUDICATED, "all"]
    assert found["adjudicated"][1]["contradicted"] == 50  # every edema, of which the panel saw nothing
    assert any(line.startswith("| Airspace opacity | 200 |") for line in table)
    assert main(asked) == 0
    assert "contradicted" not in capsys.readouterr().out
    assert main([*asked, "--relabels", str(tmp_path / "none.csv.gz")]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_the_text_has_a_line_a_share() -> None:
    text = to_text(flip(films(), shares=(0.1, 0.2), draws=1), [])
    assert sum(line.startswith("| told apart |") for line in text.splitlines()) == 6
