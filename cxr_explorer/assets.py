"""Where the files that ship with the program lie."""

from __future__ import annotations

from pathlib import Path


def asset(*parts: str) -> Path:
    """The path of a shipped file or folder below `resources/`, in a checkout, an installation or a frozen app."""
    package = Path(__file__).resolve().parent
    for root in (package.parent / "resources", package.parent / "cxr_explorer_resources"):
        if root.is_dir():
            return root.joinpath(*parts)
    raise FileNotFoundError("the folder resources/ is missing beside the program: the installation is incomplete")
