"""Every action once: its text, keys and slot. Menus, toolbar, the help page and the README's table come from here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from cxr_explorer.ui.specs import audit, clusters, edit, file, find, image, label, map, readers, settings, suggest
from cxr_explorer.ui.specs import help as help_menu
from cxr_explorer.ui.specs.label import FINDING_KEYS
from cxr_explorer.ui.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    *file.SPECS,
    *edit.SPECS,
    *map.SPECS,
    *clusters.SPECS,
    *label.SPECS,
    *suggest.SPECS,
    *audit.SPECS,
    *find.SPECS,
    *readers.SPECS,
    *image.SPECS,
    *settings.SPECS,
    *help_menu.SPECS,
)


def make_actions(window: QWidget) -> dict[str, QAction]:
    """QActions by name, connected to their slots and added to the window (so that keys work everywhere in it)."""
    actions = {}
    for spec in SPECS:
        action = QAction(spec.text, window, checkable=spec.checkable)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setStatusTip(spec.tip)
        action.setToolTip(tooltip(spec.name))
        slot: Callable[..., None] = attrgetter(spec.slot)(window)
        if spec.checkable:
            action.toggled.connect(slot)
        else:
            action.triggered.connect(_without_state(partial(slot, *spec.arguments)))
        window.addAction(action)
        actions[spec.name] = action
    return actions


def _without_state(run: Callable[[], None]) -> Callable[[bool], None]:
    """`triggered` passes whether the action is checked, which no slot here wants."""
    return lambda _checked: run()


def spec_of(name: str) -> Spec:
    """The spec of that name; KeyError for an unknown one."""
    return _BY_NAME[name]


def tooltip(name: str) -> str:
    """What a control of this action says when pointed at: what it does, and its key."""
    spec = _BY_NAME[name]
    return f"{spec.tip} ({_shown(spec.keys[0])})" if spec.keys else spec.tip


def keyboard_rows() -> list[tuple[str, str, str]]:
    """(menu, keys, what they do) for every action with a key; the nine finding keys of a kind share a row."""
    rows = []
    for spec in SPECS:
        if not spec.keys:
            continue
        keys = " or ".join(_shown(key) for key in spec.keys)
        tip = spec.tip
        if spec.slot == "label_finding":
            if spec.arguments[0] != 0:
                continue
            keys = f"{_shown(spec.keys[0])} to {_shown(spec.keys[0].replace('1', str(FINDING_KEYS)))}"
            tip = tip.replace("finding 1 is", "the finding of that number is")
        rows.append((spec.menu.replace("&", ""), keys, tip))
    return [*rows, *(("Mouse and map", keys, tip) for keys, tip in _MAP_KEYS)]


_MAP_KEYS = (
    ("Click, lasso or rectangle", "Replace the selection"),
    ("the same with Shift", "Add to the selection"),
    ("the same with Ctrl", "Take away from the selection"),
    ("the same with Shift+Ctrl", "Keep only what is in both"),
    ("Wheel, + and -", "Zoom the map"),
    ("Right or middle drag", "Move the map, whatever the tool"),
    ("Double click, Enter", "Open the image full size"),
    ("Drag on the open image", "Window (sideways) and level (up and down)"),
    ("Ctrl+Wheel in the gallery", "Larger or smaller tiles"),
)


def keyboard_table() -> str:
    """The keyboard table of the README, in Markdown."""
    lines = ["| Where | Keys | What they do |", "|---|---|---|"]
    lines += [f"| {menu} | {keys.replace('|', chr(92) + '|')} | {tip} |" for menu, keys, tip in keyboard_rows()]
    return "\n".join(lines)


def _shown(key: str) -> str:
    return (
        key.replace("Return", "Enter")
        .replace("Left", "←")
        .replace("Right", "→")
        .replace("Up", "↑")
        .replace("Down", "↓")
    )


_BY_NAME = {spec.name: spec for spec in SPECS}

if __name__ == "__main__":
    print(keyboard_table())
