"""Tables as they come: nothing of them is lost, doubled or made up without a word, and no row wins by its place."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.labels.vocabulary import Vocabulary, finding_key, spelled, spellings
from cxr_explorer.tables.cells import is_blank
from cxr_explorer.tables.facts import is_fact_header, read_table, take_facts
from cxr_explorer.tables.imported import ImportedTable
from cxr_explorer.tables.read import read_labels

BLANKS = ["nan", "NaN", "NA", "N/A", "n/a", "null", "NULL", "None", "<NA>", ".", "-", "", " "]


def read(tmp_path: Path, content: str | bytes, *known: str) -> ImportedTable:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_labels(path, known)


def labels(table: ImportedTable) -> list[tuple[str, str, int]]:
    return [(row.file, row.finding, int(row.value)) for row in table.rows]


# --- an open quote ------------------------------------------------------------------------------------------------


def test_an_open_quote_swallows_no_row(tmp_path: Path) -> None:
    table = read(tmp_path, 'Path,Effusion,Report\nf0.png,1,"no change\nf1.png,0,stable\nf2.png,1,ok\n')
    assert labels(table) == [("f0.png", "Effusion", 1), ("f1.png", "Effusion", 0), ("f2.png", "Effusion", 1)]
    assert table.problems[0].startswith("Line 2: a quote is opened and not closed")


def test_an_open_quote_closed_by_another_one_below_swallows_no_row(tmp_path: Path) -> None:
    table = read(tmp_path, 'Image Index,Finding Labels,Note\na,Mass,"left\nb,Hernia,x\nc,Nodule,"right\nd,Edema,\n')
    assert [row.file for row in table.rows] == ["a", "b", "c", "d"]
    assert [problem.split(":")[0] for problem in table.problems] == ["Line 2", "Line 4"]


def test_rows_inside_a_sound_quote_are_told(tmp_path: Path) -> None:
    table = read(tmp_path, 'Image Index,Finding Labels,Note\na,Mass,"left\nb,Hernia,x\nc,Nodule,right"\nd,Edema,\n')
    assert table.problems[0].startswith("Line 2: a quote is opened, and its cell runs on over 2 lines like rows")


def test_a_report_over_several_lines_is_one_cell(tmp_path: Path) -> None:
    table = read(tmp_path, 'Path,Report,Mass\na,"No change.\r\n\r\nStable, small mass.",1\nb,"6"" tube",0\n')
    assert labels(table) == [("a", "Mass", 1), ("b", "Mass", 0)]
    assert table.problems == ()


def test_quotes_in_the_middle_of_a_cell_are_letters(tmp_path: Path) -> None:
    table = read(tmp_path, 'Image Index,Finding Labels\na 6" tube,Mass\n"b "x" y",Mass\nc,Mass\n')
    assert [row.file for row in table.rows][::2] == ['a 6" tube', "c"]
    assert len(table.rows) == 3
    assert [problem.split(":")[0] for problem in table.problems] == ["Line 3"]


def test_a_table_with_an_open_quote_in_every_row_is_read(tmp_path: Path) -> None:
    rows = "".join(f'{row},1,"note\n' for row in range(3000))
    table = read(tmp_path, "Path,Mass,Note\n" + rows)
    assert len(table.rows) == 3000
    assert table.problems[-1].endswith("more problems of the table are not listed.")


def test_facts_are_not_swallowed_either(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('file,view,note\na,PA,"x\nb,AP,y\nc,PA,z\n')
    table = read_table(path)
    assert list(table.column("view")) == ["PA", "AP", "PA"]
    assert "Line 2" in table.problems[0]


# --- contradictions -----------------------------------------------------------------------------------------------


def test_of_two_answers_on_one_image_neither_wins_by_its_place(tmp_path: Path) -> None:
    table = read(tmp_path, "file,finding,value\na,Effusion,present\nb,Mass,1\na,Effusion,absent\n")
    assert labels(table) == [("b", "Mass", 1)]
    assert table.contradicting == 1
    assert table.problems[0].startswith("1 image has rows that contradict each other")
    assert table.problems[1] == "Line 4: Effusion of a is absent, but present in line 2."


def test_no_finding_and_a_finding_contradict_each_other(tmp_path: Path) -> None:
    for rows in ("a,No Finding\na,Pneumonia\n", "a,Pneumonia\na,No Finding\n", "a,No Finding|Pneumonia\n"):
        table = read(tmp_path, "Image Index,Finding Labels\n" + rows + "b,Mass\nc,No Finding\n")
        assert labels(table) == [("b", "Mass", 1), ("c", "No Finding", 1)]
        assert table.contradicting == 1
        assert "a has" in table.problems[1] and "No Finding" in table.problems[1]


def test_a_tube_is_no_disease(tmp_path: Path) -> None:
    table = read(tmp_path, "Path,No Finding,Support Devices,Edema\na,1,1,\nb,1,,-1\nc,1,1,1\n")
    assert [label for label in labels(table) if label[0] != "c"] == [
        *(("a", "No Finding", 1), ("a", "Support Devices", 1)),
        *(("b", "No Finding", 1), ("b", "Edema", -1)),
    ]
    assert [label for label in labels(table) if label[0] == "c"] == [("c", "Support Devices", 1)]
    assert table.contradicting == 1


def test_what_contradicts_is_what_the_vocabulary_says(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Path,No Finding,Mass,Bacterial,Viral\na,1,1,,\nb,,,1,1\n")
    own = Vocabulary("Own", ("No Finding", "Mass", "Bacterial", "Viral"), {"Bacterial": ("Viral",)})
    table = read_labels(path, own.findings, own)
    assert labels(table) == [("a", "No Finding", 1), ("a", "Mass", 1)]
    assert table.contradicting == 1


def test_where_each_row_is_a_judgement_of_its_own_such_labels_are_told_and_kept(tmp_path: Path) -> None:
    rows = "a,No Finding,1,ann\na,Mass,1,ann\nb,No Finding,1,ann\nb,Mass,1,bob\nc,No Finding,1,ann\nc,Mass,0,ann\n"
    table = read(tmp_path, "file,finding,value,reader\n" + rows)
    assert len(table.rows) == 6
    assert table.contradicting == 0
    assert table.problems == (
        "1 image has findings present that exclude each other; both are kept: look at these images.",
        "Line 3: a has Mass, but No Finding in line 2.",
    )


def test_the_later_of_two_answers_of_one_reader_stands_wherever_it_is(tmp_path: Path) -> None:
    header, early, late = "file,finding,value,reader,time\n", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    for rows in (f"a,Mass,1,ann,{early}\na,Mass,0,ann,{late}\n", f"a,Mass,0,ann,{late}\na,Mass,1,ann,{early}\n"):
        table = read(tmp_path, header + rows)
        assert labels(table) == [("a", "Mass", 0)]
        assert table.contradicting == 0 and "the later one counts" in table.problems[0]


def test_readers_may_differ(tmp_path: Path) -> None:
    table = read(tmp_path, "file,finding,value,reader\na,Mass,1,ann\na,Mass,0,bob\na,Mass,1,\n")
    assert len(table.rows) == 3 and table.contradicting == 0


def test_the_same_said_twice_is_said_once(tmp_path: Path) -> None:
    table = read(tmp_path, "file,finding,value\na,Mass,1\na,mass,present\nb,Mass,0\n")
    assert labels(table) == [("a", "Mass", 1), ("b", "Mass", 0)]
    assert table.problems == ()


# --- columns that are no findings ---------------------------------------------------------------------------------


def test_coded_columns_do_not_become_findings(tmp_path: Path) -> None:
    header = "Path,index,Unnamed: 0,Sex,Age,Frontal/Lateral,AP/PA,View Position,fold,split,patient_id,Effusion\n"
    table = read(
        tmp_path, header + "a,0,0,1,1,1,0,1,0,1,0,1.0\nb,1,1,0,0,1,0,1,1,0,1,0.0\nc,0,1,1,1,1,1,1,0,0,1,-1.0\n"
    )
    assert table.findings == ("Effusion",)
    assert labels(table) == [("a", "Effusion", 1), ("b", "Effusion", 0), ("c", "Effusion", -1)]
    assert [problem.split("'")[1] for problem in table.problems] == header.strip().split(",")[1:-1]


@pytest.mark.parametrize(
    "header", ["Sex", "gender", "PATIENT AGE", "ap/pa", "Frontal/Lateral", "k_fold", "Unnamed: 3", "Id"]
)
def test_what_is_known_to_be_no_finding(header: str) -> None:
    assert is_fact_header(header)


@pytest.mark.parametrize("header", ["Effusion", "No Finding", "Support Devices", "COVID-19", "Lung Opacity", "Mass"])
def test_findings_are_no_facts(header: str) -> None:
    assert not is_fact_header(header)


def test_columns_of_no_known_vocabulary_are_named(tmp_path: Path) -> None:
    table = read(tmp_path, "Path,Edema,smoker,Own Finding\na,1,0,1\n", "Own finding")
    assert table.findings == ("Edema", "smoker", "Own finding")
    assert table.new_findings == ("smoker",)


# --- blanks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", BLANKS)
def test_what_programs_write_for_nothing_is_blank(tmp_path: Path, blank: str) -> None:
    assert is_blank(blank)
    table = read(tmp_path, f"Path,Effusion,Edema\na,{blank},1.0\nb,{blank},{blank}\nc,1.0,{blank}\nd,{blank},0.0\n")
    assert labels(table) == [("a", "Edema", 1), ("c", "Effusion", 1), ("d", "Edema", 0)]
    assert table.problems == () and table.findings == ("Effusion", "Edema")
    table = read(tmp_path, f"Image Index,Finding Labels\na,{blank}\nb,Mass\n")
    assert labels(table) == [("b", "Mass", 1)] and table.problems == ()


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_is_no_fact(tmp_path: Path, blank: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"file,sex,age,ward,patient\na,M,58,ICU,1\nb,{blank},{blank},{blank},{blank}\n")
    mapping = {name: name for name in ("sex", "age", "ward", "patient")}
    for fact in take_facts(read_table(path), mapping, "file", {"a": "a", "b": "b"}):
        assert list(fact.values) == ["a"] and not fact.odd


# --- spellings ----------------------------------------------------------------------------------------------------

THICKENING = ["Pleural_Thickening", "Pleural Thickening", "pleural thickening", "pleural-thickening",
              " PLEURAL  THICKENING ", "Pléural Thickening", "pleural\N{NON-BREAKING HYPHEN}thickening"]  # fmt: skip


@pytest.mark.parametrize("spelling", THICKENING)
def test_spellings_of_one_finding_are_one(tmp_path: Path, spelling: str) -> None:
    table = read(tmp_path, f"Image Index,Finding Labels\na,{spelling}\nb,Pleural_Thickening\n")
    assert labels(table) == [("a", "Pleural_Thickening", 1), ("b", "Pleural_Thickening", 1)]
    assert table.findings == ("Pleural_Thickening",)
    assert read(tmp_path, f"file,finding,value\na,{spelling},1\n").findings == ("Pleural_Thickening",)
    assert read(tmp_path, f"Path,{spelling}\na,1\n").findings == ("Pleural_Thickening",)


def test_what_the_project_calls_a_finding_comes_first(tmp_path: Path) -> None:
    content = "Image Index,Finding Labels\na,Pleural_Thickening|opacité\n"
    assert read(tmp_path, content, "Pleural thickening", "Opacite").findings == ("Pleural thickening", "Opacite")


def test_a_finding_nobody_knows_keeps_its_first_spelling(tmp_path: Path) -> None:
    table = read(tmp_path, "Image Index,Finding Labels\na,Rib-fracture\nb,rib fracture|Rib_Fracture\n")
    assert labels(table) == [("a", "Rib-fracture", 1), ("b", "Rib-fracture", 1)]


def test_names_that_differ_in_a_sign_at_their_end_are_two() -> None:
    assert len({finding_key(name) for name in ("COVID", "COVID+", "COVID-", "+", "-", "_")}) == 6


def test_of_two_known_spellings_the_one_that_is_written_is_meant() -> None:
    known = spellings(["Pleural_Thickening", "Pleural Thickening"])
    assert spelled("Pleural Thickening", known) == "Pleural Thickening"
    assert spelled("pleural-thickening", known) == "Pleural_Thickening"
    assert spelled("Mass", known) is None


def test_two_columns_of_one_finding_are_told_and_both_read(tmp_path: Path) -> None:
    table = read(tmp_path, "Path,Pleural_Thickening,Pleural Thickening\na,1,\nb,,0\nc,1,0\n")
    assert labels(table) == [("a", "Pleural_Thickening", 1), ("b", "Pleural_Thickening", 0)]
    assert "occurs twice" in table.problems[0] and table.contradicting == 1


# --- encodings, numbers, damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig"])
def test_encodings_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    table = read(tmp_path, "Image Index,Finding Labels\né.png,Mass\nb.png,Edema\n".encode(encoding))
    assert labels(table) == [("é.png", "Mass", 1), ("b.png", "Edema", 1)]
    assert table.problems == ()


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1", 1), ("1.0", 1), ("+1", 1), (" 1 ", 1), ("0", 0), ("0.0", 0), ("-0.0", 0), ("-1", -1), ("-1.0", -1),
     ("True", 1), ("FALSE", 0), ("Present", 1), ("uncertain", -1), ("'-1", -1)],
)  # fmt: skip
def test_values_in_any_writing(tmp_path: Path, cell: str, value: int) -> None:
    assert labels(read(tmp_path, f"file,finding,value\na,Mass,{cell}\n")) == [("a", "Mass", value)]
    assert labels(read(tmp_path, f"Path,Mass\na,{cell}\n")) == [("a", "Mass", value)]


@pytest.mark.parametrize(("cell", "value"), [("1,0", 1), ("-1,0", -1), ("0,0", 0)])
def test_decimal_commas(tmp_path: Path, cell: str, value: int) -> None:
    assert labels(read(tmp_path, f"Path;Mass\na;{cell}\n")) == [("a", "Mass", value)]


@pytest.mark.parametrize("cell", ["2", "0.5", "inf", "1e400", "yes", "present?", "1 0", "٠x"])
def test_what_is_no_value_is_told_with_its_line(tmp_path: Path, cell: str) -> None:
    table = read(tmp_path, f"file,finding,value\na,Mass,{cell}\nb,Mass,1\n")
    assert labels(table) == [("b", "Mass", 1)]
    assert table.problems[0].startswith("Line 2: the value")


def test_a_cell_beyond_all_measure_costs_its_row_alone(tmp_path: Path) -> None:
    for cell in ('"' + "x" * 200_000, '"' + "x" * 200_000 + '"', "x" * 200_000):
        table = read(tmp_path, f"file,finding,value\na,Mass,{cell}\nb,Mass,1\n")
        assert labels(table) == [("b", "Mass", 1)]
        assert table.problems[0].startswith("Line 2")


def test_a_file_without_lines_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no table of rows"):
        read(tmp_path, b"file,finding,value\n" + b"x" * (5 << 20))


def test_zeros_of_a_crash_are_told(tmp_path: Path) -> None:
    table = read(tmp_path, b"file,finding,value\na,Mass,1\n" + b"\0" * 4096)
    assert labels(table) == [("a", "Mass", 1)]
    assert table.problems[0].startswith("Line 3: it holds zero bytes")


def test_a_header_alone_and_ragged_rows(tmp_path: Path) -> None:
    assert labels(read(tmp_path, "file,finding,value\n")) == []
    table = read(tmp_path, "Path,Mass,Edema\na,1\nb,0,1,7,8\n,1,1\nc\n")
    assert labels(table) == [("a", "Mass", 1), ("b", "Mass", 0), ("b", "Edema", 1)]
    assert table.problems == ("Line 4: no image is named.",)
    assert table.files == ("a", "b", "c")


def test_a_needed_column_that_occurs_twice_is_told(tmp_path: Path) -> None:
    table = read(tmp_path, "file,finding,value,value\na,Mass,1,0\n")
    assert table.problems == ("Line 1: 2 columns are called 'value'; the first of them is read.",)


@pytest.mark.parametrize("number", ["99999999999999999999", "1.5", "x"])
def test_a_number_that_no_project_can_hold_is_left_out(tmp_path: Path, number: str) -> None:
    table = read(tmp_path, f"file,finding,value,cluster\na,Mass,1,{number}\n")
    assert table.rows[0].cluster is None and "whole number" in table.problems[0]


def test_a_gzipped_table_is_read_as_it_is(tmp_path: Path) -> None:
    content = "Path,Mass\n" + "".join(f"{row},1\n" for row in range(5000))
    assert len(read(tmp_path, gzip.compress(content.encode())).rows) == 5000


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Image Index,Finding Labels,Age", "{0:08d}.png,Effusion|Mass,58"),
        ("Path,Sex,Effusion,Mass,Edema", "train/patient{0:06d}/study1/view1.jpg,Male,1.0,,-1.0"),
        ("file,finding,value,reader,time,how", "ward/{0:07d}.dcm,Mass,present,ann,2026-01-01T{1:02d}:00:09Z,single"),
    ],
)
def test_a_table_is_kept_in_little_more_than_the_letters_of_its_file_names(
    tmp_path: Path, header: str, row: str
) -> None:
    rows = 2000
    content = header + "\n" + "".join(row.format(number, number % 24) + "\n" for number in range(rows))
    table = read(tmp_path, content)
    assert len(table.rows) >= rows
    # A list of labels takes 500 bytes a row and more; what is kept goes to another process as it lies in memory.
    assert len(pickle.dumps((table.rows, table.files))) < 120 * rows
