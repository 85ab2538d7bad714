"""Reading again, blind: a random part of what a reader read one by one, to see how far they agree with themselves."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from cxr_explorer.labels.label import ONE_BY_ONE
from cxr_explorer.labels.reader_names import reread_name
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.acts import Change, recorded, state
from cxr_explorer.project.project import Ids, Project, now

KIND = "reread"
"""Kind of the state that holds the draws."""

_ONE_BY_ONE = ", ".join(f"'{how}'" for how in ONE_BY_ONE)


@dataclass(frozen=True)
class Draw:
    """A random sample that was drawn for re-reading.

    Attributes:
        at: When.
        seed: Of numpy's default generator; with the same labels it draws the same images again.
        population: Images it was drawn from.
        image_ids: The images, in the order they are shown.
    """

    at: str
    seed: int
    population: int
    image_ids: tuple[int, ...]


def rereadable_ids(project: Project, reader: str, finding: str) -> Ids:
    """Ids (N,) of the images the reader judged one by one and not a second time yet, ascending.

    Labels given in bulk or taken from a table are not a reading to compare with. Excluded images, and those no longer
    in the folder, are left out.
    """
    rows = project.db.execute(
        f"""SELECT image_id FROM labels JOIN images ON images.id = image_id
            WHERE finding = :finding AND reader = :reader AND how IN ({_ONE_BY_ONE}) AND NOT excluded AND NOT missing
                AND image_id NOT IN (SELECT image_id FROM labels WHERE finding = :finding AND reader = :again)
            ORDER BY image_id""",
        {"finding": finding, "reader": reader, "again": reread_name(reader)},
    )
    return np.fromiter((row[0] for row in rows), np.int64)


def draws(project: Project, reader: str, finding: str) -> list[Draw]:
    """What was drawn so far, oldest first."""
    stored = json.loads(state(project, KIND, _key(reader, finding)) or "[]")
    return [Draw(**{**entry, "image_ids": tuple(entry["image_ids"])}) for entry in stored]


def left_to_reread(project: Project, reader: str, finding: str) -> Ids:
    """Ids (M,) of the images drawn and not read again yet, in the order they are to be shown."""
    open_ids = rereadable_ids(project, reader, finding)
    drawn = [image_id for draw in draws(project, reader, finding) for image_id in draw.image_ids]
    ids = np.array(list(dict.fromkeys(drawn)), np.int64)
    return ids[np.isin(ids, open_ids)]


def draw_rereads(project: Project, reader: str, finding: str, size: int, seed: int) -> Change | None:
    """Draws images for re-reading, as one act; with fewer than `size` there it draws all of them.

    The draw is kept before the first image is shown, so that which images count is not a matter of how they came out.
    Images drawn before and still to be read are not drawn twice.

    Returns:
        What changed, or None where there is nothing to draw from.
    """
    open_ids = np.setdiff1d(rereadable_ids(project, reader, finding), left_to_reread(project, reader, finding))
    if not open_ids.size or size < 1:
        return None
    chosen = np.random.default_rng(seed).permutation(open_ids)[:size]
    draw = Draw(now(), seed, int(open_ids.size), tuple(chosen.tolist()))
    with recorded(project, reader) as act:
        every = [asdict(earlier) for earlier in (*draws(project, reader, finding), draw)]
        act.put(KIND, _key(reader, finding), json.dumps(every))
        act.text = f"{images_text(len(chosen))} drawn for reading again: {finding}"
    return act.change


def _key(reader: str, finding: str) -> str:
    return json.dumps([reader, finding])
