"""Every action once: its text, keys and slot. Menus, toolbar, the help page and the README's table come from here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

FINDING_KEYS = 9


@dataclass(frozen=True)
class Spec:
    """One action.

    Attributes:
        name: Unique name.
        menu: The menu it stands in.
        text: What the menu says; "&" marks the access key.
        tip: One line for tooltip and help.
        slot: Name of the main window's method.
        keys: Shortcuts in Qt's portable spelling, the first one is shown.
        enabled: What must be there: "always", "project", "map", "target", "undo", "redo" or "image" (one is open full
            size).
        arguments: Passed to the slot.
        checkable: Whether it is a switch; the slot then gets the state.
        in_menu: Whether the menu shows it.
        separated: Whether a line is drawn above it in the menu.
    """

    name: str
    menu: str
    text: str
    tip: str
    slot: str
    keys: tuple[str, ...] = ()
    enabled: str = "always"
    arguments: tuple[object, ...] = ()
    checkable: bool = False
    in_menu: bool = True
    separated: bool = False


def _label_specs() -> list[Spec]:
    specs = []
    for prefix, value, word in (("", 1, "present"), ("Ctrl+", 0, "absent"), ("Alt+", -1, "uncertain")):
        specs += [
            Spec(
                f"label_{word}_{number}",
                "&Label",
                f"Finding {number} = {word}",
                f"Label the selection or the picked images: finding {number} is {word}",
                "label_finding",
                (f"{prefix}{number}",),
                "target",
                (number - 1, value),
                in_menu=False,
            )
            for number in range(1, FINDING_KEYS + 1)
        ]
    return specs


SPECS: tuple[Spec, ...] = (
    Spec("open_folder", "&File", "&Open folder…", "Open a folder of radiographs", "open_folder", ("Ctrl+O",)),
    Spec("open_project", "&File", "Open &project…", "Open a project file (.cxr)", "open_project", ("Ctrl+Shift+O",)),
    Spec("demo", "&File", "Try the &demo", "Open a set of simulated radiographs", "open_demo"),
    Spec(
        "rescan",
        "&File",
        "&Look for new images",
        "Scan the folder again and embed what is new",
        "rescan",
        ("F5",),
        "project",
        separated=True,
    ),
    Spec(
        "unreadable",
        "&File",
        "&Unreadable files…",
        "List the files that could not be read, with reasons",
        "show_unreadable",
        (),
        "project",
    ),
    Spec(
        "import_labels",
        "&File",
        "&Import labels…",
        "Take in labels from a CSV, after a preview",
        "import_labels",
        ("Ctrl+I",),
        "project",
        separated=True,
    ),
    Spec(
        "export_labels",
        "&File",
        "&Export labels…",
        "Write the labels as CSV",
        "export_labels",
        ("Ctrl+E",),
        "project",
    ),
    Spec(
        "quit", "&File", "&Quit", "Close the window; everything is stored already", "close", ("Ctrl+Q",), separated=True
    ),
    Spec("undo", "&Edit", "&Undo", "Take back the last act, also after a restart", "undo", ("Ctrl+Z",), "undo"),
    Spec("redo", "&Edit", "&Redo", "Do the undone act again", "redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo"),
    Spec(
        "select_all",
        "&Edit",
        "Select &all images",
        "Select every image on the map",
        "select_all",
        ("Ctrl+Shift+A",),
        "map",
        separated=True,
    ),
    Spec(
        "back",
        "&Edit",
        "&Back / select nothing",
        "Step back: close the image, then clear the picks, then the selection",
        "step_back",
        ("Esc",),
        "project",
    ),
    Spec("tool_pan", "&Map", "&Move tool", "Drag moves the map; a click selects an image", "use_pan", ("V",), "map"),
    Spec("tool_lasso", "&Map", "&Lasso tool", "Draw around images to select them", "use_lasso", ("L",), "map"),
    Spec(
        "tool_rectangle",
        "&Map",
        "&Rectangle tool",
        "Drag a rectangle to select images",
        "use_rectangle",
        ("R",),
        "map",
    ),
    Spec(
        "reset_view",
        "&Map",
        "&Show whole map",
        "Zoom out to all images",
        "reset_view",
        ("Ctrl+0",),
        "map",
        separated=True,
    ),
    Spec(
        "find_selection", "&Map", "Show the &selection", "Zoom to the selected images", "show_selection", ("G",), "map"
    ),
    Spec(
        "names",
        "&Map",
        "Cluster &names",
        "Write the clusters' names on the map",
        "show_names",
        ("Ctrl+N",),
        "map",
        checkable=True,
    ),
    Spec(
        "next_cluster",
        "&Map",
        "&Next cluster",
        "Select the next cluster of the list",
        "step_cluster",
        ("N",),
        "map",
        (1,),
        separated=True,
    ),
    Spec(
        "previous_cluster",
        "&Map",
        "&Previous cluster",
        "Select the previous cluster of the list",
        "step_cluster",
        ("Shift+N",),
        "map",
        (-1,),
    ),
    Spec(
        "map_parameters",
        "&Map",
        "Map &parameters…",
        "See and change how the map and its clusters are made",
        "change_parameters",
        (),
        "map",
        separated=True,
    ),
    Spec(
        "apply",
        "&Label",
        "&Label as the button says",
        "Do exactly what the label button says",
        "apply_label",
        ("Ctrl+Return", "Ctrl+Enter"),
        "target",
    ),
    *_label_specs(),
    Spec(
        "value_present",
        "&Label",
        "&Present",
        "Set the button to present",
        "set_value",
        ("P",),
        "project",
        (1,),
        separated=True,
    ),
    Spec("value_absent", "&Label", "&Absent", "Set the button to absent", "set_value", ("A",), "project", (0,)),
    Spec(
        "value_uncertain", "&Label", "&Uncertain", "Set the button to uncertain", "set_value", ("U",), "project", (-1,)
    ),
    Spec(
        "value_clear",
        "&Label",
        "&Not read",
        "Set the button to removing the label",
        "set_value",
        ("C",),
        "project",
        (None,),
    ),
    Spec(
        "next_finding",
        "&Label",
        "Next &finding",
        "Set the button to the next finding",
        "step_finding",
        (".", "]"),
        "project",
        (1,),
        separated=True,
    ),
    Spec(
        "previous_finding",
        "&Label",
        "Previous f&inding",
        "Set the button to the previous finding",
        "step_finding",
        (",", "["),
        "project",
        (-1,),
    ),
    Spec(
        "exclude",
        "&Label",
        "&Exclude / take back",
        "Exclude the picked images from bulk labels, or take them back",
        "toggle_excluded",
        ("Space",),
        "map",
        separated=True,
    ),
    Spec(
        "vocabulary",
        "&Label",
        "F&indings…",
        "Choose the list of findings, or write your own",
        "choose_vocabulary",
        (),
        "project",
    ),
    Spec("open_image", "&Image", "&Open full size", "Show the current image full size", "open_image", ("O",), "map"),
    Spec(
        "next_image",
        "&Image",
        "&Next image",
        "Show the next image of the gallery",
        "step_image",
        ("Right", "Down"),
        "image",
        (1,),
    ),
    Spec(
        "previous_image",
        "&Image",
        "&Previous image",
        "Show the previous image of the gallery",
        "step_image",
        ("Left", "Up"),
        "image",
        (-1,),
    ),
    Spec(
        "invert",
        "&Image",
        "&Invert",
        "Swap black and white on the screen",
        "invert_image",
        ("I",),
        "image",
        separated=True,
    ),
    Spec(
        "reset_window",
        "&Image",
        "&Reset window",
        "Back to the file's own window and polarity",
        "reset_window",
        ("W",),
        "image",
    ),
    Spec("fit", "&Image", "&Fit", "Fit the image into the view", "fit_image", ("F",), "image"),
    Spec(
        "actual", "&Image", "Actual &size (1:1)", "One image pixel on one screen pixel", "actual_image", ("Z",), "image"
    ),
    Spec("zoom_in", "&Image", "&Zoom in", "Show the image larger", "zoom_image", ("+", "="), "image", (1,)),
    Spec("zoom_out", "&Image", "Zoom &out", "Show the image smaller", "zoom_image", ("-",), "image", (-1,)),
    Spec(
        "overlay",
        "&Image",
        "&Text on the image",
        "Show or hide the text on the image",
        "toggle_overlay",
        ("T",),
        "image",
    ),
    Spec("settings", "&Settings", "&Settings…", "Reader, encoder, device", "change_settings", ("Ctrl+,",)),
    Spec(
        "light",
        "&Settings",
        "&Light colours",
        "Switch between dark and light",
        "use_light",
        ("Ctrl+L",),
        checkable=True,
    ),
    Spec(
        "larger",
        "&Settings",
        "L&arger text",
        "Larger text everywhere",
        "scale_text",
        ("Ctrl+Shift++", "Ctrl+Shift+="),
        arguments=(1,),
    ),
    Spec(
        "smaller",
        "&Settings",
        "S&maller text",
        "Smaller text everywhere",
        "scale_text",
        ("Ctrl+Shift+-",),
        arguments=(-1,),
    ),
    Spec("keys", "&Help", "&Keyboard", "All keys on one page", "show_keys", ("F1",)),
    Spec("about", "&Help", "&About", "Version, licence, intended use", "show_about"),
)


def make_actions(window: QWidget) -> dict[str, QAction]:
    """QActions by name, connected to the window's methods and added to it (so that keys work everywhere in it)."""
    actions = {}
    for spec in SPECS:
        action = QAction(spec.text, window, checkable=spec.checkable)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setStatusTip(spec.tip)
        action.setToolTip(tooltip(spec.name))
        slot: Callable[..., None] = getattr(window, spec.slot)
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
