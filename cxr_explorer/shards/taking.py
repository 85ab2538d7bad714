"""Shards into a project: its images, as if it had looked through the folder and analysed them itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch
from cxr_explorer.encoder.file_model import FileModel
from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_frames import is_shown
from cxr_explorer.images.preprocess import RENDERING_VERSION
from cxr_explorer.images.redrawn import REDRAWN_VERSION
from cxr_explorer.images.scan import ScannedFile
from cxr_explorer.project.image_rows import PATIENT_KEY, FolderChanges
from cxr_explorer.project.project import Project
from cxr_explorer.project.redrawn import shown_frame
from cxr_explorer.shards.manifest import Manifest, read_manifest
from cxr_explorer.shards.store import Store, local_path
from cxr_explorer.shards.table import read_batch, read_files


@dataclass(frozen=True)
class Shards:
    """A complete run, to be taken into a project."""

    store: Store
    manifest: Manifest

    @classmethod
    def at(cls, place: str) -> Shards:
        """The run at a place. Raises UserError where there is none, or it was made by another version's rendering."""
        store = Store(place.rstrip("/"))
        manifest = read_manifest(store)
        if (manifest.rendering, manifest.drawn) != (RENDERING_VERSION, REDRAWN_VERSION):
            raise UserError(
                f"The shards in {place} were made by version {manifest.program}, which drew images otherwise. "
                "Embed them anew with this version, into another place."
            )
        return cls(store, manifest)

    @property
    def folder(self) -> Path:
        """The folder of their films. Raises UserError where they lie in an object store."""
        folder = local_path(self.manifest.prefix)
        if folder is None:
            raise UserError(
                f"The films lie in {self.manifest.prefix}, which is no folder. Name the one where copies of them lie, "
                "or will lie: cxr-explorer index FOLDER --from-embeddings OUT"
            )
        return folder

    def check(self, encoder: EncoderInfo | FileModel) -> None:
        """Raises UserError where they are of another encoder."""
        if self.manifest.encoder != encoder.key:
            raise UserError(
                f"The shards in {self.store.place} are of the encoder {self.manifest.encoder}, not {encoder.key}. "
                "Name theirs with --encoder."
            )


def take_files(project: Project, shards: Shards) -> Iterator[int | FolderChanges]:
    """Brings the project's list of files up to date: yields how many were looked at, and at last what changed.

    Files with another content than the project knows are to be read again, those with the same keep all. Files that
    are not in the shards stay as they are known: the shards are no view of the whole folder.
    """
    known = project.known_files()
    below = _below(project, shards)
    new: list[ScannedFile] = []
    same: list[ScannedFile] = []
    for number in range(shards.manifest.shards):
        for file, digest in read_files(shards.store, number):
            before = known.pop(below + file.path, None)
            placed = ScannedFile(below + file.path, file.size_bytes, file.mtime_ns)
            # A digest of None says nothing of the content: what is known stays
            (same if before is not None and digest in (None, before.digest) else new).append(placed)
        yield len(new) + len(same)
    missing = {path for (path,) in project.db.execute("SELECT path FROM images WHERE missing")}
    same += [ScannedFile(path, file.size_bytes, file.mtime_ns) for path, file in known.items() if path not in missing]
    yield project.update_files(new, same)


def take_results(project: Project, shards: Shards) -> Iterator[Batch]:
    """What is to be stored, shard by shard. A new project takes over the key of the patients' marks.

    Films that show another frame than the project wants are left to be embedded from their files.
    """
    manifest = shards.manifest
    if not project.get(PATIENT_KEY):
        project.set(PATIENT_KEY, manifest.patient_key)
    keep_marks = project.get(PATIENT_KEY) == manifest.patient_key
    below = _below(project, shards)
    read = {image_id for (image_id,) in project.db.execute("SELECT id FROM images WHERE state = 'read'")}
    ids = {path[len(below) :]: image_id for image_id, path in project.paths().items() if path.startswith(below)}
    frame = shown_frame(project)
    for number in range(manifest.shards):
        batch = read_batch(shards.store, number, manifest, ids, keep_marks)
        yield replace(
            batch,
            embedded=tuple(item for item in batch.embedded if is_shown(frame, item.notes)),
            unreadable=tuple(bad for bad in batch.unreadable if bad.digest is not None or bad.image_id not in read),
        )


def _below(project: Project, shards: Shards) -> str:
    """What the shards' paths begin with in the project: its folder may be one above that of the films."""
    films = local_path(shards.manifest.prefix)
    if films is None or not films.resolve().is_relative_to(project.folder):
        return ""
    relative = films.resolve().relative_to(project.folder).as_posix()
    return "" if relative == "." else f"{relative}/"
