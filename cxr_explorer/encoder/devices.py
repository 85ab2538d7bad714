"""What the encoder computes on, found out without PyTorch where no graphics card can be."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from cxr_explorer.errors import UserError

KINDS = ("cuda", "mps", "cpu")

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvmap", "/dev/kfd", "/proc/driver/nvidia/version")
"""What the drivers of cards that PyTorch calls "cuda" show on Linux: NVIDIA's, Windows' within WSL, Jetson's, AMD's."""


def choose_kind(name: str = "auto") -> str:
    """ "cpu", "cuda" or "mps" for one of these or "auto", which takes the first of cuda, mps and cpu that computes.

    PyTorch is loaded only where a graphics card may be: it takes a second or more.

    Raises:
        UserError: The device asked for is not there or does not compute, or PyTorch, which it needs, is not installed.
    """
    if name not in ("auto", *KINDS):
        raise UserError(f"There is no device called {name!r}. Choose auto, cpu, cuda or mps.")
    if name == "cpu" or (name == "auto" and not may_have_gpu()):
        return "cpu"
    try:
        from cxr_explorer.encoder.model import choose_device
    except (ImportError, OSError) as error:  # OSError: one of its libraries does not load
        if name == "auto":
            return "cpu"
        raise UserError(
            f"The device {name} needs PyTorch, which is not installed here or does not load ({error}). "
            "Install it (pip install torch), or choose auto or cpu."
        ) from error
    return choose_device(name).type


def may_have_gpu() -> bool:
    """Whether there is a sign of a graphics card that PyTorch may compute on: a Mac, or a card's driver."""
    if sys.platform == "darwin":
        return True
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll").exists()
    return any(Path(sign).exists() for sign in _DRIVERS) or shutil.which("nvidia-smi") is not None


def count_threads() -> int:
    """Threads for the network on a CPU: OMP_NUM_THREADS where it is set, else the cores this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    allowed = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def describe_kind(kind: str) -> str:
    """The device in words: "cuda: NVIDIA …", "mps: Apple GPU", "cpu: 8 threads"."""
    if kind == "cuda":
        import torch

        return f"cuda: {torch.cuda.get_device_name()}"
    if kind == "mps":
        return f"mps: Apple GPU ({platform.machine()})"
    threads = count_threads()
    return f"cpu: {threads} thread{'s' if threads > 1 else ''}"
