"""Filters that a project keeps by name."""

from __future__ import annotations

import json

from cxr_explorer.errors import UserError
from cxr_explorer.project.project import Project
from cxr_explorer.search.conditions import Conditions, from_json, to_json

SETTING = "filters"
"""Setting that holds them as JSON: by name a list of conditions."""

MOST_LETTERS = 60


def _stored(project: Project) -> dict[str, object]:
    try:
        stored = json.loads(project.get(SETTING, "{}"))
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}


def saved_filters(project: Project) -> dict[str, Conditions]:
    """The filters by name, in the order of their names; what this version cannot read is left out, and stays stored."""
    found: dict[str, Conditions] = {}
    for name, conditions in sorted(_stored(project).items(), key=lambda one: one[0].casefold()):
        if isinstance(conditions, list) and conditions:
            try:
                found[name] = tuple(map(from_json, conditions))
            except ValueError:
                continue
    return found


def save_filter(project: Project, name: str, conditions: Conditions, before: str = "") -> str:
    """Keeps a filter by name.

    Args:
        project: Open for writing.
        name: What it is to be called.
        conditions: At least one.
        before: What it was called until now: that name goes, or is stored anew; "" for a new one.

    Returns:
        The name as it is kept, without spaces around it.

    Raises:
        UserError: No name, or that of another filter.
    """
    name = " ".join(name.split())[:MOST_LETTERS].strip()
    stored = _stored(project)
    stored.pop(before, None)
    if not name:
        raise UserError("A filter needs a name to be found by.")
    if name.casefold() in {other.casefold() for other in stored}:
        raise UserError(f"There is a filter called “{name}” already. Choose another name.")
    stored[name] = [to_json(condition) for condition in conditions]
    project.set(SETTING, json.dumps(stored))
    return name


def delete_filter(project: Project, name: str) -> None:
    """Forgets a filter; one that is not there is passed over."""
    stored = _stored(project)
    if stored.pop(name, None) is not None:
        project.set(SETTING, json.dumps(stored))
