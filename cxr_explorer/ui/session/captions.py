"""An image in a line or two."""

from __future__ import annotations

import numpy as np

from cxr_explorer.project.notes import note_of
from cxr_explorer.project.project import AtlasMap, Project

MOST_OF_A_NOTE = 90
"""Characters of a note that a caption has room for."""

_FACTS = ("view", "sex", "age", "maker")


def caption(
    project: Project,
    atlas_map: AtlasMap | None,
    image_id: int,
    reader: str,
    suggested: str = "",
    most_of_a_note: int = MOST_OF_A_NOTE,
) -> str:
    """Its file, its cluster, what is known of it, what is suggested and what the reader noted.

    Empty where it is no image of the project.

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
    note = note_of(project, image_id, reader)
    words = note.text if len(note.text) <= most_of_a_note else f"{note.text[:most_of_a_note].rstrip()}…"
    noted = [*(["Come back later"] if note.flagged else []), *([f"Note: {words}"] if words else [])]
    return "\n".join([*lines, *([", ".join(known)] if known else []), *noted])
