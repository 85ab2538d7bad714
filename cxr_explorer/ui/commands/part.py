"""What a part of the window tells the frame about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cxr_explorer.ui.commands.need import Need

Verbs = dict[str, Callable[..., None]]
"""By the name of an action's spec, what it does; a switch is told whether it is on."""


class Part:
    """A part of the window; what it does not say it has none of."""

    def verbs(self) -> Verbs:
        """Its actions. Together the parts have exactly the actions of `SPECS`."""
        return {}

    def states(self) -> Mapping[Need, bool]:
        """Whether what actions need is there."""
        return {}

    def show_keys(self) -> None:
        """Says the keys as they are now; called when the reader has changed some."""

    def close_down(self) -> None:
        """Before the window closes: ends what runs."""
