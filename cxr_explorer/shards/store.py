"""A place for files: a folder, or a prefix in an object store through fsspec. Files are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write, make_private_folder

INSTALL = 'pip install "cxr-explorer[cluster]"'
"""What brings the packages that runs over many machines need."""


def local_path(place: str) -> Path | None:
    """The absolute path that a path or a `file://` URL means; None for any other URL."""
    if place.startswith("file://"):
        return Path(os.path.abspath(unquote(urlsplit(place).path)))  # noqa: PTH100 - links stay links
    return None if "://" in place else Path(os.path.abspath(place))  # noqa: PTH100


def file_system(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path in it. Raises UserError where there is none for such URLs."""
    try:
        import fsspec
    except ImportError:
        raise UserError(f"Cannot open {url}: the package fsspec is not installed. Install it: {INSTALL}") from None
    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(f"Cannot open {url}: {error}. Install what fsspec asks for, or check the address.") from error
    return system, str(path).rstrip("/")


@contextmanager
def saying(what: str) -> Iterator[None]:
    """Turns what a store's client raises, each its own errors, into a UserError that begins with these words."""
    try:
        yield
    except (UserError, FileNotFoundError):
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"{what}: {reason}. Check the address, the connection and the permissions.") from error


@dataclass(frozen=True)
class Store:
    """Files below a folder or a URL, by name. Every method raises UserError where the place cannot be used."""

    place: str

    def names(self) -> frozenset[str]:
        """The files that lie directly there; none where the place is not there yet."""
        folder = local_path(self.place)
        try:
            with saying(f"Cannot list {self.place}"):
                if folder is not None:
                    return frozenset(os.listdir(folder))  # noqa: PTH208 - names alone, of thousands
                system, path = file_system(self.place)
                system.invalidate_cache()
                return frozenset(name.rstrip("/").rpartition("/")[2] for name in system.ls(path, detail=False))
        except FileNotFoundError:
            return frozenset()

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError where it is not there."""
        folder = local_path(self.place)
        with saying(f"Cannot read {self.place}/{name}"):
            if folder is not None:
                return (folder / name).read_bytes()
            system, path = file_system(self.place)
            return bytes(system.cat_file(f"{path}/{name}"))

    @contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        """A file to be read in parts. Raises FileNotFoundError where it is not there."""
        folder = local_path(self.place)
        with saying(f"Cannot read {self.place}/{name}"):
            if folder is not None:
                with (folder / name).open("rb") as stream:
                    yield stream
            else:
                system, path = file_system(self.place)
                with system.open(f"{path}/{name}", "rb") as stream:
                    yield stream

    def write(self, name: str, data: bytes) -> None:
        """Puts a file there, whole or not at all: renamed into place in a folder, put at once in an object store."""
        folder = local_path(self.place)
        with saying(f"Cannot write {self.place}/{name}"):
            if folder is not None:
                make_private_folder(folder)
                with atomic_write(folder / name) as stream:
                    stream.write(data)
            else:
                system, path = file_system(self.place)
                system.pipe_file(f"{path}/{name}", data)
