"""What a project's audits say of all labels of a finding."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, labelling
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.lots import lot_of
from cxr_explorer.project.audits.records import audit_record
from cxr_explorer.project.audits.standing import finding_standing, in_words, set_target, target_of
from cxr_explorer.project.project import Project
from cxr_explorer.project.suggestions import accept
from tests.project.projects import embed_all, new_project

COUNT = 600


@pytest.fixture
def project(tmp_path: Path):
    with new_project(tmp_path, COUNT) as opened:
        embed_all(opened)
        ids = np.arange(1, COUNT + 1)
        for image_id in ids[:20]:
            labelling.label(opened, ids[image_id - 1 : image_id], Judgement("Effusion", Value.PRESENT, "ann", "single"))
        accept(opened, ids[20:220], ids[220:500], "Effusion", "ann")
        yield opened


def stand(project: Project, target: float = 0.985):
    return finding_standing(project, "Effusion", "ann", target)


def audit(project: Project, answers: int | None = None, wrong: int = 0, ids=None, limit: float = 0.05) -> int:
    """An audit of which some images are answered, the first of them with another value than their label."""
    number = conduct.start(project, lot_of(project, "Effusion", "ann", ids), limit, 0.95, seed=3)
    record = audit_record(project, number)
    covered = dict(zip(record.image_ids.tolist(), record.values.tolist(), strict=True))
    for place, image_id in enumerate(record.sample[:answers].tolist()):
        value = Value(covered[image_id] if place >= wrong else 1 - covered[image_id])
        conduct.answer(project, record, image_id, value)
    return number


def test_without_an_audit_only_what_was_read_is_sure(project: Project):
    found = stand(project).standing
    assert (found.labels, found.read, found.never_audited) == (500, 20, 480)
    assert found.right_at_least == pytest.approx(20 / 500)
    assert found.sure == 0


def test_an_audit_counts_and_what_it_looked_at_is_read(project: Project):
    audit(project)
    found = stand(project, 0.93).standing
    fresh = found.looked
    assert 40 < fresh <= 59
    assert found.read == 20 + fresh  # of the sample some had been read
    assert found.never_audited == 0
    assert found.reached


def test_every_look_counts_before_an_audit_has_ended(project: Project):
    shares = [stand(project).standing.right_at_least]
    number = audit(project, 10)
    record = audit_record(project, number)
    shares.append(stand(project).standing.right_at_least)
    for image_id in record.sample[10:40].tolist():
        value = Value(int(record.values[np.searchsorted(record.image_ids, image_id)]))
        conduct.answer(project, record, image_id, value)
        shares.append(stand(project).standing.right_at_least)
    assert shares[1:] == sorted(shares[1:])
    assert shares[-1] > shares[0] + 0.5


def test_an_image_read_before_the_audit_tells_nothing_of_the_others(project: Project):
    number = audit(project)
    sample = audit_record(project, number).sample
    assert (sample <= 20).any()
    assert stand(project).standing.looked == (sample > 20).sum()


def test_errors_are_counted_and_taken_back_with_undo(project: Project):
    audit(project, 30, wrong=2)
    assert stand(project).standing.wrong == 2
    for _ in range(29):
        acts.undo(project)
    assert (stand(project).standing.looked, stand(project).standing.wrong) == (1, 1)


def test_labels_changed_in_bulk_end_what_an_audit_said_of_them(project: Project):
    audit(project)
    labelling.label(project, np.arange(400, 480), Judgement("Effusion", Value.PRESENT, "ann", "lasso"))
    found = stand(project)
    assert (found.stale, found.standing.looked) == (1, 0)


def test_reading_on_one_by_one_does_not(project: Project):
    audit(project)
    looked = stand(project).standing.looked
    unread = next(i for i in range(300, 500) if i not in audit_record(project, 1).sample)
    labelling.label(project, np.array([unread]), Judgement("Effusion", Value.PRESENT, "ann", "single"))
    found = stand(project)
    assert (found.stale, found.standing.looked) == (0, looked)


def test_labels_given_after_the_audit_are_not_covered_by_it(project: Project):
    audit(project)
    accept(project, np.arange(501, 561), np.array([], int), "Effusion", "ann")
    assert stand(project).standing.never_audited == 60


def test_audits_of_parts_add_up(project: Project):
    audit(project, ids=np.arange(21, 221))
    audit(project, ids=np.arange(221, 501))
    found = stand(project).standing
    assert found.never_audited == 0
    assert found.looked > 90


def test_audits_by_patient_are_named_and_not_counted(project: Project):
    project.db.conn.executemany(
        "INSERT INTO metadata VALUES (?, 'patient', ?)", [(i, str(i // 2)) for i in range(1, COUNT)]
    )
    audit(project)
    found = stand(project)
    assert (found.by_patient, found.standing.looked) == (1, 0)


def test_each_finding_has_a_target_of_its_own(project: Project):
    assert target_of(project, "Effusion") == 0.985
    set_target(project, "Effusion", 0.99)
    assert (target_of(project, "Effusion"), target_of(project, "Nodule")) == (0.99, 0.985)


def test_it_is_said_in_words(project: Project):
    found = stand(project)
    assert in_words(found) == (
        f"About {found.standing.more_looks} audit looks to reach 98.5 % if no error turns up. "
        "480 labels given in bulk or accepted are in no audit."
    )
    audit(project, 30, wrong=1)
    words = in_words(stand(project))
    assert words.startswith("95 % sure that at least ")
    assert "0 % sure of the target of 98.5 %" in words
    assert "found 1 wrong" in words
    assert "you can stop" in in_words(stand(project, 0.5))


def test_labels_that_were_all_read_are_said_to_be(tmp_path: Path):
    with new_project(tmp_path, 3) as project:
        assert in_words(stand(project)) == "No labels yet."
        labelling.label(project, np.array([1]), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        assert in_words(stand(project)) == "All 1 labels were read one by one."
