"""Every action once: its text and keys. Menus, palette, help and the table of the documents come from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from cxr_explorer.labels.vocabulary import NUMBER_KEYS
from cxr_explorer.ui.commands import keymap
from cxr_explorer.ui.commands.part import Verbs
from cxr_explorer.ui.commands.specs import (
    audit,
    clusters,
    edit,
    file,
    find,
    image,
    label,
    map,
    readers,
    settings,
    sheets,
    suggest,
    view,
)
from cxr_explorer.ui.commands.specs import help as help_menu
from cxr_explorer.ui.commands.specs.label import FINDING_ACTIONS
from cxr_explorer.ui.commands.specs.spec import Spec

SPECS: tuple[Spec, ...] = (
    *file.SPECS,
    *edit.SPECS,
    *map.SPECS,
    *clusters.SPECS,
    *sheets.SPECS,
    *label.SPECS,
    *suggest.SPECS,
    *audit.SPECS,
    *find.SPECS,
    *readers.SPECS,
    *image.SPECS,
    *view.SPECS,
    *settings.SPECS,
    *help_menu.SPECS,
)


def make_actions(window: QWidget) -> dict[str, QAction]:
    """QActions by name, added to the window (so that keys work everywhere in it); `connect_verbs` says what they do."""
    actions = {}
    for spec in SPECS:
        action = QAction(spec.text, window, checkable=spec.checkable)
        action.setStatusTip(spec.tip)
        action.setAutoRepeat(spec.menu != "&Label")  # a key held down must not label one image after the other
        window.addAction(action)
        actions[spec.name] = action
    apply_keys(actions)
    return actions


def connect_verbs(actions: Mapping[str, QAction], verbs: Verbs) -> None:
    """Lets every action do what its verb says. There is one verb for each action, and none besides."""
    assert verbs.keys() == actions.keys(), f"verbs and specs differ: {sorted(verbs.keys() ^ actions.keys())}"
    for name, action in actions.items():
        if action.isCheckable():
            action.toggled.connect(verbs[name])
        else:
            action.triggered.connect(_without_state(verbs[name]))


def apply_keys(actions: dict[str, QAction]) -> None:
    """Gives the actions the keys that are in force, and says them in their tooltips."""
    for name, action in actions.items():
        action.setShortcuts([QKeySequence(key) for key in keys_of(name)])
        action.setToolTip(tooltip(name))


def _without_state(run: Callable[[], None]) -> Callable[[bool], None]:
    """`triggered` passes whether the action is checked, which no slot here wants."""
    return lambda _checked: run()


def keys_of(name: str) -> tuple[str, ...]:
    """The action's keys now, in Qt's portable spelling; the first one is shown."""
    return keymap.keys_of(name, _BY_NAME[name].keys)


def key_text(name: str) -> str:
    """The action's key now, as shown to people; "" where it has none, or where there is no such action."""
    keys = keys_of(name) if name in _BY_NAME else ()
    return _shown(keys[0]) if keys else ""


def plain_text(spec: Spec) -> str:
    """What the menu says, without the mark of the access key."""
    return spec.text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def tooltip(name: str) -> str:
    """What a control of this action says when pointed at: what it does, and its key."""
    key = key_text(name)
    return f"{_BY_NAME[name].tip} ({key})" if key else _BY_NAME[name].tip


def keyboard_rows(as_shipped: bool = False) -> list[tuple[str, str, str]]:
    """(menu, keys, what they do) for every action with a key; the nine finding keys of a kind share a row.

    Args:
        as_shipped: The keys the program comes with, not those the reader has changed.
    """
    rows = []
    for spec in SPECS:
        found = spec.keys if as_shipped else keys_of(spec.name)
        keys = " or ".join(dict.fromkeys(_shown(key) for key in found))
        tip = spec.tip
        if spec.name in FINDING_ACTIONS:
            if not spec.name.endswith("_1"):
                continue
            names = [spec.name.replace("1", str(number)) for number in range(1, NUMBER_KEYS + 1)]
            keys = _shown_together([_BY_NAME[name].keys if as_shipped else keys_of(name) for name in names])
            tip = tip.replace("finding 1 is", "the finding of that number is")
        if keys:
            rows.append((spec.menu.replace("&", ""), keys, tip))
    return [*rows, *(("Mouse and map", keys, tip) for keys, tip in _MAP_KEYS)]


def _shown_together(keys: list[tuple[str, ...]]) -> str:
    """ "1 to 9" where the keys are numbered through, else all of them."""
    first = keys[0][0] if keys[0] else ""
    if all(of_one == (first.replace("1", str(number)),) for number, of_one in enumerate(keys, 1)):
        return f"{_shown(first)} to {_shown(keys[-1][0])}"
    return ", ".join(_shown(of_one[0]) if of_one else "none" for of_one in keys)


_LEFT_HAND = (
    "next_unlabelled",
    "browse_next",
    "browse_previous",
    "label_present_1",
    "label_absent_1",
    "exclude",
    "undo",
    "read_next",
    "back",
)


def left_hand_rows() -> list[tuple[str, str]]:
    """(key, what it does) of what a reader does all the time, for the left hand while the right one has the mouse."""
    rows = []
    for name in _LEFT_HAND:
        key = key_text(name)
        if not key:
            continue
        tip = _BY_NAME[name].tip
        if name.startswith("label_"):
            last = key_text(name.replace("1", "5"))
            key, tip = f"{key} to {last}", tip.replace("finding 1 is", "the finding of that number is")
        rows.append((key, tip))
    return rows


_MAP_KEYS = (
    ("Click, lasso or rectangle", "Replace the selection"),
    ("the same with Shift", "Add to the selection"),
    ("the same with Ctrl", "Take away from the selection"),
    ("the same with Shift+Ctrl", "Keep only what is in both"),
    ("Wheel, + and -", "Zoom the map"),
    ("Right or middle drag, Shift+arrows", "Move the map, whatever the tool"),
    ("Arrows on the map", "Go to the next image that way"),
    ("Enter on the map", "Select that image; once more opens it"),
    ("Shift+Enter on the map", "Add that image to the selection, or take it away"),
    ("Arrows in the gallery", "Go to the next image; with Shift pick all on the way"),
    ("Alt+arrows in the gallery", "Go to another image and leave the picked ones picked"),
    ("Insert, Alt+Enter, Ctrl+click in the gallery", "Pick this image too, or no longer"),
    ("Double click, Enter in the gallery", "Open the image full size"),
    ("Arrows, Page up, Page down, wheel on a contact sheet", "Go to the next tile; turn pages"),
    ("Tab and Shift+Tab on a contact sheet", "Typical, edge and random pages"),
    ("Enter on a contact sheet", "Label all but the exceptions"),
    ("Shift+Enter on a contact sheet", "Label the exceptions as well, with the opposite"),
    ("Ctrl+click or middle click on a contact sheet", "Mark as an exception"),
    ("Drag on the open image", "Window (sideways) and level (up and down)"),
    ("Alt+arrows on the open image", "Move an enlarged image"),
    ("Two letters and +, - or ? in the search of findings", "Label that finding present, absent or uncertain at once"),
    ("Right click on a finding", "Give it one of the number keys"),
    ("Ctrl+Wheel, Ctrl++ and Ctrl+- in the gallery", "Larger or smaller tiles"),
)


def keyboard_table() -> str:
    """The keyboard table of the documents, in Markdown."""
    lines = ["| Where | Keys | What they do |", "|---|---|---|"]
    lines += [f"| {menu} | {keys.replace('|', chr(92) + '|')} | {tip} |" for menu, keys, tip in keyboard_rows(True)]
    return "\n".join(lines)


def _shown(key: str) -> str:
    return (
        key.replace("Return", "Enter")
        .replace("PgUp", "Page up")
        .replace("PgDown", "Page down")
        .replace("Left", "←")
        .replace("Right", "→")
        .replace("Up", "↑")
        .replace("Down", "↓")
    )


_BY_NAME = {spec.name: spec for spec in SPECS}

if __name__ == "__main__":
    print(keyboard_table())
