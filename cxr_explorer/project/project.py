"""A project: one SQLite file that holds what is known of one folder of images."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.atlas.clusters import CondensedTree
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch, Source
from cxr_explorer.encoder.file_model import FileModel
from cxr_explorer.errors import UserError
from cxr_explorer.files import make_private_folder
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.labels.fact_table import FactTable
from cxr_explorer.labels.vocabulary import Vocabulary, usual_excludes, vocabulary_of
from cxr_explorer.pace import run_out
from cxr_explorer.project.backup import back_up_daily
from cxr_explorer.project.damage import damaged_rows
from cxr_explorer.project.file import (
    OpenFile,
    connect_read_only,
    connect_to_view,
    connecting,
    create,
    default_project_path,
    is_unfinished,
)
from cxr_explorer.project.image_rows import (
    PATIENT_KEY,
    encoder_row,
    facts_of,
    facts_to_json,
    notes_of,
    patient_mark,
    reading_facts,
    take_scan,
)
from cxr_explorer.project.image_rows import Failure as Failure
from cxr_explorer.project.image_rows import FolderChanges as FolderChanges
from cxr_explorer.project.image_rows import ImageRecord as ImageRecord
from cxr_explorer.project.image_rows import KnownFile as KnownFile
from cxr_explorer.project.map_rows import AtlasMap as AtlasMap
from cxr_explorer.project.map_rows import Ids as Ids
from cxr_explorer.project.map_rows import insert_map, read_latest_map, read_neighbours, read_tree
from cxr_explorer.project.storage import Connection, StorageError

ROOM_BYTES = 1 << 20
"""Less room than this on its disk is none: the next act would not fit."""

VOCABULARY = "vocabulary"
"""Setting that holds the findings the reader works with, as JSON."""

MAP_OUTDATED = "map outdated"
"""Setting that is not empty when files of the newest map have got another content since the map was made: their ids as
a JSON list, or "yes" in files of older versions."""


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def vocabulary_to_json(vocabulary: Vocabulary) -> str:
    """A vocabulary as its setting holds it."""
    content: dict[str, object] = {"name": vocabulary.name, "findings": vocabulary.findings}
    if vocabulary.excludes != usual_excludes(vocabulary.findings):
        content["excludes"] = vocabulary.excludes
    content |= {name: some for name, some in (("groups", vocabulary.groups), ("keys", vocabulary.keys)) if some}
    return json.dumps(content)


class Project:
    """An open project file. Open one with `Project.create`, `Project.open` or `Project.open_read_only`.

    Only one process may hold a project open for writing; others may read it meanwhile.
    """

    def __init__(self, path: Path, opened: OpenFile) -> None:
        self.path = path
        self.db = opened.database
        self._opened = opened
        self.finish_steps: Callable[[], None] = lambda: None  # ends an act stored in steps, before another write

    # -- opening and closing ---------------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, folder: Path, vocabulary: Vocabulary) -> Self:
        """Makes a new project for an image folder.

        Raises:
            UserError: The file exists already or its place cannot be written.
        """
        try:
            make_private_folder(path.parent)
        except OSError as error:
            raise UserError(
                f"Cannot create {path}: {error.strerror or error}. Choose another place with --project."
            ) from error
        begun = {"folder": str(folder.resolve()), "created": now(), VOCABULARY: vocabulary_to_json(vocabulary)}
        return cls(path, create(path, begun))

    @classmethod
    def of_folder(cls, folder: Path, path: Path | None, vocabulary: Vocabulary, back_up: bool = True) -> Self:
        """`opening_of_folder`, done at once."""
        return run_out(cls.opening_of_folder(folder, path, vocabulary, back_up))

    @classmethod
    def opening_of_folder(
        cls, folder: Path, path: Path | None, vocabulary: Vocabulary, back_up: bool = True
    ) -> Generator[None, None, Self]:
        """Opens the project of an image folder, in steps, or makes it.

        Args:
            folder: The image folder.
            path: Its project file; None for the default place.
            vocabulary: For a new project.
            back_up: See `open`.

        Raises:
            UserError: There is no such folder, the file is another folder's project, or as `open` and `create` do.
        """
        if not folder.is_dir():
            raise UserError(f"Cannot open {folder}: no such folder. Choose the folder that holds the radiographs.")
        path = path or default_project_path(folder)
        if not path.exists() or is_unfinished(path):
            return cls.create(path, folder, vocabulary)
        project = yield from cls.opening(path, back_up)
        if not project.get("folder"):  # lost in a damaged file
            project.set("folder", str(folder.resolve()))
        if project.folder != folder.resolve():
            other = project.folder
            project.close()
            raise UserError(f"{path} is the project of another folder, {other}. Choose another file, or that folder.")
        return project

    @classmethod
    def open(cls, path: Path, back_up: bool = True) -> Self:
        """`opening`, done at once."""
        return run_out(cls.opening(path, back_up))

    @classmethod
    def opening(cls, path: Path, back_up: bool = True) -> Generator[None, None, Self]:
        """Opens a project for reading and writing, in steps: an older one is brought up to date, a damaged one mended.

        Args:
            path: The project file.
            back_up: Whether to make the backup of the day first, if it is due: seconds for a million labels.

        Raises:
            UserError: Not there, not a project, made by a newer version, damaged, not writable, or open elsewhere.
        """
        if not path.is_file():
            raise UserError(f"Cannot open {path}: no such file. Check the path, or open the image folder instead.")
        project = cls(path, (yield from connecting(path)))
        if back_up:
            back_up_daily(path)
        return project

    @classmethod
    def open_read_only(cls, path: Path) -> Self:
        """Opens a project for reading, also while another process writes it. Raises UserError as `open` does."""
        if not path.is_file():
            raise UserError(f"Cannot open {path}: no such file. Check the path.")
        return cls(path, connect_read_only(path))

    @classmethod
    def open_to_view(cls, path: Path) -> Self:
        """Opens a project that cannot be written where it lies, see `viewed`. Raises UserError as `open` does."""
        return cls(path, connect_to_view(path))

    @property
    def viewed(self) -> str:
        """Why the project can only be looked at, in words; empty where it can be written, or another process does."""
        return self._opened.viewed

    @property
    def lost(self) -> tuple[str, ...]:
        """What was damaged and mended when the project was opened, in words."""
        return self._opened.lost

    @property
    def trouble(self) -> StorageError | None:
        """What keeps the file from being written since an act could not be stored, until `writing_works`."""
        connection = self.db.conn
        return connection.trouble if isinstance(connection, Connection) else None

    def writing_works(self) -> bool:
        """Tries whether acts can be stored again; ends `trouble` if so."""
        try:
            if shutil.disk_usage(self.path.parent).free < ROOM_BYTES:
                return False
            self.set("tried to write", now())
        except (StorageError, OSError):
            return False
        assert isinstance(self.db.conn, Connection)
        self.db.conn.trouble = None
        return True

    def close(self) -> None:
        """Closes the file; closing twice does nothing."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- settings --------------------------------------------------------------------------------------------------

    def get(self, key: str, default: str = "") -> str:
        """A setting's text, or the default."""
        row = self.db.execute("SELECT value FROM settings WHERE key = ?", [key]).fetchone()
        return str(row[0]) if row else default

    def set(self, key: str, value: str) -> None:
        """Stores a setting."""
        with self.db.atomic():
            self.db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [key, value])

    @property
    def folder(self) -> Path:
        """The image folder. It is only ever read."""
        return Path(self.get("folder") or "(not known)")

    @property
    def vocabulary(self) -> Vocabulary:
        """The findings the reader works with. Labels of findings outside it are kept."""
        return vocabulary_of(json.loads(self.get(VOCABULARY)))

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Chooses the findings to work with; no label is touched."""
        self.set(VOCABULARY, vocabulary_to_json(vocabulary))

    # -- images ----------------------------------------------------------------------------------------------------

    def known_files(self) -> dict[str, KnownFile]:
        """Every file the project knows, by path, for the scan to compare with."""
        rows = self.db.execute("SELECT path, id, size_bytes, mtime_ns, digest FROM images")
        return {path: KnownFile(*rest) for path, *rest in rows}

    def update_files(self, found: Iterable[ScannedFile], unchanged: Iterable[ScannedFile]) -> FolderChanges:
        """Takes in the result of a whole scan.

        Args:
            found: Files that are new, or whose content differs from what the project knows: to be read (again).
            unchanged: Files with known content; their size and time are brought up to date.

        A file whose content changed keeps its labels and is marked `replaced` if it had any: the labels speak of a
        picture that is gone, and only a reader can tell whether they still hold.
        """
        new, same = list(found), list(unchanged)
        self.finish_steps()
        with self.db.atomic():
            for damage in damaged_rows(self.db):
                for statement, values in damage.cure:
                    self.db.execute(statement, values)
            changes, changed = take_scan(self.db, new, same)
            if changed:
                outdated = sorted({*self.outdated_ids().tolist(), *changed})
                self.set(MAP_OUTDATED, json.dumps(outdated) if self.get(MAP_OUTDATED) != "yes" else "yes")
        return changes

    def outdated_ids(self) -> Ids:
        """Ids, ascending, of the images whose file has got another content since the newest map was made."""
        stored = self.get(MAP_OUTDATED)
        return np.array(json.loads(stored) if stored.startswith("[") else [], np.int64)

    def retry_failed(self) -> None:
        """Marks every unreadable file to be read again at the next run."""
        with self.db.atomic():
            self.db.execute("UPDATE images SET state = 'new', reason = NULL WHERE state = 'failed'")

    def pending(self, encoder_key: str) -> list[Source]:
        """Files that are there, were not found unreadable, and lack an embedding of this encoder or a thumbnail."""
        rows = self.db.execute(
            """SELECT id, path FROM images WHERE state != 'failed' AND NOT missing AND (
                   id NOT IN (SELECT image_id FROM embeddings JOIN encoders ON encoders.id = encoder_id WHERE key = ?)
                   OR id NOT IN (SELECT image_id FROM thumbnails))
               ORDER BY id""",
            [encoder_key],
        )
        folder = self.folder
        return [Source(image_id, folder / path) for image_id, path in rows]

    def failures(self) -> list[Failure]:
        """Files that are there and could not be read, by path."""
        rows = self.db.execute(
            """SELECT path, reason, state != 'failed' FROM images WHERE reason IS NOT NULL AND NOT missing
               ORDER BY path COLLATE NOCASE"""
        )
        return [Failure(path, reason, bool(passing)) for path, reason, passing in rows]

    def image_count(self) -> int:
        """Number of files in the folder that the project knows, unreadable ones included."""
        return int(self.db.execute("SELECT count(*) FROM images WHERE NOT missing").fetchone()[0])

    def image(self, image_id: int) -> ImageRecord:
        """One image's record. Raises KeyError for an unknown id."""
        row = self.db.execute(
            """SELECT path, width_px, height_px, facts, notes, excluded, replaced, size_bytes, mtime_ns
               FROM images WHERE id = ?""",
            [image_id],
        ).fetchone()
        if row is None:
            raise KeyError(image_id)
        path, width, height, facts, notes, excluded, replaced, *stamp = row
        return ImageRecord(
            image_id,
            path,
            (width or 0, height or 0),
            facts_of(facts),
            notes_of(notes),
            bool(excluded),
            bool(replaced),
            (stamp[0], stamp[1]),
        )

    def paths(self) -> dict[int, str]:
        """Relative path of every image by id."""
        return {int(row[0]): str(row[1]) for row in self.db.execute("SELECT id, path FROM images")}

    def facts(self) -> FactTable:
        """What is known of every image that was read, by id, see `reading_facts`."""
        return run_out(self.reading_facts())

    def reading_facts(self) -> Generator[None, None, FactTable]:
        """The same in steps of some milliseconds."""
        return reading_facts(self.db)

    def patient_groups(self, image_ids: Ids) -> Ids:
        """(N,) int64, parallel to the ids: equal numbers are one patient's images; -1 where the patient is not known.

        Patients are known where a table said so. The numbers mean nothing beyond this project.
        """
        rows = self.db.execute("SELECT image_id, value FROM metadata WHERE name = 'patient'")
        group_of = {image_id: int(group) for image_id, group in rows}
        if not group_of:
            return np.full(len(image_ids), -1, np.int64)
        return np.fromiter((group_of.get(image_id, -1) for image_id in image_ids.tolist()), np.int64, len(image_ids))

    def excluded_ids(self) -> Ids:
        """Ids of the excluded images, ascending."""
        rows = self.db.execute("SELECT id FROM images WHERE excluded ORDER BY id")
        return np.fromiter((row[0] for row in rows), np.int64)

    def thumbnails(self, image_ids: Sequence[int]) -> dict[int, bytes]:
        """JPEG bytes by id; ids without a thumbnail are left out."""
        rows = self.db.execute(
            "SELECT image_id, jpeg FROM thumbnails WHERE image_id IN (SELECT value FROM json_each(?))",
            [json.dumps([int(image_id) for image_id in image_ids])],
        )
        return dict(rows.fetchall())

    def thumbnail_ids(self) -> Ids:
        """Ids of the images that have a thumbnail, ascending."""
        rows = self.db.execute("SELECT image_id FROM thumbnails ORDER BY image_id")
        return np.fromiter((row[0] for row in rows), np.int64)

    # -- embeddings ------------------------------------------------------------------------------------------------

    def store_batch(self, encoder: EncoderInfo | FileModel, batch: Batch) -> None:
        """Stores one batch of results in one transaction."""
        self.finish_steps()
        with self.db.atomic():
            encoder_id = encoder_row(self.db, encoder)
            if not (key := self.get(PATIENT_KEY)):
                self.set(PATIENT_KEY, key := secrets.token_hex(16))
            execute_many = self.db.conn.executemany
            execute_many(
                """UPDATE images SET state = 'read', reason = NULL, digest = ?, height_px = ?, width_px = ?,
                   facts = ?, notes = ? WHERE id = ?""",
                (
                    (
                        item.digest,
                        item.height_px,
                        item.width_px,
                        facts_to_json(item.facts, patient_mark(item.patient, key)),
                        json.dumps(item.notes),
                        item.image_id,
                    )
                    for item in batch.embedded
                ),
            )
            execute_many(
                "INSERT OR REPLACE INTO thumbnails VALUES (?, ?)",
                ((item.image_id, item.thumbnail) for item in batch.embedded),
            )
            execute_many(
                "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)",
                ((encoder_id, item.image_id, item.embedding.astype("<f4").tobytes()) for item in batch.embedded),
            )
            # A verdict stays with the content it was given on; what the surroundings did leaves the file to be read.
            execute_many(
                "UPDATE images SET state = 'failed', reason = ?, digest = ? WHERE id = ?",
                (
                    (item.reason, item.digest or None, item.image_id)
                    for item in batch.unreadable
                    if item.digest is not None
                ),
            )
            execute_many(
                "UPDATE images SET reason = ? WHERE id = ?",
                ((item.reason, item.image_id) for item in batch.unreadable if item.digest is None),
            )

    def embeddings(self, encoder_key: str, most: int | None = None) -> tuple[Ids, NDArray[np.float32]]:
        """Ids (N,) ascending and embeddings (N, D) float32 of images that are still in the folder, the first `most`.

        Damaged ones are left out; see `drop_embeddings`.
        """
        rows = self.db.execute(
            """SELECT image_id, vector FROM embeddings JOIN encoders ON encoders.id = encoder_id
               JOIN images ON images.id = image_id WHERE key = ? AND NOT missing AND length(vector) = 4 * dimension
               ORDER BY image_id LIMIT ?""",
            [encoder_key, -1 if most is None else most],
        )
        found, held = [], bytearray()  # a list of all rows would take the memory twice more
        for image_id, vector in rows:
            found.append(image_id)
            held += vector
        ids = np.array(found, np.int64)
        if not found:
            return ids, np.zeros((0, 0), np.float32)
        vectors = np.frombuffer(held, "<f4").astype(np.float32, copy=False).reshape(len(ids), -1)
        sound = np.isfinite(vectors).all(axis=1)
        return (ids, vectors) if sound.all() else (ids[sound], vectors[sound])

    def embedded_ids(self, encoder_key: str) -> Ids:
        """Ids (N,) of the images that `embeddings` returns, ascending."""
        rows = self.db.execute(
            """SELECT image_id FROM embeddings JOIN encoders ON encoders.id = encoder_id
               JOIN images ON images.id = image_id WHERE key = ? AND NOT missing ORDER BY image_id""",
            [encoder_key],
        )
        return np.fromiter((row[0] for row in rows), np.int64)

    def drop_embeddings(self, encoder_key: str, image_ids: Ids) -> None:
        """Forgets the embeddings of some images, for the next run to make them anew."""
        with self.db.atomic():
            self.db.execute(
                """DELETE FROM embeddings WHERE encoder_id = (SELECT id FROM encoders WHERE key = ?)
                   AND image_id IN (SELECT value FROM json_each(?))""",
                [encoder_key, json.dumps(image_ids.tolist())],
            )

    # -- maps ------------------------------------------------------------------------------------------------------

    def store_map(
        self,
        encoder: EncoderInfo | FileModel,
        parameters: Mapping[str, Any],
        image_ids: Ids,
        built: BuiltMap,
    ) -> int:
        """Stores a map of these images, in its order, and returns its number.

        Older maps are kept: labels name the map they were given on. Of tree and neighbours, which are large, only the
        newest map's are kept.
        """
        self.finish_steps()
        with self.db.atomic():
            self.set(MAP_OUTDATED, "")
            return insert_map(self.db, encoder_row(self.db, encoder), now(), parameters, image_ids, built)

    def tree(self, map_id: int) -> CondensedTree | None:
        """The condensed tree of a map; None where it is not kept, or damaged."""
        return read_tree(self.db, map_id)

    def neighbours(self, map_id: int) -> Neighbours | None:
        """The nearest images of every image of a map, as rows of its `image_ids`; None where they are not kept, or
        damaged."""
        return read_neighbours(self.db, map_id)

    def latest_map(self) -> AtlasMap | None:
        """The newest map, or None."""
        return read_latest_map(self.db)
