"""The one place of the window where what a reader says becomes a judgement that is stored."""

from __future__ import annotations

import numpy as np

from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.labels.texts import finding_text
from cxr_explorer.project import label_columns, labelling
from cxr_explorer.project.acts import Change
from cxr_explorer.project.project import AtlasMap, Ids
from cxr_explorer.project.whole_readings import labelling_answers, labelling_rest_absent, normal_answers
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


_WAYS = {
    "cluster": "in a cluster",
    "lasso": "by lasso",
    "rectangle": "by rectangle",
    "selection": "in a selection",
    "import": "imported",
    "audit": "in an audit",
    "suggestion": "accepted as suggested",
    "reread": "in a second reading",
    "adjudication": "in an adjudication",
    "merge": "merged from another project",
}


class Judging:
    """Labels and excludes what the session has as its target."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last: list[Ids] = []  # the last two targets that were labelled, the newer one behind

    def _may_label(self, target: Target) -> bool:
        """Whether the target can be labelled now; the reader is told why not."""
        session = self._session
        if session.project is None or not target.ids.size:
            within = f" within the filter {session.filter.text}" if session.filter is not None else ""
            session.said.emit(f"Nothing{within} is selected: choose a cluster, or draw around images on the map.")
            return False
        if session.reading_as is not None:
            name = session.reading_as
            session.said.emit(f"Only {name} is labelled now, one question at a time. Esc ends the reading.")
            return False
        if session.viewing_image and (reason := session.why_unseen()):
            session.said.emit(reason)
            return False
        return True

    def _remember(self, ids: Ids) -> None:
        if not self._last or not np.array_equal(self._last[-1], ids):
            self._last = [*self._last[-1:], ids]

    def forget(self) -> None:
        """Another project: nothing was labelled there."""
        self._last = []

    def label_whole(self, name: str) -> None:
        """Answers several findings at once: "label_normal", "label_rest_absent" or "label_repeat"."""
        session, target = self._session, self._session.target()
        if not self._may_label(target):
            return
        project = session.project
        assert project is not None
        said = self.judgement_of(target)
        if name == "label_normal":
            steps = labelling_answers(project, target.ids, normal_answers(project.vocabulary), said, "Normal")
        elif name == "label_rest_absent":
            steps = labelling_rest_absent(project, target.ids, project.vocabulary, said)
        else:
            answers = self._answers_of_the_last(target.ids)
            if not answers:
                session.said.emit("Nothing to repeat: label an image or a cluster first, then go to the next one.")
                return
            steps = labelling_answers(project, target.ids, answers, said)
        otherwise = f"Nothing changed: {target.text} carries these labels already, or is excluded."
        session.acts.do(steps, otherwise, lambda _: self._remember(target.ids))

    def _answers_of_the_last(self, ids: Ids) -> dict[str, Value]:
        """What was said last of other images than these, as far as it is the same for all of them."""
        session = self._session
        before = [one for one in self._last if not np.array_equal(one, ids)]
        if not before or session.project is None:
            return {}
        counts = session.labels.counts_of(before[-1])
        excluded = np.isin(before[-1], session.labels.excluded_ids()).sum()
        whole = before[-1].size - int(excluded)
        known = session.project.vocabulary.findings
        return {f: value for f in known for value, count in counts.get(f, {}).items() if count >= whole > 0}

    def detail(self, target: Target, finding: str) -> str:
        """How the labels of a finding came to the target, in words; empty where there are none."""
        session = self._session
        if session.project is None or not target.ids.size:
            return ""
        held = session.labels.held
        rows = held.rows_of(target.ids) if held is not None else None
        if held is not None and rows is not None and target.ids.size > 1:
            found = [(*kind, "") for kind in held.ways(rows, finding)]
        elif session.labels.reading and target.ids.size > 1:
            return ""
        else:
            found = label_columns.ways(session.project, target.ids, finding, session.reader)
        if not found:
            return ""
        if target.ids.size == 1:
            how, cluster, _, day = found[0]
            return f"{finding_text(finding)}: labelled {self._way(how, cluster)}, {day}, by {session.reader}"
        parts = [f"{count:,} {self._way(how, cluster)}" for how, cluster, count, _ in found[:3]]
        more = f" and {len(found) - 3} other ways" if len(found) > 3 else ""
        return f"{finding_text(finding)}: {', '.join(parts)}{more}"

    def _way(self, how: str, identity: int | None) -> str:
        atlas_map = self._session.map
        if how == "cluster" and atlas_map is not None and identity is not None:
            name = next((group.title for group in atlas_map.groups if group.identity == identity), "")
            return f"with {name.lower() if name.startswith('Cluster') else name}" if name else _WAYS[how]
        return _WAYS.get(how, "one by one")

    def plan(self) -> labelling.LabelPlan | None:
        """What `label_target` would do, or None without a target, and while labels are still being read."""
        session = self._session
        ids = session.target().ids
        if session.project is None or not ids.size:
            return None
        held = session.labels.held
        rows = held.rows_of(ids) if held is not None else None
        if held is not None and rows is not None:
            return held.plan(rows, session.finding, session.value)
        if session.labels.reading and ids.size > 1:
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
        if not self._may_label(target):
            return
        assert session.project is not None
        plan = self.plan()
        steps = labelling.labelling(session.project, target.ids, self.judgement_of(target))

        def then(change: Change | None) -> None:
            self._remember(target.ids)
            if change is not None and plan is not None and plan.overwrites_single:
                session.said.emit(
                    f"{change.text}; overwrote {plan.overwrites_single:,} read individually. Undo: {key_text('undo')}"
                )

        otherwise = "Nothing changed: all of these images carry this label already, or are excluded."
        session.acts.do(steps, otherwise, then)

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
        all_excluded = bool(np.isin(ids, session.labels.excluded_ids()).all())
        steps = labelling.excluding(session.project, ids, not all_excluded, session.reader)
        session.acts.do(steps, "Nothing changed.")
