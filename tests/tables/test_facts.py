"""A table's columns become facts of images, and never say who or when."""

from pathlib import Path

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.tables.facts import (
    MOST_VALUES,
    Table,
    describe_columns,
    looks_like_date,
    propose_file_column,
    read_table,
    take_facts,
)


def table(header: str, *rows: str) -> Table:
    return Table(tuple(header.split(",")), tuple(tuple(row.split(",")) for row in rows))


def same(*files: str) -> dict[str, str]:
    return {file: file for file in files}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_any_columns_is_read_whatever_divides_them(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(delimiter.join(("Image", "View Position", "Ward")) + "\n" + delimiter.join(("a.png", "AP", "3")))
    assert read_table(path) == Table(("Image", "View Position", "Ward"), (("a.png", "AP", "3"),))


def test_short_rows_are_filled_and_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("file,age,age,\na.png,3\n\nb.png,4,5,6,7\n")
    read = read_table(path)
    assert read.header == ("file", "age", "age'", "column 4")
    assert read.rows == (("a.png", "3", "", ""), ("b.png", "4", "5", "6"))


def test_a_file_without_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("hello\nworld\n")
    with pytest.raises(UserError, match="two columns"):
        read_table(path)


def test_headers_decide_what_is_proposed_and_all_else_is_left_out() -> None:
    read = table(
        "Image Index,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,StudyDate",
        "a.png,0,00001,058Y,M,PA,20130405",
    )
    assert propose_file_column(read) == "Image Index"
    assert {column.name: column.proposal for column in describe_columns(read)} == {
        "Image Index": "",
        "Follow-up #": "",
        "Patient ID": "patient",
        "Patient Age": "age",
        "Patient Gender": "sex",
        "View Position": "view",
        "StudyDate": "",
    }


def test_what_names_patients_or_dates_is_not_even_shown_as_an_example() -> None:
    read = table("file,PatientName,PatientID,seen", "a,Doe,123,2013-04-05", "b,Roe,124,2014-04-05")
    shown = {column.name: column.examples for column in describe_columns(read)}
    assert shown["PatientName"] == shown["PatientID"] == shown["seen"] == ()
    assert [column.reason for column in describe_columns(read) if column.name == "seen"] == ["dates are not taken"]


@pytest.mark.parametrize(
    "text",
    ["2013-04-05", "2013/4/5", "05.04.2013", "4/5/13", "20130405", "20130405123000", "5 Apr 2013", "on 2013-04-05 AP"],
)
def test_dates_of_all_usual_forms_are_known(text: str) -> None:
    assert looks_like_date(text)


@pytest.mark.parametrize("text", ["AP", "58", "058Y", "00012345", "3.5", "12-13", "Siemens Mobilett 2", "1024x1024"])
def test_other_cells_are_no_dates(text: str) -> None:
    assert not looks_like_date(text)


def test_views_sexes_and_ages_come_in_one_form() -> None:
    read = table(
        "file,v,s,a",
        "1,ap,male,058Y",
        "2,Posteroanterior,F,18 months",
        "3,Lateral,Unknown,93",
        "4,l,w,58.0",
        "5,PA,,-4",
        "6,PA,x,414",
    )
    view, sex, age = take_facts(read, {"view": "v", "sex": "s", "age": "a"}, "file", same(*"123456"))
    assert list(view.values.values()) == ["AP", "PA", "LATERAL", "LATERAL", "PA", "PA"]
    assert sex.values == {"1": "M", "2": "F", "4": "F"} and sex.odd == 2
    assert age.values == {"1": "58", "2": "1", "3": "90+", "4": "58"} and age.odd == 2


def test_of_patients_only_numbers_are_kept() -> None:
    read = table("file,who", "a,Doe^John", "b,Roe^Jane", "c,Doe^John")
    (patient,) = take_facts(read, {"patient": "who"}, "file", same("a", "b", "c"))
    assert patient.values == {"a": "1", "b": "2", "c": "1"}
    assert "Doe" not in repr(patient)


def test_dates_are_not_taken_even_when_mapped() -> None:
    read = table("file,ward", "a,ICU", "b,2013-04-05", "c,ICU")
    (ward,) = take_facts(read, {"ward": "ward"}, "file", same("a", "b", "c"))
    assert ward.values == {"a": "ICU", "c": "ICU"} and ward.dates == 1


def test_a_free_column_that_describes_single_images_is_refused() -> None:
    files = [f"{number}.png" for number in range(MOST_VALUES + 1)]
    read = table("file,note", *(f"{file},note {file}" for file in files))
    with pytest.raises(UserError, match="single images"):
        take_facts(read, {"note": "note"}, "file", same(*files))


def test_rows_that_contradict_each_other_say_nothing() -> None:
    read = table("file,v", "a,AP", "a,PA", "b,AP", "b,AP")
    (view,) = take_facts(read, {"view": "v"}, "file", same("a", "b"))
    assert view.values == {"b": "AP"} and view.conflicting == 1


def test_a_patient_that_rows_disagree_on_is_not_known() -> None:
    read = table("file,p", "a,1", "a,2", "b,1")
    (patient,) = take_facts(read, {"patient": "p"}, "file", same("a", "b"))
    assert patient.values == {"b": "1"}


def test_files_the_project_does_not_know_are_left_out() -> None:
    read = table("file,v", "x/a.png,AP", "b.png,PA")
    (view,) = take_facts(read, {"view": "v"}, "file", {"x/a.png": "a.png"})
    assert view.values == {"a.png": "AP"}


@pytest.mark.parametrize("fact", ["folder", "cluster", "", "_x", "a" * 41, "<b>"])
def test_names_that_mean_something_else_or_nothing_are_refused(fact: str) -> None:
    with pytest.raises(UserError, match="Choose another name"):
        take_facts(table("file,v", "a,AP"), {fact: "v"}, "file", same("a"))


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UserError, match="no column 'View'"):
        take_facts(table("file,v", "a,AP"), {"view": "View"}, "file", same("a"))
