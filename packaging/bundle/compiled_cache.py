"""Where numba finds in a bundle what was compiled when the bundle was built: the first map waits for no compiler.

The bundle's folder may belong to root, so what it brings is copied into the user's cache folder once (10 MB or so) and
numba adds there what it compiles itself. numba asks for this class by `NUMBA_CACHE_LOCATOR_CLASSES`.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

INSIDE = Path(getattr(sys, "_MEIPASS", Path(__file__).parent))
"""The bundle's folder of files."""
SEED = INSIDE / "compiled"
BUILD_ID = SEED / "build-id"
HOME = "CXR_COMPILED"
"""Environment variable: the folder to keep compiled code in, instead of the user's. For the build."""

X86 = ("x86-64-v3", "+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+popcnt")
APPLE = ("apple-m1", "")
"""CPUs that the bundle's code is compiled for, name and features as LLVM calls them. Others compile for themselves."""


def prepare() -> None:
    """Tells numba, by its environment, where its cache is and which CPU to compile for."""
    os.environ["NUMBA_CACHE_LOCATOR_CLASSES"] = f"{__name__}.Locator"
    if (cpu := common_cpu()) is not None:
        os.environ.setdefault("NUMBA_CPU_NAME", cpu[0])
        os.environ.setdefault("NUMBA_CPU_FEATURES", cpu[1])


def common_cpu() -> tuple[str, str] | None:
    """The CPU that the bundle's code is for, None where this machine's lacks what it needs."""
    if sys.platform == "darwin":
        return APPLE if platform.machine() == "arm64" else None
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return None
    if sys.platform == "win32":
        avx2 = 40  # PF_AVX2_INSTRUCTIONS_AVAILABLE; every such CPU but for some early ones has the rest
        return X86 if ctypes.windll.kernel32.IsProcessorFeaturePresent(avx2) else None  # type: ignore[attr-defined]
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("flags"):
                there = set(line.partition(":")[2].split())
                return X86 if {"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "popcnt"} <= there else None
    return None


@functools.cache
def folder() -> Path:
    """The folder of compiled code, filled with what the bundle brings."""
    if given := os.environ.get(HOME):
        return Path(given)
    from platformdirs import user_cache_path

    build = BUILD_ID.read_text(encoding="ascii").strip()
    home = user_cache_path("cxr-explorer", appauthor=False) / "compiled"
    try:
        return _filled(home, build)
    except OSError:  # a home that cannot be written: for this process alone
        lent = Path(tempfile.mkdtemp(prefix="cxr-explorer-"))
        atexit.register(shutil.rmtree, lent, ignore_errors=True)
        return _filled(lent, build)


def _filled(home: Path, build: str) -> Path:
    """`home`/`build`, copied whole or not at all; what other builds left is removed."""
    place = home / build
    if not place.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        for old in home.iterdir():
            shutil.rmtree(old, ignore_errors=True)
        half = Path(tempfile.mkdtemp(dir=home))
        for source in SEED.rglob("*.nb?"):
            copy = half / source.relative_to(SEED)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)  # its content alone: the bundle's may be read-only
        with contextlib.suppress(OSError):  # another process was quicker
            half.rename(place)
        shutil.rmtree(half, ignore_errors=True)
    return place


class Locator:
    """Of one function's compiled code, as numba wants it (numba.core.caching)."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        """Takes a function, and its source file as it was named when the bundle was built."""
        self._py_file = py_file
        self._line = py_func.__code__.co_firstlineno
        words = Path(os.path.relpath(py_file, INSIDE) if Path(py_file).is_absolute() else py_file).parent.parts
        self._path = folder() / ".".join(words)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Locator:
        """numba tries locators until one is not None: there is this one alone."""
        locator = cls(py_func, py_file)
        locator.ensure_cache_path()
        return locator

    def ensure_cache_path(self) -> None:
        """Makes the folder of the function's files."""
        self._path.mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        """The folder of the function's files."""
        return str(self._path)

    def get_source_stamp(self) -> str:
        """What a file must have been stored with to be valid."""
        return BUILD_ID.read_text(encoding="ascii").strip()

    def get_disambiguator(self) -> str:
        """Tells functions of one name in one file apart."""
        return str(self._line)
