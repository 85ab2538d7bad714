"""Maps as the project file keeps them: reading and writing rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.atlas.clusters import CondensedTree
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.atlas.partition import UNCLUSTERED, Group, Partition, identities_of, typicality_of
from cxr_explorer.project.partition_rows import read_partition
from cxr_explorer.project.storage import Database

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AtlasMap:
    """A stored map; the arrays are parallel, one entry an image, and read-only.

    Attributes:
        map_id: The map's number in the project.
        encoder_key: The encoder whose embeddings it shows.
        parameters: `MapParameters.to_dict()` of the run.
        image_ids: (N,) int64, ascending.
        xy: (N, 2) float32 layout coordinates.
        clusters: (N,) int32, numbers of `groups`, -1 is noise: the partition in use, see `partitions`.
        strength: (N,) float32 HDBSCAN membership strength, 0..1.
        outlier: (N,) float32 GLOSH score, 0..1.
        typicality: (N,) float32 cosine to the mean direction of the own cluster; where a reader has divided anew, how
            near the image lies to the middle of its cluster on the map.
        groups: What is known of each cluster: identity, name, where it comes from.
        partition_id: The partition's number in the project; None where the map's own clusters were never stored as one.
    """

    map_id: int
    encoder_key: str
    created: str
    parameters: dict[str, Any]
    image_ids: Ids
    xy: NDArray[np.float32]
    clusters: NDArray[np.int32]
    strength: NDArray[np.float32]
    outlier: NDArray[np.float32]
    typicality: NDArray[np.float32]
    groups: tuple[Group, ...]
    partition_id: int | None

    @property
    def partition(self) -> Partition:
        """Clusters and groups."""
        return Partition(self.clusters, self.groups)

    def cluster_name(self, cluster: int) -> str:
        """What a cluster is called: the reader's name or the default one; -1 is noise, which has a name of its own."""
        return self.groups[cluster].title if cluster >= 0 else UNCLUSTERED

    def identity(self, cluster: int) -> int:
        """Who a cluster is, see `Group.identity`; -1 for noise."""
        return self.groups[cluster].identity if cluster >= 0 else -1

    def identities(self) -> NDArray[np.int64]:
        """(N,) int64: the identity of every image's cluster, -1 for noise."""
        return identities_of(self.partition)


def insert_map(
    db: Database,
    encoder_id: int,
    at: str,
    parameters: Mapping[str, Any],
    image_ids: NDArray[np.int64],
    built: BuiltMap,
) -> int:
    """Stores a map and returns its number.

    Args:
        db: In a transaction.
        encoder_id: Row of the encoder.
        at: The time.
        parameters: See `AtlasMap`.
        image_ids: (N,) whose map it is, in its order.
        built: Its tree and neighbours are kept until there is another map.
    """
    arrays: tuple[NDArray[Any], ...] = (
        image_ids,
        built.xy,
        built.labels,
        built.strength,
        built.outlier,
        built.typicality,
    )
    tree, neighbours = built.tree, built.neighbours
    kinds = ("<i8", "<f4", "<i4", "<f4", "<f4", "<f4")
    cursor = db.execute(
        "INSERT INTO maps VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            encoder_id,
            at,
            json.dumps(dict(parameters), sort_keys=True),
            json.dumps(dict(built.seconds)),
            *(array.astype(kind).tobytes() for array, kind in zip(arrays, kinds, strict=True)),
        ],
    )
    map_id = int(cursor.lastrowid or 0)
    db.execute("DELETE FROM trees")
    db.execute("DELETE FROM neighbours")
    if tree is not None:
        db.execute(
            "INSERT INTO trees VALUES (?, ?, ?, ?, ?)",
            [
                map_id,
                tree.parent.astype("<i4").tobytes(),
                tree.child.astype("<i4").tobytes(),
                tree.density.astype("<f4").tobytes(),
                tree.size.astype("<i4").tobytes(),
            ],
        )
    if neighbours is not None:
        db.execute(
            "INSERT INTO neighbours VALUES (?, ?, ?, ?)",
            [
                map_id,
                neighbours.indices.shape[1],
                neighbours.indices.astype("<i4").tobytes(),
                neighbours.distances.astype("<f4").tobytes(),
            ],
        )
    return map_id


def read_tree(db: Database, map_id: int) -> CondensedTree | None:
    """The condensed tree of a map; None where it is not kept, or its arrays do not fit one another."""
    row = db.execute("SELECT parent, child, density, size FROM trees WHERE map_id = ?", [map_id]).fetchone()
    if row is None or len({len(blob) for blob in row}) != 1 or len(row[0]) % 4:
        return None
    parent, child, density, size = (
        np.frombuffer(blob, kind) for blob, kind in zip(row, ("<i4", "<i4", "<f4", "<i4"), strict=True)
    )
    return CondensedTree(parent, child, density, size)


def read_neighbours(db: Database, map_id: int) -> Neighbours | None:
    """The nearest images of every image of a map; None where they are not kept, or are not of its images."""
    row = db.execute(
        """SELECT k, indices, distances, length(image_ids) / 8 FROM neighbours
           JOIN maps ON maps.id = map_id WHERE map_id = ?""",
        [map_id],
    ).fetchone()
    if row is None:
        return None
    k, indices, distances, images = row
    if len(indices) != 4 * k * images or len(distances) != 4 * k * images:
        return None
    rows = np.frombuffer(indices, "<i4").reshape(-1, k or 1)
    if rows.max(initial=-1) >= images:
        return None
    return Neighbours(rows, np.frombuffer(distances, "<f4").reshape(-1, k or 1))


def read_latest_map(db: Database) -> AtlasMap | None:
    """The newest map, or None."""
    row = db.execute(
        """SELECT maps.id, key, created, parameters, image_ids, xy, clusters, strength, outlier, typicality
           FROM maps JOIN encoders ON encoders.id = encoder_id ORDER BY maps.id DESC LIMIT 1"""
    ).fetchone()
    if row is None:
        return None
    map_id, key, created, parameters, ids, xy, clusters, *floats = row
    strength, outlier, typicality = (np.frombuffer(blob, "<f4") for blob in floats)
    labels, places = np.frombuffer(clusters, "<i4"), np.frombuffer(xy, "<f4").reshape(-1, 2)
    partition_id, partition = read_partition(db, map_id, labels)
    return AtlasMap(
        int(map_id),
        key,
        created,
        json.loads(parameters),
        np.frombuffer(ids, "<i8"),
        places,
        partition.clusters,
        strength,
        outlier,
        typicality_of(partition.clusters, labels, typicality, places),
        partition.groups,
        partition_id,
    )
