"""A shard as a Parquet file: a row for every film of it, also for those that could not be read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr_explorer.encoder.embed import Batch, Embedded, Unreadable
from cxr_explorer.errors import UserError
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.project.image_rows import PATIENT_MARK, facts_of, facts_to_json, patient_mark
from cxr_explorer.shards.manifest import Manifest, digest_of_list, shard_name
from cxr_explorer.shards.store import INSTALL, Store

_INPUTS, _UNREADABLE = b"cxr inputs", b"cxr unreadable"
"""Keys in the Parquet file's metadata: the digest of films with sizes and times, and how many could not be read."""


def parquet() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet. Raises UserError where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(f"Shards need the package pyarrow, which is not installed. Install it: {INSTALL}") from None
    return pyarrow, pyarrow.parquet


def schema(dimension: int) -> Any:
    """The columns of a shard.

    path: relative to the run's prefix. size_bytes, mtime_ns: of the file as it was listed. digest: hex BLAKE2b-128 of
    its bytes; null where they are not to blame for what could not be read. embedding: (D,) float32. thumbnail: JPEG.
    height_px, width_px: of the image as read. facts: JSON, see `Radiograph.facts`. notes: see `Radiograph.notes`.
    patient_mark: see `image_rows.patient_mark`, with the run's key. reason: why the film could not be read; then it has
    neither embedding nor thumbnail.
    """
    arrow, _ = parquet()
    return arrow.schema(
        [
            arrow.field("path", arrow.string(), nullable=False),
            arrow.field("size_bytes", arrow.int64(), nullable=False),
            arrow.field("mtime_ns", arrow.int64(), nullable=False),
            ("digest", arrow.string()),
            ("embedding", arrow.list_(arrow.float32(), dimension)),
            ("thumbnail", arrow.binary()),
            ("height_px", arrow.int32()),
            ("width_px", arrow.int32()),
            ("facts", arrow.string()),
            ("notes", arrow.list_(arrow.string())),
            ("patient_mark", arrow.string()),
            ("reason", arrow.string()),
        ]
    )


def shard_to_bytes(
    films: Sequence[ScannedFile],
    embedded: Mapping[int, Embedded],
    unreadable: Mapping[int, Unreadable],
    dimension: int,
    patient_key: str,
) -> bytes:
    """A whole shard.

    Args:
        films: Of the shard, in its order.
        embedded: Results by position among the films.
        unreadable: What could not be read, by position; every film is in one of both.
        dimension: D.
        patient_key: Of the run.
    """
    arrow, parquet_file = parquet()
    rows = []
    for number, film in enumerate(films):
        row: dict[str, Any] = {"path": film.path, "size_bytes": film.size_bytes, "mtime_ns": film.mtime_ns}
        if (item := embedded.get(number)) is not None:
            row |= {
                "digest": item.digest,
                "embedding": item.embedding,
                "thumbnail": item.thumbnail,
                "height_px": item.height_px,
                "width_px": item.width_px,
                "facts": facts_to_json(item.facts, ""),
                "notes": list(item.notes),
                "patient_mark": patient_mark(item.patient, patient_key),
            }
        else:
            row |= {"digest": unreadable[number].digest, "reason": unreadable[number].reason}
        rows.append(row)
    told = {_INPUTS: digest_of_list(films, stamps=True), _UNREADABLE: str(len(unreadable))}
    table = arrow.Table.from_pylist(rows, schema(dimension).with_metadata(told))
    stream = io.BytesIO()
    # JPEG and float32 do not shrink further
    squeezed = {name: "none" if name in ("embedding", "thumbnail") else "zstd" for name in table.column_names}
    parquet_file.write_table(table, stream, compression=squeezed, use_dictionary=["facts", "notes", "reason"])
    return stream.getvalue()


@dataclass(frozen=True)
class Standing:
    """What a shard says of itself without being read: the digest of its films with sizes and times, and counts."""

    inputs: str
    images: int
    unreadable: int


def standing(store: Store, name: str) -> Standing | None:
    """Of a shard that lies there; None for none, or a file that is not one."""
    arrow, parquet_file = parquet()
    try:
        with store.opened(name) as stream:
            told = parquet_file.read_metadata(stream)
            metadata = told.metadata or {}
            return Standing(metadata[_INPUTS].decode(), told.num_rows, int(metadata[_UNREADABLE]))
    except (FileNotFoundError, KeyError, ValueError, arrow.ArrowException, UserError):
        return None


def _rows(store: Store, number: int, columns: Sequence[str] | None = None) -> Any:
    """A shard as a table. Raises UserError where it is not there or damaged."""
    arrow, parquet_file = parquet()
    name = shard_name(number)
    try:
        with store.opened(name) as stream:
            return parquet_file.read_table(stream, columns=columns)
    except FileNotFoundError:
        raise UserError(
            f"{store.place}/{name} is missing: the run is not complete. Start `cxr-explorer embed` again."
        ) from None
    except arrow.ArrowException as error:
        raise UserError(
            f"{store.place}/{name} is damaged ({error}). Delete it, and start `cxr-explorer embed` again."
        ) from error


def read_files(store: Store, number: int) -> Iterator[tuple[ScannedFile, str | None]]:
    """The films of a shard, each with its digest, without their pictures and embeddings. Errors as in `read_batch`."""
    columns = _rows(store, number, ["path", "size_bytes", "mtime_ns", "digest"]).to_pydict()
    paths, sizes, times, digests = columns.values()
    for path, size_bytes, mtime_ns, digest in zip(paths, sizes, times, digests, strict=True):
        yield ScannedFile(path, size_bytes, mtime_ns), digest


def read_batch(store: Store, number: int, manifest: Manifest, image_ids: Mapping[str, int], keep_marks: bool) -> Batch:
    """A shard as a batch of results to be stored.

    Args:
        store: Where it lies.
        number: Which shard.
        manifest: Of the run.
        image_ids: The project's number of every film, by the path in the shard; films without one are left out.
        keep_marks: Whether patients' marks are the project's own; others say nothing there.

    Raises:
        UserError: The shard is missing or damaged.
    """
    rows = _rows(store, number)
    if manifest.dimension != rows.schema.field("embedding").type.list_size:
        raise UserError(f"{store.place}/{shard_name(number)} is of another run. Delete it, and embed again.")
    vectors = rows["embedding"].combine_chunks()
    flat = np.asarray(vectors.values, np.float32).reshape(-1, manifest.dimension)  # also where they are null
    embedded: list[Embedded] = []
    unreadable: list[Unreadable] = []
    for row, listed in enumerate(rows.drop_columns(["embedding"]).to_pylist()):
        if (image_id := image_ids.get(listed["path"])) is None:
            continue
        if listed["thumbnail"] is None:
            unreadable.append(Unreadable(image_id, listed["reason"], listed["digest"]))
            continue
        facts = facts_of(listed["facts"])
        if keep_marks and listed["patient_mark"]:
            facts[PATIENT_MARK] = listed["patient_mark"]
        embedded.append(
            Embedded(
                image_id=image_id,
                embedding=flat[row].copy(),
                thumbnail=listed["thumbnail"],
                digest=listed["digest"],
                height_px=listed["height_px"],
                width_px=listed["width_px"],
                facts=facts,
                notes=tuple(listed["notes"]),
            )
        )
    return Batch(tuple(embedded), tuple(unreadable))


def unreadable_of(store: Store, number: int) -> Iterator[dict[str, str]]:
    """File and reason of every film of a shard that could not be read. Errors as in `read_batch`."""
    columns = _rows(store, number, ["path", "reason"]).to_pydict()
    for path, reason in zip(columns["path"], columns["reason"], strict=True):
        if reason is not None:
            yield {"file": path, "reason": reason}
