"""Whether PySide and Qt agree on who owns whom."""

import re

import shiboken6
from PySide6.QtCore import QObject

_OWNER = re.compile(r"^parent\.+ <.* at (0x[0-9a-f]+)>", re.MULTILINE)


def wrong_owners() -> list[str]:
    """Objects that PySide takes for a child of one that is none of its parents in Qt, in words.

    When such an "owner" is deleted, PySide says of the living object that it is deleted, and whatever uses it fails.
    """
    found = []
    owners = [(one, _OWNER.search(shiboken6.dump(one))) for one in shiboken6.getAllValidWrappers()]  # before asking Qt
    for one, owner in owners:
        if owner is None or not isinstance(one, QObject) or not shiboken6.isValid(one):
            continue
        above, parents = one.parent(), []
        while above is not None:
            parents.append(id(above))
            above = above.parent()
        if parents and int(owner[1], 16) not in parents:
            found.append(f"{type(one).__name__} {one.objectName()!r} under {owner[0]}")
    return found
