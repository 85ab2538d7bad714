"""Suggestions and what to read next."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import MAP, PROJECT, Need
from cxr_explorer.ui.commands.specs.spec import Spec

SUGGESTED = Need("suggestions need more labels of this finding first")
PROBES = Need("no saved probes are loaded")
DOUBTABLE = Need("it takes a map, and labels on it: read images, or import labels first")

SPECS: tuple[Spec, ...] = (
    Spec(
        "read_next",
        "&Suggest",
        "&Read next",
        "Read the images one after another whose answers help most for the finding",
        ("Q",),
        MAP,
    ),
    Spec(
        "suspects",
        "&Suggest",
        "&Find suspect labels…",
        "Find the labels of a finding that do not go with the others, the most suspect first, and read them again",
        ("Shift+Q",),
        DOUBTABLE,
    ),
    Spec(
        "hide_suggestions",
        "&Suggest",
        "&Hide until I have answered",
        "Show no suggestion for an open image before you have answered, so that it cannot sway you",
        ("D",),
        PROJECT,
        checkable=True,
    ),
    Spec(
        "accept_here",
        "&Suggest",
        "&Accept the suggestion",
        "Label the open, the picked or the current images as suggested; labels they have stay",
        ("Y",),
        SUGGESTED,
        separated=True,
    ),
    Spec(
        "accept_bulk",
        "&Suggest",
        "Accept in &bulk…",
        "Label all images as suggested whose suggestion is sure enough; labels they have stay",
        ("Shift+Y",),
        SUGGESTED,
    ),
    Spec(
        "colour_suggestion",
        "&Suggest",
        "&Colour the map by suggestion",
        "Colour every image by the probability of the finding",
        (),
        MAP,
        separated=True,
    ),
    Spec(
        "show_profile",
        "&Suggest",
        "&Profile beside the image",
        "Show or hide what is suggested for every finding beside an open image",
        ("Ctrl+D",),
        PROJECT,
        checkable=True,
    ),
    Spec(
        "show_suggest_tab",
        "&Suggest",
        "Show the &tab",
        "Show how far the finding is and what its target still needs, at the left",
        (),
        MAP,
    ),
    Spec(
        "save_probes",
        "&Suggest",
        "&Save probes…",
        "Save what your labels have taught, to use it in another folder",
        (),
        MAP,
        separated=True,
    ),
    Spec(
        "load_probes",
        "&Suggest",
        "&Use saved probes…",
        "Use saved probes for findings with too few labels of their own here",
        (),
        MAP,
    ),
    Spec(
        "forget_probes",
        "&Suggest",
        "Do &without saved probes",
        "Suggest only from the labels of this project again",
        (),
        PROBES,
    ),
)
