"""Dividing the map."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import MAP, Need
from cxr_explorer.ui.commands.specs.spec import Spec

LADDER = Need("there is no map yet, or it was made by an older version")
ONE_CLUSTER = Need("choose one cluster of the list first")
CLUSTERS = Need("mark two or more clusters of the list first")
RECLUSTER = Need("there is no map yet, or this is being done already")

SPECS: tuple[Spec, ...] = (
    Spec(
        "next_unlabelled",
        "&Clusters",
        "Next &unlabelled cluster",
        "Select the next cluster of the list that has images without a label",
        ("E",),
        MAP,
    ),
    Spec(
        "finer",
        "&Clusters",
        "&Finer",
        "More and smaller clusters: the largest gives way first; names, colours and labels stay",
        ("Ctrl+Right",),
        LADDER,
        separated=True,
    ),
    Spec(
        "coarser",
        "&Clusters",
        "&Coarser",
        "Fewer and larger clusters; names, colours and labels stay",
        ("Ctrl+Left",),
        LADDER,
    ),
    Spec(
        "split",
        "&Clusters",
        "&Split",
        "Split the chosen cluster where its images are thinnest",
        ("Shift+S",),
        ONE_CLUSTER,
        separated=True,
    ),
    Spec(
        "merge",
        "&Clusters",
        "&Merge",
        "Make one cluster of those marked in the list (Shift with arrows, Ctrl with clicks)",
        ("Shift+M",),
        CLUSTERS,
    ),
    Spec(
        "rename",
        "&Clusters",
        "&Rename",
        "Name the chosen cluster, in the list; an empty name gives its number back",
        ("F2",),
        ONE_CLUSTER,
    ),
    Spec(
        "move_up",
        "&Clusters",
        "Move u&p",
        "Move the chosen cluster up in the list; the list then keeps your own order",
        ("Alt+Up",),
        ONE_CLUSTER,
        separated=True,
    ),
    Spec(
        "move_down",
        "&Clusters",
        "Move &down",
        "Move the chosen cluster down in the list; the list then keeps your own order",
        ("Alt+Down",),
        ONE_CLUSTER,
    ),
    Spec(
        "recluster",
        "&Clusters",
        "Re&cluster what is unlabelled",
        "Leave labelled images in their clusters and find new clusters among all others",
        ("Shift+R",),
        RECLUSTER,
        separated=True,
    ),
)
