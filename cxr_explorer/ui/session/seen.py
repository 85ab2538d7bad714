"""Which images the person at the window has seen; kept, since each act adds to it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject

from cxr_explorer.labels.label import ONE_BY_ONE
from cxr_explorer.project import looks
from cxr_explorer.project.project import Ids
from cxr_explorer.search.held_labels import HeldLabels
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.selection import NO_IDS
from cxr_explorer.ui.session.session import Session


class Seen(QObject):
    """See `project.looks`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._ids: Ids | None = None
        self._besides: Ids | None = None  # what labels do not say
        session.closing.connect(self._forget)
        session.projectChanged.connect(self._forget)
        session.changed.connect(self._on_change)

    def _forget(self) -> None:
        self._ids = self._besides = None

    def _on_change(self, change: Change) -> None:
        if change.reader or change.step != "done":
            self._forget()
        elif change.labels:
            self._add_last_act()

    def _add_last_act(self) -> None:
        project = self._session.project
        if self._held() is not None:
            self._ids = None
        elif self._ids is not None and project is not None:
            reader = self._session.preferences.own_reader
            self._ids = np.union1d(self._ids, looks.seen_in_last_act(project, reader))

    def _held(self) -> HeldLabels | None:
        """The labels held, where they are the person's own."""
        held = self._session.labels.held
        return held if held is not None and held.reader == self._session.preferences.own_reader else None

    @property
    def ids(self) -> Ids:
        """Their ids, ascending."""
        project, reader = self._session.project, self._session.preferences.own_reader
        if project is None:
            return NO_IDS
        if self._ids is None and (held := self._held()) is not None:
            if self._besides is None:
                self._besides = looks.seen_besides(project, reader)
            self._ids = np.union1d(self._besides, held.image_ids[held.given(ONE_BY_ONE)])
        elif self._ids is None and self._session.labels.reading:
            return NO_IDS
        elif self._ids is None:
            self._ids = looks.seen_ids(project, reader)
        return self._ids

    def count_in(self, ids: Ids) -> int:
        """How many of these images were seen."""
        return int(np.isin(ids, self.ids).sum())

    def note_sheet(self, sheet: str, ids: Ids) -> None:
        """A page of a contact sheet was on the screen, see `record_looks`."""
        session = self._session
        if session.project is not None and session.map is not None:
            reader = session.preferences.own_reader
            self._tell_looks(looks.record_looks(session.project, sheet, session.map.map_id, ids, reader), ids)

    def note_full_size(self, image_id: int) -> None:
        """The picture of an image was on the screen full size."""
        session = self._session
        if session.project is not None and session.map is not None:
            reader = session.preferences.own_reader
            new = looks.record_full_size(session.project, session.map.map_id, image_id, reader)
            self._tell_looks(new, np.array([image_id], np.int64))

    def _tell_looks(self, new: bool, ids: Ids) -> None:
        if new:
            self._ids = np.union1d(self.ids, ids)
            if self._besides is not None:
                self._besides = np.union1d(self._besides, ids)
            self._session.acts.tell_states(looks.KIND)
