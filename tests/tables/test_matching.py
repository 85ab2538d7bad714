"""Matching the files of a table to those of a project: helpful, but never a guess between two."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.tables.matching import Matching, match_files, match_images
from cxr_explorer.tables.texts import Texts


def test_the_same_path_comes_first() -> None:
    assert match_files(["a/x.png"], ["b/a/x.png", "a/x.png", "x.png"]).matched == {"a/x.png": "a/x.png"}


@pytest.mark.parametrize(
    ("table", "project"),
    [
        ("x.png", "deep/folder/x.png"),
        ("CheXpert-v1.0/train/p1/s1/v.jpg", "p1/s1/v.jpg"),
        ("A\\X.PNG", "a/x.png"),
        ("./a/x.png", "a/x.png"),
        ("/mnt/a/x.png", "a/x.png"),
        (" x.png ", "x.png"),
        ("old/x.png", "new/x.png"),
        ("x.png", "a/x.jpg"),
        ("x", "x.dcm"),
        ("1.2.840.10", "1.2.840.10.dcm"),
        ("old/x.png", "new/x.dcm"),
        (unicodedata.normalize("NFD", "Größe.png"), unicodedata.normalize("NFC", "GRÖSSE.png")),
    ],
)
def test_other_spellings_of_the_one_image_are_found(table: str, project: str) -> None:
    assert match_files([table], [project, "other.png"]).matched == {table: project}


def test_folder_names_match_whole() -> None:
    assert match_files(["ab/x.png", "y.png"], ["b/z/x1.png", "xy.png"]) == Matching({}, ("ab/x.png", "y.png"), {})


def test_a_uid_is_not_cut_at_its_last_dot() -> None:
    assert match_files(["1.2.3"], ["1.2.4.dcm", "1.2.dcm"]).unmatched == ("1.2.3",)


def test_two_candidates_are_ambiguous() -> None:
    assert match_files(["x.png"], ["a/x.png", "b/x.png"]).ambiguous == {"x.png": ("a/x.png", "b/x.png")}


def test_most_agreement_decides() -> None:
    assert match_files(["d/p1/x.png"], ["x.png", "p1/x.png"]).matched == {"d/p1/x.png": "p1/x.png"}


def test_two_claims_to_one_image_are_ambiguous() -> None:
    matching = match_files(["a/x.png", "b/x.png"], ["x.png"])
    assert matching.matched == {}
    assert matching.ambiguous == {"a/x.png": ("x.png",), "b/x.png": ("x.png",)}


def test_a_weaker_claim_to_a_matched_image_is_ambiguous() -> None:
    matching = match_files(["x.png", "x.jpg"], ["x.png"])
    assert matching.matched == {"x.png": "x.png"}
    assert matching.ambiguous == {"x.jpg": ("x.png",)}


def test_a_name_many_folders_of_the_table_share_never_matches_another_folder() -> None:
    matching = match_files(["p1/view1.jpg", "p2/view1.jpg"], ["p7/view1.jpg"])
    assert matching.unmatched == ("p1/view1.jpg", "p2/view1.jpg")


PATHS = st.lists(st.sampled_from(["a", "b", "A", "x.png", "x.jpg", "X"]), min_size=1, max_size=3).map("/".join)


@given(st.lists(PATHS, max_size=8), st.lists(PATHS, max_size=8))
def test_every_file_has_one_outcome_and_no_image_two_owners(table: list[str], project: list[str]) -> None:
    matching = match_files(table, project)
    outcomes = [*matching.matched, *matching.unmatched, *matching.ambiguous]
    assert sorted(outcomes) == sorted(set(table))
    spellings = {(image, file.lower()) for file, image in matching.matched.items()}
    assert len(spellings) == len(set(matching.matched.values()))  # two owners are one path, spelt in two ways
    assert set(matching.matched.values()) <= set(project)
    assert all(matching.matched[file] == file for file in set(table) & set(project))


@pytest.mark.parametrize("folder", ["images_{:02d}/{:08d}.jpg", "p{1:06d}/s{0}/view1.png"])
def test_the_work_grows_with_the_files_and_no_faster(folder: str) -> None:
    """Counted in calls, not seconds: what is slow at 112,120 files calls more for each of 4,000 than of 1,000."""

    def calls(files: int) -> int:
        project = [folder.format(number % 12, number) for number in range(files)]
        table = ["CheXpert/train/" + file.replace(".jpg", ".png") for file in project]
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            matched = match_files(table, project).matched
        finally:
            sys.setprofile(before)
        assert len(matched) == files
        return counted

    assert calls(4000) < 4.4 * calls(1000)


def test_images_of_another_project_are_the_same_when_their_bytes_are_whatever_their_name() -> None:
    found = match_images({"old/7.png": "aa", "x.png": "bb"}, {"x.png": "aa", "y.png": "cc"})
    assert found.by_content == {"old/7.png": "x.png"}
    assert found.ambiguous == {"x.png": ("x.png",)}  # the name says x.png, which is another image of theirs


def test_the_same_name_with_other_bytes_is_not_taken_for_the_same_image() -> None:
    found = match_images({"x.png": "aa", "y.png": None}, {"x.png": "bb", "y.png": "cc"})
    assert (found.by_content, found.by_name, found.other_content) == ({}, {"y.png": "y.png"}, {"x.png": "x.png"})


def test_of_copies_the_one_of_that_name_is_meant_or_none() -> None:
    found = match_images({"a.png": "aa", "c.png": "aa"}, {"a.png": "aa", "b.png": "aa"})
    assert found.by_content == {"a.png": "a.png"}
    assert found.ambiguous == {"c.png": ("a.png", "b.png")}


def test_every_image_of_theirs_has_one_outcome() -> None:
    theirs = {"a.png": "1", "b.png": "2", "c.png": None, "d/e.png": None, "zz.png": None, "f.png": "3"}
    ours = {"b.png": "1", "x/c.png": "4", "y/c.png": "5", "e.png": None, "f.png": "9"}
    found = match_images(theirs, ours)
    outcomes = [
        *found.by_content,
        *found.by_name,
        *found.other_content,
        *found.unmatched,
        *found.ambiguous,
    ]
    assert sorted(outcomes) == sorted(theirs)
    assert found.unmatched == ("zz.png",)


def test_spellings_of_one_path_are_one_file_and_need_no_choice() -> None:
    matching = match_files(["a/x.png", "./A/X.PNG", "a\\x.png", "b/y.png"], ["a/x.png"])
    assert matching.matched == dict.fromkeys(["a/x.png", "./A/X.PNG", "a\\x.png"], "a/x.png")
    assert matching.unmatched == ("b/y.png",)
    assert match_files(["./A.png", "a.png"], ["sub/a.png"]).matched == {"./A.png": "sub/a.png", "a.png": "sub/a.png"}


def test_where_the_project_tells_capitals_apart_the_spelling_must_be_right() -> None:
    matching = match_files(["X.png", "x.png", "X.PNG"], ["X.png", "x.png"])
    assert matching.matched == {"X.png": "X.png", "x.png": "x.png"}
    assert matching.ambiguous == {"X.PNG": ("X.png", "x.png")}


def test_a_table_in_little_memory_is_matched_like_a_list() -> None:
    files = ["p1/view1.jpg", "elsewhere.png", "view2.jpg", "p2/view1.jpg", "x.jpg", "x.png"]
    project = ["q/p1/view1.jpg", "view2.png", "x.dcm"]
    expected = match_files(files, project)
    assert match_files(Texts(files), project) == expected
    assert list(expected.unmatched) == ["elsewhere.png", "p2/view1.jpg"]
