"""Reader, colours, text."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("settings", "Se&ttings", "&Settings…", "Reader, encoder, device", ("Ctrl+,",)),
    Spec("light", "Se&ttings", "&Light colours", "Switch between dark and light", ("Ctrl+L",), checkable=True),
    Spec("larger", "Se&ttings", "L&arger text", "Larger text everywhere", ("Ctrl+Shift++", "Ctrl+Shift+=")),
    Spec("smaller", "Se&ttings", "S&maller text", "Smaller text everywhere", ("Ctrl+Shift+-",)),
)
