"""Label tables: CSV out and in, and which image a row means.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it; reading takes exactly that
apostrophe off again, so that what was written comes back unchanged.
"""

from __future__ import annotations

from cxr_explorer.tables.cells import Format
from cxr_explorer.tables.imported import ImportedLabel, ImportedTable
from cxr_explorer.tables.matching import Matching, match_files
from cxr_explorer.tables.read import read_labels
from cxr_explorer.tables.write import WriteReport, write_labels

__all__ = [
    "Format",
    "ImportedLabel",
    "ImportedTable",
    "Matching",
    "WriteReport",
    "match_files",
    "read_labels",
    "write_labels",
]
