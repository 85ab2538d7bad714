"""Tests draw without a screen, share the processors with the tests beside them, and have patience."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # before numpy, numba and torch are loaded: they look once
    THREADS = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, str(THREADS))

from hypothesis import HealthCheck, settings
from pytestqt.qtbot import QtBot

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

WHOLE_WAYS = (
    "tests/cli/test_main.py",
    "tests/test_documents.py",
    "tests/encoder/test_adding.py",
    "tests/packaging/test_docs.py",
    "tests/test_privacy.py",
    "tests/test_indexing.py",
    "tests/test_end_to_end.py",
    "tests/training/test_evaluate.py",
    "tests/training/test_pretrain.py",
    "tests/test_storage_harnesses.py",
)
"""Modules with single tests of 10 s and more: they come first, so that at the end no worker waits for a long one."""


SOAK = "tests/ui/test_soak.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "CXR_SOAK_MINUTES" in os.environ:  # one worker is busy with it for minutes
        items.sort(key=lambda item: not item.nodeid.startswith(SOAK))
    items.sort(key=lambda item: not item.nodeid.startswith((SOAK, *WHOLE_WAYS)))  # the order is else as it was


PATIENCE_MS = 240_000
"""A wait ends as soon as what it waits for is there: a slow or busy machine needs the rest, no other pays for it."""


class PatientBot(QtBot):
    """Waits for PATIENCE_MS at least, where the absence of what is awaited fails the test."""

    def waitUntil(self, callback: Callable[[], Any], *, timeout: int = PATIENCE_MS) -> None:
        super().waitUntil(callback, timeout=max(timeout, PATIENCE_MS))

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE_MS, **more: Any) -> Any:
        wanted = more.get("raising") is not False
        return super().waitSignal(signal, timeout=max(timeout, PATIENCE_MS) if wanted else timeout, **more)

    def waitSignals(self, signals: Any, *, timeout: int = PATIENCE_MS, **more: Any) -> Any:
        return super().waitSignals(signals, timeout=max(timeout, PATIENCE_MS), **more)

    def waitExposed(self, widget: Any, *, timeout: int = PATIENCE_MS) -> Any:
        return super().waitExposed(widget, timeout=max(timeout, PATIENCE_MS))

    def waitActive(self, widget: Any, *, timeout: int = PATIENCE_MS) -> Any:
        return super().waitActive(widget, timeout=max(timeout, PATIENCE_MS))


@pytest.fixture
def qtbot(qapp: Any, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture(scope="session")
def demo_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 simulated images, drawn once: copy or link them, and leave them as they are."""
    from cxr_explorer.demo import write_demo

    folder = tmp_path_factory.mktemp("demo") / "images"
    write_demo(folder, 40)
    return folder


@pytest.fixture(autouse=True, scope="session")
def quick_children() -> Iterator[None]:
    """On Linux, children come without seconds of imports, see `quick_children`. macOS has `forkserver` too, but its own
    libraries do not bear a fork once they are loaded."""
    from cxr_explorer import worker

    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux":
            from tests.quick_children import QuickContext

            patch.setattr(worker, "_context", QuickContext())
        yield
