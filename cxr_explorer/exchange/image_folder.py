"""A data set to train with: films as PNG with their labels, split by patient, in Hugging Face's imagefolder layout.

    train/  validation/  test/    the films, and metadata.parquet (metadata.csv where pyarrow is not installed)
    README.md                     the card: counts, how the labels came about, what the audits allow to be said
    croissant.json                the same for programs

The films get names that say nothing; nothing of a file's header is in them.
"""

from __future__ import annotations

import csv
import hashlib
import os
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cxr_explorer import __version__
from cxr_explorer.errors import UserError
from cxr_explorer.exchange.card import Facts, card, croissant
from cxr_explorer.exchange.folder import check_new, new_folder
from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.exchange.splits import part_named, shuffled, split_by_set, together, torn
from cxr_explorer.images.dicom_frames import Frame
from cxr_explorer.images.read import read
from cxr_explorer.labels.label import How, LabelBound
from cxr_explorer.project.exporting import chosen_judgements, chosen_rows, with_consensus
from cxr_explorer.project.image_rows import PATIENT_KEY, PATIENT_MARK
from cxr_explorer.project.project import Project, now
from cxr_explorer.project.redrawn import shown_frame
from cxr_explorer.tables.cells import harmless
from cxr_explorer.tables.format import WriteReport, report_on
from cxr_explorer.tables.judged import NOT_JUDGED, Judged

TOLD_EVERY_S = 0.1
"""How often it is told how far the writing is."""

BY_PATIENT = "Split by patient, 80 % of the images for training, 10 % for validation, 10 % for testing."

_OWN = ("file_name", "reader", "patient", "split", "source_file", "image", "label")
_TABLE = "metadata"


def finding_columns(findings: Sequence[str]) -> dict[str, str]:
    """Finding -> its column: its own name, unless the layout means something else by that."""
    columns: dict[str, str] = {}
    for finding in findings:
        is_taken = finding in _OWN or finding.endswith(("file_name", "file_names"))
        name = f"finding {finding} present" if is_taken else finding
        while name in columns.values():
            name += " "
        columns[finding] = name
    return columns


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is to be written, parallel by image."""

    judged: Judged
    sources: Sequence[str]
    names: Sequence[str]
    parts: Sequence[str]
    patients: Sequence[str]
    split: str
    hows: Counter[How]
    bounds: Counter[tuple[str, str, LabelBound]]
    remarks: tuple[str, ...]
    report: WriteReport

    def take(self, rows: Sequence[int]) -> _Plan:
        """The same of some of the images."""

        def some(texts: Sequence[str]) -> list[str]:
            return [texts[row] for row in rows]

        return replace(
            self,
            judged=replace(self.judged, files=some(self.judged.files), values=self.judged.values[list(rows)]),
            sources=some(self.sources),
            names=some(self.names),
            parts=some(self.parts),
            patients=some(self.patients),
        )


def write_image_folder(project: Project, out: Path, wanted: Wanted) -> Iterator[float | WriteReport]:
    """Writes the data set, see `Form.write`. Raises UserError where no labelled image can be written."""
    check_new(out)
    with project.db.atomic():
        plan = _plan(project, wanted)
        folder, frame, title = project.folder, shown_frame(project), out.name
    yield 0.0
    if not plan.names:
        raise UserError("No labelled image can be written. " + " ".join(plan.remarks))
    with new_folder(out) as part:
        for name in dict.fromkeys(plan.parts):
            (part / name).mkdir()
        failed = yield from _write_films(plan, folder, frame, part)
        if len(failed) == len(plan.names):
            raise UserError(f"No image could be read in {folder}. Is the disk there?")
        if failed:
            plan = plan.take([row for row in range(len(plan.names)) if row not in failed])
            unread = f"{len(failed):,} images could not be read now."
            plan = replace(plan, remarks=(*plan.remarks, unread))
        for empty in {path for path in part.iterdir() if path.is_dir()} - {part / name for name in plan.parts}:
            empty.rmdir()
        table = f"{_TABLE}.parquet" if find_spec("pyarrow") is not None else f"{_TABLE}.csv"
        facts = _facts(title, plan, wanted, table)
        for name in dict.fromkeys(plan.parts):
            rows = [row for row, at in enumerate(plan.parts) if at == name]
            _write_table(part / name / table, plan.take(rows), facts, wanted)
        for file, text in (("README.md", card(facts)), ("croissant.json", croissant(facts))):
            (part / file).write_text(text, encoding="utf-8")
    report = report_on(plan.judged, plan.judged.count)
    counted = replace(plan.report, images=report.images, labels=report.labels, conflicts=report.conflicts)
    yield replace(counted, remarks=(plan.split, *plan.remarks))


def _plan(project: Project, wanted: Wanted) -> _Plan:
    judged, agreed = chosen_judgements(project, wanted.reader, wanted.rule)
    report = with_consensus(report_on(judged, judged.count), agreed)
    ids = {path: image_id for image_id, path in project.paths().items()}
    image_ids = np.array([ids[file] for file in judged.files], np.int64)
    remarks = []
    facts = project.facts()
    rows = project.db.execute("SELECT id, missing OR state != 'read', replaced FROM images").fetchall()
    unread, replaced = (np.isin(image_ids, [row[0] for row in rows if row[place]]) for place in (1, 2))
    burned_in = facts.column("burned-in annotation", image_ids)
    left_out = np.zeros(len(image_ids), np.bool_)
    for which, why in (
        (unread, "cannot be read"),
        (replaced, "have another content than when labelled"),
        (_is_value(burned_in.values, burned_in.codes, "YES"), "have text burned in, as their files say"),
    ):
        if count := int((which & ~left_out).sum()):
            remarks.append(f"{count:,} labelled images are left out: they {why}.")
        left_out |= which
    parts: list[str] = []
    if wanted.split_by:
        column = facts.column(wanted.split_by, image_ids)
        if not column.values:
            raise UserError(
                f"{wanted.split_by!r} is not known of the labelled images. What is known: {', '.join(facts.columns)}."
            )
        if count := int(((column.codes < 0) & ~left_out).sum()):
            remarks.append(f"{count:,} labelled images are left out: {wanted.split_by} is not known of them.")
        left_out |= column.codes < 0
        parts = [part_named(column.values[code]) if code >= 0 else "" for code in column.codes.tolist()]
    files = list(judged.files)
    groups = _groups(project, image_ids)
    sets = together(len(files), groups.values())
    known = _known(sets, (groups["patient"], groups["mark"]))
    number = {one: place for place, one in enumerate(shuffled(files, sets), 1)}
    kept = np.flatnonzero(~left_out).tolist()
    split = BY_PATIENT
    if wanted.split_by:
        split = f"Split by {wanted.split_by}."
        if count := torn([sets[row] for row in kept], [parts[row] for row in kept]):
            split += f" Films of {count:,} patients are in more than one part."
    key = project.get(PATIENT_KEY)
    if not wanted.split_by:
        parts = [""] * len(files)
        chosen = split_by_set([files[row] for row in kept], [sets[row] for row in kept])
        for row, part in zip(kept, chosen, strict=True):
            parts[row] = part
    hows, bounds = _origins(project, wanted, {files[row] for row in kept}, set(judged.findings))
    plan = _Plan(
        judged,
        files,
        [_name_of(file, key) for file in files],
        parts,
        [f"p{number[one]:06}" if one in known else "" for one in sets],
        split,
        hows,
        bounds,
        tuple(remarks),
        report,
    )
    return plan.take(kept)


def _is_value(values: Sequence[str], codes: Any, value: str) -> Any:
    return np.isin(codes, [code for code, one in enumerate(values) if one == value])


def _groups(project: Project, image_ids: Any) -> dict[str, list[object | None]]:
    """What says that films belong together, by kind, parallel to the ids; None where it says nothing of a film."""
    named = {
        name: dict(project.db.execute("SELECT image_id, value FROM metadata WHERE name = ?", [name]).fetchall())
        for name in ("patient", "study")
    }
    marks = project.db.execute(
        f"""SELECT id, CASE WHEN json_valid(facts) THEN json_extract(facts, '$."{PATIENT_MARK}"') END, digest
            FROM images"""
    ).fetchall()
    named["mark"] = {image_id: mark for image_id, mark, _ in marks if mark}
    named["content"] = {image_id: digest for image_id, _, digest in marks if digest}
    return {kind: [of.get(image_id) for image_id in image_ids.tolist()] for kind, of in named.items()}


def _known(sets: Sequence[int], groupings: Sequence[Sequence[object | None]]) -> set[int]:
    """The sets of which a film names a patient."""
    return {one for grouping in groupings for one, group in zip(sets, grouping, strict=True) if group is not None}


def _origins(
    project: Project, wanted: Wanted, files: set[str], findings: set[str]
) -> tuple[Counter[How], Counter[tuple[str, str, LabelBound]]]:
    """In which ways the labels were given, and what audits say of them."""
    hows: Counter[How] = Counter()
    bounds: Counter[tuple[str, str, LabelBound]] = Counter()
    for row in chosen_rows(project, wanted.reader, wanted.rule)[0]:
        if row.file in files and row.finding in findings:
            hows[row.how] += 1
            if row.bound is not None:
                bounds[row.finding, row.reader, row.bound] += 1
    return hows, bounds


def _name_of(file: str, key: str) -> str:
    """A name for a film that says nothing, and is the same in every data set of one project."""
    content = file.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, key=key.encode()[:64], digest_size=10).hexdigest() + ".png"


def _facts(title: str, plan: _Plan, wanted: Wanted, table: str) -> Facts:
    columns = finding_columns(plan.judged.findings)
    if table.endswith(".csv"):
        columns = {finding: harmless(name) for finding, name in columns.items()}
    return Facts(
        title=title,
        made=now(),
        version=__version__,
        whose=wanted.whose,
        judged=plan.judged,
        columns=columns,
        parts=plan.parts,
        split=plan.split,
        patients=len({patient for patient in plan.patients if patient}),
        unknown=sum(not patient for patient in plan.patients),
        hows=plan.hows,
        bounds=plan.bounds,
        remarks=plan.remarks,
        table=table,
        file_names=wanted.file_names,
    )


# -- films -------------------------------------------------------------------------------------------------------------


def _write_films(plan: _Plan, folder: Path, frame: Frame, out: Path) -> Generator[float, None, set[int]]:
    """Writes all films, some at a time; yields the share that is done, and returns the rows of those that failed."""
    workers = max(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 1)
    failed: set[int] = set()
    running: deque[tuple[int, Future[bool]]] = deque()
    told_s = time.monotonic()
    films = enumerate(zip(plan.sources, plan.parts, plan.names, strict=True))
    with ThreadPoolExecutor(workers) as pool:
        try:
            for done in range(len(plan.names)):
                while len(running) < 2 * workers and (film := next(films, None)) is not None:
                    row, (source, part, name) = film
                    running.append((row, pool.submit(_write_film, folder / source, frame, out / part / name)))
                row, written = running.popleft()
                if not written.result():
                    failed.add(row)
                if time.monotonic() - told_s > TOLD_EVERY_S:
                    told_s = time.monotonic()
                    yield (done + 1) / len(plan.names)
        finally:
            pool.shutdown(cancel_futures=True)
    return failed


def _write_film(source: Path, frame: Frame, out: Path) -> bool:
    """Writes a film as the program shows it; whether that could be read. Raises OSError."""
    try:
        pixels = read(source, frame).pixels
    except UserError:
        return False
    Image.fromarray(np.rint(pixels * np.float32(255)).astype(np.uint8)).save(out, format="PNG")
    return True


# -- their table -------------------------------------------------------------------------------------------------------


def _write_table(out: Path, plan: _Plan, facts: Facts, wanted: Wanted) -> None:
    texts: dict[str, list[str | None]] = {
        "reader": [facts.whose] * len(plan.names),
        "patient": [patient or None for patient in plan.patients],
        "split": list(plan.parts),
    }
    if wanted.file_names:
        texts["source_file"] = [source.encode("utf-8", "replace").decode() for source in plan.sources]
    names = ["file_name", *facts.columns.values(), *texts]
    if out.suffix == ".csv":
        with out.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(names)
            findings = [["" if value == NOT_JUDGED else value for value in row] for row in plan.judged.values.tolist()]
            rest = zip(*([harmless(text or "") for text in column] for column in texts.values()), strict=True)
            for name, values, cells in zip(plan.names, findings, rest, strict=True):
                writer.writerow([name, *values, *cells])
        return
    import pyarrow as pa
    from pyarrow.parquet import write_table

    from cxr_explorer.tables.parquet import finding_columns as as_arrow

    columns = [pa.array(column, pa.string()) for column in (list(plan.names), *texts.values())]
    write_table(pa.Table.from_arrays([columns[0], *as_arrow(plan.judged), *columns[1:]], names=names), out)


IMAGE_FOLDER = Form(
    "imagefolder",
    "Data set to train with (Hugging Face imagefolder, Croissant)",
    "A folder with the labelled films as PNG, their labels, and a card that says how these came about. Split by "
    "patient into train, validation and test. The films get new names.",
    "",
    write_image_folder,
    heeds=frozenset({"file_names", "split_by"}),
)
