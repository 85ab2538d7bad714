"""The rules of the house, checked by machine: style, types, the direction of imports, what must not be in a file."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import cxr_explorer

ROOT = Path(__file__).resolve().parent.parent
LONGER = {
    "gallery.py": 520,  # one view: layout, painting and keys of it
}
"""Files of more than 500 lines, and how many they may have, each with its reason."""

HEAVY = ("hdbscan", "numba", "onnxruntime", "pandas", "pyqtgraph", "sklearn", "torch", "torchvision", "umap")


def run(*arguments: str, timeout_s: float = 800) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("-m", "ruff", "check"), id="ruff check"),
        pytest.param(("-m", "ruff", "format", "--check"), id="ruff format"),
        pytest.param(("-m", "mypy"), id="mypy"),
        pytest.param(("-c", "from importlinter.cli import lint_imports_command as main; main()"), id="lint-imports"),
    ],
)
def test_checks_pass(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    if result.returncode:
        pytest.fail(f"\n{result.stdout}\n{result.stderr}", pytrace=False)


def imports(path: Path) -> Iterator[str]:
    """Every module the file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_the_window_makes_a_judgement_in_one_place() -> None:
    """What is stored with a label (who the cluster is, which map is on screen) is decided there and nowhere else."""
    made = {
        path.name
        for path in (ROOT / "cxr_explorer" / "ui").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Judgement"
    }
    assert made == {"judging.py"}


def test_qt_stays_in_ui() -> None:
    package = ROOT / "cxr_explorer"
    for path in package.rglob("*.py"):
        if package / "ui" not in path.parents:
            assert "PySide6" not in {name.split(".")[0] for name in imports(path)}, path


def test_the_window_holds_no_sql() -> None:
    for path in (ROOT / "cxr_explorer" / "ui").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\.(db|conn)\b|\b(SELECT|INSERT|UPDATE|DELETE) [^.]*\b(FROM|INTO|SET)\b", text), path


def test_nothing_imports_torchvision() -> None:
    """It takes a second or more of every process that analyses images; only tests compare with it."""
    for package in ("cxr_explorer", "training"):
        for path in (ROOT / package).rglob("*.py"):
            assert "torchvision" not in {name.split(".")[0] for name in imports(path)}, path


def test_the_window_comes_up_without_the_heavy_modules() -> None:
    program = (
        f"import json, sys, cxr_explorer.ui.main_window; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    )
    result = run("-c", program)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == []


def test_a_project_opens_without_pandas_which_can_be_had_afterwards() -> None:
    """sqlite-utils imports it where it is installed: a quarter of a second of every start, and of every child."""
    program = (
        "import importlib.util, sys, cxr_explorer.project.project; there = 'pandas' in sys.modules\n"
        "found = importlib.util.find_spec('pandas'); import sqlite_utils.db\n"
        "if found: import pandas\n"
        "print(there, found is None or hasattr(sys.modules['pandas'], 'DataFrame'))"
    )
    result = run("-c", program)
    assert result.stdout.strip() == "False True", result.stderr


def test_who_opens_the_window_imports_no_other_command() -> None:
    program = (
        "import sys; from cxr_explorer.cli import main; main._parser(main._families(['open']))\n"
        "print(sorted(m.rpartition('.')[2] for m in sys.modules if m.startswith('cxr_explorer.cli.')))"
    )
    result = run("-c", program)
    assert result.stdout.strip() == "['arguments', 'main', 'window']", result.stderr


def test_a_child_process_does_without_the_command_line() -> None:
    """A spawned process imports the module its parent was started from, before what it is to do."""
    result = run("-c", "import sys, cxr_explorer.__main__; print([m for m in sys.modules if m.startswith('cxr_')])")
    assert result.stdout.strip() == "['cxr_explorer', 'cxr_explorer.__main__']", result.stderr
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"cxr-explorer": "cxr_explorer.__main__:main"}


def test_files_import_each_other_in_no_circle() -> None:
    """Imports inside functions and those for the type checker alone count too."""
    files = {
        path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "cxr_explorer").rglob("*.py")
    }
    modules = set(files.values())
    graph: dict[str, set[str]] = {}
    for path, module in files.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        graph[module] = (found & modules) - {module}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_rooms_and_files_keep_their_size() -> None:
    """At most 14 files at the package's top, 6 in ui/, 26 in a room, 500 lines in a file but those named here."""
    rooms: dict[Path, int] = {}
    for path in (ROOT / "cxr_explorer").rglob("*.py"):
        rooms[path.parent] = rooms.get(path.parent, 0) + (path.name != "__init__.py")
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= LONGER.get(path.name, 500), path
    assert rooms.pop(ROOT / "cxr_explorer") <= 14
    assert rooms.pop(ROOT / "cxr_explorer" / "ui") <= 6
    assert max(rooms.values()) <= 26


def test_every_package_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "cxr_explorer").rglob("__init__.py")}
    assert {*packages, "cxr_explorer_resources"} == set(listed)


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Name and text of every text file under version control."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content[:8192]:
            yield name, content.decode(errors="replace")


def test_no_file_names_a_machine_or_a_registry() -> None:
    # Taken apart, so that this file does not match itself.
    registries = ("py" + "pi.org", "python" + "hosted.org", "download.py" + "torch.org", "conda" + ".anaconda.org")
    machine = r"(?<![\w.~/-])/(?:home|root|work|Users)/\w|\b[A-Z]:\\+Users\\|(?<![\w])--(?:extra-)?index-" + r"url\b"
    pattern = re.compile("|".join([machine, *map(re.escape, registries)]))
    found = [
        f"{name}: {text[max(0, match.start() - 30) : match.end() + 30]!r}"
        for name, text in tracked_texts()
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_the_changelog_begins_with_this_version() -> None:
    versions = re.findall(
        r"^## \[?(\d+\.\d+\.\d+)\]?", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert versions[0] == cxr_explorer.__version__


def test_the_lock_holds_every_package_in_a_version_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [
        Requirement(text) for text in [*project["dependencies"], *(text for extra in extras.values() for text in extra)]
    ]
    lines = (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = dict(line.split("==") for line in lines if not line.startswith("#"))
    for requirement in asked:
        if requirement.name == project["name"]:
            continue  # an extra that takes in another
        version = locked[requirement.name.lower().replace("_", "-")]
        assert requirement.specifier.contains(version), f"{requirement} is locked to {version}"
    assert not [name for name in locked if re.match(r"nvidia-|cuda-|triton$|cxr-explorer$", name)]
