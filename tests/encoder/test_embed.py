"""Embedding files: order, errors as items, memory."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cxr_explorer.encoder import embed as module
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch, Embedded, Item, Ready, Source, embed
from cxr_explorer.encoder.engine import TorchEngine
from cxr_explorer.encoder.model import load_model
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import preprocess
from cxr_explorer.images.read import read
from tests.encoder.test_model import save, seeded


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> EncoderInfo:
    return save(tmp_path_factory.mktemp("encoder"), seeded("resnet18"))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    found = []
    for i in range(11):
        small = random.integers(0, 256, size=(8, 8), dtype=np.uint8)
        Image.fromarray(small).resize((90, 70), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
        found.append(Source(100 + i, folder / f"{i}.png"))
    return found


def run(sources: list[Source], encoder: EncoderInfo, batch_size: int | None = 4) -> list[Item]:
    return list(embed(sources, encoder.directory, device="cpu", batch_size=batch_size))


def embedded(items: list[Item]) -> list[Embedded]:
    return [result for item in items if isinstance(item, Batch) for result in item.embedded]


def unreadable(items: list[Item]) -> dict[int, str]:
    return {bad.image_id: bad.reason for item in items if isinstance(item, Batch) for bad in item.unreadable}


def test_ready_comes_first_and_then_every_batch_in_order(sources: list[Source], encoder: EncoderInfo) -> None:
    items = run(sources, encoder)
    assert isinstance(items[0], Ready)
    assert items[0].encoder_key == encoder.key
    assert items[0].device.startswith("cpu")
    assert all(isinstance(item, Batch) for item in items[1:])
    assert [result.image_id for result in embedded(items)] == [source.image_id for source in sources]


def test_an_item_holds_the_encoders_output_and_the_facts_of_the_file(
    sources: list[Source], encoder: EncoderInfo
) -> None:
    result = embedded(run(sources, encoder))[3]
    data = sources[3].path.read_bytes()
    assert result.digest == hashlib.blake2b(data, digest_size=16).hexdigest()
    assert (result.height_px, result.width_px) == (70, 90)
    assert Image.open(io.BytesIO(result.thumbnail)).format == "JPEG"
    pixels = preprocess(read(sources[3].path), encoder.spec)
    with torch.inference_mode():
        expected = load_model(encoder, torch.device("cpu"))(torch.from_numpy(pixels[None]))[0]
    assert result.embedding.shape == (encoder.dimension,)
    assert result.embedding.dtype == np.float32
    np.testing.assert_allclose(result.embedding, expected.numpy(), rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_an_embedding_does_not_depend_on_its_batch(sources: list[Source], encoder: EncoderInfo) -> None:
    together = embedded(run(sources, encoder, batch_size=None))
    alone = embedded(run(sources, encoder, batch_size=1))
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.embedding, other.embedding, rtol=1e-4, atol=1e-4)


def test_nothing_to_embed(encoder: EncoderInfo) -> None:
    assert [type(item) for item in run([], encoder)] == [Ready]


def test_bad_files_are_items_among_good_ones(sources: list[Source], encoder: EncoderInfo, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture", encoding="utf-8")
    (tmp_path / "cut.png").write_bytes(sources[0].path.read_bytes()[:200])
    names = ("empty.png", "text.png", "cut.png", "absent.png", ".")
    bad = [Source(i, tmp_path / name) for i, name in enumerate(names)]
    items = run([bad[0], sources[0], *bad[1:], sources[1]], encoder, batch_size=3)
    assert [result.image_id for result in embedded(items)] == [100, 101]
    assert sorted(unreadable(items)) == [0, 1, 2, 3, 4]
    assert all(unreadable(items).values())


def test_what_the_surroundings_did_is_tried_once_more_and_is_no_verdict(
    sources: list[Source], encoder: EncoderInfo, tmp_path: Path
) -> None:
    away = Source(1, tmp_path / "away.png")
    back = Source(2, tmp_path / "back.png")
    items = []
    for item in embed([away, back, *sources[:3]], encoder.directory, "cpu", 2, tmp_path.parent):
        items.append(item)
        if isinstance(item, Batch) and item.postponed:
            assert [bad.digest for bad in item.postponed] == [None, None]
            back.path.write_bytes(sources[0].path.read_bytes())
    assert [result.image_id for result in embedded(items)] == [100, 101, 102, 2]
    ((bad,),) = [item.unreadable for item in items if isinstance(item, Batch) and item.unreadable]
    assert (bad.image_id, bad.digest) == (1, None)


def test_a_verdict_carries_the_digest_of_the_content(
    sources: list[Source], encoder: EncoderInfo, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_bytes(b"not a picture")
    items = run([Source(1, tmp_path / "text.png")], encoder)
    ((bad,),) = [item.unreadable for item in items if isinstance(item, Batch)]
    assert bad.digest == hashlib.blake2b(b"not a picture", digest_size=16).hexdigest()


@pytest.mark.parametrize("gone", [True, False])
def test_a_folder_that_goes_away_ends_the_run_in_one_line(
    sources: list[Source], encoder: EncoderInfo, tmp_path: Path, gone: bool
) -> None:
    folder = tmp_path / "drive"
    if not gone:
        folder.mkdir()  # the place where it was mounted
    away = [Source(number, folder / f"{number}.png") for number in range(50)]
    with pytest.raises(UserError, match="cannot be read any more"):
        list(embed([*sources[:2], *away], encoder.directory, "cpu", 4, folder))


def test_embeddings_that_are_not_numbers_are_the_encoders_fault(
    sources: list[Source], encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(self: object, pixels: np.ndarray) -> np.ndarray:
        out = np.ones((len(pixels), 512), dtype=np.float32)
        out[1, 7] = np.nan
        return out

    monkeypatch.setattr(module._Encoder, "_encode_part", spoilt)
    with pytest.raises(UserError, match=rf"{encoder.title}.*not numbers"):
        run(sources[:3], encoder)


def fails_above(limit: int, tried: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the network run out of memory on more than `limit` images a pass."""
    forward = TorchEngine._forward

    def limited(self: TorchEngine, pixels: torch.Tensor) -> np.ndarray:
        tried.append(len(pixels))
        if len(pixels) > limit:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return forward(self, pixels)

    monkeypatch.setattr(TorchEngine, "_forward", limited)


def test_running_out_of_memory_halves_the_batch_and_goes_on(
    sources: list[Source], encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = embedded(run(sources, encoder))
    tried: list[int] = []
    fails_above(2, tried, monkeypatch)
    items = run(sources[:8], encoder, batch_size=8)
    assert tried == [8, 4, 2, 2, 2, 2]
    for one, other in zip(embedded(items), expected, strict=False):
        assert one.image_id == other.image_id
        np.testing.assert_allclose(one.embedding, other.embedding, rtol=1e-4, atol=1e-4)


def test_memory_too_small_for_one_image_is_the_users_to_know(
    sources: list[Source], encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_above(0, [], monkeypatch)
    with pytest.raises(UserError, match="does not hold a single image"):
        run(sources[:3], encoder)


def test_another_runtime_error_is_a_bug_and_shows(
    sources: list[Source], encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(TorchEngine, "_forward", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(sources[:3], encoder)


def test_a_missing_encoder_is_the_users_to_know(sources: list[Source], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No encoder"):
        list(embed(sources, tmp_path))


def test_closing_early_leaves_no_threads_or_processes_and_restores_torch(
    sources: list[Source], encoder: EncoderInfo
) -> None:
    threads, before = threading.active_count(), torch.get_num_threads()
    items = embed(sources, encoder.directory, "cpu", 2)
    while not isinstance(next(items), Batch):
        pass
    items.close()
    assert threading.active_count() == threads
    assert multiprocessing.active_children() == []
    assert torch.get_num_threads() == before
