"""Findings that exclude each other, present on the same image: told when it happens, with what would settle it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from cxr_explorer.labels.label import ONE_BY_ONE, How, Judgement, Value
from cxr_explorer.labels.reader_names import is_reserved
from cxr_explorer.labels.texts import finding_text, images_text
from cxr_explorer.pace import run_out
from cxr_explorer.project.acts import Change, parts_of_act, recorded
from cxr_explorer.project.labelling import record_label
from cxr_explorer.project.project import Ids, Project

NO_IDS: Ids = np.zeros(0, np.int64)


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


_Kind = tuple[str, str, str, str, str, int]
"""Reader, finding given, how, the other finding, how, whether that one came with the act too."""


def of_last_act(project: Project) -> Contradictions | None:
    """What the last act that stands left contradicting, or None. Excluded images do not count.

    Of two labels that exclude each other the one read one by one stands, else the newer one; where both came with the
    act, as from a table, the finding that is seen stands, and what excludes it ("No Finding") gives way.
    """
    return run_out(looking_at_last_act(project))


def looking_at_last_act(project: Project) -> Generator[None, None, Contradictions | None]:
    """`of_last_act` in short steps."""
    vocabulary = project.vocabulary
    pairs = set(vocabulary.contradicting())
    (act,) = project.db.execute("SELECT max(id) FROM acts WHERE NOT undone").fetchone()
    if not pairs or act is None:
        return None
    ids_of: dict[_Kind, list[Ids]] = {}
    for first, last in parts_of_act(project, act):
        if first > 0:
            yield
        part = {"act": act, "first": first, "last": last}
        given = project.db.execute(
            """SELECT DISTINCT finding, reader FROM label_changes
               WHERE act_id = :act AND image_id BETWEEN :first AND :last AND after_value = 1""",
            part,
        ).fetchall()
        for finding, reader in given:
            for other in (other for one, other in pairs if one == finding):
                # From the labels that might contradict: nearly always they are fewer than those that were given.
                rows = project.db.execute(
                    """SELECT given.after_how, other.how, too.act_id IS NOT NULL, group_concat(other.image_id)
                       FROM labels AS other
                       CROSS JOIN label_changes AS given ON given.act_id = :act AND given.image_id = other.image_id
                           AND given.finding = :finding AND given.reader = :reader
                       CROSS JOIN images ON images.id = other.image_id
                       LEFT JOIN label_changes AS too ON too.act_id = :act AND too.image_id = other.image_id
                           AND too.finding = :other AND too.reader = :reader
                       WHERE other.finding = :other AND other.reader = :reader
                           AND other.image_id BETWEEN :first AND :last AND other.value = 1
                           AND given.after_value = 1 AND NOT excluded
                       GROUP BY 1, 2, 3""",
                    {**part, "finding": finding, "reader": reader, "other": other},
                ).fetchall()
                for how, other_how, both_new, text in rows:
                    kind = (reader, finding, how, other, other_how, both_new)
                    ids_of.setdefault(kind, []).append(np.fromstring(text, np.int64, sep=","))
    if not ids_of:
        return None
    return _settled_by(ids_of, vocabulary.excludes)


def _settled_by(ids_of: Mapping[_Kind, list[Ids]], excludes: Mapping[str, object]) -> Contradictions:
    """What gives way on the images of each kind of contradiction."""
    united = {kind: np.sort(np.concatenate(some)) for kind, some in ids_of.items()}
    ids = dict(sorted(united.items(), key=lambda one: (int(one[1][0]), one[0])))  # as the images follow each other
    decided = {kind: _decide(kind, excludes) for kind in ids}
    out: dict[tuple[str, str], list[Ids]] = {}
    for kind, (what, _) in decided.items():
        out.setdefault((what.reader, what.finding), []).append(ids[kind])
    gives_way: dict[GivesWay, list[Ids]] = {}
    for kind, (what, stands) in decided.items():
        # what gives way itself puts nothing else out
        left = np.setdiff1d(ids[kind], np.concatenate([NO_IDS, *out.get((what.reader, stands), [])]))
        if left.size:
            gives_way.setdefault(what, []).append(left)
    every = {what: np.unique(np.concatenate(some)) for what, some in gives_way.items()}
    given, others = dict.fromkeys(kind[1] for kind in ids), dict.fromkeys(kind[3] for kind in ids)
    return Contradictions(
        images=np.unique(np.concatenate([NO_IDS, *ids.values()])).size,
        findings=tuple({**given, **others}),
        gives_way=dict(sorted(every.items(), key=lambda one: int(one[1][0]))),  # as the images follow each other
    )


def _decide(kind: _Kind, excludes: Mapping[str, object]) -> tuple[GivesWay, str]:
    """What gives way, and the finding that stands instead."""
    reader, finding, how, other, other_how, both_new = kind
    if (how in ONE_BY_ONE) != (other_how in ONE_BY_ONE):
        given_stands = how in ONE_BY_ONE
    else:
        given_stands = not both_new or other in excludes
    if given_stands:
        return GivesWay(other, reader, _how(reader, how)), finding
    return GivesWay(finding, reader, _how(reader, other_how)), other


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
