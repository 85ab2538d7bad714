"""The forms of label tables that are read; most are written as well, and `exchange.forms` has all that are written.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it; reading takes exactly that
apostrophe off again, so that what was written comes back unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

from cxr_explorer.tables.chexpert import CHEXPERT
from cxr_explorer.tables.format import Format
from cxr_explorer.tables.gathering import squeezed
from cxr_explorer.tables.label_studio import LABEL_STUDIO
from cxr_explorer.tables.long import LONG
from cxr_explorer.tables.nih import NIH

FORMATS = (LONG, NIH, CHEXPERT, LABEL_STUDIO)
"""A header that several recognise is of the first of them."""


def format_named(name: str) -> Format:
    """Raises KeyError for a name that none has."""
    return {format.name: format for format in FORMATS}[name]


def format_of(header: Sequence[str]) -> Format | None:
    """The form a table is of by its header."""
    names = {squeezed(cell) for cell in header}
    return next((format for format in FORMATS if format.recognises(names)), None)
