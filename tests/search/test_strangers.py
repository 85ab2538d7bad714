"""Which images of a map are told as strangers, why, and what a reader has settled."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.encoder.chest_reference import ChestReference
from cxr_explorer.project import labelling
from cxr_explorer.project.project import AtlasMap, Project
from cxr_explorer.search import strangers
from cxr_explorer.search.strangers import Strangers, find_strangers, keep, unsettled
from tests.project.projects import ENCODER, embed_all, new_project

REFERENCE = ChestReference(ENCODER.key, np.array([0, 1, 0], np.float32), np.array([[0, 1, 0]], np.float32), 3.5)
"""Embeddings are (id, 1, 0): those of ids above 3.5 lie beyond."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with new_project(tmp_path) as made:
        embed_all(made)
        yield made


@pytest.fixture
def atlas_map(project: Project) -> AtlasMap:
    ids, _ = project.embeddings(ENCODER.key)
    one = np.ones(len(ids), np.float32)
    built = BuiltMap(np.zeros((len(ids), 2), np.float32), np.zeros(len(ids), np.int32), one, one, one)
    project.store_map(ENCODER, {}, ids, built)
    found = project.latest_map()
    assert found is not None
    return found


def test_headers_come_first_and_the_most_unlike_look_first(
    project: Project, atlas_map: AtlasMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "reference_of", lambda _key: REFERENCE)
    project.db.execute("""UPDATE images SET facts = '{"modality": "CT"}' WHERE id IN (2, 6)""")
    found = find_strangers(project, atlas_map)
    assert found.ids.tolist() == [2, 6, 5, 4]
    assert found.reasons == {2: "CT", 6: "CT", 5: "look 1.43", 4: "look 1.14"}
    assert found.in_words() == (
        "4 images look like something else than a frontal chest film: 2 by their header (CT), 2 by their look."
    )


def test_an_encoder_without_a_reference_judges_by_headers_alone_and_says_so(
    project: Project, atlas_map: AtlasMap
) -> None:
    project.db.execute("""UPDATE images SET facts = '{"view": "LL"}' WHERE id = 2""")
    found = find_strangers(project, atlas_map)
    assert (found.ids.tolist(), found.looked) == ([2], False)
    assert found.in_words() == (
        "1 image looks like something else than a frontal chest film: 1 by its header (lateral view)."
    )


def test_what_a_table_told_is_not_put_on_the_header(project: Project, atlas_map: AtlasMap) -> None:
    project.db.execute("INSERT INTO metadata VALUES (3, 'view', 'LATERAL')")
    assert "1 by its header or table (lateral view)" in find_strangers(project, atlas_map).in_words()


def test_excluded_and_kept_images_are_settled(
    project: Project, atlas_map: AtlasMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "reference_of", lambda _key: REFERENCE)
    found = find_strangers(project, atlas_map)
    assert unsettled(project, found).ids.tolist() == [6, 5, 4]
    labelling.exclude(project, np.array([5]), True, "ann")
    keep(project, np.array([6]))
    keep(project, np.array([6, 1]))
    assert unsettled(project, found).ids.tolist() == [4]


def test_many_kinds_are_not_all_named() -> None:
    found = Strangers(dict(enumerate(("CT", "CT", "leg", "hand", "skull"))))
    assert "5 by their header (CT, leg, hand, …)." in found.in_words()
    assert Strangers().in_words() == ""
