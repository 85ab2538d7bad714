"""From embeddings to a map: neighbours, layout, clusters. A generator made to run in a child process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.clusters import ClusterParameters, CondensedTree, find_clusters, typicality
from cxr_explorer.atlas.layout import LayoutParameters, layout, place_new
from cxr_explorer.atlas.neighbours import Neighbours, compare
from cxr_explorer.encoder.devices import choose_kind
from cxr_explorer.errors import UserError

COMPARING = "Comparing images"
LAYING_OUT = "Laying out the map"
PLACING = "Placing new images"
CLUSTERING = "Finding clusters"


@dataclass(frozen=True)
class MapParameters:
    """What a map is made with, besides the embeddings."""

    layout: LayoutParameters = field(default_factory=LayoutParameters)
    clusters: ClusterParameters = field(default_factory=ClusterParameters)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Plain values for JSON; `from_dict` gives an equal MapParameters back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Mapping[str, Any]]) -> MapParameters:
        """Parameters as stored; what is absent takes its default.

        Raises:
            UserError: A parameter this version does not know: the map would not be the one that was asked for.
        """
        known = {f"layout.{each.name}" for each in fields(LayoutParameters)}
        known |= {f"clusters.{each.name}" for each in fields(ClusterParameters)}
        unknown = sorted({f"{part}.{name}" for part, values in stored.items() for name in values} - known)
        if unknown:
            raise UserError(
                f"The map's parameters hold {', '.join(unknown)}, which this version does not know: it was made by a "
                "newer version of the program. Update the program, or build the map again."
            )
        return cls(
            layout=LayoutParameters(**stored.get("layout", {})),
            clusters=ClusterParameters(**stored.get("clusters", {})),
        )


@dataclass(frozen=True)
class Stage:
    """Where the work stands: what is being done, in words, and how much of that stage is done, 0 to 1."""

    name: str
    fraction: float


@dataclass(frozen=True, eq=False)
class BuiltMap:
    """A map; arrays are parallel to the embeddings.

    Attributes:
        xy: (N, 2) float32, see `layout.layout`.
        labels: (N,) int32, see `clusters.Clustering`.
        strength: (N,) float32, see `clusters.Clustering`.
        outlier: (N,) float32, see `clusters.Clustering`.
        typicality: (N,) float32, see `clusters.typicality`.
        tree: See `clusters.CondensedTree`; None where the map cannot be divided anew.
        neighbours: See `neighbours.Neighbours`; None where none are kept.
        seconds: Seconds each stage took, by its name.
    """

    xy: NDArray[np.float32]
    labels: NDArray[np.int32]
    strength: NDArray[np.float32]
    outlier: NDArray[np.float32]
    typicality: NDArray[np.float32]
    tree: CondensedTree | None = None
    neighbours: Neighbours | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


def build_map(
    embeddings: NDArray[np.floating],
    parameters: MapParameters,
    device: str = "auto",
    initial: NDArray[np.float32] | None = None,
    pinned: bool = False,
) -> Iterator[Stage | BuiltMap]:
    """Yields a Stage whenever there is progress to tell, then the BuiltMap.

    Args:
        embeddings: (N, D), finite; any N, 0 included.
        parameters: See `MapParameters`.
        device: Where images are compared: "auto", "cpu", "cuda" or "mps". Layout and clusters use the CPU.
        initial: (N, 2) an earlier layout to start from, see `layout.layout`.
        pinned: Whether what `initial` places stays there, see `layout.place_new`.

    Raises:
        UserError: The device is not there.
    """
    seconds: dict[str, float] = {}
    began = time.monotonic()
    yield Stage(COMPARING, 0.0)
    kind = choose_kind(device)
    neighbours: Neighbours | None = None
    for step in compare(embeddings, parameters.layout.n_neighbours, "cuda" if kind == "cuda" else "cpu"):
        if isinstance(step, Neighbours):
            neighbours = step
        else:
            yield Stage(COMPARING, step)
    assert neighbours is not None
    seconds[COMPARING] = time.monotonic() - began

    began = time.monotonic()
    stage = PLACING if pinned and initial is not None else LAYING_OUT
    yield Stage(stage, 0.0)
    if pinned and initial is not None:
        xy = place_new(neighbours, initial, parameters.layout)
    else:
        xy = layout(neighbours, embeddings, parameters.layout, initial)
    seconds[stage] = time.monotonic() - began

    began = time.monotonic()
    yield Stage(CLUSTERING, 0.0)
    clustering = find_clusters(xy, parameters.clusters)
    typical = typicality(embeddings, clustering.labels)
    seconds[CLUSTERING] = time.monotonic() - began
    yield Stage(CLUSTERING, 1.0)
    yield BuiltMap(
        xy,
        clustering.labels,
        clustering.strength,
        clustering.outlier,
        typical,
        clustering.tree,
        neighbours,
        seconds,
    )
