"""Contact sheets and lists."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import MAP, Need
from cxr_explorer.ui.commands.specs.spec import Spec

STRANGERS = Need("no image looks like something else than a frontal chest film")
ODD = Need("mark exceptions on a contact sheet first")

SPECS: tuple[Spec, ...] = (
    Spec(
        "sheet",
        "&Clusters",
        "&Contact sheet",
        "Look through the selected cluster on pages of large tiles, and label it without the exceptions",
        ("K",),
        MAP,
        separated=True,
    ),
    Spec(
        "outliers",
        "&Clusters",
        "&Outliers",
        "List the images that lie alone on the map, the most alone first",
        ("Shift+K",),
        MAP,
    ),
    Spec(
        "duplicates",
        "&Clusters",
        "Near-&duplicates",
        "List copies of a file and pictures that are nearly the same, group by group",
        ("Alt+K",),
        MAP,
    ),
    Spec(
        "strangers",
        "&Clusters",
        "&Not frontal chest films?",
        "List the images that look like something else than a frontal chest film: by their header, or by their look",
        ("Ctrl+K",),
        MAP,
    ),
    Spec(
        "exclude_strangers",
        "&Clusters",
        "Exclude what looks like no frontal chest film",
        "Exclude all images that look like something else than a frontal chest film, in one act",
        (),
        STRANGERS,
    ),
    Spec(
        "exclude_odd",
        "&Clusters",
        "E&xclude the exceptions",
        "Exclude what is marked as an exception on the contact sheet from all bulk labels",
        ("Shift+Space",),
        ODD,
    ),
)
