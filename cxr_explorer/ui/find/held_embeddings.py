"""The embeddings of the open map in memory, read between events so that the window goes on meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from cxr_explorer.search.similar import UnitEmbeddings
from cxr_explorer.ui.session.session import Session

BUDGET_S = 0.012
"""Reading goes on for so long before the window gets its turn."""


class HeldEmbeddings(QObject):
    """Reads the embeddings when somebody first asks for them, and holds them as long as the map is open."""

    changed = Signal()
    """Reading has begun, gone on or ended."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._map: tuple[Path, int] | None = None
        self._embeddings: UnitEmbeddings | None = None
        self._pages: Iterator[float] | None = None
        self._then: Callable[[UnitEmbeddings], None] | None = None
        self.fraction = 1.0
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._read_some)
        session.projectChanged.connect(self._drop_another_map)
        session.mapChanged.connect(self._drop_another_map)

    @property
    def reading(self) -> bool:
        """Whether they are still being read."""
        return self._pages is not None

    def use(self, then: Callable[[UnitEmbeddings], None]) -> None:
        """Calls `then` with the embeddings: now, or when they are read. Of several who wait, the last one is called."""
        session = self._session
        if session.project is None or session.map is None:
            return
        self._then = then
        if self._embeddings is None:
            self._map = (session.project.path, session.map.map_id)
            self._embeddings = UnitEmbeddings(session.project, session.map)
            self._pages = self._embeddings.load()
            self.fraction = 0.0
        self._read_some()

    def close(self) -> None:
        """Lets everything go."""
        self._timer.stop()
        self._embeddings = self._pages = self._then = self._map = None
        self.fraction = 1.0

    def _read_some(self) -> None:
        if self._session.project is None:  # closed meanwhile
            self.close()
            return
        end = time.perf_counter() + BUDGET_S
        while self._pages is not None:
            fraction = next(self._pages, None)
            if fraction is None:
                self._pages = None
                self.fraction = 1.0
            else:
                self.fraction = fraction
                if fraction < 1 and time.perf_counter() > end:
                    break
        if self._pages is not None:
            self._timer.start()
        else:
            self._timer.stop()
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
