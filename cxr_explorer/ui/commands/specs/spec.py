"""What an action is: text, keys, slot, and what must be there for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    """One action.

    Attributes:
        name: Unique name.
        menu: The menu it stands in.
        text: What the menu says; "&" marks the access key.
        tip: One line for tooltip and help.
        slot: What it calls, from the main window on: "rescan", "session.undo", "image_page.view.invert".
        keys: Shortcuts in Qt's portable spelling, the first one is shown.
        enabled: What must be there: "always", "project", "map", "target", "undo", "redo", "image" (one is open full
            size), or a state that a part of the window names (`states` of the part).
        arguments: Passed to the slot.
        checkable: Whether it is a switch; the slot then gets the state.
        in_menu: Whether the menu shows it.
        separated: Whether a line is drawn above it in the menu.
    """

    name: str
    menu: str
    text: str
    tip: str
    slot: str
    keys: tuple[str, ...] = ()
    enabled: str = "always"
    arguments: tuple[object, ...] = ()
    checkable: bool = False
    in_menu: bool = True
    separated: bool = False
