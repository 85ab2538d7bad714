"""Reader, colours, text."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("settings", "Se&ttings", "&Settings…", "Reader, encoder, device", "change_settings", ("Ctrl+,",)),
    Spec(
        "light",
        "Se&ttings",
        "&Light colours",
        "Switch between dark and light",
        "use_light",
        ("Ctrl+L",),
        checkable=True,
    ),
    Spec(
        "larger",
        "Se&ttings",
        "L&arger text",
        "Larger text everywhere",
        "scale_text",
        ("Ctrl+Shift++", "Ctrl+Shift+="),
        arguments=(1,),
    ),
    Spec(
        "smaller",
        "Se&ttings",
        "S&maller text",
        "Smaller text everywhere",
        "scale_text",
        ("Ctrl+Shift+-",),
        arguments=(-1,),
    ),
)
