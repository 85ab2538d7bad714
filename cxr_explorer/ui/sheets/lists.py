"""What there is to list on the sheet page besides outliers."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from cxr_explorer.labels.confounders import percent
from cxr_explorer.project.notes import flagged_ids
from cxr_explorer.project.project import AtlasMap, Project
from cxr_explorer.search.duplicates import finding
from cxr_explorer.ui.session.selection import Ranking

STEP = 5000
"""Notes written in one go: some milliseconds."""


@dataclass(frozen=True, eq=False)
class Listed:
    """Images for the page, see `Sheets.show_list`."""

    ranking: Ranking
    about: str
    hint: str
    empty_text: str


def near_duplicates(project: Project, atlas_map: AtlasMap) -> Generator[None, None, Listed]:
    """Copies of a file and pictures that are nearly the same, group by group; in steps of some hundredths of a
    second."""
    alike = yield from finding(project, atlas_map)
    columns = [column.tolist() for column in (alike.image_ids, alike.group, alike.share, alike.same_file)]
    notes: dict[int, str] = {}
    for start in range(0, len(alike.image_ids), STEP):
        yield
        rows = zip(*(column[start : start + STEP] for column in columns), strict=True)
        notes |= {
            image_id: f"{group + 1} · {'same file' if same else percent(share)}"
            for image_id, group, share, same in rows
        }
    copies = len(np.unique(alike.group[alike.same_file]))
    hint = "On the tiles: the group, and the distance to the nearest in it, in % of the usual distance."
    if not alike.pictures:
        hint = "Only files were compared: make the map anew to compare the pictures as well."
    meaning = "Group, and distance to the nearest in it, in % of the usual distance:"
    return Listed(
        Ranking(alike.image_ids, "Group by group", "Near-duplicates", notes, meaning),
        f"{alike.groups:,} group{'' if alike.groups == 1 else 's'}, {copies:,} with equal files",
        hint,
        "No near-duplicates: no two files are equal"
        + (", and no two pictures are nearly the same." if alike.pictures else f". {hint}"),
    )


def to_come_back_to(project: Project, atlas_map: AtlasMap, reader: str) -> tuple[Ranking, str]:
    """The images that a reader flagged, in the order in which they did; and what to say of others, off the map."""
    ids = flagged_ids(project, reader)
    shown = ids[np.isin(ids, atlas_map.image_ids)]
    away = ids.size - shown.size
    about = f"{away:,} more {'is' if away == 1 else 'are'} not on the map" if away else "the first noted first"
    return Ranking(shown, "First noted first", "To come back to", {}, ""), about
