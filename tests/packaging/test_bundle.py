"""What packs the program for readers without Python: compiled code, Debian's layout, the list of what is inside."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, PACKAGING / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- compiled code ---------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The bundle's cache, with a bundle in `inside` and the user's folders in `user`."""
    module = load("bundle/compiled_cache.py")
    seed = tmp_path / "inside" / "compiled"
    (seed / "room").mkdir(parents=True)
    (seed / "build-id").write_text("1.0-abc")
    (seed / "room" / "kernel.nbc").write_text("machine code")
    for name, value in {"INSIDE": seed.parent, "SEED": seed, "BUILD_ID": seed / "build-id"}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "user")
    monkeypatch.delenv(module.HOME, raising=False)
    return module


def test_compiled_code_is_copied_to_the_user_once(cache: ModuleType, tmp_path: Path) -> None:
    folder = cache.folder()
    assert folder == tmp_path / "user" / "compiled" / "1.0-abc"
    assert (folder / "room" / "kernel.nbc").read_text() == "machine code"
    (folder / "added").touch()
    cache.folder.cache_clear()
    assert (cache.folder() / "added").exists()


def test_another_build_brings_its_own_and_the_old_goes(cache: ModuleType, tmp_path: Path) -> None:
    cache.folder()
    cache.BUILD_ID.write_text("1.1-def")
    cache.folder.cache_clear()
    cache.folder()
    assert [path.name for path in (tmp_path / "user" / "compiled").iterdir()] == ["1.1-def"]


def test_a_bundle_that_is_read_only_gives_folders_that_can_be_written(cache: ModuleType) -> None:
    for path in [*cache.SEED.rglob("*"), cache.SEED]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    room = cache.folder() / "room"
    assert room.stat().st_mode & stat.S_IWUSR
    assert cache.folder().stat().st_mode & stat.S_IWUSR
    for path in [cache.SEED, *cache.SEED.rglob("*")]:
        path.chmod(0o755)


def test_a_home_that_cannot_be_written_still_has_compiled_code(cache: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "user").write_text("a file where the folder should be")
    folder = cache.folder()
    assert (folder / "room" / "kernel.nbc").exists()
    shutil.rmtree(folder.parent)


def test_a_function_has_one_place_wherever_the_program_was_started(
    cache: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def function() -> None: ...

    source = str(Path("room", "sub", "file.py"))
    places = set()
    for folder in (tmp_path, Path.home()):
        monkeypatch.chdir(folder)
        places.add(cache.Locator.from_function(function, source).get_cache_path())
    places.add(cache.Locator.from_function(function, str(cache.INSIDE / source)).get_cache_path())
    assert places == {str(cache.folder() / "room.sub")}


def test_numba_keeps_code_there(tmp_path: Path) -> None:
    """In a process of its own: numba reads its settings once."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(PACKAGING / 'bundle')!r})\n"
        "import compiled_cache\n"
        "compiled_cache.prepare()\n"
        "import numba\n"
        "@numba.njit('f8(f8)', cache=True)\n"
        "def double(x):\n"
        "    return 2 * x\n"
        "assert double(2.0) == 4.0\n"
        "print(sum(double.stats.cache_hits.values()))\n"
    )
    build = tmp_path / "compiled"
    build.mkdir()
    (build / "build-id").write_text("1")
    patched = (
        f"import sys, runpy; from pathlib import Path; sys._MEIPASS = {str(tmp_path)!r}; "
        f"runpy.run_path({str(program)!r}, run_name='__main__')"
    )
    environment = {**os.environ, "CXR_COMPILED": str(build)}
    for hits in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", patched], env=environment, capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == hits, done.stderr
    assert list(build.rglob("*.nbc"))


# --- Debian ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_the_debian_package_has_program_menu_icons_and_file_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian = load("debian.py")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "cxr-explorer").write_text("the program")
    monkeypatch.setattr(debian, "depends", lambda _: ["libc6 (>= 2.34)", "libegl1", "libwayland-egl1"])
    tree = tmp_path / "tree"
    debian.lay_out(bundle, tree, "1.2.3")
    package = tmp_path / "package.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, package], check=True, capture_output=True)
    fields = subprocess.run(["dpkg-deb", "--field", package], check=True, capture_output=True, text=True).stdout
    assert "Version: 1.2.3\n" in fields
    assert "Depends: libc6 (>= 2.34), libegl1\n" in fields
    assert "Recommends: fonts-dejavu-core, libwayland-egl1\n" in fields
    out = tmp_path / "out"
    subprocess.run(["dpkg-deb", "--raw-extract", package, out], check=True)
    assert sorted(path.name for path in (out / "DEBIAN").iterdir()) == ["control"]  # nothing runs when it is removed
    assert (out / "usr/bin/cxr-explorer").readlink() == Path("/opt/cxr-explorer/cxr-explorer")
    assert (out / "opt/cxr-explorer/cxr-explorer").read_text() == "the program"
    entry = (out / "usr/share/applications/cxr-explorer.desktop").read_text()
    assert "Exec=/opt/cxr-explorer/cxr-explorer open %f\n" in entry
    assert "MimeType=application/x-cxr-explorer;" in entry
    kind = (out / "usr/share/mime/packages/cxr-explorer.xml").read_text()
    assert 'glob pattern="*.cxr"' in kind
    assert str(0x43585245) in kind
    assert (out / "usr/share/icons/hicolor/48x48/apps/cxr-explorer.png").exists()


# --- what is inside --------------------------------------------------------------------------------------------------


def test_the_list_of_parts_names_version_and_licence() -> None:
    listed = load("sbom.py").sbom("1.2.3")
    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["version"] == "1.2.3"
    parts = {part["name"]: part for part in listed["components"]}
    assert "LGPL" in parts["pyside6-essentials"]["licenses"][0]["license"]["name"]
    assert parts["numpy"]["purl"].startswith("pkg:pypi/numpy@")
    assert "pip" not in parts


def test_the_folder_carries_the_texts_of_the_lgpl() -> None:
    folder = PACKAGING.parent / "resources" / "licences"
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (folder / "LGPL-3.0.txt").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in (folder / "GPL-3.0.txt").read_text()
    assert "replaced" in (folder / "README.md").read_text()


# --- decoders --------------------------------------------------------------------------------------------------------


def test_the_folder_has_every_codec_the_program_asks_for_and_the_build_tries_each() -> None:
    asked = {
        codec
        for path in (PACKAGING.parent / "cxr_explorer" / "images").rglob("*.py")
        for codec in re.findall(r"\b([a-z0-9]+)_decode\b", path.read_text(encoding="utf-8"))
    }
    recipe = (PACKAGING / "bundle" / "cxr-explorer.spec").read_text(encoding="utf-8")
    assert asked
    assert asked <= set(re.findall(r"imagecodecs\._([a-z0-9]+)", recipe))
    warm = load("bundle/warm.py")
    warm.decode()
    tried = set(re.findall(r'"([a-z0-9]+)": \{', (PACKAGING / "bundle" / "warm.py").read_text(encoding="utf-8")))
    assert asked <= tried


@pytest.mark.parametrize("script", ["build.py", "smoke.py"])
def test_building_and_trying_need_nothing_but_python(script: str) -> None:
    words = ["-S", "-E", str(PACKAGING / script), "--help"]  # -S: without what is installed
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif("CXR_PROGRAM" not in os.environ, reason="CXR_PROGRAM names no installed program")
def test_an_installed_program_runs_for_a_stranger() -> None:
    words = [str(PACKAGING / "smoke.py"), os.environ["CXR_PROGRAM"]]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
