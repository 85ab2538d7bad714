"""A name in a DICOM header, wherever it stands, ends nowhere; and nothing is ever sent or asked over a network."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pydicom.config
import pytest
from pydicom import Dataset, Sequence
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag, Tag

from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import thumbnail_jpeg
from cxr_explorer.images.read import decode
from tests.images.dicom_files import dataset_of, file_of, ramp, table

NAME = "ZYXWPLANT"
TEXT_VRS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
_META_NEEDED = (0x00020010,)  # the transfer syntax: without it nothing can be read
_WORDS = (f"{NAME}^JANE".encode(), f"{NAME} ".encode(), f"{NAME}_1".encode())


def text_tags() -> list[tuple[int, str]]:
    """Every element of the standard that holds text, with its VR."""
    found = [(tag, entry[0].split(" ")[0]) for tag, entry in DicomDictionary.items()]
    return sorted((tag, vr) for tag, vr in found if vr in TEXT_VRS and tag >> 16 not in (0x0000, 0x0004, 0xFFFE))


def plant(dataset: Dataset, tag: int, vr: str) -> None:
    """Writes the name into an element as it is, whatever the rules of its VR say."""
    word = _WORDS[tag % len(_WORDS)].ljust(14, b"\0" if vr == "UI" else b" ")
    to = dataset.file_meta if tag >> 16 == 2 else dataset
    to[BaseTag(tag)] = RawDataElement(Tag(tag), vr, len(word), word, 0, False, True)  # type: ignore[assignment]


def planted(tags: list[tuple[int, str]], **elements: object) -> bytes:
    """A film with the name in these elements, in private ones, in sequences and in overlays."""
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, on values that break the rules
        dataset = dataset_of(ramp(), **elements)
        for tag, vr in tags:
            if tag not in _META_NEEDED:
                plant(dataset, tag, vr)
        block = dataset.private_block(0x0021, NAME, create=True)
        block.add_new(0x01, "PN", f"{NAME}^JANE")
        block.add_new(0x02, "LO", NAME)
        lut = table(0, list(range(0, 65536, 16)))
        lut.LUTExplanation = NAME
        item = Dataset()
        for keyword in ("PatientName", "ScheduledProcedureStepDescription", "CodeMeaning", "TextValue"):
            setattr(item, keyword, NAME)
        dataset.VOILUTSequence = Sequence([lut])
        block.add_new(0x03, "SQ", Sequence([item]))
        dataset.RequestAttributesSequence = Sequence([item])
        dataset.AnatomicRegionSequence = Sequence([item])
        dataset.ViewCodeSequence = Sequence([item])
        for tag, vr in ((0x60000022, "LO"), (0x60001500, "LO"), (0x60000040, "CS"), (0x60000045, "LO")):
            plant(dataset, tag, vr)
        return file_of(dataset, enforce_file_format=False)


def says(content: bytes) -> bool:
    """Whether the name is in there, in any encoding a file may have."""
    found = content.lower()
    return any(NAME.lower().encode(encoding) in found for encoding in ("ascii", "utf-16-le", "utf-16-be"))


def told_of(data: bytes) -> str:
    """All that is said of a file once it is read, the reason of a refusal included."""
    try:
        film = decode(data)
    except UserError as error:
        return str(error)
    return repr((film.facts, film.notes, film.voi, film.alternatives))


ALL = text_tags()
NEEDED = {0x00080005, 0x00280004, 0x00280008}  # character set, photometric, frames: planted one by one


def test_the_name_is_in_the_file_or_nothing_is_tested() -> None:
    assert len(ALL) > 2000 and {vr for _, vr in ALL} == set(TEXT_VRS)
    assert planted(ALL).count(NAME.encode()) > 2000


def test_every_text_element_at_once_says_nothing_of_the_name() -> None:
    told = told_of(planted([entry for entry in ALL if entry[0] not in NEEDED]))
    assert "MONOCHROME2" in told, "the film was not read"
    assert not says(told.encode())


@pytest.mark.parametrize("share", range(8))
def test_each_element_that_the_reading_looks_at_says_nothing_of_the_name(share: int) -> None:
    looked_at = [(tag, vr) for tag, vr in ALL if tag >> 16 in (0x0002, 0x0008, 0x0010, 0x0018, 0x0020, 0x0028, 0x2050)]
    for tag, vr in looked_at[share::8]:
        if tag >> 16 == 0x0028 or tag & 0xF == 0 or tag in NEEDED:
            assert not says(told_of(planted([(tag, vr)])).encode()), hex(tag)
            assert not says(told_of(planted([(tag, vr)], PixelData=None)).encode()), hex(tag)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films that hold the name, one of which cannot be read."""
    home = tmp_path_factory.mktemp("privacy")
    images = home / "images"
    images.mkdir()
    some = [entry for entry in ALL if entry[0] not in NEEDED]
    (images / "all.dcm").write_bytes(planted(some))
    (images / "broken.dcm").write_bytes(planted(some, PixelData=None))
    (images / "cut.dcm").write_bytes(planted(some)[:-5000])
    for number in range(12):
        shade = np.roll(ramp(), 5 * number, axis=number % 2)
        film = dataset_of(
            shade, PatientName=f"{NAME}^JANE", Manufacturer=NAME, ViewPosition="PA", BodyPartExamined=NAME
        )
        (images / f"{number}.dcm").write_bytes(file_of(film))
    return home


# --- the whole way, without a network --------------------------------------------------------------------------------

WATCH = """
    # Imported by every Python process: any use of a network ends it and is written down.
    import os, sys

    LOCAL = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg")
    ASKING = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo",
              "urllib.Request", "http.client.connect", "smtplib.connect", "ftplib.connect")

    def watch(event, arguments):
        local = event in LOCAL and isinstance(arguments[1], (str, bytes))
        opened = event == "socket.__new__" and int(arguments[1]) in (2, 10)  # AF_INET, AF_INET6 on Linux
        if event in ASKING or opened or (event in LOCAL and not local):
            with open(os.environ["NETWORK_USED"], "a") as file:
                print(event, arguments, file=file)
            raise RuntimeError(f"network used: {event}")

    sys.addaudithook(watch)
"""

THE_WAY = """
    import sys
    import zipfile
    from pathlib import Path
    import numpy as np
    from cxr_explorer.cli.main import main
    from cxr_explorer.labels.label import Judgement, Value
    from cxr_explorer.project import labelling
    from cxr_explorer.project.project import Project

    def do(*arguments):
        assert main(list(arguments)) == 0, arguments

    if __name__ == "__main__":
        project = sys.argv[1]
        do("index", "images", "--project", project)
        with Project.open(Path(project)) as opened:
            for value, finding in zip(Value, opened.vocabulary.findings):
                said = Judgement(finding, value, "ann", "single")
                labelling.label(opened, np.array(list(opened.paths())), said)
            Path("copy-of-wal").write_bytes(Path(f"{project}-wal").read_bytes())
        for form in ("long", "nih", "chexpert"):
            do("export", project, f"{form}.csv", "--format", form)
        do("import", project, "long.csv")
        do("report", project, "report.html", "--file-names")
        do("embeddings", project, "embeddings.npz")
        do("search", project, "view:PA", "--json")
        archive = ("--dicomweb", "https://pacs.example/dicom-web")
        assert main(["fetch", "images", "--project", project, *archive]) == 1  # not allowed for this project
        with zipfile.ZipFile("disc.zip", "w") as disc:
            disc.write("images/0.dcm", "0.dcm")
        do("unpack", "disc.zip")
"""

THE_WINDOW = """
    import sys
    from pathlib import Path
    from PySide6.QtCore import QTimer
    from cxr_explorer.ui import app, excepthook
    from cxr_explorer.ui.hospital.fetch_dialog import FetchDialog

    application, window = app._start()
    excepthook.show_bug = lambda *_: None

    def fail():
        QTimer.singleShot(200, end)
        raise KeyError(sys.argv[2])

    def end():
        assert "PySide6.QtNetwork" not in sys.modules
        window.close()
        application.quit()

    def look():
        if window.session.project is not None:
            waiting.stop()
            FetchDialog(window, window.session.project).show()
            QTimer.singleShot(0, fail)

    waiting = QTimer(interval=50)
    waiting.timeout.connect(look)
    waiting.start()
    QTimer.singleShot(0, lambda: window.files.open_path(Path(sys.argv[1]), None))
    application.exec()
"""


class _Place:
    """Where the program runs: nothing of the reader's own is touched, and every process is watched."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.used = home / "network-used"
        (home / "watch").mkdir(exist_ok=True)
        (home / "watch" / "sitecustomize.py").write_text(textwrap.dedent(WATCH))
        (home / "way.py").write_text(textwrap.dedent(THE_WAY))
        (home / "window.py").write_text(textwrap.dedent(THE_WINDOW))
        kept = {name: str(home / "user" / name) for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME",
                                                             "XDG_CACHE_HOME")}  # fmt: skip
        paths = os.pathsep.join([str(home / "watch"), str(Path(__file__).parents[1])])
        self.environment = {
            **os.environ, **kept, "PYTHONPATH": paths, "NETWORK_USED": str(self.used), "QT_QPA_PLATFORM": "offscreen",
        }  # fmt: skip

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=800
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(home: Path) -> _Place:
    place = _Place(home)
    project = str(home / "p.cxr")
    (home / "said").write_text(place.run("way.py", project) + place.run("window.py", project, f"{NAME}^JANE"))
    return place


@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="the place of the log and the numbers of sockets are Linux's")
def test_the_whole_way_uses_no_network(place: _Place) -> None:
    assert not place.used.exists(), place.used.read_text()
    forbidden = [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"]
    assert b"network used" in subprocess.run(forbidden, env=place.environment, capture_output=True, check=False).stderr


@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="the place of the log and the numbers of sockets are Linux's")
def test_the_whole_way_leaves_the_name_nowhere(place: _Place) -> None:
    written = [path for path in place.home.rglob("*") if path.is_file()]
    films = {place.home / "images", place.home / "disc"}
    code = (".py", ".pyc", ".zip")
    kept = [path for path in written if not films & {*path.parents} and path.suffix not in code]
    names = {path.name for path in kept}
    assert {"p.cxr", "long.csv", "nih.csv", "chexpert.csv", "report.html", "embeddings.npz", "copy-of-wal"} <= names
    (log,) = [path for path in kept if path.suffix == ".log"]
    assert "KeyError" in log.read_text()
    assert [str(path) for path in kept if says(path.read_bytes())] == []


def test_a_thumbnail_holds_the_picture_alone(home: Path) -> None:
    assert not says(thumbnail_jpeg(decode((home / "images" / "all.dcm").read_bytes())))
