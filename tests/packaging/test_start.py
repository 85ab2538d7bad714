"""The one-command set-up, with pip, apt and the program played by stand-ins."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cxr_explorer.system_libraries import debian_package, not_found

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "start.py"


class Machine:
    """Plays the commands: keeps what was run, answers with what the test laid down for the command's words."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.answers: dict[str, tuple[int, str]] = {}

    def run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[Any]:
        self.commands.append(command)
        line = " ".join(command)
        code, text = next((answer for words, answer in self.answers.items() if words in line), (0, ""))
        if "-m venv" in line:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        return subprocess.CompletedProcess(command, code, text.encode(), b"")

    def ran(self, words: str) -> int:
        return sum(words in " ".join(command) for command in self.commands)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, for a project in a folder of its own, on a Linux without anything missing."""
    spec = importlib.util.spec_from_file_location("start", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "constraints.txt").write_text("torch==1")
    for name, value in {
        "ROOT": tmp_path,
        "VENV": tmp_path / ".venv",
        "CONSTRAINTS": tmp_path / "constraints.txt",
        "STAMP": tmp_path / ".venv" / "stamp.json",
        "LINUX": True,
        "WINDOWS": False,
    }.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "missing_libraries", list)
    monkeypatch.setattr(module, "has_fonts", lambda: True)
    monkeypatch.delenv("CI", raising=False)
    return module


@pytest.fixture
def machine(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    machine.answers["sys.version_info"] = (0, "3 11")
    machine.answers["tomllib"] = (
        0,
        '{"dependencies": ["numpy>=2", "torch>=2", "torchvision>=0.19", "torch-like"], "optional-dependencies": {}}',
    )
    monkeypatch.setattr(start.subprocess, "run", machine.run)
    monkeypatch.setattr(start, "run", lambda command, **_: machine.run(command).returncode)
    return machine


def test_the_first_start_sets_up_and_runs_the_demonstration(start: ModuleType, machine: Machine) -> None:
    assert start.main(["--images", "50"]) == 0
    assert machine.ran("-m venv --clear") == 1
    assert machine.ran("pip install") == 1
    assert machine.commands[-1][1:] == ["-m", "cxr_explorer", "demo", "--images", "50"]


def test_the_second_start_installs_nothing(start: ModuleType, machine: Machine) -> None:
    start.main([])
    start.main([])
    assert machine.ran("-m venv") == 1
    assert machine.ran("pip install") == 1
    assert machine.ran("demo") == 2


def test_testing_adds_the_test_packages_once_and_running_keeps_them(start: ModuleType, machine: Machine) -> None:
    start.main([])
    assert start.main(["test", "-x"]) == 0
    assert machine.commands[-1][1:] == ["-m", "pytest", *start.PARALLEL, "-x"]  # the last of two options counts
    assert machine.ran("[test]") == 1
    start.main([])
    start.main(["test"])
    assert machine.ran("pip install") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no apt-get and no root")
@pytest.mark.parametrize(
    "ci, user, is_there, times",
    [("true", 0, False, 1), ("true", 0, True, 0), ("", 0, False, 0), ("true", 1000, False, 0)],
)
def test_the_archive_of_the_tests_is_installed_in_continuous_integration_alone(
    start: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch, ci: str, user: int, is_there: bool, times: int
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(start.os, "geteuid", lambda: user)
    monkeypatch.setattr(start.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(start.Path, "exists", lambda _: is_there)
    start.provide_archive()
    assert machine.ran("install -y --no-install-recommends orthanc orthanc-dicomweb") == times


def test_lean_installs_all_but_pytorch(start: ModuleType, machine: Machine) -> None:
    assert start.main(["--lean", "--count", "50"]) == 0
    packages, project = (command for command in machine.commands if "install" in command)
    assert packages[-2:] == ["numpy>=2", "torch-like"]
    assert project[-3:] == ["--no-deps", "-e", str(start.ROOT)]
    assert machine.commands[-1][1:] == ["-m", "cxr_explorer", "demo", "--count", "50"]


def test_lean_stays_lean_until_all_is_asked_for(start: ModuleType, machine: Machine) -> None:
    start.main(["--lean"])
    start.main([])
    assert machine.ran("pip install") == 2
    start.CONSTRAINTS.write_text("numpy==3")
    start.main([])
    assert machine.ran("--no-deps") == 2
    start.main(["--full"])
    assert machine.ran("pip install") == 5
    assert machine.ran("--no-deps") == 2
    start.main(["--lean"])  # what is wanted is there
    assert machine.ran("pip install") == 5


def test_the_tests_bring_pytorch(start: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    start.main(["--lean"])
    assert start.main(["test", "--lean"]) == 1
    assert "PyTorch" in capsys.readouterr().err
    start.main(["test"])
    assert machine.ran("[test]") == 1


@pytest.mark.parametrize(("card", "suggested"), [(False, True), (True, False)])
def test_lean_is_suggested_where_there_is_no_card(
    start: ModuleType,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    card: bool,
    suggested: bool,
) -> None:
    monkeypatch.setattr(start.sys, "platform", "linux")
    monkeypatch.setattr(start, "has_nvidia", lambda: card)
    start.main([])
    printed = capsys.readouterr().out
    assert ("--lean" in printed) == suggested
    assert "GB" in printed


def test_lean_leaves_out_only_what_the_project_names(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "ROOT", SCRIPT.parent.parent)
    monkeypatch.setattr(start, "venv_python", lambda: Path(sys.executable))
    lean = start.lean_requirements()
    assert any(text.startswith("onnxruntime") for text in lean)
    assert not any(text.startswith("torch") for text in lean)
    more = start.lean_requirements("hospital")
    assert more[: len(lean)] == lean and any(text.startswith("pynetdicom") for text in more[len(lean) :])


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_other_versions_are_installed(start: ModuleType, machine: Machine, name: str) -> None:
    start.main([])
    (start.ROOT / name).write_text("changed")
    start.main([])
    assert machine.ran("pip install") == 2
    assert machine.ran("-m venv") == 1


def test_an_environment_that_does_not_work_is_made_anew(
    start: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    start.main([])
    start.venv_python().unlink()
    start.main([])
    assert machine.ran("-m venv --clear") == 2
    assert "anew" in capsys.readouterr().out


def test_a_broken_stamp_means_installing_again(start: ModuleType, machine: Machine) -> None:
    start.main([])
    start.STAMP.write_text("[")
    assert start.main([]) == 0
    assert machine.ran("pip install") == 2


def test_an_interrupted_installation_is_not_taken_for_a_whole_one(start: ModuleType, machine: Machine) -> None:
    start.main([])
    start.CONSTRAINTS.write_text("torch==2")
    machine.answers["pip install"] = (1, "ERROR: something")
    assert start.main([]) == 1
    del machine.answers["pip install"]
    start.CONSTRAINTS.write_text("torch==1")
    assert start.main([]) == 0
    assert machine.ran("pip install") == 3


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("NewConnectionError: Temporary failure in name resolution", "Connect this computer to the internet"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for torch==1", "does not exist for this computer"),
        ("ERROR: who knows", "Delete the folder .venv"),
    ],
)
def test_a_failure_of_pip_says_what_to_do(
    start: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str], output: str, advice: str
) -> None:
    machine.answers["pip install"] = (1, output)
    assert start.main([]) == 1
    printed = capsys.readouterr().err
    assert advice in printed
    assert output in printed
    assert not start.STAMP.exists()


def test_another_python_is_looked_for(start: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.answers = {f"{sys.executable} -c": (0, "3 10"), "python3.12 -c": (0, "3 12")} | machine.answers
    monkeypatch.setattr(start.shutil, "which", lambda name: name if name == "python3.12" else None)
    start.main([])
    assert machine.ran("python3.12 -m venv") == 1


def test_no_fitting_python_is_one_line(
    start: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.answers["sys.version_info"] = (0, "3 9")
    assert start.main([]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_python_without_venv_is_named_with_its_package(
    start: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.answers = {"ensurepip": (1, "")} | machine.answers
    assert start.main([]) == 1
    assert "apt-get install python3.11-venv" in capsys.readouterr().err


def test_return_codes_are_passed_on(start: ModuleType, machine: Machine) -> None:
    machine.answers["-m pytest"] = (5, "")
    assert start.main(["test"]) == 5


def test_ctrl_c_is_quiet(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "install", interrupt)
    assert start.main([]) == 130
    assert capsys.readouterr().err == ""


def test_a_signal_counts_as_in_a_shell(start: ModuleType) -> None:
    assert start.run([sys.executable, "-c", "import sys; sys.exit(3)"]) == 3
    if sys.platform != "win32":
        assert start.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"]) == 143


def test_what_would_lead_pip_astray_is_left_behind(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    assert "PYTHONHOME" not in start.clean_environment()
    assert start.clean_environment()["PIP_USER"] == "0"


# --- Linux: what Qt needs of the system ------------------------------------------------------------------------------

LDD = """\
libQt6Gui.so.6:
\tlinux-vdso.so.1 (0x00007ffd)
\tlibEGL.so.1 => not found
\tlibm.so.6 => /lib/libm.so.6 (0x00007f)
\tlibxcb-cursor.so.0 => not found
libQt6Widgets.so.6:
\tlibEGL.so.1 => not found
"""


def test_ldd_is_read(start: ModuleType) -> None:
    assert not_found(LDD) == ["libEGL.so.1", "libxcb-cursor.so.0"]


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libEGL.so.1", "libegl1"),
        ("libGL.so.1", "libgl1"),
        ("libX11-xcb.so.1", "libx11-xcb1"),
        ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
        ("libxkbcommon.so.0", "libxkbcommon0"),
        ("libdbus-1.so.3", "libdbus-1-3"),
        ("libfontconfig.so.1", "libfontconfig1"),
        ("libglib-2.0.so.0", "libglib2.0-0"),
        ("libxcb-cursor.so.0", "libxcb-cursor0"),
        ("libxcb-render-util.so.0", "libxcb-render-util0"),
        ("libgssapi_krb5.so.2", "libgssapi-krb5-2"),
        ("libz.so.1", "zlib1g"),
    ],
)
def test_debian_names_its_packages_so(start: ModuleType, library: str, package: str) -> None:
    assert debian_package(library) == package


def lacking(start: ModuleType, monkeypatch: pytest.MonkeyPatch, tool: str, user: int) -> None:
    monkeypatch.setattr(start, "missing_libraries", lambda: ["libEGL.so.1", "libdbus-1.so.3"])
    monkeypatch.setattr(start, "has_fonts", lambda: False)
    monkeypatch.setattr(start.shutil, "which", lambda name: name if name == tool else None)
    monkeypatch.setattr(start.os, "geteuid", lambda: user, raising=False)


@pytest.mark.parametrize(
    ("tool", "line"),
    [
        ("apt-get", "sudo apt-get install -y --no-install-recommends libdbus-1-3 libegl1 fonts-dejavu-core"),
        ("dnf", "sudo dnf install -y 'libEGL.so.1()(64bit)' 'libdbus-1.so.3()(64bit)' dejavu-sans-fonts"),
        ("zypper", "sudo zypper install -y 'libEGL.so.1()(64bit)' 'libdbus-1.so.3()(64bit)' dejavu-fonts"),
    ],
)
def test_a_user_is_told_the_line_that_installs_what_is_missing(
    start: ModuleType,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tool: str,
    line: str,
) -> None:
    lacking(start, monkeypatch, tool, user=1000)
    assert start.main([]) == 0
    assert line in capsys.readouterr().out
    assert machine.ran("-m cxr_explorer demo") == 1


def test_root_gets_it_installed(
    start: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking(start, monkeypatch, "apt-get", user=0)
    answers = iter([["libEGL.so.1", "libdbus-1.so.3"], []])
    monkeypatch.setattr(start, "missing_libraries", lambda: next(answers))
    start.main([])
    assert machine.ran("apt-get update") == 1
    assert machine.ran("apt-get install -y --no-install-recommends libdbus-1-3 libegl1 fonts-dejavu-core") == 1
    assert "sudo" not in capsys.readouterr().out


def test_when_apt_fails_the_line_is_told_and_the_program_runs(
    start: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking(start, monkeypatch, "apt-get", user=0)
    machine.answers["apt-get install"] = (100, "E: Unable to locate package")
    assert start.main([]) == 0
    printed = capsys.readouterr().out
    assert "Unable to locate package" in printed
    assert "sudo apt-get install" in printed


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the system's ldd")
def test_this_machine_has_what_qt_needs_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("start", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", Path(sys.prefix))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert module.missing_libraries() == []
    assert module.has_fonts()
