"""Label Studio's JSON: tasks with annotations, a choice a finding.

What is written has one task an image and one annotation a reader; a result is a choice among present, absent and
uncertain in the control of the finding. Its `meta` says what Label Studio has no place for: finding, reader, time, how,
cluster and map. What is read is Label Studio's export "JSON". A control whose choices are present, absent and uncertain
is a finding; of any other control, each choice that was made is a finding that is present.

https://labelstud.io/guide/task_format
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import quoteattr

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.labels.label import LabelRow, Value
from cxr_explorer.labels.texts import VALUE_WORDS, VALUES_BY_WORD
from cxr_explorer.tables.cells import harmless
from cxr_explorer.tables.csv_file import Problems, Record
from cxr_explorer.tables.format import Format, WriteReport
from cxr_explorer.tables.long import LONG

_HEADER = ("file", "finding", "value", "reader", "time", "how", "cluster", "map")
_IMAGE = "image"
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before the name of an uploaded file
_BLANKS = re.compile(r"[ \t\r\n]*")
_MINIMAL = {"annotator", "annotation_id", "lead_time"}  # keys of a task in its export "JSON-MIN"

LABEL_STUDIO = Format(
    "label-studio",
    "Label Studio",
    "Tasks with annotations, a choice a finding.",
    recognises=lambda names: False,  # not by a header: see `LabelStudioFile`
    reader=LONG.reader,
)


def control_names(findings: Iterable[str]) -> dict[str, str]:
    """Finding -> name of its control in Label Studio: letters, digits and underscores, each once."""
    names: dict[str, str] = {}
    for finding in findings:
        name = base = re.sub(r"\W+", "_", finding).strip("_") or "finding"
        number = 2
        while name in names.values() or name == _IMAGE:
            name, number = f"{base}_{number}", number + 1
        names[finding] = name
    return names


def labelling_config(findings: Sequence[str]) -> str:
    """The XML that shows the image and, for each finding, the three choices."""
    lines = ["<View>", f'  <Image name="{_IMAGE}" value="${_IMAGE}" zoom="true"/>']
    for finding, name in control_names(findings).items():
        lines += [
            f"  <Header value={quoteattr(finding)}/>",
            f'  <Choices name="{name}" toName="{_IMAGE}" choice="single" showInline="true">',
            *(f'    <Choice value="{word}"/>' for word in VALUE_WORDS.values()),
            "  </Choices>",
        ]
    return "\n".join([*lines, "</View>", ""])


def write_label_studio(out: Path, rows: Iterable[LabelRow], findings: Sequence[str]) -> WriteReport:
    """Writes tasks to a JSON file, and the labelling configuration to an XML file of the same name beside it.

    Args:
        out: The JSON file; existing files are replaced.
        rows: The labels, those of one image in sequence, of findings that are listed.
        findings: In the order in which Label Studio shows them.

    Raises:
        UserError: The place cannot be written, or a name cannot be written as UTF-8.
    """
    names = control_names(findings)
    images = labels = 0
    try:
        with atomic_write(out) as stream:
            for number, (file, own) in enumerate(groupby(rows, key=lambda row: row.file), 1):
                task, count = _task(number, file, list(own), names)
                labels += count
                images = number
                stream.write(b"[\n" if number == 1 else b",\n")
                stream.write(json.dumps(task, ensure_ascii=False).encode())
            stream.write(b"\n]\n" if images else b"[]\n")
        with atomic_write(out.with_suffix(".xml")) as stream:
            stream.write(labelling_config(findings).encode())
    except UnicodeEncodeError as error:
        raise UserError(f"Cannot write {out}: a name in it is not valid Unicode; rename the file.") from error
    return WriteReport(images, labels)


def _task(number: int, file: str, rows: Sequence[LabelRow], names: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    annotations = []
    for reader in dict.fromkeys(row.reader for row in rows):
        own = [row for row in rows if row.reader == reader]
        times = {"created_at": min(row.at for row in own), "updated_at": max(row.at for row in own)}
        results = [_result(row, names[row.finding]) for row in own]
        annotations.append({"result": results, "was_cancelled": False, "ground_truth": False, **times})
    return {"id": number, "data": {_IMAGE: file}, "annotations": annotations, "predictions": []}, len(rows)


def _result(row: LabelRow, name: str) -> dict[str, Any]:
    meta = {"finding": row.finding, "reader": row.reader, "time": row.at, "how": row.how}
    numbers = {key: number for key, number in (("cluster", row.cluster), ("map", row.map_id)) if number is not None}
    return {
        "id": f"{name}-{row.reader}",
        "type": "choices",
        "from_name": name,
        "to_name": _IMAGE,
        "value": {"choices": [VALUE_WORDS[row.value]]},
        "meta": {**meta, **numbers},
    }


# -- in ----------------------------------------------------------------------------------------------------------------


class LabelStudioFile:
    """A JSON file of Label Studio as records of the long form; the number of a line is that of the task.

    Attributes:
        share: How much of the reading is done, 0..1.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.share = 0.0

    def records(self, problems: Problems) -> Iterator[Record]:
        """The header, then a record a label. Raises UserError where it is no such file."""
        yield 1, list(_HEADER)
        for number, task in enumerate(self._tasks(), 1):
            if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                is_minimal = isinstance(task, dict) and _MINIMAL & task.keys()
                what = "Label Studio's JSON-MIN" if is_minimal else 'not Label Studio\'s JSON, whose tasks have "data"'
                raise UserError(f"Cannot read {self.path}: it is {what}; export it as JSON.")
            yield from _records_of(task, number, problems)

    def _tasks(self) -> Iterator[Any]:
        """Task by task: all at once they would take ten times the memory of the file."""
        try:
            text = self.path.read_text(encoding="utf-8-sig")
            for task, place in _decoded(text):
                self.share = place / len(text)
                yield task
        except OSError as error:
            raise UserError(f"Cannot read {self.path}: {error.strerror or error}; choose another file.") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"Cannot read {self.path}: it is no sound JSON; export it again.") from error


def _decoded(text: str) -> Iterator[tuple[Any, int]]:
    """The items of a JSON list, or the one value that is no list, each with where it ends. Raises ValueError."""
    decode = json.JSONDecoder().raw_decode
    place = _past_blanks(text, 0)
    if text[place : place + 1] != "[":
        yield decode(text, place)
        return
    place = _past_blanks(text, place + 1)
    if text[place : place + 1] == "]":
        return
    while True:
        item, place = decode(text, place)
        yield item, place
        place = _past_blanks(text, place)
        if text[place : place + 1] == "]":
            return
        if text[place : place + 1] != ",":
            raise ValueError(f"no comma at {place}")
        place = _past_blanks(text, place + 1)


def _past_blanks(text: str, place: int) -> int:
    blanks = _BLANKS.match(text, place)
    return blanks.end() if blanks is not None else place


def _records_of(task: Mapping[str, Any], number: int, problems: Problems) -> Iterator[Record]:
    file = _file_of(task["data"])
    annotations = task.get("annotations", task.get("completions"))
    if not file:
        problems.add(f"Line {number}: the task names no image.")
        return
    odd = False
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        reader, at = _reader_of(annotation), annotation.get("updated_at") or annotation.get("created_at")
        results = annotation.get("result")
        for result in results if isinstance(results, list) else ():
            labels = _labels_of(result)
            odd = odd or not labels
            for finding, word in labels:
                meta = result.get("meta")
                said = meta if isinstance(meta, dict) else {}
                cells = [said.get("reader") or reader, said.get("time") or at]
                cells += [said.get(key) for key in ("how", "cluster", "map")]
                yield number, [harmless(_text(cell)) for cell in (file, said.get("finding") or finding, word, *cells)]
    if odd:
        problems.add(f"Line {number}: the task has results that are no choices (boxes, texts …); they are left out.")


def _labels_of(result: Any) -> list[tuple[str, str]]:
    """Finding and value as words of a result; none where it is no choice."""
    value = result.get("value") if isinstance(result, dict) else None
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list):
        return []
    texts = [choice for choice in choices if isinstance(choice, str)]
    if len(texts) == 1 and texts[0].strip().casefold() in VALUES_BY_WORD:
        return [(_text(result.get("from_name")), texts[0])]
    return [(choice, VALUE_WORDS[Value.PRESENT]) for choice in texts]


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _reader_of(annotation: Mapping[str, Any]) -> str:
    """Who annotated: the address or number Label Studio has of them; "" where it says nothing."""
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        return _text(by.get("email") or by.get("id"))
    return f"annotator {by}" if isinstance(by, int) else _text(by)


def _file_of(data: Mapping[str, Any]) -> str:
    """The image a task shows, as a path: without the address of a server, and what an upload put before its name."""
    texts = [value for value in (data.get(_IMAGE), *data.values()) if isinstance(value, str) and value]
    text = next((value for value in texts if value == data.get(_IMAGE) or re.search(r"\.\w{2,5}$", value)), "")
    if not re.match(r"[a-z][a-z0-9+.-]*://|/data/", text):
        return text
    parts = urlsplit(text)
    local = re.search(r"(?:^|&)d=([^&]*)", parts.query)
    path = unquote(local[1] if local else parts.path)
    folder, _, name = path.rpartition("/")
    if "upload" in folder.split("/"):
        return _UPLOADED.sub("", name)
    return f"{folder}/{name}"
