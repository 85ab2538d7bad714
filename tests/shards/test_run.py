"""Runs in one process: what lies in the shards, resuming, refusing a mix."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from cxr_explorer.encoder.checkpoint import EncoderInfo, default_encoder
from cxr_explorer.encoder.embed import Batch, Source, embed
from cxr_explorer.errors import UserError
from cxr_explorer.shards import embedding as embedding_module
from cxr_explorer.shards import manifest as manifest_module
from cxr_explorer.shards.manifest import read_manifest
from cxr_explorer.shards.run import EmbedReport, embed_films
from cxr_explorer.shards.store import Store
from tests.images.dicom_files import dicom, ramp
from tests.shards.films import draw, draw_films, rows_of, small_encoder, stamps_of


@pytest.fixture(scope="module")
def encoder() -> EncoderInfo:
    return small_encoder()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, encoder: EncoderInfo) -> Path:
    """A folder with `films` and a run `out` of them; copy it, and leave it as it is."""
    home = tmp_path_factory.mktemp("run")
    run(draw_films(home / "films"), home / "out", encoder)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


def run(films: Path | str, out: Path | str, encoder: EncoderInfo, **more: Any) -> EmbedReport:
    return embed_films(str(films), str(out), encoder, "cpu", shard_size=8, **more)


def test_every_film_has_a_row_and_an_unreadable_one_its_reason(made: Path, encoder: EncoderInfo) -> None:
    rows = rows_of(made / "out")
    paths = sorted(path.relative_to(made / "films").as_posix() for path in (made / "films").rglob("*.png"))
    assert sorted(row["path"] for row in rows) == paths
    (bad,) = [row for row in rows if row["reason"] is not None]
    assert (bad["path"], bad["embedding"], bad["thumbnail"]) == ("broken.png", None, None)
    assert "Damaged" in bad["reason"]
    good = {row["path"]: row for row in rows if row["reason"] is None}
    sources = [Source(number, made / "films" / path) for number, path in enumerate(good)]
    expected = [
        item
        for batch in embed(sources, encoder.directory, "cpu")
        if isinstance(batch, Batch)
        for item in batch.embedded
    ]
    for item in expected:
        row = good[list(good)[item.image_id]]
        assert (row["thumbnail"], row["digest"], row["height_px"]) == (item.thumbnail, item.digest, item.height_px)
        np.testing.assert_allclose(row["embedding"], item.embedding, atol=1e-4)  # an image's batch is another


def test_a_second_run_makes_nothing_anew(home: Path, encoder: EncoderInfo) -> None:
    before = stamps_of(home / "out")
    again = run(home / "films", home / "out", encoder)
    assert (again.images, again.embedded, again.reused) == (20, 0, 20)
    assert stamps_of(home / "out") == before


def test_only_the_shard_of_a_changed_film_is_made_anew(home: Path, encoder: EncoderInfo) -> None:
    before, rows = stamps_of(home / "out"), rows_of(home / "out")
    draw(home / "films" / rows[9]["path"], 99)
    run(home / "films", home / "out", encoder)
    after = stamps_of(home / "out")
    assert [name for name in after if after[name] != before[name]] == ["part-00001.parquet"]
    assert rows_of(home / "out")[9]["digest"] != rows[9]["digest"]


def test_a_missing_or_damaged_shard_is_made_again(home: Path, encoder: EncoderInfo) -> None:
    rows = rows_of(home / "out")
    (home / "out" / "part-00000.parquet").unlink()
    damaged = home / "out" / "part-00002.parquet"
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert run(home / "films", home / "out", encoder).reused == 8
    assert rows_of(home / "out") == rows


def test_unreadable_films_are_tried_again_when_asked(home: Path, encoder: EncoderInfo) -> None:
    before = stamps_of(home / "out")
    report = run(home / "films", home / "out", encoder, retry_failed=True)
    assert (report.reused, report.unreadable) == (16, 1)
    after = stamps_of(home / "out")
    assert len([name for name in after if after[name] != before[name]]) == 1
    assert [failure["file"] for failure in report.failed] == ["broken.png"]


def test_a_mix_is_refused(home: Path, encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stamps_of(home / "out")
    with pytest.raises(UserError, match="another encoder"):
        run(home / "films", home / "out", default_encoder())
    with pytest.raises(UserError, match="another size of shards"):
        embed_films(str(home / "films"), str(home / "out"), encoder, "cpu", shard_size=5)
    with monkeypatch.context() as patch:
        patch.setattr(manifest_module, "REDRAWN_VERSION", 99)
        with pytest.raises(UserError, match="another rendering"):
            run(home / "films", home / "out", encoder)
    draw(home / "films" / "more.png", 1)
    with pytest.raises(UserError, match=r"another list of films: 20 films .* 21 below"):
        run(home / "films", home / "out", encoder)
    (home / "out" / "run.json").unlink()
    with pytest.raises(UserError, match="no run"):
        run(home / "films", home / "out", encoder)
    assert stamps_of(home / "out") == before


def test_films_that_moved_with_their_times_are_the_same_run(home: Path, encoder: EncoderInfo) -> None:
    (home / "films").rename(home / "moved")
    assert run(home / "moved", home / "out", encoder).reused == 20
    assert read_manifest(Store(str(home / "out"))).prefix == str(home / "moved")


def test_a_film_that_is_gone_is_kept_with_its_reason(tmp_path: Path, encoder: EncoderInfo) -> None:
    draw_films(tmp_path / "films", 4)
    (tmp_path / "list.txt").write_text("films/a/01.png\nfilms/gone.png\n")
    report = run(tmp_path / "list.txt", tmp_path / "out", encoder)
    assert (report.embedded, report.unreadable) == (1, 1)
    row = rows_of(tmp_path / "out")[1]
    assert (row["path"], row["digest"]) == ("films/gone.png", None)
    assert "is gone" in row["reason"]


def test_films_and_shards_in_a_store_give_what_a_folder_gives(
    made: Path, encoder: EncoderInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_module, "MAX_FILE_BYTES", 5000)
    store = fsspec.filesystem("memory")
    for row in rows_of(made / "out"):
        store.pipe_file(f"/{tmp_path.name}/films/{row['path']}", (made / "films" / row["path"]).read_bytes())
    store.pipe_file(f"/{tmp_path.name}/films/large.png", b"1" * 6000)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    run(f"memory://{tmp_path.name}/films", f"memory://{tmp_path.name}/out", encoder)
    found = {row["path"]: row for row in rows_of(f"memory://{tmp_path.name}/out")}
    assert found.pop("large.png")["reason"] is not None
    expected = {row["path"]: row for row in rows_of(made / "out")}
    assert set(found) == set(expected)
    for path, row in found.items():
        for name in ("digest", "thumbnail", "facts", "reason", "height_px", "size_bytes"):
            assert row[name] == expected[path][name], (path, name)
        if row["embedding"] is not None:  # in another order, so in another batch
            np.testing.assert_allclose(row["embedding"], expected[path]["embedding"], atol=1e-4)
    assert list(tmp_path.iterdir()) == []  # what was fetched is gone


def test_a_store_that_gives_nothing_stops_the_run(
    tmp_path: Path, encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_module, "NONE_OF", 2)
    (tmp_path / "list.txt").write_text(f"memory://{tmp_path.name}/1.png\nmemory://{tmp_path.name}/2.png\n")
    with pytest.raises(UserError, match="None of 2 films can be read: The file is gone"):
        run(tmp_path / "list.txt", tmp_path / "out", encoder)
    assert Store(str(tmp_path / "out")).names() == {"run.json"}


@pytest.mark.skipif(os.name != "posix", reason="kills a process by signal")
def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path, made: Path) -> None:
    draw_films(tmp_path / "films", 60)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "cxr_explorer", "embed", str(tmp_path / "films"), str(out), "--shard-size", "8"]
    command += ["--encoder", "imagenet-lite0"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not (out / "part-00000.parquet").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stood = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    report = run(tmp_path / "films", out, small_encoder())
    assert report.reused == min(8 * len(stood), 60)
    assert stood.items() <= stamps_of(out).items()
    assert sorted(row["path"] for row in rows_of(out)) == sorted(
        path.relative_to(tmp_path / "films").as_posix() for path in (tmp_path / "films").rglob("*.png")
    )


def test_patients_are_marked_and_never_named(tmp_path: Path, encoder: EncoderInfo) -> None:
    (tmp_path / "films").mkdir()
    for number, patient in enumerate(("Miller-17", "Miller-17", "Smith-42")):
        film = dicom(ramp(), PatientID=patient, PatientBirthDate="19500307")
        (tmp_path / "films" / f"{number}.dcm").write_bytes(film)
    run(tmp_path / "films", tmp_path / "out", encoder)
    marks = [row["patient_mark"] for row in rows_of(tmp_path / "out")]
    assert marks[0] == marks[1] != marks[2]
    assert all(len(mark) == 8 for mark in marks)
    assert b"Miller" not in b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert read_manifest(Store(str(tmp_path / "out"))).patient_key
