"""The statistics that tell other pictures from chest films: what they measure, and when they are not there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.encoder.checkpoint import bundled_encoders, default_encoder
from cxr_explorer.encoder.chest_reference import (
    REFERENCE_FILE,
    ChestReference,
    read_reference,
    reference_of,
    write_reference,
)


def test_unlikeness_is_the_distance_from_the_subspace_in_limits() -> None:
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.standard_normal((6, 2)))[0].T.astype(np.float32)
    mean = random.standard_normal(6).astype(np.float32)
    rows = random.standard_normal((5, 6)).astype(np.float32)
    away = rows - mean
    expected = np.linalg.norm(away - away @ directions.T @ directions, axis=1) / 2.5
    np.testing.assert_allclose(ChestReference("x", mean, directions, 2.5).unlikeness(rows), expected, rtol=1e-5)


@pytest.mark.parametrize("info", bundled_encoders(), ids=lambda info: info.name)
def test_bundled_encoders_have_a_small_reference_of_their_own(info) -> None:  # type: ignore[no-untyped-def]
    reference = reference_of(info.key)
    assert reference is not None
    np.testing.assert_allclose(reference.directions @ reference.directions.T, np.eye(64), atol=1e-4)
    assert (info.directory / REFERENCE_FILE).stat().st_size < 1 << 20


def test_a_reference_of_other_weights_a_damaged_or_absent_one_counts_as_none(tmp_path: Path) -> None:
    info = replace(default_encoder(), directory=tmp_path, dimension=4)
    assert read_reference(info) is None
    reference = ChestReference(info.key, np.zeros(4, np.float32), np.eye(4, dtype=np.float32)[:2], 1.0)
    path = write_reference(tmp_path, reference)
    assert read_reference(info) is not None
    assert read_reference(replace(info, key="other")) is None
    assert read_reference(replace(info, dimension=5)) is None
    path.write_bytes(path.read_bytes()[:100])
    assert read_reference(info) is None
    assert reference_of("not bundled") is None
