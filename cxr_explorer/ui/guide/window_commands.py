"""Everything the window can do, as commands of the palette: its actions, filters, findings and clusters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text
from cxr_explorer.search.conditions import conditions_text
from cxr_explorer.search.saved_filters import saved_filters
from cxr_explorer.ui.clusters.cluster_list import ClusterList
from cxr_explorer.ui.commands.actions import SPECS, key_text, plain_text
from cxr_explorer.ui.commands.command import Command
from cxr_explorer.ui.commands.need import MAP, TARGET
from cxr_explorer.ui.commands.specs.label import FINDING_ACTIONS
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.session.judging import Judging
from cxr_explorer.ui.session.session import Session


def commands(frame: Frame, session: Session, clusters: ClusterList) -> list[Command]:
    """All commands as things stand: the actions as in the menus, then saved filters, findings and clusters."""
    return [*_actions(frame), *_filters(session), *_findings(session), *_clusters(session, clusters)]


def _actions(frame: Frame) -> list[Command]:
    found = []
    for spec in SPECS:
        if spec.name in FINDING_ACTIONS:
            continue  # the findings come with their names
        action = frame.actions_by_name[spec.name]
        text = action.text().replace("&", "") if spec.name in ("undo", "redo") else plain_text(spec)
        if spec.checkable:
            text += " (on)" if action.isChecked() else " (off)"
        missing = "" if action.isEnabled() else spec.need.missing
        place = spec.menu.replace("&", "")
        found.append(Command(text, place, spec.tip, key_text(spec.name), missing, action.trigger))
    return found


def _filters(session: Session) -> list[Command]:
    if session.project is None:
        return []
    missing = "" if session.map is not None else MAP.missing
    return [
        Command(
            f"Filter: {name}",
            "Saved filter",
            f"Limit what can be selected and labelled to: {conditions_text(conditions)}",
            missing=missing,
            run=partial(session.filtering.set, conditions, name),
        )
        for name, conditions in saved_filters(session.project).items()
    ]


def _findings(session: Session) -> list[Command]:
    if session.project is None:
        return []
    target = session.target()
    missing = "" if target.ids.size else TARGET.missing
    found = []
    numbers = {finding: number for number, finding in enumerate(session.project.vocabulary.keyed, 1)}
    for finding in session.project.vocabulary.findings:
        name = finding_text(finding)
        for value, word in VALUE_WORDS.items():
            key = key_text(f"label_{word}_{numbers[finding]}") if finding in numbers else ""
            tip = f"Label {target.text}: {name} is {word}" if not missing else f"{name} is {word}"
            found.append(Command(f"Label {name} {word}", "Finding", tip, key, missing, _label(session, finding, value)))
        tip = f"Remove the label {name} from {target.text}" if not missing else f"{name} is not read"
        found.append(Command(f"Remove label {name}", "Finding", tip, "", missing, _label(session, finding, None)))
    return found


def _label(session: Session, finding: str, value: Value | None) -> Callable[[], None]:
    def run() -> None:
        session.set_judgement(finding, value)
        Judging(session).label_target()

    return run


def _clusters(session: Session, clusters: ClusterList) -> list[Command]:
    model = clusters.model()
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    found = []
    for index in rows:
        row = index.data(256)  # Qt.ItemDataRole.UserRole
        text = str(index.data())
        run = partial(session.select_cluster, row.cluster)
        found.append(Command(text, "Cluster", "Select this cluster", "", "", run))
    return found
