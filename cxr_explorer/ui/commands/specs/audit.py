"""Random audits."""

from __future__ import annotations

from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    Spec(
        "audit_start",
        "A&udit",
        "&Audit labels…",
        "Read a random sample of the selection's labels, or of all labels of a finding, and bound their error",
        "audit.start",
        ("X",),
        "labelled",
    ),
    Spec(
        "audit_list",
        "A&udit",
        "&List of audits",
        "Show what became of the audits",
        "audit.show_list",
        ("Shift+X",),
        "project",
    ),
)
