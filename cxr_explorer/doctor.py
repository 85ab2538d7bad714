"""What this installation runs with, and how a project file fares, in words."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from platformdirs import user_data_path

from cxr_explorer import __version__, logfile
from cxr_explorer.encoder.checkpoint import damaged_encoders, default_encoder, known_encoders
from cxr_explorer.encoder.engine import open_engine
from cxr_explorer.errors import UserError
from cxr_explorer.project.project import Project
from cxr_explorer.project.repair import Examination, Repair
from cxr_explorer.project.schema import SCHEMA_VERSION
from cxr_explorer.system_libraries import has_screen


def examine() -> dict[str, Any]:
    """Versions, device, encoders and Qt platform, ready for JSON."""
    encoders = [
        {"name": info.name, "key": info.key, "dimension": info.dimension, "input_px": info.spec.size_px}
        for info in known_encoders()
    ]
    damaged = {folder.name: reason for folder, reason in damaged_encoders()}
    return {
        **installed(),
        "device": _device(),
        "default encoder": default_encoder().name,
        "encoders": encoders,
        **({"damaged encoders": damaged} if damaged else {}),
        "qt platform": _qt_platform(),
        "user data": str(user_data_path("cxr-explorer", appauthor=False)),
        "log": str(logfile.folder()),
    }


def _device() -> str:
    """What the default encoder computes on and with, or why it cannot: a library may be there and not load."""
    try:
        engine = open_engine(default_encoder())
    except UserError as error:
        return str(error)
    engine.close()
    return engine.words


def installed() -> dict[str, Any]:
    """Versions and machine, without loading any of the packages."""
    return {
        "cxr-explorer": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def count_project(project: Project) -> dict[str, Any]:
    """Counts of an open project that say nothing of whose it is. Raises UserError where it cannot be read."""
    latest = project.latest_map()
    labels, readers = project.db.execute("SELECT count(*), count(DISTINCT reader) FROM labels").fetchone()
    return {
        "images": project.image_count(),
        "unreadable": sum(not failure.bare for failure in project.failures()),
        "labels": labels,
        "readers": readers,
        "clusters": len(latest.groups) if latest is not None else "no map yet",
        "schema": SCHEMA_VERSION,
        "written": "no, it is only looked at" if project.viewed else "yes",
    }


def diagnose(facts: Mapping[str, str], counts: Mapping[str, Any], problems: Sequence[str]) -> str:
    """A report to be sent with a question: versions, counts, what failed lately; no names, no paths.

    Args:
        facts: What the window knows of screens and device.
        counts: Of the open project, see `count_project`; empty where none is open.
        problems: From the log, see `logfile.last_problems`.
    """
    told = ["CXR Explorer: diagnostic report", "", describe({**installed(), **facts}), ""]
    told += [describe({"project": dict(counts)}) if counts else "No project is open.", ""]
    told += ["Last warnings and errors:", *problems] if problems else ["No warnings or errors in the log."]
    return "\n".join(told) + "\n"


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


def describe_examination(found: Examination) -> str:
    """What looking through a project found, for people."""
    labels = "" if found.labels is None else f" It holds {found.labels:,} labels."
    lines = [f"{found.project}: {'sound' if found.sound else 'damaged'}.{labels}"]
    lines += [f"  {text}" for text in found.damage]
    newest = f", the newest {found.backups[0]}" if found.backups else ""
    lines.append(f"Backups: {len(found.backups)} in {found.backup_folder}{newest}")
    lines += [f"Kept as it was before it was mended: {original}" for original in found.damaged_originals]
    if not found.sound:
        lines.append("Close the project, then mend it with --repair: the file as it is will be kept.")
    return "\n".join(lines)


def describe_repair(done: Repair) -> str:
    """What a repair kept and lost, for people."""
    lines = [f"{done.project} is sound again. As it was it is kept as {done.original}"]
    if done.from_backup:
        lines.append(f"Nothing in it could be read: the backup {done.from_backup} took its place.")
    lines.append("Kept: " + ", ".join(f"{count:,} {table.replace('_', ' ')}" for table, count in done.kept.items()))
    if done.lost:
        lost = ", ".join(f"{count:,} {table.replace('_', ' ')}" for table, count in done.lost.items())
        lines.append(f"Could not be read, at most: {lost}")
    if done.missing:
        lines.append(f"Not there any more: {', '.join(done.missing)}")
    lines += [f"  {text}" for text in done.mended]
    lines.append("Embeddings, small pictures and maps that are lost are made anew by the next run over the folder.")
    return "\n".join(lines)


_PACKAGES = (
    "torch",
    "onnxruntime",
    "PySide6-Essentials",
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
    frozen = getattr(sys, "frozen", False)  # there is no Python to give code to: packaging/bundle/launch.py answers
    question = [sys.executable, "--qt-platform"] if frozen else [sys.executable, "-c", code]
    environment = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "")}
    if not environment["QT_QPA_PLATFORM"]:
        del environment["QT_QPA_PLATFORM"]
        if not has_screen():
            return "no screen (set DISPLAY, or use the headless commands)"
    try:
        done = subprocess.run(question, env=environment, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return "does not start: no answer within 30 s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return (
        lines[-1] if done.returncode == 0 and lines else f"does not start: {lines[-1] if lines else 'no reason given'}"
    )
