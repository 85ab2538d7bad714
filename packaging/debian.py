"""The layout of a Debian package of the bundle: everything in /opt/cxr-explorer, links where the system looks.

There are no scripts in it: dpkg's own triggers bring menus and file types up to date. Removing the package removes what
it brought; projects, settings and logs lie in readers' own folders and stay.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from cxr_explorer.system_libraries import debian_package

ROOT = Path(__file__).resolve().parent.parent
NAME = "cxr-explorer"
RESOURCES = ROOT / "resources"

CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: CXR Explorer contributors
Installed-Size: {kilobytes}
Depends: {depends}
Recommends: {recommends}
Section: science
Priority: optional
Description: from a folder of unlabelled chest radiographs to labels one can trust
 Draws a map of chest radiographs on which alike images lie together, finds
 clusters, lets a reader judge them, audits the labels and exports them.
 For research and annotation. Not a medical device.
"""


def lay_out(bundle: Path, tree: Path, version: str) -> None:
    """Writes the package's tree.

    Args:
        bundle: The program's folder; its files are linked, not copied.
        tree: A folder that is not there yet.
        version: Of the program.
    """
    home = tree / "opt" / NAME
    shutil.copytree(bundle, home, symlinks=True, copy_function=os.link)
    binary = tree / "usr" / "bin" / NAME
    binary.parent.mkdir(parents=True)
    binary.symlink_to(f"/opt/{NAME}/{NAME}")
    share = tree / "usr" / "share"
    write(share / "applications" / f"{NAME}.desktop", desktop_entry(f"/opt/{NAME}/{NAME}"))
    write(share / "mime" / "packages" / f"{NAME}.xml", file_type())
    for picture in sorted((RESOURCES / "icons" / "program").glob("*.png")):
        size = int(picture.stem)
        place = share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / f"{NAME}.png"
        place.parent.mkdir(parents=True)
        shutil.copy(picture, place)
    write(share / "doc" / NAME / "copyright", f"See /opt/{NAME}/LICENCES.md and /opt/{NAME}/licences.\n")
    needed = depends(bundle)
    optional = [name for name in needed if name.startswith("libwayland-")]  # a desktop on Wayland has them
    kilobytes = sum(each.stat().st_size for each in home.rglob("*") if not each.is_symlink()) // 1024
    control = CONTROL.format(
        name=NAME,
        version=version,
        architecture=architecture(),
        kilobytes=kilobytes,
        depends=", ".join(name for name in needed if name not in optional),
        recommends=", ".join(["fonts-dejavu-core", *optional]),
    )
    write(tree / "DEBIAN" / "control", control)
    for path in tree.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def desktop_entry(command: str) -> str:
    """The entry of the desktop's menu."""
    return (RESOURCES / "desktop" / f"{NAME}.desktop").read_text(encoding="utf-8").replace("{command}", command)


def file_type() -> str:
    """The kind of file `.cxr` is, for the desktop."""
    schema = (ROOT / "cxr_explorer" / "project" / "schema.py").read_text(encoding="utf-8")
    application_id = re.findall(r"^APPLICATION_ID = (\w+)", schema, re.MULTILINE)[0]  # its module needs packages
    text = (RESOURCES / "desktop" / f"{NAME}.xml").read_text(encoding="utf-8")
    return text.replace("{application_id}", str(int(application_id, 0)))


def architecture() -> str:
    """This system's, as dpkg calls it."""
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def depends(bundle: Path) -> list[str]:
    """Debian's packages that hold what the bundle takes from the system, and the C library's least version."""
    inside = {path.name for path in bundle.rglob("*.so*")}
    libraries: set[str] = set()
    least = (2, 17)
    for path in [bundle / NAME, *bundle.rglob("*.so*")]:
        if path.is_symlink() or not is_elf(path):
            continue
        needs = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
        libraries |= set(re.findall(r"^\s*NEEDED\s+(\S+)", needs, re.MULTILINE)) - inside
        versions = [tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_(\d+\.\d+)\b", needs)]
        least = max([least, *((major, minor) for major, minor in versions)])
    of_c = re.compile(r"(libc|libm|libdl|librt|libpthread|libresolv|libutil|ld-linux.*)\.so\.\d+$")
    packages = {debian_package(library) for library in libraries if not of_c.match(library)}
    renamed = {"libglib2.0-0": "libglib2.0-0t64 | libglib2.0-0"}  # in Debian 13 and Ubuntu 24.04
    return [f"libc6 (>= {least[0]}.{least[1]})", *sorted(renamed.get(name, name) for name in packages)]


def is_elf(path: Path) -> bool:
    """Whether the file is a program or library, and not only named so."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
