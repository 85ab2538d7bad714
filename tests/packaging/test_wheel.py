"""A wheel holds all that the program needs, and runs from a folder that is not the project's."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cxr_explorer

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "MANIFEST.in",
    "cxr_explorer",
    "resources",
    "training",
    "packaging",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building leaves folders behind."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed here")
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, copy / name)
    out = tmp_path_factory.mktemp("wheel")
    words = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(out), str(copy)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def test_it_holds_encoders_and_resources_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for encoder in ("simclr-cxr", "imagenet-lite0"):
        assert f"cxr_explorer_resources/encoders/{encoder}/graph.onnx" in names
        assert f"cxr_explorer_resources/encoders/{encoder}/weights.safetensors" in names
    assert "cxr_explorer/py.typed" in names
    assert "cxr_explorer_resources/desktop/cxr-explorer.desktop" in names
    tops = {name.split("/")[0] for name in names}
    dist_info = f"cxr_explorer-{cxr_explorer.__version__}.dist-info"
    assert tops == {"cxr_explorer", "cxr_explorer_resources", dist_info}


def test_it_runs(wheel: Path, tmp_path: Path) -> None:
    """From where it was unpacked, as in an installation: the project's folder is not seen."""
    place, home = tmp_path / "installed", tmp_path / "home"
    zipfile.ZipFile(wheel).extractall(place)
    home.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(place), "HOME": str(home), "XDG_DATA_HOME": str(home)}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "cxr_explorer", *words]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = [sys.executable, "-c", "import cxr_explorer; print(cxr_explorer.__file__)"]
    found = subprocess.run(where, cwd=home, env=environment, capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).is_relative_to(place)
    assert json.loads(run("doctor", "--json"))["default encoder"] == "simclr-cxr"
    # Too few for a layout: numba would compile for a minute in a folder it has not seen.
    said = run("demo", "--headless", "--count", "5", "--folder", str(home / "demo"), "--json")
    assert json.loads(said.splitlines()[-1])["embedded"] == 5
