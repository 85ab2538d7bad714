"""Embeddings to map."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_explorer.atlas import build
from cxr_explorer.atlas.build import BuiltMap, FormingMap, MapParameters, Stage, build_map
from cxr_explorer.atlas.clusters import ClusterParameters
from cxr_explorer.atlas.layout import LayoutParameters
from cxr_explorer.atlas.neighbours import Neighbours, find_neighbours
from cxr_explorer.errors import UserError
from tests.atlas.test_layout import blobs


def test_stages_come_in_order_and_the_map_last() -> None:
    *told, built = build_map(blobs(90), MapParameters(), device="cpu")
    stages = [stage for stage in told if not isinstance(stage, FormingMap)]  # none, but on a slow machine
    assert all(isinstance(stage, Stage) and 0 <= stage.fraction <= 1 for stage in stages)
    names = list(dict.fromkeys(stage.name for stage in stages if isinstance(stage, Stage)))
    assert names == ["Comparing images", "Laying out the map", "Finding clusters"]
    assert isinstance(built, BuiltMap)
    assert list(built.seconds) == names
    assert built.xy.shape == (90, 2)
    for values in (built.labels, built.strength, built.outlier, built.typicality):
        assert values.shape == (90,)
    group = np.arange(90) * 3 // 90
    within = [set(group[built.labels == cluster].tolist()) for cluster in range(built.labels.max() + 1)]
    assert all(len(each) == 1 for each in within), "how many clusters there are is the layout's affair"
    assert set().union(*within) == {0, 1, 2}


def test_a_long_layout_is_shown_while_it_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SHOWN_EVERY_S", -1)
    monkeypatch.setattr(build, "MOST_SHOWN", 40)
    items = list(build_map(blobs(90), MapParameters(), device="cpu"))
    shown = [item for item in items if isinstance(item, FormingMap)]
    assert len(shown) > 10
    for each in shown:
        assert each.xy.shape == (40, 2) and np.isfinite(each.xy).all()
        assert (np.diff(each.rows) > 0).all() and each.rows[0] == 0 and each.rows[-1] == 89
    told = [item.fraction for item in items if isinstance(item, Stage) and item.name == "Laying out the map"]
    assert told == sorted(told) and told[-1] == 1
    built = items[-1]
    assert isinstance(built, BuiltMap)
    np.testing.assert_array_equal(shown[-1].xy, built.xy[shown[-1].rows])


def test_many_images_are_compared_approximately_and_the_recall_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def compare_approximately(embeddings: NDArray[np.floating], k: int, seed: int) -> Iterator[float | Neighbours]:
        asked.append((k, seed))
        yield 0.5
        yield replace(find_neighbours(embeddings, k), recall=0.9)

    monkeypatch.setattr(build, "EXACT_UP_TO", 80)
    monkeypatch.setattr(build, "compare_approximately", compare_approximately)
    *_, built = build_map(blobs(90), MapParameters(), device="cpu")
    assert isinstance(built, BuiltMap) and built.neighbours is not None
    assert built.neighbours.recall == 0.9
    assert asked == [(15, 42)]
    *_, built = build_map(blobs(80), MapParameters(), device="cpu")
    assert isinstance(built, BuiltMap) and built.neighbours is not None
    assert built.neighbours.recall == 1


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8])
def test_few_images_make_a_map_of_one_cluster(count: int) -> None:
    *_, built = build_map(blobs(count), MapParameters(), device="cpu")
    assert isinstance(built, BuiltMap)
    np.testing.assert_array_equal(built.labels, np.zeros(count))


def test_parameters_survive_storage_as_json() -> None:
    parameters = MapParameters(LayoutParameters(30, 0.0, 7), ClusterParameters(20, 3))
    assert MapParameters.from_dict(json.loads(json.dumps(parameters.to_dict()))) == parameters
    assert MapParameters.from_dict({}) == MapParameters()


def test_parameters_of_a_newer_version_are_refused() -> None:
    with pytest.raises(UserError, match=r"layout\.spread"):
        MapParameters.from_dict({"layout": {"spread": 1.0}})


def test_importing_the_parameters_loads_nothing_heavy() -> None:
    script = (
        "import sys, cxr_explorer.atlas.build, cxr_explorer.encoder.checkpoint, cxr_explorer.encoder.embed;"
        "print([m for m in ('torch', 'umap', 'hdbscan', 'numba', 'sklearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
