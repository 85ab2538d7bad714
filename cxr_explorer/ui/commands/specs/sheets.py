"""Contact sheets and lists."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec(
        "sheet",
        "&Clusters",
        "&Contact sheet",
        "Look through the selected cluster on pages of large tiles, and label it except the odd ones",
        "sheets.open_sheet",
        ("K",),
        "map",
        separated=True,
    ),
    Spec(
        "outliers",
        "&Clusters",
        "&Outliers",
        "List the images that lie alone on the map, the most alone first",
        "sheets.open_outliers",
        ("Shift+K",),
        "map",
    ),
    Spec(
        "duplicates",
        "&Clusters",
        "Near-&duplicates",
        "List copies of a file and pictures that are nearly the same, group by group",
        "sheets.open_duplicates",
        ("Alt+K",),
        "map",
    ),
    Spec(
        "exclude_odd",
        "&Clusters",
        "E&xclude the odd ones",
        "Exclude what is marked as odd on the contact sheet from all bulk labels",
        "sheets.exclude_odd",
        ("Shift+Space",),
        "odd",
    ),
)
