"""A patient's films: which they are, in which order they are hung, and in which words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.encoder.embed import Batch, Embedded
from cxr_explorer.images.dicom_patient import Visit
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.project import Project
from cxr_explorer.search.patient_films import MOST_FILMS, Film, PatientFilms, films_of, hang

ENCODER = default_encoder()


def make(home: Path, patients: list[str], name: str = "a.cxr") -> Project:
    """A project of one image a patient named, "" for nobody."""
    home.mkdir(exist_ok=True)
    project = Project.create(home / name, home, bundled_vocabularies()[0])
    project.update_files([ScannedFile(f"{number:04}.dcm", 1, 1) for number in range(len(patients))], [])
    vector = np.ones(ENCODER.dimension, np.float32)
    items = [
        Embedded(number, vector, b"jpeg", f"d{number}", 20, 30, {"view": "PA"}, (), patient)
        for number, patient in enumerate(patients, 1)
    ]
    project.store_batch(ENCODER, Batch(tuple(items), ()))
    return project


def test_films_with_equal_marks_may_be_one_patients(tmp_path: Path) -> None:
    with make(tmp_path, ["aa", "bb", "aa", "", "", "aa"]) as project:
        films = PatientFilms(project)
        assert films.others(1) == [3, 6] and films.others(3) == [1, 6]
        assert films.others(2) == films.others(4) == films.others(99) == []


def test_a_mark_is_short_and_of_its_project_alone_and_no_fact(tmp_path: Path) -> None:
    patient = "0123456789abcdef" * 2
    with make(tmp_path, [patient]) as one, make(tmp_path, [patient], "b.cxr") as other:
        stored = [project.db.execute("SELECT facts FROM images").fetchone()[0] for project in (one, other)]
        assert stored[0] != stored[1]
        assert all(len(text) < 60 and patient[:9] not in text for text in stored)
        assert one.facts()[1] == {"view": "PA", "folder": "(top)"} and one.image(1).facts == {"view": "PA"}


def test_a_table_goes_before_the_marks_and_films_that_are_away_are_left_out(tmp_path: Path) -> None:
    with make(tmp_path, ["aa", "aa", "aa", ""]) as project:
        with project.db.atomic():
            project.db.conn.executemany("INSERT INTO metadata VALUES (?, 'patient', '1')", [(1,), (4,)])
        films = PatientFilms(project)
        assert films.others(1) == [4] and films.others(2) == [3]
        assert films.is_told(1) and not films.is_told(2)
        with project.db.atomic():
            project.db.execute("UPDATE images SET missing = 1 WHERE id = 4")
        assert PatientFilms(project).others(1) == []


def test_a_number_that_all_films_have_is_nobodys(tmp_path: Path) -> None:
    with make(tmp_path, ["aa"] * (MOST_FILMS + 1)) as project:
        assert PatientFilms(project).others(1) == []


def test_what_a_table_says_of_view_and_study_is_known_of_a_film(tmp_path: Path) -> None:
    with make(tmp_path, ["aa", "aa"]) as project:
        with project.db.atomic():
            project.db.conn.executemany("INSERT INTO metadata VALUES (2, ?, ?)", [("study", "7"), ("view", "LATERAL")])
        assert films_of(project, [1, 2], [Visit(), Visit()]) == [Film(1, "PA"), Film(2, "LATERAL", "7")]


def film(image_id: int, view: str = "PA", date: str = "", study: str = "", time: str = "") -> Film:
    return Film(image_id, view, "", Visit("aa", study, date, time))


def test_the_lateral_of_the_study_comes_first_then_earlier_films_newest_first() -> None:
    shown = film(1, "PA", "20190314", "1.2")
    others = [
        film(2, "PA", "20200101", "1.5"),
        film(3, "PA", "20180314", "1.3"),
        film(4, "AP", "20190306", "1.4"),
        film(5, "PA", "20190314", "1.2"),
        film(6, "LATERAL", "20190314", "1.2"),
        film(7, ""),
    ]
    assert [(one.image_id, relation) for one, relation in hang(shown, others)] == [
        (6, "lateral, same study"),
        (4, "earlier, 2019-03 (8 days)"),
        (3, "earlier, 2018-03"),
        (5, "PA, same study"),
        (2, "later, 2020-01"),
        (7, "other film of this patient, order unknown"),
    ]


def test_beside_a_lateral_its_frontal_film_comes_first() -> None:
    found = hang(film(1, "LL", "20190314", "1.2"), [film(2, "RL", "", "1.2"), film(3, "PA", "", "1.2")])
    assert [one.image_id for one, _ in found] == [3, 2]


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [("0900", "0800", "earlier the same day"), ("0900", "1000", "later the same day"), ("0900", "", "same day")],
)
def test_of_one_day_the_time_tells_the_order_where_it_is_known(own: str, other: str, said: str) -> None:
    shown = film(1, "PA", "20190314", "1.2", own)
    assert hang(shown, [film(2, "PA", "20190314", "1.3", other)])[0][1] == said


def test_a_day_that_no_calendar_has_is_still_in_order() -> None:
    assert hang(film(1, date="20190301"), [film(2, date="20190231")])[0][1] == "earlier, 2019-02 (28 days)"


def test_a_tables_study_numbers_tell_the_study_where_headers_do_not() -> None:
    shown, lateral = Film(1, "PA", "7"), Film(2, "LATERAL", "7")
    assert hang(shown, [Film(3, "PA", "8"), lateral])[0] == (lateral, "lateral, same study")
