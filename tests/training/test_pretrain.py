"""A short pretraining run: it learns, survives a kill, stops on collapse, and leaves an encoder the app can use."""

import copy
import itertools
import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load as load_tensors

import training.pretrain
import training.progress
from cxr_explorer.assets import asset
from cxr_explorer.encoder.checkpoint import read_encoder, read_weights
from cxr_explorer.encoder.model import ARCHITECTURES, load_model
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec, preprocess
from cxr_explorer.images.read import read
from tests.training.narrow import Narrow
from training.augment import Augmentation
from training.data import Item, index
from training.monitor import effective_rank, encoder_input, knn_accuracy, load_probe, uniformity
from training.pretrain import SimCLR, begin, compared_views, images_by_study, main, pretrain, second_images
from training.run_folder import Place, draw_curve, read_log
from training.settings import Config, cache_px, encoder_px, learning_rate, make_config, parse, view_px

SMALL = ["--input-px", "32", "--cache-px", "40", "--batch", "16", "--head-width", "32", "--head-out", "16"]
SMALL += ["--probe-per-source", "32", "--threads", "1", "--amp", "off", "--device", "cpu", "--lr", "0.002"]

Run = dict[str, Any]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 small pictures, each a pattern of its own."""
    folder = tmp_path_factory.mktemp("images")
    chance = np.random.default_rng(0)
    for number in range(64):
        coarse = Image.fromarray(chance.integers(0, 255, (5, 5), dtype=np.uint8))
        coarse.resize((48, 44), Image.Resampling.BICUBIC).save(folder / f"{number:02d}.png")
    return folder


def _command(images: Path, out: Path, *more: str) -> list[str]:
    return ["--data", str(images), "--out", str(out), *SMALL, *more]


def _log(run: Path) -> list[Run]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def _losses(run: Path) -> list[float]:
    return [line["loss"] for line in _log(run)]


def _train(*command: str) -> None:
    pretrain(parse(command), threading.Event())


@pytest.fixture(scope="module")
def unbroken(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six epochs."""
    run = tmp_path_factory.mktemp("runs") / "unbroken"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "resnet18", Narrow)
        _train(*_command(images, run, "--epochs", "6"))
    return run


def test_a_short_run_lowers_the_loss_and_logs_each_epoch(unbroken: Path) -> None:
    log = _log(unbroken)
    assert [line["epoch"] for line in log] == [1, 2, 3, 4, 5, 6]
    assert log[-1]["loss"] < log[0]["loss"] - 0.1
    assert log[-1]["alignment"] < log[0]["alignment"]
    assert log[-1]["lr"] < log[2]["lr"]
    assert all(line["effective_rank"] > 2 and line["images_per_s"] > 0 for line in log)
    with Image.open(unbroken / "loss.png") as curve:
        assert curve.size == (640, 360)


def test_the_run_leaves_an_encoder_as_the_app_loads_it(images: Path, tmp_path: Path) -> None:
    run = tmp_path / "real"
    _train(*_command(images, run, "--epochs", "1"))
    info = read_encoder(run / "encoder")
    assert (info.architecture, info.dimension, info.spec.size_px) == ("resnet18", 512, 32)
    assert 0.3 < info.spec.mean < 0.7
    inputs = torch.from_numpy(preprocess(read(images / "00.png"), info.spec))[None]
    with torch.inference_mode():
        assert load_model(info, torch.device("cpu"))(inputs).shape == (1, 512)


def test_an_encoder_trained_on_says_where_it_began_and_not_in_which_folder(
    images: Path, unbroken: Path, tmp_path: Path, narrow: None
) -> None:
    run = tmp_path / "on"
    _train(*_command(images, run, "--epochs", "1", "--init", str(unbroken / "encoder"), "--local-px", "32"))
    description = read_encoder(run / "encoder").description
    assert f"from {read_encoder(unbroken / 'encoder').name} weights" in description
    assert str(tmp_path) not in (run / "encoder" / "encoder.json").read_text()
    assert str(unbroken) not in (run / "encoder" / "encoder.json").read_text()


def test_pretraining_goes_on_with_a_network_of_the_bundled_encoder() -> None:
    bundled = asset("encoders", "simclr-cxr")
    held = load_tensors(read_weights(read_encoder(bundled)))
    network, name = begin(Config(epochs=1, init=str(bundled)))
    assert name == "simclr-cxr" and network.training
    for key, value in network.state_dict().items():
        assert torch.equal(value, held[f"bases.1.{key}"].to(value.dtype)), key


def test_an_encoder_without_the_architecture_is_refused(unbroken: Path) -> None:
    for folder in (asset("encoders", "simclr-cxr"), asset("encoders", "imagenet-lite0")):
        with pytest.raises(UserError, match="has no resnet34"):
            begin(Config(epochs=1, arch="resnet34", init=str(folder)))


def test_small_views_and_larger_last_ones_are_trained_with(images: Path, tmp_path: Path, narrow: None) -> None:
    run = tmp_path / "crops"
    _train(*_command(images, run, "--epochs", "6", "--local-views", "3", "--local-px", "32", "--final-px", "48"))
    log = _log(run)
    assert log[-1]["loss"] < log[0]["loss"] - 0.05
    assert read_encoder(run / "encoder").spec.size_px == 48


def test_norms_remember_whole_views_alone() -> None:
    torch.manual_seed(0)
    model = SimCLR(Narrow(), Narrow.dimension, Config(epochs=1)).train()
    whole, local = torch.rand(4, 1, 48, 48), torch.rand(8, 1, 32, 32) + 5
    kept = copy.deepcopy(model)
    assert model(whole, local).shape == (12, 128)
    kept(whole)
    for name, value in kept.encoder.state_dict().items():
        if "running" in name:
            torch.testing.assert_close(model.encoder.state_dict()[name], value, rtol=0, atol=0)
    assert all(norm.momentum == 0.1 for norm in model.encoder.modules() if isinstance(norm, torch.nn.BatchNorm2d))


def test_local_views_find_whole_ones_and_never_each_other() -> None:
    assert compared_views(0) == [(0, 1)]
    assert compared_views(2) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)]


def test_views_grow_in_the_last_part_of_the_run() -> None:
    config = Config(epochs=1, input_px=96, local_px=48, final_px=128, final_share=0.25)
    assert [view_px(progress, config) for progress in (0.0, 0.74, 0.75, 1.0)] == [(96, 48)] * 2 + [(128, 64)] * 2
    assert (encoder_px(config), cache_px(config)) == (128, 165)
    alike = replace(config, final_px=0)
    assert (view_px(1.0, alike), encoder_px(alike), cache_px(alike)) == ((96, 48), 96, 123)


def test_a_run_that_is_killed_goes_on_as_if_unbroken(
    images: Path, unbroken: Path, tmp_path: Path, narrow: None
) -> None:
    run = tmp_path / "killed"
    command = [sys.executable, "-m", "tests.training.narrow", *_command(images, run, "--epochs", "6")]
    root = Path(training.pretrain.__file__).parents[1]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=500, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert _losses(run) == pytest.approx(_losses(unbroken)[:2], rel=1e-3)
    _train("--data", str(images), "--out", str(run), "--resume")
    assert _losses(run) == pytest.approx(_losses(unbroken), rel=1e-3)
    assert _log(run)[-1]["steps"] == 24


def test_a_stopped_run_saves_its_place_within_the_epoch(
    images: Path, tmp_path: Path, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    def stop_after_two(place: Place, *_: object) -> None:
        if place.steps == 2:
            stop.set()

    monkeypatch.setattr(training.pretrain, "show_progress", stop_after_two)
    run = tmp_path / "stopped"
    pretrain(parse(_command(images, run, "--epochs", "6")), stop)
    assert not (run / "log.jsonl").exists()
    _train("--data", str(images), "--out", str(run), "--resume", "--epochs", "1")
    assert [(line["epoch"], line["steps"]) for line in _log(run)] == [(1, 4)]


def test_a_run_by_the_clock_ends_in_time_with_a_low_learning_rate(
    images: Path, tmp_path: Path, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "timed"
    ticks = itertools.count()  # a second passes with each look at the clock
    monkeypatch.setattr(training.progress, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    _train(*_command(images, run, "--minutes", "2", "--export-every", "1000"))
    log = _log(run)
    rates = [line["lr"] for line in log]
    assert len(rates) > 3 and rates[-1] < 0.05 * max(rates)
    assert log[-1]["minutes"] == pytest.approx(2, abs=0.1)
    assert (run / "encoder" / "encoder.json").is_file()


def test_a_collapsed_encoder_stops_the_run(images: Path, tmp_path: Path, narrow: None) -> None:
    with pytest.raises(UserError, match="collapsed"):
        _train(*_command(images, tmp_path / "run", "--epochs", "2", "--min-effective-rank", "1000"))


def test_a_loss_that_is_no_number_stops_the_run(
    images: Path, tmp_path: Path, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.pretrain, "nt_xent", lambda *args, **kwargs: torch.tensor(torch.nan))
    with pytest.raises(UserError, match="loss is nan"):
        _train(*_command(images, tmp_path / "run", "--epochs", "1"))


def test_mistakes_are_told_in_one_line(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main(_command(images, tmp_path / "a", "--epochs", "1", "--batch", "65")) == 1
        assert "Batches of 65 cannot be drawn from 64 images" in capsys.readouterr().err
        assert main(_command(images, tmp_path / "b", "--epochs", "1", "--init", "imagenet")) == 1
        assert "no ImageNet weights of resnet18" in capsys.readouterr().err
        assert main(_command(images, tmp_path / "c")) == 1
        assert "either --epochs or --minutes" in capsys.readouterr().err
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_run_is_neither_overwritten_nor_resumed_with_other_settings(unbroken: Path, images: Path) -> None:
    with pytest.raises(UserError, match="--resume"):
        parse(_command(images, unbroken, "--epochs", "6"))
    with pytest.raises(UserError, match="another temperature"):
        parse(["--data", str(images), "--out", str(unbroken), "--resume", "--temperature", "0.5"])
    stretched = parse(["--data", str(images), "--out", str(unbroken), "--resume", "--minutes", "3"]).config
    assert (stretched.epochs, stretched.minutes, stretched.input_px) == (0, 3.0, 32)


def test_a_settings_file_gives_what_the_command_line_leaves_open(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"epochs": 5, "lr": 1, "augmentation": {"noise": 0, "area": [0.5, 1], "local_area": [0.2, 0.5]}}')
    config = parse(["--data", "d", "--out", str(tmp_path / "run"), "--config", str(path), "--lr", "0.5"]).config
    assert (config.epochs, config.lr) == (5, 0.5)
    assert config.augmentation == replace(Augmentation(), noise=0, area=(0.5, 1), local_area=(0.2, 0.5))


@pytest.mark.parametrize(
    "asked",
    [
        {"epoch": 1},
        {"epochs": "1"},
        {"epochs": 1, "loss": "mse"},
        {"epochs": 1, "minutes": 1},
        {"epochs": 1.5},
        {"epochs": 1, "local_views": -1},
        {"epochs": 1, "local_px": 16},
        {"epochs": 1, "final_px": 16},
        {"epochs": 1, "final_share": 2},
    ],
)
def test_settings_that_make_no_sense_are_refused(asked: Run) -> None:
    with pytest.raises(UserError):
        make_config(asked, Config())


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    config = Config(epochs=1, lr=2.0, warmup=0.1)
    rates = [learning_rate(progress, config) for progress in (0.0, 0.05, 0.1, 0.55, 1.0, 1.2)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 1.0, 0.0, 0.0])


def test_what_is_evaluated_is_what_the_app_feeds_its_encoder_bit_for_bit(images: Path) -> None:
    spec = InputSpec(size_px=40, fit="squash", mean=0.4, std=0.2)
    items = index(images)
    expected = {preprocess(read(item.path), spec).tobytes() for item in items}
    np.testing.assert_array_equal(encoder_input(items[0], spec), preprocess(read(items[0].path), spec))
    probe = load_probe(items, spec, 64, seed=0)
    assert {part.numpy().tobytes() for part in probe.inputs} == expected


def test_effective_rank_counts_directions() -> None:
    directions = torch.eye(8).repeat(10, 1)
    assert effective_rank(torch.cat((directions, -directions))) == pytest.approx(8)
    assert effective_rank(torch.ones(20, 8)) == 0.0
    line = torch.linspace(-1, 1, 30)[:, None] * torch.ones(1, 8)
    assert effective_rank(line) == pytest.approx(1)


def test_uniformity_is_lower_where_points_are_spread() -> None:
    assert uniformity(torch.ones(10, 4)) == pytest.approx(0)
    assert uniformity(torch.eye(10)) == pytest.approx(-4)


def test_neighbours_of_the_same_patient_have_no_vote() -> None:
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.01], [1.0, 0.2], [1.0, 0.21], [0.0, 1.0], [0.1, 1.0]])
    classes = torch.tensor([0, 0, 1, 1, 1, 1])
    alone = torch.arange(6)
    assert knn_accuracy(embeddings, classes, alone, k=1) == 1.0
    together = torch.tensor([0, 0, 1, 2, 3, 4])
    assert knn_accuracy(embeddings, classes, together, k=1) == pytest.approx(0.5)


def test_second_images_come_from_the_same_study() -> None:
    blank = Item(Path("x"), "s", "p", "", "", "", None, None, "train")
    items = [replace(blank, study="1"), blank, replace(blank, study="1"), blank]
    first = np.arange(4)
    assert second_images(first, images_by_study(items), [0]).tolist() == [2, 1, 0, 3]
    assert second_images(first, None, [0]).tolist() == [0, 1, 2, 3]


def test_the_log_forgets_epochs_beyond_the_saved_state(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n{"epo')
    assert read_log(tmp_path, 1) == [{"epoch": 1}]
    assert Place(images=3).steps == 0
    assert draw_curve([]).size == draw_curve([3.0, float("nan"), 1.0]).size
