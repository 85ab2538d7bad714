"""What a reader writes of an image, and which images they want to come back to. Each verb is one act, see `acts`.

A note and a flag are a reader's own, as labels are: nobody else's are shown beside them.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Note, NoteRow
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.acts import Act, Change, recorded
from cxr_explorer.project.project import Ids, Project, now

MOST_CHARACTERS = 2000
"""Of a note: a few paragraphs."""

Incoming = Iterable[tuple[int, str, Note]]
"""Image id, reader and note, of notes that come from elsewhere."""


def tidy(text: str) -> str:
    """A note as it is kept: with plain line ends, without blanks around it and without control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(sign for sign in lines if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs")).strip()


def fitting(text: str) -> str:
    """A note from elsewhere as it is kept: `tidy`, and cut where it is too long."""
    return tidy(text)[:MOST_CHARACTERS].rstrip()


def note_of(project: Project, image_id: int, reader: str) -> Note:
    """A reader's note on one image; an empty one where there is none."""
    return notes_of_images(project, [image_id], reader).get(image_id, Note())


def notes_of_images(project: Project, image_ids: Sequence[int], reader: str) -> dict[int, Note]:
    """A reader's notes on a handful of images (what is on screen), by image id."""
    rows = project.db.execute(
        """SELECT image_id, text, flagged, at FROM reader_notes
           WHERE reader = ? AND image_id IN (SELECT value FROM json_each(?))""",
        [reader, json.dumps([int(image_id) for image_id in image_ids])],
    )
    return {image_id: Note(text, bool(flagged), at) for image_id, text, flagged, at in rows}


def flagged_ids(project: Project, reader: str) -> Ids:
    """Ids of the images that a reader wants to come back to, those noted first before the others."""
    rows = project.db.execute(
        "SELECT image_id FROM reader_notes WHERE reader = ? AND flagged ORDER BY at, image_id", [reader]
    )
    return np.fromiter((row[0] for row in rows), np.int64)


def note_texts(project: Project, reader: str) -> list[tuple[int, str]]:
    """Image id and words of every note of a reader that has words."""
    return project.db.execute(
        "SELECT image_id, text FROM reader_notes WHERE reader = ? AND text != ''", [reader]
    ).fetchall()


def note_rows(project: Project, reader: str | None = None) -> Iterator[NoteRow]:
    """Every note and flag, by file and reader; or those of one reader."""
    rows = project.db.execute(
        """SELECT path, reader, text, flagged, at FROM reader_notes JOIN images ON images.id = image_id
           WHERE :reader IS NULL OR reader = :reader ORDER BY path, reader""",
        {"reader": reader},
    )
    for file, name, text, flagged, at in rows:
        yield NoteRow(file, name, Note(text, bool(flagged), at))


def note_readers(project: Project) -> list[str]:
    """Names that notes or flags are kept under, sorted."""
    return [row[0] for row in project.db.execute("SELECT DISTINCT reader FROM reader_notes ORDER BY reader")]


def write_note(project: Project, image_id: int, text: str, reader: str) -> Change | None:
    """Puts a note in the place of the one the reader wrote of an image before; an empty text takes it away.

    Returns:
        What changed, or None where nothing had to.

    Raises:
        UserError: The note is too long.
    """
    words = tidy(text)
    if len(words) > MOST_CHARACTERS:
        raise UserError(f"A note holds {MOST_CHARACTERS:,} characters at most; this one has {len(words):,}.")
    with recorded(project, reader) as act:
        before = note_of(project, image_id, reader)
        _record(project, act, image_id, reader, before, Note(words, before.flagged))
        # The words themselves stay out of the list of acts, which is shown to whoever sits at the window.
        act.text = "Note on 1 image" if words else "Note removed from 1 image"
    return act.change


def set_flag(project: Project, image_id: int, flagged: bool, reader: str) -> Change | None:
    """Notes that a reader wants to come back to an image, or not any more; None where that is so already."""
    with recorded(project, reader) as act:
        before = note_of(project, image_id, reader)
        _record(project, act, image_id, reader, before, Note(before.text, flagged))
        act.text = "Come back later to 1 image" if flagged else "No coming back to 1 image"
    return act.change


def joined(here: Note, there: Note, take_theirs: bool = False) -> Note:
    """One note out of two of the same reader on the same image: nothing but one of two different texts is lost.

    A flag on either side stays: an image too many to come back to is better than one that is forgotten.
    """
    first, other = (there, here) if take_theirs else (here, there)
    text, flagged = first.text or other.text, here.flagged or there.flagged
    if (text, flagged) == (here.text, here.flagged):
        return here
    return Note(text, flagged, there.at or here.at)


def record_notes(project: Project, act: Act, incoming: Incoming, take_theirs: bool) -> int:
    """Takes in notes as part of an act, see `joined`; returns how many notes and flags here change by it."""
    notes: dict[tuple[int, str], Note] = {}
    for image_id, reader, note in incoming:
        notes[image_id, reader] = joined(notes.get((image_id, reader), Note()), note)
    changed = 0
    for (image_id, reader), there in notes.items():
        here = note_of(project, image_id, reader)
        after = joined(here, there, take_theirs)
        if after != here:
            changed += 1
            _record(project, act, image_id, reader, here, after)
    return changed


def notes_text(count: int) -> str:
    """ "1 note", "1,204 notes"; what is only flagged counts as one."""
    return f"{count:,} note{'' if count == 1 else 's'}"


def labels_and_notes(labels: int, notes: int, images: int | None = None) -> str:
    """ "3 labels", "1 note", "3 labels and 1 note"; with the number of images labelled, "3 labels on 2 images"."""
    on = "" if images is None else f" on {images_text(images)}"
    counted = [f"{labels:,} label{'' if labels == 1 else 's'}{on}"] if labels or not notes else []
    return " and ".join(counted + ([notes_text(notes)] if notes else []))


def _record(project: Project, act: Act, image_id: int, reader: str, before: Note, after: Note) -> None:
    """Records a change as part of an act; one without a time gets the present one."""
    if (before.text, before.flagged) == (after.text, after.flagged):
        return
    sides = [
        (note.text, int(note.flagged), note.at or now()) if note else (None, None, None) for note in (before, after)
    ]
    project.db.execute(
        "INSERT OR REPLACE INTO note_changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [act.number, image_id, reader, *sides[0], *sides[1]],
    )
