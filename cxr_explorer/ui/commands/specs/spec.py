"""What an action is: text, keys, and what must be there for it. What it does, a part of the window says (`Part`)."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_explorer.ui.commands.need import ALWAYS, Need


@dataclass(frozen=True)
class Spec:
    """One action.

    Attributes:
        name: Unique name.
        menu: The menu it stands in.
        text: What the menu says; "&" marks the access key.
        tip: One line for tooltip and help.
        keys: Shortcuts in Qt's portable spelling, the first one is shown.
        need: What must be there for it.
        checkable: Whether it is a switch; its verb then gets the state.
        in_menu: Whether the menu shows it.
        separated: Whether a line is drawn above it in the menu.
    """

    name: str
    menu: str
    text: str
    tip: str
    keys: tuple[str, ...] = ()
    need: Need = ALWAYS
    checkable: bool = False
    in_menu: bool = True
    separated: bool = False
