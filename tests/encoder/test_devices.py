"""Choosing a device, with PyTorch left alone where no graphics card can be."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cxr_explorer.encoder import devices
from cxr_explorer.encoder.devices import choose_kind, count_threads, describe_kind
from cxr_explorer.errors import UserError


def without_torch(program: str) -> str:
    """What a program prints in a process where PyTorch cannot be imported."""
    script = f"import sys; sys.modules['torch'] = None\n{program}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_a_sign_of_a_card_pytorch_is_not_loaded() -> None:
    program = (
        "import sys; from cxr_explorer.encoder import devices; devices.may_have_gpu = lambda: False;"
        "print(devices.choose_kind('auto'), devices.choose_kind('cpu'), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "cpu cpu False"


def test_a_card_without_pytorch_leaves_the_processor() -> None:
    program = "from cxr_explorer.encoder import devices; devices.may_have_gpu = lambda: True\n"
    assert without_torch(program + "print(devices.choose_kind('auto'))") == "cpu"
    asked = (
        "from cxr_explorer.errors import UserError\ntry: devices.choose_kind('cuda')\nexcept UserError as e: print(e)"
    )
    assert "pip install torch" in without_torch(program + asked)


def test_with_a_sign_of_a_card_pytorch_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(devices, "may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_kind("auto") == "cpu"
    with pytest.raises(UserError, match="not usable here"):
        choose_kind("cuda")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(UserError, match="no device called 'tpu'"):
        choose_kind("tpu")


def test_threads_are_the_cores_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert count_threads() == 3
    assert describe_kind("cpu") == "cpu: 3 threads"
    for nonsense in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", nonsense)
        assert count_threads() >= 1
