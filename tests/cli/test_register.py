"""`register` lets a Linux desktop open project files with this installation, and takes it back."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.cli.register import _quoted
from tests.ui.windows import make_project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux desktops alone are told")

KIND = """
import sys
from PySide6.QtCore import QMimeDatabase
database = QMimeDatabase()
for path in sys.argv[1:]:
    kind = database.mimeTypeForFile(path, QMimeDatabase.MatchMode.MatchContent)
    print(kind.name(), database.mimeTypeForFile("x.cxr", QMimeDatabase.MatchMode.MatchExtension).name())
"""


def test_the_desktop_knows_what_opens_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    data = tmp_path / "share"
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    assert main(["register"]) == 0
    entry = (data / "applications" / "cxr-explorer.desktop").read_text(encoding="utf-8")
    (line,) = (line for line in entry.splitlines() if line.startswith("Exec="))
    assert shlex.split(line[5:]) == [sys.executable, "-m", "cxr_explorer", "open", "%f"]
    assert "MimeType=application/x-cxr-explorer;" in entry and "{" not in entry
    icons = sorted(path.parent.parent.name for path in data.glob("icons/hicolor/*/apps/cxr-explorer.png"))
    assert icons == ["128x128", "16x16", "24x24", "256x256", "32x32", "48x48", "64x64"]
    project = make_project(tmp_path)
    renamed = project.with_suffix(".backup")
    renamed.write_bytes(project.read_bytes())
    told = subprocess.run(
        [sys.executable, "-c", KIND, str(project), str(renamed)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"XDG_DATA_HOME": str(data)},
    )
    assert told.stdout.splitlines() == ["application/x-cxr-explorer application/x-cxr-explorer"] * 2
    assert main(["register", "--remove"]) == 0
    assert [path for path in data.rglob("*cxr-explorer*") if path.is_file()] == []
    assert "menu" in capsys.readouterr().out


def test_what_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert main(["register"]) == 1
    assert "Cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "quoted"),
    [("/opt/a b/python", '"/opt/a b/python"'), ('/a"b', '"/a\\\\"b"'), ("/a$b", '"/a\\\\$b"'), ("/50%", '"/50%%"')],
)
def test_a_command_is_quoted_as_the_desktop_reads_it(word: str, quoted: str) -> None:
    assert _quoted(word) == quoted
