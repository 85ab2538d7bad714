"""How a filter is made, and what becomes of it where the images or what is known of them change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxr_explorer.errors import UserError
from cxr_explorer.project.project import AtlasMap
from cxr_explorer.search.conditions import Conditions, Images
from cxr_explorer.ui.session.selection import NO_IDS, Filter


def filter_of(images: Images, conditions: Conditions, name: str) -> Filter:
    """The images that pass now. Raises UserError where none does, or a fact is not known of any."""
    return Filter(conditions, images.ids_passing(conditions), name, images.person)


def carry_over(kept: Filter, images: Images, before: AtlasMap | None) -> Filter:
    """The filter on another map, or with other facts.

    Args:
        kept: The filter as it was.
        images: Those on the map now.
        before: The map it was made on, of whose images those stay within it that were, whatever was labelled since;
            None: what is known of the images was changed by the reader, and all of them are asked again.

    Raises:
        UserError: Nothing is left of it.
    """
    trouble = f"The filter “{kept.text}” fits no image any more."
    try:
        ids = images.ids_passing(kept.conditions)
    except UserError as error:
        ids, trouble = NO_IDS, str(error)
    if before is not None and kept.changes_by_work:
        ids = np.union1d(np.intersect1d(kept.ids, images.ids), np.setdiff1d(ids, before.image_ids))
    if not ids.size:
        raise UserError(f"{trouble} The filter was taken away.")
    return replace(kept, ids=ids)
