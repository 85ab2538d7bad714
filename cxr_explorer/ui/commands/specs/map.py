"""The map and its tools."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import MAP, Need
from cxr_explorer.ui.commands.specs.spec import Spec

FILTER = Need("no filter is set")
TWO_ENCODERS = Need("it takes a map, and a second encoder: add one under Settings")

SPECS: tuple[Spec, ...] = (
    Spec("tool_pan", "&Map", "&Move tool", "Drag moves the map; a click selects an image", ("V",), MAP),
    Spec("tool_lasso", "&Map", "&Lasso tool", "Draw around images to select them", ("L",), MAP),
    Spec("tool_rectangle", "&Map", "&Rectangle tool", "Drag a rectangle to select images", ("R",), MAP),
    Spec("reset_view", "&Map", "&Show whole map", "Zoom out to all images", ("Ctrl+0",), MAP, separated=True),
    Spec("find_selection", "&Map", "Show the &selection", "Zoom to the selected images", ("G",), MAP),
    Spec("names", "&Map", "Cluster &names", "Write the clusters' names on the map", ("Ctrl+N",), MAP, checkable=True),
    Spec(
        "map_pictures",
        "&Map",
        "Images &up close",
        "Show images in place of dots where few enough are in sight",
        (),
        MAP,
        checkable=True,
    ),
    Spec("next_cluster", "&Map", "&Next cluster", "Select the next cluster of the list", ("N",), MAP, separated=True),
    Spec("previous_cluster", "&Map", "&Previous cluster", "Select the previous cluster of the list", ("Shift+N",), MAP),
    Spec(
        "cluster_here",
        "&Map",
        "Select the cluster of this &image",
        "Select the whole cluster of the image at hand: the one the map's arrow keys are on, or the current one",
        ("M",),
        MAP,
    ),
    Spec(
        "grow",
        "&Map",
        "&Grow a selection",
        "Select the images nearest to the one at hand on the map, more each time",
        ("Ctrl+Up",),
        MAP,
        separated=True,
    ),
    Spec("shrink", "&Map", "S&hrink it", "Select fewer of the images nearest to the one at hand", ("Ctrl+Down",), MAP),
    Spec(
        "grow_add",
        "&Map",
        "Grow and &add",
        "Add the images nearest to the one at hand to the selection, more each time",
        ("Ctrl+Shift+Up",),
        MAP,
    ),
    Spec(
        "filter",
        "&Map",
        "&Filter…",
        "Limit what can be selected and labelled: by view, sex, age, labels, …",
        ("Ctrl+Shift+F",),
        MAP,
        separated=True,
    ),
    Spec(
        "clear_filter",
        "&Map",
        "&Take the filter away",
        "All images can be selected and labelled again",
        ("Ctrl+Shift+X",),
        FILTER,
    ),
    Spec(
        "update_filter",
        "&Map",
        "&Bring the filter up to date",
        "Ask again which images pass: what was labelled, seen or excluded since the filter was set counts now",
        (),
        FILTER,
    ),
    Spec(
        "map_parameters",
        "&Map",
        "Map &parameters…",
        "See and change how the map and its clusters are made",
        (),
        MAP,
        separated=True,
    ),
    Spec(
        "compare_encoders",
        "&Map",
        "&Compare two encoders",
        "Show the maps of two encoders side by side, and which of them puts your findings together better",
        (),
        TWO_ENCODERS,
    ),
)
