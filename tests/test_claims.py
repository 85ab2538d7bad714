"""The short form of `tests.bench.claims`: what is claimed of suggestions holds, for a reader who answers truthfully."""

import numpy as np
import pytest

from cxr_explorer.project.project import Project
from cxr_explorer.suggesting import Suggester
from tests.bench import claims
from tests.test_suggesting import COUNT, make_project, truth_of


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Two readers, in every way of working, on images that are easily told apart."""
    path = make_project(tmp_path_factory.mktemp("claims"), apart=8)
    truth = dict(zip(range(1, COUNT + 1), truth_of().tolist(), strict=True))
    results = []
    with Project.open(path) as project, pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "LIMITS", (0.2,))  # 45 looks at 240 images prove no less
        suggester = Suggester(project)
        for seed in range(2):
            for way in ("clusters", "read", "mixed"):
                run = claims.Run(project, suggester, truth, seed, clusters=1)
                for cell, judged in claims.play(run, way, shares=(0.75,)):
                    results.append({"task": "groups", "cell": cell, "seed": seed, "every": 4, **judged})
        return claims.summed_up(results, 4)


def test_no_more_is_claimed_than_is_true(summary: dict[str, object]) -> None:
    assert summary["gaps"], "no figure was shown at all"
    assert summary["worst_gap"] <= 0.02  # type: ignore[operator]


def test_bounds_hold_and_something_is_accepted(summary: dict[str, object]) -> None:
    assert summary["bound_broken"] == 0
    assert max(summary["accepted_share"].values()) > 0.3  # type: ignore[attr-defined]


def test_labels_in_bulk_alone_bring_no_figure(summary: dict[str, object]) -> None:
    assert summary["in_numbers_by_clusters_alone"] == 0
    assert np.isfinite(summary["worst_gap"])  # type: ignore[call-overload]
