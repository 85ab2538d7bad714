"""What is known of the images beside the pictures: read between events, and coded for the map when first asked for."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QObject, QTimer, Signal

from cxr_explorer.labels.confounders import Confounder, code_facts, find_confounders
from cxr_explorer.labels.fact_table import FactColumn, Facts, FactTable, as_table
from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.ui.session.selection import NO_IDS
from cxr_explorer.ui.widgets.slices import Slices


class KnownFacts(QObject):
    """The facts of a project, for the images of one map. Who asks before they are read waits until they are."""

    changed = Signal()
    """They are read, in an event of its own."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._reading = Slices(self)
        self._tell = QTimer(self, interval=0, singleShot=True)
        self._tell.timeout.connect(self.changed)
        self.forget()

    def read(self, project: Project, atlas_map: AtlasMap | None) -> None:
        """Begins to read a project's facts."""
        self.forget()
        self._map = atlas_map
        self._reading.run(project.reading_facts(), self._on_read, at_once=False)

    def use(self, facts: Facts, atlas_map: AtlasMap | None) -> None:
        """Takes these for the facts."""
        self.forget()
        self._table, self._map = as_table(facts), atlas_map

    def forget(self) -> None:
        """Nothing is known."""
        self._reading.cancel()
        self._tell.stop()
        self._table, self._map = FactTable(NO_IDS, {}), None
        self._coded: tuple[FactColumn, ...] | None = None
        self._columns: dict[str, FactColumn] = {}

    def _on_read(self, table: FactTable) -> None:
        self._table = table
        self._tell.start()

    @property
    def reading(self) -> bool:
        """Whether they are still being read, or nobody was told yet that they are."""
        return self._reading.active or self._tell.isActive()

    @property
    def table(self) -> FactTable:
        """All of them."""
        self._reading.finish()
        return self._table

    @property
    def columns(self) -> tuple[FactColumn, ...]:
        """The facts that tell the images of the map apart, coded."""
        table = self.table
        if self._coded is None:
            self._coded = code_facts(self._map.image_ids if self._map is not None else NO_IDS, table)
        return self._coded

    def column(self, fact: str) -> FactColumn:
        """One fact as it is written, for conditions."""
        if fact not in self._columns:
            ids = self._map.image_ids if self._map is not None else NO_IDS
            self._columns[fact] = self.table.column(fact, ids)
        return self._columns[fact]

    def confounders(self, ids: Ids, asked: Collection[str] = ()) -> list[Confounder]:
        """What these images have in common beyond the rest of the map, see `find_confounders`.

        Args:
            ids: Image ids.
            asked: Facts that all of them share by intent, and that are left out.
        """
        if self._map is None or not ids.size:
            return []
        rows, there = look_up(self._map.image_ids, ids)
        rows = rows[there]
        if rows.size in (0, self._map.image_ids.size):  # nothing, or the collection itself
            return []
        return find_confounders([column for column in self.columns if column.name not in asked], rows)
