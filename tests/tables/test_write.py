"""Writing label tables: the three forms, what they leave out, and never half a file."""

from __future__ import annotations

import csv
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import LabelBound, LabelRow, Value
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.write import write_labels

FINDINGS = ("No Finding", "Effusion", "Mass")
NOON, LATER = "2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z"


def row(
    file: str, finding: str, value: Value = Value.PRESENT, *, at: str = NOON, reader: str = "ana", map_id: int = 1
) -> LabelRow:
    return LabelRow(file, finding, value, reader, at, "cluster", 7, map_id)


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_long_has_one_label_a_row_with_its_provenance(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    single = LabelRow("b.png", "Mass", Value.UNCERTAIN, "ben", LATER, "single")
    report = write_labels(out, [row("a/a.png", "Effusion", Value.ABSENT), single], "long", FINDINGS)
    assert cells(out) == [
        [
            *("file", "finding", "value", "reader", "time", "how", "cluster", "map"),
            *("audit", "error_bound", "confidence", "audit_state"),
        ],
        ["a/a.png", "Effusion", "absent", "ana", NOON, "cluster", "7", "1", "", "", "", ""],
        ["b.png", "Mass", "uncertain", "ben", LATER, "single", "", "", "", "", "", ""],
    ]
    assert report == WriteReport(images=2, labels=2)


def test_long_says_what_an_audit_allows_to_be_claimed_and_never_less_than_that(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    valid = LabelBound(3, 0.03121, 0.95, "valid")
    failed = LabelBound(4, None, 0.899999, "failed")
    rows = [replace(row("a.png", "Mass"), bound=valid), replace(row("b.png", "Mass"), bound=failed)]
    write_labels(out, rows, "long", FINDINGS)
    assert [line[8:] for line in cells(out)[1:]] == [["3", "0.0313", "0.95", "valid"], ["4", "", "0.8999", "failed"]]


def test_nih_joins_what_is_present_and_counts_what_it_cannot_say(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    rows = [
        row("a.png", "Mass"),
        row("a.png", "Effusion"),
        row("b.png", "Effusion", Value.ABSENT),
        row("c.png", "No Finding"),
        row("d.png", "Mass", Value.UNCERTAIN),
    ]
    report = write_labels(out, rows, "nih", FINDINGS)
    assert cells(out) == [
        ["Image Index", "Finding Labels"],
        ["a.png", "Effusion|Mass"],
        ["b.png", ""],
        ["c.png", "No Finding"],
        ["d.png", ""],
    ]
    assert report == WriteReport(images=4, labels=3, uncertain=1, absent=1)
    assert report.left_out == 2


def test_a_finding_wins_over_no_finding_and_the_conflict_is_counted(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    report = write_labels(out, [row("a.png", "No Finding"), row("a.png", "Mass")], "nih", FINDINGS)
    assert cells(out)[1] == ["a.png", "Mass"]
    assert report == WriteReport(images=1, labels=1, conflicts=1)


def test_what_is_in_conflict_is_what_the_vocabulary_says(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    rows = [row("a.png", "No Finding"), row("a.png", "Support Devices"), row("b.png", "PA"), row("b.png", "AP")]
    findings = ("No Finding", "Support Devices", "PA", "AP")
    assert write_labels(out, rows, "nih", findings).conflicts == 0
    assert write_labels(out, rows, "nih", findings, {"PA": ("AP",)}).conflicts == 1
    assert cells(out)[1:] == [["a.png", "No Finding|Support Devices"], ["b.png", "AP"]]


def test_chexpert_writes_1_0_minus_1_and_blank(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    rows = [row("a.png", "Mass", Value.UNCERTAIN), row("a.png", "Effusion", Value.ABSENT), row("b.png", "No Finding")]
    report = write_labels(out, rows, "chexpert", FINDINGS)
    assert cells(out) == [["Path", *FINDINGS], ["a.png", "", "0", "-1"], ["b.png", "1", "", ""]]
    assert report == WriteReport(images=2, labels=3)


@pytest.mark.parametrize("order", [1, -1])
def test_the_latest_judgement_stands_whatever_the_order_of_the_rows(tmp_path: Path, order: int) -> None:
    out = tmp_path / "labels.csv"
    rows = [row("a.png", "Mass"), row("a.png", "Mass", Value.ABSENT, at=LATER, reader="ben")][::order]
    report = write_labels(out, rows, "chexpert", FINDINGS)
    assert cells(out)[1] == ["a.png", "", "", "0"]
    assert report.superseded == 1
    assert report.labels == 1


def test_findings_that_were_not_asked_for_are_left_out_and_counted(tmp_path: Path) -> None:
    for format in ("long", "nih", "chexpert"):
        report = write_labels(tmp_path / "o.csv", [row("a.png", "Mass"), row("b.png", "Hernia")], format, ["Mass"])
        assert (report.images, report.labels, report.other_findings) == (1, 1, 1)


def test_images_keep_the_folder_that_tells_them_apart(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    write_labels(out, [row("p1/a.png", "Mass"), row("p2/a.png", "Mass")], "nih", FINDINGS)
    assert [line[0] for line in cells(out)[1:]] == ["p1/a.png", "p2/a.png"]


@pytest.mark.parametrize("name", ["=1+1", "+a", "-a", "@a", "\ta", "\ra", '"=a', "'=a", " =a", "＝a"])
def test_a_cell_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path, name: str) -> None:
    out = tmp_path / "labels.csv"
    write_labels(out, [row(name, "Mass", reader=name)], "long", FINDINGS)
    assert cells(out)[1][0] == "'" + name
    assert cells(out)[1][3] == "'" + name


def test_there_is_no_byte_order_mark(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    write_labels(out, [row("ü.png", "Mass")], "nih", FINDINGS)
    assert out.read_bytes().startswith(b"Image Index")
    assert "ü.png".encode() in out.read_bytes()


def interrupted() -> Iterator[LabelRow]:
    yield row("a.png", "Mass")
    raise RuntimeError("the source broke")


@pytest.mark.parametrize("format", ["long", "nih", "chexpert"])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, format: str) -> None:
    out = tmp_path / "labels.csv"
    out.write_text("old")
    with pytest.raises(RuntimeError):
        write_labels(out, interrupted(), format, FINDINGS)  # type: ignore[arg-type]
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "labels.csv"
    out.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        write_labels(out, [row("a.png", "Mass")], "long", FINDINGS)
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_unwritable_places_are_said(tmp_path: Path) -> None:
    for out in (tmp_path, tmp_path / "absent" / "labels.csv"):
        with pytest.raises(UserError, match="Cannot write"):
            write_labels(out, [], "long", FINDINGS)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write"):
        write_labels(tmp_path / "file" / "labels.csv", [], "long", FINDINGS)


def test_a_name_that_is_no_unicode_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not valid Unicode"):
        write_labels(tmp_path / "labels.csv", [row("a\udce9.png", "Mass")], "long", FINDINGS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")
def test_a_new_table_is_its_owners_alone_an_old_one_keeps_its_permissions_and_a_link_stays_a_link(
    tmp_path: Path,
) -> None:
    out = tmp_path / "labels.csv"
    umask = os.umask(0o022)
    try:
        write_labels(out, [], "long", FINDINGS)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    out.chmod(0o640)
    write_labels(out, [], "long", FINDINGS)
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    link = tmp_path / "link.csv"
    link.symlink_to(out)
    write_labels(link, [row("a.png", "Mass")], "nih", FINDINGS)
    assert link.is_symlink()
    assert cells(out)[1] == ["a.png", "Mass"]
