"""What a reader does to a project: label, clear, exclude. Each verb is one act, see `acts`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import ONE_BY_ONE, Judgement, Value
from cxr_explorer.labels.reader_names import is_reserved
from cxr_explorer.labels.texts import VALUE_WORDS, images_text
from cxr_explorer.project.acts import STEP, Act, Change, Steps, done_at_once, in_steps, recorded
from cxr_explorer.project.label_columns import chosen_images
from cxr_explorer.project.project import Ids, Project, now

OPPOSITE = {Value.PRESENT: Value.ABSENT, Value.ABSENT: Value.PRESENT}


@dataclass(frozen=True)
class LabelPlan:
    """What labelling would do, counted in images.

    Attributes:
        images: Images that would carry the value afterwards because of this act (overwritten ones included).
        overwrites: Of these, images whose own label has another value now.
        overwrites_single: Of the overwritten, those that were read one by one, see ONE_BY_ONE.
        excluded: Chosen images that are skipped because they are excluded.
        already: Chosen images that carry this very value; they keep their provenance.
    """

    images: int
    overwrites: int
    overwrites_single: int
    excluded: int
    already: int


def plan_label(project: Project, image_ids: Ids, finding: str, value: Value | None, reader: str) -> LabelPlan:
    """What `label` (or `clear`, for value None) would do with the same arguments; nothing is changed."""
    with chosen_images(project, image_ids):
        row = project.db.execute(
            """SELECT count(*) FILTER (WHERE NOT excluded AND label.value IS NOT :value),
                      count(*) FILTER (WHERE NOT excluded AND label.value IS NOT NULL AND label.value IS NOT :value),
                      count(*) FILTER (WHERE NOT excluded AND label.value IS NOT :value
                                        AND how IN (SELECT value FROM json_each(:one_by_one))),
                      count(*) FILTER (WHERE excluded),
                      count(*) FILTER (WHERE NOT excluded AND label.value IS :value)
               FROM temp.chosen CROSS JOIN images ON images.id = chosen.id
               LEFT JOIN labels AS label ON label.image_id = chosen.id AND finding = :finding AND reader = :reader""",
            {"value": value, "finding": finding, "reader": reader, "one_by_one": json.dumps(ONE_BY_ONE)},
        ).fetchone()
    return LabelPlan(*(int(count) for count in row))


def label(
    project: Project,
    image_ids: Ids,
    judgement: Judgement,
    puts: Mapping[tuple[str, str], str | None] | None = None,
    afresh: bool = False,
) -> Change | None:
    """Gives images a reader's judgement of one finding. Excluded images are skipped.

    Args:
        project: Open for writing.
        image_ids: The images.
        judgement: What they get.
        puts: State by (kind, key) that belongs to the same act, see `Act.put`.
        afresh: Whether a label that says so already rests on this look from now on, see `record_label`.

    Returns:
        What changed, or None where nothing had to (then no act is recorded and nothing needs undoing).
    """
    return done_at_once(project, labelling(project, image_ids, judgement, puts, afresh))


def labelling(
    project: Project,
    image_ids: Ids,
    judgement: Judgement,
    puts: Mapping[tuple[str, str], str | None] | None = None,
    afresh: bool = False,
) -> Steps:
    """`label` in short steps."""

    def record(act: Act) -> Iterator[None]:
        changed = 0
        for number, part in enumerate(parts_of(image_ids)):
            if number:
                yield
            changed += record_label(project, act, part, judgement, afresh)
        for (kind, key), state in (puts or {}).items():
            act.put(kind, key, state)
        if afresh and not _any_value_changes(project, act):
            act.text = f"Kept {judgement_text(judgement)} on {images_text(len(image_ids))}"
        else:
            act.text = f"{judgement_text(judgement)} on {images_text(changed)}"

    return in_steps(project, judgement.reader, record)


def _any_value_changes(project: Project, act: Act) -> bool:
    """Whether a label says something else by this act, and not only rests on another look."""
    query = "SELECT EXISTS (SELECT 1 FROM label_changes WHERE act_id = ? AND before_value IS NOT after_value)"
    return bool(project.db.execute(query, [act.number]).fetchone()[0])


def parts_of(image_ids: Ids) -> Iterator[Ids]:
    """The ids, STEP at a time; no part for none."""
    for start in range(0, len(image_ids), STEP):
        yield image_ids[start : start + STEP]


def label_except(project: Project, image_ids: Ids, odd: Ids, judgement: Judgement, turn: bool = False) -> Change | None:
    """Labels images except the odd ones among them, as one act; see `label`.

    Args:
        project: Open for writing.
        image_ids: The images, the odd ones included.
        odd: What the reader found not to belong with the others.
        judgement: Of the others.
        turn: Whether the odd ones get the opposite of present or absent, as read individually; else they stay as they
            are.

    Raises:
        ValueError: `turn` with a value that has no opposite.
    """
    opposite = OPPOSITE.get(judgement.value) if judgement.value is not None else None
    if turn and opposite is None:
        raise ValueError(f"{judgement.value} has no opposite")
    with recorded(project, judgement.reader) as act:
        changed = record_label(project, act, np.setdiff1d(image_ids, odd), judgement)
        act.text = f"{judgement_text(judgement)} on {images_text(changed)}"
        if turn and opposite is not None:
            of_odd = replace(judgement, value=opposite, how="single", cluster_identity=None)
            turned = record_label(project, act, np.intersect1d(image_ids, odd), of_odd)
            act.text += (
                f", {VALUE_WORDS[opposite]} on {turned:,} exception{'' if turned == 1 else 's'}" if turned else ""
            )
    return act.change


def judgement_text(judgement: Judgement) -> str:
    """ "Effusion = present", "Effusion = not read"."""
    word = VALUE_WORDS[judgement.value] if judgement.value is not None else "not read"
    return f"{judgement.finding} = {word}"


def record_label(project: Project, act: Act, image_ids: Ids, judgement: Judgement, afresh: bool = False) -> int:
    """Records a label as part of an act, see `label`; returns the number of images whose label changes.

    A label that an audit finds right counts as changed too: from now on it rests on a look at the image alone. So does
    one that was not read one by one, where it is judged `afresh`. An answer to an image drawn at random stays one when
    the reader thinks better of it.

    Raises:
        UserError: The reader's name is nobody's, and this is no way in which labels get there.
    """
    if is_reserved(judgement.reader) and judgement.how not in ("reread", "adjudication"):
        raise UserError(f"Nothing was labelled: “{judgement.reader}” is not a reader. End the reading first.")
    with chosen_images(project, image_ids):  # CROSS JOIN goes through these images, not through all
        return int(
            project.db.execute(
                """INSERT OR REPLACE INTO label_changes
                   SELECT :act, chosen.id, :finding, :reader, value, at, label.how, label.cluster, label.map_id,
                          :value, iif(:value IS NULL, NULL, :at),
                          CASE WHEN :value IS NULL THEN NULL
                               WHEN :how = 'single' AND label.how = 'random' THEN 'random' ELSE :how END,
                          :cluster_identity, :map_id
                   FROM temp.chosen CROSS JOIN images ON images.id = chosen.id
                   LEFT JOIN labels AS label
                       ON label.image_id = chosen.id AND finding = :finding AND reader = :reader
                   WHERE NOT excluded
                       AND (value IS NOT :value OR (:how = 'audit' AND label.how IS NOT 'audit')
                            OR (:afresh AND label.how NOT IN (SELECT value FROM json_each(:one_by_one))))""",
                {
                    **asdict(judgement),
                    "act": act.number,
                    "at": now(),
                    "afresh": afresh,
                    "one_by_one": json.dumps(ONE_BY_ONE),
                },
            ).rowcount
        )


def exclude(project: Project, image_ids: Ids, excluded: bool, reader: str) -> Change | None:
    """Sets images aside (or takes them back in). Labels they have are kept; bulk labels skip them from now on."""
    return done_at_once(project, excluding(project, image_ids, excluded, reader))


def excluding(project: Project, image_ids: Ids, excluded: bool, reader: str) -> Steps:
    """`exclude` in short steps."""

    def record(act: Act) -> Iterator[None]:
        changed = 0
        for number, part in enumerate(parts_of(image_ids)):
            if number:
                yield
            with chosen_images(project, part):
                changed += project.db.execute(
                    """INSERT INTO exclusion_changes SELECT ?, chosen.id, excluded, ? FROM temp.chosen
                       CROSS JOIN images ON images.id = chosen.id WHERE excluded != ?""",
                    [act.number, int(excluded), int(excluded)],
                ).rowcount
        act.text = f"{'Excluded' if excluded else 'Took back'} {images_text(changed)}"

    return in_steps(project, reader, record)
