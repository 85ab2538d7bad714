"""The tables of a project as NumPy arrays, a column each: nothing but NumPy is needed for them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.api.frames import Columns
from cxr_explorer.errors import UserError
from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.labels.label import LabelRow, Value
from cxr_explorer.project.audits.bounds import outcome_text, state_word
from cxr_explorer.project.audits.records import audit_records
from cxr_explorer.project.exporting import label_rows
from cxr_explorer.project.image_rows import image_columns
from cxr_explorer.project.label_columns import finding_of, label_column, labelled_ids
from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.project.readers.agreement import known_findings
from cxr_explorer.project.suggestions import settled_ids
from cxr_explorer.suggesting import Question, Suggester, Suggestion


@dataclass(frozen=True, eq=False)
class Embeddings:
    """What an encoder made of the images.

    Attributes:
        image_ids: (N,) int64, ascending.
        vectors: (N, D) float32, parallel to the ids; not of length 1.
        encoder: Key of the encoder: embeddings with the same key can be compared, also between projects.
    """

    image_ids: Ids
    vectors: NDArray[np.float32]
    encoder: str


def map_of(project: Project) -> AtlasMap:
    """The newest map. Raises UserError where there is none."""
    atlas = project.latest_map()
    if atlas is None:
        raise UserError(f"{project.path} has no map yet. Index the folder first: `index()`.")
    return atlas


class ProjectArrays:
    """The tables of an open project as `dict[str, numpy.ndarray]`, a column each; see `OpenProject.arrays`.

    Images are named by `image_id`, a number that stays theirs in this project, and `file`, their path below the image
    folder with "/" between folders. Clusters are named by the number that their default name has ("Cluster 3" is 3), 0
    is unclustered; the number stays a cluster's own when others are merged, split or put into another order. Readers
    that are not named are the project's, see `open_project`. Copy an array before you change it: some are read-only.
    """

    def __init__(self, project: Project, reader: str) -> None:
        self._project = project
        self._reader = reader
        self._suggester: tuple[tuple[int, int | None], Suggester] | None = None

    def images(self) -> Columns:
        """Every file the project knows, by id.

        Returns:
            `image_id` int64; `file`; `state`: "read", "new" (not analysed yet) or "failed" (cannot be read);
            `height_px`, `width_px` int64, 0 where not read; `excluded` bool: set aside by a reader; `missing` bool: not
            in the folder when it was last looked at; `replaced` bool: its content changed after it was labelled;
            `patient` int64: equal numbers are one patient's, -1 where no table said so.
        """
        columns = image_columns(self._project.db)
        return {**columns, "patient": self._project.patient_groups(columns["image_id"])}

    def facts(self) -> Columns:
        """What is known of the images that were read, beside the picture: from their headers, their folders, tables.

        Returns:
            `image_id` int64; then a column of texts for each fact there is (`view`, `sex`, `age`, `folder`, …), ""
            where it is not known.
        """
        table = self._project.facts()
        columns: Columns = {"image_id": table.image_ids}
        for name, one in table.columns.items():
            columns[f"{name} (fact)" if name == "image_id" else name] = _texts([*one.values, ""])[one.codes]
        return columns

    def embeddings(self, encoder: str | None = None) -> Embeddings:
        """The embeddings of the images that are in the folder.

        Args:
            encoder: The encoder's key; None for that of the newest map.

        Raises:
            UserError: There is no map, or no embedding of this encoder.
        """
        key = encoder if encoder is not None else map_of(self._project).encoder_key
        ids, vectors = self._project.embeddings(key)
        if not len(ids):
            raise UserError(f"{self._project.path} has no embeddings of the encoder {key}. Index the folder with it.")
        return Embeddings(ids, vectors, key)

    def map(self) -> Columns:
        """The newest map, an image a row.

        Returns:
            `image_id` int64, ascending; `file`; `x`, `y` float32, UMAP coordinates, without a unit; `cluster` int64, 0
            is unclustered; `typicality` float32: how near the image is to the middle of its cluster (a cosine);
            `strength` float32, 0 to 1: HDBSCAN's membership; `outlier` float32, 0 to 1: GLOSH score.

        Raises:
            UserError: There is no map.
        """
        atlas = map_of(self._project)
        return {
            "image_id": atlas.image_ids,
            "file": self._files(atlas.image_ids),
            "x": atlas.xy[:, 0],
            "y": atlas.xy[:, 1],
            "cluster": atlas.identities() + 1,
            "typicality": atlas.typicality,
            "strength": atlas.strength,
            "outlier": atlas.outlier,
        }

    def clusters(self, reader: str | None = None) -> Columns:
        """The clusters of the newest map, in the order of the window; the unclustered images last, where there are any.

        Returns:
            `cluster` int64; `name`; `images` int64; `labelled` int64: images with any label of the reader; `lineage`:
            "cut", "kept", "split", "merged" or "new", "" for the unclustered.

        Raises:
            UserError: There is no map.
        """
        atlas = map_of(self._project)
        labelled = np.isin(atlas.image_ids, labelled_ids(self._project, reader or self._reader))
        numbers = [*range(len(atlas.groups)), *([-1] if (atlas.clusters < 0).any() else [])]
        return {
            "cluster": np.array([atlas.identity(number) + 1 for number in numbers], np.int64),
            "name": _texts(atlas.cluster_name(number) for number in numbers),
            "images": np.array([(atlas.clusters == number).sum() for number in numbers], np.int64),
            "labelled": np.array([labelled[atlas.clusters == number].sum() for number in numbers], np.int64),
            "lineage": _texts(atlas.groups[number].lineage if number >= 0 else "" for number in numbers),
        }

    def labels(self, finding: str | None = None, reader: str | None = None) -> Columns:
        """The labels with their provenance, by file, finding and reader. What has no label has no row.

        Args:
            finding: Of this finding alone; None for all, also those outside the vocabulary.
            reader: Of this reader alone; None for every reader.

        Returns:
            `image_id` int64; `file`; `finding`; `value` int8: 1 present, 0 absent, -1 uncertain; `reader`; `at`: time
            in UTC, ISO 8601; `how`: how the image was addressed ("single", "cluster", "suggestion", …); `cluster`
            int64: the cluster it was judged as part of, -1 for none; `audit` int64: number of the random audit that
            covers it, -1 for none; `error_bound` float64: at most this share of the labels covered with it is wrong,
            NaN where nothing is known; `confidence` float64 of that, NaN likewise; `bound`: "valid", "stale" or
            "failed", "" where there is none.

        Raises:
            UserError: The finding is neither in the vocabulary nor among the labels.
        """
        finding = self._labelled(finding)
        ids = {path: image_id for image_id, path in self._project.paths().items()}
        rows = [
            row
            for row in label_rows(self._project)
            if finding in (None, row.finding) and reader in (None, row.reader)
        ]  # fmt: skip
        return _label_columns(rows, np.array([ids[row.file] for row in rows], np.int64))

    def targets(
        self, findings: Sequence[str] | None = None, reader: str | None = None, uncertain: float = math.nan
    ) -> Columns:
        """The labels of one reader as numbers to learn from, an image a row; excluded and missing images are left out.

        Args:
            findings: Which, in this order; None for the vocabulary.
            reader: Whose labels.
            uncertain: What an uncertain label counts as.

        Returns:
            `image_id` int64; `file`; then a float32 column for each finding: 1 present, 0 absent, NaN not read.

        Raises:
            UserError: A finding is not in the vocabulary.
        """
        known = image_columns(self._project.db)
        there = (known["state"] == "read") & ~known["excluded"] & ~known["missing"]
        ids: Ids = known["image_id"][there]
        columns: Columns = {"image_id": ids, "file": known["file"][there]}
        for finding in self._findings(findings):
            labels = label_column(self._project, finding, reader or self._reader)
            values = labels.values.astype(np.float32)
            values[labels.values == Value.UNCERTAIN] = uncertain
            column = np.full(len(ids), np.nan, np.float32)
            rows, kept = look_up(ids, labels.image_ids)
            column[rows[kept]] = values[kept]
            columns[finding] = column
        return columns

    def suggestions(self, finding: str, reader: str | None = None) -> Columns:
        """What a reader's labels of a finding suggest for the images of the newest map.

        Until enough images that were drawn at random have been read (`calibrated`), the probabilities are an order and
        a side of 0.5, no figures. `findings` says why there are none, or no figures.

        Returns:
            `image_id` int64, ascending; `file`; `probability` float32, 0 to 1, that the finding is present, NaN where
            nothing can be said; `calibrated` bool, the same for all; `labelled` bool: has a label of the finding or is
            excluded, so that nothing is suggested for it; `read_next` int64: place in the list of images whose reading
            would help most, from 0, -1 for the others.

        Raises:
            UserError: There is no map, or the finding is not in the vocabulary.
        """
        finding = finding_of(self._project, finding)
        found = self._suggest(finding, reader)
        ids = self._suggesting().image_ids
        next_up = np.full(len(ids), -1, np.int64)
        next_up[np.searchsorted(ids, found.queue)] = np.arange(len(found.queue))
        probabilities = (
            found.probabilities if found.probabilities is not None else np.full(len(ids), np.nan, np.float32)
        )
        return {
            "image_id": ids,
            "file": self._files(ids),
            "probability": probabilities,
            "calibrated": np.full(len(ids), found.in_numbers),
            "labelled": np.isin(ids, settled_ids(self._project, finding, reader or self._reader)),
            "read_next": next_up,
        }

    def findings(self, reader: str | None = None) -> Columns:
        """How far a reader is with each finding of the vocabulary.

        Returns:
            `finding`; `present`, `absent` int64: labels that suggestions may learn from; `read` int64: images looked at
            one by one; `accepted` int64: labels that are accepted suggestions; `left` int64: images without a label;
            `looks` int64: images drawn at random and read, of which suggestions were kept ignorant; `calibrated` bool:
            whether probabilities are figures; `reason`: why there are no suggestions or no figures, "" where there are.

        Raises:
            UserError: There is no map.
        """
        found = [self._suggest(finding, reader) for finding in self._project.vocabulary.findings]
        counts: Columns = {
            name: np.array([getattr(one, name) for one in found], np.int64)
            for name in ("present", "absent", "read", "accepted", "left")
        }
        return {
            "finding": _texts(one.finding for one in found),
            **counts,
            "looks": np.array([len(one.looks) for one in found], np.int64),
            "calibrated": np.array([one.in_numbers for one in found], np.bool_),
            "reason": _texts(one.reason for one in found),
        }

    def audits(self, finding: str | None = None, reader: str | None = None) -> Columns:
        """Every random audit that was started, oldest first, and what became of it.

        Args:
            finding: Of this finding alone; None for all.
            reader: Of this reader alone; None for every reader.

        Returns:
            `audit` int64: its number; `at`: when it started, UTC, ISO 8601; `reader`; `finding`; `title`: which labels
            it covers; `state`: "open", "passed", "stale" (passed, but the labels have changed since), "failed" or
            "abandoned"; `labels` int64 it covers; `sample` int64 images drawn; `answered` int64 of them read; `errors`
            int64 found; `error_limit` float64 it was to keep; `error_bound` float64: at most this share of the labels
            is wrong, NaN before its end; `confidence` float64 of the bound; `outcome`: in words.

        Raises:
            UserError: The finding is neither in the vocabulary nor among the labels.
        """
        found = audit_records(self._project, self._labelled(finding), reader)
        return {
            "audit": np.array([one.audit_id for one in found], np.int64),
            "at": _texts(one.at for one in found),
            "reader": _texts(one.reader for one in found),
            "finding": _texts(one.finding for one in found),
            "title": _texts(one.title for one in found),
            "state": _texts(state_word(one) for one in found),
            "labels": np.array([len(one.image_ids) for one in found], np.int64),
            "sample": np.array([len(one.sample) for one in found], np.int64),
            "answered": np.array([one.answered for one in found], np.int64),
            "errors": np.array([one.errors for one in found], np.int64),
            "error_limit": np.array([one.plan.error_limit for one in found], np.float64),
            "error_bound": _numbers(one.bound for one in found),
            "confidence": np.array([one.confidence for one in found], np.float64),
            "outcome": _texts(outcome_text(one) for one in found),
        }

    def _files(self, image_ids: Ids) -> NDArray[np.object_]:
        paths = self._project.paths()
        return _texts(paths[image_id] for image_id in image_ids.tolist())

    def _labelled(self, finding: str | None) -> str | None:
        """The finding as the vocabulary or labels spell it. Raises UserError where it is in neither."""
        return None if finding is None else finding_of(self._project, finding, known_findings(self._project))

    def _findings(self, names: Sequence[str] | None) -> list[str]:
        if isinstance(names, str):
            names = [names]
        known = self._project.vocabulary.findings
        return [finding_of(self._project, name) for name in (known if names is None else names)]

    def _suggesting(self) -> Suggester:
        atlas = map_of(self._project)
        of = atlas.map_id, atlas.partition_id
        if self._suggester is None or self._suggester[0] != of:
            self._suggester = of, Suggester(self._project)
        return self._suggester[1]

    def _suggest(self, finding: str, reader: str | None) -> Suggestion:
        return self._suggesting().suggest(Question(finding, reader or self._reader))


def _label_columns(rows: Sequence[LabelRow], image_ids: Ids) -> Columns:
    bounds = [row.bound for row in rows]
    return {
        "image_id": image_ids,
        "file": _texts(row.file for row in rows),
        "finding": _texts(row.finding for row in rows),
        "value": np.array([row.value for row in rows], np.int8),
        "reader": _texts(row.reader for row in rows),
        "at": _texts(row.at for row in rows),
        "how": _texts(row.how for row in rows),
        "cluster": np.array([-1 if row.cluster is None else row.cluster + 1 for row in rows], np.int64),
        "audit": np.array([-1 if one is None or one.audit is None else one.audit for one in bounds], np.int64),
        "error_bound": _numbers(None if one is None else one.error_bound for one in bounds),
        "confidence": _numbers(None if one is None else one.confidence for one in bounds),
        "bound": _texts("" if one is None else one.state for one in bounds),
    }


def _texts(texts: Iterable[str]) -> NDArray[np.object_]:
    return np.array(list(texts), np.object_)


def _numbers(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values], np.float64)
