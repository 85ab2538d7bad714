"""Finding images, and comparing them."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import MAP, Need
from cxr_explorer.ui.commands.specs.spec import Spec

COMPARING = Need("compare images side by side first")
OTHER_FILMS = Need("no other film of this image's patient is known")

_MENU = "Fi&nd"

SPECS: tuple[Spec, ...] = (
    Spec("similar", _MENU, "&Similar images", "Show the images most like this one", ("S",), MAP),
    Spec(
        "similar_to_selection",
        _MENU,
        "&More like the selection",
        "Show other images like what the selected ones have in common",
        ("Ctrl+Shift+S",),
        MAP,
    ),
    Spec("search", _MENU, "Se&arch…", "Search file names, labels, notes and facts", ("Ctrl+F",), MAP, separated=True),
    Spec("jump", _MENU, "&Jump to image…", "Go to an image by a part of its name", ("J",), MAP),
    Spec(
        "flagged",
        _MENU,
        "Images to come &back to",
        "List the images you flagged to come back to, to be read one by one",
        ("Alt+J",),
        MAP,
    ),
    Spec(
        "compare",
        _MENU,
        "&Compare side by side",
        "Show up to four picked images side by side, or this one and those most like it",
        ("H",),
        MAP,
        separated=True,
    ),
    Spec(
        "patient_films",
        _MENU,
        "Show the &patient's other films beside",
        "Show the patient's other films beside this one: the lateral of its study, then earlier films, newest first",
        ("Shift+P",),
        OTHER_FILMS,
    ),
    Spec(
        "compare_linked",
        _MENU,
        "&Link the compared images",
        "Zoom, pan and window go together on all compared images, or each has its own",
        ("Shift+H",),
        COMPARING,
    ),
)
