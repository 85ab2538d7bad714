"""How chest films look to an encoder: statistics of embeddings beside its weights, by which other pictures are told."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.encoder.checkpoint import EncoderInfo, encoder_with_key
from cxr_explorer.files import atomic_write

REFERENCE_FILE = "chest.npz"
"""Its name in the folder of a checkpoint, which may do without it. `training.chest_reference` writes it."""


@dataclass(frozen=True, eq=False)
class ChestReference:
    """The directions in which embeddings of frontal chest films vary.

    A picture of something else differs from their mean in other directions as well: its distance from the subspace they
    span is the reconstruction error of principal component analysis, Jackson and Mudholkar 1979
    (doi 10.1080/00401706.1979.10489779).

    Attributes:
        encoder_key: Of the encoder whose embeddings it speaks of.
        mean: (D,) float32.
        directions: (P, D) float32, orthonormal rows.
        limit: Distance from the subspace that few chest films exceed.
    """

    encoder_key: str
    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    limit: float

    def unlikeness(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) for embeddings (N, D): distance from the subspace in limits; above 1 few are frontal chest films."""
        away = embeddings - self.mean
        within = away @ self.directions.T  # (N, P)
        squared = np.einsum("nd,nd->n", away, away) - np.einsum("np,np->n", within, within)
        return np.asarray(np.sqrt(np.maximum(squared, 0)) / self.limit, np.float32)


def read_reference(info: EncoderInfo) -> ChestReference | None:
    """The reference beside an encoder; None where there is none for its embeddings, or a damaged one."""
    try:
        packed = io.BytesIO((info.directory / REFERENCE_FILE).read_bytes())
        with np.load(packed, allow_pickle=False) as stored:
            reference = ChestReference(
                str(stored["encoder_key"]), stored["mean"], stored["directions"], float(stored["limit"])
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    fits = reference.mean.shape == (info.dimension,) and reference.directions.shape[1:] == (info.dimension,)
    return reference if fits and reference.limit > 0 and reference.encoder_key == info.key else None


def reference_of(encoder_key: str) -> ChestReference | None:
    """The reference for embeddings with this key; None for those of an encoder that is not known, or has none."""
    info = encoder_with_key(encoder_key)
    return None if info is None else read_reference(info)


def write_reference(directory: Path, reference: ChestReference) -> Path:
    """Writes it beside an encoder and returns the file."""
    path = directory / REFERENCE_FILE
    with atomic_write(path) as stream:
        np.savez_compressed(
            stream,
            encoder_key=np.array(reference.encoder_key),
            mean=reference.mean,
            directions=reference.directions,
            limit=np.array(reference.limit),
        )
    return path
