"""An image in a line or two."""

from __future__ import annotations

import numpy as np

from cxr_explorer.project.project import AtlasMap, Project

_FACTS = ("view", "sex", "age", "maker")


def caption(project: Project, atlas_map: AtlasMap | None, image_id: int, suggested: str = "") -> str:
    """Its file, its cluster, what is known of it and what is suggested; empty where it is no image of the project.

    While a project gives way to the next one, views still hold the numbers of its images.
    """
    try:
        record = project.image(image_id)
    except KeyError:
        return ""
    lines = [record.path]
    if atlas_map is not None:
        position = int(np.searchsorted(atlas_map.image_ids, image_id))
        if position < len(atlas_map.image_ids) and atlas_map.image_ids[position] == image_id:
            lines.append(atlas_map.cluster_name(int(atlas_map.clusters[position])))
    known = [*(record.facts[name] for name in _FACTS if name in record.facts), *([suggested] if suggested else [])]
    return "\n".join([*lines, *([", ".join(known)] if known else [])])
