"""Embedding files: order, errors as items, memory."""

from __future__ import annotations

import hashlib
import io
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cxr_explorer.encoder import embed as module
from cxr_explorer.encoder.checkpoint import EncoderInfo
from cxr_explorer.encoder.embed import Batch, Embedded, Item, Ready, Source, Starting, embed
from cxr_explorer.encoder.model import load_model
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import preprocess
from cxr_explorer.images.radiograph import Radiograph
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


def test_ready_comes_first_and_every_batch_is_announced_in_order(sources: list[Source], encoder: EncoderInfo) -> None:
    items = run(sources, encoder)
    assert isinstance(items[0], Ready)
    assert items[0].encoder_key == encoder.key
    assert items[0].device.startswith("cpu")
    announced: list[int] = []
    for item in items[1:]:
        if isinstance(item, Starting):
            announced += item.image_ids
        elif isinstance(item, Batch):
            assert {result.image_id for result in item.embedded} <= set(announced)
    ids = [source.image_id for source in sources]
    assert announced == ids
    assert [result.image_id for result in embedded(items)] == ids


def test_at_most_two_batches_are_open(sources: list[Source], encoder: EncoderInfo) -> None:
    open_batches = 0
    for item in run(sources, encoder, batch_size=2):
        open_batches += isinstance(item, Starting)
        open_batches -= isinstance(item, Batch)
        assert open_batches <= 2


def test_no_file_is_opened_before_it_is_announced(
    sources: list[Source], encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(module, "read", lambda path: opened.append(path) or read(path))
    items = embed(sources, encoder.directory, "cpu", 4)
    assert isinstance(next(items), Ready)
    assert isinstance(next(items), Starting)
    assert opened == []
    items.close()


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


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("Too dark. Try again."), "Too dark"),
        (IndexError("list index\nout of range"), r"\(IndexError\).*report"),
        (MemoryError(), "Not enough memory"),
        (RecursionError("deep"), "RecursionError"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
    ],
)
def test_whatever_a_reader_raises_is_the_files_item(
    sources: list[Source], encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def failing(path: Path) -> Radiograph:
        if path == sources[1].path:
            raise error
        return read(path)

    monkeypatch.setattr(module, "read", failing)
    items = run(sources[:3], encoder)
    assert [result.image_id for result in embedded(items)] == [100, 102]
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(unreadable(items)[101])


def test_pixels_that_are_not_numbers_are_unreadable(
    sources: list[Source], encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter([np.nan, 0.0, np.inf])
    lock = threading.Lock()

    def spoilt(radiograph: Radiograph, spec: object) -> object:
        with lock:
            return preprocess(radiograph, encoder.spec) + np.float32(next(calls))

    monkeypatch.setattr(module, "preprocess", spoilt)
    items = run(sources[:3], encoder)
    assert len(embedded(items)) == 1
    assert all("not numbers" in reason for reason in unreadable(items).values())


def test_embeddings_that_are_not_numbers_are_unreadable(
    sources: list[Source], encoder: EncoderInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(self: object, pixels: np.ndarray) -> np.ndarray:
        out = np.ones((len(pixels), 512), dtype=np.float32)
        out[1, 7] = np.nan
        return out

    monkeypatch.setattr(module._Encoder, "encode", spoilt)
    items = run(sources[:3], encoder)
    assert [result.image_id for result in embedded(items)] == [100, 102]
    assert "not numbers" in unreadable(items)[101]


def fails_above(limit: int, tried: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the network run out of memory on more than `limit` images a pass."""
    forward = module._Encoder._forward

    def limited(self: module._Encoder, pixels: torch.Tensor) -> np.ndarray:
        tried.append(len(pixels))
        if len(pixels) > limit:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return forward(self, pixels)

    monkeypatch.setattr(module._Encoder, "_forward", limited)


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

    monkeypatch.setattr(module._Encoder, "_forward", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(sources[:3], encoder)


def test_a_missing_encoder_is_the_users_to_know(sources: list[Source], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No encoder"):
        list(embed(sources, tmp_path))


def test_closing_early_leaves_no_threads_and_restores_torch(sources: list[Source], encoder: EncoderInfo) -> None:
    threads, before = threading.active_count(), torch.get_num_threads()
    items = embed(sources, encoder.directory, "cpu", 2)
    while not isinstance(next(items), Batch):
        pass
    items.close()
    assert threading.active_count() == threads
    assert torch.get_num_threads() == before
