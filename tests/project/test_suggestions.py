"""A project's answers for a probe, and accepted suggestions."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, label_columns, labelling
from cxr_explorer.project.project import Project
from cxr_explorer.project.suggestions import accept, answers
from tests.project.projects import embed_all, new_project


@pytest.fixture
def project(tmp_path: Path):
    with new_project(tmp_path, 8) as opened:
        embed_all(opened)
        yield opened


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def label(project: Project, image: int, value: Value, how="single", reader="ann", finding="Effusion") -> None:
    labelling.label(project, ids(image), Judgement(finding, value, reader, how))


def labels(project: Project, reader="ann") -> dict[int, int]:
    column = label_columns.label_column(project, "Effusion", reader)
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


def test_a_probe_learns_from_what_the_reader_judged_and_not_from_accepted_suggestions(project: Project):
    label(project, 1, Value.PRESENT)
    label(project, 2, Value.ABSENT, "cluster")
    label(project, 3, Value.UNCERTAIN)
    label(project, 4, Value.PRESENT, reader="bob")
    label(project, 5, Value.PRESENT, finding="Nodule")
    accept(project, ids(6), ids(), "Effusion", "ann")
    labelling.exclude(project, ids(7), True, "ann")
    given = answers(project, "Effusion", "ann")
    assert given.image_ids.tolist() == [1, 2]
    assert given.present.tolist() == [True, False]
    assert given.settled.tolist() == [1, 2, 3, 6, 7]
    assert (given.read, given.accepted) == (2, 1)


def test_accepting_is_one_act_and_one_undo(project: Project):
    change = accept(project, ids(1, 2), ids(3, 4, 5), "Effusion", "ann")
    assert change is not None
    assert change.text == "Accepted Effusion on 5 images: 2 present, 3 absent, as suggested"
    assert labels(project) == {1: 1, 2: 1, 3: 0, 4: 0, 5: 0}
    acts.undo(project)
    assert labels(project) == {}
    acts.redo(project)
    assert len(labels(project)) == 5


def test_a_readers_label_is_never_overwritten_whatever_its_value(project: Project):
    label(project, 1, Value.ABSENT)
    label(project, 2, Value.UNCERTAIN)
    label(project, 3, Value.PRESENT, "cluster")
    labelling.exclude(project, ids(4), True, "ann")
    accept(project, ids(1, 2, 5), ids(3, 4, 6), "Effusion", "ann")
    assert labels(project) == {1: 0, 2: -1, 3: 1, 5: 1, 6: 0}
    assert "2 images" in (acts.undo_text(project) or "")


def test_another_readers_label_is_no_hindrance(project: Project):
    label(project, 1, Value.ABSENT, reader="bob")
    accept(project, ids(1), ids(), "Effusion", "ann")
    assert labels(project) == {1: 1}
    assert labels(project, "bob") == {1: 0}


def test_nothing_to_accept_is_no_act(project: Project):
    label(project, 1, Value.ABSENT)
    before = acts.undo_text(project)
    assert accept(project, ids(1), ids(), "Effusion", "ann") is None
    assert acts.undo_text(project) == before


steps = some.lists(
    some.one_of(
        some.tuples(some.just("label"), some.integers(1, 8), some.sampled_from(list(Value))),
        some.tuples(some.just("accept"), some.sets(some.integers(1, 8)), some.sets(some.integers(1, 8))),
        some.tuples(some.just("undo")),
        some.tuples(some.just("redo")),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_any_sequence_of_labels_acceptances_and_undo_leaves_what_a_plain_history_would(tmp_path_factory, sequence):
    with new_project(tmp_path_factory.mktemp("sequence"), 8) as project:
        history: list[dict[int, int]] = [{}]
        place = 0
        for kind, *what in sequence:
            now = dict(history[place])
            if kind == "undo":
                acts.undo(project)
                place = max(place - 1, 0)
            elif kind == "redo":
                acts.redo(project)
                place = min(place + 1, len(history) - 1)
            else:
                if kind == "label":
                    label(project, *what)
                    now[what[0]] = int(what[1])
                else:
                    present, absent = what[0], what[1] - what[0]
                    accept(project, ids(*present), ids(*absent), "Effusion", "ann")
                    now = {**dict.fromkeys(absent, 0), **dict.fromkeys(present, 1), **now}
                if now != history[place]:
                    history = [*history[: place + 1], now]
                    place += 1
            assert labels(project) == history[place]
