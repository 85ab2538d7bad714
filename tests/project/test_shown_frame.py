"""The frame that a project shows of files of several: stored, and only films that show another are embedded anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.encoder.embed import Batch
from cxr_explorer.encoder.file_model import file_model
from cxr_explorer.images.dicom_frames import Frame
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import label_columns, labelling
from cxr_explorer.project.project import Project
from cxr_explorer.project.redrawn import show_frame, shown_frame, stamp_as_shown
from tests.project.projects import ENCODER, embed_all, embedded, new_project


def noted(project: Project, image_id: int, frame: int, of: int, why: str = "the one in the middle") -> None:
    item = replace(embedded(image_id), notes=("a note", f"frame {frame} of {of} is shown: {why}"))
    project.store_batch(ENCODER, Batch((item,), ()))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Six films: the third has 25 frames, the fourth 2, the fifth 4; the last cannot be read."""
    with new_project(tmp_path) as project:
        embed_all(project, failing=(6,))
        for image_id, frame, of in ((3, 13, 25), (4, 1, 2), (5, 2, 4)):
            noted(project, image_id, frame, of)
        yield project


def pending(project: Project) -> list[int]:
    return [source.image_id for source in project.pending(ENCODER.key)]


def test_a_project_shows_the_middle_until_it_is_told_otherwise(project: Project) -> None:
    assert shown_frame(project) == "middle"
    show_frame(project, "middle")
    assert pending(project) == []


@pytest.mark.parametrize(
    ("frame", "anew"),
    [("first", [3, 5, 6]), ("last", [3, 4, 5, 6]), (2, [3, 4, 6]), (13, [4, 5, 6]), (40, [3, 4, 5, 6])],
)
def test_only_films_that_show_another_frame_are_read_again(project: Project, frame: Frame, anew: list[int]) -> None:
    show_frame(project, frame)
    assert shown_frame(project) == frame
    assert pending(project) == anew  # the one that could not be read is tried again


def test_embeddings_that_came_in_a_file_stay(project: Project) -> None:
    model = file_model("other", "other.npz", ENCODER.dimension)
    project.store_batch(
        model, Batch((replace(embedded(3), notes=("frame 13 of 25 is shown: the one in the middle",)),), ())
    )
    show_frame(project, "last")
    assert project.embedded_ids(model.key).tolist() == [3]
    assert 3 in pending(project)


def test_labels_stay_and_the_films_are_not_marked_as_replaced(project: Project) -> None:
    labelling.label(project, np.array([3, 4]), Judgement("Effusion", Value.PRESENT, "ann", "one by one"))
    show_frame(project, "last")
    assert label_columns.labelled_ids(project, "ann").tolist() == [3, 4]
    assert not project.image(3).replaced


def test_a_damaged_setting_is_the_middle(project: Project) -> None:
    project.set("frame of several", "x")
    assert shown_frame(project) == "middle"


def test_a_frame_that_was_not_read_yet_counts_as_another_file(project: Project) -> None:
    film, plain = project.image(3), project.image(1)
    assert (stamp_as_shown(project, film), stamp_as_shown(project, plain)) == (film.stamp, plain.stamp)
    show_frame(project, "last")
    assert (stamp_as_shown(project, film), stamp_as_shown(project, plain)) == (None, plain.stamp)
