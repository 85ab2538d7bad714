"""Tries an installed program as a stranger's computer has it: no Python, no network, an empty home, a user of its own.

    python3 packaging/smoke.py PROGRAM [--images FOLDER] [--no-window]

PROGRAM is the bundle's `cxr-explorer` or what a package installed. It says what it runs with, makes its demo, indexes a
folder (the demo's images, unless told), labels and exports. Then its window is opened on a screen of its own, driven by
keys, closed and opened again: a label given there must be in the CSV, and `Ctrl+Z` after the restart must take it back.

For Linux. The window needs Xvfb, xdotool and a window manager (openbox); without them that part is left out, and said.
No network and another user need root; what could not be taken away is said as well.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

USER = 65534  # nobody
FINDING = "Effusion"


class Stranger:
    """A user with an empty home, who can start the program and nothing else."""

    def __init__(self, program: Path, home: Path) -> None:
        """The home is a folder that is there and empty."""
        self.program, self.home = program, home
        self.prefix: list[str] = []
        if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0:
            self.prefix += ["unshare", "--net"]
        else:
            print("not taken away: the network (needs root)")
        if os.geteuid() == 0:
            self.prefix += ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
            os.chown(home, USER, USER)
        else:
            print("not taken away: the user's own rights (needs root)")
        nothing = home.with_name("nothing")
        nothing.mkdir(exist_ok=True)
        self.environment = {"HOME": str(home), "PATH": str(nothing), "LANG": "C.UTF-8"}

    def command(self, *words: str, display: str = "") -> list[str]:
        environment = {**self.environment, **({"DISPLAY": display} if display else {})}
        settings = [f"{name}={value}" for name, value in environment.items()]
        return [*self.prefix, "/usr/bin/env", "-i", *settings, str(self.program), *words]

    def run(self, *words: str) -> str:
        """Runs the program to its end, in its home. Returns what it printed."""
        began = time.monotonic()
        done = subprocess.run(self.command(*words), cwd=self.home, capture_output=True, text=True, check=False)
        print(f"{' '.join(words[:2])}: {time.monotonic() - began:.1f} s", flush=True)
        if done.returncode:
            raise SystemExit(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def labels(self, project: Path) -> int:
        """How many labels an export of the project holds."""
        table = self.home / "labels.csv"
        self.run("export", str(project), str(table))
        with table.open(encoding="utf-8-sig", newline="") as file:
            return sum(1 for row in csv.DictReader(file) if row["finding"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Try an installed program as a stranger's computer has it.")
    parser.add_argument("program", type=Path)
    parser.add_argument("--images", type=Path, help="radiographs to index (default: simulated ones)")
    parser.add_argument("--no-window", action="store_true")
    parser.add_argument("--pictures", type=Path, help="keep pictures of the window in this folder (needs xwdtopnm)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stranger-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        home.mkdir()
        stranger = Stranger(chosen.program.absolute(), home)
        project = without_window(stranger, chosen.images)
        if chosen.no_window:
            return 0
        lacking = [tool for tool in ("Xvfb", "xdotool", "openbox") if shutil.which(tool) is None]
        if lacking:
            print(f"The window was not tried: {', '.join(lacking)} not installed.")
            return 0
        with_window(stranger, project, chosen.pictures)
    print("All is well.")
    return 0


def without_window(stranger: Stranger, images: Path | None) -> Path:
    """What the command line does. Returns the project."""
    told = json.loads(stranger.run("doctor", "--json"))
    print(f"  {told['device']}; Python {told['python']}; torch {told['packages']['torch']}")
    assert "missing" not in [version for name, version in told["packages"].items() if name != "torch"], told
    demo = stranger.home / "demo"
    stranger.run("demo", "--headless", "--count", "150", "--folder", str(demo))
    project = stranger.home / "mine.cxr"
    said = stranger.run("index", str(images or demo / "images"), "--project", str(project), "--json")
    report = json.loads(said.splitlines()[-1])
    print(f"  {report}")
    assert report["embedded"] > 0
    stranger.run("label", str(project), FINDING, "present", "--cluster", "1")
    count = stranger.labels(project)
    print(f"  {count} labels in the CSV")
    assert count > 0
    return project


def with_window(stranger: Stranger, project: Path, pictures: Path | None) -> None:
    """What a reader does: labels a cluster by keys, closes, opens again, takes it back."""
    before = stranger.labels(project)
    with Screen(stranger, pictures) as screen:
        screen.open(project)
        screen.keys("e", "a", "ctrl+Return")  # the next unlabelled cluster; absent; label it
        screen.picture("labelled")
        screen.close()
        labelled = stranger.labels(project)
        print(f"  labels: {before} before, {labelled} after the window")
        assert labelled > before, "the window's label is not in the CSV"
        screen.open(project)
        screen.keys("ctrl+z")
        screen.picture("undone")
        screen.close()
        assert stranger.labels(project) == before, "what was labelled before the restart was not taken back"


class Screen:
    """A screen without a monitor, with a window manager on it."""

    def __init__(self, stranger: Stranger, pictures: Path | None) -> None:
        """Pictures are kept in the folder, if one is given."""
        self._stranger, self._pictures = stranger, pictures
        self._running: list[subprocess.Popen[bytes]] = []
        self._frames = Path(tempfile.mkdtemp(prefix="screen-"))

    def __enter__(self) -> Screen:
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-ac"]
        self._start([*command, "-fbdir", str(self._frames)], pass_fds=(writing,))
        os.close(writing)
        with os.fdopen(reading) as answer:
            self._display = f":{answer.readline().strip()}"
        self._start(["openbox"])
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            process.terminate()
            process.wait(timeout=20)
        shutil.rmtree(self._frames, ignore_errors=True)

    def _start(self, command: list[str], pass_fds: tuple[int, ...] = ()) -> None:
        environment = {**os.environ, "DISPLAY": getattr(self, "_display", "")}
        quiet = subprocess.DEVNULL
        self._running.append(subprocess.Popen(command, env=environment, pass_fds=pass_fds, stdout=quiet, stderr=quiet))

    def _xdotool(self, *words: str) -> str:
        environment = {**os.environ, "DISPLAY": self._display}
        done = subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def open(self, project: Path) -> None:
        """Starts the program on a project and waits until its title says that it is open."""
        began = time.monotonic()
        command = self._stranger.command("open", str(project), display=self._display)
        self._program = subprocess.Popen(command, cwd=self._stranger.home)
        while time.monotonic() - began < 120:
            if self._program.poll() is not None:
                raise SystemExit(f"the window ended with {self._program.returncode}")
            found = self._xdotool("search", "--onlyvisible", "--name", project.stem).splitlines()
            if found:
                break
            time.sleep(0.2)
        else:
            self.picture("no-window")
            raise SystemExit("no window came up within two minutes")
        print(f"  window up: {time.monotonic() - began:.1f} s", flush=True)
        self._xdotool("windowactivate", "--sync", found[-1])
        time.sleep(5)  # the map is drawn
        self.picture("opened")

    def keys(self, *keys: str) -> None:
        """Presses keys one after another, with a reader's pauses."""
        for key in keys:
            self._xdotool("key", key)
            time.sleep(2)

    def close(self) -> None:
        """Closes the window as a reader does, and waits for the program to end well."""
        self._xdotool("key", "ctrl+q")
        code = self._program.wait(timeout=60)
        if code:
            raise SystemExit(f"the program ended with {code}")

    def picture(self, name: str) -> None:
        """Keeps what the screen shows."""
        frame = self._frames / "Xvfb_screen0"
        if self._pictures is not None and shutil.which("xwdtopnm") and shutil.which("pnmtopng"):
            self._pictures.mkdir(parents=True, exist_ok=True)
            converted = subprocess.run(["xwdtopnm", str(frame)], capture_output=True, check=False).stdout
            png = subprocess.run(["pnmtopng"], input=converted, capture_output=True, check=False).stdout
            (self._pictures / f"{name}.png").write_bytes(png)


if __name__ == "__main__":
    sys.exit(main())
