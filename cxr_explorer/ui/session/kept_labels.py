"""The labels that all views count with, held as they are shown, and the act that is being stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from threading import Thread

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from cxr_explorer.labels.label import Value
from cxr_explorer.project import acts, label_columns
from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.project.storage import StorageError
from cxr_explorer.search.held_labels import HeldLabels
from cxr_explorer.ui.session.change import Step
from cxr_explorer.ui.widgets.slices import Slices

log = logging.getLogger("cxr_explorer")

AT_ONCE = 20_000
"""The labels of so many images are read before anything else goes on; those of more in slices."""

WRITE_BACK_MS = 2000
"""After a large act SQLite tidies up its file once the reader has seen what it did."""


class KeptLabels(QObject):
    """Reads the labels of the reader who is shown, and keeps them as the file has them after each act.

    A large act is stored in slices, in one transaction: it stands when all of it does. Whatever is to be written next,
    another act above all, has the one under way brought to its end first.
    """

    read = Signal()
    """The labels of many images have been read: until then none of them were counted."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._held: HeldLabels | None = None
        self._project: Project | None = None
        self._reader = ""
        self._reading = Slices(self)
        self._acting = Slices(self)
        self._clearing = Slices(self)
        self._writing_back: Thread | None = None
        self._tidying = QTimer(self, interval=WRITE_BACK_MS, singleShot=True)
        self._tidying.timeout.connect(self._write_back)

    @property
    def held(self) -> HeldLabels | None:
        """The labels; None without a map, and while they are being read."""
        return self._held if self._held is not None and self._held.loaded else None

    @property
    def reading(self) -> bool:
        """Whether they are being read."""
        return self._reading.active

    def excluded_ids(self) -> Ids:
        """Ids of the excluded images, ascending; of those on the map where the labels are held."""
        if (held := self.held) is not None:
            return held.excluded_ids
        return self._project.excluded_ids() if self._project is not None else np.zeros(0, np.int64)

    def counts_of(self, ids: Ids) -> dict[str, dict[Value, int]]:
        """For each labelled finding among these images: number of images by value. Empty while labels are read."""
        if self._project is None or not ids.size:
            return {}
        held = self.held
        rows = held.rows_of(ids) if held is not None else None
        if held is not None and rows is not None:
            return held.counts(rows)
        return {} if self.reading else label_columns.finding_counts(self._project, ids, self._reader)

    def hold(self, project: Project, atlas_map: AtlasMap | None, reader: str) -> None:
        """Holds a reader's labels on the images of a map from now on."""
        self.finish()
        self._reading.cancel()
        self._project, self._reader, self._held = project, reader, None
        project.finish_steps = self.finish
        self._clear_away_later()
        if atlas_map is not None:
            self._held = HeldLabels(project, atlas_map.image_ids, reader)
            self.read_again()

    def read_again(self) -> None:
        """Something other than an act has changed labels."""
        if self._held is not None:
            self._held.loaded = False
            many = len(self._held.image_ids) > AT_ONCE
            self._reading.run(self._held.load(), lambda _: self.read.emit() if many else None, at_once=False)
            if not many:
                self._reading.finish()

    def let_go(self) -> None:
        """The project is about to be closed: what is being stored is stored first."""
        self.finish()
        self._reading.cancel()
        self._tidying.stop()  # closing the file does it
        self._clearing.cancel()
        if self._writing_back is not None:
            self._writing_back.join()
        self._held = self._project = None

    def finish(self) -> None:
        """Brings the act that is being stored to its end."""
        self._acting.finish()

    def do(self, steps: acts.Steps, step: Step, done: Callable[[acts.Change | None], None]) -> None:
        """Does an act; `done` is told what it changed once it stands and the labels held are brought up to date."""
        self.finish()
        if self._clearing.active:
            self._clearing.cancel()
            self._tidying.start()
        self._acting.run(self._doing(steps, step), done)

    def _doing(self, steps: acts.Steps, step: Step) -> acts.Steps:
        change = yield from self._pausing(steps)
        if change is not None:
            yield from self._following(change, step)
        return change

    def _pausing(self, steps: acts.Steps) -> acts.Steps:
        """The same steps; of a large act, a pause after the last one, which writes it all out."""
        large = False
        while True:
            try:
                next(steps)
            except StopIteration as ended:
                if large:
                    yield
                change: acts.Change | None = ended.value
                return change
            if not large and self._project is not None:
                acts.put_off_writing_back(self._project)
                self._tidying.start()
            large = True
            yield

    def _write_back(self) -> None:
        writing = self._writing_back is not None and self._writing_back.is_alive()
        if self._acting.active or writing:
            self._tidying.start()
        elif self._project is not None:
            self._writing_back = acts.write_back(self._project)
            self._clearing.run(self._clearing_away(self._project), lambda _: None, at_once=False)

    def _clear_away_later(self) -> None:
        """What the last act has put out of reach of "redo" goes once the reader has seen what it did."""
        if self._project is not None and not self._project.viewed and acts.has_given_up(self._project):
            self._tidying.start()

    @staticmethod
    def _clearing_away(project: Project) -> Iterator[None]:
        try:
            yield from acts.clearing_away(project)
        except StorageError as error:  # the disk is full, say: it is tried again after the next large act
            log.info("not cleared away: %s", error.trouble)

    def follow(self, change: acts.Change, step: Step) -> None:
        """Brings the labels up to date after an act that stands already."""
        for _ in self._following(change, step):
            pass

    def _following(self, change: acts.Change, step: Step) -> Iterator[None]:
        self._clear_away_later()
        held = self._held
        if held is None:
            return
        if change.exclusions and change.number:
            held.take_exclusions(change.number, step == "undone")
        elif change.exclusions:
            held.read_exclusions()
        if change.labels and (self.reading or not change.number):
            self.read_again()
        elif change.labels:
            large = False
            for _ in held.take_act(change.number, step == "undone"):
                large = True
                yield
            if large:
                yield  # the views are told in a turn of their own
