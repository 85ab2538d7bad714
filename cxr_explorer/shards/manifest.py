"""`run.json`: what the shards beside it were made of, so that one place never holds results of two kinds."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace

from cxr_explorer import __version__
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import RENDERING_VERSION
from cxr_explorer.images.redrawn import REDRAWN_VERSION
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.shards.films import Films
from cxr_explorer.shards.store import Store

FORMAT = 1
"""Raised when an older program could not read the shards correctly."""

MANIFEST = "run.json"

SHARD_SIZE = 1024
"""Films a shard: some 10 MB, and a minute or two of one processor, which is what a lost worker costs at most."""


@dataclass(frozen=True)
class Manifest:
    """What a run's shards have in common.

    Attributes:
        format: Of the shards, see FORMAT.
        encoder: The encoder's key.
        dimension: D, the length of an embedding.
        rendering: `RENDERING_VERSION` of the program.
        drawn: `REDRAWN_VERSION` of the program.
        prefix: Where the films lay at the last run, see `Films`.
        images: How many films.
        shard_size: Films a shard; the last may have fewer.
        list_digest: Hex BLAKE2b-128 of the films' paths.
        patient_key: What the patients' marks are made with, see `image_rows.patient_mark`.
        program: The version that began the run.
    """

    format: int
    encoder: str
    dimension: int
    rendering: int
    drawn: int
    prefix: str
    images: int
    shard_size: int
    list_digest: str
    patient_key: str
    program: str

    @property
    def shards(self) -> int:
        """How many shards the run has when it is complete."""
        return -(-self.images // self.shard_size)


def shard_name(number: int) -> str:
    """The file name of a shard, counted from 0."""
    return f"part-{number:05}.parquet"


def digest_of_list(files: Iterable[ScannedFile], stamps: bool = False) -> str:
    """Hex BLAKE2b-128 of the films' paths in their order; with `stamps` of their sizes and times too."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        stamp = f"\t{file.size_bytes}\t{file.mtime_ns}" if stamps else ""
        digest.update(f"{file.path}{stamp}\n".encode())
    return digest.hexdigest()


def read_manifest(store: Store) -> Manifest:
    """Raises UserError where there is none, or a damaged or newer one."""
    try:
        told = json.loads(store.read(MANIFEST))
        if int(told["format"]) > FORMAT:
            raise UserError(
                f"{store.place} was made by a newer version of the program ({told.get('program')}). Update this one."
            )
        return Manifest(**{field.name: told[field.name] for field in fields(Manifest)})
    except FileNotFoundError:
        raise UserError(
            f"No run in {store.place}: {MANIFEST} is missing. Make one: cxr-explorer embed FOLDER {store.place}"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{store.place}/{MANIFEST} is damaged ({error}). Embed into another place.") from error


def begin_or_resume(store: Store, films: Films, encoder: EncoderInfo, shard_size: int | None) -> Manifest:
    """The manifest of the run that stands there, or a new one, stored.

    Args:
        store: Where the shards go.
        films: What is to be embedded.
        encoder: By what.
        shard_size: Films a shard; None takes that of the run, or SHARD_SIZE.

    Raises:
        UserError: There are shards of another encoder, rendering or list of films, or of no run.
    """
    names = store.names()
    if MANIFEST not in names:
        if any(name.endswith(".parquet") for name in names):
            raise UserError(
                f"{store.place} holds Parquet files of no run: {MANIFEST} is missing. Choose another place."
            )
        begun = _new(films, encoder, shard_size or SHARD_SIZE)
        _store(store, begun)
        return begun
    stands = read_manifest(store)
    wanted = _new(films, encoder, shard_size or stands.shard_size)
    for name, what in (
        ("encoder", "encoder"),
        ("rendering", "rendering of images"),
        ("drawn", "rendering of images"),
        ("shard_size", "size of shards"),
        ("list_digest", "list of films"),
    ):
        before, now = getattr(stands, name), getattr(wanted, name)
        if before != now:
            if name == "list_digest":
                before, now = (
                    f"{stands.images:,} films below {stands.prefix}",
                    f"{wanted.images:,} below {wanted.prefix}",
                )
            raise UserError(
                f"{store.place} holds a run with another {what}: {before}, now {now}. Embed into another place, "
                "or as that run was begun."
            )
    if stands.prefix != films.prefix:  # the films were moved
        stands = replace(stands, prefix=films.prefix)
        _store(store, stands)
    return stands


def _store(store: Store, manifest: Manifest) -> None:
    store.write(MANIFEST, json.dumps(asdict(manifest), indent=2).encode() + b"\n")


def _new(films: Films, encoder: EncoderInfo, shard_size: int) -> Manifest:
    return Manifest(
        format=FORMAT,
        encoder=encoder.key,
        dimension=encoder.dimension,
        rendering=RENDERING_VERSION,
        drawn=REDRAWN_VERSION,
        prefix=films.prefix,
        images=len(films.files),
        shard_size=shard_size,
        list_digest=digest_of_list(films.files),
        patient_key=secrets.token_hex(16),
        program=__version__,
    )
