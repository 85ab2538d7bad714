"""Audits of labels: fixed before anybody looks, answered by undoable acts, and honest about what became of them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, exporting, label_columns, labelling
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.bounds import bounds_by_cluster, label_bounds, outcome_text, stale_text, state_word
from cxr_explorer.project.audits.lots import draw, earlier_among, earlier_audits, lot_of, part_of, plan_lot
from cxr_explorer.project.audits.records import Audit, audit_record, audit_records
from cxr_explorer.project.project import Ids, Project
from tests.project.projects import embed_all, files, new_project

READER, FINDING = "ana", "Effusion"


def labelled_project(tmp_path: Path, count: int = 100, value: Value = Value.PRESENT) -> Project:
    project = new_project(tmp_path, count)
    embed_all(project)
    labelling.label(project, np.arange(1, count + 1), Judgement(FINDING, value, READER, "cluster", 3, 1))
    return project


def begin(project: Project, ids: Ids | None = None, limit: float = 0.1, tolerated: int = 0, seed: int = 7) -> Audit:
    chosen = lot_of(project, FINDING, READER, ids)
    return audit_record(project, conduct.start(project, chosen, limit, 0.95, tolerated, seed))


def read(project: Project, audit: Audit, wrong: int = 0, upto: int | None = None) -> Audit:
    """Answers the sample; the first `wrong` images turn out to be absent."""
    for place, image_id in enumerate(audit.sample[:upto].tolist()):
        conduct.answer(project, audit, image_id, Value.ABSENT if place < wrong else Value.PRESENT)
    return audit_record(project, audit.audit_id)


def value_of(project: Project, image_id: int) -> Value | None:
    found = label_columns.labels_of_images(project, [image_id], READER).get(image_id, [])
    return dict(found).get(FINDING)


def test_the_sample_is_drawn_and_stored_before_anybody_looks(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = begin(project)
        path = project.path
        assert (audit.state, audit.answered, audit.errors, audit.bound) == ("open", 0, 0, None)
        assert len(audit.sample) == audit.plan.sample == len(set(audit.sample.tolist()))
        assert set(audit.sample.tolist()) < set(audit.image_ids.tolist())
        assert audit.seed == 7
    with Project.open(path) as project:
        again = audit_record(project, audit.audit_id)
        np.testing.assert_array_equal(again.sample, audit.sample)
        np.testing.assert_array_equal(again.values, np.ones(100))
        assert again.plan == audit.plan


def test_the_stored_seed_draws_the_same_sample_and_another_one_another(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        first = begin(project)
        chosen = lot_of(project, FINDING, READER)
        np.testing.assert_array_equal(draw(chosen, first.plan, first.seed), first.sample)
        assert draw(chosen, first.plan, 8).tolist() != first.sample.tolist()


def test_every_image_of_the_lot_is_drawn_equally_often(tmp_path: Path) -> None:
    with labelled_project(tmp_path, 20) as project:
        chosen = lot_of(project, FINDING, READER)
        made = plan_lot(chosen, 0.2, 0.8)
        drawn = np.concatenate([draw(chosen, made, seed) for seed in range(2000)])
        counts = np.bincount(drawn, minlength=21)[1:]
        expected = 2000 * made.sample / 20
        assert abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_without_an_error_it_passes_and_the_bound_is_within_the_limit(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = read(project, begin(project))
        assert audit.state == "passed"
        assert audit.bound is not None and 0 < audit.bound <= 0.1
        assert outcome_text(audit) == "passed: error ≤ 10 % (95 %)"


def test_an_error_too_many_fails_at_once_and_its_correction_is_kept(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = read(project, begin(project), wrong=1, upto=3)
        assert (audit.state, audit.errors, audit.bound) == ("failed", 1, None)
        assert value_of(project, int(audit.sample[0])) == Value.ABSENT
        audit = read(project, audit, wrong=1)
        assert audit.state == "failed"
        assert audit.bound is not None and audit.bound > 0.1


def test_uncertain_counts_as_wrong_where_the_label_says_present(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = begin(project)
        conduct.answer(project, audit, int(audit.sample[0]), Value.UNCERTAIN)
        assert audit_record(project, audit.audit_id).errors == 1


def test_tolerated_errors_pass_and_are_corrected(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = read(project, begin(project, tolerated=2), wrong=2)
        assert (audit.state, audit.errors) == ("passed", 2)
        assert audit.bound is not None and audit.bound <= 0.08  # ten of a hundred at most, two of them mended


def test_a_lot_read_to_the_last_label_has_no_error_left(tmp_path: Path) -> None:
    with labelled_project(tmp_path, 8) as project:
        audit = read(project, begin(project, limit=0.05), wrong=2)
        assert audit.in_full
        assert (audit.state, audit.bound) == ("passed", 0)
        assert outcome_text(audit) == "passed: every label was read, 2 corrected"


def test_an_answer_is_one_act_that_labels_the_image_and_undo_takes_back_both(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = begin(project)
        image = int(audit.sample[0])
        before = list(exporting.label_rows(project))
        change = conduct.answer(project, audit, image, Value.ABSENT)
        assert change is not None and change.labels and change.states == {"audit"}
        row = next(row for row in exporting.label_rows(project) if row.how == "audit")
        assert (row.value, row.reader) == (Value.ABSENT, READER)
        acts.undo(project)
        assert list(exporting.label_rows(project)) == before
        assert audit_record(project, audit.audit_id).answered == 0
        acts.redo(project)
        assert audit_record(project, audit.audit_id).answers == {image: Value.ABSENT}


def test_an_agreeing_answer_makes_the_label_one_that_was_looked_at(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = begin(project)
        conduct.answer(project, audit, int(audit.sample[0]), Value.PRESENT)
        assert [row.how for row in exporting.label_rows(project)].count("audit") == 1
        assert conduct.answer(project, audit, int(audit.sample[0]), Value.PRESENT) is None


def test_undo_after_the_end_opens_the_audit_again(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = read(project, begin(project))
        acts.undo(project)
        audit = audit_record(project, audit.audit_id)
        assert (audit.state, audit.bound) == ("open", None)
        conduct.answer(project, audit, int(audit.sample[-1]), Value.ABSENT)
        assert audit_record(project, audit.audit_id).state == "failed"


def test_what_is_not_in_the_sample_cannot_be_answered(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = begin(project)
        other = next(iter(set(audit.image_ids.tolist()) - set(audit.sample.tolist())))
        with pytest.raises(ValueError, match="not in the sample"):
            conduct.answer(project, audit, other, Value.PRESENT)


def test_the_same_images_are_not_audited_twice_at_a_time(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        begin(project)
        with pytest.raises(UserError, match="is open"):
            begin(project)
        with pytest.raises(UserError, match="is open"):
            begin(project, np.arange(1, 90))


def test_an_abandoned_audit_stays_on_record_and_counts(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        first = read(project, begin(project), upto=2)
        conduct.abandon(project, first)
        assert audit_record(project, first.audit_id).state == "abandoned"
        second = begin(project, seed=8)
        assert second.earlier == (first.audit_id,)
        assert len(audit_records(project)) == 2
        with pytest.raises(UserError, match="is open"):
            begin(project)


def test_giving_up_after_an_error_too_many_does_not_hide_the_failure(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = read(project, begin(project), wrong=1, upto=1)
        conduct.abandon(project, audit)
        assert audit_record(project, audit.audit_id).state == "failed"


def test_a_repeated_audit_says_so_and_claims_less(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        first = read(project, begin(project), wrong=1, upto=1)
        second = read(project, begin(project, seed=8))
        assert second.earlier == (first.audit_id,)
        assert second.confidence == pytest.approx(0.9)
        assert outcome_text(second).endswith("(90 % over 2 audits of these images)")


def test_other_images_or_another_finding_are_no_repetition(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        begin(project, np.arange(1, 51))
        assert begin(project, np.arange(51, 101)).earlier == ()
        assert begin(project, np.arange(26, 76)).earlier == ()
        labelling.label(project, np.arange(1, 51), Judgement("Nodule", Value.ABSENT, READER, "cluster"))
        chosen = lot_of(project, "Nodule", READER)
        assert earlier_audits(project, chosen) == []


def test_lots_of_many_clusters_find_their_earlier_audits_in_one_go(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        begin(project, np.arange(1, 51))
        begin(project, np.arange(61, 101))
        whole = lot_of(project, FINDING, READER)
        lots = [
            part_of(whole, "a", np.arange(1, 46)),
            part_of(whole, "b", np.arange(46, 71)),
            part_of(whole, "c", np.arange(71, 200)),
        ]
        assert [len(lot.image_ids) for lot in lots] == [45, 25, 30]
        known = audit_records(project)
        together = [[audit.audit_id for audit in found] for found in earlier_among(known, lots)]
        assert together == [[1], [], [2]]
        assert together == [[audit.audit_id for audit in earlier_audits(project, lot)] for lot in lots]
        assert earlier_among(known, []) == []


def finished(tmp_path: Path, ids: Ids | None = None) -> tuple[Project, Audit, int]:
    """A passed audit and an image of its lot that nobody read."""
    project = labelled_project(tmp_path)
    audit = read(project, begin(project, ids))
    return project, audit, int(np.setdiff1d(audit.image_ids, audit.sample)[0])


@pytest.mark.parametrize("value", [Value.ABSENT, Value.UNCERTAIN, None])
def test_a_changed_label_makes_the_bound_stale_until_it_is_undone(tmp_path: Path, value: Value | None) -> None:
    project, audit, unread = finished(tmp_path)
    with project:
        labelling.label(project, np.array([unread]), Judgement(FINDING, value, READER, "single"))
        audit = audit_record(project, audit.audit_id)
        assert (audit.changed, state_word(audit)) == (1, "stale")
        assert stale_text(audit) == "1 of its labels changed since"
        acts.undo(project)
        assert not audit_record(project, audit.audit_id).stale


def test_the_audits_own_corrections_do_not_make_it_stale_but_reverting_one_does(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = read(project, begin(project, tolerated=1), wrong=1)
        assert not audit.stale
        labelling.label(project, audit.sample[:1], Judgement(FINDING, Value.PRESENT, READER, "single"))
        assert audit_record(project, audit.audit_id).changed == 1


def test_a_correction_by_another_random_audit_does_not_make_it_stale(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        small = read(project, begin(project, np.arange(1, 31)))
        pool = begin(project, tolerated=3)
        image = next(i for i in pool.sample.tolist() if i <= 30 and i not in small.sample)
        conduct.answer(project, pool, image, Value.ABSENT)
        assert not audit_record(project, small.audit_id).stale
        labelling.label(project, np.array([image]), Judgement(FINDING, Value.UNCERTAIN, READER, "single"))
        assert audit_record(project, small.audit_id).changed == 1


def test_labels_of_other_findings_readers_and_images_do_not_touch_it(tmp_path: Path) -> None:
    project, audit, _ = finished(tmp_path, np.arange(1, 61))
    with project:
        labelling.label(project, np.arange(1, 101), Judgement("Nodule", Value.PRESENT, READER, "cluster"))
        labelling.label(project, np.arange(1, 101), Judgement(FINDING, Value.ABSENT, "ben", "cluster"))
        labelling.label(project, np.arange(61, 101), Judgement(FINDING, Value.ABSENT, READER, "cluster"))
        assert not audit_record(project, audit.audit_id).stale


def test_images_that_are_set_aside_gone_or_replaced_make_it_stale(tmp_path: Path) -> None:
    project, audit, unread = finished(tmp_path)
    with project:
        labelling.exclude(project, np.array([unread]), True, READER)
        assert audit_record(project, audit.audit_id).left == 1
        acts.undo(project)
        names = [f"{number:02}.png" for number in range(100)]
        project.update_files([], files(*names[:-1]))
        assert audit_record(project, audit.audit_id).left == 1
        project.update_files([], files(*names))
        assert not audit_record(project, audit.audit_id).stale
        project.update_files(files(names[5], size=11), files(*names[:5], *names[6:]))
        assert audit_record(project, audit.audit_id).left == 1


def test_new_labels_make_an_audit_of_all_labels_stale_but_not_one_of_a_cluster(tmp_path: Path) -> None:
    with new_project(tmp_path, 90) as project:
        embed_all(project)
        labelling.label(project, np.arange(1, 81), Judgement(FINDING, Value.PRESENT, READER, "cluster"))
        whole = read(project, begin(project))
        part = read(project, begin(project, np.arange(1, 31)))
        labelling.label(project, np.arange(81, 84), Judgement(FINDING, Value.ABSENT, READER, "cluster"))
        assert (audit_record(project, whole.audit_id).entered, state_word(audit_record(project, whole.audit_id))) == (
            3,
            "stale",
        )
        assert not audit_record(project, part.audit_id).stale


def test_excluded_and_missing_images_are_not_in_a_lot(tmp_path: Path) -> None:
    with labelled_project(tmp_path, 10) as project:
        labelling.exclude(project, np.array([3]), True, READER)
        project.update_files([], files(*(f"{number:02}.png" for number in range(9))))
        assert lot_of(project, FINDING, READER).image_ids.tolist() == [1, 2, 4, 5, 6, 7, 8, 9]


def test_a_lot_can_be_of_one_value(tmp_path: Path) -> None:
    with labelled_project(tmp_path, 10) as project:
        labelling.label(project, np.array([2, 3]), Judgement(FINDING, Value.ABSENT, READER, "single"))
        assert lot_of(project, FINDING, READER, value=Value.ABSENT).image_ids.tolist() == [2, 3]
        assert lot_of(project, FINDING, READER, np.array([3, 4])).values.tolist() == [0, 1]


def know_patients(project: Project, patients: list[int]) -> None:
    with project.db.atomic():
        project.db.conn.executemany(
            "INSERT INTO metadata VALUES (?, 'patient', ?)",
            [(image_id, str(patient)) for image_id, patient in enumerate(patients, 1)],
        )


def test_of_each_patient_one_image_is_drawn(tmp_path: Path) -> None:
    with labelled_project(tmp_path, 120) as project:
        patients = [number // 3 for number in range(90)]  # 30 patients of three images; the other 30 are not known
        know_patients(project, patients)
        audit = begin(project, limit=0.15)
        assert (audit.plan.unit, audit.plan.units) == ("patient", 60)
        drawn = [patients[image - 1] for image in audit.sample.tolist() if image <= 90]
        assert len(drawn) == len(set(drawn)) > 0
        audit = read(project, audit)
        assert audit.bound is not None and 0.1 < audit.bound <= 0.15


def test_every_image_of_a_patient_has_the_same_chance(tmp_path: Path) -> None:
    with labelled_project(tmp_path, 60) as project:
        know_patients(project, [number // 3 for number in range(60)])
        chosen = lot_of(project, FINDING, READER)
        made = plan_lot(chosen, 0.3, 0.8)
        assert made.unit == "patient"
        counts = np.bincount(np.concatenate([draw(chosen, made, seed) for seed in range(3000)]), minlength=61)
        expected = 3000 * made.sample / 60
        assert abs(counts[1:] - expected).max() < 5 * np.sqrt(expected)


def test_with_one_image_a_patient_images_are_drawn(tmp_path: Path) -> None:
    with labelled_project(tmp_path, 100) as project:
        know_patients(project, list(range(100)))
        assert begin(project).plan.unit == "image"


def test_the_repair_queue_holds_what_nobody_read_and_is_no_evidence(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        audit = read(project, begin(project), wrong=1, upto=2)
        queue = conduct.repair_queue(project, audit)
        assert set(queue.tolist()) == set(audit.image_ids.tolist()) - set(audit.sample[:2].tolist())
        for image_id in queue.tolist():
            labelling.label(project, np.array([image_id]), Judgement(FINDING, Value.PRESENT, READER, "single"))
        again = audit_record(project, audit.audit_id)
        assert (again.state, again.answered, again.bound) == ("failed", 2, None)


def test_labels_carry_the_bound_of_the_audit_that_covers_them(tmp_path: Path) -> None:
    project, audit, unread = finished(tmp_path, np.arange(1, 61))
    with project:
        rows = {row.file: row.bound for row in exporting.label_rows(project)}
        assert rows["99.png"] is None
        bound = rows["00.png"]
        assert bound is not None
        assert (bound.audit, bound.error_bound, bound.confidence, bound.state) == (1, audit.bound, 0.95, "valid")
        labelling.label(project, np.array([unread]), Judgement(FINDING, Value.ABSENT, READER, "single"))
        found = label_bounds(project)[FINDING, READER]
        assert unread not in found  # nothing is known of a label given afterwards
        assert {bound.state for bound in found.values()} == {"stale"}


def test_a_failed_audit_is_not_hidden_by_the_audit_of_all_labels(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        part = read(project, begin(project, np.arange(1, 31)), wrong=1, upto=1)
        whole = read(project, begin(project))
        found = label_bounds(project)[FINDING, READER]
        assert (found[2].audit, found[2].state, found[2].error_bound) == (part.audit_id, "failed", None)
        assert (found[40].audit, found[40].state) == (whole.audit_id, "valid")


def test_a_repetition_replaces_the_audit_it_repeats(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        read(project, begin(project), wrong=1, upto=1)
        second = read(project, begin(project, seed=8))
        found = label_bounds(project)[FINDING, READER]
        assert {(bound.audit, bound.state) for bound in found.values()} == {(second.audit_id, "valid")}
        assert found[1].confidence == pytest.approx(0.9)


def test_clusters_are_told_their_own_bound_but_not_that_of_all_labels(tmp_path: Path) -> None:
    with labelled_project(tmp_path) as project:
        ids = np.arange(1, 101)
        clusters = np.repeat([0, 1, -1], [60, 30, 10]).astype(np.int32)

        def badges() -> dict[int, tuple[str, str]]:
            found = bounds_by_cluster(project, ids, clusters, FINDING, READER)
            return {cluster: (bound.state, bound.text) for cluster, bound in found.items()}

        read(project, begin(project))
        assert badges() == {}
        first = begin(project, np.arange(1, 61))
        assert badges() == {0: ("open", f"0/{first.plan.sample}")}
        first = read(project, first)
        read(project, begin(project, np.arange(61, 91)), wrong=1, upto=1)
        assert badges() == {0: ("valid", "≤ 10 %"), 1: ("failed", "failed")}
        clusters[90] = 0  # another cut of the map: one more labelled image in the cluster
        assert badges()[0] == ("stale", "stale")


verb = some.one_of(
    some.tuples(some.just("answer"), some.integers(0, 40), some.sampled_from(list(Value))),
    some.tuples(some.just("label"), some.integers(1, 30), some.sampled_from([*Value, None])),
    some.tuples(some.just("undo"), some.just(0), some.just(None)),
    some.tuples(some.just("redo"), some.just(0), some.just(None)),
    some.tuples(some.just("abandon"), some.just(0), some.just(None)),
)


@given(verbs=some.lists(verb, max_size=25))
@settings(deadline=None, max_examples=20)
def test_undoing_everything_leaves_the_audit_as_it_began(
    tmp_path_factory: pytest.TempPathFactory, verbs: list[tuple[str, int, Value | None]]
) -> None:
    with labelled_project(tmp_path_factory.mktemp("audit"), 30) as project:
        audit = begin(project)
        rows = list(exporting.label_rows(project))
        for word, number, value in verbs:
            if word == "answer" and value is not None:
                conduct.answer(project, audit, int(audit.sample[number % len(audit.sample)]), value)
            elif word == "label":
                labelling.label(project, np.array([number]), Judgement(FINDING, value, READER, "single"))
            elif word == "undo" and acts.undo_text(project) != f"{FINDING} = present on 30 images":
                acts.undo(project)
            elif word == "redo":
                acts.redo(project)
            elif word == "abandon":
                conduct.abandon(project, audit)
        while acts.undo_text(project) != f"{FINDING} = present on 30 images":
            acts.undo(project)
        again = audit_record(project, audit.audit_id)
        assert (again.state, again.answered, again.stale) == ("open", 0, False)
        assert list(exporting.label_rows(project)) == rows
