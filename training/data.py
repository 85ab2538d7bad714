"""Data sets of chest radiographs as lists of items, and the one split by patient that every script shares.

`index` understands the NIH ChestX-ray14 release as people have it (folders `images_001` to `images_012` or all in one,
`Data_Entry_2017*.csv` or `.csv.gz`, the two official lists where present), CheXpert (`train.csv`, `valid.csv`), a
`manifest.csv` (columns `file`, `source`, `patient`, `labels` joined by `|`, `view`, `age`, `sex`), and any folder of
images. Indexing lists folders and reads tables; no image is opened. The pixels are read once, by `training.cache`.

The split: a patient is held out when a hash of (source, patient) falls into the source's TEST_SHARE, the same on every
machine and for every subset of the data. Pretraining leaves held-out patients away, so that a figure measured on them
says what the encoder does with people it never saw. Where the publisher has a split (NIH's lists, CheXpert's
`valid.csv`), that one holds instead.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from cxr_explorer.errors import UserError
from cxr_explorer.images.scan import scan

Split = Literal["train", "test"]

TEST_SHARE = {"nih": 0.40, "kermany": 0.25}
"""Source to the share of its patients that is held out; every patient of another source is "train"."""

NORMAL = frozenset({"no finding", "normal"})
"""Labels that say nothing was found, in lower case."""

_NIH_TABLE = "Data_Entry_2017*.csv*"
_NIH_LISTS: dict[str, Split] = {"train_val_list.txt": "train", "test_list.txt": "test"}
_CHEXPERT_FACTS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")


@dataclass(frozen=True)
class Item:
    """One image file and what its data set says about it.

    Attributes:
        path: The file.
        source: The data set it comes from ("nih").
        patient: Names a person within the source; an image of an unknown person names itself.
        study: Names one visit within the source; empty where unknown.
        view: "PA", "AP", "LATERAL" or another name in capitals; empty where unknown.
        sex: "F", "M" or empty.
        age: Years, or None.
        labels: What the data set says was found, as it spells it; None where it says nothing.
        split: Whether the patient is held out.
    """

    path: Path
    source: str
    patient: str
    study: str
    view: str
    sex: str
    age: float | None
    labels: frozenset[str] | None
    split: Split


def split_of(source: str, patient: str) -> Split:
    """The split of a patient of a source without a split of its own: SHA-256 against TEST_SHARE."""
    digest = hashlib.sha256(f"{source}\n{patient}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    return "test" if position < TEST_SHARE.get(source, 0.0) else "train"


def index(data: Path) -> list[Item]:
    """Every image of the data set, in a fixed order.

    Args:
        data: A manifest, or a folder that holds one, or an NIH or CheXpert release, or just images.

    Raises:
        UserError: Nothing is there, a table cannot be read, or one patient is in both splits.
    """
    if data.is_file():
        items = index_manifest(data)
    elif (data / "manifest.csv").is_file():
        items = index_manifest(data / "manifest.csv")
    elif list(data.glob(_NIH_TABLE)):
        items = index_nih(data)
    elif (data / "train.csv").is_file() and (data / "valid.csv").is_file():
        items = index_chexpert(data)
    else:
        items = index_folder(data)
    if not items:
        raise UserError(f"No images in {data}: its table and its folders share no file. Choose the folder of images.")
    check_patients(items)
    return items


def index_manifest(table: Path) -> list[Item]:
    """The rows of a manifest; `file` is relative to it. A row without a patient is its own patient."""
    items = []
    for row in _rows(table, ("file",)):
        file, source = row["file"], row.get("source") or "manifest"
        patient = row.get("patient") or file
        items.append(
            Item(
                path=table.parent / file,
                source=source,
                patient=patient,
                study=row.get("study", ""),
                view=_view(row.get("view", "")),
                sex=_sex(row.get("sex", "")),
                age=_age(row.get("age", "")),
                labels=_labels(row.get("labels", "")),
                split=split_of(source, patient),
            )
        )
    return items


def index_nih(folder: Path) -> list[Item]:
    """The images of an NIH ChestX-ray14 release that are both on the disk and in its table, in the table's order.

    Patients are named as in the shared manifest ("nih:nih-00003" for number 3), so a person has the same name and,
    without the official lists, the same split in both.
    """
    tables = sorted(folder.glob(_NIH_TABLE))
    files: dict[str, str] = {}
    for file in scan(folder):
        files.setdefault(PurePosixPath(file.path).name, file.path)
    official: dict[str, Split] = {}
    for name, split in _NIH_LISTS.items():
        if (folder / name).is_file():
            official.update(dict.fromkeys((folder / name).read_text(encoding="utf-8").split(), split))
    items = []
    for row in _rows(tables[-1], ("Image Index", "Finding Labels", "Patient ID")):
        path = files.get(row["Image Index"])
        if path is None:
            continue
        patient = f"nih:nih-{int(row['Patient ID']):05d}"
        items.append(
            Item(
                path=folder / path,
                source="nih",
                patient=patient,
                study=f"{patient}/{row.get('Follow-up #', '')}",
                view=_view(row.get("View Position", "")),
                sex=_sex(row.get("Patient Gender") or row.get("Patient Sex") or ""),
                age=_age(row.get("Patient Age", "")),
                labels=_labels(row["Finding Labels"]),
                split=official.get(row["Image Index"]) or split_of("nih", patient),
            )
        )
    return items


def index_chexpert(folder: Path) -> list[Item]:
    """The images of a CheXpert release that are on the disk; `valid.csv` is "test". Only labels marked 1 count."""
    files = {file.path for file in scan(folder)}
    items = []
    splits: tuple[tuple[str, Split], ...] = (("train.csv", "train"), ("valid.csv", "test"))
    for name, split in splits:
        for row in _rows(folder / name, ("Path", "Frontal/Lateral")):
            relative = PurePosixPath(*PurePosixPath(row["Path"]).parts[1:])  # begins with the release's own folder
            if str(relative) not in files or len(relative.parts) < 3:
                continue
            patient, study = relative.parts[-3], relative.parts[-2]
            frontal = row["Frontal/Lateral"].strip().lower() == "frontal"
            findings = {key for key, value in row.items() if key not in _CHEXPERT_FACTS and value in ("1", "1.0")}
            items.append(
                Item(
                    path=folder / relative,
                    source="chexpert",
                    patient=patient,
                    study=f"{patient}/{study}",
                    view=_view(row.get("AP/PA", "")) if frontal else "LATERAL",
                    sex=_sex(row.get("Sex", "")),
                    age=_age(row.get("Age", "")),
                    labels=frozenset(findings),
                    split=split,
                )
            )
    return items


def index_folder(folder: Path) -> list[Item]:
    """Every image below a folder, about which nothing is known: each is its own patient, none is held out."""
    return [
        Item(folder / file.path, "folder", file.path, "", "", "", None, None, split_of("folder", file.path))
        for file in scan(folder)
    ]


def select(items: Iterable[Item], sources: Iterable[str] = (), split: Split | None = None) -> list[Item]:
    """The items of these sources (none named: of all) and of this split (None: of both).

    Raises:
        UserError: A source has no items at all, or nothing is left.
    """
    items, wanted = list(items), set(sources)
    known = {item.source for item in items}
    if missing := sorted(wanted - known):
        raise UserError(f"No images of {', '.join(missing)}: the data has {', '.join(sorted(known))}. Choose of these.")
    kept = [i for i in items if (not wanted or i.source in wanted) and split in (None, i.split)]
    if not kept:
        raise UserError(f"No images are left of {len(items):,}: none is in the split {split}. Choose other sources.")
    return kept


def check_patients(items: Iterable[Item]) -> None:
    """Makes sure that no patient is on both sides of the split.

    Raises:
        UserError: One is.
    """
    seen: dict[tuple[str, str], Split] = {}
    for item in items:
        if seen.setdefault((item.source, item.patient), item.split) != item.split:
            raise UserError(
                f"The patient {item.patient} of {item.source} is both held out and trained on: figures would flatter. "
                "Correct the lists of the split."
            )


def patient_ids(items: Iterable[Item]) -> list[int]:
    """A number for each item, equal for items of the same person."""
    numbers: dict[tuple[str, str], int] = {}
    return [numbers.setdefault((item.source, item.patient), len(numbers)) for item in items]


def is_normal(labels: frozenset[str]) -> bool:
    """Whether the labels say that nothing was found: one of NORMAL, or no label at all, and none beside it."""
    return {label.lower() for label in labels} <= NORMAL


def _rows(table: Path, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    try:
        with gzip.open(table, "rb") if table.suffix == ".gz" else table.open("rb") as packed:
            stream = io.TextIOWrapper(packed, encoding="utf-8-sig", newline="")
            reader = csv.DictReader(stream, restval="")
            if missing := [name for name in needed if name not in (reader.fieldnames or ())]:
                raise UserError(f"The table {table} has no column {missing[0]!r}. Choose the data set's own table.")
            yield from reader
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The table {table} cannot be read: {error}. Copy it again from its source.") from error


def _labels(text: str) -> frozenset[str] | None:
    return frozenset(part.strip() for part in text.split("|") if part.strip()) or None


def _view(text: str) -> str:
    name = text.strip().upper()
    return "LATERAL" if name in ("L", "LL", "LAT", "LATERAL") else name


def _sex(text: str) -> str:
    initial = text.strip()[:1].upper()
    return initial if initial in ("F", "M") else ""


def _age(text: str) -> float | None:
    """Years from "58", "58.0" or the older release's "058Y", "011M", "005D"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([YMD]?)", text.strip().upper())
    if match is None:
        return None
    return float(match[1]) / {"": 1.0, "Y": 1.0, "M": 12.0, "D": 365.25}[match[2]]
