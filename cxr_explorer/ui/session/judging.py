"""The one place of the window where what a reader says becomes a judgement that is stored."""

from __future__ import annotations

import numpy as np

from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.project import labelling
from cxr_explorer.project.project import AtlasMap
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.session.selection import Target
from cxr_explorer.ui.session.session import Session


def judgement(
    atlas_map: AtlasMap | None, finding: str, value: Value | None, reader: str, how: How, cluster: int | None = None
) -> Judgement:
    """What is stored of what the reader says, with the map on screen.

    Args:
        atlas_map: The map on screen, if there is one.
        finding: What is judged.
        value: The judgement; None takes one away.
        reader: Who judges.
        how: How the images are addressed.
        cluster: The number that the cluster they are judged as part of has on the map now, see `Target.cluster`.
    """
    if atlas_map is None:
        return Judgement(finding, value, reader, how)
    identity = atlas_map.identity(cluster) if cluster is not None else None
    return Judgement(finding, value, reader, how, identity, atlas_map.map_id)


class Judging:
    """Labels and excludes what the session has as its target."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def plan(self) -> labelling.LabelPlan | None:
        """What `label_target` would do, or None without a target."""
        session = self._session
        ids = session.target().ids
        if session.project is None or not ids.size:
            return None
        return labelling.plan_label(session.project, ids, session.finding, session.value, session.reader)

    def judgement_of(self, target: Target) -> Judgement:
        """What the label button stands at, as it is said of the target."""
        session = self._session
        return judgement(session.map, session.finding, session.value, session.reader, target.how, target.cluster)

    def label_target(self) -> None:
        """Labels the target with the finding and value that the button shows."""
        session = self._session
        target = session.target()
        if session.project is None or not target.ids.size:
            within = f" within the filter {session.filter.text}" if session.filter is not None else ""
            session.said.emit(f"Nothing{within} is selected: choose a cluster, or draw around images on the map.")
            return
        if session.reading_as is not None:
            session.said.emit(
                f"Only {session.reading_as} is labelled now, one question at a time. Esc ends the reading."
            )
            return
        if session.viewing_image and (reason := session.why_unseen()):
            session.said.emit(reason)
            return
        plan = self.plan()
        change = labelling.label(session.project, target.ids, self.judgement_of(target))
        session.tell(change, "Nothing changed: all of these images carry this label already, or are excluded.")
        if change is not None and plan is not None and plan.overwrites_single:
            session.said.emit(
                f"{change.text}; overwrote {plan.overwrites_single:,} read individually. Undo: {key_text('undo')}"
            )

    def toggle_excluded(self) -> None:
        """Excludes the picked or current images, or takes them back if all of them are excluded."""
        session = self._session
        ids = session.target().ids
        if not session.on_one_image and not session.picked.size and session.current_id >= 0:
            ids = np.array([session.current_id], np.int64)
        elif not session.on_one_image and not session.picked.size:
            session.said.emit(
                f"Pick images in the gallery first; {key_text('exclude')} then excludes them from bulk labels."
            )
            return
        if session.project is None or not ids.size:
            return
        all_excluded = bool(np.isin(ids, session.project.excluded_ids()).all())
        session.tell(labelling.exclude(session.project, ids, not all_excluded, session.reader), "Nothing changed.")
