"""What the project file keeps of the images: records, and reading what is stored as JSON."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Embedded
from cxr_explorer.encoder.file_model import FileModel
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.labels.fact_table import FactTable, column_of
from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.project.storage import Database

PATIENT_MARK = "patient mark"
"""Name that stands among an image's stored facts for which films may be one patient's; it is no fact to show."""

NO_EMBEDDING = "No embedding of it came in"
"""What the reason of an image begins with that is sound, and of which a file of embeddings has none."""

PATIENT_KEY = "patient key"
"""Setting that holds what the project's marks are made with: random."""


@dataclass(frozen=True)
class KnownFile:
    """What the project remembers of a file, to tell an unchanged one from a changed one."""

    image_id: int
    size_bytes: int
    mtime_ns: int
    digest: str | None


@dataclass(frozen=True)
class FolderChanges:
    """What a scan changed: counts of files."""

    added: int
    changed: int
    missing: int


@dataclass(frozen=True)
class Failure:
    """An image file that could not be read; `passing` where its surroundings were at fault, so that the next run tries
    it again by itself; `bare` where it was not tried, as a file of embeddings has none of it."""

    path: str
    reason: str
    passing: bool = False

    @property
    def bare(self) -> bool:
        return self.reason.startswith(NO_EMBEDDING)


@dataclass(frozen=True)
class ImageRecord:
    """What the project knows of one image, apart from labels.

    `stamp` is the file's size in bytes and the time of its last change, ns since 1970, as the last scan found them.
    """

    image_id: int
    path: str
    size: tuple[int, int]
    facts: Mapping[str, str]
    notes: tuple[str, ...]
    excluded: bool
    replaced: bool
    stamp: tuple[int, int]


def patient_mark(patient: str, key: str) -> str:
    """Eight hex digits that are equal for one patient's films of one project; "" for nobody.

    So few on purpose: thousands of numbers with a birth date share a mark, so that nobody can be found out by trying.
    Whether films with one mark are one patient's is for their headers to say.

    Args:
        patient: See `Radiograph.patient`.
        key: Of the project, so that the marks of two projects cannot be compared.
    """
    return hashlib.blake2b(patient.encode(), key=key.encode(), digest_size=4).hexdigest() if patient else ""


def facts_to_json(facts: Mapping[str, str], mark: str) -> str:
    """Facts and `patient_mark` as they are stored."""
    return json.dumps({**facts, PATIENT_MARK: mark} if mark else dict(facts), sort_keys=True)


def facts_of(text: str) -> dict[str, str]:
    """The facts of an image; none where they are damaged, which the next run over the folder mends."""
    try:
        return {str(name): str(value) for name, value in json.loads(text).items() if name != PATIENT_MARK}
    except (ValueError, AttributeError):
        return {}


def notes_of(text: str) -> tuple[str, ...]:
    """The notes of an image; none where they are damaged."""
    try:
        return tuple(str(note) for note in json.loads(text))
    except (ValueError, TypeError):
        return ()


def encoder_row(database: Database, encoder: EncoderInfo | FileModel) -> int:
    """The encoder's number in the project, which it gets here where it is new; in a transaction."""
    database.execute(
        "INSERT OR IGNORE INTO encoders (key, name, dimension) VALUES (?, ?, ?)",
        [encoder.key, encoder.name, encoder.dimension],
    )
    return int(database.execute("SELECT id FROM encoders WHERE key = ?", [encoder.key]).fetchone()[0])


def without_embedding(database: Database, encoder_key: str) -> list[tuple[int, str]]:
    """Ids and paths of the images that were read, are there still, and have no embedding of this encoder."""
    rows = database.execute(
        """SELECT id, path FROM images WHERE state = 'read' AND NOT missing AND id NOT IN (
               SELECT image_id FROM embeddings JOIN encoders ON encoders.id = encoder_id WHERE key = ?)
           ORDER BY id""",
        [encoder_key],
    )
    return [(int(image_id), str(path)) for image_id, path in rows]


def insert_embeddings(database: Database, encoder: EncoderInfo, items: Iterable[Embedded]) -> int:
    """Stores embeddings of images whose content is the one that is known, in a transaction, and nothing else of them.

    Returns how many were stored.
    """
    encoder_id = encoder_row(database, encoder)
    by_id = {item.image_id: item for item in items}
    rows = database.execute(
        "SELECT id, digest FROM images WHERE id IN (SELECT value FROM json_each(?))", [json.dumps(list(by_id))]
    ).fetchall()
    same = [by_id[image_id] for image_id, digest in rows if by_id[image_id].digest == digest]
    database.conn.executemany(
        "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)",
        ((encoder_id, item.image_id, item.embedding.astype("<f4").tobytes()) for item in same),
    )
    return len(same)


def patient_marks(database: Database, image_ids: NDArray[np.int64]) -> list[str | None]:
    """(N,) equal marks are one patient's films by their headers, see `patient_mark`; None where that is not known."""
    rows = database.execute(
        f"""SELECT id, CASE WHEN json_valid(facts) THEN json_extract(facts, '$."{PATIENT_MARK}"') END FROM images
            WHERE id IN (SELECT value FROM json_each(?))""",
        [json.dumps(image_ids.tolist())],
    )
    marks = dict(rows.fetchall())
    return [marks.get(image_id) for image_id in image_ids.tolist()]


def labelled_by(database: Database) -> dict[str, list[str]]:
    """Who has labels of what: finding -> names, all in the order of their text.

    It hops from one finding and reader to the next, no matter how many labels there are: labels lie by finding, reader
    and image, so that those of an image are looked up finding by finding.
    """
    found: dict[str, list[str]] = {}
    (finding,) = database.execute("SELECT min(finding) FROM labels").fetchone()
    while finding is not None:
        names: list[str] = []
        (name,) = database.execute("SELECT min(reader) FROM labels WHERE finding = ?", [finding]).fetchone()
        while name is not None:
            names.append(name)
            (name,) = database.execute(
                "SELECT min(reader) FROM labels WHERE finding = ? AND reader > ?", [finding, name]
            ).fetchone()
        found[finding] = names
        (finding,) = database.execute("SELECT min(finding) FROM labels WHERE finding > ?", [finding]).fetchone()
    return found


def labelled_pairs(database: Database) -> str:
    """`labelled_by` as JSON for LABELLED_PAIRS: a list of [finding, reader]."""
    return json.dumps([[finding, name] for finding, names in labelled_by(database).items() for name in names])


LABELLED_PAIRS: Final = """pair(finding, reader) AS MATERIALIZED (
    SELECT value ->> 0, value ->> 1 FROM json_each(:pairs))"""
"""For WITH: what `labelled_pairs` says, bound as `pairs`, to be joined with images and then with their labels."""


def take_scan(
    database: Database, new: Sequence[ScannedFile], same: Sequence[ScannedFile]
) -> tuple[FolderChanges, list[int]]:
    """Takes in what a scan found, see `Project.update_files`.

    Returns what changed, and the ids of the images whose file has other content than before."""
    execute_many = database.conn.executemany
    known = {str(row[0]): int(row[1]) for row in database.execute("SELECT path, id FROM images")}
    changed = [(file.size_bytes, file.mtime_ns, known[file.path]) for file in new if file.path in known]
    ids = [image_id for _, _, image_id in changed]
    for table in ("embeddings", "thumbnails"):
        execute_many(f"DELETE FROM {table} WHERE image_id = ?", ((image_id,) for image_id in ids))
    _take_changed_files(database, changed)
    added = [(file.path, file.size_bytes, file.mtime_ns) for file in new if file.path not in known]
    execute_many("INSERT INTO images (path, size_bytes, mtime_ns) VALUES (?, ?, ?)", added)
    database.execute("UPDATE images SET missing = 1")
    execute_many("UPDATE images SET missing = 0 WHERE path = ?", ((file.path,) for file in (*new, *same)))
    execute_many(
        "UPDATE images SET size_bytes = ?, mtime_ns = ? WHERE path = ?",
        ((file.size_bytes, file.mtime_ns, file.path) for file in same),
    )
    (missing,) = database.execute("SELECT count(*) FROM images WHERE missing").fetchone()
    return FolderChanges(len(added), len(changed), int(missing)), ids


def _take_changed_files(database: Database, changed: Iterable[tuple[int, int, int]]) -> None:
    """Files with other content than before, (size in bytes, time of change in ns, image id) each, are to be read anew;
    those with labels are marked `replaced`."""
    pairs = labelled_pairs(database)
    database.conn.executemany(
        f"""WITH {LABELLED_PAIRS}
            UPDATE images SET size_bytes = :size, mtime_ns = :mtime, state = 'new', reason = NULL,
                replaced = replaced OR (digest IS NOT NULL
                    AND EXISTS (SELECT 1 FROM pair JOIN labels USING (finding, reader) WHERE image_id = images.id)),
                digest = NULL
            WHERE id = :id""",
        ({"size": size, "mtime": mtime, "id": image_id, "pairs": pairs} for size, mtime, image_id in changed),
    )


def image_columns(database: Database) -> dict[str, NDArray[Any]]:
    """Every file the project knows as columns (N,), by id.

    Returns:
        `image_id` int64; `file` object, of str; `state` object: "read", "new" or "failed"; `height_px`, `width_px`
        int64, 0 where not read; `excluded`, `missing`, `replaced` bool.
    """
    rows = database.execute(
        """SELECT id, path, state, ifnull(height_px, 0), ifnull(width_px, 0), excluded, missing, replaced
           FROM images ORDER BY id"""
    ).fetchall()
    names = ("image_id", "file", "state", "height_px", "width_px", "excluded", "missing", "replaced")
    kinds = (np.int64, np.object_, np.object_, np.int64, np.int64, np.bool_, np.bool_, np.bool_)
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return {name: np.array(column, kind) for name, kind, column in zip(names, kinds, columns, strict=True)}


# -- facts of all images -----------------------------------------------------------------------------------------------


STEP: Final = 1500
"""Images read in one go: a few milliseconds."""

FOLDER: Final = "folder"
"""The fact that every image has: the folder it lies in."""


class _Told:
    """One fact of some images as it is read: their ids, and what is said of each as a position in `values`."""

    def __init__(self) -> None:
        self.image_ids = array("q")
        self.codes = array("i")
        self.values: dict[str, int] = {}


def reading_facts(database: Database) -> Generator[None, None, FactTable]:
    """Reads what is known of every image that was read, in steps of some milliseconds: returns it at the end.

    It is what the image's file says, overruled by what a table says, and the folder it lies in; patients and studies
    are not among it, see `Project.patient_groups`.
    """
    image_ids, kinds, folders = array("q"), array("i"), array("i")
    kind_of: dict[str, int] = {}  # few differ
    known: list[dict[str, str]] = []
    folder_of: dict[str, int] = {}
    told: dict[str, _Told] = {}
    last = -1
    while True:
        rows = database.execute(
            """SELECT id, path, CASE WHEN json_valid(facts) THEN json_remove(facts, '$."patient mark"') ELSE facts END
               FROM images WHERE state = 'read' AND id > ? ORDER BY id LIMIT ?""",
            [last, STEP],
        ).fetchall()
        if not rows:
            break
        for image_id, path, text in rows:
            image_ids.append(image_id)
            folders.append(folder_of.setdefault(path.rpartition("/")[0], len(folder_of)))
            if (kind := kind_of.get(text)) is None:
                kind = kind_of[text] = len(known)
                known.append(facts_of(text))
            kinds.append(kind)
        yield
        for image_id, name, value in database.execute(
            """SELECT image_id, name, value FROM metadata
               WHERE image_id > ? AND image_id <= ? AND name NOT IN ('patient', 'study')""",
            [last, image_ids[-1]],
        ).fetchall():
            if (one := told.get(name)) is None:
                one = told[name] = _Told()
            one.image_ids.append(image_id)
            one.codes.append(one.values.setdefault(value, len(one.values)))
        last = image_ids[-1]
        yield
    ids, kind_codes = np.array(image_ids, np.int64), np.array(kinds, np.int32)
    columns = {}
    for name in sorted({FOLDER, *told, *(name for one in known for name in one)}):
        value_of: dict[str, int] = {}
        codes = np.full(len(ids), -1, np.int32)
        if name == FOLDER:
            value_of = {folder or "(top)": code for folder, code in folder_of.items()}
            codes = np.array(folders, np.int32)
        elif any(name in one for one in known):
            of_kind = [value_of.setdefault(one.get(name, ""), len(value_of)) for one in known]
            codes = np.array(of_kind, np.int32)[kind_codes]
        if name in told:
            one = told[name]
            of_value = [value_of.setdefault(value, len(value_of)) for value in one.values]
            at, there = look_up(ids, np.array(one.image_ids, np.int64))
            codes[at[there]] = np.array(of_value, np.int32)[np.array(one.codes, np.int32)][there]
        columns[name] = column_of(name, list(value_of), codes)
        yield
    return FactTable(ids, {name: column for name, column in columns.items() if column.values})
