"""Reading label tables: three forms told apart, slips listed, and what was written comes back."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import AuditState, How, LabelBound, LabelRow, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies, finding_key, is_no_finding, objection_to
from cxr_explorer.tables.facts import is_fact_header
from cxr_explorer.tables.imported import ImportedLabel, ImportedTable
from cxr_explorer.tables.read import read_labels
from cxr_explorer.tables.write import write_labels

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "labels" / "Data_Entry_2017_v2020.csv.gz"


def read(tmp_path: Path, content: str | bytes) -> ImportedTable:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_labels(path)


def labels(table: ImportedTable) -> list[tuple[str, str, int]]:
    return [(row.file, row.finding, int(row.value)) for row in table.rows]


def test_nih_gives_present_for_what_is_listed_and_nothing_for_the_rest(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        "Image Index,Finding Labels,Follow-up #,Patient ID\r\n"
        "1.png,Cardiomegaly|Emphysema,0,1\r\n2.png,No Finding,0,2\r\n3.png,,0,3\r\n",
    )
    assert table.format == "nih"
    assert labels(table) == [("1.png", "Cardiomegaly", 1), ("1.png", "Emphysema", 1), ("2.png", "No Finding", 1)]
    assert table.findings == ("Cardiomegaly", "Emphysema", "No Finding")
    assert table.files == ("1.png", "2.png", "3.png")
    assert table.problems == ()


def test_chexpert_reads_float_cells_and_leaves_age_sex_and_view_alone(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Fracture\n"
        "t/p1/a.jpg,Female,68,Frontal,AP,1.0,,\nt/p2/b.jpg,Male,1,Lateral,,,-1.0,0.0\n",
    )
    assert table.format == "chexpert"
    assert table.findings == ("No Finding", "Edema", "Fracture")
    assert labels(table) == [
        ("t/p1/a.jpg", "No Finding", 1),
        ("t/p2/b.jpg", "Edema", -1),
        ("t/p2/b.jpg", "Fracture", 0),
    ]
    assert table.problems == ()


def test_long_needs_only_three_columns_and_takes_words_and_numbers(tmp_path: Path) -> None:
    table = read(tmp_path, "Value,FILE,Finding\nPresent,a.png,Mass\n-1,b.png,mass\n0.0,c.png, Edema \n")
    assert table.format == "long"
    assert labels(table) == [("a.png", "Mass", 1), ("b.png", "Mass", -1), ("c.png", "Edema", 0)]
    assert table.rows[0] == ImportedLabel("a.png", "Mass", Value.PRESENT, line=2)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiter_encoding_and_line_ends_are_found_out(
    tmp_path: Path, delimiter: str, encoding: str, end: str
) -> None:
    lines = ["image_index|FINDING LABELS |x", "é.png|Mass|1"]
    table = read(tmp_path, end.join(lines).replace("|", delimiter).encode(encoding))
    assert labels(table) == [("é.png", "Mass", 1)]
    assert table.problems == ()


def test_latin_1_is_read_and_said(tmp_path: Path) -> None:
    table = read(tmp_path, "file,finding,value\né.png,Mass,1\n".encode("latin-1"))
    assert labels(table) == [("é.png", "Mass", 1)]
    assert "Latin-1" in table.problems[0]


def test_the_hint_and_the_blank_lines_of_spreadsheets_are_skipped(tmp_path: Path) -> None:
    table = read(tmp_path, "sep=;\r\n\r\nPath;Mass\r\na.png;1,0\r\n;\r\n")
    assert labels(table) == [("a.png", "Mass", 1)]
    assert table.rows[0].line == 4
    assert table.problems == ()


def test_slips_are_listed_with_their_line_and_the_rest_is_read(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        "file,finding,value,time,how,cluster\n"
        '"a\nb.png",Mass,yes,,,\n'
        "c.png,Mass,1,yesterday,magic,many\n"
        ",Mass,1,,,\n"
        "d.png,Mass|Nodule,1,,,\n"
        "e.png,Mass\n"
        "f.png,Mass,1,2026-01-31T14:05:09+02:00,Lasso,3.0\n",
    )
    assert [problem.split(":")[0] for problem in table.problems] == [
        *("Line 2", "Line 4", "Line 4", "Line 4", "Line 5", "Line 6", "Line 7")
    ]
    assert labels(table) == [("c.png", "Mass", 1), ("f.png", "Mass", 1)]
    last = table.rows[-1]
    assert (last.line, last.at, last.how, last.cluster) == (8, "2026-01-31T12:05:09Z", "lasso", 3)


def test_chexpert_slips_and_foreign_columns_are_said(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        "Path,Mass,Edema,mass,Remark,Weight\na.png,1,x,0,good,70\nb.png,0,0,0,,71\nc.png,2,-1,0,odd,1\nd.png\n",
    )
    assert table.findings == ("Mass", "Edema")
    assert labels(table) == [("b.png", "Mass", 0), ("b.png", "Edema", 0), ("c.png", "Edema", -1), ("c.png", "Mass", 0)]
    assert table.problems == (
        "Line 1: the finding 'mass' occurs twice, the other column is 'Mass'; both are read, and what they say "
        "differently is left out.",
        "Line 1: the column 'Remark' is ignored: its cells are not 1, 0, -1 or blank.",
        "Line 1: the column 'Weight' is ignored: its cells are not 1, 0, -1 or blank.",
        "Line 2: Edema is 'x', none of 1, 0, -1 or blank.",
        "Line 4: Mass is '2', none of 1, 0, -1 or blank.",
        "1 image has rows that contradict each other; what they say of these findings is left out until the table says "
        "one thing.",
        "Line 2: Mass of a.png is absent, but present in line 2.",
    )


def test_a_row_that_ends_early_is_said(tmp_path: Path) -> None:
    table = read(tmp_path, "Image Index,Finding Labels\n1.png\n2.png,Mass\n")
    assert labels(table) == [("2.png", "Mass", 1)]
    assert table.problems == ("Line 2: the row ends before the columns it needs.",)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "Image Index, Finding Labels"),
        (b"name,diagnosis\na,b\n", "file, finding, value"),
        (b"Path\na.png\n", "Path, <one column a finding>"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\x1f\x8bbroken", "damaged"),
        (gzip.compress(b"Path,Mass\n" * 99, mtime=0)[:-9], "damaged"),
        (bytes(range(256)), "headers"),
    ],
)
def test_what_is_no_label_table_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read(tmp_path, content)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(UserError, match="Cannot read"):
            read_labels(path)


# --- what was written comes back -------------------------------------------------------------------------------------

DANGEROUS = st.sampled_from(
    ["=1+1", "+a", "-1", "@x", "'", "''", "'=a", '"=a', "\t=", "＝x", "'\"-", ";", ",", '"', "\n"]
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = st.builds(lambda start, rest: start + rest, st.one_of(DANGEROUS, st.just("")), TEXT)
FILES = NAMES.filter(lambda name: name.strip() != "")
FINDING_NAMES = NAMES.map(str.strip).filter(
    lambda name: objection_to(name) is None and not is_fact_header(name) and not is_no_finding(name)
)
VOCABULARIES = st.lists(FINDING_NAMES, min_size=1, max_size=4, unique_by=finding_key)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(
    lambda time: time.isoformat(timespec="seconds") + "Z"
)
BOUNDS = st.builds(
    LabelBound, st.integers(1, 10**6), st.integers(0, 10_000).map(lambda n: n / 10_000),
    st.integers(0, 100).map(lambda n: n / 100), st.sampled_from(get_args(AuditState)),
)  # fmt: skip
NUMBERS = st.none() | st.integers(0, 10**9)
ROUND_TRIP = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@st.composite
def judgements(draw: st.DrawFn) -> tuple[list[str], list[LabelRow]]:
    findings = draw(VOCABULARIES)
    row = st.builds(
        LabelRow, FILES, st.sampled_from(findings), st.sampled_from(Value), NAMES, TIMES,
        st.sampled_from(get_args(How)), NUMBERS, NUMBERS, st.none() | BOUNDS,
    )  # fmt: skip
    return findings, draw(st.lists(row, max_size=6, unique_by=lambda label: (label.file, label.finding)))


def as_written(row: ImportedLabel) -> LabelRow:
    assert row.at is not None
    assert row.how is not None
    return LabelRow(
        row.file, row.finding, row.value, row.reader or "", row.at, row.how, row.cluster, row.map_id, row.bound
    )


def looks_like_rows(rows: list[LabelRow]) -> bool:
    """Whether a file's name runs on over lines with commas: it comes back whole, and that it looks odd is told."""
    return any("," in line for row in rows for line in row.file.splitlines()[1:])


@ROUND_TRIP
@given(judgements())
def test_long_comes_back_as_it_was(tmp_path: Path, judged: tuple[list[str], list[LabelRow]]) -> None:
    findings, rows = judged
    write_labels(tmp_path / "t.csv", rows, "long", findings)
    table = read_labels(tmp_path / "t.csv", findings)
    assert [as_written(row) for row in table.rows] == rows
    assert table.problems == ()


@ROUND_TRIP
@given(judgements())
def test_chexpert_comes_back_as_it_was(tmp_path: Path, judged: tuple[list[str], list[LabelRow]]) -> None:
    findings, rows = judged
    write_labels(tmp_path / "t.csv", rows, "chexpert", findings)
    table = read_labels(tmp_path / "t.csv", findings)
    assert sorted(labels(table)) == sorted((row.file, row.finding, int(row.value)) for row in rows)
    assert table.findings == tuple(findings)
    assert table.problems == () or looks_like_rows(rows)


@ROUND_TRIP
@given(judgements())
def test_nih_brings_back_what_is_present(tmp_path: Path, judged: tuple[list[str], list[LabelRow]]) -> None:
    findings, rows = judged
    write_labels(tmp_path / "t.csv", rows, "nih", findings)
    table = read_labels(tmp_path / "t.csv", findings)
    assert sorted(labels(table)) == sorted((row.file, row.finding, 1) for row in rows if row.value is Value.PRESENT)
    assert table.problems == () or looks_like_rows(rows)


def test_a_table_from_before_the_audits_is_read_and_half_a_bound_is_not(tmp_path: Path) -> None:
    assert read(tmp_path, "file,finding,value\na,Mass,1\n").rows[0].bound is None
    header = "file,finding,value,audit,error_bound,confidence,audit_state\n"
    table = read(tmp_path, header + "a,Mass,1,3,0.02,0.95,valid\nb,Mass,1,4,,0.9,failed\nc,Mass,1,5,,0.95,valid\n")
    assert [row.bound for row in table.rows] == [
        LabelBound(3, 0.02, 0.95, "valid"),
        LabelBound(4, None, 0.9, "failed"),
        None,
    ]
    assert table.problems == ("Line 4: what it says of an audit is not complete; label kept without.",)


def test_times_of_other_zones_become_utc(tmp_path: Path) -> None:
    table = read(tmp_path, "file,finding,value,time\na,Mass,1,2026-01-31T23:00:00-05:00\n")
    assert table.rows[0].at == datetime(2026, 2, 1, 4, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.skipif(not DATA.exists(), reason="the NIH table (../shared/data/labels) is not on this machine")
def test_the_whole_nih_table_is_read() -> None:
    table = read_labels(DATA)
    assert len(table.files) == 112_120
    assert table.problems == ()
    assert set(table.findings) == set(bundled_vocabularies()[0].findings)
    assert sum(row.finding == "No Finding" for row in table.rows) == 60_361
