"""Random audits."""

from __future__ import annotations

from cxr_explorer.ui.specs.spec import Spec

SPECS: tuple[Spec, ...] = ()
