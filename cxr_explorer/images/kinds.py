"""What a file is that is no image, told by its first bytes or its name, and how such files are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

FILES_NAMED = 10
"""Files of one kind that are named; the others are counted."""

HEAD_BYTES = 264
"""As much of a file as the recognition asks for: up to the signature of a tar archive."""


@dataclass(frozen=True)
class Kind:
    """A kind of file, folder or name that is left out of a scan.

    Attributes:
        name: For the reader, to stand after a count ("PDF document", ".img").
        reason: Why it is left out, and what to do where that helps.
        ordinary: Whether such files lie in most folders and are no radiographs (texts, tables, hidden files).
        unreachable: Whether nothing is known of it, because it could not be looked at: its drive, link or permission.
    """

    name: str
    reason: str
    ordinary: bool = False
    unreachable: bool = False


@dataclass(frozen=True)
class LeftOut:
    """Files of one kind that a scan left out: how many, and the paths of the first few."""

    kind: Kind
    count: int
    files: tuple[str, ...]


class Tally:
    """Counts what a scan leaves out by kind, and keeps the paths of the first few of each."""

    def __init__(self) -> None:
        self._files: dict[Kind, list[str]] = {}
        self._counts: Counter[Kind] = Counter()

    def add(self, path: str, kind: Kind) -> None:
        """Counts one more; made to be given to `scan`."""
        self._counts[kind] += 1
        files = self._files.setdefault(kind, [])
        if len(files) < FILES_NAMED:
            files.append(path)

    def left_out(self) -> tuple[LeftOut, ...]:
        """One entry a kind, the most frequent first, what is ordinary last."""
        kinds = sorted(self._counts, key=lambda kind: (kind.ordinary, -self._counts[kind], kind.name))
        return tuple(LeftOut(kind, self._counts[kind], tuple(self._files[kind])) for kind in kinds)


def describe_left_out(left_out: Iterable[LeftOut]) -> str:
    """What a reader should know of in a few words, "247 .img, 3 PDF document"; empty where all is ordinary."""
    return ", ".join(f"{item.count:,} {item.kind.name}" for item in left_out if not item.kind.ordinary)


NO_TEXT_NAME = Kind("unusable name", "its name is not valid text (UTF-8); rename it")
BROKEN_LINK = Kind("broken link", "a link that leads nowhere", unreachable=True)
SPECIAL = Kind("pipe, socket or device", "no ordinary file, so it is not opened")
HIDDEN = Kind("hidden or system file or folder", "such files are the system's own", ordinary=True)
DISC_CONTENTS = Kind("DICOMDIR", "a disc's table of contents, without a picture", ordinary=True)
EMPTY = Kind("empty file", "it holds nothing. Copy it again from its source")

_UNPACK = "pictures inside archives are not looked at. Unpack it"
_UNPACK_ZIP = f"{_UNPACK} by File > Unpack a ZIP archive, or by `cxr-explorer unpack`"
_EXPORT = "not a sort of image this program reads. If it is a radiograph, export it as PNG or DICOM"
_SIGNATURES = (
    (0, b"%PDF", Kind("PDF document", "pages are not radiographs. Export the pictures in it as PNG")),
    (0, b"GIF8", Kind("GIF image", _EXPORT)),
    (0, b"PK\x03\x04", Kind("ZIP archive", _UNPACK_ZIP)),
    (0, b"\x1f\x8b", Kind("gzip archive", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("7z archive", _UNPACK)),
    (0, b"Rar!", Kind("RAR archive", _UNPACK)),
    (0, b"BZh", Kind("bzip2 archive", _UNPACK)),
    (0, b"\xfd7zXZ", Kind("xz archive", _UNPACK)),
    (257, b"ustar", Kind("tar archive", _UNPACK)),
    (0, b"\x93NUMPY", Kind("NumPy array", _EXPORT)),
    (0, b"\x89HDF", Kind("HDF5 file", _EXPORT)),
    (4, b"ftyp", Kind("HEIC, AVIF or video file", _EXPORT)),
    (0, b"\xff\x0a", Kind("JPEG XL image", _EXPORT)),
    (0, b"\0\0\0\x0cJXL ", Kind("JPEG XL image", _EXPORT)),
    (0, b"SQLite format 3\0", Kind("database or project file", "it holds no picture", ordinary=True)),
    (0, b"version https://git-lfs", Kind("Git LFS pointer", "the file itself was not fetched. Run `git lfs pull`")),
    (0, b"<", Kind("web page or XML text", "it holds no picture", ordinary=True)),
    (0, b"{", Kind("JSON text", "it holds no picture", ordinary=True)),
)
_TEXT = Kind("text, table or document", "it holds no picture", ordinary=True)
_DOCUMENTS = frozenset(
    {"csv", "doc", "docx", "htm", "html", "json", "log", "md", "ods", "txt", "tsv", "xls", "xlsx", "xml"}
)
_RAW = "pixel values without a header: nothing says how many rows and columns they are. Convert it to PNG or DICOM"


def kind_of(name: str, head: bytes) -> Kind:
    """What a file is that `identify` knows nothing of: by its beginning where that tells, else by its name."""
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if not head:
        return _TEXT if extension in _DOCUMENTS else EMPTY
    if extension in _DOCUMENTS:  # before ZIP, which some of them are inside
        return _TEXT
    stripped = head.lstrip()
    for offset, signature, kind in _SIGNATURES:
        if (head if offset else stripped)[offset : offset + len(signature)] == signature:
            return kind
    if _is_text(head):
        return _TEXT
    if not 0 < len(extension) <= 8 or not extension.isalnum():
        return Kind("file of an unknown kind", _EXPORT)
    return Kind(f".{extension}", _RAW if extension in ("img", "raw") else _EXPORT)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else the last character is merely cut off
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f\ufeff" for character in text)
