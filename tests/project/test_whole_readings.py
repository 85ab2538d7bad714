"""Several findings answered in one act."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import NO_FINDING, Vocabulary, bundled_vocabularies
from cxr_explorer.project import acts, labelling
from cxr_explorer.project.label_columns import finding_counts, labels_of_images, ways
from cxr_explorer.project.project import Project
from cxr_explorer.project.whole_readings import answers_text, label_answers, label_rest_absent, normal_answers
from tests.ui.windows import make_project

READER = "reader 1"
SAID = Judgement("", None, READER, "cluster", 0, 1)
IDS = np.arange(1, 6, dtype=np.int64)


@pytest.fixture
def project(tmp_path: Path):
    with Project.open(make_project(tmp_path)) as opened:
        yield opened


def answers_of(project: Project, image_id: int) -> dict[str, Value]:
    return dict(labels_of_images(project, [image_id], READER).get(image_id, []))


def test_a_normal_image_has_every_other_finding_absent() -> None:
    vocabulary = bundled_vocabularies()[0]
    answers = normal_answers(vocabulary)
    assert answers.pop(NO_FINDING) is Value.PRESENT
    assert set(answers) == set(vocabulary.findings) - {NO_FINDING}
    assert set(answers.values()) == {Value.ABSENT}


def test_a_normal_image_says_nothing_of_support_devices() -> None:
    answers = normal_answers(Vocabulary("mine", (NO_FINDING, "Effusion", "Support Devices")))
    assert answers == {NO_FINDING: Value.PRESENT, "Effusion": Value.ABSENT}


def test_without_no_finding_a_normal_image_has_all_absent() -> None:
    assert normal_answers(Vocabulary("mine", ("Effusion", "Mass"))) == dict.fromkeys(("Effusion", "Mass"), Value.ABSENT)


def test_answers_to_several_findings_are_one_act_and_one_undo(project: Project) -> None:
    labelling.exclude(project, IDS[:1], True, READER)
    change = label_answers(project, IDS, {"Effusion": Value.PRESENT, "Mass": Value.ABSENT}, SAID)
    assert change is not None and change.labels
    assert change.text == "Effusion = present, Mass = absent on 4 images"
    counts = finding_counts(project, IDS, READER)
    assert counts == {"Effusion": {Value.PRESENT: 4}, "Mass": {Value.ABSENT: 4}}
    assert ways(project, IDS, "Mass", READER)[0][:3] == ("cluster", 0, 4)
    acts.undo(project)
    assert finding_counts(project, IDS, READER) == {}
    assert label_answers(project, IDS[:1], {"Mass": Value.ABSENT}, SAID) is None  # excluded


def test_what_is_not_read_becomes_absent_and_what_is_read_stays(project: Project) -> None:
    vocabulary = project.vocabulary
    labelling.label(project, IDS[:1], Judgement("Effusion", Value.PRESENT, READER, "single"))
    labelling.label(project, IDS[1:2], Judgement("Effusion", Value.UNCERTAIN, READER, "single"))
    change = label_rest_absent(project, IDS[:2], vocabulary, SAID)
    assert change is not None and change.text == "What was not read = absent on 2 images"
    first, second = answers_of(project, 1), answers_of(project, 2)
    assert first["Effusion"] is Value.PRESENT and second["Effusion"] is Value.UNCERTAIN
    assert first[NO_FINDING] is Value.ABSENT  # an effusion is there
    assert NO_FINDING not in second  # nothing is present for sure: nobody said that it is normal
    others = set(vocabulary.findings) - {NO_FINDING, "Effusion"}
    assert all(first[name] is second[name] is Value.ABSENT for name in others)
    assert label_rest_absent(project, IDS[:2], vocabulary, SAID) is None


def test_many_answers_are_counted_in_words() -> None:
    assert answers_text({"Mass": Value.PRESENT}) == "Mass = present"
    many = {"A": Value.PRESENT, "B": Value.ABSENT, "C": Value.ABSENT, "D": Value.ABSENT}
    assert answers_text(many) == "4 findings (1 present, 3 absent)"
