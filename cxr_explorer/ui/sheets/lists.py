"""What there is to list on the sheet page besides outliers and near-duplicates."""

from __future__ import annotations

import numpy as np

from cxr_explorer.project.notes import flagged_ids
from cxr_explorer.project.project import AtlasMap, Project
from cxr_explorer.ui.session.selection import Ranking


def to_come_back_to(project: Project, atlas_map: AtlasMap, reader: str) -> tuple[Ranking, str]:
    """The images that a reader flagged, in the order in which they did; and what to say of others, off the map."""
    ids = flagged_ids(project, reader)
    shown = ids[np.isin(ids, atlas_map.image_ids)]
    away = ids.size - shown.size
    about = f"{away:,} more {'is' if away == 1 else 'are'} not on the map" if away else "the first noted first"
    return Ranking(shown, "First noted first", "To come back to", {}, ""), about
