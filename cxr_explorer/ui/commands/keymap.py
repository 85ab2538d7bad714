"""The keys in force: the actions' own, and what the reader changed of them.

Tooltips, menus, the help page and the palette ask here, from widgets that know nothing of the window: so the changes
are kept once for the whole program, as Qt keeps its style.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from PySide6.QtCore import QSettings
from PySide6.QtGui import QKeySequence

Bindings = Mapping[str, tuple[str, ...]]
"""Keys by the action's name."""

GROUP = "keys"

RESERVED: Mapping[str, str] = {
    "Tab": "moves between controls",
    "Shift+Tab": "moves between controls",
    "Return": "presses, opens or confirms what has the focus",
    "Enter": "presses, opens or confirms what has the focus",
    "Ctrl+A": "picks all images of the gallery, or all of a text",
    "Home": "goes to the first of a list",
    "End": "goes to the last of a list",
    "PgUp": "turns a page of a list",
    "PgDown": "turns a page of a list",
}
"""Keys that controls need for themselves, and what for: no action may take them."""

_changed: dict[str, tuple[str, ...]] = {}


def load(settings: QSettings) -> None:
    """Takes the changes stored in the settings, and forgets those of any other settings. What is broken is left out."""
    _changed.clear()
    settings.beginGroup(GROUP)
    for name in settings.childKeys():
        try:
            keys = json.loads(str(settings.value(name)))
        except ValueError:
            continue
        if isinstance(keys, list):
            _changed[name] = tuple(portable(str(key)) for key in keys if portable(str(key)))
    settings.endGroup()


def store(settings: QSettings, bindings: Bindings, defaults: Bindings) -> None:
    """Makes these keys the ones in force and keeps what differs from the defaults."""
    _changed.clear()
    settings.remove(GROUP)
    settings.beginGroup(GROUP)
    for name, keys in bindings.items():
        if keys != normal(defaults[name]):
            _changed[name] = keys
            settings.setValue(name, json.dumps(keys))
    settings.endGroup()


def keys_of(name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of an action now."""
    return _changed.get(name, default)


def portable(key: str) -> str:
    """A key in Qt's portable spelling, "" for what is none."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)


def normal(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys in the portable spelling, each once."""
    return tuple(dict.fromkeys(portable(key) for key in keys))


def owner(bindings: Bindings, key: str) -> str | None:
    """The action that has the key, or None."""
    return next((name for name, keys in bindings.items() if key in keys), None)


def assign(bindings: Bindings, name: str, key: str, fixed: frozenset[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    """The keys when an action gets this key alone.

    An action that has the key now gets the first of those that become free, in its place: no key ever means two things,
    and nothing loses its only key to a swap unless there is none to give back.

    Raises:
        ValueError: The key is another control's, or that of an action in `fixed`; the text says whose.
    """
    if key in RESERVED:
        raise ValueError(f"{key} {RESERVED[key]}.")
    other = owner(bindings, key)
    if other == name:
        return {**bindings, name: (key,)}
    if other is not None and other in fixed:
        raise ValueError(f"{key} labels a finding.")
    changed = dict(bindings)
    changed[name] = (key,)
    if other is not None:
        kept = [had for had in bindings[other] if had != key]
        if not kept:
            kept = [had for had in bindings[name] if had not in kept][:1]
        changed[other] = tuple(kept)
    return changed
