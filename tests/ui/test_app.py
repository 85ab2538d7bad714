"""The program as it starts: icon, name for the desktop, a file opened by a double click, what the log then holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_explorer.assets import asset
from cxr_explorer.ui.app import program_icon
from tests.ui.windows import make_project

NAME = "ZYXWPLANT"

STARTS = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtGui import QFileOpenEvent, QGuiApplication
from PySide6.QtWidgets import QApplication
from cxr_explorer.ui import app
from cxr_explorer.ui.widgets import messages
from cxr_explorer.ui import excepthook

excepthook.show_bug = lambda *_: None
project = Path(sys.argv[1])
application, window = app._start()
window.session.set_reader("Dr " + sys.argv[2])
print(QGuiApplication.desktopFileName(), window.windowIcon().isNull(), sorted(s.width() for s in
      window.windowIcon().availableSizes()))

def fail():
    raise ValueError(f"{project} of {sys.argv[2]}")

def refuse():
    window.files.open_path(project.with_name(sys.argv[2] + " is not there"))

def look():
    print(window.session.project.path.name, window.windowTitle(), flush=True)
    refuse()
    QTimer.singleShot(0, window, fail)
    QTimer.singleShot(200, window, window.close)

def wait():
    if not window.runs.opening.active and window.runs.indexing is None and window.session.project is not None:
        timer.stop()
        look()

QApplication.sendEvent(application, QFileOpenEvent(str(project)))
timer = QTimer(window, interval=50)
timer.timeout.connect(wait)
timer.start()
sys.exit(app._run_to_the_end(application))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / f"home of {NAME}"
    home.mkdir()
    return home


def test_a_file_that_is_double_clicked_opens_and_the_log_says_nothing_of_it(home: Path) -> None:
    path = make_project(home)
    (home / "images" / "03.png").unlink()
    named = home / f"{NAME}.cxr"
    path.rename(named)
    (home / "images" / f"{NAME}.png").write_bytes(b"not a picture")
    places = {name: str(home) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    result = subprocess.run(
        [sys.executable, "-c", STARTS, str(named), NAME],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | places,
    )
    assert result.returncode == 0, result.stderr
    first, second = result.stdout.strip().splitlines()
    assert first == "cxr-explorer False [16, 24, 32, 48, 64, 128, 256]"
    assert second == f"{NAME}.cxr {NAME} – CXR Explorer"
    (log,) = home.glob("cxr-explorer/log/cxr-explorer.log")
    text = log.read_text(encoding="utf-8")
    for wanted in ("started: CXR Explorer", "window up after", "opened: 11 images", "run over the folder", "closed"):
        assert wanted in text, wanted
    assert "builtins.ValueError at __main__:" in text and "UserError at cxr_explorer.ui.frame.files:" in text
    for name in (NAME, str(home), ".png", ".cxr", "Dr "):
        assert name not in text, name


def test_the_icon_has_every_size_and_shows_on_light_and_dark(qapp) -> None:  # type: ignore[no-untyped-def]
    icon = program_icon()
    for size in icon.availableSizes():
        image = icon.pixmap(size).toImage()
        assert (image.width(), image.height()) == (size.width(), size.height())
        colours = {image.pixelColor(x, image.height() // 2).name() for x in range(image.width())}
        assert len(colours) > 3
        lightness = [image.pixelColor(x, image.height() // 2).lightness() for x in range(image.width())]
        assert min(lightness) < 70 and max(lightness) > 150  # some of it stands out on either ground
        assert image.pixelColor(0, 0).alpha() == 0
    assert len(list(asset("icons", "program").glob("*.png"))) == len(icon.availableSizes())
