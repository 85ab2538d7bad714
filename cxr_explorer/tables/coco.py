"""COCO's JSON with a category a finding, for whole images.

An annotation says that a finding is present on an image, and nothing else does: whoever counts annotations counts what
is present. All that was judged (1 present, 0 absent, -1 uncertain) stands in the attributes of the image. Nothing has a
box or an outline.

https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.labels.label import Value
from cxr_explorer.tables.format import WriteReport, report_on
from cxr_explorer.tables.judged import NOT_JUDGED, Judged

DESCRIPTION = (
    "Image-level labels. An annotation: the finding is present. `attributes` of an image: all that was judged, 1 "
    "present, 0 absent, -1 uncertain; a finding that is not there was not read. There are no boxes."
)


def write_coco(
    out: Path, judged: Judged, sizes: Mapping[str, tuple[int, int]], whose: str, made: str, version: str
) -> WriteReport:
    """Writes the judgements.

    Args:
        out: The file; an existing one is replaced once the new one is complete.
        judged: What stands for every finding on every image.
        sizes: Width and height of the files in pixels, as far as they are known.
        whose: Whose answers these are, in words.
        made: When, ISO 8601.
        version: Of the program.

    Raises:
        UserError: The place cannot be written, or a name cannot be written as UTF-8.
    """
    images, annotations = [], []
    for number, (file, values) in enumerate(zip(judged.files, judged.values.tolist(), strict=True), 1):
        width, height = sizes.get(file, (0, 0))
        said = {finding: value for finding, value in zip(judged.findings, values, strict=True) if value != NOT_JUDGED}
        images.append({"id": number, "file_name": file, "width": width, "height": height, "attributes": said})
    rows, findings = np.nonzero(judged.values == Value.PRESENT)
    for number, (row, finding) in enumerate(zip(rows.tolist(), findings.tolist(), strict=True), 1):
        annotations.append({"id": number, "image_id": row + 1, "category_id": finding + 1})
    content: dict[str, Any] = {
        "info": {
            "description": DESCRIPTION,
            "contributor": whose,
            "date_created": made,
            "year": int(made[:4]),
            "version": f"CXR Explorer {version}",
        },
        "licenses": [],
        "images": images,
        "categories": [
            {"id": number, "name": finding, "supercategory": "finding"}
            for number, finding in enumerate(judged.findings, 1)
        ],
        "annotations": annotations,
    }
    try:
        with atomic_write(out) as stream:
            stream.write(json.dumps(content, ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise UserError(f"Cannot write {out}: a name in it is not valid Unicode; rename the file.") from error
    return report_on(judged, judged.count)
