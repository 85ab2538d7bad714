"""Probes that can be taken to another folder: fitted on an encoder's embeddings alone, saved in two small files.

Within one folder `suggest` uses features that follow the folder's own images (their neighbours, landmarks among them);
these mean nothing elsewhere. What is saved here is plainer and a little weaker: a linear probe on the standardised
components of the embeddings, calibrated on answers of patients the probe had not seen. It may be applied wherever the
same encoder was used. How well it does there, and whether its probabilities hold there, only labels of the new folder
can tell: another department has other devices, other patients and other shares of findings.

`probes-NAME.json` describes the probes (see `load_probes`), `probes-NAME.safetensors` holds `weights` (K, D), `bias`
(K,) and `slope` (K,), float32, in the order of the findings. No image, file name or patient is in either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import encoder_with_key
from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.probes.evidence import temperature
from cxr_explorer.probes.features import Floats
from cxr_explorer.probes.logistic import fit_logistic, sigmoid
from cxr_explorer.probes.probe import FEWEST_ANSWERS, FREEDOM, Probe, both_kinds, fit_probe

FORMAT = 1
"""Raised when an older program could not apply a file correctly."""

PREFIX = "probes-"

MOST_MEASURED = 20_000
"""Images from which mean and spread of the components are taken."""

MOST_HELD_OUT = 1000
"""Answers from which a probe's AUROC and the scale of its probabilities are measured."""

FOLDS = 5
"""Parts in which these are held out one after another."""


@dataclass(frozen=True, eq=False)
class Given:
    """Answers to one finding.

    Attributes:
        rows: (n,) the images, each once.
        present: (n,) bool.
        counts: (n,) how much each counts: 1 where the image was read, less where its label was given in bulk.
    """

    rows: NDArray[np.integer]
    present: NDArray[np.bool_]
    counts: NDArray[np.floating]

    @property
    def read(self) -> NDArray[np.bool_]:
        """(n,) which images were read one by one."""
        return np.asarray(self.counts == 1)


@dataclass(frozen=True)
class ProbeFacts:
    """What is known of one finding's probe.

    Attributes:
        finding: Its name.
        present: Answers it was fitted to.
        absent: Likewise.
        auroc: Area under the curve of receiver operation, on answers of patients it had not seen. Answers that were
            chosen for doubt are harder than other images: it is then far lower than it would be on all of them.
    """

    finding: str
    present: int
    absent: int
    auroc: float


@dataclass(frozen=True, eq=False)
class ProbeSet:
    """Probes of several findings for one encoder.

    Attributes:
        name: What they are called.
        encoder_key: Whose embeddings they are for, see `EncoderInfo.key`.
        created: When, ISO 8601.
        probes: What is known of each.
        too_few: Findings that had labels, but too few for a probe: (present, absent).
        weights: (K, D) float32, for embeddings scaled to length 1.
        bias: (K,) float32.
        slope: (K,) float32, turns a score into a log odds.
    """

    name: str
    encoder_key: str
    created: str
    probes: tuple[ProbeFacts, ...]
    too_few: Mapping[str, tuple[int, int]]
    weights: Floats
    bias: Floats
    slope: Floats

    def probabilities(self, embeddings: Floats) -> dict[str, Floats]:
        """By finding (N,) float32 that it is present, from (N, D) embeddings of the probes' encoder."""
        lengths = np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), np.finfo(np.float32).tiny)  # (N, 1)
        scores = embeddings @ self.weights.T / lengths + self.bias  # (N, K)
        probabilities = np.asarray(sigmoid(self.slope * scores), dtype=np.float32)
        return {probe.finding: probabilities[:, i] for i, probe in enumerate(self.probes)}


def enough(present: int, absent: int) -> bool:
    """Whether there are answers enough of both kinds for a probe."""
    return min(present, absent) >= FEWEST_ANSWERS


def fit_probe_set(
    name: str,
    encoder_key: str,
    created: str,
    embeddings: Floats,
    answers: Mapping[str, Given],
    groups: NDArray[np.integer] | None = None,
) -> ProbeSet:
    """A probe for every finding with enough images read one by one.

    Labels given in bulk help to fit, but say nothing of how well a probe does: its AUROC and the scale of its
    probabilities come from the images read alone, each patient's held out together.

    Args:
        name: What to call the set.
        encoder_key: Whose embeddings these are.
        created: ISO 8601.
        embeddings: (N, D).
        answers: By finding.
        groups: (N,) numbers of patients; None: no image has company.

    Raises:
        UserError: No finding has answers enough.
    """
    counts = {finding: _kinds(given.present[given.read]) for finding, given in answers.items()}
    chosen = [finding for finding in answers if enough(*counts[finding])]
    if not chosen:
        raise UserError(
            f"There are too few labels for a probe: it needs {FEWEST_ANSWERS} images with a finding and "
            f"{FEWEST_ANSWERS} without, read one by one. Read more images first."
        )
    sample = _directions(embeddings[np.random.default_rng(0).permutation(len(embeddings))[:MOST_MEASURED]])
    middle = sample.mean(axis=0)
    spread = np.maximum(sample.std(axis=0), 1e-9) * np.sqrt(embeddings.shape[1])  # mean squared length 1
    facts, weights, biases, slopes = [], [], [], []
    for finding in chosen:
        given = answers[finding]
        standard = ((_directions(embeddings[given.rows]) - middle) / spread).astype(np.float32)  # (n, D)
        probe = fit_probe(standard, np.arange(len(standard)), given.present, given.counts)
        read = given.read
        patients = None if groups is None else groups[given.rows[read]]
        scores, truth = _unseen_scores(standard[read], given.present[read], patients, probe)
        facts.append(ProbeFacts(finding, *counts[finding], round(_auroc(scores, truth), 4)))
        weights.append(probe.weights / spread)
        biases.append(probe.bias - float(middle @ weights[-1]))
        slopes.append(temperature(scores, truth))
    return ProbeSet(
        name=name,
        encoder_key=encoder_key,
        created=created,
        probes=tuple(facts),
        too_few={finding: counts[finding] for finding in answers if finding not in chosen and max(counts[finding])},
        weights=np.asarray(weights, np.float32),
        bias=np.asarray(biases, np.float32),
        slope=np.asarray(slopes, np.float32),
    )


def save_probes(probes: ProbeSet, folder: Path) -> Path:
    """Writes both files, over those of the same name, and returns the path of the description.

    Raises:
        UserError: The name is no file name, or the place cannot be written.
    """
    from safetensors.numpy import save

    if not probes.name or any(character in '/\\:*?"<>|\0' for character in probes.name) or len(probes.name) > 80:
        raise UserError(f"Probes cannot be called {probes.name!r}: it is no file name. Choose letters and numbers.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot write {folder}: {error.strerror or error}. Choose another folder.") from error
    tensors = save({"weights": probes.weights, "bias": probes.bias, "slope": probes.slope})
    described = {
        "format": FORMAT,
        "name": probes.name,
        "encoder": probes.encoder_key,
        "dimension": probes.weights.shape[1],
        "created": probes.created,
        "findings": [asdict(probe) for probe in probes.probes],
        "too_few": {finding: list(counts) for finding, counts in probes.too_few.items()},
        "weights_sha256": hashlib.sha256(tensors).hexdigest(),
        "note": "For research and annotation, not a medical device. Check on labels of your own before relying on it.",
    }
    path = folder / f"{PREFIX}{probes.name}.json"
    with atomic_write(path.with_suffix(".safetensors")) as stream:
        stream.write(tensors)
    with atomic_write(path) as stream:
        stream.write((json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
    return path


def why_not(probes: ProbeSet, seen: str, otherwise: str) -> str:
    """What is said where probes meet what another encoder saw.

    Args:
        probes: They are for the embeddings of one encoder.
        seen: What was seen by another, as part of a sentence.
        otherwise: What to do where their encoder is here.
    """
    if encoder_with_key(probes.encoder_key) is None:
        otherwise = (
            "That encoder is not here, taken out or of an earlier version of the program: save probes anew, from the "
            "labels of a project that was analysed with one that is."
        )
    return f"The probes {probes.name} are for the encoder {probes.encoder_key}, {seen}. {otherwise}"


def load_probes(path: Path) -> ProbeSet:
    """Reads `probes-NAME.json` and the weights beside it.

    Raises:
        UserError: Not there, not probes, of a newer format, or the two files do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        tensors = path.with_suffix(".safetensors").read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"No probes at {path}: {error.filename} is missing. Choose another file.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"The probes {path} cannot be read: {error}. Choose another file.") from error
    try:
        if int(described["format"]) > FORMAT:
            raise UserError(f"The probes {path} were made by a newer version of the program. Update the program.")
        if hashlib.sha256(tensors).hexdigest() != described["weights_sha256"]:
            raise ValueError("the weights are not those it describes")
        arrays = load(tensors)
        found = ProbeSet(
            name=str(described["name"]),
            encoder_key=str(described["encoder"]),
            created=str(described["created"]),
            probes=tuple(ProbeFacts(**probe) for probe in described["findings"]),
            too_few={finding: (int(a), int(b)) for finding, (a, b) in described["too_few"].items()},
            weights=arrays["weights"],
            bias=arrays["bias"],
            slope=arrays["slope"],
        )
        if found.weights.shape != (len(found.probes), int(described["dimension"])):
            raise ValueError(f"weights of shape {found.weights.shape}")
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise UserError(f"The probes {path} are damaged: {error}. Save them again.") from error
    return found


def _directions(embeddings: Floats) -> Floats:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)


def _kinds(present: NDArray[np.bool_]) -> tuple[int, int]:
    return int(present.sum()), int((~present).sum())


def _unseen_scores(
    features: Floats, present: NDArray[np.bool_], groups: NDArray[np.integer] | None, probe: Probe
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n,) scores of answers by probes that were fitted without them and their group, and (n,) the answers."""
    from threadpoolctl import threadpool_limits

    chosen = both_kinds(present, MOST_HELD_OUT)
    seen, truth = features[chosen].astype(np.float64), present[chosen].astype(np.float64)
    _, members = np.unique(chosen if groups is None else groups[chosen], return_inverse=True)
    fold = np.random.default_rng(0).permutation(int(members.max()) + 1)[members] % FOLDS
    start = probe.weights.astype(np.float64), probe.bias
    scores = np.zeros(len(seen))
    for each in range(FOLDS):
        rest = fold != each
        if rest.all() or not 0 < truth[rest].sum() < rest.sum():
            continue
        with threadpool_limits(1):
            weights, bias = fit_logistic(seen[rest], truth[rest], FREEDOM, start, steps=3)
        scores[~rest] = seen[~rest] @ weights + bias
    return scores, present[chosen]


def _auroc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Share of pairs, one present and one absent, that the scores put in order; ties count half."""
    positive, negative = scores[truth], np.sort(scores[~truth])
    below = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    return float(below.mean() / (2 * len(negative)))
