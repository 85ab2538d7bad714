"""The truth of a data set as a table."""

import csv
from pathlib import Path

from training.truth import main


def test_labels_become_columns_and_a_detail_counts_for_its_label(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    rows = [
        ("a/1.jpg", "a", "p1", "Normal", "AP"),
        ("a/2.jpg", "a", "p2", "Pneumonia (viral)", "AP"),
        ("a/3.jpg", "a", "p3", "Pneumonia (bacterial)", "PA"),
        ("a/4.jpg", "a", "p4", "", "PA"),
        ("b/5.jpg", "b", "p5", "Mass", "PA"),
    ]
    for row in rows:
        (tmp_path / row[0]).parent.mkdir(exist_ok=True)
        (tmp_path / row[0]).touch()
    with manifest.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [("file", "source", "patient", "labels", "view", "age", "sex"), *((*row, "", "") for row in rows)]
        )
    out = tmp_path / "truth.csv"
    assert main(["--data", str(manifest), "--source", "a", "--out", str(out)]) == 0
    with out.open(newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [row["file"] for row in found] == ["1.jpg", "2.jpg", "3.jpg"]
    assert [row["Pneumonia"] for row in found] == ["0", "1", "1"]
    assert [row["Pneumonia (viral)"] for row in found] == ["0", "1", "0"]
    assert [row["view AP"] for row in found] == ["1", "1", "0"]


def test_an_unknown_source_is_said(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "1.jpg").touch()
    assert main(["--data", str(tmp_path), "--source", "x", "--out", str(tmp_path / "t.csv")]) == 1
    assert "x" in capsys.readouterr().err
