"""Builds what readers install: a wheel, and the program as a folder that needs no Python, packed for their system.

    python3 packaging/build.py                 everything this system can build
    python3 packaging/build.py wheel           wheel and source distribution; --check tries the wheel in an environment
    python3 packaging/build.py bundle          the folder (PyInstaller, packaging/bundle/cxr-explorer.spec)
    python3 packaging/build.py archive deb appimage    Linux: the folder packed, each from the folder that is there
    python3 packaging/build.py installer       Windows, with Inno Setup: not yet run
    python3 packaging/build.py dmg             macOS: not yet run

Work goes into `build/`, results into `dist/`, or below --folder. Needs a Python of 3.11 to 3.13 and, the first time,
the package index. Sizes and SHA-256 are printed and written beside the results, with a list of what is inside (SBOM).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "packaging")]

import debian  # noqa: E402 - beside this file
import start  # noqa: E402

from cxr_explorer import __version__  # noqa: E402
from cxr_explorer.system_libraries import install_command, missing_libraries  # noqa: E402

BUNDLE = ROOT / "packaging" / "bundle"
NAME = "cxr-explorer"
LINUX, WINDOWS, MACOS = sys.platform.startswith("linux"), os.name == "nt", sys.platform == "darwin"
TOOLS = ("pyinstaller>=6.10", "build>=1.2")
EXTRAS = ("hospital",)
"""What the packaged program has beside what the project asks for."""


class Workshop:
    """Where things are made: an environment without PyTorch, work, results."""

    def __init__(self, folder: Path) -> None:
        """Work and results go below this folder."""
        self.work = folder / "build"
        self.dist = folder / "dist"
        self.bundle = self.work / "bundle" / NAME
        self.made: list[Path] = []

    def python(self) -> str:
        """The Python of the environment the program is frozen from, set up the first time."""
        start.VENV = self.work / "venv"
        if start.venv_version() not in start.VERSIONS:
            self.work.mkdir(parents=True, exist_ok=True)
            start.create_venv()
        if start.version_of([str(start.venv_python())], "PyInstaller, build, onnxruntime, pynetdicom") is None:
            start.say("Installing the program's packages, without PyTorch, and the tools ...")
            start.pip_install(*start.lean_requirements(*EXTRAS), *TOOLS)
        return str(start.venv_python())

    def result(self, suffix: str) -> Path:
        """The path of a result: name, version, system and processor, then what it is."""
        self.dist.mkdir(parents=True, exist_ok=True)
        system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
        path = self.dist / f"{NAME}-{__version__}-{system}-{platform.machine().lower()}{suffix}"
        path.unlink(missing_ok=True)
        self.made.append(path)
        return path


def main(arguments: list[str]) -> int:
    steps = {
        "wheel": wheel,
        "bundle": bundle,
        "archive": archive,
        "deb": deb,
        "appimage": appimage,
        "installer": installer,
        "dmg": dmg,
    }
    here = ["archive", "deb", "appimage"] if LINUX else ["installer"] if WINDOWS else ["dmg"]
    parser = argparse.ArgumentParser(description="Build what readers install.")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"any of {', '.join(steps)}; default: all for here")
    parser.add_argument("--folder", type=Path, default=ROOT, help="where build/ and dist/ lie (default: the project)")
    parser.add_argument("--check", action="store_true", help="wheel: install it in an environment and run it")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.steps) - set(steps):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    workshop = Workshop(chosen.folder.resolve())
    try:
        for name in chosen.steps or ["wheel", "bundle", *here]:
            began = time.monotonic()
            steps[name](workshop)
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
        if chosen.check:
            check_wheel(workshop)
    except (start.Stop, subprocess.CalledProcessError) as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    tell(workshop)
    return 0


# --- the wheel -------------------------------------------------------------------------------------------------------


def wheel(workshop: Workshop) -> None:
    """The source distribution, and the wheel made from it: what lies about in the checkout cannot come in."""
    run(workshop.python(), "-m", "build", "--outdir", str(workshop.dist), str(ROOT))
    workshop.made += [
        workshop.dist / f"cxr_explorer-{__version__}-py3-none-any.whl",
        workshop.dist / f"cxr_explorer-{__version__}.tar.gz",
    ]


def check_wheel(workshop: Workshop) -> None:
    """Installs the wheel, without PyTorch, in an environment of its own and runs the program from it."""
    workshop.python()  # knows what is needed
    needed = start.lean_requirements()
    start.VENV = workshop.work / "wheel-venv"
    shutil.rmtree(start.VENV, ignore_errors=True)
    start.create_venv()
    start.pip_install(*needed)
    start.pip_install("--no-deps", str(workshop.dist / f"cxr_explorer-{__version__}-py3-none-any.whl"))
    program = str(start.venv_python().with_name("cxr-explorer"))
    run(program, "doctor", folder=workshop.work)
    home = workshop.work / "wheel-demo"
    shutil.rmtree(home, ignore_errors=True)
    run(program, "demo", "--headless", "--count", "60", "--folder", str(home), folder=workshop.work)


# --- the folder ------------------------------------------------------------------------------------------------------


def bundle(workshop: Workshop) -> None:
    """The program, Python and all packages but PyTorch as a folder, with its compiled code and its papers."""
    python = workshop.python()
    qt = next(start.VENV.glob("lib/python*/site-packages/PySide6/Qt"), None)
    if qt is not None and (missing := missing_libraries(qt, ["offscreen", "xcb", "wayland"])):
        command = " ".join(install_command(missing))
        raise start.Stop(f"the bundle would not run elsewhere without {', '.join(missing)}: sudo {command}")
    documents(workshop)
    shutil.rmtree(workshop.bundle.parent, ignore_errors=True)
    run(
        *(python, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"),
        *("--distpath", str(workshop.bundle.parent), "--workpath", str(workshop.work / "pyinstaller")),
        str(BUNDLE / "cxr-explorer.spec"),
        environment={"CXR_VERSION": __version__},
    )
    papers(workshop.bundle, python)
    warm(workshop.bundle)
    print(f"The folder {workshop.bundle} has {megabytes(workshop.bundle)}.")


def documents(workshop: Workshop) -> None:
    """The site, which the program opens. Sphinx lies in a folder of its own: nothing of it goes into the bundle."""
    python, sphinx = workshop.python(), workshop.work / "sphinx"
    if not sphinx.is_dir():
        start.pip_install("--target", str(sphinx), *start.extra_requirements("docs"))
    run(python, str(ROOT / "packaging" / "docs.py"), environment={"PYTHONPATH": str(sphinx)})


def papers(folder: Path, python: str) -> None:
    """Licences, the note on Qt, and the list of what is inside, where a reader finds them: beside the program."""
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE.txt")
    shutil.copytree(ROOT / "resources" / "licences", folder / "licences", dirs_exist_ok=True)
    shutil.move(folder / "licences" / "LICENCES.md", folder / "LICENCES.md")
    run(python, str(ROOT / "packaging" / "sbom.py"), __version__, str(folder / "sbom.cdx.json"), str(folder))


def warm(folder: Path) -> None:
    """Compiles what the program compiles, and keeps that in the bundle: the first map waits for no compiler."""
    program = folder / (f"{NAME}.exe" if WINDOWS else NAME)
    compiled = folder / "_internal" / "compiled"
    shutil.rmtree(compiled, ignore_errors=True)
    compiled.mkdir()
    build_id = f"{__version__}-{hashlib.sha256(program.read_bytes()).hexdigest()[:16]}"
    (compiled / "build-id").write_text(build_id, encoding="ascii")
    run(str(program), "--warm", environment={"CXR_COMPILED": str(compiled)})
    if not any(compiled.rglob("*.nbc")):
        raise start.Stop("nothing was compiled for the bundle")


# --- packed for Linux ------------------------------------------------------------------------------------------------


def archive(workshop: Workshop) -> None:
    """The folder as .tar.zst: unpack anywhere, run `cxr-explorer/cxr-explorer`."""
    command = ["tar", "-C", str(workshop.bundle.parent), "--owner=0", "--group=0", "--sort=name", "--zstd"]
    run(*command, "-cf", str(workshop.result(".tar.zst")), NAME, environment={"ZSTD_CLEVEL": "12"})


def deb(workshop: Workshop) -> None:
    """A package for Debian, Ubuntu and their kin."""
    tree = workshop.work / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    debian.lay_out(workshop.bundle, tree, __version__)
    run("dpkg-deb", "--root-owner-group", "-Zzstd", "-z9", "--build", str(tree), str(workshop.result(".deb")))
    shutil.rmtree(tree)


def appimage(workshop: Workshop) -> None:
    """One file that runs as it is; its content is mounted, so Qt's libraries stay files of their own."""
    tool = shutil.which("appimagetool")
    if tool is None:
        print("No AppImage: appimagetool is not installed here.")
        return
    tree = workshop.work / "CXR_Explorer.AppDir"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(workshop.bundle, tree / NAME, symlinks=True)
    (tree / "AppRun").symlink_to(f"{NAME}/{NAME}")
    (tree / f"{NAME}.desktop").write_text(debian.desktop_entry(NAME), encoding="utf-8")
    shutil.copy(ROOT / "resources" / "icons" / "program" / "256.png", tree / f"{NAME}.png")
    run(tool, "--no-appstream", str(tree), str(workshop.result(".AppImage")))


# --- Windows and macOS: not yet run ----------------------------------------------------------------------------------


def installer(workshop: Workshop) -> None:
    """Windows: an installer made by Inno Setup (packaging/bundle/windows.iss). Not yet run."""
    compiler = shutil.which("iscc") or shutil.which("ISCC", path=r"C:\Program Files (x86)\Inno Setup 6")
    if compiler is None:
        raise start.Stop("Inno Setup is needed (its compiler iscc was not found).")
    path = workshop.result("-setup.exe")
    icon = workshop.work / f"{NAME}.ico"
    picture = ROOT / "resources" / "icons" / "program" / "256.png"
    convert = "import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2])"
    run(workshop.python(), "-c", convert, str(picture), str(icon))
    defines = {"Version": __version__, "Bundle": workshop.bundle, "Icon": icon, "Out": path.parent, "File": path.stem}
    run(compiler, *(f"/D{name}={value}" for name, value in defines.items()), str(BUNDLE / "windows.iss"))


def dmg(workshop: Workshop) -> None:
    """macOS: a disk image with the application and a link to where it belongs. Not signed. Not yet run."""
    application = workshop.bundle.parent / "CXR Explorer.app"
    tree = workshop.work / "dmg"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    shutil.copytree(application, tree / application.name, symlinks=True)
    (tree / "Applications").symlink_to("/Applications")
    run(
        *("hdiutil", "create", "-volname", "CXR Explorer", "-srcfolder", str(tree), "-ov", "-format", "UDZO"),
        str(workshop.result(".dmg")),
    )


# --- telling ---------------------------------------------------------------------------------------------------------


def tell(workshop: Workshop) -> None:
    """Size and SHA-256 of each result; the sums also beside them, as `sha256sum --check` reads them."""
    lines = []
    for path in workshop.made:
        if path.exists():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            print(f"{path.name}: {megabytes(path)}, SHA-256 {digest}")
            lines.append(f"{digest}  {path.name}\n")
    if lines:
        sums = workshop.dist / "SHA256SUMS"
        before = sums.read_text(encoding="utf-8").splitlines(keepends=True) if sums.exists() else []
        names = {line.split()[1] for line in lines}
        kept = [line for line in before if line.split()[1] not in names]
        sums.write_text("".join(sorted(kept + lines)), encoding="utf-8", newline="\n")
    listed = workshop.bundle / "sbom.cdx.json"
    if workshop.made and listed.exists():
        shutil.copy(listed, workshop.dist / f"{NAME}-{__version__}-sbom.cdx.json")


def megabytes(path: Path) -> str:
    """The size of a file or folder, in words."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file() and not each.is_symlink()]
    return f"{sum(each.stat().st_size for each in files) / 1e6:,.0f} MB"


def run(*command: str, environment: dict[str, str] | None = None, folder: Path = ROOT) -> None:
    """Runs a command. Raises CalledProcessError where it fails."""
    subprocess.run(command, cwd=folder, env={**start.clean_environment(), **(environment or {})}, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
