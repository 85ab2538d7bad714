"""What is known of the images beside the picture: taken from tables, filtered by, and shown where it could mislead."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QInputDialog

from cxr_explorer.labels.confounders import LEAST_SET
from cxr_explorer.project.facts import brings_facts, clear_facts, stored_facts
from cxr_explorer.search.conditions import fact_is
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.file import IMPORTED_FACTS
from cxr_explorer.ui.commands.specs.map import FILTER
from cxr_explorer.ui.facts.facts_dialogs import ConfoundersDialog
from cxr_explorer.ui.facts.filter_dialog import FilterDialog
from cxr_explorer.ui.facts.take_in_dialog import MetadataDialog
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import accepted

ALL_FACTS = "All of them"


class FactsPart(QObject, Part):
    """The window's slots for facts, filter and confounders."""

    def __init__(self, frame: Frame, session: Session) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._imported = False
        self._session.projectChanged.connect(self._on_project)

    def verbs(self) -> Verbs:
        return {
            "import_facts": self.import_table,
            "clear_facts": self.forget,
            "filter": self.choose_filter,
            "confounders": self.show_confounders,
            "clear_filter": self._session.filtering.clear,
            "update_filter": self._session.filtering.update,
        }

    def states(self) -> dict[Need, bool]:
        """For the actions."""
        return {FILTER: self._session.filter is not None, IMPORTED_FACTS: self._imported}

    def _on_project(self) -> None:
        project = self._session.project
        self._imported = project is not None and brings_facts(project)

    def import_table(self) -> None:
        """Asks for a table, then what its columns mean, and takes them in."""
        project = self._session.project
        assert project is not None
        chosen, _ = QFileDialog.getOpenFileName(
            self._frame,
            "Import facts of images",
            self._frame.last_folder(),
            "Tables (*.csv *.tsv *.txt *.csv.gz);;All files (*)",
        )
        if chosen:
            self.import_from(Path(chosen))

    def import_from(self, table: Path) -> None:
        """Asks what the columns of a table mean, and takes them in."""
        project = self._session.project
        assert project is not None
        dialog = MetadataDialog(self._frame, project, table)
        if not accepted(dialog):
            return
        self._on_stored()
        names = ", ".join(dialog.rows.names)
        self._session.said.emit(f"Imported {names}. Colour the map by it, or filter ({key_text('filter')}).")

    def forget(self) -> None:
        """Asks which imported facts to forget."""
        project = self._session.project
        assert project is not None
        stored = stored_facts(project)
        choices = [f"{name}   ({count:,} images)" for name, count in stored.items()]
        chosen, accepted = QInputDialog.getItem(
            self._frame,
            "Forget imported facts",
            "Facts that came from a table. What the image files say themselves stays.",
            [ALL_FACTS, *choices],
            0,
            False,
        )
        if accepted:
            names = list(stored)
            clear_facts(project, names if chosen == ALL_FACTS else [names[choices.index(chosen)]])
            self._on_stored()

    def _on_stored(self) -> None:
        project = self._session.project
        self._imported = project is not None and brings_facts(project)
        self._session.reload_facts()

    def choose_filter(self) -> None:
        """Asks what to limit the work to."""
        session = self._session
        assert session.project is not None
        if session.reading_as is not None:
            session.said.emit(f"Only {session.reading_as} is shown now. Esc ends the reading; then choose a filter.")
            return
        dialog = FilterDialog(
            self._frame,
            session.project,
            session.filtering.images(),
            [column.name for column in session.known_facts.columns],
            session.filter,
            session.colour_by,
        )
        if not accepted(dialog):
            return
        if dialog.conditions:
            session.filtering.set(dialog.conditions, dialog.name)
        else:
            session.filtering.clear()

    def show_confounders(self) -> None:
        """Compares what would be labelled now with the collection."""
        session = self._session
        target = session.target()
        if target.ids.size < LEAST_SET:
            session.said.emit(f"Select {LEAST_SET} images or more to see what they have in common.")
            return
        found = session.confounders(target.ids)
        if not found:
            session.said.emit("Nothing is known of these images that could tell them from the collection.")
            return
        dialog = ConfoundersDialog(self._frame, target.text, found)
        accepted(dialog)
        if dialog.filter_to is not None:
            session.filtering.set((fact_is(dialog.filter_to.fact, dialog.filter_to.value),))
