"""A line over the clusters while images look like something else than a frontal chest film, and their list."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFrame, QVBoxLayout

from cxr_explorer.encoder.chest_reference import reference_of
from cxr_explorer.project import labelling
from cxr_explorer.search.strangers import NO_REFERENCE, Strangers, gathered, keep, told_by_looks, unsettled
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.sheets import STRANGERS
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.selection import Ranking
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.sheets.sheets import Sheets
from cxr_explorer.ui.widgets.slices import Slices
from cxr_explorer.ui.widgets.texts import text_label
from cxr_explorer.ui.widgets.wrapping_button import WrappingButton


class StrangersPart(QObject, Part):
    """Looks once for each map, between events; excludes nothing of itself."""

    def __init__(self, frame: Frame, session: Session, sheets: Sheets) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._sheets = sheets
        self._map: tuple[Path, int] | None = None
        self._looks: dict[int, float] | None = None
        self._found = Strangers()
        self._left = Strangers()
        self._judging = Slices(self)
        self.strip = StrangersStrip()
        self.strip.look.clicked.connect(self.open_list)
        self.strip.exclude.clicked.connect(self.exclude)
        self.strip.keep.clicked.connect(self.keep)
        frame.workspaces.panes["clusters"].put_first(self.strip)  # above the film it would push the film down
        session.projectChanged.connect(self._on_map)
        session.mapChanged.connect(self._on_map)
        session.factsChanged.connect(self._gather)
        session.changed.connect(self._on_change)
        session.closing.connect(self._judging.cancel)

    def verbs(self) -> Verbs:
        return {"strangers": self.open_list, "exclude_strangers": self.exclude}

    def states(self) -> dict[Need, bool]:
        """For the actions."""
        return {STRANGERS: bool(self._left.ids.size)}

    def show_keys(self) -> None:
        self.strip.show_found(self._left)

    def close_down(self) -> None:
        self._judging.cancel()

    @property
    def reading(self) -> bool:
        """Whether looks are still being judged, or headers still being read."""
        return self._judging.active or self._session.known_facts.reading

    # -- verbs -----------------------------------------------------------------------------------------------------

    def open_list(self) -> None:
        """All of them, also those excluded or kept: by header kind by kind, then by look, the most unlike first."""
        session, found = self._session, self._found
        if session.project is None or session.map is None:
            return
        if self.reading:
            session.said.emit("The looks of the images are still being judged: ask again in a moment.")
            return
        ids = found.ids
        about = f"{len(found.by_header):,} by their {found.source}, {len(found.by_look):,} by their look"
        if settled := len(ids) - len(self._left.ids):
            about += f"; {settled:,} excluded or kept before"
        hint = f"On the tiles: what the {found.source} says, or how unlike chest films it looks (above 1)."
        empty = f"No image looks like something else than a frontal chest film by its {found.source}"
        empty += ", and none by its look." if found.looked else f". {NO_REFERENCE}"
        self._sheets.show_list(
            Ranking(
                ids, "Header first, then look", "Not frontal chest films?", found.reasons,
                f"What the {found.source} says, or how unlike chest films it looks (above 1):",
            ),
            "strangers", about, hint if found.looked else f"{hint} {NO_REFERENCE}", empty,
        )  # fmt: skip

    def exclude(self) -> None:
        """Excludes those neither excluded nor kept, as one act."""
        session = self._session
        if session.project is not None and self._left.ids.size:
            change = labelling.exclude(session.project, self._left.ids, True, session.reader)
            session.acts.tell(change, "They are excluded already.")

    def keep(self) -> None:
        """Leaves them among the others; the line goes, the list still has them."""
        session = self._session
        if session.project is None:
            return
        if session.project.viewed:
            session.said.emit("This project can only be looked at: nothing can be kept or excluded.")
            return
        keep(session.project, self._left.ids)
        session.said.emit(f"They stay among the others. {key_text('strangers')} lists them again.".strip())
        self._show()

    # -- following -------------------------------------------------------------------------------------------------

    def _on_map(self) -> None:
        """Looks at another map's images; a map divided anew has the same ones."""
        project, atlas_map = self._session.project, self._session.map
        if project is None or atlas_map is None:
            self._judging.cancel()
            self._map = self._looks = None
        elif (now := (project.path, atlas_map.map_id)) == self._map:
            return
        else:
            self._judging.cancel()
            self._map, self._looks = now, None
            if (reference := reference_of(atlas_map.encoder_key)) is not None:
                pages = told_by_looks(project, atlas_map, reference)
                self._judging.run(pages, self._on_looks, at_once=False)
        self._gather()

    def _on_looks(self, looks: dict[int, float]) -> None:
        self._looks = looks
        self._gather()

    def _gather(self) -> None:
        session = self._session
        self._found = Strangers()
        if session.project is not None and session.map is not None and not self.reading:
            self._found = gathered(session.project, session.map, session.facts, self._looks)
        self._show()

    def _on_change(self, change: Change) -> None:
        if change.exclusions:
            self._show()

    def _show(self) -> None:
        project = self._session.project
        self._left = Strangers()
        if project is not None and self._found.ids.size:
            self._left = unsettled(project, self._found)
        self.strip.show_found(self._left)
        self._frame.refresh_actions()


class StrangersStrip(QFrame):
    """How many there are and what tells them, and what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._text = text_label("", "warning", wraps=True)
        self.look, self.exclude, self.keep = WrappingButton(), WrappingButton(), WrappingButton()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        for widget in (self._text, self.look, self.exclude, self.keep):
            column.addWidget(widget)
        self.hide()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def show_found(self, found: Strangers) -> None:
        """Says it; hides where there is none."""
        text = found.in_words()
        self.setVisible(bool(text))
        if not text:
            return
        one = len(found.ids) == 1
        self._text.setText(f"⚠ {text}")
        self.look.say(f"Look at {'it' if one else 'them'}   {key_text('strangers')}".rstrip(), tooltip("strangers"))
        self.exclude.say(f"Exclude {'it' if one else 'them'}", tooltip("exclude_strangers"))
        self.keep.say(
            f"Keep {'it' if one else 'them'}", "Leave these images among the others: they are asked about no more"
        )
