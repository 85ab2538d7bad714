"""What a reader does to the clusters of a map: finer, coarser, split, merge, rename, reorder, recluster.

Each verb is one act, see `acts`. Labels are never touched: they belong to images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas import partition as division
from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.atlas.clusters import find_clusters, largest_cluster, smallest_cluster
from cxr_explorer.atlas.ladder import Ladder, cut_at, make_ladder, rung_of_count
from cxr_explorer.atlas.partition import UNCLUSTERED, Group, Partition
from cxr_explorer.errors import UserError
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project import acts, label_columns
from cxr_explorer.project.acts import Change
from cxr_explorer.project.partition_rows import (
    OF_MAP,
    STATE,
    drop_unreachable,
    earlier_groups,
    fresh_identity,
    insert_partition,
)
from cxr_explorer.project.project import AtlasMap, Project, now

LONGEST_NAME = 60
"""Characters of a cluster's name: it must fit on the map and in a list."""


@dataclass(frozen=True, eq=False)
class Reclustering:
    """New clusters of the images that carry no label.

    Attributes:
        map_id: Of this map.
        frozen: (N,) bool: images that stay where they are.
        labels: (N,) int32: new clusters of the others, -1 for none.
    """

    map_id: int
    frozen: NDArray[np.bool_]
    labels: NDArray[np.int32]


def ladder_of(project: Project, atlas_map: AtlasMap) -> Ladder | None:
    """The cuts there are of a map's tree; None where the tree is not kept (maps of an older version)."""
    tree = project.tree(atlas_map.map_id)
    if tree is None:
        return None
    count = len(atlas_map.image_ids)
    parameters = MapParameters.from_dict(atlas_map.parameters).clusters
    return make_ladder(tree, count, smallest_cluster(count, parameters), largest_cluster(count, parameters))


def begin(project: Project, atlas_map: AtlasMap, before: AtlasMap | None) -> Partition:
    """Gives a map just stored the partition it begins with: its clusters with the identities of the map before.

    Where the images kept their places (see `earlier_layout`) they keep their clusters too, whatever the reader made of
    them, and new images join the cluster they lie in. Else the map is cut anew: into about as many clusters as the
    reader had made of the map before, if it was the reader's doing and the parameters are the same.
    """
    ladder = ladder_of(project, atlas_map)
    if before is None:
        labels, nodes = cut_at(ladder, ladder.start) if ladder is not None else (atlas_map.clusters, [])
        after = division.first_partition(labels, nodes)
    else:
        old = Partition(on_other_rows(before, atlas_map.image_ids), before.groups)
        parameters = [MapParameters.from_dict(each.parameters).clusters for each in (before, atlas_map)]
        same = parameters[0] == parameters[1]
        if same and _in_place(before, atlas_map):
            after = division.joined_by_new(old, atlas_map.xy, ladder)
        else:
            labels, nodes = atlas_map.clusters, []
            if ladder is not None:
                by_reader = same and _by_reader(project, before)
                labels, nodes = cut_at(ladder, rung_of_count(ladder, len(before.groups)) if by_reader else ladder.start)
            after = division.carry_over(labels, nodes, old, fresh_identity(project.db, before.groups))
    with project.db.atomic():
        insert_partition(project.db, atlas_map.map_id, after, OF_MAP, now())
    return after


def _by_reader(project: Project, before: AtlasMap) -> bool:
    row = project.db.execute("SELECT how FROM partitions WHERE id = ?", [before.partition_id]).fetchone()
    return row is not None and row[0] != OF_MAP


def _in_place(before: AtlasMap, after: AtlasMap) -> bool:
    _, old, new = np.intersect1d(before.image_ids, after.image_ids, assume_unique=True, return_indices=True)
    stayed = (before.xy[old] == after.xy[new]).all(axis=1)
    return before.encoder_key == after.encoder_key and 2 * int(stayed.sum()) > len(after.image_ids)


def on_other_rows(atlas_map: AtlasMap, image_ids: NDArray[np.int64]) -> NDArray[np.int32]:
    """(M,) int32: the map's cluster of each of these images, ascending; -2 for those that are not on it."""
    rows = np.searchsorted(atlas_map.image_ids, image_ids)
    there = rows < len(atlas_map.image_ids)
    there[there] = atlas_map.image_ids[rows[there]] == image_ids[there]
    clusters = np.full(len(image_ids), -2, np.int32)
    clusters[there] = atlas_map.clusters[rows[there]]
    return clusters


def at_rung(project: Project, atlas_map: AtlasMap, ladder: Ladder, rung: int) -> Partition:
    """The map divided as a rung of its ladder has it. Clusters that were there before have their identity and name."""
    known: dict[int, int] = {}
    names: dict[int, str] = {}
    for groups in earlier_groups(project.db, atlas_map.map_id):
        known |= {group.node: group.identity for group in groups if group.node >= 0}
        names |= {group.identity: group.name for group in groups}
    labels, nodes = cut_at(ladder, rung)
    fresh = fresh_identity(project.db, atlas_map.groups)
    return division.carry_over(labels, nodes, atlas_map.partition, fresh, known, names)


def set_rung(project: Project, ladder: Ladder, rung: int, reader: str) -> Change | None:
    """Divides the map as a rung of its ladder has it, see `at_rung`."""
    atlas_map = _map(project)
    after = at_rung(project, atlas_map, ladder, rung)
    if np.array_equal(division.identities_of(after), atlas_map.identities()):
        return None
    count = len(after.groups)
    text = f"Divided the map into {count:,} cluster{'' if count == 1 else 's'} instead of {len(atlas_map.groups):,}"
    return _record(project, atlas_map, after, "cut", text, reader)


def split(project: Project, cluster: int, reader: str, ladder: Ladder | None = None) -> Change | None:
    """Divides a cluster as the tree does, or in two. Raises UserError for one that is no cluster or a single image."""
    atlas_map = _map(project)
    group = _group(atlas_map, cluster)
    if ladder is None:
        ladder = ladder_of(project, atlas_map)
    if int((atlas_map.clusters == cluster).sum()) < 2:
        raise UserError(f"{group.title} is a single image and cannot be split.")
    fresh = fresh_identity(project.db, atlas_map.groups)
    after = division.split(atlas_map.partition, cluster, atlas_map.xy, fresh, ladder)
    parts = len(after.groups) - len(atlas_map.groups) + 1
    return _record(project, atlas_map, after, "split", f"Split {group.title} into {parts}", reader)


def merge(project: Project, clusters: Sequence[int], reader: str) -> Change | None:
    """Makes one cluster of several. Raises UserError where there are not at least two clusters."""
    atlas_map = _map(project)
    chosen = sorted(set(clusters))
    titles = [_group(atlas_map, cluster).title for cluster in chosen]
    if len(chosen) < 2:
        raise UserError("Choose two or more clusters of the list to merge (Ctrl or Shift with a click or the arrows).")
    shown = " and ".join(titles) if len(titles) < 4 else f"{len(titles)} clusters"
    return _record(project, atlas_map, division.merge(atlas_map.partition, chosen), "merge", f"Merged {shown}", reader)


def rename(project: Project, cluster: int, name: str, reader: str) -> Change | None:
    """Gives a cluster a name; an empty one gives the default name back.

    Raises:
        UserError: The name is too long, another cluster has it, or it is one that stands for something else.
    """
    atlas_map = _map(project)
    group = _group(atlas_map, cluster)
    after = division.rename(atlas_map.partition, cluster, name)
    title = after.groups[cluster].title
    if len(title) > LONGEST_NAME:
        raise UserError(f"A cluster's name has up to {LONGEST_NAME} characters; this one has {len(title)}.")
    taken = {other.title.casefold() for number, other in enumerate(after.groups) if number != cluster}
    if title.casefold() in {*taken, UNCLUSTERED.casefold()}:
        raise UserError(f"There is a {title} already. Choose another name.")
    return _record(project, atlas_map, after, "rename", f"Renamed {group.title} to {title}", reader)


def reorder(project: Project, order: Sequence[int], reader: str, text: str = "Reordered the clusters") -> Change | None:
    """Puts the clusters into another order: a permutation of their numbers."""
    atlas_map = _map(project)
    return _record(project, atlas_map, division.reorder(atlas_map.partition, order), "order", text, reader)


def recluster_unlabelled(path: Path, reader: str) -> Iterator[Reclustering]:
    """Finds clusters among the images that the reader has not labelled; made to run in a child process.

    Raises:
        UserError: There is no map, or too few images are left.
    """
    with Project.open_read_only(path) as project:
        atlas_map = _map(project)
        frozen = np.isin(atlas_map.image_ids, label_columns.labelled_ids(project, reader))
    parameters = MapParameters.from_dict(atlas_map.parameters).clusters
    left = int((~frozen).sum())
    if left < smallest_cluster(left, parameters):
        raise UserError(
            f"{images_text(left)} without a label: too few to find clusters in (a cluster has at least "
            f"{smallest_cluster(left, parameters)})."
        )
    labels = np.full(len(frozen), -1, np.int32)
    labels[~frozen] = find_clusters(atlas_map.xy[~frozen], parameters).labels
    yield Reclustering(atlas_map.map_id, frozen, labels)


def take_reclustering(project: Project, found: Reclustering, reader: str) -> Change | None:
    """Takes new clusters for the unlabelled images; labelled ones stay in theirs. None where the map is another now."""
    atlas_map = _map(project)
    if atlas_map.map_id != found.map_id:
        return None
    fresh = fresh_identity(project.db, atlas_map.groups)
    after = division.recluster(atlas_map.partition, found.frozen, found.labels, fresh)
    count = images_text(int((~found.frozen).sum()))
    return _record(project, atlas_map, after, "recluster", f"Reclustered {count} without a label", reader)


def cluster_of(atlas_map: AtlasMap, name: str) -> int:
    """The number of a cluster by its name, or by the number in its default name; "0" is unclustered.

    Raises:
        UserError: There is none.
    """
    wanted = name.strip().casefold()
    if wanted in ("0", UNCLUSTERED.casefold()):
        return -1
    for number, group in enumerate(atlas_map.groups):
        if wanted == group.title.casefold():
            return number
    for number, group in enumerate(atlas_map.groups):
        if wanted in (str(group.identity + 1), division.default_name(group.identity).casefold()):
            return number
    known = ", ".join(group.name or str(group.identity + 1) for group in atlas_map.groups[:20])
    more = f", … ({len(atlas_map.groups)} in all)" if len(atlas_map.groups) > 20 else ""
    raise UserError(f"The map has no cluster {name}. It has: {known or 'none'}{more}.")


def lineage_text(groups: Sequence[Group], group: Group) -> str:
    """Where a cluster comes from, in words: "split from Cluster 3", "merged from Cluster 1 and Cluster 2", "new"; ""
    where there is nothing to tell."""
    titles = {other.identity: other.title for other in groups if other.identity in group.sources}
    sources = [
        titles.get(identity, division.default_name(identity))
        for identity in group.sources
        if identity != group.identity
    ]
    if group.lineage == "new":
        return "new"
    if group.lineage == "split":
        return f"split from {sources[0]}" if sources else "a part was split off"
    if group.lineage == "merged":
        return (
            f"merged with {_listed(sources)}" if group.identity in group.sources else f"merged from {_listed(sources)}"
        )
    return ""


def _listed(titles: Sequence[str]) -> str:
    shown = list(titles[:3])
    rest = len(titles) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def _record(project: Project, atlas_map: AtlasMap, after: Partition, how: str, text: str, reader: str) -> Change | None:
    before = atlas_map.partition
    if before.groups == after.groups and np.array_equal(before.clusters, after.clusters):
        return None
    with acts.recorded(project, reader) as act:
        drop_unreachable(project.db)
        act.put(STATE, "", str(insert_partition(project.db, atlas_map.map_id, after, how, now())))
        act.text = text
    return act.change


def _map(project: Project) -> AtlasMap:
    atlas_map = project.latest_map()
    if atlas_map is None:
        raise UserError(f"{project.path} has no map yet. Run `cxr-explorer index` first.")
    return atlas_map


def _group(atlas_map: AtlasMap, cluster: int) -> Group:
    if not 0 <= cluster < len(atlas_map.groups):
        raise UserError(f"{UNCLUSTERED} images are no cluster: this works on clusters only.")
    return atlas_map.groups[cluster]
