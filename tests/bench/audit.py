"""How long audits take at 100,000 labels: python -m tests.bench.audit

Plans and bounds; then a project with 200 audits of clusters and one of all labels.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import labelling
from cxr_explorer.project.audits import conduct
from cxr_explorer.project.audits.bounds import bounds_by_cluster, label_bounds
from cxr_explorer.project.audits.lots import lot_of
from cxr_explorer.project.audits.records import audit_records, with_present_answers
from cxr_explorer.sampling.plan import most_wrong, plan
from cxr_explorer.ui.audit.dialog import Place, choices
from tests.project.projects import FINDINGS, new_project

LABELS = 100_000
CLUSTERS = 200
FINDING, READER = FINDINGS.findings[0], "bench"
Result = TypeVar("Result")


def timed(name: str, do: Callable[[], Result]) -> Result:
    began = time.perf_counter()
    result = do()
    print(f"{name}: {1000 * (time.perf_counter() - began):.1f} ms")
    return result


def main() -> None:
    """Prints milliseconds."""
    made = timed("plan of 1.5 %, 10 errors tolerated", lambda: plan(LABELS, 0.015, 0.95, 10))
    timed("its bound", lambda: most_wrong(LABELS, made.sample, 10, 0.95))
    with TemporaryDirectory() as home, new_project(Path(home), LABELS) as project:
        ids = np.arange(1, LABELS + 1)
        clusters = ((ids - 1) * CLUSTERS // LABELS).astype(np.int32)
        labelling.label(project, ids, Judgement(FINDING, Value.ABSENT, READER, "cluster"))
        whole = timed("lot of all labels", lambda: lot_of(project, FINDING, READER))
        timed("start", lambda: conduct.start(project, whole, 0.015, 0.95, 3, 1))
        for cluster in range(CLUSTERS):
            lot = lot_of(project, FINDING, READER, ids[clusters == cluster])
            conduct.start(project, lot, 0.05, 0.95, 0, 1)
        found = timed(f"records of {CLUSTERS + 1} audits", lambda: audit_records(project))
        image = int(found[0].sample[0])
        timed("an answer", lambda: conduct.answer(project, found[0], image, Value.ABSENT))
        timed("whether it failed", lambda: with_present_answers(project, found[0]).state)
        places = [Place(str(cluster), ids[clusters == cluster]) for cluster in range(CLUSTERS)]
        timed("what the dialog offers", lambda: choices(whole, found, places[0], places))
        timed("bounds by cluster", lambda: bounds_by_cluster(project, ids, clusters, FINDING, READER))
        timed("bounds of all labels", lambda: label_bounds(project))


if __name__ == "__main__":
    main()
