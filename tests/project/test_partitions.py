"""Cluster work on a project: each verb one act, identities over maps, labels never touched."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_explorer.atlas.build import BuiltMap, MapParameters
from cxr_explorer.atlas.clusters import ClusterParameters, find_clusters
from cxr_explorer.atlas.layout import LayoutParameters
from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, exporting, labelling, partitions
from cxr_explorer.project.earlier_layout import earlier_layout
from cxr_explorer.project.project import AtlasMap, Project
from tests.project.projects import ENCODER, embed_all, files, new_project

COUNT = 240
PARAMETERS = MapParameters(LayoutParameters(), ClusterParameters(20))


def places(count: int = COUNT, seed: int = 0) -> np.ndarray:
    """Four pairs of clumps: (count, 2)."""
    random = np.random.default_rng(seed)
    middles = np.array([[x + d, y] for x, y in ((0, 0), (20, 0), (0, 20), (20, 20)) for d in (0, 2.5)])
    return (middles[np.arange(count) % 8] + 0.4 * random.normal(size=(count, 2))).astype(np.float32)


def store(project: Project, xy: np.ndarray, seconds: dict[str, float] | None = None) -> AtlasMap:
    """A map of these places, with what indexing does around it."""
    ids, _ = project.embeddings(ENCODER.key)
    found = find_clusters(xy, PARAMETERS.clusters)
    before = project.latest_map()
    one = np.ones(len(ids), np.float32)
    project.store_map(
        ENCODER,
        PARAMETERS.to_dict(),
        ids,
        BuiltMap(xy, found.labels, one, one, one / 2, found.tree, seconds=seconds or {}),
    )
    partitions.begin(project, latest(project), before)
    return latest(project)


def latest(project: Project) -> AtlasMap:
    found = project.latest_map()
    assert found is not None
    return found


def titles(project: Project) -> list[str]:
    return [group.title for group in latest(project).groups]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with new_project(tmp_path, COUNT) as project:
        embed_all(project)
        store(project, places())
        yield project


def test_a_map_begins_with_its_own_clusters(project: Project) -> None:
    found = latest(project)
    assert titles(project) == [f"Cluster {number + 1}" for number in range(len(found.groups))]
    assert {group.lineage for group in found.groups} == {"cut"}
    assert acts.undo_text(project) is None
    assert found.typicality.tolist() == [0.5] * COUNT


def test_finer_and_coarser_are_one_act_each_and_names_come_back(project: Project) -> None:
    ladder = partitions.ladder_of(project, latest(project))
    assert ladder is not None
    partitions.set_rung(project, ladder, len(ladder.counts) - 1, "ann")
    partitions.rename(project, 1, "Lines", "ann")
    fine = titles(project)
    assert "Lines" in fine
    change = partitions.set_rung(project, ladder, 0, "ann")
    assert change is not None
    assert change.states == {"partition"}
    assert len(titles(project)) == ladder.counts[0] < len(fine)
    assert {group.lineage for group in latest(project).groups} == {"merged"}
    partitions.set_rung(project, ladder, len(ladder.counts) - 1, "ann")
    assert sorted(titles(project)) == sorted(fine)
    assert partitions.set_rung(project, ladder, len(ladder.counts) - 1, "ann") is None
    for _ in range(4):
        acts.undo(project)
    assert titles(project) == [f"Cluster {number + 1}" for number in range(len(titles(project)))]


def test_where_the_reader_divided_anew_typical_is_the_middle_on_the_map(project: Project) -> None:
    partitions.merge(project, [0, 1], "ann")
    found = latest(project)
    merged = found.clusters == 0
    assert set(found.typicality[~merged].tolist()) == {0.5}
    assert found.typicality[merged].max() > 0.9 > 0.1 > found.typicality[merged].min()


def test_split_merge_and_rename_say_what_they_did(project: Project) -> None:
    partitions.rename(project, 0, "Left side", "ann")
    partitions.split(project, 0, "ann")
    assert acts.undo_text(project) == "Split Left side into 2"
    first, second = latest(project).groups[:2]
    assert first.title == "Left side"
    assert partitions.lineage_text(latest(project).groups, second) == "split from Left side"
    assert partitions.lineage_text(latest(project).groups, first) == "a part was split off"
    partitions.merge(project, [0, 1], "ann")
    assert acts.undo_text(project) == f"Merged Left side and {second.title}"
    assert partitions.lineage_text(latest(project).groups, latest(project).groups[0]) == f"merged with {second.title}"


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        (lambda project: partitions.merge(project, [1], "ann"), "two or more"),
        (lambda project: partitions.merge(project, [-1, 0], "ann"), "Unclustered"),
        (lambda project: partitions.split(project, -1, "ann"), "Unclustered"),
        (lambda project: partitions.rename(project, 0, "cluster 2", "ann"), "already"),
        (lambda project: partitions.rename(project, 0, "Unclustered", "ann"), "already"),
        (lambda project: partitions.rename(project, 0, "x" * 61, "ann"), "60 characters"),
    ],
)
def test_what_cannot_be_is_said(project: Project, verb, says: str) -> None:
    with pytest.raises(UserError, match=says):
        verb(project)
    assert acts.undo_text(project) is None


def test_labelled_images_stay_where_they_are_when_the_rest_is_reclustered(project: Project) -> None:
    before = latest(project)
    ids = before.image_ids[before.clusters == 0][:30]
    labelling.label(project, ids, Judgement("Effusion", Value.PRESENT, "ann", "selection"))
    labels = list(exporting.label_rows(project))
    (found,) = partitions.recluster_unlabelled(project.path, "ann")
    change = partitions.take_reclustering(project, found, "ann")
    assert change is not None
    after = latest(project)
    stayed = np.isin(after.image_ids, ids)
    assert set(after.identities()[stayed].tolist()) == {0}
    assert not (after.identities()[~stayed] == 0).any()
    assert list(exporting.label_rows(project)) == labels
    everything = after.image_ids
    labelling.label(project, everything, Judgement("Effusion", Value.ABSENT, "ann", "selection"))
    with pytest.raises(UserError, match="too few"):
        list(partitions.recluster_unlabelled(project.path, "ann"))


def test_a_few_new_images_join_the_clusters_they_lie_in_and_nothing_else_changes(project: Project) -> None:
    partitions.merge(project, [0, 1], "ann")
    partitions.rename(project, 0, "Mine", "ann")
    before = latest(project)
    old = [f"{number:02}.png" for number in range(COUNT)]
    project.update_files(files(*(f"new{number}.png" for number in range(8))), files(*old))
    embed_all(project)
    after = store(project, np.concatenate([before.xy, places(8, seed=1)]))
    np.testing.assert_array_equal(after.identities()[:COUNT], before.identities())
    assert [group.title for group in after.groups] == [group.title for group in before.groups]
    assert {group.lineage for group in after.groups} == {"kept"}
    middle = np.array([np.median(before.xy[before.clusters == c], axis=0) for c in range(len(before.groups))])
    for row in range(COUNT, COUNT + 8):
        if after.clusters[row] > 0:  # the merged one has two middles
            assert np.linalg.norm(middle - after.xy[row], axis=1).argmin() == after.clusters[row]
    assert acts.undo_text(project) == "Renamed Cluster 1 to Mine"
    partitions.split(project, 1, "ann")  # the tree of the new map is found again
    assert latest(project).groups[1].node >= 0


def test_a_new_layout_keeps_names_by_the_images_shared(project: Project) -> None:
    partitions.rename(project, 2, "Mine", "ann")
    before = latest(project)
    labelling.label(project, before.image_ids[:50], Judgement("Effusion", Value.PRESENT, "ann", "selection"))
    labels = list(exporting.label_rows(project))
    after = store(project, places()[:, ::-1] + 3)
    np.testing.assert_array_equal(after.identities(), before.identities())
    assert sorted(titles(project)) == sorted(group.title for group in before.groups)
    assert list(exporting.label_rows(project)) == labels


def test_a_new_layout_is_cut_as_finely_as_the_reader_had_it(project: Project) -> None:
    ladder = partitions.ladder_of(project, latest(project))
    assert ladder is not None
    partitions.set_rung(project, ladder, 0, "ann")
    after = store(project, places()[:, ::-1] + 3)
    assert len(after.groups) == ladder.counts[0]


def test_undo_of_an_act_on_an_older_map_leaves_the_new_one_alone(project: Project) -> None:
    partitions.merge(project, [0, 1], "ann")
    after = store(project, places()[:, ::-1] + 3)
    acts.undo(project)
    np.testing.assert_array_equal(latest(project).clusters, after.clusters)
    acts.redo(project)
    np.testing.assert_array_equal(latest(project).clusters, after.clusters)


def test_clusters_are_found_by_name_and_number(project: Project) -> None:
    partitions.rename(project, 1, "Lines", "ann")
    found = latest(project)
    assert [partitions.cluster_of(found, name) for name in ("lines", "2", "Cluster 2", "1", "0", "unclustered")] == [
        1, 1, 1, 0, -1, -1,
    ]  # fmt: skip
    with pytest.raises(UserError, match="no cluster 99"):
        partitions.cluster_of(found, "99")


def test_few_new_images_leave_all_others_in_place(project: Project) -> None:
    before = store(project, places(), {"Laying out the map": 1.0})
    known = files(*(f"{number:02}.png" for number in range(COUNT)))
    for batch, (new, expected) in enumerate(((30, True), (40, False))):
        project.update_files(files(*(f"new{batch}-{number}.png" for number in range(new))), known)
        known += files(*(f"new{batch}-{number}.png" for number in range(new)))
        embed_all(project)
        ids = project.embedded_ids(ENCODER.key)
        initial, pinned = earlier_layout(project, ids, ENCODER.key, PARAMETERS)
        assert initial is not None
        assert pinned is expected  # the second time more than a fifth has come since the last layout
        np.testing.assert_array_equal(initial[: len(before.xy)], before.xy)
        assert np.isnan(initial[len(before.xy) :]).all()
        before = store(project, np.nan_to_num(initial))
    assert earlier_layout(project, ids, "other", PARAMETERS)[1] is False
    assert earlier_layout(project, ids + 10_000, ENCODER.key, PARAMETERS) == (None, False)


def test_images_with_another_content_are_placed_anew_alone(project: Project) -> None:
    before = latest(project)
    known = [f"{number:02}.png" for number in range(COUNT)]
    project.update_files(files(known[0], size=11), files(*known[1:]))
    embed_all(project)
    initial, pinned = earlier_layout(project, before.image_ids, ENCODER.key, PARAMETERS)
    assert pinned
    assert initial is not None
    assert np.isnan(initial).any(axis=1).tolist() == [True] + [False] * (COUNT - 1)


_verbs = st.one_of(
    st.tuples(st.just("rung"), st.integers(0, 30)),
    st.tuples(st.just("split"), st.integers(0, 9)),
    st.tuples(st.just("merge"), st.sets(st.integers(0, 9), min_size=2, max_size=3)),
    st.tuples(st.just("rename"), st.integers(0, 9), st.sampled_from(["A", "B", "", "Cluster 1"])),
    st.tuples(st.just("move"), st.integers(0, 9)),
    st.tuples(st.just("label"), st.integers(0, 9)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


def _state(project: Project) -> object:
    found = latest(project)
    return found.groups, found.clusters.tolist(), list(exporting.label_rows(project))


@settings(max_examples=25, deadline=None)
@given(st.lists(_verbs, max_size=12))
def test_any_sequence_of_acts_undoes_and_redoes_to_the_states_it_went_through(verbs: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder, new_project(Path(folder), COUNT) as project:
        embed_all(project)
        store(project, places())
        ladder = partitions.ladder_of(project, latest(project))
        assert ladder is not None
        done, undone = [_state(project)], []
        for verb, *arguments in verbs:
            count = len(latest(project).groups)
            if verb in ("undo", "redo"):
                change = acts.undo(project) if verb == "undo" else acts.redo(project)
                one, other = (done, undone) if verb == "undo" else (undone, done)
                if change is not None:
                    other.append(one.pop())
            else:
                if verb == "rung":
                    change = partitions.set_rung(project, ladder, arguments[0] % len(ladder.counts), "ann")
                elif verb == "split":
                    change = partitions.split(project, arguments[0] % count, "ann", ladder)
                elif verb == "merge":
                    chosen = {number % count for number in arguments[0]}
                    change = partitions.merge(project, sorted(chosen), "ann") if len(chosen) > 1 else None
                elif verb == "rename":
                    try:
                        change = partitions.rename(project, arguments[0] % count, arguments[1], "ann")
                    except UserError:
                        change = None
                elif verb == "move":
                    order = [*range(count)]
                    order.append(order.pop(arguments[0] % count))
                    change = partitions.reorder(project, order, "ann")
                else:
                    found = latest(project)
                    ids = found.image_ids[found.clusters == arguments[0] % count]
                    change = labelling.label(project, ids, Judgement("Effusion", Value.PRESENT, "ann", "cluster"))
                if change is not None:
                    done.append(_state(project))
                    undone.clear()
            assert _state(project) == done[-1]
            identities = [group.identity for group in latest(project).groups]
            assert len(set(identities)) == len(identities)
            assert latest(project).partition.sizes.min() > 0
