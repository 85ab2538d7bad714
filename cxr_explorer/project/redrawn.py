"""Some files are drawn otherwise than before: their embeddings are made anew, all others are kept.

A newer version of the program draws them so, or the project shows another frame of files of several.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from cxr_explorer.encoder.embed import Batch
from cxr_explorer.encoder.file_model import KEYS_LIKE
from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_frames import MIDDLE, NOTED_LIKE, Frame, frame_of_text, is_shown
from cxr_explorer.images.redrawn import REDRAWN_VERSION
from cxr_explorer.project.image_rows import ImageRecord, notes_of
from cxr_explorer.project.project import MAP_OUTDATED, Project

_SETTING = "pictures drawn by version"
_FRAME = "frame of several"
_OURS = f"encoder_id NOT IN (SELECT id FROM encoders WHERE key LIKE '{KEYS_LIKE}')"
"""SQL: an embedding did not come in a file."""


def is_redrawing_due(project: Project) -> bool:
    """Whether the project's pictures were drawn by an earlier version, so that the scan must look which may differ."""
    return project.get(_SETTING) != str(REDRAWN_VERSION)


def forget_redrawn(project: Project, paths: Iterable[str]) -> None:
    """Drops the embeddings of the images at these paths: the next run makes them anew. Labels are not touched.

    Images whose files are away are judged by what was noted of them when they were read. Embeddings that came in a file
    say nothing of how this program draws, and stay.
    """
    with project.db.atomic():
        project.db.conn.executemany(
            f"DELETE FROM embeddings WHERE {_OURS} AND image_id IN (SELECT id FROM images WHERE path = ?)",
            ((path,) for path in paths),
        )
        project.db.execute(
            f"""DELETE FROM embeddings WHERE {_OURS} AND image_id IN (
                   SELECT id FROM images WHERE missing AND (facts LIKE '%"photometric"%' OR notes != '[]'))"""
        )
        project.set(_SETTING, str(REDRAWN_VERSION))


def mark_redrawn(project: Project, batch: Batch) -> None:
    """Before a batch is stored: notes for the next map the images whose picture differs from the one they had.

    Only these may leave their places on it.
    """
    before = project.thumbnails([item.image_id for item in batch.embedded])
    differ = {item.image_id for item in batch.embedded if before.get(item.image_id, item.thumbnail) != item.thumbnail}
    if differ and project.get(MAP_OUTDATED) != "yes":
        with project.db.atomic():
            project.set(MAP_OUTDATED, json.dumps(sorted(differ.union(project.outdated_ids().tolist()))))


def shown_frame(project: Project) -> Frame:
    """Which frame of files of several the project shows and embeds."""
    try:
        return frame_of_text(project.get(_FRAME, str(MIDDLE)))
    except UserError:  # damaged
        return MIDDLE


def stamp_as_shown(project: Project, image: ImageRecord) -> tuple[int, int] | None:
    """`ImageRecord.stamp`, where the frame that the project shows is the one that was read then; else None."""
    return image.stamp if is_shown(shown_frame(project), image.notes) else None


def show_frame(project: Project, frame: Frame) -> None:
    """Chooses which frame of files of several the project shows and embeds. Labels are not touched.

    Embeddings of films that show another one are dropped, so that the next run makes them anew, but for those that came
    in a file; files that could not be read are tried again, as it may have been for that frame.
    """
    if frame == shown_frame(project):
        return
    rows = project.db.execute("SELECT id, notes FROM images WHERE notes LIKE ?", [NOTED_LIKE]).fetchall()
    others = [(image_id,) for image_id, notes in rows if not is_shown(frame, notes_of(notes))]
    with project.db.atomic():
        project.db.conn.executemany(f"DELETE FROM embeddings WHERE {_OURS} AND image_id = ?", others)
        project.retry_failed()
        project.set(_FRAME, str(frame))
