"""Facts of tables in a project: taken in, replaced, cleared."""

from pathlib import Path

import numpy as np

from cxr_explorer.project.facts import (
    clear_facts,
    fact_rows,
    plan_facts,
    read_facts_of,
    store_facts,
    stored_facts,
    storing_facts,
)
from cxr_explorer.tables.facts import Table
from tests.project.projects import embed_all, new_project

TABLE = Table(
    ("Image", "View", "Patient"), (("00.png", "AP", "p-17"), ("01.png", "AP", "p-17"), ("nowhere.png", "PA", "p-3"))
)
MAPPING = {"view": "View", "patient": "Patient"}


def test_facts_of_a_table_are_stored_with_the_images_it_means(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as project:
        embed_all(project)
        matching, facts = read_facts_of(project, TABLE, "Image", MAPPING)
        assert matching.unmatched == ("nowhere.png",)
        store_facts(project, fact_rows(project, facts))
        assert [project.facts()[image_id]["view"] for image_id in (1, 2, 3)] == ["AP", "AP", "PA"]
        assert project.patient_groups(np.array([1, 2, 3])).tolist() == [1, 1, -1]
        assert stored_facts(project) == {"patient": 2, "view": 2}


def test_no_text_of_a_patient_column_reaches_the_file(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as project:
        embed_all(project)
        store_facts(project, fact_rows(project, read_facts_of(project, TABLE, "Image", MAPPING)[1]))
        path = project.path
    assert b"p-17" not in path.read_bytes()


def test_another_table_replaces_what_it_speaks_of_and_keeps_the_rest(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as project:
        embed_all(project)
        store_facts(project, fact_rows(project, read_facts_of(project, TABLE, "Image", MAPPING)[1]))
        second = Table(("Image", "View", "Patient"), (("01.png", "PA", "q"), ("02.png", "PA", "q")))
        facts = read_facts_of(project, second, "Image", MAPPING)[1]
        assert [(plan.fact, plan.images, plan.replaces) for plan in plan_facts(project, facts)] == [
            ("view", 2, 1),
            ("patient", 2, 2),
        ]
        store_facts(project, fact_rows(project, facts))
        assert [project.facts()[image_id]["view"] for image_id in (1, 2, 3)] == ["AP", "PA", "PA"]
        assert project.patient_groups(np.array([1, 2, 3])).tolist() == [-1, 1, 1]


def test_storing_that_is_given_up_changes_nothing(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as project:
        embed_all(project)
        steps = storing_facts(project, fact_rows(project, read_facts_of(project, TABLE, "Image", MAPPING)[1]))
        assert next(steps) == 0
        steps.close()
        assert stored_facts(project) == {}


def test_cleared_facts_leave_what_the_files_say(tmp_path: Path) -> None:
    with new_project(tmp_path, 2) as project:
        embed_all(project)
        store_facts(project, fact_rows(project, read_facts_of(project, TABLE, "Image", MAPPING)[1]))
        clear_facts(project, ["view"])
        assert project.facts()[1]["view"] == "PA"
        assert stored_facts(project) == {"patient": 2}
