"""JSON for tools that annotate images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cxr_explorer import __version__
from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.project.exporting import chosen_judgements, chosen_rows, with_consensus
from cxr_explorer.project.image_rows import labelled_by
from cxr_explorer.project.project import Project, now
from cxr_explorer.tables.coco import write_coco
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.label_studio import write_label_studio


def _write_label_studio(project: Project, out: Path, wanted: Wanted) -> Iterator[float | WriteReport]:
    with project.db.atomic():
        rows, agreed = chosen_rows(project, wanted.reader, wanted.rule)
        own = project.vocabulary.findings
        others = labelled_by(project.db).keys() - set(own)
        report = write_label_studio(out, rows, [*own, *sorted(others)])
    yield with_consensus(report, agreed)


def _write_coco(project: Project, out: Path, wanted: Wanted) -> Iterator[float | WriteReport]:
    with project.db.atomic():
        judged, agreed = chosen_judgements(project, wanted.reader, wanted.rule)
        rows = project.db.execute("SELECT path, width_px, height_px FROM images WHERE state = 'read'")
        sizes = {str(path): (int(width or 0), int(height or 0)) for path, width, height in rows}
    yield with_consensus(write_coco(out, judged, sizes, wanted.whose, now(), __version__), agreed)


LABEL_STUDIO_JSON = Form(
    "label-studio",
    "Label Studio (JSON)",
    "To go on labelling in Label Studio. A task an image, an annotation a reader; the labelling configuration (XML) "
    "is written beside it.",
    ".json",
    _write_label_studio,
    every_label=True,
)

COCO = Form(
    "coco",
    "COCO (JSON)",
    "For tools of computer vision. A category a finding, for whole images, without boxes; what is absent or uncertain "
    "stands in the attributes of the image.",
    ".json",
    _write_coco,
)
