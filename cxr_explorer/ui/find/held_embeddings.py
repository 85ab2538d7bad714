"""The embeddings of the open map in memory, read between events so that the window goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from cxr_explorer.search.similar import UnitEmbeddings
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.slices import Slices


class HeldEmbeddings(QObject):
    """Reads the embeddings when somebody first asks for them, and holds them as long as the map is open."""

    changed = Signal()
    """Reading has begun, gone on or ended."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._map: tuple[Path, int] | None = None
        self._embeddings: UnitEmbeddings | None = None
        self._then: Callable[[UnitEmbeddings], None] | None = None
        self.fraction = 1.0
        self._reading = Slices(self)
        session.projectChanged.connect(self._drop_another_map)
        session.mapChanged.connect(self._drop_another_map)
        session.closing.connect(self.close)

    @property
    def reading(self) -> bool:
        """Whether they are still being read."""
        return self._reading.active

    def use(self, then: Callable[[UnitEmbeddings], None]) -> None:
        """Calls `then` with the embeddings: now, or when they are read. Of several who wait, the last one is called."""
        session = self._session
        if session.project is None or session.map is None:
            return
        self._then = then
        if self._embeddings is None:
            self._map = (session.project.path, session.map.map_id)
            self._embeddings = UnitEmbeddings(session.project, session.map)
            self._reading.run(self._embeddings.load(), lambda _: self._tell(), self._hear)
        elif not self.reading:
            self._tell()

    def close(self) -> None:
        """Lets everything go."""
        self._reading.cancel()
        self._embeddings = self._then = self._map = None
        self.fraction = 1.0

    def _hear(self, fraction: float) -> None:
        self.fraction = fraction
        self.changed.emit()

    def _tell(self) -> None:
        self.fraction = 1.0
        then, self._then = self._then, None
        if then is not None and self._embeddings is not None:
            then(self._embeddings)
        self.changed.emit()

    def _drop_another_map(self) -> None:
        """Clusters may change on the same map; the embeddings are those of its images still."""
        session = self._session
        if session.project is None or session.map is None or self._map != (session.project.path, session.map.map_id):
            self.close()
            self.changed.emit()
