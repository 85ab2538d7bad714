"""The projects opened lately: where they lie, when, and how far they were when they were closed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path

from PySide6.QtCore import QSettings

from cxr_explorer.errors import UserError
from cxr_explorer.project.label_columns import labelled_ids
from cxr_explorer.project.project import Project

MOST = 8
_KEY = "recent"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""As all of the window is English; Python's own follow the desktop's language."""


@dataclass(frozen=True)
class Recent:
    """A project opened lately. Nothing of its content is kept but two counts.

    Attributes:
        path: As the reader chose it.
        opened: When last, as an ISO date; empty where an older version noted it.
        labelled: Images with a label of the reader when it was closed last; -1 where that is not known.
        images: How many there were to read; -1 likewise.
    """

    path: str
    opened: str = ""
    labelled: int = -1
    images: int = -1

    @property
    def is_there(self) -> bool:
        """Whether the file is where it was."""
        try:
            return Path(self.path).is_file()
        except OSError:  # a drive that answers with an error
            return False

    @property
    def progress(self) -> str:
        """ "412 of 5,000 labelled", or empty where nobody knows."""
        return f"{self.labelled:,} of {self.images:,} labelled" if self.images >= 0 else ""

    @property
    def date(self) -> str:
        """The day it was opened last, or empty."""
        try:
            return day_text(date.fromisoformat(self.opened))
        except ValueError:
            return ""


class RecentProjects:
    """The list, kept in the settings, newest first."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def entries(self) -> list[Recent]:
        """All of them, those that are gone too."""
        stored = self._settings.value(_KEY, [])
        texts = [stored] if isinstance(stored, str) else stored if isinstance(stored, list) else []
        return [entry for text in texts if (entry := _parsed(str(text))) is not None]

    def note_opened(self, path: Path) -> bool:
        """Puts a project first. Returns whether it was first already."""
        before = self.entries()
        entry = next((one for one in before if one.path == str(path)), Recent(str(path)))
        entry = replace(entry, opened=datetime.now().date().isoformat())
        self._store([entry, *(one for one in before if one.path != str(path))][:MOST])
        return bool(before) and before[0].path == str(path)

    def note_progress(self, project: Project, reader: str) -> None:
        """Counts how far an open project is, so that it need not be opened to say so."""
        with suppress(UserError):  # a drive that is away: the counts of the last time stay
            images = project.image_count() - len(project.failures())
            labelled = len(labelled_ids(project, reader))
            self._store(
                [
                    replace(one, labelled=labelled, images=images) if one.path == str(project.path) else one
                    for one in self.entries()
                ]
            )

    def remove(self, path: str) -> None:
        """Forgets one; its file stays."""
        self._store([one for one in self.entries() if one.path != path])

    def clear(self) -> None:
        """Forgets all of them; their files stay."""
        self._settings.remove(_KEY)

    def _store(self, entries: Sequence[Recent]) -> None:
        self._settings.setValue(_KEY, [json.dumps(asdict(one)) for one in entries])


def day_text(day: date) -> str:
    """ "26 Nov 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _parsed(text: str) -> Recent | None:
    """An entry as it was stored; a version before this one stored the path alone."""
    if not text.startswith("{"):
        return Recent(text) if text else None
    try:
        stored = json.loads(text)
        return Recent(str(stored["path"]), str(stored["opened"]), int(stored["labelled"]), int(stored["images"]))
    except (ValueError, TypeError, KeyError):
        return None
