"""Undo and selection."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import MAP, PROJECT, REDO, UNDO
from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("undo", "&Edit", "&Undo", "Take back the last act, also after a restart", ("Ctrl+Z",), UNDO),
    Spec("redo", "&Edit", "&Redo", "Do the undone act again", ("Ctrl+Shift+Z", "Ctrl+Y"), REDO),
    Spec(
        "history",
        "&Edit",
        "&History…",
        "List who did what and when, and go back to any point of it",
        ("Ctrl+H",),
        PROJECT,
    ),
    Spec(
        "select_all",
        "&Edit",
        "Select &all images",
        "Select every image on the map",
        ("Ctrl+Shift+A",),
        MAP,
        separated=True,
    ),
    Spec(
        "back",
        "&Edit",
        "&Back / select nothing",
        "Step back: close the image, then clear the picks, then the selection",
        ("Esc",),
        PROJECT,
    ),
)
