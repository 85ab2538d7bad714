"""Writes the list of what a bundle holds (CycloneDX 1.5, JSON): every package with version, licence and home page.

    python packaging/sbom.py VERSION OUT [BUNDLE]

Run by packaging/build.py with the Python the bundle was frozen from. With BUNDLE, shared libraries that came from the
system and lie in it are listed as well, with their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

BUILT_WITH = {"pip", "setuptools", "pyinstaller", "pyinstaller-hooks-contrib", "build", "altgraph", "pyproject-hooks"}


def sbom(version: str, bundle: Path | None = None) -> dict[str, Any]:
    """The list, ready for JSON."""
    packages = {normal(each.metadata["Name"]): each for each in distributions()}
    components = [component(packages[name]) for name in sorted(set(packages) - BUILT_WITH - {"cxr-explorer"})]
    components.append(
        {
            "type": "framework",
            "name": "CPython",
            "version": platform.python_version(),
            "licenses": [{"license": {"id": "PSF-2.0"}}],
        }
    )
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "cxr-explorer",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
            "properties": [{"name": "system", "value": f"{platform.system()} {platform.machine()}"}],
        },
        "components": components + (system_libraries(bundle) if bundle is not None else []),
    }


def component(package: Distribution) -> dict[str, Any]:
    """A Python package."""
    name = normal(package.metadata["Name"])
    found: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": package.version,
        "purl": f"pkg:pypi/{name}@{package.version}",
        "bom-ref": f"pkg:pypi/{name}@{package.version}",
    }
    if words := licence(package):
        found["licenses"] = [{"license": {"name": words}}]
    return found


def licence(package: Distribution) -> str:
    """The licence as the package's metadata name it, the first line where the whole text stands there."""

    def first(field: str) -> str:
        return str((package.metadata.get_all(field) or [""])[0]).strip().split("\n")[0]

    classified = [text for text in package.metadata.get_all("Classifier") or [] if text.startswith("License ::")]
    return first("License-Expression") or ", ".join(text.split(" :: ")[-1] for text in classified) or first("License")


def system_libraries(bundle: Path) -> list[dict[str, Any]]:
    """Shared libraries at the top of the bundle's files that came from the system it was built on."""
    found = []
    for path in sorted((bundle / "_internal").glob("lib*.so.*")):
        if path.is_symlink() or re.search(r"-[0-9a-f]{8}", path.name):
            continue  # of a package
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append({"type": "file", "name": path.name, "hashes": [{"alg": "SHA-256", "content": digest}]})
    return found


def normal(name: str) -> str:
    """A package's name as indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    text = json.dumps(sbom(sys.argv[1], folder), indent=1)
    Path(sys.argv[2]).write_text(text + "\n", encoding="utf-8", newline="\n")
