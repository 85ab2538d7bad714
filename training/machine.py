"""Where training computes: processes, device, and whether bfloat16 pays there."""

from __future__ import annotations

import copy
import os
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn

from cxr_explorer.encoder.model import choose_device
from training.settings import Config

_PATIENCE = timedelta(hours=6)  # others wait while the first process decodes, watches and exports


def join(config: Config) -> tuple[int, int, torch.device]:
    """Joins the processes that torchrun started, if it did.

    Returns:
        This process's number, how many there are, and its device.

    Raises:
        UserError: The device asked for is not there.
    """
    if config.threads > 0:
        torch.set_num_threads(config.threads)
    device = choose_device(config.device)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1, device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    return dist.get_rank(), world, device


def choose_amp(config: Config, encoder: nn.Module, device: torch.device) -> str:
    """ "on" or "off" for the setting `amp`.

    "auto" is on for CUDA cards with bfloat16, and on a CPU where a short measurement says so: it is for plain
    convolutions on CPUs with bfloat16 units, not for depthwise ones.
    """
    if config.amp != "auto":
        return config.amp
    if device.type == "cuda":
        return "on" if torch.cuda.is_bf16_supported() else "off"
    if device.type != "cpu":
        return "off"
    fast, slow = (_step_time_s(encoder, config.input_px, bf16) for bf16 in (True, False))
    return "on" if fast < 0.9 * slow else "off"


def autocast(config: Config, device: torch.device) -> AbstractContextManager[object]:
    """The context in which the model runs forward."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if config.amp == "on" else nullcontext()


def _step_time_s(encoder: nn.Module, size_px: int, bf16: bool) -> float:
    """The shortest of three forward and backward passes of 16 images through a copy of the encoder."""
    model = copy.deepcopy(encoder).to(memory_format=torch.channels_last)
    images = torch.rand(16, 1, size_px, size_px).contiguous(memory_format=torch.channels_last)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            out = model(images)
        out.float().square().mean().backward()
        times.append(time.perf_counter() - began)
    return min(times)
