"""Undo and selection."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("undo", "&Edit", "&Undo", "Take back the last act, also after a restart", "session.undo", ("Ctrl+Z",), "undo"),
    Spec("redo", "&Edit", "&Redo", "Do the undone act again", "session.redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo"),
    Spec(
        "select_all",
        "&Edit",
        "Select &all images",
        "Select every image on the map",
        "session.select_all",
        ("Ctrl+Shift+A",),
        "map",
        separated=True,
    ),
    Spec(
        "back",
        "&Edit",
        "&Back / select nothing",
        "Step back: close the image, then clear the picks, then the selection",
        "step_back",
        ("Esc",),
        "project",
    ),
)
