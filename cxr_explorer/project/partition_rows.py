"""Partitions as the project file keeps them: reading and writing rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.partition import LINEAGES, Group, Partition, first_partition
from cxr_explorer.project.storage import Database

STATE = "partition"
"""Kind of state (key "") whose value is the id of the partition in use."""

OF_MAP = "map"
"""`how` of the partition a map begins with; the others are a reader's."""


def groups_to_json(groups: Sequence[Group]) -> str:
    """The groups as the `groups` column holds them."""
    return json.dumps(
        [
            {
                "identity": group.identity,
                "name": group.name,
                "lineage": group.lineage,
                "from": list(group.sources),
                "node": group.node,
            }
            for group in groups
        ]
    )


def groups_from_json(text: str) -> tuple[Group, ...]:
    """The groups of a `groups` column."""
    return tuple(
        Group(
            int(entry["identity"]),
            str(entry.get("name", "")),
            entry["lineage"] if entry.get("lineage") in LINEAGES else "kept",
            tuple(entry.get("from", ())),
            int(entry.get("node", -1)),
        )
        for entry in json.loads(text)
    )


def read_partition(db: Database, map_id: int, labels: NDArray[np.int32]) -> tuple[int | None, Partition]:
    """The partition of a map that is in use, with its id: the reader's last one, else the one the map began with.

    A map without any (of an older version) has its own labels as they are, and None for an id.
    """
    row = db.execute(
        """SELECT partitions.id, clusters, groups FROM partitions
           LEFT JOIN state ON kind = ? AND key = '' AND value = CAST(partitions.id AS TEXT)
           WHERE map_id = ? AND (value IS NOT NULL OR how = ?) ORDER BY value IS NOT NULL DESC, partitions.id DESC""",
        [STATE, map_id, OF_MAP],
    ).fetchone()
    if row is None:
        return None, first_partition(labels)
    return int(row[0]), Partition(np.frombuffer(row[1], "<i4"), groups_from_json(row[2]))


def insert_partition(db: Database, map_id: int, partition: Partition, how: str, at: str) -> int:
    """Stores a partition and returns its id."""
    cursor = db.execute(
        "INSERT INTO partitions VALUES (NULL, ?, ?, ?, ?, ?)",
        [map_id, partition.clusters.astype("<i4").tobytes(), groups_to_json(partition.groups), how, at],
    )
    return int(cursor.lastrowid or 0)


def fresh_identity(db: Database, groups: Sequence[Group]) -> int:
    """The first identity that neither these groups nor any stored partition has."""
    (stored,) = db.execute(
        "SELECT max(json_extract(entry.value, '$.identity')) FROM partitions, json_each(groups) AS entry"
    ).fetchone()
    return max([-1 if stored is None else int(stored), *(group.identity for group in groups)]) + 1


def earlier_groups(db: Database, map_id: int) -> list[tuple[Group, ...]]:
    """The groups of the map's partitions that were in use, oldest first; what was undone does not count."""
    rows = db.execute(
        """SELECT groups FROM partitions WHERE map_id = :map AND (how = :how OR CAST(id AS TEXT) IN (
               SELECT after FROM state_changes JOIN acts ON acts.id = act_id WHERE kind = :kind AND NOT undone))
           ORDER BY id""",
        {"map": map_id, "how": OF_MAP, "kind": STATE},
    )
    return [groups_from_json(text) for (text,) in rows]


def drop_unreachable(db: Database) -> None:
    """Forgets partitions that neither undo nor redo can lead to any more."""
    db.execute(
        """DELETE FROM partitions WHERE how != ? AND CAST(id AS TEXT) NOT IN (
               SELECT value FROM state WHERE kind = ?
               UNION SELECT before FROM state_changes WHERE kind = ? AND before IS NOT NULL
               UNION SELECT after FROM state_changes WHERE kind = ? AND after IS NOT NULL)""",
        [OF_MAP, STATE, STATE, STATE],
    )
