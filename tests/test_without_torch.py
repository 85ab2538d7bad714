"""What the program does where PyTorch is not installed: everything but a graphics card's work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_explorer.demo import drawing_demo

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = """
import sys
from cxr_explorer.cli.main import main

def run(*words):
    assert main([str(word) for word in words]) == 0, words

if __name__ == "__main__":
    folder, project, film = sys.argv[1:]
    run("index", folder, "--project", project, "--json")
    run("similar", project, "--to", film, "--count", "3", "--json")
    run("label", project, "Effusion", "present", "--cluster", "1")
    run("label", project, "Effusion", "absent", "--cluster", "2")
    run("suggest", project, "--finding", "Effusion", "--json")
    run("doctor", "--json")
"""


@pytest.fixture
def blocked(tmp_path: Path) -> dict[str, str]:
    """An environment in which importing PyTorch fails, in every process."""
    away = tmp_path / "away"
    away.mkdir()
    (away / "torch.py").write_text("raise ModuleNotFoundError('No module named torch')\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(away), str(ROOT)])}


def test_a_folder_is_indexed_mapped_and_searched(blocked: dict[str, str], tmp_path: Path) -> None:
    images = tmp_path / "images"
    for _ in drawing_demo(images, 100):  # enough for several clusters
        pass
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    film = next(path for path in sorted(images.rglob("*")) if path.is_file() and path.suffix in (".png", ".dcm"))
    done = subprocess.run(
        [sys.executable, str(program), str(images), str(tmp_path / "demo.cxr"), str(film)],
        capture_output=True,
        text=True,
        env=blocked,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert said[0]["embedded"] == 100
    assert "ONNX Runtime" in said[0]["device"]
    assert "ONNX Runtime" in said[-1]["device"]
