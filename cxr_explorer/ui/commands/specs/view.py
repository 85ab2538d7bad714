"""Panes and the screen."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import PROJECT
from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("full_screen", "&View", "&Full screen", "The whole screen, or a window again", ("F11",)),
    Spec(
        "panes",
        "&View",
        "&All panes",
        "Put all panes away, so that the film or the map has the window; or bring them back",
        ("F9",),
        PROJECT,
    ),
    Spec(
        "pane_clusters",
        "&View",
        "&Clusters",
        "Show the pane with clusters, suggestions and audits, or put it away",
        (),
        PROJECT,
        separated=True,
    ),
    Spec("pane_gallery", "&View", "&Gallery", "Show the pane with the small pictures, or put it away", (), PROJECT),
    Spec("pane_findings", "&View", "F&indings", "Show the pane with the findings, or put it away", (), PROJECT),
    Spec(
        "panes_reset",
        "&View",
        "Panes as at &first",
        "Put all panes back where they were when the program was new",
        (),
        PROJECT,
    ),
)
