"""Pretrains an encoder on chest radiographs without labels: SimCLR (Chen et al., ICML 2020, arXiv 2002.05709).

    python -m training.pretrain --data DIR_OR_MANIFEST --out RUN --epochs 100
    torchrun --nproc-per-node 8 -m training.pretrain --data … --out RUN --epochs 100 --batch 2048
    python -m training.pretrain --data DIR_OR_MANIFEST --out RUN --resume

Two random views of every image pass through the encoder and a projection head; each view is to find its other half
among the views of all other images. Then the head is dropped: RUN/encoder is a checkpoint as the app loads it. What a
run leaves behind is listed in `training.run_folder`, its settings in `training.settings`.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cxr_explorer.assets import asset
from cxr_explorer.encoder.checkpoint import EncoderInfo, read_encoder
from cxr_explorer.encoder.model import ARCHITECTURES, dimension_of, load_model, save_checkpoint
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec
from training.augment import augment
from training.cache import cached_pixels
from training.data import Item, index, patient_ids, select
from training.machine import autocast, choose_amp, join
from training.monitor import load_probe, watch
from training.nt_xent import nt_xent
from training.progress import Clock, Tally, report, show_decoding, show_progress
from training.run_folder import (
    CONFIG_FILE,
    Place,
    append_tensorboard,
    load_state,
    make_folder,
    read_log,
    replace_folder,
    save_state,
    write_json,
    write_log,
    write_text,
)
from training.settings import Config, Options, as_json, cache_px, encoder_px, learning_rate, parse, view_px


class SimCLR(nn.Module):
    """Encoder and projection head: (B, 1, S, S) to (B, head_out)."""

    def __init__(self, encoder: nn.Module, dimension: int, config: Config) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.Linear(dimension, config.head_width, bias=False),
            nn.BatchNorm1d(config.head_width),
            nn.ReLU(inplace=True),
            nn.Linear(config.head_width, config.head_out, bias=False),
            nn.BatchNorm1d(config.head_out),
        )

    def forward(self, views: Tensor, local: Tensor | None = None) -> Tensor:
        """(B, 1, S, S) and (L, 1, s, s) to (B + L, head_out). The encoder's norms remember whole views alone: on small
        crops it never runs again."""
        features = self.encoder(views)  # (B, D)
        if local is not None:
            norms = [module for module in self.encoder.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
            kept = [norm.momentum for norm in norms]
            for norm in norms:
                norm.momentum = 0.0
            features = torch.cat((features, self.encoder(local)))  # (B + L, D)
            for norm, momentum in zip(norms, kept, strict=True):
                norm.momentum = momentum
        projections: Tensor = self.head(features)
        return projections


def pretrain(options: Options, stop: threading.Event) -> None:
    """Runs or resumes one pretraining, to its end or until `stop` is set.

    Raises:
        UserError: The data or the run's folder is at fault, the loss is no number, or the encoder has collapsed.
    """
    config, run, plan = options.config, options.out, options.config.augmentation
    rank, world, device = join(config)
    chief = rank == 0
    if chief:
        make_folder(run)

    # Data: the split's training patients, decoded once.
    items = select(index(options.data), config.sources, "train")
    shown = show_decoding if chief else None
    cache = cached_pixels([item.path for item in items], options.cache, cache_px(config), on_progress=shown)
    usable = np.flatnonzero(cache.rows >= 0)
    items, rows = [items[i] for i in usable], cache.rows[usable]  # (N,)
    if chief:
        write_text(run / "skipped.txt", "".join(f"{path}\t{reason}\n" for path, reason in cache.skipped))
    if config.batch % world or len(items) < config.batch:
        raise UserError(
            f"Batches of {config.batch} cannot be drawn from {len(items):,} images by {world} processes in equal "
            "parts. Choose another --batch."
        )
    patients = torch.tensor(patient_ids(items))  # (N,)
    mean, std = pixel_statistics(cache.pixels, rows)
    spec = InputSpec(size_px=encoder_px(config), fit="squash", mean=mean, std=std)
    probe = load_probe(items, spec, config.probe_per_source, config.seed) if chief else None
    studies = images_by_study(items) if config.positives == "study" else None

    # Model and optimiser.
    torch.manual_seed(config.seed)
    encoder, origin = begin(config)
    config = replace(config, amp=choose_amp(config, encoder, device))
    model = SimCLR(encoder, dimension_of(encoder), config)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = make_optimiser(model, config)
    place = load_state(run, model, optimiser) if options.resume else Place(images=len(items))
    if place.images != len(items):
        raise UserError(f"Cannot resume {run}: it has {place.images:,} images, here are {len(items):,}. Use its data.")
    parallel: nn.Module = model
    if world > 1:
        if device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call] # replaces the norms inside the model
        parallel = DistributedDataParallel(model)
    log = read_log(run, place.epoch) if options.resume else []
    events = append_tensorboard(run / "tensorboard") if chief and options.tensorboard else None
    if chief:
        write_json(run / CONFIG_FILE, as_json(config))

    # Loop. Chance depends on seed and step alone, so a resumed run draws what an unbroken one would have drawn.
    steps = len(items) // config.batch  # a pass drops the last incomplete batch
    clock = Clock(place, steps, config, device, stop)
    while clock.progress(place) < 1:
        order = np.random.default_rng([config.seed, place.epoch]).permutation(len(items))
        batches = order[: steps * config.batch].reshape(steps, config.batch)
        tally = Tally()
        while place.step < steps and (progress := clock.progress(place)) < 1:
            mine = batches[place.step, rank::world]  # (b,) with b = batch / world
            generator = torch.Generator(device).manual_seed(seed_of(config.seed, place.steps, rank))
            pairs = (mine, second_images(mine, studies, [config.seed, place.steps, rank]))
            whole_px, local_px = view_px(progress, config)
            pixels = [load_pixels(cache.pixels[rows[chosen]], device) for chosen in pairs]
            views = [torch.cat([augment(part, whole_px, plan, generator) for part in pixels])]  # (2b, 1, S, S)
            if config.local_views:
                crops = pixels[0].repeat(config.local_views, 1, 1, 1)
                views.append(augment(crops, local_px, plan.for_parts(), generator))  # (nb, 1, s, s)
            inputs = [((part - mean) / std).contiguous(memory_format=torch.channels_last) for part in views]
            with autocast(config, device):
                z = parallel(*inputs).float().chunk(2 + config.local_views)  # (b, head_out) each
            groups = patients[mine].to(device) if config.mask_patients else None
            losses = [
                nt_xent(z[one], z[other], config.temperature, decoupled=config.loss == "dcl", groups=groups)
                for one, other in compared_views(config.local_views)
            ]
            loss = torch.stack(losses).mean()
            value = float(loss.detach())
            if not math.isfinite(value):
                raise UserError(
                    f"The loss is {value} at step {place.steps:,}: training has diverged. Lower --lr and start anew; "
                    f"{run} keeps the last good state."
                )
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(progress, config) * group["share"]
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            place = replace(place, step=place.step + 1, steps=place.steps + 1, elapsed_s=clock.elapsed_s())
            tally.add(value, z[0].detach(), z[1].detach())
            if chief and place.step < steps:
                show_progress(place, steps, progress, tally, config.batch)
                if clock.is_time_to_save():
                    save_state(run, model, optimiser, place)
        if clock.interrupted:
            break
        if place.step == steps:
            place = replace(place, epoch=place.epoch + 1, step=0)
        if probe is not None and tally.losses:  # chief alone; the others wait for its clock
            line = {"epoch": place.epoch + (place.step > 0), "steps": place.steps, "progress": clock.share(place)}
            line |= {"minutes": place.elapsed_s / 60, "lr": optimiser.param_groups[0]["lr"]}
            line |= tally.means(config.batch) | watch(model.encoder, probe, device)
            log.append({key: float(f"{value:.6g}") for key, value in line.items()} | {"epoch": line["epoch"]})
            write_log(run, log)
            report(log[-1])
            if events is not None:
                events(log[-1])
            if clock.share(place) > config.warmup and not line["effective_rank"] >= config.min_effective_rank:
                raise UserError(
                    f"The encoder has collapsed: its embeddings use {line['effective_rank']:.1f} directions. Lower "
                    "--lr, raise --batch or --temperature, and start anew."
                )
            if place.step == 0 and place.epoch % config.export_every == 0:
                export(run, model.encoder, spec, config, place, origin)
        if chief:
            place = replace(place, elapsed_s=clock.elapsed_s())
            save_state(run, model, optimiser, place)
    if chief and clock.interrupted:
        save_state(run, model, optimiser, place)
        sys.stderr.write(f"\nStopped after {place.steps:,} steps. Go on with --resume.\n")
    elif chief:
        export(run, model.encoder, spec, config, place, origin)
    if world > 1:
        dist.destroy_process_group()


def begin(config: Config) -> tuple[nn.Module, str]:
    """The encoder with the weights to begin from, in training mode, and what these are called.

    Raises:
        UserError: There are no such weights, or none of them are of the architecture.
    """
    if config.init == "random":
        return ARCHITECTURES[config.arch]().train(), "random"
    if config.init == "imagenet" and config.arch != "efficientnet_lite0":
        raise UserError(
            f"There are no ImageNet weights of {config.arch} with the program. Use --arch efficientnet_lite0, or give "
            "--init a checkpoint folder."
        )
    info = read_encoder(asset("encoders", "imagenet-lite0") if config.init == "imagenet" else Path(config.init))
    if info.architecture == config.arch:
        return load_model(info, torch.device("cpu")).train(), info.name
    if info.architecture.endswith("_stages"):  # of `training.bundle`: one network, or several side by side
        wanted = _shapes(ARCHITECTURES[config.arch]())
        bases = load_model(info, torch.device("cpu")).bases
        assert isinstance(bases, nn.ModuleList)
        for base in bases:
            if _shapes(base) == wanted:
                return base.train(), info.name
    raise UserError(
        f"The checkpoint {info.directory} is a {info.architecture} and has no {config.arch}. Choose another --arch, or "
        "another checkpoint."
    )


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in network.state_dict().items()}


def make_optimiser(model: SimCLR, config: Config) -> torch.optim.AdamW:
    """AdamW in four groups: encoder and head, with and without weight decay; `share` scales the learning rate."""
    share = config.encoder_lr_share or (1.0 if config.init == "random" else 0.1)
    groups: list[dict[str, Any]] = []
    for part, scale in ((model.encoder, share), (model.head, 1.0)):
        for decayed in (True, False):
            parameters = [p for p in part.parameters() if (p.ndim > 1) == decayed]
            groups.append(
                {"params": parameters, "weight_decay": config.weight_decay if decayed else 0.0, "share": scale}
            )
    return torch.optim.AdamW(groups, lr=config.lr)


def pixel_statistics(pixels: NDArray[np.uint8], rows: NDArray[np.int64], most: int = 2000) -> tuple[float, float]:
    """Mean and standard deviation of pixels in [0, 1], over at most so many images in even steps, 4 digits."""
    sample = pixels[rows[:: math.ceil(len(rows) / most)]]
    mean, std = float(sample.mean()) / 255, float(sample.std()) / 255
    return round(mean, 4), max(round(std, 4), 0.01)


def load_pixels(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """(B, S, S) bytes as (B, 1, S, S) float32 in [0, 1] on the device; bytes travel, floats do not."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device)[:, None].float().div_(255)


def compared_views(local_views: int) -> list[tuple[int, int]]:
    """Pairs of views that are to find each other: the two whole ones, and each of these with every local one, which is
    multi-crop as Caron et al. (SwAV, NeurIPS 2020, arXiv 2006.09882, section 3.2) have it. Whole views are 0 and 1."""
    return [(0, 1)] + [(whole, 2 + local) for whole in (0, 1) for local in range(local_views)]


def images_by_study(items: Sequence[Item]) -> list[list[int]]:
    """For each item the numbers of all items of its study, its own among them."""
    keys = [(item.source, item.study or number) for number, item in enumerate(items)]  # no study: its own
    studies: dict[tuple[str, str | int], list[int]] = {}
    for number, key in enumerate(keys):
        studies.setdefault(key, []).append(number)
    return [studies[key] for key in keys]


def second_images(first: NDArray[np.int64], studies: list[list[int]] | None, seed: Sequence[int]) -> NDArray[np.int64]:
    """The images that give the second views: the same, or with `studies` another of the study where there is one."""
    if studies is None:
        return first
    chance = np.random.default_rng([*seed])
    others = [[j for j in studies[i] if j != i] or [i] for i in first]
    return np.array([chance.choice(choice) for choice in others], dtype=np.int64)


def seed_of(*numbers: int) -> int:
    """One seed for torch from several numbers, without the patterns that adding them would make."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def export(run: Path, encoder: nn.Module, spec: InputSpec, config: Config, place: Place, origin: str) -> None:
    """Replaces RUN/encoder by the encoder as it is now, which began from the weights called `origin`.

    Raises:
        UserError: The folder cannot be written.
    """
    name = config.name or f"simclr-{config.arch.replace('_', '-')}"
    loss = "decoupled contrastive loss" if config.loss == "dcl" else "NT-Xent"
    training = (
        f"SimCLR ({loss}, temperature {config.temperature:g}, batch {config.batch}) from {origin} weights on "
        f"{place.images:,} chest radiographs ({', '.join(config.sources) or 'all sources'}), {place.steps:,} steps; "
        "no labels used."
    )
    card = f"# {name}\n\n{training}\n\nNot evaluated yet. Not a diagnostic device: an embedding is no finding.\n"

    def fill(folder: Path) -> EncoderInfo:
        return save_checkpoint(
            folder,
            encoder,
            name=name,
            title=f"SimCLR {config.arch} ({place.steps:,} steps)",
            architecture=config.arch,
            spec=spec,
            training=training,
            card=card,
        )

    replace_folder(run / "encoder", fill)


def main(arguments: Sequence[str] | None = None) -> int:
    """Pretrains as the command line says; returns the process's exit status."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        pretrain(parse(arguments), stop)
    except UserError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    return 130 if stop.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())
