"""The forms in which labels leave, in the order in which they are offered.

A form is a file in this room with a `Form`, and its name here; how files come in is in `tables.formats`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cxr_explorer.exchange.annotation_forms import COCO, LABEL_STUDIO_JSON
from cxr_explorer.exchange.csv_forms import CHEXPERT_CSV, LONG_CSV, NIH_CSV
from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.exchange.image_folder import IMAGE_FOLDER
from cxr_explorer.exchange.parquet_forms import PARQUET, PARQUET_WIDE
from cxr_explorer.exchange.report_form import DICOM_SR
from cxr_explorer.project.project import Project
from cxr_explorer.tables.format import WriteReport

FORMS: tuple[Form, ...] = (
    LONG_CSV,
    NIH_CSV,
    CHEXPERT_CSV,
    PARQUET,
    PARQUET_WIDE,
    LABEL_STUDIO_JSON,
    COCO,
    IMAGE_FOLDER,
    DICOM_SR,
)


def form_named(name: str) -> Form:
    """Raises KeyError for a name that none has."""
    return {form.name: form for form in FORMS}[name]


def exported(path: Path, out: Path, form: str, wanted: Wanted) -> Iterator[float | WriteReport]:
    """Opens a project and writes its labels; for a child process. Yields the share that is done, the report at last.

    Args:
        path: The project.
        out: The file, or the folder, which must not be there yet.
        form: The name of one of `FORMS`.
        wanted: What is to be in it.

    Raises:
        UserError: The project cannot be read, a package is missing, or the place cannot be written.
    """
    chosen = form_named(form)
    chosen.check()
    with Project.open_read_only(path) as project:
        yield from chosen.write(project, out, wanted)
