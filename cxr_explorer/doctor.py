"""What this installation runs with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from platformdirs import user_data_path

from cxr_explorer import __version__
from cxr_explorer.encoder.checkpoint import bundled_encoders, default_encoder


def examine() -> dict[str, Any]:
    """Versions, device, encoders and Qt platform, ready for JSON."""
    from cxr_explorer.encoder.model import choose_device, describe_device

    encoders = [
        {"name": info.name, "key": info.key, "dimension": info.dimension, "input_px": info.spec.size_px}
        for info in bundled_encoders()
    ]
    return {
        "cxr-explorer": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "device": describe_device(choose_device("auto")),
        "default encoder": default_encoder().name,
        "encoders": encoders,
        "qt platform": _qt_platform(),
        "user data": str(user_data_path("cxr-explorer", appauthor=False)),
    }


def describe(found: dict[str, Any]) -> str:
    """The same for people, a line each."""
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {entry}" for key, entry in value.items())
        elif isinstance(value, list):
            value = ", ".join(f"{entry['name']} ({entry['dimension']}-d, {entry['input_px']} px)" for entry in value)
        lines.append(f"{name + ':':<17} {value}")
    return "\n".join(lines)


_PACKAGES = (
    "torch",
    "torchvision",
    "PySide6-Essentials",
    "pyqtgraph",
    "pydicom",
    "umap-learn",
    "hdbscan",
    "numba",
    "numpy",
    "scikit-learn",
    "sqlite-utils",
    "pillow",
    "imagecodecs",
)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _qt_platform() -> str:
    """The Qt platform a window would use, tried in a process of its own: a missing library ends the process."""
    code = "from PySide6.QtGui import QGuiApplication as A; a = A([]); print(a.platformName())"
    environment = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "")}
    if not environment["QT_QPA_PLATFORM"]:
        del environment["QT_QPA_PLATFORM"]
        if not has_screen():
            return "no screen (set DISPLAY, or use the headless commands)"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    except subprocess.TimeoutExpired:
        return "does not start: no answer within 30 s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return (
        lines[-1] if done.returncode == 0 and lines else f"does not start: {lines[-1] if lines else 'no reason given'}"
    )


def has_screen() -> bool:
    """Whether a window could be shown here."""
    if platform.system() == "Linux":
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
