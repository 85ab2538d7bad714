"""Images of a map that look like something else than a frontal chest film: by their header, and by their look.

Nothing here excludes an image: a reader looks, and decides.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

import numpy as np

from cxr_explorer.encoder.chest_reference import ChestReference, reference_of
from cxr_explorer.labels.fact_table import Facts, as_table
from cxr_explorer.labels.texts import images_text
from cxr_explorer.pace import run_out
from cxr_explorer.project.facts import brings_facts
from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.search.header_kind import TOLD_BY, other_than_frontal_chest
from cxr_explorer.search.similar import embedding_pages

KEPT = "strangers kept"
"""Setting: ids of the images a reader has looked at and left among the others, as a JSON list."""

NAMED = 3
"""Kinds that a summary names."""

NO_REFERENCE = "How the images look was not judged: the encoder in use has not learnt what chest films look like."


@dataclass(frozen=True, eq=False)
class Strangers:
    """What was found, each image once: what the header says comes first.

    Attributes:
        by_header: Id to what the image is, in a word or two.
        by_look: Id to how unlike chest films it looks, above 1, see `ChestReference.unlikeness`.
        looked: Whether the looks were judged: the encoder has a reference of chest films.
        tables: Whether a table has told facts of the kind that headers tell.
    """

    by_header: Mapping[int, str] = field(default_factory=dict)
    by_look: Mapping[int, float] = field(default_factory=dict)
    looked: bool = False
    tables: bool = False

    @property
    def ids(self) -> Ids:
        """By header first, those of a kind together; then by look, the most unlike first."""
        told = sorted(self.by_header, key=lambda image_id: (self.by_header[image_id], image_id))
        seen = sorted(self.by_look, key=lambda image_id: (-self.by_look[image_id], image_id))
        return np.array([*told, *seen], np.int64)

    @property
    def reasons(self) -> dict[int, str]:
        """Id to why it is here, for a tile."""
        return {**self.by_header, **{image_id: f"look {by:.2f}" for image_id, by in self.by_look.items()}}

    @property
    def source(self) -> str:
        """Where what is known besides the picture comes from."""
        return "header or table" if self.tables else "header"

    def without(self, ids: Ids) -> Strangers:
        """The same but for some images."""
        gone = set(ids.tolist())
        return Strangers(
            {image_id: kind for image_id, kind in self.by_header.items() if image_id not in gone},
            {image_id: by for image_id, by in self.by_look.items() if image_id not in gone},
            self.looked,
            self.tables,
        )

    def in_words(self) -> str:
        """ "12 images look like something else than a frontal chest film: 7 by their header (CT, leg), 5 by their
        look."; "" where there is none."""
        count = len(self.by_header) + len(self.by_look)
        if not count:
            return ""
        kinds = [kind for kind, _ in Counter(self.by_header.values()).most_common()]
        named = ", ".join(kinds[:NAMED]) + (", …" if len(kinds) > NAMED else "")
        parts = [f"{len(self.by_header):,} by {{}} {self.source} ({named})"] if self.by_header else []
        parts += [f"{len(self.by_look):,} by {{}} look"] if self.by_look else []
        looks, their = ("looks", "its") if count == 1 else ("look", "their")
        said = ", ".join(parts).replace("{}", their)
        return f"{images_text(count)} {looks} like something else than a frontal chest film: {said}."


def told_by_headers(facts: Facts, image_ids: Ids) -> dict[int, str]:
    """What images are by their facts, where that is no frontal chest film: by id, of these ids."""
    table = as_table(facts)
    columns = [table.column(name, image_ids) for name in TOLD_BY if name in table.columns]
    if not columns:
        return {}
    combined = np.zeros(len(image_ids), np.int64)
    for column in columns:
        combined = combined * (len(column.values) + 1) + column.codes + 1
    _, first, which = np.unique(combined, return_index=True, return_inverse=True)  # few combinations differ
    kinds = []
    for row in first.tolist():
        codes = ((column.name, column.values, int(column.codes[row])) for column in columns)
        kinds.append(other_than_frontal_chest({name: values[code] for name, values, code in codes if code >= 0}))
    rows = np.flatnonzero(np.array([bool(kind) for kind in kinds])[which])
    return {
        image_id: kinds[kind] for image_id, kind in zip(image_ids[rows].tolist(), which[rows].tolist(), strict=True)
    }


def told_by_looks(
    project: Project, atlas_map: AtlasMap, reference: ChestReference
) -> Generator[None, None, dict[int, float]]:
    """Judges the look of the images, in steps of some milliseconds. Returns those that look like something else: id to
    unlikeness."""
    looks: dict[int, float] = {}
    for ids, vectors in embedding_pages(project, atlas_map.encoder_key):
        unlikeness = reference.unlikeness(vectors)
        rows = np.flatnonzero(unlikeness > 1)  # not what is no number: it is made anew
        rows = rows[np.isin(ids[rows], atlas_map.image_ids)]
        looks |= dict(zip(ids[rows].tolist(), unlikeness[rows].tolist(), strict=True))
        yield
    return looks


def gathered(project: Project, atlas_map: AtlasMap, facts: Facts, looks: Mapping[int, float] | None) -> Strangers:
    """What headers and looks tell together; `looks` is None where they were not judged."""
    told = told_by_headers(facts, atlas_map.image_ids)
    seen = {image_id: by for image_id, by in (looks or {}).items() if image_id not in told}
    tables = brings_facts(project, TOLD_BY)
    return Strangers(told, seen, looks is not None, tables)


def find_strangers(project: Project, atlas_map: AtlasMap) -> Strangers:
    """All of a map, those excluded and kept included: a second or two for 100,000 images."""
    reference = reference_of(atlas_map.encoder_key)
    looks = run_out(told_by_looks(project, atlas_map, reference)) if reference is not None else None
    return gathered(project, atlas_map, project.facts(), looks)


def unsettled(project: Project, found: Strangers) -> Strangers:
    """Those a reader has neither excluded nor kept."""
    if not found.ids.size:
        return found
    return found.without(np.union1d(project.excluded_ids(), kept_ids(project)))


def kept_ids(project: Project) -> Ids:
    """Images a reader has kept, ascending."""
    return np.array(json.loads(project.get(KEPT) or "[]"), np.int64)


def keep(project: Project, image_ids: Ids) -> None:
    """Leaves images among the others: they are asked about no more."""
    project.set(KEPT, json.dumps(np.union1d(kept_ids(project), image_ids).tolist()))
