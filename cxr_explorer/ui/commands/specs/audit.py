"""Random audits."""

from __future__ import annotations

from cxr_explorer.ui.commands.need import PROJECT, Need
from cxr_explorer.ui.commands.specs.spec import Spec

LABELLED = Need("label some images of this finding first")

SPECS: tuple[Spec, ...] = (
    Spec(
        "audit_start",
        "A&udit",
        "&Audit labels…",
        "Read a random sample of the selection's labels, or of all labels of a finding, and bound their error",
        ("X",),
        LABELLED,
    ),
    Spec("audit_list", "A&udit", "&List of audits", "Show what became of the audits", ("Shift+X",), PROJECT),
)
