"""Finding images, and comparing them."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

_MENU = "Fi&nd"

SPECS: tuple[Spec, ...] = (
    Spec("similar", _MENU, "&Similar images", "Show the images most like this one", "finder.similar", ("S",), "map"),
    Spec(
        "similar_to_selection",
        _MENU,
        "&More like the selection",
        "Show other images like what the selected ones have in common",
        "finder.similar_to_selection",
        ("Ctrl+Shift+S",),
        "map",
    ),
    Spec(
        "search",
        _MENU,
        "Se&arch…",
        "Search file names, labels and facts",
        "finder.search",
        ("Ctrl+F",),
        "map",
        separated=True,
    ),
    Spec("jump", _MENU, "&Jump to image…", "Go to an image by a part of its name", "finder.jump", ("J",), "map"),
    Spec(
        "compare",
        _MENU,
        "&Compare side by side",
        "Show up to four picked images side by side, or this one and those most like it",
        "compare.start",
        ("H",),
        "map",
        separated=True,
    ),
    Spec(
        "compare_linked",
        _MENU,
        "&Link the compared images",
        "Zoom, pan and window go together on all compared images, or each has its own",
        "compare.page.toggle_linked",
        ("Shift+H",),
        "comparing",
    ),
)
