"""Everything the window can do, as commands of the palette: its actions, its clusters, its findings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.ui.commands.actions import SPECS, key_text, plain_text
from cxr_explorer.ui.commands.command import Command
from cxr_explorer.ui.commands.specs.label import FINDING_KEYS

if TYPE_CHECKING:
    from cxr_explorer.ui.main_window import MainWindow

MISSING = {
    "project": "open a folder or a project first",
    "map": "there is no map yet",
    "target": "select images first: a cluster, or some on the map",
    "undo": "there is nothing to undo",
    "redo": "there is nothing to redo",
    "image": "open an image full size first",
    "reveals": "read disagreements first",
    "ladder": "there is no map yet, or it was made by an older version",
    "one cluster": "choose one cluster of the list first",
    "clusters": "mark two or more clusters of the list first",
    "recluster": "there is no map yet, or this is being done already",
    "reading": "start reading images one by one first",
    "filter": "no filter is set",
    "imported facts": "no facts have been taken from a table",
    "contradicting": "nothing contradicts the last labels",
    "odd": "mark odd images on a contact sheet first",
    "suggested": "suggestions need more labels of this finding first",
    "probes": "no saved probes are loaded",
    "labelled": "label some images of this finding first",
    "comparing": "compare images side by side first",
}
"""What an action waits for, by the state its spec names."""

_VALUE_KEYS = {Value.PRESENT: "present", Value.ABSENT: "absent", Value.UNCERTAIN: "uncertain"}


def commands(window: MainWindow) -> list[Command]:
    """All commands as things stand: the actions in the order of the menus, then findings, then clusters."""
    return [*_actions(window), *_findings(window), *_clusters(window)]


def _actions(window: MainWindow) -> list[Command]:
    found = []
    for spec in SPECS:
        if spec.slot == "label_finding":
            continue  # the findings come with their names
        action = window.actions_by_name[spec.name]
        text = action.text().replace("&", "") if spec.name in ("undo", "redo") else plain_text(spec)
        if spec.checkable:
            text += " (on)" if action.isChecked() else " (off)"
        missing = "" if action.isEnabled() else MISSING.get(spec.enabled, "not possible as things stand")
        place = spec.menu.replace("&", "")
        found.append(Command(text, place, spec.tip, key_text(spec.name), missing, action.trigger))
    return found


def _findings(window: MainWindow) -> list[Command]:
    session = window.session
    if session.project is None:
        return []
    target = session.target()
    missing = "" if target.ids.size else MISSING["target"]
    found = []
    for number, finding in enumerate(session.project.vocabulary.findings):
        name = finding.replace("_", " ")
        for value, word in _VALUE_KEYS.items():
            key = key_text(f"label_{word}_{number + 1}") if number < FINDING_KEYS else ""
            tip = f"Label {target.text}: {name} is {VALUE_WORDS[value]}" if not missing else f"{name} is {word}"
            found.append(Command(f"Label {name} {word}", "Finding", tip, key, missing, _label(window, finding, value)))
        tip = f"Take away what {target.text} is labelled for {name}" if not missing else f"{name} is not read"
        found.append(Command(f"Remove label {name}", "Finding", tip, "", missing, _label(window, finding, None)))
    return found


def _label(window: MainWindow, finding: str, value: Value | None) -> Callable[[], None]:
    def run() -> None:
        window.session.set_judgement(finding, value)
        window.session.label_target()

    return run


def _clusters(window: MainWindow) -> list[Command]:
    model = window.clusters.model()
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    found = []
    for index in rows:
        row = index.data(256)  # Qt.ItemDataRole.UserRole
        text = str(index.data())
        run = partial(window.session.select_cluster, row.cluster)
        found.append(Command(text, "Cluster", "Select this cluster", "", "", run))
    return found
