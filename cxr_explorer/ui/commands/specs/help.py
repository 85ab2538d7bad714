"""Help, and getting about by keyboard."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec(
        "command_palette",
        "&Help",
        "&Find a command…",
        "Type a few letters of anything the program can do: a command, a cluster, a finding",
        "comfort.show_palette",
        ("Ctrl+P",),
    ),
    Spec("keys", "&Help", "&Keyboard", "All keys on one page", "show_keys", ("F1",)),
    Spec(
        "edit_keys",
        "&Help",
        "&Change keys…",
        "Give actions other keys",
        "comfort.edit_keys",
        ("Ctrl+Shift+K",),
    ),
    Spec(
        "tour",
        "&Help",
        "&Tour",
        "Show in a few bubbles how to work with this window",
        "comfort.show_tour",
        ("Shift+F1",),
    ),
    Spec(
        "next_pane",
        "&Help",
        "&Next pane",
        "Put the keyboard on the next part of the window: list, map, gallery, label panel",
        "comfort.step_pane",
        ("F6",),
        arguments=(1,),
        separated=True,
    ),
    Spec(
        "previous_pane",
        "&Help",
        "&Previous pane",
        "Put the keyboard on the part of the window before this one",
        "comfort.step_pane",
        ("Shift+F6",),
        arguments=(-1,),
    ),
    Spec("about", "&Help", "&About", "Version, licence, intended use", "show_about", separated=True),
)
