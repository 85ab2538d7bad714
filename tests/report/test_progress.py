"""Progress: what counts as looked at, as a decision, and as time."""

from pathlib import Path
from typing import get_args

import numpy as np

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.labels.label import IN_BULK, ONE_BY_ONE, How, Judgement, LabelRow, Value
from cxr_explorer.project.acts import undo
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.lots import lot_of
from cxr_explorer.project.audits.records import audit_records
from cxr_explorer.project.importing import import_labels
from cxr_explorer.project.labelling import exclude, label
from cxr_explorer.project.looks import record_looks
from cxr_explorer.project.project import Project
from cxr_explorer.report.progress import FindingCounts, count_finding, count_work
from tests.project.projects import ENCODER, embed_all, new_project

IDS = np.array


def project_of(tmp_path: Path, count: int = 20) -> Project:
    project = new_project(tmp_path, count)
    embed_all(project)
    return project


def set_times(project: Project, *seconds: int) -> None:
    """The times of the acts, in order, after noon."""
    with project.db.atomic():
        ids = [row[0] for row in project.db.execute("SELECT id FROM acts ORDER BY id")]
        for act, second in zip(ids, seconds, strict=True):
            at = f"2026-01-31T12:{second // 60:02}:{second % 60:02}Z"
            project.db.execute("UPDATE acts SET at = ? WHERE id = ?", [at, act])


def test_nothing_done_counts_as_nothing(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        work = count_work(project, "ann")
        assert (work.images, work.labelled, work.looked_at, work.judgements, work.decisions) == (20, 0, 0, 0, 0)
        assert (work.unread, work.active_s, work.findings, work.clusters) == (0, 0, (), ())


def test_a_bulk_label_is_one_decision_for_all_its_images_and_no_look(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        label(project, np.arange(1, 13), Judgement("Effusion", Value.ABSENT, "ann", "cluster"))
        label(project, IDS([3]), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        work = count_work(project, "ann")
        assert (work.labelled, work.looked_at, work.judgements, work.decisions, work.unread) == (12, 1, 12, 2, 11)
        (effusion,) = work.findings
        assert (effusion.present, effusion.absent, effusion.one_by_one, effusion.decisions) == (1, 11, 1, 2)


def test_a_finding_is_counted_by_what_was_read_accepted_and_is_left(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        embedded, vectors = project.embeddings(ENCODER.key)
        count = len(embedded)
        flat = np.zeros(count, np.float32)
        groups = np.zeros(count, np.int32)
        project.store_map(ENCODER, {}, embedded, BuiltMap(vectors[:, :2], groups, flat, flat, flat))
        atlas_map = project.latest_map()
        assert atlas_map is not None
        assert count_finding(project, atlas_map, "Effusion", "ann") == FindingCounts(0, 0, count)
        for place, how in enumerate(get_args(How), 1):
            rows = [LabelRow(f"{place:02}.png", "Effusion", Value.ABSENT, "ann", "2026-01-31T12:00:00Z", how)]
            import_labels(project, rows, "ann")
        label(project, IDS([1]), Judgement("Effusion", Value.PRESENT, "ben", "single"))
        label(project, IDS([1]), Judgement("Nodule", Value.PRESENT, "ann", "single"))
        exclude(project, IDS([1, 3]), True, "ann")
        left = count - len(get_args(How)) - 1  # image 1 has no label of ann's, and is excluded
        assert count_finding(project, atlas_map, "Effusion", "ann") == FindingCounts(len(ONE_BY_ONE), 1, left)


def test_labels_given_without_reading_each_image_are_counted_by_image_and_finding(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        for place, how in enumerate(get_args(How)):
            rows = [LabelRow(f"{place:02}.png", "Effusion", Value.ABSENT, "ann", "2026-01-31T12:00:00Z", how)]
            import_labels(project, rows, "ann")
        label(project, IDS([20]), Judgement("Nodule", Value.ABSENT, "ann", "cluster"))
        assert count_work(project, "ann").unread == len(IN_BULK) + 1


def test_what_was_taken_back_is_no_decision(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        label(project, np.arange(1, 11), Judgement("Effusion", Value.ABSENT, "ann", "cluster"))
        undo(project)
        assert count_work(project, "ann").decisions == 0


def test_labels_taken_over_are_labels_but_neither_decisions_nor_judgements(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        rows = [
            LabelRow(f"{n:02}.png", "Effusion", Value.PRESENT, "ann", "2026-01-01T00:00:00Z", "import") for n in (0, 1)
        ]
        import_labels(project, rows, "ann")
        work = count_work(project, "ann")
        assert (work.labelled, work.judgements, work.decisions, work.findings[0].taken_over) == (2, 0, 0, 2)


def test_an_audits_answer_is_a_look_and_a_decision_also_where_it_agrees(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        label(project, np.arange(1, 21), Judgement("Effusion", Value.ABSENT, "ann", "cluster"))
        lot = lot_of(project, "Effusion", "ann")
        audit_id = conduct.start(project, lot, 0.2, 0.9, seed=1)
        audit = audit_records(project)[0]
        assert audit.audit_id == audit_id
        conduct.answer(project, audit, int(audit.sample[0]), Value.ABSENT)
        work = count_work(project, "ann")
        assert (work.looked_at, work.decisions, work.findings[0].decisions) == (1, 2, 2)


def test_images_seen_on_a_contact_sheet_count_as_looked_at(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        record_looks(project, "4", 1, IDS([1, 2, 3]), "ann")
        assert count_work(project, "ann").looked_at == 3


def test_setting_images_aside_is_no_judgement(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        exclude(project, IDS([1]), True, "ann")
        assert count_work(project, "ann").decisions == 0


def test_pauses_over_two_minutes_are_no_active_time(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        for image_id in (1, 2, 3, 4):
            label(project, IDS([image_id]), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        set_times(project, 0, 30, 151, 271)
        assert count_work(project, "ann").active_s == 150


def test_another_readers_work_is_not_mine(tmp_path: Path) -> None:
    with project_of(tmp_path) as project:
        label(project, np.arange(1, 11), Judgement("Effusion", Value.ABSENT, "ben", "cluster"))
        work = count_work(project, "ann")
        assert (work.labelled, work.decisions, work.findings) == (0, 0, ())


def test_each_cluster_says_how_far_it_is(tmp_path: Path) -> None:
    with project_of(tmp_path, 6) as project:
        ids = np.arange(1, 7)
        one = np.ones(6, np.float32)
        clusters = IDS([0, 0, 0, 1, 1, -1], np.int32)
        project.store_map(ENCODER, {}, ids, BuiltMap(np.zeros((6, 2), np.float32), clusters, one, one, one))
        label(project, IDS([1, 2]), Judgement("Effusion", Value.ABSENT, "ann", "cluster"))
        label(project, IDS([6]), Judgement("Effusion", Value.ABSENT, "ann", "single"))
        found = [(one.cluster, one.images, one.labelled, one.looked_at) for one in count_work(project, "ann").clusters]
        assert found == [(0, 3, 2, 0), (1, 2, 0, 0), (-1, 1, 1, 1)]
