"""Help, and getting about by keyboard."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec(
        "command_palette",
        "&Help",
        "&Find a command…",
        "Type a few letters of anything the program can do: a command, a cluster, a finding",
        ("Ctrl+P",),
    ),
    Spec(
        "documents",
        "&Help",
        "D&ocuments",
        "The page about what you are doing, and all others, in the browser without a network; else the help",
        ("F1",),
    ),
    Spec(
        "help",
        "&Help",
        "&Help",
        "How to work with this program, with your keys; where its data is, what it is",
        ("Ctrl+Shift+F1",),
    ),
    Spec("keys", "&Help", "&Keyboard", "All keys on one page", ("Ctrl+F1",)),
    Spec("edit_keys", "&Help", "&Change keys…", "Give actions other keys", ("Ctrl+Shift+K",)),
    Spec("tour", "&Help", "&Tour", "Show in a few bubbles how to work with this window", ("Shift+F1",)),
    Spec(
        "next_pane",
        "&Help",
        "&Next pane",
        "Put the keyboard on the next part of the window: list, map, gallery, label panel",
        ("F6",),
        separated=True,
    ),
    Spec(
        "previous_pane",
        "&Help",
        "&Previous pane",
        "Put the keyboard on the part of the window before this one",
        ("Shift+F6",),
    ),
    Spec(
        "where_data",
        "&Help",
        "&Where is my data",
        "Where the project, its backups, the settings and the log lie, and how to move them",
        separated=True,
    ),
    Spec(
        "diagnostic",
        "&Help",
        "Copy &diagnostic report…",
        "Versions, screens, counts and the last errors, to be sent with a question; no names, no paths",
    ),
    Spec("show_log", "&Help", "Show &log…", "What ran, how long it took and what failed; no names, no paths"),
    Spec("about", "&Help", "&About", "Version, licences, intended use", separated=True),
    Spec(
        "licences",
        "&Help",
        "&Licences",
        "The licences of this program and of all it uses, word for word; a search goes through them",
    ),
)
