"""What the writing and the reading of label tables must agree on."""

from __future__ import annotations

import csv
import io
import re

# What programs write where there is nothing: pandas, R, SQL, spreadsheets, and people.
_BLANKS = frozenset(["", "nan", "na", "n/a", "<na>", "#n/a", "#na", "nat", "null", "none", ".", "-"])


def is_blank(cell: str) -> bool:
    """Whether a cell says nothing, in whatever way ("", "nan", "NA", "null", "None", ".", "-")."""
    return not cell or cell.strip().casefold() in _BLANKS


# Characters that start a formula in a spreadsheet (https://owasp.org/www-community/attacks/CSV_Injection), also their
# full-width forms, also after quotes and blanks. Whatever matches still matches with an apostrophe put before it: that
# is what makes `plain` the exact inverse of `harmless`.
_FORMULA = re.compile(r"""['"\s]*[=+\-@\t\r\n＝＋－＠]""")


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs as a formula."""
    return "'" + text if _FORMULA.match(text) else text


_ITSELF = re.compile(r"""\w[^,"\r\n]*""")  # neither a formula nor in need of quotes: nearly every text


def as_cell(text: str) -> str:
    """`harmless` as it stands in a line of CSV."""
    return text if _ITSELF.fullmatch(text) else as_csv(harmless(text))


def plain(cell: str) -> str:
    """The text of which `harmless` made the cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def as_csv(*cells: str) -> str:
    """The cells as `csv.writer` puts them into a line, without its end."""
    line = io.StringIO()
    csv.writer(line).writerow((*cells, ""))  # a cell that is alone and empty would be put into quotes
    return line.getvalue()[: -len(",\r\n")]
