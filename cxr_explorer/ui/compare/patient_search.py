"""The patient's other films: found in the project, checked and put in order by what their headers say now."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from cxr_explorer.images.dicom_patient import Visit, read_visits
from cxr_explorer.search.patient_films import Film, PatientFilms, films_of, hang
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand
from cxr_explorer.ui.widgets.slices import Slices

Found = Callable[[list[tuple[Film, str]]], None]


class PatientSearch(QObject):
    """Looks for the other films of a patient. Dates are read from the files each time, and are kept nowhere."""

    known = Signal()
    """Of many images it is known now which are one patient's: until then there were no others."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._films: PatientFilms | None = None
        self._reading = Slices(self)
        self._errand = Errand(self)
        for signal in (session.projectChanged, session.mapChanged, session.factsChanged):
            signal.connect(self._forget)
        session.closing.connect(self.close_down)

    def others(self, image_id: int) -> list[int]:
        """Images that may be of the same patient; none where nothing is known."""
        project = self._session.project
        if project is None or image_id < 0:
            return []
        if self._films is None and not self._reading.active:
            self._reading.run(PatientFilms.reading(project), self._take_films)
        return self._films.others(image_id) if self._films is not None else []

    def _take_films(self, films: PatientFilms) -> None:
        self._films = films
        self.known.emit()

    def find(self, image_id: int, found: Found) -> None:
        """Calls `found` with the other films, best first, each with what it is to this one; says where there are none,
        and does nothing once another image is the current one."""
        self.others(image_id)
        self._reading.finish()
        project, others, films = self._session.project, self.others(image_id), self._films
        if project is None or films is None or not others:
            return
        ids = [image_id, *others]
        paths = [project.folder / project.image(one).path for one in ids]
        self._session.said.emit("Reading the dates of this patient's films …")
        self._errand.run(
            read_visits, paths, done=partial(self._take, films, ids, paths, found), failed=self._session.failed.emit
        )

    def close_down(self) -> None:
        """Before the project or the program is closed."""
        self._errand.cancel()
        self._forget()

    def _take(self, films: PatientFilms, ids: list[int], paths: list[Path], found: Found, visits: list[Visit]) -> None:
        session = self._session
        if session.project is None or session.current_id != ids[0]:
            return
        shown, *rest = films_of(session.project, ids, visits)
        if not films.is_told(shown.image_id):
            rest = [film for film in rest if film.visit.patient and film.visit.patient == shown.visit.patient]
        if rest:
            found(hang(shown, rest))
        elif not paths[0].is_file():
            session.said.emit("The file of this image cannot be read now: its patient is not known without it.")
        else:
            session.said.emit("No other film of this patient is here.")

    def _forget(self) -> None:
        self._reading.cancel()
        self._films = None
