"""The one place of the window where what a reader says becomes a judgement that is stored."""

from __future__ import annotations

from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.project.project import AtlasMap


def judgement(
    atlas_map: AtlasMap | None, finding: str, value: Value | None, reader: str, how: How, cluster: int | None = None
) -> Judgement:
    """What is stored of what the reader says, with the map on screen.

    Args:
        atlas_map: The map on screen, if there is one.
        finding: What is judged.
        value: The judgement; None takes one away.
        reader: Who judges.
        how: How the images are addressed.
        cluster: The number that the cluster they are judged as part of has on the map now, see `Target.cluster`.
    """
    if atlas_map is None:
        return Judgement(finding, value, reader, how)
    identity = atlas_map.identity(cluster) if cluster is not None else None
    return Judgement(finding, value, reader, how, identity, atlas_map.map_id)
