"""One command from a fresh copy of the project to the running program, or to its tests.

    python3 packaging/start.py [option ...]           set up what is missing, then run the demonstration
    python3 packaging/start.py --lean [option ...]    the same without PyTorch: a sixth of the size, no graphics card
    python3 packaging/start.py test [option ...]      set up what is missing, then run the tests

Set up with `--lean`, the program stays so until `--full` is asked for; the tests need PyTorch. Other options go on to
`cxr-explorer demo` or to pytest. Tests run in as many processes as the machine has processors, at most four; `-n 0`
among the options runs them one after another. Everything is installed into the folder .venv of the project, in the
versions of constraints.txt; what is there already is not installed again. Needs nothing but Python.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cxr_explorer import system_libraries  # noqa: E402 - of the project beside this file, which need not be installed
from cxr_explorer.system_libraries import install_command, platforms  # noqa: E402

VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
STAMP = VENV / "cxr-explorer-installed.json"
NOT_LEAN = ("torch", "torchvision")
"""What `--lean` does without: on a processor ONNX Runtime runs the encoder, and on Linux PyTorch brings CUDA along."""

VERSIONS = ((3, 11), (3, 12), (3, 13))  # Pythons the locked packages exist for; the first one found is taken
PARALLEL = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")
LINUX = sys.platform.startswith("linux")
WINDOWS = os.name == "nt"


class Stop(Exception):
    """The set-up cannot go on; the message says why and what to do."""


def main(arguments: list[str]) -> int:
    testing = arguments[:1] == ["test"]
    lean, arguments = take_lean(arguments)
    try:
        if testing and lean:
            raise Stop("The tests train networks and need PyTorch: run them without --lean.")
        install({"test"} if testing else set(), lean)
        if LINUX:
            provide_system_libraries()
        if testing:
            provide_archive()
            return run([str(venv_python()), "-m", "pytest", *PARALLEL, *arguments[1:]], folder=ROOT)
        return run([str(venv_python()), "-m", "cxr_explorer", "demo", *arguments])
    except Stop as stop:
        print(f"start.py: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# --- Python and packages ---------------------------------------------------------------------------------------------


def take_lean(arguments: list[str]) -> tuple[bool | None, list[str]]:
    """Whether --lean (True) or --full (False) is asked for, None where neither is, and the other arguments."""
    lean = True if "--lean" in arguments else False if "--full" in arguments else None
    return lean, [word for word in arguments if word not in ("--lean", "--full")]


def install(extras: set[str], lean: bool | None = None) -> None:
    """Bring .venv to the locked state, unless it is there.

    Args:
        extras: Of the project, wanted beside it.
        lean: Whether to do without PyTorch. None: as it was set up before, and with PyTorch the first time. The extras
            need PyTorch.
    """
    if venv_version() not in VERSIONS:
        create_venv()
    key = state_key()
    installed = read_stamp()
    if lean is None:
        lean = bool(installed.get("lean")) and not extras
    if (
        installed.get("key") == key
        and extras <= set(installed.get("extras", []))
        and (lean or not installed.get("lean"))
    ):
        return
    extras |= set(installed.get("extras", []))
    lean = lean and not extras
    STAMP.unlink(missing_ok=True)
    say(announce(lean, extras))
    start = time.monotonic()
    if lean:
        pip_install(*lean_requirements())
        pip_install("--no-deps", "-e", str(ROOT))
    else:
        pip_install("-e", f"{ROOT}[{','.join(sorted(extras))}]" if extras else str(ROOT))
    STAMP.write_text(json.dumps({"key": key, "extras": sorted(extras), "lean": lean}), encoding="utf-8")
    say(f"Installed in {time.monotonic() - start:.0f} s.")


def announce(lean: bool, extras: set[str]) -> str:
    """What the installation will take, said beforehand; on Linux as measured (resources/docs/installing.md)."""
    if lean:
        return "Installing without PyTorch: about 0.3 GB to download, 1 GB on the disk, one to two minutes ..."
    disk = "8 GB" if "test" in extras else "6.5 GB"
    size = f"3 GB to download, {disk} on the disk" if LINUX else "0.5 to 1 GB to download, up to 2.5 GB on the disk"
    text = f"Installing with PyTorch: about {size}, several minutes ..."
    if extras or sys.platform == "darwin" or has_nvidia():
        return text
    return (
        "No NVIDIA graphics card was found here. Without one PyTorch is not needed, and\n"
        "    python3 packaging/start.py --lean\n"
        "sets the same program up with 0.3 GB to download and 1 GB on the disk. Ctrl+C now, if you prefer that.\n"
        f"{text}"
    )


def has_nvidia() -> bool:
    """Whether the driver of an NVIDIA graphics card is installed."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia/version").exists()


def pip_install(*words: str) -> None:
    """Install with the environment's pip, in the locked versions. Raises Stop with an explanation."""
    command = [str(venv_python()), "-m", "pip", "install", "-q", "--no-input", "-c", str(CONSTRAINTS), *words]
    result = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if result.returncode:
        raise Stop(explain_pip(result.stdout.decode(errors="replace")))


def lean_requirements(*extras: str) -> list[str]:
    """What the project asks for, and these extras of it, but for PyTorch."""
    asked = [*project_table()["dependencies"], *(text for name in extras for text in extra_requirements(name))]
    return [text for text in asked if re.split(r"[^\w.-]", text)[0].lower() not in NOT_LEAN]


def extra_requirements(name: str) -> list[str]:
    """What an extra of the project asks for."""
    asked: list[str] = project_table()["optional-dependencies"][name]
    return asked


def project_table() -> dict[str, Any]:
    """`[project]` of pyproject.toml. Read by the environment's Python: the running one may be older."""
    question = (
        "import json, tomllib; "
        f"print(json.dumps(tomllib.load(open({str(ROOT / 'pyproject.toml')!r}, 'rb'))['project']))"
    )
    answer = subprocess.run(
        [str(venv_python()), "-c", question], env=clean_environment(), stdout=subprocess.PIPE, check=True
    )
    table: dict[str, Any] = json.loads(answer.stdout)
    return table


def venv_python() -> Path:
    return VENV / "Scripts" / "python.exe" if WINDOWS else VENV / "bin" / "python"


def venv_version() -> tuple[int, int] | None:
    """The version of the Python in .venv, None where there is none that works and has pip."""
    return version_of([str(venv_python())], "pip") if venv_python().exists() else None


def version_of(command: list[str], module: str) -> tuple[int, int] | None:
    """The version of the Python the command starts, None unless it starts one that has the module."""
    question = f"import sys, {module}; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [*command, "-c", question], env=clean_environment(), capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = answer.stdout.split()
    if answer.returncode or len(words) != 2:
        return None
    return int(words[0]), int(words[1])


def create_venv() -> None:
    """A fresh .venv in place of what is there (nothing, half of one, one of another Python)."""
    command = find_python()
    if VENV.exists():
        say("The environment in .venv does not work: setting it up anew.")
    result = subprocess.run(
        [*command, "-m", "venv", "--clear", str(VENV)],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode or venv_version() is None:
        last = last_line(result.stdout.decode(errors="replace"))
        raise Stop(f"The environment .venv cannot be set up: {last}. Close programs that use it, delete it, try again.")


def find_python() -> list[str]:
    """The command of a Python that fits: the running one, else one on the PATH.

    Debian and its kin ship a Python without `ensurepip`, which venv needs: one of those is named in the complaint.
    """
    names = [f"python{major}.{minor}" for major, minor in VERSIONS]
    commands = [[sys.executable], *([name] for name in [*names, "python3", "python"] if shutil.which(name))]
    if WINDOWS and shutil.which("py"):
        commands += [["py", f"-{major}.{minor}"] for major, minor in VERSIONS]
    for command in commands:
        if version_of(command, "venv, ensurepip") in VERSIONS:
            return command
    for command in commands:
        version = version_of(command, "sys")
        if version is not None and version in VERSIONS:
            package = f"python{version[0]}.{version[1]}-venv"
            raise Stop(f"{command[0]} lacks its module venv: install it (sudo apt-get install {package}), try again.")
    raise Stop("Python 3.11, 3.12 or 3.13 is needed and none was found: install one, then run the same line again.")


def state_key() -> str:
    """What the installation depends on, as a hash: versions, the project's settings, where both lie."""
    digest = hashlib.sha256(f"{ROOT}\n{sys.platform}\n".encode())
    for path in (CONSTRAINTS, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read_stamp() -> dict[str, Any]:
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def clean_environment() -> dict[str, str]:
    """The environment without what would send Python or pip past .venv."""
    astray = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "__PYVENV_LAUNCHER__"}
    kept = {name: value for name, value in os.environ.items() if name not in astray}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}


def explain_pip(output: str) -> str:
    """What went wrong, for somebody who does not know pip."""
    quote = "\n".join(output.strip().splitlines()[-12:])
    unreachable = (
        r"connection broken|NewConnectionError|ConnectTimeout|Read ?timed ?out|ProxyError|SSLError|Max retries|"
        r"name resolution|getaddrinfo|Network is unreachable|Connection (refused|reset|aborted)|IncompleteRead"
    )
    if re.search(unreachable, output, re.IGNORECASE):
        advice = (
            "The packages could not be downloaded. Connect this computer to the internet (behind a proxy, set "
            "HTTPS_PROXY; with a mirror of your own, tell pip of it), then run the same line again: what has arrived "
            "is not downloaded twice."
        )
    elif re.search(r"No space left|not enough space", output, re.IGNORECASE):
        advice = (
            f"The disk is full. Free about 8 GB (with --lean: 2 GB) where {ROOT} and the temporary files lie, "
            "then try again."
        )
    elif "No matching distribution" in output:
        bits = 64 if sys.maxsize > 2**32 else 32
        advice = (
            f"A package does not exist for this computer ({sys.platform}, {bits} bit): 64-bit Windows, 64-bit Linux or "
            "macOS on Apple silicon is needed."
        )
    else:
        advice = "The packages could not be installed. Delete the folder .venv, then run the same line again."
    return f"pip failed:\n{quote}\n\n{advice}"


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].rstrip(".") if lines else "no reason given"


# --- Linux: what Qt needs of the system ------------------------------------------------------------------------------


def provide_system_libraries() -> None:
    """Install what Qt misses where that is possible, else say how; the program may still run, so go on."""
    missing, fonts = missing_libraries(), has_fonts()
    if not missing and fonts:
        return
    lacking = ", ".join(missing + ([] if fonts else ["fonts"]))
    install_line = install_command(missing, fonts)
    if shutil.which("apt-get") and os.geteuid() == 0:
        say(f"Installing what the window needs of the system: {' '.join(install_line[4:])} ...")
        result = apt_install(install_line)
        if result.returncode == 0 and not missing_libraries():
            return
        say(f"That failed: {last_line(result.stdout.decode(errors='replace'))}.")
    line = shlex.join(["sudo", *install_line])
    say(f"The system lacks {lacking}. If the window does not open, run:\n    {line}")


def provide_archive() -> None:
    """In continuous integration, install the archive that tests fetch films from; where it is missing they skip.

    Not on a person's computer: Debian's package brings a service, which RUNLEVEL=1 keeps from being started.
    """
    if not (os.environ.get("CI") and LINUX and shutil.which("apt-get") and os.geteuid() == 0):
        return
    if Path("/usr/sbin/Orthanc").exists():
        return
    apt_install(["apt-get", "install", "-y", "--no-install-recommends", "orthanc", "orthanc-dicomweb"], RUNLEVEL="1")


def apt_install(install_line: list[str], **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Runs an installation by apt-get, after having it look for what there is; returns how it ended."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", **variables}
    for command in (["apt-get", "update"], install_line):
        result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return result


def missing_libraries() -> list[str]:
    """Names of the system's libraries that Qt needs here (for the kind of display there is) and cannot find."""
    qt = next(VENV.glob("lib/python*/site-packages/PySide6/Qt"), None)
    return [] if qt is None else system_libraries.missing_libraries(qt, ["offscreen", *platforms(os.environ)])


def has_fonts() -> bool:
    """Whether there is a font file: without one Qt draws every letter as a box."""
    folders = [Path(name) for name in ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/X11/fonts")]
    folders += [Path.home() / ".fonts", Path.home() / ".local" / "share" / "fonts"]
    kinds = {".ttf", ".otf", ".ttc", ".pfb"}
    return any(path.suffix.lower() in kinds for folder in folders if folder.is_dir() for path in folder.rglob("*"))


# --- running ---------------------------------------------------------------------------------------------------------


def run(command: list[str], folder: Path | None = None) -> int:
    """Run the command and return its code; Ctrl+C reaches it as well, so wait for it to end by itself."""
    process = subprocess.Popen(command, cwd=folder, env=clean_environment())
    patience = 3  # times Ctrl+C before it is ended
    while True:
        try:
            code = process.wait()
            return 128 - code if code < 0 else code  # a signal, as a shell counts it
        except KeyboardInterrupt:
            patience -= 1
            if not patience:
                process.kill()


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
