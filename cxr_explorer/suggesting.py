"""Suggestions for a project: its features are prepared once, then any number of questions are answered.

The window keeps `converse` running in a child process; the command line asks a `Suggester` itself. Both use what
`training.reader_simulation` measures: `probes.features` and `probes.probe`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Value
from cxr_explorer.labels.texts import VALUE_WORDS, finding_text
from cxr_explorer.labels.vocabulary import spelled, spellings
from cxr_explorer.probes.evidence import (
    LEAST_LOOKS,
    NO_LOOKS,
    RANDOM_EVERY,
    Looks,
    calibrated,
    drawing_order,
    mixed,
)
from cxr_explorer.probes.features import NEIGHBOURS, Floats, Rows, prepare
from cxr_explorer.probes.probe import FEWEST_ANSWERS, Probe, batch_size, fit_probe, next_to_read, sheet_images
from cxr_explorer.probes.probe_set import Given, ProbeSet, fit_probe_set, load_probes
from cxr_explorer.probes.suspects import FEWEST, FOLDS, doubts, fold_of, unseen_probabilities
from cxr_explorer.project.audits.standing import FindingStanding, finding_standing, target_of
from cxr_explorer.project.project import Ids, Project, now
from cxr_explorer.project.readers.doubted import doubtable_ids, judged_ids, silent_ids
from cxr_explorer.project.suggestions import LOOK_SEED_SETTING, PROBES_SETTING, Answers, answers


@dataclass(frozen=True)
class Question:
    """What a reader's answers suggest for one finding."""

    finding: str
    reader: str


@dataclass(frozen=True)
class StandingQuestion:
    """How sure random audits make it that the target of a finding is reached."""

    finding: str
    reader: str


@dataclass(frozen=True, eq=False)
class Suggestion:
    """The answer to a Question; arrays are parallel to the map's `image_ids`.

    Attributes:
        finding: Its name.
        reader: Whose answers were used.
        present: Answers of this reader that a probe may learn from.
        absent: Likewise.
        probabilities: (N,) float32 that the finding is present, NaN for images without an embedding; None while there
            are too few answers to say anything. Unless `in_numbers`, they are an order and a side of 0.5, no figures.
        looks: What images say that were drawn at random and read; no probe has learnt from them.
        look_ids: Their ids.
        source: Name of the saved probes these come from; empty where they come from this project's answers.
        queue: Ids of the images to read next, in order; none when every image has a label.
        drawn: Ids of those of them that were drawn at random.
        sheets: Whether the queue is the rest of the first contact sheets.
        read: Images looked at one by one for this finding.
        accepted: Labels that are accepted suggestions.
        left: Images that have no label of the finding and are not excluded.
    """

    finding: str
    reader: str
    present: int
    absent: int
    probabilities: Floats | None
    looks: Looks
    look_ids: Ids
    source: str
    queue: Ids
    drawn: Ids
    sheets: bool
    read: int
    accepted: int
    left: int

    @property
    def enough(self) -> bool:
        """Whether there is anything worth suggesting: from answers enough, or from saved probes."""
        return self.probabilities is not None

    @property
    def in_numbers(self) -> bool:
        """Whether there are looks enough to say how right the suggestions are."""
        return self.probabilities is not None and self.looks.enough

    @property
    def reason(self) -> str:
        """Why there are no suggestions, or no figures with them, for the reader; empty where there are."""
        if self.in_numbers:
            return ""
        if not self.enough:
            return (
                f"Too few labels to suggest anything yet ({self.present:,} present, {self.absent:,} absent): "
                f"{FEWEST_ANSWERS} of each are needed."
            )
        return (
            "How right the suggestions are is not known: only images drawn at random and read can tell. There are "
            f"{len(self.looks)} of these; {LEAST_LOOKS} are needed. Read next draws one of {RANDOM_EVERY} at random."
        )


@dataclass(frozen=True, eq=False)
class DoubtedLabels:
    """Labels of a finding that the program doubts, see `probes.suspects`. The reader decides: this is no evidence.

    Attributes:
        finding: Its name.
        whose: Whose labels they are.
        present: Labels put to the program that say so.
        absent: Likewise.
        image_ids: (S,) the doubted ones that the reader has not judged, most suspect first.
        values: (S,) int8, their labels.
        silent: (S,) bool, which of these say absent by silence only, see `silent_ids`.
        confidence: (S,) float32, the probability of the label itself; an order and no figure.
        expected_wrong: How many of the labels put to the program are expected to be wrong, by the labels themselves.
        judged: Doubted ones that the reader has judged already.
        set_aside: Doubted ones that are not to be read again: evidence, see `project.readers.doubted`, or excluded.
        reason: Why none could be doubted, for the reader; empty where they could.
        by_silence: How many of those put to the program say absent by silence.
    """

    finding: str
    whose: str
    present: int
    absent: int
    image_ids: Ids
    values: NDArray[np.int8]
    silent: NDArray[np.bool_]
    confidence: Floats
    expected_wrong: float = 0.0
    judged: int = 0
    set_aside: int = 0
    reason: str = ""
    by_silence: int = 0

    def in_words(self) -> str:
        """What is doubted, for the reader; or why nothing is."""
        if self.reason:
            return self.reason
        count, labels = len(self.image_ids), f"{self.present + self.absent:,} labels of {finding_text(self.finding)}"
        if not count and not self.judged and not self.set_aside:
            return f"None of the {labels} by {self.whose} is doubted."
        present, silent = int((self.values == Value.PRESENT).sum()), int(self.silent.sum())
        kinds = {"present": present, "absent": count - present - silent, "not named": silent}
        text = f"The program doubts {count:,} of the {labels} by {self.whose}"
        if count:
            text += ": " + ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number) + "."
        else:
            text += " that you have not judged yet."
        if self.judged:
            text += f" {self.judged:,} more you have judged already."
        if self.set_aside:
            text += f" {self.set_aside:,} more are evidence or excluded, and are not read again."
        return text

    def words(self) -> list[str]:
        """What each of the labels says: "present", "absent", or "not named" where it says absent by silence."""
        said = (VALUE_WORDS[Value(value)] for value in self.values.tolist())
        return ["not named" if quiet else word for word, quiet in zip(said, self.silent.tolist(), strict=True)]


class Suggester:
    """Answers questions about the newest map of a project.

    Preparing takes a second at 5,000 images, and about a minute at 100,000 where the map's neighbours are not stored.
    """

    def __init__(self, project: Project) -> None:
        """Reads the embeddings; the features are prepared with the first question.

        Raises:
            UserError: The project has no map.
        """
        atlas = project.latest_map()
        if atlas is None:
            raise UserError(f"{project.path} has no map yet. Run `cxr-explorer index` first.")
        self._project = project
        self.map_id = atlas.map_id
        self.encoder_key = atlas.encoder_key
        self.image_ids = atlas.image_ids
        known, embeddings = project.embeddings(atlas.encoder_key)
        self._on = np.isin(atlas.image_ids, known)  # images whose file is gone are on the map, but cannot be suggested
        self._ids = atlas.image_ids[self._on]
        self._held: Floats | None = self._those_on_map(known, embeddings)
        self._clusters = atlas.clusters[self._on]
        self._given: dict[Question, tuple[bytes, Suggestion]] = {}

    def _those_on_map(self, known: Ids, embeddings: Floats) -> Floats:
        """(M, D) of `_ids`, in their order; zeros where the file has gone since."""
        if np.array_equal(known, self._ids):
            return embeddings
        whole = np.zeros((len(self._ids), embeddings.shape[1]), np.float32)
        _, ours, theirs = np.intersect1d(self._ids, known, assume_unique=True, return_indices=True)
        whole[ours] = embeddings[theirs]
        return whole

    @property
    def _embeddings(self) -> Floats:
        """(M, D). Read anew after the features were made: only saved probes ask again, and the two are large."""
        if self._held is None:
            self._held = self._those_on_map(*self._project.embeddings(self.encoder_key))
        return self._held

    @cached_property
    def _features(self) -> Floats:
        neighbours = self._project.neighbours(self.map_id)
        if neighbours is None or neighbours.indices.shape[1] < NEIGHBOURS or not self._on.all():
            features = prepare(self._embeddings)
        else:
            features = prepare(self._embeddings, neighbours.indices)
        self._held = None
        return features

    @cached_property
    def _sheets(self) -> Rows:
        nothing = np.zeros(len(self._ids), np.bool_)
        return next_to_read(self._features, self._clusters, nothing, None, len(self._ids))

    def suggest(self, question: Question) -> Suggestion:
        """What the answers so far suggest, and what to read next; computed anew only when answers have changed."""
        given = answers(self._project, question.finding, question.reader)
        path = self._project.get(PROBES_SETTING)
        arrays = (given.image_ids, given.present, given.counts, given.look_ids, given.look_values, given.settled)
        state = b"".join((*(array.tobytes() for array in arrays), path.encode()))
        known = self._given.get(question)
        if known is None or known[0] != state:
            known = self._given[question] = state, self._suggest(question, given, path)
        return replace(known[1], read=given.read, accepted=given.accepted)

    def _suggest(self, question: Question, given: Answers, path: str) -> Suggestion:
        answered = self._given_rows(given)
        others = ~np.isin(self._ids[answered.rows], given.look_ids)
        learnt = Given(answered.rows[others], answered.present[others], answered.counts[others])
        stand = np.isin(given.look_ids, self._ids)  # looks are kept out of what is learnt, so that they are evidence
        if learnt.present.all() or not learnt.present.any():  # ... unless nothing could be suggested without them
            learnt, stand = answered, np.zeros(len(stand), np.bool_)
        counts = int(learnt.present.sum()), int((~learnt.present).sum())
        settled = np.isin(self._ids, given.settled)
        probe = fit_probe(self._features, learnt.rows, learnt.present, learnt.counts) if len(learnt.rows) else None
        probabilities, source = None, ""
        if probe is not None and min(counts) >= FEWEST_ANSWERS:
            probabilities = probe.probabilities(self._features)
        elif (saved := self._saved(path)) is not None:
            by_finding = saved.probabilities(self._embeddings)
            found = by_finding.get(spelled(question.finding, spellings(by_finding)) or "")
            probabilities, source = (found, saved.name) if found is not None else (None, "")
        looks = NO_LOOKS
        if probabilities is not None:
            looks = Looks(probabilities[np.searchsorted(self._ids, given.look_ids[stand])], given.look_values[stand])
            if looks.enough:
                probabilities, looks = calibrated(probabilities, looks)
        queue, sheets = self._queue(len(answered.rows), settled, probe)
        left = np.flatnonzero(~settled)
        order = drawing_order(self._ids[left], question.finding, int(self._project.get(LOOK_SEED_SETTING, "0")))
        queue, drawn = mixed(queue, np.searchsorted(self._ids, order))
        return Suggestion(
            finding=question.finding,
            reader=question.reader,
            present=int(answered.present.sum()),
            absent=int((~answered.present).sum()),
            probabilities=None if probabilities is None else self._on_map(probabilities),
            looks=looks,
            look_ids=given.look_ids[stand] if len(looks) else given.look_ids[:0],
            source=source,
            queue=self._ids[queue],
            drawn=self._ids[queue[drawn]],
            sheets=sheets,
            read=given.read,
            accepted=given.accepted,
            left=len(left),
        )

    def _queue(self, answered: int, settled: NDArray[np.bool_], probe: Probe | None) -> tuple[Rows, bool]:
        """The rows whose answers would help most, and whether they are the rest of the first contact sheets."""
        queue, batch = np.zeros(0, np.int64), batch_size(len(self._ids))
        if answered < sheet_images(len(self._ids)):  # with more answers than sheets hold, k-means is not run for them
            queue = self._sheets[~settled[self._sheets]]
        if len(queue):
            return queue, True
        if probe is None:
            return np.flatnonzero(~settled)[:batch], False
        return next_to_read(self._features, self._clusters, settled, probe, batch), False

    def doubt(self, finding: str, whose: str, reader: str) -> DoubtedLabels:
        """Which labels are suspect; none where there are too few of them.

        Args:
            finding: Its name.
            whose: Whose labels; accepted suggestions, the program's own word, are left out.
            reader: Who is to judge them: what they have judged is not doubted to them again.
        """
        given = self._given_rows(answers(self._project, finding, whose))
        silent = np.intersect1d(silent_ids(self._project, finding, whose), self._ids)
        rows = np.concatenate([given.rows, np.searchsorted(self._ids, silent)]).astype(np.int64)
        present = np.concatenate([given.present, np.zeros(len(silent), np.bool_)])
        weights = np.concatenate([given.counts, np.full(len(silent), given.counts.min(initial=1))])
        counts = int(present.sum()), int((~present).sum())
        nothing = DoubtedLabels(
            *(finding, whose, *counts),
            image_ids=self._ids[:0],
            values=np.zeros(0, np.int8),
            silent=np.zeros(0, np.bool_),
            confidence=np.zeros(0, np.float32),
            by_silence=len(silent),
        )
        fold = fold_of(present, self._patients()[rows]) if min(counts) >= FEWEST else None
        if fold is None:
            reason = (
                f"Too few labels to doubt any ({counts[0]:,} present, {counts[1]:,} absent): {FEWEST} of each are "
                f"needed, of {FOLDS} patients at least. Label more images first."
            )
            return replace(nothing, reason=reason)
        found = doubts(unseen_probabilities(self._features, rows, present, fold, weights), present)
        ids = self._ids[rows[found.order]]
        judged = np.isin(ids, judged_ids(self._project, finding, whose, reader))
        open_ids = np.isin(ids, doubtable_ids(self._project, finding, whose)) | np.isin(ids, silent)
        left = found.order[open_ids & ~judged]
        return replace(
            nothing,
            image_ids=self._ids[rows[left]],
            values=present[left].astype(np.int8),
            silent=np.isin(self._ids[rows[left]], silent),
            confidence=found.confidence[left],
            expected_wrong=sum(found.expected_wrong((counts[1], counts[0]))),
            judged=int((open_ids & judged).sum()),
            set_aside=int((~open_ids).sum()),
        )

    def fit_set(self, name: str, findings: Iterable[str], reader: str) -> ProbeSet:
        """Probes of these findings that can be taken to another folder, see `probes.probe_set`.

        Raises:
            UserError: No finding has answers enough.
        """
        given = {finding: self._given_rows(answers(self._project, finding, reader)) for finding in findings}
        return fit_probe_set(name, self.encoder_key, now(), self._embeddings, given, self._patients())

    def _given_rows(self, given: Answers) -> Given:
        known = np.isin(given.image_ids, self._ids)
        return Given(np.searchsorted(self._ids, given.image_ids[known]), given.present[known], given.counts[known])

    def _patients(self) -> Ids:
        groups = self._project.patient_groups(self._ids)
        return np.where(groups < 0, -1 - np.arange(len(groups)), groups)  # who is not known has no company

    def _saved(self, path: str) -> ProbeSet | None:
        if not path:
            return None
        try:
            saved = load_probes(Path(path))
        except UserError:
            return None  # the window says so when it opens the project; suggestions go on without
        return saved if saved.encoder_key == self.encoder_key else None

    def _on_map(self, values: Floats) -> Floats:
        whole = np.full(len(self.image_ids), np.nan, np.float32)
        whole[self._on] = values
        return whole


def converse(requests: Iterator[Question | StandingQuestion], path: Path) -> Iterator[Suggestion | FindingStanding]:
    """For `worker.Conversation`: one answer a question, from the project as it is when asked."""
    with Project.open_read_only(path) as project:
        suggester: Suggester | None = None
        for question in requests:
            if isinstance(question, StandingQuestion):
                finding, reader = question.finding, question.reader
                yield finding_standing(project, finding, reader, target_of(project, finding))
                continue
            suggester = suggester or Suggester(project)
            yield suggester.suggest(question)


def find_doubted(path: Path, finding: str, whose: str, reader: str) -> Iterator[DoubtedLabels]:
    """For `worker.Job`: yields the labels that are suspect, see `Suggester.doubt`."""
    with Project.open_read_only(path) as project:
        found = Suggester(project).doubt(finding, whose, reader)
    yield found


def save_probe_set(path: Path, folder: Path, name: str, reader: str) -> Iterator[tuple[Path, ProbeSet]]:
    """For `worker.Job`: fits the probes of all findings of a project and saves them; yields where, and the set."""
    from cxr_explorer.probes.probe_set import save_probes

    with Project.open_read_only(path) as project:
        probes = Suggester(project).fit_set(name, project.vocabulary.findings, reader)
    yield save_probes(probes, folder), probes
