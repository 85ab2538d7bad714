"""A version that draws some files otherwise makes their embeddings anew, and leaves all others alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from cxr_explorer.encoder.embed import Batch
from cxr_explorer.images.kinds import HEAD_BYTES
from cxr_explorer.images.redrawn import may_be_redrawn
from cxr_explorer.indexing import scan_for_changes
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project import label_columns, labelling
from cxr_explorer.project.project import Project
from cxr_explorer.project.redrawn import forget_redrawn, is_redrawing_due, mark_redrawn
from tests.images.dicom_files import dicom, ramp
from tests.project.projects import ENCODER, embed_all, embedded
from tests.test_indexing import scan_only

FILM = ramp(0, 255, dtype="uint8")


def encoded(array: np.ndarray, file_format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, file_format)
    return file.getvalue()


FILES = {
    "film.dcm": dicom(ramp()),
    "IM0001": dicom(ramp(0, 3000)),
    "gray8.png": encoded(FILM, "PNG"),
    "gray16.png": encoded(ramp(), "PNG"),
    "rgb16.png": bytes(imagecodecs.png_encode(np.dstack([ramp()] * 3))),
    "rgb8.png": encoded(np.dstack([FILM] * 3), "PNG"),
    "film.jpg": encoded(FILM, "JPEG"),
    "film.webp": encoded(FILM, "WEBP"),
    "film.bmp": encoded(FILM, "BMP"),
    "film.tif": encoded(ramp(), "TIFF"),
    "film.jp2": encoded(FILM, "JPEG2000"),
}
REDRAWN = {"film.dcm", "IM0001", "gray16.png", "rgb16.png", "film.tif", "film.jp2"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    with Project.create(tmp_path / "test.cxr", folder, bundled_vocabularies()[0]) as project:
        yield project


@pytest.mark.parametrize("name", FILES)
def test_the_first_bytes_tell_whether_a_file_may_be_drawn_otherwise(name: str) -> None:
    assert may_be_redrawn(FILES[name][:HEAD_BYTES]) == (name in REDRAWN)


@pytest.mark.parametrize("cut", [0, 4, 20, 132])
def test_a_file_cut_off_in_its_head_is_no_reason_to_stop(cut: int) -> None:
    for data in FILES.values():
        may_be_redrawn(data[:cut])


def indexed_by_an_older_version(project: Project) -> None:
    found = list(scan_for_changes(project.folder, {}))
    project.update_files([file for item in found for file in item.new], [])
    embed_all(project)
    with project.db.atomic():
        project.db.execute("UPDATE images SET notes = '[]'")


def pending(project: Project) -> set[str]:
    return {source.path.name for source in project.pending(ENCODER.key)}


def test_what_may_look_different_is_embedded_anew_once_and_labels_stay(project: Project) -> None:
    indexed_by_an_older_version(project)
    ids = project.embedded_ids(ENCODER.key)
    labelling.label(project, ids, Judgement("Effusion", Value.PRESENT, "ann", "selection"))
    assert is_redrawing_due(project)
    scan_only(project)
    assert pending(project) == REDRAWN
    assert not is_redrawing_due(project)
    assert len(label_columns.labelled_ids(project, "ann")) == len(FILES)
    assert not any(project.image(int(image_id)).replaced for image_id in ids)
    embed_all(project)
    scan_only(project)
    assert not pending(project)


def test_a_new_project_is_not_read_twice(project: Project) -> None:
    scan_only(project)
    assert not is_redrawing_due(project)


def test_an_image_leaves_its_place_only_where_its_picture_differs(project: Project) -> None:
    indexed_by_an_older_version(project)
    ids = project.embedded_ids(ENCODER.key)
    forget_redrawn(project, REDRAWN)
    first, second = (source.image_id for source in project.pending(ENCODER.key)[:2])
    assert {first, second} <= set(ids.tolist())
    same, other = embedded(first), embedded(second)
    batch = Batch((same, replace(other, thumbnail=b"another picture")), ())
    mark_redrawn(project, batch)
    project.store_batch(ENCODER, batch)
    assert project.outdated_ids().tolist() == [second]
    mark_redrawn(project, batch)  # told twice is told once
    assert project.outdated_ids().tolist() == [second]


def test_files_that_are_away_are_judged_by_what_was_noted_of_them(project: Project) -> None:
    indexed_by_an_older_version(project)
    with project.db.atomic():
        project.db.execute("UPDATE images SET missing = 1")
        project.db.execute("""UPDATE images SET facts = '{"photometric": "MONOCHROME1"}' WHERE path = 'film.dcm'""")
        project.db.execute("""UPDATE images SET notes = '["by robust percentiles"]' WHERE path = 'gray16.png'""")
    forget_redrawn(project, [])
    with project.db.atomic():
        project.db.execute("UPDATE images SET missing = 0")
    assert pending(project) == {"film.dcm", "gray16.png"}
