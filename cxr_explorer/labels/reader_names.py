"""Under which names labels may be kept: whose they are, and the names that are nobody's."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from cxr_explorer.errors import UserError

ADJUDICATED = "adjudicated"
"""Labels that settle what readers disagree on."""

MAJORITY = "majority"
UNANIMOUS = "unanimous"
"""What exports call answers that are nobody's own: of most readers, of all of them."""

REREAD = " (re-read)"
"""Ends the name under which a reader's blind second answers are kept."""

MAX_LENGTH = 60
_NOBODY = {ADJUDICATED, MAJORITY, UNANIMOUS}


def reread_name(reader: str) -> str:
    """The name for the second answers of a reader."""
    return reader + REREAD


def is_reserved(name: str) -> bool:
    """Whether the name is kept for what no reader answered first and alone, however it is written."""
    plain = name.strip().casefold()
    return plain in _NOBODY or plain.endswith(REREAD.strip())


def ordinary(names: Iterable[str]) -> list[str]:
    """The names that are readers, in their order."""
    return [name for name in names if not is_reserved(name)]


def check_reader(name: str) -> str:
    """The name, trimmed, if labels may be given under it.

    Raises:
        UserError: It is empty, too long, holds a control character, or is reserved.
    """
    name = name.strip()
    if not name:
        raise UserError("The reader needs a name: labels are kept under it. Initials will do.")
    if len(name) > MAX_LENGTH:
        raise UserError(f"The reader's name is longer than {MAX_LENGTH} characters: choose a shorter one.")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name):
        raise UserError("The reader's name holds a line break or another control character: choose another one.")
    if is_reserved(name):
        raise UserError(
            f'"{name}" is not a reader: the program keeps labels of its own under that name. Choose another name.'
        )
    return name
