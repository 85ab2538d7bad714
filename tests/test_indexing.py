"""From a folder to a map: resuming, crashes, cancelling, changed files. With the real encoder on tiny images."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_explorer import indexing as indexing_module
from cxr_explorer.encoder import embed as embed_module
from cxr_explorer.encoder.checkpoint import default_encoder
from cxr_explorer.encoder.embed import Batch, Unreadable
from cxr_explorer.errors import UserError
from cxr_explorer.images.read import digest_of
from cxr_explorer.indexing import Indexing, IndexReport
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import exporting, labelling, partitions
from cxr_explorer.project.left_out import left_out
from cxr_explorer.project.project import Project
from tests import work_here
from tests.images.test_scan import refuse
from tests.project.projects import embedded
from tests.work_here import JobsHere


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8)).astype(np.uint8)
    Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        draw(tmp_path / "images" / f"{number:02}.png", number)
    return tmp_path / "images"


@pytest.fixture
def project(tmp_path: Path, folder: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "test.cxr", folder, bundled_vocabularies()[0]) as project:
        yield project


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing_module, "Jobs", JobsHere)


def run(project: Project) -> IndexReport:
    indexing = Indexing(project, default_encoder(), "cpu")
    while not indexing.finished:
        indexing.advance(5)
    return indexing.report


def test_the_whole_way_then_only_what_changed(project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    first = run(project)  # in processes of its own; what follows is the same work in this one
    monkeypatch.setattr(indexing_module, "Jobs", JobsHere)
    assert (first.images, first.embedded, first.reused) == (13, 12, 0)
    assert [entry["file"] for entry in first.failed] == ["broken.png"]
    assert set(first.seconds) == {"scan", "embed", "map"}
    found = project.latest_map()
    assert found is not None
    assert len(found.image_ids) == 12
    labelling.label(project, found.image_ids, Judgement("Effusion", Value.PRESENT, "ann", "selection"))

    again = run(project)
    assert (again.embedded, again.reused, again.clusters) == (0, 12, first.clusters)
    assert project.latest_map().map_id == found.map_id  # type: ignore[union-attr]

    # A map of an older version, whose parameters lack what has since become one, is kept as well
    with project.db.atomic():
        project.db.execute("UPDATE maps SET parameters = '{}'")
    run(project)
    assert project.latest_map().map_id == found.map_id  # type: ignore[union-attr]

    partitions.rename(project, 0, "Mine", "ann")
    draw(folder / "deeper" / "new.png", 77)
    for path in folder.glob("0*.png"):
        os.utime(path, (1, 1))  # a copied folder: other times, same content
    added = run(project)
    assert (added.added, added.embedded, added.reused) == (1, 1, 12)
    before = project.latest_map()
    assert before is not None
    assert len(before.image_ids) == 13
    np.testing.assert_array_equal(before.xy[:12], found.xy)  # the new one is put in between
    assert before.groups[0].name == "Mine"

    draw(folder / "00.png", 99)
    assert run(project).changed == 1
    # The same images, but one of another content: the old map would show it in the old place
    assert project.latest_map().map_id > before.map_id  # type: ignore[union-attr]
    newest = project.latest_map()
    run(project)
    assert project.latest_map().map_id == newest.map_id  # type: ignore[union-attr]
    assert project.image(1).replaced
    assert len(list(exporting.label_rows(project))) == 12


def test_a_folder_without_images_says_so(project: Project, folder: Path, here: None) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "notes.txt").write_text("no image")
    with pytest.raises(UserError, match="No images in"):
        run(project)


def test_what_is_no_image_is_told_by_kind(project: Project, folder: Path, here: None) -> None:
    for number in range(12):
        (folder / f"JPCLN{number:03}.IMG").write_bytes(bytes(range(256)))
    (folder / "notes.txt").write_text("no image")
    scan = scan_only(project)
    raw, text = scan.report.skipped
    assert (raw["kind"], raw["count"], raw["files"][0], len(raw["files"])) == (".img", 12, "JPCLN000.IMG", 10)
    assert "without a header" in raw["reason"]
    assert (text["count"], text["ordinary"]) == (1, True)
    assert [item.count for item in left_out(project)] == [12, 1]
    (folder / "JPCLN000.IMG").unlink()
    scan_only(project)
    assert [item.count for item in left_out(project)] == [11, 1]


def scan_only(project: Project) -> Indexing:
    indexing = Indexing(project, default_encoder(), "cpu")
    indexing._timeout_s = 5
    for _ in indexing._scan():
        pass
    return indexing


def test_files_in_a_folder_that_cannot_be_looked_at_stay_as_they_are_known(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        draw(folder / "shelf" / f"{number}.png", number)
    found = list(indexing_module.scan_for_changes(folder, {}))
    project.update_files([file for item in found for file in item.new], [])
    refuse(monkeypatch, folder / "shelf")
    (last,) = indexing_module.scan_for_changes(folder, project.known_files())
    assert not last.new
    assert len(last.unchanged) == 15
    assert [item.kind.name for item in last.left_out] == ["folder that cannot be read"]


def test_an_empty_place_where_a_drive_was_marks_nothing_as_missing(project: Project, folder: Path, here: None) -> None:
    scan_only(project)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(UserError, match="No images in"):
        run(project)
    assert project.image_count() == 12


def test_a_folder_that_is_gone_is_a_user_error(project: Project, folder: Path, here: None) -> None:
    shutil.rmtree(folder)
    with pytest.raises(UserError):
        run(project)


def test_what_was_embedded_before_a_cancel_is_not_embedded_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing_module, "embed", work_here.embed_slowly)
    indexing = Indexing(project, default_encoder(), "cpu")
    while indexing.report.embedded < 4:
        indexing.advance(5)
    indexing.cancel()
    stored = indexing.report.embedded
    assert 4 <= stored < 12
    assert len(project.pending(default_encoder().key)) == 12 - stored


def unreadable(image_id: int, digest: str | None) -> Batch:
    return Batch((), (Unreadable(image_id, "Damaged." if digest else "Gone.", digest),))


def look_again(project: Project) -> None:
    found = list(indexing_module.scan_for_changes(project.folder, project.known_files()))
    project.update_files([file for item in found for file in item.new], [file for f in found for file in f.unchanged])


def test_a_verdict_stays_with_the_content_and_what_passes_is_tried_again(project: Project, folder: Path) -> None:
    key = default_encoder().key
    look_again(project)
    bad, passing = folder / "00.png", folder / "01.png"
    project.store_batch(default_encoder(), unreadable(1, digest_of(bad)))
    project.store_batch(default_encoder(), unreadable(2, None))
    assert [(item.path, item.passing) for item in project.failures()] == [("00.png", False), ("01.png", True)]
    assert len(project.pending(key)) == 11

    for path in (bad, passing):
        os.utime(path, (1, 1))  # copied, with the same content
    look_again(project)
    assert bad not in [source.path for source in project.pending(key)]

    draw(bad, 99)
    look_again(project)
    assert len(project.pending(key)) == 12
    for image_id in (1, 2):
        project.store_batch(default_encoder(), Batch((embedded(image_id),), ()))
    assert project.failures() == []


def test_an_image_that_was_read_before_stays_one_while_its_drive_is_away(project: Project) -> None:
    look_again(project)
    project.store_batch(default_encoder(), Batch((embedded(1),), ()))
    project.store_batch(default_encoder(), unreadable(1, None))
    assert project.embedded_ids(default_encoder().key).tolist() == [1]
    assert project.failures()[0].passing


def test_failures_another_version_stored_are_tried_again_once(project: Project) -> None:
    look_again(project)
    for _ in range(2):
        with project.db.atomic():
            project.db.execute("UPDATE images SET state = 'failed', reason = 'Gone.' WHERE id <= 5")
        indexing = Indexing(project, default_encoder(), "cpu")
        indexing.advance(0)
        indexing.cancel()
        tried = len(project.pending(default_encoder().key))
        project.set("seen", f"{project.get('seen')} {tried}")
    assert project.get("seen") == " 12 7"


def test_a_folder_that_goes_away_in_the_middle_ends_the_run_and_no_file_is_marked(
    project: Project, folder: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed_module, "FIRST_BATCH", 0)  # which is opened at once
    indexing = Indexing(project, default_encoder(), "cpu")
    while "scan" not in indexing.report.seconds:
        indexing.advance(5)
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(UserError, match=r"cannot be read any more.*Connect the drive"):
        while not indexing.finished:
            indexing.advance(5)
    assert project.failures() == []
    away.rename(folder)
    assert run_until_embedded(project).embedded == 12


def test_a_process_that_always_dies_is_given_up_with_a_message(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing_module, "embed", work_here.embed_dying_at_once)
    with pytest.raises(UserError, match="memory"):
        run_until_embedded(project)
    assert project.failures() == []


def test_a_process_that_dies_of_a_provisional_map_goes_on_without(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing_module, "embed_and_map", work_here.embed_dying_at_once)
    indexing = Indexing(project, default_encoder(), "cpu", provisional=True)
    while not indexing.finished:
        indexing.advance(5)
    assert indexing.report.embedded == 12
    assert indexing.provisional is None
    assert project.latest_map() is not None


def run_until_embedded(project: Project) -> IndexReport:
    indexing = Indexing(project, default_encoder(), "cpu")
    try:
        while not indexing.finished and indexing.progress.stage != "Comparing images":
            indexing.advance(5)
    finally:
        indexing.cancel()
    return indexing.report
