"""Small disks and read-only ones, for tests that run as root on Linux; others skip, saying so."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoMount(Exception):
    """File systems cannot be mounted here."""


def _run(*command: str) -> None:
    if shutil.which(command[0]) is None or subprocess.run(command, capture_output=True, check=False).returncode:
        raise NoMount(f"{' '.join(command)} does not work here: it needs Linux and root")


@contextmanager
def small_disk(place: Path, size_kb: int) -> Iterator[Path]:
    """A disk of that size mounted on a folder, which is made. Raises NoMount."""
    place.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def make_read_only(place: Path) -> None:
    """A disk of `small_disk` can only be read from now on."""
    _run("mount", "-o", "remount,ro", str(place))


def resize(place: Path, size_kb: int) -> None:
    """A disk of `small_disk` gets another size."""
    _run("mount", "-o", f"remount,size={size_kb}k", str(place))
