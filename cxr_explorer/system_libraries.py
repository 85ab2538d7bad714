"""What Qt needs of a Linux system that a Python package cannot bring, and the line that installs it.

Needs nothing but Python: `packaging/start.py` uses it before anything is installed.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PARTS = ("Core", "DBus", "Gui", "OpenGL", "Svg", "Widgets")


def has_screen() -> bool:
    """Whether a window could be shown here."""
    if platform.system() == "Linux":
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def platforms(environment: Mapping[str, str]) -> list[str]:
    """Names of Qt's platforms that would be tried: of the display there is, or what is asked for."""
    if wanted := environment.get("QT_QPA_PLATFORM", ""):
        return [name.partition(":")[0] for name in wanted.split(";")]
    found = ["wayland"] if environment.get("WAYLAND_DISPLAY") else []
    return found + (["xcb"] if environment.get("DISPLAY") else [])


def missing_libraries(qt: Path, names: Sequence[str]) -> list[str]:
    """Names of the system's libraries that Qt needs for these platforms and cannot find.

    Args:
        qt: The folder `Qt` of PySide6.
        names: Of platforms, see `platforms`.
    """
    if not shutil.which("ldd"):
        return []
    libraries = [qt / "lib" / f"libQt6{part}.so.6" for part in PARTS]
    for name in names:
        libraries += plugins(qt, name)
    present = [str(library) for library in libraries if library.exists()]
    return not_found(subprocess.run(["ldd", *present], capture_output=True, check=False).stdout.decode())


def plugins(qt: Path, platform: str) -> list[Path]:
    """Qt's plugins for a platform."""
    return sorted((qt / "plugins" / "platforms").glob(f"libq{platform}*.so"))


def not_found(ldd_output: str) -> list[str]:
    """The libraries that `ldd` says are not found, each once."""
    return sorted(set(re.findall(r"^\s*(\S+) => not found", ldd_output, re.MULTILINE)))


def debian_package(library: str) -> str:
    """The Debian (and Ubuntu) package of a shared library: its name, a dash after a digit, its version."""
    if re.match(r"lib(glib|gthread|gobject|gio|gmodule)-2\.0\.so", library):
        return "libglib2.0-0"
    exceptions = {"libz.so.1": "zlib1g", "libbrotlidec.so.1": "libbrotli1", "libgcc_s.so.1": "libgcc-s1"}
    if library in exceptions:
        return exceptions[library]
    name, _, version = library.partition(".so.")
    name = name.lower().replace("_", "-")
    return f"{name}-{version}" if name[-1].isdigit() else name + version


def install_command(missing: Sequence[str], fonts: bool = True) -> list[str]:
    """What installs these libraries with the system's own tool, to be run by root.

    Args:
        missing: Names of libraries.
        fonts: Whether there are fonts already.
    """
    if shutil.which("apt-get"):
        packages = sorted({debian_package(library) for library in missing}) + ([] if fonts else ["fonts-dejavu-core"])
        return ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    manager = "zypper" if shutil.which("zypper") else "dnf"
    font_package = "dejavu-fonts" if manager == "zypper" else "dejavu-sans-fonts"
    held = [f"{library}()(64bit)" for library in missing]  # RPM packages are found by the library they hold
    return [manager, "install", "-y", *held, *([] if fonts else [font_package])]


def why_no_window(qt: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Why Qt could open no window here, with the line that helps; empty where it can.

    Args:
        qt: The folder `Qt` of PySide6.
        environment: The process's.
    """
    names = platforms(environment)
    if not sys.platform.startswith("linux") or not names:
        return ""
    if any(_loads(plugin) for name in names for plugin in plugins(qt, name)):
        return ""
    missing = missing_libraries(qt, names)
    if not missing:
        return ""  # it is something else, and Qt says what
    line = shlex.join(["sudo", *install_command(missing)])
    return f"Cannot open a window: the system lacks {', '.join(missing)}. Run this once, then try again:\n    {line}"


def _loads(plugin: Path) -> bool:
    try:
        ctypes.CDLL(str(plugin))
    except OSError:
        return False
    return True
