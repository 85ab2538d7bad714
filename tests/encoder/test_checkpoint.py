"""Checkpoint directories: what is read without torch, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cxr_explorer.encoder.checkpoint import (
    added_folder,
    bundled_encoders,
    damaged_encoders,
    default_encoder,
    encoder_key,
    encoder_of,
    encoder_with_key,
    known_encoders,
    read_encoder,
    write_description,
)
from cxr_explorer.errors import UserError
from cxr_explorer.images.preprocess import InputSpec

SPEC = InputSpec(96, "pad", 0.4, 0.2)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    facts = {"name": "tiny", "title": "A tiny encoder", "architecture": "resnet18", "training": "None."}
    write_description(tmp_path, dimension=512, spec=SPEC, weights_sha256="ab" * 32, **facts)
    (tmp_path / "weights.safetensors").write_bytes(b"")
    return tmp_path


def change(checkpoint: Path, **values: Any) -> None:
    path = checkpoint / "encoder.json"
    described = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps({key: value for key, value in described.items() if value != "gone"}), encoding="utf-8")


def test_what_was_written_is_read(checkpoint: Path) -> None:
    info = read_encoder(checkpoint)
    assert (info.name, info.title, info.architecture) == ("tiny", "A tiny encoder", "resnet18")
    assert (info.dimension, info.spec, info.description, info.directory) == (512, SPEC, "None.", checkpoint)
    assert info.key == encoder_key("tiny", "ab" * 32, SPEC)


def test_the_key_changes_with_weights_input_and_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [encoder_key("tiny", "ab" * 32, SPEC), encoder_key("tiny", "cd" * 32, SPEC)]
    keys += [encoder_key("tiny", "ab" * 32, spec) for spec in (InputSpec(96, "squash", 0.4, 0.2), InputSpec(128))]
    monkeypatch.setattr("cxr_explorer.encoder.checkpoint.RENDERING_VERSION", 999)
    keys.append(encoder_key("tiny", "ab" * 32, SPEC))
    assert len(set(keys)) == 5
    assert all(key.startswith("tiny-") and len(key) == len("tiny-") + 12 for key in keys)


def test_a_folder_without_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"encoder\.json is missing"):
        read_encoder(tmp_path)


def test_missing_weights_are_refused(checkpoint: Path) -> None:
    (checkpoint / "weights.safetensors").unlink()
    with pytest.raises(UserError, match="has no weights"):
        read_encoder(checkpoint)


def test_a_newer_format_is_refused_not_guessed_at(checkpoint: Path) -> None:
    change(checkpoint, format=2)
    with pytest.raises(UserError, match="newer version"):
        read_encoder(checkpoint)


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", "null", '{"format": "x"}', '{"format": 1}', '{"format": null}'])
def test_text_that_describes_nothing_is_refused(checkpoint: Path, text: str) -> None:
    (checkpoint / "encoder.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        read_encoder(checkpoint)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "gone"},
        {"name": 3},
        {"dimension": 0},
        {"dimension": "many"},
        {"input": "gone"},
        {"input": {"size_px": 96, "fit": "crop", "mean": 0, "std": 1}},
        {"input": {"size_px": 0, "fit": "pad", "mean": 0, "std": 1}},
        {"input": {"size_px": 96, "fit": "pad", "mean": 0, "std": 0}},
        {"weights_sha256": None},
    ],
)
def test_a_description_with_a_wrong_value_is_refused(checkpoint: Path, values: dict[str, Any]) -> None:
    change(checkpoint, **values)
    with pytest.raises(UserError, match="is damaged"):
        read_encoder(checkpoint)


def test_bytes_that_are_no_text_are_refused(checkpoint: Path) -> None:
    (checkpoint / "encoder.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read"):
        read_encoder(checkpoint)


def test_the_default_is_bundled_and_listed_first() -> None:
    assert bundled_encoders()[0] == default_encoder()
    for info in bundled_encoders():
        assert (info.directory / "MODEL_CARD.md").is_file()


@pytest.fixture
def added(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where added encoders lie: one named tiny."""
    monkeypatch.setattr("cxr_explorer.encoder.checkpoint.user_data_path", lambda *_, **__: checkpoint / "data")
    added_folder().mkdir(parents=True)
    shutil.copytree(checkpoint, added_folder() / "tiny", ignore=shutil.ignore_patterns("data"))
    return added_folder()


def test_an_added_encoder_is_known_by_name_and_by_key(added: Path) -> None:
    assert [info.name for info in known_encoders()] == [*(info.name for info in bundled_encoders()), "tiny"]
    info = encoder_of("tiny")
    assert info.directory == added / "tiny"
    assert encoder_with_key(info.key) == info
    assert encoder_with_key("tiny-000000000000") is None


def test_a_damaged_added_encoder_stops_nothing_and_is_listed(added: Path) -> None:
    (added / "tiny" / "encoder.json").write_text('{"format": 1}', encoding="utf-8")
    (added / "empty").mkdir()
    (added / "notes.txt").write_text("no folder", encoding="utf-8")
    assert known_encoders() == bundled_encoders()
    assert [folder.name for folder, _reason in damaged_encoders()] == ["empty", "tiny"]
    assert all("encoder.json" in reason for _folder, reason in damaged_encoders())
    with pytest.raises(UserError, match="is damaged"):
        encoder_of("tiny")


def test_a_name_that_nobody_added_is_told(added: Path) -> None:
    with pytest.raises(UserError, match=r"no encoder called rad-dino.*encoder list"):
        encoder_of("rad-dino")


def test_where_nobody_added_one_the_bundled_ones_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_explorer.encoder.checkpoint.user_data_path", lambda *_, **__: tmp_path / "none")
    assert known_encoders() == bundled_encoders()
    assert damaged_encoders() == []


def test_listing_encoders_needs_no_torch() -> None:
    script = (
        "import sys; from cxr_explorer.encoder.checkpoint import bundled_encoders; bundled_encoders();"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
