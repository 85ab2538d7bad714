"""Films that arrive: the archive's dialog, and ZIP archives."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from cxr_explorer.hospital import fetching
from cxr_explorer.hospital.archive import Archive
from cxr_explorer.hospital.permission import allow, allowed_archive
from cxr_explorer.ui.hospital.fetch_dialog import OFF, FetchDialog
from cxr_explorer.ui.hospital.unpack_dialog import UnpackDialog
from cxr_explorer.ui.main_window import MainWindow
from tests.hospital.orthanc import OWN_TITLE, PASSWORD, TITLE, USER, Orthanc, film, needs_orthanc, put, running
from tests.images.dicom_files import dicom, ramp
from tests.ui.windows import make_project, open_window


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running(tmp_path_factory.mktemp("orthanc")) as archive:
        for number in range(3):
            put(archive, film("ANNA", f"2024030{number + 1}", seed=number))
        yield archive


@pytest.fixture
def window(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    window = open_window(qtbot, tmp_path, make_project(tmp_path))
    monkeypatch.setattr(window.runs, "start_indexing", lambda *_, **__: scans.append(1))
    scans.clear()
    return window


scans: list[int] = []


@pytest.fixture
def dialog(qtbot, window: MainWindow) -> FetchDialog:
    assert window.session.project is not None
    dialog = FetchDialog(window, window.session.project)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def fill(dialog: FetchDialog, orthanc: Orthanc, kind: str = "dicomweb", password: str = PASSWORD) -> None:
    dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
    dialog.address.setText(orthanc.url if kind == "dicomweb" else orthanc.place)
    dialog.title.setText(TITLE)
    dialog.own_title.setText(OWN_TITLE)
    dialog.own_port.setValue(orthanc.own_port)
    dialog.user.setText(USER)
    dialog.password.setText(password)
    dialog.encrypted.setChecked(False)
    dialog.allowed.setChecked(True)


def press(qtbot, dialog: FetchDialog, button, said: str) -> None:
    button.click()
    qtbot.waitUntil(lambda: said in dialog.told.full, timeout=60_000)


def films(window: MainWindow) -> list[Path]:
    assert window.session.project is not None
    return sorted(window.session.project.folder.rglob("*.dcm"))


def test_nothing_can_be_asked_until_the_box_is_ticked(dialog: FetchDialog) -> None:
    assert dialog.told.full == OFF
    buttons = (dialog.test, dialog.search, dialog.fetch)
    assert not any(button.isEnabled() for button in buttons)
    dialog.allowed.setChecked(True)
    assert all(button.isEnabled() for button in buttons)
    dialog.fetch.click()  # with no address
    assert "must look like https://" in dialog.told.full and dialog.told.objectName() == "warning"
    assert allowed_archive(dialog._project) is None


def test_each_protocol_shows_what_it_needs(dialog: FetchDialog) -> None:
    shown = {}
    for kind in ("dicomweb", "c-get", "c-move"):
        dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
        shown[kind] = [one.isVisible() for one in (dialog.title, dialog.own_port, dialog.password, dialog.certificate)]
    assert shown == {
        "dicomweb": [False, False, True, True],
        "c-get": [True, False, True, True],
        "c-move": [True, True, True, True],
    }


def test_what_was_allowed_is_there_again_without_the_password_and_goes_when_it_is_unticked(
    qtbot, window: MainWindow
) -> None:
    project = window.session.project
    assert project is not None
    allow(project, Archive("c-move", "pacs.example:104", "PACS", "MINE", 11113, encrypted=False, certificate="own.pem"))
    dialog = FetchDialog(window, project)
    qtbot.addWidget(dialog)
    assert (dialog.address.text(), dialog.title.text(), dialog.own_port.value()) == ("pacs.example:104", "PACS", 11113)
    assert dialog.allowed.isChecked() and not dialog.encrypted.isChecked() and not dialog.password.text()
    assert dialog._archive().certificate == "own.pem"
    dialog.allowed.setChecked(False)
    assert allowed_archive(project) is None


@needs_orthanc
@pytest.mark.parametrize("kind", ["dicomweb", "c-get", "c-move"])
def test_films_are_counted_fetched_and_the_dialog_closes(
    qtbot, window: MainWindow, dialog: FetchDialog, orthanc: Orthanc, kind: str
) -> None:
    fill(dialog, orthanc, kind)
    press(qtbot, dialog, dialog.test, "The archive answers.")
    dialog.since.setText("2024-03-02")
    press(qtbot, dialog, dialog.search, "2 images in the archive.")
    with qtbot.waitSignal(dialog.accepted, timeout=60_000):
        dialog.fetch.click()
    assert dialog.stored == 2 and len(films(window)) == 2
    assert not dialog.password.text()


@needs_orthanc
def test_a_wrong_password_is_told_and_the_next_try_works(
    qtbot, window: MainWindow, dialog: FetchDialog, orthanc: Orthanc
) -> None:
    fill(dialog, orthanc, password="wrong")
    press(qtbot, dialog, dialog.fetch, "refused user or password")
    assert dialog.isVisible() and not films(window)
    dialog.password.setText(PASSWORD)
    with qtbot.waitSignal(dialog.accepted, timeout=60_000):
        dialog.fetch.click()
    assert len(films(window)) == 3


@needs_orthanc
def test_stopping_keeps_the_dialog_and_what_has_come(
    qtbot, window: MainWindow, dialog: FetchDialog, orthanc: Orthanc
) -> None:
    fill(dialog, orthanc)
    dialog.fetch.click()
    assert dialog.bar.isVisible() and not dialog.address.isEnabled()
    dialog.reject()
    assert dialog.isVisible() and "Stopped" in dialog.told.full and dialog.fetch.isEnabled()
    assert all(path.stat().st_size > 18_000 for path in films(window))
    dialog.reject()
    assert not dialog.isVisible()


@needs_orthanc
def test_what_has_come_is_analysed(
    qtbot, window: MainWindow, orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exec_(dialog: FetchDialog) -> int:
        dialog.show()
        fill(dialog, orthanc)
        with qtbot.waitSignal(dialog.accepted, timeout=60_000):
            dialog.fetch.click()
        return 1

    monkeypatch.setattr(FetchDialog, "exec", exec_)
    window.actions_by_name["fetch"].trigger()
    assert scans == [1] and len(films(window)) == 3


def test_what_is_missing_is_told(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "installed", lambda: False)
    told: list[str] = []
    monkeypatch.setattr(window, "warn", told.append)
    window.actions_by_name["fetch"].trigger()
    assert told == [fetching.NOT_INSTALLED]


# -- ZIP archives


@pytest.fixture
def waiting(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dialog is shown until it is through."""

    def exec_(dialog: UnpackDialog) -> int:
        dialog.show()
        qtbot.waitUntil(lambda: not dialog._errand.active, timeout=60_000)
        return dialog.result()

    monkeypatch.setattr(UnpackDialog, "exec", exec_)


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    def packed(*names: str, folder: Path = tmp_path) -> Path:
        with zipfile.ZipFile(folder / "disc.zip", "w") as archive:
            for name in names:
                archive.writestr(name, dicom(ramp()) if name.startswith("IM") else b"MZ\x90\0" * 90)
        return folder / "disc.zip"

    return packed


def test_a_zip_that_is_dropped_is_unpacked_and_opened(
    window: MainWindow, waiting: None, pack: Callable[..., Path], tmp_path: Path
) -> None:
    window.open_dropped(pack("IM1", "IM2", "viewer.exe"))
    assert window.session.project is not None and window.session.project.folder == tmp_path / "disc"


def test_a_zip_within_the_projects_folder_is_unpacked_and_looked_through(
    window: MainWindow, waiting: None, pack: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = window.session.project
    assert project is not None
    path = pack("IM1", folder=project.folder)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    window.actions_by_name["unpack"].trigger()
    assert window.session.project is project and scans == [1]
    assert (project.folder / "disc" / "IM1").exists()


def test_a_zip_without_films_is_told(
    window: MainWindow, waiting: None, pack: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(window, "warn", told.append)
    window.open_dropped(pack("viewer.exe"))
    assert told == ["No films in disc.zip: there are 1 .exe."]


def test_a_damaged_zip_is_told_in_the_dialog(qtbot, window: MainWindow, waiting: None, tmp_path: Path) -> None:
    path = tmp_path / "disc.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    dialog = UnpackDialog(window, path)
    qtbot.addWidget(dialog)
    dialog.exec()
    assert dialog.isVisible() and "damaged or cut off" in dialog._told.text() and dialog.unpacked is None
