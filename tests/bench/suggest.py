"""How long suggestions take at 100,000 images: python -m tests.bench.suggest

A fit of one finding, its probabilities and the next batch; a probe to take elsewhere, from 1,280 components; and how
sure random audits of 40 clusters make it.
"""

import time

import numpy as np

from cxr_explorer.probes.features import KERNEL_COMPONENTS
from cxr_explorer.probes.probe import fit_probe, next_to_read
from cxr_explorer.probes.probe_set import fit_probe_set
from cxr_explorer.sampling.target import RandomAudit, standing

IMAGES = 100_000


def main() -> None:
    """Prints seconds by number of answers."""
    random = np.random.default_rng(0)
    features = random.standard_normal((IMAGES, 2 * KERNEL_COMPONENTS), dtype=np.float32) / 20
    truth = features[:, 0] + 0.05 * random.standard_normal(IMAGES) > 0
    clusters = random.integers(0, 60, IMAGES)
    for answers in (50, 500, 2000, 8000, 30000):
        rows = random.permutation(IMAGES)[:answers]
        read = np.zeros(IMAGES, dtype=np.bool_)
        read[rows] = True
        for calibrate in (False, True):
            began = time.perf_counter()
            probe = fit_probe(features, rows, truth[rows], calibrate=calibrate)
            fitted = time.perf_counter()
            probe.probabilities(features)
            next_to_read(features, clusters, read, probe, 64)
            done = time.perf_counter()
            kind = "calibrated" if calibrate else "plain"
            print(f"{answers:6} answers, {kind:10}: fit {fitted - began:.2f} s, use {done - fitted:.2f} s")
    embeddings = random.standard_normal((IMAGES, 1280), dtype=np.float32)
    for answers in (500, 5000):
        rows = random.permutation(IMAGES)[:answers]
        began = time.perf_counter()
        fit_probe_set("bench", "none", "", embeddings, {"finding": (rows, truth[rows])})
        print(f"{answers:6} answers, 1,280 components, to save: {time.perf_counter() - began:.2f} s")
    ids = np.arange(IMAGES)
    audits = [RandomAudit(ids[i::40], ids[i::40][:8], ids[:0]) for i in range(40)]
    looked = np.concatenate([audit.looked for audit in audits])
    began = time.perf_counter()
    standing(looked, np.setdiff1d(ids, looked), audits)
    print(f"standing after 40 audits: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
