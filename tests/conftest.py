"""Tests draw without a screen, and tests in parallel share the processors instead of each taking all of them."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # before numpy, numba and torch are loaded: they look once
    THREADS = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, str(THREADS))
