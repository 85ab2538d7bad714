"""One answer out of several readers', and the names that are no readers."""

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.labels.consensus import agree_on
from cxr_explorer.labels.label import How, LabelRow, Value
from cxr_explorer.labels.reader_names import check_reader, ordinary, reread_name

P, A, U = Value.PRESENT, Value.ABSENT, Value.UNCERTAIN


def row(file: str, reader: str, value: Value, how: How = "single", at: str = "2026-01-01T00:00:00Z") -> LabelRow:
    return LabelRow(file, "Effusion", value, reader, at, how, 3, 4)


def test_the_majority_is_more_than_half_of_those_who_answered() -> None:
    found = agree_on(
        [
            *(row("two-one", reader, value) for reader, value in (("ann", P), ("bob", A), ("cat", P))),
            *(row("tie", reader, value) for reader, value in (("ann", P), ("bob", A))),
            *(row("half", reader, value) for reader, value in (("ann", P), ("bob", P), ("cat", A), ("dan", U))),
            row("alone", "ann", A),
        ],
        "majority",
    )
    assert [(label.file, label.value, label.reader) for label in found.rows] == [
        ("two-one", P, "majority"),
        ("alone", A, "majority"),
    ]
    assert found.unresolved == [("tie", "Effusion"), ("half", "Effusion")]
    assert found.one_reader == 1


def test_adjudicated_stands_then_what_all_said_and_the_rest_is_unresolved() -> None:
    found = agree_on(
        [
            *(row("settled", reader, value) for reader, value in (("adjudicated", U), ("ann", P), ("bob", A))),
            *(row("same", reader, P) for reader in ("ann", "bob")),
            *(row("differ", reader, value) for reader, value in (("ann", P), ("bob", A), ("cat", P))),
        ],
        "adjudicated",
    )
    assert [(label.file, label.value, label.reader) for label in found.rows] == [
        ("settled", U, "adjudicated"),
        ("same", P, "unanimous"),
    ]
    assert found.unresolved == [("differ", "Effusion")]
    assert found.one_reader == 0


def test_re_reads_and_majorities_that_came_back_do_not_vote() -> None:
    answers = [row("a", "ann", P), row("a", reread_name("ann"), A), row("a", "majority", A)]
    assert [label.value for label in agree_on(answers, "majority").rows] == [P]
    assert [label.value for label in agree_on(answers, "adjudicated").rows] == [P]
    assert agree_on(answers[1:], "majority").rows == []
    assert agree_on(answers[1:], "majority").unresolved == []


def test_what_stands_for_several_is_dated_by_the_latest_and_says_it_was_brought_together() -> None:
    later = row("a", "bob", P, "cluster", "2026-03-01T00:00:00Z")
    (both,) = agree_on([row("a", "ann", P), later], "majority").rows
    assert (both.at, both.how, both.cluster) == (later.at, "merge", None)
    (alone,) = agree_on([later], "majority").rows
    assert (alone.how, alone.cluster) == ("cluster", 3)


@pytest.mark.parametrize(
    "name", ["adjudicated", " Majority", "UNANIMOUS ", "ann (re-read)", "", "  ", "a\nb", "x" * 61]
)
def test_names_that_are_nobodys_or_unusable_are_refused(name: str) -> None:
    with pytest.raises(UserError):
        check_reader(name)


def test_other_names_are_taken_trimmed() -> None:
    assert check_reader("  Dr. Ann Müller ") == "Dr. Ann Müller"
    assert ordinary(["ann", "adjudicated", "ann (re-read)", "majority", "bob"]) == ["ann", "bob"]
