"""Runs on a Ray cluster of this machine with two workers, and what happens when one of them ends."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.errors import UserError
from cxr_explorer.shards import on_ray
from cxr_explorer.shards.embedding import Lost, Written
from cxr_explorer.shards.on_ray import LOCAL, Workers
from cxr_explorer.shards.run import EmbedReport, Where, embed_films
from tests.shards.dying import DyingAlways, DyingOnce
from tests.shards.films import draw_films, rows_of, small_encoder

try:
    import ray
except ImportError:
    ray = None

pytestmark = [
    pytest.mark.skipif(ray is None, reason="ray is not installed (the extra `cluster`)"),
    pytest.mark.skipif(os.name != "posix", reason="kills a process by signal"),
    pytest.mark.filterwarnings("ignore"),  # of ray's own
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two processors, so two workers of one each."""
    place = tempfile.mkdtemp(prefix="ray-")  # short: its sockets lie there
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=80 << 20,
        _temp_dir=place,
    )
    yield
    ray.shutdown()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def encoder() -> EncoderInfo:
    return small_encoder()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_films(tmp_path_factory.mktemp("films"), 40)


@pytest.fixture(scope="module")
def alone(films: Path, tmp_path_factory: pytest.TempPathFactory, encoder: EncoderInfo) -> list[dict[str, Any]]:
    """The rows that a run in one process gives."""
    out = tmp_path_factory.mktemp("alone") / "out"
    embed_films(str(films), str(out), encoder, "cpu", shard_size=8)
    return without_marks(rows_of(out))


def without_marks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "patient_mark": None} for row in rows]  # of every run's own key


def run_on_ray(films: Path, out: Path, encoder: EncoderInfo, told: list[Any]) -> EmbedReport:
    where = Where(LOCAL, Workers(cpus=1))
    return embed_films(str(films), str(out), encoder, "cpu", where, shard_size=8, tell=told.append)


def test_two_workers_give_bit_for_bit_what_one_process_gives(
    cluster: None, films: Path, alone: list[dict[str, Any]], tmp_path: Path, encoder: EncoderInfo
) -> None:
    told: list[Any] = []
    report = run_on_ray(films, tmp_path / "out", encoder, told)
    assert (report.embedded, report.unreadable, report.lost_workers) == (39, 1, 0)
    assert {step.number for step in told if isinstance(step, Written)} == set(range(5))
    assert without_marks(rows_of(tmp_path / "out")) == alone
    assert [failure["file"] for failure in report.failed] == ["broken.png"]


def test_a_worker_killed_in_the_middle_of_a_shard_costs_only_that_shard(
    cluster: None,
    films: Path,
    alone: list[dict[str, Any]],
    tmp_path: Path,
    encoder: EncoderInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(on_ray, "Worker", DyingOnce)
    told: list[Any] = []
    report = run_on_ray(films, tmp_path / "out", encoder, told)
    assert [step for step in told if isinstance(step, Lost)] == [Lost(1, last=False)]
    assert sorted(step.number for step in told if isinstance(step, Written)) == list(range(5))  # none twice
    died = tmp_path / "out" / "died.txt"
    with pytest.raises(ProcessLookupError):
        os.kill(int(died.read_text()), 0)
    died.unlink()
    assert report.lost_workers == 1
    assert without_marks(rows_of(tmp_path / "out")) == alone


def test_a_shard_that_ends_every_worker_is_given_up_and_the_rest_is_made(
    cluster: None,
    films: Path,
    alone: list[dict[str, Any]],
    tmp_path: Path,
    encoder: EncoderInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(on_ray, "Worker", DyingAlways)
        with pytest.raises(UserError, match=r"3 workers ended over each \(part-00001.parquet\)"):
            run_on_ray(films, tmp_path / "out", encoder, told)
    assert [step.last for step in told if isinstance(step, Lost)] == [False, False, True]
    assert sorted(step.number for step in told if isinstance(step, Written)) == [0, 2, 3, 4]
    report = embed_films(str(films), str(tmp_path / "out"), encoder, "cpu")  # in this process, it goes on
    assert report.reused == 32
    assert without_marks(rows_of(tmp_path / "out")) == alone


def test_what_a_worker_cannot_do_ends_the_run_in_words(
    cluster: None, films: Path, tmp_path: Path, encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no graphics card"):
        embed_films(str(films), str(tmp_path / "a"), encoder, "cuda", Where(LOCAL))
    with pytest.raises(UserError, match="No machine of the Ray cluster has 64 processors"):
        embed_films(str(films), str(tmp_path / "b"), encoder, "cpu", Where(LOCAL, Workers(cpus=64)))
    monkeypatch.setattr("cxr_explorer.shards.run.Task", _of_another_version)
    with pytest.raises(UserError, match=r"the run version 0\.0\.9"):
        embed_films(str(films), str(tmp_path / "c"), encoder, "cpu", Where(LOCAL, Workers(cpus=1)))


def _of_another_version(*arguments: Any) -> Any:
    from cxr_explorer.shards.embedding import Task

    return Task(*arguments, program="0.0.9")


def test_without_ray_the_missing_package_is_named(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["embed", "--ray", str(films), str(tmp_path / "out")]) == 1  # FOLDER is not taken for the address
    assert 'pip install "cxr-explorer[cluster]"' in capsys.readouterr().err
