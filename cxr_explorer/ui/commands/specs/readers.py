"""Several readers."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import PROJECT, Need
from cxr_explorer.ui.commands.specs.spec import Spec

REVEALS = Need("read disagreements first")

SPECS: tuple[Spec, ...] = (
    Spec(
        "switch_reader",
        "&Readers",
        "&Switch reader…",
        "Go on as another reader, or a new one; only their own labels are shown",
        ("Ctrl+R",),
    ),
    Spec(
        "agreement",
        "&Readers",
        "&Agreement…",
        "How far two readers agree, finding by finding: kappa with its interval",
        ("Ctrl+B",),
        PROJECT,
        separated=True,
    ),
    Spec(
        "next_disagreement",
        "&Readers",
        "Next &disagreement",
        "Read the images on which readers differ; the answer settles it as adjudicated",
        ("B",),
        PROJECT,
    ),
    Spec(
        "reveal",
        "&Readers",
        "&Who said what",
        "Show what each reader said of the image that is to be settled",
        ("Shift+B",),
        REVEALS,
    ),
    Spec(
        "reread",
        "&Readers",
        "&Read again, blind…",
        "Read a random part of your images a second time, to see how far you agree with yourself",
        (),
        PROJECT,
        separated=True,
    ),
    Spec(
        "merge_labels",
        "&Readers",
        "&Merge another reader's labels…",
        "Import labels from another reader's project or table, after a preview",
        (),
        PROJECT,
        separated=True,
    ),
)
