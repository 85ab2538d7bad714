"""`register`: lets a Linux desktop know the program, its icon, and that it opens project files."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_data_path

from cxr_explorer.assets import asset
from cxr_explorer.cli.arguments import DONE, Command
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.project.schema import APPLICATION_ID

NAME = "cxr-explorer"
_REFRESH = (("update-mime-database", "mime"), ("update-desktop-database", "applications"))
"""Commands that bring the desktop's own lists up to date, each with its folder; not all desktops need them."""


def add_commands(command: Command) -> None:
    register = command("register", _register, "Linux: put the program into the menu, and let it open .cxr files.")
    register.add_argument("--remove", action="store_true", help="take it out again; projects stay as they are")


def _register(chosen: argparse.Namespace) -> int:
    if sys.platform != "linux":
        raise UserError("Nothing is registered here: this is for Linux desktops. Open projects from the window's menu.")
    home = user_data_path()
    if chosen.remove:
        for path, _content in _files(home):
            path.unlink(missing_ok=True)
        print("CXR Explorer is no longer in the menu.")
    else:
        for path, content in _files(home):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(f"Cannot write {path}: {error.strerror or error}. Make its folder writable.") from error
            with atomic_write(path) as stream:
                stream.write(content)
        print(f"CXR Explorer is in the menu and opens .cxr files (written to {home}). `--remove` takes it out again.")
    for program, folder in _REFRESH:
        found = shutil.which(program)
        if found is not None and (home / folder).is_dir():
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([found, str(home / folder)], capture_output=True, timeout=60, check=False)
    return DONE


def _files(home: Path) -> Iterator[tuple[Path, bytes]]:
    """What is written below the user's data folder, and what into it."""
    entry = asset("desktop", f"{NAME}.desktop").read_text(encoding="utf-8")
    yield home / "applications" / f"{NAME}.desktop", entry.replace("{command}", _command()).encode()
    kind = asset("desktop", f"{NAME}.xml").read_text(encoding="utf-8")
    yield home / "mime" / "packages" / f"{NAME}.xml", kind.replace("{application_id}", str(APPLICATION_ID)).encode()
    for picture in sorted(asset("icons", "program").glob("*.png")):
        size = str(int(picture.stem))
        yield home / "icons" / "hicolor" / f"{size}x{size}" / "apps" / f"{NAME}.png", picture.read_bytes()


def _command() -> str:
    """What starts this very installation, quoted as the Desktop Entry Specification says ("The Exec key")."""
    words = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "cxr_explorer"]
    return " ".join(_quoted(os.fspath(word)) for word in words)


def _quoted(word: str) -> str:
    for sign in ("\\", '"', "`", "$"):
        word = word.replace(sign, "\\" + sign)
    # Once more: the file's own rules for strings come before those of the key. A "%" begins a field.
    return '"' + word.replace("\\", "\\\\").replace("%", "%%") + '"'
