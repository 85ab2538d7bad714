"""What stands beside the images of a data set: its card for people, and Croissant's description for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr_explorer.labels.label import IN_BULK, ONE_BY_ONE, How, LabelBound, Value
from cxr_explorer.tables.judged import Judged
from cxr_explorer.tables.label_studio import control_names


@dataclass(frozen=True)
class Facts:
    """What a card states.

    Attributes:
        title: Of the data set.
        made: When, ISO 8601.
        version: Of the program.
        whose: Whose answers the labels are, in words.
        judged: The labels, of the images that are in the data set.
        columns: Finding -> name of its column.
        parts: Of each image.
        split: How the parts came about, a sentence.
        patients: Patients that are known.
        unknown: Images whose patient is not known.
        hows: In which ways the labels were given, with their numbers.
        bounds: (finding, reader, bound) -> labels that the bound was stated for and that are in the data set.
        remarks: What was left out, a sentence each.
        table: Name of the table in each part's folder.
        file_names: Whether the table names the source files.
    """

    title: str
    made: str
    version: str
    whose: str
    judged: Judged
    columns: Mapping[str, str]
    parts: Sequence[str]
    split: str
    patients: int
    unknown: int
    hows: Mapping[How, int]
    bounds: Mapping[tuple[str, str, LabelBound], int]
    remarks: Sequence[str]
    table: str
    file_names: bool


_VALUES = "1 present, 0 absent, -1 uncertain, empty not read"


def card(facts: Facts) -> str:
    """README.md, with the header that the Hugging Face Hub reads."""
    parts = Counter(facts.parts)
    head = ["---", f"pretty_name: {json.dumps(facts.title)}", "task_categories:", "- image-classification"]
    head += ["tags:", "- medical", "- chest-x-ray", "configs:", "- config_name: default", "  data_files:"]
    head += [line for part in parts for line in (f"  - split: {part}", f"    path: {part}/**")]
    lines = [*head, "---", "", f"# {facts.title}", ""]
    lines += [
        f"{len(facts.parts):,} chest radiographs with labels of {len(facts.judged.findings):,} findings. Whose labels: "
        f"{facts.whose}. Written by CXR Explorer {facts.version} on {facts.made[:10]}.",
        "",
        "Each image is an 8-bit gray PNG, as the program shows it: with the file's own window, air dark, nothing of "
        f"the file's header. `{facts.table}` beside the images has a row an image.",
        "",
        "## Columns",
        "",
        "| column | meaning |",
        "|---|---|",
        "| `file_name` | the image, in the same folder |",
        *(f"| `{_cell(column)}` | {_cell(finding)}: {_VALUES} |" for finding, column in facts.columns.items()),
        "| `reader` | whose labels |",
        "| `patient` | a made-up name: films with the same one are one patient's; empty where that is not known |",
        "| `split` | the part of the data set, which is the folder |",
        *(["| `source_file` | the file it was made from |"] if facts.file_names else []),
        "",
        "## Parts",
        "",
        "| part | images |",
        "|---|---|",
        *(f"| {part} | {count:,} |" for part, count in parts.items()),
        "",
        facts.split,
        (f"{facts.patients:,} patients are known. " if facts.patients else "No patient is known. ")
        + (
            f"The patient is not known of {facts.unknown:,} images: each of them was taken for a patient of its own, "
            "so that films of one person may be in two parts."
            if facts.unknown
            else "The patient of every image is known."
        ),
        "",
        "## Labels",
        "",
        "| finding | present | absent | uncertain | not read |",
        "|---|---|---|---|---|",
        *map(_counts, facts.judged.findings, facts.judged.values.T),
        "",
        "### How they came about",
        "",
        *_origins(facts.hows),
        "",
        *_audits(facts.bounds),
        *(["", "## Left out", "", *(f"- {remark}" for remark in facts.remarks)] if facts.remarks else []),
        "",
        "## To be filled in before it is published",
        "",
        "Where the films come from, who allowed their use, the licence, and whom to ask. Look through the images for "
        "text that is burned into them: it may name patients.",
        "",
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


def _counts(finding: str, values: Any) -> str:
    known = [int((values == value).sum()) for value in (Value.PRESENT, Value.ABSENT, Value.UNCERTAIN)]
    return " | ".join([f"| {_cell(finding)}", *(f"{count:,}" for count in (*known, len(values) - sum(known)))]) + " |"


def _origins(hows: Mapping[How, int]) -> list[str]:
    kinds: Counter[str] = Counter()
    for how, count in hows.items():
        if how in ONE_BY_ONE:
            kinds["given image by image, by a reader who looked at it"] += count
        elif how in IN_BULK:
            kinds[
                "given to many images at once (a cluster, a selection, accepted suggestions), not each looked at"
            ] += count
        else:
            kinds["taken over from a table or another project"] += count
    return [
        "Of the labels the answers were taken from, by all readers asked:",
        "",
        *(f"- {count:,} {kind}" for kind, count in kinds.most_common()),
    ]


def _audits(bounds: Mapping[tuple[str, str, LabelBound], int]) -> list[str]:
    if not bounds:
        return ["No random audit says how many of these labels are wrong."]
    lines = ["What images drawn at random and read say of these labels, when they were written out:", ""]
    for (finding, reader, bound), count in bounds.items():
        by = "the looks before accepting suggestions" if bound.audit is None else f"audit {bound.audit}"
        share = "no bound" if bound.error_bound is None else f"at most {_up(bound.error_bound)} wrong"
        sure = f"{np.floor(bound.confidence * 1000 + 1e-9) / 10:g} % confidence"
        lines.append(
            f"- {_cell(finding)} by {_cell(reader)}, {count:,} labels here: {share} with {sure}, {by} ({bound.state})"
        )
    return [*lines, "", "A bound holds for the labels that were audited together, not for a part of them."]


def _up(share: float) -> str:
    return f"{np.ceil(share * 1000 - 1e-9) / 10:g} %"


CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        name: f"cr:{name}"
        for name in (
            *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet"),
            *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
            *("references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField"),
            "transform",
        )
    },
}
"""Of Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html)."""


def croissant(facts: Facts) -> str:
    """croissant.json: JSON-LD that says which file holds what, for tools that load data sets by it."""
    tables, images = {"@id": "tables"}, {"@id": "images"}

    def column(name: str, kind: str, about: str, of_finding: str = "") -> dict[str, Any]:
        source = {"fileSet": tables, "extract": {"column": name}}
        field = {"@type": "cr:Field", "@id": f"films/{of_finding or name}", "name": name, "description": about}
        return {**field, "dataType": kind, "source": source}

    file_name = column("file_name", "sc:Text", "The image.")
    file_name["references"] = {"fileSet": images, "extract": {"fileProperty": "filename"}}
    fields = [
        file_name,
        {
            "@type": "cr:Field",
            "@id": "films/image",
            "name": "image",
            "description": "8-bit gray PNG.",
            "dataType": "sc:ImageObject",
            "source": {"fileSet": images, "extract": {"fileProperty": "content"}},
        },
        *(
            column(facts.columns[finding], "sc:Integer", f"{finding}: {_VALUES}", f"finding_{name}")
            for finding, name in control_names(facts.columns).items()
        ),
        column("reader", "sc:Text", "Whose labels."),
        column("patient", "sc:Text", "A made-up name; empty where the patient is not known."),
        column("split", "sc:Text", "The part of the data set."),
        *([column("source_file", "sc:Text", "The file it was made from.")] if facts.file_names else []),
    ]
    kind = "application/x-parquet" if facts.table.endswith(".parquet") else "text/csv"
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": facts.title,
        "description": f"{len(facts.parts):,} chest radiographs with labels. Whose: {facts.whose}. {facts.split}",
        "datePublished": facts.made,
        "version": "1.0.0",
        "creator": {"@type": "sc:Organization", "name": f"Made with CXR Explorer {facts.version}"},
        "distribution": [
            {
                "@type": "cr:FileSet",
                **tables,
                "name": "tables",
                "description": "A table in the folder of each part.",
                "encodingFormat": kind,
                "includes": f"*/{facts.table}",
            },
            {
                "@type": "cr:FileSet",
                **images,
                "name": "images",
                "description": "The images.",
                "encodingFormat": "image/png",
                "includes": "*/*.png",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "films",
                "name": "films",
                "description": "An image a record, with its labels.",
                "key": {"@id": "films/file_name"},
                "field": fields,
            }
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)
