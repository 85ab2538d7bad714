"""Help."""

from __future__ import annotations

from cxr_explorer.ui.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec("keys", "&Help", "&Keyboard", "All keys on one page", "show_keys", ("F1",)),
    Spec("about", "&Help", "&About", "Version, licence, intended use", "show_about"),
)
