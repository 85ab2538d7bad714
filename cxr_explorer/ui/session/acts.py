"""Acts as the window does them, takes them back and does them again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from cxr_explorer.labels.reader_names import ADJUDICATED
from cxr_explorer.project import acts, history
from cxr_explorer.project.partition_rows import STATE
from cxr_explorer.ui.session.change import Change, Step
from cxr_explorer.ui.session.state import State

_STEPS: dict[Step, str] = {"done": "{}", "undone": "Undid: {}", "redone": "Redid: {}"}


class Acts(QObject):
    """Does what the reader wants stored, and tells all views and the reader what it changed."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._state = state

    def undo(self) -> None:
        """Takes back the last act."""
        if self._state.project is not None:
            self.do(acts.undoing(self._state.project), "Nothing to undo.", step="undone")

    def undo_text(self) -> str | None:
        """What `undo` would take back, in words; of another reader's act only whose it is. None: nothing."""
        state = self._state
        if state.project is None:
            return None
        text, reader = acts.undo_text(state.project), acts.undo_reader(state.project)
        shown = (state.preferences.own_reader, state.reader, ADJUDICATED)
        return text if text is None or reader in shown else f"the last act of {reader}"

    def redo(self) -> None:
        """Does the last undone act again."""
        if self._state.project is not None:
            self.do(acts.redoing(self._state.project), "Nothing to redo.", step="redone")

    def go_to(self, number: int) -> None:
        """Takes acts back or does them again until this one is the last that stands, see `history.go_to`."""
        if self._state.project is not None:
            change, back = history.go_to(self._state.project, number)
            self.tell(change, "This is what stands already.", "undone" if back > 0 else "redone")

    def do(
        self,
        steps: acts.Steps,
        otherwise: str,
        then: Callable[[acts.Change | None], None] = lambda _: None,
        step: Step = "done",
    ) -> None:
        """Does an act and tells of it, see `tell`; a small one at once, a large one in slices, see `KeptLabels`.

        Args:
            steps: The act.
            otherwise: What to say where nothing changes.
            then: Told what changed once everybody else has been.
            step: See `tell`.
        """

        def done(change: acts.Change | None) -> None:
            self._tell(change, otherwise, step)
            then(change)

        self._state.labels.do(steps, step, done)

    def tell(self, change: acts.Change | None, otherwise: str, step: Step = "done") -> None:
        """Tells the views what an act changed, and the reader in words.

        Args:
            change: Of the act; None where nothing changed.
            otherwise: What to say then.
            step: Whether the act was taken back or done again.
        """
        if change is not None:
            self._state.labels.follow(change, step)
        self._tell(change, otherwise, step)

    def _tell(self, change: acts.Change | None, otherwise: str, step: Step) -> None:
        state = self._state
        if change is None:
            state.said.emit(otherwise)
            return
        state.said.emit(_STEPS[step].format(change.text))
        told = Change(change.text, change.labels, change.exclusions, change.notes, change.states, step)
        state.changed.emit(told)
        if STATE in change.states:
            state.reload_clusters()  # which tells of the target
        else:
            state.targetChanged.emit()
        state.acted.emit(told)

    def tell_states(self, kind: str) -> None:
        """Tells the views that a kind of state has changed by no act: what was looked at, an audit that was begun."""
        self._state.changed.emit(Change(states=frozenset({kind})))
