"""Images like one: what is read from the project, and who is found."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.errors import UserError
from cxr_explorer.project.project import AtlasMap, Project
from cxr_explorer.search import similar
from cxr_explorer.search.similar import UnitEmbeddings, image_named
from tests.project.projects import ENCODER, embed_all, files, new_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Six images whose embeddings are (id, 1, 0): the higher the number, the nearer to the first axis."""
    with new_project(tmp_path) as made:
        embed_all(made)
        yield made


def map_of(project: Project, count: int = 6) -> AtlasMap:
    ids, _ = project.embeddings(ENCODER.key)
    ids = ids[:count]
    one = np.ones(len(ids), np.float32)
    xy = np.zeros((len(ids), 2), np.float32)
    project.store_map(ENCODER, {}, ids, BuiltMap(xy, np.zeros(len(ids), np.int32), one, one, one))
    found = project.latest_map()
    assert found is not None
    return found


def loaded(project: Project, atlas_map: AtlasMap) -> UnitEmbeddings:
    embeddings = UnitEmbeddings(project, atlas_map)
    for _ in embeddings.load():
        pass
    return embeddings


def test_the_image_itself_is_most_like_it_and_the_rest_follow_by_angle(project: Project) -> None:
    embeddings = loaded(project, map_of(project))
    found = embeddings.alike(embeddings.vector(6), 4)
    assert found.image_ids.tolist() == [6, 5, 4, 3]
    assert found.likeness[0] == pytest.approx(1)
    assert (np.diff(found.likeness) < 0).all()


def test_only_images_of_the_map_are_found(project: Project) -> None:
    embeddings = loaded(project, map_of(project, count=3))
    assert embeddings.alike(embeddings.vector(3), 10).image_ids.tolist() == [3, 2, 1]
    with pytest.raises(KeyError):
        embeddings.vector(5)


def test_pages_add_up_to_the_whole(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    atlas_map = map_of(project)
    whole = loaded(project, atlas_map)
    monkeypatch.setattr(similar, "PAGE_ROWS", 2)
    paged = UnitEmbeddings(project, atlas_map)
    assert list(paged.load()) == pytest.approx([1 / 3, 2 / 3, 1])
    np.testing.assert_array_equal(paged.image_ids, whole.image_ids)
    np.testing.assert_array_equal(paged.vector(4), whole.vector(4))


def test_an_image_whose_file_has_changed_is_not_found_by_its_old_picture(project: Project) -> None:
    atlas_map = map_of(project)
    project.update_files(files("03.png", size=99), files("00.png", "01.png", "02.png", "04.png", "05.png"))
    embeddings = loaded(project, atlas_map)
    assert embeddings.image_ids.tolist() == [1, 2, 3, 5, 6]


def test_the_centre_of_a_group_finds_others_like_it(project: Project) -> None:
    embeddings = loaded(project, map_of(project))
    group = np.array([2, 3])
    centre = embeddings.centre(group)
    assert np.linalg.norm(centre) == pytest.approx(1)
    assert embeddings.alike(centre, 2, leave_out=group).image_ids.tolist() == [4, 5]
    assert not embeddings.centre(np.array([77])).any()


def test_a_map_of_an_encoder_nobody_knows_finds_nothing(project: Project) -> None:
    atlas_map = map_of(project)
    project.db.execute("DELETE FROM embeddings")
    embeddings = loaded(project, atlas_map)
    assert embeddings.alike(np.zeros(3, np.float32), 5).image_ids.size == 0


def test_an_image_is_meant_by_its_path_or_by_its_name_alone(tmp_path: Path) -> None:
    with new_project(tmp_path, 0) as project:
        project.update_files(files("a/one.png", "a/two.png", "b/two.png"), [])
        assert image_named(project, "a/two.png") == 2
        assert image_named(project, "one.png") == 1
        assert image_named(project, str(project.folder / "b" / "two.png")) == 3
        assert image_named(project, "none.png") is None
        assert image_named(project, str(tmp_path / "one.png")) is None
        with pytest.raises(UserError, match=r"2 files are called two.png: a/two.png, b/two.png"):
            image_named(project, "two.png")
