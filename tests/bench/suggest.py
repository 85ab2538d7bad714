"""How long a fit and a queue take at 100,000 images: python -m tests.bench.suggest"""

import time

import numpy as np

from cxr_explorer.labels.features import KERNEL_COMPONENTS
from cxr_explorer.labels.suggest import fit_probe, next_to_read

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


if __name__ == "__main__":
    main()
