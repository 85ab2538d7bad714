"""What makes a form in which labels leave: one record, named in `forms.FORMS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.labels.consensus import Rule
from cxr_explorer.project.project import Project
from cxr_explorer.tables.format import WriteReport


@dataclass(frozen=True)
class Wanted:
    """What an export is to hold.

    Attributes:
        reader: Only this reader's labels; None for everybody's.
        rule: One answer out of all readers' instead, see `agree_on`.
        notes: Whether what readers noted goes along, where the form has room for it.
        file_names: Whether the names of the image files go along, where the form can do without.
        split_by: The fact that says which part of the data set an image belongs to; empty: by patient, 80/10/10.
        patients: Whether patients are named, where the form has room for it.
    """

    reader: str | None = None
    rule: Rule | None = None
    notes: bool = True
    file_names: bool = False
    split_by: str = ""
    patients: bool = False

    @property
    def whose(self) -> str:
        """Whose answers these are, in a word or two."""
        return self.reader or self.rule or "everybody, the latest answer"


@dataclass(frozen=True)
class Form:
    """A form in which labels leave.

    Attributes:
        name: On the command line, in settings.
        title: In the window.
        help: What it is for and what it holds, in a sentence or two.
        suffix: Of the file, with its dot; empty where it is a folder of many files.
        write: Writes the wanted labels of a project to a path that is a file, or a folder that is not there yet. It
            yields the share that is done, 0..1, as often as it likes, and the report at last. It reads the project at
            once and in one piece: whoever labels meanwhile is not held up. Files are replaced whole or not at all; a
            folder is made by `folder.new_folder`. Raises UserError.
        every_label: Whether it has room for several readers' judgements of the same finding on the same image.
        heeds: Which of "notes", "file_names", "split_by" and "patients" in `Wanted` make a difference.
        needs: Packages without which it cannot be written.
    """

    name: str
    title: str
    help: str
    suffix: str
    write: Callable[[Project, Path, Wanted], Iterator[float | WriteReport]]
    every_label: bool = False
    heeds: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of many files."""
        return not self.suffix

    @property
    def missing(self) -> str:
        """Which package it needs that is not installed; empty where it can be written."""
        return next((name for name in self.needs if find_spec(name) is None), "")

    def check(self) -> None:
        """Raises UserError where a package is missing."""
        if name := self.missing:
            raise UserError(f"{self.title} needs the package {name}, which is not installed. Install it and try again.")
