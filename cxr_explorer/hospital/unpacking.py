"""The films of a ZIP archive, such as the copy of a patient's disc, are unpacked into a folder beside it."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write, make_private_folder
from cxr_explorer.images.image_formats import identify
from cxr_explorer.images.kinds import HEAD_BYTES, Kind, LeftOut, Tally, kind_of
from cxr_explorer.images.read import MAX_FILE_BYTES
from cxr_explorer.images.scan import kind_of_name
from cxr_explorer.pace import Progress

UNPACKING = "Unpacking"

MAX_ENTRIES = 200_000
"""Files in an archive that are looked at."""

MAX_RATIO = 200
"""How many times its packed size an archive may grow to: films shrink to a half or a third, empty ones to a 50th."""

_ELSEWHERE = Kind("link, or a place outside of the folder", "an archive of films has none: it may be made to do harm")

_CHUNK_BYTES = 1 << 20
_LEFT_FREE_BYTES = 256 << 20  # of the disk
_IS_LINK = 0o120000


@dataclass
class Unpacked:
    """What was done.

    Attributes:
        folder: Where the films lie.
        stored: Films unpacked now.
        had: Films that were there before, of an earlier try.
        left_out: What is no image, by kind.
    """

    folder: Path
    stored: int = 0
    had: int = 0
    left_out: tuple[LeftOut, ...] = field(default=())


def is_zip(path: Path) -> bool:
    """Whether it is a file that begins like a ZIP archive and is called one."""
    try:
        with path.open("rb") as file:
            return path.suffix.lower() == ".zip" and file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


def unpack(archive: Path, folder: Path | None = None) -> Iterator[Progress | Unpacked]:
    """Unpacks the images, by their content, whatever their names: yields how far it is, then what was done.

    A file is written whole or not at all; what is there in its full size is left as it is, so the next try goes on.
    Archives within it are left packed, links and what would lie outside of the folder too.

    Args:
        archive: The ZIP archive.
        folder: Where to; None for the folder of the archive's name beside it.

    Raises:
        UserError: It is none, is damaged or locked by a password, grows beyond reason (over MAX_RATIO times its size,
            over MAX_ENTRIES files), or there is no place. What was unpacked is kept.
    """
    done = Unpacked(folder or archive.with_suffix(""))
    if done.folder.exists() and not done.folder.is_dir():
        raise UserError(f"Cannot unpack into {done.folder}: it is a file. Name another folder.")
    tally = Tally()
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            if len(entries) > MAX_ENTRIES:
                raise UserError(f"Cannot unpack {archive.name}: {len(entries):,} files in it. Unpack parts of it.")
            bound = _Bound(archive, done.folder)
            for number, entry in enumerate(entries):
                yield Progress(UNPACKING, number, len(entries))
                _unpack_one(opened, entry, done, tally, bound)
    except zipfile.BadZipFile as error:
        raise UserError(f"Cannot unpack {archive.name}: it is damaged or cut off. Copy it again.") from error
    except (zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        why = "it is locked by a password" if "password" in str(error) else "it is damaged, or packed in a rare way"
        raise UserError(f"Cannot unpack {archive.name}: {why}. Unpack it with another program.") from error
    except OSError as error:
        raise UserError(f"Cannot unpack {archive.name}: {error.strerror or error}. Check the disk.") from error
    done.left_out = tally.left_out()
    yield done


class _Bound:
    """Counts what comes out, whatever the archive says of itself."""

    def __init__(self, archive: Path, folder: Path) -> None:
        place = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
        self._free = shutil.disk_usage(place).free - _LEFT_FREE_BYTES
        self._most = max(archive.stat().st_size * MAX_RATIO, 64 << 20)
        self._name = archive.name
        self._bytes = self._written = 0

    def count(self, size: int) -> None:
        """So many bytes more came out."""
        self._bytes += size
        if self._bytes > self._most:
            raise UserError(
                f"Cannot unpack {self._name}: it grows to over {MAX_RATIO} times its size, as no films do. It may be "
                "made to do harm."
            )

    def write(self, size: int) -> None:
        """So many of them are written."""
        self._written += size
        if self._written > self._free:
            raise UserError(f"Cannot unpack {self._name}: the disk is nearly full. Free some space, then go on.")


def _unpack_one(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, done: Unpacked, tally: Tally, bound: _Bound) -> None:
    path = _inside(entry)
    kinds = [_ELSEWHERE] if path is None else [kind for part in path.split("/") if (kind := kind_of_name(part))]
    if path is None or kinds:
        tally.add(entry.filename, kinds[0])
        return
    target = done.folder / path
    if target.is_file() and target.stat().st_size == entry.file_size:
        done.had += 1
        return
    with opened.open(entry) as packed:
        head = packed.read(HEAD_BYTES)
        bound.count(len(head))
        if entry.file_size > MAX_FILE_BYTES or not identify(head):
            tally.add(path, kind_of(target.name, head))
            return
        if target.exists():
            raise UserError(f"Cannot unpack into {done.folder}: another {path} lies there. Name another folder.")
        make_private_folder(target.parent)
        with atomic_write(target) as stream:
            _copy(head, packed, stream, bound)
    done.stored += 1


def _copy(head: bytes, packed: object, stream: BinaryIO, bound: _Bound) -> None:
    chunk = head
    while chunk:
        bound.write(len(chunk))
        stream.write(chunk)
        chunk = packed.read(_CHUNK_BYTES)  # type: ignore[attr-defined]
        bound.count(len(chunk))


def _inside(entry: zipfile.ZipInfo) -> str | None:
    """Where it goes, below the folder; None for links and for what would go anywhere else."""
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    is_link = (entry.external_attr >> 16) & 0o170000 == _IS_LINK
    if is_link or not parts or any(part == ".." or set(part) & set("/:\0") for part in parts):
        return None
    return "/".join(parts)
