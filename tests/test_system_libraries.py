"""A window that cannot be opened says the line that helps, not Qt's own text."""

import shutil
import sys
from pathlib import Path

import pytest

from cxr_explorer import system_libraries
from cxr_explorer.cli.main import main
from cxr_explorer.system_libraries import install_command, platforms, why_no_window

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what Qt needs of a Linux system")


@pytest.fixture
def qt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Qt whose plugin is no library, so that it does not load."""
    folder = tmp_path / "plugins" / "platforms"
    folder.mkdir(parents=True)
    (folder / "libqxcb.so").write_bytes(b"not a library")
    monkeypatch.setattr(system_libraries, "not_found", lambda _output: ["libxcb-cursor.so.0"])
    return tmp_path


def test_the_platform_is_that_of_the_display_or_what_is_asked_for() -> None:
    assert platforms({"DISPLAY": ":0"}) == ["xcb"]
    assert platforms({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}) == ["wayland", "xcb"]
    assert platforms({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen:size=1x1;minimal"}) == ["offscreen", "minimal"]
    assert platforms({}) == []


def test_what_is_missing_is_named_with_the_line_that_installs_it(qt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    why = why_no_window(qt, {"DISPLAY": ":0"})
    assert "the system lacks libxcb-cursor.so.0" in why
    assert why.endswith("sudo apt-get install -y --no-install-recommends libxcb-cursor0")


def test_without_a_display_or_where_nothing_is_missing_there_is_nothing_to_say(
    qt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_no_window(qt, {}) == ""
    monkeypatch.setattr(system_libraries, "not_found", lambda _output: [])
    assert why_no_window(qt, {"DISPLAY": ":0"}) == ""


def test_other_systems_have_other_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name in ("apt-get", "zypper") else f"/usr/bin/{name}")
    assert install_command(["libEGL.so.1"], fonts=False) == [
        "dnf", "install", "-y", "libEGL.so.1()(64bit)", "dejavu-sans-fonts"
    ]  # fmt: skip


def test_open_says_it_and_ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("cxr_explorer.cli.window.why_no_window", lambda _qt: "Cannot open a window: the system lacks x")
    assert main(["open", "somewhere"]) == 1
    assert "the system lacks x" in capsys.readouterr().err
