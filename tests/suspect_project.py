"""A project on which every image is labelled for the first finding, some of them wrongly, as suspect labels need it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxr_explorer.labels.label import How, Judgement, LabelRow, Value
from cxr_explorer.project import labelling
from cxr_explorer.project.importing import import_labels
from cxr_explorer.project.labelling import OPPOSITE
from cxr_explorer.project.project import Project
from tests.ui.suggest_project import COUNT, make_suggest_project, truth

FINDING = "No Finding"
WRONG = (6, 17, 40)
"""Ids of the images that are labelled wrongly: the first is present in truth, the others are absent."""

REST = tuple(image_id for image_id in range(1, COUNT + 1) if image_id not in WRONG)


def make_suspect_project(home: Path, how: How = "single", reader: str = "reader 1") -> Path:
    """Every image labelled, WRONG of them wrongly; with how "import" as a table brings them."""
    path = make_suggest_project(home)
    with Project.open(path) as project:
        assert project.vocabulary.findings[0] == FINDING
        if how == "import":
            paths = project.paths()
            import_labels(
                project,
                [LabelRow(paths[i], FINDING, _said(i), reader, "2026-01-01T00:00:00Z", how) for i in sorted(paths)],
                reader,
            )
        else:
            for value in (Value.PRESENT, Value.ABSENT):
                ids = [i for i in range(1, COUNT + 1) if _said(i) == value]
                give(project, ids, value, how, reader)
    return path


def give(project: Project, ids: Sequence[int], value: Value, how: How = "single", reader: str = "reader 1") -> None:
    """Labels images."""
    labelling.label(project, np.array(ids, np.int64), Judgement(FINDING, value, reader, how))


def _said(image_id: int) -> Value:
    return OPPOSITE[truth(image_id)] if image_id in WRONG else truth(image_id)


def make_silent_project(home: Path, reader: str = "NIH") -> Path:
    """The same as a table in the form of NIH has it: what is there is named, and nothing else."""
    path = make_suggest_project(home)
    with Project.open(path) as project:
        named = [
            LabelRow(file, FINDING if _said(i) else "Effusion", Value.PRESENT, reader, "2026-01-01T00:00:00Z", "import")
            for i, file in sorted(project.paths().items())
        ]
        import_labels(project, named, reader)
    return path
