"""A strip over the window while the last act left findings present together that exclude each other."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFrame, QVBoxLayout

from cxr_explorer.project import contradictions
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.label import CONTRADICTING
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.slices import Slices
from cxr_explorer.ui.widgets.texts import text_label
from cxr_explorer.ui.widgets.wrapping_button import WrappingButton


class ContradictionNotice(QObject, Part):
    """Looks after each act, also one taken back or done again, whether it contradicts what the images carry."""

    def __init__(self, frame: Frame, session: Session) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._found: contradictions.Contradictions | None = None
        self._looking = Slices(self)
        self.strip = ContradictionStrip()
        self.strip.settle.clicked.connect(self.settle)
        self.strip.undo.clicked.connect(self._session.acts.undo)
        frame.workspaces.panes["findings"].put_first(self.strip)  # above the film it would push the film down
        self._session.acted.connect(self._on_act)
        self._session.projectChanged.connect(self._look)
        self._session.closing.connect(self._looking.cancel)

    def show_keys(self) -> None:
        self.strip.show_keys()

    def verbs(self) -> Verbs:
        return {
            "settle_contradiction": self.settle,
        }

    def states(self) -> dict[Need, bool]:
        """For the actions."""
        return {CONTRADICTING: self._found is not None}

    def settle(self) -> None:
        """Sets to absent what contradicts the labels that stand, in one act."""
        session = self._session
        if session.project is None or self._found is None:
            return
        map_id = session.map.map_id if session.map is not None else None
        session.acts.tell(
            contradictions.settle(session.project, self._found, session.reader, map_id), "Nothing changed."
        )

    def _on_act(self, change: Change) -> None:
        """A note or a flag leaves what was found before it as it is."""
        if change.labels or change.exclusions or change.states:
            self._look()

    def _look(self) -> None:
        project = self._session.project
        if project is None or project.viewed:
            self._looking.cancel()
            self._show(None)
        else:
            self._looking.run(contradictions.looking_at_last_act(project), self._show)

    def _show(self, found: contradictions.Contradictions | None) -> None:
        before, self._found = self._found, found
        if found is not before:
            self.strip.show_found(found)
            self._frame.refresh_actions()


class ContradictionStrip(QFrame):
    """What contradicts what, and the two ways out with their keys."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("progress")
        self._found: contradictions.Contradictions | None = None
        self._text = text_label("", "warning", wraps=True)
        self.settle, self.undo = WrappingButton(), WrappingButton()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        for widget in (self._text, self.settle, self.undo):
            column.addWidget(widget)
        self.hide()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def show_keys(self) -> None:
        """Says the keys as they are now."""
        self.show_found(self._found)

    def show_found(self, found: contradictions.Contradictions | None) -> None:
        """Shows what was found; hides where that is nothing."""
        self._found = found
        self.setVisible(found is not None)
        if found is None:
            return
        self._text.setText(f"⚠ {found.in_words()}")
        settle = f"{found.way_out()}   {key_text('settle_contradiction')}".rstrip()
        self.settle.say(settle, tooltip("settle_contradiction"))
        self.undo.say(f"Undo   {key_text('undo')}".rstrip(), tooltip("undo"))
