"""The other films of a patient: which they are, and in which order a reader wants them beside the one at hand."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from cxr_explorer.images.dicom_patient import Visit
from cxr_explorer.project.image_rows import PATIENT_MARK
from cxr_explorer.project.project import Project
from cxr_explorer.search.header_kind import LATERAL

MOST_FILMS = 500
"""More are no one patient's: the number stands for nobody (a research set in which all files have the same one)."""

PART = 3000
"""Images read at a time, a hundredth of a second."""

_DAYS_COUNTED = 60


class PatientFilms:
    """Which images may show the same patient: a table said so, or their headers' marks are equal.

    What a table says goes before the marks. Files that are away are left out.
    """

    def __init__(self, project: Project) -> None:
        """Reads the project once."""
        for _ in self._read(project):
            pass

    @classmethod
    def reading(cls, project: Project) -> Generator[None, None, PatientFilms]:
        """The same in short steps; returns them."""
        films = cls.__new__(cls)
        yield from films._read(project)
        return films

    def _read(self, project: Project) -> Iterator[None]:
        self._of_image: dict[int, str] = {}
        self._told: set[int] = set()
        films: dict[str, list[int]] = defaultdict(list)
        last = 0
        while True:
            rows = project.db.execute(
                f"""SELECT id, value, json_extract(facts, '$."{PATIENT_MARK}"')
                    FROM images LEFT JOIN metadata ON image_id = id AND name = 'patient'
                    WHERE id > ? AND state = 'read' AND NOT missing AND json_valid(facts) ORDER BY id LIMIT ?""",
                [last, PART],
            ).fetchall()
            for image_id, told, mark in rows:
                if told is None and not mark:
                    continue
                patient = f"mark {mark}" if told is None else f"told {told}"
                if told is not None:
                    self._told.add(image_id)
                self._of_image[image_id] = patient
                films[patient].append(image_id)
            if len(rows) < PART:
                break
            last = rows[-1][0]
            yield
        self._films = films

    def others(self, image_id: int) -> list[int]:
        """Ids of the other images that may be this patient's, ascending; none where nothing is known."""
        films = self._films.get(self._of_image.get(image_id, ""), [])
        return [one for one in films if one != image_id] if len(films) <= MOST_FILMS else []

    def is_told(self, image_id: int) -> bool:
        """Whether a table says whose film it is; else its header must be asked."""
        return image_id in self._told


@dataclass(frozen=True)
class Film:
    """One image of a patient.

    Attributes:
        image_id: Its id.
        view: "PA", "LATERAL" …; "" where it is not known.
        study: The study's number in a table; "" where none says so.
        visit: What its header says now.
    """

    image_id: int
    view: str = ""
    study: str = ""
    visit: Visit = field(default_factory=Visit)


def films_of(project: Project, image_ids: Sequence[int], visits: Sequence[Visit]) -> list[Film]:
    """What is known of these images; `visits` are parallel to the ids."""
    rows = project.db.execute(
        """SELECT image_id, name, value FROM metadata
           WHERE name IN ('study', 'view') AND image_id IN (SELECT value FROM json_each(?))""",
        [json.dumps(list(image_ids))],
    )
    told = {(image_id, name): value for image_id, name, value in rows}
    films = []
    for image_id, visit in zip(image_ids, visits, strict=True):
        view = told.get((image_id, "view")) or project.image(image_id).facts.get("view", "")
        films.append(Film(image_id, view, told.get((image_id, "study"), ""), visit))
    return films


def hang(shown: Film, others: Sequence[Film]) -> list[tuple[Film, str]]:
    """The others in the order they are wanted, each with what it is to the one shown.

    The same study's other projection comes first (the lateral of a frontal film), then earlier films, newest first, the
    rest of the same study, later films, and those whose order is not known.
    """
    ranked = []
    for film in others:
        relation, rank, nearness = _relation(shown, film)
        ranked.append((rank, nearness, film.image_id, film, relation))
    return [(film, relation) for *_, film, relation in sorted(ranked, key=lambda one: one[:3])]


def _relation(shown: Film, film: Film) -> tuple[str, int, int]:
    """In words, its place in `hang`, and how near in time it is."""
    if _is_same_study(shown, film):
        crosses = _is_lateral(film.view) != _is_lateral(shown.view) and bool(film.view and shown.view)
        view = "lateral" if _is_lateral(film.view) else film.view
        return ", ".join(filter(None, (view, "same study"))), 0 if crosses else 2, 0
    own, other = shown.visit, film.visit
    if not own.date or not other.date:
        return "other film of this patient, order unknown", 4, 0
    days = abs(_days(own.date) - _days(other.date))
    if days == 0:
        if not own.time or not other.time or own.time == other.time:
            return "same day", 2, 1
        return ("earlier the same day", 1, 0) if other.time < own.time else ("later the same day", 3, 0)
    when = f"{other.date[:4]}-{other.date[4:6]}"
    if days <= _DAYS_COUNTED:
        when += f" ({days} {'day' if days == 1 else 'days'})"
    return (f"earlier, {when}", 1, days) if other.date < own.date else (f"later, {when}", 3, days)


def _is_same_study(one: Film, other: Film) -> bool:
    if one.visit.study and other.visit.study:
        return one.visit.study == other.visit.study
    return bool(one.study) and one.study == other.study


def _is_lateral(view: str) -> bool:
    return not LATERAL.isdisjoint(view.upper().split())


def _days(text: str) -> int:
    """Of "YYYYMMDD", counted from the year 1; of a day that no calendar has, from the first of its month."""
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return date(year, month, 1).toordinal()
