"""Findings that exclude each other, present on the same image: told when it happens, with what would settle it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cxr_explorer.labels.label import ONE_BY_ONE, How, Judgement, Value
from cxr_explorer.labels.reader_names import is_reserved
from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.project.acts import Change, recorded
from cxr_explorer.project.labelling import record_label
from cxr_explorer.project.project import Ids, Project


@dataclass(frozen=True)
class GivesWay:
    """Labels that one judgement would set to absent, so that nothing contradicts what stands.

    Attributes:
        finding: What gives way.
        reader: Whose labels.
        how: For the provenance: the images were looked at one by one for what stands, or they were not.
    """

    finding: str
    reader: str
    how: How


@dataclass(frozen=True, eq=False)
class Contradictions:
    """Images on which the last act left findings present that exclude each other.

    Attributes:
        images: How many.
        findings: The findings, those that the act gave first.
        gives_way: Ids of the images by what would be set to absent on them, see `settle`.
    """

    images: int
    findings: tuple[str, ...]
    gives_way: Mapping[GivesWay, Ids]

    def in_words(self) -> str:
        """What contradicts what, and on how many images."""
        first, *others = (finding_text(finding) for finding in self.findings)
        carry = "carries" if self.images == 1 else "carry"
        both = f"{first} and {' or '.join(others)}"
        return f"{images_text(self.images)} {carry} {both} as present, which exclude each other."

    def way_out(self) -> str:
        """What `settle` would do."""
        counts: dict[str, int] = {}
        for what, ids in self.gives_way.items():
            counts[what.finding] = counts.get(what.finding, 0) + len(ids)
        (first, images), *others = ((finding_text(finding), count) for finding, count in counts.items())
        more = "".join(f", {finding} on {count:,}" for finding, count in others)
        return f"Set {first} to absent on {images_text(images)}{more}"


def of_last_act(project: Project) -> Contradictions | None:
    """What the last act that stands left contradicting, or None. Excluded images do not count.

    Of two labels that exclude each other the one read one by one stands, else the newer one; where both came with the
    act, as from a table, the finding that is seen stands, and what excludes it ("No Finding") gives way.
    """
    vocabulary = project.vocabulary
    pairs = set(vocabulary.contradicting())
    if not pairs:
        return None
    found = project.db.execute(
        """SELECT given.image_id, given.reader, given.finding, given.after_how, other.finding, other.how,
                  too.act_id IS NOT NULL
           FROM label_changes AS given
           CROSS JOIN images ON images.id = given.image_id
           CROSS JOIN labels AS other ON other.image_id = given.image_id
           LEFT JOIN label_changes AS too ON too.act_id = given.act_id AND too.image_id = given.image_id
               AND too.finding = other.finding AND too.reader = given.reader
           WHERE given.act_id = (SELECT max(id) FROM acts WHERE NOT undone) AND given.after_value = 1 AND NOT excluded
               AND other.reader = given.reader AND other.value = 1 AND other.finding != given.finding"""
    )
    rows = [row for row in found if (row[2], row[4]) in pairs]
    if not rows:
        return None
    decided = [_decide(row, vocabulary.excludes) for row in rows]
    out = {(image_id, what.reader, what.finding) for image_id, what, _ in decided}
    gives_way: dict[GivesWay, set[int]] = {}
    for image_id, what, stands in decided:
        if (image_id, what.reader, stands) not in out:  # what gives way itself puts nothing else out
            gives_way.setdefault(what, set()).add(image_id)
    given, others = dict.fromkeys(row[2] for row in rows), dict.fromkeys(row[4] for row in rows)
    return Contradictions(
        images=len({row[0] for row in rows}),
        findings=tuple({**given, **others}),
        gives_way={what: np.array(sorted(ids), np.int64) for what, ids in gives_way.items()},
    )


def _decide(row: tuple[int, str, str, str, str, str, int], excludes: Mapping[str, object]) -> tuple[int, GivesWay, str]:
    """The image, what gives way on it, and the finding that stands instead."""
    image_id, reader, finding, how, other, other_how, both_new = row
    if (how in ONE_BY_ONE) != (other_how in ONE_BY_ONE):
        given_stands = how in ONE_BY_ONE
    else:
        given_stands = not both_new or other in excludes
    if given_stands:
        return image_id, GivesWay(other, reader, _how(reader, how)), finding
    return image_id, GivesWay(finding, reader, _how(reader, other_how)), other


def settle(project: Project, found: Contradictions, reader: str, map_id: int | None = None) -> Change | None:
    """Sets to absent what gives way, as one act.

    Args:
        project: Open for writing.
        found: See `of_last_act`.
        reader: Who settles it.
        map_id: The map on screen.
    """
    with recorded(project, reader) as act:
        said = []
        for what, ids in found.gives_way.items():
            judgement = Judgement(what.finding, Value.ABSENT, what.reader, what.how, map_id=map_id)
            changed = record_label(project, act, ids, judgement)
            said.append(f"{what.finding} = absent on {images_text(changed)}")
        act.text = ", ".join(said)
    return act.change


def _how(reader: str, stands: str) -> How:
    """Whoever saw a finding on the image itself has seen as well that it is not without one.

    The ways that say more than that (drawn for an audit, suggested) are not taken over: this was not.
    """
    if is_reserved(reader):
        return "adjudication" if stands == "adjudication" else "reread"
    return "single" if stands in ONE_BY_ONE else "selection"
