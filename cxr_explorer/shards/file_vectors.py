"""Embeddings of a model that is not here: which a project uses, and which image each row of their file belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import EncoderInfo, default_encoder, encoder_with_key
from cxr_explorer.encoder.embed import Batch, Source
from cxr_explorer.encoder.file_model import FileModel
from cxr_explorer.errors import UserError
from cxr_explorer.project.image_rows import NO_EMBEDDING
from cxr_explorer.project.project import Project
from cxr_explorer.tables.embeddings import GivenEmbeddings
from cxr_explorer.tables.matching import match_files

LISTED: Final = 20
"""Files and problems that are named; the rest is counted."""

SAME_MODEL: Final = 0.99
"""Cosine below which two embeddings of one picture are of two models: the same network on another device, or in half
precision, gives over .999."""

_SETTING = "embeddings from a file"


def model_of(project: Project) -> FileModel | None:
    """The model whose embeddings the project took from a file, where it works with these."""
    try:
        stored = json.loads(project.get(_SETTING) or "null")
        return FileModel(str(stored["key"]), str(stored["file"]), int(stored["dimension"])) if stored else None
    except (ValueError, KeyError, TypeError):  # damaged: the program's own encoder takes over
        return None


def encoder_to_go_on_with(project: Project, how: str) -> EncoderInfo | FileModel:
    """What a project is brought up to date with where none is named: the model of its file, else its map's encoder.

    Args:
        project: Open.
        how: The words by which an encoder is named, for the message.

    Raises:
        UserError: The map's encoder is not here, or there is no map and the default encoder is damaged.
    """
    if (model := model_of(project)) is not None:
        return model
    atlas = project.latest_map()
    if atlas is None:
        return default_encoder()
    if (known := encoder_with_key(atlas.encoder_key)) is None:
        raise UserError(
            f"Nothing was analysed: the map of {project.path} is of the encoder {atlas.encoder_key}, which is not "
            "here: taken out or moved, or of an earlier version of the program. Name its folder, or an encoder "
            f"with which all images are analysed anew, {default_encoder().name} for one: {how}."
        )
    return known


@dataclass(frozen=True, eq=False)
class TakenRows:
    """What a file of embeddings says of a project's images.

    Attributes:
        row_of: Image id -> row of `vectors`.
        vectors: (N, D) float32.
        told: For people and `--json`: counts, and the first few of what was left out.
    """

    row_of: dict[int, int]
    vectors: NDArray[np.float32]
    told: dict[str, Any]


def take_rows(project: Project, model: FileModel, given: GivenEmbeddings) -> TakenRows:
    """Finds the image of each row, as `match_files` does, never guessing. Nothing is stored.

    Rows that give one image two different embeddings are left out, both. Images whose embedding by this model is stored
    already must have the same in the file.

    Raises:
        UserError: No row belongs to an image of the folder, or the file is another model's than the one of its name.
    """
    paths = {path: image_id for image_id, path in project.db.execute("SELECT id, path FROM images WHERE NOT missing")}
    found = match_files(given.files, paths)
    row_of: dict[int, int] = {}
    differ: dict[int, list[int]] = {}
    for row, file in enumerate(given.files):
        if (path := found.matched.get(file)) is None:
            continue
        image_id = paths[path]
        first = row_of.setdefault(image_id, row)
        if first != row and not np.array_equal(given.vectors[first], given.vectors[row]):
            differ.setdefault(image_id, [first]).append(row)
    for image_id in differ:
        del row_of[image_id]
    if not row_of:
        names = ", ".join(given.files[:3])
        raise UserError(
            f"Nothing was taken from {given.path}: none of its {len(given.files):,} rows belongs to one of the "
            f"{len(paths):,} images in {project.folder}. The file names {names}: names must be paths below the folder, "
            "or file names that occur once in it."
        )
    _check_same_model(project, model, given, row_of)
    problems = [
        f"{given.files[rows[0]]}: its rows {' and '.join(f'{given.lines[row]:,}' for row in rows)} differ."
        for rows in differ.values()
    ]
    told = {
        "file": given.path.name,
        "rows": len(given.files) + given.refused,
        "dimension": model.dimension,
        "images": len(row_of),
        "refused": given.refused + sum(map(len, differ.values())),
        "problems": [*problems, *given.problems][:LISTED],
        "unmatched": len(found.unmatched),
        "unmatched_files": list(found.unmatched[:LISTED]),
        "ambiguous": len(found.ambiguous),
        "ambiguous_files": list(found.ambiguous)[:LISTED],
    }
    return TakenRows(row_of, given.vectors, told)


def _check_same_model(project: Project, model: FileModel, given: GivenEmbeddings, row_of: dict[int, int]) -> None:
    """Raises UserError where an image's stored embedding by this model is another one than the file's."""
    held = project.db.execute(
        """SELECT image_id, path, vector FROM embeddings JOIN encoders ON encoders.id = encoder_id
           JOIN images ON images.id = image_id WHERE key = ? AND length(vector) = 4 * dimension""",
        [model.key],
    )
    for image_id, path, vector in held:
        if (row := row_of.get(image_id)) is None:
            continue
        before, now = np.frombuffer(vector, "<f4"), given.vectors[row]
        likeness = before @ now / max(float(np.linalg.norm(before) * np.linalg.norm(now)), 1e-30)
        if not likeness >= SAME_MODEL:
            raise UserError(
                f"{given.path.name} has another embedding of {path} than was taken before under this name: it is "
                "another model's, or of another run. Nothing was changed. Give it a name of its own: --name NAME"
            )


class FileVectors:
    """A model's embeddings of a project's images: those that came in a file now, and those that are stored.

    Attributes:
        told: See `TakenRows.told`; empty where no file came.
        without: How many images are without an embedding, and said to be.
    """

    def __init__(self, project: Project, model: FileModel, given: GivenEmbeddings | None) -> None:
        """From now on the project works with this model. Raises UserError as `take_rows` does: then it does not."""
        self._project, self._model = project, model
        self._rows = take_rows(project, model, given) if given is not None else None
        self.told = self._rows.told if self._rows is not None else {}
        _work_with(project, model)
        bare = {source.image_id for source in project.pending(model.key)}
        bare -= {source.image_id for source in self.pending()}
        _note_without_embedding(project, model, bare)
        self.without = len(bare)

    def pending(self) -> list[Source]:
        """Images that are to be opened: their embedding is here, and they were not seen yet."""
        pending = self._project.pending(self._model.key)
        stored = _stored_vectors(self._project, self._model, (source.image_id for source in pending))
        given = self._rows.row_of if self._rows is not None else {}
        return [source for source in pending if source.image_id in given or source.image_id in stored]

    def fill(self, batch: Batch) -> Batch:
        """A batch of `embed.look`, with embeddings."""
        ids = [item.image_id for item in batch.embedded]
        vectors = _stored_vectors(self._project, self._model, ids)
        if (rows := self._rows) is not None:
            vectors = {one: rows.vectors[rows.row_of[one]] for one in ids if one in rows.row_of} | vectors
        return replace(
            batch, embedded=tuple(replace(item, embedding=vectors[item.image_id]) for item in batch.embedded)
        )


def leave_file_model(project: Project) -> None:
    """From now on the project works with an encoder that is here."""
    _work_with(project, None)
    _note_without_embedding(project, None, ())


def _work_with(project: Project, model: FileModel | None) -> None:
    text = json.dumps({"key": model.key, "file": model.file, "dimension": model.dimension}) if model else ""
    if project.get(_SETTING) != text:
        project.set(_SETTING, text)


def _stored_vectors(project: Project, model: FileModel, image_ids: Iterable[int]) -> dict[int, NDArray[np.float32]]:
    """The sound embeddings of this model that the project has of these images, (D,) float32 each."""
    rows = project.db.execute(
        """SELECT image_id, vector FROM embeddings JOIN encoders ON encoders.id = encoder_id
           WHERE key = ? AND length(vector) = 4 * dimension AND image_id IN (SELECT value FROM json_each(?))""",
        [model.key, json.dumps(list(image_ids))],
    )
    return {image_id: np.frombuffer(vector, "<f4") for image_id, vector in rows}


def _note_without_embedding(project: Project, model: FileModel | None, image_ids: Iterable[int]) -> None:
    """Says of these images, and of no others, that no embedding of them came: they are off the map until one does."""
    with project.db.atomic():
        project.db.execute("UPDATE images SET reason = NULL WHERE reason LIKE ?", [f"{NO_EMBEDDING}%"])
        if model is not None:
            reason = f"{NO_EMBEDDING} {model.file}. Make the file anew with it, then take it again."
            project.db.conn.executemany(
                "UPDATE images SET reason = ? WHERE id = ?", ((reason, image_id) for image_id in image_ids)
            )
