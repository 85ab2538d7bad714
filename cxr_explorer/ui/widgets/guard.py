"""What goes wrong in an override of one of Qt's virtual functions is reported, and never gets out of it.

PySide6 cannot take an exception there. On Python 3.11 one that C code raised (a KeyError, an object that Qt deleted)
ends the process at once; any other stays pending while Qt goes on, and comes up in a call it has nothing to do with.
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from shiboken6 import Shiboken

_INSTEAD: dict[str, object] = {
    "bool": False,
    "int": 0,
    "QSize": QSize(),
    "QRectF": QRectF(),
    "Qt.ItemFlag": Qt.ItemFlag.NoItemFlags,
}
"""What Qt gets from an override that failed, by what it says it returns: of all else None."""


def guard_overrides() -> None:
    """Guards the overrides of every class of the window that is known by now."""
    for kind in _below(Shiboken.Object):
        for name, override in overrides(kind):
            if not hasattr(override, "guarded"):
                setattr(kind, name, _guard(override))


def overrides(kind: type) -> list[tuple[str, FunctionType]]:
    """The functions that a class puts in the place of Qt's, by name."""
    if kind.__module__.split(".")[0] != "cxr_explorer":
        return []
    return [
        (name, member)
        for name, member in vars(kind).items()
        if isinstance(member, FunctionType)
        and not name.startswith("__")
        and any(name in vars(base) for base in kind.__mro__[1:] if base.__module__.startswith("PySide6"))
    ]


def _below(kind: type) -> Iterator[type]:
    children: list[type] = type.__subclasses__(kind)
    for child in children:
        yield child
        yield from _below(child)


def _guard(override: FunctionType) -> Callable[..., Any]:
    instead = _INSTEAD.get(str(override.__annotations__.get("return")))

    @functools.wraps(override)
    def guarded(*arguments: Any, **named: Any) -> Any:
        try:
            return override(*arguments, **named)
        except Exception:  # noqa: BLE001 - reported; Qt, which called, can do nothing with it
            _report()
            return instead

    guarded.guarded = True  # type: ignore[attr-defined]
    return guarded


def _report() -> None:
    kind, error, trace = sys.exc_info()
    assert kind is not None and error is not None
    try:
        sys.excepthook(kind, error, trace)
    except Exception:  # noqa: BLE001 - nobody is left to tell
        traceback.print_exc()
    traceback.clear_frames(trace)  # a painter that is kept goes on painting: Qt dies of it
